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
//!   │ hole, HTTP                 │ hole beyond the payload, invalid length
//!   └──────────► Search ◄────────┘      Search ── boundary found ──► Header
//! ```

use super::deflate::Inflater;
use super::frame::{Frame, FrameHeader, MAX_HEADER_LEN, Opcode};
use super::handshake::{Compression, Negotiated};
use super::mask;
use super::message::{Assembly, Inflating, Inflation, Message, MessageKind, is_deep};
use super::plausible::Expected;
use super::resync::{Found, Search};
use super::rules::{self, Http, Rsv1, Seen};
use crate::base::{Finding, Limits, Needs, Side, Span};

/// Takes what a stream decodes.
pub trait Output {
    /// A frame ended, or was seen as far as it will be.
    fn frame(&mut self, frame: &Frame<'_>);
    /// A message ended, or was seen as far as it will be.
    fn message(&mut self, message: &Message<'_>);
    /// Something is wrong with the frame or the message told last, or with the bytes between frames.
    fn finding(&mut self, finding: Finding);
}

/// Buffers that all streams of one engine share.
pub struct Scratch {
    limits: Limits,
    unmasked: Vec<u8>,
    overflow: Vec<u8>,
    raw: Vec<u8>,
    assemblies: Vec<Box<Assembly>>,
    inflaters: Vec<Box<Inflater>>,
}

impl Scratch {
    /// Empty buffers under these limits.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            limits: limits.clone(),
            unmasked: Vec::new(),
            overflow: Vec::new(),
            raw: Vec::new(),
            assemblies: Vec::new(),
            inflaters: Vec::new(),
        }
    }

    fn assembly(&mut self) -> Box<Assembly> {
        self.assemblies
            .pop()
            .unwrap_or_else(|| Box::new(Assembly::new()))
    }

    fn put_assembly(&mut self, mut assembly: Box<Assembly>) {
        if self.assemblies.len() < SPARES {
            assembly.shrink();
            self.assemblies.push(assembly);
        }
    }

    fn put_inflater(&mut self, mut inflater: Box<Inflater>) {
        if self.inflaters.len() < SPARES {
            inflater.reset();
            self.inflaters.push(inflater);
        }
    }
}

/// Buffers kept for the next stream that needs one.
const SPARES: usize = 16;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Header,
    Payload,
    Search,
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
    raw: Vec<u8>,
    pending: [u8; MAX_HEADER_LEN],
    pending_len: u8,
    state: State,
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
}

impl Stream {
    /// A decoder for the bytes of `side` from stream position `offset` on.
    #[must_use]
    pub fn new(side: Side, negotiated: &Negotiated, needs: Needs, offset: u64) -> Stream {
        let presumed = negotiated.compression == Compression::Presumed;
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
            raw: Vec::new(),
            pending: [0; MAX_HEADER_LEN],
            pending_len: 0,
            state: State::Header,
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
        }
    }

    /// Frames told so far.
    #[must_use]
    pub fn frame_count(&self) -> u64 {
        self.frames
    }

    /// The next bytes of the stream, as one segment brought them.
    #[inline]
    pub fn push(&mut self, bytes: &[u8], scratch: &mut Scratch, out: &mut impl Output) {
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
        out: &mut impl Output,
    ) -> Option<(Found, &'b [u8])> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = match self.state {
                State::Header if self.pending_len == 0 => self.header_in_place(rest, scratch, out),
                State::Header => self.header_in_pieces(rest, scratch, out),
                State::Payload => self.payload(rest, scratch, out),
                State::Search => {
                    let (found, rest) = self.search(rest, at_segment_start, scratch, out);
                    if let Some(found) = found {
                        return Some((found, rest));
                    }
                    rest
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
        found: Found,
        mut rest: &[u8],
        scratch: &mut Scratch,
        out: &mut impl Output,
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
        out: &mut impl Output,
    ) -> &'b [u8] {
        let Some(header) = FrameHeader::parse(bytes) else {
            return self.set_pending(bytes);
        };
        self.take_header(header);
        if self.suspicious {
            match rules::http(&bytes[..bytes.len().min(MAX_HEADER_LEN)]) {
                Http::No => {}
                Http::Perhaps => return self.set_pending(bytes),
                Http::Yes(start) => {
                    self.http_found(start, scratch, out);
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
        out: &mut impl Output,
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
    fn seen(&self) -> Seen<'_> {
        let length = u64::from(self.header.header_length).saturating_add(self.passed);
        Seen {
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

    /// Keeps the first bytes of a header (or of what may be HTTP, which is no longer) until more come.
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
        out: &mut impl Output,
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
            match rules::http(joined) {
                Http::No => {}
                Http::Perhaps => {
                    self.set_pending(joined);
                    return &bytes[added..];
                }
                Http::Yes(start) => {
                    self.http_found(start, scratch, out);
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
        // More was held than the header, since it might have been HTTP; such a frame is longer than what was held.
        self.begin_frame(scratch, out);
        self.payload(&joined[header_len..had], scratch, out);
        bytes
    }

    /// A frame whose payload lies before us: most frames.
    #[inline]
    fn whole_frame(&mut self, payload: &[u8], scratch: &mut Scratch, out: &mut impl Output) {
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
        let index = self.tell_frame(Some(kept), true, false, out);
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
        }
        self.start_unknown &= !is_data;
        out.message(&message);
        if kind == MessageKind::Close || message.valid_utf8 == Some(false) {
            self.tell_plain(&message, data, out);
        }
    }

    /// What there is to say about a message in one frame that is closed or no text.
    #[cold]
    fn tell_plain(&mut self, message: &Message<'_>, data: &[u8], out: &mut impl Output) {
        if message.kind == MessageKind::Close {
            self.tell_close(message, out);
        } else if let Some(error) = utf8_error(data) {
            out.finding(rules::invalid_utf8(message, error));
        }
    }

    fn tell_close(&mut self, message: &Message<'_>, out: &mut impl Output) {
        self.closed = true;
        for rule in rules::CLOSE_RULES {
            if let Some(finding) = rule(message) {
                out.finding(finding);
            }
        }
    }

    /// A frame that is part of a fragmented or compressed message, or of none.
    fn whole_part(&mut self, payload: &[u8], scratch: &mut Scratch, out: &mut impl Output) {
        self.begin_frame(scratch, out);
        self.take_payload(payload, scratch);
        self.end_frame(Some(payload), true, scratch, out);
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
        completes_message: bool,
        compressed: bool,
        out: &mut impl Output,
    ) -> u64 {
        let index = self.frames;
        out.frame(&Frame {
            header: self.header,
            index,
            stream_offset: self.frame_start,
            captured_length: self.captured,
            completes_message,
            compressed,
            raw,
        });
        if self.suspicious {
            self.tell_header(out);
        }
        self.previous_key = self.header.masking_key;
        self.frames += 1;
        index
    }

    #[cold]
    fn tell_header(&self, out: &mut impl Output) {
        let seen = self.seen();
        for rule in rules::HEADER_RULES {
            if let Some(finding) = rule(&seen) {
                out.finding(finding);
            }
        }
    }

    /// The header is read; the payload comes next, in pieces.
    fn begin_frame(&mut self, scratch: &mut Scratch, out: &mut impl Output) {
        self.state = State::Payload;
        self.position = self.end_of_frame();
        if self.header.payload_length >> 63 != 0 {
            // No frame is that long, so where this one ends is unknown.
            self.end_frame(None, false, scratch, out);
            return self.lose_sync(scratch, out);
        }
        self.raw = std::mem::take(&mut scratch.raw);
        self.raw.clear();
        let opcode = self.header.opcode();
        match MessageKind::of(opcode) {
            Some(MessageKind::Text | MessageKind::Binary) => self.begin_message(scratch, out),
            Some(kind) if is_deep(self.needs) || kind == MessageKind::Close => {
                let mut control = scratch.assembly();
                control.begin(kind, self.frame_start, self.needs);
                control.add_frame(self.frames, &scratch.limits);
                self.control = Some(control);
            }
            Some(_) => {}
            None => {
                if opcode == Opcode::Continuation
                    && let Some(message) = &mut self.message
                {
                    message.add_frame(self.frames, &scratch.limits);
                    message.compressed |=
                        self.deflate == Deflate::FrameTakeover && self.header.rsv1();
                }
            }
        }
    }

    fn begin_message(&mut self, scratch: &mut Scratch, out: &mut impl Output) {
        if let Some(interrupted) = self.message.take() {
            self.tell_message(interrupted, false, scratch, out);
        }
        if self.header.fin() && !is_deep(self.needs) {
            return;
        }
        let Some(kind) = MessageKind::of(self.header.opcode()) else {
            return;
        };
        let mut message = scratch.assembly();
        message.begin(kind, self.frame_start, self.needs);
        message.add_frame(self.frames, &scratch.limits);
        message.compressed = self.is_frame_compressed();
        self.message = Some(message);
    }

    /// Payload bytes of a frame that came in pieces.
    fn payload<'b>(
        &mut self,
        bytes: &'b [u8],
        scratch: &mut Scratch,
        out: &mut impl Output,
    ) -> &'b [u8] {
        let left = self.header.payload_length - self.passed;
        let len = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (piece, rest) = bytes.split_at(len);
        if self.needs.has(Needs::PAYLOAD) && self.captured == self.passed {
            let room = scratch.limits.kept_payload.saturating_sub(self.raw.len());
            self.raw.extend_from_slice(&piece[..len.min(room)]);
        }
        self.take_payload(piece, scratch);
        if self.passed == self.header.payload_length {
            self.end_frame(None, true, scratch, out);
        }
        rest
    }

    /// Hands payload bytes to the message they belong to.
    fn take_payload(&mut self, piece: &[u8], scratch: &mut Scratch) {
        let phase = self.passed;
        self.passed += piece.len() as u64;
        self.captured += piece.len() as u64;
        self.position = self.end_of_frame();
        let compressed = self.is_frame_compressed();
        let needs = self.needs;
        let Some(message) = open_assembly(&self.header, &mut self.message, &mut self.control)
        else {
            return;
        };
        message.wire_length += piece.len() as u64;
        message.end = self.position;
        if !is_deep(needs) && message.kind != MessageKind::Close {
            return;
        }
        let plain = match self.header.masking_key {
            None => piece,
            Some(key) => {
                scratch.unmasked.clear();
                mask::unmask_into(piece, key, phase, &mut scratch.unmasked);
                &scratch.unmasked
            }
        };
        if !compressed {
            return message.absorb(plain, &scratch.limits);
        }
        let inflater = self
            .inflater
            .get_or_insert_with(|| take_inflater(&mut scratch.inflaters));
        let mut work = Inflating {
            limits: &scratch.limits,
            overflow: &mut scratch.overflow,
        };
        message.inflate(plain, inflater, &mut work);
    }

    /// Whether the payload of the frame at hand is compressed.
    fn is_frame_compressed(&self) -> bool {
        let opcode = self.header.opcode();
        match self.deflate {
            Deflate::Never => false,
            _ if opcode.is_control() || matches!(opcode, Opcode::Reserved(_)) => false,
            Deflate::FrameTakeover => self.header.rsv1(),
            Deflate::Message | Deflate::MessageTakeover => match &self.message {
                Some(message) if opcode == Opcode::Continuation => message.compressed,
                _ => opcode != Opcode::Continuation && self.header.rsv1(),
            },
        }
    }

    /// The frame at hand ends here; `is_whole` when nothing of it is to come any more because it was all passed.
    fn end_frame(
        &mut self,
        payload: Option<&[u8]>,
        is_whole: bool,
        scratch: &mut Scratch,
        out: &mut impl Output,
    ) {
        self.state = State::Header;
        let opcode = self.header.opcode();
        let belongs = match opcode {
            Opcode::Continuation => self.in_message,
            Opcode::Reserved(_) => false,
            _ => true,
        };
        let completes = belongs && (self.header.fin() || opcode.is_control());
        let compressed = self.is_frame_compressed();
        let raw = std::mem::take(&mut self.raw);
        let kept = self.needs.has(Needs::PAYLOAD).then_some(raw.as_slice());
        let payload = payload.map(|payload| capped(payload, &scratch.limits));
        let index = self.tell_frame(payload.or(kept), completes, compressed, out);
        scratch.raw = raw;
        if compressed && self.deflate == Deflate::FrameTakeover && is_whole {
            self.end_inflating(scratch);
        }
        if opcode.is_data() && (self.header.fin() || belongs) {
            self.start_unknown = false;
        }
        if !completes {
            return;
        }
        let assembly = match opcode.is_control() {
            true => self.control.take(),
            false => self.message.take(),
        };
        match assembly {
            Some(assembly) => {
                self.message_ended(assembly, is_whole, scratch, out);
            }
            None => self.tell_unread(index, is_whole, out),
        }
    }

    /// A message in one frame into which nobody looks.
    fn tell_unread(&self, index: u64, is_whole: bool, out: &mut impl Output) {
        let Some(kind) = MessageKind::of(self.header.opcode()) else {
            return;
        };
        let span = Span::new(self.frame_start, self.position);
        let fragments = [index];
        let mut message = Message::plain(kind, self.passed, span, &fragments);
        message.complete = is_whole && self.captured == self.header.payload_length;
        message.compressed = self.is_frame_compressed();
        if message.compressed {
            message.length = None;
        }
        out.message(&message);
    }

    fn message_ended(
        &mut self,
        mut message: Box<Assembly>,
        is_whole: bool,
        scratch: &mut Scratch,
        out: &mut impl Output,
    ) {
        let inflates = message.compressed && self.deflate != Deflate::FrameTakeover;
        if inflates
            && is_whole
            && let Some(inflater) = &mut self.inflater
        {
            let mut work = Inflating {
                limits: &scratch.limits,
                overflow: &mut scratch.overflow,
            };
            message.end_inflating(inflater, &mut work);
        }
        self.tell_message(message, is_whole, scratch, out);
    }

    fn end_inflating(&mut self, scratch: &mut Scratch) {
        if let (Some(message), Some(inflater)) = (&mut self.message, &mut self.inflater) {
            let mut work = Inflating {
                limits: &scratch.limits,
                overflow: &mut scratch.overflow,
            };
            message.end_inflating(inflater, &mut work);
        }
    }

    /// Tells a message and what is wrong with it; `is_ended` when its last frame came whole.
    fn tell_message(
        &mut self,
        assembly: Box<Assembly>,
        is_ended: bool,
        scratch: &mut Scratch,
        out: &mut impl Output,
    ) {
        let message = assembly.message(is_ended, self.needs, &scratch.limits);
        out.message(&message);
        if message.kind == MessageKind::Close {
            self.tell_close(&message, out);
        } else if message.valid_utf8 == Some(false)
            && let Some(at) = assembly.invalid_utf8_at()
        {
            out.finding(rules::invalid_utf8(&message, at));
        }
        if message.compressed && is_deep(self.needs) {
            self.settle_context(&assembly, &message, scratch, out);
        }
        scratch.put_assembly(assembly);
    }

    /// What a compressed message leaves to the ones after it.
    ///
    /// After a loss each message is tried with what is known of its context. One that inflates refers to nothing
    /// unknown, since the inflater refuses distances beyond what it has seen, so its text is the sender's.
    fn settle_context(
        &mut self,
        assembly: &Assembly,
        message: &Message<'_>,
        scratch: &mut Scratch,
        out: &mut impl Output,
    ) {
        let was_lost = self.context_lost;
        match assembly.inflation {
            Inflation::Fine => {}
            Inflation::Failed if was_lost && self.loss_told => {}
            Inflation::Failed if was_lost => {
                self.loss_told = true;
                out.finding(rules::context_lost(message));
            }
            Inflation::Failed => out.finding(rules::deflate_invalid(message)),
            Inflation::OverLimit => out.finding(rules::inflate_limit(message, &scratch.limits)),
        }
        let is_intact = message.complete && assembly.inflation == Inflation::Fine;
        if self.deflate == Deflate::Message {
            if let Some(inflater) = self.inflater.take() {
                scratch.put_inflater(inflater);
            }
        } else if !is_intact {
            let is_old_loss = was_lost && assembly.inflation == Inflation::Failed;
            self.lose_context(is_old_loss);
        } else if was_lost && let Some(inflater) = &self.inflater {
            self.context_lost = inflater.context_len() < WINDOW;
        }
    }

    fn lose_context(&mut self, is_told: bool) {
        if matches!(self.deflate, Deflate::Never | Deflate::Message) {
            return;
        }
        self.context_lost = true;
        self.loss_told &= is_told;
        if let Some(inflater) = &mut self.inflater {
            inflater.reset();
        }
    }

    /// `len` bytes of the stream are missing here.
    pub fn gap(&mut self, len: u64, scratch: &mut Scratch, out: &mut impl Output) {
        let mut len = len;
        if self.state == State::Payload {
            let hole = len.min(self.header.payload_length - self.passed);
            len -= hole;
            self.skip_payload(hole);
            if self.passed == self.header.payload_length {
                self.end_frame(None, true, scratch, out);
            }
        }
        if len == 0 {
            return;
        }
        if self.state == State::Header {
            self.lose_sync(scratch, out);
        }
        self.search_gap(len, scratch, out);
    }

    fn skip_payload(&mut self, hole: u64) {
        self.passed += hole;
        self.position = self.end_of_frame();
        if let Some(message) = open_assembly(&self.header, &mut self.message, &mut self.control) {
            message.wire_length += hole;
            message.end = self.position;
            message.has_hole |= hole > 0;
        }
    }

    /// No more bytes come: what is incomplete is told as far as it was seen.
    pub fn finish(&mut self, scratch: &mut Scratch, out: &mut impl Output) {
        if self.state == State::Search {
            self.end_search(scratch, out);
        }
        if self.state == State::Payload {
            self.end_frame(None, false, scratch, out);
        }
        if let Some(message) = self.message.take() {
            self.tell_message(message, false, scratch, out);
        }
        self.pending_len = 0;
    }

    /// The boundary of the next frame is unknown from `position` on.
    #[cold]
    fn lose_sync(&mut self, scratch: &mut Scratch, out: &mut impl Output) {
        if let Some(message) = self.message.take() {
            self.tell_message(message, false, scratch, out);
        }
        self.lose_context(false);
        self.start_unknown = true;
        self.previous_key = None;
        self.state = State::Search;
        let mut search = Box::new(Search::new(self.position));
        search.extend(&self.pending[..usize::from(self.pending_len)]);
        self.pending_len = 0;
        self.search = Some(search);
    }

    #[cold]
    fn search<'b>(
        &mut self,
        bytes: &'b [u8],
        at_segment_start: bool,
        scratch: &Scratch,
        out: &mut impl Output,
    ) -> (Option<Found>, &'b [u8]) {
        let expected = self.expected();
        let Some(mut search) = self.search.take() else {
            self.state = State::Header;
            return (None, bytes);
        };
        if at_segment_start && search.begins_at(bytes, &expected) {
            self.boundary_found(search.end(), search.passed(), search.from, out);
            return (None, bytes);
        }
        let window = scratch.limits.resync_window;
        let (taken, found) = search.push(bytes, at_segment_start, &expected, window);
        let rest = &bytes[taken..];
        let Some(at) = found else {
            self.search = Some(search);
            return (None, rest);
        };
        (Some(self.leave_search(*search, at, out)), rest)
    }

    fn leave_search(&mut self, search: Search, at: usize, out: &mut impl Output) -> Found {
        let (from, position) = (search.from, search.position(at));
        let (passed, found) = search.found(at);
        self.boundary_found(position, passed, from, out);
        found
    }

    fn boundary_found(&mut self, position: u64, passed: u64, from: u64, out: &mut impl Output) {
        self.state = State::Header;
        self.position = position;
        out.finding(rules::lost_sync(passed, Span::new(from, position), true));
    }

    /// What the next frame is expected to look like: as this side's last one, or as its side must send them.
    fn expected(&self) -> Expected {
        let masked = match self.frames {
            0 => self.side == Side::Client,
            _ => self.header.masked(),
        };
        Expected {
            masked: Some(masked),
            rsv1: self.deflate != Deflate::Never,
        }
    }

    fn search_gap(&mut self, len: u64, scratch: &mut Scratch, out: &mut impl Output) {
        self.look_once_more(scratch, out);
        match (&mut self.search, self.state) {
            (Some(search), _) => search.gap(len),
            (None, State::Search) => {}
            // The bytes before this hole held a boundary after all, so the hole is one like any other.
            (None, _) => self.gap(len, scratch, out),
        }
    }

    /// A last look at what was collected, since nothing more follows it.
    fn look_once_more(&mut self, scratch: &mut Scratch, out: &mut impl Output) {
        let expected = self.expected();
        let Some(search) = self.search.take() else {
            return;
        };
        match search.best(&expected) {
            Some(at) => {
                let found = self.leave_search(*search, at, out);
                self.replay(found, &[], scratch, out);
            }
            None => self.search = Some(search),
        }
    }

    fn end_search(&mut self, scratch: &mut Scratch, out: &mut impl Output) {
        self.look_once_more(scratch, out);
        if let Some(search) = self.search.take() {
            let span = Span::new(search.from, search.end());
            out.finding(rules::lost_sync(search.passed(), span, false));
            self.state = State::Header;
            self.position = search.end();
        }
    }

    #[cold]
    fn http_found(&mut self, start: &str, scratch: &mut Scratch, out: &mut impl Output) {
        out.finding(rules::http_inside_frames(start, self.position));
        self.lose_sync(scratch, out);
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

/// How far back a message may refer (RFC 1951 section 2).
const WINDOW: u64 = 32 << 10;

/// The message that payload of this frame belongs to.
fn open_assembly<'s>(
    header: &FrameHeader,
    message: &'s mut Option<Box<Assembly>>,
    control: &'s mut Option<Box<Assembly>>,
) -> Option<&'s mut Assembly> {
    match header.opcode() {
        Opcode::Reserved(_) => None,
        opcode if opcode.is_control() => control.as_deref_mut(),
        _ => message.as_deref_mut(),
    }
}

fn take_inflater(spares: &mut Vec<Box<Inflater>>) -> Box<Inflater> {
    spares.pop().unwrap_or_else(|| Box::new(Inflater::new()))
}

#[cfg(test)]
#[path = "stream_tests.rs"]
mod tests;
