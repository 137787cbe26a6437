//! What connections did over time: bytes and frames of each side, and how long round trips took.
//!
//! Time is cut into buckets as wide as a column of whoever draws, 1, 2 or 5 of a power of ten. What falls into them is gathered in
//! slices from the index: frames first, then round trips, which may take decoding what messages carry.

mod trips;
mod window;

use crate::base::{PerSide, Side, Timestamp};
use crate::store::Store;

use trips::Trips;
pub use trips::{Group, Trip, TripKind};
pub use window::{Of, Window};
use window::{place, places};

/// The narrowest bucket, in nanoseconds.
const NARROWEST: i64 = 1_000;

/// What is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Chart {
    /// Bytes of payload a second.
    #[default]
    Bytes,
    /// Frames a second.
    Frames,
    /// How long round trips took.
    Trips,
}

impl Chart {
    /// All of them, in the order of their keys.
    pub const ALL: [Chart; 3] = [Chart::Bytes, Chart::Frames, Chart::Trips];

    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Chart::Bytes => "bytes a second",
            Chart::Frames => "frames a second",
            Chart::Trips => "round trips",
        }
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Self {
        match self {
            Chart::Bytes => Chart::Frames,
            Chart::Frames => Chart::Trips,
            Chart::Trips => Chart::Bytes,
        }
    }
}

/// What fell into a column.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bucket {
    /// Frames of each side.
    pub frames: PerSide<u64>,
    /// Bytes of their payloads, as far as they were captured.
    pub bytes: PerSide<u64>,
    /// The first frame, by its index.
    pub first: Option<u32>,
}

/// The next width of the series 1, 2, 5, 10 ... that is at least as wide.
fn at_least(width: i64) -> i64 {
    let mut unit = NARROWEST;
    loop {
        for step in [1, 2, 5] {
            let found = unit.saturating_mul(step);
            if found >= width || found == i64::MAX {
                return found;
            }
        }
        unit = unit.saturating_mul(10);
    }
}

/// The next narrower one.
fn narrower(width: i64) -> i64 {
    let mut found = NARROWEST;
    loop {
        let next = at_least(found + 1);
        if next >= width {
            return found;
        }
        found = next;
    }
}

/// The graph.
#[derive(Debug)]
pub struct Graph {
    of: Of,
    /// When the connections began and ended.
    span: (Timestamp, Timestamp),
    window: Window,
    buckets: Vec<Bucket>,
    trips: Trips,
    /// The next frame to look at, and where to stop: places in the list of the connection's, or in that of all.
    left: (usize, usize),
    looked: usize,
}

impl Graph {
    /// The graph of connections in as many buckets as there are columns: all of their time.
    #[must_use]
    pub fn new(store: &Store, of: Of, columns: usize) -> Self {
        let mut graph = Self {
            span: span(store, &of),
            of,
            window: Window::default(),
            buckets: Vec::new(),
            trips: Trips::default(),
            left: (0, 0),
            looked: 0,
        };
        graph.show_all(store, columns);
        graph
    }

    /// What it is of.
    #[must_use]
    pub fn of(&self) -> &Of {
        &self.of
    }

    /// What is shown.
    #[must_use]
    pub fn window(&self) -> Window {
        self.window
    }

    /// What fell into each column.
    #[must_use]
    pub fn buckets(&self) -> &[Bucket] {
        &self.buckets
    }

    /// The round trips that came back in a bucket, by kind.
    pub fn trips(&self, at: usize) -> impl Iterator<Item = &Group> {
        self.trips.groups(at)
    }

    /// The shortest and the longest of all that are shown, in nanoseconds.
    #[must_use]
    pub fn trip_range(&self) -> Option<(i64, i64)> {
        let all = (0..self.window.count).flat_map(|at| self.trips(at));
        let all = all.map(|group| (group.shortest, group.longest.took));
        all.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)))
    }

    /// Whether the answers to calls were left out: there are too many connections to decode them all.
    #[must_use]
    pub fn is_without_calls(&self) -> bool {
        self.trips.is_without_calls()
    }

    /// The longest round trip that ended in a bucket.
    #[must_use]
    pub fn longest_trip(&self, at: usize) -> Option<&Trip> {
        let trips = self.trips(at).map(|group| &group.longest);
        trips.max_by_key(|trip| trip.took)
    }

    /// Shows all of the connections' time.
    pub fn show_all(&mut self, store: &Store, columns: usize) {
        self.span = span(store, &self.of);
        let columns = columns.max(1);
        let all = self.span.1.since(self.span.0).saturating_add(1).max(1);
        let per = i64::try_from(columns).unwrap_or(i64::MAX);
        let width = at_least(all / per + i64::from(all % per > 0));
        self.show(store, self.span.0, width, columns);
    }

    /// As many buckets from somewhere on; what falls into them is gathered anew.
    fn show(&mut self, store: &Store, from: Timestamp, width: i64, count: usize) {
        self.window = Window { from, width, count };
        self.buckets = vec![Bucket::default(); count];
        self.left = frames(store, &self.of, self.window);
        self.trips = Trips::new(store, &self.of, self.window);
        self.looked = 0;
    }

    /// The same part of the time in other columns, or with what came since.
    pub fn refresh(&mut self, store: &Store, columns: usize) {
        let is_all = self.span.0 == self.window.from && self.span.1 < self.window.to();
        if is_all {
            return self.show_all(store, columns);
        }
        self.span = span(store, &self.of);
        let Window { from, width, .. } = self.window;
        self.show(store, from, width, columns);
    }

    /// Narrower or wider buckets, with the moment in this bucket where it was; the bucket that it is in then.
    pub fn zoom(&mut self, store: &Store, at: usize, inwards: bool) -> usize {
        let Window { width, count, .. } = self.window;
        let next = match inwards {
            true => narrower(width),
            false => at_least(width + 1),
        };
        let all = self.span.1.since(self.span.0);
        let would_have = next.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX));
        if !inwards && would_have > all && self.window.from == self.span.0 {
            return at;
        }
        let moment = self.window.begin(at);
        let before = next.saturating_mul(i64::try_from(at).unwrap_or(i64::MAX));
        let from = Timestamp(moment.0.saturating_sub(before).max(self.span.0.0));
        let from = match !inwards && would_have > all {
            true => self.span.0,
            false => from,
        };
        self.show(store, from, next, count);
        self.window.bucket(moment).unwrap_or(0)
    }

    /// Moves by this many buckets, no further than the connections' time.
    pub fn scroll(&mut self, store: &Store, by: i64) {
        let Window { from, width, count } = self.window;
        let room = width.saturating_mul(i64::try_from(count).unwrap_or(i64::MAX) / 2);
        let last = self.span.1.0.saturating_sub(room).max(self.span.0.0);
        let moved = from.0.saturating_add(width.saturating_mul(by));
        let moved = moved.clamp(self.span.0.0, last.max(self.span.0.0));
        if moved != from.0 {
            self.show(store, Timestamp(moved), width, count);
        }
    }

    /// Whether something is left to gather.
    #[must_use]
    pub fn is_gathering(&self) -> bool {
        self.left.0 < self.left.1 || self.trips.is_gathering()
    }

    /// How much of a hundred is gathered.
    #[must_use]
    pub fn percent(&self) -> usize {
        let (looked, left) = self.trips.progress();
        let (looked, left) = (self.looked + looked, self.left.1 - self.left.0 + left);
        looked * 100 / (looked + left).max(1)
    }

    /// Looks at some more frames, or messages.
    pub fn gather(&mut self, store: &Store, count: usize) {
        if self.left.0 >= self.left.1 {
            return self.trips.gather(store, &self.of, self.window, count);
        }
        let end = self.left.1.min(self.left.0 + count);
        for at in self.left.0..end {
            self.frame(store, at);
        }
        self.looked += end - self.left.0;
        self.left.0 = end;
    }

    fn frame(&mut self, store: &Store, at: usize) {
        let Some(index) = place(store, &self.of, at, false) else {
            return;
        };
        let Some(frame) = store.frame(index) else {
            return;
        };
        if !self.of.has(frame.connection) {
            return;
        }
        let Some(bucket) = self.window.bucket(frame.time()) else {
            return;
        };
        let odd = store.odd(index);
        let length = odd.map_or_else(|| frame.header(None).payload_length, |odd| odd.captured);
        let bucket = &mut self.buckets[bucket];
        bucket.first.get_or_insert(index);
        bucket.frames[frame.from()] += 1;
        let bytes = &mut bucket.bytes[frame.from()];
        *bytes = bytes.saturating_add(length);
    }

    /// What a bucket has of one side, a second.
    #[must_use]
    pub fn rate(&self, chart: Chart, at: usize, side: Side) -> f64 {
        let bucket = self.buckets.get(at).copied().unwrap_or_default();
        let value = match chart {
            Chart::Bytes => bucket.bytes[side],
            Chart::Frames => bucket.frames[side],
            Chart::Trips => 0,
        };
        value as f64 * 1e9 / self.window.width.max(1) as f64
    }

    /// The most that any bucket has of either side.
    #[must_use]
    pub fn most(&self, chart: Chart) -> f64 {
        let all = 0..self.buckets.len();
        let all = all.flat_map(|at| Side::BOTH.map(|side| self.rate(chart, at, side)));
        all.fold(0.0, f64::max)
    }
}

/// When connections began and ended.
fn span(store: &Store, of: &Of) -> (Timestamp, Timestamp) {
    let all: Box<dyn Iterator<Item = u32>> = match of {
        Of::One(one) => Box::new(std::iter::once(*one)),
        Of::Some(some) => Box::new(some.iter().copied()),
        Of::All => Box::new(0..u32::try_from(store.connections().len()).unwrap_or(u32::MAX)),
    };
    let ends = all
        .filter_map(|index| store.connection(index))
        .map(|entry| {
            let last = entry.ended.map_or(entry.last, |at| at.time.max(entry.last));
            (entry.connection.opened, last)
        });
    let all = ends.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1)));
    all.unwrap_or((store.start(), store.start()))
}

/// The places of the frames in a window.
fn frames(store: &Store, of: &Of, window: Window) -> (usize, usize) {
    let len = match of {
        Of::One(one) => store.connection(*one).map_or(0, |entry| entry.frames.len()),
        Of::Some(_) | Of::All => store.frame_count(),
    };
    places(len, window, |at| {
        let index = place(store, of, at, false)?;
        store.frame(index).map(|frame| frame.time())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn widths_are_one_two_and_five() {
        let wide: Vec<i64> = [1, 1_000, 1_001, 2_001, 5_001, 999_999]
            .map(at_least)
            .to_vec();
        assert_eq!(wide, [1_000, 1_000, 2_000, 5_000, 10_000, 1_000_000]);
        let narrow = [1_000, 2_000, 5_000, 10_000].map(narrower);
        assert_eq!(narrow, [1_000, 1_000, 2_000, 5_000]);
    }
}
