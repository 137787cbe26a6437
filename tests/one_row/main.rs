//! One row: a row that happens and a row from the store are the same, for every sample.

mod found;
mod law;
mod tree;

use std::sync::Mutex;

use law::{Capture, Lines};
use wireloupe::engine::{Connection, FrameEvent, MessageEvent, Options};
use wireloupe::export::{Format, Page, Selection, Show};
use wireloupe::filter::Filter;
use wireloupe::store::Row;
use wireloupe::testkit::Sample;

fn capture(sample: &Sample) -> Capture {
    Capture::File(sample.path.clone(), sample.keys())
}

/// Holds the law for what is made of every sample.
fn holds(samples: Vec<Sample>, options: &Options, make: impl Fn(&Sample) -> Vec<Capture> + Sync) {
    let (samples, breaches) = (Mutex::new(samples), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                loop {
                    let next = samples.lock().unwrap().pop();
                    let Some(sample) = next else { break };
                    for capture in make(&sample) {
                        let found = law::breaches(&capture, options);
                        let found = found
                            .iter()
                            .map(|breach| format!("{}: {breach}", sample.name));
                        breaches.lock().unwrap().extend(found);
                    }
                }
            });
        }
    });
    let breaches = breaches.into_inner().unwrap();
    let count = breaches.len();
    assert!(count == 0, "{count} breaches:\n{}", breaches.join("\n"));
}

#[test]
fn a_row_is_the_same_as_it_happens_and_from_the_store() {
    holds(Sample::all(), &Options::default(), |sample| {
        vec![capture(sample)]
    });
}

fn folder(name: &str) -> Vec<Sample> {
    let mut samples = Sample::all();
    samples.retain(|sample| sample.folder().ends_with(name));
    assert!(samples.len() > 5, "{name}");
    samples
}

#[test]
fn what_is_longer_than_the_kept_limit_is_the_same_too() {
    let mut options = Options::default();
    options.limits.kept_payload = 20;
    options.limits.fragments = 2;
    let mut samples = folder("deflate");
    let long = [
        "websockets-lengths",
        "websockets-fragments",
        "wss-long-messages",
    ];
    samples.extend(long.map(Sample::named));
    holds(samples, &options, |sample| vec![capture(sample)]);
}

#[test]
fn a_capture_that_is_cut_anywhere_is_the_same_too() {
    holds(folder("failures"), &Options::default(), |sample| {
        let bytes = std::fs::read(&sample.path).unwrap();
        let cut = |part: usize| Capture::Bytes(bytes[..bytes.len() * part / 4].to_vec());
        vec![cut(2), cut(3)]
    });
}

/// How many rows match a filter: as they happen, and of the store's.
fn matching(name: &str, show: Show, filter: &str) -> (u64, u64) {
    let filter = Filter::parse(filter).unwrap();
    let (capture, options) = (capture(&Sample::named(name)), Options::default());
    let selection = Selection {
        show,
        filter: Some(filter.clone()),
        ..Selection::default()
    };
    let lines = Lines::default();
    let happens = law::printed(&capture, &options, selection, |_| Count, lines).0;
    let store = law::store(&capture, &options).unwrap();
    let test = |row: Row<'_>| filter.matches(&row.in_capture(store.start()));
    let replayed = match show {
        Show::Messages => (0..store.message_count() as u32)
            .filter_map(|index| store.with_message(index, filter.needs(), test))
            .filter(|matches| *matches)
            .count(),
        _ => (0..store.frame_count() as u32)
            .filter_map(|index| store.with_frame(index, filter.needs(), test))
            .filter(|matches| *matches)
            .count(),
    };
    (happens.len() as u64, replayed as u64)
}

/// A letter for each row.
struct Count;

impl Format for Count {
    type Out = Page;

    fn frame(&mut self, page: &mut Page, _: &FrameEvent<'_>, _: &Connection) {
        page.bytes().push(b'f');
    }

    fn message(&mut self, page: &mut Page, _: &MessageEvent<'_>, _: &Connection) {
        page.bytes().push(b'm');
    }
}

#[test]
fn the_text_of_a_compressed_message_is_on_its_last_frame_in_the_store_too() {
    let found = matching(
        "websockets-window-bits.pcapng",
        Show::Frames,
        "websocket.payload.text",
    );
    assert_eq!(found, (42, 42));
}

#[test]
fn the_store_has_the_text_of_a_message_up_to_its_first_hole() {
    let found = matching("dropped-packets.pcap", Show::Messages, "message.text");
    assert_eq!(found, (16, 16));
}

#[test]
fn a_frame_has_a_finding_when_one_is_about_it() {
    // One of its frames is lost; what was found is about no frame that is there.
    let found = matching("dropped-header.pcap", Show::Frames, "finding");
    assert_eq!(found, (0, 0));
    let found = matching("masked-server.pcapng", Show::Frames, "finding");
    assert!(found.0 > 0, "{found:?}");
    assert_eq!(found.0, found.1);
}

#[test]
fn a_message_has_the_values_that_its_filter_asks_for() {
    // Payload bytes of a ping in a table without the text of messages.
    let found = matching(
        "websockets-basic.pcapng",
        Show::Messages,
        "websocket.payload",
    );
    assert!(found.0 > 0, "{found:?}");
    assert_eq!(found.0, found.1);
}
