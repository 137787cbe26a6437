//! Frames in bytes that somebody typed or piped: cut into frames, decoded by the program's own decoder, and told field by
//! field.
//!
//! The bytes may be of both sides: unless it is said who sent them, a masked frame is the client's and an unmasked one the
//! server's, and each side has a stream of its own. Frames of a draft are of one side, as nothing in them tells.

use crate::base::{Field, Finding, Limits, Needs, PerSide, Side, Span};
use crate::websocket::close::CloseCode;
use crate::websocket::deflate::Parameters;
use crate::websocket::draft_layout::{self, DraftHeader};
use crate::websocket::handshake::{Compression, Framing};
use crate::websocket::{
    About, Frame, FrameHeader, FrameSink, MAX_HEADER_LEN, Message, MessageKind, Negotiated,
    Scratch, Stream, layout,
};

/// How bytes are read as frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Who sent them; `None` to go by the mask bit of each frame.
    pub from: Option<Side>,
    /// How frames lie in the bytes.
    pub framing: Framing,
    /// Whether permessage-deflate was agreed on; `None` to go by whether a first frame of a message has RSV1.
    pub deflate: Option<bool>,
}

/// A frame with everything there is to say of it.
#[derive(Clone, Debug)]
pub struct ExplainedFrame {
    /// Who sent it.
    pub from: Side,
    /// How it lies in its bytes.
    pub framing: Framing,
    /// Position of its first byte in the input.
    pub at: u64,
    /// Its bytes, as far as they are there.
    pub bytes: Vec<u8>,
    /// Its header in the words of RFC 6455; `None` when it is cut inside the header.
    pub header: Option<FrameHeader>,
    /// Its payload as far as it is there, unmasked and not inflated.
    pub payload: Vec<u8>,
    /// Whether it is (part of) a compressed message.
    pub compressed: bool,
    /// Bytes that the header declares and that are not there.
    pub missing: u64,
    /// The message that it completes.
    pub message: Option<ExplainedMessage>,
    /// What is wrong with it or with its message. Spans are positions in the input.
    pub findings: Vec<Finding>,
}

/// A message, put together and inflated.
#[derive(Clone, Debug)]
pub struct ExplainedMessage {
    /// What it is.
    pub kind: MessageKind,
    /// Its bytes; the first of them when it is longer than what is kept.
    pub data: Vec<u8>,
    /// Frames it was sent in.
    pub frames: u64,
    /// Whether it crossed the wire compressed.
    pub compressed: bool,
    /// Whether nothing of it is missing.
    pub complete: bool,
    /// Code and reason of a close.
    pub close: Option<(Option<CloseCode>, Vec<u8>)>,
}

/// All frames of `bytes`, the last one perhaps cut; none of no bytes.
#[must_use]
pub fn frames(bytes: &[u8], options: Options) -> Vec<ExplainedFrame> {
    match options.framing {
        Framing::Rfc6455 => by_mask(bytes, options),
        framing => of_draft(bytes, framing, options.from.unwrap_or(Side::Client)),
    }
}

const NEEDS: Needs = Needs::PAYLOAD.with(Needs::MESSAGES).with(Needs::FINDINGS);

/// Whether bytes of both sides look compressed: the first frame of some message has RSV1.
fn is_compressed(bytes: &[u8]) -> bool {
    cuts(bytes).any(|(_, frame)| matches!(frame.first().map(|byte| byte & 0x4f), Some(0x41 | 0x42)))
}

/// The frames of RFC 6455 in `bytes`, each with its position; the last one is what remains.
fn cuts(bytes: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = bytes.get(at..).filter(|rest| !rest.is_empty())?;
        let len = FrameHeader::parse(rest).map_or(u64::MAX, |header| {
            header
                .payload_length
                .saturating_add(header.header_length.into())
        });
        let len = usize::try_from(len).map_or(rest.len(), |len| len.min(rest.len()));
        let start = at;
        at += len;
        Some((start, &rest[..len]))
    })
}

fn by_mask(bytes: &[u8], options: Options) -> Vec<ExplainedFrame> {
    let compression = match options.deflate.unwrap_or_else(|| is_compressed(bytes)) {
        true => Compression::Message(Parameters::default()),
        false => Compression::None,
    };
    let negotiated = Negotiated {
        version: Some(13),
        compression,
        ..Negotiated::default()
    };
    let mut streams = PerSide::new(|side| Stream::new(side, &negotiated, NEEDS, 0));
    let mut pushed = PerSide::new(|_| 0u64);
    let mut scratch = Scratch::new(&Limits::default());
    let mut all = Vec::new();
    for (at, frame) in cuts(bytes) {
        let is_masked = frame.get(1).is_some_and(|byte| byte & 0x80 != 0);
        let by_mask = if is_masked {
            Side::Client
        } else {
            Side::Server
        };
        let from = options.from.unwrap_or(by_mask);
        let mut gather = Gather {
            from,
            framing: Framing::Rfc6455,
            at: at as u64,
            stream_at: pushed[from],
            input: bytes,
            found: Vec::new(),
            early: Vec::new(),
        };
        streams[from].push(frame, &mut scratch, &mut gather);
        pushed[from] += frame.len() as u64;
        if at + frame.len() == bytes.len() {
            streams[from].finish(&mut scratch, &mut gather);
        }
        let is_cut_in_header = gather.found.is_empty();
        let findings = std::mem::take(&mut gather.early);
        all.append(&mut gather.found);
        if is_cut_in_header {
            all.push(ExplainedFrame {
                from,
                framing: Framing::Rfc6455,
                at: at as u64,
                bytes: frame.to_vec(),
                header: None,
                payload: Vec::new(),
                compressed: false,
                missing: 0,
                message: None,
                findings,
            });
        } else if let Some(last) = all.last_mut() {
            last.findings.extend(findings);
        }
    }
    all
}

fn of_draft(bytes: &[u8], framing: Framing, from: Side) -> Vec<ExplainedFrame> {
    let negotiated = Negotiated {
        framing,
        ..Negotiated::default()
    };
    let mut gather = Gather {
        from,
        framing,
        at: 0,
        stream_at: 0,
        input: bytes,
        found: Vec::new(),
        early: Vec::new(),
    };
    let mut scratch = Scratch::new(&Limits::default());
    let mut stream = Stream::new(from, &negotiated, NEEDS, 0);
    stream.push(bytes, &mut scratch, &mut gather);
    stream.finish(&mut scratch, &mut gather);
    let told = gather
        .found
        .last()
        .map_or(0, |last| last.at as usize + last.bytes.len());
    let mut all = gather.found;
    if let Some(rest) = bytes.get(told..).filter(|rest| !rest.is_empty()) {
        all.push(ExplainedFrame {
            from,
            framing,
            at: told as u64,
            bytes: rest.to_vec(),
            header: None,
            payload: Vec::new(),
            compressed: false,
            missing: 0,
            message: None,
            findings: gather.early,
        });
    }
    all
}

/// Takes what a stream tells, and puts its positions into the input.
struct Gather<'a> {
    from: Side,
    framing: Framing,
    /// Where the bytes being pushed lie in the input, and in the stream.
    at: u64,
    stream_at: u64,
    input: &'a [u8],
    found: Vec<ExplainedFrame>,
    /// Findings before any frame.
    early: Vec<Finding>,
}

impl Gather<'_> {
    fn place(&self, span: Span) -> Option<Span> {
        let start = (span.start + self.at).checked_sub(self.stream_at)?;
        Some(Span::at(start, span.len()))
    }
}

impl FrameSink for Gather<'_> {
    fn frame(&mut self, frame: &Frame<'_>) {
        let at = (frame.stream_offset + self.at).saturating_sub(self.stream_at);
        let end = self.input.len();
        let len = frame.span().len();
        let start = usize::try_from(at).unwrap_or(end).min(end);
        let stop = usize::try_from(at.saturating_add(len))
            .unwrap_or(end)
            .min(end);
        let mut buffer = Vec::new();
        let payload = frame.payload(&mut buffer).unwrap_or_default().to_vec();
        let mut bytes = self.input[start..stop].to_vec();
        if self.framing.draft().is_some() {
            bytes = with_terminator(self.input, start, stop, self.framing, self.from);
        }
        self.found.push(ExplainedFrame {
            from: self.from,
            framing: self.framing,
            at,
            bytes,
            header: Some(frame.header),
            payload,
            compressed: frame.compressed,
            missing: frame
                .header
                .payload_length
                .saturating_sub(frame.captured_length),
            message: None,
            findings: Vec::new(),
        });
    }

    fn message(&mut self, message: &Message<'_>) {
        if let Some(last) = self.found.last_mut() {
            last.message = Some(ExplainedMessage {
                kind: message.kind,
                data: message.data.unwrap_or(message.beginning).to_vec(),
                frames: message.frame_count,
                compressed: message.compressed,
                complete: message.complete,
                close: message.close.map(|(code, reason)| (code, reason.to_vec())),
            });
        }
    }

    fn finding(&mut self, about: About, mut finding: Finding) {
        let span = finding.span.filter(|_| about == About::Frame);
        finding.span = span.and_then(|span| self.place(span));
        match self.found.last_mut() {
            Some(last) => last.findings.push(finding),
            None => self.early.push(finding),
        }
    }
}

/// The bytes of a frame of a draft, with the `ff` that ends a text of hixie, which is part of no payload.
fn with_terminator(
    input: &[u8],
    start: usize,
    stop: usize,
    framing: Framing,
    from: Side,
) -> Vec<u8> {
    let mut bytes = input[start..stop].to_vec();
    if draft_layout::header(framing, from, &bytes).ends_with_ff && bytes.last() != Some(&0xff) {
        bytes.extend(input.get(stop).filter(|byte| **byte == 0xff));
    }
    bytes
}

impl ExplainedFrame {
    /// Bytes of its header; all of them when it is cut inside it.
    #[must_use]
    pub fn header_len(&self) -> usize {
        let len = self
            .header
            .map_or(usize::MAX, |header| header.header_length.into());
        len.min(self.bytes.len())
    }

    /// The header of a draft, taken apart; empty for RFC 6455.
    #[must_use]
    pub fn draft_header(&self) -> DraftHeader {
        draft_layout::header(self.framing, self.from, &self.bytes)
    }

    /// Its header's fields, as the detail tree shows them; of a cut header those that are whole.
    #[must_use]
    pub fn fields(&self) -> Vec<Field> {
        if self.framing.draft().is_some() {
            return draft_layout::fields(self.framing, self.from, &self.bytes, self.at);
        }
        if self.header.is_some() {
            return layout::fields(&self.bytes, self.at);
        }
        // What is missing is taken for zero: no field that is there depends on it.
        let mut padded = self.bytes.clone();
        padded.resize(MAX_HEADER_LEN, 0);
        let end = self.at + self.bytes.len() as u64;
        let mut fields = layout::fields(&padded, self.at);
        fields.retain(|field| field.span.is_some_and(|span| span.end <= end));
        fields
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;

    fn of(hex: &str) -> Vec<ExplainedFrame> {
        frames(&hex::decode(hex).unwrap(), Options::default())
    }

    #[test]
    fn the_two_frames_of_a_trace_are_of_both_sides() {
        let frames = of("8185cb6e9f8e830bf3e2a4810548656c6c6f");
        let told: Vec<_> = frames
            .iter()
            .map(|frame| (frame.from, frame.at, frame.payload.as_slice()))
            .collect();
        assert_eq!(
            told,
            [
                (Side::Client, 0, &b"Hello"[..]),
                (Side::Server, 11, b"Hello")
            ]
        );
        assert!(frames.iter().all(|frame| frame.findings.is_empty()));
        assert_eq!(frames[1].fields()[0].span, Some(Span::new(11, 12)));
    }

    #[test]
    fn cut_frames_say_what_is_there() {
        let [frame] = &of("8185cb6e9f8e830b")[..] else {
            panic!()
        };
        assert_eq!((frame.missing, frame.payload.as_slice()), (3, &b"He"[..]));
        let [frame] = &of("81fe01")[..] else { panic!() };
        assert_eq!(frame.header, None);
        assert_eq!(frame.fields().len(), 7);
        let [frame] = &of("81")[..] else { panic!() };
        assert_eq!(frame.fields().len(), 5);
    }

    #[test]
    fn what_is_wrong_is_what_the_decoder_finds() {
        let from = |hex: &str, from| {
            let options = Options {
                from: Some(from),
                ..Options::default()
            };
            let frames = frames(&hex::decode(hex).unwrap(), options);
            let codes = frames.iter().flat_map(|frame| &frame.findings);
            codes.map(|finding| finding.code).collect::<Vec<_>>()
        };
        assert_eq!(
            from("810548656c6c6f", Side::Client),
            [Code::ClientFrameUnmasked]
        );
        assert_eq!(
            from("817e000548656c6c6f", Side::Server),
            [Code::LengthNotMinimal]
        );
        assert_eq!(
            from("0103486900", Side::Server),
            [] as [Code; 0],
            "open at the end"
        );
        assert_eq!(
            from("800548656c6c6f", Side::Server),
            [Code::ContinuationWithoutStart]
        );
        assert_eq!(from("880103", Side::Server), [Code::CloseBodyInvalid]);
    }

    #[test]
    fn compressed_messages_are_inflated_with_their_context() {
        // RFC 7692 section 7.2.3.
        let frames = of("c107f248cdc9c90700c105f200110000");
        let texts: Vec<_> = frames
            .iter()
            .map(|frame| frame.message.as_ref().unwrap().data.as_slice())
            .collect();
        assert_eq!(texts, [b"Hello", b"Hello"]);
    }

    #[test]
    fn frames_of_drafts_are_read_too() {
        let options = |framing, from| Options {
            from: Some(from),
            framing,
            deflate: None,
        };
        let hixie = frames(
            b"\x00Hello\xff\x00Bye\xff",
            options(Framing::Hixie76, Side::Server),
        );
        let texts: Vec<_> = hixie.iter().map(|frame| frame.payload.as_slice()).collect();
        assert_eq!(texts, [&b"Hello"[..], b"Bye"]);
        assert_eq!(hixie[0].bytes, b"\x00Hello\xff");
        let hybi = frames(b"\x04\x05Hello", options(Framing::Hybi(3), Side::Server));
        assert_eq!(hybi[0].payload, b"Hello");
        assert_eq!(hybi[0].fields().len(), 7);
    }
}
