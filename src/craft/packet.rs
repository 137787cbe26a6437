//! One TCP segment as a packet: link layer, tunnels, IP, TCP, with right lengths and checksums.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

use crate::base::{LinkType, Timestamp};

/// The FIN flag.
pub const FIN: u8 = 0x01;
/// The SYN flag.
pub const SYN: u8 = 0x02;
/// The RST flag.
pub const RST: u8 = 0x04;
/// The PSH flag.
pub const PSH: u8 = 0x08;
/// The ACK flag.
pub const ACK: u8 = 0x10;
/// The URG flag.
pub const URG: u8 = 0x20;

/// What a TCP segment says, before it is a packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Segment {
    /// When it is captured.
    pub time: Timestamp,
    /// Who sends it.
    pub source: SocketAddr,
    /// Who gets it.
    pub destination: SocketAddr,
    /// Sequence number.
    pub seq: u32,
    /// Acknowledgment number.
    pub ack: u32,
    /// The flags, [`SYN`] and so on.
    pub flags: u8,
    /// The window as it stands in the header.
    pub window: u16,
    /// TTL or hop limit.
    pub ttl: u8,
    /// The IPv4 identification.
    pub ip_id: u16,
    /// TCP options, padded to four bytes by the builder.
    pub options: Vec<u8>,
    /// The payload.
    pub payload: Vec<u8>,
}

/// One layer put around an IP packet, each inside the one before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrap {
    /// An 802.1Q tag with this VLAN id (Ethernet link only; several stack).
    Vlan(u16),
    /// An 802.1ad service tag (Ethernet link only).
    ServiceVlan(u16),
    /// A PPPoE session header (Ethernet link only, the last of the tags).
    Pppoe(u16),
    /// An MPLS label (Ethernet link only, after the tags; the last one ends the stack).
    Mpls(u32),
    /// IPv4 around IP (protocol 4 or 41).
    Ip,
    /// IPv4 and GRE around IP, with an optional key.
    Gre(Option<u32>),
    /// IPv4, GRE and an inner Ethernet header.
    Gretap,
    /// IPv4, GRE, ERSPAN type II with this session, and an inner Ethernet header.
    Erspan(u16),
    /// IPv4, UDP 4789, VXLAN with this network identifier, and an inner Ethernet header.
    Vxlan(u32),
    /// IPv4, UDP 6081, Geneve with this network identifier, and an inner Ethernet header.
    Geneve(u32),
    /// IPv4, UDP 2152, GTP-U with this tunnel id.
    Gtp(u32),
}

/// How segments become packets: the link type and what is around the IP packet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PacketBuilder {
    /// What the packet begins with: one of ETHERNET, LINUX_SLL, LINUX_SLL2, NULL, LOOP, RAW, IPV4, IPV6, PPP.
    pub link: LinkType,
    /// Layers around the IP packet, outermost first.
    pub wraps: Vec<Wrap>,
    /// Pads short Ethernet frames to 60 bytes, as senders do.
    pub pad: bool,
}

impl Default for PacketBuilder {
    fn default() -> Self {
        Self {
            link: LinkType::ETHERNET,
            wraps: Vec::new(),
            pad: false,
        }
    }
}

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const ETHERNET_IN_GRE: u16 = 0x6558;
const OUTER: [Ipv4Addr; 2] = [Ipv4Addr::new(192, 0, 2, 1), Ipv4Addr::new(198, 51, 100, 1)];

impl PacketBuilder {
    /// The packet of `segment`.
    #[must_use]
    pub fn tcp(&self, segment: &Segment) -> Vec<u8> {
        self.wrap(ip_packet(segment), ip_ethertype(segment.source.ip()))
    }

    /// The packet of an IPv4 UDP datagram; its checksum is 0, which means none (RFC 768).
    #[must_use]
    pub fn udp(&self, source: SocketAddrV4, destination: SocketAddrV4, payload: &[u8]) -> Vec<u8> {
        let len = (payload.len() + 8) as u16;
        let header = join(&[
            &source.port().to_be_bytes(),
            &destination.port().to_be_bytes(),
            &len.to_be_bytes(),
            &[0, 0],
        ]);
        let ip = ipv4_header([*source.ip(), *destination.ip()], 17, 64, 0, len.into());
        self.wrap(join(&[&ip, &header, payload]), IPV4)
    }

    /// Puts the layers and the link header around `packet`, whose EtherType is `ethertype`.
    #[must_use]
    pub fn wrap(&self, packet: Vec<u8>, ethertype: u16) -> Vec<u8> {
        let (mut packet, mut ethertype) = (packet, ethertype);
        let mut bottom = true;
        for wrap in self.wraps.iter().rev() {
            (packet, ethertype) = put_around(*wrap, packet, ethertype, bottom);
            bottom &= !matches!(wrap, Wrap::Mpls(_));
        }
        self.link_header(packet, ethertype)
    }

    fn link_header(&self, packet: Vec<u8>, ethertype: u16) -> Vec<u8> {
        let v6 = ethertype == IPV6;
        let mut bytes = match self.link {
            LinkType::ETHERNET => ethernet_header(ethertype).to_vec(),
            LinkType::LINUX_SLL => {
                let mut header = vec![0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0];
                header.extend(ethertype.to_be_bytes());
                header
            }
            LinkType::LINUX_SLL2 => {
                let mut header = ethertype.to_be_bytes().to_vec();
                header.extend([0, 0, 0, 0, 0, 2, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0]);
                header
            }
            LinkType::NULL => (if v6 { 30u32 } else { 2 }).to_le_bytes().to_vec(),
            LinkType::LOOP => (if v6 { 30u32 } else { 2 }).to_be_bytes().to_vec(),
            LinkType::PPP => vec![0xff, 0x03, 0x00, if v6 { 0x57 } else { 0x21 }],
            _ => Vec::new(),
        };
        bytes.extend(packet);
        if self.pad && self.link == LinkType::ETHERNET && bytes.len() < 60 {
            bytes.resize(60, 0);
        }
        bytes
    }
}

fn ip_ethertype(address: IpAddr) -> u16 {
    if address.is_ipv4() { IPV4 } else { IPV6 }
}

fn ethernet_header(ethertype: u16) -> [u8; 14] {
    let [high, low] = ethertype.to_be_bytes();
    [2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, high, low]
}

fn put_around(wrap: Wrap, packet: Vec<u8>, ethertype: u16, bottom: bool) -> (Vec<u8>, u16) {
    match wrap {
        Wrap::Vlan(id) => (
            join(&[&id.to_be_bytes(), &ethertype.to_be_bytes(), &packet]),
            0x8100,
        ),
        Wrap::ServiceVlan(id) => (
            join(&[&id.to_be_bytes(), &ethertype.to_be_bytes(), &packet]),
            0x88a8,
        ),
        Wrap::Pppoe(session) => {
            let protocol: u16 = if ethertype == IPV6 { 0x57 } else { 0x21 };
            let header = join(&[
                &[0x11, 0],
                &session.to_be_bytes(),
                &((packet.len() + 2) as u16).to_be_bytes(),
                &protocol.to_be_bytes(),
            ]);
            (join(&[&header, &packet]), 0x8864)
        }
        Wrap::Mpls(label) => {
            let entry = label << 12 | u32::from(bottom) << 8 | 64;
            (join(&[&entry.to_be_bytes(), &packet]), 0x8847)
        }
        Wrap::Ip => (
            outer_ip(if ethertype == IPV6 { 41 } else { 4 }, &packet),
            IPV4,
        ),
        Wrap::Gre(key) => (outer_ip(47, &gre(key, ethertype, &packet)), IPV4),
        Wrap::Gretap => {
            let inner = join(&[&ethernet_header(ethertype), &packet]);
            (outer_ip(47, &gre(None, ETHERNET_IN_GRE, &inner)), IPV4)
        }
        Wrap::Erspan(session) => {
            let head = 0x1000_0000 | u32::from(session & 0x3ff);
            let inner = join(&[
                &head.to_be_bytes(),
                &[0; 4],
                &ethernet_header(ethertype),
                &packet,
            ]);
            let with_sequence = join(&[&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1], &inner]);
            (outer_ip(47, &with_sequence), IPV4)
        }
        Wrap::Vxlan(vni) => {
            let header = join(&[&[8, 0, 0, 0], &(vni << 8).to_be_bytes()]);
            let inner = join(&[&header, &ethernet_header(ethertype), &packet]);
            (outer_udp(4789, &inner), IPV4)
        }
        Wrap::Geneve(vni) => {
            let header = join(&[&[0, 0, 0x65, 0x58], &(vni << 8).to_be_bytes()]);
            let inner = join(&[&header, &ethernet_header(ethertype), &packet]);
            (outer_udp(6081, &inner), IPV4)
        }
        Wrap::Gtp(teid) => {
            let len = (packet.len() as u16).to_be_bytes();
            let header = join(&[&[0x30, 0xff], &len, &teid.to_be_bytes()]);
            (outer_udp(2152, &join(&[&header, &packet])), IPV4)
        }
    }
}

fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

fn gre(key: Option<u32>, protocol: u16, packet: &[u8]) -> Vec<u8> {
    let flags: u16 = if key.is_some() { 0x2000 } else { 0 };
    let mut bytes = join(&[&flags.to_be_bytes(), &protocol.to_be_bytes()]);
    bytes.extend(key.into_iter().flat_map(u32::to_be_bytes));
    bytes.extend(packet);
    bytes
}

fn outer_ip(protocol: u8, payload: &[u8]) -> Vec<u8> {
    join(&[&ipv4_header(OUTER, protocol, 64, 0, payload.len()), payload])
}

fn outer_udp(port: u16, payload: &[u8]) -> Vec<u8> {
    let len = ((payload.len() + 8) as u16).to_be_bytes();
    let header = join(&[&50_000u16.to_be_bytes(), &port.to_be_bytes(), &len, &[0, 0]]);
    outer_ip(17, &join(&[&header, payload]))
}

fn ipv4_header(
    [source, destination]: [Ipv4Addr; 2],
    protocol: u8,
    ttl: u8,
    id: u16,
    payload: usize,
) -> [u8; 20] {
    let mut header = [0; 20];
    header[0] = 0x45;
    header[2..4].copy_from_slice(&((payload + 20) as u16).to_be_bytes());
    header[4..6].copy_from_slice(&id.to_be_bytes());
    header[6] = 0x40;
    header[8] = ttl;
    header[9] = protocol;
    header[12..16].copy_from_slice(&source.octets());
    header[16..20].copy_from_slice(&destination.octets());
    let sum = checksum(&[&header]);
    header[10..12].copy_from_slice(&sum.to_be_bytes());
    header
}

fn ip_packet(segment: &Segment) -> Vec<u8> {
    let mut tcp = tcp_header(segment);
    tcp.extend_from_slice(&segment.payload);
    let (header, pseudo) = match (segment.source.ip(), segment.destination.ip()) {
        (IpAddr::V4(source), IpAddr::V4(destination)) => (
            ipv4_header(
                [source, destination],
                6,
                segment.ttl,
                segment.ip_id,
                tcp.len(),
            )
            .to_vec(),
            join(&[
                &source.octets(),
                &destination.octets(),
                &[0, 6],
                &(tcp.len() as u16).to_be_bytes(),
            ]),
        ),
        (source, destination) => {
            let (source, destination) = (six(source), six(destination));
            let len = (tcp.len() as u16).to_be_bytes();
            (
                join(&[
                    &[0x60, 0, 0, 0],
                    &len,
                    &[6, segment.ttl],
                    &source,
                    &destination,
                ]),
                join(&[
                    &source,
                    &destination,
                    &(tcp.len() as u32).to_be_bytes(),
                    &[0, 0, 0, 6],
                ]),
            )
        }
    };
    let sum = checksum(&[&pseudo, &tcp]);
    tcp[16..18].copy_from_slice(&sum.to_be_bytes());
    join(&[&header, &tcp])
}

fn six(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(four) => four.to_ipv6_mapped().octets(),
        IpAddr::V6(six) => six.octets(),
    }
}

fn tcp_header(segment: &Segment) -> Vec<u8> {
    let mut options = segment.options.clone();
    options.resize(options.len().next_multiple_of(4).min(40), 0);
    let mut header = join(&[
        &segment.source.port().to_be_bytes(),
        &segment.destination.port().to_be_bytes(),
        &segment.seq.to_be_bytes(),
        &segment.ack.to_be_bytes(),
    ]);
    header.extend([(((20 + options.len()) / 4) << 4) as u8, segment.flags]);
    header.extend(segment.window.to_be_bytes());
    header.extend([0; 4]);
    header.extend(options);
    header
}

/// The Internet checksum (RFC 1071) over `parts`, each of even length but the last.
fn checksum(parts: &[&[u8]]) -> u16 {
    let mut sum = 0u64;
    for part in parts {
        for pair in part.chunks(2) {
            sum += u64::from(u16::from_be_bytes([pair[0], *pair.get(1).unwrap_or(&0)]));
        }
    }
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    !(sum as u16)
}
