//! Fields highlight their bytes, and bytes select their fields.

use ratatui::style::Modifier;

use crate::tui::App;
use crate::tui::layout::Pane;

use super::{drawn, keys, open, open_with, screen};

#[test]
fn a_field_highlights_its_bytes_and_a_byte_selects_its_field() {
    let mut app = open("websockets-close-codes.pcapng");
    let _ = screen(&mut app, 120, 40);
    // The detail: the frame's header, unfolded, to the masking key.
    keys(&mut app, "\t");
    let line = |app: &App, label: &str| {
        (0..app.tree.nodes.len()).find(|at| {
            app.tree
                .field(*at)
                .is_some_and(|field| field.label == label)
        })
    };
    while line(&app, "Masking key").is_none() {
        let header = line(&app, "Header").unwrap();
        while app.detail.at != header {
            keys(&mut app, "j");
        }
        keys(&mut app, "l");
    }
    while app.tree.field(app.detail.at).unwrap().label != "Masking key" {
        keys(&mut app, "j");
    }
    let highlighted: Vec<u8> = app
        .highlighted()
        .into_iter()
        .flat_map(|range| app.bytes.bytes[range].to_vec())
        .collect();
    assert_eq!(highlighted, [0x6a, 0xba, 0x8f, 0x1c]);
    let terminal = drawn(&mut app, 120, 40);
    let style = app.theme.highlight();
    let cells = terminal.backend().buffer().content();
    let marked: String = cells
        .iter()
        .filter(|cell| Some(cell.bg) == style.bg && Some(cell.fg) == style.fg)
        .map(|cell| cell.symbol())
        .collect();
    let marked: String = marked.split_whitespace().collect();
    assert!(marked.contains("6aba8f1c"), "{marked}");
    // The other way: the byte before the key is the one of MASK and length.
    let start = app.highlighted()[0].start;
    keys(&mut app, "\t");
    assert_eq!(app.focus, Pane::Bytes);
    assert_eq!(app.bytes.cursor, start);
    keys(&mut app, "h");
    let label = app.tree.field(app.detail.at).unwrap().label.clone();
    assert!(label == "MASK" || label == "Payload length", "{label}");
    let terminal = drawn(&mut app, 120, 40);
    let reversed = terminal.backend().buffer().content().iter();
    assert!(
        reversed
            .filter(|cell| cell.modifier.contains(Modifier::REVERSED))
            .count()
            > 0
    );
}

/// The highlighted bytes.
fn lit(app: &App) -> Vec<u8> {
    app.highlighted()
        .into_iter()
        .flat_map(|range| app.bytes.bytes[range].to_vec())
        .collect()
}

/// Moves to the line with this label.
fn to_line(app: &mut App, label: &str) {
    keys(app, "g");
    while app.tree.field(app.detail.at).unwrap().label != label {
        let before = app.detail.at;
        keys(app, "j");
        assert_ne!(app.detail.at, before, "no {label}");
    }
}

#[test]
fn a_decrypted_frame_leads_to_its_record_and_packets() {
    // The first runs through TLS, the second through HTTP/2 in TLS, the third through HTTP/2 alone.
    for (sample, keylog) in [
        ("wss-chromium.pcapng", Some("wss-chromium.keys")),
        (
            "wss-tls12-aes128-gcm.pcapng",
            Some("wss-tls12-aes128-gcm.keys"),
        ),
        ("h2-tls.pcapng", Some("h2-tls.keys")),
        ("h2c-prior-knowledge.pcapng", None),
    ] {
        let mut app = open_with(sample, keylog);
        app.resize(120, 40);
        assert!(app.store.frame_count() > 0, "{sample}");
        keys(&mut app, "\t");
        // The whole frame in the stream inside.
        let frame = app.frame().unwrap();
        let record = app.store.frame(frame).unwrap();
        let mut sent = Vec::new();
        record.header(app.store.odd(frame)).write(&mut sent);
        let header_len = sent.len();
        to_line(&mut app, &format!("Frame {}", record.number));
        keys(&mut app, "3");
        assert_eq!(app.bytes.tab, crate::view::hex::Tab::Decrypted, "{sample}");
        let shown = lit(&app);
        assert_eq!(shown[..header_len], sent, "{sample}");
        assert_eq!(shown.len() as u64, app.store.frame_span(frame).len());
        // The record that carried it, in the TCP stream and in its packet.
        let label = if keylog.is_some() {
            "TLS record"
        } else {
            "HTTP/2 DATA"
        };
        to_line(&mut app, label);
        keys(&mut app, "2");
        let in_stream = lit(&app);
        keys(&mut app, "1");
        let in_packet = lit(&app);
        assert_eq!(in_stream, in_packet, "{sample}");
        if keylog.is_some() {
            // Application data, its version, its length (RFC 8446 section 5.2).
            assert_eq!(in_packet[0], 23, "{sample}");
            let len = u16::from_be_bytes([in_packet[3], in_packet[4]]);
            assert_eq!(usize::from(len) + 5, in_packet.len(), "{sample}");
        } else {
            assert_eq!(in_packet, shown);
        }
        // A byte of the record leads back to the frame inside it.
        keys(&mut app, "\t");
        let label = &app.tree.field(app.detail.at).unwrap().label;
        assert!(label != "Packet", "{sample}: {label}");
    }
}

#[test]
fn a_json_node_highlights_its_bytes() {
    let mut app = open("websockets-basic.pcapng");
    keys(&mut app, "=json.** != \"x\"\n");
    assert!(app.list.len(&app.store) > 0);
    app.resize(120, 40);
    keys(&mut app, "\t");
    assert_eq!(app.focus, Pane::Detail);
    // The document is unfolded, and its first member chosen.
    let line = |app: &App, label: &str| {
        (0..app.tree.nodes.len()).find(|at| app.tree.field(*at).unwrap().label == label)
    };
    while app.detail.at != line(&app, "JSON").unwrap() {
        keys(&mut app, "j");
    }
    keys(&mut app, "ll");
    let member = app.tree.field(app.detail.at).unwrap().clone();
    let shown: Vec<u8> = app
        .highlighted()
        .into_iter()
        .flat_map(|range| app.bytes.bytes[range].to_vec())
        .collect();
    assert_eq!(app.bytes.tab, crate::view::hex::Tab::Message);
    assert_eq!(String::from_utf8(shown).unwrap(), member.value);
    // The other way: the byte leads to the member.
    keys(&mut app, "\thl");
    assert_eq!(app.tree.field(app.detail.at).unwrap().label, member.label);
}
