//! Content as lines: JSON where it is JSON, text where it is text, hex where it is neither.

use crate::payload;

use super::line::{Line, LineKind, shown};
use super::pretty::pretty;

/// Bytes of one content that are made into lines.
pub const MOST: usize = 4 << 20;
/// Bytes that may stand before JSON, as protocols have them.
const BEFORE: usize = 256;
/// Lines that are each looked at for JSON.
const EACH: usize = 20_000;
/// Bytes on a line of hex.
const HEX: usize = 16;

/// Adds the lines of a content.
pub(super) fn add(bytes: &[u8], lines: &mut Vec<Line>) {
    let all = bytes.len();
    let bytes = bytes.get(..MOST).unwrap_or(bytes);
    if bytes.is_empty() {
        lines.push(Line::new(LineKind::Note, 0, "(empty)"));
        return;
    }
    match text(bytes, all > MOST) {
        Some(text) => add_text(text, lines),
        None => add_bytes(bytes, all, lines),
    }
    if all > MOST {
        let left = all - MOST;
        let note = format!("{left} bytes more are not shown: y copies, s saves them");
        lines.push(Line::new(LineKind::Note, 0, note));
    }
}

/// Bytes that are text: UTF-8 with few control characters.
fn text(bytes: &[u8], is_cut: bool) -> Option<&str> {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text,
        // The last character may be cut.
        Err(error) if is_cut && error.error_len().is_none() => {
            std::str::from_utf8(&bytes[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    let looked_at = text.bytes().take(4096);
    let (mut odd, mut count) = (0usize, 0usize);
    for byte in looked_at {
        count += 1;
        odd += usize::from(byte < 0x20 && !matches!(byte, b'\n' | b'\r' | b'\t' | 0x1b));
    }
    (odd * 20 <= count).then_some(text)
}

fn add_text(text: &str, lines: &mut Vec<Line>) {
    if pretty(text, lines) {
        return;
    }
    let mut each = text.lines();
    for line in each.by_ref().take(EACH) {
        if !with_json(line, lines) {
            lines.push(Line::new(LineKind::Text, 0, shown(line.as_bytes())));
        }
    }
    for line in each {
        lines.push(Line::new(LineKind::Text, 0, shown(line.as_bytes())));
    }
}

/// A line that is JSON from some place near its beginning on.
fn with_json(line: &str, lines: &mut Vec<Line>) -> bool {
    let Some(at) = line.find(['{', '[']).filter(|at| *at <= BEFORE) else {
        return false;
    };
    let (before, json) = line.split_at(at);
    let count = lines.len();
    if !before.is_empty() {
        lines.push(Line::new(LineKind::Text, 0, shown(before.as_bytes())));
    }
    let is_json = pretty(json, lines);
    if !is_json {
        lines.truncate(count);
    }
    is_json
}

fn add_bytes(bytes: &[u8], all: usize, lines: &mut Vec<Line>) {
    let what = payload::picture(bytes).unwrap_or_else(|| "binary".to_owned());
    let note = format!("{what}, {all} bytes");
    lines.push(Line::new(LineKind::Note, 0, note));
    for (at, run) in bytes.chunks(HEX).enumerate() {
        lines.push(Line::new(LineKind::Hex, 0, hex_line(at * HEX, run)));
    }
}

fn hex_line(at: usize, run: &[u8]) -> String {
    use std::fmt::Write as _;

    let mut out = format!("{at:08x}  ");
    for index in 0..HEX {
        let _ = match run.get(index) {
            Some(byte) => write!(out, "{byte:02x} "),
            None => write!(out, "   "),
        };
        if index == HEX / 2 - 1 {
            out.push(' ');
        }
    }
    out.push(' ');
    let printable = |byte: &u8| (0x20..0x7f).contains(byte);
    out.extend(run.iter().map(|byte| match printable(byte) {
        true => char::from(*byte),
        false => '.',
    }));
    out
}
