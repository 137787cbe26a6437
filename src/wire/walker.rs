//! The innermost TCP segment of each packet.

use super::fast;
use super::fragment::Fragments;
use super::segment::Segment;
use super::skip::Skip;
use super::walk::{NextLayer, Rest, Stop, Walk};
use crate::base::{Limits, LinkType, Timestamp};

/// A segment and the bytes its ranges count in.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Walked<'a> {
    /// In the packet itself.
    Here(Segment),
    /// In an IP datagram that this packet's fragment completed.
    Reassembled {
        /// The segment.
        segment: Segment,
        /// The datagram's payload, which the segment's ranges count in.
        bytes: &'a [u8],
    },
}

impl Walked<'_> {
    /// The segment, wherever it was.
    #[must_use]
    pub fn segment(&self) -> &Segment {
        match self {
            Self::Here(segment) | Self::Reassembled { segment, .. } => segment,
        }
    }
}

/// Finds the innermost TCP segment of packets, and puts IP fragments together on the way.
///
/// Packets come in capture order. What it keeps is bounded by [`Limits::ip_datagrams`] and [`Limits::ip_timeout`].
#[derive(Debug)]
pub struct Walker {
    fragments: Fragments,
    depth: usize,
    /// The datagram completed last.
    datagram: Vec<u8>,
    /// What follows in the latest packet, if that is a frame of several.
    rest: Option<Rest>,
    encrypted: u64,
}

impl Walker {
    /// A walker with no fragments yet.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            fragments: Fragments::new(limits),
            depth: limits.tunnel_depth,
            datagram: Vec::new(),
            rest: None,
            encrypted: 0,
        }
    }

    /// The TCP segment of `packet`, captured at `time`, that had `original` bytes on the wire.
    ///
    /// # Errors
    /// [`Skip`] says why there is none; that is a property of the traffic and no failure.
    #[inline]
    pub fn segment(
        &mut self,
        link: LinkType,
        time: Timestamp,
        packet: &[u8],
        original: u32,
    ) -> Result<Walked<'_>, Skip> {
        if link == LinkType::ETHERNET
            && let Some(known) = fast::segment(packet)
        {
            return known.map(Walked::Here);
        }
        let walk = Walk::new(packet, original, self.depth);
        self.walk(walk, NextLayer::Link(link), time)
    }

    /// The next segment of the packet that [`Walker::segment`] was called with last: a frame of Wi-Fi may hold several (A-MSDU).
    /// `None` when there is none, as nearly always.
    ///
    /// # Errors
    /// As for the first.
    #[inline]
    pub fn more(&mut self, time: Timestamp, packet: &[u8]) -> Option<Result<Walked<'_>, Skip>> {
        let rest = self.rest.take()?;
        Some(self.walk(Walk::behind(packet, rest), NextLayer::Amsdu, time))
    }

    /// How many frames of Wi-Fi were encrypted by their network.
    #[must_use]
    pub fn encrypted(&self) -> u64 {
        self.encrypted
    }

    /// Incomplete IP datagrams that are kept.
    #[must_use]
    pub fn held_datagrams(&self) -> usize {
        self.fragments.len()
    }

    fn walk(
        &mut self,
        mut walk: Walk<'_>,
        layer: NextLayer,
        time: Timestamp,
    ) -> Result<Walked<'_>, Skip> {
        let walked = walk.run(layer, &mut |_, _, _| {});
        self.rest = walk.rest;
        let (fragment, mut protocol) = match walked {
            Ok(segment) => return Ok(Walked::Here(segment)),
            Err(Stop::Skip(skip)) => {
                self.encrypted += u64::from(skip == Skip::Encrypted);
                return Err(skip);
            }
            Err(Stop::Fragment(fragment, protocol)) => (fragment, protocol),
        };
        let mut context = walk.context;
        let mut datagram = self.fragments.add(time, &fragment).ok_or(Skip::Fragment)?;
        // A datagram may hold a tunnel, and that a fragment again; the depth ends it.
        loop {
            let mut walk = Walk::resume(&datagram, context);
            let (fragment, inner) = match walk.run(NextLayer::Protocol(protocol), &mut |_, _, _| {})
            {
                Ok(segment) => {
                    self.datagram = datagram;
                    let bytes = &self.datagram;
                    return Ok(Walked::Reassembled { segment, bytes });
                }
                // QUIC is never fragmented (RFC 9000 section 14).
                Err(Stop::Skip(Skip::Datagram(_))) => return Err(Skip::NotTcp),
                Err(Stop::Skip(skip)) => return Err(skip),
                Err(Stop::Fragment(fragment, inner)) => (fragment, inner),
            };
            (context, protocol) = (walk.context, inner);
            datagram = self.fragments.add(time, &fragment).ok_or(Skip::Fragment)?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::testkit::{Conversation, PacketBuilder, Random, Wrap};

    fn packets(builder: PacketBuilder, v6: bool) -> Vec<(Timestamp, Vec<u8>)> {
        let (client, server) = if v6 {
            ("[2001:db8::1]:40000", "[2001:db8::2]:80")
        } else {
            ("10.0.0.1:40000", "10.0.0.2:80")
        };
        Conversation::new(client, server)
            .packet(builder)
            .connect()
            .client("GET / HTTP/1.1\r\n\r\n")
            .server("x")
            .fin()
            .packets()
    }

    /// Every packet of a conversation gives its segment: payload, ports, flags, order of numbers.
    fn check(builder: &PacketBuilder, v6: bool) -> Vec<Segment> {
        let mut walker = Walker::new(&Limits::default());
        let mut segments = Vec::new();
        for (time, packet) in packets(builder.clone(), v6) {
            let walked = walker.segment(builder.link, time, &packet, packet.len() as u32);
            let Ok(Walked::Here(segment)) = walked else {
                panic!("{builder:?}: {walked:?}");
            };
            assert_eq!(segment.missing, 0, "{builder:?}");
            segments.push((segment.payload(&packet).to_vec(), segment));
        }
        let payloads: Vec<&[u8]> = segments.iter().map(|(payload, _)| &payload[..]).collect();
        assert_eq!(
            payloads,
            [
                b"",
                b"",
                b"",
                &b"GET / HTTP/1.1\r\n\r\n"[..],
                b"x",
                b"",
                b"",
                b""
            ],
            "{builder:?}"
        );
        let (_, data) = &segments[3];
        assert_eq!(
            (data.key.source.port(), data.key.destination.port()),
            (40000, 80)
        );
        assert_eq!(data.key.source.address().is_ipv6(), v6);
        assert_eq!((data.seq, data.ack, data.ttl), (1001, 5001, 64));
        segments.into_iter().map(|(_, segment)| segment).collect()
    }

    fn ethernet(wraps: &[Wrap]) -> PacketBuilder {
        PacketBuilder {
            wraps: wraps.to_vec(),
            pad: true,
            ..PacketBuilder::default()
        }
    }

    #[test]
    fn every_link_type_is_read() {
        for link in [
            LinkType::ETHERNET,
            LinkType::LINUX_SLL,
            LinkType::LINUX_SLL2,
            LinkType::NULL,
            LinkType::LOOP,
            LinkType::RAW,
            LinkType::PPP,
        ] {
            for v6 in [false, true] {
                let builder = PacketBuilder {
                    link,
                    ..PacketBuilder::default()
                };
                check(&builder, v6);
            }
        }
    }

    /// Headers of link types that nothing here builds, in front of an IPv4 packet.
    #[test]
    fn headers_of_the_air_and_of_others_are_passed() {
        let builder = PacketBuilder {
            link: LinkType::RAW,
            ..PacketBuilder::default()
        };
        let (time, ip) = packets(builder, false).swap_remove(3);
        const SNAP: [u8; 8] = [0xaa, 0xaa, 3, 0, 0, 0, 8, 0];
        let wifi = |control: [u8; 2], rest: &[u8]| {
            let mut frame = control.to_vec();
            frame.resize(24, 1);
            frame.extend_from_slice(rest);
            frame
        };
        let len = (SNAP.len() + ip.len()) as u16;
        let subframe = [&[7; 12][..], &len.to_be_bytes(), &SNAP].concat();
        let data = wifi([0x08, 1], &SNAP);
        let cases = [
            (LinkType::IEEE802_11, data.clone()),
            (
                LinkType::IEEE802_11,
                wifi([0x88, 2], &[&[0, 0][..], &SNAP].concat()),
            ),
            (
                LinkType::IEEE802_11,
                wifi([0x88, 3], &[&[2; 6][..], &[0, 0], &SNAP].concat()),
            ),
            (
                LinkType::IEEE802_11,
                wifi([0x88, 1], &[&[0x80, 0][..], &subframe].concat()),
            ),
            (
                LinkType::IEEE802_11_RADIOTAP,
                [&[0, 0, 8, 0, 0, 0, 0, 0][..], &data].concat(),
            ),
            (
                LinkType::PPI,
                [&[0, 0, 8, 0, 105, 0, 0, 0][..], &data].concat(),
            ),
            (LinkType::PPI, vec![0, 0, 8, 0, 101, 0, 0, 0]),
            (LinkType::PKTAP, vec![12, 0, 0, 0, 1, 0, 0, 0, 12, 0, 0, 0]),
            (LinkType::FDDI, [&[0x50; 13], &SNAP[..]].concat()),
            (LinkType::SLIP, vec![1; 16]),
            (LinkType::SLIP_BSDOS, vec![0; 24]),
            (LinkType::IPNET, vec![1; 24]),
            (LinkType::FRELAY, vec![0x18, 0x41, 0x03, 0xcc]),
            (LinkType::FRELAY, vec![0x18, 0x41, 0x08, 0x00]),
            (
                LinkType::FRELAY,
                vec![0x18, 0x41, 0x03, 0, 0x80, 0, 0, 0, 8, 0],
            ),
            (LinkType::RAW_OPENBSD, vec![]),
        ];
        let mut walker = Walker::new(&Limits::default());
        for (link, header) in cases {
            let packet = [&header[..], &ip].concat();
            let walked = walker.segment(link, time, &packet, packet.len() as u32);
            let payload = match &walked {
                Ok(Walked::Here(segment)) => segment.payload(&packet),
                other => panic!("{link}: {header:02x?}: {other:?}"),
            };
            assert_eq!(payload, b"GET / HTTP/1.1\r\n\r\n", "{link}");
            for cut in 0..packet.len() {
                let _ = walker.segment(link, time, &packet[..cut], packet.len() as u32);
            }
        }
        assert_eq!(walker.encrypted(), 0);
        for (control, expected) in [
            ([0x08, 0x41], Skip::Encrypted),
            ([0x80, 0], Skip::NotIp),
            ([0x48, 1], Skip::NotIp),
        ] {
            let packet = wifi(control, &SNAP);
            let walked = walker.segment(LinkType::IEEE802_11, time, &packet, 32);
            assert_eq!(walked, Err(expected));
        }
        assert_eq!(walker.encrypted(), 1);
        let endless = [0, 0, 8, 0, 192, 0, 0, 0].repeat(1000);
        let walked = walker.segment(LinkType::PPI, time, &endless, 8000);
        assert_eq!(walked, Err(Skip::TooDeep));
    }

    #[test]
    fn every_packet_of_an_a_msdu_is_read() {
        let builder = PacketBuilder {
            link: LinkType::RAW,
            ..PacketBuilder::default()
        };
        let all = packets(builder, false);
        let mut frame = vec![0x88, 1];
        frame.resize(24, 1);
        frame.extend([0x80, 0]);
        // Among the packets one that is no IP, and one of a length that needs padding.
        let arp = (Timestamp(0), vec![0; 29]);
        for (index, (_, ip)) in all
            .iter()
            .take(4)
            .chain([&arp])
            .chain(&all[4..6])
            .enumerate()
        {
            let high_and_low = if index == 4 { [8, 6] } else { [8, 0] };
            let len = (8 + ip.len()) as u16;
            let start = frame.len();
            frame.extend([7; 12]);
            frame.extend(len.to_be_bytes());
            frame.extend([0xaa, 0xaa, 3, 0, 0, 0]);
            frame.extend(high_and_low);
            frame.extend(ip);
            frame.resize(start + (14 + usize::from(len)).next_multiple_of(4), 0);
        }
        frame.extend([0xfc; 4]); // the check sequence of the frame
        let mut walker = Walker::new(&Limits::default());
        let time = Timestamp(0);
        let mut payloads = Vec::new();
        let mut walked =
            Some(walker.segment(LinkType::IEEE802_11, time, &frame, frame.len() as u32));
        while let Some(one) = walked {
            payloads.push(one.ok().map(|one| one.segment().payload(&frame).to_vec()));
            walked = walker.more(time, &frame);
        }
        let payload = |text: &str| Some(text.as_bytes().to_vec());
        let request = payload("GET / HTTP/1.1\r\n\r\n");
        let empty = || payload("");
        assert_eq!(
            payloads,
            [
                empty(),
                empty(),
                empty(),
                request,
                None,
                payload("x"),
                empty()
            ]
        );
        for cut in 0..frame.len() {
            let _ = walker.segment(
                LinkType::IEEE802_11,
                time,
                &frame[..cut],
                frame.len() as u32,
            );
            while walker.more(time, &frame[..cut]).is_some() {}
        }
        let ethernet = walker
            .segment(LinkType::ETHERNET, time, &[0; 60], 60)
            .is_err();
        assert!(ethernet && walker.more(time, &[0; 60]).is_none());
    }

    #[test]
    fn every_encapsulation_is_read_alone_and_in_each_other() {
        let one = [
            Wrap::Vlan(5),
            Wrap::ServiceVlan(6),
            Wrap::Pppoe(7),
            Wrap::Mpls(16),
            Wrap::Ip,
            Wrap::Gre(None),
            Wrap::Gre(Some(9)),
            Wrap::Gretap,
            Wrap::Erspan(3),
            Wrap::Vxlan(77),
            Wrap::Geneve(78),
            Wrap::Gtp(79),
        ];
        for v6 in [false, true] {
            for outer in one {
                check(&ethernet(&[outer]), v6);
                for inner in one {
                    let only_tags_in_ethernet =
                        matches!(outer, Wrap::Vlan(_) | Wrap::ServiceVlan(_) | Wrap::Mpls(_))
                            || !matches!(
                                inner,
                                Wrap::Vlan(_)
                                    | Wrap::ServiceVlan(_)
                                    | Wrap::Pppoe(_)
                                    | Wrap::Mpls(_)
                            );
                    let tag_in_label = matches!(outer, Wrap::Mpls(_))
                        && matches!(inner, Wrap::Vlan(_) | Wrap::ServiceVlan(_) | Wrap::Pppoe(_));
                    if only_tags_in_ethernet && !tag_in_label {
                        check(&ethernet(&[outer, inner]), v6);
                    }
                }
            }
        }
    }

    #[test]
    fn networks_are_told_apart_and_directions_are_not() {
        let scope = |wraps: &[Wrap]| {
            let segments = check(&ethernet(wraps), false);
            let scope = segments[0].key.scope;
            assert!(segments.iter().all(|segment| segment.key.scope == scope));
            assert_eq!(segments[0].key.canonical().0, segments[1].key.canonical().0);
            scope
        };
        assert_eq!(scope(&[]), 0);
        assert_eq!(scope(&[Wrap::Vlan(0)]), 0);
        assert_eq!(scope(&[Wrap::Gtp(1)]), 0);
        let scopes = [
            scope(&[Wrap::Vlan(1)]),
            scope(&[Wrap::Vlan(2)]),
            scope(&[Wrap::Vlan(1), Wrap::Vlan(2)]),
            scope(&[Wrap::Vlan(2), Wrap::Vlan(1)]),
            scope(&[Wrap::Vxlan(1)]),
            scope(&[Wrap::Gre(Some(1))]),
        ];
        for (index, scope) in scopes.iter().enumerate() {
            assert!(*scope != 0 && !scopes[..index].contains(scope));
        }
    }

    #[test]
    fn header_bytes_add_up() {
        let segments = check(&ethernet(&[Wrap::Vlan(1), Wrap::Vxlan(1)]), false);
        let bytes = segments[3].header_bytes;
        // Ethernet, tag, IPv4, UDP, VXLAN, Ethernet.
        assert_eq!(
            (bytes.link, bytes.ip, bytes.tcp),
            (14 + 4 + 20 + 8 + 8 + 14, 20, 20)
        );
    }

    #[test]
    fn a_cut_packet_says_what_is_missing() {
        let mut walker = Walker::new(&Limits::default());
        let builder = ethernet(&[Wrap::Vlan(1)]);
        for (builder, headers) in [(ethernet(&[]), 54), (builder, 58)] {
            let (time, packet) = packets(builder, false).swap_remove(3);
            for cut in headers..=packet.len() {
                let walked = walker
                    .segment(
                        LinkType::ETHERNET,
                        time,
                        &packet[..cut],
                        packet.len() as u32,
                    )
                    .unwrap();
                let segment = walked.segment();
                assert_eq!(segment.payload, headers as u32..cut as u32);
                assert_eq!(segment.missing as usize, packet.len() - cut);
            }
            for cut in 14..headers {
                let walked = walker.segment(
                    LinkType::ETHERNET,
                    time,
                    &packet[..cut],
                    packet.len() as u32,
                );
                assert_eq!(walked, Err(Skip::Truncated));
            }
        }
    }

    #[test]
    fn total_length_zero_takes_the_packet_as_it_is() {
        let (time, mut packet) = packets(ethernet(&[]), false).swap_remove(3);
        packet[16..18].fill(0);
        let mut walker = Walker::new(&Limits::default());
        let walked = walker
            .segment(LinkType::ETHERNET, time, &packet, packet.len() as u32)
            .unwrap();
        assert_eq!(walked.segment().payload(&packet), b"GET / HTTP/1.1\r\n\r\n");
    }

    /// UDP from port 5000 to 4433 in IPv4 behind 14 bytes of Ethernet.
    fn udp(payload: &[u8]) -> Vec<u8> {
        let mut packet = packets(ethernet(&[]), false).swap_remove(0).1[..34].to_vec();
        packet[23] = 17;
        packet[16..18].copy_from_slice(&(28 + payload.len() as u16).to_be_bytes());
        packet.extend([0x13, 0x88, 0x11, 0x51]);
        packet.extend((8 + payload.len() as u16).to_be_bytes());
        packet.extend([0, 0]);
        packet.extend(payload);
        packet
    }

    #[test]
    fn datagrams_are_given_both_ways_alike() {
        for first in [0x00, 0x3f, 0x40, 0x80, 0xc3] {
            for (len, cut, padding) in [(1, 0, 0), (30, 0, 0), (30, 9, 0), (30, 0, 4), (0, 0, 0)] {
                let mut payload = vec![7; len];
                if let Some(byte) = payload.first_mut() {
                    *byte = first;
                }
                let mut packet = udp(&payload);
                packet.extend(vec![0; padding]);
                let original = packet.len() as u32;
                packet.truncate(packet.len() - cut);
                let mut walker = Walker::new(&Limits::default());
                let time = Timestamp(0);
                let fast = walker
                    .segment(LinkType::ETHERNET, time, &packet, original)
                    .err();
                let walk = Walk::new(&packet, original, 8);
                let slow = walker
                    .walk(walk, NextLayer::Link(LinkType::ETHERNET), time)
                    .err();
                assert_eq!(fast, slow, "{first:x} {len} {cut} {padding}");
                match fast {
                    Some(Skip::Datagram(datagram)) => {
                        assert!(len > 0);
                        assert_eq!(datagram.key.destination.port(), 4433);
                        assert_eq!(datagram.payload(&packet), &payload[..len - cut]);
                        assert_eq!(datagram.missing as usize, cut);
                    }
                    other => {
                        assert_eq!(other, Some(Skip::NotTcp));
                        assert_eq!(len, 0);
                    }
                }
            }
        }
    }

    #[test]
    fn what_is_no_tcp_says_so() {
        let mut walker = Walker::new(&Limits::default());
        let mut skip = |link, packet: &[u8]| {
            walker
                .segment(link, Timestamp(0), packet, packet.len() as u32)
                .err()
        };
        let mut udp = packets(ethernet(&[]), false).swap_remove(3).1;
        udp[23] = 17;
        let datagram = skip(LinkType::ETHERNET, &udp);
        assert!(matches!(datagram, Some(Skip::Datagram(_))), "{datagram:?}");
        udp[23] = 132;
        assert_eq!(skip(LinkType::ETHERNET, &udp), Some(Skip::NotTcp));
        let mut arp = udp.clone();
        arp[12..14].copy_from_slice(&[8, 6]);
        assert_eq!(skip(LinkType::ETHERNET, &arp), Some(Skip::NotIp));
        assert_eq!(skip(LinkType(147), &arp), Some(Skip::UnknownLink));
        assert_eq!(skip(LinkType::ETHERNET, &[]), Some(Skip::Malformed));
        let deep = packets(ethernet(&[Wrap::Vlan(1); 17]), false)
            .swap_remove(0)
            .1;
        assert_eq!(skip(LinkType::ETHERNET, &deep), Some(Skip::TooDeep));
    }

    /// The IPv4 packet after a 14-byte Ethernet header as fragments with `unit` payload bytes each.
    fn fragments(packet: &[u8], unit: usize) -> Vec<Vec<u8>> {
        let (head, payload) = packet.split_at(34);
        let last = payload.len().div_ceil(unit) - 1;
        let parts = payload.chunks(unit).enumerate();
        parts
            .map(|(index, part)| {
                let mut fragment = head.to_vec();
                let more = if index < last { 0x2000 } else { 0 };
                let field = (index * unit / 8) as u16 | more;
                fragment[16..18].copy_from_slice(&((20 + part.len()) as u16).to_be_bytes());
                fragment[20..22].copy_from_slice(&field.to_be_bytes());
                fragment.extend_from_slice(part);
                fragment
            })
            .collect()
    }

    #[test]
    fn fragments_become_a_segment_in_any_order() {
        let (time, packet) = packets(ethernet(&[]), false).swap_remove(3);
        for reverse in [false, true] {
            let mut parts = fragments(&packet, 8);
            if reverse {
                parts.reverse();
            }
            let mut walker = Walker::new(&Limits::default());
            let last = parts.pop().unwrap();
            for part in parts {
                let held = walker.segment(LinkType::ETHERNET, time, &part, part.len() as u32);
                assert_eq!(held, Err(Skip::Fragment));
            }
            let whole = walker
                .segment(LinkType::ETHERNET, time, &last, last.len() as u32)
                .unwrap();
            let Walked::Reassembled { segment, bytes } = whole else {
                panic!("{whole:?}");
            };
            assert_eq!(segment.payload(bytes), b"GET / HTTP/1.1\r\n\r\n");
            assert_eq!(
                (segment.key.source.port(), segment.header_bytes.link),
                (40000, 14)
            );
            assert_eq!(
                (segment.header_bytes.ip, segment.header_bytes.tcp),
                (20, 20)
            );
            assert_eq!(walker.held_datagrams(), 0);
        }
    }

    #[test]
    fn a_fragmented_tunnel_is_entered() {
        let (time, packet) = packets(ethernet(&[Wrap::Vxlan(5)]), false).swap_remove(3);
        let mut walker = Walker::new(&Limits::default());
        let parts = fragments(&packet, 40);
        assert_eq!(parts.len(), 3);
        let walked: Vec<bool> = parts
            .iter()
            .map(|part| {
                walker
                    .segment(LinkType::ETHERNET, time, part, part.len() as u32)
                    .is_ok()
            })
            .collect();
        assert_eq!(walked, [false, false, true]);
    }

    proptest! {
        #[test]
        fn the_fast_path_gives_what_the_walk_gives(
            index in 0usize..8,
            changes in prop::collection::vec((12usize..60, any::<u8>()), 0..3),
            cut in 0usize..90,
        ) {
            let mut packet = packets(ethernet(&[]), false).swap_remove(index).1;
            let original = packet.len() as u32;
            for (at, byte) in changes {
                if let Some(place) = packet.get_mut(at) {
                    *place = byte;
                }
            }
            packet.truncate(cut);
            if let Some(fast) = fast::segment(&packet) {
                let mut walk = Walk::new(&packet, original, 16);
                let slow = walk.run(NextLayer::Ethernet, &mut |_, _, _| {});
                match (fast, slow) {
                    (Ok(fast), Ok(slow)) => prop_assert_eq!(fast, slow),
                    (Err(fast), Err(Stop::Skip(slow))) => prop_assert_eq!(fast, slow),
                    other => prop_assert!(false, "{:?}", other),
                }
            }
        }

        #[test]
        fn no_packet_panics(seed in any::<u64>(), link in 0u16..300, wrap in 0usize..6, flips in 0usize..20) {
            let wraps = [Wrap::Vxlan(1), Wrap::Geneve(1), Wrap::Gre(Some(1)), Wrap::Erspan(1), Wrap::Gtp(1), Wrap::Mpls(1)];
            let mut random = Random::new(seed);
            let mut packet = packets(ethernet(&[wraps[wrap]]), seed % 2 == 0).swap_remove(3).1;
            for _ in 0..flips {
                let at = random.below(packet.len() as u64) as usize;
                packet[at] = random.bits() as u8;
            }
            packet.truncate(random.below(packet.len() as u64 + 1) as usize);
            let mut walker = Walker::new(&Limits::default());
            for link in [LinkType::ETHERNET, LinkType(link), LinkType::NFLOG, LinkType::LINUX_SLL2] {
                if let Ok(walked) = walker.segment(link, Timestamp(0), &packet, random.bits() as u32) {
                    let range = &walked.segment().payload;
                    prop_assert!(range.start <= range.end && range.end as usize <= packet.len());
                }
            }
        }
    }
}
