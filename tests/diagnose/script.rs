//! Traffic that is scripted, and its diagnosis.

use wireloupe::base::{LinkType, PacketNumber, Timestamp};
use wireloupe::engine::{Engine, Options};
use wireloupe::insight::{BatchFacts, Casebook, Diagnosis, Facts};
use wireloupe::run::Collected as _;
use wireloupe::testkit::{Conversation, Frame, upgrade_request, upgrade_response};
use wireloupe::wire::Walker;

pub(crate) const SECOND: i64 = 1_000_000_000;

pub(crate) fn run(packets: &[(Timestamp, Vec<u8>)]) -> Vec<Diagnosis> {
    let options = Options::default();
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, Facts::default());
    for (index, (time, bytes)) in packets.iter().enumerate() {
        let number = PacketNumber(index as u64 + 1);
        let walked = walker.segment(LinkType::ETHERNET, *time, bytes, bytes.len() as u32);
        let segment = walked.expect("scripted packets hold TCP").segment().clone();
        engine.segment(number, *time, &segment, bytes, true);
    }
    engine.finish();
    let mut part = BatchFacts::default();
    engine.sink().exchange(&mut part);
    let mut casebook = Casebook::default();
    casebook.take(&mut [part]);
    let report = casebook.report(engine.time());
    report.list.iter().map(|found| (**found).clone()).collect()
}

/// The packets of several conversations in the order of their times.
pub(crate) fn together(conversations: &[Conversation]) -> Vec<(Timestamp, Vec<u8>)> {
    let mut packets: Vec<_> = conversations
        .iter()
        .flat_map(Conversation::packets)
        .collect();
    packets.sort_by_key(|(time, _)| *time);
    packets
}

pub(crate) fn open() -> Conversation {
    Conversation::new("10.0.0.1:40000", "10.0.0.2:80").connect()
}

pub(crate) fn asked() -> Conversation {
    open().client(upgrade_request("/chat", &[]))
}

pub(crate) fn accepted() -> Conversation {
    asked().server(upgrade_response(&[]))
}

pub(crate) fn only(conversation: Conversation) -> Diagnosis {
    let mut diagnoses = run(&conversation.packets());
    assert_eq!(diagnoses.len(), 1, "{diagnoses:#?}");
    diagnoses.remove(0)
}

pub(crate) fn answered(answer: &str) -> Diagnosis {
    only(asked().server(answer).fin())
}

pub(crate) fn text(payload: &str) -> Vec<u8> {
    Frame::text(payload).mask([1, 2, 3, 4]).bytes()
}
