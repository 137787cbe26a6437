//! The interface over bundled samples: what keys do, and what the screen then shows.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::Modifier;

use crate::base::{Limits, PacketNumber};
use crate::capture::{Batch, Input, Options, Source};
use crate::engine::Engine;
use crate::store::{Collector, Indexer, Part, Store};
use crate::wire::{Walked, Walker};

use super::keymap::Action;
use super::layout::Pane;
use super::rows::RowId;
use super::theme::Theme;
use super::{App, draw, input};

/// A sample, read to its end.
fn open(name: &str) -> App {
    open_with(name, None)
}

/// The same, with its key log.
fn open_with(name: &str, keys: Option<&str>) -> App {
    let path = format!("{}/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    let limits = Limits::default();
    let options = Options {
        spool: true,
        ..Options::default()
    };
    let input = Input::from_argument(std::path::PathBuf::from(path));
    let mut source = Source::open_with(vec![input], &limits, options).unwrap();
    let mut store = Store::new(Box::new(source.packet_file()));
    let mut walker = Walker::new(&limits);
    let mut engine = Engine::new(crate::engine::Options::default(), Indexer::default());
    if let Some(keys) = keys {
        let path = format!("{}/samples/{keys}", env!("CARGO_MANIFEST_DIR"));
        let mut log = crate::tls::KeyLog::new();
        log.extend(&std::fs::read(path).unwrap());
        log.finish();
        engine.set_keys(std::sync::Arc::new(log));
    }
    let (mut collector, mut part, mut batch) =
        (Collector::default(), [Part::default()], Batch::new());
    let mut end = Default::default();
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            end = (record.number, record.time);
            let walked = walker.segment(record.link, record.time, bytes, record.original);
            if let Ok(Walked::Here(segment)) = walked {
                engine.segment(record.number, record.time, &segment, bytes, true);
            }
        }
        engine.sink().exchange(&mut part[0]);
        store.append(collector.merge(&mut part, batch.records()));
    }
    engine.finish(end.0, end.1);
    engine.sink().exchange(&mut part[0]);
    store.append(collector.merge(&mut part, &[]));
    let mut app = App::new(store, name, Theme::Dark);
    app.loaded(String::new());
    app
}

/// The same, with its diagnosis.
fn open_diagnosed(name: &str) -> App {
    let path = format!("{}/samples/{name}", env!("CARGO_MANIFEST_DIR"));
    let limits = Limits::default();
    let input = Input::from_argument(std::path::PathBuf::from(path));
    let mut source = Source::open(vec![input], &limits).unwrap();
    let mut walker = Walker::new(&limits);
    let mut engine = Engine::new(
        crate::engine::Options::default(),
        crate::insight::Collector::default(),
    );
    let (mut casebook, mut batch) = (crate::insight::Casebook::default(), Batch::new());
    let mut part = [crate::insight::facts::Part::default()];
    let mut end = Default::default();
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            end = (record.number, record.time);
            let walked = walker.segment(record.link, record.time, bytes, record.original);
            if let Ok(Walked::Here(segment)) = walked {
                engine.segment(record.number, record.time, &segment, bytes, true);
            }
        }
    }
    engine.finish(end.0, end.1);
    engine.sink().exchange(&mut part[0]);
    casebook.take(&mut part);
    let mut app = open(name);
    let diagnoses = crate::insight::diagnose(&casebook, end.1);
    app.diagnosed(super::Verdicts::new(diagnoses, 0));
    app
}

fn press(app: &mut App, code: KeyCode) {
    input::event(app, &Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    while app.is_busy() {
        app.tick(std::time::Duration::from_millis(5));
    }
}

fn keys(app: &mut App, text: &str) {
    for c in text.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        press(app, code);
    }
}

fn drawn(app: &mut App, width: u16, height: u16) -> Terminal<TestBackend> {
    app.resize(width, height);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(app, frame)).unwrap();
    terminal
}

fn screen(app: &mut App, width: u16, height: u16) -> String {
    let terminal = drawn(app, width, height);
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn snapshots(name: &str, app: &mut App) {
    for (width, height) in [(80, 24), (120, 40)] {
        insta::assert_snapshot!(
            format!("{name}_{width}x{height}"),
            screen(app, width, height)
        );
    }
}

#[test]
fn the_panes() {
    snapshots("panes", &mut open("websockets-close-codes.pcapng"));
}

#[test]
fn the_conversation() {
    let mut app = open("ws-deflate-fragments.pcapng");
    keys(&mut app, "f");
    snapshots("follow", &mut app);
}

#[test]
fn the_bit_ruler() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "b");
    snapshots("ruler", &mut app);
}

#[test]
fn the_handshake() {
    let mut app = open("accept-wrong.pcapng");
    keys(&mut app, "H");
    snapshots("handshake", &mut app);
}

#[test]
fn the_findings_lead_to_their_place() {
    let mut app = open("invalid-utf8.pcapng");
    keys(&mut app, "F");
    snapshots("findings", &mut app);
    keys(&mut app, "\n");
    assert!(app.view.is_none());
    let row = app.list.selected(&app.store);
    let Some(RowId::Frame(index)) = row else {
        panic!("no frame: {row:?}")
    };
    let number = app.store.frame(index).map(|frame| u64::from(frame.number));
    assert_eq!(number, app.store.findings()[0].frame);
}

#[test]
fn what_failed_comes_first_and_leads_to_its_packets() {
    let mut app = open_diagnosed("accept-wrong.pcapng");
    assert!(matches!(app.view, Some(super::views::View::Diagnosis(_))));
    snapshots("diagnosis", &mut app);
    press(&mut app, KeyCode::Right);
    keys(&mut app, "\n");
    assert!(app.view.is_none());
    let packet = |app: &App| match app.list.selected(&app.store) {
        Some(RowId::Packet(flow, at)) => app.store.flow_packet(flow, at as usize),
        _ => None,
    };
    assert_eq!(
        packet(&app).map(|entry| entry.number()),
        Some(PacketNumber(6))
    );
    snapshots("packets", &mut app);
    // p goes back to frames, of which there are none, and to the packets again.
    keys(&mut app, "p");
    assert_eq!(app.list.len(&app.store), 0);
    keys(&mut app, "p");
    assert_eq!(app.list.len(&app.store), 10);
    // An attempt that is looked at already is not covered by a view.
    let mut app = open_diagnosed("invalid-utf8.pcapng");
    keys(&mut app, "d");
    assert!(app.view.is_none());
    let verdicts = app.verdicts.take().unwrap();
    app.diagnosed(verdicts);
    assert!(app.view.is_none());
    keys(&mut app, "d\n");
    assert!(matches!(
        app.list.selected(&app.store),
        Some(RowId::Frame(_))
    ));
    // A healthy capture shows itself.
    let app = open_diagnosed("ws-plain.pcap");
    assert!(app.view.is_none());
    assert_eq!(app.verdicts.unwrap().failed, 0);
}

#[test]
fn statistics_are_asked_for_once_and_shown_when_they_come() {
    let mut app = open("ws-plain.pcap");
    keys(&mut app, "S");
    assert_eq!(app.effects, [super::Effect::Statistics]);
    assert!(screen(&mut app, 80, 24).contains("counting"));
    app.statistics = Some("Frames: 9\n  text  2\n".repeat(40));
    assert!(screen(&mut app, 80, 24).contains("Frames: 9"));
    app.effects.clear();
    keys(&mut app, "\u{1b}S");
    assert!(app.effects.is_empty());
}

#[test]
fn a_capture_read_anew_shows_the_same_place() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, ":c5\n:f2\n");
    let before = app.list.selected(&app.store);
    for rows in ["", "m", "p"] {
        keys(&mut app, rows);
        let row = app.list.selected(&app.store);
        let again = open("websockets-close-codes.pcapng");
        app.reopen(again.store, None);
        app.loaded(String::new());
        assert_eq!(app.connection(), 4);
        assert_eq!(app.list.selected(&app.store), row, "{rows}");
    }
    keys(&mut app, "p");
    assert_eq!(app.list.selected(&app.store), before);
}

#[test]
fn every_theme_draws_the_same_text() {
    let mut app = open("invalid-utf8.pcapng");
    let mut screens = Vec::new();
    for _ in 0..4 {
        let text = screen(&mut app, 100, 30);
        screens.push(
            text.lines()
                .skip(1)
                .take(26)
                .map(str::to_owned)
                .collect::<Vec<_>>(),
        );
        keys(&mut app, "T");
    }
    assert!(screens.windows(2).all(|pair| pair[0] == pair[1]));
    assert_eq!(app.theme, Theme::Dark);
}

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

#[test]
fn a_filter_asks_the_whole_capture_and_goes_away_again() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "=websocket.opcode == close && from == server\n");
    assert!(app.list.all && app.prompt.is_none());
    assert_eq!(app.list.len(&app.store), 16);
    keys(&mut app, "=websocket.opcode ==\n");
    assert!(
        app.prompt
            .as_ref()
            .is_some_and(|prompt| prompt.error.is_some())
    );
    keys(&mut app, "\u{1b}\\");
    assert_eq!(app.list.len(&app.store), app.store.frame_count());
    // A filter that speaks of messages lists messages.
    keys(&mut app, "=message.text contains \"1008\"\n");
    assert_eq!(app.list.kind, super::rows::Kind::Messages);
    assert_eq!(app.list.len(&app.store), 2);
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
        assert_eq!(app.bytes.tab, super::hex::Tab::Decrypted, "{sample}");
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
fn connections_are_filtered_in_their_pane() {
    let mut app = open("websockets-close-codes.pcapng");
    press(&mut app, KeyCode::BackTab);
    assert_eq!(app.focus, Pane::Connections);
    keys(&mut app, "=close.code in {1008..1011}\n");
    assert!(app.prompt.is_none());
    assert_eq!(app.connections.len(&app.store), 6);
    assert_eq!(app.connection(), 2, "what is hidden is not selected");
    assert!(screen(&mut app, 120, 40).contains("Connections 6 of 16 where close.code"));
    keys(&mut app, "G");
    assert_eq!(app.connection(), 12);
    // What only rows can tell belongs to the list.
    keys(&mut app, "=frame.number == 3 && websocket.fin == 1\n");
    assert!(
        app.prompt
            .as_ref()
            .is_some_and(|prompt| prompt.error.is_some())
    );
    keys(&mut app, "\u{1b}\\");
    assert_eq!(
        (app.connections.len(&app.store), app.connection()),
        (16, 12)
    );
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
    assert_eq!(app.bytes.tab, super::hex::Tab::Message);
    assert_eq!(String::from_utf8(shown).unwrap(), member.value);
    // The other way: the byte leads to the member.
    keys(&mut app, "\thl");
    assert_eq!(app.tree.field(app.detail.at).unwrap().label, member.label);
}

#[test]
fn search_goes_round_through_text_and_hex() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "a/WITH 1009\n");
    let text = |app: &App| {
        super::copy::text(&app.store, app.list.selected(&app.store).unwrap(), 't').unwrap()
    };
    assert_eq!(text(&app), "client will close with 1009");
    let first = app.list.cursor.at;
    keys(&mut app, "n");
    assert_ne!(app.list.cursor.at, first);
    keys(&mut app, "n");
    assert_eq!(
        app.list.cursor.at, first,
        "of two hits the first is found again"
    );
    keys(&mut app, "/hex:63 6c 69 65 6e 74\nN");
    assert!(text(&app).starts_with("client"));
    keys(&mut app, "/no such text\n");
    assert!(app.notice.contains("not found"));
}

#[test]
fn places_marks_and_history() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, ":c3\n");
    assert_eq!(app.connection(), 2);
    keys(&mut app, ":f2\n'");
    assert_eq!(app.list.cursor.at, 1);
    keys(&mut app, ":8\n");
    let Some(RowId::Frame(index)) = app.list.selected(&app.store) else {
        panic!()
    };
    assert_eq!(app.store.frame(index).unwrap().packet(), PacketNumber(8));
    keys(&mut app, "\"");
    assert_eq!((app.connection(), app.list.cursor.at), (2, 1));
    keys(&mut app, "[");
    assert_eq!(app.connection(), 0);
    keys(&mut app, "]");
    assert_eq!(app.connection(), 2);
    keys(&mut app, ":99999\n");
    assert!(app.notice.contains("nothing there"));
}

#[test]
fn what_is_copied_is_the_inflated_message() {
    let mut app = open("ws-deflate-fragments.pcapng");
    keys(&mut app, "m");
    let mut forms = Vec::new();
    for form in ["t", "h", "b", "j", "r"] {
        keys(&mut app, &format!("y{form}"));
        let Some(super::Effect::Copy(text)) = app.effects.pop() else {
            panic!("{}", app.notice)
        };
        forms.push(text);
    }
    assert_eq!(hex::encode(&forms[0]), forms[1]);
    assert!(forms[4].contains("client") || forms[4].contains("server"));
}

#[test]
fn no_key_and_no_size_panics() {
    for sample in [
        "ws-deflate-fragments.pcapng",
        "accept-wrong.pcapng",
        "no-answer.pcapng",
    ] {
        let mut app = open(sample);
        for (width, height) in [(1, 1), (7, 3), (80, 24), (200, 60), (2, 50)] {
            for pane in 0..4 {
                for binding in super::keymap::KEYMAP {
                    if matches!(binding.action, Action::Quit | Action::Suspend) {
                        continue;
                    }
                    app.update(binding.action);
                    let _ = screen(&mut app, width, height);
                    app.prompt = None;
                    app.click(width / 2, height / 2);
                    app.scroll(width / 3, height / 3, pane % 2 == 0);
                }
                app.view = None;
                app.update(Action::NextPane);
            }
        }
    }
}

#[test]
fn control_characters_of_the_wire_are_escaped() {
    let mut app = open("websockets-fragments.pcapng");
    for key in ["", "f", "\u{1b}H", "\u{1b}b", "\u{1b}F"] {
        keys(&mut app, key);
        let text = screen(&mut app, 120, 40);
        assert!(
            text.chars()
                .all(|c| c == '\n' || !crate::base::escape::is_hidden(c))
        );
    }
}
