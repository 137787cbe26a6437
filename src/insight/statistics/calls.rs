//! Requests inside messages and their answers, by protocol and method.
//!
//! Bounded: of more methods than [`METHODS`] those are kept that come first by name, and the others only in the sums. A
//! method among the first of the whole capture is among the first of each of its parts at any time, so what is kept is
//! whole, whatever the number of engines.

use std::collections::BTreeMap;

use super::distribution::Distribution;
use crate::base::{PacketNumber, Timestamp};
use crate::engine::{Connection, MessageEvent};
use crate::payload::{Call, CallRole, Pending};

/// Methods kept of a capture; each has times of its own, in at most 32 KiB.
pub const METHODS: usize = 500;

/// How many calls there were.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CallCounts {
    /// Requests.
    pub requests: u64,
    /// Requests that got an answer which says that they failed.
    pub errors: u64,
    /// Requests that waited for an answer when their connection ended, or the capture did.
    pub unanswered: u64,
}

impl CallCounts {
    fn add(&mut self, other: CallCounts) {
        self.requests += other.requests;
        self.errors += other.errors;
        self.unanswered += other.unanswered;
    }

    fn without(self, other: CallCounts) -> CallCounts {
        CallCounts {
            requests: self.requests.saturating_sub(other.requests),
            errors: self.errors.saturating_sub(other.errors),
            unanswered: self.unanswered.saturating_sub(other.unanswered),
        }
    }
}

/// An answer that took long.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Slowest {
    /// Nanoseconds from the request to this answer.
    pub nanoseconds: u64,
    /// The packet with the last bytes of the answer.
    pub packet: PacketNumber,
    /// The number of the answer in its connection.
    pub message: u64,
    /// The number of the request in its connection.
    pub request: u64,
    /// The connection: its first packet, and its place among the connections of its flow.
    pub connection: (PacketNumber, u32),
    /// When the answer came.
    pub time: Timestamp,
}

impl Slowest {
    /// Orders by time; of equals the one that was complete first is greater.
    fn rank(&self) -> impl Ord + use<> {
        let earlier = std::cmp::Reverse((self.packet, self.connection, self.message));
        (self.nanoseconds, earlier)
    }
}

/// The calls of one method.
#[derive(Clone, Debug, Default)]
pub struct Method {
    /// How many.
    pub counts: CallCounts,
    /// Nanoseconds from a request to its first answer; one that only says that another will come is none.
    pub times: Distribution,
    /// The one that took longest.
    pub slowest: Option<Slowest>,
}

impl Method {
    fn add(&mut self, other: &Method) {
        self.counts.add(other.counts);
        self.times.merge(&other.times);
        if let Some(slowest) = other.slowest {
            self.slow(slowest);
        }
    }

    fn slow(&mut self, other: Slowest) {
        if self
            .slowest
            .is_none_or(|slowest| other.rank() > slowest.rank())
        {
            self.slowest = Some(other);
        }
    }
}

/// Which methods come first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallOrder {
    /// Those with the most requests.
    #[default]
    Count,
    /// Those with the most errors.
    Errors,
    /// Those with the most requests without an answer.
    Unanswered,
    /// Those with the greatest median.
    Median,
    /// Those with the greatest 99th percentile.
    P99,
    /// Those with the slowest answer.
    Slowest,
    /// By protocol, then by name.
    Name,
}

/// One method, for those who show it.
#[derive(Clone, Copy, Debug)]
pub struct CallRow<'a> {
    /// The protocol's id.
    pub protocol: &'static str,
    /// What requests ask for, as it was on the wire; empty for answers whose requests were not seen.
    pub method: &'a str,
    /// Its calls.
    pub of: &'a Method,
    /// The time that half of the requests got an answer in.
    pub median: Option<u64>,
    /// The time that 99 of 100 requests got an answer in.
    pub p99: Option<u64>,
}

impl CallRow<'_> {
    fn value(&self, order: CallOrder) -> u64 {
        let counts = self.of.counts;
        match order {
            CallOrder::Name => 0,
            CallOrder::Count => counts.requests,
            CallOrder::Errors => counts.errors,
            CallOrder::Unanswered => counts.unanswered,
            CallOrder::Median => self.median.unwrap_or(0),
            CallOrder::P99 => self.p99.unwrap_or(0),
            CallOrder::Slowest => self.of.slowest.map_or(0, |slow| slow.nanoseconds),
        }
    }
}

/// The calls of a capture.
#[derive(Clone, Debug, Default)]
pub struct Calls {
    methods: BTreeMap<&'static str, BTreeMap<Box<str>, Method>>,
    /// Methods kept.
    kept: usize,
    /// Whether methods were given up.
    has_others: bool,
    all: CallCounts,
}

impl Calls {
    /// Takes the requests and answers of a message whose last bytes came in this packet.
    pub fn message(
        &mut self,
        event: &MessageEvent<'_>,
        packet: PacketNumber,
        connection: &Connection,
    ) {
        for call in event.decoded.iter().flat_map(|decoded| &decoded.calls) {
            self.call(call, event, packet, connection);
        }
    }

    fn call(
        &mut self,
        call: &Call,
        event: &MessageEvent<'_>,
        packet: PacketNumber,
        connection: &Connection,
    ) {
        let counts = CallCounts {
            requests: u64::from(call.role == CallRole::Request),
            errors: u64::from(call.is_failure),
            unanswered: 0,
        };
        let time = call.time.filter(|_| call.is_timed);
        let slow = time.zip(call.request).map(|(time, request)| Slowest {
            nanoseconds: u64::try_from(time).unwrap_or(0),
            packet,
            message: event.number,
            request,
            connection: (connection.first_packet, connection.ordinal),
            time: event.at.time,
        });
        if counts == CallCounts::default() && slow.is_none() {
            return;
        }
        self.all.add(counts);
        self.with(call.protocol, &call.method, |method| {
            method.counts.add(counts);
            if let Some(slow) = slow {
                method.times.add(slow.nanoseconds);
                method.slow(slow);
            }
        });
    }

    /// Takes a request that waited for an answer when its connection ended.
    pub fn unanswered(&mut self, call: &Pending) {
        self.all.unanswered += 1;
        self.with(call.protocol, &call.method, |method| {
            method.counts.unanswered += 1;
        });
    }

    /// Adds those of another engine.
    pub fn merge(&mut self, other: &Calls) {
        self.all.add(other.all);
        self.has_others |= other.has_others;
        for (protocol, methods) in &other.methods {
            for (name, method) in methods {
                self.with(protocol, name, |mine| mine.add(method));
            }
        }
    }

    fn with(&mut self, protocol: &'static str, name: &str, change: impl FnOnce(&mut Method)) {
        let methods = self.methods.entry(protocol).or_default();
        if let Some(method) = methods.get_mut(name) {
            return change(method);
        }
        let method = methods.entry(name.into()).or_default();
        change(method);
        self.kept += 1;
        if self.kept > METHODS {
            self.give_up_last();
        }
    }

    fn give_up_last(&mut self) {
        let Some(mut last) = self.methods.last_entry() else {
            return;
        };
        last.get_mut().pop_last();
        if last.get().is_empty() {
            last.remove();
        }
        self.kept -= 1;
        self.has_others = true;
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.methods.is_empty()
    }

    /// All calls, those of methods that are not kept too.
    #[must_use]
    pub fn all(&self) -> CallCounts {
        self.all
    }

    /// Calls of the methods beyond [`METHODS`]; `None` where every method is kept.
    #[must_use]
    pub fn others(&self) -> Option<CallCounts> {
        let kept = self.methods.values().flat_map(BTreeMap::values);
        let mut sum = CallCounts::default();
        kept.for_each(|method| sum.add(method.counts));
        self.has_others.then(|| self.all.without(sum))
    }

    /// The methods, of equals by protocol and name.
    #[must_use]
    pub fn rows(&self, order: CallOrder) -> Vec<CallRow<'_>> {
        let mut rows = Vec::with_capacity(self.kept);
        for (protocol, methods) in &self.methods {
            rows.extend(methods.iter().map(|(method, of)| CallRow {
                protocol,
                method,
                of,
                median: of.times.percentile(0.5),
                p99: of.times.percentile(0.99),
            }));
        }
        rows.sort_by_key(|row| std::cmp::Reverse(row.value(order)));
        rows
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Side;

    fn pending(method: &str) -> Pending {
        Pending {
            protocol: "x",
            from: Side::Client,
            method: method.into(),
            number: 1,
            time: Timestamp::default(),
            is_answered: false,
            is_timed: false,
            has_failed: false,
        }
    }

    fn took(calls: &mut Calls, name: &str, nanoseconds: u64, packet: u64) {
        calls.all.requests += 1;
        calls.with("x", name, |method| {
            method.counts.requests += 1;
            method.times.add(nanoseconds);
            method.slow(Slowest {
                nanoseconds,
                packet: PacketNumber(packet),
                message: 2,
                request: 1,
                connection: (PacketNumber(1), 0),
                time: Timestamp::default(),
            });
        });
    }

    fn told(calls: &Calls) -> String {
        let rows = calls.rows(CallOrder::Count);
        let rows: Vec<_> = rows
            .iter()
            .map(|row| (row.method, row.of.counts, row.median, row.of.slowest))
            .collect();
        format!("{rows:?} {:?}", calls.others())
    }

    #[test]
    fn parts_add_up_to_the_whole_however_many_methods() {
        let mut whole = Calls::default();
        let mut parts = [Calls::default(), Calls::default(), Calls::default()];
        for at in 0..20_000u64 {
            let name = format!("m{}", at * 7919 % 1301);
            let part = &mut parts[(at % 1301 % 3) as usize];
            for calls in [&mut whole, part] {
                took(calls, &name, at % 997, at);
                if at % 5 == 0 {
                    calls.unanswered(&pending(&name));
                }
            }
        }
        assert_eq!(whole.rows(CallOrder::Name).len(), METHODS);
        assert_eq!(whole.all().unanswered, 4000);
        let mut merged = Calls::default();
        parts.iter().for_each(|part| merged.merge(part));
        assert_eq!(told(&merged), told(&whole));
        let mut turned = Calls::default();
        parts.iter().rev().for_each(|part| turned.merge(part));
        assert_eq!(told(&turned), told(&whole));
    }

    #[test]
    fn the_slowest_of_equals_is_the_earliest() {
        let mut calls = Calls::default();
        for (nanoseconds, packet) in [(5, 30), (9, 20), (9, 10), (1, 5)] {
            took(&mut calls, "m", nanoseconds, packet);
        }
        took(&mut calls, "fast", 1, 40);
        let rows = calls.rows(CallOrder::Slowest);
        let slowest = rows[0].of.slowest.unwrap();
        assert_eq!((slowest.nanoseconds, slowest.packet.0), (9, 10));
        assert_eq!(rows[0].median, Some(5));
        assert_eq!(calls.rows(CallOrder::Name)[0].method, "fast");
        assert_eq!(calls.others(), None);
    }
}
