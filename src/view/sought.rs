//! Which rows are looked for in a whole capture, and which were found so far.
//!
//! A row of the index is asked by reading its packets again, which takes ten times as long as reading the capture from its
//! beginning to its end, on all cores. So whoever can read a capture again does that for long lists, and says which rows
//! match by their places in the index: a [`Sought`] says what for, a [`Finds`] is what came back.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::engine::PayloadAs;
use crate::filter::Filter;
use crate::run::ConnectionKey;

use super::needle::Needle;
use super::rows::Kind;

/// What rows are looked for.
#[derive(Clone, Debug)]
pub struct Sought {
    /// Which of several searches it is.
    pub id: u64,
    /// Frames or messages.
    pub kind: Kind,
    /// What they must have.
    pub by: By,
    /// Connections that are read as a protocol that they do not seem to be.
    pub forced: Vec<PayloadAs>,
    /// Whether somebody still waits for it.
    pub wanted: Wanted,
}

/// Searches are told apart by their numbers.
impl PartialEq for Sought {
    fn eq(&self, other: &Self) -> bool {
        self.id == other.id
    }
}

impl Eq for Sought {}

/// What a row must have.
#[derive(Clone, Debug)]
pub enum By {
    /// What a filter lets through. With the keys of all connections, in the order of their numbers, where it asks for those.
    Filter(Filter, Vec<ConnectionKey>),
    /// This in its payload.
    Needle(Needle),
}

/// Whether somebody still waits for rows. Clones are one.
#[derive(Clone, Debug)]
pub struct Wanted(Arc<AtomicBool>);

impl Wanted {
    fn new() -> Self {
        Self(Arc::new(AtomicBool::new(true)))
    }

    /// Whether somebody still does.
    #[must_use]
    pub fn is(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// Rows that were found, one batch after the other.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Found {
    /// For which search.
    pub id: u64,
    /// How many rows of the index were asked so far.
    pub asked: usize,
    /// Those of them that were not told before and match, in order.
    pub rows: Vec<u32>,
    /// Whether that was all there is.
    pub is_over: bool,
}

/// What was found so far and not taken yet. Whoever looks stops when this is dropped.
#[derive(Debug)]
pub struct Finds {
    id: u64,
    wanted: Wanted,
    asked: usize,
    rows: VecDeque<u32>,
    has_begun: bool,
    is_over: bool,
}

impl Finds {
    /// Nothing yet.
    #[must_use]
    pub fn new(id: u64) -> Self {
        Self {
            id,
            wanted: Wanted::new(),
            asked: 0,
            rows: VecDeque::new(),
            has_begun: false,
            is_over: false,
        }
    }

    /// Which search it is of.
    #[must_use]
    pub fn id(&self) -> u64 {
        self.id
    }

    /// What says whether somebody still waits.
    #[must_use]
    pub fn wanted(&self) -> Wanted {
        self.wanted.clone()
    }

    /// More was found, or the end was reached.
    pub fn take(&mut self, found: Found) {
        self.has_begun = true;
        self.asked = self.asked.max(found.asked);
        self.rows.extend(found.rows);
        self.is_over |= found.is_over;
    }

    /// Whether anything came.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.has_begun
    }

    /// Whether nothing more comes.
    #[must_use]
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// How many rows of the index were asked.
    #[must_use]
    pub fn asked(&self) -> usize {
        self.asked
    }

    /// How far to take rows at once: before a place, and before more than so many of them.
    #[must_use]
    pub fn upto(&self, place: usize, most: usize) -> usize {
        self.rows
            .get(most)
            .map_or(place, |row| place.min(*row as usize))
    }

    /// Takes the next row found among the first `upto` of the index.
    pub fn next(&mut self, upto: usize) -> Option<u32> {
        let is_before = |row: &u32| (*row as usize) < upto;
        self.rows.front().filter(|row| is_before(row))?;
        self.rows.pop_front()
    }
}

impl Drop for Finds {
    fn drop(&mut self) {
        self.wanted.0.store(false, Ordering::Relaxed);
    }
}
