//! What others find by reading the capture again, for the list and for the hits of a search.

use crate::view::sought::Finds;

/// Rows that are asked one by one in a moment.
const FEW: usize = 20_000;
/// Rows found elsewhere that are taken between two looks at the clock.
pub(super) const AT_ONCE: usize = 2048;

/// What others find for the list and for the hits of a search.
#[derive(Debug)]
pub(super) struct Elsewhere {
    /// Rows beyond which the capture is read again.
    pub(super) few: usize,
    pub(super) last: u64,
    /// The list's [`generation`](crate::view::rows::List::generation) that its filter was sought for, or not.
    pub(super) asked: Option<u64>,
    pub(super) filter: Option<Finds>,
}

impl Default for Elsewhere {
    fn default() -> Self {
        Self {
            few: FEW,
            last: 0,
            asked: None,
            filter: None,
        }
    }
}
