//! What connections did over time.

use std::time::Instant;

use crossterm::event::KeyCode;

use crate::base::Side;
use crate::store::Store;
use crate::tui::views::View;
use crate::tui::{App, mouse, panel};
use crate::view::graph::{Chart, Graph, Of, TripKind};
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

/// Gathered to the end, a few rows at a time.
fn gathered(store: &Store, mut graph: Graph) -> Graph {
    while graph.is_gathering() {
        while store.is_decoding() && !store.decode_on(64) {}
        graph.gather(store, 7);
    }
    graph
}

fn frames(graph: &Graph) -> u64 {
    let all = graph.buckets().iter();
    all.map(|bucket| bucket.frames.client + bucket.frames.server)
        .sum()
}

#[test]
fn every_frame_falls_into_one_column_however_many_there_are() {
    let app = open("websockets-close-codes.pcapng");
    let store = &app.store;
    for columns in [1, 7, 66, 1000] {
        let graph = gathered(store, Graph::new(store, Of::All, columns));
        assert_eq!(frames(&graph), store.frame_count() as u64, "{columns}");
        assert_eq!(graph.buckets().len(), columns);
        assert!(graph.window().to() > store.last() || columns == 1);
    }
    let one = gathered(store, Graph::new(store, Of::One(3), 66));
    let entry = store.connection(3).unwrap();
    assert_eq!(frames(&one), entry.frames.len() as u64);
    let some = gathered(store, Graph::new(store, Of::Some(vec![0, 3]), 66));
    let other = store.connection(0).unwrap().frames.len() as u64;
    assert_eq!(frames(&some), frames(&one) + other);
}

#[test]
fn zooming_keeps_the_moment_and_going_out_shows_all_again() {
    let app = open("websockets-close-codes.pcapng");
    let store = &app.store;
    let mut graph = Graph::new(store, Of::All, 60);
    let all = graph.window();
    let mut at = 41;
    let moment = graph.window().begin(at);
    for _ in 0..3 {
        at = graph.zoom(store, at, true);
        assert_eq!(graph.window().bucket(moment), Some(at));
    }
    assert!(graph.window().width < all.width);
    graph.scroll(store, i64::MIN / 4);
    assert_eq!(graph.window().from, all.from);
    graph.scroll(store, i64::MAX / 4);
    assert!(graph.window().to() > store.last());
    for _ in 0..9 {
        at = graph.zoom(store, at, false);
    }
    let graph = gathered(store, graph);
    assert_eq!(frames(&graph), store.frame_count() as u64);
    assert_eq!(graph.window().from, all.from);
}

#[test]
fn round_trips_are_those_of_pings_calls_and_tcp() {
    let kinds = |name: &str, of: Of| {
        let app = open(name);
        let store = &app.store;
        let graph = gathered(store, Graph::new(store, of, 50));
        let mut kinds: Vec<(TripKind, u64)> = Vec::new();
        for group in (0..50).flat_map(|at| graph.trips(at)) {
            let kind = group.longest.kind;
            assert!(group.shortest <= group.longest.took);
            match kinds.iter_mut().find(|(known, _)| *known == kind) {
                Some((_, count)) => *count += group.count,
                None => kinds.push((kind, group.count)),
            }
        }
        kinds.sort();
        let messages = (0..store.message_count() as u32).filter_map(|at| store.message(at));
        let pongs = messages.filter(|message| message.round_trip.is_some());
        (kinds, pongs.count() as u64)
    };
    let (kinds_of_one, pongs) = kinds("ws-deflate-fragments.pcapng", Of::One(0));
    assert!(pongs > 0);
    assert_eq!(kinds_of_one, [(TripKind::Ping, pongs), (TripKind::Tcp, 1)]);
    let (calls, _) = kinds("socketio4-websocket.pcapng", Of::All);
    assert!(
        calls
            .iter()
            .any(|(kind, count)| *kind == TripKind::Call && *count > 0),
        "{calls:?}"
    );
}

#[test]
fn rates_are_a_second_of_each_side() {
    let app = open("ws-deflate-fragments.pcapng");
    let store = &app.store;
    let graph = gathered(store, Graph::new(store, Of::One(0), 1));
    let second = graph.window().width as f64 / 1e9;
    let known = &store.connection(0).unwrap().connection;
    for side in Side::BOTH {
        let bytes = graph.rate(Chart::Bytes, 0, side) * second;
        assert_eq!(bytes.round() as u64, known.bytes[side]);
        let frames = graph.rate(Chart::Frames, 0, side) * second;
        assert_eq!(frames.round() as u64, known.frames[side]);
    }
    assert_eq!(graph.buckets()[0].first, Some(0));
}
