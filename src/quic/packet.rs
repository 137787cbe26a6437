//! Packets inside a datagram, as far as they can be told apart without a key (RFC 8999, RFC 9000 section 17).

use std::ops::Range;

use crate::base::Cursor;

use super::connection_id::{ConnectionId, LONGEST};
use super::varint::varint;
use super::version::Version;

/// A packet's type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PacketType {
    /// The first packets, protected with keys that anybody can derive.
    Initial,
    /// Early data.
    ZeroRtt,
    /// The rest of the handshake.
    Handshake,
    /// The server asks for proof of the address.
    Retry,
    /// The server does not speak the version.
    VersionNegotiation,
    /// Everything behind the handshake, with a short header.
    OneRtt,
}

impl PacketType {
    /// The type of a long header's packet by the bits of its first byte; `None` for a version that is not read.
    fn of_long(version: Version, first: u8) -> Option<Self> {
        const TYPES: [PacketType; 4] = [
            PacketType::Initial,
            PacketType::ZeroRtt,
            PacketType::Handshake,
            PacketType::Retry,
        ];
        let bits = usize::from(first >> 4 & 3);
        match version {
            Version::V1 => TYPES.get(bits).copied(),
            // RFC 9369 3.2: each is one up.
            Version::V2 => TYPES.get((bits + 3) % 4).copied(),
            _ => None,
        }
    }

    /// The name the RFC gives it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Initial => "Initial",
            Self::ZeroRtt => "0-RTT",
            Self::Handshake => "Handshake",
            Self::Retry => "Retry",
            Self::VersionNegotiation => "Version Negotiation",
            Self::OneRtt => "1-RTT",
        }
    }
}

/// What is known of a packet with its header still protected. Ranges count in the datagram.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// What it is.
    pub kind: PacketType,
    /// Its version; 0 where the header has none.
    pub version: Version,
    /// Whom it is for.
    pub destination: ConnectionId,
    /// Whom it is from; of no length in a short header.
    pub source: ConnectionId,
    /// The token of an Initial or a Retry.
    pub token: Range<usize>,
    /// The whole packet.
    pub packet: Range<usize>,
    /// Where the packet number begins.
    pub number_at: usize,
}

/// The first byte's bit of a long header.
const LONG: u8 = 0x80;
/// The bit that every packet of version 1 and 2 has set, unless the receiver has said that it may be clear (RFC 9287).
const FIXED: u8 = 0x40;

/// Whether what follows a packet in a datagram may be what the datagram is padded with, and no packet.
pub(super) fn may_be_padding(bytes: &[u8]) -> bool {
    bytes
        .first()
        .is_none_or(|first| first & (LONG | FIXED) == 0)
}

/// The destination id of a long header of any version, its source and its version (RFC 8999 5.1).
#[must_use]
pub fn destination(datagram: &[u8]) -> Option<(Version, ConnectionId, ConnectionId)> {
    let mut cursor = Cursor::new(datagram);
    cursor.u8().filter(|first| first & LONG != 0)?;
    let version = Version(cursor.u32()?);
    Some((version, id(&mut cursor)?, id(&mut cursor)?))
}

fn id(cursor: &mut Cursor<'_>) -> Option<ConnectionId> {
    let len = usize::from(cursor.u8()?);
    ConnectionId::new(cursor.take(len).filter(|_| len <= LONGEST)?)
}

/// Whether a datagram begins with an Initial packet of a version that is read.
#[must_use]
pub fn is_initial(datagram: &[u8]) -> bool {
    let header = Header::read(datagram, 0, None);
    header.is_some_and(|header| header.kind == PacketType::Initial)
}

/// The type of the packet with a long header that a datagram begins with; `None` of a version that is not read.
#[must_use]
pub fn long_type(datagram: &[u8]) -> Option<PacketType> {
    let header = Header::read(datagram, 0, None)?;
    header.version.is_known().then_some(header.kind)
}

/// Whether a datagram may begin with a packet with a short header: all that speaks against it is its length, and the form bit.
#[must_use]
pub fn may_be_short(datagram: &[u8]) -> bool {
    /// An id of no length, a number, and a tag.
    const SHORTEST: usize = 1 + 4 + 16;
    datagram.len() >= SHORTEST && datagram.first().is_some_and(|first| first & LONG == 0)
}

/// The versions that a Version Negotiation packet offers (RFC 9000 17.2.1); `None` for what is none.
#[must_use]
pub fn offered_versions(datagram: &[u8]) -> Option<Vec<Version>> {
    let (version, _, _) = destination(datagram)?;
    let ids = usize::from(*datagram.get(5)?);
    let second = usize::from(*datagram.get(6 + ids)?);
    let list = datagram.get(7 + ids + second..)?;
    let (versions, rest) = list.as_chunks();
    let versions: Vec<Version> = versions
        .iter()
        .map(|bytes| Version(u32::from_be_bytes(*bytes)))
        .take(32)
        .collect();
    let is_one = version == Version(0)
        && rest.is_empty()
        && versions.iter().any(|version| version.is_known());
    is_one.then_some(versions)
}

impl Header {
    /// The header of the packet that begins at `at`. `short_len` is the length of the ids that the receiver gave out. Of
    /// a version that is not read, `None`.
    pub(super) fn read(datagram: &[u8], at: usize, short_len: Option<usize>) -> Option<Self> {
        let bytes = datagram.get(at..)?;
        let first = *bytes.first()?;
        match first & LONG != 0 {
            true => Self::long(bytes, at, first),
            false => Self::short(bytes, at, short_len?),
        }
    }

    fn long(bytes: &[u8], at: usize, first: u8) -> Option<Self> {
        let mut cursor = Cursor::new(bytes);
        let (version, destination, source) = destination(bytes)?;
        cursor.skip(7 + destination.len() + source.len())?;
        let mut header = Self {
            kind: PacketType::VersionNegotiation,
            version,
            destination,
            source,
            token: 0..0,
            packet: at..at + bytes.len(),
            number_at: at + cursor.at(),
        };
        if version == Version(0) {
            return Some(header);
        }
        header.kind = PacketType::of_long(version, first)?;
        if header.kind == PacketType::Retry {
            let token = cursor.rest().len().checked_sub(16)?;
            header.token = header.number_at..header.number_at + token;
            return Some(header);
        }
        if header.kind == PacketType::Initial {
            let len = usize::try_from(varint(&mut cursor)?).ok()?;
            let start = at + cursor.at();
            cursor.skip(len)?;
            header.token = start..start + len;
        }
        let len = usize::try_from(varint(&mut cursor)?).ok()?;
        header.number_at = at + cursor.at();
        header.packet.end = header.number_at.checked_add(len)?.min(at + bytes.len());
        Some(header)
    }

    fn short(bytes: &[u8], at: usize, id_len: usize) -> Option<Self> {
        Some(Self {
            kind: PacketType::OneRtt,
            version: Version(0),
            destination: ConnectionId::new(bytes.get(1..1 + id_len)?)?,
            source: ConnectionId::default(),
            token: 0..0,
            packet: at..at + bytes.len(),
            number_at: at + 1 + id_len,
        })
    }
}

/// The packet number that its lowest bytes stand for, next to the largest one seen (RFC 9000 appendix A.3).
#[cfg(any(feature = "tls", test))]
pub(super) fn packet_number(largest: Option<u64>, truncated: u64, len: usize) -> u64 {
    let expected = largest.map_or(0, |largest| largest + 1);
    let window = 1u64 << (8 * len.min(7));
    let candidate = expected & !(window - 1) | truncated;
    if candidate + window / 2 <= expected && candidate < (1 << 62) - window {
        candidate + window
    } else if candidate > expected + window / 2 && candidate >= window {
        candidate - window
    } else {
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9000 appendix A.3.
    #[test]
    fn packet_numbers_are_recovered() {
        assert_eq!(packet_number(Some(0xa82f_30ea), 0x9b32, 2), 0xa82f_9b32);
        assert_eq!(packet_number(None, 0, 1), 0);
        assert_eq!(packet_number(None, 2, 4), 2);
        assert_eq!(packet_number(Some(255), 0, 1), 256);
        assert_eq!(packet_number(Some(256), 255, 1), 255);
    }

    #[test]
    fn version_negotiation_is_told_from_noise() {
        let mut datagram = vec![0x80, 0, 0, 0, 0, 2, 7, 7, 1, 9];
        datagram.extend([0x1a, 0x2a, 0x3a, 0x4a, 0, 0, 0, 1]);
        let versions = [Version(0x1a2a_3a4a), Version::V1];
        assert_eq!(offered_versions(&datagram).unwrap(), versions);
        assert!(versions[0].is_reserved() && !versions[1].is_reserved());
        assert_eq!(offered_versions(&datagram[..datagram.len() - 1]), None);
        datagram[4] = 1;
        assert_eq!(offered_versions(&datagram), None);
    }

    #[test]
    fn the_fixed_bit_may_be_clear() {
        let mut datagram = [0x17; 40];
        let header = Header::read(&datagram, 0, Some(8)).unwrap();
        assert_eq!((header.kind, header.number_at), (PacketType::OneRtt, 9));
        assert!(may_be_padding(&datagram));
        datagram[0] |= FIXED;
        assert!(!may_be_padding(&datagram));
    }

    #[test]
    fn no_cut_reaches_beyond_the_datagram() {
        let bytes: Vec<u8> = (0..64).map(|n| 0xc0 ^ n).collect();
        for version in [1u32, 0x6b33_43cf, 0, 7] {
            for first in 0..=255 {
                let mut datagram = bytes.clone();
                datagram[0] = first;
                datagram[1..5].copy_from_slice(&version.to_be_bytes());
                datagram[5] = 8;
                datagram[14] = 4;
                for cut in 0..datagram.len() {
                    if let Some(header) = Header::read(&datagram[..cut], 0, Some(8)) {
                        assert!(header.packet.end <= cut && header.token.end <= cut);
                    }
                }
            }
        }
    }
}
