//! Which flow any packet goes with: also those that carry no segment, such as fragments and what ICMP says of a flow.
//!
//! Where [`super::Walker`] asks what a packet holds of TCP, this asks where it belongs when packets are dealt out by flow.
//! Both directions of a flow have one hash, its IP fragments and the ICMP errors that quote it have the same, and
//! tunnels are unwrapped first. The hash is the same on every machine and in every version.

use smallvec::SmallVec;

use super::fast;
use super::fragment::{Fragments, Put};
use super::segment::{Endpoint, FlowKey, mapped};
use super::skip::Skip;
use super::walk::{HeaderKind, NextLayer, Passed, Stop, Walk};
use crate::base::{Limits, LinkType, Timestamp};

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMP6: u8 = 58;
const SCTP: u8 = 132;

/// A datagram that is put together from fragments, by a number that is used once.
pub type Datagram = u64;

/// Where a packet belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sorted {
    /// To which flow.
    pub to: To,
    /// The datagrams that it completes: the packets of their fragments belong where it does.
    pub completes: SmallVec<[Datagram; 1]>,
}

/// The flow of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    /// The one with this hash.
    Flow(u64),
    /// That of a datagram of UDP, by the hash of its server's end: a client of QUIC may change its address, and the
    /// connection stays one flow (RFC 9000 9).
    Datagram(u64),
    /// That of the datagram it is a fragment of, known when that is complete. If it never is, the hash of the fragment's
    /// addresses is as good as any other.
    Fragment(Datagram, u64),
    /// None: it is not IP.
    Nothing,
}

/// Tells packets in capture order where they belong. What it keeps is bounded as [`super::Walker`]'s is.
#[derive(Debug)]
pub struct Sorter {
    fragments: Fragments,
    depth: usize,
}

impl Sorter {
    /// A sorter with no fragments yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            fragments: Fragments::new(limits),
            depth: limits.tunnel_depth,
        }
    }

    /// Where `packet` belongs, captured at `time`, that had `original` bytes on the wire.
    pub fn sort(
        &mut self,
        link: LinkType,
        time: Timestamp,
        packet: &[u8],
        original: u32,
    ) -> Sorted {
        if link == LinkType::ETHERNET
            && let Some(Ok(segment)) = fast::segment(packet)
        {
            return Sorted {
                to: To::Flow(segment.key.stable_hash()),
                completes: SmallVec::new(),
            };
        }
        self.walk(link, time, packet, original)
    }

    fn walk(&mut self, link: LinkType, time: Timestamp, packet: &[u8], original: u32) -> Sorted {
        let mut walk = Walk::new(packet, original, self.depth);
        let mut next = NextLayer::Link(link);
        let mut datagram;
        let mut completes = SmallVec::new();
        loop {
            let (to, put) = self.layers(&mut walk, next, time);
            let context = walk.context;
            match put {
                Some((Put::Whole(serial, bytes), protocol)) => {
                    completes.push(serial);
                    next = NextLayer::Protocol(protocol);
                    datagram = bytes;
                    walk = Walk::resume(&datagram, context);
                }
                _ => return Sorted { to, completes },
            }
        }
    }

    /// Walks as far as this buffer goes.
    fn layers(
        &mut self,
        walk: &mut Walk<'_>,
        next: NextLayer,
        time: Timestamp,
    ) -> (To, Option<(Put, u8)>) {
        let mut transport = match next {
            NextLayer::Protocol(protocol) => Some((protocol, 0)),
            _ => None,
        };
        let bytes = walk.bytes;
        let stop = walk.run(next, &mut |kind, start, end| {
            let protocol_at = match kind {
                HeaderKind::Ipv4 => start + 9,
                HeaderKind::Ipv6 => start + 6,
                HeaderKind::Extension(_) => start,
                _ => return,
            };
            transport = bytes.get(protocol_at).map(|protocol| (*protocol, end));
        });
        let addresses = |context: &Passed| context.key(0, 0).stable_hash();
        match stop {
            Ok(segment) => (To::Flow(segment.key.stable_hash()), None),
            Err(Stop::Fragment(fragment, protocol)) => {
                let put = self.fragments.put(time, &fragment);
                let hash = addresses(&walk.context);
                let to = match put {
                    Put::Held(serial) => To::Fragment(serial, hash),
                    _ => To::Flow(hash),
                };
                (to, Some((put, protocol)))
            }
            Err(Stop::Skip(Skip::Notice(notice))) => (To::Flow(notice.key.stable_hash()), None),
            Err(Stop::Skip(_)) => {
                let to = match transport {
                    Some((protocol, at)) => {
                        let rest = bytes.get(at..).unwrap_or_default();
                        let hash = key(&walk.context, protocol, rest).stable_hash();
                        match protocol {
                            UDP => To::Datagram(hash),
                            _ => To::Flow(hash),
                        }
                    }
                    None => To::Nothing,
                };
                (to, None)
            }
        }
    }
}

impl Passed {
    fn key(&self, source_port: u16, destination_port: u16) -> FlowKey {
        FlowKey {
            source: Endpoint::from_octets(self.source, source_port),
            destination: Endpoint::from_octets(self.destination, destination_port),
            scope: self.scope,
        }
    }
}

/// The key of what is no whole segment: of the flow that an ICMP error is about, or of the addresses and perhaps ports.
fn key(context: &Passed, protocol: u8, bytes: &[u8]) -> FlowKey {
    if let Some(quoted) = quoted(protocol, bytes) {
        return about(context, quoted).unwrap_or(context.key(0, 0));
    }
    match (protocol, bytes.first_chunk()) {
        (TCP | UDP | SCTP, Some([a, b, c, d])) => {
            let key = context.key(u16::from_be_bytes([*a, *b]), u16::from_be_bytes([*c, *d]));
            if protocol == UDP { of_server(key) } else { key }
        }
        _ => context.key(0, 0),
    }
}

/// The end with the lower port alone.
fn of_server(key: FlowKey) -> FlowKey {
    let by_port = |end: &Endpoint| (end.port(), end.octets());
    let server = match by_port(&key.source) <= by_port(&key.destination) {
        true => key.source,
        false => key.destination,
    };
    FlowKey {
        source: server,
        destination: server,
        ..key
    }
}

/// The packet that an ICMP error quotes (RFC 792, RFC 4443 3).
fn quoted(protocol: u8, bytes: &[u8]) -> Option<&[u8]> {
    match (protocol, bytes.first()?) {
        (ICMP, 3 | 4 | 5 | 11 | 12) | (ICMP6, 1..=4) => bytes.get(8..),
        _ => None,
    }
}

/// The flow that a quoted packet belongs to. Of the quote the header and eight bytes are certain to be there; one inside
/// a tunnel is quoted by the tunnel's ends and goes with those.
fn about(context: &Passed, quoted: &[u8]) -> Option<FlowKey> {
    let version = quoted.first()? >> 4;
    let (source, destination, protocol, at) = match version {
        4 => {
            let header: &[u8; 20] = quoted.first_chunk()?;
            let len = usize::from(header[0] & 15) * 4;
            let address = |at| mapped([header[at], header[at + 1], header[at + 2], header[at + 3]]);
            (address(12), address(16), header[9], len)
        }
        6 => {
            let header: &[u8; 40] = quoted.first_chunk()?;
            let address = |at: usize| header[at..].first_chunk().copied();
            (address(8)?, address(24)?, header[6], 40)
        }
        _ => return None,
    };
    let inner = Passed {
        source,
        destination,
        ..*context
    };
    // An error about an error is none (RFC 1122 3.2.2).
    match protocol {
        ICMP | ICMP6 => Some(inner.key(0, 0)),
        _ => Some(key(&inner, protocol, quoted.get(at..).unwrap_or_default())),
    }
}

impl FlowKey {
    /// A hash that both directions share and that is the same everywhere and always.
    #[must_use]
    pub fn stable_hash(&self) -> u64 {
        let end = |end: &Endpoint| (end.octets(), u64::from(end.port()));
        let ends = (end(&self.source), end(&self.destination));
        let (([a, b], low), ([c, d], high)) = (ends.0.min(ends.1), ends.0.max(ends.1));
        let words = [a, b, c, d, low << 48 | high << 32 | u64::from(self.scope)];
        let mut hash = 0x243f_6a88_85a3_08d3;
        for word in words {
            hash = fold(hash ^ word, 0x9e37_79b9_7f4a_7c15);
        }
        fold(hash, 0xd6e8_feb8_6659_fd93)
    }
}

/// Both halves of the product, mixed.
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::{Conversation, PacketBuilder, Wrap};

    fn packets(wraps: &[Wrap], v6: bool) -> Vec<Vec<u8>> {
        let (client, server) = match v6 {
            true => ("[2001:db8::1]:40000", "[2001:db8::2]:80"),
            false => ("10.0.0.1:40000", "10.0.0.2:80"),
        };
        let builder = PacketBuilder {
            wraps: wraps.to_vec(),
            ..PacketBuilder::default()
        };
        let conversation = Conversation::new(client, server).packet(builder);
        let packets = conversation.connect().client("GET / HTTP/1.1\r\n\r\n");
        let packets = packets.server("x").fin().packets();
        packets.into_iter().map(|(_, packet)| packet).collect()
    }

    fn sort(sorter: &mut Sorter, packet: &[u8]) -> Sorted {
        sorter.sort(
            LinkType::ETHERNET,
            Timestamp(0),
            packet,
            packet.len() as u32,
        )
    }

    fn hash(packet: &[u8]) -> u64 {
        match sort(&mut Sorter::new(&Limits::default()), packet).to {
            To::Flow(hash) | To::Datagram(hash) => hash,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn both_directions_go_together_in_tunnels_too() {
        for wraps in [
            &[][..],
            &[Wrap::Gtp(79)],
            &[Wrap::Ip],
            &[Wrap::Vlan(3), Wrap::Vxlan(77)],
        ] {
            for v6 in [false, true] {
                let all = packets(wraps, v6);
                let first = hash(&all[0]);
                assert!(
                    all.iter().all(|packet| hash(packet) == first),
                    "{wraps:?} {v6}"
                );
            }
        }
        // Tunnel ids that have directions are no part of it, networks are.
        let plain = hash(&packets(&[], false)[0]);
        assert_eq!(plain, hash(&packets(&[Wrap::Gtp(1)], false)[0]));
        assert_ne!(plain, hash(&packets(&[Wrap::Vxlan(1)], false)[0]));
    }

    #[test]
    fn the_hash_is_for_ever() {
        // 10.0.0.1:40000 and 10.0.0.2:80, by hand.
        assert_eq!(hash(&packets(&[], false)[0]), 13845794447084401914);
    }

    #[test]
    fn hashes_are_spread_evenly() {
        let mut counts = [0u32; 16];
        for port in 1024u16..=65_000 {
            let (source, destination) = ([10, 0, 0, 1], [10, 0, 0, 2]);
            let key = FlowKey {
                source: Endpoint::new(source.into(), port),
                destination: Endpoint::new(destination.into(), 443),
                scope: 0,
            };
            counts[(key.stable_hash() >> 60) as usize] += 1;
        }
        let mean = (65_000 - 1023) / 16;
        let off = |count: &u32| count.abs_diff(mean) > mean / 10;
        assert!(!counts.iter().any(off), "{counts:?}");
    }

    /// An IPv4 packet behind 14 bytes of Ethernet with other contents.
    fn with_payload(packet: &[u8], protocol: u8, field: u16, payload: &[u8]) -> Vec<u8> {
        let mut packet = packet[..34].to_vec();
        packet[16..18].copy_from_slice(&(20 + payload.len() as u16).to_be_bytes());
        packet[20..22].copy_from_slice(&field.to_be_bytes());
        packet[23] = protocol;
        packet.extend_from_slice(payload);
        packet
    }

    #[test]
    fn fragments_follow_the_one_that_completes_them() {
        let all = packets(&[], false);
        let request = &all[3];
        let parts = [
            with_payload(request, TCP, 0x2000, &request[34..50]),
            with_payload(request, TCP, 2, &request[50..]),
        ];
        for order in [[0, 1], [1, 0]] {
            let mut sorter = Sorter::new(&Limits::default());
            let first = sort(&mut sorter, &parts[order[0]]);
            let To::Fragment(datagram, _) = first.to else {
                panic!("{first:?}");
            };
            assert!(first.completes.is_empty());
            let last = sort(&mut sorter, &parts[order[1]]);
            assert_eq!(last.to, To::Flow(hash(request)));
            assert_eq!(last.completes[..], [datagram]);
        }
    }

    #[test]
    fn what_icmp_says_of_a_flow_goes_with_it() {
        let all = packets(&[], false);
        let quote = [&[3, 1, 0, 0, 0, 0, 0, 0][..], &all[3][14..42]].concat();
        let mut error = with_payload(&all[3], ICMP, 0, &quote);
        // A router says it.
        error[26..30].copy_from_slice(&[192, 0, 2, 1]);
        assert_eq!(hash(&error), hash(&all[3]));
        let six = packets(&[], true);
        let quote = [&[1, 0, 0, 0, 0, 0, 0, 0][..], &six[3][14..62]].concat();
        let mut error = six[3][..54].to_vec();
        error[18..20].copy_from_slice(&(quote.len() as u16).to_be_bytes());
        error[20] = ICMP6;
        error.extend_from_slice(&quote);
        assert_eq!(hash(&error), hash(&six[3]));
    }

    #[test]
    fn everything_else_has_a_place() {
        let all = packets(&[], false);
        let mut sorter = Sorter::new(&Limits::default());
        for len in 0..all[3].len() {
            sort(&mut sorter, &all[3][..len]);
        }
        let mut arp = all[0].clone();
        arp[12..14].copy_from_slice(&[8, 6]);
        assert_eq!(sort(&mut sorter, &arp).to, To::Nothing);
        let udp = |source: u16, destination: u16| {
            let ports = [source.to_be_bytes(), destination.to_be_bytes()].concat();
            let payload = [&ports[..], &[0, 8, 0, 0]].concat();
            hash(&with_payload(&all[3], UDP, 0, &payload))
        };
        // By the server's end, whose port is the lower one.
        assert_eq!(udp(443, 50_000), udp(443, 50_001));
        assert_ne!(udp(443, 50_000), udp(444, 50_000));
        // A cut quote says at least who talked to whom.
        let short = with_payload(&all[3], ICMP, 0, &[3, 1, 0, 0, 0, 0, 0, 0, 0x45]);
        hash(&short);
    }
}
