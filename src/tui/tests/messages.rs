//! What messages carry: in lists, in the chat and in the tree, with calls, heart-beats and what they are read as.

use super::*;

const SIGNALR: &str = "signalr-json";

/// A sample whose messages are listed.
fn messages(name: &str) -> App {
    let mut app = open_counted(name);
    app.resize(120, 40);
    keys(&mut app, "m");
    app.focus = crate::tui::layout::Pane::List;
    app.settle();
    app
}

fn selected(app: &App) -> String {
    let row = app.list.row(&app.store, app.list.cursor.at).unwrap();
    crate::tui::row_text(app, app.list.cursor.at, row)
}

/// Moves to the first row with this text.
fn to_row(app: &mut App, text: &str) {
    app.focus = crate::tui::layout::Pane::List;
    keys(app, "g");
    while !selected(app).contains(text) {
        let before = app.list.cursor.at;
        keys(app, "j");
        assert_ne!(app.list.cursor.at, before, "no {text}");
    }
}

/// Moves to the line of the tree that is this field.
fn to_field(app: &mut App, name: &str) {
    keys(app, "g");
    while app.tree.field(app.detail.at).unwrap().name != name {
        let before = app.detail.at;
        keys(app, "j");
        assert_ne!(app.detail.at, before, "no {name}");
    }
}

#[test]
fn lists_and_the_chat_say_what_messages_carry() {
    let mut app = messages(SIGNALR);
    assert!(selected(&app).contains("[signalr] HandshakeRequest json"));
    to_row(&mut app, "Completion Fail");
    let text = selected(&app);
    assert!(text.contains("(to m"), "{text}");
    snapshots("messages", &mut app);
    keys(&mut app, "f");
    snapshots("chat", &mut app);
}

#[test]
fn the_tree_has_the_protocols_and_their_bytes() {
    let mut app = messages(SIGNALR);
    to_row(&mut app, "Invocation Add");
    keys(&mut app, "\n");
    to_field(&mut app, "signalr.target");
    let shown = app.highlighted();
    let [range] = &shown[..] else {
        panic!("{shown:?}")
    };
    assert_eq!(&app.bytes.bytes[range.clone()], b"\"Add\"");
}

#[test]
fn an_answer_leads_to_its_request_and_a_request_to_its_answer() {
    let mut app = messages(SIGNALR);
    to_row(&mut app, "Completion Fail");
    let answer = app.list.cursor.at;
    keys(&mut app, "r");
    assert!(
        selected(&app).contains("Invocation Fail"),
        "{}",
        selected(&app)
    );
    keys(&mut app, "r");
    assert_eq!(app.list.cursor.at, answer);
    // Enter goes into the tree, and on the line that names the request to it.
    keys(&mut app, "\n");
    to_field(&mut app, "call.request");
    keys(&mut app, "\n");
    assert!(selected(&app).contains("Invocation Fail"));
    keys(&mut app, "f");
    let chat = screen(&mut app, 120, 40);
    keys(&mut app, "r");
    assert_ne!(screen(&mut app, 120, 40), chat);
    press(&mut app, KeyCode::Esc);
    to_row(&mut app, "Ping");
    keys(&mut app, "r");
    assert_eq!(app.notice, "neither an answer nor a request with one");
}

#[test]
fn heart_beats_are_hidden_and_come_back_with_the_filter_that_was() {
    let mut app = messages(SIGNALR);
    let all = app.list.len(&app.store);
    assert!(screen(&mut app, 120, 40).contains("Ping"));
    keys(&mut app, "w");
    assert!(app.list.len(&app.store) < all);
    assert!(!screen(&mut app, 120, 40).contains("[signalr] Ping"));
    keys(&mut app, "w");
    assert_eq!(app.list.len(&app.store), all);
    assert!(app.list.filter().is_none());
    keys(&mut app, "=from == client\n");
    keys(&mut app, "ww");
    assert_eq!(app.list.filter().unwrap().text(), "from == client");
    keys(&mut app, "\\f");
    let chat = screen(&mut app, 120, 40);
    keys(&mut app, "w");
    assert!(chat.contains("Ping") && !screen(&mut app, 120, 40).contains("[signalr] Ping"));
}

#[test]
fn calls_are_listed_by_method_in_any_order() {
    let mut app = messages(SIGNALR);
    keys(&mut app, "C");
    snapshots("calls", &mut app);
    // To the left of the count is the name, to its right the errors.
    keys(&mut app, "l");
    let errors = screen(&mut app, 120, 40);
    assert!(errors.contains("errors▾"), "{errors}");
    keys(&mut app, "hh");
    assert!(screen(&mut app, 120, 40).contains("method▾"));
    keys(&mut app, "\n");
    assert!(app.view.is_none());
    assert!(selected(&app).contains("Completion"), "{}", selected(&app));
}

#[test]
fn a_connection_is_read_as_what_someone_says() {
    let mut app = messages("stomp-rabbitmq");
    let claimed = selected(&app);
    assert!(claimed.contains("[stomp] CONNECT"), "{claimed}");
    keys(&mut app, "Dnats\n");
    assert!(!selected(&app).contains("[stomp]"), "{}", selected(&app));
    assert_eq!(app.notice, "connection 1 is read as NATS");
    keys(&mut app, "Dno-such\n");
    assert!(
        app.notice.starts_with("no protocol no-such"),
        "{}",
        app.notice
    );
    keys(&mut app, "Dsto\t\n");
    assert!(selected(&app).contains("[stomp] CONNECT"));
    keys(&mut app, "D\n");
    assert_eq!(selected(&app), claimed);
}
