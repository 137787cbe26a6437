//! One message, and putting it together from the pieces of its frames (RFC 6455 sections 5.4 and 6.2).
//!
//! An [`Assembly`] takes payload bytes as they come, unmasked, and keeps of them only what somebody asked for: the
//! length always, the text up to the kept limit, the digest and the UTF-8 verdict piece by piece.

use sha2::{Digest, Sha256};

use super::close::{self, CloseCode};
use super::deflate::{InflateSink, Inflater, Invalid};
use super::frame::Opcode;
use super::utf8::Validator;
use crate::base::{Limits, Needs, Span};

/// What a message is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MessageKind {
    /// UTF-8 text.
    Text,
    /// Any bytes.
    Binary,
    /// The end of one side's messages.
    Close,
    /// A question whether the peer is there.
    Ping,
    /// The answer to it.
    Pong,
}

impl MessageKind {
    /// The kind of message an opcode begins; `None` for continuations and reserved opcodes.
    #[must_use]
    #[inline]
    pub fn of(opcode: Opcode) -> Option<MessageKind> {
        match opcode {
            Opcode::Text => Some(MessageKind::Text),
            Opcode::Binary => Some(MessageKind::Binary),
            Opcode::Close => Some(MessageKind::Close),
            Opcode::Ping => Some(MessageKind::Ping),
            Opcode::Pong => Some(MessageKind::Pong),
            Opcode::Continuation | Opcode::Reserved(_) => None,
        }
    }

    /// Whether it is a control message (RFC 6455 section 5.5).
    #[must_use]
    pub fn is_control(self) -> bool {
        matches!(
            self,
            MessageKind::Close | MessageKind::Ping | MessageKind::Pong
        )
    }

    /// `text`, `binary`, `close`, `ping` or `pong`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            MessageKind::Text => "text",
            MessageKind::Binary => "binary",
            MessageKind::Close => "close",
            MessageKind::Ping => "ping",
            MessageKind::Pong => "pong",
        }
    }
}

/// A message as it was seen.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// What it is.
    pub kind: MessageKind,
    /// Whether it crossed the wire compressed.
    pub compressed: bool,
    /// Payload bytes on the wire, the missing ones of a hole included.
    pub wire_length: u64,
    /// Bytes after inflating; `None` when that is not known.
    pub length: Option<u64>,
    /// Whether its last frame came and no byte of it is missing.
    pub complete: bool,
    /// Whether its text is UTF-8; `None` for other kinds and when nobody looked or it cannot be known.
    pub valid_utf8: Option<bool>,
    /// The message unmasked, put together and inflated. `None` when nobody asked for messages (then it may still be there
    /// where it cost nothing), when it is longer than the kept
    /// limit, or when it does not inflate. Of an incomplete message, what came before the first missing byte.
    pub data: Option<&'a [u8]>,
    /// The first bytes of the message, all of `data` where there is one: what can be shown of a truncated message.
    pub beginning: &'a [u8],
    /// Whether it is longer than the kept limit.
    pub truncated: bool,
    /// Digest of the whole message, when asked for and complete.
    pub sha256: Option<[u8; 32]>,
    /// Code and reason of a close message.
    pub close: Option<(Option<CloseCode>, &'a [u8])>,
    /// Its side's stream from the first header byte to the last payload byte, control frames between included.
    pub span: Span,
    /// Frames it was sent in.
    pub frame_count: u64,
    /// The numbers of its frames within their stream, up to the limit of fragments.
    pub fragments: &'a [u64],
}

impl<'a> Message<'a> {
    /// A message that came in one frame, of which nothing but the header has been looked at.
    #[inline]
    pub(super) fn plain(kind: MessageKind, length: u64, span: Span, fragments: &'a [u64]) -> Self {
        Message {
            kind,
            compressed: false,
            wire_length: length,
            length: Some(length),
            complete: true,
            valid_utf8: None,
            data: None,
            beginning: &[],
            truncated: false,
            sha256: None,
            close: None,
            span,
            frame_count: 1,
            fragments,
        }
    }

    /// The same with its whole payload looked at.
    #[inline]
    pub(super) fn with_data(mut self, data: &'a [u8], needs: Needs, limits: &Limits) -> Self {
        if self.kind == MessageKind::Text {
            self.valid_utf8 = Some(super::utf8::is_valid(data));
        }
        if needs.has(Needs::DIGEST) {
            self.sha256 = Some(Sha256::digest(data).into());
        }
        match data.get(..limits.kept_payload) {
            Some(beginning) if beginning.len() < data.len() => {
                self.beginning = beginning;
                self.truncated = true;
            }
            _ => {
                self.data = Some(data);
                self.beginning = data;
            }
        }
        if self.kind == MessageKind::Close {
            self.close = Some(close::body(self.beginning));
        }
        self
    }
}

/// How the inflating of a message went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Inflation {
    /// Nothing is wrong so far.
    #[default]
    Fine,
    /// It does not inflate.
    Failed,
    /// It inflates to more than the limit.
    OverLimit,
    /// Too many other connections had one.
    NoInflater,
    /// Its context was given up in the middle.
    GivenUp,
}

/// A message being put together. Reused from message to message.
pub(super) struct Assembly {
    pub(super) kind: MessageKind,
    pub(super) compressed: bool,
    start: u64,
    /// Stream position up to which its frames were seen.
    pub(super) end: u64,
    pub(super) wire_length: u64,
    pub(super) has_hole: bool,
    pub(super) inflation: Inflation,
    frame_count: u64,
    fragments: Vec<u64>,
    length: u64,
    kept: Vec<u8>,
    utf8: Option<Validator>,
    digest: Option<Sha256>,
    /// Its digest begins where keeping ends.
    digests_long: bool,
    keeps: bool,
    /// What was kept of it had to be given up.
    given_up: bool,
}

impl Assembly {
    /// An empty one.
    pub(super) fn new() -> Self {
        Self {
            kind: MessageKind::Binary,
            compressed: false,
            start: 0,
            end: 0,
            wire_length: 0,
            has_hole: false,
            inflation: Inflation::Fine,
            frame_count: 0,
            fragments: Vec::new(),
            length: 0,
            kept: Vec::new(),
            utf8: None,
            digest: None,
            digests_long: false,
            keeps: false,
            given_up: false,
        }
    }

    /// Empties it for a new message.
    pub(super) fn begin(&mut self, kind: MessageKind, start: u64, needs: Needs) {
        let is_deep = is_deep(needs);
        self.kind = kind;
        self.compressed = false;
        self.start = start;
        self.end = start;
        self.wire_length = 0;
        self.has_hole = false;
        self.inflation = Inflation::Fine;
        self.frame_count = 0;
        self.fragments.clear();
        self.length = 0;
        self.kept.clear();
        self.utf8 = (kind == MessageKind::Text && is_deep).then(Validator::default);
        self.digest = needs.has(Needs::DIGEST).then(Sha256::new);
        self.digests_long = needs.has(Needs::LONG_DIGEST);
        self.keeps = needs.any(Needs::MESSAGES | Needs::DIGEST) || kind == MessageKind::Close;
        self.given_up = false;
    }

    /// Frames that ended so far.
    pub(super) fn frame_count(&self) -> u64 {
        self.frame_count
    }

    /// Stream position of its first byte.
    pub(super) fn start(&self) -> u64 {
        self.start
    }

    /// One more frame belongs to it.
    pub(super) fn add_frame(&mut self, index: u64, limits: &Limits) {
        self.frame_count += 1;
        if self.fragments.len() < limits.fragments && !self.given_up {
            self.fragments.push(index);
        }
    }

    /// A reserved bit may mean that it is no UTF-8 on the wire.
    pub(super) fn need_not_be_text(&mut self) {
        self.utf8 = None;
    }

    /// Bytes it takes in memory beyond a small message's.
    pub(super) fn memory(&self) -> usize {
        self.kept.capacity() + self.fragments.capacity() * size_of::<u64>()
    }

    /// Forgets what is kept of the message; its length, digest and UTF-8 verdict go on.
    pub(super) fn give_up(&mut self) {
        self.kept = Vec::new();
        self.fragments = Vec::new();
        self.keeps = false;
        self.given_up = true;
    }

    /// Bytes of the message that need no inflating.
    pub(super) fn absorb(&mut self, bytes: &[u8], limits: &Limits) {
        if self.has_hole {
            return;
        }
        self.look_at(bytes);
        if self.keeps {
            let room = limits.kept_payload.saturating_sub(self.kept.len());
            self.kept.extend_from_slice(&bytes[..bytes.len().min(room)]);
        }
    }

    fn look_at(&mut self, bytes: &[u8]) {
        self.length = self.length.saturating_add(bytes.len() as u64);
        if let Some(utf8) = &mut self.utf8 {
            utf8.push(bytes);
        }
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
    }

    /// Compressed bytes of the message.
    pub(super) fn inflate(
        &mut self,
        bytes: &[u8],
        inflater: &mut Inflater,
        work: &mut Inflating<'_>,
    ) {
        self.run(work, |sink| inflater.push(bytes, sink));
    }

    /// The compressed bytes are all there.
    pub(super) fn end_inflating(&mut self, inflater: &mut Inflater, work: &mut Inflating<'_>) {
        self.run(work, |sink| inflater.end_message(sink));
    }

    fn run(
        &mut self,
        work: &mut Inflating<'_>,
        step: impl FnOnce(&mut IntoMessage<'_, '_>) -> Result<bool, Invalid>,
    ) {
        if self.has_hole || self.inflation != Inflation::Fine {
            return;
        }
        let mut output = IntoMessage {
            assembly: self,
            work,
            in_kept: true,
        };
        match step(&mut output) {
            Ok(true) => {}
            Ok(false) => self.inflation = Inflation::OverLimit,
            Err(Invalid) => self.inflation = Inflation::Failed,
        }
    }

    /// The message as seen; `is_ended` when its last frame came.
    pub(super) fn message(&self, is_ended: bool, needs: Needs, limits: &Limits) -> Message<'_> {
        let kind = self.kind;
        let is_deep = is_deep(needs);
        let complete = is_ended && !self.has_hole;
        let is_readable = self.inflation == Inflation::Fine;
        let length = match self.compressed {
            false => Some(self.wire_length),
            true => (is_deep && complete && is_readable).then_some(self.length),
        };
        let truncated = self.given_up || self.keeps && self.length > limits.kept_payload as u64;
        let valid_utf8 = self.utf8.as_ref().and_then(|utf8| {
            let whole = complete && is_readable;
            let invalid_at = if whole {
                utf8.finish()
            } else {
                utf8.invalid_at()
            };
            (whole || invalid_at.is_some()).then_some(invalid_at.is_none())
        });
        let shows = self.keeps && (is_readable || self.inflation == Inflation::OverLimit);
        let beginning = if shows {
            &self.kept[..self.kept.len().min(limits.kept_payload)]
        } else {
            &[]
        };
        Message {
            kind,
            compressed: self.compressed,
            wire_length: self.wire_length,
            length,
            complete,
            valid_utf8,
            data: (shows && is_readable && !truncated).then_some(beginning),
            beginning,
            truncated,
            sha256: self.sha256(truncated).filter(|_| complete && is_readable),
            close: (kind == MessageKind::Close).then(|| close::body(&self.kept)),
            span: Span::new(self.start, self.end),
            frame_count: self.frame_count,
            fragments: &self.fragments,
        }
    }

    /// The digest of all that was seen of it.
    fn sha256(&self, truncated: bool) -> Option<[u8; 32]> {
        match &self.digest {
            Some(digest) => Some(digest.clone().finalize().into()),
            // A little more than the limit may be there, and nothing beyond that.
            None if self.digests_long && truncated && self.compressed && !self.given_up => {
                Some(Sha256::digest(&self.kept).into())
            }
            None => None,
        }
    }

    /// Where its text stops being UTF-8, as far as it was seen.
    pub(super) fn invalid_utf8_at(&self) -> Option<u64> {
        self.utf8.as_ref()?.finish()
    }

    /// Gives back what a large message made it hold.
    pub(super) fn shrink(&mut self) {
        const SPARE: usize = 64 << 10;
        self.kept.clear();
        self.kept.shrink_to(SPARE);
        self.fragments.clear();
        self.fragments.shrink_to(SPARE / 64);
    }
}

/// The needs for which payloads are unmasked, put together and inflated.
pub(super) fn is_deep(needs: Needs) -> bool {
    needs.any(Needs::MESSAGES | Needs::DIGEST | Needs::FINDINGS)
}

/// What inflating needs besides the message: the caps, and room for what is not kept.
pub(super) struct Inflating<'a> {
    pub(super) limits: &'a Limits,
    pub(super) overflow: &'a mut Vec<u8>,
}

/// Inflates straight into what is kept, and beyond that into a buffer used again and again.
struct IntoMessage<'a, 'b> {
    assembly: &'a mut Assembly,
    work: &'a mut Inflating<'b>,
    in_kept: bool,
}

impl InflateSink for IntoMessage<'_, '_> {
    fn buffer(&mut self) -> Option<&mut Vec<u8>> {
        const STEP: usize = 32 << 10;
        let limits = self.work.limits;
        if self.assembly.length > limits.inflated {
            return None;
        }
        let kept = &mut self.assembly.kept;
        self.in_kept = self.assembly.keeps && kept.len() < limits.kept_payload;
        if !self.in_kept {
            self.work.overflow.clear();
            self.work.overflow.reserve(STEP);
            return Some(self.work.overflow);
        }
        if kept.len() == kept.capacity() {
            kept.reserve(kept.len().max(1 << 10).min(limits.kept_payload.max(1)));
        }
        Some(kept)
    }

    fn appended(&mut self, count: usize) {
        let assembly = &mut *self.assembly;
        let buffer = match self.in_kept {
            true => &assembly.kept,
            false => &*self.work.overflow,
        };
        let new = &buffer[buffer.len() - count..];
        if assembly.digests_long && assembly.digest.is_none() && !self.in_kept && assembly.keeps {
            assembly.digest = Some(Sha256::new_with_prefix(&assembly.kept));
        }
        assembly.length = assembly.length.saturating_add(count as u64);
        if let Some(utf8) = &mut assembly.utf8 {
            utf8.push(new);
        }
        if let Some(digest) = &mut assembly.digest {
            digest.update(new);
        }
    }
}
