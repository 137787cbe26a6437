//! Captures of Microsoft Network Monitor, versions 1 and 2: a header of 128 bytes, frames, and a table that says where each of
//! them stands.
//!
//! Where the file can be read at any place the table leads, a piece of it at a time: there may be holes between frames. From a
//! pipe or out of compressed data frames are taken to follow each other, and the table, which comes behind them, says in the end
//! whether they did.
//!
//! Times are those of the frame where it has one in UTC (2.3). Before, a file gives its start in the local time of a machine
//! whose zone it does not say: that is taken for UTC.
//!
//! ```text
//! file     "RTSS" or "GMBU" | minor, major | network | start: year, month, weekday, day, hour, minute, second, ms
//!          | offset and length of the table of frames | ... | frames ... | tables
//! frame 1  milliseconds since the start | original length, captured length (two bytes each) | bytes
//! frame 2  microseconds since the start (eight bytes) | original length | captured length | bytes
//!          | from 2.1 on: network | from 2.2 on: process | from 2.3 on: time, zone
//! ```

use super::Broken;
use super::batch::{FilePosition, PacketRecord};
use super::place::BufferPlace;
use crate::base::{LinkType, PacketNumber, Timestamp};

mod frames;

use frames::Frames;
pub(super) use frames::{HEADER_LEN, TableFile};

/// Network types of a file that are shown apart; more than any machine has.
const MOST_LINKS: usize = 64;
/// Microseconds from 1601, where Windows begins to count, to 1970.
const WINDOWS_EPOCH: i64 = 11_644_473_600_000_000;

/// Whether `bytes` begin as such a file does.
pub(super) fn is_netmon(bytes: &[u8]) -> bool {
    bytes.starts_with(b"GMBU") || bytes.starts_with(b"RTSS")
}

/// The state of a file being read.
#[derive(Debug)]
pub(super) struct Netmon {
    layout: Layout,
    /// When the capture began.
    start: i64,
    /// What frames that do not say begin with.
    link: LinkType,
    /// The link types seen.
    pub(super) links: Vec<LinkType>,
    frames: Frames,
}

/// What stands around the bytes of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Layout {
    is_first_version: bool,
    header: usize,
    trailer: usize,
}

/// Why a file with the magic is not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderError {
    Short,
    Version(u8, u8),
}

impl Netmon {
    /// Reads the file header at the start of `bytes`. `file` is where the table of frames can be read from.
    pub(super) fn parse(bytes: &[u8], file: Option<TableFile>) -> Result<Self, HeaderError> {
        let header = bytes
            .first_chunk::<HEADER_LEN>()
            .ok_or(HeaderError::Short)?;
        let (minor, major) = (header[4], header[5]);
        let layout = match (major, minor) {
            (1, _) => Layout::of(true, 8, 0),
            (2, 0) => Layout::of(false, 16, 0),
            (2, 1) => Layout::of(false, 16, 2),
            (2, 2) => Layout::of(false, 16, 6),
            (2, _) => Layout::of(false, 16, 15),
            _ => return Err(HeaderError::Version(major, minor)),
        };
        let link = link(u16_at(header, 6));
        Ok(Self {
            layout,
            start: start(header),
            link,
            // From 2.1 on each frame says its own, and the header Ethernet, whatever it was.
            links: match layout.trailer {
                0 => vec![without_wifi_header(link, &[]).0],
                _ => Vec::new(),
            },
            frames: Frames::new(u32_at(header, 24), u32_at(header, 28), file),
        })
    }

    /// Appends a record for every whole frame in `data` and says how many bytes were passed, or what is broken there.
    pub(super) fn index(
        &mut self,
        data: &[u8],
        place: &mut BufferPlace,
        packets: &mut Vec<PacketRecord>,
    ) -> (usize, Option<Broken>) {
        let mut at = 0;
        loop {
            let here = place.offset + at as u64;
            match self.frames.next(here, data.get(at..).unwrap_or_default()) {
                Ok(Some(next)) if next == here => {}
                Ok(Some(next)) => {
                    // A hole, which may reach beyond what was read so far.
                    let hole = usize::try_from(next - here).unwrap_or(usize::MAX);
                    match at.checked_add(hole).filter(|at| *at <= data.len()) {
                        Some(behind) => at = behind,
                        None => return (data.len(), None),
                    }
                    continue;
                }
                Ok(None) => return (at, None),
                Err(why) => return (at, Some(Broken { why })),
            }
            match self.frame(data, at, place) {
                Ok(Some((packet, len))) => {
                    packets.push(packet);
                    place.next_number += 1;
                    self.frames.passed(here);
                    at += len;
                }
                Ok(None) => return (at, None),
                Err(captured) => {
                    let why = format!(
                        "the frame there declares {captured} bytes, more than any packet has{}",
                        self.frames.advice()
                    );
                    return (at, Some(Broken { why }));
                }
            }
        }
    }

    /// What is missing at the end of the file.
    pub(super) fn missing(&self) -> Option<String> {
        self.frames.missing()
    }

    /// The frame at `at`, if it is there as a whole, and the bytes it takes; its length, if that is none.
    fn frame(
        &mut self,
        data: &[u8],
        at: usize,
        place: &BufferPlace,
    ) -> Result<Option<(PacketRecord, usize)>, usize> {
        let Some(header) = data
            .get(at..)
            .and_then(|rest| rest.get(..self.layout.header))
        else {
            return Ok(None);
        };
        let (delta, original, captured) = self.layout.read(header);
        if captured > place.limit {
            return Err(captured);
        }
        let start = at + self.layout.header;
        let end = start + captured;
        let Some(trailer) = data.get(end..end + self.layout.trailer) else {
            return Ok(None);
        };
        let time = utc(trailer).unwrap_or_else(|| self.start.saturating_add(delta));
        let network = trailer.first_chunk::<2>();
        let link = network.map_or(self.link, |raw| link(u16::from_le_bytes(*raw)));
        let (link, skip) = without_wifi_header(link, data.get(start..end).unwrap_or_default());
        if !self.links.contains(&link) && self.links.len() < MOST_LINKS {
            self.links.push(link);
        }
        let packet = PacketRecord {
            number: PacketNumber(place.next_number),
            time: Timestamp(time.saturating_mul(1000)),
            position: FilePosition::new(place.file, place.offset + (start + skip) as u64),
            start: (start + skip) as u32,
            captured: (captured - skip) as u32,
            original: original.max(captured).saturating_sub(skip) as u32,
            link,
        };
        Ok(Some((packet, end + self.layout.trailer - at)))
    }
}

impl Layout {
    fn of(is_first_version: bool, header: usize, trailer: usize) -> Self {
        Self {
            is_first_version,
            header,
            trailer,
        }
    }

    /// Microseconds since the start, original length, captured length.
    fn read(self, header: &[u8]) -> (i64, usize, usize) {
        if self.is_first_version {
            let len = |at: usize| usize::from(u16_at(header, at));
            return (i64::from(u32_at(header, 0)) * 1000, len(4), len(6));
        }
        let high_and_low = [u32_at(header, 4), u32_at(header, 0)].map(u64::from);
        // A frame may be older than the start: the number is signed.
        let delta = (high_and_low[0] << 32 | high_and_low[1]) as i64;
        (
            delta,
            u32_at(header, 8) as usize,
            u32_at(header, 12) as usize,
        )
    }
}

/// The time in UTC that a trailer of 2.3 has, in microseconds.
fn utc(trailer: &[u8]) -> Option<i64> {
    let units = i64::from_le_bytes(*trailer.get(6..14)?.first_chunk()?);
    (units > 0).then(|| units / 10 - WINDOWS_EPOCH)
}

/// The start of the capture in microseconds, its fields taken for UTC; 1970 for fields that are no date.
fn start(header: &[u8; HEADER_LEN]) -> i64 {
    let [year, month, _, day, hour, minute, second, millisecond] =
        [8, 10, 12, 14, 16, 18, 20, 22].map(|at| i16::try_from(u16_at(header, at)).unwrap_or(-1));
    let small = |value: i16| i8::try_from(value).unwrap_or(-1);
    jiff::civil::DateTime::new(
        year,
        small(month),
        small(day),
        small(hour),
        small(minute),
        small(second),
        i32::from(millisecond).saturating_mul(1_000_000),
    )
    .ok()
    .and_then(|start| start.to_zoned(jiff::tz::TimeZone::UTC).ok())
    .map_or(0, |start| start.timestamp().as_microsecond())
}

/// Stands for 802.11 behind Network Monitor's own header, which no number of the registry says.
const WIFI: LinkType = LinkType(0xff06);

/// What is behind that header, and the bytes it takes: a version, then its length.
fn without_wifi_header(link: LinkType, frame: &[u8]) -> (LinkType, usize) {
    if link != WIFI {
        return (link, 0);
    }
    let len = frame.get(1..3).and_then(<[u8]>::first_chunk);
    let len = usize::from(len.map_or(0, |len| u16::from_le_bytes(*len)));
    (LinkType::IEEE802_11, len.min(frame.len()))
}

/// The link type of a network type. What has none in the registry gets a number that nothing there has.
fn link(network: u16) -> LinkType {
    const FROM_PCAP: u16 = 0xe000;
    match network {
        0 | 1 => LinkType::ETHERNET,
        2 => LinkType::IEEE802_5,
        3 => LinkType::FDDI,
        7..=9 => LinkType::RAW,
        FROM_PCAP..0xf000 => LinkType(network - FROM_PCAP),
        // Notes of the monitor itself, such as events and filters.
        0xff00.. => LinkType(network),
        other => LinkType(0xff00 | other & 0xff),
    }
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    let raw = bytes.get(at..).and_then(<[u8]>::first_chunk);
    raw.map_or(0, |raw| u16::from_le_bytes(*raw))
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let raw = bytes.get(at..).and_then(<[u8]>::first_chunk);
    raw.map_or(0, |raw| u32::from_le_bytes(*raw))
}

#[cfg(test)]
mod tests;
