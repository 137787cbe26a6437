//! One side's byte stream, cut anywhere, to frames, messages and findings.
//!
//! A segment that holds whole frames is decoded where it lies: nothing is copied but what must be unmasked. Frames in
//! several pieces are worked on piece by piece and kept only as far as somebody asked. The order of calls is: a frame,
//! the findings about it, the message it completes, the findings about that; it does not depend on how the bytes were
//! cut into pushes.
//!
//! ```text
//!            header read               payload passed over, seen or missing
//! Header ───────────────────► Payload ─────────────────────────────────────► Header
//!   │ hole, text                 │ hole beyond the payload, invalid length
//!   └──────────► Search ◄────────┘      Search ── boundary found ──► Header
//! ```

mod context;
mod lost;
mod pieces;

use super::deflate::Inflater;
use super::frame::{Frame, FrameHeader, MAX_HEADER_LEN, Part};
use super::handshake::{Compression, Framing, Negotiated};
use super::legacy;
use super::mask;
use super::message::{Assembly, Message, MessageKind, is_deep};
use super::resync::{Boundary, Search};
use super::rules::{self, Rsv1, SeenHeader, Stray};
use super::scratch::Scratch;
use super::sink::{About, FrameSink};
use crate::base::{Limits, Needs, Side, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum StreamState {
    Header,
    Payload,
    Search,
    /// Another framing altogether.
    Legacy,
}

/// How this side's payloads may be compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Deflate {
    Never,
    /// Each message, with a fresh context.
    Message,
    /// Each message, with the context of those before.
    MessageTakeover,
    /// Each frame, with the context of those before.
    FrameTakeover,
}

/// The decoder of one side's stream.
pub struct Stream {
    /// Stream position of the next byte; while a header is incomplete, of its first byte.
    position: u64,
    frame_start: u64,
    /// Payload bytes of the frame passed, those of holes included.
    passed: u64,
    captured: u64,
    frames: u64,
    header: FrameHeader,
    message: Option<Box<Assembly>>,
    control: Option<Box<Assembly>>,
    inflater: Option<Box<Inflater>>,
    search: Option<Box<Search>>,
    legacy: Option<Box<legacy::Decoder>>,
    raw: Vec<u8>,
    pending: [u8; MAX_HEADER_LEN],
    pending_len: u8,
    state: StreamState,
    side: Side,
    needs: Needs,
    version: Option<u8>,
    deflate: Deflate,
    previous_key: Option<[u8; 4]>,
    /// A rule may be broken by the frame at hand.
    suspicious: bool,
    /// A message was open when the frame at hand began.
    in_message: bool,
    start_unknown: bool,
    closed: bool,
    context_lost: bool,
    loss_told: bool,
    /// The bytes kept of the frame at hand had to be given up.
    raw_given_up: bool,
}

impl Stream {
    /// A decoder for the bytes of `side` from stream position `offset` on.
    #[must_use]
    pub fn new(side: Side, negotiated: &Negotiated, needs: Needs, offset: u64) -> Stream {
        let presumed = negotiated.compression == Compression::Presumed;
        let is_legacy = negotiated.framing != Framing::Rfc6455;
        let legacy =
            is_legacy.then(|| legacy::Decoder::new(negotiated.framing, side, needs, offset));
        Stream {
            position: offset,
            frame_start: offset,
            passed: 0,
            captured: 0,
            frames: 0,
            header: FrameHeader::default(),
            message: None,
            control: None,
            inflater: None,
            search: None,
            legacy: legacy.map(Box::new),
            raw: Vec::new(),
            pending: [0; MAX_HEADER_LEN],
            pending_len: 0,
            state: if is_legacy {
                StreamState::Legacy
            } else {
                StreamState::Header
            },
            side,
            needs,
            version: negotiated.version,
            deflate: match &negotiated.compression {
                Compression::None => Deflate::Never,
                Compression::Message(agreed) if !agreed.takes_over(side) => Deflate::Message,
                Compression::Message(_) | Compression::Presumed => Deflate::MessageTakeover,
                Compression::Frame => Deflate::FrameTakeover,
            },
            previous_key: None,
            suspicious: false,
            in_message: false,
            start_unknown: presumed,
            closed: false,
            context_lost: presumed,
            loss_told: false,
            raw_given_up: false,
        }
    }

    /// Reads something of everything that the next bytes will need, so that it is at hand by then. The result means
    /// nothing.
    #[inline]
    #[must_use]
    pub fn touch(&self) -> u64 {
        self.position ^ self.frames ^ u64::from(self.closed) ^ self.raw.len() as u64
    }

    /// Position of the next byte, between frames.
    #[must_use]
    pub fn position(&self) -> u64 {
        match &self.legacy {
            Some(legacy) => legacy.position(),
            None => self.position,
        }
    }

    /// The header of the frame at hand, or of the one before.
    #[must_use]
    pub fn latest_header(&self) -> &FrameHeader {
        &self.header
    }

    /// Bytes kept beyond the stream itself.
    #[inline]
    #[must_use]
    pub fn memory(&self) -> usize {
        let is_idle = self.message.is_none()
            && self.control.is_none()
            && self.inflater.is_none()
            && self.search.is_none()
            && self.legacy.is_none();
        match is_idle {
            true => self.raw.capacity(),
            false => self.raw.capacity() + self.parts_memory(),
        }
    }

    /// Where what is not told yet begins: an incomplete frame, or bytes searched for a boundary; `None` between frames.
    #[inline]
    #[must_use]
    pub fn incomplete_from(&self) -> Option<u64> {
        match self.state {
            StreamState::Header => (self.pending_len > 0).then_some(self.position),
            StreamState::Payload => Some(self.frame_start),
            StreamState::Legacy => self.legacy.as_ref()?.incomplete_from(),
            StreamState::Search => Some(
                self.search
                    .as_ref()
                    .map_or(self.position, |search| search.position(0)),
            ),
        }
    }

    /// The next bytes of the stream, as one segment brought them.
    #[inline]
    pub fn push(&mut self, bytes: &[u8], scratch: &mut Scratch, out: &mut impl FrameSink) {
        if let Some((found, rest)) = self.run(bytes, true, scratch, out) {
            self.replay(found, rest, scratch, out);
        }
    }

    /// Decodes up to the end of `bytes`, or until a search that was under way finds a boundary.
    #[inline]
    fn run<'b>(
        &mut self,
        bytes: &'b [u8],
        mut at_segment_start: bool,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) -> Option<(Boundary, &'b [u8])> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                StreamState::Header if self.pending_len == 0 => {
                    self.header_in_place(rest, scratch, out)
                }
                StreamState::Header => self.header_in_pieces(rest, scratch, out),
                StreamState::Payload => self.payload(rest, scratch, out),
                StreamState::Search => {
                    let (found, rest) = self.search(rest, at_segment_start, scratch, out);
                    if let Some(found) = found {
                        return Some((found, rest));
                    }
                    rest
                }
                StreamState::Legacy => {
                    if let Some(legacy) = &mut self.legacy {
                        legacy.push(rest, scratch, out);
                    }
                    &[]
                }
            };
            at_segment_start = false;
        }
        None
    }

    /// Decodes what a search had collected from the boundary it found on, then `rest`. A loop, not a recursion, since
    /// synchronisation may be lost again and again inside.
    #[cold]
    fn replay(
        &mut self,
        found: Boundary,
        mut rest: &[u8],
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        let mut inputs = vec![found];
        loop {
            if let Some(mut input) = inputs.pop() {
                let bytes = &input.bytes[input.at..];
                if let Some((found, after)) = self.run(bytes, false, scratch, out) {
                    input.at = input.bytes.len() - after.len();
                    inputs.extend([input, found]);
                }
            } else if let Some((found, after)) = self.run(rest, false, scratch, out) {
                inputs.push(found);
                rest = after;
            } else {
                return;
            }
        }
    }

    #[inline]
    fn header_in_place<'b>(
        &mut self,
        bytes: &'b [u8],
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) -> &'b [u8] {
        let Some(header) = FrameHeader::parse(bytes) else {
            return self.set_pending(bytes);
        };
        self.take_header(header);
        if self.suspicious {
            let start = &bytes[..bytes.len().min(MAX_HEADER_LEN)];
            match rules::stray(start, self.frames == 0) {
                Stray::No => {}
                Stray::Perhaps => return self.set_pending(bytes),
                found => {
                    self.stray_found(found, scratch, out);
                    return bytes;
                }
            }
        }
        self.after_header(&bytes[usize::from(header.header_length)..], scratch, out)
    }

    /// Decodes the frame at hand whole when `bytes` hold all of its payload, and begins it otherwise.
    #[inline]
    fn after_header<'b>(
        &mut self,
        bytes: &'b [u8],
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) -> &'b [u8] {
        if self.header.payload_length <= bytes.len() as u64 {
            let (payload, rest) = bytes.split_at(self.header.payload_length as usize);
            self.whole_frame(payload, scratch, out);
            return rest;
        }
        self.begin_frame(scratch, out);
        bytes
    }

    /// The header at `position` becomes the frame at hand.
    #[inline]
    fn take_header(&mut self, header: FrameHeader) {
        self.header = header;
        self.frame_start = self.position;
        self.passed = 0;
        self.captured = 0;
        self.in_message = self.message.is_some();
        self.suspicious = !self.seen().is_clean();
    }

    #[inline]
    fn seen(&self) -> SeenHeader<'_> {
        let length = u64::from(self.header.header_length).saturating_add(self.passed);
        SeenHeader {
            header: &self.header,
            side: self.side,
            span: Span::at(self.frame_start, length),
            version: self.version,
            rsv1: match self.deflate {
                Deflate::Never => Rsv1::Never,
                Deflate::Message | Deflate::MessageTakeover => Rsv1::FirstDataFrame,
                Deflate::FrameTakeover => Rsv1::DataFrame,
            },
            in_message: self.in_message,
            start_unknown: self.start_unknown,
            closed: self.closed,
            previous_key: self.previous_key,
        }
    }

    /// Keeps the first bytes of a header (or of what may be HTTP or other text, which is no longer) until more come.
    #[cold]
    fn set_pending<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let len = bytes.len().min(MAX_HEADER_LEN);
        self.pending[..len].copy_from_slice(&bytes[..len]);
        self.pending_len = len as u8;
        &bytes[len..]
    }

    #[cold]
    fn header_in_pieces<'b>(
        &mut self,
        bytes: &'b [u8],
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) -> &'b [u8] {
        let had = usize::from(self.pending_len);
        let added = bytes.len().min(MAX_HEADER_LEN - had);
        let mut joined = self.pending;
        joined[had..had + added].copy_from_slice(&bytes[..added]);
        let joined = &joined[..had + added];
        let Some(header) = FrameHeader::parse(joined) else {
            self.set_pending(joined);
            return &bytes[added..];
        };
        self.take_header(header);
        if self.suspicious {
            match rules::stray(joined, self.frames == 0) {
                Stray::No => {}
                Stray::Perhaps => {
                    self.set_pending(joined);
                    return &bytes[added..];
                }
                found => {
                    self.stray_found(found, scratch, out);
                    return bytes;
                }
            }
        }
        self.pending_len = 0;
        let header_len = usize::from(header.header_length);
        if let Some(payload) = bytes
            .get(header_len.saturating_sub(had)..)
            .filter(|_| header_len >= had)
        {
            return self.after_header(payload, scratch, out);
        }
        // More was held than the header, since it might have been text; such a frame is longer than what was held.
        self.begin_frame(scratch, out);
        self.payload(&joined[header_len..had], scratch, out);
        bytes
    }

    /// A frame whose payload lies before us: most frames.
    #[inline]
    fn whole_frame(&mut self, payload: &[u8], scratch: &mut Scratch, out: &mut impl FrameSink) {
        let compressed = self.header.rsv1() && self.deflate != Deflate::Never;
        let kind = MessageKind::of(self.header.opcode());
        let is_data = self.header.opcode().is_data();
        let alone = !is_data || (self.header.fin() && !self.in_message && !compressed);
        let Some(kind) = kind.filter(|_| alone) else {
            return self.whole_part(payload, scratch, out);
        };
        self.passed = payload.len() as u64;
        self.captured = self.passed;
        self.position = self.end_of_frame();
        let kept = capped(payload, &scratch.limits);
        let index = self.tell_frame(Some(kept), Part::Last, false, out);
        let span = Span::new(self.frame_start, self.position);
        let fragments = [index];
        let mut message = Message::plain(kind, self.passed, span, &fragments);
        let mut data = payload;
        if is_deep(self.needs) || kind == MessageKind::Close {
            data = match self.header.masking_key {
                None => payload,
                Some(key) => {
                    scratch.unmasked.clear();
                    mask::unmask_into(payload, key, 0, &mut scratch.unmasked);
                    &scratch.unmasked
                }
            };
            message = message.with_data(data, self.needs, &scratch.limits);
            if self.suspicious && self.has_unknown_bits() {
                message.valid_utf8 = None;
            }
        }
        self.start_unknown &= !is_data;
        out.message(&message);
        if kind == MessageKind::Close || message.valid_utf8 == Some(false) {
            self.tell_plain(&message, data, out);
        }
    }

    /// What there is to say about a message in one frame that is closed or no text.
    #[cold]
    fn tell_plain(&mut self, message: &Message<'_>, data: &[u8], out: &mut impl FrameSink) {
        if message.kind == MessageKind::Close {
            self.tell_close(message, out);
        } else if let Some(error) = utf8_error(data) {
            out.finding(About::Message, rules::invalid_utf8(message, error));
        }
    }

    fn tell_close(&mut self, message: &Message<'_>, out: &mut impl FrameSink) {
        self.closed = true;
        for rule in rules::CLOSE_RULES {
            if let Some(finding) = rule(message) {
                out.finding(About::Message, finding);
            }
        }
    }

    fn end_of_frame(&self) -> u64 {
        self.frame_start
            .saturating_add(u64::from(self.header.header_length))
            .saturating_add(self.passed)
    }

    /// Tells the frame at hand and what is wrong with it; its number.
    #[inline]
    fn tell_frame(
        &mut self,
        raw: Option<&[u8]>,
        part: Part,
        compressed: bool,
        out: &mut impl FrameSink,
    ) -> u64 {
        let index = self.frames;
        out.frame(&Frame {
            header: self.header,
            index,
            stream_offset: self.frame_start,
            captured_length: self.captured,
            part,
            compressed,
            raw,
            draft_header: None,
        });
        if self.suspicious {
            self.tell_header(out);
        }
        self.previous_key = self.header.masking_key;
        self.frames += 1;
        index
    }

    #[cold]
    fn tell_header(&self, out: &mut impl FrameSink) {
        let seen = self.seen();
        for rule in rules::HEADER_RULES {
            if let Some(finding) = rule(&seen) {
                out.finding(About::Frame, finding);
            }
        }
    }
}

/// As much of a payload as is kept, however it came.
#[inline]
fn capped<'b>(payload: &'b [u8], limits: &Limits) -> &'b [u8] {
    &payload[..payload.len().min(limits.kept_payload)]
}

/// Where `text` stops being UTF-8.
fn utf8_error(text: &[u8]) -> Option<u64> {
    let error = std::str::from_utf8(text).err()?;
    Some(error.valid_up_to() as u64)
}

#[cfg(test)]
mod tests;
