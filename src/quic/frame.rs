//! The frames of a packet (RFC 9000 section 19). Of those that say nothing to a reader only the length is known.

use std::ops::{Range, RangeInclusive};

use crate::base::Cursor;

use super::close::Close;
use super::connection_id::ConnectionId;
use super::varint::varint;

/// Bytes of a close's reason that are kept.
const REASON: usize = 256;

/// A frame. Ranges count in the packet's payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Frame {
    /// Nothing that is of interest here.
    Other,
    Crypto {
        offset: u64,
        data: Range<usize>,
    },
    Stream {
        stream: u64,
        offset: u64,
        data: Range<usize>,
        fin: bool,
    },
    ResetStream {
        stream: u64,
        code: u64,
        /// Where the stream ends.
        size: u64,
    },
    NewConnectionId {
        id: ConnectionId,
        token: [u8; 16],
    },
    /// Packets that its sender has: where the ranges stand, which [`acknowledged`] reads.
    Acknowledged(Range<usize>),
    Close(Close),
}

/// Ranges read of one ACK frame, the highest first.
const RANGES: usize = 64;

/// The packet numbers that the body of an ACK frame names (RFC 9000 19.3.1).
pub(super) fn acknowledged(body: &[u8]) -> Vec<RangeInclusive<u64>> {
    let mut cursor = Cursor::new(body);
    let mut ranges = Vec::new();
    let mut read = || varint(&mut cursor);
    let (Some(mut largest), Some(_), Some(count)) = (read(), read(), read()) else {
        return ranges;
    };
    for at in 0..=count.min(RANGES as u64) {
        if at > 0 {
            let next = read().and_then(|gap| largest.checked_sub(gap.checked_add(2)?));
            let Some(next) = next else { break };
            largest = next;
        }
        let Some(smallest) = read().and_then(|len| largest.checked_sub(len)) else {
            break;
        };
        ranges.push(smallest..=largest);
        largest = smallest;
    }
    ranges
}

/// Reads the frames of a packet one after the other, up to one that is not known or breaks off.
pub(super) struct Frames<'a> {
    cursor: Cursor<'a>,
    /// The type of a frame that could not be read.
    pub(super) bad: Option<u64>,
}

impl<'a> Frames<'a> {
    pub(super) fn new(payload: &'a [u8]) -> Self {
        Self {
            cursor: Cursor::new(payload),
            bad: None,
        }
    }

    fn read(&mut self, kind: u64) -> Option<Frame> {
        let cursor = &mut self.cursor;
        match kind {
            // PING, HANDSHAKE_DONE, IMMEDIATE_ACK.
            0x01 | 0x1e | 0x1f => return Some(Frame::Other),
            0x02 | 0x03 => {
                let start = cursor.at();
                acknowledgement(cursor, kind == 3)?;
                return Some(Frame::Acknowledged(start..cursor.at()));
            }
            0x04 | 0x24 => return reset(cursor, kind == 0x24),
            0x06 => return crypto(cursor),
            0x07 => {
                data(cursor)?;
            }
            0x08..=0x0f => return stream(cursor, kind),
            // MAX_DATA, MAX_STREAMS, DATA_BLOCKED, STREAMS_BLOCKED, RETIRE_CONNECTION_ID.
            0x10 | 0x12 | 0x13 | 0x14 | 0x16 | 0x17 | 0x19 => integers(cursor, 1)?,
            // STOP_SENDING, MAX_STREAM_DATA, STREAM_DATA_BLOCKED.
            0x05 | 0x11 | 0x15 => integers(cursor, 2)?,
            0x18 => return new_connection_id(cursor),
            // PATH_CHALLENGE, PATH_RESPONSE.
            0x1a | 0x1b => cursor.skip(8)?,
            0x1c | 0x1d => return close(cursor, kind == 0x1d),
            // DATAGRAM (RFC 9221).
            0x30 => {
                let rest = cursor.rest().len();
                cursor.skip(rest)?;
            }
            0x31 => {
                data(cursor)?;
            }
            // ACK_FREQUENCY.
            0xaf => integers(cursor, 4)?,
            _ => return None,
        }
        Some(Frame::Other)
    }
}

impl Iterator for Frames<'_> {
    type Item = Frame;

    fn next(&mut self) -> Option<Frame> {
        // PADDING, of which there may be a whole datagram.
        let rest = self.cursor.rest();
        let padding = rest.iter().take_while(|byte| **byte == 0).count();
        self.cursor.skip(padding)?;
        if self.cursor.is_empty() {
            return None;
        }
        let kind = varint(&mut self.cursor)?;
        let frame = self.read(kind);
        if frame.is_none() {
            self.bad = Some(kind);
            let rest = self.cursor.rest().len();
            self.cursor.skip(rest)?;
        }
        frame
    }
}

fn integers(cursor: &mut Cursor<'_>, count: usize) -> Option<()> {
    for _ in 0..count {
        varint(cursor)?;
    }
    Some(())
}

/// A length and as many bytes.
fn data(cursor: &mut Cursor<'_>) -> Option<Range<usize>> {
    let len = usize::try_from(varint(cursor)?).ok()?;
    let start = cursor.at();
    cursor.skip(len)?;
    Some(start..start + len)
}

fn acknowledgement(cursor: &mut Cursor<'_>, has_counts: bool) -> Option<()> {
    integers(cursor, 2)?;
    let ranges = varint(cursor)?;
    varint(cursor)?;
    // Each range takes bytes, so that a huge count ends with the packet.
    for _ in 0..ranges {
        integers(cursor, 2)?;
    }
    if has_counts {
        integers(cursor, 3)?;
    }
    Some(())
}

fn reset(cursor: &mut Cursor<'_>, is_partial: bool) -> Option<Frame> {
    let (stream, code, size) = (varint(cursor)?, varint(cursor)?, varint(cursor)?);
    if is_partial {
        varint(cursor)?;
    }
    Some(Frame::ResetStream { stream, code, size })
}

fn crypto(cursor: &mut Cursor<'_>) -> Option<Frame> {
    let offset = varint(cursor)?;
    let data = data(cursor)?;
    Some(Frame::Crypto { offset, data })
}

fn stream(cursor: &mut Cursor<'_>, kind: u64) -> Option<Frame> {
    const OFFSET: u64 = 4;
    const LENGTH: u64 = 2;
    const FIN: u64 = 1;
    let stream = varint(cursor)?;
    let offset = match kind & OFFSET != 0 {
        true => varint(cursor)?,
        false => 0,
    };
    let data = match kind & LENGTH != 0 {
        true => data(cursor)?,
        false => {
            let (start, rest) = (cursor.at(), cursor.rest().len());
            cursor.skip(rest)?;
            start..start + rest
        }
    };
    Some(Frame::Stream {
        stream,
        offset,
        data,
        fin: kind & FIN != 0,
    })
}

fn new_connection_id(cursor: &mut Cursor<'_>) -> Option<Frame> {
    integers(cursor, 2)?;
    let len = usize::from(cursor.u8()?);
    let id = ConnectionId::new(cursor.take(len)?)?;
    let token = cursor.array()?;
    Some(Frame::NewConnectionId { id, token })
}

fn close(cursor: &mut Cursor<'_>, by_application: bool) -> Option<Frame> {
    let code = varint(cursor)?;
    let frame = match by_application {
        true => 0,
        false => varint(cursor)?,
    };
    let len = usize::try_from(varint(cursor)?).ok()?;
    let rest = cursor.rest();
    let reason = rest.get(..len).unwrap_or(rest);
    cursor.skip(reason.len())?;
    Some(Frame::Close(Close {
        by_application,
        code,
        frame,
        reason: reason.iter().copied().take(REASON).collect(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(payload: &[u8]) -> (Vec<Frame>, Option<u64>) {
        let mut frames = Frames::new(payload);
        let read = frames.by_ref().collect();
        (read, frames.bad)
    }

    #[test]
    fn frames_of_every_kind_are_cut_rightly() {
        let mut payload = vec![0, 0, 1];
        payload.extend([2, 5, 0, 1, 0, 3, 2]); // ACK with one more range
        payload.extend([3, 5, 0, 0, 0, 1, 2, 3]); // ACK with counts
        payload.extend([6, 0, 2, 0xaa, 0xbb]);
        payload.extend([0x0f, 4, 7, 1, 0xcc]);
        payload.extend([5, 4, 9]);
        payload.extend([4, 4, 0x41, 0x0c, 8]);
        payload.extend([0x18, 1, 0, 2, 9, 9]);
        payload.extend([7; 16]);
        payload.extend([0x1a, 1, 2, 3, 4, 5, 6, 7, 8]);
        payload.extend([0x1d, 0x41, 0x00, 3, b'b', b'y', b'e']);
        payload.extend([8, 0, b'e', b'n', b'd']);
        let (read, bad) = frames(&payload);
        assert_eq!(bad, None);
        let is_wanted = |frame: &Frame| !matches!(frame, Frame::Other | Frame::Acknowledged(_));
        let wanted: Vec<Frame> = read.into_iter().filter(is_wanted).collect();
        let last = payload.len();
        assert_eq!(
            wanted,
            [
                Frame::Crypto {
                    offset: 0,
                    data: 21..23
                },
                Frame::Stream {
                    stream: 4,
                    offset: 7,
                    data: 27..28,
                    fin: true
                },
                Frame::ResetStream {
                    stream: 4,
                    code: 0x10c,
                    size: 8
                },
                Frame::NewConnectionId {
                    id: ConnectionId::new(&[9, 9]).unwrap(),
                    token: [7; 16]
                },
                Frame::Close(Close {
                    by_application: true,
                    code: 0x100,
                    frame: 0,
                    reason: b"bye".to_vec()
                }),
                Frame::Stream {
                    stream: 0,
                    offset: 0,
                    data: last - 3..last,
                    fin: false
                },
            ]
        );
        for cut in 0..payload.len() {
            frames(&payload[..cut]);
        }
    }

    #[test]
    fn acknowledged_numbers_are_those_of_the_ranges() {
        // 5 and one before it; a gap of one number, then 2 and one before it (RFC 9000 19.3.1).
        assert_eq!(acknowledged(&[5, 0, 1, 1, 0, 1]), [4..=5, 1..=2]);
        assert_eq!(acknowledged(&[9, 0, 0, 9]), [0..=9]);
        // More than there is room below, and a body that breaks off.
        assert_eq!(acknowledged(&[3, 0, 0, 4]), []);
        assert_eq!(acknowledged(&[3, 0, 1, 1, 9, 0]), [2..=3]);
        assert_eq!(acknowledged(&[3, 0, 7]), []);
    }

    #[test]
    fn an_unknown_frame_ends_the_packet() {
        let (read, bad) = frames(&[1, 0x21, 1, 2, 3]);
        assert_eq!((read, bad), (vec![Frame::Other], Some(0x21)));
    }
}
