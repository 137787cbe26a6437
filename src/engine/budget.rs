//! What all flows together keep beside the bytes buffered behind holes, and which of them frees memory first.
//!
//! Every flow is charged after each of its segments for what it keeps. Those that keep anything stand in a queue, longest
//! first. When the sum is over the limit, the fullest of the first few gives up; the others go to the end, so that in
//! time every flow is looked at. Each step costs a constant and takes a flow out that some segment had put in.

use std::collections::VecDeque;

use smallvec::SmallVec;

use crate::flow::{Ages, FlowId, Table};

/// Flows compared to find one that gives up.
const COMPARED: usize = 8;

/// A flow's part of the sum, and in the highest bit whether it stands in the queue. There are many flows.
#[derive(Debug, Default)]
pub(super) struct Account(u32);

const QUEUED: u32 = 1 << 31;

impl Account {
    /// Bytes it keeps.
    #[inline]
    pub(super) fn held(&self) -> u32 {
        self.0 & !QUEUED
    }

    fn is_queued(&self) -> bool {
        self.0 & QUEUED != 0
    }

    fn leave_queue(&mut self) {
        self.0 &= !QUEUED;
    }
}

/// A flow of the table that has an account.
pub(super) trait HasAccount: Ages {
    /// The account of the flow with this number; `None` when this is another flow, which has its place now.
    fn account(&mut self, serial: u64) -> Option<&mut Account>;
}

/// A flow in the queue; its place may be another's by now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Holder {
    pub(super) place: FlowId,
    pub(super) serial: u64,
}

/// The sum, its limit and the queue.
#[derive(Debug)]
pub(super) struct Budget {
    limit: usize,
    held: usize,
    queue: VecDeque<Holder>,
    /// Entries of the queue whose flow has ended.
    gone: usize,
    /// Findings reported of flows that are no connection.
    pub(super) told: u32,
}

impl Budget {
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            held: 0,
            queue: VecDeque::new(),
            gone: 0,
            told: 0,
        }
    }

    /// Bytes that all flows together may make us keep.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    #[inline]
    pub(super) fn is_over(&self) -> bool {
        self.held > self.limit
    }

    /// The flow keeps this many bytes now.
    #[cold]
    pub(super) fn charge(&mut self, account: &mut Account, holder: Holder, held: usize) {
        let held = u32::try_from(held).unwrap_or(u32::MAX) & !QUEUED;
        self.held = self.held + held as usize - account.held() as usize;
        if held > 0 && !account.is_queued() {
            self.queue.push_back(holder);
            account.0 = QUEUED;
        }
        account.0 = account.0 & QUEUED | held;
    }

    /// The flow has ended.
    pub(super) fn release(&mut self, account: &mut Account) {
        self.held -= account.held() as usize;
        self.gone += usize::from(account.is_queued());
        account.0 = 0;
    }

    /// Forgets flows that have ended, when they are most of the queue.
    #[inline]
    pub(super) fn tidy<F: HasAccount>(&mut self, table: &mut Table<F>) {
        if self.gone > COMPARED + self.queue.len() / 2 {
            self.sweep(table);
        }
    }

    #[cold]
    fn sweep<F: HasAccount>(&mut self, table: &mut Table<F>) {
        self.queue
            .retain(|holder| account(table, *holder).is_some_and(|account| account.is_queued()));
        self.gone = 0;
    }

    /// Takes the flow that gives up next out of the queue.
    pub(super) fn next<F: HasAccount>(&mut self, table: &mut Table<F>) -> Option<Holder> {
        let mut seen: SmallVec<[(u32, Holder); COMPARED]> = SmallVec::new();
        while seen.len() < COMPARED
            && let Some(holder) = self.queue.pop_front()
        {
            match account(table, holder).filter(|account| account.is_queued()) {
                None => self.gone = self.gone.saturating_sub(1),
                Some(account) if account.held() == 0 => account.leave_queue(),
                Some(account) => seen.push((account.held(), holder)),
            }
        }
        // The first of equals: it has been there longest.
        let fullest = seen.iter().map(|(held, _)| *held).max()?;
        let at = seen.iter().position(|(held, _)| *held == fullest)?;
        let (_, chosen) = seen.remove(at);
        self.queue
            .extend(seen.into_iter().map(|(_, holder)| holder));
        account(table, chosen)?.leave_queue();
        Some(chosen)
    }
}

fn account<F: HasAccount>(table: &mut Table<F>, holder: Holder) -> Option<&mut Account> {
    table.flow(holder.place)?.account(holder.serial)
}
