//! Typed numbers, so that a packet number is never taken for a connection.

use std::fmt;

/// A packet's number in the merged capture, counted from 1 as Wireshark's `frame.number` is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PacketNumber(pub u64);

impl fmt::Display for PacketNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A connection as one engine counts it, from 0; outputs show the number the merge gives it, from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u32);

impl ConnectionId {
    /// The id as an index into a table of connections.
    #[must_use]
    pub fn index(self) -> usize {
        self.0 as usize
    }
}
