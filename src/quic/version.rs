//! QUIC's versions, and what differs between them (RFC 9001 5.2, RFC 9369 3).

use std::fmt;

/// A version by its number on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u32);

impl Version {
    /// Version 1 (RFC 9000).
    pub const V1: Version = Version(1);
    /// Version 2 (RFC 9369).
    pub const V2: Version = Version(0x6b33_43cf);

    /// Whether its packets are read here.
    #[must_use]
    pub fn is_known(self) -> bool {
        matches!(self, Self::V1 | Self::V2)
    }

    /// Whether it is one of those that only make peers try version negotiation (RFC 9000 section 15).
    #[must_use]
    pub fn is_reserved(self) -> bool {
        self.0 & 0x0f0f_0f0f == 0x0a0a_0a0a
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::V1 => f.write_str("1"),
            Self::V2 => f.write_str("2"),
            Version(number) => write!(f, "0x{number:08x}"),
        }
    }
}
