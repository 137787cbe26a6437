//! The capture in numbers, counted when somebody asks.

use crate::insight::statistics::Calls;

/// What was counted.
#[derive(Debug, Default)]
pub struct Counted {
    /// The statistics as text, or why there are none.
    pub text: String,
    /// The calls inside messages.
    pub calls: Calls,
}
