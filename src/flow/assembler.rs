//! One direction of a flow: segments in any order go in, bytes in order come out.
//!
//! ```text
//!        delivered              hole        held
//!   ...████████████████|...................|██████|......|███|
//!                      next                 BTreeMap by stream offset
//! ```
//!
//! First arrival wins: what is held or delivered is never replaced. A hole ends when its bytes come, or when they are
//! known to be lost to the capture: the peer acknowledged them, or waiting longer would cost more than the limit.
//! Invariant: held pieces do not overlap each other and all lie beyond `next`.

use std::collections::BTreeMap;

use crate::base::{PacketNumber, Timestamp};

use super::sequence::distance;

/// Sequence distances beyond this are not this stream's (RFC 7323 allows windows below 2^30).
const WINDOW: i64 = 1 << 30;
/// Segments a direction whose SYN was not seen may send before its lowest one is taken for the start.
const JOIN_SEGMENTS: usize = 4;
const JOIN_WAIT: i64 = 100_000_000;
/// After a hole was acknowledged: how many more segments, or how long, its bytes may still come (captures mix up the
/// order of the two directions).
const ACKED_SEGMENTS: u16 = 8;
const ACKED_WAIT: i64 = 100_000_000;
/// How long a hole is waited for when the peer's acknowledgements are not in the capture.
const SILENT_WAIT: i64 = 1_000_000_000;
/// Bookkeeping charged for a held piece beside its bytes.
const PIECE_COST: usize = 96;

/// A segment's bytes as they come.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Sequence number of the first payload byte.
    pub seq: u32,
    /// The captured payload.
    pub payload: &'a [u8],
    /// Payload bytes the snaplen cut off behind it.
    pub missing: u32,
    /// Whether the segment ends the stream.
    pub fin: bool,
    /// The packet that carries it.
    pub packet: PacketNumber,
    /// Where the payload begins in the packet's bytes, when it lies there.
    pub packet_offset: Option<u32>,
    /// When it was captured.
    pub time: Timestamp,
}

/// What comes out, in stream order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// Bytes in order.
    Bytes {
        /// Their position in the stream.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
        /// The packet they came in.
        packet: PacketNumber,
        /// Where they begin in that packet.
        packet_offset: Option<u32>,
        /// When they were in order: the time of the packet that closed the hole before them.
        time: Timestamp,
    },
    /// Bytes the capture does not have.
    Gap {
        /// Position of the first missing byte.
        offset: u64,
        /// How many.
        len: u64,
        /// The snaplen cut them off a packet that the capture has.
        is_cut: bool,
    },
    /// Bytes sent a second time differ from the first.
    Conflict {
        /// Position of the first byte that differs.
        offset: u64,
    },
    /// Bytes sent a second time, for whoever can still compare them with the first.
    Again {
        /// Their position.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The end of the stream, all bytes before it accounted for.
    End,
}

#[derive(Debug)]
struct Piece {
    bytes: Box<[u8]>,
    missing: u32,
    packet: PacketNumber,
    packet_offset: Option<u32>,
    time: Timestamp,
}

impl Piece {
    fn len(&self) -> u64 {
        self.bytes.len() as u64 + u64::from(self.missing)
    }

    fn cost(&self) -> usize {
        self.bytes.len() + PIECE_COST
    }
}

/// The rarely needed part: what waits behind a hole.
#[derive(Debug, Default)]
struct Held {
    pieces: BTreeMap<u64, Piece>,
    cost: usize,
    /// When the hole at `next` was first seen.
    since: Timestamp,
    /// Stream offset up to which the peer acknowledged, when that was, and segments since.
    acked: Option<(u64, Timestamp, u16)>,
    /// Before a start is known: the sequence number that stream offset [`JOIN_BASE`] stands for.
    joining: Option<u32>,
}

/// Offsets used while joining, in the middle of the range so that earlier segments fit below.
const JOIN_BASE: u64 = 1 << 40;

/// One direction's reassembly. Idle it is 40 bytes; what must be held is allocated only then.
#[derive(Debug, Default)]
pub struct Assembler {
    next: u32,
    started: bool,
    ended: bool,
    peer_acks: bool,
    keep_alives: u16,
    offset: u64,
    fin: Option<u64>,
    held: Option<Box<Held>>,
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

    /// Bytes held behind a hole, charged with their bookkeeping.
    #[must_use]
    pub fn held_cost(&self) -> usize {
        self.held.as_ref().map_or(0, |held| held.cost)
    }

    /// The position of the next byte to deliver.
    #[must_use]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The sequence number of the next byte to deliver, once a start is known.
    #[must_use]
    pub fn next_seq(&self) -> Option<u32> {
        self.started.then_some(self.next)
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

    /// Takes a segment's payload; holds at most `held_limit` bytes behind a hole.
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

    /// Gives up every hole: no more segments will come.
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

    /// What the peer acknowledged was sent before, so nothing earlier than the lowest segment held is under way.
    fn acked_joining(&mut self, ack: u32, deliver: &mut impl FnMut(Delivery<'_>)) {
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

    fn hold_joining(&mut self, segment: Incoming<'_>) {
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

    /// Starts at the lowest segment held, when there was no SYN.
    fn join(&mut self) {
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

    /// Fixes the sequence number of stream offset 0 and moves what was held there.
    fn start(&mut self, seq: u32) {
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

    /// Delivers whatever can be delivered now, giving up holes that the rules allow to give up.
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

    fn may_join(&self, held_limit: usize, now: Option<Timestamp>) -> bool {
        let Some(held) = &self.held else { return false };
        held.joining.is_some()
            && (held.pieces.len() >= JOIN_SEGMENTS
                || held.cost > held_limit
                || self.fin.is_some()
                || now.is_some_and(|now| now.since(held.since) > JOIN_WAIT))
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

    /// Declares the hole before the first held piece lost.
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

    /// Delivers held pieces that have become next. `filled` is when the hole before them closed; without it each has
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

impl Held {
    fn insert(&mut self, at: u64, piece: Piece) {
        self.cost += piece.cost();
        self.pieces.insert(at, piece);
    }
}

/// The part of a segment from `from` to `to`, counted from its first payload byte.
fn cut(segment: &Incoming<'_>, from: u64, to: u64) -> Piece {
    let captured = segment.payload.len() as u64;
    let (start, end) = (from.min(captured), to.min(captured));
    Piece {
        bytes: segment.payload[start as usize..end as usize].into(),
        missing: ((to - from) - (end - start)) as u32,
        packet: segment.packet,
        packet_offset: segment.packet_offset.map(|at| at + start as u32),
        time: segment.time,
    }
}

/// The first position at which two overlapping runs of bytes differ.
fn difference(a_at: u64, a: &[u8], b_at: u64, b: &[u8]) -> Option<u64> {
    let start = a_at.max(b_at);
    let end = (a_at + a.len() as u64).min(b_at + b.len() as u64);
    if start >= end {
        return None;
    }
    let a = &a[(start - a_at) as usize..(end - a_at) as usize];
    let b = &b[(start - b_at) as usize..(end - b_at) as usize];
    a.iter()
        .zip(b)
        .position(|(x, y)| x != y)
        .map(|at| start + at as u64)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ISN: u32 = u32::MAX - 20;

    fn segment(seq: u32, payload: &[u8], number: u64) -> Incoming<'_> {
        Incoming {
            seq,
            payload,
            missing: 0,
            fin: false,
            packet: PacketNumber(number),
            packet_offset: Some(54),
            time: Timestamp(number as i64 * 1000),
        }
    }

    /// What a run of deliveries amounts to: the bytes with `None` for missing ones, conflicts, and the end.
    #[derive(Debug, Default, PartialEq)]
    struct Seen {
        bytes: Vec<Option<u8>>,
        conflicts: Vec<u64>,
        ended: bool,
    }

    impl Seen {
        fn take(&mut self, delivery: Delivery<'_>) {
            match delivery {
                Delivery::Bytes { offset, bytes, .. } => {
                    assert_eq!(offset, self.bytes.len() as u64);
                    self.bytes.extend(bytes.iter().copied().map(Some));
                }
                Delivery::Gap { offset, len, .. } => {
                    assert_eq!(offset, self.bytes.len() as u64);
                    self.bytes.extend((0..len).map(|_| None));
                }
                Delivery::Conflict { offset } => self.conflicts.push(offset),
                Delivery::Again { .. } => {}
                Delivery::End => self.ended = true,
            }
        }

        fn text(&self) -> String {
            self.bytes
                .iter()
                .map(|byte| byte.map_or('_', char::from))
                .collect()
        }
    }

    fn run(syn: bool, segments: &[Incoming<'_>]) -> Seen {
        let mut assembler = Assembler::default();
        let mut seen = Seen::default();
        if syn {
            assembler.syn(ISN, &mut |delivery| seen.take(delivery));
        }
        for segment in segments {
            assembler.push(*segment, usize::MAX, &mut |delivery| seen.take(delivery));
        }
        assembler.finish(&mut |delivery| seen.take(delivery));
        assert_eq!(assembler.held_cost(), 0);
        seen
    }

    #[test]
    fn fills_holes_and_wraps() {
        let at = |offset: u32| ISN.wrapping_add(1 + offset);
        let seen = run(
            true,
            &[
                segment(at(0), b"abc", 1),
                segment(at(30), b"z", 2),
                segment(at(3), &[b'-'; 27], 3),
            ],
        );
        assert_eq!(seen.text(), format!("abc{}z", "-".repeat(27)));
    }

    #[test]
    fn first_arrival_wins_and_a_difference_is_told() {
        let at = |offset: u32| ISN.wrapping_add(1 + offset);
        let seen = run(
            true,
            &[
                segment(at(4), b"EFG", 1),
                segment(at(2), b"cdeF", 2),
                segment(at(0), b"ab", 3),
            ],
        );
        assert_eq!(seen.text(), "abcdEFG");
        assert_eq!(seen.conflicts, [4]);
    }

    #[test]
    fn a_cut_payload_is_a_gap_of_known_length() {
        let at = |offset: u32| ISN.wrapping_add(1 + offset);
        let cut = Incoming {
            missing: 3,
            ..segment(at(0), b"ab", 1)
        };
        let seen = run(true, &[cut, segment(at(5), b"f", 2)]);
        assert_eq!(seen.text(), "ab___f");
    }

    #[test]
    fn joins_at_the_lowest_of_the_first_segments() {
        let seen = run(
            false,
            &[
                segment(103, b"d", 1),
                segment(100, b"abc", 2),
                segment(104, b"e", 3),
            ],
        );
        assert_eq!(seen.text(), "abcde");
    }

    #[test]
    fn a_late_syn_fixes_the_start() {
        let mut seen = Seen::default();
        let mut assembler = Assembler::default();
        assembler.push(segment(12, b"b", 1), usize::MAX, &mut |delivery| {
            seen.take(delivery)
        });
        assembler.syn(10, &mut |delivery| seen.take(delivery));
        assembler.push(segment(11, b"a", 2), usize::MAX, &mut |delivery| {
            seen.take(delivery)
        });
        assert_eq!(seen.text(), "ab");
        assert!(assembler.began_with(10) && !assembler.began_with(11));
    }

    #[test]
    fn acknowledged_bytes_are_not_waited_for() {
        let mut seen = Seen::default();
        let mut assembler = Assembler::default();
        assembler.syn(0, &mut |_| {});
        assembler.push(segment(4, b"d", 1), usize::MAX, &mut |delivery| {
            seen.take(delivery)
        });
        assembler.acked(5, Timestamp(2000), &mut |delivery| seen.take(delivery));
        assert_eq!(seen.text(), "", "the bytes may be captured a little later");
        assembler.acked(5, Timestamp(200_000_000), &mut |delivery| {
            seen.take(delivery)
        });
        assert_eq!(seen.text(), "___d");
    }

    #[test]
    fn keep_alives_say_nothing() {
        let seen = run(
            true,
            &[
                segment(ISN.wrapping_add(1), b"ab", 1),
                segment(ISN.wrapping_add(2), b"\0", 2),
                segment(ISN.wrapping_add(3), b"c", 3),
            ],
        );
        assert_eq!((seen.text().as_str(), seen.conflicts.len()), ("abc", 0));
    }

    #[test]
    fn fin_ends_after_all_bytes() {
        let at = |offset: u32| ISN.wrapping_add(1 + offset);
        let fin = Incoming {
            fin: true,
            ..segment(at(2), b"", 1)
        };
        let seen = run(true, &[fin, segment(at(0), b"ab", 2)]);
        assert!(seen.ended);
        assert_eq!(seen.text(), "ab");
    }

    #[test]
    fn what_is_held_stays_under_the_limit() {
        let limit = 10_000;
        let mut assembler = Assembler::default();
        assembler.syn(0, &mut |_| {});
        for hole in 0..100_000u32 {
            assembler.push(
                segment(3 + hole * 2, b"x", u64::from(hole)),
                limit,
                &mut |_| {},
            );
            assert!(assembler.held_cost() <= limit + 200);
        }
    }

    proptest! {
        #[test]
        fn any_order_and_duplication_gives_the_same_bytes(
            text in proptest::collection::vec(any::<u8>(), 1..400),
            cuts in proptest::collection::vec((0usize..400, 1usize..80), 1..60),
            order in any::<u64>(),
            syn in any::<bool>(),
        ) {
            // Whole coverage by 16-byte segments, and arbitrary retransmissions between them, shuffled.
            let mut pieces: Vec<(usize, usize)> = (0..text.len()).step_by(16).map(|at| (at, 16)).collect();
            pieces.extend(cuts);
            let mut state = order | 1;
            for at in (1..pieces.len()).rev() {
                state ^= state << 13; state ^= state >> 7; state ^= state << 17;
                pieces.swap(at, (state % (at as u64 + 1)) as usize);
            }
            if !syn {
                pieces.insert(0, (0, 16));
            }
            let segments: Vec<_> = pieces.iter().enumerate().filter(|(_, (at, _))| *at < text.len()).map(|(number, (at, len))| {
                let end = (at + len).min(text.len());
                segment(ISN.wrapping_add(1 + *at as u32), &text[*at..end], number as u64)
            }).collect();
            let seen = run(syn, &segments);
            prop_assert_eq!(seen.bytes, text.iter().copied().map(Some).collect::<Vec<_>>());
            prop_assert!(seen.conflicts.is_empty());
        }

        #[test]
        fn no_segments_panic(
            segments in proptest::collection::vec((any::<u32>(), 0usize..50, 0u32..20, any::<bool>()), 0..80),
            syn in any::<bool>(), narrow in any::<bool>(),
        ) {
            let bytes = [7u8; 50];
            let limit = 2000;
            let mut assembler = Assembler::default();
            let mut position = 0;
            let mut check = |delivery: Delivery<'_>| if let Delivery::Bytes { offset, bytes, .. } = delivery {
                assert_eq!(offset, position); position += bytes.len() as u64;
            } else if let Delivery::Gap { offset, len, .. } = delivery {
                assert_eq!(offset, position); position += len;
            };
            if syn { assembler.syn(5, &mut check); }
            for (number, (seq, len, missing, fin)) in segments.into_iter().enumerate() {
                let seq = if narrow { seq % 300 } else { seq };
                let incoming = Incoming { missing, fin, ..segment(seq, &bytes[..len], number as u64) };
                assembler.push(incoming, limit, &mut check);
                assembler.acked(seq ^ 0x55, Timestamp(number as i64 * 9_000_000), &mut check);
            }
            assembler.finish(&mut check);
        }
    }
}
