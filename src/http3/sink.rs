//! Where bytes come from, and who takes the events of a connection.

use crate::base::PacketNumber;
use crate::http2::StreamSink;

/// Where bytes of a stream came from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The captured packet.
    pub packet: PacketNumber,
    /// Position of the first byte in what this side sent on the connection.
    pub at: u64,
}

impl Origin {
    pub(super) fn after(self, len: usize) -> Self {
        Self {
            at: self.at.saturating_add(len as u64),
            ..self
        }
    }
}

/// What takes the events of a connection.
pub trait OriginSink: StreamSink {
    /// What is told next comes from bytes of this packet.
    fn origin(&mut self, packet: PacketNumber);
}
