//! Sorting, columns, widths, hits of a search, and times that count from a row.

use crossterm::event::KeyCode;

use crate::tui::App;
use crate::tui::mouse;
use crate::view::rows::RowId;

use super::{keys, open, press, screen, snapshots};

fn lengths(app: &App) -> Vec<u64> {
    let rows = (0..app.list.len(&app.store)).filter_map(|at| app.list.row(&app.store, at));
    rows.map(|row| match row {
        RowId::Frame(index) => {
            let frame = app.store.frame(index).unwrap();
            frame.header(app.store.odd(index)).payload_length
        }
        _ => panic!("{row:?}"),
    })
    .collect()
}

#[test]
fn rows_are_sorted_by_key_both_ways_and_keep_the_selection() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "a");
    press(&mut app, KeyCode::End);
    let selected = app.list.selected(&app.store);
    keys(&mut app, "ol");
    let sorted = lengths(&app);
    assert!(sorted.is_sorted(), "{sorted:?}");
    assert_eq!(app.list.selected(&app.store), selected);
    keys(&mut app, "O");
    assert!(lengths(&app).iter().rev().is_sorted());
    // Other rows are sorted alike.
    keys(&mut app, "=websocket.payload_length > 2\n");
    assert!(lengths(&app).iter().rev().is_sorted());
    let shown = screen(&mut app, 120, 40);
    assert!(shown.contains(", by length ▼"), "{shown}");
    keys(&mut app, "on");
    assert_eq!(app.list.sorted(), 0);
}

#[test]
fn connections_are_sorted_by_a_click_on_the_heading() {
    let mut app = open("websockets-close-codes.pcapng");
    let shown = screen(&mut app, 120, 40);
    let heading = shown.lines().nth(2).unwrap();
    let x = heading.chars().take_while(|c| *c != 'b').count();
    assert!(heading.contains("bytes"), "{heading}");
    let at = heading.find("bytes").unwrap();
    let x = heading[..at].chars().count().max(x) as u16;
    mouse::press(&mut app, x, 2, std::time::Instant::now());
    while app.is_busy() {
        app.tick(std::time::Duration::from_millis(5));
    }
    let bytes: Vec<_> = (0..16)
        .map(|at| {
            let index = app.connections.index(&app.store, at).unwrap();
            let known = &app.store.connection(index).unwrap().connection;
            known.bytes.client + known.bytes.server
        })
        .collect();
    assert!(bytes.iter().rev().is_sorted(), "{bytes:?}");
    snapshots("sorted_connections", &mut app);
}

#[test]
fn columns_are_chosen_sorted_and_dragged() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "W");
    keys(&mut app, "websocket.mask close.code\n");
    assert_eq!(app.orders.columns.len(), 2, "{:?}", app.prompt);
    keys(&mut app, "ao2");
    snapshots("columns", &mut app);
    let before = app.orders.columns[0].width;
    let column = crate::tui::panel::list::columns(&app);
    let edge = column[7].columns.end as u16;
    let heading = app.areas().panes[1].y + 1;
    mouse::press(&mut app, edge + 1, heading, std::time::Instant::now());
    mouse::drag(&mut app, edge + 6, heading);
    mouse::release(&mut app);
    assert_eq!(app.orders.columns[0].width, before + 5);
    keys(&mut app, "W nonsense.field\n");
    assert!(
        app.prompt
            .as_ref()
            .is_some_and(|prompt| prompt.error.is_some())
    );
}

#[test]
fn hits_are_counted_and_highlighted() {
    let mut app = open("websockets-close-codes.pcapng");
    keys(&mut app, "am");
    keys(&mut app, "/re:client will close with 10[01]\n");
    assert_eq!(app.notice, "hit 2 of 5");
    keys(&mut app, "n");
    assert_eq!(app.notice, "hit 3 of 5");
    keys(&mut app, "NN");
    assert_eq!(app.notice, "hit 1 of 5");
    let terminal = super::drawn(&mut app, 120, 40);
    let style = app.theme.highlight();
    let cells = terminal.backend().buffer().content();
    assert!(cells.iter().any(|cell| cell.bg == style.bg.unwrap()));
    keys(&mut app, "/case:CLIENT WILL\n");
    assert!(app.notice.contains("not found"), "{}", app.notice);
}

#[test]
fn a_filter_for_the_value_and_times_from_a_row() {
    let mut app = open("websockets-close-codes.pcapng");
    press(&mut app, KeyCode::Down);
    keys(&mut app, "A");
    let typed = app
        .prompt
        .as_ref()
        .map(|prompt| prompt.input.value().to_owned());
    assert!(
        typed
            .as_deref()
            .is_some_and(|text| text.starts_with("websocket.opcode == "))
    );
    keys(&mut app, "\n");
    assert!(app.list.filter().is_some());
    super::input::event(
        &mut app,
        &crossterm::event::Event::Key(crossterm::event::KeyEvent::new(
            KeyCode::Char('t'),
            crossterm::event::KeyModifiers::CONTROL,
        )),
    );
    assert!(app.reference.is_some());
    let shown = screen(&mut app, 120, 40);
    assert!(shown.contains("0.000000"), "{shown}");
}
