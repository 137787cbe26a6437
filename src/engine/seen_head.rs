//! A head of HTTP and where it was seen.

use crate::base::{Head, PacketNumber, Timestamp};

use super::moment::Seen;

/// A head and where it was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SeenHead {
    /// The head.
    pub head: Head,
    /// The packet that completed it.
    pub packet: PacketNumber,
    /// When that was.
    pub time: Timestamp,
    /// Where it begins in its side's stream.
    pub stream_offset: u64,
}

impl SeenHead {
    /// The packet that completed it, and its time.
    #[must_use]
    pub fn at(&self) -> Seen {
        Seen {
            packet: self.packet,
            time: self.time,
        }
    }
}
