//! TLS decryption against what real endpoints sent: `tests/data/tls/*.case`, made by `make.py` there.

use std::fs;
use std::path::PathBuf;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;
use wireloupe::base::{Finding, Limits, PerSide, Side, Span};
use wireloupe::tls::{
    AlertDescription, AlertLevel, Connection, Decryption, EarlyData, KeyLog, Output,
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

impl Output for Told {
    fn plaintext(&mut self, side: Side, bytes: &[u8], record: Span) {
        self.plain[side].extend_from_slice(bytes);
        self.records.push((side, record));
    }
    fn plaintext_gap(&mut self, side: Side, records: Span) {
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
        prop_assert_eq!(connection.summary(), cut_connection.summary());
    }
}
