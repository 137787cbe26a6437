//! Filters and searches.

use crossterm::event::KeyCode;

use crate::tui::layout::Pane;
use crate::tui::{App, Effect};
use crate::view::rows::{Kind, RowId, matches};
use crate::view::sought::{By, Found};

use super::{keys, open, press, screen};

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
    assert_eq!(app.list.kind, crate::view::rows::Kind::Messages);
    assert_eq!(app.list.len(&app.store), 2);
}

#[test]
fn what_is_wrong_with_a_filter_stands_under_it() {
    let mut app = open("websockets-close-codes.pcapng");
    for (text, error) in [
        (
            "=websocket.opcod == 1\n",
            " ! there is no field `websocket.opcod`; did you mean websocket.opcode?",
        ),
        (
            "=websocket.opcode = 1\n",
            "`=` is no operator; did you mean ==?",
        ),
        ("=websocket.opcode ==\n", "expected"),
    ] {
        keys(&mut app, text);
        let shown = screen(&mut app, 80, 24);
        let last = shown.lines().last().unwrap_or_default();
        assert!(last.contains(error), "{last}");
        keys(&mut app, "\u{1b}");
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
fn search_goes_round_through_text_and_hex() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "a/WITH 1009\n");
    let text = |app: &App| {
        crate::tui::copy::text(
            &app.store,
            app.list.selected(&app.store).unwrap(),
            't',
            crate::tui::copy::MOST,
        )
        .unwrap()
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

/// Answers as the host does that reads the capture again.
fn answer(app: &mut App, name: &str, most: usize) -> usize {
    let mut answered = 0;
    for effect in std::mem::take(&mut app.effects) {
        let Effect::Find(sought) = effect else {
            continue;
        };
        answered += 1;
        let store = open(name).store;
        let (count, row): (usize, fn(u32) -> RowId) = match sought.kind {
            Kind::Messages => (store.message_count(), RowId::Message),
            _ => (store.frame_count(), RowId::Frame),
        };
        let is_one = |index: &u32| match &sought.by {
            By::Filter(filter, _) => matches(&store, filter, row(*index)),
            By::Needle(needle) => needle.is_in_row(&store, row(*index)),
        };
        // A few rows at a time, as batches have them.
        let pieces = (0..count).step_by(5).map(|from| {
            let to = (from + 5).min(count);
            let rows = (from as u32..to as u32).filter(is_one);
            Found {
                id: sought.id,
                asked: to,
                rows: rows.collect(),
                is_over: to == count,
            }
        });
        let all: Vec<_> = pieces.collect();
        for found in all.into_iter().take(most) {
            app.found_elsewhere(found);
        }
    }
    answered
}

/// A capture that is read again for every filter and search, however small.
fn long(name: &str) -> App {
    let mut app = open(name);
    app.reads_again_from(0);
    app
}

fn type_in(app: &mut App, text: &str) {
    for c in text.chars() {
        let code = if c == '\n' {
            KeyCode::Enter
        } else {
            KeyCode::Char(c)
        };
        let key = crossterm::event::KeyEvent::new(code, crossterm::event::KeyModifiers::NONE);
        crate::tui::input::event(app, &crossterm::event::Event::Key(key));
    }
}

fn go_on(app: &mut App) {
    for _ in 0..10_000 {
        if !app.is_busy() {
            return;
        }
        app.tick(std::time::Duration::from_millis(5));
    }
    panic!("it never ends");
}

#[test]
fn what_is_found_by_reading_again_is_what_is_found_row_by_row() {
    let name = "websockets-close-codes.pcapng";
    for (text, kind) in [
        ("websocket.opcode == close", crate::view::rows::Kind::Frames),
        (
            "message.text contains \"1008\"",
            crate::view::rows::Kind::Messages,
        ),
        ("connection == 3", crate::view::rows::Kind::Frames),
    ] {
        let rows = |app: &App| -> Vec<_> {
            let places = 0..app.list.len(&app.store);
            places.map(|at| app.list.row(&app.store, at)).collect()
        };
        let mut here = open(name);
        keys(&mut here, &format!("={text}\n"));
        let mut app = long(name);
        type_in(&mut app, &format!("={text}\n"));
        // The first rows are asked here, until the others come.
        app.ask_rows(0);
        assert_eq!(answer(&mut app, name, usize::MAX), 1, "{text}");
        go_on(&mut app);
        assert_eq!(app.list.kind, kind);
        assert_eq!(rows(&app), rows(&here), "{text}");
        assert!(!rows(&app).is_empty());
    }
}

#[test]
fn a_search_goes_to_what_was_found_by_reading_again() {
    let name = "websockets-close-codes.pcapng";
    let (mut here, mut app) = (open(name), long(name));
    for search in ["/1008\n", "n", "N", "N", "n"] {
        keys(&mut here, search);
        type_in(&mut app, search);
        answer(&mut app, name, usize::MAX);
        go_on(&mut app);
        assert_eq!(app.list.cursor.at, here.list.cursor.at, "{search}");
        assert_eq!(app.notice, here.notice);
    }
    type_in(&mut app, "/nowhere to be found\n");
    answer(&mut app, name, usize::MAX);
    go_on(&mut app);
    assert_eq!(app.notice, "not found: nowhere to be found");
}

#[test]
fn escape_stops_a_filter_and_what_was_found_stays() {
    let name = "websockets-close-codes.pcapng";
    let mut app = long(name);
    type_in(&mut app, "=websocket.opcode == close\n");
    app.ask_rows(0);
    let sought = app.effects.iter().find_map(|effect| match effect {
        Effect::Find(sought) => Some(sought.clone()),
        _ => None,
    });
    let sought = sought.unwrap();
    // Some rows were asked elsewhere, and no more come for now.
    app.found_elsewhere(Found {
        id: sought.id,
        asked: 3,
        rows: vec![1],
        is_over: false,
    });
    go_on(&mut app);
    assert!(sought.wanted.is() && app.list.is_scanning(&app.store));
    let event = crossterm::event::KeyEvent::new(KeyCode::Esc, crossterm::event::KeyModifiers::NONE);
    crate::tui::input::event(&mut app, &crossterm::event::Event::Key(event));
    app.ask_rows(0);
    assert!(!sought.wanted.is() && !app.is_busy());
    let shown = screen(&mut app, 120, 40);
    assert!(shown.contains("% asked, stopped)"), "{shown}");
    assert!(app.list.filter().is_some());
}
