//! Requests that wait for their answers.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use super::message::Payload;
use crate::base::{Side, Timestamp};

/// Requests of one connection remembered until their answer comes; beyond it the oldest is forgotten.
const PENDING: usize = 512;
/// Bytes of a method's name remembered.
const METHOD: usize = 200;

/// Which part of a call a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CallRole {
    /// It asks.
    Request,
    /// It answers, one of several answers perhaps.
    Answer,
}

/// A request, or an answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The protocol.
    pub protocol: &'static str,
    /// Which part it is.
    pub role: CallRole,
    /// What the request asks for; empty when the request was not seen.
    pub method: Box<str>,
    /// The number of the message with the request, where this is its answer.
    pub request: Option<u64>,
    /// Nanoseconds from the request to this answer.
    pub time: Option<i64>,
    /// Whether the answer says that it failed.
    pub is_error: bool,
    /// Whether the answer's time is the request's: the first of several answers, of those that are more than "wait".
    pub is_timed: bool,
    /// Whether this is the first of the answers that says that the request failed.
    pub is_failure: bool,
}

/// A request without an answer so far.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pending {
    /// The protocol.
    pub protocol: &'static str,
    /// Who asked.
    pub from: Side,
    /// What for.
    pub method: Box<str>,
    /// The message's number; 0 when it was sent over HTTP, before the WebSocket.
    pub number: u64,
    /// When.
    pub time: Timestamp,
    /// Whether an answer came, and more may; or none need come.
    pub is_answered: bool,
    /// Whether one came that says how long the request took.
    pub is_timed: bool,
    /// Whether one came that says that it failed.
    pub has_failed: bool,
}

impl Pending {
    /// The number of its message, where the WebSocket carried it.
    #[must_use]
    pub fn message(&self) -> Option<u64> {
        (self.number != Payload::POLLED).then_some(self.number)
    }
}

/// What an answer is to its request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It says that another will come, or asks for something first.
    Provisional,
    /// One of several.
    Part {
        /// It says that the request failed.
        is_error: bool,
    },
    /// The last.
    Last {
        /// It says that the request failed.
        is_error: bool,
    },
}

impl Answer {
    /// Whether it says that the request failed.
    pub(super) fn is_error(self) -> bool {
        match self {
            Answer::Provisional => false,
            Answer::Part { is_error } | Answer::Last { is_error } => is_error,
        }
    }
}

/// The requests of one connection, by decoder, asking side and the protocol's own key.
#[derive(Clone, Debug, Default)]
pub(super) struct Calls {
    pending: HashMap<u64, Pending>,
    /// The keys in the order of asking; some may be answered already.
    order: VecDeque<u64>,
    /// A request without an answer was forgotten.
    has_forgotten: bool,
}

fn key_of(family: &'static str, from: Side, key: &[u8]) -> u64 {
    // The same in every run, so that the same input gives the same output.
    FixedState::default().hash_one((family, from, key))
}

impl Calls {
    /// A request; whether one with the same key was waiting.
    pub(super) fn ask(&mut self, family: &'static str, key: &[u8], pending: Pending) -> bool {
        let hash = key_of(family, pending.from, key);
        while self.pending.len() >= PENDING || self.order.len() >= PENDING * 2 {
            match self.order.pop_front() {
                Some(oldest) => self.has_forgotten |= self.pending.remove(&oldest).is_some(),
                None => break,
            }
        }
        self.order.push_back(hash);
        self.pending.insert(hash, pending).is_some()
    }

    /// The request that `from` answers with this key, as it was before. It waits on where more answers may come.
    pub(super) fn answer(
        &mut self,
        family: &'static str,
        from: Side,
        key: &[u8],
        answer: Answer,
    ) -> Option<Pending> {
        let hash = key_of(family, from.peer(), key);
        if matches!(answer, Answer::Last { .. }) {
            return self.pending.remove(&hash);
        }
        let pending = self.pending.get_mut(&hash)?;
        let before = pending.clone();
        pending.is_answered = true;
        pending.is_timed |= answer != Answer::Provisional;
        pending.has_failed |= answer.is_error();
        Some(before)
    }

    /// Takes back the request of `from` with this key.
    pub(super) fn withdraw(
        &mut self,
        family: &'static str,
        from: Side,
        key: &[u8],
    ) -> Option<Pending> {
        self.pending.remove(&key_of(family, from, key))
    }

    /// The request that `from` could answer with this key.
    pub(super) fn waiting(&self, family: &'static str, from: Side, key: &[u8]) -> Option<&Pending> {
        self.pending.get(&key_of(family, from.peer(), key))
    }

    /// Requests that wait for their first answer, in the order of asking.
    pub(super) fn pending(&self) -> Vec<&Pending> {
        let all = self.pending.values();
        let mut all: Vec<&Pending> = all.filter(|pending| !pending.is_answered).collect();
        all.sort_by_key(|pending| pending.number);
        all
    }

    /// Whether every request without an answer is remembered.
    pub(super) fn is_whole(&self) -> bool {
        !self.has_forgotten
    }

    pub(super) fn forget(&mut self) {
        *self = Self {
            has_forgotten: true,
            ..Self::default()
        };
    }

    pub(super) fn memory(&self) -> usize {
        // Counted after every message, so a method counts as long as it may be.
        let entry = size_of::<Pending>() + 8;
        let methods = self.pending.len() * METHOD;
        self.pending.capacity() * entry + self.order.capacity() * 8 + methods
    }
}

/// A method's name, as long as it is remembered.
pub(super) fn method(name: &str) -> Box<str> {
    let mut end = name.len().min(METHOD);
    while !name.is_char_boundary(end) {
        end -= 1;
    }
    name[..end].into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(number: u64) -> Pending {
        Pending {
            protocol: "x",
            from: Side::Client,
            method: "m".into(),
            number,
            time: Timestamp::default(),
            is_answered: false,
            is_timed: false,
            has_failed: false,
        }
    }

    #[test]
    fn an_answer_finds_its_request_once_or_often() {
        let part = Answer::Part { is_error: false };
        let last = Answer::Last { is_error: false };
        let mut calls = Calls::default();
        assert!(!calls.ask("x", b"1", asked(1)));
        assert!(calls.ask("x", b"1", asked(2)));
        assert_eq!(
            calls
                .answer("x", Side::Server, b"1", part)
                .map(|p| p.number),
            Some(2)
        );
        assert_eq!(calls.answer("x", Side::Client, b"1", last), None);
        assert!(calls.answer("x", Side::Server, b"1", last).is_some());
        assert_eq!(calls.answer("x", Side::Server, b"1", last), None);
    }

    #[test]
    fn the_first_answer_that_is_more_than_wait_times_the_request() {
        let mut calls = Calls::default();
        calls.ask("x", b"1", asked(1));
        let mut answer = |answer| {
            let before = calls.answer("x", Side::Server, b"1", answer)?;
            Some((before.is_timed, before.has_failed))
        };
        assert_eq!(answer(Answer::Provisional), Some((false, false)));
        assert_eq!(
            answer(Answer::Part { is_error: true }),
            Some((false, false))
        );
        assert_eq!(answer(Answer::Part { is_error: true }), Some((true, true)));
        assert_eq!(answer(Answer::Last { is_error: false }), Some((true, true)));
        assert_eq!(answer(Answer::Last { is_error: false }), None);
    }

    #[test]
    fn what_is_never_answered_is_bounded() {
        let mut calls = Calls::default();
        for number in 0..100_000u64 {
            calls.ask("x", &number.to_be_bytes(), asked(number));
            if number % 3 == 0 {
                let last = Answer::Last { is_error: false };
                calls.answer("x", Side::Server, &number.to_be_bytes(), last);
            }
        }
        assert!(calls.pending.len() <= PENDING && calls.order.len() <= PENDING * 2);
        assert!(calls.memory() < 250_000, "{}", calls.memory());
        assert!(
            calls
                .pending()
                .iter()
                .all(|pending| pending.number > 98_000)
        );
    }
}
