//! What messages carry, decoded again for the row someone looks at.
//!
//! A decoder's word on a message depends on those before it. So states are kept behind every 256th message of a
//! connection, those of the engine or those that came about here, and from there messages are decoded up to the one that is
//! wanted. The states behind the messages asked for last are kept too: rows in order cost one decoding each.
//!
//! Far from every state that is kept, a list waits: [`Store::summary`] says nothing, and [`Store::decode_on`] goes on towards
//! what it asked for, in slices.

use std::sync::Arc;

use crate::base::Needs;
use crate::engine::{self, PayloadAs};
use crate::payload::{Conversation, Decoded};
use crate::websocket::{Message, MessageKind};

use super::decoder_states::{Decoding, Latest, Summary, WORDS, is_kept_at};
use super::index::{Entry, Store};
use super::record::MessageRecord;
use super::row::Row;

/// Messages that are decoded while somebody waits for one.
const NEAR: u64 = 1024;
/// Messages behind a request that are looked at for its answer.
const ANSWERS: u64 = 4096;
/// What the words of a message are made from.
const OF_WORDS: Needs = Needs::MESSAGES.with(Needs::INFLATED).with(Needs::DECODED);

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

    /// Connections that are read as a protocol that somebody named.
    #[must_use]
    pub fn forced(&self) -> &[PayloadAs] {
        &self.decoding.forced
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
