//! What ICMP says of a TCP segment that was not delivered.

use std::fmt;
use std::net::IpAddr;

use super::segment::FlowKey;

/// What an ICMP message says of a TCP segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Notice {
    /// The flow of the segment, in the direction it was sent.
    pub key: FlowKey,
    /// Who says it.
    pub from: IpAddr,
    /// The sequence number of the segment.
    pub seq: u32,
    /// What is wrong.
    pub reason: Reason,
}

/// Why a segment was not delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// Destination unreachable, with a code of RFC 792 or RFC 1812 section 5.2.7.1.
    Unreachable(u8),
    /// The same of ICMPv6, with a code of RFC 4443 section 3.1.
    Unreachable6(u8),
    /// Larger than what the next link takes, with the bytes that it takes; 0 where an old router does not say.
    TooBig(u32),
    /// It passed too many routers.
    TimeExceeded,
}

impl Reason {
    /// Whether a rule forbids it, and not that nothing is there.
    #[must_use]
    pub fn is_prohibited(self) -> bool {
        match self {
            Reason::Unreachable(code) => matches!(code, 9 | 10 | 13),
            Reason::Unreachable6(code) => matches!(code, 1 | 5 | 6),
            Reason::TooBig(_) | Reason::TimeExceeded => false,
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Reason::Unreachable(0) => "network unreachable",
            Reason::Unreachable(1) => "host unreachable",
            Reason::Unreachable(2) => "protocol unreachable",
            Reason::Unreachable(3) | Reason::Unreachable6(4) => "port unreachable",
            Reason::Unreachable(6) => "network unknown",
            Reason::Unreachable(7) => "host unknown",
            Reason::Unreachable(9) => "network administratively prohibited",
            Reason::Unreachable(10) => "host administratively prohibited",
            Reason::Unreachable(13) => "communication administratively prohibited",
            Reason::Unreachable6(0) => "no route to the destination",
            Reason::Unreachable6(1) => "communication administratively prohibited",
            Reason::Unreachable6(3) => "address unreachable",
            Reason::Unreachable6(5) => "source address fails the policy",
            Reason::Unreachable6(6) => "route rejected",
            Reason::Unreachable(_) | Reason::Unreachable6(_) => "destination unreachable",
            Reason::TooBig(0) => "packet too big",
            Reason::TooBig(most) => {
                return write!(f, "packet too big, the next link takes {most} bytes");
            }
            Reason::TimeExceeded => "time to live exceeded on the way",
        })
    }
}
