//! The bit ruler: a frame's header in rows of 32 bits, as RFC 6455 section 5.2 draws it, with its actual bits.
//!
//! What the fields are comes from the layouts of `websocket`; here is only how they are drawn: as lines of text, and as the
//! cells that other drawings are made of.

use std::ops::Range;

use super::text::{Line, Role};
use crate::base::escape;
use crate::websocket::draft_layout::DraftPart;
use crate::websocket::layout::{HeaderPart, PartKind};

/// Bits of a row.
pub const ROW: usize = 32;

/// A field to be drawn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Drawn {
    /// Its bits, counted from the first of the frame.
    pub bits: Range<usize>,
    /// What stands in it, line by line.
    first: &'static [&'static str],
    /// What stands in the part of it that lies in a later row.
    later: &'static [&'static str],
}

impl From<&HeaderPart> for Drawn {
    fn from(part: &HeaderPart) -> Self {
        let first = usize::from(part.first_bit);
        Self {
            bits: first..first + usize::from(part.bit_len),
            first: written(part.kind, part.bit_len, false),
            later: written(part.kind, part.bit_len, true),
        }
    }
}

impl From<&DraftPart> for Drawn {
    fn from(part: &DraftPart) -> Self {
        let first = usize::from(part.first_bit);
        let text: &'static [&'static str] = match (part.label, part.bit_len) {
            ("FIN", _) => &["F", "I", "N", " "],
            ("MORE" | "More", _) => &["M", "O", "R", "E"],
            ("RSV1", _) => &["R", "S", "V", "1"],
            ("RSV2", _) => &["R", "S", "V", "2"],
            ("RSV3", _) => &["R", "S", "V", "3"],
            ("RSV4", _) => &["R", "S", "V", "4"],
            ("Opcode", _) => &[" opcode", "(4)"],
            ("Payload length", _) => &["Payload len", "(7)"],
            ("Length", _) => &["Length", "(7)"],
            ("Frame type", _) => &["Frame type", "(8)"],
            ("Masking key", _) => &["Masking-key"],
            (_, 16) => &["Extended payload length", "(16)", "(payload len is 126)"],
            _ => &["Extended payload length", "(64)", "(payload len is 127)"],
        };
        Self {
            bits: first..first + usize::from(part.bit_len),
            first: text,
            later: &["Extended payload length continued"],
        }
    }
}

/// What RFC 6455 section 5.2 writes into a field.
fn written(kind: PartKind, bit_len: u16, continued: bool) -> &'static [&'static str] {
    match (kind, bit_len, continued) {
        (PartKind::Fin, ..) => &["F", "I", "N", " "],
        (PartKind::Rsv(1), ..) => &["R", "S", "V", "1"],
        (PartKind::Rsv(2), ..) => &["R", "S", "V", "2"],
        (PartKind::Rsv(_), ..) => &["R", "S", "V", "3"],
        (PartKind::Opcode, ..) => &[" opcode", "(4)"],
        (PartKind::Mask, ..) => &["M", "A", "S", "K"],
        (PartKind::Length7, ..) => &["Payload len", "(7)"],
        (PartKind::ExtendedLength, 16, _) => {
            &["Extended payload length", "(16)", "(payload len is 126)"]
        }
        (PartKind::ExtendedLength, _, false) => {
            &["Extended payload length", "(64)", "(payload len is 127)"]
        }
        (PartKind::ExtendedLength, _, true) => &["Extended payload length continued"],
        (PartKind::MaskingKey, _, false) => &["Masking-key"],
        (PartKind::MaskingKey, _, true) => &["Masking-key (continued)"],
    }
}

/// A field, or the part of it that lies in one row of the drawing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The first bit, and the one after the last, from the beginning of the frame.
    pub bits: Range<usize>,
    /// What stands in it, line by line.
    pub lines: &'static [&'static str],
}

/// The rows of the drawing, each with its cells; behind the header lies the payload.
#[must_use]
pub fn rows(parts: &[Drawn]) -> Vec<Vec<Cell>> {
    let header_bits = parts.last().map_or(0, |part| part.bits.end);
    (0..header_bits.div_ceil(ROW))
        .map(|row| cells(parts, header_bits, row * ROW..(row + 1) * ROW))
        .collect()
}

fn cells(parts: &[Drawn], header_bits: usize, row: Range<usize>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for part in parts {
        let bits = part.bits.start.max(row.start)..part.bits.end.min(row.end);
        if !bits.is_empty() {
            let lines = match part.bits.start < row.start {
                true => part.later,
                false => part.first,
            };
            cells.push(Cell { bits, lines });
        }
    }
    if header_bits < row.end {
        cells.push(Cell {
            bits: header_bits.max(row.start)..row.end,
            lines: &["Payload data"],
        });
    }
    cells
}

/// The bit at this place of `bytes`; `None` behind their end.
#[must_use]
pub fn bit(bytes: &[u8], at: usize) -> Option<bool> {
    let byte = bytes.get(at / 8)?;
    Some(byte >> (7 - at % 8) & 1 == 1)
}

/// The line between two rows, with a cross wherever a field ends above or below.
fn rule(first: &[Cell], second: &[Cell]) -> String {
    let mut line = String::from(" +");
    for bit in 1..=ROW {
        let ends = |cell: &Cell| (cell.bits.end - 1) % ROW + 1 == bit;
        let crosses = first.iter().chain(second).any(ends);
        line.push('-');
        line.push(if crosses { '+' } else { '-' });
    }
    line
}

/// How the drawing points at a field.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Look {
    /// The bits that are marked.
    pub marked: Range<usize>,
    /// Whether their values are covered.
    pub covered: bool,
}

/// The header as text: names, and under each field its bits as `sent` has them.
#[must_use]
pub fn lines(parts: &[Drawn], sent: &[u8]) -> Vec<Line> {
    marked(parts, sent, &Look::default())
}

/// The same with one field marked, and perhaps covered.
#[must_use]
pub fn marked(parts: &[Drawn], sent: &[u8], look: &Look) -> Vec<Line> {
    let mut lines = vec![
        Line::of(
            Role::Faint,
            "  0                   1                   2                   3",
        ),
        Line::of(
            Role::Faint,
            "  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
        ),
    ];
    let mut above: Vec<Cell> = Vec::new();
    for cells in rows(parts) {
        lines.push(Line::of(Role::Faint, rule(&above, &cells)));
        let most = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
        for at in 0..most {
            let texts = cells.iter().map(|cell| {
                let width = cell.bits.len() * 2 - 1;
                let text = cell.lines.get(at).copied().unwrap_or_default();
                format!("{text:^width$}")
            });
            lines.push(row(&cells, Role::Plain, look, texts));
        }
        let texts = cells.iter().map(|cell| bits(cell, sent, look));
        lines.push(row(&cells, Role::Label, look, texts));
        above = cells;
    }
    lines.push(Line::of(Role::Faint, rule(&above, &[])));
    lines
}

/// A line of cells between bars; the cell of a marked field has its role.
fn row(cells: &[Cell], role: Role, look: &Look, texts: impl Iterator<Item = String>) -> Line {
    let mut line = Line::of(role, " |");
    for (cell, text) in cells.iter().zip(texts) {
        let is_marked = look.marked.contains(&cell.bits.start) && !look.marked.is_empty();
        match is_marked {
            true => line = line.with(Role::Marked, text).with(role, "|"),
            false => line = line.with(role, text + "|"),
        }
    }
    line
}

/// The bits of a cell, a space between them.
fn bits(cell: &Cell, sent: &[u8], look: &Look) -> String {
    let mut text = String::new();
    for at in cell.bits.clone() {
        let is_covered = look.covered && look.marked.contains(&at);
        text.push(match bit(sent, at) {
            Some(_) if is_covered => '▒',
            Some(true) => '1',
            Some(false) => '0',
            None => ' ',
        });
        if at + 1 < cell.bits.end {
            text.push(' ');
        }
    }
    text
}

/// Bytes as they were sent, with the byte of the key that each was masked with, and what comes of it.
#[must_use]
pub fn masking(pairs: impl Iterator<Item = (u8, u8)>) -> Vec<Line> {
    let heading = "   i  sent               key[i mod 4]      plain";
    let mut lines = vec![Line::of(Role::Faint, heading)];
    for (at, (sent, key)) in pairs.enumerate() {
        let plain = sent ^ key;
        let shown = if plain.is_ascii() {
            escape::text(&[plain])
        } else {
            "·".to_owned()
        };
        lines.push(Line::plain(format!(
            "{at:>4}  {sent:02x} {sent:08b}  xor  {key:02x} {key:08b}  =  {plain:02x} {plain:08b}  {shown}"
        )));
    }
    lines
}
