//! Finds rows by reading a capture once more: on every engine's thread, and told by their places in the index.
//!
//! Invariant: the index lists frames and messages in the order in which the parts of engines are merged, so a row's place
//! is how many rows of its kind were merged before it, whatever the number of threads.

use std::sync::Arc;

use crate::base::{Needs, Timestamp};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Sink};
use crate::export::{Selection, Show};
use crate::run::{Collected, Merger, Ordered};
use crate::store::{PendingRows, Row, Waits};
use crate::view::needle::{MOST, Needle};
use crate::view::rows::Kind;
use crate::view::sought::{By, Found, Sought};

/// Of each row of the kind that is sought, in order, whether it matches.
pub type Answers = Ordered<Vec<bool>>;

/// An engine's sink.
pub struct Finder {
    show: Show,
    asks: Asks,
    start: Timestamp,
    answers: Answers,
}

enum Asks {
    Filter(Box<Selection>, PendingRows),
    /// With the compressed frame that waits for the message it completes.
    Needle(Box<Needle>, Option<Moment>, Vec<u8>),
}

impl Finder {
    /// Finds what is sought in a capture whose first packet came at `start`.
    #[must_use]
    pub fn new(sought: &Sought, start: Timestamp) -> Self {
        let show = match sought.kind {
            Kind::Messages => Show::Messages,
            Kind::Frames | Kind::Packets => Show::Frames,
        };
        let asks = match &sought.by {
            By::Filter(filter, keys) => {
                let selection = Selection {
                    show,
                    filter: Some(filter.clone()),
                    numbers: Some(Arc::new(keys.iter().copied().collect())),
                    ..Selection::default()
                };
                let pending = selection.pending(Waits::default());
                Asks::Filter(Box::new(selection), pending)
            }
            By::Needle(needle) => Asks::Needle(Box::new(needle.clone()), None, Vec::new()),
        };
        Self {
            show,
            asks,
            start,
            answers: Answers::default(),
        }
    }

    fn answer(&mut self, matches: bool, at: Moment) {
        self.answers.content().push(matches);
        self.answers.end_piece(at);
    }

    /// Asks the filter about a row that is complete.
    fn ask(&mut self, row: Row<'_>) {
        let is_sought = match row {
            Row::Frame(..) => self.show == Show::Frames,
            Row::Message(..) => self.show == Show::Messages,
            Row::Finding(..) | Row::Connection(..) => false,
        };
        if let (true, Asks::Filter(selection, _)) = (is_sought, &self.asks) {
            let matches = selection.has(row, self.start);
            self.answer(matches, row.at());
        }
    }

    /// Has the rows that waited be asked.
    fn settle(&mut self, message: Option<&MessageEvent<'_>>, connection: &Connection) {
        let Asks::Filter(_, pending) = &mut self.asks else {
            return;
        };
        if let Some(waiting) = pending.settle() {
            waiting.emit(message, connection, &mut |row| self.ask(row));
        }
    }
}

/// What is looked at of a message.
fn bytes<'m>(event: &MessageEvent<'m>) -> &'m [u8] {
    let bytes = event.message.data.unwrap_or(event.message.beginning);
    &bytes[..bytes.len().min(MOST)]
}

impl Collected for Finder {
    type Part = Answers;

    fn exchange(&mut self, part: &mut Answers) {
        self.answers.exchange(part);
    }
}

impl Sink for Finder {
    fn needs(&self) -> Needs {
        match (&self.asks, self.show) {
            (Asks::Filter(selection, _), _) => selection.needs(),
            (Asks::Needle(..), Show::Messages) => Needs::MESSAGES,
            (Asks::Needle(..), _) => Needs::MESSAGES | Needs::PAYLOAD,
        }
    }

    fn opened(&mut self, connection: &Connection) {
        self.answers.opened(connection);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        match &mut self.asks {
            _ if self.show != Show::Frames => {}
            Asks::Filter(_, pending) => {
                if !pending.keeps_frame(event) {
                    self.ask(Row::Frame(event, connection));
                }
            }
            // What was compressed is looked for where it was inflated.
            Asks::Needle(_, waiting, _) if event.frame.compressed && event.message.is_some() => {
                *waiting = Some(event.at);
            }
            Asks::Needle(needle, _, buffer) => {
                let bytes = match event.frame.compressed {
                    true => None,
                    false => event.frame.preview(MOST, buffer),
                };
                let matches = bytes.is_some_and(|bytes| needle.is_in(bytes));
                self.answer(matches, event.at);
            }
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        match &mut self.asks {
            Asks::Filter(_, pending) => {
                if pending.keeps_message(event) {
                    return;
                }
                self.settle(Some(event), connection);
                self.ask(Row::Message(event, connection));
            }
            Asks::Needle(needle, waiting, _) => {
                let at = match self.show {
                    Show::Messages => Some(event.at),
                    _ => waiting.take(),
                };
                if let Some(at) = at {
                    let matches = needle.is_in(bytes(event));
                    self.answer(matches, at);
                }
            }
        }
    }

    fn finding(&mut self, event: &FindingEvent<'_>, _: Option<&Connection>) {
        if let Asks::Filter(_, pending) = &mut self.asks {
            pending.keeps_finding(event);
        }
    }

    fn settled(&mut self, connection: &Connection) {
        if let Asks::Needle(_, waiting, _) = &mut self.asks
            && let Some(at) = waiting.take()
        {
            self.answer(false, at);
        }
        self.settle(None, connection);
    }
}

/// Puts the answers of all engines in order.
#[derive(Debug, Default)]
pub struct Places {
    merger: Merger,
    asked: usize,
}

impl Places {
    /// What one batch adds.
    pub fn take(&mut self, id: u64, parts: &mut [Answers]) -> Found {
        let mut rows = Vec::new();
        let mut asked = self.asked;
        self.merger.merge(parts, |stretch| {
            for matches in &stretch.content[stretch.from..stretch.to] {
                if *matches {
                    rows.extend(u32::try_from(asked).ok());
                }
                asked += 1;
            }
        });
        self.asked = asked;
        Found {
            id,
            asked,
            rows,
            is_over: false,
        }
    }
}
