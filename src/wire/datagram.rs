//! What one packet holds of UDP, where that is no tunnel.

use super::segment::FlowKey;

/// A UDP datagram with a payload. No byte of it says that it is not of QUIC: a sender may clear even the fixed bit (RFC 9287).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct UdpDatagram {
    /// Which flow it belongs to, and in which direction it goes.
    pub key: FlowKey,
    /// Where its payload begins in the packet.
    pub start: u32,
    /// Where it ends, as far as it was captured.
    pub end: u32,
    /// Bytes of the payload that the capture lacks.
    pub missing: u32,
}

impl UdpDatagram {
    /// Its payload; `packet` is what it was found in.
    #[must_use]
    pub fn payload<'a>(&self, packet: &'a [u8]) -> &'a [u8] {
        let payload = packet.get(self.start as usize..self.end as usize);
        payload.unwrap_or_default()
    }
}
