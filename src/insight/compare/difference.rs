//! One thing that differs between the two sides, and how long the hop kept messages.

use crate::base::{PacketNumber, Side};

/// One line of a comparison: the same thing on both sides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `request-line`, `request-header`, `outcome`, `messages`, `close`, ...; stable.
    pub what: &'static str,
    /// Whose messages it is about.
    pub from: Option<Side>,
    /// On the client's side of the hop, or of the first attempt.
    pub one: String,
    /// On the server's side, or of the second attempt.
    pub other: String,
}

impl Difference {
    pub(super) fn between(
        what: &'static str,
        from: Option<Side>,
        (one, other): (String, String),
    ) -> Option<Self> {
        (one != other).then_some(Self {
            what,
            from,
            one,
            other,
        })
    }
}

/// How long the hop held messages of one direction back, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delay {
    /// Messages that were seen on both sides.
    pub count: usize,
    /// The middle one.
    pub median: i64,
    /// The longest.
    pub worst: i64,
    /// Where the one that took longest was complete, before and after the hop.
    pub worst_at: (PacketNumber, PacketNumber),
}
