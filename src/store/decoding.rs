//! What messages carry, decoded again for the row someone looks at.
//!
//! A decoder's word on a message depends on those before it. So states are kept behind every [`EVERY`]th message of a
//! connection, those of the engine or those that came about here, and from there messages are decoded up to the one that is
//! wanted. The states behind the messages asked for last are kept too: rows in order cost one decoding each.
//!
//! Far from every state that is kept, a list waits: [`Store::summary`] says nothing, and [`Store::decode_on`] goes on towards
//! what it asked for, in slices.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::base::Needs;
use crate::engine::{self, PayloadAs};
use crate::payload::{CallRole, Conversation, Decoded, Schema};
use crate::websocket::{Message, MessageKind};

use super::index::{Entry, Store};
use super::record::MessageRecord;
use super::row::Row;

/// Messages from one kept state to the next.
const EVERY: u64 = 256;
/// Messages that are decoded while somebody waits for one.
const NEAR: u64 = 1024;
/// Connections whose latest state is kept.
const LATEST: usize = 64;
/// Messages whose words are kept: some screens of them.
const WORDS: usize = 4096;
/// Messages behind a request that are looked at for its answer.
const ANSWERS: u64 = 4096;
/// What the words of a message are made from.
const OF_WORDS: Needs = Needs::MESSAGES.with(Needs::INFLATED).with(Needs::DECODED);

/// Whether the state behind this message is kept.
pub(super) fn is_kept_at(number: u64) -> bool {
    number.is_multiple_of(EVERY)
}

/// States of one connection's decoders, by the number of the message behind which they were.
#[derive(Debug, Default)]
pub(super) struct Snapshots(RefCell<Vec<(u64, Box<Conversation>)>>);

impl Snapshots {
    pub(super) fn push(&self, number: u64, state: Box<Conversation>) {
        let mut states = self.0.borrow_mut();
        let at = states.partition_point(|(behind, _)| *behind < number);
        if states.get(at).is_none_or(|(behind, _)| *behind != number) {
            states.insert(at, (number, state));
        }
    }

    fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// The number of the last message before this one behind which a state is kept.
    fn nearest(&self, number: u64) -> Option<u64> {
        let states = self.0.borrow();
        let count = states.partition_point(|(behind, _)| *behind < number);
        Some(states.get(count.checked_sub(1)?)?.0)
    }

    fn state(&self, behind: u64) -> Option<Box<Conversation>> {
        let states = self.0.borrow();
        let at = states.binary_search_by_key(&behind, |(behind, _)| *behind);
        Some(states.get(at.ok()?)?.1.clone())
    }
}

/// A state, and the number of the message behind which it is.
type Latest = (u64, Box<Conversation>);

/// What decoding needs besides the store's records.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    forced: Vec<PayloadAs>,
    schema: Option<Arc<Schema>>,
    /// The state behind the message decoded last, of each connection.
    latest: RefCell<HashMap<u32, Latest>>,
    words: RefCell<HashMap<u32, Option<Arc<Summary>>>>,
    /// A message that somebody looks at and that is far from every state: its connection, its number.
    wanted: Cell<Option<(u32, u64)>>,
}

impl Decoding {
    pub(super) fn new(forced: &[PayloadAs], schema: Option<&Arc<Schema>>) -> Self {
        Self {
            forced: forced.to_vec(),
            schema: schema.cloned(),
            ..Self::default()
        }
    }

    fn keep_latest(&self, connection: u32, behind: u64, state: Box<Conversation>) {
        let mut latest = self.latest.borrow_mut();
        if latest.len() >= LATEST && !latest.contains_key(&connection) {
            latest.clear();
        }
        latest.insert(connection, (behind, state));
    }
}

/// What a message carries, in the words of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// The protocols, outermost first: `sockjs > stomp`.
    pub stack: String,
    /// One line, escaped.
    pub summary: String,
    /// Whether that says more than the message's own text.
    pub says_more: bool,
    /// Whether it is an application's own ping or pong.
    pub is_heartbeat: bool,
    /// The number of the message that it answers.
    pub request: Option<u64>,
    /// Nanoseconds from that request.
    pub time: Option<i64>,
    /// Whether it asks for something.
    pub is_request: bool,
    /// Whether it says that the request failed.
    pub is_error: bool,
}

impl Summary {
    fn new(decoded: &Decoded<'_>) -> Self {
        Self {
            stack: decoded.stack_words(),
            summary: decoded.summary.clone(),
            says_more: decoded.says_more(),
            is_heartbeat: decoded.heartbeat.is_some(),
            request: decoded.request(),
            time: decoded.time(),
            is_request: decoded
                .calls
                .iter()
                .any(|call| call.role == CallRole::Request),
            is_error: decoded.calls.iter().any(|call| call.is_error),
        }
    }
}

impl Store {
    /// What a message carries; `None` where nothing is recognised, or decoding is not that far yet.
    #[must_use]
    pub fn summary(&self, index: u32) -> Option<Arc<Summary>> {
        if let Some(known) = self.decoding.words.borrow().get(&index) {
            return known.clone();
        }
        if !self.is_near(index) {
            let record = self.message(index)?;
            let wanted = Some((record.connection, u64::from(record.number)));
            self.decoding.wanted.set(wanted);
            return None;
        }
        let words = self.with_message(index, OF_WORDS, |row| match row {
            Row::Message(event, _) => event.decoded.map(Summary::new).map(Arc::new),
            _ => None,
        });
        let words = words.flatten();
        let mut all = self.decoding.words.borrow_mut();
        if all.len() >= WORDS {
            all.clear();
        }
        all.insert(index, words.clone());
        words
    }

    /// The message on the other side of a call: the request that a message answers, or the first answer to a request.
    #[must_use]
    pub fn counterpart(&self, index: u32) -> Option<u32> {
        let record = self.message(index)?;
        let (connection, number) = (record.connection, u64::from(record.number));
        let request = |index| {
            let request = self.with_message(index, OF_WORDS, |row| match row {
                Row::Message(event, _) => event.decoded.and_then(Decoded::request),
                _ => None,
            });
            request.flatten()
        };
        if let Some(request) = request(index) {
            return self.message_of(connection, request);
        }
        let after = (number + 1..=number + ANSWERS).map_while(|at| self.message_of(connection, at));
        after.into_iter().find(|at| request(*at) == Some(number))
    }

    /// Whether a message can be decoded while somebody waits.
    #[must_use]
    pub fn is_near(&self, index: u32) -> bool {
        let Some(record) = self.message(index) else {
            return false;
        };
        let number = u64::from(record.number);
        number <= self.nearest(record.connection, number) + NEAR
    }

    /// Whether someone waits for a message that is far from every state.
    #[must_use]
    pub fn is_decoding(&self) -> bool {
        self.decoding.wanted.get().is_some()
    }

    /// Decodes this many messages more towards the one that is waited for; whether it is near now.
    pub fn decode_on(&self, count: u64) -> bool {
        let Some((connection, number)) = self.decoding.wanted.take() else {
            return true;
        };
        let Some(entry) = self.connection(connection) else {
            return true;
        };
        let (behind, state) = self.nearest_state(connection, entry, number);
        let until = number.min(behind.saturating_add(count));
        let (behind, state) = self.fed(connection, entry, (behind, state), until);
        self.decoding.keep_latest(connection, behind, state);
        let is_near = number <= behind + NEAR;
        if !is_near {
            self.decoding.wanted.set(Some((connection, number)));
        }
        is_near
    }

    /// Has a connection be read as a protocol from now on, or with `None` as what it seems to be.
    pub fn read_as(&mut self, connection: u32, protocol: Option<&'static str>) {
        let Some(entry) = self.connections().get(connection as usize) else {
            return;
        };
        let of =
            engine::PayloadOf::Connection(entry.connection.first_packet, entry.connection.ordinal);
        entry.snapshots.clear();
        let forced = &mut self.decoding.forced;
        forced.retain(|force| force.of != of);
        // What is said first counts.
        forced.splice(0..0, protocol.map(|protocol| PayloadAs { protocol, of }));
        self.decoding.latest.get_mut().clear();
        self.decoding.words.get_mut().clear();
    }

    /// Calls `each` with what a message carries and the state of the decoders behind it, as the engine would.
    pub(super) fn with_decoded<R>(
        &self,
        record: &MessageRecord,
        message: &Message<'_>,
        each: impl FnOnce(Option<&Decoded<'_>>, Option<&Conversation>) -> R,
    ) -> R {
        let Some(entry) = self.connection(record.connection) else {
            return each(None, None);
        };
        let number = u64::from(record.number);
        let nearest = self.nearest_state(record.connection, entry, number);
        let (_, mut state) = self.fed(record.connection, entry, nearest, number);
        let decoded = engine::decode(&mut state, message, record.from, number, record.time);
        let answer = each(decoded.as_ref(), Some(&state));
        drop(decoded);
        self.decoding.keep_latest(record.connection, number, state);
        answer
    }

    /// The number of the last message before this one behind which a state is at hand.
    fn nearest(&self, connection: u32, number: u64) -> u64 {
        let latest = self.decoding.latest.borrow();
        let latest = latest.get(&connection).map(|(behind, _)| *behind);
        let latest = latest.filter(|behind| *behind < number);
        let entry = self.connection(connection);
        let kept = entry.and_then(|entry| entry.snapshots.nearest(number));
        latest.max(kept).unwrap_or(0)
    }

    /// The state of a connection's decoders that is nearest before a message.
    fn nearest_state(&self, connection: u32, entry: &Entry, number: u64) -> Latest {
        let behind = self.nearest(connection, number);
        let latest = self.decoding.latest.borrow_mut().remove(&connection);
        match latest {
            Some((at, state)) if at == behind => (behind, state),
            _ => match entry.snapshots.state(behind) {
                Some(state) => (behind, state),
                None => {
                    let Decoding { forced, schema, .. } = &self.decoding;
                    let state = engine::conversation(&entry.connection, forced, schema.as_ref());
                    (0, state)
                }
            },
        }
    }

    /// A state that has seen the messages before this one.
    fn fed(
        &self,
        connection: u32,
        entry: &Entry,
        (mut behind, mut state): Latest,
        number: u64,
    ) -> Latest {
        while behind + 1 < number {
            behind += 1;
            self.feed(connection, behind, &mut state);
            if is_kept_at(behind) {
                entry.snapshots.push(behind, state.clone());
            }
        }
        (behind, state)
    }

    /// Has the decoders see a message.
    fn feed(&self, connection: u32, number: u64, state: &mut Conversation) {
        let index = self.message_of(connection, number);
        let Some(record) = index.and_then(|index| self.message(index)) else {
            return;
        };
        if matches!(record.kind, MessageKind::Ping | MessageKind::Pong) {
            return;
        }
        self.with_seen(&record, |message| {
            engine::decode(state, message, record.from, number, record.time);
        });
    }
}
