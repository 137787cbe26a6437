//! TLS decryption against what real endpoints sent: `tests/data/tls/*.case`, made by `make.py` there.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use wireloupe::base::{Code, Finding, Limits, PerSide, Side, Span};
use wireloupe::tls::{
    AlertDescription, AlertLevel, Connection, Decryption, EarlyData, KeyLog, RecordSink,
};

/// One recorded connection.
#[derive(Debug, Default)]
struct Case {
    name: String,
    keylog: String,
    facts: Vec<(String, String)>,
    chunks: Vec<(Side, Vec<u8>)>,
    sent: PerSide<Vec<u8>>,
}

impl Case {
    fn read(path: &PathBuf) -> Self {
        let mut case = Case {
            name: path.file_stem().unwrap().to_string_lossy().into_owned(),
            ..Case::default()
        };
        for line in fs::read_to_string(path).unwrap().lines() {
            let (kind, rest) = line.split_once(' ').unwrap();
            let bytes = || BASE64_STANDARD.decode(rest).unwrap();
            match kind {
                "keylog" => case.keylog += &format!("{rest}\n"),
                "fact" => case
                    .facts
                    .extend(rest.split_once(' ').map(|(k, v)| (k.into(), v.into()))),
                "c" => case.chunks.push((Side::Client, bytes())),
                "s" => case.chunks.push((Side::Server, bytes())),
                "client" => case.sent.client = bytes(),
                "server" => case.sent.server = bytes(),
                other => panic!("{}: {other}", case.name),
            }
        }
        case
    }

    fn fact(&self, name: &str) -> Option<&str> {
        self.facts
            .iter()
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.as_str())
    }

    fn keys(&self) -> KeyLog {
        let mut keys = KeyLog::new();
        assert_eq!(keys.extend(self.keylog.as_bytes()), []);
        keys
    }
}

fn cases() -> Vec<Case> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tls");
    let mut paths: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    paths.retain(|path| {
        path.extension()
            .is_some_and(|extension| extension == "case")
    });
    paths.sort();
    assert!(paths.len() > 30);
    paths.iter().map(Case::read).collect()
}

/// Everything a connection told.
#[derive(Debug, Default, PartialEq)]
struct Told {
    plain: PerSide<Vec<u8>>,
    records: Vec<(Side, Span)>,
    gaps: Vec<(Side, Span)>,
    alerts: Vec<(Side, AlertLevel, AlertDescription)>,
    findings: Vec<(Side, Finding)>,
    closed: Vec<Side>,
}

impl RecordSink for Told {
    fn plaintext(&mut self, side: Side, bytes: &[u8], record: Span) {
        self.plain[side].extend_from_slice(bytes);
        self.records.push((side, record));
    }
    fn plaintext_gap(&mut self, side: Side, records: Span, _: Option<u64>) {
        self.gaps.push((side, records));
    }
    fn alert(&mut self, side: Side, level: AlertLevel, description: AlertDescription, _: Span) {
        self.alerts.push((side, level, description));
    }
    fn finding(&mut self, side: Side, finding: Finding) {
        self.findings.push((side, finding));
    }
    fn close_notify(&mut self, side: Side) {
        self.closed.push(side);
    }
}

fn run(chunks: &[(Side, Vec<u8>)], keys: &KeyLog) -> (Told, Connection) {
    let mut told = Told::default();
    let mut connection = Connection::new(&Limits::default());
    for (side, bytes) in chunks {
        connection.push(*side, bytes, keys, &mut told);
    }
    connection.finish(keys, &mut told);
    (told, connection)
}

fn show(bytes: &[u8]) -> String {
    bytes.escape_ascii().to_string()
}

#[test]
fn plaintext_is_what_the_endpoints_sent() {
    for case in cases() {
        let (told, connection) = run(&case.chunks, &case.keys());
        let summary = connection.summary();
        for side in Side::BOTH {
            assert_eq!(
                show(&told.plain[side]),
                show(&case.sent[side]),
                "{} {side}: {summary:?}",
                case.name
            );
        }
        assert_eq!(told.findings, [], "{}", case.name);
        assert_eq!(summary.decryption, Decryption::Decrypted, "{}", case.name);
        assert_eq!(summary.server_name.as_deref(), Some("example.test"));
        assert_eq!(summary.alpn.as_deref(), Some("http/1.1"), "{}", case.name);
        let is = |fact| case.fact(fact) == Some("yes");
        assert_eq!(summary.resumed, is("resumed"), "{}", case.name);
        assert_eq!(summary.retried, is("retried"), "{}", case.name);
        assert_eq!(summary.renegotiated, is("renegotiated"), "{}", case.name);
        let early_data = match case.fact("early_data") {
            Some("accepted") => EarlyData::Accepted,
            Some("rejected") => EarlyData::Rejected,
            _ => EarlyData::None,
        };
        assert_eq!(summary.early_data, early_data, "{}", case.name);
        if !summary.resumed {
            let names = summary.certificate.as_ref().expect(&case.name);
            assert!(
                names.subject.ends_with(".test")
                    && names.subject.starts_with("O=Wireloupe tests, CN=")
            );
        }
    }
}

#[test]
fn without_keys_everything_in_the_clear_is_told() {
    for case in cases() {
        let (told, connection) = run(&case.chunks, &KeyLog::new());
        let summary = connection.summary();
        assert_eq!(told.plain, PerSide::default(), "{}", case.name);
        assert_eq!(told.findings, [], "{}", case.name);
        assert_eq!(summary.decryption, Decryption::NoSecret, "{}", case.name);
        assert_eq!(summary.server_name.as_deref(), Some("example.test"));
        assert!(
            told.gaps.iter().any(|(side, _)| *side == Side::Client),
            "{}",
            case.name
        );
        assert!(summary.encrypted.client.bytes > 0 && summary.encrypted.server.turns > 1);
    }
}

/// The records of one side's plaintext in a whole run, with the bytes of each.
fn plain_records(case: &Case, side: Side) -> Vec<(Span, Vec<u8>)> {
    struct Records(Side, Vec<(Span, Vec<u8>)>);
    impl RecordSink for Records {
        fn plaintext(&mut self, side: Side, bytes: &[u8], record: Span) {
            if side == self.0 {
                self.1.push((record, bytes.to_vec()));
            }
        }
        fn plaintext_gap(&mut self, _: Side, _: Span, _: Option<u64>) {}
        fn alert(&mut self, _: Side, _: AlertLevel, _: AlertDescription, _: Span) {}
        fn finding(&mut self, _: Side, _: Finding) {}
        fn close_notify(&mut self, _: Side) {}
    }
    let mut records = Records(side, Vec::new());
    let mut connection = Connection::new(&Limits::default());
    for (from, bytes) in &case.chunks {
        connection.push(*from, bytes, &case.keys(), &mut records);
    }
    records.1
}

/// The run of a case whose `lost` bytes of one side are missing.
fn run_without(case: &Case, side: Side, lost: Span) -> (Told, Connection) {
    let keys = case.keys();
    let mut told = Told::default();
    let mut connection = Connection::new(&Limits::default());
    let mut position = 0;
    for (from, bytes) in &case.chunks {
        if *from != side {
            connection.push(*from, bytes, &keys, &mut told);
            continue;
        }
        let span = Span::at(position, bytes.len() as u64);
        let gone = span.intersection(lost);
        let [start, end] =
            [gone.start, gone.end].map(|at| at.clamp(span.start, span.end) - span.start);
        connection.push(side, &bytes[..start as usize], &keys, &mut told);
        if !gone.is_empty() {
            connection.gap(side, gone.len(), &keys, &mut told);
        }
        connection.push(side, &bytes[end as usize..], &keys, &mut told);
        position = span.end;
    }
    connection.finish(&keys, &mut told);
    (told, connection)
}

#[test]
fn a_lost_piece_costs_the_records_it_touches() {
    for case in cases() {
        // TLS 1.0 takes the next record's IV from the one that is lost.
        let is_chained = case.name.starts_with("tls10");
        for side in Side::BOTH {
            let records = plain_records(&case, side);
            for (at, (record, _)) in records.iter().enumerate().take(4) {
                let inside = Span::new(record.start + 7, record.end - 3);
                let tail = Span::new(record.start + 6, record.end);
                for lost in [*record, inside, tail] {
                    let (told, connection) = run_without(&case, side, lost);
                    let without = |spoilt: std::ops::RangeInclusive<usize>| -> Vec<u8> {
                        let kept = records.iter().enumerate();
                        let kept = kept.filter(|(at, _)| !spoilt.contains(at));
                        kept.flat_map(|(_, (_, bytes))| bytes.clone()).collect()
                    };
                    let name = format!("{} {side} {lost:?} {:?}", case.name, connection.summary());
                    // The next record may be one of OpenSSL's empty ones.
                    if !(is_chained && told.plain[side] == without(at..=at + 1)) {
                        assert_eq!(show(&told.plain[side]), show(&without(at..=at)), "{name}");
                    }
                    assert_eq!(told.findings, [], "{name}");
                    assert_eq!(told.plain[side.peer()], case.sent[side.peer()], "{name}");
                    assert!(
                        told.gaps
                            .iter()
                            .any(|gap| gap.0 == side && gap.1.contains(record.start)),
                        "{name}"
                    );
                }
            }
        }
    }
}

#[test]
fn several_lost_records_are_counted_by_trying() {
    for case in cases() {
        if case.name.contains("renegotiation") {
            continue; // the new keys' hellos are among what is lost
        }
        let records = plain_records(&case, Side::Server);
        let [from, .., to, last] = &records[..] else {
            continue; // two coalesced records are too few
        };
        let (told, _) = run_without(
            &case,
            Side::Server,
            Span::new(from.0.start + 2, to.0.start + 9),
        );
        let plain = &told.plain.server;
        let is_chained = case.name.starts_with("tls10");
        assert!(
            is_chained || plain.ends_with(&last.1),
            "{} {} {:?}",
            case.name,
            show(plain),
            told.findings
        );
    }
}

#[test]
fn a_forged_record_is_a_finding_and_the_rest_goes_on() {
    for mut case in cases() {
        let records = plain_records(&case, Side::Client);
        let (record, _) = &records[records.len() - 2];
        let mut position = 0;
        for (_, bytes) in case
            .chunks
            .iter_mut()
            .filter(|(side, _)| *side == Side::Client)
        {
            let start = position;
            position += bytes.len() as u64;
            if (start..position).contains(&(record.end - 1)) {
                bytes[(record.end - 1 - start) as usize] ^= 1;
            }
        }
        let (told, _) = run(&case.chunks, &case.keys());
        let is_chained = case.name.starts_with("tls10");
        assert!(
            told.findings.iter().any(|(_, finding)| {
                finding.code == Code::TlsRecordInvalid && finding.span == Some(*record)
            }),
            "{} {told:?}",
            case.name
        );
        assert!(
            is_chained || told.plain.client.ends_with(&records.last().unwrap().1),
            "{} {told:?}",
            case.name
        );
        assert_eq!(told.plain.server, case.sent.server);
    }
}

#[test]
fn one_direction_first_is_held_until_the_other_has_spoken() {
    for case in cases() {
        let only = |side| {
            case.chunks
                .iter()
                .filter(move |chunk| chunk.0 == side)
                .cloned()
        };
        for first in Side::BOTH {
            let chunks: Vec<_> = only(first).chain(only(first.peer())).collect();
            let (told, _) = run(&chunks, &case.keys());
            if case.name.contains("renegotiation") {
                continue; // the second handshake's hellos come after data that is held
            }
            for side in Side::BOTH {
                assert_eq!(
                    show(&told.plain[side]),
                    show(&case.sent[side]),
                    "{} {first} first",
                    case.name
                );
            }
        }
    }
}

#[test]
fn a_client_alone_is_read_in_tls13() {
    for case in cases() {
        let chunks: Vec<_> = case
            .chunks
            .iter()
            .filter(|chunk| chunk.0 == Side::Client)
            .cloned()
            .collect();
        let (told, connection) = run(&chunks, &case.keys());
        if case.name.starts_with("tls13") && !case.name.contains("rejected") {
            assert_eq!(
                show(&told.plain.client),
                show(&case.sent.client),
                "{}",
                case.name
            );
        } else if case.name.starts_with("tls12") {
            assert_eq!(
                connection.summary().decryption,
                Decryption::HelloMissing,
                "{}",
                case.name
            );
        }
    }
}

#[test]
fn sides_taken_the_wrong_way_round_are_noticed() {
    for case in cases() {
        let chunks: Vec<_> = case
            .chunks
            .iter()
            .map(|(side, bytes)| (side.peer(), bytes.clone()))
            .collect();
        let (told, connection) = run(&chunks, &case.keys());
        assert!(connection.summary().sides_swapped);
        assert_eq!(
            show(&told.plain.server),
            show(&case.sent.client),
            "{}",
            case.name
        );
    }
}

#[test]
fn a_capture_that_begins_late_says_so() {
    for case in cases() {
        let records = plain_records(&case, Side::Client);
        let mut told = Told::default();
        let mut connection = Connection::new(&Limits::default());
        let stream: Vec<u8> = case
            .chunks
            .iter()
            .filter(|chunk| chunk.0 == Side::Client)
            .flat_map(|chunk| chunk.1.clone())
            .collect();
        connection.push(
            Side::Client,
            &stream[records[0].0.start as usize..],
            &case.keys(),
            &mut told,
        );
        connection.finish(&case.keys(), &mut told);
        assert_eq!(
            connection.summary().decryption,
            Decryption::HelloMissing,
            "{}",
            case.name
        );
        assert_eq!(told.plain.client, b"");
    }
}

#[test]
fn a_secret_that_comes_late_opens_what_follows() {
    for case in cases() {
        if case.name.starts_with("tls10")
            || case.name.contains("renegotiation")
            || case.name.contains("key-update")
        {
            continue; // they need what came before
        }
        let other = KeyLog::new();
        let keys = case.keys();
        let mut told = Told::default();
        let mut connection = Connection::new(&Limits::default());
        let late = case.chunks.len() - 5;
        for (at, (side, bytes)) in case.chunks.iter().enumerate() {
            connection.push(
                *side,
                bytes,
                if at < late { &other } else { &keys },
                &mut told,
            );
        }
        assert_eq!(
            connection.summary().decryption,
            Decryption::Decrypted,
            "{}",
            case.name
        );
        assert!(
            !told.plain.server.is_empty() && case.sent.server.ends_with(&told.plain.server),
            "{}",
            case.name
        );
        assert!(!told.gaps.is_empty());
    }
}

#[test]
fn a_wrong_secret_and_a_missing_one_are_told_apart() {
    for case in cases() {
        let mut wrong = KeyLog::new();
        let mut lines = String::new();
        for line in case.keylog.lines() {
            let (rest, last) = line.split_at(line.len() - 1);
            lines += &format!("{rest}{}\n", if last == "0" { "1" } else { "0" });
        }
        wrong.extend(lines.as_bytes());
        let (told, connection) = run(&case.chunks, &wrong);
        assert_eq!(
            connection.summary().decryption,
            Decryption::WrongSecret,
            "{}",
            case.name
        );
        assert_eq!(told.findings.len(), 1, "{}", case.name);
        assert_eq!(told.plain, PerSide::default());

        let mut other = KeyLog::new();
        other.extend(format!("CLIENT_RANDOM {} {}\n", "00".repeat(32), "11".repeat(48)).as_bytes());
        let (told, connection) = run(&case.chunks, &other);
        assert_eq!(
            connection.summary().decryption,
            Decryption::NoSecret,
            "{}",
            case.name
        );
        assert!(
            matches!(&told.findings[..], [(_, finding)] if finding.code == Code::TlsNoKey),
            "{}",
            case.name
        );
    }
}

/// Each chunk in pieces of the sizes given, over and over.
fn cut(chunks: &[(Side, Vec<u8>)], sizes: &[usize]) -> Vec<(Side, Vec<u8>)> {
    let mut sizes = sizes.iter().copied().cycle();
    let mut pieces = Vec::new();
    for (side, bytes) in chunks {
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let (piece, others) = rest.split_at(sizes.next().unwrap().min(rest.len()));
            pieces.push((*side, piece.to_vec()));
            rest = others;
        }
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..Default::default() })]

    #[test]
    fn any_cut_gives_the_same(sizes in prop::collection::vec(1usize..400, 1..8), pick in any::<prop::sample::Index>()) {
        let cases = cases();
        let case = pick.get(&cases);
        let keys = case.keys();
        let (whole, connection) = run(&case.chunks, &keys);
        let (pieces, cut_connection) = run(&cut(&case.chunks, &sizes), &keys);
        prop_assert_eq!(whole, pieces);
        let without_turns = |connection: &Connection| {
            let mut summary = connection.summary().clone();
            (summary.encrypted.client.turns, summary.encrypted.server.turns) = (0, 0);
            summary
        };
        prop_assert_eq!(without_turns(&connection), without_turns(&cut_connection));
    }
    #[test]
    fn no_damage_makes_it_fail(
        flips in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..20),
        gaps in prop::collection::vec((any::<prop::sample::Index>(), 0u64..5000), 0..4),
        pick in any::<prop::sample::Index>(),
    ) {
        let cases = cases();
        let case = pick.get(&cases);
        let keys = case.keys();
        let mut chunks = cut(&case.chunks, &[97, 400, 5]);
        for (at, value) in flips {
            let (_, bytes) = &mut chunks[at.index(case.chunks.len())];
            let at = at.index(bytes.len());
            bytes[at] = value;
        }
        let mut told = Told::default();
        let mut connection = Connection::new(&Limits::default());
        for (number, (side, bytes)) in chunks.iter().enumerate() {
            for (at, len) in &gaps {
                if at.index(chunks.len()) == number {
                    connection.gap(*side, *len, &keys, &mut told);
                }
            }
            connection.push(*side, bytes, &keys, &mut told);
        }
        connection.finish(&keys, &mut told);
        for side in Side::BOTH {
            let spans = told.records.iter().filter(|record| record.0 == side).map(|record| record.1);
            let spans: Vec<_> = spans.collect();
            prop_assert!(spans.windows(2).all(|pair| pair[0].end <= pair[1].start));
        }
    }
}
