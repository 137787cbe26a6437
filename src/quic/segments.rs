//! Datagrams that were captured as one: a sender's kernel hands the network card many of one length together (UDP segmentation
//! offload), and a capture on that machine shows them before the card takes them apart.
//!
//! A packet with a short header ends with its datagram and does not say where that is. The next one has the same connection
//! id, which is looked for; without an id all are as long as the longest that came alone.

use super::connection_id::ConnectionId;

/// Longer ones are several, or went over a link with large frames.
const ORDINARY: usize = 1500;

/// A shorter id may stand anywhere by chance.
const TELLING: usize = 4;

/// What is known of the datagrams of one side.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Segments {
    /// The longest that came alone.
    longest: usize,
}

impl Segments {
    /// Where the packet with a short header ends that begins at `at` and is addressed to `id`.
    pub(super) fn end(&mut self, datagram: &[u8], at: usize, id: &ConnectionId) -> usize {
        /// A flags byte with no long header's bit stands before the id.
        const LONG: u8 = 0x80;
        let rest = datagram.get(at..).unwrap_or_default();
        if rest.len() <= ORDINARY {
            if at == 0 {
                self.longest = self.longest.max(rest.len());
            }
            return datagram.len();
        }
        if id.len() < TELLING {
            return match self.longest {
                0 => datagram.len(),
                longest => at + longest,
            };
        }
        let behind = 1 + id.len();
        let others = rest.get(behind..).unwrap_or_default();
        let found = memchr::memmem::find_iter(others, id.bytes());
        let mut starts = found.map(|found| behind + found - 1);
        let next = starts.find(|start| rest.get(*start).is_some_and(|first| first & LONG == 0));
        next.map_or(datagram.len(), |next| at + next)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(len: usize, id: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x47];
        bytes.extend_from_slice(id);
        bytes.resize(len, 0xee);
        bytes
    }

    #[test]
    fn datagrams_that_were_captured_as_one_end_where_the_next_begins() {
        let id = ConnectionId::new(&[1, 2, 3, 4]).unwrap();
        let mut segments = Segments::default();
        let (long, last) = (segment(1452, id.bytes()), segment(700, id.bytes()));
        let all = [&long[..], &long, &long, &last].concat();
        let mut ends = Vec::new();
        while ends.last() != Some(&all.len()) {
            ends.push(segments.end(&all, ends.last().copied().unwrap_or(0), &id));
        }
        assert_eq!(ends, [1452, 2904, 4356, 5056]);
        // One large packet.
        assert_eq!(segments.end(&segment(8000, id.bytes()), 0, &id), 8000);
    }

    #[test]
    fn without_an_id_they_are_as_long_as_the_longest_that_came_alone() {
        let none = ConnectionId::default();
        let mut segments = Segments::default();
        assert_eq!(segments.end(&segment(4000, &[]), 0, &none), 4000);
        for alone in [90, 1357, 1200] {
            assert_eq!(segments.end(&segment(alone, &[]), 0, &none), alone);
        }
        let all = segment(2 * 1357 + 80, &[]);
        assert_eq!(segments.end(&all, 0, &none), 1357);
        assert_eq!(segments.end(&all, 1357, &none), all.len());
    }
}
