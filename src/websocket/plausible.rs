//! How much the bytes at some place look like a frame: shared by the search for a lost boundary and by the recognition
//! of frames whose handshake was not seen.
//!
//! Evidence is counted in bits: n bits where bytes that are no frame would look like this about once in 2^n. What breaks
//! the protocol, or is legal but an unlikely anchor (an empty unfinished continuation: zeros look like that), is no
//! candidate at all.

use super::close::{self, CloseCode};
use super::frame::{FrameHeader, LengthForm, Opcode};
use super::mask;
use super::rules::FIRST_BYTE;

/// What is known of the sender.
#[derive(Clone, Copy, Debug)]
pub(super) struct Expected {
    /// Whether its frames are masked, if that is known.
    pub(super) masked: Option<bool>,
    /// Whether RSV1 may be set.
    pub(super) rsv1: bool,
}

/// A place where a frame may begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) header: FrameHeader,
    /// Evidence from this frame alone.
    pub(super) bits: i32,
}

impl Candidate {
    /// Bytes of the frame.
    pub(super) fn len(&self) -> u64 {
        u64::from(self.header.header_length).saturating_add(self.header.payload_length)
    }

    /// Whether `next` may come right after it (RFC 6455 section 5.4).
    pub(super) fn may_precede(&self, next: &FrameHeader) -> bool {
        if self.header.opcode().is_control() || next.opcode().is_control() {
            return true;
        }
        self.header.fin() != (next.opcode() == Opcode::Continuation)
    }
}

/// What lies at the start of `bytes`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Look {
    /// No frame anyone would send.
    Implausible,
    /// Too few bytes to tell.
    Short,
    /// Perhaps a frame.
    Candidate(Candidate),
}

/// Looks at the start of `bytes`.
pub(super) fn look(bytes: &[u8], expected: &Expected) -> Look {
    let Some(&[byte0, byte1]) = bytes.first_chunk() else {
        return Look::Short;
    };
    // The first two bytes rule out nearly everything that is no frame.
    let wrong_mask = expected
        .masked
        .is_some_and(|masked| masked != (byte1 & 0x80 != 0));
    if FIRST_BYTE[usize::from(byte0)] > u8::from(expected.rsv1) || wrong_mask {
        return Look::Implausible;
    }
    let Some(header) = FrameHeader::parse(bytes) else {
        return Look::Short;
    };
    let payload = &bytes[usize::from(header.header_length)..];
    match bits(&header, payload, expected) {
        Some(bits) => Look::Candidate(Candidate { header, bits }),
        None => Look::Implausible,
    }
}

fn bits(header: &FrameHeader, payload: &[u8], expected: &Expected) -> Option<i32> {
    let mut bits = first_byte_bits(header.byte0) + i32::from(expected.masked.is_some());
    bits += length_bits(header)?;
    bits += key_bits(header);
    let mut sample = [0; SAMPLE];
    let len = payload
        .len()
        .min(SAMPLE)
        .min(usize::try_from(header.payload_length).unwrap_or(SAMPLE));
    let sample = &mut sample[..len];
    sample.copy_from_slice(&payload[..len]);
    mask::unmask(sample, header.masking_key.unwrap_or_default(), 0);
    let is_whole = len as u64 == header.payload_length;
    bits += match header.opcode() {
        Opcode::Close => close_bits(sample, header.payload_length, is_whole)?,
        Opcode::Text if !header.rsv1() => text_bits(sample, is_whole && header.fin())?,
        Opcode::Text | Opcode::Binary if header.rsv1() && !begins_deflate(sample, header) => {
            return None;
        }
        _ => 0,
    };
    Some(bits)
}

/// Whether a compressed message may begin so: with the header of a block (RFC 1951 section 3.2.3), and of a block without
/// compression also its length.
fn begins_deflate(sample: &[u8], header: &FrameHeader) -> bool {
    let Some(&first) = sample.first() else {
        // What is not there yet says nothing; an empty message has a byte.
        return header.payload_length > 0;
    };
    match (first >> 1 & 3, &sample[1..]) {
        (0, [low, high, not_low, not_high, ..]) => *low == !not_low && *high == !not_high,
        (0, rest) => rest.is_empty() || (sample.len() as u64) < header.payload_length,
        (2, rest) => first >> 3 <= 29 && rest.first().is_none_or(|next| next & 0x1f <= 29),
        (kind, _) => kind == 1,
    }
}

/// Payload bytes looked at.
const SAMPLE: usize = 64;

/// The first byte of a continuation that is not the last.
const UNFINISHED: u8 = 0;

/// Less common first bytes say less: others occur in data of many kinds.
fn first_byte_bits(byte0: u8) -> i32 {
    match byte0 {
        0x81 => 7,
        0x89 | 0x8a | 0xc1 | 0xc2 => 6,
        0x82 | 0x88 => 5,
        0x80 | 0x01 | 0x02 | 0x41 | 0x42 => 3,
        // A length of two bytes in front of a record looks like an unfinished continuation.
        UNFINISHED => 0,
        _ => 1,
    }
}

fn length_bits(header: &FrameHeader) -> Option<i32> {
    let length = header.payload_length;
    if header.length_form() != LengthForm::minimal(length) {
        return None;
    }
    match header.length_form() {
        LengthForm::Bits7 if length == 0 && header.byte0 == 0 => None,
        LengthForm::Bits7 if length == 0 => Some(6),
        LengthForm::Bits7 => Some(0),
        _ if header.opcode().is_control() => None,
        LengthForm::Bits16 => Some(6),
        // Lengths of terabytes come from bytes that are no length.
        LengthForm::Bits64 => (length < 1 << 40).then_some(12),
    }
}

/// Keys are random; equal bytes are a sign of padding.
fn key_bits(header: &FrameHeader) -> i32 {
    match header.masking_key {
        Some([a, b, c, d]) if a == b && b == c && c == d => -12,
        _ => 0,
    }
}

fn close_bits(body: &[u8], length: u64, is_whole: bool) -> Option<i32> {
    if length == 0 {
        return Some(0);
    }
    let (code, reason) = close::body(body);
    let Some(code) = code else {
        // One byte is no body; two that are not here yet say nothing.
        return (length > 1).then_some(0);
    };
    if !code.may_be_sent() {
        return None;
    }
    let code_bits = if code < CloseCode(1015) { 10 } else { 4 };
    Some(code_bits + text_bits(reason, is_whole)?)
}

fn text_bits(text: &[u8], is_whole: bool) -> Option<i32> {
    if let Err(error) = std::str::from_utf8(text)
        && (is_whole || error.error_len().is_some())
    {
        return None;
    }
    let controls = text
        .iter()
        .filter(|byte| byte.is_ascii_control() && !b"\t\n\r\x1e".contains(byte))
        .count();
    let printable = (text.len() - controls) as i32;
    Some((printable * 5 / 4).min(40) - 12 * controls as i32)
}

/// Follows frames from the start of `bytes`, each where the last one ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Chain {
    /// Frames followed.
    pub(super) frames: u32,
    /// Evidence from all of them.
    pub(super) bits: i32,
    /// Bytes they cover, up to the end of what there is.
    pub(super) covered: usize,
    /// Whether the last one ends where the bytes end.
    pub(super) ends_exactly: bool,
    /// Whether something that is no frame follows.
    pub(super) is_broken: bool,
    /// Frames that were masked.
    pub(super) masked: u32,
    /// Frames other than unfinished continuations.
    pub(super) anchors: u32,
    /// Payload bytes of the last one beyond the end of the bytes.
    pub(super) open: u64,
}

/// The chain from the start of `bytes`.
pub(super) fn chain(bytes: &[u8], expected: &Expected) -> Chain {
    let mut chain = Chain::default();
    let mut expected = *expected;
    let mut last: Option<Candidate> = None;
    while chain.covered < bytes.len() {
        let candidate = match look(&bytes[chain.covered..], &expected) {
            Look::Candidate(candidate) => candidate,
            Look::Short => return chain,
            Look::Implausible => {
                chain.is_broken = true;
                return chain;
            }
        };
        if last.is_some_and(|last| !last.may_precede(&candidate.header)) {
            chain.is_broken = true;
            return chain;
        }
        // A sender masks all of its frames or none.
        expected.masked = Some(candidate.header.masked());
        chain.frames += 1;
        chain.bits += candidate.bits;
        chain.masked += u32::from(candidate.header.masked());
        chain.anchors += u32::from(candidate.header.byte0 != UNFINISHED);
        let end = (chain.covered as u64).saturating_add(candidate.len());
        chain.ends_exactly = end == bytes.len() as u64;
        chain.open = end.saturating_sub(bytes.len() as u64);
        chain.covered = usize::try_from(end).map_or(bytes.len(), |end| end.min(bytes.len()));
        last = Some(candidate);
    }
    chain
}
