//! Going to places and back, and taking what is there away.

use crate::base::PacketNumber;
use crate::tui::{App, Effect};
use crate::view::rows::RowId;

use super::{keys, open, open_diagnosed};
use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};

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
        let Some(crate::tui::Effect::Copy(text)) = app.effects.pop() else {
            panic!("{}", app.notice)
        };
        forms.push(text);
    }
    assert_eq!(hex::encode(&forms[0]), forms[1]);
    assert!(forms[4].contains("client") || forms[4].contains("server"));
}

#[test]
fn a_file_being_saved_can_be_stopped_and_is_not_left_by_mistake() {
    let mut app = open("ws-plain.pcap");
    keys(&mut app, "st");
    app.prompt = None;
    app.saving = Some("rows.txt".to_owned());
    assert!(super::screen(&mut app, 80, 24).contains("saving to rows.txt… 0% (Esc stops)"));
    keys(&mut app, "q");
    assert!(
        !app.quit && app.notice.contains("still being saved"),
        "{}",
        app.notice
    );
    keys(&mut app, "\u{1b}");
    assert_eq!(app.effects, [crate::tui::Effect::StopSaving]);
    assert!(app.saving.is_none() && app.notice.contains("not saved"));
    keys(&mut app, "q");
    assert!(app.quit);
}

#[test]
fn what_a_view_says_is_copied_and_in_the_chat_its_own_message() {
    let copied = |app: &mut App| match app.effects.pop() {
        Some(crate::tui::Effect::Copy(text)) => text,
        other => panic!("{other:?}: {}", app.notice),
    };
    let mut app = open_diagnosed("websockets-close-codes.pcapng");
    keys(&mut app, "jy");
    let text = copied(&mut app);
    assert!(text.contains("a message of the server is larger"), "{text}");
    assert!(
        text.contains("What to do") && app.notice.contains("the diagnosis"),
        "{text}"
    );
    let mut app = open("invalid-utf8.pcapng");
    keys(&mut app, "Fy");
    assert!(copied(&mut app).starts_with("error invalid-utf8 (packet 8): "));
    for (view, text) in [("H", "The accept key"), ("b", "Masking")] {
        keys(&mut app, &format!("\u{1b}{view}y"));
        assert!(copied(&mut app).contains(text));
    }
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, ":c3\n");
    keys(&mut app, "fgyt");
    assert_eq!(copied(&mut app), "client will close with 1008");
    // Another message of the chat than the row of the list.
    keys(&mut app, "jyt");
    assert_eq!(copied(&mut app), "1008 Policy Violation policy");
}

#[test]
fn packets_that_nobody_saved_are_not_left_without_a_word() {
    let live = |is_saved| {
        let mut app = open("ws-plain.pcap");
        let mut live = crate::tui::live::LiveState::new(is_saved);
        live.counts.received = 9;
        app.live = Some(live);
        app
    };
    let mut app = live(false);
    keys(&mut app, "q");
    assert!(!app.quit);
    assert!(super::screen(&mut app, 80, 24).contains("discard and quit"));
    keys(&mut app, "n");
    assert!(!app.quit && app.prompt.is_none());
    keys(&mut app, "qd");
    assert!(app.quit);
    let mut app = live(true);
    keys(&mut app, "q");
    assert!(app.quit);
}

#[test]
fn packets_are_saved_before_the_program_ends() {
    let mut app = open("ws-plain.pcap");
    let mut live = crate::tui::live::LiveState::new(false);
    live.counts.received = 9;
    app.live = Some(live);
    keys(&mut app, "qs\n");
    let Some(Effect::Save(what, path)) = app.effects.pop() else {
        panic!("nothing is saved");
    };
    assert_eq!(path, "capture.pcapng");
    // What fails keeps the program.
    app.saves(what, path.clone());
    app.saved("not saved: no room", false);
    assert!(!app.quit);
    // Packets that come while the file is written are not in it.
    app.saves(crate::tui::Save::Capture, path.clone());
    app.live.as_mut().unwrap().counts.received = 12;
    app.saved("saved 9 packets", true);
    keys(&mut app, "q");
    assert!(!app.quit && app.prompt.is_some());
    keys(&mut app, "s\n");
    app.saves(what, path);
    app.saved("saved 12 packets", true);
    assert!(app.quit && app.farewell() == Some("saved 12 packets"));
}

#[test]
fn an_interrupt_ends_what_is_typed_then_the_view_then_the_program() {
    let interrupt = |app: &mut App| {
        let key = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
        crate::tui::input::event(app, &Event::Key(key));
    };
    let mut app = open("ws-plain.pcap");
    keys(&mut app, "?=");
    interrupt(&mut app);
    assert!(app.prompt.is_none() && app.view.is_some());
    interrupt(&mut app);
    assert!(app.view.is_none() && !app.quit);
    interrupt(&mut app);
    assert!(app.quit);
}
