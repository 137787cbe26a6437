//! Many attempts: what failed is found among any number of healthy ones, and memory goes with the kinds of failures.

use wireloupe::base::{LinkType, PacketNumber, Severity, Side};
use wireloupe::engine::{Engine, Options};
use wireloupe::export::{DiagnosisText, Palette, diagnosis_json};
use wireloupe::insight::{BatchFacts, Casebook, Facts, Keep, Report, Verdict};
use wireloupe::run::Collected as _;
use wireloupe::testkit::{ACK, Conversation, Frame, RST, SYN, upgrade_request, upgrade_response};
use wireloupe::wire::Walker;

use crate::script::{SECOND, text, together};

fn opened(at: u64, server: &str) -> Conversation {
    let client = format!("10.1.{}.{}:40000", at / 250, at % 250 + 1);
    Conversation::new(&client, server)
        .wait(SECOND / 100 * at as i64)
        .connect()
        .client(upgrade_request("/", &[]))
}

fn healthy(at: u64, server: &str) -> Conversation {
    opened(at, server)
        .server(upgrade_response(&[]))
        .client(text("hello"))
        .client(Frame::close(1000, "").mask([1, 2, 3, 4]).bytes())
        .server(Frame::close(1000, "").bytes())
        .fin()
}

fn broken(at: u64, server: &str) -> Conversation {
    opened(at, server)
        .server("HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n")
        .fin()
}

/// Cut by the server after a minute of silence, at an age of its own.
fn idle(at: u64, server: &str) -> Conversation {
    let busy = SECOND * (at as i64 * 7 % 50);
    opened(at, server)
        .server(upgrade_response(&[]))
        .wait(busy)
        .client(text("hello"))
        .wait(60 * SECOND)
        .close(Side::Server)
        .close(Side::Client)
}

fn report(all: &[Conversation], keep: Keep) -> (Casebook, Report) {
    let options = Options::default();
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, Facts::default());
    let mut casebook = Casebook::keeping(keep);
    let mut part = [BatchFacts::default()];
    for (index, (time, bytes)) in together(all).iter().enumerate() {
        let number = PacketNumber(index as u64 + 1);
        let walked = walker.segment(LinkType::ETHERNET, *time, bytes, bytes.len() as u32);
        let segment = walked.expect("scripted packets hold TCP").segment().clone();
        engine.segment(number, *time, &segment, bytes, true);
        engine.sink().exchange(&mut part[0]);
        casebook.take(&mut part);
    }
    engine.finish();
    engine.sink().exchange(&mut part[0]);
    casebook.take(&mut part);
    let report = casebook.report(engine.time());
    (casebook, report)
}

fn written(casebook: &Casebook, report: &Report, all: bool) -> String {
    let mut out = String::new();
    let text = DiagnosisText::new(report, Palette::default(), all);
    let push = |piece: &str| {
        out.push_str(piece);
        Ok::<_, ()>(())
    };
    assert!(text.write(casebook, push).is_ok());
    out
}

const FEW: Keep = Keep {
    alike: 4,
    healthy: 6,
};

#[test]
fn one_that_failed_is_the_first_line_among_any_number_of_healthy_ones() {
    let mut all: Vec<_> = (0..300).map(|at| healthy(at, "10.0.0.2:80")).collect();
    all.extend((300..340).map(|at| healthy(at, "10.0.0.3:80")));
    all.push(broken(170, "10.0.0.4:80"));
    let (casebook, report) = report(&all, FEW);
    assert_eq!(
        (report.count(), report.failed(), report.unexamined),
        (341, 1, 0)
    );
    let servers: Vec<_> = report.healthy.iter().map(|(_, count)| *count).collect();
    assert_eq!(servers, [300, 40]);
    let listed = report
        .list
        .iter()
        .filter(|one| one.verdict == Verdict::Healthy);
    assert_eq!(listed.count(), FEW.healthy);
    let text = written(&casebook, &report, false);
    let lines: Vec<_> = text.lines().collect();
    assert!(
        lines[0].starts_with("1 of 341 attempts failed: 1 "),
        "{text}"
    );
    assert!(
        lines[0].contains("404") && lines[1].contains("404"),
        "{text}"
    );
    assert!(text.contains("       300 at 10.0.0.2:80"), "{text}");
    assert!(
        !text.contains("healthy: 101"),
        "counted, not listed:\n{text}"
    );
    let everything = written(&casebook, &report, true);
    assert_eq!(everything.matches("healthy: 101").count(), FEW.healthy);
}

#[test]
fn failures_of_one_kind_are_counted_beyond_some() {
    let all: Vec<_> = (0..50).map(|at| broken(at, "10.0.0.2:80")).collect();
    let (casebook, report) = report(&all, FEW);
    assert_eq!((report.count(), report.failed()), (50, 50));
    let [more] = &report.more[..] else {
        panic!("{:?}", report.more);
    };
    assert_eq!((more.count, report.list.len()), (46, 4));
    assert_eq!(more.verdict, report.list[0].verdict);
    let mut json = String::new();
    let push = |piece: &str| {
        json.push_str(piece);
        Ok::<_, ()>(())
    };
    assert!(diagnosis_json(&report, &casebook, push).is_ok());
    let json: serde_json::Value = serde_json::from_str(&json).expect("JSON");
    assert_eq!(json["summary"]["failed"], 50);
    assert_eq!(json["summary"]["not_listed"][0]["attempts"], 46);
    assert_eq!(json["attempts"].as_array().map(Vec::len), Some(4));
}

#[test]
fn those_that_are_only_counted_take_part_in_what_endings_have_in_common() {
    let all: Vec<_> = (0..20).map(|at| idle(at, "10.0.0.2:80")).collect();
    let (_, report) = report(&all, FEW);
    assert_eq!(report.list.len(), 4);
    for found in &report.list {
        assert_eq!(found.verdict, Verdict::IdleTimeout);
        assert!(
            found.sentence.contains("20 connections"),
            "{}",
            found.sentence
        );
    }
    let more: Vec<_> = report
        .more
        .iter()
        .map(|more| (more.verdict, more.count))
        .collect();
    assert_eq!(more, [(Verdict::IdleTimeout, 16)]);
}

#[test]
fn milder_failures_do_not_push_out_worse_ones_and_what_was_not_looked_at_is_said() {
    let refused = |at: u64| {
        let client = format!("10.1.0.{}:40000", at + 1);
        let syn = Conversation::new(&client, "10.0.0.2:80").raw(Side::Client, 0, SYN, "");
        syn.raw(Side::Server, 0, RST | ACK, "")
    };
    let mut all: Vec<_> = (0..9).map(refused).collect();
    all.push(broken(9, "10.0.0.2:80"));
    let none = Keep {
        alike: 0,
        healthy: 0,
    };
    let (casebook, report) = report(&all, none);
    assert_eq!(report.unexamined, 9, "they depend on what else there is");
    assert_eq!(report.verdicts.values().sum::<u64>(), 1, "this does not");
    assert_eq!(report.worst, Some(Severity::Error));
    assert!(written(&casebook, &report, false).contains("9 not looked at"));
}
