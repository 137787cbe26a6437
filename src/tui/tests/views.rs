//! What is drawn: the panes and the views on top of them, as text.

use crossterm::event::KeyCode;

use crate::base::PacketNumber;
use crate::tui::App;
use crate::tui::mouse;
use crate::view::rows::RowId;

use super::{keys, open, open_diagnosed, press, screen, snapshots};

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
    assert!(matches!(
        app.view,
        Some(crate::tui::views::View::Diagnosis(_))
    ));
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
    assert_eq!(app.effects, [crate::tui::Effect::Statistics]);
    assert!(screen(&mut app, 80, 24).contains("counting"));
    app.counted(numbers("Frames: 9\n  text  2\n".repeat(40)));
    assert!(screen(&mut app, 80, 24).contains("Frames: 9"));
    app.effects.clear();
    keys(&mut app, "\u{1b}S");
    assert!(app.effects.is_empty());
}

#[test]
fn where_there_is_nothing_it_says_why_and_what_to_do() {
    let mut app = open("wss-chromium.pcapng");
    app.encrypted = crate::tui::Encrypted {
        connections: 2,
        decrypted: 0,
    };
    for (width, height) in [(80, 24), (120, 40)] {
        let text = screen(&mut app, width, height);
        assert!(text.contains("No WebSocket in 68 packets."), "{text}");
        assert!(
            text.contains("2 TLS connections not decrypted: K reads a key log"),
            "{text}"
        );
        assert!(!text.contains("of connection 1"), "{text}");
    }
    app.verdicts = Some(crate::insight::verdicts::Verdicts::default());
    keys(&mut app, "d");
    let text = screen(&mut app, 80, 24);
    assert!(text.contains("K has read a key log"), "{text}");
    // An empty capture.
    let store = crate::store::Store::new(
        Box::new(
            crate::capture::Source::open(Vec::new(), &crate::base::Limits::default())
                .unwrap()
                .packet_file(),
        ),
        &crate::engine::Options::default(),
    );
    let mut app = crate::tui::App::new(store, "empty", crate::tui::Theme::Dark);
    assert!(screen(&mut app, 80, 24).contains("reading…"));
    app.loaded(String::new());
    assert!(screen(&mut app, 80, 24).contains("There is no packet in this capture."));
    app.live = Some(crate::tui::live::LiveState::default());
    let text = screen(&mut app, 80, 24);
    assert!(
        text.contains("No WebSocket yet in 0 packets.") && text.contains("K reads"),
        "{text}"
    );
    // A filter that nothing passes, of rows and of connections.
    let mut app = open("ws-plain.pcap");
    keys(&mut app, "=frame.number == 99\n");
    let text = screen(&mut app, 80, 24);
    assert!(
        text.contains("No row passes this filter: \\ drops it"),
        "{text}"
    );
    keys(&mut app, "\\");
    press(&mut app, KeyCode::BackTab);
    keys(&mut app, "=close.code == 4000\n");
    let text = screen(&mut app, 80, 24);
    assert!(
        text.contains("No connection passes this filter: \\ drops it"),
        "{text}"
    );
    // A connection without frames.
    let mut app = open("accept-wrong.pcapng");
    let text = screen(&mut app, 80, 24);
    assert!(
        text.contains("No frame. d: why the attempt failed"),
        "{text}"
    );
}

#[test]
fn a_frame_of_a_draft_has_the_drafts_own_layout() {
    let mut app = open("hixie-76.pcapng");
    app.resize(120, 40);
    let text = screen(&mut app, 120, 40);
    assert!(text.contains("→ client text         5  Hello "), "{text}");
    keys(&mut app, "b");
    snapshots("ruler_hixie", &mut app);
    keys(&mut app, "\u{1b}2\t");
    // The tree has the bytes that were sent, and no field of RFC 6455.
    let labels = |app: &App| -> Vec<String> {
        let lines = 0..app.tree.nodes.len();
        lines
            .map(|at| app.tree.field(at).unwrap().label.clone())
            .collect()
    };
    let header = labels(&app)
        .iter()
        .position(|label| label == "Header")
        .unwrap();
    app.detail.at = header;
    keys(&mut app, "ll");
    assert!(
        labels(&app).contains(&"Frame type".to_owned()),
        "{:?}",
        labels(&app)
    );
    assert!(!labels(&app).contains(&"MASK".to_owned()));
    let lit = |app: &App| app.bytes.bytes[app.highlighted().remove(0)].to_vec();
    assert_eq!(lit(&app), [0]);
    while app.tree.field(app.detail.at).unwrap().label != "Payload" {
        keys(&mut app, "j");
    }
    assert_eq!(lit(&app), b"Hello");
    // A closing frame of the draft: ff 00.
    keys(&mut app, ":f5\nb");
    let text = screen(&mut app, 80, 24);
    assert!(text.contains("ff (with length 0: closes)"), "{text}");
}

#[test]
fn a_live_capture_shows_its_name_rates_and_newest_numbers() {
    let mut app = open("ws-plain.pcap");
    app.name = "lo".to_owned();
    app.loading.done = false;
    let mut live = crate::tui::live::LiveState::default();
    for second in 0..40 {
        live.frames += second;
        live.second();
    }
    app.live = Some(live);
    for (width, height) in [(80, 24), (120, 40)] {
        let text = screen(&mut app, width, height);
        let title = text.lines().next().unwrap();
        assert!(title.starts_with(" wireloupe  lo "), "{title}");
        assert!(
            title.contains("█ live  ") && title.contains("findings"),
            "{title}"
        );
    }
    // Numbers that are looked at are asked for every second, and no more once the capture is over.
    keys(&mut app, "S");
    app.effects.clear();
    app.second();
    assert_eq!(app.effects, [crate::tui::Effect::Statistics]);
    app.effects.clear();
    app.counted(numbers("Frames: 9".to_owned()));
    app.loaded("the end".to_owned());
    app.second();
    keys(&mut app, "SS");
    assert!(app.effects.is_empty());
    assert!(screen(&mut app, 80, 24).contains("Frames: 9"));
}

#[test]
fn a_click_in_a_live_list_ends_following_and_the_end_begins_it_again() {
    let mut app = open("websockets-close-codes.pcapng");
    app.live = Some(crate::tui::live::LiveState::default());
    app.resize(80, 24);
    keys(&mut app, "aG");
    let follows = |app: &App| app.live.as_ref().is_some_and(|live| live.follows);
    assert!(follows(&app));
    let list = app.areas().panes[1];
    mouse::press(&mut app, 30, list.y + 2, std::time::Instant::now());
    assert!(!follows(&app));
    keys(&mut app, "G");
    assert!(follows(&app));
}

#[test]
fn the_handshake_of_a_draft_misses_nothing_that_only_the_standard_requires() {
    let mut app = open("hixie-76.pcapng");
    keys(&mut app, "H");
    let text = screen(&mut app, 120, 40);
    assert!(
        text.contains("(hixie-76, a draft before RFC 6455)"),
        "{text}"
    );
    assert!(!text.contains("is missing"), "{text}");
    assert!(
        text.contains("The server's answer: ✓ it is right"),
        "{text}"
    );
}

#[test]
fn no_line_of_the_help_is_cut() {
    let mut app = open("ws-plain.pcap");
    keys(&mut app, "?");
    let mut seen = String::new();
    for _ in 0..140 {
        for line in screen(&mut app, 80, 24).lines().skip(2).take(19) {
            seen.push_str(line.trim_matches(['│', ' ']));
            seen.push(' ');
        }
        keys(&mut app, "j");
    }
    let words = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
    let seen = words(&seen);
    for binding in crate::tui::keymap::KEYMAP {
        let last = binding.help.rsplit(' ').next().unwrap();
        assert!(seen.contains(&words(last)), "{}", binding.help);
    }
}

fn numbers(text: String) -> crate::tui::Counted {
    crate::tui::Counted {
        text,
        ..Default::default()
    }
}
