//! The rules a frame and a message are held against, one function a rule.
//!
//! A clean frame pays for [`SeenHeader::is_clean`] only; the rules run when that says something is off. A rule looks and
//! tells; it never changes how decoding goes on.

use super::close::CloseCode;
use super::frame::{FrameHeader, LengthForm, Opcode};
use super::message::{Message, MessageKind};
use crate::base::{Code, Finding, Limits, Shape, Side, Span, escape};

/// One frame header with what it is judged by.
pub(super) struct SeenHeader<'a> {
    pub(super) header: &'a FrameHeader,
    /// The sender.
    pub(super) side: Side,
    /// The frame's bytes in the stream.
    pub(super) span: Span,
    /// Sec-WebSocket-Version; drafts before 13 were laxer.
    pub(super) version: Option<u8>,
    /// Which frames may set RSV1.
    pub(super) rsv1: Rsv1,
    /// Whether a fragmented message is open.
    pub(super) in_message: bool,
    /// Whether frames before this one are missing, so that a message may have begun unseen.
    pub(super) start_unknown: bool,
    /// Whether this side has sent its close frame.
    pub(super) closed: bool,
    /// The masking key of the frame before.
    pub(super) previous_key: Option<[u8; 4]>,
}

/// Which frames may set RSV1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rsv1 {
    /// None: no extension defines it.
    Never,
    /// The first frame of a message (RFC 7692 section 6).
    FirstDataFrame,
    /// Every data frame (`x-webkit-deflate-frame`).
    DataFrame,
}

/// For each first byte: 0 never wrong by itself, 1 right when RSV1 means compression, 2 look closer.
pub(super) static FIRST_BYTE: [u8; 256] = first_bytes();

const fn first_bytes() -> [u8; 256] {
    let mut table = [2; 256];
    let mut byte = 0;
    while byte < 256 {
        let (fin, reserved, opcode) = (byte & 0x80 != 0, byte & 0x70, byte & 0x0f);
        let known = matches!(opcode, 0..=2) || (matches!(opcode, 8..=10) && fin);
        if known && reserved == 0 {
            table[byte] = 0;
        } else if matches!(opcode, 1 | 2) && reserved == 0x40 {
            table[byte] = 1;
        }
        byte += 1;
    }
    table
}

impl SeenHeader<'_> {
    /// One combined look that says whether every header rule holds. May say no for a frame that breaks none.
    #[inline]
    pub(super) fn is_clean(&self) -> bool {
        let header = self.header;
        let first_byte = FIRST_BYTE[usize::from(header.byte0)];
        let is_data = header.byte0 & 0x08 == 0;
        let is_continuation = header.byte0 & 0x0f == 0;
        let wrong_mask = header.masked() != (self.side == Side::Client);
        let wrong_place = is_data & (is_continuation != self.in_message);
        let same_key = header.masking_key.is_some()
            & ((header.masking_key == self.previous_key) | (header.masking_key == Some([0; 4])));
        let long = header.byte1 & 0x7f >= 126;
        !(self.closed
            | wrong_mask
            | wrong_place
            | same_key
            | (first_byte > u8::from(self.rsv1 != Rsv1::Never))
            | (long && !self.is_long_length_clean()))
    }

    fn is_long_length_clean(&self) -> bool {
        let header = self.header;
        header.byte0 & 0x08 == 0
            && header.length_form() == LengthForm::minimal(header.payload_length)
            && header.payload_length >> 63 == 0
    }

    fn finding(&self, code: Code, text: impl Into<String>) -> Option<Finding> {
        Some(Finding::new(code, text).at(self.span))
    }
}

/// Every rule about a frame header.
pub(super) const HEADER_RULES: &[fn(&SeenHeader<'_>) -> Option<Finding>] = &[
    client_frame_unmasked,
    server_frame_masked,
    reserved_bit_set,
    reserved_opcode,
    control_frame_fragmented,
    control_frame_too_long,
    length_not_minimal,
    length_invalid,
    continuation_without_start,
    message_interrupted,
    data_after_close,
    masking_key_zero,
    masking_key_reused,
];

/// Those that hold for the drafts before version 7, too.
pub(super) const LEGACY_RULES: &[fn(&SeenHeader<'_>) -> Option<Finding>] = &[
    reserved_opcode,
    control_frame_fragmented,
    length_invalid,
    continuation_without_start,
    message_interrupted,
    data_after_close,
];

fn client_frame_unmasked(seen: &SeenHeader<'_>) -> Option<Finding> {
    if seen.side != Side::Client || seen.header.masked() {
        return None;
    }
    seen.finding(
        Code::ClientFrameUnmasked,
        "the client must mask every frame; the mask bit is 0",
    )
}

fn server_frame_masked(seen: &SeenHeader<'_>) -> Option<Finding> {
    if seen.side != Side::Server || !seen.header.masked() {
        return None;
    }
    seen.finding(
        Code::ServerFrameMasked,
        "the server must not mask; the mask bit is 1",
    )
}

fn reserved_bit_set(seen: &SeenHeader<'_>) -> Option<Finding> {
    let header = seen.header;
    let opcode = header.opcode();
    let rsv1_allowed = match seen.rsv1 {
        Rsv1::Never => false,
        Rsv1::FirstDataFrame => opcode.is_data() && opcode != Opcode::Continuation,
        Rsv1::DataFrame => opcode.is_data(),
    };
    let bits: Vec<&str> = [
        (header.rsv1() && !rsv1_allowed, "RSV1"),
        (header.rsv2(), "RSV2"),
        (header.rsv3(), "RSV3"),
    ]
    .into_iter()
    .filter_map(|(wrong, name)| wrong.then_some(name))
    .collect();
    if bits.is_empty() {
        return None;
    }
    let why = match seen.rsv1 {
        Rsv1::FirstDataFrame if header.rsv1() && opcode.is_control() => {
            "control frames are never compressed"
        }
        Rsv1::FirstDataFrame if header.rsv1() && opcode == Opcode::Continuation => {
            "only a message's first frame says that it is compressed"
        }
        _ => "no negotiated extension gives it a meaning",
    };
    seen.finding(
        Code::ReservedBitSet,
        format!(
            "{} set in a {} frame; {why}",
            bits.join(" and "),
            opcode.name()
        ),
    )
}

fn reserved_opcode(seen: &SeenHeader<'_>) -> Option<Finding> {
    let Opcode::Reserved(number) = seen.header.opcode() else {
        return None;
    };
    seen.finding(
        Code::ReservedOpcode,
        format!("opcode {number} has no meaning"),
    )
}

fn control_frame_fragmented(seen: &SeenHeader<'_>) -> Option<Finding> {
    let opcode = seen.header.opcode();
    if opcode.is_data() || seen.header.fin() {
        return None;
    }
    seen.finding(
        Code::ControlFrameFragmented,
        format!("a {} frame must be whole; FIN is 0", opcode.name()),
    )
}

fn control_frame_too_long(seen: &SeenHeader<'_>) -> Option<Finding> {
    let (opcode, length) = (seen.header.opcode(), seen.header.payload_length);
    if opcode.is_data() || length <= 125 {
        return None;
    }
    seen.finding(
        Code::ControlFrameTooLong,
        format!(
            "a {} frame may have 125 bytes; it has {length}",
            opcode.name()
        ),
    )
}

fn length_not_minimal(seen: &SeenHeader<'_>) -> Option<Finding> {
    let header = seen.header;
    let minimal = LengthForm::minimal(header.payload_length);
    // Mandatory since draft 14; versions 7 and 8 are older.
    if header.length_form() == minimal || matches!(seen.version, Some(7 | 8)) {
        return None;
    }
    seen.finding(
        Code::LengthNotMinimal,
        format!(
            "length {} is written in {} bits; {} are enough",
            header.payload_length,
            header.length_form().bits(),
            minimal.bits()
        ),
    )
}

fn length_invalid(seen: &SeenHeader<'_>) -> Option<Finding> {
    let length = seen.header.payload_length;
    if length >> 63 == 0 {
        return None;
    }
    seen.finding(
        Code::LengthInvalid,
        format!("the most significant bit of the 64-bit length must be 0; it is {length:#018x}"),
    )
}

fn continuation_without_start(seen: &SeenHeader<'_>) -> Option<Finding> {
    if seen.header.opcode() != Opcode::Continuation || seen.in_message || seen.start_unknown {
        return None;
    }
    seen.finding(
        Code::ContinuationWithoutStart,
        "a continuation frame, and no message is open",
    )
}

fn message_interrupted(seen: &SeenHeader<'_>) -> Option<Finding> {
    let opcode = seen.header.opcode();
    if !seen.in_message || !matches!(opcode, Opcode::Text | Opcode::Binary) {
        return None;
    }
    seen.finding(
        Code::MessageInterrupted,
        format!(
            "a {} frame where the open message must be continued",
            opcode.name()
        ),
    )
}

fn data_after_close(seen: &SeenHeader<'_>) -> Option<Finding> {
    if !seen.closed {
        return None;
    }
    let name = seen.header.opcode().name();
    seen.finding(
        Code::DataAfterClose,
        format!("a {name} frame after the {}'s close frame", seen.side),
    )
}

fn masking_key_zero(seen: &SeenHeader<'_>) -> Option<Finding> {
    if seen.header.masking_key != Some([0; 4]) {
        return None;
    }
    seen.finding(
        Code::MaskingKeyZero,
        "the masking key is 00000000, so the payload is sent as it is",
    )
}

fn masking_key_reused(seen: &SeenHeader<'_>) -> Option<Finding> {
    let key = seen.header.masking_key.filter(|key| *key != [0; 4])?;
    if seen.previous_key != Some(key) {
        return None;
    }
    seen.finding(
        Code::MaskingKeyReused,
        format!(
            "the masking key {} is that of the frame before",
            hex::encode(key)
        ),
    )
}

/// Every rule about a close message.
pub(super) const CLOSE_RULES: &[fn(&Message<'_>) -> Option<Finding>] =
    &[close_body_invalid, close_code_invalid, close_reason_utf8];

fn close_body_invalid(message: &Message<'_>) -> Option<Finding> {
    if message.wire_length != 1 {
        return None;
    }
    let text = "a close body is empty or begins with a code of two bytes; it has one byte";
    Some(Finding::new(Code::CloseBodyInvalid, text).at(message.span))
}

fn close_code_invalid(message: &Message<'_>) -> Option<Finding> {
    let code = message.close?.0?;
    if code.may_be_sent() {
        return None;
    }
    let CloseCode(number) = code;
    let text = format!("close code {number} ({}) must not be sent", code.name());
    Some(Finding::new(Code::CloseCodeInvalid, text).at(message.span))
}

fn close_reason_utf8(message: &Message<'_>) -> Option<Finding> {
    let reason = message.close?.1;
    let error = std::str::from_utf8(reason).err()?;
    if !message.complete && error.error_len().is_none() {
        return None;
    }
    let text = format!(
        "the close reason is no UTF-8 from its byte {} on: {}",
        error.valid_up_to(),
        escape::preview(reason, 40)
    );
    Some(Finding::new(Code::InvalidUtf8, text).at(message.span))
}

/// A text message that is not UTF-8 from byte `at` on.
pub(super) fn invalid_utf8(message: &Message<'_>, at: u64) -> Finding {
    let mut text = format!("the text is no UTF-8 from its byte {at} on");
    let rest = usize::try_from(at)
        .ok()
        .and_then(|at| message.beginning.get(at..));
    if let Some(rest) = rest.filter(|rest| !rest.is_empty()) {
        text.push_str(": ");
        text.push_str(&escape::preview(rest, 16));
    }
    debug_assert_eq!(message.kind, MessageKind::Text);
    Finding::new(Code::InvalidUtf8, text).at(message.span)
}

/// A compressed message that refers to what is missing.
pub(super) fn context_lost(message: &Message<'_>) -> Finding {
    let text = "this compressed message refers to earlier ones that are missing from the capture; it and those that \
                build on it cannot be read";
    Finding::new(Code::DeflateContextLost, text).at(message.span)
}

/// A compressed message that does not inflate although everything before it was seen.
pub(super) fn deflate_invalid(message: &Message<'_>) -> Finding {
    let text = "the compressed message is no DEFLATE data, or refers to bytes that were never sent";
    Finding::new(Code::DeflateInvalid, text).at(message.span)
}

/// A compressed message longer than what may be inflated.
pub(super) fn inflate_limit(message: &Message<'_>, limits: &Limits) -> Finding {
    let text = format!(
        "{} compressed bytes inflate to more than {}; inflating stopped there",
        message.wire_length, limits.inflated
    );
    Finding::new(Code::InflateLimit, text).at(message.span)
}

/// A compressed message of one connection too many.
pub(super) fn too_many_inflaters(message: &Message<'_>, limits: &Limits) -> Finding {
    let text = format!(
        "the message is not inflated: {} other compression contexts are being kept",
        limits.inflaters
    );
    Finding::new(Code::InflateLimit, text).at(message.span)
}

/// What was kept for this side's messages is given up.
pub(super) fn memory_limit(limits: &Limits) -> Finding {
    let text = format!(
        "all flows together keep more than {} bytes; what was kept of this side's message in progress was given up",
        limits.state_bytes
    );
    Finding::new(Code::MemoryLimit, text)
}

/// How a search for the next boundary ended.
pub(super) fn lost_sync(passed: u64, span: Span, is_found: bool) -> Finding {
    let text = match (is_found, passed) {
        (true, 0) => {
            "bytes with a frame's beginning are missing; decoding goes on at the next frame"
                .to_owned()
        }
        (true, _) => format!(
            "the frame boundary was lost; {passed} bytes were passed over to the next frame"
        ),
        (false, _) => format!(
            "the frame boundary was lost, and none was found in the {passed} bytes that follow"
        ),
    };
    Finding::new(Code::LostSync, text).at(span)
}

/// What bytes are that stand where a frame should begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stray<'a> {
    /// Nothing but a frame.
    No,
    /// More bytes are needed to tell.
    Perhaps,
    /// HTTP: this is how it begins.
    Http(&'static str),
    /// Other text: these bytes of it were looked at.
    Text(&'a [u8]),
    /// Text behind its length in so many bytes, in network byte order.
    Counted(usize, &'a [u8]),
}

const HTTP_STARTS: &[&str] = &[
    "HTTP/1.",
    "GET /",
    "POST /",
    "PUT /",
    "HEAD /",
    "DELETE /",
    "OPTIONS ",
    "CONNECT ",
    "PATCH /",
    "<!DOCTYPE ",
    "<!doctype ",
    "<html>",
    "<HTML>",
    "<html ",
];

/// Bytes that have to be text before text is what they are.
const TEXT: usize = 6;
/// The same where the first of them may begin a compressed message in fragments (`A`, `B`).
const TEXT_LONGER: usize = 12;

/// Whether `bytes` begin an HTTP message, or, at the beginning of a stream, any text. The first byte of each, read as a frame,
/// breaks a rule, so clean frames never come here.
pub(super) fn stray(bytes: &[u8], is_beginning: bool) -> Stray<'_> {
    let mut found = Stray::No;
    for start in HTTP_STARTS {
        if bytes.starts_with(start.as_bytes()) {
            return Stray::Http(start);
        }
        if start.as_bytes().starts_with(bytes) {
            found = Stray::Perhaps;
        }
    }
    match found {
        Stray::No if is_beginning && bytes.starts_with(&[0]) => counted(bytes),
        Stray::No if is_beginning => text(bytes),
        found => found,
    }
}

/// Bytes that a length in front of text takes, as protocols over TCP have them.
const COUNTS: [usize; 3] = [2, 4, 8];
/// The longest text behind one: what a longer length ends with may be the first byte of a whole frame.
const COUNTED: u64 = 0x7fff;

/// Text behind its length. Read as a frame its first byte continues a message that nobody began. More than two bytes of length
/// begin a frame that is empty and whole, so nothing is waited for behind them.
fn counted(bytes: &[u8]) -> Stray<'_> {
    let mut found = Stray::No;
    for width in COUNTS {
        let (count, start) = bytes.split_at(width.min(bytes.len()));
        let value = count
            .iter()
            .fold(0, |value, byte| value << 8 | u64::from(*byte));
        let looked = start.get(..TEXT).unwrap_or(start);
        // `00 LL` alone begins a frame of that length, too: only what is plainly no payload of one is taken.
        let is_marked = width > 2 || looked.first().is_none_or(|byte| b"{[<".contains(byte));
        let is_whole = count.len() == width && looked.len() == TEXT;
        let fits = value <= COUNTED && (value >= TEXT as u64 || count.len() < width);
        match fits && is_marked && is_text(looked) {
            true if is_whole => return Stray::Counted(width, looked),
            true if width == 2 => found = Stray::Perhaps,
            _ => {}
        }
    }
    found
}

/// Whether bytes are text, as far as they go: UTF-8 without control characters.
fn is_text(bytes: &[u8]) -> bool {
    let is_control = |byte: &u8| byte.is_ascii_control() && !b"\t\r\n".contains(byte);
    let is_utf8 = match std::str::from_utf8(bytes) {
        Ok(_) => true,
        Err(error) => error.error_len().is_none(),
    };
    is_utf8 && !bytes.iter().any(is_control)
}

/// The second byte of text, read as a frame's, declares at least 32 bytes without a masking key, more than are waited for.
fn text(bytes: &[u8]) -> Stray<'_> {
    let Some([first @ b' '..=b'~', b' '..=b'~']) = bytes.first_chunk() else {
        return Stray::No;
    };
    let wanted = match first {
        b'A' | b'B' => TEXT_LONGER,
        _ => TEXT,
    };
    let looked = bytes.get(..wanted).unwrap_or(bytes);
    if !is_text(looked) {
        return Stray::No;
    }
    match looked.len() < wanted {
        true => Stray::Perhaps,
        false => Stray::Text(looked),
    }
}

/// Text where the first frame should begin, behind so many bytes of its length.
pub(super) fn not_frames(count: usize, start: &[u8], at: u64) -> Finding {
    let behind = match count {
        0 => String::new(),
        count => format!(" behind its length in {count} bytes,"),
    };
    let text = format!(
        "text{behind} where the first frame should begin: \"{}\"",
        escape::preview(start, 40)
    );
    let shape = match start {
        [b'{' | b'[', ..] => Shape::Json,
        [b'<', ..] => Shape::Markup,
        _ => Shape::Text,
    };
    let finding = Finding::new(Code::NotFrames, text).like(shape);
    finding.at(Span::at(at, (count + start.len()) as u64))
}

/// HTTP where a frame should begin.
pub(super) fn http_inside_frames(start: &str, at: u64) -> Finding {
    let text = format!("HTTP where a frame should begin: {start:?}");
    let shape = match start.contains("HTTP/1.") {
        true => Shape::HttpHead,
        false => Shape::Markup,
    };
    let finding = Finding::new(Code::HttpInsideFrames, text).like(shape);
    finding.at(Span::at(at, start.len() as u64))
}
