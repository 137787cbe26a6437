//! Encapsulations inside IP, each told by a protocol number or a UDP port.

use super::datagram::UdpDatagram;
use super::segment::{Endpoint, FlowKey};
use super::skip::Skip;
use super::walk::{Encapsulation, HeaderKind, NextLayer, Walk};

const ETHERNET: u16 = 0x6558;

/// The tunnel that runs over UDP to or from these ports, if one does.
#[inline]
pub(super) fn over_udp(source: u16, destination: u16) -> Option<NextLayer> {
    Some(NextLayer::Encapsulation(match destination {
        4789 | 8472 => Encapsulation::Vxlan,
        4790 => Encapsulation::VxlanGpe,
        6081 => Encapsulation::Geneve,
        2152 => Encapsulation::Gtp,
        37008 => Encapsulation::Tzsp,
        4754 => Encapsulation::Gre,
        6635 => return Some(NextLayer::Mpls),
        3544 => Encapsulation::Teredo,
        _ if source == 3544 => Encapsulation::Teredo,
        _ => return None,
    }))
}

impl<'a> Walk<'a> {
    /// Reads a tunnel's header.
    pub(super) fn tunnel(
        &mut self,
        tunnel: Encapsulation,
    ) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        match tunnel {
            Encapsulation::Udp => self.udp(),
            Encapsulation::Gre => self.gre(),
            Encapsulation::EtherIp => {
                // RFC 3378 2: version 3, then zeros.
                self.take::<2>()?;
                Ok((NextLayer::Ethernet, Some(HeaderKind::EtherIp)))
            }
            Encapsulation::Vxlan => {
                // RFC 7348 5: the I flag says that the identifier counts.
                let header = self.take::<8>()?;
                self.vxlan_network(header)?;
                Ok((NextLayer::Ethernet, Some(HeaderKind::Vxlan)))
            }
            Encapsulation::VxlanGpe => self.vxlan_gpe(),
            Encapsulation::Geneve => self.geneve(),
            Encapsulation::Gtp => self.gtp(),
            Encapsulation::Teredo => self.teredo(),
            Encapsulation::Tzsp => self.tzsp(),
        }
    }

    fn udp(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        let header = self.take::<8>()?;
        let port = |at: usize| u16::from_be_bytes([header[at], header[at + 1]]);
        let len = usize::from(port(4));
        let Some(next) = over_udp(port(0), port(2)) else {
            return Err(self.datagram(port(0), port(2), len));
        };
        if len >= 8 {
            self.end = self.end.min(self.at - 8 + len);
        }
        Ok((next, Some(HeaderKind::Udp)))
    }

    /// What stands behind a UDP header and is no tunnel.
    fn datagram(&self, source: u16, destination: u16, len: usize) -> Skip {
        let end = match len {
            8.. => self.end.min(self.at - 8 + len),
            _ => self.end,
        };
        let captured = end.min(self.bytes.len());
        if captured <= self.at {
            return Skip::NotTcp;
        }
        let context = &self.context;
        Skip::Datagram(UdpDatagram {
            key: FlowKey {
                source: Endpoint::from_octets(context.source, source),
                destination: Endpoint::from_octets(context.destination, destination),
                scope: context.scope,
            },
            start: self.at as u32,
            end: captured as u32,
            missing: (end - captured) as u32,
        })
    }

    fn vxlan_network(&mut self, header: &[u8; 8]) -> Result<(), Skip> {
        if header[0] & 0x08 == 0 {
            return Err(Skip::NotTcp);
        }
        let network = u32::from_be_bytes([0, header[4], header[5], header[6]]);
        self.context.mix(0x2000_0000 | network);
        Ok(())
    }

    fn vxlan_gpe(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        let header = self.take::<8>()?;
        self.vxlan_network(header)?;
        // draft-ietf-nvo3-vxlan-gpe 3.1: without the P flag it is plain VXLAN.
        let next = match (header[0] & 0x04 != 0, header[3]) {
            (false, _) | (true, 3) => NextLayer::Ethernet,
            (true, 1) => NextLayer::Ipv4,
            (true, 2) => NextLayer::Ipv6,
            (true, 5) => NextLayer::Mpls,
            _ => return Err(Skip::NotTcp),
        };
        Ok((next, Some(HeaderKind::Vxlan)))
    }

    /// RFC 8926 3.4.
    fn geneve(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        let header = self.take::<8>()?;
        if header[0] >> 6 != 0 {
            return Err(Skip::NotTcp);
        }
        self.skip(usize::from(header[0] & 0x3f) * 4)?;
        self.context
            .mix(0x2000_0000 | u32::from_be_bytes([0, header[4], header[5], header[6]]));
        Ok((ethertype(header[2], header[3]), Some(HeaderKind::Geneve)))
    }

    /// RFC 2784 2, RFC 2890 2, and version 1 of RFC 2637 4.1.
    fn gre(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        self.enter()?;
        let header = self.take::<4>()?;
        let (flags, version) = (header[0], header[1] & 7);
        let protocol = u16::from_be_bytes([header[2], header[3]]);
        let (has_sequence, has_key) = (flags & 0x10 != 0, flags & 0x20 != 0);
        if version > 1 || (version == 0 && flags & 0x40 != 0) {
            return Err(Skip::NotTcp);
        }
        if version == 0 && flags & 0x80 != 0 {
            self.take::<4>()?;
        }
        let key = if has_key {
            Some(u32::from_be_bytes(*self.take()?))
        } else {
            None
        };
        if has_sequence {
            self.take::<4>()?;
        }
        if version == 1 {
            // The key holds the call, another one for each direction; an acknowledgment may follow.
            if header[1] & 0x80 != 0 {
                self.take::<4>()?;
            }
            return Ok((NextLayer::Ppp, Some(HeaderKind::Gre)));
        }
        match (protocol, key) {
            // ERSPAN: type I has no header of its own, type II goes with a sequence number, type III has its own number.
            (0x88be, _) if has_sequence => self.skip(8)?,
            (0x22eb, _) => {
                let erspan = self.take::<12>()?;
                self.skip(usize::from(erspan[11] & 1) * 8)?;
            }
            // NVGRE (RFC 7637 3.2): the last byte of the key may differ from direction to direction.
            (ETHERNET, Some(key)) => self.context.mix(0x3000_0000 ^ key >> 8),
            (_, Some(key)) => self.context.mix(0x3000_0000 ^ key),
            _ => {}
        }
        let next = match protocol {
            ETHERNET | 0x88be | 0x22eb => NextLayer::Ethernet,
            other => NextLayer::EtherType(other),
        };
        Ok((next, Some(HeaderKind::Gre)))
    }

    /// 3GPP TS 29.281 5: the tunnel id is the receiver's, so it does not tell networks apart.
    fn gtp(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        const G_PDU: u8 = 255;
        let header = self.take::<8>()?;
        if header[0] >> 4 != 3 || header[1] != G_PDU {
            return Err(Skip::NotTcp);
        }
        if header[0] & 7 != 0 {
            let [_, _, _, mut next] = *self.take::<4>()?;
            while next != 0 && header[0] & 4 != 0 {
                let len = usize::from(self.peek::<1>()?[0]) * 4;
                if len == 0 {
                    return Err(Skip::Malformed);
                }
                self.skip(len - 1)?;
                [next] = *self.take::<1>()?;
            }
        }
        Ok((NextLayer::Ip, Some(HeaderKind::Gtp)))
    }

    /// RFC 4380 5.1.1: perhaps an authentication, perhaps an origin, then IPv6.
    fn teredo(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        let start = self.at;
        if let Ok([0, 1, id, value]) = self.peek::<4>() {
            self.skip(4 + usize::from(*id) + usize::from(*value) + 9)?;
        }
        if let Ok([0, 0]) = self.peek::<2>() {
            self.take::<8>()?;
        }
        match self.peek::<1>() {
            Ok([0x60..=0x6f]) => Ok((
                NextLayer::Ipv6,
                (self.at > start).then_some(HeaderKind::Teredo),
            )),
            _ => Err(Skip::NotTcp),
        }
    }

    /// TaZmen Sniffer Protocol: a header, tagged fields up to an end mark, then a frame.
    fn tzsp(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        self.enter()?;
        let header = self.take::<4>()?;
        if header[0] != 1 || header[2..] != [0, 1] {
            return Err(Skip::NotTcp);
        }
        loop {
            match self.take::<1>()? {
                [0] => {}
                [1] => return Ok((NextLayer::Ethernet, Some(HeaderKind::Tzsp))),
                _ => {
                    let [len] = *self.take::<1>()?;
                    self.skip(usize::from(len))?;
                }
            }
        }
    }
}

fn ethertype(high: u8, low: u8) -> NextLayer {
    NextLayer::EtherType(u16::from_be_bytes([high, low]))
}
