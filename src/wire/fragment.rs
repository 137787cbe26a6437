//! IP datagrams put together from fragments (RFC 791 3.2, RFC 8200 4.5).
//!
//! Fragments lie on multiples of eight bytes, so what has arrived is a bit a unit, and neither overlaps nor the number of
//! fragments cost anything. The first arrival of a byte wins. Bounded in number ([`Limits::ip_datagrams`]) and capture
//! time ([`Limits::ip_timeout`]), and in bytes since a datagram has at most 65,535.

use std::collections::VecDeque;

use hashbrown::HashMap;

use crate::base::{Limits, Timestamp};

/// What the fragments of one datagram share.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct FragmentKey {
    pub(super) source: [u8; 16],
    pub(super) destination: [u8; 16],
    pub(super) identification: u32,
    /// The IPv4 protocol; 0 for IPv6, where the identification is enough.
    pub(super) protocol: u8,
    pub(super) scope: u32,
}

/// One fragment.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fragment<'a> {
    pub(super) key: FragmentKey,
    /// Where its payload begins in the datagram's payload, in bytes; a multiple of eight.
    pub(super) offset: usize,
    /// Whether others follow it.
    pub(super) more: bool,
    pub(super) payload: &'a [u8],
}

/// What became of a fragment. Datagrams are named by numbers that are used once.
#[derive(Debug)]
pub(super) enum Put {
    /// It makes no sense.
    Dropped,
    /// Others of its datagram are missing.
    Held(u64),
    /// It completed its datagram, whose payload this is.
    Whole(u64, Vec<u8>),
}

const UNIT: usize = 8;
const MOST: usize = 65_535;

#[derive(Debug, Default)]
struct Datagram {
    bytes: Vec<u8>,
    /// A bit for each unit that has arrived.
    arrived: Vec<u64>,
    arrived_count: usize,
    /// The length, once the last fragment has arrived.
    len: Option<usize>,
    /// Which entry of the queue is this one's.
    serial: u64,
}

/// The datagrams being put together.
#[derive(Debug)]
pub(super) struct Fragments {
    datagrams: HashMap<FragmentKey, Datagram, foldhash::fast::RandomState>,
    /// By arrival, with leftovers of datagrams that are complete.
    queue: VecDeque<(Timestamp, u64, FragmentKey)>,
    serial: u64,
    most: usize,
    timeout: i64,
}

impl Fragments {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            datagrams: HashMap::default(),
            queue: VecDeque::new(),
            serial: 0,
            most: limits.ip_datagrams.max(1),
            timeout: i64::try_from(limits.ip_timeout.as_nanos()).unwrap_or(i64::MAX),
        }
    }

    /// How many datagrams are incomplete.
    pub(super) fn len(&self) -> usize {
        self.datagrams.len()
    }

    /// Adds a fragment; gives the datagram's payload when it was the last one missing, `None` when others are missing or
    /// the fragment makes no sense.
    pub(super) fn add(&mut self, time: Timestamp, fragment: &Fragment<'_>) -> Option<Vec<u8>> {
        match self.put(time, fragment) {
            Put::Whole(_, bytes) => Some(bytes),
            Put::Held(_) | Put::Dropped => None,
        }
    }

    /// The same, but says which datagram it belongs to.
    pub(super) fn put(&mut self, time: Timestamp, fragment: &Fragment<'_>) -> Put {
        let end = fragment.offset + fragment.payload.len();
        let whole_units = fragment.payload.len().is_multiple_of(UNIT);
        if end > MOST || fragment.payload.is_empty() || (fragment.more && !whole_units) {
            return Put::Dropped;
        }
        self.expire(time);
        if !self.datagrams.contains_key(&fragment.key) {
            self.start(time, fragment.key);
        }
        let Some(datagram) = self.datagrams.get_mut(&fragment.key) else {
            return Put::Dropped;
        };
        datagram.add(fragment, end);
        if !datagram.is_complete() {
            return Put::Held(datagram.serial);
        }
        match self.datagrams.remove(&fragment.key) {
            Some(datagram) => Put::Whole(datagram.serial, datagram.bytes),
            None => Put::Dropped,
        }
    }

    fn start(&mut self, time: Timestamp, key: FragmentKey) {
        while self.datagrams.len() >= self.most {
            self.drop_oldest();
        }
        if self.queue.len() >= 2 * self.most {
            let datagrams = &self.datagrams;
            self.queue
                .retain(|(_, serial, key)| datagrams.get(key).is_some_and(|d| d.serial == *serial));
        }
        self.serial += 1;
        self.queue.push_back((time, self.serial, key));
        let serial = self.serial;
        self.datagrams.insert(
            key,
            Datagram {
                serial,
                ..Datagram::default()
            },
        );
    }

    fn expire(&mut self, now: Timestamp) {
        while let Some((time, ..)) = self.queue.front()
            && now.since(*time) > self.timeout
        {
            self.drop_oldest();
        }
    }

    fn drop_oldest(&mut self) {
        let Some((_, serial, key)) = self.queue.pop_front() else {
            self.datagrams.clear();
            return;
        };
        if self
            .datagrams
            .get(&key)
            .is_some_and(|datagram| datagram.serial == serial)
        {
            self.datagrams.remove(&key);
        }
    }
}

impl Datagram {
    fn add(&mut self, fragment: &Fragment<'_>, end: usize) {
        if self
            .len
            .is_some_and(|len| end > len || (!fragment.more && end != len))
        {
            return;
        }
        if !fragment.more {
            if self.bytes.len() > end {
                return;
            }
            self.len = Some(end);
        }
        if self.bytes.len() < end {
            self.bytes.resize(end, 0);
            self.arrived.resize(end.div_ceil(UNIT).div_ceil(64), 0);
        }
        let first = fragment.offset / UNIT;
        for (index, unit) in fragment.payload.chunks(UNIT).enumerate() {
            let (word, bit) = ((first + index) / 64, 1u64 << ((first + index) % 64));
            if self.arrived[word] & bit == 0 {
                self.arrived[word] |= bit;
                self.arrived_count += 1;
                let at = fragment.offset + index * UNIT;
                self.bytes[at..at + unit.len()].copy_from_slice(unit);
            }
        }
    }

    fn is_complete(&self) -> bool {
        self.len
            .is_some_and(|len| self.arrived_count == len.div_ceil(UNIT))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: FragmentKey = FragmentKey {
        source: [1; 16],
        destination: [2; 16],
        identification: 7,
        protocol: 6,
        scope: 0,
    };

    fn fragment(offset: usize, more: bool, payload: &[u8]) -> Fragment<'_> {
        Fragment {
            key: KEY,
            offset,
            more,
            payload,
        }
    }

    #[test]
    fn any_order_gives_the_datagram_and_the_first_arrival_wins() {
        let whole: Vec<u8> = (0..100).collect();
        let parts = [(0, true, 0..24), (24, true, 24..96), (96, false, 96..100)];
        for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [0, 2, 1]] {
            let mut fragments = Fragments::new(&Limits::default());
            let mut done = None;
            for index in order {
                let (offset, more, range) = parts[index].clone();
                assert_eq!(done, None);
                done = fragments.add(Timestamp(0), &fragment(offset, more, &whole[range]));
                // A later copy with other bytes changes nothing.
                if done.is_none() {
                    fragments.add(
                        Timestamp(0),
                        &fragment(offset, more, &[0xee; 8][..if more { 8 } else { 4 }]),
                    );
                }
            }
            assert_eq!(done.as_deref(), Some(&whole[..]));
            assert_eq!(fragments.len(), 0);
        }
    }

    #[test]
    fn nonsense_is_dropped() {
        let mut fragments = Fragments::new(&Limits::default());
        assert_eq!(
            fragments.add(Timestamp(0), &fragment(65_528, false, &[0; 100])),
            None
        );
        assert_eq!(
            fragments.add(Timestamp(0), &fragment(0, true, &[0; 7])),
            None
        );
        assert_eq!(fragments.add(Timestamp(0), &fragment(0, false, &[])), None);
        assert_eq!(fragments.len(), 0);
    }

    #[test]
    fn number_and_time_are_bounded() {
        let limits = Limits {
            ip_datagrams: 10,
            ..Limits::default()
        };
        let mut fragments = Fragments::new(&limits);
        let add = |fragments: &mut Fragments, id, time| {
            let mut one = fragment(0, true, &[0; 8]);
            one.key.identification = id;
            fragments.add(Timestamp(time), &one)
        };
        for id in 0..1000 {
            assert_eq!(add(&mut fragments, id, 0), None);
            assert!(fragments.len() <= 10 && fragments.queue.len() <= 21);
        }
        add(&mut fragments, 5000, 31_000_000_000);
        assert_eq!(fragments.len(), 1);
        // Many complete datagrams leave no trail.
        for id in 0..1000 {
            let mut last = fragment(0, false, &[0; 8]);
            last.key.identification = id;
            assert!(fragments.add(Timestamp(0), &last).is_some());
            assert!(fragments.queue.len() <= 21);
        }
    }
}
