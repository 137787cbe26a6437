//! The streams of a connection, each direction in order (RFC 9000 section 2).
//!
//! Stream numbers are given in order, so one that is neither followed nor new is over: nothing is kept of it. What waits for
//! missing bytes is bounded, in bytes and in capture time; then the missing bytes are a gap.

use std::collections::{BTreeMap, BTreeSet};

use crate::base::{Limits, PerSide, Side, Timestamp};

use super::assembly::Assembly;
use super::sink::{EventSink, Piece};

/// How long bytes wait for missing ones. A sender repeats what got lost within a few round trips.
const PATIENCE: i64 = 3_000_000_000;

/// Numbers passed over at once that are taken for streams whose first packet is late.
const LATE: u64 = 128;

/// Who opens a stream of this number (RFC 9000 section 2.1).
#[must_use]
pub fn initiator(stream: u64) -> Side {
    match stream & 1 {
        0 => Side::Client,
        _ => Side::Server,
    }
}

/// Whether only its initiator sends on a stream of this number.
#[must_use]
pub fn is_unidirectional(stream: u64) -> bool {
    stream & 2 != 0
}

#[derive(Debug, Default)]
struct Half {
    assembly: Assembly,
    /// Where it ends, once that was said.
    end: Option<u64>,
    is_over: bool,
    /// Since when bytes wait.
    since: Option<Timestamp>,
}

/// Streams that may have been open when the capture joined the connection: those below the first that was seen of their kind.
#[derive(Debug, Default)]
struct Older {
    /// The first number that was seen, by kind.
    first: [Option<u64>; 4],
    /// Those that are over since.
    ended: BTreeSet<u64>,
}

impl Older {
    fn seen(&mut self, stream: u64) {
        if let Some(first) = self.first.get_mut((stream & 3) as usize) {
            first.get_or_insert(stream);
        }
    }

    fn may_be_open(&self, stream: u64) -> bool {
        let first = self.first.get((stream & 3) as usize).copied().flatten();
        first.is_some_and(|first| stream < first) && !self.ended.contains(&stream)
    }

    /// Of too many that ended the first are forgotten.
    fn ended(&mut self, stream: u64, most: usize) {
        if self.may_be_open(stream) {
            self.ended.insert(stream);
            if self.ended.len() > most {
                self.ended.pop_first();
            }
        }
    }
}

/// All streams that are not over.
#[derive(Debug)]
pub(super) struct Streams {
    by_id: BTreeMap<u64, PerSide<Half>>,
    /// How many of each of the four kinds were opened.
    opened: [u64; 4],
    /// Bytes that wait, over all streams.
    cost: usize,
    /// Since when some bytes wait, at least.
    since: Option<Timestamp>,
    /// The latest two packets of each side that had streams.
    latest: PerSide<[Option<u64>; 2]>,
    /// What was open before, of a connection that was joined in its middle.
    older: Option<Older>,
    most: usize,
    most_bytes: usize,
}

impl Streams {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            by_id: BTreeMap::new(),
            opened: [0; 4],
            cost: 0,
            since: None,
            latest: PerSide::default(),
            older: None,
            most: limits.http2_streams,
            most_bytes: limits.held_bytes,
        }
    }

    /// The connection is not seen from its beginning.
    pub(super) fn join(&mut self) {
        self.older = Some(Older::default());
    }

    /// Bytes kept.
    pub(super) fn memory(&self) -> usize {
        let older = self.older.as_ref().map_or(0, |older| older.ended.len());
        self.cost + self.by_id.len() * size_of::<(u64, PerSide<Half>)>() + older * 16
    }

    /// A STREAM frame.
    pub(super) fn data(
        &mut self,
        (stream, from): (u64, Side),
        (offset, bytes, piece): (u64, &[u8], Piece),
        fin: bool,
        now: Timestamp,
        out: &mut impl EventSink,
    ) {
        if is_unidirectional(stream) && from != initiator(stream) || !self.open(stream, out) {
            return;
        }
        let before = self.before(from, piece.number);
        let Some(half) = self.by_id.get_mut(&stream).map(|halves| &mut halves[from]) else {
            return;
        };
        if half.is_over {
            return;
        }
        half.assembly.begins_after(before);
        if fin {
            half.end
                .get_or_insert(offset.saturating_add(bytes.len() as u64));
        }
        let before = half.assembly.cost();
        let mut is_wanted = true;
        half.assembly
            .push(offset, bytes, piece, &mut |_, bytes, piece| {
                is_wanted = is_wanted && out.data(stream, from, bytes, piece);
            });
        let after = half.assembly.cost();
        self.cost = self.cost + after - before;
        match after > 0 {
            true => {
                half.since.get_or_insert(now);
                self.since.get_or_insert(now);
            }
            false => half.since = None,
        }
        self.settle(stream, from, is_wanted, out);
        if self.cost > self.most_bytes {
            self.pass(stream, from, out);
        }
    }

    /// The packet with streams before this one, which is the latest from here on.
    fn before(&mut self, from: Side, number: u64) -> Option<u64> {
        let [previous, latest] = &mut self.latest[from];
        if latest.is_none_or(|latest| latest < number) {
            *previous = latest.replace(number);
        }
        *previous
    }

    /// Whether bytes wait for missing ones.
    pub(super) fn waits(&self) -> bool {
        self.since.is_some()
    }

    /// The receiver has acknowledged packets: holes that `is_lost` says were in such as were never seen are passed over. It is
    /// asked for what lies between two packets of this side.
    pub(super) fn acknowledged(
        &mut self,
        from: Side,
        is_lost: impl Fn(u64, u64) -> bool,
        out: &mut impl EventSink,
    ) {
        for (stream, side) in self.waiting(|_| true) {
            while side == from && self.is_lost(stream, from, &is_lost) {
                self.pass(stream, from, out);
            }
        }
    }

    fn is_lost(&self, stream: u64, from: Side, is_lost: impl Fn(u64, u64) -> bool) -> bool {
        let half = self.by_id.get(&stream).map(|halves| &halves[from]);
        let hole = half.and_then(|half| half.assembly.hole());
        hole.is_some_and(|(after, before)| is_lost(after, before))
    }

    /// RESET_STREAM.
    pub(super) fn reset(&mut self, stream: u64, from: Side, code: u64, out: &mut impl EventSink) {
        if is_unidirectional(stream) && from != initiator(stream) || !self.open(stream, out) {
            return;
        }
        if self
            .by_id
            .get(&stream)
            .is_some_and(|halves| !halves[from].is_over)
        {
            out.reset(stream, from, code);
            self.over(stream, from);
        }
    }

    /// Gives up waiting for what has not come in a long time.
    pub(super) fn advance(&mut self, now: Timestamp, out: &mut impl EventSink) {
        let is_late = |since: Timestamp| now.0.saturating_sub(since.0) > PATIENCE;
        if !self.since.is_some_and(is_late) {
            return;
        }
        for (stream, side) in self.waiting(is_late) {
            self.pass(stream, side, out);
        }
        let halves = self
            .by_id
            .values()
            .flat_map(|halves| [&halves.client, &halves.server]);
        self.since = halves.filter_map(|half| half.since).min();
    }

    /// No more packets will come: what waits is delivered behind its gaps.
    pub(super) fn finish(&mut self, out: &mut impl EventSink) {
        for (stream, side) in self.waiting(|_| true) {
            while self.pass(stream, side, out) {}
        }
        self.since = None;
    }

    /// The directions in which bytes wait, since then.
    fn waiting(&self, is_meant: impl Fn(Timestamp) -> bool) -> Vec<(u64, Side)> {
        let mut found = Vec::new();
        for (stream, halves) in &self.by_id {
            for side in Side::BOTH {
                if halves[side].since.is_some_and(&is_meant) {
                    found.push((*stream, side));
                }
            }
        }
        found
    }

    /// Passes over the next hole of a direction; whether there was one.
    fn pass(&mut self, stream: u64, from: Side, out: &mut impl EventSink) -> bool {
        let Some(half) = self.by_id.get_mut(&stream).map(|halves| &mut halves[from]) else {
            return false;
        };
        let before = half.assembly.cost();
        let (mut is_wanted, mut missing) = (true, None);
        // The gap comes before what waited behind it.
        let mut pieces: Vec<(Vec<u8>, Piece)> = Vec::new();
        let had_hole = half.assembly.pass_hole(
            &mut |_, bytes, piece| pieces.push((bytes.to_vec(), piece)),
            |len| missing = Some(len),
        );
        let after = half.assembly.cost();
        self.cost = self.cost + after - before;
        if after == 0 {
            half.since = None;
        }
        if let Some(len) = missing {
            is_wanted = out.gap(stream, from, len);
        }
        for (bytes, piece) in pieces {
            is_wanted = is_wanted && out.data(stream, from, &bytes, piece);
        }
        self.settle(stream, from, is_wanted, out);
        had_hole
    }

    /// Ends a direction that is complete, and forgets a stream that is of no interest.
    fn settle(&mut self, stream: u64, from: Side, is_wanted: bool, out: &mut impl EventSink) {
        if !is_wanted {
            return self.forget(stream);
        }
        let Some(half) = self.by_id.get_mut(&stream).map(|halves| &mut halves[from]) else {
            return;
        };
        if half.end.is_some_and(|end| half.assembly.next() >= end) && !half.is_over {
            out.end(stream, from);
            self.over(stream, from);
        }
    }

    fn over(&mut self, stream: u64, from: Side) {
        let Some(halves) = self.by_id.get_mut(&stream) else {
            return;
        };
        let half = &mut halves[from];
        half.is_over = true;
        half.since = None;
        self.cost -= half.assembly.cost();
        half.assembly = Assembly::default();
        let is_over = match is_unidirectional(stream) {
            true => true,
            false => halves.client.is_over && halves.server.is_over,
        };
        if is_over {
            self.by_id.remove(&stream);
            self.ended(stream);
        }
    }

    fn ended(&mut self, stream: u64) {
        if let Some(older) = &mut self.older {
            older.ended(stream, self.most);
        }
    }

    fn forget(&mut self, stream: u64) {
        if let Some(halves) = self.by_id.remove(&stream) {
            self.cost -= halves.client.assembly.cost() + halves.server.assembly.cost();
            self.ended(stream);
        }
    }

    /// Whether the stream is followed, with those of its kind that were opened with it.
    fn open(&mut self, stream: u64, out: &mut impl EventSink) -> bool {
        let Some(opened) = self.opened.get_mut((stream & 3) as usize) else {
            return false;
        };
        let index = stream >> 2;
        let is_older = self
            .older
            .as_ref()
            .is_some_and(|older| older.may_be_open(stream));
        if index < *opened && !is_older {
            return self.by_id.contains_key(&stream);
        }
        let mut first = (*opened).max(index.saturating_sub(LATE));
        if let Some(older) = &mut self.older
            && (is_older || *opened == 0)
        {
            older.seen(stream);
            first = index;
        }
        *opened = (*opened).max(index + 1);
        for each in first..=index {
            self.by_id.entry(each << 2 | stream & 3).or_default();
        }
        while self.by_id.len() > self.most {
            let Some(oldest) = self
                .by_id
                .keys()
                .copied()
                .find(|id| !is_unidirectional(*id))
            else {
                self.by_id.pop_first();
                continue;
            };
            self.forget(oldest);
            out.dropped(oldest);
        }
        self.by_id.contains_key(&stream)
    }
}
