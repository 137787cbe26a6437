//! The bit ruler: a frame's header as RFC 6455 section 5.2 draws it, with its actual bits, and the masking byte by byte.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::base::escape;
use crate::tui::app::App;
use crate::websocket::FrameHeader;
use crate::websocket::layout::{Part, PartKind, parts};

use super::lines_view;

/// Masked bytes shown one by one.
const MASKED: usize = 64;

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect, top: usize) {
    let (title, lines) = match app.frame() {
        Some(index) => lines(app, index),
        None => ("Bits".to_owned(), vec![Line::raw(" no frame is selected")]),
    };
    lines_view(app, frame, area, &title, lines, top);
}

fn lines(app: &App, index: u32) -> (String, Vec<Line<'static>>) {
    let Some(record) = app.store.frame(index) else {
        return Default::default();
    };
    let header = record.header(app.store.odd(index));
    let mut bytes = Vec::new();
    header.write(&mut bytes);
    let title = format!("Bits of frame {} (RFC 6455 5.2)", record.number);
    let mut lines = drawing(app, &header, &bytes);
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

/// The header in rows of 32 bits, each bit under its number, each field under its name.
fn drawing(app: &App, header: &FrameHeader, bytes: &[u8]) -> Vec<Line<'static>> {
    let mut lines = vec![
        Line::styled(
            "  0                   1                   2                   3  ",
            app.theme.faint(),
        ),
        Line::styled(
            "  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1",
            app.theme.faint(),
        ),
    ];
    let parts: Vec<Part> = parts(header).collect();
    let bits = bytes.len() * 8;
    for row in 0..bits.div_ceil(32) {
        let (start, end) = (row * 32, (row * 32 + 32).min(bits));
        let ends: Vec<usize> = parts
            .iter()
            .map(|part| usize::from(part.first_bit + part.bit_len))
            .collect();
        let mut rule = String::from(" +");
        rule.push_str(&"-+".repeat(end - start));
        let mut values = String::from(" |");
        for bit in start..end {
            let byte = bytes.get(bit / 8).copied().unwrap_or(0);
            values.push(if byte >> (7 - bit % 8) & 1 == 1 {
                '1'
            } else {
                '0'
            });
            let closes = ends.contains(&(bit + 1)) || bit + 1 == end;
            values.push(if closes { '|' } else { ' ' });
        }
        lines.push(Line::styled(rule.clone(), app.theme.faint()));
        lines.push(Line::styled(values, app.theme.label()));
        lines.push(Line::raw(names(&parts, start, end)));
        if end == bits {
            lines.push(Line::styled(rule, app.theme.faint()));
        }
    }
    lines
}

/// The names of the fields of one row, each within its bits.
fn names(parts: &[Part], start: usize, end: usize) -> String {
    let mut line = String::from(" |");
    for part in parts {
        let (from, to) = (
            usize::from(part.first_bit),
            usize::from(part.first_bit + part.bit_len),
        );
        let (from, to) = (from.max(start), to.min(end));
        if from >= to {
            continue;
        }
        let width = (to - from) * 2 - 1;
        let name = match (part.kind, from > usize::from(part.first_bit)) {
            (_, true) => "(continued)",
            (PartKind::Fin, _) => "F",
            (PartKind::Rsv(1), _) => "R",
            (PartKind::Rsv(2), _) => "S",
            (PartKind::Rsv(_), _) => "V",
            (PartKind::Mask, _) => "M",
            (PartKind::Length7, _) => "payload len",
            (PartKind::Opcode, _) => "opcode",
            _ => part.label,
        };
        let name: String = name.chars().take(width).collect();
        line.push_str(&format!("{name:^width$}|"));
    }
    line
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
