//! Bytes with offsets, put in order: what comes again is passed over, what comes early waits.

use std::collections::BTreeMap;
use std::ops::Bound;

use super::sink::Piece;

/// Bytes that a piece that waits takes besides its own.
const OVERHEAD: usize = 96;

/// One direction of a stream, or of the handshake on one level.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    next: u64,
    /// By offset, the pieces behind a hole.
    waiting: BTreeMap<u64, (Box<[u8]>, Piece)>,
    cost: usize,
    /// The number of the packet that has the last byte in order, or of the last one before the first byte's.
    last: Option<u64>,
}

impl Assembly {
    /// The first byte is in a packet behind this one.
    pub(super) fn begins_after(&mut self, number: Option<u64>) {
        if self.next == 0 && self.waiting.is_empty() {
            self.last = number;
        }
    }

    /// The numbers of the packets at both ends of the hole in front of what waits.
    pub(super) fn hole(&self) -> Option<(u64, u64)> {
        let (_, (_, behind)) = self.waiting.first_key_value()?;
        Some((self.last?, behind.number))
    }

    /// The offset of the next byte in order.
    pub(super) fn next(&self) -> u64 {
        self.next
    }

    /// Bytes that wait, with what keeping them takes.
    pub(super) fn cost(&self) -> usize {
        self.cost
    }

    /// Takes a piece and delivers what is in order by now.
    pub(super) fn push(
        &mut self,
        offset: u64,
        bytes: &[u8],
        piece: Piece,
        deliver: &mut impl FnMut(u64, &[u8], Piece),
    ) {
        if offset > self.next {
            return self.keep(offset, bytes, piece);
        }
        self.deliver(offset, bytes, piece, deliver);
        self.release(deliver);
    }

    /// Passes over the hole in front of what waits, and delivers that; how long the hole is, if there is one.
    pub(super) fn pass_hole(
        &mut self,
        deliver: &mut impl FnMut(u64, &[u8], Piece),
        hole: impl FnOnce(u64),
    ) -> bool {
        let Some((offset, _)) = self.waiting.first_key_value() else {
            return false;
        };
        let len = offset.saturating_sub(self.next);
        self.next = *offset;
        hole(len);
        self.release(deliver);
        true
    }

    fn keep(&mut self, offset: u64, bytes: &[u8], piece: Piece) {
        let is_longer = |known: &(Box<[u8]>, Piece)| known.0.len() < bytes.len();
        if bytes.is_empty() || !self.waiting.get(&offset).is_none_or(is_longer) {
            return;
        }
        self.cost += bytes.len() + OVERHEAD;
        if let Some((before, _)) = self.waiting.insert(offset, (bytes.into(), piece)) {
            self.cost -= before.len() + OVERHEAD;
        }
    }

    fn deliver(
        &mut self,
        offset: u64,
        bytes: &[u8],
        piece: Piece,
        deliver: &mut impl FnMut(u64, &[u8], Piece),
    ) {
        let known = usize::try_from(self.next.saturating_sub(offset)).unwrap_or(usize::MAX);
        let Some(new) = bytes.get(known..).filter(|new| !new.is_empty()) else {
            return;
        };
        let piece = Piece {
            at: piece.at.saturating_add(known as u64),
            ..piece
        };
        let at = self.next;
        self.next = self.next.saturating_add(new.len() as u64);
        self.last = Some(piece.number);
        deliver(at, new, piece);
    }

    fn release(&mut self, deliver: &mut impl FnMut(u64, &[u8], Piece)) {
        while let Some((offset, _)) = self
            .waiting
            .range((Bound::Unbounded, Bound::Included(self.next)))
            .next()
        {
            let offset = *offset;
            if let Some((bytes, piece)) = self.waiting.remove(&offset) {
                self.cost -= bytes.len() + OVERHEAD;
                self.deliver(offset, &bytes, piece, deliver);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// Pieces of one text in any order, overlapping in any way, give the text once.
        #[test]
        fn any_order_and_overlap_gives_the_same_bytes(
            cuts in prop::collection::vec((0usize..100, 1usize..40), 0..40),
        ) {
            let text: Vec<u8> = (0..100).collect();
            let mut assembly = Assembly::default();
            let mut seen = Vec::new();
            let all = cuts.into_iter().chain([(50, 50), (0, 60)]);
            for (start, len) in all {
                let end = (start + len).min(100);
                assembly.push(start as u64, &text[start..end], Piece::default(), &mut |at, bytes, piece| {
                    assert_eq!(at, seen.len() as u64);
                    assert!(piece.at <= at);
                    seen.extend_from_slice(bytes);
                });
            }
            prop_assert_eq!(seen, text);
            prop_assert_eq!(assembly.cost(), 0);
        }
    }

    #[test]
    fn a_hole_is_passed_over_when_it_has_to_be() {
        let mut assembly = Assembly::default();
        let mut seen = Vec::new();
        let mut holes = Vec::new();
        assembly.push(4, b"efgh", Piece::default(), &mut |_, _, _| panic!());
        assert!(assembly.cost() > 0);
        let mut deliver = |at, bytes: &[u8], _| seen.push((at, bytes.to_vec()));
        assert!(assembly.pass_hole(&mut deliver, |len| holes.push(len)));
        assert!(!assembly.pass_hole(&mut deliver, |_| panic!()));
        assembly.push(2, b"cdefghij", Piece::default(), &mut deliver);
        assert_eq!(holes, [4]);
        assert_eq!(seen, [(4, b"efgh".to_vec()), (8, b"ij".to_vec())]);
    }
}
