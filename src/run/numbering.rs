//! Numbers of connections, as every output gives them: within a batch by the first packet of their flow, and batch after
//! batch. An engine's [`ConnectionId`] is its own and means nothing to others.

use hashbrown::HashMap;

use crate::base::{ConnectionId, PacketNumber};
use crate::engine::Connection;

/// What names a connection in every pass over the same packets: the first packet of its flow, and its place among the
/// connections of that flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionKey {
    /// First packet of its TCP flow.
    pub first_packet: PacketNumber,
    /// Its place among the connections of its flow, from 0.
    pub ordinal: u32,
}

impl ConnectionKey {
    /// The key of a connection.
    #[must_use]
    pub fn of(connection: &Connection) -> Self {
        Self {
            first_packet: connection.first_packet,
            ordinal: connection.ordinal,
        }
    }
}

/// A connection that an engine recognised, with what its number goes by.
#[derive(Clone, Copy, Debug)]
pub struct Opened {
    /// Its name in its engine.
    pub id: ConnectionId,
    /// Its name in the capture.
    pub key: ConnectionKey,
}

impl Opened {
    /// The connection that an engine's sink sees opened.
    #[must_use]
    pub fn of(connection: &Connection) -> Self {
        Self {
            id: connection.id,
            key: ConnectionKey::of(connection),
        }
    }
}

/// The numbers of all connections, learned in a first pass: a filter may ask for them before the merge would give them.
#[derive(Clone, Debug, Default)]
pub struct Numbers(HashMap<ConnectionKey, u32>);

/// The keys of all connections, in the order of their numbers.
impl FromIterator<ConnectionKey> for Numbers {
    fn from_iter<I: IntoIterator<Item = ConnectionKey>>(keys: I) -> Self {
        Self(keys.into_iter().zip(1..).collect())
    }
}

impl Numbers {
    /// The number of a connection.
    #[must_use]
    pub fn of(&self, connection: &Connection) -> Option<u32> {
        self.0.get(&ConnectionKey::of(connection)).copied()
    }

    /// The connection of this number.
    #[must_use]
    pub fn key(&self, number: u32) -> Option<ConnectionKey> {
        let mut all = self.0.iter();
        all.find_map(|(key, found)| (*found == number).then_some(*key))
    }

    /// How many there are.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.len()
    }
}

impl FromIterator<(ConnectionKey, u32)> for Numbers {
    fn from_iter<I: IntoIterator<Item = (ConnectionKey, u32)>>(numbers: I) -> Self {
        Self(numbers.into_iter().collect())
    }
}

/// Numbers the connections of all engines, from 1.
#[derive(Debug, Default)]
pub struct Numbering {
    engines: Vec<OfEngine>,
    count: u32,
    recorded: Option<Numbers>,
}

impl Numbering {
    /// A numbering that remembers the number of every connection by its key.
    #[must_use]
    pub fn recording() -> Self {
        Self {
            recorded: Some(Numbers::default()),
            ..Self::default()
        }
    }

    /// What a recording numbering remembered.
    #[must_use]
    pub fn into_numbers(self) -> Numbers {
        self.recorded.unwrap_or_default()
    }

    /// Connections numbered so far.
    #[must_use]
    pub fn count(&self) -> u32 {
        self.count
    }

    /// Numbers the connections that `engines` engines recognised in one batch, each with the index of its engine. `each`
    /// gets them in the order of their numbers.
    pub fn number_each<T>(
        &mut self,
        engines: usize,
        recognised: impl Iterator<Item = (usize, T)>,
        of: impl Fn(&T) -> Opened,
        mut each: impl FnMut(usize, T, u32),
    ) {
        if self.engines.len() < engines {
            self.engines.resize_with(engines, OfEngine::default);
        }
        let mut recognised: Vec<(usize, T)> = recognised.collect();
        recognised.sort_by_key(|(_, one)| of(one).key);
        for (engine, one) in recognised {
            self.count += 1;
            let opened = of(&one);
            if let Some(Numbers(recorded)) = &mut self.recorded {
                recorded.insert(opened.key, self.count);
            }
            if let Some(numbers) = self.engines.get_mut(engine) {
                numbers.set(opened.id, self.count);
            }
            each(engine, one, self.count);
        }
    }

    /// The same for who needs no more of them than the numbers: one list an engine.
    pub fn number<'a>(&mut self, batch: impl ExactSizeIterator<Item = &'a [Opened]>) {
        let engines = batch.len();
        let recognised = batch
            .enumerate()
            .flat_map(|(engine, opened)| opened.iter().map(move |opened| (engine, opened)));
        self.number_each(engines, recognised, |opened| **opened, |_, _, _| {});
    }

    /// The numbers of an engine's connections.
    #[must_use]
    pub fn of_engine(&self, engine: usize) -> EngineNumbers<'_> {
        EngineNumbers(self.engines.get(engine))
    }

    /// The number of an engine's connection, which is not asked for again: so memory goes with the connections that are
    /// open.
    pub fn end(&mut self, engine: usize, id: ConnectionId) -> Option<u32> {
        self.engines.get_mut(engine)?.end(id)
    }
}

/// The numbers of one engine's connections.
#[derive(Clone, Copy, Debug)]
pub struct EngineNumbers<'a>(Option<&'a OfEngine>);

impl EngineNumbers<'_> {
    /// The number of this connection, when it is numbered.
    #[inline]
    #[must_use]
    pub fn get(&self, id: ConnectionId) -> Option<u32> {
        let numbers = self.0?;
        let at = id.index().checked_sub(numbers.base)?;
        numbers
            .numbers
            .get(at)
            .copied()
            .filter(|number| *number > 0)
    }
}

/// One engine's. Engines count their connections from 0, so that a list has hardly a hole.
#[derive(Debug, Default)]
struct OfEngine {
    /// Connections before those in the list; all have ended.
    base: usize,
    /// By the engine's own number; 0 for one that ended or was never numbered.
    numbers: Vec<u32>,
    /// The list's first that have ended.
    ended: usize,
}

/// Ended connections at the front of a list before it is shortened.
const SHORTENED: usize = 1024;

impl OfEngine {
    fn set(&mut self, id: ConnectionId, number: u32) {
        let Some(at) = id.index().checked_sub(self.base) else {
            return;
        };
        if self.numbers.len() <= at {
            self.numbers.resize(at + 1, 0);
        }
        self.numbers[at] = number;
        self.ended = self.ended.min(at);
    }

    fn end(&mut self, id: ConnectionId) -> Option<u32> {
        let at = id.index().checked_sub(self.base)?;
        let number = std::mem::take(self.numbers.get_mut(at)?);
        while self.numbers.get(self.ended) == Some(&0) {
            self.ended += 1;
        }
        if self.ended >= SHORTENED && self.ended * 2 >= self.numbers.len() {
            self.numbers.drain(..self.ended);
            self.base += std::mem::take(&mut self.ended);
        }
        (number > 0).then_some(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn opened(id: u32, first_packet: u64) -> Opened {
        Opened {
            id: ConnectionId(id),
            key: ConnectionKey {
                first_packet: PacketNumber(first_packet),
                ordinal: 0,
            },
        }
    }

    #[test]
    fn a_batch_is_numbered_by_first_packet_whichever_engine_recognised_it() {
        let mut numbering = Numbering::recording();
        let (a, b) = ([opened(0, 3)], [opened(0, 1), opened(1, 9)]);
        numbering.number([&a[..], &b[..]].into_iter());
        numbering.number([&[opened(1, 2)][..], &[]].into_iter());
        let of = |engine, id| numbering.of_engine(engine).get(ConnectionId(id));
        assert_eq!(
            [of(0, 0), of(1, 0), of(1, 1), of(0, 1)],
            [Some(2), Some(1), Some(3), Some(4)]
        );
        assert_eq!([of(0, 2), of(2, 0)], [None, None]);
        assert_eq!(numbering.into_numbers().key(4), Some(opened(1, 2).key));
    }

    #[test]
    fn numbers_of_ended_connections_take_no_memory() {
        let mut numbering = Numbering::default();
        for id in 0..100_000 {
            numbering.number([&[opened(id, id.into())][..]].into_iter());
            if let Some(before) = id.checked_sub(10) {
                let number = numbering.end(0, ConnectionId(before));
                assert_eq!(number, Some(before + 1));
                assert_eq!(numbering.end(0, ConnectionId(before)), None);
            }
        }
        let numbers = numbering.of_engine(0);
        assert_eq!(numbers.get(ConnectionId(99_999)), Some(100_000));
        assert_eq!(numbers.get(ConnectionId(5)), None);
        assert!(numbering.engines[0].numbers.len() < 3 * SHORTENED);
    }
}
