//! Comparing the two sides of a hop: real pairs of captures with golden files, and scripted hops for what they lack.

use std::path::{Path, PathBuf};

use wireloupe::base::{LinkType, PacketNumber, Side, Timestamp};
use wireloupe::engine::{Engine, Options};
use wireloupe::insight::compare::{
    Basis, Comparison, Hop, PairedBy, Recorded, Recorder, Recording, Records, attempts, hop,
};
use wireloupe::testkit::{Conversation, Frame, upgrade_request, upgrade_response};
use wireloupe::wire::Walker;

const MILLISECOND: i64 = 1_000_000;
const SECOND: i64 = 1_000 * MILLISECOND;

fn record(packets: &[(Timestamp, Vec<u8>)]) -> Vec<Recorded> {
    let options = Options::default();
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, Recorder::default());
    for (index, (time, bytes)) in packets.iter().enumerate() {
        let number = PacketNumber(index as u64 + 1);
        let walked = walker.segment(LinkType::ETHERNET, *time, bytes, bytes.len() as u32);
        let segment = walked.expect("scripted packets hold TCP").segment().clone();
        engine.segment(number, *time, &segment, bytes, true);
    }
    engine.finish();
    let mut part = Recording::default();
    engine.sink().exchange(&mut part);
    let mut records = Records::default();
    records.take([&mut part]);
    records.finish();
    records.connections
}

/// The two sides of a hop, with the same clock unless a script moves one.
struct Script {
    client: Conversation,
    server: Conversation,
    /// When the next message is sent.
    now: i64,
    /// What the server side's clock is ahead by.
    ahead: i64,
}

impl Script {
    /// Both sides are open, and the hop took a millisecond for the request and for the answer.
    fn open(ahead: i64) -> Self {
        let start = 1_700_000_000 * SECOND;
        let script = Self {
            client: Conversation::new("10.0.0.1:40000", "10.0.0.2:80").step(0),
            server: Conversation::new("10.0.1.1:50000", "10.0.1.2:9000").step(0),
            now: start,
            ahead,
        };
        let mut script = script.move_to(0, 0);
        script.client = script.client.connect();
        script.server = script.server.connect();
        script
            .pass(Side::Client, upgrade_request("/chat", &[]), 1)
            .pass(Side::Server, upgrade_response(&[]), 1)
    }

    /// The next segments of the client's and of the server's side are so many milliseconds from now.
    fn move_to(mut self, client: i64, server: i64) -> Self {
        self.client = self.client.at(Timestamp(self.now + client * MILLISECOND));
        let server = self.now + server * MILLISECOND + self.ahead;
        self.server = self.server.at(Timestamp(server));
        self
    }

    /// `side` sends `before`, and what comes out of the hop so many milliseconds later is `after`.
    fn change(self, side: Side, before: &[u8], after: &[u8], delay: i64) -> Self {
        let (client, server) = match side {
            Side::Client => ((0, before), (delay, after)),
            Side::Server => ((delay, after), (0, before)),
        };
        let mut script = self.move_to(client.0, server.0);
        if !client.1.is_empty() {
            script.client = script.client.data(side, client.1);
        }
        if !server.1.is_empty() {
            script.server = script.server.data(side, server.1);
        }
        script.now += SECOND;
        script
    }

    fn pass(self, side: Side, bytes: impl AsRef<[u8]>, delay: i64) -> Self {
        self.change(side, bytes.as_ref(), bytes.as_ref(), delay)
    }

    fn says(self, side: Side, text: &str, delay: i64) -> Self {
        self.pass(side, said(side, text), delay)
    }

    /// Both sides end: the client's capture by `one`, the server's by `other`, so many milliseconds later.
    fn end(self, one: Side, other: Side, delay: i64) -> [Vec<Recorded>; 2] {
        let mut script = self.move_to(0, delay);
        script.client = script.client.close(one).close(one.peer());
        script.server = script.server.close(other).close(other.peer());
        [
            record(&script.client.packets()),
            record(&script.server.packets()),
        ]
    }
}

fn said(side: Side, text: &str) -> Vec<u8> {
    sent(side, Frame::text(text))
}

fn sent(side: Side, frame: Frame) -> Vec<u8> {
    match side {
        Side::Client => frame.mask([1, 2, 3, 4]).bytes(),
        Side::Server => frame.bytes(),
    }
}

fn codes(comparison: &Comparison<'_>) -> Vec<&'static str> {
    comparison
        .changes
        .iter()
        .map(|change| change.code)
        .collect()
}

fn text<'a>(comparison: &'a Comparison<'_>, code: &str) -> &'a str {
    let mut changes = comparison.changes.iter();
    let change = changes.find(|change| change.code == code);
    &change
        .unwrap_or_else(|| panic!("no {code}: {:#?}", comparison.changes))
        .text
}

fn only<'a>(hop: &'a Hop<'_>) -> &'a Comparison<'a> {
    assert_eq!(hop.comparisons.len(), 1);
    assert!(hop.client_only.is_empty() && hop.server_only.is_empty());
    &hop.comparisons[0]
}

const UP: Side = Side::Client;
const DOWN: Side = Side::Server;

#[test]
fn a_hop_that_changes_nothing_is_told_so_with_its_delays() {
    let [client, server] = Script::open(0)
        .says(UP, "a", 3)
        .says(UP, "b", 5)
        .says(UP, "c", 90)
        .says(DOWN, "d", 2)
        .end(UP, UP, 4);
    let hop = hop(&client, &server, usize::MAX);
    let comparison = only(&hop);
    assert_eq!(codes(comparison), ["unchanged", "closed-first"]);
    assert_eq!(comparison.pair.by, PairedBy::Key);
    let delay = comparison.delays.client.expect("three messages");
    assert_eq!(
        (delay.count, delay.median, delay.worst),
        (3, 5 * MILLISECOND, 90 * MILLISECOND)
    );
    assert_eq!(hop.clocks.basis, Basis::Agree);
    assert!(text(comparison, "closed-first").contains("the client closed first"));
    assert!(text(comparison, "closed-first").contains("4.000 ms later"));
    assert!(
        comparison.differences.is_empty(),
        "{:#?}",
        comparison.differences
    );
}

#[test]
fn the_clocks_are_aligned_before_delays_are_told() {
    for ahead in [7 * SECOND, -3600 * SECOND] {
        let [client, server] = Script::open(ahead)
            .says(UP, "a", 1)
            .says(UP, "b", 11)
            .says(DOWN, "c", 1)
            .says(DOWN, "d", 300)
            .end(DOWN, DOWN, -6);
        let hop = hop(&client, &server, usize::MAX);
        assert_eq!(
            (hop.clocks.offset, hop.clocks.basis),
            (ahead, Basis::BothWays(MILLISECOND))
        );
        let comparison = only(&hop);
        assert_eq!(
            comparison.delays.client.map(|delay| delay.worst),
            Some(11 * MILLISECOND)
        );
        assert_eq!(
            comparison.delays.server.map(|delay| delay.worst),
            Some(300 * MILLISECOND)
        );
        assert_eq!(codes(comparison), ["held-back", "closed-first"]);
        let closed = text(comparison, "closed-first");
        assert!(
            closed.contains("the server closed first") && closed.contains("6.000 ms later"),
            "{closed}"
        );
    }
}

#[test]
fn a_message_dropped_added_or_merged_does_not_end_the_pairs() {
    let script = Script::open(0);
    let script = ["a", "b", "c"]
        .iter()
        .fold(script, |script, text| script.says(UP, text, 2));
    let script = script
        .change(UP, &said(UP, "dropped"), &[], 0)
        .says(UP, "d", 2)
        .change(UP, &[], &said(UP, "added"), 2)
        .says(UP, "e", 2)
        .change(UP, &said(UP, "one"), &[], 2)
        .change(UP, &said(UP, "two"), &said(UP, "onetwo"), 2)
        .says(UP, "f", 2)
        .change(UP, &said(UP, "secret"), &said(UP, "******"), 2)
        .says(UP, "g", 70);
    let [client, server] = script.end(UP, UP, 1);
    let hop = hop(&client, &server, usize::MAX);
    let comparison = only(&hop);
    let delay = comparison.delays.client.expect("seven messages");
    assert_eq!(
        (delay.count, delay.median, delay.worst),
        (7, 2 * MILLISECOND, 70 * MILLISECOND)
    );
    assert!(text(comparison, "messages-dropped").contains("dropped 1 data message of the client"));
    assert!(text(comparison, "messages-added").contains("added 1 data message"));
    assert!(
        text(comparison, "messages-merged").contains("merged 2 data messages of the client into 1")
    );
    assert!(text(comparison, "messages-changed").contains("the content of 1 data message"));
}

#[test]
fn what_a_capture_lacks_at_its_edges_was_not_dropped() {
    let [client, server] = Script::open(0)
        .says(UP, "a", 1)
        .says(UP, "b", 1)
        .says(UP, "c", 1)
        .end(UP, UP, 1);
    let whole = hop(&client, &server, usize::MAX);
    assert_eq!(codes(only(&whole)), ["unchanged", "closed-first"]);
    // The server side's capture stopped before the last message.
    let script = Script::open(0).says(UP, "a", 1).says(UP, "b", 1);
    let cut = record(&script.server.packets());
    let stopped = hop(&client, &cut, usize::MAX);
    assert_eq!(codes(only(&stopped)), ["unchanged"]);
}

#[test]
fn control_frames_that_the_hop_answers_or_sends_itself() {
    let ping = |side| sent(side, Frame::ping("p"));
    let pong = |side| sent(side, Frame::pong("p"));
    let script = Script::open(0)
        .says(UP, "a", 1)
        // Answered by the hop, twice.
        .change(UP, &ping(UP), &[], 0)
        .change(DOWN, &[], &pong(DOWN), 0)
        .change(UP, &ping(UP), &[], 0)
        .change(DOWN, &[], &pong(DOWN), 0)
        // Passed on, and so is its answer.
        .pass(UP, sent(UP, Frame::ping("q")), 1)
        .pass(DOWN, sent(DOWN, Frame::pong("q")), 1)
        // The hop's own, to the client, whose answer it keeps.
        .change(DOWN, &[], &sent(DOWN, Frame::ping("hop")), 0)
        .change(UP, &sent(UP, Frame::pong("hop")), &[], 0)
        // Lost.
        .change(DOWN, &sent(DOWN, Frame::ping("lost")), &[], 0);
    let [client, server] = script.end(DOWN, UP, 1);
    let hop = hop(&client, &server, usize::MAX);
    let comparison = only(&hop);
    assert!(text(comparison, "pings-answered").contains("itself answered 2 pings of the client"));
    assert!(text(comparison, "pings-added").contains("sent 1 ping of its own to the client"));
    assert!(text(comparison, "pings-dropped").contains("1 ping of the server"));
    assert!(text(comparison, "closed-first").contains("the hop closed on both sides itself"));
}

#[test]
fn frames_cut_masked_and_compressed_anew() {
    let fragments = [
        Frame::text("hel").more().mask([9, 9, 9, 9]).bytes(),
        Frame::continuation("lo").mask([8, 8, 8, 8]).bytes(),
    ]
    .concat();
    let script = Script::open(0)
        .change(UP, &said(UP, "hello"), &fragments, 1)
        .change(
            DOWN,
            &said(DOWN, "x"),
            &Frame::text("x").mask([1, 1, 1, 1]).bytes(),
            1,
        );
    let [client, server] = script.end(UP, UP, 1);
    let hop = hop(&client, &server, usize::MAX);
    let comparison = only(&hop);
    assert!(text(comparison, "refragmented").contains("1 of 1 messages of the client"));
    assert!(text(comparison, "remasked").contains("1 of 1 messages of the client"));

    assert!(text(comparison, "mask-added").contains("1 of 1 messages of the server"));
}

#[test]
fn connections_without_a_common_key_are_paired_by_what_they_say() {
    let side = |port: u16, key: &str, texts: [&str; 2], at: i64| {
        let request = String::from_utf8(upgrade_request("/chat", &[])).expect("text");
        let answer = String::from_utf8(upgrade_response(&[])).expect("text");
        let answer = answer.replace(
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=",
            &wireloupe::testkit::accept_key(key),
        );
        Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80")
            .at(Timestamp(at * SECOND))
            .connect()
            .client(request.replace("dGhlIHNhbXBsZSBub25jZQ==", key))
            .server(answer)
            .client(said(UP, "hello"))
            .client(said(UP, texts[0]))
            .server(said(DOWN, texts[1]))
            .fin()
    };
    let join = |conversations: [Conversation; 2]| {
        let mut packets: Vec<_> = conversations
            .iter()
            .flat_map(Conversation::packets)
            .collect();
        packets.sort_by_key(|(time, _)| *time);
        record(&packets)
    };
    let client = join([
        side(1, "AAAAAAAAAAAAAAAAAAAAAA==", ["one", "eins"], 1),
        side(2, "BBBBBBBBBBBBBBBBBBBBBA==", ["two", "zwei"], 2),
    ]);
    let server = join([
        side(3, "CCCCCCCCCCCCCCCCCCCCCA==", ["two", "zwei"], 1),
        side(4, "DDDDDDDDDDDDDDDDDDDDDA==", ["one", "eins"], 2),
    ]);
    let hop = hop(&client, &server, usize::MAX);
    let pairs = hop.comparisons.iter();
    let pairs: Vec<_> = pairs
        .map(|c| (c.pair.one.number, c.pair.other.number, c.pair.by))
        .collect();
    assert_eq!(
        pairs,
        [(1, 2, PairedBy::Messages), (2, 1, PairedBy::Messages)]
    );
    assert!(codes(&hop.comparisons[0]).contains(&"handshake-of-its-own"));
}

#[test]
fn a_connection_that_the_hop_kept_has_no_partner() {
    let [client, _] = Script::open(0).end(UP, UP, 1);
    let hop = hop(&client, &[], usize::MAX);
    assert_eq!((hop.comparisons.len(), hop.client_only.len()), (0, 1));
    assert_eq!(hop.clocks.basis, Basis::Unknown);
}

#[test]
fn two_attempts_of_one_capture() {
    let ask = |port: u16, connection: &str, answer: &str| {
        let request = format!(
            "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: {connection}\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        );
        Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80")
            .connect()
            .client(request)
            .server(answer)
            .fin()
    };
    let works = ask(
        1,
        "Upgrade",
        std::str::from_utf8(&upgrade_response(&[])).expect("text"),
    );
    let fails = ask(
        2,
        "keep-alive, Upgrade",
        "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    );
    let (works, fails) = (record(&works.packets()), record(&fails.packets()));
    let comparison = attempts(&works[0], &fails[0]);
    let header = comparison
        .differences
        .iter()
        .find(|d| d.what == "request-header");
    let header = header.expect("the header that differs");
    assert_eq!(
        (&*header.one, &*header.other),
        ("connection: Upgrade", "connection: keep-alive, Upgrade")
    );
    assert!(comparison.differences.iter().any(|d| d.what == "outcome"));
    assert!(
        comparison.changes.is_empty(),
        "no hop lies between two attempts"
    );
}

#[test]
fn many_connections_and_messages_are_compared_in_time() {
    let mut client = Vec::new();
    for port in 1..=2_000_u16 {
        let talk = Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80")
            .connect()
            .client(upgrade_request("/chat", &[]))
            .server(upgrade_response(&[]))
            .client(said(UP, "hello"))
            .fin();
        client.extend(talk.packets());
    }
    let client = record(&client);
    assert_eq!(client.len(), 2_000);
    let hop = hop(&client, &client, usize::MAX);
    assert_eq!(hop.comparisons.len(), 2_000);
    assert!(
        hop.comparisons
            .iter()
            .all(|c| c.pair.one.number == c.pair.other.number)
    );
}

#[cfg(feature = "cli")]
mod program {
    use super::*;

    use std::fs;
    use std::process::{Command, Output, Stdio};

    use assert_cmd::cargo::cargo_bin;
    use wireloupe::testkit::{Sample, pcap};

    fn compare<I: AsRef<std::ffi::OsStr>>(arguments: impl IntoIterator<Item = I>) -> Output {
        Command::new(cargo_bin!("wireloupe"))
            .arg("compare")
            .args(arguments)
            .env_remove("SSLKEYLOGFILE")
            .stdin(Stdio::null())
            .output()
            .expect("the program runs")
    }

    fn root() -> &'static Path {
        Path::new(env!("CARGO_MANIFEST_DIR"))
    }

    /// Every `NAME` with `NAME.client.*` and `NAME.server.*`.
    fn pairs() -> Vec<(String, PathBuf, PathBuf)> {
        let server = |client: &Sample| {
            let name = client.name.strip_suffix(".client")?;
            let server = Sample::named(&format!("{name}.server"));
            Some((name.to_owned(), client.path.clone(), server.path))
        };
        Sample::all().iter().filter_map(server).collect()
    }

    /// A key log with the secrets of both sides.
    fn keys(name: &str, folder: &Path) -> Option<PathBuf> {
        let read = |side: &str| fs::read(Sample::named(&format!("{name}.{side}")).keys()?).ok();
        let both: Vec<u8> = ["client", "server"]
            .into_iter()
            .filter_map(read)
            .flatten()
            .collect();
        let path = folder.join("keys");
        fs::write(&path, &both).expect("a temporary file");
        (!both.is_empty()).then_some(path)
    }

    #[test]
    fn every_pair_of_samples_has_its_golden_comparison() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let mut wrong = Vec::new();
        let pairs = pairs();
        assert!(pairs.len() >= 25, "only {} pairs of samples", pairs.len());
        for (name, client, server) in pairs {
            let mut arguments = vec![client.into_os_string(), server.into_os_string()];
            if let Some(keys) = keys(&name, folder.path()) {
                arguments.extend(["--keylog".into(), keys.into_os_string()]);
            }
            let output = compare(&arguments);
            assert_eq!(output.status.code(), Some(0), "{name}");
            let path = root().join(format!("tests/data/compare/{name}.txt"));
            if std::env::var_os("UPDATE").is_some() {
                fs::write(&path, &output.stdout).expect("the golden file can be written");
            }
            if fs::read(&path).unwrap_or_default() != output.stdout {
                wrong.push(format!(
                    "{name}:\n{}",
                    String::from_utf8_lossy(&output.stdout)
                ));
            }
        }
        assert!(
            wrong.is_empty(),
            "{}\nUPDATE=1 rewrites the golden files",
            wrong.join("\n")
        );
    }

    #[test]
    fn json_is_one_document_with_the_changes_and_delays() {
        let sample = |name: &str| Sample::named(name).path;
        let output = compare([
            "--format".as_ref(),
            "json".as_ref(),
            sample("nginx-no-upgrade.client.pcapng").as_os_str(),
            sample("nginx-no-upgrade.server.pcapng").as_os_str(),
        ]);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
        let pair = &document["pairs"][0];
        assert_eq!(pair["paired_by"], "key");
        assert_eq!(pair["changes"][0]["code"], "upgrade-dropped");
        assert_eq!(pair["one"]["verdict"], "upgrade-not-forwarded");
        assert!(
            pair["differences"]
                .as_array()
                .is_some_and(|all| !all.is_empty())
        );
        assert_eq!(document["clocks"]["basis"], "agree");
    }

    #[test]
    fn secrets_are_masked_on_request() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let side = |name: &str, cookie: &str| {
            let secret = [
                ("Cookie", &*format!("session={cookie}")),
                ("Authorization", &*format!("Bearer {cookie}")),
            ];
            let talk = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
                .connect()
                .client(upgrade_request(&format!("/chat?token={cookie}"), &secret))
                .server(upgrade_response(&[]))
                .fin();
            let path = folder.path().join(name);
            fs::write(&path, pcap(LinkType::ETHERNET, &talk.packets())).expect("a file");
            path
        };
        let (one, other) = (
            side("one.pcap", "s3cretAAAA1"),
            side("other.pcap", "s3cretBBBB2"),
        );
        for format in ["text", "json"] {
            let arguments = [
                one.as_os_str(),
                other.as_os_str(),
                "--format".as_ref(),
                format.as_ref(),
            ];
            let shown = String::from_utf8(compare(arguments).stdout).expect("text");
            assert!(shown.contains("s3cretAAAA1") && shown.contains("s3cretBBBB2"));
            let output = compare(arguments.into_iter().chain(["--redact".as_ref()]));
            let masked = String::from_utf8(output.stdout).expect("text");
            assert!(!masked.contains("s3cret"), "{masked}");
            assert!(masked.contains("cookie: session=***********"), "{masked}");
        }
    }

    #[test]
    fn attempts_are_chosen_by_number() {
        let sample = Sample::named("squid-authentication").path;
        let run = |attempts: &str| {
            compare(["--attempts".as_ref(), attempts.as_ref(), sample.as_os_str()])
        };
        let output = run("1,2");
        assert_eq!(output.status.code(), Some(0));
        let text = String::from_utf8(output.stdout).expect("text");
        assert!(
            text.contains("proxy-authentication-required") && text.contains("healthy"),
            "{text}"
        );
        for wrong in ["1", "1,2,3", "1,99"] {
            assert_eq!(run(wrong).status.code(), Some(2), "{wrong}");
        }
        assert_eq!(compare([sample.as_os_str()]).status.code(), Some(2));
    }
}
