//! The whole capture: every packet, what else there is beside WebSockets, and what is read whole.

use crossterm::event::KeyCode;

use crate::store::WHOLE;
use crate::tui::views::View;
use crate::view::rows::{Kind, RowId};

use super::{keys, open, press, screen, snapshots};

const POLLING: &str = "socketio4-upgrade.pcapng";

#[test]
fn every_packet_is_listed_and_leads_back() {
    let mut app = open("websockets-close-codes.pcapng");
    press(&mut app, KeyCode::End);
    let frame = app.list.selected(&app.store);
    let Some(RowId::Frame(index)) = frame else {
        panic!("{frame:?}")
    };
    let packet = app.store.frame(index).unwrap().packet();
    keys(&mut app, "P");
    let Some(RowId::Packet(WHOLE, at)) = app.list.selected(&app.store) else {
        panic!("{:?}", app.list.selected(&app.store))
    };
    let entry = app.store.flow_packet(WHOLE, at as usize).unwrap();
    assert_eq!(entry.number(), packet);
    snapshots("capture", &mut app);
    // Another connection's packet leads to that connection.
    press(&mut app, KeyCode::End);
    assert_eq!(app.list.kind, Kind::Packets);
    let last = app.connection();
    assert!(last > 0);
    keys(&mut app, "m");
    assert_eq!(app.list.kind, Kind::Frames);
    assert_eq!(app.connection(), last);
}

#[test]
fn what_came_before_a_websocket_is_listed_with_heads_and_bodies() {
    let mut app = open(POLLING);
    keys(&mut app, "X");
    snapshots("traffic", &mut app);
    let Some(View::Traffic(list)) = &app.view else {
        panic!("{:?}", app.view)
    };
    assert!(list.of.is_some() && !list.rows.is_empty());
    press(&mut app, KeyCode::Home);
    press(&mut app, KeyCode::Enter);
    snapshots("exchange", &mut app);
    // The view it came from is under it.
    press(&mut app, KeyCode::Esc);
    assert!(matches!(app.view, Some(View::Traffic(_))));
    keys(&mut app, "p");
    assert!(app.view.is_none() && app.lists_capture());
}

#[test]
fn json_is_read_whole_folded_and_searched() {
    let mut app = open(POLLING);
    keys(&mut app, "m");
    press(&mut app, KeyCode::Home);
    keys(&mut app, "v");
    assert!(matches!(app.view, Some(View::Reading(_))));
    let shown = screen(&mut app, 80, 24);
    assert!(shown.contains("Message"), "{shown}");
    keys(&mut app, "/nothing like it\n");
    assert!(app.notice.contains("not found"), "{}", app.notice);
    keys(&mut app, "v");
    assert!(app.view.is_none());
    // In the detail the field is read, and its bytes where it is no text.
    keys(&mut app, "\tv");
    let shown = screen(&mut app, 80, 24);
    assert!(shown.contains("00000000  "), "{shown}");
}
