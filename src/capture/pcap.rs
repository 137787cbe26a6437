//! The pcap file format: a 24-byte header, then packets, each behind a record header.
//!
//! Pure functions over bytes. [`Pcap::index`] notes where the packets of a buffer lie and copies nothing. Read are both byte
//! orders, microseconds and nanoseconds, the swapped lengths of versions before 2.4, and the dialects that people still have:
//!
//! - Alexey Kuznetzov's patched tcpdump puts 8 (or 12) bytes behind each record header, under a magic of its own or under the
//!   plain one, and Nokia's firewalls put 4 bytes there, under the plain one. Which it is, is told by what fits.
//! - IXIA's `lcap` has magics of its own and 4 bytes more in the file header.
//! - AIX writes version 2.2, link types by the numbers of interface types, and nanoseconds.
//!
//! ```text
//! file    magic | major, minor | thiszone | sigfigs | snaplen | link type
//! record  seconds | fraction | captured length | original length | bytes ...
//! ```

use super::Broken;
use super::batch::{FilePosition, PacketRecord};
use super::place::BufferPlace;
use crate::base::{LinkType, PacketNumber, Timestamp};

const MICROSECONDS: u32 = 0xa1b2_c3d4;
const NANOSECONDS: u32 = 0xa1b2_3c4d;
const KUZNETZOV: u32 = 0xa1b2_cd34;
/// IXIA's, from hardware in nanoseconds and from software in microseconds.
const IXIA_HARDWARE: u32 = 0x1c00_01ac;
const IXIA_SOFTWARE: u32 = 0x1c00_01ab;

/// Bytes of the file header.
pub(super) const HEADER_LEN: usize = 24;
/// Bytes of IXIA's file header, which says how long all records together are.
pub(super) const IXIA_HEADER_LEN: usize = 28;

/// Bytes of a record header.
const RECORD: usize = 16;
/// Of Kuznetzov's, with the number of the interface, the protocol and the kind of packet.
const KUZNETZOV_RECORD: usize = 24;
/// Of his in SuSE 6.3, with two numbers of processors.
const SUSE_RECORD: usize = 28;
/// Of Nokia's.
const NOKIA_RECORD: usize = 20;
/// Records that are looked at to tell which header they have. With a wrong one the second is nonsense already.
const TRIED: usize = 16;

/// What the file header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    big_endian: bool,
    /// Nanoseconds a unit of the fraction is.
    unit: i64,
    /// Bytes of the file header.
    pub(super) header_len: usize,
    record_header: usize,
    /// What the record header may be instead, until the first records were seen.
    others: &'static [usize],
    lengths: Lengths,
    pub(super) link: LinkType,
    pub(super) snaplen: u32,
}

/// In which order a record holds its two lengths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Lengths {
    Ordered,
    /// Version 2.3 and Digital UNIX: swapped by some writers; the captured one is the smaller.
    Unsure,
    Swapped,
}

/// Why bytes are no pcap header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    Magic,
    Short,
    Version(u16, u16),
}

impl Pcap {
    /// Reads the file header at the start of `bytes`.
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, HeaderError> {
        let Some(magic) = bytes.first_chunk::<4>() else {
            return Err(HeaderError::Magic);
        };
        let (little, big) = (u32::from_le_bytes(*magic), u32::from_be_bytes(*magic));
        let (dialect, big_endian) = match (Dialect::of(little), Dialect::of(big)) {
            (Some(dialect), _) => (dialect, false),
            (_, Some(dialect)) => (dialect, true),
            _ => return Err(HeaderError::Magic),
        };
        let (Some(header), true) = (
            bytes.first_chunk::<HEADER_LEN>(),
            bytes.len() >= dialect.header_len,
        ) else {
            return Err(HeaderError::Short);
        };
        let (major, minor) = (u16_at(header, 4, big_endian), u16_at(header, 6, big_endian));
        let lengths = match (major, minor) {
            (2, 4) => Lengths::Ordered,
            (2, 3) => Lengths::Unsure,
            (2, 0..=2) | (543, 0) => Lengths::Swapped,
            _ => return Err(HeaderError::Version(major, minor)),
        };
        let mut pcap = Self {
            big_endian,
            unit: dialect.unit,
            header_len: dialect.header_len,
            record_header: dialect.record_header,
            // Those who change record headers write version 2.4.
            others: if lengths == Lengths::Ordered {
                dialect.others
            } else {
                &[]
            },
            lengths,
            // The upper half says whether and how long a frame check sequence is there: IP lengths tell that already.
            link: LinkType(u32_at(header, 20, big_endian) as u16),
            snaplen: u32_at(header, 16, big_endian),
        };
        if (major, minor) == (2, 2)
            && let Some(link) = aix_link(pcap.link)
        {
            (pcap.link, pcap.unit, pcap.lengths) = (link, 1, Lengths::Unsure);
        }
        Ok(pcap)
    }

    /// Appends a record for every whole packet in `data` and says how many bytes they take, or what is broken there.
    pub(super) fn index(
        &mut self,
        data: &[u8],
        place: &mut BufferPlace,
        packets: &mut Vec<PacketRecord>,
    ) -> (usize, Option<Broken>) {
        if !self.others.is_empty() && data.len() >= RECORD {
            self.choose_record_header(data);
        }
        match (self.big_endian, self.record_header, self.lengths) {
            (false, 16, Lengths::Ordered) => self.scan::<false, true>(data, place, packets),
            (false, ..) => self.scan::<false, false>(data, place, packets),
            (true, ..) => self.scan::<true, false>(data, place, packets),
        }
    }

    /// The loop over records, compiled once for the shape nearly every file has and once for the others.
    #[inline(always)]
    fn scan<const BIG_ENDIAN: bool, const COMMON: bool>(
        &self,
        data: &[u8],
        place: &mut BufferPlace,
        packets: &mut Vec<PacketRecord>,
    ) -> (usize, Option<Broken>) {
        let header_len = if COMMON { 16 } else { self.record_header };
        let mut at = 0;
        while let Some(header) = data[at..].first_chunk::<16>() {
            let (mut captured, mut original) = (
                u32_at(header, 8, BIG_ENDIAN),
                u32_at(header, 12, BIG_ENDIAN),
            );
            if !COMMON && self.are_swapped(captured, original) {
                (captured, original) = (original, captured);
            }
            if captured as usize > place.limit {
                let why =
                    format!("the packet there declares {captured} bytes, more than any packet has");
                return (at, Some(Broken { why }));
            }
            let start = at + header_len;
            let end = start + captured as usize;
            if end > data.len() {
                break;
            }
            let seconds = i64::from(u32_at(header, 0, BIG_ENDIAN));
            let fraction = i64::from(u32_at(header, 4, BIG_ENDIAN));
            packets.push(PacketRecord {
                number: PacketNumber(place.next_number),
                // At most 2^32 seconds and 2^32 microseconds: no overflow.
                time: Timestamp(seconds * 1_000_000_000 + fraction * self.unit),
                position: FilePosition::new(place.file, place.offset + start as u64),
                start: start as u32,
                captured,
                original: original.max(captured),
                link: self.link,
            });
            place.next_number += 1;
            at = end;
        }
        (at, None)
    }

    /// Takes the record header with which the most records make sense, of those that `data`, the first bytes behind the file
    /// header, has whole. Of a pipe that may be one only: then it is the usual one.
    fn choose_record_header(&mut self, data: &[u8]) {
        let mut best = self.sense(data, self.record_header);
        for header_len in std::mem::take(&mut self.others) {
            let sense = self.sense(data, *header_len);
            if sense > best {
                (best, self.record_header) = (sense, *header_len);
            }
        }
    }

    /// How many records make sense with a header of this length, before the first that makes none.
    fn sense(&self, data: &[u8], header_len: usize) -> usize {
        /// No packet is so long, whatever was captured of it.
        const LONGEST: u32 = 64 << 20;
        /// Seconds of ten years: no capture goes on for so long.
        const AGES: u32 = 315_360_000;
        let most = (self.snaplen as usize).max(262_144);
        let mut at = 0;
        let mut first = None;
        for record in 0..TRIED {
            let Some(header) = data.get(at..).and_then(<[u8]>::first_chunk::<RECORD>) else {
                return TRIED;
            };
            let (seconds, fraction) = (
                u32_at(header, 0, self.big_endian),
                u32_at(header, 4, self.big_endian),
            );
            let (captured, original) = (
                u32_at(header, 8, self.big_endian),
                u32_at(header, 12, self.big_endian),
            );
            let is_ages_away = first.get_or_insert(seconds).abs_diff(seconds) > AGES;
            let is_too_long = captured > original || captured as usize > most || original > LONGEST;
            if fraction >= 1_000_000 || is_ages_away || is_too_long {
                return record;
            }
            at += header_len + captured as usize;
        }
        TRIED
    }

    fn are_swapped(&self, captured: u32, original: u32) -> bool {
        match self.lengths {
            Lengths::Ordered => false,
            Lengths::Unsure => captured > original,
            Lengths::Swapped => true,
        }
    }
}

/// What a magic announces.
#[derive(Clone, Copy)]
struct Dialect {
    unit: i64,
    header_len: usize,
    record_header: usize,
    others: &'static [usize],
}

impl Dialect {
    fn of(magic: u32) -> Option<Self> {
        let plain = Self {
            unit: 1000,
            header_len: HEADER_LEN,
            record_header: RECORD,
            others: &[],
        };
        Some(match magic {
            MICROSECONDS => Self {
                others: &[KUZNETZOV_RECORD, NOKIA_RECORD],
                ..plain
            },
            NANOSECONDS => Self { unit: 1, ..plain },
            KUZNETZOV => Self {
                record_header: KUZNETZOV_RECORD,
                others: &[SUSE_RECORD],
                ..plain
            },
            IXIA_SOFTWARE => Self {
                header_len: IXIA_HEADER_LEN,
                ..plain
            },
            IXIA_HARDWARE => Self {
                unit: 1,
                header_len: IXIA_HEADER_LEN,
                ..plain
            },
            _ => return None,
        })
    }
}

/// Whether a header with this magic is IXIA's, in either byte order.
pub(super) fn is_ixia(magic: [u8; 4]) -> bool {
    [u32::from_le_bytes(magic), u32::from_be_bytes(magic)]
        .iter()
        .any(|magic| matches!(*magic, IXIA_HARDWARE | IXIA_SOFTWARE))
}

/// The link type that AIX means by the number of an interface type (RFC 1573); libpcap of that age wrote none of these but 9,
/// PPP, which is rarer.
fn aix_link(number: LinkType) -> Option<LinkType> {
    Some(match number.0 {
        6 => LinkType::ETHERNET,
        9 => LinkType::IEEE802_5,
        15 => LinkType::FDDI,
        24 => LinkType::NULL,
        _ => return None,
    })
}

#[inline(always)]
fn u32_at<const N: usize>(bytes: &[u8; N], at: usize, big_endian: bool) -> u32 {
    let raw = [bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]];
    if big_endian {
        u32::from_be_bytes(raw)
    } else {
        u32::from_le_bytes(raw)
    }
}

fn u16_at<const N: usize>(bytes: &[u8; N], at: usize, big_endian: bool) -> u16 {
    let raw = [bytes[at], bytes[at + 1]];
    if big_endian {
        u16::from_be_bytes(raw)
    } else {
        u16::from_le_bytes(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A file of packets of these lengths, `extra` bytes behind each record header.
    fn file(
        magic: u32,
        version: [u16; 2],
        extra: &[u8],
        big_endian: bool,
        lens: &[u32],
    ) -> Vec<u8> {
        let u32 = |value: u32| match big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        let u16 = |value: u16| match big_endian {
            true => value.to_be_bytes(),
            false => value.to_le_bytes(),
        };
        let mut bytes = u32(magic).to_vec();
        bytes.extend(version.map(u16).as_flattened());
        bytes.extend([0, 0, 65_535, 1].map(u32).as_flattened());
        if is_ixia(u32(magic)) {
            bytes.extend(u32(0));
        }
        for (index, len) in lens.iter().enumerate() {
            let time = 1_700_000_000 + index as u32;
            bytes.extend([time, 7, *len, *len].map(u32).as_flattened());
            bytes.extend_from_slice(extra);
            bytes.extend(vec![0xee; *len as usize]);
        }
        bytes
    }

    fn read(file: &[u8]) -> (Vec<(i64, Vec<u8>)>, usize) {
        let mut pcap = Pcap::parse(file).unwrap();
        let mut place = BufferPlace {
            file: 0,
            next_number: 1,
            offset: pcap.header_len as u64,
            limit: 1 << 20,
        };
        let data = &file[pcap.header_len..];
        let mut packets = Vec::new();
        let (used, broken) = pcap.index(data, &mut place, &mut packets);
        assert!(broken.is_none(), "{broken:?}");
        let bytes = |packet: &PacketRecord| {
            let start = packet.start as usize;
            data[start..start + packet.captured as usize].to_vec()
        };
        let packets = packets.iter().map(|one| (one.time.0, bytes(one))).collect();
        (packets, data.len() - used)
    }

    #[test]
    fn every_dialect_gives_the_same_packets() {
        const LENS: [u32; 6] = [60, 1500, 0, 42, 66, 61];
        let kuznetzov = [2, 0, 0, 0, 8, 0, 4, 0];
        let suse = [2, 0, 0, 0, 8, 0, 4, 1, 1, 0, 0, 0];
        let nokia = [9, 9, 9, 9];
        for (magic, unit, extra) in [
            (MICROSECONDS, 1000, &[][..]),
            (MICROSECONDS, 1000, &kuznetzov),
            (MICROSECONDS, 1000, &nokia),
            (KUZNETZOV, 1000, &kuznetzov),
            (KUZNETZOV, 1000, &suse),
            (NANOSECONDS, 1, &[]),
            (IXIA_SOFTWARE, 1000, &[]),
            (IXIA_HARDWARE, 1, &[]),
        ] {
            for big_endian in [false, true] {
                for count in [2, 3, 6] {
                    let (packets, left) =
                        read(&file(magic, [2, 4], extra, big_endian, &LENS[..count]));
                    let expected: Vec<_> = LENS[..count]
                        .iter()
                        .zip(1_700_000_000i64..)
                        .map(|(len, time)| {
                            (time * 1_000_000_000 + 7 * unit, vec![0xee; *len as usize])
                        })
                        .collect();
                    assert_eq!(packets, expected, "{magic:x} {extra:?} {big_endian}");
                    assert_eq!(left, 0);
                }
            }
        }
    }

    #[test]
    fn aix_counts_nanoseconds_and_interface_types() {
        let mut aix = file(MICROSECONDS, [2, 2], &[], true, &[60, 61]);
        aix[23] = 6;
        let (packets, _) = read(&aix);
        assert_eq!(packets[1].0, 1_700_000_001_000_000_007);
        assert_eq!(Pcap::parse(&aix).unwrap().link, LinkType::ETHERNET);
    }

    #[test]
    fn a_plain_file_that_breaks_later_stays_plain() {
        let mut broken = file(MICROSECONDS, [2, 4], &[], false, &[60, 60, 60]);
        let third = HEADER_LEN + 2 * 76;
        broken[third + 8..third + 12].copy_from_slice(&u32::MAX.to_le_bytes());
        let mut pcap = Pcap::parse(&broken).unwrap();
        let mut place = BufferPlace {
            file: 0,
            next_number: 1,
            offset: 24,
            limit: 1 << 20,
        };
        let mut packets = Vec::new();
        let (used, why) = pcap.index(&broken[24..], &mut place, &mut packets);
        assert_eq!((used, packets.len(), why.is_some()), (152, 2, true));
    }
}
