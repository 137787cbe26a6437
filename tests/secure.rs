//! TLS and HTTP/2 from packets to messages, against what the endpoints of the samples logged.

#![cfg(all(feature = "cli", feature = "tls"))]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde_json::Value;
use wireloupe::base::{Code, Limits, Needs, PacketNumber, Side, Timestamp};
use wireloupe::capture::{Batch, Input, PacketRecord, Secrets, Source};
use wireloupe::engine::{
    Connection, EndedBy, Engine, FindingEvent, FrameEvent, MessageEvent, Moment, Options, Outcome,
    Sink, TlsFlow, Transport,
};
use wireloupe::testkit::Sample;
use wireloupe::tls::{Decryption, KeyLog};
use wireloupe::wire::{Walked, Walker};

/// The samples that have a file `NAME.suffix`, without those of which it is known that they are not understood yet.
fn names(suffix: &str) -> Vec<String> {
    let list = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/causes-not-found-yet.txt");
    let list = fs::read_to_string(list).unwrap_or_default();
    let is_known = |sample: &Sample| list.lines().any(|line| line == sample.name);
    let all = Sample::all().into_iter();
    // QUIC's keys are no keys of TLS over TCP; tests/golden holds what comes out with them.
    let is_quic = |sample: &Sample| sample.folder().ends_with("http3");
    let having = all
        .filter(|sample| sample.beside(suffix).is_some() && !is_known(sample) && !is_quic(sample));
    having.map(|sample| sample.name).collect()
}

fn capture(name: &str) -> PathBuf {
    Sample::named(name).path
}

/// The file `NAME.suffix` of a sample.
fn beside(name: &str, suffix: &str) -> Option<PathBuf> {
    Sample::named(name).beside(suffix)
}

fn keys_file(name: &str) -> PathBuf {
    Sample::named(name).keys().unwrap()
}

fn keys_of(name: &str) -> Arc<KeyLog> {
    let mut keys = KeyLog::new();
    let text = fs::read(keys_file(name)).unwrap();
    let bad = keys.extend(&text).len() + keys.finish().len();
    // One key log is cut on purpose.
    assert_eq!(bad > 0, name == "wss-two-connections-one-key", "{name}");
    Arc::new(keys)
}

/// What endpoints log of a message.
type Said = (String, String, Option<u16>, String);

/// A connection's place among all: connections are numbered by their first packet.
type Place = (PacketNumber, u32);

/// Everything an engine told.
#[derive(Debug, Default)]
struct Told {
    messages: BTreeMap<Place, [Vec<Option<Said>>; 2]>,
    packets: Vec<Vec<PacketNumber>>,
    connections: Vec<Connection>,
    findings: Vec<(Code, String, bool)>,
    tls: Vec<(Decryption, Option<String>, u32)>,
    needs: Needs,
}

fn place(connection: &Connection) -> Place {
    (connection.first_packet, connection.ordinal)
}

impl Sink for Told {
    fn needs(&self) -> Needs {
        self.needs
    }
    fn opened(&mut self, connection: &Connection) {
        self.messages.entry(place(connection)).or_default();
    }
    fn frame(&mut self, event: &FrameEvent<'_>, _: &Connection) {
        self.packets.push(event.packets.to_vec());
    }
    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let message = event.message;
        let (code, reason) = message.close.unwrap_or_default();
        let said = message.sha256.map(|sha256| {
            let reason = String::from_utf8_lossy(reason).into_owned();
            let kind = message.kind.name().to_owned();
            (kind, hex::encode(sha256), code.map(|code| code.0), reason)
        });
        let side = usize::from(event.from == Side::Server);
        self.messages.entry(place(connection)).or_default()[side].push(said);
    }
    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        let finding = event.finding;
        let is_placed = connection.is_some();
        self.findings
            .push((finding.code, finding.text.clone(), is_placed));
    }
    fn closed(&mut self, connection: &Connection, _: Moment) {
        self.connections.push(connection.clone());
    }
    fn tls(&mut self, flow: &TlsFlow<'_>, _: Moment) {
        let summary = flow.summary;
        self.tls.push((
            summary.decryption,
            summary.server_name.clone(),
            flow.connections,
        ));
    }
}

struct Packets {
    list: Vec<(PacketRecord, Vec<u8>)>,
    secrets: Vec<Secrets>,
}

fn packets(path: &Path) -> Packets {
    let mut source = Source::open(vec![Input::from_argument(path)], &Limits::default()).unwrap();
    let (mut batch, mut list) = (Batch::new(), Vec::new());
    while source.fill(&mut batch) {
        list.extend(
            batch
                .packets()
                .map(|(record, bytes)| (*record, bytes.to_vec())),
        );
    }
    let secrets = source.summary().secrets.clone();
    Packets { list, secrets }
}

fn run(packets: &Packets, keys: Option<Arc<KeyLog>>, needs: Needs, lost: Option<usize>) -> Told {
    let told = Told {
        needs,
        ..Told::default()
    };
    let mut engine = Engine::new(Options::default(), told);
    if let Some(keys) = keys {
        engine.set_keys(keys);
    }
    let mut walker = Walker::new(&Limits::default());
    let mut end = (PacketNumber(0), Timestamp::default());
    for (index, (record, bytes)) in packets.list.iter().enumerate() {
        end = (record.number, record.time);
        if lost == Some(index) {
            continue;
        }
        if let Ok(Walked::Here(segment)) =
            walker.segment(record.link, record.time, bytes, record.original)
        {
            engine.segment(record.number, record.time, &segment, bytes, true);
        }
    }
    engine.advance(end.0, end.1);
    engine.finish();
    engine.into_sink()
}

fn deep() -> Needs {
    Needs::DIGEST | Needs::MESSAGES | Needs::FINDINGS
}

/// By connection number and side.
fn logged(name: &str) -> BTreeMap<u64, [Vec<Said>; 2]> {
    let text = fs::read_to_string(beside(name, "endpoints.ndjson").unwrap()).unwrap();
    let mut logged: BTreeMap<u64, [Vec<Said>; 2]> = BTreeMap::new();
    for line in text.lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        let text = |key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let code = match line["length"].as_u64() {
            Some(0) => None,
            _ => line["code"].as_u64().map(|code| code as u16),
        };
        let side = usize::from(line["side"] == "server");
        let said = (text("kind"), text("sha256"), code, text("reason"));
        logged
            .entry(line["connection"].as_u64().unwrap())
            .or_default()[side]
            .push(said);
    }
    logged
}

fn is_partial(name: &str) -> bool {
    beside(name, "expect.json")
        .and_then(|path| fs::read_to_string(path).ok())
        .is_some_and(|text| text.contains("\"partial\""))
}

/// Holds what was decoded against what the endpoints logged; of a part, all that was decoded.
fn compare(name: &str, told: &Told) {
    let mut logged = logged(name);
    for (number, decoded) in (1..).zip(told.messages.values()) {
        let said = logged.remove(&number).unwrap_or_default();
        for (decoded, said) in decoded.iter().zip(said) {
            if is_partial(name) {
                let mut said = said.iter();
                for decoded in decoded.iter().flatten() {
                    assert!(
                        said.any(|said| said == decoded),
                        "{name} {number}: {decoded:?}"
                    );
                }
            } else {
                let said: Vec<_> = said.into_iter().map(Some).collect();
                assert_eq!(*decoded, said, "{name} connection {number}");
            }
        }
    }
    assert!(
        is_partial(name) || logged.is_empty(),
        "{name} lacks connections: {logged:?}"
    );
}

#[test]
fn with_keys_every_sample_says_what_its_endpoints_logged() {
    let names: Vec<_> = names("keys")
        .into_iter()
        .filter(|name| beside(name, "endpoints.ndjson").is_some())
        .collect();
    assert!(names.len() > 40);
    for name in names {
        let told = run(
            &packets(&capture(&name)),
            Some(keys_of(&name)),
            deep(),
            None,
        );
        compare(&name, &told);
        // A sample that shows why something fails says so in a file of its own.
        let fails = beside(&name, "expect.json").is_some();
        assert!(fails || !told.packets.is_empty(), "{name}: no frame");
        let wrong = |code| matches!(code, Code::TlsRecordInvalid | Code::LostSync | Code::TcpGap);
        let wrong: Vec<_> = told
            .findings
            .iter()
            .filter(|found| wrong(found.0))
            .collect();
        assert!(wrong.is_empty(), "{name}: {wrong:?}");
        assert!(
            told.connections
                .iter()
                .all(|connection| connection.transport
                    == match name.starts_with("h2-") {
                        true => Transport::Http2,
                        false => Transport::Tls,
                    }),
            "{name}"
        );
    }
}

#[test]
fn without_keys_nothing_is_shown_as_decoded() {
    for name in names("keys") {
        for needs in [deep(), Needs::HEADERS, Needs::TLS] {
            let told = run(&packets(&capture(&name)), None, needs, None);
            assert_eq!(
                (
                    told.packets.len(),
                    told.connections.iter().filter(|c| c.is_websocket()).count()
                ),
                (0, 0),
                "{name}"
            );
            assert_eq!(told.tls.is_empty(), needs == Needs::HEADERS, "{name}");
            assert!(
                told.tls
                    .iter()
                    .all(|(decryption, ..)| *decryption != Decryption::Decrypted)
            );
            let no_key = |found: &&(Code, String, bool)| found.0 == Code::TlsNoKey;
            assert_eq!(told.findings.iter().filter(no_key).count(), 0, "{name}");
        }
    }
}

#[test]
fn a_key_log_without_this_connection_is_told_once() {
    let other = keys_of("wss-tls12-aes128-gcm");
    for name in ["wss-tls13-aes128-gcm", "h2-tls", "wss-tls10-aes128-cbc-sha"] {
        let told = run(
            &packets(&capture(name)),
            Some(Arc::clone(&other)),
            deep(),
            None,
        );
        assert!(told.packets.is_empty(), "{name}");
        let [(code, text, placed)] = &told.findings[..] else {
            panic!("{name}: {:?}", told.findings);
        };
        assert_eq!((*code, *placed), (Code::TlsNoKey, false), "{name}");
        assert!(
            text.contains("localhost") && text.contains("127.0.0.1:"),
            "{text}"
        );
        assert_eq!(told.tls[0].0, Decryption::NoSecret);
    }
}

#[test]
fn clear_http2_says_what_its_endpoints_logged() {
    let names: Vec<_> = names("endpoints.ndjson")
        .into_iter()
        .filter(|name| name.starts_with("h2c-"))
        .collect();
    assert!(names.len() >= 5);
    for name in names {
        let told = run(&packets(&capture(&name)), None, deep(), None);
        compare(&name, &told);
        for connection in &told.connections {
            assert_eq!(connection.transport, Transport::Http2, "{name}");
            assert!(
                connection.stream.is_some_and(|stream| stream % 2 == 1),
                "{name}"
            );
        }
    }
}

#[test]
fn a_reset_stream_ends_its_connection_and_no_other() {
    let told = run(&packets(&capture("h2c-stream-reset")), None, deep(), None);
    let ends: Vec<_> = told
        .connections
        .iter()
        .map(|connection| {
            (
                connection.close.ended_by,
                connection.close.error,
                connection.close.is_clean(),
            )
        })
        .collect();
    assert!(
        ends.contains(&(Some(EndedBy::Rst), Some(8), false)),
        "CANCEL: {ends:?}"
    );
    assert!(
        ends.iter().any(|end| end.2),
        "the other one is closed as it should: {ends:?}"
    );
}

#[test]
fn extended_connect_without_leave_is_refused_and_told() {
    let told = run(
        &packets(&capture("h2-no-connect-protocol")),
        None,
        deep(),
        None,
    );
    let [connection] = &told.connections[..] else {
        panic!("{:?}", told.connections);
    };
    assert_eq!(connection.outcome(), Outcome::Refused);
    let found = told
        .findings
        .iter()
        .any(|(code, _, placed)| *code == Code::ExtendedConnectNotEnabled && *placed);
    assert!(found, "{:?}", told.findings);
}

#[test]
fn rules_of_the_http1_handshake_are_silent_over_http2() {
    for name in ["h2c-prior-knowledge", "h2c-node", "h2c-upgrade"] {
        let told = run(&packets(&capture(name)), None, deep(), None);
        assert_eq!(told.findings, [], "{name}");
        assert!(
            told.connections
                .iter()
                .all(|c| c.outcome() == Outcome::Accepted),
            "{name}"
        );
    }
}

#[test]
fn a_decrypted_frame_leads_to_all_packets_of_its_records() {
    let name = "wss-long-messages";
    let packets = packets(&capture(name));
    let told = run(&packets, Some(keys_of(name)), deep(), None);
    assert!(told.packets.iter().all(|found| !found.is_empty()));
    let longest = told.packets.iter().map(Vec::len).max();
    assert!(longest > Some(3), "{longest:?}");
    for found in &told.packets {
        assert!(
            found.is_sorted()
                && found
                    .iter()
                    .all(|number| number.0 as usize <= packets.list.len())
        );
    }
}

/// What is decoded behind a lost packet was said, in this order; and most of it is found again.
#[test]
fn one_lost_packet_costs_little() {
    for name in [
        "wss-tls13-aes128-gcm",
        "wss-tls12-aes128-gcm",
        "wss-tls12-chacha20-poly1305",
        "h2-tls",
    ] {
        let packets = packets(&capture(name));
        let all: usize = run(&packets, Some(keys_of(name)), deep(), None)
            .messages
            .values()
            .flatten()
            .map(Vec::len)
            .sum();
        let (mut kept, mut runs) = (0, 0);
        for lost in 0..packets.list.len() {
            let told = run(&packets, Some(keys_of(name)), deep(), Some(lost));
            let whole: Vec<Said> = logged(name).into_values().flatten().flatten().collect();
            for said in told.messages.values().flatten().flatten().flatten() {
                assert!(
                    whole.contains(said),
                    "{name} without packet {}: {said:?}",
                    lost + 1
                );
                kept += 1;
            }
            runs += 1;
        }
        let share = kept as f64 / (all * runs) as f64;
        assert!(share > 0.75, "{name}: {share:.2} of all messages");
    }
}

#[test]
fn secrets_in_the_capture_need_no_key_log() {
    let packets = packets(&capture("wss-secrets-inside"));
    assert!(!format!("{:?}", packets.secrets).contains("CLIENT"));
    let mut keys = KeyLog::new();
    for block in &packets.secrets {
        assert_eq!(block.kind, Secrets::TLS_KEY_LOG);
        keys.extend(&block.bytes);
    }
    let told = run(&packets, Some(Arc::new(keys)), deep(), None);
    compare("wss-secrets-inside", &told);
}

mod program {
    //! The same through the program.

    use std::process::{Command, Output};

    use super::*;

    fn wireloupe(arguments: &[&str], variable: Option<&Path>) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_wireloupe"));
        command.env_remove("SSLKEYLOGFILE").args(arguments);
        if let Some(path) = variable {
            command.env("SSLKEYLOGFILE", path);
        }
        command.output().unwrap()
    }

    fn text(bytes: &[u8]) -> &str {
        str::from_utf8(bytes).unwrap()
    }

    #[test]
    fn keys_come_from_the_option_the_environment_and_the_capture() {
        let name = "wss-tls13-aes256-gcm";
        let (file, keys) = (capture(name), keys_file(name));
        let read = ["read", file.to_str().unwrap(), "--format", "ndjson"];
        let plain = wireloupe(&read, None);
        assert!(plain.stdout.is_empty() && plain.status.success());
        let by_option = wireloupe(
            &[&read[..], &["--keylog", keys.to_str().unwrap()]].concat(),
            None,
        );
        let by_variable = wireloupe(&read, Some(&keys));
        assert!(text(&by_option.stdout).lines().count() > 4);
        assert_eq!(text(&by_option.stdout), text(&by_variable.stdout));
        let nowhere = wireloupe(&read, Some(Path::new("/no/such/file")));
        assert!(
            nowhere.status.success(),
            "a program may not have written it yet"
        );
        let inside = capture("wss-secrets-inside");
        let inside = wireloupe(&["read", inside.to_str().unwrap()], None);
        assert!(text(&inside.stdout).lines().count() > 4);
    }

    #[test]
    fn any_number_of_threads_prints_the_same() {
        for name in ["wss-resumption-tls13-psk", "h2-tls", "wss-secrets-inside"] {
            let keys = beside(name, "keys");
            let file = capture(name);
            let mut all = vec![
                "read",
                file.to_str().unwrap(),
                "--format",
                "ndjson",
                "--show",
                "all",
            ];
            if let Some(keys) = &keys {
                all.extend(["--keylog", keys.to_str().unwrap()]);
            }
            let by =
                |threads| wireloupe(&[&all[..], &["--threads", threads]].concat(), None).stdout;
            let one = by("1");
            assert!(text(&one).contains("\"message\""), "{name}");
            assert_eq!(text(&one), text(&by("3")), "{name}");
        }
    }

    #[test]
    fn a_key_log_that_is_wrong_says_so_and_shows_no_secret() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("keys.txt");
        let name = "wss-tls13-aes128-gcm";
        let right = fs::read_to_string(keys_file(name)).unwrap();
        let file = capture(name);
        let read = |log: &Path| {
            let arguments = [
                "read",
                file.to_str().unwrap(),
                "--keylog",
                log.to_str().unwrap(),
            ];
            wireloupe(&arguments, None)
        };

        let missing = read(&log);
        assert_eq!(missing.status.code(), Some(2));
        assert!(
            text(&missing.stderr).contains("keys.txt"),
            "{}",
            text(&missing.stderr)
        );

        let broken = format!("CLIENT_RANDOM {} c0ffee\n{right}", "ab".repeat(32));
        fs::write(&log, broken).unwrap();
        let bad = read(&log);
        assert!(
            text(&bad.stderr).contains("keys.txt: line 1: "),
            "{}",
            text(&bad.stderr)
        );
        assert!(!text(&bad.stderr).contains("c0ffee") && text(&bad.stdout).lines().count() > 4);

        fs::copy(keys_file("nginx-tls.client"), &log).unwrap();
        let other = read(&log);
        assert!(other.stdout.is_empty() && other.status.success());
        assert!(
            text(&other.stderr).contains("1 without a secret"),
            "{}",
            text(&other.stderr)
        );

        fs::write(&log, "").unwrap();
        let empty = text(&read(&log).stderr).to_owned();
        assert!(empty.contains("no secrets in this key log"), "{empty}");
        assert!(
            empty.contains("none was decrypted; the key log has no secrets\n"),
            "{empty}"
        );
    }

    /// The key log of a TLS 1.3 sample with some of its lines changed, and what is then said of the capture.
    fn with_lines(change: impl Fn(&str) -> Option<String>) -> (String, String) {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("keys.txt");
        let name = "wss-tls13-aes128-gcm";
        let right = fs::read_to_string(keys_file(name)).unwrap();
        let lines: Vec<String> = right.lines().filter_map(change).collect();
        fs::write(&log, lines.join("\n") + "\n").unwrap();
        let (file, log) = (capture(name), log.to_str().unwrap().to_owned());
        let file = file.to_str().unwrap();
        let done = wireloupe(&["read", "--show", "all", file, "--keylog", &log], None);
        assert!(done.status.success());
        (text(&done.stdout).to_owned(), text(&done.stderr).to_owned())
    }

    #[test]
    fn a_secret_that_does_not_fit_is_told_once_for_its_connection() {
        let (shown, said) = with_lines(|line| {
            let is_traffic = line.contains("TRAFFIC_SECRET_0");
            let changed = format!("{}0000", &line[..line.len() - 4]);
            Some(if is_traffic { changed } else { line.to_owned() })
        });
        assert_eq!(shown.matches("tls-record-invalid").count(), 1, "{shown}");
        assert!(
            shown.contains("the secret in the key log does not open"),
            "{shown}"
        );
        assert!(said.contains("1 whose secret does not fit"), "{said}");
    }

    #[test]
    fn a_key_log_with_one_side_says_which_is_missing_and_invents_no_gap() {
        let (shown, _) = with_lines(|line| {
            let kept = !line.starts_with("SERVER_TRAFFIC_SECRET_0");
            kept.then(|| line.to_owned())
        });
        assert!(
            shown.contains("no secret for what the server sends"),
            "{shown}"
        );
        assert!(!shown.contains("tcp-gap"), "{shown}");
    }

    /// A record that was changed on the way: a finding of its own, and nothing of it in the words of TCP.
    #[test]
    fn a_record_that_was_changed_is_no_gap_of_tcp() {
        let folder = tempfile::tempdir().unwrap();
        let name = "wss-tls13-aes128-gcm";
        let mut bytes = fs::read(capture(name)).unwrap();
        // The last byte of the last packet that carries much: its record ends in the authentication tag.
        let (mut at, mut spoilt) = (0, None);
        while let Some(head) = bytes.get(at..at + 28) {
            let word = |from: usize| u32::from_le_bytes(head[from..from + 4].try_into().unwrap());
            let (kind, length, captured) = (word(0), word(4) as usize, word(20) as usize);
            let payload = bytes.get(at + 28..at + 28 + captured).unwrap_or_default();
            if kind == 6 && captured > 100 && payload.get(66) == Some(&23) {
                spoilt = Some(at + 28 + captured - 1);
            }
            at += length;
        }
        bytes[spoilt.unwrap()] ^= 1;
        let file = folder.path().join("spoilt.pcapng");
        fs::write(&file, bytes).unwrap();
        let keys = keys_file(name);
        let (file, keys) = (file.to_str().unwrap(), keys.to_str().unwrap());
        let shown = wireloupe(&["read", "--show", "all", file, "--keylog", keys], None);
        let shown = text(&shown.stdout);
        assert_eq!(shown.matches("tls-record-invalid").count(), 1, "{shown}");
        assert!(!shown.contains("tcp-gap"), "{shown}");
    }
}
