//! What every row costs, beside the frame it is about: a filter, a line of text, a line of NDJSON, a place in the index.
//!
//! Each bench runs the same 1,000 packets through an engine; the difference to `nothing` is the row's own.

use divan::Bencher;
use divan::counter::ItemsCount;
use wireloupe::base::{Limits, LinkType, Needs, PacketNumber, Timestamp};
use wireloupe::capture::{FilePosition, PacketRecord};
use wireloupe::engine::{Arrival, Engine, Options, Sink};
use wireloupe::export::{Format, Ndjson, Page, Palette, Printer, Selection, Show, Text};
use wireloupe::filter::Filter;
use wireloupe::run::{Collected as _, Ordered};
use wireloupe::store::{BatchRecords, Collector, Indexer, Store};
use wireloupe::testkit::{Conversation, Frame, upgrade_request, upgrade_response};
use wireloupe::wire::{Walked, Walker};

const FRAMES: usize = 1000;

fn main() {
    divan::main();
}

/// A connection whose server sends [`FRAMES`] texts, one a packet.
fn packets() -> Vec<(Timestamp, Vec<u8>)> {
    let mut script = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]));
    for number in 0..FRAMES {
        let text = format!(
            "{{\"id\":{number},\"kind\":\"update\",\"text\":\"{}\"}}",
            "word ".repeat(20)
        );
        script = script.server(Frame::text(text).bytes());
    }
    script.packets()
}

fn run<S: Sink>(bencher: Bencher, make: impl Fn() -> S, empty: impl Fn(&mut S)) {
    let packets = packets();
    let mut walker = Walker::new(&Limits::default());
    let arrivals: Vec<Arrival<'_>> = packets
        .iter()
        .enumerate()
        .filter_map(|(at, (time, bytes))| {
            let walked = walker.segment(LinkType::ETHERNET, *time, bytes, bytes.len() as u32);
            let Ok(Walked::Here(segment)) = walked else {
                return None;
            };
            Some(Arrival {
                number: PacketNumber(at as u64 + 1),
                time: *time,
                segment,
                bytes,
            })
        })
        .collect();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let mut engine = Engine::new(Options::default(), make());
        engine.segments(&arrivals);
        empty(engine.sink());
    });
}

fn print<F: Format<Out = Page>>(
    bencher: Bencher,
    show: Show,
    filter: Option<&str>,
    make: impl Fn() -> F,
) {
    let filter = filter.map(|text| Filter::parse(text).expect("a filter of the language"));
    let sink = || {
        let selection = Selection {
            show,
            filter: filter.clone(),
            ..Selection::default()
        };
        Printer::new(make(), selection, Timestamp(0))
    };
    run(bencher, sink, |printer| {
        let mut page = Ordered::<Page>::default();
        printer.exchange(&mut page);
        divan::black_box(page.weight());
    });
}

fn text() -> Text {
    Text::new(Timestamp(0), false, Palette::default())
}

struct Nothing;

impl Sink for Nothing {
    fn needs(&self) -> Needs {
        Needs::HEADERS
    }
}

#[divan::bench]
fn nothing(bencher: Bencher) {
    run(bencher, || Nothing, |_| {});
}

#[divan::bench]
fn text_frames(bencher: Bencher) {
    print(bencher, Show::Frames, None, text);
}

#[divan::bench(args = ["websocket.opcode == 8", "websocket.payload_length > 10000", "ip.addr == 192.0.2.1"])]
fn filter_that_lets_nothing_pass(bencher: Bencher, filter: &str) {
    print(bencher, Show::Frames, Some(filter), text);
}

#[divan::bench]
fn ndjson_frames(bencher: Bencher) {
    print(bencher, Show::Frames, None, || Ndjson::new(false));
}

#[divan::bench]
fn ndjson_messages(bencher: Bencher) {
    print(bencher, Show::Messages, None, || Ndjson::new(false));
}

/// All that the terminal interface does to have a frame in its list, but for what the diagnosis asks.
#[divan::bench]
fn index(bencher: Bencher) {
    let records: Vec<PacketRecord> = (1..)
        .zip(packets())
        .map(|(number, (time, bytes))| PacketRecord {
            number: PacketNumber(number),
            time,
            position: FilePosition::new(0, number * 200),
            start: 0,
            captured: bytes.len() as u32,
            original: bytes.len() as u32,
            link: LinkType::ETHERNET,
        })
        .collect();
    run(bencher, Indexer::default, |indexer| {
        let (mut part, mut store) = ([BatchRecords::default()], Store::default());
        indexer.exchange(&mut part[0]);
        store.append(Collector::default().merge(&mut part, &records));
        divan::black_box(store.frame_count());
    });
}
