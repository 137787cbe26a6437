//! What messages carry, decoded again for the row someone looks at.
//!
//! A decoder's word on a message depends on those before it. So the engine's state is kept behind every
//! [`EVERY`]th message of a connection, and from there messages are decoded up to the one that is wanted. The state behind
//! the message asked for last is kept too: rows in order cost one decoding each.

use std::cell::RefCell;
use std::sync::Arc;

use crate::engine::{self, PayloadAs};
use crate::payload::{Conversation, Decoded, Schema};
use crate::websocket::{Message, MessageKind};

use super::index::{Entry, Store};
use super::record::MessageRecord;

/// Messages from one kept state to the next.
const EVERY: u64 = 256;

/// Whether the state behind this message is kept.
pub(super) fn is_kept_at(number: u64) -> bool {
    number.is_multiple_of(EVERY)
}

/// States of one connection's decoders, by the number of the message behind which they were.
#[derive(Debug, Default)]
pub(super) struct Snapshots(Vec<(u64, Box<Conversation>)>);

impl Snapshots {
    pub(super) fn push(&mut self, number: u64, state: Box<Conversation>) {
        self.0.push((number, state));
    }

    /// The last state before this message.
    fn before(&self, number: u64) -> Option<(u64, &Conversation)> {
        let count = self.0.partition_point(|(behind, _)| *behind < number);
        let (behind, state) = self.0.get(count.checked_sub(1)?)?;
        Some((*behind, state))
    }
}

/// What decoding needs besides the store's records.
#[derive(Debug, Default)]
pub(super) struct Decoding {
    forced: Vec<PayloadAs>,
    schema: Option<Arc<Schema>>,
    /// The state behind the message decoded last: its connection, its number.
    latest: RefCell<Option<(u32, u64, Box<Conversation>)>>,
}

impl Decoding {
    pub(super) fn new(forced: &[PayloadAs], schema: Option<&Arc<Schema>>) -> Self {
        Self {
            forced: forced.to_vec(),
            schema: schema.cloned(),
            latest: RefCell::new(None),
        }
    }
}

impl Store {
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
        let mut state = self.state_before(record.connection, entry, number);
        let decoded = engine::decode(&mut state, message, record.from, number, record.time);
        let answer = each(decoded.as_ref(), Some(&state));
        drop(decoded);
        *self.decoding.latest.borrow_mut() = Some((record.connection, number, state));
        answer
    }

    /// The state of a connection's decoders before a message.
    fn state_before(&self, connection: u32, entry: &Entry, number: u64) -> Box<Conversation> {
        let latest = self.decoding.latest.borrow_mut().take();
        let latest = latest.filter(|(of, behind, _)| *of == connection && *behind < number);
        let kept = entry.snapshots.before(number);
        let kept = kept.filter(|(kept, _)| latest.as_ref().is_none_or(|(_, at, _)| at < kept));
        let (mut behind, mut state) = match (kept, latest) {
            (Some((behind, state)), _) => (behind, Box::new(state.clone())),
            (None, Some((_, behind, state))) => (behind, state),
            (None, None) => {
                let Decoding { forced, schema, .. } = &self.decoding;
                let state = engine::conversation(&entry.connection, forced, schema.as_ref());
                (0, state)
            }
        };
        while behind + 1 < number {
            behind += 1;
            self.feed(connection, behind, &mut state);
        }
        state
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
