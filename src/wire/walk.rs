//! From the first byte of a packet to its innermost TCP header.
//!
//! One loop: a layer reads its header and says what comes next. Each step moves on in the packet or ends the walk, each
//! encapsulation counts against a depth limit, so that no packet costs more than its length. The steps for link layers
//! and tags are in `link.rs`, for IP in `ip.rs`, for tunnels in `tunnel.rs`. What nearly every packet is (Ethernet, IPv4
//! without options, TCP) is read in one go in `fast.rs`.

use super::fragment::Fragment;
use super::segment::{Endpoint, FlowKey, LayerBytes, Segment, TcpFlags};
use super::skip::Skip;
use crate::base::LinkType;

/// What the bytes at the current position are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NextLayer {
    Link(LinkType),
    Ethernet,
    /// What an EtherType announces.
    EtherType(u16),
    Llc,
    Ieee80211,
    /// A packet of several in one frame of 802.11.
    Amsdu,
    Ppp,
    Pppoe,
    Mpls,
    /// IPv4 or IPv6, as the first four bits say.
    Ip,
    Ipv4,
    Ipv6,
    /// What an IP protocol number announces; the last field says whether in IPv6, where extension headers may come.
    Protocol(u8),
    Encapsulation(Encapsulation),
    Tcp,
}

/// Encapsulations inside IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encapsulation {
    Udp,
    Gre,
    EtherIp,
    Vxlan,
    VxlanGpe,
    Geneve,
    Gtp,
    Teredo,
    Tzsp,
}

/// What a traced header is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderKind {
    Ethernet,
    Llc,
    Sll,
    Sll2,
    Null,
    CiscoHdlc,
    Nflog,
    Ieee80211,
    Amsdu,
    Radiotap,
    Ppi,
    Pktap,
    Fddi,
    Slip,
    Ipnet,
    FrameRelay,
    Vlan,
    BackboneTag,
    ETag,
    VnTag,
    Ppp,
    Pppoe,
    Mpls,
    Ipv4,
    Ipv6,
    /// An IPv6 extension header, or an authentication header, of this number.
    Extension(u8),
    Udp,
    Gre,
    EtherIp,
    Vxlan,
    Geneve,
    Gtp,
    Teredo,
    Tzsp,
    Tcp,
}

/// Why a walk ended before TCP.
#[derive(Debug)]
pub(super) enum Stop<'a> {
    Skip(Skip),
    /// A fragment, and what its datagram carries.
    Fragment(Fragment<'a>, u8),
}

impl From<Skip> for Stop<'_> {
    fn from(skip: Skip) -> Self {
        Self::Skip(skip)
    }
}

/// What the headers passed so far said; survives the change from fragments to their datagram.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Passed {
    pub(super) source: [u8; 16],
    pub(super) destination: [u8; 16],
    pub(super) scope: u32,
    pub(super) depth: usize,
    pub(super) ttl: u8,
    pub(super) ip_id: u16,
    /// Header bytes before the innermost IP header.
    pub(super) link_len: usize,
    /// Header bytes before the first byte of this buffer.
    pub(super) base: usize,
}

impl Passed {
    /// Makes the flows inside another network than those without `value`.
    pub(super) fn mix(&mut self, value: u32) {
        self.scope = (self.scope.rotate_left(5) ^ value)
            .wrapping_mul(0x9e37_79b9)
            .max(1);
    }
}

/// A walk through one packet, or one datagram put together from fragments.
#[derive(Debug)]
pub(super) struct Walk<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) at: usize,
    /// Where the layer at `at` ends as its headers say; beyond `bytes` if the capture cut the packet.
    pub(super) end: usize,
    pub(super) context: Passed,
    /// Where the frame goes on behind the packet that was read, if it holds several.
    pub(super) rest: Option<Rest>,
}

/// What follows in a frame that holds several packets.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rest {
    at: usize,
    end: usize,
    context: Passed,
}

impl<'a> Walk<'a> {
    pub(super) fn new(bytes: &'a [u8], original: u32, depth: usize) -> Self {
        Self {
            bytes,
            at: 0,
            end: bytes.len().max(original as usize),
            context: Passed {
                depth,
                ..Passed::default()
            },
            rest: None,
        }
    }

    /// Goes on behind a packet of several, with [`NextLayer::Amsdu`].
    pub(super) fn behind(bytes: &'a [u8], rest: Rest) -> Self {
        Self {
            bytes,
            at: rest.at,
            end: rest.end,
            context: rest.context,
            rest: None,
        }
    }

    /// Notes that the frame may go on at `at`, if there is room for another packet of at least `header` bytes.
    pub(super) fn goes_on(&mut self, at: usize, header: usize) {
        self.rest = (at.saturating_add(header) <= self.end).then_some(Rest {
            at,
            end: self.end,
            context: self.context,
        });
    }

    /// Goes on in a datagram's payload.
    pub(super) fn resume(bytes: &'a [u8], context: Passed) -> Self {
        Self {
            bytes,
            at: 0,
            end: bytes.len(),
            context,
            rest: None,
        }
    }

    /// Walks from `layer` to TCP. `trace` hears of every header: what it is, where it begins and ends.
    pub(super) fn run(
        &mut self,
        mut layer: NextLayer,
        trace: &mut impl FnMut(HeaderKind, usize, usize),
    ) -> Result<Segment, Stop<'a>> {
        loop {
            let start = self.at;
            let step = match layer {
                NextLayer::Tcp => {
                    let segment = self.tcp()?;
                    trace(HeaderKind::Tcp, start, segment.payload.start as usize);
                    return Ok(segment);
                }
                NextLayer::Protocol(protocol) => self.protocol(protocol),
                NextLayer::Ip | NextLayer::Ipv4 | NextLayer::Ipv6 => self.ip(layer),
                NextLayer::Encapsulation(tunnel) => self.tunnel(tunnel).map_err(Stop::Skip),
                _ => self.link(layer).map_err(Stop::Skip),
            };
            if let Err(Stop::Fragment(..)) = step {
                let kind = match layer {
                    NextLayer::Protocol(protocol) => HeaderKind::Extension(protocol),
                    _ => HeaderKind::Ipv4,
                };
                trace(kind, start, self.at);
            }
            let (next, kind) = step?;
            if let Some(kind) = kind {
                trace(kind, start, self.at);
            }
            layer = next;
        }
    }

    /// Counts an encapsulation.
    pub(super) fn enter(&mut self) -> Result<(), Skip> {
        self.context.depth = self.context.depth.checked_sub(1).ok_or(Skip::TooDeep)?;
        Ok(())
    }

    /// The next `N` bytes.
    #[inline]
    pub(super) fn take<const N: usize>(&mut self) -> Result<&'a [u8; N], Skip> {
        let header = self.peek()?;
        self.at += N;
        Ok(header)
    }

    /// The next `N` bytes, without moving.
    #[inline]
    pub(super) fn peek<const N: usize>(&self) -> Result<&'a [u8; N], Skip> {
        if self.at + N > self.end {
            return Err(Skip::Malformed);
        }
        self.bytes
            .get(self.at..)
            .and_then(|rest| rest.first_chunk())
            .ok_or(Skip::Truncated)
    }

    /// Passes over `len` bytes.
    #[inline]
    pub(super) fn skip(&mut self, len: usize) -> Result<(), Skip> {
        if self.at + len > self.end {
            return Err(Skip::Malformed);
        }
        self.at += len;
        Ok(())
    }

    /// The TCP header and what is behind it (RFC 9293 3.1).
    fn tcp(&mut self) -> Result<Segment, Skip> {
        let ip_end = self.at;
        let header = *self.peek::<20>()?;
        let header_len = usize::from(header[12] >> 4) * 4;
        let payload = self.at + header_len;
        if header_len < 20 || payload > self.end {
            return Err(Skip::Malformed);
        }
        let context = &self.context;
        let captured_end = self.end.min(self.bytes.len()).max(self.at);
        let start = payload.min(captured_end);
        Ok(Segment {
            key: FlowKey {
                source: Endpoint::from_octets(
                    context.source,
                    u16::from_be_bytes([header[0], header[1]]),
                ),
                destination: Endpoint::from_octets(
                    context.destination,
                    u16::from_be_bytes([header[2], header[3]]),
                ),
                scope: context.scope,
            },
            seq: u32::from_be_bytes([header[4], header[5], header[6], header[7]]),
            ack: u32::from_be_bytes([header[8], header[9], header[10], header[11]]),
            flags: TcpFlags(header[13]),
            window: u16::from_be_bytes([header[14], header[15]]),
            payload: start as u32..captured_end as u32,
            // Where even the header was cut, all of the payload is missing.
            missing: (self.end - captured_end.max(payload)) as u32,
            ttl: context.ttl,
            ip_id: context.ip_id,
            header_bytes: LayerBytes {
                link: narrow(context.link_len),
                ip: narrow((context.base + ip_end).saturating_sub(context.link_len)),
                tcp: header_len as u16,
            },
        })
    }
}

fn narrow(len: usize) -> u16 {
    u16::try_from(len).unwrap_or(u16::MAX)
}
