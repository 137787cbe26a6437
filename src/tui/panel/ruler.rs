//! The bit ruler: a frame's header as RFC 6455 section 5.2 draws it, with its actual bits, and the masking byte by byte.
//! A frame of a draft is drawn the same way, with that draft's fields.

use std::ops::Range;

use ratatui::text::{Line, Span};

use crate::base::{Span as Bytes, escape};
use crate::tui::app::App;
use crate::websocket::draft_layout::{self, DraftPart};
use crate::websocket::handshake::Framing;
use crate::websocket::layout::{HeaderPart, PartKind, parts};
use crate::websocket::{FrameHeader, mask};

/// Bits of a row.
const ROW: usize = 32;
/// Masked bytes shown one by one.
const MASKED: usize = 64;

pub(super) fn lines(app: &App) -> (String, Vec<Line<'static>>) {
    match app.frame() {
        Some(index) => about(app, index),
        None => ("Bits".to_owned(), vec![Line::raw(" no frame is selected")]),
    }
}

fn about(app: &App, index: u32) -> (String, Vec<Line<'static>>) {
    let Some(record) = app.store.frame(index) else {
        return Default::default();
    };
    let framing = app.store.framing(record.connection);
    if let Some(draft) = framing.draft() {
        let title = format!(
            "Bits of frame {} ({draft}, a draft before RFC 6455)",
            record.number
        );
        return (title, about_draft(app, index, framing));
    }
    let header = record.header(app.store.odd(index));
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    let title = format!("Bits of frame {} (RFC 6455 5.2)", record.number);
    let mut sent = bytes.clone();
    if let Some(mut payload) = app.store.payload(index, ROW / 8) {
        if let Some(key) = header.masking_key {
            mask::unmask(&mut payload, key, 0);
        }
        sent.append(&mut payload);
    }
    let drawn: Vec<_> = parts(&header).map(|part| Drawn::from(&part)).collect();
    let mut lines = drawing(app, &drawn, &sent);
    lines.push(Line::default());
    for part in parts(&header) {
        lines.push(told(
            app,
            part.label,
            &part.bits(&bytes),
            &part.value(&header),
        ));
    }
    lines.push(Line::default());
    lines.extend(masking(app, index, &header));
    (title, lines)
}

fn told(app: &App, label: &str, bits: &str, value: &str) -> Line<'static> {
    Line::from(vec![
        Span::styled(format!(" {label:<24}"), app.theme.label()),
        Span::raw(format!("{bits:<12}{value}")),
    ])
}

/// A frame of a draft: the layout is the draft's own, and so is the masking.
fn about_draft(app: &App, index: u32, framing: Framing) -> Vec<Line<'static>> {
    let Some(record) = app.store.frame(index) else {
        return Vec::new();
    };
    let side = record.from();
    let header_bytes = app.store.header_bytes(index);
    let header = draft_layout::header(framing, side, &header_bytes);
    if header.parts.is_empty() {
        return vec![Line::raw(" the bytes of its header are not kept")];
    }
    let start = record.stream_offset();
    let most = header_bytes.len() + MASKED;
    let span = Bytes::new(start, app.store.frame_span(index).end);
    let sent = app.store.stream(record.connection, side, span, most);
    let is_keyed = header.plain != header_bytes;
    let mut plain = header.plain.clone();
    let payload = app.store.payload(index, ROW / 8).unwrap_or_default();
    plain.extend(payload);
    let drawn: Vec<_> = header.parts.iter().map(Drawn::from).collect();
    let mut lines = drawing(app, &drawn, &plain);
    if is_keyed {
        let text = " The bits behind the key are drawn unmasked: they are sent as the lines at the end show.";
        lines.push(Line::styled(text, app.theme.faint()));
    }
    lines.push(Line::default());
    for part in &header.parts {
        lines.push(told(
            app,
            part.label,
            &part.bits(&header.plain),
            &part.value,
        ));
    }
    if header.ends_with_ff {
        lines.push(told(
            app,
            "End",
            "",
            "ff, behind the payload: no UTF-8 has this byte",
        ));
    }
    lines.push(Line::default());
    match sent.split_first_chunk::<4>().filter(|_| is_keyed) {
        Some((key, masked)) => {
            let text = " Masking: byte i behind the key, header and all, is sent XORed with byte i mod 4 of the key";
            lines.push(Line::styled(text, app.theme.label()));
            let masked = masked.iter().take(MASKED);
            let pairs = masked.enumerate().map(|(at, sent)| (*sent, key[at % 4]));
            lines.extend(xored(app, pairs));
        }
        None => {
            let who = match framing {
                Framing::Hybi(4..) => "only clients mask in this draft",
                _ => "this draft has no masking",
            };
            lines.push(Line::raw(format!(" Not masked: {who}.")));
        }
    }
    lines
}

/// What is drawn of a field.
struct Drawn {
    bits: Range<usize>,
    /// What stands in it.
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

/// A field, or the part of it that lies in one row of the drawing.
struct Cell {
    /// The first bit, and the one after the last, from the beginning of the frame.
    bits: Range<usize>,
    /// What stands in it, line by line.
    lines: &'static [&'static str],
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

/// The fields of one row; after the header comes the payload.
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

/// The header in rows of 32 bits as RFC 6455 section 5.2 draws it, and under each field its bits.
fn drawing(app: &App, parts: &[Drawn], sent: &[u8]) -> Vec<Line<'static>> {
    let mut lines = vec![
        Line::styled(
            "  0                   1                   2                   3",
            app.theme.faint(),
        ),
        Line::styled(
            "  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
            app.theme.faint(),
        ),
    ];
    let bits = parts.last().map_or(0, |part| part.bits.end);
    let mut above: Vec<Cell> = Vec::new();
    for row in 0..bits.div_ceil(ROW) {
        let cells = cells(parts, bits, row * ROW..(row + 1) * ROW);
        lines.push(Line::styled(rule(&above, &cells), app.theme.faint()));
        let most = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
        for at in 0..most {
            let mut line = String::from(" |");
            for cell in &cells {
                let width = cell.bits.len() * 2 - 1;
                let text = cell.lines.get(at).copied().unwrap_or_default();
                line.push_str(&format!("{text:^width$}|"));
            }
            lines.push(Line::raw(line));
        }
        let mut line = String::from(" |");
        for cell in &cells {
            for bit in cell.bits.clone() {
                line.push(match sent.get(bit / 8) {
                    Some(byte) if byte >> (7 - bit % 8) & 1 == 1 => '1',
                    Some(_) => '0',
                    None => ' ',
                });
                line.push(if bit + 1 == cell.bits.end { '|' } else { ' ' });
            }
        }
        lines.push(Line::styled(line, app.theme.label()));
        above = cells;
    }
    lines.push(Line::styled(rule(&above, &[]), app.theme.faint()));
    lines
}

fn masking(app: &App, index: u32, header: &FrameHeader) -> Vec<Line<'static>> {
    let Some(key) = header.masking_key else {
        return vec![Line::raw(
            " Not masked: the payload is sent as it is. Only clients mask (RFC 6455 5.3).",
        )];
    };
    let mut lines = vec![Line::styled(
        " Masking (RFC 6455 5.3): payload byte i is sent XORed with byte i mod 4 of the masking key",
        app.theme.label(),
    )];
    let Some(payload) = app.store.payload(index, MASKED) else {
        lines.push(Line::raw(" the payload's bytes are not kept"));
        return lines;
    };
    let pairs = payload.iter().enumerate();
    let pairs = pairs.map(|(at, plain)| (plain ^ key[at % 4], key[at % 4]));
    lines.extend(xored(app, pairs));
    lines
}

/// Bytes as they were sent, with the byte of the key that each was masked with.
fn xored(app: &App, pairs: impl Iterator<Item = (u8, u8)>) -> Vec<Line<'static>> {
    let heading = "   i  sent               key[i mod 4]      plain";
    let mut lines = vec![Line::styled(heading, app.theme.faint())];
    for (at, (sent, key)) in pairs.enumerate() {
        let plain = sent ^ key;
        let shown = if plain.is_ascii() {
            escape::text(&[plain])
        } else {
            "·".to_owned()
        };
        lines.push(Line::raw(format!(
            "{at:>4}  {sent:02x} {sent:08b}  xor  {key:02x} {key:08b}  =  {plain:02x} {plain:08b}  {shown}"
        )));
    }
    lines
}
