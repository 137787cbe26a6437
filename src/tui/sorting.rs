//! Sorting that goes on beside the keys: keys are gathered in slices, and a thread of its own puts them in order.

use std::fmt::Debug;
use std::thread;

use crossbeam_channel::{Receiver, bounded};

use crate::view::columns::ChosenColumn;
use crate::view::sorting::{ConnectionKey, Keys, RowKey};

/// Rows up to which they are sorted at once.
const FEW: usize = 20_000;

/// What is sorted, and by what.
#[derive(Debug, Default)]
pub(super) struct Orders {
    /// Of the list, and whether the largest come first.
    pub(super) rows: Option<(RowKey, bool)>,
    /// Of the connections.
    pub(super) connections: Option<(ConnectionKey, bool)>,
    pub(super) sorting_rows: Sorting<RowKey>,
    pub(super) sorting_connections: Sorting<ConnectionKey>,
    /// The columns someone chose.
    pub(super) columns: Vec<ChosenColumn>,
    /// How much wider than usual the list's own columns are.
    pub(super) wider: [usize; 5],
}

/// What was asked for, and how far it is.
#[derive(Debug, Default)]
pub(super) enum Sorting<K> {
    /// As they came, or sorted already.
    #[default]
    Idle,
    /// Keys are gathered.
    Gathering(Keys<K>),
    /// They are put in order.
    Ordering(Receiver<Vec<u32>>),
}

impl<K: Copy + Debug + Send + 'static> Sorting<K> {
    /// Whether there is something to go on with.
    pub(super) fn is_busy(&self) -> bool {
        !matches!(self, Self::Idle)
    }

    /// Goes on: `gather` takes more keys and says whether there are more. The places, once they are in order.
    pub(super) fn advance(
        &mut self,
        gather: impl FnOnce(&mut Keys<K>) -> bool,
    ) -> Option<Vec<u32>> {
        match std::mem::take(self) {
            Self::Idle => None,
            Self::Gathering(mut keys) => {
                if gather(&mut keys) {
                    *self = Self::Gathering(keys);
                    return None;
                }
                if keys.len() <= FEW {
                    return Some(keys.sorted());
                }
                let (send, receive) = bounded(1);
                let sorter = thread::Builder::new().name("sorter".to_owned());
                let _ = sorter.spawn(move || send.send(keys.sorted()));
                *self = Self::Ordering(receive);
                None
            }
            Self::Ordering(receive) => match receive.try_recv() {
                Ok(places) => Some(places),
                Err(crossbeam_channel::TryRecvError::Empty) => {
                    thread::sleep(std::time::Duration::from_millis(1));
                    *self = Self::Ordering(receive);
                    None
                }
                Err(crossbeam_channel::TryRecvError::Disconnected) => None,
            },
        }
    }
}
