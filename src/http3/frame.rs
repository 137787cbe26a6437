//! Frames of HTTP/3, cut out of a stream (RFC 9114 section 7).

use crate::base::Cursor;

pub(super) const DATA: u64 = 0;
pub(super) const HEADERS: u64 = 1;
pub(super) const SETTINGS: u64 = 4;
pub(super) const GOAWAY: u64 = 7;

/// Setting numbers (IANA's HTTP/3 Settings).
pub(super) mod setting {
    pub(crate) const QPACK_MAX_TABLE_CAPACITY: u64 = 1;
    pub(crate) const ENABLE_CONNECT_PROTOCOL: u64 = 8;
}

/// The name of a frame type.
#[must_use]
pub fn frame_name(kind: u64) -> &'static str {
    match kind {
        0 => "DATA",
        1 => "HEADERS",
        3 => "CANCEL_PUSH",
        4 => "SETTINGS",
        5 => "PUSH_PROMISE",
        7 => "GOAWAY",
        0xd => "MAX_PUSH_ID",
        0xf0700 | 0xf0701 => "PRIORITY_UPDATE",
        _ => "unknown",
    }
}

/// The name of a setting.
#[must_use]
pub fn setting_name(id: u64) -> &'static str {
    match id {
        1 => "QPACK_MAX_TABLE_CAPACITY",
        6 => "MAX_FIELD_SECTION_SIZE",
        7 => "QPACK_BLOCKED_STREAMS",
        8 => "ENABLE_CONNECT_PROTOCOL",
        0x33 => "H3_DATAGRAM",
        _ => "unknown",
    }
}

/// A variable-length integer (RFC 9000 section 16).
pub(super) fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = *cursor.rest().first()?;
    let bytes = cursor.take(1 << (first >> 6))?;
    let rest = bytes.iter().skip(1);
    Some(rest.fold(u64::from(first & 0x3f), |value, byte| {
        value << 8 | u64::from(*byte)
    }))
}

/// Settings as (number, value).
pub(super) fn settings(payload: &[u8]) -> impl Iterator<Item = (u64, u64)> {
    let mut cursor = Cursor::new(payload);
    std::iter::from_fn(move || Some((varint(&mut cursor)?, varint(&mut cursor)?)))
}

/// A part of a stream.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Part<'a> {
    /// Bytes of a DATA frame.
    Data(&'a [u8]),
    /// A whole frame of another type that is kept.
    Frame(u64, Vec<u8>),
    /// A frame that is longer than what is kept of one.
    TooLong(u64),
}

/// Two integers of eight bytes.
const LONGEST_HEADER: usize = 16;

/// Cuts one direction of a stream into frames. DATA is handed out as it lies; of the types that the caller wants whole, up to a
/// limit; the rest is passed over.
#[derive(Debug)]
pub(super) struct FrameReader {
    wanted: &'static [u64],
    limit: usize,
    header: Vec<u8>,
    kind: u64,
    /// Bytes still to come of the frame.
    left: u64,
    payload: Option<Vec<u8>>,
    is_searching: bool,
}

impl FrameReader {
    pub(super) fn new(wanted: &'static [u64], limit: usize) -> Self {
        Self {
            wanted,
            limit,
            header: Vec::new(),
            kind: u64::MAX,
            left: 0,
            payload: None,
            is_searching: false,
        }
    }

    /// Bytes kept.
    pub(super) fn held(&self) -> usize {
        self.header.capacity() + self.payload.as_ref().map_or(0, Vec::capacity)
    }

    /// The next part of what stands in `bytes`, which is moved on.
    pub(super) fn next<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Part<'a>> {
        loop {
            if self.left == 0 && self.payload.is_none() {
                if self.is_searching && !self.finds(bytes) {
                    return None;
                }
                if let Some(part) = self.begin(bytes)? {
                    return Some(part);
                }
                continue;
            }
            let len = usize::try_from(self.left).unwrap_or(usize::MAX);
            let (taken, rest) = bytes.split_at(len.min(bytes.len()));
            *bytes = rest;
            self.left -= taken.len() as u64;
            if let Some(payload) = &mut self.payload {
                payload.extend_from_slice(taken);
                if self.left == 0 {
                    return Some(Part::Frame(
                        self.kind,
                        self.payload.take().unwrap_or_default(),
                    ));
                }
            } else if self.kind == DATA && !taken.is_empty() {
                return Some(Part::Data(taken));
            }
            if bytes.is_empty() {
                return None;
            }
        }
    }

    /// Reads a header; the outer `None` where it is not whole.
    fn begin<'a>(&mut self, bytes: &mut &'a [u8]) -> Option<Option<Part<'a>>> {
        let had = self.header.len();
        let more = bytes.len().min(LONGEST_HEADER.saturating_sub(had));
        self.header
            .extend_from_slice(bytes.get(..more).unwrap_or_default());
        let mut cursor = Cursor::new(&self.header);
        let read = (|| Some((varint(&mut cursor)?, varint(&mut cursor)?)))();
        let used = cursor.at().saturating_sub(had);
        let Some((kind, len)) = read else {
            *bytes = bytes.get(more..).unwrap_or_default();
            return None;
        };
        *bytes = bytes.get(used..).unwrap_or_default();
        self.header.clear();
        (self.kind, self.left) = (kind, len);
        if !self.wanted.contains(&kind) {
            return Some(None);
        }
        if len > self.limit as u64 {
            return Some(Some(Part::TooLong(kind)));
        }
        self.payload = Some(Vec::new());
        match len {
            0 => Some(self.payload.take().map(|empty| Part::Frame(kind, empty))),
            _ => Some(None),
        }
    }

    /// Passes over bytes that are missing; how many of them are DATA for certain, and whether what follows begins anywhere.
    pub(super) fn gap(&mut self, len: u64) -> (u64, bool) {
        let inside = match self.kind == DATA && self.header.is_empty() && !self.is_searching {
            true => self.left.min(len),
            false => 0,
        };
        if self.payload.is_none() && self.header.is_empty() && self.left >= len && self.left > 0 {
            self.left -= len;
            return (inside, false);
        }
        self.header.clear();
        self.payload = None;
        self.left = 0;
        self.is_searching = true;
        (inside, true)
    }

    /// Whether a frame begins here. Senders mostly begin one with what a packet carries, so only the start is looked at.
    fn finds(&mut self, bytes: &mut &[u8]) -> bool {
        const PLAUSIBLE: u64 = 1 << 24;
        let mut cursor = Cursor::new(bytes);
        let header = (|| Some((varint(&mut cursor)?, varint(&mut cursor)?)))();
        let is_one = header.is_some_and(|(kind, len)| {
            (kind == DATA || self.wanted.contains(&kind)) && (1..PLAUSIBLE).contains(&len)
        });
        match is_one {
            true => self.is_searching = false,
            false => *bytes = &[],
        }
        is_one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = FrameReader::new(&[HEADERS], 8);
        let mut seen = Vec::new();
        for piece in pieces {
            let mut rest = *piece;
            while let Some(part) = reader.next(&mut rest) {
                seen.push(match part {
                    Part::Data(bytes) => format!("data {}", hex::encode(bytes)),
                    Part::Frame(kind, bytes) => {
                        format!("{} {}", frame_name(kind), hex::encode(bytes))
                    }
                    Part::TooLong(kind) => format!("long {kind}"),
                });
            }
            assert!(rest.is_empty());
        }
        seen
    }

    #[test]
    fn frames_are_cut_over_any_pieces() {
        let bytes = [
            1, 2, 7, 8, 0x40, 0x21, 3, 9, 9, 9, 0, 2, 5, 6, 1, 0, 1, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0,
            0, 1, 4,
        ];
        let whole = parts(&[&bytes]);
        assert_eq!(
            whole,
            ["HEADERS 0708", "data 0506", "HEADERS ", "long 1", "data 04"]
        );
        for cut in 1..bytes.len() {
            let (first, second) = bytes.split_at(cut);
            let joined = parts(&[first, second])
                .join(",")
                .replace("data 05,data 06", "data 0506");
            assert_eq!(joined, whole.join(","), "cut at {cut}");
        }
        let single: Vec<&[u8]> = bytes.chunks(1).collect();
        assert_eq!(parts(&single).len(), whole.len() + 1);
    }

    #[test]
    fn a_gap_inside_data_is_counted_and_one_beyond_is_searched_behind() {
        let mut reader = FrameReader::new(&[HEADERS], 8);
        let mut rest = &[0, 10, 1, 2][..];
        assert_eq!(reader.next(&mut rest), Some(Part::Data(&[1, 2])));
        assert_eq!(reader.gap(5), (5, false));
        assert_eq!(reader.gap(7), (3, true));
        let mut rest = &[0xff, 0xff][..];
        assert_eq!(reader.next(&mut rest), None);
        let mut rest = &[0, 1, 9][..];
        assert_eq!(reader.next(&mut rest), Some(Part::Data(&[9])));
    }
}
