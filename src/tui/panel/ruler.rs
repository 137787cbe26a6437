//! The bit ruler: a frame's header as RFC 6455 section 5.2 draws it, with its actual bits, and the masking byte by byte.

use std::ops::Range;

use ratatui::text::{Line, Span};

use crate::base::escape;
use crate::tui::app::App;
use crate::websocket::layout::{Part, PartKind, parts};
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
    let mut lines = drawing(app, &header, &sent);
    lines.push(Line::default());
    for part in parts(&header) {
        let bits = part.bits(&bytes);
        lines.push(Line::from(vec![
            Span::styled(format!(" {:<24}", part.label), app.theme.label()),
            Span::raw(format!("{bits:<12}{}", part.value(&header))),
        ]));
    }
    lines.push(Line::default());
    lines.extend(masking(app, index, &header));
    (title, lines)
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
fn cells(parts: &[Part], header_bits: usize, row: Range<usize>) -> Vec<Cell> {
    let mut cells = Vec::new();
    for part in parts {
        let first = usize::from(part.first_bit);
        let bits = first.max(row.start)..(first + usize::from(part.bit_len)).min(row.end);
        if !bits.is_empty() {
            let lines = written(part.kind, part.bit_len, first < row.start);
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
fn drawing(app: &App, header: &FrameHeader, sent: &[u8]) -> Vec<Line<'static>> {
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
    let parts: Vec<Part> = parts(header).collect();
    let bits = usize::from(header.header_length) * 8;
    let mut above: Vec<Cell> = Vec::new();
    for row in 0..bits.div_ceil(ROW) {
        let cells = cells(&parts, bits, row * ROW..(row + 1) * ROW);
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
    lines.push(Line::styled(
        "   i  sent      key[i mod 4]   payload",
        app.theme.faint(),
    ));
    for (at, plain) in payload.iter().enumerate() {
        let key = key[at % 4];
        let sent = plain ^ key;
        let shown = if plain.is_ascii() {
            escape::text(&[*plain])
        } else {
            "·".to_owned()
        };
        lines.push(Line::raw(format!(
            "{at:>4}  {sent:02x} {sent:08b}  xor  {key:02x} {key:08b}  =  {plain:02x} {plain:08b}  {shown}"
        )));
    }
    lines
}
