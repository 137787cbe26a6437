//! A search through payloads that goes on in slices, so that keys are answered in between.

use crate::store::{Chunked, Store};
use crate::view::needle::Needle;
use crate::view::rows::List;
use crate::view::sought::Finds;

use super::elsewhere::AT_ONCE;

/// The rows that have what was searched for, counted beside the keys.
#[derive(Debug)]
pub(super) struct Tally {
    needle: Needle,
    /// What was listed: with another list it counts anew.
    pub(super) listed: String,
    /// How many rows were looked at.
    pub(super) at: usize,
    hits: Chunked<u32>,
    /// What others find.
    pub(super) finds: Option<Finds>,
}

impl Tally {
    /// None counted yet.
    #[must_use]
    pub(super) fn new(needle: Needle, listed: String) -> Self {
        Self {
            needle,
            listed,
            at: 0,
            hits: Chunked::default(),
            finds: None,
        }
    }

    /// Whether hits come from elsewhere.
    #[must_use]
    pub(super) fn is_fed(&self) -> bool {
        self.finds.as_ref().is_some_and(Finds::has_begun)
    }

    /// The rows of the index below this place were looked at elsewhere and are listed.
    fn below(finds: &Finds, store: &Store, list: &List) -> usize {
        finds.asked().min(list.asked_below(store))
    }

    /// Whether hits came from elsewhere that are not counted yet, or no more come.
    #[must_use]
    pub(super) fn has_news(&self, store: &Store, list: &List) -> bool {
        let finds = self.finds.as_ref().filter(|finds| finds.has_begun());
        finds.is_some_and(|finds| {
            finds.is_over() || list.place_of(store, Self::below(finds, store, list)).0 > self.at
        })
    }

    /// Counts the hits that came from elsewhere.
    pub(super) fn take(&mut self, store: &Store, list: &List) {
        let Some(mut finds) = self.finds.take() else {
            return;
        };
        let below = finds.upto(Self::below(&finds, store, list), AT_ONCE);
        while let Some(index) = finds.next(below) {
            let (place, is_listed) = list.place_of(store, index as usize);
            if is_listed && place >= self.at {
                self.hits.push(u32::try_from(place).unwrap_or(u32::MAX));
            }
        }
        let (place, _) = list.place_of(store, below);
        self.at = self.at.max(place);
        // What a file had no more of when it was read again is looked at row by row.
        if !finds.is_over() || below < finds.asked() {
            self.finds = Some(finds);
        }
    }

    /// Whether there are rows to look at.
    #[must_use]
    pub(super) fn is_going(&self, store: &Store, list: &List) -> bool {
        self.at < list.len(store)
    }

    /// Looks at one more row.
    pub(super) fn advance(&mut self, store: &Store, list: &List) {
        let row = list.row(store, self.at);
        if row.is_some_and(|row| self.needle.is_in_row(store, row)) {
            self.hits.push(u32::try_from(self.at).unwrap_or(u32::MAX));
        }
        self.at += 1;
    }

    /// Which of the hits a row is, how many there are, and whether that is all.
    #[must_use]
    pub(super) fn place(
        &self,
        at: usize,
        store: &Store,
        list: &List,
    ) -> (Option<usize>, usize, bool) {
        let found = self.hits.partition_point(|hit| (hit as usize) < at);
        let is_one = self.hits.get(found).is_some_and(|hit| hit as usize == at);
        let place = is_one.then_some(found + 1);
        (place, self.hits.len(), !self.is_going(store, list))
    }

    /// The first hit behind a row, of those known.
    #[must_use]
    pub(super) fn after(&self, at: usize) -> Option<usize> {
        let place = self.hits.partition_point(|hit| hit as usize <= at);
        self.hits.get(place).map(|hit| hit as usize)
    }

    /// The last hit before a row, of those known.
    #[must_use]
    pub(super) fn before(&self, at: usize) -> Option<usize> {
        let place = self.hits.partition_point(|hit| (hit as usize) < at);
        self.hits.get(place.checked_sub(1)?).map(|hit| hit as usize)
    }

    /// The hit after a row, or before it, around the end; once all are known.
    #[must_use]
    pub(super) fn next(&self, at: usize, up: bool) -> Option<usize> {
        match up {
            true => self.before(at).or_else(|| self.before(usize::MAX)),
            false => self
                .after(at)
                .or_else(|| self.hits.get(0).map(|hit| hit as usize)),
        }
    }
}

/// A search under way.
#[derive(Clone, Debug)]
pub struct Search {
    /// What for.
    pub needle: Needle,
    /// The row looked at next.
    pub at: usize,
    /// How many rows are left.
    pub left: usize,
    /// Whether it goes up.
    pub up: bool,
    /// The row it began behind.
    pub from: usize,
}

/// How far a slice came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Not yet.
    Going,
    /// At this place.
    Found(usize),
    /// Nowhere.
    Nowhere,
}

impl Search {
    /// A search from the row after (or before) `from`, around the end.
    #[must_use]
    pub fn new(needle: Needle, from: usize, len: usize, up: bool) -> Self {
        let mut search = Self {
            needle,
            at: from,
            left: len,
            up,
            from,
        };
        search.step(len);
        search
    }

    fn step(&mut self, len: usize) {
        if len == 0 {
            return;
        }
        self.at = match self.up {
            true => self.at.checked_sub(1).unwrap_or(len - 1),
            false => (self.at + 1) % len,
        };
    }

    /// Looks at one more row.
    pub fn advance(&mut self, store: &Store, list: &List) -> Progress {
        if self.left == 0 {
            return Progress::Nowhere;
        }
        self.left -= 1;
        let at = self.at;
        let found = list
            .row(store, at)
            .is_some_and(|row| self.needle.is_in_row(store, row));
        self.step(list.len(store));
        if found {
            Progress::Found(at)
        } else {
            Progress::Going
        }
    }
}
