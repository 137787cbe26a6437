//! Why a packet gives no segment.

use super::datagram::UdpDatagram;
use super::notice::Notice;

/// Why a packet gives no segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Skip {
    /// Not IP at all, such as ARP.
    NotIp,
    /// IP that carries something else.
    NotTcp,
    /// A UDP datagram, which may be of QUIC.
    Datagram(UdpDatagram),
    /// ICMP that says something of a segment.
    Notice(Notice),
    /// A frame of Wi-Fi whose content the air carries encrypted.
    Encrypted,
    /// A header contradicts itself.
    Malformed,
    /// The capture ends inside a header.
    Truncated,
    /// A link type that is not read.
    UnknownLink,
    /// More encapsulations than [`crate::base::Limits::tunnel_depth`].
    TooDeep,
    /// A fragment of an IP datagram, held until the others come.
    Fragment,
}

impl Skip {
    /// In words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Skip::NotIp => "not IP",
            Skip::NotTcp | Skip::Datagram(_) => "not TCP",
            Skip::Notice(_) => "ICMP about a segment",
            Skip::Encrypted => "encrypted Wi-Fi",
            Skip::Malformed => "malformed",
            Skip::Truncated => "cut inside a header",
            Skip::UnknownLink => "unknown link type",
            Skip::TooDeep => "too many encapsulations",
            Skip::Fragment => "IP fragment",
        }
    }
}
