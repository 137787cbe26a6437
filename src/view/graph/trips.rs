//! How long round trips took: from a ping to its pong, from a call inside messages to its answer, from SYN to SYN, ACK.

use crate::base::{Limits, Timestamp};
use crate::store::Store;
use crate::wire::{TcpFlags, Walker};

use super::window::{Of, Window, place, places};

/// Connections whose messages are decoded together: the index keeps the decoders of as many.
const DECODED: usize = 64;
/// Packets of a flow among which its opening is.
const OPENING: usize = 6;

/// What went there and back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TripKind {
    /// A request inside messages, and its answer.
    Call,
    /// A ping and its pong.
    Ping,
    /// TCP's SYN and the SYN, ACK.
    Tcp,
}

impl TripKind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            TripKind::Call => "call",
            TripKind::Ping => "ping",
            TripKind::Tcp => "TCP handshake",
        }
    }
}

/// One that came back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Trip {
    /// When it came back.
    pub time: Timestamp,
    /// How long it took, in nanoseconds.
    pub took: i64,
    /// What.
    pub kind: TripKind,
    /// Of which connection.
    pub connection: u32,
    /// The message that came back, by its index.
    pub message: Option<u32>,
}

/// Round trips of one kind that came back in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Group {
    /// How many.
    pub count: u64,
    /// How long the shortest took, in nanoseconds.
    pub shortest: i64,
    /// The longest.
    pub longest: Trip,
}

/// The kinds in the order in which groups have them.
pub(super) const KINDS: usize = 3;

/// Those of a window, by bucket: memory goes with the columns, however many there are.
#[derive(Debug, Default)]
pub(super) struct Trips {
    groups: Vec<[Option<Group>; KINDS]>,
    /// Connections to look at, by their place among those drawn.
    openings: (usize, usize),
    /// Messages to look at, by their place.
    messages: (usize, usize),
    looked: usize,
    decodes: bool,
}

impl Trips {
    pub(super) fn new(store: &Store, of: &Of, window: Window) -> Self {
        let len = match of {
            Of::One(one) => store
                .connection(*one)
                .map_or(0, |entry| entry.messages.len()),
            Of::Some(_) | Of::All => store.message_count(),
        };
        let messages = places(len, window, |at| {
            let index = place(store, of, at, true)?;
            store.message(index).map(|message| message.time)
        });
        let connections = match of {
            Of::One(_) => 1,
            Of::Some(some) => some.len(),
            Of::All => store.connections().len(),
        };
        Self {
            openings: (0, connections),
            messages,
            decodes: connections <= DECODED,
            groups: vec![[None; KINDS]; window.count],
            looked: 0,
        }
    }

    /// Those of a bucket, of each kind.
    pub(super) fn groups(&self, at: usize) -> impl Iterator<Item = &Group> {
        self.groups.get(at).into_iter().flatten().flatten()
    }

    pub(super) fn is_without_calls(&self) -> bool {
        !self.decodes
    }

    pub(super) fn is_gathering(&self) -> bool {
        self.openings.0 < self.openings.1 || self.messages.0 < self.messages.1
    }

    /// How much was looked at, and how much is left.
    pub(super) fn progress(&self) -> (usize, usize) {
        let left = self.openings.1 - self.openings.0 + self.messages.1 - self.messages.0;
        (self.looked, left)
    }

    pub(super) fn gather(&mut self, store: &Store, of: &Of, window: Window, count: usize) {
        for _ in 0..count {
            if self.openings.0 < self.openings.1 {
                let at = self.openings.0;
                self.openings.0 += 1;
                let connection = match of {
                    Of::One(one) => Some(*one),
                    Of::Some(some) => some.get(at).copied(),
                    Of::All => u32::try_from(at).ok(),
                };
                let trip = connection.and_then(|connection| opening(store, connection));
                self.push(trip, window);
            } else if self.messages.0 < self.messages.1 {
                let index = place(store, of, self.messages.0, true);
                match index.map(|index| self.message(store, of, index)) {
                    // What messages carry is not decoded that far yet.
                    Some(Err(Waits)) => return,
                    Some(Ok(trip)) => self.push(trip, window),
                    None => {}
                }
                self.messages.0 += 1;
            } else {
                return;
            }
            self.looked += 1;
        }
    }

    fn push(&mut self, trip: Option<Trip>, window: Window) {
        let Some(trip) = trip else { return };
        let Some(groups) = window
            .bucket(trip.time)
            .and_then(|at| self.groups.get_mut(at))
        else {
            return;
        };
        let group = groups[trip.kind as usize].get_or_insert(Group {
            count: 0,
            shortest: trip.took,
            longest: trip,
        });
        group.count += 1;
        group.shortest = group.shortest.min(trip.took);
        if trip.took > group.longest.took {
            group.longest = trip;
        }
    }

    fn message(&self, store: &Store, of: &Of, index: u32) -> Result<Option<Trip>, Waits> {
        let Some(record) = store.message(index).filter(|one| of.has(one.connection)) else {
            return Ok(None);
        };
        let trip = |kind, took| Trip {
            time: record.time,
            took,
            kind,
            connection: record.connection,
            message: Some(index),
        };
        if let Some(took) = record.round_trip {
            return Ok(Some(trip(TripKind::Ping, took)));
        }
        if !self.decodes {
            return Ok(None);
        }
        let summary = store.summary(index);
        if summary.is_none() && store.is_decoding() {
            return Err(Waits);
        }
        let took = summary.and_then(|summary| summary.time);
        Ok(took.map(|took| trip(TripKind::Call, took)))
    }
}

/// A message that cannot be decoded yet.
struct Waits;

/// From the SYN of a connection's flow to the answer.
fn opening(store: &Store, connection: u32) -> Option<Trip> {
    let flow = store.flow_of(connection)?;
    let mut walker = Walker::new(&Limits::default());
    let mut asked: Option<Timestamp> = None;
    for entry in store.flow_packets(flow, 0).take(OPENING) {
        let packet = store.read(&entry)?;
        let walked = walker.segment(packet.link, packet.time, &packet.bytes, packet.original);
        let Ok(walked) = walked else { continue };
        let flags = walked.segment().flags;
        if !flags.has(TcpFlags::SYN) {
            return None;
        }
        match (flags.has(TcpFlags::ACK), asked) {
            // The first SYN: what the client waited for.
            (false, None) => asked = Some(packet.time),
            (true, Some(asked)) => {
                return Some(Trip {
                    time: packet.time,
                    took: packet.time.since(asked),
                    kind: TripKind::Tcp,
                    connection,
                    message: None,
                });
            }
            _ => {}
        }
    }
    None
}
