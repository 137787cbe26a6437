//! The flows alive, found by their route, and forgotten by capture time.
//!
//! Slots lie in one vector; a hash table finds them by part of the hash, so that it can say where a flow probably is
//! without waiting for the flow's memory. Of closed flows only the keys are remembered. Time is kept by queues whose
//! entries all wait equally long, so that expiry costs a constant per flow and period, however many flows there are.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::base::{Limits, Timestamp};
use crate::wire::FlowKey;

/// A flow's place in the table; of no meaning after the flow was removed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowId(u32);

/// Why a flow is handed back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expiry {
    /// It was silent for the time its kind is allowed.
    Idle,
    /// It was to be ended a little after its reset, and that time has passed.
    Lingered,
    /// There was no more room.
    Evicted,
}

/// What the table asks of the flows it keeps.
pub trait Ages {
    /// The key both its directions share.
    fn key(&self) -> &FlowKey;
    /// When the flow's last packet was.
    fn last_seen(&self) -> Timestamp;
    /// Nanoseconds it may be silent.
    fn idle_limit(&self, limits: &Limits) -> i64;
}

#[derive(Debug)]
struct Slot<F> {
    hash: u64,
    /// Distinguishes the flows that used this slot one after the other.
    generation: u32,
    flow: Option<F>,
}

/// Entries wait in the order in which they fall due.
#[derive(Clone, Copy, Debug)]
struct Due {
    slot: u32,
    generation: u32,
    at: Timestamp,
}

/// Where the hash table says a flow is.
#[derive(Clone, Copy, Debug)]
struct IndexEntry {
    /// The half of the hash that the table itself looks at least.
    fragment: u32,
    slot: u32,
}

impl IndexEntry {
    fn fragment(hash: u64) -> u32 {
        (hash >> 24) as u32
    }
}

/// The table.
#[derive(Debug)]
pub struct Table<F> {
    index: HashTable<IndexEntry>,
    hasher: RandomState,
    slots: Vec<Slot<F>>,
    free: Vec<u32>,
    idle: VecDeque<Due>,
    lingering: VecDeque<Due>,
    closed: Closed,
    now: Timestamp,
}

/// After a reset the flow may still be sent segments that were captured late, or that the reset did not stop.
const LINGER: i64 = 1_000_000_000;

impl<F> Default for Table<F> {
    fn default() -> Self {
        Self {
            index: HashTable::new(),
            hasher: RandomState::default(),
            slots: Vec::new(),
            free: Vec::new(),
            idle: VecDeque::new(),
            lingering: VecDeque::new(),
            closed: Closed::default(),
            now: Timestamp(i64::MIN),
        }
    }
}

impl<F: Ages> Table<F> {
    /// Flows alive.
    #[must_use]
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.index.is_empty()
    }

    /// The flow of a route.
    #[inline]
    pub fn find(&self, route: &FlowKey) -> Option<FlowId> {
        let (hash, slots) = (self.hasher.hash_one(route), &self.slots);
        let place = self
            .index
            .find(hash, |place| holds(slots, place.slot, route))?;
        Some(FlowId(place.slot))
    }

    /// Where the flow of a route is, if it is anywhere; [`Table::is_at`] says whether it is. Does not look at any flow.
    #[inline]
    #[must_use]
    pub fn guess(&self, route: &FlowKey) -> Option<FlowId> {
        let hash = self.hasher.hash_one(route);
        let fragment = IndexEntry::fragment(hash);
        let place = self.index.find(hash, |place| place.fragment == fragment)?;
        Some(FlowId(place.slot))
    }

    /// Whether the route's flow still has this place.
    #[inline]
    #[must_use]
    pub fn is_at(&self, id: FlowId, route: &FlowKey) -> bool {
        holds(&self.slots, id.0, route)
    }

    /// The flow itself.
    #[inline]
    pub fn flow(&mut self, id: FlowId) -> Option<&mut F> {
        self.slots.get_mut(id.0 as usize)?.flow.as_mut()
    }

    /// Adds a flow for a route that has none. When there is no room, another is taken out and given to `evict`.
    pub fn insert(
        &mut self,
        route: FlowKey,
        flow: F,
        limits: &Limits,
        evict: &mut impl FnMut(F, Expiry),
    ) -> FlowId {
        if self.index.len() >= limits.flows.max(1)
            && let Some(evicted) = self.oldest()
        {
            self.take(evicted, &mut |flow| evict(flow, Expiry::Evicted));
        }
        let hash = self.hasher.hash_one(route);
        let at = Timestamp(
            flow.last_seen()
                .0
                .max(self.now.0)
                .saturating_add(nanoseconds(limits.idle)),
        );
        let slot = match self.free.pop() {
            Some(slot) => slot,
            None => {
                self.slots.push(Slot {
                    hash,
                    generation: 0,
                    flow: None,
                });
                self.slots.len() as u32 - 1
            }
        };
        let place = &mut self.slots[slot as usize];
        (place.hash, place.flow) = (hash, Some(flow));
        let generation = place.generation;
        let slots = &self.slots;
        let place = IndexEntry {
            fragment: IndexEntry::fragment(hash),
            slot,
        };
        self.index.insert_unique(hash, place, |place| {
            slots.get(place.slot as usize).map_or(0, |slot| slot.hash)
        });
        self.idle.push_back(Due {
            slot,
            generation,
            at,
        });
        FlowId(slot)
    }

    /// Takes a flow out.
    pub fn remove(&mut self, id: FlowId) -> Option<F> {
        let mut taken = None;
        self.take(id.0, &mut |flow| taken = Some(flow));
        taken
    }

    /// Has the flow handed back as [`Expiry::Lingered`] a second from now.
    pub fn linger(&mut self, id: FlowId) {
        let at = Timestamp(self.now.0.saturating_add(LINGER));
        if let Some(slot) = self.slots.get(id.0 as usize) {
            self.lingering.push_back(Due {
                slot: id.0,
                generation: slot.generation,
                at,
            });
        }
    }

    /// Takes a flow out and remembers for a while that it was there.
    pub fn close(&mut self, id: FlowId, limits: &Limits) -> Option<F> {
        let flow = self.remove(id)?;
        let at = Timestamp(self.now.0.saturating_add(nanoseconds(limits.closed)));
        self.closed.push(*flow.key(), at, limits.flows);
        Some(flow)
    }

    /// Whether the route's flow was closed a short while ago. With `forget`, that does not matter any more.
    pub fn is_closed(&mut self, route: &FlowKey, forget: bool) -> bool {
        if forget {
            self.closed.remove(route)
        } else {
            self.closed.has(route)
        }
    }

    /// Moves capture time on, handing back one flow that has to end because of it; call until it gives none.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, limits: &Limits) -> Option<(FlowId, Expiry)> {
        self.now = self.now.max(now);
        let due = |queue: &VecDeque<Due>| queue.front().is_some_and(|due| due.at <= now);
        self.closed.forget_before(self.now);
        if !due(&self.lingering) && !due(&self.idle) {
            return None;
        }
        self.expire(limits)
    }

    /// Every flow, in no particular order.
    pub fn all(&self) -> impl Iterator<Item = (FlowId, &F)> {
        let flows = self.slots.iter().enumerate();
        flows.filter_map(|(slot, place)| Some((FlowId(slot as u32), place.flow.as_ref()?)))
    }

    /// Takes a flow out when no packet follows that could be looked up: its place is not given to another.
    pub fn take_last(&mut self, id: FlowId) -> Option<F> {
        self.slots.get_mut(id.0 as usize)?.flow.take()
    }

    #[cold]
    fn expire(&mut self, limits: &Limits) -> Option<(FlowId, Expiry)> {
        while let Some(due) = pop_due(&mut self.lingering, self.now) {
            if self.is_current(due) {
                return Some((FlowId(due.slot), Expiry::Lingered));
            }
        }
        // Each once: where the clock stands at its end, what is put back is due again at once.
        for _ in 0..self.idle.len() {
            let Some(due) = pop_due(&mut self.idle, self.now) else {
                break;
            };
            let Some(flow) = self
                .slots
                .get(due.slot as usize)
                .filter(|_| self.is_current(due))
            else {
                continue;
            };
            let Some(flow) = &flow.flow else { continue };
            if self.now.since(flow.last_seen()) >= flow.idle_limit(limits) {
                return Some((FlowId(due.slot), Expiry::Idle));
            }
            let at = Timestamp(self.now.0.saturating_add(nanoseconds(limits.idle)));
            self.idle.push_back(Due { at, ..due });
        }
        None
    }

    fn is_current(&self, due: Due) -> bool {
        self.slots
            .get(due.slot as usize)
            .is_some_and(|slot| slot.generation == due.generation && slot.flow.is_some())
    }

    /// Among the flows looked at longest ago, the one that was silent longest.
    fn oldest(&mut self) -> Option<u32> {
        const LOOKED_AT: usize = 8;
        let mut found: Vec<Due> = Vec::with_capacity(LOOKED_AT);
        while found.len() < LOOKED_AT {
            let Some(due) = self.idle.pop_front() else {
                break;
            };
            if self.is_current(due) {
                found.push(due);
            }
        }
        let seen = |due: &Due| {
            self.slots
                .get(due.slot as usize)?
                .flow
                .as_ref()
                .map(Ages::last_seen)
        };
        let oldest = found.iter().min_by_key(|due| seen(due)).map(|due| due.slot);
        for due in found
            .into_iter()
            .rev()
            .filter(|due| Some(due.slot) != oldest)
        {
            self.idle.push_front(due);
        }
        oldest
    }

    fn take(&mut self, slot: u32, taken: &mut impl FnMut(F)) {
        let Some(place) = self.slots.get_mut(slot as usize) else {
            return;
        };
        let Some(flow) = place.flow.take() else {
            return;
        };
        place.generation = place.generation.wrapping_add(1);
        if let Ok(entry) = self
            .index
            .find_entry(place.hash, |found| found.slot == slot)
        {
            entry.remove();
        }
        self.free.push(slot);
        taken(flow);
    }
}

/// Flows that were closed, each remembered for the same time, by the hashes of their keys: there may be many, and that two
/// of a quarter of a million share all 64 bits is not to be expected.
#[derive(Debug, Default)]
struct Closed {
    hashes: VecDeque<(u64, Timestamp)>,
    /// How many were forgotten before the first of `hashes`.
    forgotten: u64,
    /// Each one's place counted from the first ever.
    index: HashTable<u64>,
    hasher: RandomState,
}

impl Closed {
    fn push(&mut self, key: FlowKey, until: Timestamp, most: usize) {
        let hash = self.hasher.hash_one(key);
        self.unlink(hash);
        if self.hashes.len() >= most.max(1) {
            self.forget_first();
        }
        self.hashes.push_back((hash, until));
        let last = self.forgotten + self.hashes.len() as u64 - 1;
        let (hashes, forgotten) = (&self.hashes, self.forgotten);
        self.index.insert_unique(hash, last, |place| {
            let found = hashes.get((place - forgotten) as usize);
            found.map_or(0, |(hash, _)| *hash)
        });
    }

    fn has(&self, key: &FlowKey) -> bool {
        let hash = self.hasher.hash_one(key);
        self.index
            .find(hash, |place| {
                is_at(&self.hashes, place - self.forgotten, hash)
            })
            .is_some()
    }

    /// Whether the key was there.
    fn remove(&mut self, key: &FlowKey) -> bool {
        self.unlink(self.hasher.hash_one(key))
    }

    fn unlink(&mut self, hash: u64) -> bool {
        let (hashes, forgotten) = (&self.hashes, self.forgotten);
        let found = self
            .index
            .find_entry(hash, |place| is_at(hashes, place - forgotten, hash));
        found.map(|entry| entry.remove()).is_ok()
    }

    fn forget_before(&mut self, now: Timestamp) {
        while self.hashes.front().is_some_and(|(_, until)| *until <= now) {
            self.forget_first();
        }
    }

    fn forget_first(&mut self) {
        if let Some((hash, _)) = self.hashes.pop_front() {
            // It may have been closed again since, which is remembered at its later place.
            let first = self.forgotten;
            if let Ok(entry) = self.index.find_entry(hash, |place| *place == first) {
                entry.remove();
            }
            self.forgotten += 1;
        }
    }
}

/// Whether this hash is at this place.
fn is_at(hashes: &VecDeque<(u64, Timestamp)>, place: u64, hash: u64) -> bool {
    let found = hashes.get(place as usize);
    found.is_some_and(|(found, _)| *found == hash)
}

/// Whether this slot's flow is the route's.
fn holds<F: Ages>(slots: &[Slot<F>], slot: u32, route: &FlowKey) -> bool {
    let flow = slots.get(slot as usize).and_then(|slot| slot.flow.as_ref());
    flow.is_some_and(|flow| flow.key() == route)
}

fn pop_due(queue: &mut VecDeque<Due>, now: Timestamp) -> Option<Due> {
    queue.front().filter(|due| due.at <= now)?;
    queue.pop_front()
}

fn nanoseconds(duration: std::time::Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}
