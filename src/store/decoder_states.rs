//! The states of decoders that are kept, from which messages are decoded again.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::sync::Arc;

use crate::engine::PayloadAs;
use crate::payload::{CallRole, Conversation, Decoded, Schema};

/// Messages from one kept state to the next.
const EVERY: u64 = 256;
/// Connections whose latest state is kept.
const LATEST: usize = 64;
/// Messages whose words are kept: some screens of them.
pub(super) const WORDS: usize = 4096;
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

    pub(super) fn clear(&self) {
        self.0.borrow_mut().clear();
    }

    /// The number of the last message before this one behind which a state is kept.
    pub(super) fn nearest(&self, number: u64) -> Option<u64> {
        let states = self.0.borrow();
        let count = states.partition_point(|(behind, _)| *behind < number);
        Some(states.get(count.checked_sub(1)?)?.0)
    }

    pub(super) fn state(&self, behind: u64) -> Option<Box<Conversation>> {
        let states = self.0.borrow();
        let at = states.binary_search_by_key(&behind, |(behind, _)| *behind);
        Some(states.get(at.ok()?)?.1.clone())
    }
}

/// A state, and the number of the message behind which it is.
pub(super) type Latest = (u64, Box<Conversation>);

/// What decoding needs besides the store's records.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    pub(super) forced: Vec<PayloadAs>,
    pub(super) schema: Option<Arc<Schema>>,
    /// The state behind the message decoded last, of each connection.
    pub(super) latest: RefCell<HashMap<u32, Latest>>,
    pub(super) words: RefCell<HashMap<u32, Option<Arc<Summary>>>>,
    /// A message that somebody looks at and that is far from every state: its connection, its number.
    pub(super) wanted: Cell<Option<(u32, u64)>>,
}

impl Decoding {
    pub(super) fn new(forced: &[PayloadAs], schema: Option<&Arc<Schema>>) -> Self {
        Self {
            forced: forced.to_vec(),
            schema: schema.cloned(),
            ..Self::default()
        }
    }

    pub(super) fn keep_latest(&self, connection: u32, behind: u64, state: Box<Conversation>) {
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
    pub(super) fn new(decoded: &Decoded<'_>) -> Self {
        Self {
            stack: decoded.stack_words(),
            summary: decoded.summary.clone(),
            says_more: decoded.says_more(),
            is_heartbeat: decoded.is_heartbeat(),
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
