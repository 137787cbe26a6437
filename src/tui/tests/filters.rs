//! Filters and searches.

use crossterm::event::KeyCode;

use crate::tui::App;
use crate::tui::layout::Pane;

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
