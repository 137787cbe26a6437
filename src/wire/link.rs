//! Link layers and tags: everything before the first IP header.

use super::skip::Skip;
use super::walk::{HeaderKind, NextLayer, Walk};
use crate::base::LinkType;

const IPV4: u16 = 0x0800;
const IPV6: u16 = 0x86dd;
const TRANSPARENT_ETHERNET: u16 = 0x6558;

impl<'a> Walk<'a> {
    /// Reads a link header or a tag; says what comes next and what it was.
    pub(super) fn link(
        &mut self,
        layer: NextLayer,
    ) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        match layer {
            NextLayer::Link(link) => self.link_type(link),
            NextLayer::Ethernet => self.ethernet(),
            NextLayer::EtherType(ethertype) => self.ethertype(ethertype),
            NextLayer::Llc => self.llc(),
            NextLayer::Ieee80211 => self.ieee80211(),
            NextLayer::Amsdu => self.amsdu(),
            NextLayer::Ppp => self.ppp(),
            NextLayer::Pppoe => {
                // RFC 2516 4: version and type, code, session, length.
                let header = self.take::<6>()?;
                let len = usize::from(u16::from_be_bytes([header[4], header[5]]));
                self.end = self.end.min(self.at + len);
                Ok((NextLayer::Ppp, Some(HeaderKind::Pppoe)))
            }
            NextLayer::Mpls => self.mpls(),
            _ => Err(Skip::NotIp),
        }
    }

    fn link_type(&mut self, link: LinkType) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        Ok(match link {
            LinkType::ETHERNET => (NextLayer::Ethernet, None),
            LinkType::RAW | LinkType::RAW_BSD | LinkType::RAW_OPENBSD => (NextLayer::Ip, None),
            LinkType::IPV4 => (NextLayer::Ipv4, None),
            LinkType::IPV6 => (NextLayer::Ipv6, None),
            LinkType::LINUX_SLL => {
                let header = self.take::<16>()?;
                (cooked(header[14], header[15]), Some(HeaderKind::Sll))
            }
            LinkType::LINUX_SLL2 => {
                let header = self.take::<20>()?;
                (cooked(header[0], header[1]), Some(HeaderKind::Sll2))
            }
            LinkType::NULL | LinkType::LOOP => (family(*self.take()?)?, Some(HeaderKind::Null)),
            LinkType::PPP | LinkType::PPP_HDLC => (NextLayer::Ppp, None),
            LinkType::PPP_WITH_DIR => {
                self.skip(1)?;
                (NextLayer::Ppp, None)
            }
            LinkType::PPP_ETHER => (NextLayer::Pppoe, None),
            LinkType::C_HDLC => {
                let header = self.take::<4>()?;
                (ethertype(header[2], header[3]), Some(HeaderKind::CiscoHdlc))
            }
            LinkType::IEEE802_11 => (NextLayer::Ieee80211, None),
            LinkType::IEEE802_11_RADIOTAP => {
                self.behind_length(2)?;
                (NextLayer::Ieee80211, Some(HeaderKind::Radiotap))
            }
            LinkType::PPI => {
                let [.., a, b, _, _] = *self.peek::<8>()?;
                self.behind_length(2)?;
                (
                    self.inner_link(u16::from_le_bytes([a, b]))?,
                    Some(HeaderKind::Ppi),
                )
            }
            LinkType::PKTAP => {
                let [.., a, b, _, _] = *self.peek::<12>()?;
                self.behind_length(0)?;
                (
                    self.inner_link(u16::from_le_bytes([a, b]))?,
                    Some(HeaderKind::Pktap),
                )
            }
            LinkType::FDDI => {
                self.take::<13>()?;
                (NextLayer::Llc, Some(HeaderKind::Fddi))
            }
            LinkType::SLIP => {
                // Direction and link-level header of the sender's side; the packet behind it is not compressed.
                self.take::<16>()?;
                (NextLayer::Ip, Some(HeaderKind::Slip))
            }
            LinkType::SLIP_BSDOS => {
                self.take::<24>()?;
                (NextLayer::Ip, Some(HeaderKind::Slip))
            }
            LinkType::IPNET => {
                self.take::<24>()?;
                (NextLayer::Ip, Some(HeaderKind::Ipnet))
            }
            LinkType::FRELAY => (self.frame_relay()?, Some(HeaderKind::FrameRelay)),
            LinkType::NFLOG => (self.nflog()?, Some(HeaderKind::Nflog)),
            _ => return Err(Skip::UnknownLink),
        })
    }

    /// Passes a header that says its own length, little-endian, in two bytes at `at`.
    fn behind_length(&mut self, at: usize) -> Result<(), Skip> {
        let head = self.peek::<4>()?;
        let len = head.get(at..at + 2).and_then(<[u8]>::first_chunk);
        let len = usize::from(len.map_or(0, |len| u16::from_le_bytes(*len)));
        if len < 4 {
            return Err(Skip::Malformed);
        }
        self.skip(len)
    }

    /// The link type that a header in front names. One that names another such header counts as an encapsulation.
    fn inner_link(&mut self, number: u16) -> Result<NextLayer, Skip> {
        self.enter()?;
        Ok(NextLayer::Link(LinkType(number)))
    }

    /// A frame of IEEE 802.11 (9.2.4, 9.3.2): of data frames what they carry; all others carry no IP.
    fn ieee80211(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        const DATA: u8 = 2;
        let [control, flags] = *self.peek::<2>()?;
        let subtype = control >> 4;
        if control >> 2 & 3 != DATA || subtype & 4 != 0 {
            return Err(Skip::NotIp);
        }
        if flags & 0x40 != 0 {
            return Err(Skip::Encrypted);
        }
        self.take::<24>()?;
        if flags & 3 == 3 {
            self.take::<6>()?; // between access points: a fourth address
        }
        if subtype & 8 != 0 {
            let [quality, _] = *self.take::<2>()?;
            if flags & 0x80 != 0 {
                self.take::<4>()?; // HT control
            }
            if quality & 0x80 != 0 {
                return Ok((NextLayer::Amsdu, Some(HeaderKind::Ieee80211)));
            }
        }
        Ok((NextLayer::Llc, Some(HeaderKind::Ieee80211)))
    }

    /// One packet of an A-MSDU (9.3.2.2). The next begins at a multiple of four bytes behind its beginning.
    fn amsdu(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        const HEADER: usize = 14;
        let start = self.at;
        let header = self.take::<HEADER>()?;
        let len = usize::from(u16::from_be_bytes([header[12], header[13]]));
        self.goes_on(start + (HEADER + len).next_multiple_of(4), HEADER);
        self.end = self.end.min(self.at + len);
        Ok((NextLayer::Llc, Some(HeaderKind::Amsdu)))
    }

    /// Frame Relay with the header of RFC 2427, or Cisco's, which has an EtherType there.
    fn frame_relay(&mut self) -> Result<NextLayer, Skip> {
        // Q.922 2.2: the address ends with the byte whose lowest bit is set.
        while self.take::<1>()?[0] & 1 == 0 {}
        match *self.peek::<2>()? {
            [0x03, 0xcc] => {
                self.skip(2)?;
                Ok(NextLayer::Ipv4)
            }
            [0x03, 0x8e] => {
                self.skip(2)?;
                Ok(NextLayer::Ipv6)
            }
            [0x03, 0x00] => match *self.take::<8>()? {
                [_, _, 0x80, 0, 0, 0, high, low] => Ok(ethertype(high, low)),
                _ => Err(Skip::NotIp),
            },
            [high, low] => {
                self.skip(2)?;
                Ok(ethertype(high, low))
            }
        }
    }

    /// Netfilter's log messages: a header, then fields of length, type and value; the packet is the last one.
    fn nflog(&mut self) -> Result<NextLayer, Skip> {
        const PAYLOAD: u16 = 9;
        self.take::<4>()?;
        loop {
            let field = self.take::<4>()?;
            let len = usize::from(u16::from_ne_bytes([field[0], field[1]]));
            let kind = u16::from_ne_bytes([field[2], field[3]]);
            let Some(value_len) = len.checked_sub(4) else {
                return Err(Skip::Malformed);
            };
            if kind & 0x7fff == PAYLOAD {
                self.end = self.end.min(self.at + value_len);
                return Ok(NextLayer::Ip);
            }
            self.skip(value_len.next_multiple_of(4))?;
        }
    }

    fn ethernet(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        let header = self.take::<14>()?;
        let next = match u16::from_be_bytes([header[12], header[13]]) {
            // A length (IEEE 802.3 3.2.6): what is behind it is padding.
            len @ 0..0x600 => {
                self.end = self.end.min(self.at + usize::from(len));
                NextLayer::Llc
            }
            ethertype => NextLayer::EtherType(ethertype),
        };
        Ok((next, Some(HeaderKind::Ethernet)))
    }

    fn llc(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        match self.take::<8>()? {
            // SNAP with an EtherType (RFC 1042).
            [0xaa, 0xaa, 3, 0, 0, 0, high, low] => {
                Ok((ethertype(*high, *low), Some(HeaderKind::Llc)))
            }
            _ => Err(Skip::NotIp),
        }
    }

    fn ethertype(&mut self, number: u16) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        match number {
            IPV4 => return Ok((NextLayer::Ipv4, None)),
            IPV6 => return Ok((NextLayer::Ipv6, None)),
            0x8847 | 0x8848 => return Ok((NextLayer::Mpls, None)),
            0x8864 => return Ok((NextLayer::Pppoe, None)),
            0x880b => return Ok((NextLayer::Ppp, None)),
            _ => self.enter()?,
        }
        Ok(match number {
            0x8100 | 0x88a8 | 0x9100 | 0x9200 | 0x9300 => {
                let tag = self.take::<4>()?;
                let id = u16::from_be_bytes([tag[0] & 0x0f, tag[1]]);
                // Id 0 only gives a priority: the frame is of no VLAN (IEEE 802.1Q 9.6).
                if id != 0 {
                    self.context.mix(0x1000_0000 | u32::from(id));
                }
                (tagged(tag[2], tag[3]), Some(HeaderKind::Vlan))
            }
            TRANSPARENT_ETHERNET => (NextLayer::Ethernet, None),
            // IEEE 802.1ah: flags and the service instance, then a whole frame.
            0x88e7 => {
                self.take::<4>()?;
                (NextLayer::Ethernet, Some(HeaderKind::BackboneTag))
            }
            // IEEE 802.1BR.
            0x893f => {
                let tag = self.take::<8>()?;
                (tagged(tag[6], tag[7]), Some(HeaderKind::ETag))
            }
            // Cisco's VN-Tag.
            0x8926 => {
                let tag = self.take::<6>()?;
                (tagged(tag[4], tag[5]), Some(HeaderKind::VnTag))
            }
            _ => return Err(Skip::NotIp),
        })
    }

    /// PPP (RFC 1661 2), with or without the HDLC bytes of RFC 1662, the protocol in one byte or two.
    fn ppp(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        if let Ok([0xff | 0x0f | 0x8f, 0x03 | 0x00]) = self.peek::<2>() {
            self.skip(2)?;
        }
        let [first] = *self.take::<1>()?;
        let protocol = if first & 1 == 1 {
            u16::from(first)
        } else {
            u16::from_be_bytes([first, self.take::<1>()?[0]])
        };
        let next = match protocol {
            0x0021 => NextLayer::Ipv4,
            0x0057 => NextLayer::Ipv6,
            0x0281 | 0x0283 => NextLayer::Mpls,
            // Cisco HDLC puts EtherTypes there.
            IPV4 => NextLayer::Ipv4,
            IPV6 => NextLayer::Ipv6,
            _ => return Err(Skip::NotIp),
        };
        Ok((next, Some(HeaderKind::Ppp)))
    }

    /// A label stack (RFC 3032 2.1). What is behind it is not said anywhere: IP by its first bits, a control word (RFC
    /// 4385 3) and Ethernet, or Ethernet alone.
    fn mpls(&mut self) -> Result<(NextLayer, Option<HeaderKind>), Skip> {
        self.enter()?;
        while self.take::<4>()?[2] & 1 == 0 {}
        let next = match self.peek::<2>()? {
            [0x45..=0x4f, _] => NextLayer::Ipv4,
            [0x60..=0x6f, _] if !self.looks_like_ethernet() => NextLayer::Ipv6,
            [0x00..=0x0f, _] if !self.looks_like_ethernet() => {
                self.take::<4>()?;
                NextLayer::Ethernet
            }
            [0x10..=0x1f, _] => return Err(Skip::NotIp),
            _ => NextLayer::Ethernet,
        };
        Ok((next, Some(HeaderKind::Mpls)))
    }

    /// Whether an EtherType that is known stands where a frame would have it.
    fn looks_like_ethernet(&self) -> bool {
        matches!(
            self.peek::<14>(),
            Ok([.., 0x08, 0x00] | [.., 0x86, 0xdd] | [.., 0x81, 0x00] | [.., 0x08, 0x06])
        )
    }
}

fn ethertype(high: u8, low: u8) -> NextLayer {
    NextLayer::EtherType(u16::from_be_bytes([high, low]))
}

/// What is behind a tag: an EtherType or, below 0x600, a length.
fn tagged(high: u8, low: u8) -> NextLayer {
    if high < 6 {
        NextLayer::Llc
    } else {
        ethertype(high, low)
    }
}

/// The protocol field of Linux's cooked headers: an EtherType or, below 0x600, Linux's own number.
fn cooked(high: u8, low: u8) -> NextLayer {
    if (high, low) == (0, 4) {
        NextLayer::Llc
    } else {
        ethertype(high, low)
    }
}

/// The address family of BSD loopback, in either byte order; IPv6 has another number on each system.
fn family(raw: [u8; 4]) -> Result<NextLayer, Skip> {
    let (little, big) = (u32::from_le_bytes(raw), u32::from_be_bytes(raw));
    match little.min(big) {
        2 => Ok(NextLayer::Ipv4),
        10 | 24 | 28 | 30 => Ok(NextLayer::Ipv6),
        _ => Err(Skip::NotIp),
    }
}
