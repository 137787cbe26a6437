//! The snoop file format (RFC 1761): a 16-byte header, then packets, each behind a record header, big-endian.
//!
//! Pure functions over bytes. Shomiti's Surveyor writes the same with other network types and a trailer in each record, by which
//! it is told.
//!
//! ```text
//! file    "snoop\0\0\0" | version | network type
//! record  original length | captured length | record length | drops so far | seconds | microseconds | bytes ... | padding
//! ```

use super::Broken;
use super::batch::{FilePosition, PacketRecord};
use super::place::BufferPlace;
use crate::base::{LinkType, PacketNumber, Timestamp};

pub(super) const MAGIC: &[u8] = b"snoop\0\0\0";
/// Bytes of the file header.
const HEADER_LEN: usize = 16;
/// Bytes of a record header.
const RECORD: usize = 24;
/// Bytes of the file header and the first record header, by which the writer is told.
pub(super) const HEAD_LEN: usize = HEADER_LEN + RECORD;
/// Padding of a record from which on it is Shomiti's trailer.
const TRAILER: usize = 16;

/// What the file header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Snoop {
    pub(super) link: LinkType,
    /// Packets that were dropped so far, as the latest record says.
    pub(super) drops: u32,
}

/// Why a file with the magic is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    Short,
    Version(u32),
    Network(u32),
}

impl Snoop {
    /// Reads the file header at the start of `bytes`, and tells the writer by the first record header, if one is there.
    /// Also gives the header's length.
    pub(super) fn parse(bytes: &[u8]) -> Result<(Self, usize), HeaderError> {
        let word = |at: usize| word(bytes, at);
        let (Some(version), Some(network)) = (word(8), word(12)) else {
            return Err(HeaderError::Short);
        };
        // 3 to 5 are Shomiti's, for its own hardware.
        if !(2..=5).contains(&version) {
            return Err(HeaderError::Version(version));
        }
        let (captured, len) = (word(HEADER_LEN + 4), word(HEADER_LEN + 8));
        let padding = captured.zip(len).map_or(0, |(captured, len)| {
            (len as usize).saturating_sub(RECORD + captured as usize)
        });
        let link = match padding >= TRAILER {
            true => shomiti_link(network),
            false => link(network),
        };
        let link = link.ok_or(HeaderError::Network(network))?;
        Ok((Self { link, drops: 0 }, HEADER_LEN))
    }

    /// Appends a record for every whole packet in `data` and says how many bytes they take, or what is broken there.
    pub(super) fn index(
        &mut self,
        data: &[u8],
        place: &mut BufferPlace,
        packets: &mut Vec<PacketRecord>,
    ) -> (usize, Option<Broken>) {
        let mut at = 0;
        while let Some(header) = data.get(at..).and_then(<[u8]>::first_chunk::<RECORD>) {
            let [original, captured, len, drops, seconds, fraction] =
                [0, 4, 8, 12, 16, 20].map(|at| word(header, at).unwrap_or(0));
            let (start, end) = (at + RECORD, at + len as usize);
            // Padding is less than a record header and a trailer.
            let fits = (start + captured as usize..=place.limit.saturating_add(at + 2 * RECORD))
                .contains(&end);
            if captured as usize > place.limit || !fits {
                let why = format!(
                    "the record there declares {len} bytes for a packet of {captured}, which do not fit"
                );
                return (at, Some(Broken { why }));
            }
            if end > data.len() {
                break;
            }
            packets.push(PacketRecord {
                number: PacketNumber(place.next_number),
                time: Timestamp(i64::from(seconds) * 1_000_000_000 + i64::from(fraction) * 1000),
                position: FilePosition::new(place.file, place.offset + start as u64),
                start: start as u32,
                captured,
                original: original.max(captured),
                link: self.link,
            });
            place.next_number += 1;
            self.drops = drops;
            at = end;
        }
        (at, None)
    }
}

/// The link type of a network type, which is a media type of DLPI.
fn link(network: u32) -> Option<LinkType> {
    Some(match network {
        0 | 4 => LinkType::ETHERNET,
        2 => LinkType::IEEE802_5,
        8 => LinkType::FDDI,
        9 | 14 => LinkType::NULL,
        0x8000_0001 => LinkType::IPV4,
        0x8000_0002 => LinkType::IPV6,
        0x8000_0005 => LinkType::IPNET,
        _ => return None,
    })
}

/// The same in Shomiti's numbers, which tell Ethernets apart by speed.
fn shomiti_link(network: u32) -> Option<LinkType> {
    Some(match network {
        0 | 4 | 10 | 12 | 19 => LinkType::ETHERNET,
        2 | 11 | 13 | 14 => LinkType::IEEE802_5,
        8 => LinkType::FDDI,
        _ => return None,
    })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    let raw = bytes.get(at..at + 4)?.first_chunk()?;
    Some(u32::from_be_bytes(*raw))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(len: u32, padding: u32, drops: u32) -> Vec<u8> {
        let words = [len + 5, len, 24 + len + padding, drops, 1_700_000_000, 9];
        let mut bytes = words.map(u32::to_be_bytes).as_flattened().to_vec();
        bytes.extend(vec![7; (len + padding) as usize]);
        bytes
    }

    fn file(version: u32, network: u32, records: &[Vec<u8>]) -> Vec<u8> {
        let head = [version, network].map(u32::to_be_bytes);
        [MAGIC, head.as_flattened(), &records.concat()].concat()
    }

    fn place() -> BufferPlace {
        BufferPlace {
            file: 0,
            next_number: 1,
            offset: HEADER_LEN as u64,
            limit: 1 << 16,
        }
    }

    #[test]
    fn packets_are_read_with_padding_and_drops() {
        let file = file(2, 4, &[record(61, 3, 0), record(0, 0, 2), record(60, 0, 5)]);
        let (mut snoop, len) = Snoop::parse(&file).unwrap();
        assert_eq!((snoop.link, len), (LinkType::ETHERNET, 16));
        let mut packets = Vec::new();
        let (used, broken) = snoop.index(&file[16..], &mut place(), &mut packets);
        assert_eq!(
            (used, broken.is_none(), snoop.drops),
            (file.len() - 16, true, 5)
        );
        let seen: Vec<_> = packets
            .iter()
            .map(|one| (one.captured, one.original))
            .collect();
        assert_eq!(seen, [(61, 66), (0, 5), (60, 65)]);
        assert_eq!(packets[0].time, Timestamp(1_700_000_000_000_009_000));
        for cut in 16..file.len() {
            let mut packets = Vec::new();
            let (used, broken) = snoop.index(&file[16..cut], &mut place(), &mut packets);
            assert!(used <= cut - 16 && broken.is_none() && packets.len() <= 3);
        }
    }

    #[test]
    fn shomiti_is_told_by_its_trailer() {
        let link = |network, padding| {
            Snoop::parse(&file(2, network, &[record(60, padding, 0)])).map(|(snoop, _)| snoop.link)
        };
        assert_eq!(link(12, 16), Ok(LinkType::ETHERNET));
        assert_eq!(link(12, 4), Err(HeaderError::Network(12)));
        assert_eq!(link(0x8000_0002, 0), Ok(LinkType::IPV6));
    }

    #[test]
    fn what_is_wrong_is_named() {
        assert_eq!(Snoop::parse(MAGIC), Err(HeaderError::Short));
        assert_eq!(Snoop::parse(&file(9, 4, &[])), Err(HeaderError::Version(9)));
        for words in [
            [9, 9, 8, 0, 0, 0],
            [9, 9, u32::MAX, 0, 0, 0],
            [9, u32::MAX, 40, 0, 0, 0],
        ] {
            let data = words.map(u32::to_be_bytes);
            let mut snoop = Snoop::parse(&file(2, 4, &[])).unwrap().0;
            let (used, broken) = snoop.index(data.as_flattened(), &mut place(), &mut Vec::new());
            assert!(used == 0 && broken.is_some(), "{words:?}");
        }
    }
}
