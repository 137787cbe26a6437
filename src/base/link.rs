//! What the bytes of a packet begin with.

use std::fmt;

/// A link-layer type as capture files number it (the tcpdump.org LINKTYPE_ registry).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    /// BSD loopback: a protocol family in the byte order of the capturing host.
    pub const NULL: LinkType = LinkType(0);
    /// Ethernet.
    pub const ETHERNET: LinkType = LinkType(1);
    /// Token Ring; named and not read.
    pub const IEEE802_5: LinkType = LinkType(6);
    /// SLIP, with the header that BSD puts in front.
    pub const SLIP: LinkType = LinkType(8);
    /// PPP, with or without its HDLC address and control bytes.
    pub const PPP: LinkType = LinkType(9);
    /// PPP in HDLC-like framing.
    pub const PPP_HDLC: LinkType = LinkType(50);
    /// PPPoE session packets.
    pub const PPP_ETHER: LinkType = LinkType(51);
    /// FDDI: a frame control, two addresses, LLC.
    pub const FDDI: LinkType = LinkType(10);
    /// RAW by the number that BSD gives it, which some systems write into files.
    pub const RAW_BSD: LinkType = LinkType(12);
    /// RAW by OpenBSD's number.
    pub const RAW_OPENBSD: LinkType = LinkType(14);
    /// SLIP, with the header of BSD/OS, by its own number.
    pub const SLIP_BSDOS: LinkType = LinkType(102);
    /// An IPv4 or IPv6 packet.
    pub const RAW: LinkType = LinkType(101);
    /// Cisco HDLC.
    pub const C_HDLC: LinkType = LinkType(104);
    /// An IEEE 802.11 frame.
    pub const IEEE802_11: LinkType = LinkType(105);
    /// Frame Relay (Q.922), with the encapsulation of RFC 2427.
    pub const FRELAY: LinkType = LinkType(107);
    /// OpenBSD loopback: a protocol family in network byte order.
    pub const LOOP: LinkType = LinkType(108);
    /// Linux cooked capture.
    pub const LINUX_SLL: LinkType = LinkType(113);
    /// An IEEE 802.11 frame behind a radiotap header.
    pub const IEEE802_11_RADIOTAP: LinkType = LinkType(127);
    /// Any link type behind a Per-Packet Information header.
    pub const PPI: LinkType = LinkType(192);
    /// PPP with a leading direction byte.
    pub const PPP_WITH_DIR: LinkType = LinkType(204);
    /// Solaris's header of zones and interfaces, and an IP packet.
    pub const IPNET: LinkType = LinkType(226);
    /// An IPv4 packet.
    pub const IPV4: LinkType = LinkType(228);
    /// An IPv6 packet.
    pub const IPV6: LinkType = LinkType(229);
    /// Linux netfilter log messages.
    pub const NFLOG: LinkType = LinkType(239);
    /// Apple's header of interface and process, and any link type behind it.
    pub const PKTAP: LinkType = LinkType(258);
    /// Linux cooked capture, version 2.
    pub const LINUX_SLL2: LinkType = LinkType(276);

    /// The registry's name without its prefix; `None` for one that nothing here reads.
    #[must_use]
    pub fn name(self) -> Option<&'static str> {
        Some(match self {
            Self::NULL => "NULL",
            Self::ETHERNET => "ETHERNET",
            Self::SLIP => "SLIP",
            Self::PPP => "PPP",
            Self::PPP_HDLC => "PPP_HDLC",
            Self::PPP_ETHER => "PPP_ETHER",
            Self::FDDI => "FDDI",
            Self::RAW_BSD => "RAW (12)",
            Self::RAW_OPENBSD => "RAW (14)",
            Self::SLIP_BSDOS => "SLIP_BSDOS",
            Self::RAW => "RAW",
            Self::C_HDLC => "C_HDLC",
            Self::IEEE802_5 => "IEEE802_5",
            Self::IEEE802_11 => "IEEE802_11",
            Self::FRELAY => "FRELAY",
            Self::LOOP => "LOOP",
            Self::LINUX_SLL => "LINUX_SLL",
            Self::IEEE802_11_RADIOTAP => "IEEE802_11_RADIOTAP",
            Self::PPI => "PPI",
            Self::PPP_WITH_DIR => "PPP_WITH_DIR",
            Self::IPNET => "IPNET",
            Self::IPV4 => "IPV4",
            Self::IPV6 => "IPV6",
            Self::NFLOG => "NFLOG",
            Self::PKTAP => "PKTAP",
            Self::LINUX_SLL2 => "LINUX_SLL2",
            _ => return None,
        })
    }
}

impl fmt::Display for LinkType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => write!(f, "LINKTYPE {}", self.0),
        }
    }
}
