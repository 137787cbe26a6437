//! Captures that are broken in any way: diagnosis and comparison say something of them and never panic.

use std::io::Cursor;

use wireloupe::base::{LinkType, Side, Timestamp};
use wireloupe::capture::{Batch, Input, Source};
use wireloupe::engine::{Engine, Options, Sink};
use wireloupe::export::{DiagnosisText, Palette, diagnosis_json};
use wireloupe::insight::compare::{
    Diagnosed, Recorded, Recorder, Recording, Records, attempts, hop, hop_json, hop_text,
};
use wireloupe::insight::{BatchFacts, Casebook, Facts, Report};
use wireloupe::run::Collected as _;
use wireloupe::testkit::{
    Conversation, Frame, Random, Sample, pcapng, upgrade_request, upgrade_response,
};
use wireloupe::wire::Walker;

use crate::script::{run, text};

/// Feeds a file to a sink; gives it back with the time of the last packet.
fn read<S: Sink>(file: &[u8], sink: S) -> Engine<S> {
    let options = Options::default();
    let input = Input::Reader(Box::new(Cursor::new(file.to_vec())), "broken".to_owned());
    let source = Source::open(vec![input], &options.limits);
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, sink);
    let mut batch = Batch::new();
    let Ok(mut source) = source else {
        return engine;
    };
    while source.fill(&mut batch) {
        engine.batch(&batch, &mut walker);
    }
    engine.finish();
    engine
}

fn diagnosed(file: &[u8]) -> (Casebook, Report) {
    let mut engine = read(file, Facts::default());
    let mut part = BatchFacts::default();
    engine.sink().exchange(&mut part);
    let mut casebook = Casebook::default();
    casebook.take(&mut [part]);
    let report = casebook.report(engine.time());
    (casebook, report)
}

fn recorded(file: &[u8]) -> Vec<Recorded> {
    let mut engine = read(file, Recorder::default());
    let mut part = Recording::default();
    engine.sink().exchange(&mut part);
    let mut records = Records::default();
    records.take([&mut part]);
    records.finish();
    records.connections
}

/// Everything that can be said of a file, and of it against another.
fn say(file: &[u8], other: &[Recorded]) -> usize {
    let (casebook, report) = diagnosed(file);
    let mut length = 0;
    let mut count = |piece: &str| {
        length += piece.len();
        Ok::<_, ()>(())
    };
    let text = DiagnosisText::new(&report, Palette::default(), true);
    assert!(text.write(&casebook, &mut count).is_ok());
    assert!(diagnosis_json(&report, &casebook, &mut count).is_ok());
    let mut all = Diagnosed::default();
    for found in report.list {
        match found.connection {
            Some(number) => drop(all.judged.insert(number, found)),
            None => all.legs.push(found),
        }
    }
    let broken = recorded(file);
    for (one, two) in [(&broken[..], other), (other, &broken[..])] {
        for alike in [1, usize::MAX] {
            let hop = hop(one, two, alike);
            let _ = (
                hop_text(&hop, &all, &all, alike),
                hop_json(&hop, &all, &all, alike),
            );
        }
    }
    if let (Some(one), Some(two)) = (broken.first(), other.first()) {
        let _ = attempts(one, two);
    }
    length
}

#[test]
fn samples_with_bytes_changed_at_random() {
    let files: Vec<_> = Sample::all()
        .into_iter()
        .map(|sample| sample.path)
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e == "pcap" || e == "pcapng")
        })
        .filter(|path| {
            path.metadata()
                .is_ok_and(|metadata| metadata.len() < 15_000)
        })
        .collect();
    let mut random = Random::new(6);
    let mut length = 0;
    for path in files {
        let whole = std::fs::read(path).expect("a sample");
        let other = recorded(&whole);
        for _ in 0..3 {
            let mut file = whole.clone();
            for _ in 0..=random.below(20) {
                let at = random.below(file.len() as u64) as usize;
                match random.below(4) {
                    0 => file[at] = 0xff,
                    1 => drop(file.remove(at)),
                    _ => file[at] ^= 1 << random.below(8),
                }
            }
            length += say(&file, &other);
        }
    }
    assert!(length > 10_000, "most of them still say something");
}

#[test]
fn times_from_one_end_of_the_range_to_the_other() {
    let talk = |port: u16, start: i64, end: i64| {
        Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80")
            .at(Timestamp(start))
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]))
            .client(text("a"))
            .client(Frame::ping("").mask([1, 1, 1, 1]).bytes())
            .client(Frame::ping("").mask([1, 1, 1, 1]).bytes())
            .server(Frame::text("b").bytes())
            .at(Timestamp(end))
            .close(Side::Server)
            .close(Side::Client)
    };
    let far = i64::MAX - 1_000_000_000;
    for (start, end) in [(-far, far), (far, -far), (0, far), (-far, 0)] {
        let packets: Vec<_> = (1..=4)
            .flat_map(|port| talk(port, start, end).packets())
            .collect();
        assert_eq!(run(&packets).len(), 4);
        let file = pcapng(LinkType::ETHERNET, &packets);
        let other = talk(9, end, start).packets();
        say(&file, &recorded(&pcapng(LinkType::ETHERNET, &other)));
    }
}
