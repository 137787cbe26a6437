//! What can be shown on top of the panes.

use crate::base::Severity;
use crate::filter::Filter;
use crate::insight::statistics::{CallCounts, CallOrder, Calls, Slowest};
use crate::store::Store;
use crate::websocket::MessageKind;

use crate::view::cursor::Cursor;
use crate::view::graph::{Chart, Graph};
use crate::view::ladder::Ladder;
use crate::view::reading::Reading;
use crate::view::rows::{RowId, matches};
use crate::view::traffic::{Exchange, Traffic};

use super::lesson::Lesson;

/// A view.
#[derive(Debug)]
pub enum View {
    /// Every key; the number is the first line shown.
    Help(usize),
    /// A frame's header, bit by bit.
    Ruler(usize),
    /// The opening handshake.
    Handshake(usize),
    /// The conversation.
    Follow(Follow),
    /// What differs between two captures or connections.
    Compared(Compared),
    /// What is wrong, by severity.
    Findings(Cursor, Vec<u32>),
    /// Why each attempt failed.
    Diagnosis(Chosen),
    /// The capture in numbers; the number is the first line shown.
    Statistics(usize),
    /// The calls inside messages, by method.
    Calls(CallList),
    /// One field of a frame at a time.
    Lesson(Box<Lesson>),
    /// What else there is beside WebSockets.
    Traffic(TrafficList),
    /// Something that is read whole.
    Reading(Box<ReadingView>),
    /// What crossed between client and server, between two lifelines.
    Ladder(Box<LadderView>),
    /// What connections did over time.
    Graph(Box<GraphView>),
}

/// What connections did over time.
#[derive(Debug)]
pub struct GraphView {
    /// The connection it was opened for.
    pub connection: u32,
    /// Which of the charts has the keys.
    pub chart: Chart,
    /// The chosen column.
    pub at: usize,
    /// What is drawn.
    pub graph: Graph,
}

impl GraphView {
    /// Moves by columns; at the edge the time moves.
    pub fn step(&mut self, store: &Store, by: i64) {
        let last = self.graph.window().count.saturating_sub(1);
        let at = i64::try_from(self.at).unwrap_or(0).saturating_add(by);
        let inside = at.clamp(0, i64::try_from(last).unwrap_or(i64::MAX));
        self.at = usize::try_from(inside).unwrap_or(last);
        if at != inside {
            self.graph.scroll(store, at.saturating_sub(inside));
        }
    }
}

/// The place in the other traffic.
#[derive(Debug, Default)]
pub struct TrafficList {
    /// The place.
    pub cursor: Cursor,
    /// The connection around which it is listed; everything without one.
    pub of: Option<u32>,
    /// The rows around it.
    pub rows: Vec<u32>,
    /// Rows that were looked at for that.
    pub known: usize,
    /// Whether the place waits for the rows before the connection to be found.
    pub seeks: bool,
}

impl TrafficList {
    /// How many rows there are.
    #[must_use]
    pub fn len(&self, traffic: &Traffic) -> usize {
        match self.of {
            Some(_) => self.rows.len(),
            None => traffic.rows().len(),
        }
    }

    /// The index of the row at a place.
    #[must_use]
    pub fn index(&self, at: usize) -> Option<usize> {
        match self.of {
            Some(_) => self.rows.get(at).map(|row| *row as usize),
            None => Some(at),
        }
    }

    /// Takes in what was found meanwhile.
    pub fn fill(&mut self, store: &Store, traffic: &Traffic) {
        if let Some(connection) = self.of {
            self.rows
                .extend(traffic.around(store, connection, self.known));
        }
        self.known = traffic.rows().len();
    }
}

/// The ladder of a connection.
#[derive(Debug)]
pub struct LadderView {
    /// Whose.
    pub connection: u32,
    /// It.
    pub ladder: Ladder,
    /// The place among its rungs.
    pub cursor: Cursor,
}

/// Something that is read whole.
#[derive(Debug, Default)]
pub struct ReadingView {
    /// It.
    pub reading: Reading,
    /// The exchange that is still being read.
    pub exchange: Option<Exchange>,
    /// The view it was opened from.
    pub under: Option<Box<View>>,
    /// The lines that have what was searched for.
    pub hits: Vec<usize>,
}

/// The place in the diagnosis.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen {
    /// The attempt.
    pub cursor: Cursor,
    /// Which of its evidence, among that with a packet.
    pub evidence: usize,
    /// The first line shown of what is said about it.
    pub top: usize,
    /// Whether the evidence is to be brought on the screen.
    pub brings_up: bool,
}

/// The calls of the capture in an order, and the place among them.
#[derive(Debug, Default)]
pub struct CallList {
    /// The place.
    pub cursor: Cursor,
    /// What they are ordered by.
    pub order: CallOrder,
    /// A line a method.
    pub lines: Vec<CallLine>,
}

/// One method, with what is shown of its calls.
#[derive(Clone, Debug)]
pub struct CallLine {
    /// The protocol's id.
    pub protocol: &'static str,
    /// What requests ask for, as it was on the wire.
    pub method: String,
    /// How many.
    pub counts: CallCounts,
    /// Nanoseconds in which half of the requests got an answer.
    pub median: Option<u64>,
    /// Nanoseconds in which 99 of 100 did.
    pub p99: Option<u64>,
    /// The one that took longest.
    pub slowest: Option<Slowest>,
}

impl CallList {
    /// The lines anew, in this order.
    pub fn fill(&mut self, calls: &Calls, order: CallOrder) {
        self.order = order;
        let rows = calls.rows(order).into_iter();
        self.lines = rows
            .map(|row| CallLine {
                protocol: row.protocol,
                method: row.method.to_owned(),
                counts: row.of.counts,
                median: row.median,
                p99: row.p99,
                slowest: row.of.slowest,
            })
            .collect();
    }
}

/// What differs.
#[derive(Debug)]
pub struct Compared {
    /// Between what.
    pub title: String,
    /// What differs, once it is known.
    pub text: Option<String>,
    /// The first line shown.
    pub top: usize,
}

/// The conversation of a connection.
#[derive(Debug, Default)]
pub struct Follow {
    /// Whose.
    pub connection: u32,
    /// The place among its messages; the first one on the screen.
    pub cursor: Cursor,
    /// Whether pings, pongs and closes are left out.
    pub without_control: bool,
    /// Whether the applications' own pings and pongs are left out.
    pub without_heartbeats: bool,
    /// What messages must pass to be shown.
    pub filter: Option<Filter>,
    /// Which of them pass, as far as they were asked.
    pub passes: Vec<bool>,
}

impl Follow {
    /// Whether a message is shown.
    #[must_use]
    pub fn shows(&self, store: &Store, at: usize) -> bool {
        let entry = store.connection(self.connection);
        let Some(index) = entry.and_then(|entry| entry.messages.get(at)) else {
            return true;
        };
        let is_heartbeat = || {
            let summary = store.summary(index);
            summary.is_some_and(|summary| summary.is_heartbeat)
        };
        let is_data = || {
            store.message(index).is_none_or(|message| {
                matches!(message.kind, MessageKind::Text | MessageKind::Binary)
            })
        };
        let passes = self.filter.is_none() || self.passes.get(at) == Some(&true);
        passes
            && (!self.without_control || is_data())
            && !(self.without_heartbeats && is_heartbeat())
    }

    /// Whether the filter has messages left to ask.
    #[must_use]
    pub fn is_asking(&self, store: &Store) -> bool {
        self.filter.is_some() && self.passes.len() < self.len(store)
    }

    /// Asks the filter about up to `count` more messages.
    pub fn ask(&mut self, store: &Store, count: usize) {
        let (Some(filter), Some(entry)) = (&self.filter, store.connection(self.connection)) else {
            return;
        };
        let end = entry.messages.len().min(self.passes.len() + count);
        for at in self.passes.len()..end {
            let index = entry.messages.get(at);
            let passes = index.is_some_and(|index| matches(store, filter, RowId::Message(index)));
            // The first that is shown is selected, as it comes.
            if passes && !self.passes.get(self.cursor.at).copied().unwrap_or(false) {
                self.cursor.at = at;
            }
            self.passes.push(passes);
        }
    }

    /// Moves by messages that are shown.
    pub fn step(&mut self, store: &Store, by: isize) {
        let len = self.len(store);
        let mut left = by.unsigned_abs();
        let mut at = self.cursor.at;
        while left > 0 {
            let Some(next) = at
                .checked_add_signed(by.signum())
                .filter(|next| *next < len)
            else {
                break;
            };
            at = next;
            if self.shows(store, at) {
                self.cursor.at = at;
                left -= 1;
            }
        }
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self, store: &Store) -> usize {
        store
            .connection(self.connection)
            .map_or(0, |entry| entry.messages.len())
    }
}

/// The findings, the worst first.
#[must_use]
pub(super) fn by_severity(store: &Store) -> Vec<u32> {
    let mut order: Vec<u32> = (0..store.findings().len() as u32).collect();
    let severity = |index: &u32| {
        store
            .findings()
            .get(*index as usize)
            .map_or(Severity::Note, |record| record.finding.code.severity())
    };
    order.sort_by_key(|index| std::cmp::Reverse(severity(index)));
    order
}
