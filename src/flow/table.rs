//! The flows alive, found by their route, and forgotten by capture time.
//!
//! Slots lie in one vector; a hash table of slot numbers finds them. Time is kept by queues whose entries all wait
//! equally long, so that expiry costs a constant per flow and period, however many flows there are.

use std::collections::VecDeque;
use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;

use crate::base::{Limits, Timestamp};
use crate::wire::FlowKey;

/// A flow's place in the table; of no meaning after the flow was removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
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

/// The table.
#[derive(Debug)]
pub struct Table<F> {
    index: HashTable<u32>,
    hasher: RandomState,
    slots: Vec<Slot<F>>,
    free: Vec<u32>,
    last: Option<(FlowKey, u32)>,
    idle: VecDeque<Due>,
    lingering: VecDeque<Due>,
    closed: VecDeque<Due>,
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
            last: None,
            idle: VecDeque::new(),
            lingering: VecDeque::new(),
            closed: VecDeque::new(),
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
    pub fn find(&mut self, route: &FlowKey) -> Option<FlowId> {
        if let Some((last, slot)) = &self.last
            && last == route
        {
            return Some(FlowId(*slot));
        }
        let hash = self.hasher.hash_one(route);
        let slots = &self.slots;
        let slot = *self.index.find(hash, |slot| holds(slots, *slot, route))?;
        self.last = Some((*route, slot));
        Some(FlowId(slot))
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
        self.index.insert_unique(hash, slot, |slot| {
            slots.get(*slot as usize).map_or(0, |slot| slot.hash)
        });
        self.idle.push_back(Due {
            slot,
            generation,
            at,
        });
        self.last = Some((route, slot));
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

    /// Has the flow forgotten after the time a closed flow is remembered.
    pub fn close(&mut self, id: FlowId, limits: &Limits) {
        let at = Timestamp(self.now.0.saturating_add(nanoseconds(limits.closed)));
        if let Some(slot) = self.slots.get(id.0 as usize) {
            self.closed.push_back(Due {
                slot: id.0,
                generation: slot.generation,
                at,
            });
        }
    }

    /// Moves capture time on, handing back one flow that has to end because of it; call until it gives none.
    #[inline]
    pub fn advance(&mut self, now: Timestamp, limits: &Limits) -> Option<(FlowId, Expiry)> {
        self.now = self.now.max(now);
        let due = |queue: &VecDeque<Due>| queue.front().is_some_and(|due| due.at <= now);
        if !due(&self.lingering) && !due(&self.closed) && !due(&self.idle) {
            return None;
        }
        self.expire(limits)
    }

    /// Takes out every flow, in no particular order.
    pub fn drain(&mut self, end: &mut impl FnMut(F)) {
        self.index.clear();
        self.last = None;
        for slot in &mut self.slots {
            if let Some(flow) = slot.flow.take() {
                end(flow);
            }
        }
        *self = Self::default();
    }

    #[cold]
    fn expire(&mut self, limits: &Limits) -> Option<(FlowId, Expiry)> {
        while let Some(due) = pop_due(&mut self.lingering, self.now) {
            if self.is_current(due) {
                return Some((FlowId(due.slot), Expiry::Lingered));
            }
        }
        while let Some(due) = pop_due(&mut self.closed, self.now) {
            if self.is_current(due) {
                self.take(due.slot, &mut |_| {});
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
        if let Ok(entry) = self.index.find_entry(place.hash, |found| *found == slot) {
            entry.remove();
        }
        if self.last.is_some_and(|(_, last)| last == slot) {
            self.last = None;
        }
        self.free.push(slot);
        taken(flow);
    }
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
