//! What a mouse does, with events as a terminal sends them.

use std::time::{Duration, Instant};

use crossterm::event::{Event, KeyCode, KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

use crate::tui::layout::Pane;
use crate::tui::times::TimeFormat;
use crate::tui::views::View;
use crate::tui::{App, Effect, input, mouse};
use crate::view::rows::RowId;

use super::{keys, open, open_diagnosed, open_with, press, screen};

fn event(app: &mut App, kind: MouseEventKind, (column, row): (u16, u16)) {
    let event = MouseEvent {
        kind,
        column,
        row,
        modifiers: KeyModifiers::NONE,
    };
    input::event(app, &Event::Mouse(event));
}

/// One click, long after the last one.
fn click(app: &mut App, at: (u16, u16)) {
    let later = Instant::now() + Duration::from_secs(60 * 60);
    mouse::press(app, at.0, at.1, later);
    mouse::release(app);
}

/// Two clicks, one right after the other, long after those before.
fn double_click(app: &mut App, at: (u16, u16)) {
    click(app, at);
    mouse::press(
        app,
        at.0,
        at.1,
        Instant::now() + Duration::from_secs(60 * 60),
    );
    mouse::release(app);
}

/// Where a text is on the screen.
fn find(app: &mut App, text: &str) -> (u16, u16) {
    let (width, height) = (app.areas().body.width, app.areas().footer.y + 1);
    let screen = screen(app, width, height);
    let (row, column) = screen
        .lines()
        .enumerate()
        .find_map(|(row, line)| Some((row, line.find(text).map(|at| line[..at].chars().count())?)))
        .unwrap_or_else(|| panic!("no {text:?} on\n{screen}"));
    (column as u16, row as u16)
}

fn sized(mut app: App, width: u16, height: u16) -> App {
    app.resize(width, height);
    app
}

#[test]
fn borders_are_dragged() {
    let mut app = sized(open("websockets-close-codes.pcapng"), 120, 40);
    let top = |app: &App, pane: Pane| {
        let area = app.areas().panes[pane as usize];
        (area.x, area.y)
    };
    let (_, list) = top(&app, Pane::List);
    let down = MouseEventKind::Down(MouseButton::Left);
    let drag = MouseEventKind::Drag(MouseButton::Left);
    let up = MouseEventKind::Up(MouseButton::Left);
    event(&mut app, down, (60, list));
    event(&mut app, drag, (60, list + 1));
    event(&mut app, drag, (60, list + 5));
    assert_eq!(top(&app, Pane::List).1, list + 5);
    event(&mut app, up, (60, list + 5));
    event(&mut app, drag, (60, list + 9));
    assert_eq!(top(&app, Pane::List).1, list + 5, "the button was up");
    let (bytes, below) = top(&app, Pane::Bytes);
    event(&mut app, down, (bytes, below + 3));
    event(&mut app, drag, (bytes - 20, below + 3));
    event(&mut app, up, (bytes - 20, below + 3));
    assert_eq!(top(&app, Pane::Bytes), (bytes - 20, below));
    event(&mut app, down, (3, below - 1));
    event(&mut app, drag, (3, below - 4));
    assert_eq!(top(&app, Pane::Detail), (0, below - 4));
    // Keys go on from there.
    event(&mut app, up, (3, below - 4));
    app.focus = Pane::List;
    let height = app.areas().height(Pane::List, 0);
    keys(&mut app, "+");
    assert!(app.areas().height(Pane::List, 0) > height);
}

#[test]
fn rows_are_clicked_and_entered() {
    let mut app = sized(open("websockets-close-codes.pcapng"), 120, 40);
    let at = find(&mut app, "127.0.0.1:41662");
    let row = |app: &App| app.list.cursor.at;
    let third = app.areas().panes[0].y + 4;
    click(&mut app, (at.0, third));
    assert_eq!((app.focus, app.connection()), (Pane::Connections, 2));
    let list = app.areas().panes[1];
    click(&mut app, (30, list.y + 3));
    assert_eq!((app.focus, row(&app)), (Pane::List, 1));
    // Below the last row there is nothing to choose.
    click(&mut app, (30, list.bottom() - 2));
    assert_eq!(row(&app), 1);
    double_click(&mut app, (30, list.y + 2));
    assert_eq!((app.focus, row(&app)), (Pane::Detail, 0));
    // The head of the time column.
    let at = find(&mut app, "  time from");
    click(&mut app, (at.0 + 3, at.1));
    assert_eq!(app.time, TimeFormat::Delta);
}

#[test]
fn the_tree_folds_at_its_triangle_and_at_a_double_click() {
    let mut app = sized(open("websockets-close-codes.pcapng"), 120, 40);
    let header = find(&mut app, "▸ Header");
    let lines = app.tree.nodes.len();
    click(&mut app, header);
    assert!(app.tree.nodes.len() > lines);
    click(&mut app, header);
    assert_eq!(app.tree.nodes.len(), lines);
    let label = (header.0 + 4, header.1);
    click(&mut app, label);
    assert_eq!(app.tree.nodes.len(), lines, "a click selects");
    assert_eq!(app.tree.field(app.detail.at).unwrap().label, "Header");
    double_click(&mut app, label);
    assert!(app.tree.nodes.len() > lines);
}

#[test]
fn tabs_of_the_bytes_are_clicked() {
    let mut app = sized(
        open_with("wss-chromium.pcapng", Some("wss-chromium.keys")),
        120,
        40,
    );
    for (name, tab) in [
        ("message", 3),
        ("decrypted", 2),
        ("stream", 1),
        ("packet", 0),
    ] {
        let y = app.areas().panes[3].y;
        let (_, row) = find(&mut app, "[");
        assert_eq!(row, y);
        let line: String = screen(&mut app, 120, 40)
            .lines()
            .nth(y.into())
            .unwrap()
            .to_owned();
        let bytes = line.rfind("┌").unwrap();
        let at = bytes + line[bytes..].find(name).unwrap();
        let column = line[..at].chars().count() as u16;
        click(&mut app, (column + 2, y));
        assert_eq!(app.bytes.tab as usize, tab, "{name}");
    }
}

#[test]
fn messages_of_the_chat_are_clicked_and_entered() {
    let mut app = sized(open("ws-deflate-fragments.pcapng"), 80, 24);
    keys(&mut app, "f");
    let chosen = |app: &App| match &app.view {
        Some(View::Follow(follow)) => Some(follow.cursor.at),
        _ => None,
    };
    assert_eq!(chosen(&app), Some(0));
    let packet = |app: &App, at: usize| {
        let index = app.store.connection(0).unwrap().messages.get(at).unwrap();
        app.store.message(index).unwrap().packet
    };
    for at in [1, 0, 1, 2] {
        let head = format!("  packet {}  ", packet(&app, at));
        let head = find(&mut app, &head);
        click(&mut app, head);
        assert_eq!(chosen(&app), Some(at));
        let text = screen(&mut app, 80, 24);
        let line = format!("message {} of", at + 1);
        assert!(text.contains(&line), "{text}");
    }
    // The text under a head belongs to it.
    keys(&mut app, "g");
    let head = format!("  packet {}  ", packet(&app, 1));
    let head = find(&mut app, &head);
    double_click(&mut app, (head.0, head.1 + 1));
    assert!(app.view.is_none());
    assert!(matches!(
        app.list.selected(&app.store),
        Some(RowId::Message(1))
    ));
}

#[test]
fn the_chat_scrolls_to_its_end_and_back() {
    let mut app = sized(open("websockets-fragments.pcapng"), 80, 12);
    keys(&mut app, "f");
    let len = match &app.view {
        Some(View::Follow(follow)) => follow.len(&app.store),
        _ => 0,
    };
    assert!(len > 8);
    for key in ["j", "k"] {
        for _ in 0..len {
            let text = screen(&mut app, 80, 12);
            let Some(View::Follow(follow)) = &app.view else {
                panic!()
            };
            let record = app
                .store
                .connection(0)
                .unwrap()
                .messages
                .get(follow.cursor.at);
            let packet = app.store.message(record.unwrap()).unwrap().packet;
            assert!(text.contains(&format!("packet {packet}")), "{text}");
            // Of the screen no more is left over than the message above needs.
            let blank = format!("│{:78}│", "");
            assert!(text.matches(&blank).count() < 3, "{text}");
            keys(&mut app, key);
        }
    }
}

#[test]
fn attempts_and_evidence_are_clicked() {
    let mut app = sized(open_diagnosed("websockets-close-codes.pcapng"), 120, 40);
    let chosen = |app: &App| match app.view {
        Some(View::Diagnosis(chosen)) => Some((chosen.cursor.at, chosen.evidence)),
        _ => None,
    };
    let body = app.areas().body;
    click(&mut app, (20, body.y + 3));
    assert_eq!(chosen(&app), Some((2, 0)));
    double_click(&mut app, (20, body.y + 1));
    assert_eq!(chosen(&app), None);
    assert_eq!((app.focus, app.connection()), (Pane::List, 2));
    let mut app = sized(open_diagnosed("accept-wrong.pcapng"), 80, 24);
    let first = find(&mut app, "▶ packet");
    let second = find(&mut app, "packet 6");
    assert!(second.1 > first.1);
    double_click(&mut app, second);
    let Some(RowId::Packet(flow, at)) = app.list.selected(&app.store) else {
        panic!("{:?}", app.list.selected(&app.store))
    };
    let packet = app.store.flow_packet(flow, at as usize).unwrap();
    assert_eq!(packet.number().0, 6);
}

#[test]
fn the_text_about_an_attempt_scrolls() {
    for keys_used in [false, true] {
        let mut app = sized(open_diagnosed("accept-wrong.pcapng"), 80, 16);
        let top = screen(&mut app, 80, 16);
        assert!(
            top.contains("PgDn") && !top.contains("To settle it"),
            "{top}"
        );
        for _ in 0..9 {
            match keys_used {
                true => press(&mut app, KeyCode::PageDown),
                false => event(&mut app, MouseEventKind::ScrollDown, (9, 12)),
            }
        }
        let end = screen(&mut app, 80, 16);
        assert!(
            end.contains("To settle it") && !end.contains("PgDn"),
            "{end}"
        );
        for _ in 0..9 {
            match keys_used {
                true => press(&mut app, KeyCode::PageUp),
                false => event(&mut app, MouseEventKind::ScrollUp, (9, 12)),
            }
        }
        assert_eq!(screen(&mut app, 80, 16), top);
    }
}

#[test]
fn findings_are_clicked_and_entered() {
    let mut app = sized(open("invalid-utf8.pcapng"), 80, 24);
    keys(&mut app, "F");
    let Some(View::Findings(_, order)) = &app.view else {
        panic!()
    };
    let first = order[0];
    let row = app.areas().body.y + 2;
    double_click(&mut app, (10, row));
    assert!(app.view.is_none());
    let Some(RowId::Frame(index)) = app.list.selected(&app.store) else {
        panic!()
    };
    let number = u64::from(app.store.frame(index).unwrap().number);
    let record = &app.store.findings()[first as usize];
    assert_eq!(record.frame, Some(number));
}

#[test]
fn a_header_of_the_handshake_leads_to_its_bytes() {
    for (width, height) in [(80, 24), (120, 40)] {
        let mut app = sized(open("websockets-close-codes.pcapng"), width, height);
        keys(&mut app, "H");
        let at = find(&mut app, "Sec-WebSocket-Accept: ");
        double_click(&mut app, at);
        assert!(app.view.is_none());
        assert_eq!(app.focus, Pane::Detail);
        let field = app.tree.field(app.detail.at).unwrap();
        assert_eq!(field.label, "Sec-WebSocket-Accept");
        let lit = app.highlighted().pop().unwrap();
        let lit = String::from_utf8_lossy(&app.bytes.bytes[lit]).into_owned();
        assert!(
            lit.contains(field.value.split_whitespace().next().unwrap()),
            "{lit}"
        );
    }
}

#[test]
fn the_wheel_scrolls_what_is_under_it() {
    let mut app = sized(open("websockets-close-codes.pcapng"), 120, 40);
    let wheel = MouseEventKind::ScrollDown;
    let panes = app.areas().panes;
    event(&mut app, wheel, (5, panes[0].y + 2));
    assert_eq!(app.connection(), 3);
    event(&mut app, wheel, (5, panes[2].y + 2));
    assert_eq!(app.focus, Pane::Detail);
    keys(&mut app, "?");
    let _ = screen(&mut app, 120, 20);
    for _ in 0..100 {
        event(&mut app, wheel, (5, 5));
    }
    let end = screen(&mut app, 120, 20);
    assert!(end.contains("can be clicked"), "{end}");
    // One turn back moves at once.
    event(&mut app, MouseEventKind::ScrollUp, (5, 5));
    assert_ne!(screen(&mut app, 120, 20), end);
}

#[test]
fn hints_choices_and_completions_are_clicked() {
    let mut app = sized(open("websockets-close-codes.pcapng"), 120, 40);
    let at = find(&mut app, "? help");
    click(&mut app, at);
    assert!(matches!(app.view, Some(View::Help(_))));
    let at = find(&mut app, "Esc close ");
    click(&mut app, (at.0 + 5, at.1));
    assert!(app.view.is_none());
    keys(&mut app, "y");
    let at = find(&mut app, "h hex");
    click(&mut app, (at.0 + 2, at.1));
    assert!(
        matches!(&app.effects[..], [Effect::Copy(_)]),
        "{}",
        app.notice
    );
    keys(&mut app, "=frame.num");
    let at = find(&mut app, "frame.number  ");
    click(&mut app, at);
    let typed = |app: &App| {
        app.prompt
            .as_ref()
            .map(|prompt| prompt.input.value().to_owned())
    };
    assert!(
        typed(&app).is_some_and(|text| text.starts_with("frame.number")),
        "{:?}",
        typed(&app)
    );
    // The panes below are out of reach until the line is done with.
    let row = app.areas().panes[1].y + 4;
    click(&mut app, (100, row));
    assert_eq!(app.list.cursor.at, 0);
    // What is wrong with the line stands where the hints were.
    keys(&mut app, " ==");
    assert!(screen(&mut app, 120, 40).contains("\n ! "));
    keys(&mut app, " 1");
    let at = find(&mut app, "Esc leaves");
    click(&mut app, at);
    assert_eq!(typed(&app), None);
}
