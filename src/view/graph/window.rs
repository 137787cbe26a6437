//! Of which connections and of which part of time a graph is, and the rows in it.

use crate::base::Timestamp;
use crate::store::Store;

/// The connections it is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Of {
    /// One.
    One(u32),
    /// Some, by their indexes in order.
    Some(Vec<u32>),
    /// All there are.
    All,
}

impl Of {
    pub(super) fn has(&self, connection: u32) -> bool {
        match self {
            Of::One(one) => *one == connection,
            Of::Some(some) => some.binary_search(&connection).is_ok(),
            Of::All => true,
        }
    }
}

/// Buckets side by side.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Where the first begins.
    pub from: Timestamp,
    /// How long each is, in nanoseconds.
    pub width: i64,
    /// How many.
    pub count: usize,
}

impl Window {
    /// Where the last ends.
    #[must_use]
    pub fn to(&self) -> Timestamp {
        self.begin(self.count)
    }

    /// Where a bucket begins.
    #[must_use]
    pub fn begin(&self, at: usize) -> Timestamp {
        let at = i64::try_from(at).unwrap_or(i64::MAX);
        Timestamp(self.from.0.saturating_add(self.width.saturating_mul(at)))
    }

    /// How long a bucket is, in words.
    #[must_use]
    pub fn width_text(&self) -> String {
        match self.width {
            nanoseconds @ ..1_000_000 => format!("{} µs", nanoseconds / 1_000),
            nanoseconds @ 1_000_000..1_000_000_000 => format!("{} ms", nanoseconds / 1_000_000),
            nanoseconds => format!("{} s", nanoseconds / 1_000_000_000),
        }
    }

    /// The bucket of a moment.
    #[must_use]
    pub fn bucket(&self, time: Timestamp) -> Option<usize> {
        let at = time.since(self.from);
        let at = usize::try_from(at).ok()? / usize::try_from(self.width).ok()?.max(1);
        (at < self.count).then_some(at)
    }
}

/// The index of the frame or message at a place of what is looked through.
pub(super) fn place(store: &Store, of: &Of, at: usize, messages: bool) -> Option<u32> {
    match of {
        Of::One(one) => {
            let entry = store.connection(*one)?;
            match messages {
                true => entry.messages.get(at),
                false => entry.frames.get(at),
            }
        }
        Of::Some(_) | Of::All => u32::try_from(at).ok(),
    }
}

/// The places in a list in order of time that are in a window.
pub(super) fn places(
    len: usize,
    window: Window,
    time: impl Fn(usize) -> Option<Timestamp>,
) -> (usize, usize) {
    let first = |limit: Timestamp| {
        let (mut low, mut high) = (0, len);
        while low < high {
            let middle = low + (high - low) / 2;
            match time(middle).is_some_and(|time| time < limit) {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    };
    let from = first(window.from);
    (from, first(window.to()).max(from))
}
