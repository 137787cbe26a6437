//! The record header: what a TLS byte stream is cut by (RFC 8446 5.1, RFC 5246 6.2.1).

use std::fmt;

/// Bytes of a record header: type, version, length.
pub(crate) const HEADER_LEN: usize = 5;

/// The longest fragment a record may carry, TLS 1.2's allowance for compression and protection included.
pub(crate) const MAX_FRAGMENT: usize = (1 << 14) + 2048;

/// What a record carries.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct ContentType(pub u8);

impl ContentType {
    /// `change_cipher_spec`.
    pub const CHANGE_CIPHER_SPEC: ContentType = ContentType(20);
    /// `alert`.
    pub const ALERT: ContentType = ContentType(21);
    /// `handshake`.
    pub const HANDSHAKE: ContentType = ContentType(22);
    /// `application_data`; every protected record of TLS 1.3 says so outside.
    pub const APPLICATION_DATA: ContentType = ContentType(23);
    /// `heartbeat` (RFC 6520).
    pub const HEARTBEAT: ContentType = ContentType(24);

    /// The name the RFCs give it, in words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::CHANGE_CIPHER_SPEC => "Change Cipher Spec",
            Self::ALERT => "Alert",
            Self::HANDSHAKE => "Handshake",
            Self::APPLICATION_DATA => "Application Data",
            Self::HEARTBEAT => "Heartbeat",
            _ => "unknown",
        }
    }
}

/// A protocol version as two bytes on the wire.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(pub u16);

impl Version {
    /// SSL 3.0 (RFC 6101), named and not decrypted.
    pub const SSL3_0: Version = Version(0x0300);
    /// TLS 1.0 (RFC 2246).
    pub const TLS1_0: Version = Version(0x0301);
    /// TLS 1.1 (RFC 4346).
    pub const TLS1_1: Version = Version(0x0302);
    /// TLS 1.2 (RFC 5246).
    pub const TLS1_2: Version = Version(0x0303);
    /// TLS 1.3 (RFC 8446).
    pub const TLS1_3: Version = Version(0x0304);
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match *self {
            Self::SSL3_0 => "SSL 3.0",
            Self::TLS1_0 => "TLS 1.0",
            Self::TLS1_1 => "TLS 1.1",
            Self::TLS1_2 => "TLS 1.2",
            Self::TLS1_3 => "TLS 1.3",
            Self(other) => return write!(f, "0x{other:04x}"),
        })
    }
}

/// The five bytes before every record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RecordHeader {
    pub(crate) content_type: ContentType,
    pub(crate) version: Version,
    pub(crate) len: u16,
}

impl RecordHeader {
    /// Reads a header; `None` where these bytes cannot be one.
    pub(crate) fn parse(bytes: [u8; HEADER_LEN]) -> Option<Self> {
        let [content_type, major, minor, high, low] = bytes;
        let len = u16::from_be_bytes([high, low]);
        let plausible = (20..=24).contains(&content_type)
            && major == 3
            && minor <= 4
            && usize::from(len) <= MAX_FRAGMENT;
        plausible.then_some(Self {
            content_type: ContentType(content_type),
            version: Version(u16::from_be_bytes([major, minor])),
            len,
        })
    }

    /// Header and fragment together.
    pub(crate) fn record_len(self) -> usize {
        HEADER_LEN + usize::from(self.len)
    }
}

/// Whether a stream that begins with `bytes` can be TLS seen from its start: a record that carries the handshake.
///
/// Any prefix will do; the more bytes, the surer. Nothing at all is not TLS.
#[must_use]
pub fn looks_like(bytes: &[u8]) -> bool {
    let fits = |at: usize, test: fn(u8) -> bool| bytes.get(at).is_none_or(|byte| test(*byte));
    let len_fits = match bytes.get(3..5) {
        Some([high, low]) => (4..=1 << 14).contains(&u16::from_be_bytes([*high, *low])),
        _ => fits(3, |high| high <= 0x40),
    };
    bytes.first() == Some(&ContentType::HANDSHAKE.0)
        && fits(1, |major| major == 3)
        && fits(2, |minor| minor <= 4)
        && len_fits
        && fits(5, |message| matches!(message, 0..=2))
}

/// Whether `bytes` can be the middle of a TLS connection: a whole record header of any type.
///
/// A capture that starts late shows such a stream; it cannot be decrypted. Five bytes at least are needed.
#[must_use]
pub fn looks_like_middle(bytes: &[u8]) -> bool {
    let header = bytes.first_chunk().copied().and_then(RecordHeader::parse);
    header.is_some_and(|header| header.len > 0 && header.version >= Version::TLS1_0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hello_is_recognised_from_every_prefix() {
        let hello = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc];
        assert!((1..=hello.len()).all(|len| looks_like(&hello[..len])));
        assert!(!looks_like(b"") && !looks_like(b"GET / HTTP/1.1"));
        assert!(!looks_like(&[0x16, 3, 1, 0x80, 0]), "too long");
        assert!(!looks_like(&[0x17, 3, 3, 0, 40]), "no handshake");
        assert!(looks_like_middle(&[0x17, 3, 3, 0, 40]) && !looks_like_middle(&[0x17, 3, 3]));
    }
}
