use std::sync::Arc;

use super::*;
use crate::base::LinkType;
use crate::capture::Input;
use crate::overview::{InMemory, Session};
use crate::testkit::{Conversation, Frame, Sample, pcap, upgrade_request, upgrade_response};

fn read(input: Input) -> Session {
    let mut session = Session::open(vec![input], None, false).unwrap();
    while session.step() {}
    session
}

fn sample(name: &str) -> Session {
    read(Input::from_argument(Sample::named(name).path))
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
fn widths_are_one_two_and_five() {
    let wide: Vec<i64> = [1, 1_000, 1_001, 2_001, 5_001, 999_999]
        .map(at_least)
        .to_vec();
    assert_eq!(wide, [1_000, 1_000, 2_000, 5_000, 10_000, 1_000_000]);
    let narrow = [1_000, 2_000, 5_000, 10_000].map(narrower);
    assert_eq!(narrow, [1_000, 1_000, 2_000, 5_000]);
}

#[test]
fn every_frame_falls_into_one_column_however_many_there_are() {
    let session = sample("websockets-close-codes.pcapng");
    let store = session.store();
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
    let session = sample("websockets-close-codes.pcapng");
    let store = session.store();
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
        let session = sample(name);
        let store = session.store();
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
    let packets = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]))
        .client(Frame::text("hello").mask([1, 2, 3, 4]).bytes())
        .server(Frame::text("hello, you").bytes())
        .fin()
        .packets();
    let bytes = Arc::new(InMemory(pcap(LinkType::ETHERNET, &packets)));
    let session = read(Input::At(bytes, "made".to_owned()));
    let store = session.store();
    let graph = gathered(store, Graph::new(store, Of::One(0), 1));
    let second = 1e9 / graph.window().width as f64;
    assert_eq!(graph.rate(Chart::Bytes, 0, Side::Client), 5.0 * second);
    assert_eq!(graph.rate(Chart::Bytes, 0, Side::Server), 10.0 * second);
    assert_eq!(graph.rate(Chart::Frames, 0, Side::Server), second);
    assert_eq!(graph.most(Chart::Bytes), 10.0 * second);
    assert_eq!(graph.buckets()[0].first, Some(0));
}
