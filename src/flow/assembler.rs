//! One direction of a flow: segments in any order go in, bytes in order come out.
//!
//! ```text
//!        delivered              hole        buffered
//!   ...████████████████|...................|██████|......|███|
//!                      next                 BTreeMap by stream offset
//! ```
//!
//! First arrival wins: what is buffered or delivered is never replaced. A hole ends when its bytes come, or when they are
//! known to be lost to the capture: the peer acknowledged them, or waiting longer would cost more than the limit.
//! Invariant: buffered pieces do not overlap each other and all lie beyond `next`.

mod joining;
mod pieces;

use crate::base::Timestamp;

use super::delivery::{Delivery, Incoming};
use super::sequence::distance;

use pieces::{HeldPieces, cut, difference};

/// Sequence distances beyond this are not this stream's (RFC 7323 allows windows below 2^30).
const WINDOW: i64 = 1 << 30;
/// After a hole was acknowledged: how many more segments, or how long, its bytes may still come (captures mix up the
/// order of the two directions).
const ACKED_SEGMENTS: u16 = 8;
const ACKED_WAIT: i64 = 100_000_000;
/// How long a hole is waited for when the peer's acknowledgements are not in the capture.
const SILENT_WAIT: i64 = 1_000_000_000;

/// One direction's reassembly. Idle it is 40 bytes; room for pieces is allocated when one has to wait.
#[derive(Debug, Default)]
pub struct Assembler {
    next: u32,
    started: bool,
    ended: bool,
    peer_acks: bool,
    keep_alives: u16,
    offset: u64,
    fin: Option<u64>,
    held: Option<Box<HeldPieces>>,
}

impl Assembler {
    /// Whether any of this direction's packets was seen and a start is known.
    #[must_use]
    pub fn is_started(&self) -> bool {
        self.started
    }

    /// Whether the end was delivered.
    #[must_use]
    pub fn is_ended(&self) -> bool {
        self.ended
    }

    /// Bytes buffered behind a hole, charged with their bookkeeping.
    #[must_use]
    pub fn held_cost(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.cost)
    }

    /// The position of the next byte to deliver.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// A SYN fixes where the stream starts: at the byte after it.
    pub fn syn(&mut self, seq: u32, deliver: &mut impl FnMut(Delivery<'_>)) {
        if self.started {
            return;
        }
        self.start(seq.wrapping_add(1));
        self.settle(usize::MAX, None, deliver);
    }

    /// Whether `seq` could be the SYN this stream began with.
    #[must_use]
    pub fn began_with(&self, seq: u32) -> bool {
        self.started
            && u64::from(self.next.wrapping_sub(seq.wrapping_add(1)))
                == self.offset & u64::from(u32::MAX)
    }

    /// Takes a segment's payload; buffers at most `held_limit` bytes behind a hole.
    #[inline]
    pub fn push(
        &mut self,
        segment: Incoming<'_>,
        held_limit: usize,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        let in_order = self.started && segment.seq == self.next && self.held.is_none();
        if !in_order || segment.missing > 0 || segment.fin {
            return self.push_slow(segment, held_limit, deliver);
        }
        let offset = self.offset;
        self.pass(segment.payload.len() as u64);
        deliver(Delivery::Bytes {
            offset,
            bytes: segment.payload,
            packet: segment.packet,
            packet_offset: segment.packet_offset,
            time: segment.time,
        });
    }

    /// Acknowledgements of the peer are in the capture, so a hole they do not cover may still be filled.
    #[inline]
    pub fn peer_acknowledges(&mut self) {
        self.peer_acks = true;
    }

    /// The peer acknowledged every byte before `ack`.
    #[inline]
    pub fn acked(&mut self, ack: u32, now: Timestamp, deliver: &mut impl FnMut(Delivery<'_>)) {
        self.peer_acks = true;
        if self.held.is_some() {
            self.acked_slow(ack, now, deliver);
        }
    }

    /// Declares every hole lost: no more segments will come.
    pub fn finish(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        self.join();
        while self
            .held
            .as_ref()
            .is_some_and(|held| !held.pieces.is_empty())
        {
            self.skip_hole(deliver);
            self.drain(None, deliver);
        }
        if let Some(fin) = self.fin
            && fin > self.offset
        {
            self.gap_to(fin, false, deliver);
        }
        self.settle(usize::MAX, None, deliver);
    }

    #[cold]
    fn acked_slow(&mut self, ack: u32, now: Timestamp, deliver: &mut impl FnMut(Delivery<'_>)) {
        if !self.started {
            return self.acked_joining(ack, deliver);
        }
        let beyond = distance(ack, self.next);
        let Some(held) = self.held.as_mut().filter(|_| beyond > 0 && beyond < WINDOW) else {
            return;
        };
        let to = self.offset + beyond.cast_unsigned();
        match &mut held.acked {
            Some((acked, ..)) if *acked >= to => {}
            Some((acked, ..)) => *acked = to,
            none => *none = Some((to, now, 0)),
        }
        self.settle(usize::MAX, Some(now), deliver);
    }

    #[inline(never)]
    fn push_slow(
        &mut self,
        segment: Incoming<'_>,
        held_limit: usize,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        if !self.started {
            self.hold_joining(segment);
            return self.settle(held_limit, Some(segment.time), deliver);
        }
        let ahead = distance(segment.seq, self.next);
        if ahead.abs() >= WINDOW || self.is_keep_alive(&segment, ahead) {
            return;
        }
        let mut segment = segment;
        let behind = (-ahead).max(0).cast_unsigned();
        if segment.fin {
            let beyond = ahead + segment.payload.len() as i64 + i64::from(segment.missing);
            if beyond >= 0 {
                self.fin.get_or_insert(self.offset + beyond.cast_unsigned());
            }
        }
        if behind > 0 {
            let old = (behind as usize).min(segment.payload.len());
            let offset = self.offset.saturating_sub(behind);
            if old > 0 && self.offset >= behind {
                deliver(Delivery::Again {
                    offset,
                    bytes: &segment.payload[..old],
                });
            }
            segment.payload = &segment.payload[old..];
            segment.packet_offset = segment.packet_offset.map(|at| at + old as u32);
            let cut = (behind - old as u64).min(u64::from(segment.missing));
            segment.missing -= cut as u32;
        }
        if let Some((_, _, segments)) = self.held.as_mut().and_then(|held| held.acked.as_mut()) {
            *segments = segments.saturating_add(1);
        }
        if ahead <= 0 && self.held.is_none() {
            self.deliver_now(&segment, deliver);
        } else if !segment.payload.is_empty() || segment.missing > 0 {
            let at = self.offset + ahead.max(0).cast_unsigned();
            self.hold(at, &segment, deliver);
        }
        self.settle(held_limit, Some(segment.time), deliver);
    }

    /// A keep-alive repeats the last byte, often with another value; it says nothing (RFC 9293 section 3.8.4).
    fn is_keep_alive(&mut self, segment: &Incoming<'_>, ahead: i64) -> bool {
        let is = ahead == -1 && segment.payload.len() <= 1 && !segment.fin;
        self.keep_alives = self.keep_alives.saturating_add(u16::from(is));
        is
    }

    fn deliver_now(&mut self, segment: &Incoming<'_>, deliver: &mut impl FnMut(Delivery<'_>)) {
        if !segment.payload.is_empty() {
            let offset = self.offset;
            self.pass(segment.payload.len() as u64);
            deliver(Delivery::Bytes {
                offset,
                bytes: segment.payload,
                packet: segment.packet,
                packet_offset: segment.packet_offset,
                time: segment.time,
            });
        }
        if segment.missing > 0 {
            self.gap_to(self.offset + u64::from(segment.missing), true, deliver);
        }
    }

    /// Keeps what of a segment is new, around the pieces that were there first.
    fn hold(&mut self, at: u64, segment: &Incoming<'_>, deliver: &mut impl FnMut(Delivery<'_>)) {
        let held = self.held.get_or_insert_default();
        if held.pieces.is_empty() {
            held.since = segment.time;
        }
        let end = at + segment.payload.len() as u64 + u64::from(segment.missing);
        let mut from = at;
        let first = held
            .pieces
            .range(..at)
            .next_back()
            .map_or(at, |(start, _)| *start);
        let mut fresh: Vec<(u64, u64)> = Vec::new();
        for (&start, piece) in held.pieces.range(first..end) {
            let piece_end = start + piece.len();
            if piece_end <= from {
                continue;
            }
            if start > from {
                fresh.push((from, start));
            }
            if let Some(offset) = difference(start, &piece.bytes, at, segment.payload) {
                deliver(Delivery::Conflict { offset });
            }
            from = from.max(piece_end);
        }
        if from < end {
            fresh.push((from, end));
        }
        for (from, to) in fresh {
            held.insert(from, cut(segment, from - at, to - at));
        }
    }

    /// Delivers whatever can be delivered now, and declares holes lost where the rules allow it.
    fn settle(
        &mut self,
        held_limit: usize,
        now: Option<Timestamp>,
        deliver: &mut impl FnMut(Delivery<'_>),
    ) {
        if !self.started && self.may_join(held_limit, now) {
            self.join();
            self.drain(None, deliver);
        }
        if self.started {
            self.drain(now, deliver);
            while self.must_give_up(held_limit, now) {
                self.skip_hole(deliver);
                self.drain(now, deliver);
            }
            if !self.ended && self.fin.is_some_and(|fin| fin <= self.offset) {
                self.ended = true;
                deliver(Delivery::End);
            }
        }
    }

    fn must_give_up(&self, held_limit: usize, now: Option<Timestamp>) -> bool {
        let Some(held) = &self.held else { return false };
        let Some(&first) = held.pieces.keys().next() else {
            return false;
        };
        if held.cost > held_limit {
            return true;
        }
        let Some(now) = now else { return false };
        match held.acked {
            Some((acked, since, segments)) => {
                acked >= first && (segments >= ACKED_SEGMENTS || now.since(since) > ACKED_WAIT)
            }
            None => !self.peer_acks && now.since(held.since) > SILENT_WAIT,
        }
    }

    /// Declares the bytes before the first buffered piece lost.
    fn skip_hole(&mut self, deliver: &mut impl FnMut(Delivery<'_>)) {
        let first = self
            .held
            .as_ref()
            .and_then(|held| held.pieces.keys().next().copied());
        if let Some(first) = first {
            self.gap_to(first, false, deliver);
        }
    }

    fn gap_to(&mut self, to: u64, is_cut: bool, deliver: &mut impl FnMut(Delivery<'_>)) {
        let offset = self.offset;
        if to > offset {
            self.pass(to - offset);
            deliver(Delivery::Gap {
                offset,
                len: to - offset,
                is_cut,
            });
        }
    }

    /// Delivers buffered pieces that have become next. `filled` is when the hole before them closed; without it each has
    /// its own time.
    fn drain(&mut self, filled: Option<Timestamp>, deliver: &mut impl FnMut(Delivery<'_>)) {
        while let Some(held) = &mut self.held {
            let Some(entry) = held.pieces.first_entry() else {
                if held.joining.is_none() {
                    self.held = None;
                }
                return;
            };
            if held.joining.is_some() || *entry.key() > self.offset {
                return;
            }
            let (at, piece) = entry.remove_entry();
            held.cost -= piece.cost();
            held.since = filled.unwrap_or(piece.time);
            let seen = (self.offset - at).min(piece.len());
            let skip = (seen as usize).min(piece.bytes.len());
            let segment = Incoming {
                seq: self.next,
                payload: &piece.bytes[skip..],
                missing: piece.missing - (seen - skip as u64) as u32,
                fin: false,
                packet: piece.packet,
                packet_offset: piece.packet_offset.map(|offset| offset + skip as u32),
                time: filled.unwrap_or(piece.time).max(piece.time),
            };
            self.deliver_now(&segment, deliver);
        }
    }

    fn pass(&mut self, len: u64) {
        self.next = self.next.wrapping_add(len as u32);
        self.offset += len;
    }
}

#[cfg(test)]
mod tests;
