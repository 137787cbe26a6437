//! The pcap file format: a 24-byte header, then packets, each behind a record header.
//!
//! Pure functions over bytes. [`Pcap::index`] notes where the packets of a buffer lie and copies nothing. Read are what
//! libpcap reads: both byte orders, microseconds and nanoseconds, the 24-byte record headers of Kuznetzov's patched
//! tcpdump, and the swapped lengths of versions before 2.4.
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

/// Bytes of the file header.
pub(super) const HEADER_LEN: usize = 24;

/// What the file header says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Pcap {
    big_endian: bool,
    /// Nanoseconds a unit of the fraction is.
    unit: i64,
    record_header: usize,
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
        let known = |magic| matches!(magic, MICROSECONDS | NANOSECONDS | KUZNETZOV);
        let (magic, big_endian) = match (u32::from_le_bytes(*magic), u32::from_be_bytes(*magic)) {
            (magic, _) if known(magic) => (magic, false),
            (_, magic) if known(magic) => (magic, true),
            _ => return Err(HeaderError::Magic),
        };
        let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
            return Err(HeaderError::Short);
        };
        let (major, minor) = (u16_at(header, 4, big_endian), u16_at(header, 6, big_endian));
        let lengths = match (major, minor) {
            (2, 4) => Lengths::Ordered,
            (2, 3) => Lengths::Unsure,
            (2, 0..=2) | (543, 0) => Lengths::Swapped,
            _ => return Err(HeaderError::Version(major, minor)),
        };
        Ok(Self {
            big_endian,
            unit: if magic == NANOSECONDS { 1 } else { 1000 },
            record_header: if magic == KUZNETZOV { 24 } else { 16 },
            lengths,
            // The upper half says whether and how long a frame check sequence is there: IP lengths tell that already.
            link: LinkType(u32_at(header, 20, big_endian) as u16),
            snaplen: u32_at(header, 16, big_endian),
        })
    }

    /// Appends a record for every whole packet in `data` and says how many bytes they take, or what is broken there.
    pub(super) fn index(
        &self,
        data: &[u8],
        place: &mut BufferPlace,
        packets: &mut Vec<PacketRecord>,
    ) -> (usize, Option<Broken>) {
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

    fn are_swapped(&self, captured: u32, original: u32) -> bool {
        match self.lengths {
            Lengths::Ordered => false,
            Lengths::Unsure => captured > original,
            Lengths::Swapped => true,
        }
    }
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
