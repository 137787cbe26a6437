//! Where a stream starts whose SYN is not in the capture: at the lowest of its first segments.
//!
//! ```text
//!   JOIN_BASE - n ... JOIN_BASE ... JOIN_BASE + m        offsets while joining: the first segment seen is JOIN_BASE
//!        lowest                                          becomes offset 0 once enough came, or the peer acknowledged it
//! ```

use super::{Assembler, WINDOW};
use crate::base::Timestamp;
use crate::flow::delivery::{Delivery, Incoming};
use crate::flow::sequence::distance;

/// Segments a direction whose SYN was not seen may send before its lowest one counts as the start.
const JOIN_SEGMENTS: usize = 4;
const JOIN_WAIT: i64 = 100_000_000;
/// Offsets used while joining, in the middle of the range so that earlier segments fit below.
const JOIN_BASE: u64 = 1 << 40;

impl Assembler {
    /// What the peer acknowledged was sent before, so nothing earlier than the lowest buffered segment is under way.
    pub(super) fn acked_joining(&mut self, ack: u32, deliver: &mut impl FnMut(Delivery<'_>)) {
        let lowest = self.held.as_ref().and_then(|held| {
            let ahead = held.pieces.keys().next()?.cast_signed() - JOIN_BASE.cast_signed();
            Some(held.joining?.wrapping_add(ahead as u32))
        });
        if lowest.is_some_and(|lowest| (1..WINDOW).contains(&distance(ack, lowest))) {
            self.join();
            self.drain(None, deliver);
            self.settle(usize::MAX, None, deliver);
        }
    }

    pub(super) fn hold_joining(&mut self, segment: Incoming<'_>) {
        let held = self.held.get_or_insert_default();
        let base = *held.joining.get_or_insert(segment.seq);
        if held.pieces.is_empty() {
            held.since = segment.time;
        }
        let ahead = distance(segment.seq, base);
        if ahead.abs() >= WINDOW {
            return;
        }
        let at = JOIN_BASE.wrapping_add_signed(ahead);
        if segment.fin {
            self.fin
                .get_or_insert(at + segment.payload.len() as u64 + u64::from(segment.missing));
        }
        if !segment.payload.is_empty() || segment.missing > 0 {
            self.hold(at, &segment, &mut |_| {});
        }
    }

    /// Starts at the lowest buffered segment, when there was no SYN.
    pub(super) fn join(&mut self) {
        if self.started {
            return;
        }
        let Some(held) = &self.held else { return };
        let Some(base) = held.joining else { return };
        let lowest = held
            .pieces
            .keys()
            .next()
            .copied()
            .or(self.fin)
            .unwrap_or(JOIN_BASE);
        let ahead = lowest.cast_signed() - JOIN_BASE.cast_signed();
        self.start(base.wrapping_add(ahead as u32));
    }

    /// Fixes the sequence number of stream offset 0 and moves the buffered pieces there.
    pub(super) fn start(&mut self, seq: u32) {
        self.started = true;
        self.next = seq;
        let Some(held) = self.held.as_mut() else {
            return;
        };
        let Some(base) = held.joining.take() else {
            return;
        };
        let zero = JOIN_BASE.wrapping_add_signed(distance(seq, base));
        self.fin = self.fin.and_then(|fin| fin.checked_sub(zero));
        let pieces = std::mem::take(&mut held.pieces);
        held.cost = 0;
        for (at, piece) in pieces {
            if let Some(at) = at.checked_sub(zero) {
                held.insert(at, piece);
            }
        }
    }

    pub(super) fn may_join(&self, held_limit: usize, now: Option<Timestamp>) -> bool {
        let Some(held) = &self.held else { return false };
        held.joining.is_some()
            && (held.pieces.len() >= JOIN_SEGMENTS
                || held.cost > held_limit
                || self.fin.is_some()
                || now.is_some_and(|now| now.since(held.since) > JOIN_WAIT))
    }
}
