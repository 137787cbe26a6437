//! What is found by reading a capture again is what its index says, row by row, whatever the number of threads.

use wireloupe::base::Limits;
use wireloupe::capture::{self, Input, Source};
use wireloupe::engine::Options;
use wireloupe::filter::Filter;
use wireloupe::overview::{Finder, Places};
use wireloupe::run::{self, ConnectionKey, Keyed};
use wireloupe::store::Store;
use wireloupe::testkit::Sample;
use wireloupe::tls::KeyLog;
use wireloupe::view::needle::Needle;
use wireloupe::view::rows::{Kind, RowId, matches};
use wireloupe::view::sought::{By, Finds, Sought};

use super::law;

/// Filters on headers, connections, text, what was inflated, what is carried, and findings.
const FILTERS: &[(&str, Kind)] = &[
    ("websocket.opcode == text", Kind::Frames),
    ("websocket.payload.text contains \"a\"", Kind::Frames),
    (
        "websocket.payload_length > 5 && connection != 1",
        Kind::Frames,
    ),
    ("finding", Kind::Frames),
    ("message.text matches \"[0-9]\"", Kind::Messages),
    ("message.length < 30 || connection == 2", Kind::Messages),
    ("not payload.heartbeat", Kind::Messages),
    ("call.request", Kind::Messages),
    ("frame.time_relative > 0.05", Kind::Messages),
];

fn source(sample: &Sample) -> Keyed {
    let options = capture::Options {
        spool: Some(Default::default()),
        ..capture::Options::default()
    };
    let input = Input::from_argument(&sample.path);
    let source = Source::open_with(vec![input], &Limits::default(), options).unwrap();
    let mut keyed = Keyed::new(source);
    if let Some(path) = sample.keys() {
        let mut log = KeyLog::new();
        log.extend(&std::fs::read(path).unwrap());
        log.finish();
        keyed.add(log);
    }
    keyed
}

/// The places that are found by reading again.
fn found(sample: &Sample, kind: Kind, by: By, threads: usize) -> (Vec<u32>, usize) {
    let finds = Finds::new(7);
    let sought = Sought {
        id: 7,
        kind,
        by,
        forced: Vec::new(),
        wanted: finds.wanted(),
    };
    let mut places = Places::default();
    let (mut rows, mut asked) = (Vec::new(), 0);
    let make = |start| Finder::new(&sought, start);
    run::analyse(
        &mut source(sample),
        &Options::default(),
        threads,
        make,
        &mut |parts| {
            let found = places.take(7, parts);
            rows.extend(found.rows);
            asked = found.asked;
            true
        },
    );
    (rows, asked)
}

fn rows(store: &Store, kind: Kind) -> Vec<RowId> {
    let count = match kind {
        Kind::Messages => store.message_count(),
        _ => store.frame_count(),
    };
    let row = |index| match kind {
        Kind::Messages => RowId::Message(index),
        _ => RowId::Frame(index),
    };
    (0..count as u32).map(row).collect()
}

fn listed(rows: &[RowId], is_one: impl Fn(RowId) -> bool) -> Vec<u32> {
    let all = (0..).zip(rows);
    all.filter_map(|(at, row)| is_one(*row).then_some(at))
        .collect()
}

/// Every fifth sample, and those where rows are told late or have odd frames.
fn samples() -> Vec<Sample> {
    let mut samples: Vec<Sample> = Sample::all().into_iter().step_by(5).collect();
    samples.extend(
        [
            "websockets-window-bits",
            "dropped-packets",
            "ws-deflate-fragments",
            "masked-server",
        ]
        .map(Sample::named),
    );
    samples
}

#[test]
fn what_a_filter_finds_by_reading_again_is_what_the_index_says() {
    let mut hits = 0;
    for sample in samples() {
        let capture = law::Capture::File(sample.path.clone(), sample.keys());
        let store = law::store(&capture, &Options::default()).unwrap();
        let keys: Vec<_> = store
            .connections()
            .iter()
            .map(|entry| ConnectionKey::of(&entry.connection))
            .collect();
        for (text, kind) in FILTERS {
            let filter = Filter::parse(text).unwrap();
            let all = rows(&store, *kind);
            let expected = listed(&all, |row| matches(&store, &filter, row));
            hits += expected.len();
            for threads in [1, 3] {
                let by = By::Filter(filter.clone(), keys.clone());
                let (rows, asked) = found(&sample, *kind, by, threads);
                let of = format!("{} {text} on {threads}", sample.name);
                assert_eq!(asked, all.len(), "{of}");
                assert_eq!(rows, expected, "{of}");
            }
        }
    }
    assert!(hits > 1000, "{hits}");
}

#[test]
fn what_a_search_finds_by_reading_again_is_what_the_index_says() {
    let mut hits = 0;
    for sample in samples() {
        let capture = law::Capture::File(sample.path.clone(), sample.keys());
        let store = law::store(&capture, &Options::default()).unwrap();
        for text in ["the", "hex:00", "re:[a-f]{3}"] {
            for kind in [Kind::Frames, Kind::Messages] {
                let needle = Needle::new(text).unwrap();
                let all = rows(&store, kind);
                let expected = listed(&all, |row| needle.is_in_row(&store, row));
                hits += expected.len();
                let (rows, asked) = found(&sample, kind, By::Needle(needle), 2);
                let of = format!("{} {text} {kind:?}", sample.name);
                assert_eq!(asked, all.len(), "{of}");
                assert_eq!(rows, expected, "{of}");
            }
        }
    }
    assert!(hits > 500, "{hits}");
}
