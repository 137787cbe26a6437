//! Who sent a packet to whom, and what it carries: for packets that are no TCP as well.
//!
//! Made for packets that someone looks at; the analysis itself uses [`Walker`](super::Walker).

use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

use super::segment::{Endpoint, Segment};
use super::skip::Skip;
use super::walk::{HeaderKind, NextLayer, Stop, Walk};
use crate::base::LinkType;

/// Encapsulations looked through.
const DEPTH: usize = 16;

/// What the innermost header that was read announces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Carried {
    /// A TCP segment.
    Tcp(Segment),
    /// A UDP datagram: its ports, and its captured payload.
    Udp {
        /// The sender's port.
        source: u16,
        /// The receiver's port.
        destination: u16,
        /// Where the payload lies in the packet.
        payload: Range<usize>,
    },
    /// Another protocol over IP, by its number.
    Ip(u8),
    /// A fragment of an IP datagram.
    Fragment,
    /// What no IP is around, by its EtherType where one was read.
    Link(Option<u16>),
    /// Headers that cannot be read; says why.
    Unread(&'static str),
}

/// A packet's ends and what it carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Envelope {
    /// Who sent it, where it is IP.
    pub source: Option<IpAddr>,
    /// Who gets it.
    pub destination: Option<IpAddr>,
    /// What is inside.
    pub carried: Carried,
}

impl Envelope {
    /// Reads the headers of a packet.
    #[must_use]
    pub fn of(link: LinkType, packet: &[u8], original: u32) -> Self {
        let mut last = None;
        let mut walk = Walk::new(packet, original, DEPTH);
        let walked = walk.run(NextLayer::Link(link), &mut |kind, start, end| {
            last = Some((kind, start, end));
        });
        let carried = match walked {
            Ok(segment) => {
                return Self {
                    source: Some(segment.key.source.address()),
                    destination: Some(segment.key.destination.address()),
                    carried: Carried::Tcp(segment),
                };
            }
            Err(Stop::Fragment(..)) => Carried::Fragment,
            Err(Stop::Skip(skip)) => carried(packet, walk.at, last, skip),
        };
        let is_ip = !matches!(carried, Carried::Link(_)) && walk.context.source != [0; 16];
        let address = |octets| is_ip.then(|| Endpoint::from_octets(octets, 0).address());
        Self {
            source: address(walk.context.source),
            destination: address(walk.context.destination),
            carried,
        }
    }

    /// Both ends with their ports, where there are any.
    #[must_use]
    pub fn ends(&self) -> Option<(SocketAddr, SocketAddr)> {
        let (source, destination) = match &self.carried {
            Carried::Tcp(segment) => (segment.key.source.port(), segment.key.destination.port()),
            Carried::Udp {
                source,
                destination,
                ..
            } => (*source, *destination),
            _ => return None,
        };
        Some((
            SocketAddr::new(self.source?, source),
            SocketAddr::new(self.destination?, destination),
        ))
    }
}

/// What stopped the walk before TCP.
fn carried(
    packet: &[u8],
    at: usize,
    last: Option<(HeaderKind, usize, usize)>,
    skip: Skip,
) -> Carried {
    let network = |at: usize| {
        let bytes = packet.get(at..at + 2)?;
        Some(u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    match (skip, last) {
        (Skip::NotIp, Some(_)) => Carried::Link(at.checked_sub(2).and_then(network)),
        (Skip::NotIp, None) => Carried::Link(None),
        (Skip::Notice(_), _) => Carried::Ip(1),
        (Skip::Malformed | Skip::Truncated, Some((HeaderKind::Udp, start, _))) => {
            datagram(packet, start)
        }
        (Skip::NotTcp | Skip::Datagram(_), Some((kind, start, end))) => match kind {
            HeaderKind::Udp => datagram(packet, start),
            HeaderKind::Ipv4 => protocol(packet, start + 9, end),
            HeaderKind::Ipv6 => protocol(packet, start + 6, end),
            HeaderKind::Extension(_) => protocol(packet, start, end),
            _ => Carried::Unread(skip.name()),
        },
        _ => Carried::Unread(skip.name()),
    }
}

/// What the number at a place in the last header announces behind it.
fn protocol(packet: &[u8], at: usize, end: usize) -> Carried {
    const UDP: u8 = 17;
    match packet.get(at) {
        Some(&UDP) => datagram(packet, end),
        Some(number) => Carried::Ip(*number),
        None => Carried::Unread(Skip::Truncated.name()),
    }
}

fn datagram(packet: &[u8], at: usize) -> Carried {
    let Some(header) = packet.get(at..).and_then(|rest| rest.first_chunk::<8>()) else {
        return Carried::Unread(Skip::Truncated.name());
    };
    let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
    let len = usize::from(port(4)).saturating_sub(8);
    Carried::Udp {
        source: port(0),
        destination: port(2),
        payload: at + 8..packet.len().min(at + 8 + len),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ethernet and IPv4 from 10.0.0.1 to 10.0.0.2 around a payload of this protocol.
    fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
        let mut packet = vec![0; 12];
        packet.extend([8, 0, 0x45, 0]);
        packet.extend((20 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2]);
        packet.extend(payload);
        packet
    }

    fn of(packet: &[u8]) -> Envelope {
        Envelope::of(LinkType::ETHERNET, packet, packet.len() as u32)
    }

    #[test]
    fn datagrams_and_others_are_named() {
        let udp = of(&ipv4(17, &[0x10, 0, 0, 53, 0, 11, 0, 0, b'a', b'b', b'c']));
        let (source, destination) = udp.ends().unwrap();
        assert_eq!(
            (source.to_string(), destination.to_string()),
            ("10.0.0.1:4096".to_owned(), "10.0.0.2:53".to_owned())
        );
        assert!(matches!(udp.carried, Carried::Udp { payload, .. } if payload == (42..45)));
        let icmp = of(&ipv4(1, &[8, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(icmp.carried, Carried::Ip(1));
        assert_eq!(icmp.source.unwrap().to_string(), "10.0.0.1");
        let mut arp = vec![0; 12];
        arp.extend([8, 6]);
        arp.extend([0; 28]);
        let arp = of(&arp);
        assert_eq!(
            (arp.carried, arp.source),
            (Carried::Link(Some(0x806)), None)
        );
        for len in 0..60 {
            of(&ipv4(17, &[0; 30])[..len.min(64).min(ipv4(17, &[0; 30]).len())]);
        }
    }
}
