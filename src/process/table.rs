//! The connections that are asked about, and when each is looked at next. What finds their processes is not known here.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hashbrown::HashMap;

use crate::base::Owners;

/// Connections remembered. Of older ones nothing is found out any more; what was found stays with who asked.
const MOST: usize = 65_536;

/// When a connection that somebody wants to know about is looked at again: a process may take the socket over from its
/// listener, or hand it to a child.
const WANTED: [u64; 3] = [50, 250, 1000];

/// The same for one whose process decides whether it is followed at all.
const FOLLOWED: [u64; 3] = [5, 30, 120];

/// Both ends, the smaller one first: the same for both directions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Pair(pub(super) SocketAddr, pub(super) SocketAddr);

impl Pair {
    pub(super) fn of(one: SocketAddr, other: SocketAddr) -> Self {
        Self(one.min(other), one.max(other))
    }

    /// Each end with its peer.
    pub(super) fn ends(self) -> [(SocketAddr, SocketAddr); 2] {
        [(self.0, self.1), (self.1, self.0)]
    }
}

/// Whether a connection belongs to the processes that are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// Not known (yet).
    Unknown,
    /// It does.
    Yes,
    /// It belongs to others.
    No,
}

/// One connection.
#[derive(Debug)]
struct Entry {
    owners: Arc<Owners>,
    /// Which entry of its addresses it is: they may be used again.
    number: u64,
    is_wanted: bool,
    /// Times it was looked at since it began or was wanted.
    tries: usize,
    since: Instant,
    due: Option<Instant>,
    /// Whether it stands among those that are due some time.
    is_waiting: bool,
    kept: Kept,
}

/// A connection to be looked at now.
#[derive(Clone, Debug)]
pub(super) struct Job {
    pub(super) pair: Pair,
    pub(super) owners: Arc<Owners>,
    pub(super) is_wanted: bool,
    /// How often it was looked at before.
    pub(super) tries: usize,
    /// Whether this is the last time.
    pub(super) is_last: bool,
    number: u64,
}

/// All connections asked about.
#[derive(Debug, Default)]
pub(super) struct Table {
    entries: HashMap<Pair, Entry>,
    order: VecDeque<(Pair, u64)>,
    /// Those that are due some time.
    waiting: Vec<Pair>,
    count: u64,
    /// Whether only the connections of certain processes are kept.
    pub(super) follows: bool,
}

impl Table {
    /// A connection begins; what was known of these addresses is of another one.
    pub(super) fn begin(&mut self, pair: Pair, now: Instant) {
        self.entries.remove(&pair);
        self.entry(pair, now);
    }

    /// Somebody wants to know about it from now on.
    pub(super) fn want(&mut self, pair: Pair, now: Instant) -> Arc<Owners> {
        let entry = self.entry(pair, now);
        if !entry.is_wanted {
            (entry.is_wanted, entry.tries) = (true, 0);
            (entry.since, entry.due) = (now, Some(now));
        }
        let owners = Arc::clone(&entry.owners);
        if !std::mem::replace(&mut entry.is_waiting, true) {
            self.waiting.push(pair);
        }
        owners
    }

    fn entry(&mut self, pair: Pair, now: Instant) -> &mut Entry {
        if !self.entries.contains_key(&pair) {
            self.count += 1;
            self.order.push_back((pair, self.count));
            self.waiting.push(pair);
            self.forget();
        }
        let number = self.count;
        self.entries.entry(pair).or_insert_with(|| Entry {
            owners: Arc::new(Owners::new(pair.0, pair.1)),
            number,
            is_wanted: false,
            tries: 0,
            since: now,
            due: Some(now),
            is_waiting: true,
            kept: Kept::Unknown,
        })
    }

    fn forget(&mut self) {
        while self.order.len() > MOST
            && let Some((pair, number)) = self.order.pop_front()
        {
            if self
                .entries
                .get(&pair)
                .is_some_and(|entry| entry.number == number)
            {
                self.entries.remove(&pair);
            }
        }
    }

    /// The connections that are due, which are not due again before they were [looked at](Self::looked).
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Job> {
        let mut jobs = Vec::new();
        for pair in &self.waiting {
            let Some(entry) = self.entries.get_mut(pair) else {
                continue;
            };
            if entry.due.is_none_or(|due| due > now) {
                continue;
            }
            entry.due = None;
            let schedule = schedule(entry.is_wanted, self.follows);
            jobs.push(Job {
                pair: *pair,
                owners: Arc::clone(&entry.owners),
                is_wanted: entry.is_wanted,
                tries: entry.tries,
                is_last: entry.tries >= schedule.len(),
                number: entry.number,
            });
        }
        jobs
    }

    /// A connection was looked at; says when it is next, if it is not `done`.
    pub(super) fn looked(&mut self, job: &Job, is_done: bool, kept: Kept) {
        let follows = self.follows;
        let Some(entry) = self.entries.get_mut(&job.pair) else {
            return;
        };
        if entry.number != job.number {
            return;
        }
        if entry.kept == Kept::Unknown {
            entry.kept = kept;
        }
        // It was wanted only while it was looked at: then it is due already.
        if entry.due.is_some() {
            return;
        }
        let schedule = schedule(entry.is_wanted, follows);
        let next = schedule.get(entry.tries).filter(|_| !is_done);
        entry.due = next.map(|after| entry.since + Duration::from_millis(*after));
        entry.tries += 1;
    }

    /// When the next one is due.
    pub(super) fn next_due(&mut self) -> Option<Instant> {
        let entries = &mut self.entries;
        let mut next = None;
        self.waiting.retain(|pair| {
            let Some(entry) = entries.get_mut(pair) else {
                return false;
            };
            entry.is_waiting = entry.due.is_some();
            next = match (next, entry.due) {
                (Some(next), Some(due)) => Some(std::cmp::min::<Instant>(next, due)),
                (next, due) => next.or(due),
            };
            entry.is_waiting
        });
        next
    }

    /// Whether the connection is one of those that are followed; `None` when it is not known at all.
    pub(super) fn kept(&self, pair: Pair) -> Option<Kept> {
        self.entries.get(&pair).map(|entry| entry.kept)
    }

    /// What was found out, for as many connections as are remembered.
    pub(super) fn owners(&self, pair: Pair) -> Option<Arc<Owners>> {
        Some(Arc::clone(&self.entries.get(&pair)?.owners))
    }
}

/// When a connection is looked at after the first time, in milliseconds since it began or was wanted.
fn schedule(is_wanted: bool, follows: bool) -> &'static [u64] {
    match (is_wanted, follows) {
        (true, _) => &WANTED,
        (false, true) => &FOLLOWED,
        (false, false) => &[],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(port: u16) -> Pair {
        Pair::of(
            SocketAddr::from(([127, 0, 0, 1], port)),
            SocketAddr::from(([127, 0, 0, 2], 80)),
        )
    }

    #[test]
    fn a_connection_that_nobody_wants_is_looked_at_once() {
        let (mut table, now) = (Table::default(), Instant::now());
        table.begin(pair(1), now);
        let jobs = table.take_due(now);
        assert_eq!((jobs.len(), jobs[0].is_last), (1, true));
        table.looked(&jobs[0], false, Kept::Unknown);
        assert_eq!(table.next_due(), None);
    }

    #[test]
    fn a_wanted_one_is_looked_at_again_until_it_is_known() {
        let (mut table, start) = (Table::default(), Instant::now());
        table.begin(pair(1), start);
        let jobs = table.take_due(start);
        table.looked(&jobs[0], false, Kept::Unknown);
        table.want(pair(1), start);
        let mut times = Vec::new();
        while let Some(due) = table.next_due() {
            times.push(due.duration_since(start).as_millis());
            let jobs = table.take_due(due);
            table.looked(&jobs[0], false, Kept::Unknown);
        }
        assert_eq!(times, [0, 50, 250, 1000]);
        table.want(pair(2), start);
        let jobs = table.take_due(start);
        table.looked(&jobs[0], true, Kept::Unknown);
        assert_eq!(table.next_due(), None, "it is known");
    }

    #[test]
    fn addresses_used_again_are_another_connection() {
        let (mut table, now) = (Table::default(), Instant::now());
        let first = table.want(pair(1), now);
        let old = table.take_due(now);
        table.begin(pair(1), now);
        table.looked(&old[0], true, Kept::Yes);
        assert_eq!(table.kept(pair(1)), Some(Kept::Unknown));
        assert!(!Arc::ptr_eq(&first, &table.want(pair(1), now)));
    }

    #[test]
    fn no_more_are_remembered_than_may_be() {
        let (mut table, now) = (Table::default(), Instant::now());
        for port in 0..=u16::MAX {
            table.begin(pair(port), now);
            table.begin(pair(port), now);
        }
        assert!(table.entries.len() <= MOST && table.order.len() <= MOST);
        table.take_due(now);
        table.next_due();
        assert!(table.waiting.is_empty());
    }
}
