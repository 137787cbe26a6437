//! What the handle and the thread share.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::table::Table;

#[derive(Debug, Default)]
pub(super) struct Shared {
    pub(super) state: Mutex<State>,
    /// Something is to be done.
    pub(super) work: Condvar,
    /// Something was found out.
    pub(super) found: Condvar,
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) table: Table,
    /// The process that is followed with its descendants.
    pub(super) root: Option<u32>,
    pub(super) is_over: bool,
}

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // The table is whole between any two calls of its methods.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
