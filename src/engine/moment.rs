//! When things happened: the packet that did it, and its time.

use crate::base::{PacketNumber, Timestamp};

/// When something was completed: the packet that did it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Moment {
    /// The packet's number.
    pub packet: PacketNumber,
    /// Its time.
    pub time: Timestamp,
    /// Orders what happened after the same packet: 0 for what the packet did itself, then the flows that ended at it,
    /// by their first packet.
    pub turn: u64,
}

/// A packet and its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// The packet.
    pub packet: PacketNumber,
    /// Its time.
    pub time: Timestamp,
}

impl From<Moment> for Seen {
    fn from(at: Moment) -> Self {
        Self {
            packet: at.packet,
            time: at.time,
        }
    }
}
