//! Marks, comments, names, colour rules, and a conversation of which a filter shows a part.

use crossterm::event::KeyCode;
use ratatui::style::{Color, Style};

use crate::filter::Filter;
use crate::tui::prompt::{Ask, Save};
use crate::tui::views::View;
use crate::tui::{Effect, Rule, Settings};
use crate::view::names::From;
use crate::view::rows::RowId;

use super::{keys, open, press, screen, snapshots};

#[test]
fn marks_and_comments_are_seen_found_and_written_with_the_first_packet() {
    let mut app = open("ws-deflate-fragments.pcapng");
    keys(&mut app, ":f3\n'");
    keys(&mut app, ":f5\n;why so many?\n");
    let row = app.list.selected(&app.store).unwrap();
    assert_eq!(app.said_of(row), ["why so many?"]);
    snapshots("remarks", &mut app);
    keys(&mut app, "kj");
    let shown = screen(&mut app, 80, 24);
    assert!(shown.contains("# why so many?"), "{shown}");
    // In the detail it stands behind everything else.
    assert_eq!(app.tree.fields.last().unwrap().label, "Comment");
    press(&mut app, KeyCode::Home);
    let at = |app: &crate::tui::App| app.list.cursor.at + 1;
    keys(&mut app, ".");
    assert_eq!(at(&app), 3);
    keys(&mut app, "\"");
    assert_eq!(at(&app), 5);
    keys(&mut app, ".");
    assert_eq!(at(&app), 3, "around the end");
    keys(&mut app, ",");
    assert_eq!(at(&app), 5);
    let written = app.written_remarks();
    let all: Vec<_> = written.values().flatten().cloned().collect();
    assert_eq!(all, ["[frame 3, marked]", "[frame 5] why so many?"]);
    // Read again they are where they were; what others said is about the packet.
    let mut again = open("ws-deflate-fragments.pcapng");
    let comments = written.iter();
    let comments =
        comments.flat_map(|(packet, all)| all.iter().map(|text| (*packet, text.clone())));
    let packet = *written.keys().next().unwrap();
    let other = std::iter::once((packet, "by someone else".to_owned()));
    again.comments_read(comments.chain(other).collect());
    assert_eq!(again.said_of(row), ["why so many?"]);
    assert_eq!(again.remarks.marks, app.remarks.marks);
    assert!(!again.has_unsaved_remarks());
    keys(&mut again, "P");
    let place = again.store.place_in_flow(crate::store::WHOLE, packet);
    let said = again.said_of(RowId::Packet(crate::store::WHOLE, place as u32));
    assert_eq!(said, ["by someone else"]);
    // An empty comment takes it away.
    keys(&mut app, ":f5\n;");
    app.prompt.as_mut().unwrap().input = "".into();
    keys(&mut app, "\n");
    assert!(app.said_of(row).is_empty());
}

#[test]
fn marks_that_no_file_has_are_not_left_without_a_word() {
    let mut app = open("ws-plain.pcap");
    keys(&mut app, "'q");
    assert_eq!(
        app.prompt.as_ref().map(|prompt| prompt.ask),
        Some(Ask::LeaveRemarks)
    );
    keys(&mut app, "n");
    assert!(!app.quit);
    keys(&mut app, "qs");
    let prompt = app.prompt.take().unwrap();
    assert_eq!(prompt.ask, Ask::File(Save::WholeAndLeave));
    assert_eq!(prompt.input.value(), "ws-plain-marked.pcapng");
    app.saves(Save::WholeAndLeave, "x".to_owned());
    app.saved("saved", true);
    assert!(app.quit && !app.has_unsaved_remarks());
    let mut app = open("ws-plain.pcap");
    keys(&mut app, "'qd");
    assert!(app.quit);
}

#[test]
fn names_are_shown_when_they_are_asked_for() {
    let mut app = open("ws-plain.pcap");
    let server = app.store.connection(0).unwrap().connection.server.ip();
    app.learn_names(&[(server, "chat.example".to_owned(), From::Dns)]);
    assert!(!screen(&mut app, 120, 40).contains("chat.example"));
    keys(&mut app, "i");
    assert_eq!(
        app.effects.pop(),
        Some(Effect::Names(Vec::new())),
        "the system is not asked"
    );
    assert!(screen(&mut app, 120, 40).contains("chat.example:"));
    keys(&mut app, "P");
    snapshots("names", &mut app);
    // In the detail beside the address.
    press(&mut app, KeyCode::Tab);
    let mut named = 0;
    app.tree
        .each(&mut |_, field| named += usize::from(field.value.contains("(chat.example)")));
    assert!(named > 0);
    // Then the system is asked, for those that have no name, and then it is as before.
    keys(&mut app, "i");
    let Some(Effect::Names(asked)) = app.effects.pop() else {
        panic!("{:?}", app.effects)
    };
    assert!(!asked.contains(&server));
    keys(&mut app, "i");
    assert!(!screen(&mut app, 120, 40).contains("chat.example"));
}

fn rule(filter: &str, ground: Color) -> Rule {
    Rule {
        filter: Filter::parse(filter).unwrap(),
        style: Style::new().bg(ground),
    }
}

#[test]
fn the_first_rule_that_fits_colours_a_row() {
    let mut app = open("websockets-close-codes.pcapng");
    app.set_up(Settings {
        rules: vec![
            rule("websocket.opcode == close && from == client", Color::Red),
            rule("websocket.opcode == close", Color::Blue),
            rule("close.code == 1000", Color::Green),
        ],
        ..Settings::default()
    });
    keys(&mut app, "a");
    let terminal = super::drawn(&mut app, 120, 40);
    let buffer = terminal.backend().buffer();
    let (mut reds, mut blues) = (0, 0);
    for y in 0..40 {
        let line: String = (0..120).map(|x| buffer[(x, y)].symbol()).collect();
        let ground = buffer[(40, y)].bg;
        assert_eq!(
            ground == Color::Red,
            line.contains("→ client") && line.contains(" close ") && ground != Color::Reset,
            "{line}"
        );
        assert!(
            ground != Color::Blue || line.contains("← server") && line.contains(" close "),
            "{line}"
        );
        reds += usize::from(ground == Color::Red);
        blues += usize::from(ground == Color::Blue);
    }
    assert!(reds > 2 && blues > 2, "{reds} {blues}");
    // Without colours there are none.
    app.theme = crate::tui::Theme::Plain.into();
    let terminal = super::drawn(&mut app, 120, 40);
    let cells = terminal.backend().buffer().content();
    assert!(cells.iter().all(|cell| cell.bg == Color::Reset));
}

#[test]
fn a_conversation_is_followed_with_a_filter() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "f");
    let all = match &app.view {
        Some(View::Follow(follow)) => follow.len(&app.store),
        other => panic!("{other:?}"),
    };
    keys(&mut app, "=message.kind == \"close\"\n");
    let Some(View::Follow(follow)) = &app.view else {
        panic!("{:?}", app.view)
    };
    let shown = (0..all).filter(|at| follow.shows(&app.store, *at)).count();
    assert!(shown > 0 && shown < all, "{shown} of {all}");
    assert!(follow.shows(&app.store, follow.cursor.at));
    snapshots("follow_filtered", &mut app);
    assert!(app.list.filter().is_none(), "the list stays as it was");
    keys(&mut app, "=websocket.opcod == 1\n");
    assert!(
        app.prompt
            .take()
            .is_some_and(|prompt| prompt.error.is_some())
    );
    keys(&mut app, "\\");
    let Some(View::Follow(follow)) = &app.view else {
        panic!("{:?}", app.view)
    };
    assert!((0..all).all(|at| follow.shows(&app.store, at)));
}

#[test]
fn what_differs_is_asked_for_and_shown() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "V2\n");
    assert_eq!(app.effects.pop(), Some(Effect::Compare("2".to_owned())));
    assert!(screen(&mut app, 80, 24).contains("comparing…"));
    app.compared("the status\n  101 and 403\n".to_owned());
    snapshots("compared", &mut app);
    keys(&mut app, "q");
    assert!(app.view.is_none());
}
