//! What one packet holds of TCP.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::ops::Range;

/// An address and a port. IPv4 addresses are kept IPv4-mapped (RFC 4291 2.5.5.2).
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Endpoint {
    address: [u8; 16],
    port: u16,
}

impl Endpoint {
    /// From an address and a port.
    #[must_use]
    pub fn new(address: IpAddr, port: u16) -> Self {
        let address = match address {
            IpAddr::V4(four) => mapped(four.octets()),
            IpAddr::V6(six) => six.octets(),
        };
        Self { address, port }
    }

    pub(super) fn from_octets(address: [u8; 16], port: u16) -> Self {
        Self { address, port }
    }

    /// The address; an IPv4 one as such.
    #[must_use]
    pub fn address(&self) -> IpAddr {
        match self.address {
            [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d] => {
                Ipv4Addr::new(a, b, c, d).into()
            }
            six => Ipv6Addr::from(six).into(),
        }
    }

    /// The port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Both.
    #[must_use]
    pub fn socket(self) -> SocketAddr {
        SocketAddr::new(self.address(), self.port)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.address() {
            IpAddr::V4(four) => write!(f, "{four}:{}", self.port),
            IpAddr::V6(six) => write!(f, "[{six}]:{}", self.port),
        }
    }
}

impl fmt::Debug for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The IPv4-mapped form of an IPv4 address.
#[inline(always)]
pub(super) fn mapped([a, b, c, d]: [u8; 4]) -> [u8; 16] {
    [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, a, b, c, d]
}

/// Which flow a segment belongs to, and in which direction it goes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// Who sent it.
    pub source: Endpoint,
    /// Who gets it.
    pub destination: Endpoint,
    /// Tells equal addresses of different networks apart: a hash of the VLAN ids, VXLAN or Geneve network identifiers
    /// and GRE keys around the packet; 0 when there are none. Tunnel ids that differ between the two directions of a
    /// flow (GTP-U, MPLS) are not part of it.
    pub scope: u32,
}

impl FlowKey {
    /// The same flow seen from the other side.
    #[must_use]
    pub fn reversed(self) -> Self {
        Self {
            source: self.destination,
            destination: self.source,
            scope: self.scope,
        }
    }

    /// The key that both directions share, and whether it is the reverse of this one.
    #[inline]
    #[must_use]
    pub fn canonical(self) -> (Self, bool) {
        if self.source.order() <= self.destination.order() {
            (self, false)
        } else {
            (self.reversed(), true)
        }
    }
}

impl Endpoint {
    /// The address in two words, big-endian on every machine.
    pub(super) fn octets(&self) -> [u64; 2] {
        let whole = u128::from_be_bytes(self.address);
        [(whole >> 64) as u64, whole as u64]
    }

    #[inline(always)]
    fn order(&self) -> (u128, u16) {
        (u128::from_ne_bytes(self.address), self.port)
    }
}

/// Three words instead of byte slices: a third of the time with foldhash.
impl Hash for FlowKey {
    #[inline]
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u128(u128::from_ne_bytes(self.source.address));
        state.write_u128(u128::from_ne_bytes(self.destination.address));
        let ports = u64::from(self.source.port) << 16 | u64::from(self.destination.port);
        state.write_u64(ports << 32 | u64::from(self.scope));
    }
}

/// The flags of a TCP header (RFC 9293 3.1), and what each means here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct TcpFlags(pub u8);

impl TcpFlags {
    /// No more data from the sender.
    pub const FIN: TcpFlags = TcpFlags(0x01);
    /// The sequence number is the initial one.
    pub const SYN: TcpFlags = TcpFlags(0x02);
    /// The connection is reset.
    pub const RST: TcpFlags = TcpFlags(0x04);
    /// Data should be pushed to the application.
    pub const PSH: TcpFlags = TcpFlags(0x08);
    /// The acknowledgment number counts.
    pub const ACK: TcpFlags = TcpFlags(0x10);
    /// The urgent pointer counts.
    pub const URG: TcpFlags = TcpFlags(0x20);
    /// ECN echo (RFC 3168).
    pub const ECE: TcpFlags = TcpFlags(0x40);
    /// Congestion window reduced (RFC 3168).
    pub const CWR: TcpFlags = TcpFlags(0x80);

    /// Whether all of `other` are set.
    #[inline]
    #[must_use]
    pub fn has(self, other: TcpFlags) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether any of `other` is set.
    #[inline]
    #[must_use]
    pub fn any(self, other: TcpFlags) -> bool {
        self.0 & other.0 != 0
    }
}

/// How many bytes of a packet were headers, for overhead statistics.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LayerBytes {
    /// Everything before the innermost IP header: link layer, tags, tunnels.
    pub link: u16,
    /// The innermost IP header with options or extension headers.
    pub ip: u16,
    /// The TCP header with options.
    pub tcp: u16,
}

/// What one packet holds of TCP, as ranges into the packet.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Segment {
    /// The flow and the direction.
    pub key: FlowKey,
    /// The sequence number of the first payload byte (of the SYN if there is one).
    pub seq: u32,
    /// The next sequence number the sender expects, if [`TcpFlags::ACK`] is set.
    pub ack: u32,
    /// The flags.
    pub flags: TcpFlags,
    /// The window as it stands in the header, not scaled.
    pub window: u16,
    /// The captured payload: bytes of the packet, or of the reassembled datagram.
    pub payload: Range<u32>,
    /// Payload bytes after the captured ones that were sent but not captured.
    pub missing: u32,
    /// The IPv4 time to live, or the IPv6 hop limit.
    pub ttl: u8,
    /// The IPv4 identification; 0 for IPv6.
    pub ip_id: u16,
    /// How many bytes were headers.
    pub header_bytes: LayerBytes,
}

impl Segment {
    /// The captured payload, given the bytes that the segment was found in.
    #[inline]
    #[must_use]
    pub fn payload<'a>(&self, bytes: &'a [u8]) -> &'a [u8] {
        bytes
            .get(self.payload.start as usize..self.payload.end as usize)
            .unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint(text: &str) -> Endpoint {
        let parsed: std::net::SocketAddr = text.parse().unwrap();
        Endpoint::new(parsed.ip(), parsed.port())
    }

    #[test]
    fn both_directions_have_one_canonical_key() {
        for (one, other) in [
            ("10.0.0.1:80", "10.0.0.2:40000"),
            ("127.0.0.1:80", "127.0.0.1:40000"),
            ("[::1]:80", "[2001:db8::1]:80"),
        ] {
            let key = FlowKey {
                source: endpoint(one),
                destination: endpoint(other),
                scope: 7,
            };
            let (forth, back) = (key.canonical(), key.reversed().canonical());
            assert_eq!(forth.0, back.0);
            assert_ne!(forth.1, back.1);
        }
    }

    #[test]
    fn endpoints_print_as_they_are_written() {
        for text in ["10.0.0.1:80", "[::1]:80", "[2001:db8::1]:443"] {
            assert_eq!(endpoint(text).to_string(), text);
        }
        assert_eq!(std::mem::size_of::<FlowKey>(), 40);
    }
}
