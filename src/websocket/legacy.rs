//! The framings of the drafts before RFC 6455, told as the frames and messages that their bytes amount to.
//!
//! ```text
//! hixie-75, hixie-76 (= hybi-00)   00 text ff | 80..ff, length in 7-bit groups, bytes | ff 00 closes
//! hybi-01 to 03                    MORE rsv rsv rsv opcode(4) | rsv length(7) | 16 or 64 bits of length | payload
//! hybi-04                          FIN instead of MORE; the client's frames are masked in a way of its own
//! hybi-05, 06                      as 04; the client's frames begin with a key that masks all that follows, header too
//! ```
//!
//! Opcodes of hybi-01 to 06 are 0 continuation, 1 close, 2 ping, 3 pong, 4 text, 5 binary; frames are told with those
//! that RFC 6455 has for them. Not here: versions 7, 8 and 13, which frame alike. Invariant: as for the other decoder,
//! what is told does not depend on the cuts, and what is kept has its cap.

mod header;

use super::frame::{Frame, FrameHeader, MAX_HEADER_LEN, Opcode, Part};
use super::handshake::Framing;
use super::mask;
use super::message::{Assembly, MessageKind};
use super::rules::{self, Rsv1, SeenHeader};
use super::scratch::Scratch;
use super::sink::{About, FrameSink};
use crate::base::{Limits, Needs, Side, Span};

use header::{DraftHeader, UNKNOWN, hixie_header, hybi_header, masked_header};

/// Whether the first frame of these bytes fits the framing of hybi-04 to 06: it has a known type, no reserved bit, and ends with the
/// bytes, or before another.
#[must_use]
pub fn fits(framing: Framing, side: Side, bytes: &[u8]) -> bool {
    let header = match (framing, side) {
        (Framing::Hybi(5 | 6), Side::Client) => masked_header(bytes),
        // How hybi-04 masks is not known, and any bytes may be such a frame; RFC 6455's are told by what they say.
        (Framing::Hybi(4), Side::Client) => return false,
        (Framing::Hybi(draft), _) => hybi_header(bytes, draft),
        _ => return true,
    };
    let DraftHeader::Sized(header) = header else {
        return false;
    };
    let is_known = !matches!(header.opcode(), Opcode::Reserved(_)) && header.byte0 & 0x70 == 0;
    let len = u64::from(header.header_length).saturating_add(header.payload_length);
    is_known && len <= bytes.len() as u64
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DraftState {
    /// Before a frame, or in the header of one.
    Header,
    /// In a payload of which this much is to come.
    Sized(u64),
    /// In a payload that ends with `ff`.
    Text,
    /// Bytes are missing: a text's `ff` is looked for.
    Search,
    /// No frame can be told from here on.
    Lost,
}

/// The decoder of one side's stream.
pub(super) struct Decoder {
    framing: Framing,
    side: Side,
    needs: Needs,
    state: DraftState,
    /// Stream position of the next byte.
    position: u64,
    /// The header so far.
    pending: Vec<u8>,
    /// The frame at hand.
    start: u64,
    header: FrameHeader,
    header_bytes: [u8; MAX_HEADER_LEN],
    captured: u64,
    /// Bytes of its payload are missing before those at hand.
    has_hole: bool,
    raw: Vec<u8>,
    frames: u64,
    message: Option<Box<Assembly>>,
    control: Option<Box<Assembly>>,
    in_message: bool,
    start_unknown: bool,
    closed: bool,
    /// Where bytes were lost.
    lost_from: u64,
}

impl Decoder {
    pub(super) fn new(framing: Framing, side: Side, needs: Needs, offset: u64) -> Self {
        // How a client of hybi-04 masks is not known well enough to undo it.
        let is_hidden = framing == Framing::Hybi(4) && side == Side::Client;
        Self {
            framing,
            side,
            needs,
            state: if is_hidden {
                DraftState::Lost
            } else {
                DraftState::Header
            },
            position: offset,
            pending: Vec::new(),
            start: offset,
            header: FrameHeader::default(),
            header_bytes: [0; MAX_HEADER_LEN],
            captured: 0,
            has_hole: false,
            raw: Vec::new(),
            frames: 0,
            message: None,
            control: None,
            in_message: false,
            start_unknown: false,
            closed: false,
            lost_from: offset,
        }
    }

    /// Position of the next byte.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    pub(super) fn incomplete_from(&self) -> Option<u64> {
        match self.state {
            DraftState::Header if self.pending.is_empty() => None,
            DraftState::Header => Some(self.position - self.pending.len() as u64),
            DraftState::Sized(_) | DraftState::Text => Some(self.start),
            DraftState::Search | DraftState::Lost => None,
        }
    }

    pub(super) fn memory(&self) -> usize {
        let assemblies = self.message.iter().chain(&self.control);
        self.raw.capacity() + assemblies.map(|assembly| assembly.memory()).sum::<usize>()
    }

    /// Forgets what is kept of the message and the frame at hand.
    pub(super) fn give_up(&mut self) {
        self.raw = Vec::new();
        for assembly in self.message.iter_mut().chain(&mut self.control) {
            assembly.give_up();
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8], scratch: &mut Scratch, out: &mut impl FrameSink) {
        let mut rest = bytes;
        while !rest.is_empty() {
            let taken = match self.state {
                DraftState::Header => self.header(rest, scratch, out),
                DraftState::Sized(left) => self.sized(left, rest, scratch, out),
                DraftState::Text => self.text(rest, scratch, out),
                DraftState::Search => self.search(rest, out),
                DraftState::Lost => rest.len(),
            };
            let taken = taken.min(rest.len());
            self.position += taken as u64;
            rest = &rest[taken..];
            self.settle(scratch, out);
        }
    }

    /// A frame whose payload is complete ends.
    fn settle(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if self.state == DraftState::Sized(0) {
            self.end_frame(true, scratch, out);
        }
    }

    /// `len` bytes are missing.
    pub(super) fn gap(&mut self, len: u64, scratch: &mut Scratch, out: &mut impl FrameSink) {
        match self.state {
            DraftState::Sized(left) if left >= len => {
                self.state = DraftState::Sized(left - len);
                self.hole(len);
                self.position = self.position.saturating_add(len);
                return self.settle(scratch, out);
            }
            DraftState::Sized(_) | DraftState::Text => self.end_frame(false, scratch, out),
            _ => {}
        }
        if matches!(self.state, DraftState::Header) {
            self.lost_from = self.position - self.pending.len() as u64;
            self.pending.clear();
            self.start_unknown = true;
            self.end_message(scratch, out);
            self.state = match self.framing {
                Framing::Hybi(_) => DraftState::Lost,
                _ => DraftState::Search,
            };
        }
        self.position = self.position.saturating_add(len);
    }

    /// About `len` bytes are missing, so that a payload's end is not known either.
    pub(super) fn lose(&mut self, len: u64, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if matches!(self.state, DraftState::Sized(_) | DraftState::Text) {
            self.end_frame(false, scratch, out);
        }
        self.gap(len, scratch, out);
    }

    fn hole(&mut self, len: u64) {
        self.has_hole |= len > 0;
        let is_control = self.header.opcode().is_control();
        let message = if is_control {
            &mut self.control
        } else {
            &mut self.message
        };
        if let Some(message) = message {
            message.wire_length += len;
            message.has_hole |= len > 0;
        }
    }

    /// No more bytes come.
    pub(super) fn finish(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        if matches!(self.state, DraftState::Sized(_) | DraftState::Text) {
            self.end_frame(false, scratch, out);
        }
        self.end_message(scratch, out);
        let passed = self.position.saturating_sub(self.lost_from);
        if matches!(self.state, DraftState::Search | DraftState::Lost) && passed > 0 {
            let span = Span::new(self.lost_from, self.position);
            out.finding(About::Stream, rules::lost_sync(passed, span, false));
            self.lost_from = self.position;
        }
        self.pending.clear();
    }

    fn end_message(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        self.in_message = false;
        if let Some(message) = self.message.take() {
            self.tell_message(message, false, scratch, out);
        }
    }

    /// Bytes of a header, one at a time: headers are short, and these drafts are rare.
    fn header(&mut self, bytes: &[u8], scratch: &mut Scratch, out: &mut impl FrameSink) -> usize {
        self.pending.extend(bytes.first());
        let start = self.position + 1 - self.pending.len() as u64;
        let header = match (self.framing, self.side) {
            (Framing::Hybi(5 | 6), Side::Client) => masked_header(&self.pending),
            (Framing::Hybi(draft), _) => hybi_header(&self.pending, draft),
            _ => hixie_header(&self.pending),
        };
        match header {
            DraftHeader::Incomplete => {}
            DraftHeader::Sized(header) => {
                self.begin_frame(
                    start,
                    header,
                    DraftState::Sized(header.payload_length),
                    scratch,
                    out,
                );
            }
            DraftHeader::Text(kind) => {
                let header = FrameHeader {
                    byte0: if kind == 0 { 0x81 } else { 0x80 | UNKNOWN },
                    header_length: 1,
                    ..FrameHeader::default()
                };
                self.begin_frame(start, header, DraftState::Text, scratch, out);
            }
        }
        1
    }

    fn begin_frame(
        &mut self,
        start: u64,
        header: FrameHeader,
        state: DraftState,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        for (to, byte) in self.header_bytes.iter_mut().zip(self.pending.drain(..)) {
            *to = byte;
        }
        (self.start, self.header, self.state) = (start, header, state);
        self.captured = 0;
        self.has_hole = false;
        self.raw.clear();
        self.in_message = self.message.is_some();
        let opcode = header.opcode();
        let kind = MessageKind::of(opcode);
        if matches!(kind, Some(MessageKind::Text | MessageKind::Binary)) && self.message.is_some() {
            self.end_message(scratch, out);
            self.in_message = true;
        }
        if let Some(kind) = kind {
            let mut assembly = scratch.assembly();
            assembly.begin(kind, start, self.needs);
            assembly.add_frame(self.frames, &scratch.limits);
            match opcode.is_control() {
                true => self.control = Some(assembly),
                false => self.message = Some(assembly),
            }
        } else if opcode == Opcode::Continuation
            && let Some(message) = &mut self.message
        {
            message.add_frame(self.frames, &scratch.limits);
        }
        if header.payload_length >> 63 != 0 {
            self.end_frame(false, scratch, out);
            self.lost_from = self.position + 1;
            self.state = DraftState::Lost;
        }
    }

    fn sized(
        &mut self,
        left: u64,
        bytes: &[u8],
        scratch: &mut Scratch,
        _out: &mut impl FrameSink,
    ) -> usize {
        let len = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        self.payload(&bytes[..len], scratch);
        self.state = DraftState::Sized(left - len as u64);
        len
    }

    fn text(&mut self, bytes: &[u8], scratch: &mut Scratch, out: &mut impl FrameSink) -> usize {
        let end = memchr::memchr(0xff, bytes);
        let piece = &bytes[..end.unwrap_or(bytes.len())];
        self.header.payload_length += piece.len() as u64;
        self.payload(piece, scratch);
        if end.is_some() {
            self.end_frame(true, scratch, out);
        }
        end.map_or(bytes.len(), |at| at + 1)
    }

    /// A text ends before the next frame, and UTF-8 has no `ff`.
    fn search(&mut self, bytes: &[u8], out: &mut impl FrameSink) -> usize {
        let Some(at) = memchr::memchr(0xff, bytes) else {
            return bytes.len();
        };
        let boundary = self.position + at as u64 + 1;
        let span = Span::new(self.lost_from, boundary);
        out.finding(About::Stream, rules::lost_sync(span.len(), span, true));
        self.state = DraftState::Header;
        at + 1
    }

    fn payload(&mut self, piece: &[u8], scratch: &mut Scratch) {
        let phase = self.captured;
        self.captured += piece.len() as u64;
        if self.needs.has(Needs::PAYLOAD) && !self.has_hole {
            let room = scratch.limits.kept_payload.saturating_sub(self.raw.len());
            self.raw.extend_from_slice(&piece[..piece.len().min(room)]);
        }
        let is_control = self.header.opcode().is_control();
        let message = if is_control {
            &mut self.control
        } else {
            &mut self.message
        };
        let Some(message) = message else { return };
        message.wire_length += piece.len() as u64;
        let limits: &Limits = &scratch.limits;
        match self.header.masking_key {
            None => message.absorb(piece, limits),
            Some(key) => {
                let mut plain = Vec::with_capacity(piece.len());
                mask::unmask_into(piece, key, phase, &mut plain);
                message.absorb(&plain, limits);
            }
        }
    }

    fn end_frame(&mut self, is_whole: bool, scratch: &mut Scratch, out: &mut impl FrameSink) {
        self.state = DraftState::Header;
        let header = self.header;
        let opcode = header.opcode();
        let is_part = MessageKind::of(opcode).is_some()
            || (opcode == Opcode::Continuation && self.message.is_some());
        let part = Part::of(is_part, header.fin() || opcode.is_control());
        let kept = self.needs.has(Needs::PAYLOAD) && self.raw.len() as u64 >= self.captured.min(1);
        let frame = Frame {
            header,
            index: self.frames,
            stream_offset: self.start,
            captured_length: self.captured,
            part,
            compressed: false,
            raw: kept.then_some(self.raw.as_slice()),
            draft_header: Some(self.header_bytes),
        };
        let end = frame.span().end;
        out.frame(&frame);
        self.tell_header(out);
        self.frames += 1;
        let assembly = match opcode.is_control() {
            true => &mut self.control,
            false => &mut self.message,
        };
        if let Some(assembly) = assembly {
            assembly.end = end;
        }
        if part == Part::Last
            && let Some(assembly) = assembly.take()
        {
            self.tell_message(assembly, is_whole, scratch, out);
        }
        self.start_unknown = false;
    }

    fn tell_header(&self, out: &mut impl FrameSink) {
        let seen = SeenHeader {
            header: &self.header,
            side: self.side,
            span: Span::at(
                self.start,
                u64::from(self.header.header_length) + self.captured,
            ),
            version: None,
            rsv1: Rsv1::Never,
            in_message: self.in_message,
            start_unknown: self.start_unknown,
            closed: self.closed,
            previous_key: None,
        };
        for rule in rules::LEGACY_RULES {
            if let Some(finding) = rule(&seen) {
                out.finding(About::Frame, finding);
            }
        }
    }

    fn tell_message(
        &mut self,
        assembly: Box<Assembly>,
        is_ended: bool,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        let mut message = assembly.message(is_ended, self.needs, &scratch.limits);
        let has_code = self.framing.closes_with_code();
        if message.kind == MessageKind::Close {
            self.closed = true;
            message.close = message.close.filter(|_| has_code);
        }
        out.message(&message);
        if message.kind == MessageKind::Close && has_code {
            rules::CLOSE_RULES
                .iter()
                .filter_map(|rule| rule(&message))
                .for_each(|finding| out.finding(About::Message, finding));
        } else if message.valid_utf8 == Some(false)
            && let Some(at) = assembly.invalid_utf8_at()
        {
            out.finding(About::Message, rules::invalid_utf8(&message, at));
        }
        scratch.put_assembly(assembly);
    }
}

#[cfg(test)]
mod tests;
