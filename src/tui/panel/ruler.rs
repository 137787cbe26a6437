//! The bit ruler: a frame's header as RFC 6455 section 5.2 draws it, with its actual bits, and the masking byte by byte.
//! A frame of a draft is drawn the same way, with that draft's fields.

use ratatui::text::{Line, Span};

use super::taught::styled;
use crate::base::Span as Bytes;
use crate::teach::ruler::{self, Drawn, ROW};
use crate::tui::app::App;
use crate::websocket::draft_layout;
use crate::websocket::handshake::Framing;
use crate::websocket::layout::parts;
use crate::websocket::{FrameHeader, mask};

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

/// The header in rows of 32 bits as RFC 6455 section 5.2 draws it, and under each field its bits.
fn drawing(app: &App, parts: &[Drawn], sent: &[u8]) -> Vec<Line<'static>> {
    let lines = ruler::lines(parts, sent);
    lines.into_iter().map(|line| styled(app, line)).collect()
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
    let lines = ruler::masking(pairs);
    lines.into_iter().map(|line| styled(app, line)).collect()
}
