//! What is remembered of a conversation.

use std::collections::BTreeSet;

use crate::base::PerSide;
use crate::payload::Opening;

/// Streams of one side that are remembered.
pub(super) const STREAMS: usize = 1000;

#[derive(Clone, Debug)]
pub(super) struct SignalR {
    /// Every message since the handshake of HTTP was seen.
    pub(super) is_whole: bool,
    /// The client asked for a protocol, and the answer is missing.
    pub(super) is_asked: bool,
    /// Streams that a side sends with its calls.
    pub(super) streams: PerSide<BTreeSet<Box<str>>>,
}

impl SignalR {
    pub(super) fn new(opening: &Opening) -> Self {
        Self {
            is_whole: opening.is_seen,
            is_asked: false,
            streams: PerSide::default(),
        }
    }
}
