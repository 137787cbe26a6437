//! What connections did over time.

use std::time::Instant;

use crossterm::event::KeyCode;

use crate::tui::views::View;
use crate::tui::{App, mouse, panel};
use crate::view::graph::{Chart, Of};
use crate::view::rows::RowId;

use super::{drawn, keys, open, press, screen, snapshots};

fn graph(app: &App) -> &crate::tui::views::GraphView {
    match &app.view {
        Some(View::Graph(view)) => view,
        other => panic!("{other:?}"),
    }
}

#[test]
fn bytes_and_round_trips_are_drawn_over_time() {
    let mut app = open("ws-deflate-fragments.pcapng");
    screen(&mut app, 80, 24);
    keys(&mut app, "I");
    snapshots("graph", &mut app);
    keys(&mut app, "\t\t");
    assert_eq!(graph(&app).chart, Chart::Trips);
    snapshots("graph_trips", &mut app);
    keys(&mut app, "I");
    assert!(app.view.is_none());
}

#[test]
fn the_chosen_column_leads_to_its_first_frame() {
    let mut app = open("websockets-close-codes.pcapng");
    screen(&mut app, 80, 24);
    keys(&mut app, "Ia");
    assert_eq!(*graph(&app).graph.of(), Of::All);
    press(&mut app, KeyCode::Home);
    let view = graph(&app);
    let first = view.graph.buckets().iter();
    let (at, first) = first
        .enumerate()
        .find_map(|(at, bucket)| Some((at, bucket.first?)))
        .unwrap();
    for _ in 0..at {
        press(&mut app, KeyCode::Right);
    }
    press(&mut app, KeyCode::Enter);
    assert!(app.view.is_none());
    assert_eq!(app.list.selected(&app.store), Some(RowId::Frame(first)));
}

#[test]
fn only_the_listed_connections_are_drawn() {
    let mut app = open("websockets-close-codes.pcapng");
    screen(&mut app, 80, 24);
    press(&mut app, KeyCode::BackTab);
    keys(&mut app, "=close.code in {1008..1011}\n");
    keys(&mut app, "Ia");
    assert!(matches!(graph(&app).graph.of(), Of::Some(some) if some.len() == 6));
    let shown = screen(&mut app, 80, 24);
    assert!(shown.contains("Graph of 6 listed connections"), "{shown}");
}

#[test]
fn the_mouse_chooses_a_column_and_the_wheel_zooms() {
    let mut app = open("websockets-close-codes.pcapng");
    drawn(&mut app, 80, 24);
    keys(&mut app, "I");
    let body = app.areas().body;
    let (_, area) = panel::graph::charts(body, Chart::Bytes)[0];
    mouse::press(&mut app, area.x + 11, area.y + 2, Instant::now());
    assert_eq!(graph(&app).at, 11);
    let before = graph(&app).graph.window().width;
    mouse::scroll(&mut app, area.x + 11, area.y + 2, false);
    assert!(graph(&app).graph.window().width < before);
    mouse::scroll(&mut app, area.x + 11, area.y + 2, true);
    assert_eq!(graph(&app).graph.window().width, before);
}

#[test]
fn a_graph_has_room_for_every_size() {
    let mut app = open("ws-deflate-fragments.pcapng");
    keys(&mut app, "I");
    for (width, height) in [(1, 1), (12, 5), (20, 8), (40, 12), (200, 70)] {
        for _ in 0..3 {
            screen(&mut app, width, height);
            keys(&mut app, "\t+-");
        }
    }
}
