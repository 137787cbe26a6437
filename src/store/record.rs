//! What is kept of each frame, message, finding, packet and run of stream bytes: small, flat, never changed.

use crate::base::{Extent, Finding, PacketNumber, Side, Span, Timestamp};
use crate::capture::{FilePosition, PacketRecord};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Outcome};
use crate::websocket::{FrameHeader, MessageKind, Opcode, Part};

const SERVER: u8 = 1;
const COMPRESSED: u8 = 2;
const COMPLETES: u8 = 4;
/// There is an [`Odd`] for it.
const ODD: u8 = 8;
const CUT: u8 = 16;
const MESSAGE: u8 = 32;
/// A finding names it.
const FOUND: u8 = 64;
/// It is part of no message.
const STRAY: u8 = 128;

/// A frame. What is out of the ordinary (a length beyond 4 GiB, missing bytes, a draft's header) is in [`Odd`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FrameRecord {
    pub(super) time: i64,
    pub(super) stream_offset: u64,
    /// Its connection's index.
    pub connection: u32,
    /// Its number in the connection, from 1.
    pub number: u32,
    pub(super) packet: u32,
    /// The number of the message it completes; 0 for none.
    pub message: u32,
    pub(super) length: u32,
    pub(super) key: [u8; 4],
    pub(super) byte0: u8,
    pub(super) byte1: u8,
    pub(super) flags: u8,
}

/// What few frames have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Odd {
    /// The declared length of the payload.
    pub length: u64,
    /// How much of it was seen.
    pub captured: u64,
    /// Bytes of the header.
    pub header_length: u8,
}

/// A number that only a capture too large for memory would overflow.
pub(super) fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

impl FrameRecord {
    /// The record of an event, and what does not fit it.
    #[must_use]
    pub fn new(event: &FrameEvent<'_>) -> (Self, Option<Odd>) {
        let (frame, header) = (event.frame, &event.frame.header);
        let mut flags = 0;
        let mut set = |flag, on: bool| flags |= if on { flag } else { 0 };
        set(SERVER, event.from == Side::Server);
        set(COMPRESSED, frame.compressed);
        set(COMPLETES, frame.part == Part::Last);
        set(STRAY, frame.part == Part::None);
        set(CUT, !frame.is_whole());
        let odd = Odd {
            length: header.payload_length,
            captured: frame.captured_length,
            header_length: header.header_length,
        };
        let mut record = Self {
            time: event.at.time.0,
            stream_offset: frame.stream_offset,
            connection: 0,
            number: small(event.number),
            packet: small(event.at.packet.0),
            message: event.message.map_or(0, small),
            length: small(header.payload_length),
            key: header.masking_key.unwrap_or_default(),
            byte0: header.byte0,
            byte1: header.byte1,
            flags,
        };
        let is_long = header.payload_length > u64::from(u32::MAX);
        let is_of_draft = record.header(None).header_length != header.header_length;
        if is_long || is_of_draft || record.is_cut() {
            record.flags |= ODD;
        }
        (record, record.is_odd().then_some(odd))
    }

    /// The message it completes is nothing more than the frame.
    pub(super) fn set_message(&mut self) {
        self.flags |= MESSAGE;
    }

    /// The message it completes is more than the frame.
    pub(super) fn clear_message(&mut self) {
        self.flags &= !MESSAGE;
    }

    /// The message that is nothing more than the frame.
    pub(super) fn to_message(self, odd: Option<Odd>) -> MessageRecord {
        let length = self.header(odd).payload_length;
        MessageRecord {
            time: self.time(),
            length: Some(length),
            wire_length: length,
            kept: None,
            round_trip: None,
            connection: self.connection,
            number: self.message,
            packet: self.packet(),
            first_frame: self.number,
            last_frame: self.number,
            frame_count: 1,
            from: self.from(),
            kind: MessageKind::of(self.opcode()).unwrap_or(MessageKind::Binary),
            compressed: false,
            complete: true,
            valid_utf8: None,
            has_data: true,
            has_finding: self.has_finding(),
        }
    }

    /// Whether the message it completes is nothing more than the frame.
    pub(super) fn is_message(&self) -> bool {
        self.has(MESSAGE)
    }

    fn has(&self, flag: u8) -> bool {
        self.flags & flag != 0
    }

    /// When it was complete.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp(self.time)
    }

    /// The packet that completed it.
    #[must_use]
    pub fn packet(&self) -> PacketNumber {
        PacketNumber(self.packet.into())
    }

    /// Who sent it.
    #[must_use]
    pub fn from(&self) -> Side {
        if self.has(SERVER) {
            Side::Server
        } else {
            Side::Client
        }
    }

    /// A finding names it.
    pub(super) fn set_found(&mut self) {
        self.flags |= FOUND;
    }

    /// Whether a finding names it.
    #[must_use]
    pub fn has_finding(&self) -> bool {
        self.has(FOUND)
    }

    /// Its place in its message.
    #[must_use]
    pub fn part(&self) -> Part {
        match (self.has(STRAY), self.has(COMPLETES)) {
            (true, _) => Part::None,
            (false, false) => Part::Begun,
            (false, true) => Part::Last,
        }
    }

    /// Whether it is (part of) a compressed message.
    #[must_use]
    pub fn is_compressed(&self) -> bool {
        self.has(COMPRESSED)
    }

    /// Whether there is an [`Odd`] for it.
    #[must_use]
    pub fn is_odd(&self) -> bool {
        self.has(ODD)
    }

    /// Whether bytes of its payload are missing.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.has(CUT)
    }

    /// What kind of frame.
    #[must_use]
    pub fn opcode(&self) -> Opcode {
        Opcode::of(self.byte0)
    }

    /// Stream position of its first byte.
    #[must_use]
    pub fn stream_offset(&self) -> u64 {
        self.stream_offset
    }

    /// Its header as it was sent.
    #[must_use]
    pub fn header(&self, odd: Option<Odd>) -> FrameHeader {
        let extended = match self.byte1 & 0x7f {
            126 => 2,
            127 => 8,
            _ => 0,
        };
        let masked = self.byte1 & 0x80 != 0;
        let usual = 2 + extended + if masked { 4 } else { 0 };
        let payload_length = odd.map_or(self.length.into(), |odd| odd.length);
        FrameHeader {
            byte0: self.byte0,
            byte1: self.byte1,
            header_length: odd.map_or(usual, |odd| odd.header_length),
            masking_key: masked.then_some(self.key),
            payload_length,
        }
    }
}

/// A message that is more than one plain whole frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MessageRecord {
    /// When it was complete.
    pub time: Timestamp,
    /// Bytes after inflating, where that is known.
    pub length: Option<u64>,
    /// Bytes on the wire.
    pub wire_length: u64,
    /// Where its data is kept, when packets do not simply have it.
    pub kept: Option<Kept>,
    /// Nanoseconds since the ping it answers.
    pub round_trip: Option<i64>,
    /// Its connection's index.
    pub connection: u32,
    /// Its number in the connection, from 1.
    pub number: u32,
    /// The packet that completed it.
    pub packet: PacketNumber,
    /// The number of its first frame.
    pub first_frame: u32,
    /// The number of its last frame.
    pub last_frame: u32,
    /// How many frames.
    pub frame_count: u32,
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub kind: MessageKind,
    /// Whether it crossed the wire compressed.
    pub compressed: bool,
    /// Whether its last frame came and no byte is missing.
    pub complete: bool,
    /// Whether its text is UTF-8, where somebody could tell.
    pub valid_utf8: Option<bool>,
    /// Whether what can be had of it is its data; else that is only how it begins, or nothing.
    pub has_data: bool,
    /// Whether a finding names it.
    pub has_finding: bool,
}

impl Default for MessageRecord {
    fn default() -> Self {
        Self {
            time: Timestamp::default(),
            length: None,
            wire_length: 0,
            kept: None,
            round_trip: None,
            connection: 0,
            number: 0,
            packet: PacketNumber(0),
            first_frame: 0,
            last_frame: 0,
            frame_count: 0,
            from: Side::Client,
            kind: MessageKind::Text,
            compressed: false,
            complete: false,
            valid_utf8: None,
            has_data: false,
            has_finding: false,
        }
    }
}

impl MessageRecord {
    /// The record of an event.
    #[must_use]
    pub fn new(event: &MessageEvent<'_>) -> Self {
        let message = event.message;
        Self {
            time: event.at.time,
            length: message.length,
            wire_length: message.wire_length,
            kept: None,
            round_trip: event.round_trip,
            connection: 0,
            number: small(event.number),
            packet: event.at.packet,
            first_frame: event.frames.first().copied().map_or(0, small),
            last_frame: event.frames.last().copied().map_or(0, small),
            frame_count: small(message.frame_count),
            from: event.from,
            kind: message.kind,
            compressed: message.compressed,
            complete: message.complete,
            valid_utf8: message.valid_utf8,
            has_data: message.data.is_some(),
            has_finding: false,
        }
    }

    /// Whether its digest is kept behind its bytes, since these are not all of it.
    #[must_use]
    pub fn keeps_digest(&self) -> bool {
        self.compressed
            && self.complete
            && self.length.is_some()
            && self.kept.is_some_and(|kept| kept.truncated)
    }

    /// Whether everything in it follows from its one frame.
    #[must_use]
    pub fn is_plain(&self) -> bool {
        self.frame_count == 1
            && self.complete
            && !self.compressed
            && self.kept.is_none()
            && self.round_trip.is_none()
            && self.valid_utf8 != Some(false)
    }
}

/// A run of kept bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// Where it begins.
    pub at: u64,
    /// Its length.
    pub len: u32,
    /// Whether there was more.
    pub truncated: bool,
}

/// A finding in its place.
#[derive(Clone, Debug)]
pub struct FindingRecord {
    /// The finding.
    pub finding: Finding,
    /// Whose bytes it is about.
    pub from: Option<Side>,
    /// The packet.
    pub packet: PacketNumber,
    /// Its time.
    pub time: Timestamp,
    /// The index of the connection.
    pub connection: Option<u32>,
    /// The frame's number in the connection.
    pub frame: Option<u64>,
    /// The message's number in the connection.
    pub message: Option<u64>,
    /// Whether the outcome of the connection's handshake was not known yet.
    pub(super) is_early: bool,
}

impl FindingRecord {
    /// The record of an event.
    #[must_use]
    pub fn new(event: &FindingEvent<'_>, connection: Option<&Connection>) -> Self {
        let handshake = connection.and_then(|connection| connection.handshake.as_ref());
        Self {
            finding: event.finding.clone(),
            from: event.from,
            packet: event.at.packet,
            time: event.at.time,
            connection: None,
            frame: event.frame,
            message: event.message,
            is_early: handshake.is_some_and(|shake| shake.outcome == Outcome::Unanswered),
        }
    }
}

/// Where a packet is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketEntry {
    pub(super) position: FilePosition,
    pub(super) time: i64,
    pub(super) number: u32,
    /// Captured length in the low 24 bits, index into the table of link types above.
    pub(super) captured: u32,
    pub(super) original: u32,
}

/// Longest packet an entry can hold; the reader's own limit is not higher.
const MOST_CAPTURED: u32 = (1 << 24) - 1;

impl PacketEntry {
    pub(super) fn new(record: &PacketRecord, link: u8) -> Self {
        Self {
            position: record.position,
            time: record.time.0,
            number: small(record.number.0),
            captured: record.captured.min(MOST_CAPTURED) | u32::from(link) << 24,
            original: record.original,
        }
    }

    /// Its number.
    #[must_use]
    pub fn number(&self) -> PacketNumber {
        PacketNumber(self.number.into())
    }

    /// When it was captured.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        Timestamp(self.time)
    }

    /// Where its bytes are.
    #[must_use]
    pub fn position(&self) -> FilePosition {
        self.position
    }

    /// How many were captured.
    #[must_use]
    pub fn captured(&self) -> u32 {
        self.captured & MOST_CAPTURED
    }

    /// How many it had.
    #[must_use]
    pub fn original(&self) -> u32 {
        self.original
    }

    /// Index into the table of link types.
    #[must_use]
    pub fn link(&self) -> usize {
        (self.captured >> 24) as usize
    }
}

/// A run of stream bytes in a packet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExtentEntry {
    pub(super) stream_offset: u64,
    pub(super) packet: u32,
    pub(super) packet_offset: u32,
    pub(super) len: u32,
}

impl ExtentEntry {
    pub(super) fn new(extent: &Extent) -> Self {
        Self {
            stream_offset: extent.stream_offset,
            packet: small(extent.packet.0),
            packet_offset: extent.packet_offset.unwrap_or(u32::MAX),
            len: extent.len,
        }
    }

    /// The extent.
    #[must_use]
    pub fn extent(&self) -> Extent {
        let packet_offset = self.packet_offset;
        Extent {
            stream_offset: self.stream_offset,
            packet: PacketNumber(self.packet.into()),
            packet_offset: (packet_offset != u32::MAX).then_some(packet_offset),
            len: self.len,
        }
    }

    /// The stream positions it covers.
    #[must_use]
    pub fn span(&self) -> Span {
        self.extent().span()
    }
}

/// What a TLS record held.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct PlainEntry {
    /// Position of its first byte in what this end sent inside TLS.
    pub offset: u64,
    /// Where its bytes are kept.
    pub at: u64,
    /// Where the record begins in the layer below, header included.
    pub record: u64,
    /// How many bytes.
    pub len: u32,
    /// How long the record is.
    pub record_len: u32,
}

/// Where bytes of an HTTP/2 stream lie.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StreamEntry {
    /// Position of the first byte in what this end sent on the stream.
    pub offset: u64,
    /// Its position in what this end sent on the connection.
    pub at: u64,
    /// How many bytes.
    pub len: u64,
}
