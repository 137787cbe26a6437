//! Frames that do not lie in one push, and messages that are more than one plain frame.

use super::{About, Deflate, FrameSink, Scratch, Stream, StreamState, capped};
use crate::base::{Needs, Span};
use crate::websocket::frame::{FrameHeader, Opcode, Part};
use crate::websocket::mask;
use crate::websocket::message::{Assembly, Inflating, Inflation, Message, MessageKind, is_deep};
use crate::websocket::rules;

impl Stream {
    /// A frame that is part of a fragmented or compressed message, or of none.
    pub(super) fn whole_part(
        &mut self,
        payload: &[u8],
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        self.begin_frame(scratch, out);
        self.take_payload(payload, scratch);
        self.end_frame(Some(payload), true, scratch, out);
    }

    /// The header is read; the payload comes next, in pieces.
    pub(super) fn begin_frame(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
        self.state = StreamState::Payload;
        self.raw_given_up = false;
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
                let has_unknown_bits = self.has_unknown_bits();
                if opcode == Opcode::Continuation
                    && let Some(message) = &mut self.message
                {
                    if has_unknown_bits {
                        message.need_not_be_text();
                    }
                    message.add_frame(self.frames, &scratch.limits);
                    message.compressed |=
                        self.deflate == Deflate::FrameTakeover && self.header.rsv1();
                }
            }
        }
    }

    pub(super) fn begin_message(&mut self, scratch: &mut Scratch, out: &mut impl FrameSink) {
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
        if self.has_unknown_bits() {
            message.need_not_be_text();
        }
        self.message = Some(message);
    }

    /// Payload bytes of a frame that came in pieces.
    pub(super) fn payload<'b>(
        &mut self,
        bytes: &'b [u8],
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) -> &'b [u8] {
        let left = self.header.payload_length - self.passed;
        let len = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
        let (piece, rest) = bytes.split_at(len);
        if self.needs.has(Needs::PAYLOAD) && self.captured == self.passed && !self.raw_given_up {
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
    pub(super) fn take_payload(&mut self, piece: &[u8], scratch: &mut Scratch) {
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
        if compressed && self.inflater.is_none() && message.inflation != Inflation::GivenUp {
            self.inflater = scratch.take_inflater();
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
        let Some(inflater) = &mut self.inflater else {
            if message.inflation != Inflation::GivenUp {
                message.inflation = Inflation::NoInflater;
            }
            return;
        };
        let mut work = Inflating {
            limits: &scratch.limits,
            overflow: &mut scratch.overflow,
        };
        message.inflate(plain, inflater, &mut work);
    }

    /// Whether the payload of the frame at hand is compressed.
    pub(super) fn is_frame_compressed(&self) -> bool {
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

    /// Whether a reserved bit says that the payload is something else than the opcode does, and nothing says what: then it
    /// need not be text either (RFC 6455 section 5.2).
    pub(super) fn has_unknown_bits(&self) -> bool {
        let known = if self.is_frame_compressed() { 0x40 } else { 0 };
        self.header.byte0 & 0x70 & !known != 0
    }

    /// The frame at hand ends here; `is_whole` when nothing of it is to come any more because it was all passed.
    pub(super) fn end_frame(
        &mut self,
        payload: Option<&[u8]>,
        is_whole: bool,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        self.state = StreamState::Header;
        let opcode = self.header.opcode();
        let belongs = match opcode {
            Opcode::Continuation => self.in_message,
            Opcode::Reserved(_) => false,
            _ => true,
        };
        let part = Part::of(belongs, self.header.fin() || opcode.is_control());
        let compressed = self.is_frame_compressed();
        let raw = std::mem::take(&mut self.raw);
        let is_kept = self.needs.has(Needs::PAYLOAD) && !self.raw_given_up;
        let kept = is_kept.then_some(raw.as_slice());
        let payload = payload.map(|payload| capped(payload, &scratch.limits));
        let index = self.tell_frame(payload.or(kept), part, compressed, out);
        scratch.raw = raw;
        if compressed && self.deflate == Deflate::FrameTakeover && is_whole {
            self.end_inflating(scratch);
        }
        if opcode.is_data() && (self.header.fin() || belongs) {
            self.start_unknown = false;
        }
        if part != Part::Last {
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
    pub(super) fn tell_unread(&self, index: u64, is_whole: bool, out: &mut impl FrameSink) {
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

    pub(super) fn message_ended(
        &mut self,
        mut message: Box<Assembly>,
        is_whole: bool,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
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

    pub(super) fn end_inflating(&mut self, scratch: &mut Scratch) {
        if let (Some(message), Some(inflater)) = (&mut self.message, &mut self.inflater) {
            let mut work = Inflating {
                limits: &scratch.limits,
                overflow: &mut scratch.overflow,
            };
            message.end_inflating(inflater, &mut work);
        }
    }

    /// Tells a message and what is wrong with it; `is_ended` when its last frame came whole.
    pub(super) fn tell_message(
        &mut self,
        assembly: Box<Assembly>,
        is_ended: bool,
        scratch: &mut Scratch,
        out: &mut impl FrameSink,
    ) {
        let message = assembly.message(is_ended, self.needs, &scratch.limits);
        out.message(&message);
        if message.kind == MessageKind::Close {
            self.tell_close(&message, out);
        } else if message.valid_utf8 == Some(false)
            && let Some(at) = assembly.invalid_utf8_at()
        {
            out.finding(About::Message, rules::invalid_utf8(&message, at));
        }
        if message.compressed && is_deep(self.needs) {
            self.settle_context(&assembly, &message, scratch, out);
        }
        scratch.put_assembly(assembly);
    }

    pub(super) fn skip_payload(&mut self, hole: u64) {
        self.passed += hole;
        self.position = self.end_of_frame();
        if let Some(message) = open_assembly(&self.header, &mut self.message, &mut self.control) {
            message.wire_length += hole;
            message.end = self.position;
            message.has_hole |= hole > 0;
        }
    }
}

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
