//! What one packet holds of UDP, where that is no tunnel.

use super::segment::FlowKey;

/// A UDP datagram that may be of QUIC: the first bit or the second of its payload is set.
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

/// Whether a payload of QUIC may begin with this byte: every packet of version 1 and 2 has one of these bits, and most of what
/// else is sent over UDP (DNS answers apart) begins lower.
#[inline]
pub(super) fn may_be_quic(first: u8) -> bool {
    first & 0xc0 != 0
}
