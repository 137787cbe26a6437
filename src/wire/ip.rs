//! IPv4, IPv6 and its extension headers, and what they carry.

use etherparse::{
    IpAuthHeaderSlice, Ipv4HeaderSlice, Ipv6FragmentHeaderSlice, Ipv6HeaderSlice, err,
};

use super::fragment::{Fragment, FragmentKey};
use super::segment::mapped;
use super::skip::Skip;
use super::walk::{Encapsulation, HeaderKind, NextLayer, Stop, Walk};

const HOP_BY_HOP: u8 = 0;
const ICMP: u8 = 1;
const IPV4: u8 = 4;
const TCP: u8 = 6;
const UDP: u8 = 17;
const IPV6: u8 = 41;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
const GRE: u8 = 47;
const AUTHENTICATION: u8 = 51;
const ICMPV6: u8 = 58;
const DESTINATION: u8 = 60;
const ETHER_IP: u8 = 97;
const MOBILITY: u8 = 135;
const MPLS: u8 = 137;
const HIP: u8 = 139;
const SHIM6: u8 = 140;

impl<'a> Walk<'a> {
    /// Reads an IP header.
    pub(super) fn ip(
        &mut self,
        layer: NextLayer,
    ) -> Result<(NextLayer, Option<HeaderKind>), Stop<'a>> {
        self.enter()?;
        let version = self.peek::<1>()?[0] >> 4;
        match (layer, version) {
            (NextLayer::Ip | NextLayer::Ipv4, 4) => self.ipv4(),
            (NextLayer::Ip | NextLayer::Ipv6, 6) => Ok(self.ipv6()?),
            _ => Err(Skip::Malformed.into()),
        }
    }

    fn ipv4(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Stop<'a>> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let header = Ipv4HeaderSlice::from_slice(rest).map_err(|error| match error {
            err::ipv4::HeaderSliceError::Len(_) => Skip::Truncated,
            err::ipv4::HeaderSliceError::Content(_) => Skip::Malformed,
        })?;
        let header_len = header.slice().len();
        self.skip(header_len)?;
        match usize::from(header.total_len()) {
            // Segmentation offload: the real length did not fit or was not known yet. The packet's own end holds.
            0 => {}
            len if len < header_len => return Err(Skip::Malformed.into()),
            // The header is believed even beyond the packet's end: something on the way cut it.
            len => self.end = start + len,
        }
        let context = &mut self.context;
        context.source = mapped(header.source());
        context.destination = mapped(header.destination());
        context.ttl = header.ttl();
        context.ip_id = header.identification();
        context.link_len = context.base + start;
        let protocol = header.protocol().0;
        if header.is_fragmenting_payload() {
            let key = FragmentKey {
                source: context.source,
                destination: context.destination,
                identification: u32::from(header.identification()),
                protocol,
                scope: context.scope,
            };
            let offset = usize::from(header.fragments_offset().value()) * 8;
            return Err(self.fragment(key, offset, header.more_fragments(), protocol));
        }
        Ok((NextLayer::Protocol(protocol), Some(HeaderKind::Ipv4)))
    }

    fn ipv6(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        let start = self.at;
        let rest = self.bytes.get(start..).unwrap_or_default();
        let header = Ipv6HeaderSlice::from_slice(rest).map_err(|error| match error {
            err::ipv6::HeaderSliceError::Len(_) => Skip::Truncated,
            err::ipv6::HeaderSliceError::Content(_) => Skip::Malformed,
        })?;
        self.skip(40)?;
        // 0 with a jumbo option (RFC 2675) or from segmentation offload: the packet's own end holds.
        if header.payload_length() != 0 {
            self.end = self.at + usize::from(header.payload_length());
        }
        let context = &mut self.context;
        context.source = header.source();
        context.destination = header.destination();
        context.ttl = header.hop_limit();
        context.ip_id = 0;
        context.link_len = context.base + start;
        Ok((
            NextLayer::Protocol(header.next_header().0),
            Some(HeaderKind::Ipv6),
        ))
    }

    /// Goes into what an IP protocol number announces.
    pub(super) fn protocol(
        &mut self,
        protocol: u8,
    ) -> Result<(NextLayer, Option<HeaderKind>), Stop<'a>> {
        Ok(match protocol {
            TCP => (NextLayer::Tcp, None),
            UDP => (NextLayer::Encapsulation(Encapsulation::Udp), None),
            GRE => (NextLayer::Encapsulation(Encapsulation::Gre), None),
            IPV4 => (NextLayer::Ipv4, None),
            IPV6 => (NextLayer::Ipv6, None),
            ETHER_IP => (NextLayer::Encapsulation(Encapsulation::EtherIp), None),
            MPLS => (NextLayer::Mpls, None),
            HOP_BY_HOP | ROUTING | DESTINATION | MOBILITY | HIP | SHIM6 => {
                let [next, len] = *self.peek::<2>()?;
                self.skip((usize::from(len) + 1) * 8)?;
                (
                    NextLayer::Protocol(next),
                    Some(HeaderKind::Extension(protocol)),
                )
            }
            AUTHENTICATION => {
                let rest = self.bytes.get(self.at..).unwrap_or_default();
                let header = IpAuthHeaderSlice::from_slice(rest).map_err(|error| match error {
                    err::ip_auth::HeaderSliceError::Len(_) => Skip::Truncated,
                    err::ip_auth::HeaderSliceError::Content(_) => Skip::Malformed,
                })?;
                self.skip(header.slice().len())?;
                (
                    NextLayer::Protocol(header.next_header().0),
                    Some(HeaderKind::Extension(protocol)),
                )
            }
            FRAGMENT => return self.ipv6_fragment(),
            ICMP => return Err(self.icmp(false).into()),
            ICMPV6 => return Err(self.icmp(true).into()),
            _ => return Err(Skip::NotTcp.into()),
        })
    }

    fn ipv6_fragment(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Stop<'a>> {
        let raw = self.take::<8>()?;
        let header = Ipv6FragmentHeaderSlice::from_slice(raw).map_err(|_| Skip::Truncated)?;
        let next = header.next_header().0;
        // A datagram in a single fragment is none (RFC 6946).
        if !header.is_fragmenting_payload() {
            return Ok((
                NextLayer::Protocol(next),
                Some(HeaderKind::Extension(FRAGMENT)),
            ));
        }
        let key = FragmentKey {
            source: self.context.source,
            destination: self.context.destination,
            identification: header.identification(),
            protocol: 0,
            scope: self.context.scope,
        };
        let offset = usize::from(header.fragment_offset().value()) * 8;
        Err(self.fragment(key, offset, header.more_fragments(), next))
    }

    /// Ends the walk at a fragment's payload.
    fn fragment(&mut self, key: FragmentKey, offset: usize, more: bool, protocol: u8) -> Stop<'a> {
        self.context.base += self.at;
        match self.bytes.get(self.at..self.end) {
            Some(payload) => {
                let fragment = Fragment {
                    key,
                    offset,
                    more,
                    payload,
                };
                Stop::Fragment(fragment, protocol)
            }
            None => Stop::Skip(Skip::Truncated),
        }
    }
}
