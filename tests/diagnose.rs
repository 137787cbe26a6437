//! Diagnosis against samples whose true cause is known, and against scripted traffic for what the samples lack.

use std::path::{Path, PathBuf};

use wireloupe::base::{LinkType, PacketNumber, Severity, Side, Timestamp};
use wireloupe::capture::{Batch, Input, Source};
use wireloupe::engine::{Engine, Options};
use wireloupe::insight::facts::Part;
use wireloupe::insight::{
    Casebook, Collector, Confidence, Diagnosis, Software, Stage, Verdict, diagnose,
};
use wireloupe::testkit::{ACK, Conversation, Frame, RST, upgrade_request, upgrade_response};
use wireloupe::wire::Walker;

const SECOND: i64 = 1_000_000_000;

/// The samples' names of verdicts that have another name here.
const RENAMED: &[(&str, &str)] = &[("hixie-76", "draft-version-accepted")];

/// Healthy samples in which an endpoint closes with every code there is, those that say that something is wrong included.
const EVERY_CODE: &[&str] = &["websockets-close-codes"];

fn run(packets: &[(Timestamp, Vec<u8>)]) -> Vec<Diagnosis> {
    let options = Options::default();
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, Collector::default());
    let mut end = (PacketNumber(0), Timestamp::default());
    for (index, (time, bytes)) in packets.iter().enumerate() {
        end = (PacketNumber(index as u64 + 1), *time);
        let walked = walker.segment(LinkType::ETHERNET, *time, bytes, bytes.len() as u32);
        let segment = walked.expect("scripted packets hold TCP").segment().clone();
        engine.segment(end.0, end.1, &segment, bytes, true);
    }
    engine.finish(end.0, end.1);
    let mut part = Part::default();
    engine.sink().exchange(&mut part);
    let mut casebook = Casebook::default();
    casebook.take(&mut [part]);
    diagnose(&casebook, end.1)
}

/// The packets of several conversations in the order of their times.
fn together(conversations: &[Conversation]) -> Vec<(Timestamp, Vec<u8>)> {
    let mut packets: Vec<_> = conversations
        .iter()
        .flat_map(Conversation::packets)
        .collect();
    packets.sort_by_key(|(time, _)| *time);
    packets
}

fn open() -> Conversation {
    Conversation::new("10.0.0.1:40000", "10.0.0.2:80").connect()
}

fn asked() -> Conversation {
    open().client(upgrade_request("/chat", &[]))
}

fn accepted() -> Conversation {
    asked().server(upgrade_response(&[]))
}

fn only(conversation: Conversation) -> Diagnosis {
    let mut diagnoses = run(&conversation.packets());
    assert_eq!(diagnoses.len(), 1, "{diagnoses:#?}");
    diagnoses.remove(0)
}

fn answered(answer: &str) -> Diagnosis {
    only(asked().server(answer).fin())
}

fn text(payload: &str) -> Vec<u8> {
    Frame::text(payload).mask([1, 2, 3, 4]).bytes()
}

#[test]
fn statuses_have_their_verdicts() {
    let cases = [
        (
            "200 OK\r\nContent-Type: text/html",
            Verdict::NotAWebsocketEndpoint,
        ),
        ("302 Found\r\nLocation: /login", Verdict::Redirected),
        ("400 Bad Request", Verdict::BadRequest),
        (
            "401 Unauthorized\r\nWWW-Authenticate: Basic",
            Verdict::AuthenticationRequired,
        ),
        ("403 Forbidden", Verdict::Forbidden),
        ("404 Not Found", Verdict::NotFound),
        (
            "407 Proxy Authentication Required",
            Verdict::ProxyAuthenticationRequired,
        ),
        (
            "426 Upgrade Required\r\nUpgrade: websocket",
            Verdict::UpgradeNotForwarded,
        ),
        ("500 Internal Server Error", Verdict::ServerError),
        ("502 Bad Gateway", Verdict::BadGateway),
        ("503 Service Unavailable", Verdict::ServerUnavailable),
        ("504 Gateway Timeout", Verdict::GatewayTimeout),
        ("505 HTTP Version Not Supported", Verdict::HttpVersionTooOld),
        ("403 Forbidden\r\nServer: envoy", Verdict::UpgradeDisabled),
        ("418 I'm a teapot", Verdict::UpgradeRefused),
    ];
    for (answer, verdict) in cases {
        let found = answered(&format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n"));
        assert_eq!(found.verdict, verdict, "{answer}");
        assert_eq!(found.verdict.severity(), Severity::Error);
        assert!(!found.packets().is_empty() && !found.fix().0.is_empty());
    }
}

#[test]
fn the_fix_is_for_the_software_that_headers_name() {
    let squid = answered(
        "HTTP/1.1 426 Upgrade Required\r\nVia: 1.1 p (squid/5.7)\r\nServer: nginx\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(
        squid.software.as_ref().map(|(software, _)| *software),
        Some(Software::Squid)
    );
    assert!(squid.fix().0.contains("http_upgrade_request_protocols"));
    let elb = answered(
        "HTTP/1.1 426 Upgrade Required\r\nServer: awselb/2.0\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(elb.fix().0.contains("ELB"), "F26");
}

#[test]
fn tcp_that_never_opens() {
    let refused = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
        .raw(Side::Server, 0, RST | ACK, "");
    assert_eq!(only(refused).verdict, Verdict::ConnectionRefused);
    let silent = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .step(SECOND)
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "");
    let found = only(silent);
    assert_eq!(
        (found.verdict, found.stage()),
        (Verdict::ConnectionUnanswered, Some(Stage::Tcp))
    );
}

#[test]
fn no_answer_and_how_it_ended() {
    assert_eq!(
        only(asked().reset(Side::Server)).verdict,
        Verdict::ResetOnUpgrade
    );
    assert_eq!(
        only(asked().close(Side::Server)).verdict,
        Verdict::ClosedWithoutAnswer
    );
    assert_eq!(
        only(asked().wait(5 * SECOND).close(Side::Client)).verdict,
        Verdict::NoAnswer
    );
    assert_eq!(
        only(asked()).verdict,
        Verdict::Unfinished,
        "the capture ends at once"
    );
}

#[test]
fn what_a_hop_or_an_old_client_does_to_the_request() {
    let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let ask = |head: &str| only(open().client(head).server(refused).fin()).verdict;
    let stripped = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n{key}Sec-WebSocket-Version: 13\r\n\r\n"
    );
    assert_eq!(ask(&stripped), Verdict::UpgradeNotForwarded, "F1, F4");
    let old = format!(
        "GET / HTTP/1.0\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}Sec-WebSocket-Version: 13\r\n\r\n"
    );
    assert_eq!(ask(&old), Verdict::HttpVersionTooOld, "F2");
    let version = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}Sec-WebSocket-Version: 6\r\n\r\n"
    );
    assert_eq!(ask(&version), Verdict::VersionUnsupported, "F13");
    let none = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{key}\r\n"
    );
    assert_eq!(ask(&none), Verdict::VersionMissing, "F13");
    let hixie = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\
                 Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n";
    assert_eq!(ask(&format!("{hixie}^n:ds[4U")), Verdict::DraftVersion);
    let without_bytes = only(open().client(hixie).wait(5 * SECOND).close(Side::Client));
    assert_eq!(without_bytes.verdict, Verdict::DraftKeyBytesMissing);
    assert!(
        without_bytes.sentence.contains("0 of its eight"),
        "{}",
        without_bytes.sentence
    );
}

#[test]
fn a_connection_header_that_only_one_client_may_send() {
    let firefox = "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: keep-alive, Upgrade\r\n\
                   Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n";
    let refused = open()
        .client(firefox)
        .server("HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n")
        .fin();
    let works = Conversation::new("10.0.0.1:40001", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]));
    let verdicts: Vec<_> = run(&together(&[refused, works]))
        .iter()
        .map(|d| d.verdict)
        .collect();
    assert_eq!(
        verdicts,
        [Verdict::ConnectionHeaderRejected, Verdict::Healthy],
        "F3"
    );
}

#[test]
fn connect_to_a_proxy() {
    let connect = |head: &str, answer: &str| {
        let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n");
        only(open().client(head).server(answer).fin())
    };
    let to = |port: u16| format!("CONNECT h:{port} HTTP/1.1\r\nHost: h:{port}\r\n\r\n");
    let forbidden = connect(&to(9000), "403 Forbidden\r\nVia: 1.1 p (squid/5.7)");
    assert_eq!(
        (forbidden.verdict, forbidden.stage()),
        (Verdict::ConnectPortForbidden, Some(Stage::Connect)),
        "F7"
    );
    assert!(forbidden.fix().0.contains("SSL_ports"));
    assert_eq!(
        connect(&to(443), "403 Forbidden").verdict,
        Verdict::ConnectForbidden
    );
    let asks = "407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"";
    assert_eq!(
        connect(&to(443), asks).verdict,
        Verdict::ProxyAuthenticationRequired,
        "F8"
    );
    assert_eq!(
        connect("CONNECT h:443 HTTP/1.0\r\n\r\n", "403 Forbidden").verdict,
        Verdict::ConnectWithoutHost,
        "F10"
    );
    assert_eq!(
        connect(&to(443), "405 Method Not Allowed").verdict,
        Verdict::ConnectUnsupported
    );
    assert_eq!(
        connect(&to(443), "503 Service Unavailable").verdict,
        Verdict::ConnectUnreachable
    );
    let silent = only(open().client(to(443)).wait(5 * SECOND).close(Side::Client));
    assert_eq!(silent.verdict, Verdict::ConnectUnanswered);
    let straight = answered(
        "HTTP/1.1 400 Bad Request\r\nX-Squid-Error: ERR_INVALID_URL 0\r\nContent-Length: 0\r\n\r\n",
    );
    assert_eq!(straight.verdict, Verdict::UpgradeWithoutConnect, "F9");
}

#[test]
fn a_101_that_does_not_fit() {
    let answer = |headers: &str| {
        only(asked().server(format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{headers}\r\n")).fin()).verdict
    };
    assert_eq!(answer(""), Verdict::AcceptMissing, "F14");
    assert_eq!(
        answer("Sec-WebSocket-Accept: AAAA\r\n"),
        Verdict::AcceptMismatch,
        "F14"
    );
    let right = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert_eq!(
        answer(&format!("{right}Sec-WebSocket-Protocol: x\r\n")),
        Verdict::SubprotocolNotOffered,
        "F15"
    );
    assert_eq!(
        answer(&format!(
            "{right}Sec-WebSocket-Extensions: permessage-deflate\r\n"
        )),
        Verdict::ExtensionNotOffered
    );
}

#[test]
fn a_browser_leaves_when_no_subprotocol_was_chosen() {
    let asks = open().client(upgrade_request("/", &[("Sec-WebSocket-Protocol", "mqtt")]));
    let leaves = asks
        .clone()
        .server(upgrade_response(&[]))
        .close(Side::Client);
    assert_eq!(only(leaves).verdict, Verdict::SubprotocolMissing, "F15");
    let stays = asks
        .server(upgrade_response(&[]))
        .client(text("a"))
        .server(Frame::text("b").bytes());
    assert_eq!(only(stays).verdict, Verdict::Healthy);
}

#[test]
fn first_frames() {
    let http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    let two_handlers = only(accepted().server(http).close(Side::Server));
    assert_eq!(two_handlers.verdict, Verdict::HttpInsideFrames, "F17");
    let proxy = only(
        accepted()
            .client(text("hello"))
            .server(http)
            .close(Side::Server),
    );
    assert_eq!(proxy.verdict, Verdict::FramesParsedAsHttp, "F20");
    let waf = only(accepted().wait(SECOND).close(Side::Server));
    assert_eq!(
        (waf.verdict, waf.stage()),
        (Verdict::ClosedAfterHandshake, Some(Stage::FirstFrames)),
        "F19"
    );
    let close = |code| Frame::close(code, "").mask([9, 8, 7, 6]).bytes();
    let masked = only(accepted().server(text("x")).client(close(1002)).fin());
    assert_eq!(masked.verdict, Verdict::ServerFrameMasked, "F18");
    let unmasked = only(
        accepted()
            .client(Frame::text("x").bytes())
            .server(Frame::close(1002, "").bytes())
            .fin(),
    );
    assert_eq!(unmasked.verdict, Verdict::ClientFrameUnmasked, "F18");
    let rsv1 = only(
        accepted()
            .server(Frame::text("x").rsv1().bytes())
            .client(close(1002))
            .fin(),
    );
    assert_eq!(rsv1.verdict, Verdict::ReservedBitSet, "F16");
}

#[test]
fn what_the_other_side_tolerates_breaks_nothing() {
    let talks = accepted()
        .client(Frame::text("x").bytes())
        .server(Frame::text("y").bytes())
        .client(Frame::close(1000, "").bytes())
        .server(Frame::close(1000, "").bytes())
        .fin();
    let found = only(talks);
    assert_eq!(found.verdict, Verdict::Healthy);
    assert!(found.sentence.contains("tolerates"), "{}", found.sentence);
}

#[test]
fn a_reset_from_elsewhere() {
    let talk = accepted()
        .client(text("a"))
        .server(Frame::text("b").bytes())
        .ack(Side::Client);
    let forged = talk.clone().reset(Side::Server).edit(|segments| {
        let last = segments.last_mut().expect("the RST");
        (last.ttl, last.ip_id, last.window) = (250, 0, 0);
    });
    let found = only(forged);
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::ForeignReset, Confidence::Certain),
        "F27"
    );
    assert_eq!(
        only(talk.clone().reset(Side::Server)).verdict,
        Verdict::ConnectionReset,
        "its own"
    );
    let next = talk.next_sequence(Side::Server);
    let goes_on =
        talk.reset(Side::Server)
            .raw(Side::Server, next, ACK, Frame::text("still here").bytes());
    assert_eq!(only(goes_on).verdict, Verdict::ForeignReset, "F27");
}

#[test]
fn silence() {
    let talk = accepted()
        .client(text("a"))
        .server(Frame::text("b").bytes())
        .ack(Side::Client);
    let lost = talk.clone().wait(240 * SECOND);
    let at = lost.next_sequence(Side::Client);
    let again = (0..5).fold(lost, |lost, turn| {
        lost.raw(Side::Client, at, ACK, text("c"))
            .wait(SECOND << turn)
    });
    assert_eq!(only(again).verdict, Verdict::SilentDrop, "F23");
    let ping = Frame::ping("1").mask([1, 1, 1, 1]).bytes();
    let gone = talk
        .client(ping)
        .wait(20 * SECOND)
        .client(Frame::close(1011, "").mask([2, 2, 2, 2]).bytes())
        .close(Side::Client);
    assert_eq!(only(gone).verdict, Verdict::PingUnanswered);
}

/// A connection that talks at these seconds of its life and is ended by the server, without a close frame, at `end`.
fn cut(port: u16, talks: &[i64], end: i64) -> Conversation {
    let client = format!("10.0.0.1:{port}");
    let mut now = 0;
    let mut conversation = Conversation::new(&client, "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]));
    for &at in talks {
        conversation = conversation
            .wait((at - now) * SECOND)
            .client(text("a"))
            .server(Frame::text("b").bytes());
        now = at;
    }
    conversation
        .wait((end - now) * SECOND)
        .close(Side::Server)
        .close(Side::Client)
}

#[test]
fn an_idle_time_out_and_a_limit_on_age() {
    let idle = [
        cut(40001, &[1], 61),
        cut(40002, &[20, 50], 110),
        cut(40003, &[100], 160),
    ];
    for found in run(&together(&idle)) {
        assert_eq!(
            (found.verdict, found.stage()),
            (Verdict::IdleTimeout, Some(Stage::Life)),
            "F21"
        );
        assert!(found.sentence.contains("60.0 s"), "{}", found.sentence);
    }
    let aged = [
        cut(40001, &[1], 30),
        cut(40002, &[10, 28], 30),
        cut(40003, &[20], 30),
    ];
    assert!(
        run(&together(&aged))
            .iter()
            .all(|found| found.verdict == Verdict::LifetimeLimit),
        "F22"
    );
    let one = only(cut(40001, &[5], 105));
    assert_eq!(
        (one.verdict, one.confidence),
        (Verdict::IdleTimeout, Confidence::Possible)
    );
    let other = only(cut(40001, &[5], 12));
    assert_eq!(other.verdict, Verdict::ClosedWithoutCloseFrame);
}

#[test]
fn pings_that_come_when_the_limit_does() {
    let pings = |port: u16, count: i64| {
        let client = format!("10.0.0.1:{port}");
        let ping = Frame::ping("").mask([1, 1, 1, 1]).bytes();
        let open = Conversation::new(&client, "10.0.0.2:80")
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]));
        let talk = (0..count).fold(open, |talk, _| {
            talk.wait(60 * SECOND)
                .client(&ping)
                .server(Frame::pong("").bytes())
        });
        talk.wait(60 * SECOND)
            .close(Side::Server)
            .close(Side::Client)
    };
    let found = run(&together(&[
        pings(40001, 2),
        pings(40002, 3),
        pings(40003, 5),
    ]));
    assert!(
        found
            .iter()
            .all(|found| found.verdict == Verdict::PingAtIdleLimit),
        "F24: {found:#?}"
    );
}

#[test]
fn close_codes() {
    let closes = |code: u16| {
        let answer = Frame::close(code, "").mask([1, 2, 3, 4]).bytes();
        only(
            accepted()
                .server(Frame::close(code, "why").bytes())
                .client(answer)
                .fin(),
        )
        .verdict
    };
    assert_eq!(closes(1000), Verdict::Healthy);
    assert_eq!(closes(1001), Verdict::Healthy);
    assert_eq!(
        closes(4000),
        Verdict::Healthy,
        "private codes mean what they mean to the two"
    );
    assert_eq!(closes(1007), Verdict::InvalidUtf8);
    assert_eq!(closes(1009), Verdict::MessageTooBig);
    assert_eq!(closes(1011), Verdict::InternalErrorClose);
    assert_eq!(closes(1013), Verdict::ServiceClose);
}

#[test]
fn tls_and_plain_mixed_up() {
    let hello = [0x16, 3, 1, 0, 4, 1, 0, 0, 0];
    let page = "HTTP/1.1 400 Bad Request\r\n\r\n";
    let to_plain = only(open().client(hello).server(page).fin());
    assert_eq!(
        (to_plain.verdict, to_plain.stage()),
        (Verdict::TlsToPlainPort, Some(Stage::Tls))
    );
    let alert = [0x15, 3, 3, 0, 2, 2, 10];
    let to_tls = only(asked().server(alert).close(Side::Server));
    assert_eq!(to_tls.verdict, Verdict::PlainToTlsPort);
}

#[test]
fn a_close_that_is_half_done_is_told() {
    let half = only(
        accepted()
            .client(text("a"))
            .server(Frame::text("b").bytes())
            .close(Side::Client),
    );
    assert_eq!(half.verdict, Verdict::ClosedWithoutCloseFrame);
    assert!(half.ending.contains("half-closed"), "{}", half.ending);
}

fn samples() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("samples");
    let entries = std::fs::read_dir(folder).expect("the samples");
    let paths = entries.map(|entry| entry.expect("an entry").path());
    let mut captures: Vec<_> = paths.filter(|path| stem(path).is_some()).collect();
    captures.sort();
    captures
}

/// The name of a capture without what comes after it.
fn stem(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let at = name.find(".pcap")?;
    Some(name[..at].to_owned())
}

fn run_sample(path: &Path) -> Vec<Diagnosis> {
    let options = Options::default();
    let inputs = vec![Input::from_argument(path)];
    let mut source = Source::open(inputs, &options.limits).expect("a capture");
    let mut walker = Walker::new(&options.limits);
    let mut engine = Engine::new(options, Collector::default());
    let keys = path.with_file_name(format!("{}.keys", stem(path).expect("a capture")));
    if let Ok(bytes) = std::fs::read(keys) {
        let mut log = wireloupe::tls::KeyLog::new();
        log.extend(&bytes);
        log.finish();
        engine.set_keys(std::sync::Arc::new(log));
    }
    let mut batch = Batch::new();
    let mut end = (PacketNumber(0), Timestamp::default());
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            end = (record.number, record.time);
            let Ok(walked) = walker.segment(record.link, record.time, bytes, record.original)
            else {
                continue;
            };
            let segment = walked.segment().clone();
            engine.segment(end.0, end.1, &segment, bytes, true);
        }
        engine.advance(end.0, end.1);
    }
    engine.finish(end.0, end.1);
    let mut part = Part::default();
    engine.sink().exchange(&mut part);
    let mut casebook = Casebook::default();
    casebook.take(&mut [part]);
    diagnose(&casebook, end.1)
}

fn expectation(path: &Path) -> serde_json::Value {
    let path = path.with_file_name(format!("{}.expect.json", stem(path).expect("a capture")));
    let text = std::fs::read_to_string(path).unwrap_or_else(|_| "{}".to_owned());
    serde_json::from_str(&text).expect("JSON")
}

#[test]
fn samples_of_failures_have_their_true_cause_and_healthy_ones_none() {
    let mut seen = 0;
    let mut wrong = Vec::new();
    for path in samples() {
        let name = stem(&path).expect("a capture");
        let diagnoses = run_sample(&path);
        let expected = expectation(&path);
        let attempts = expected["attempts"].as_array().cloned().unwrap_or_default();
        seen += attempts.len();
        for (index, attempt) in attempts.iter().enumerate() {
            let renamed = RENAMED
                .iter()
                .find(|(sample, _)| *sample == name)
                .map(|(_, verdict)| *verdict);
            let wanted = renamed.or(attempt["verdict"].as_str());
            let found = diagnoses.get(index);
            let verdict = found.map(|found| found.verdict.name());
            let stage = found.and_then(Diagnosis::stage).map(Stage::name);
            if verdict != wanted || stage != attempt["stage"].as_str() {
                wrong.push(format!(
                    "{name}: wanted {wanted:?} at {}, found {verdict:?} at {stage:?}",
                    attempt["stage"]
                ));
            }
        }
        let is_error = |found: &&Diagnosis| found.verdict.severity() == Severity::Error;
        if attempts.is_empty() && !EVERY_CODE.contains(&&*name) {
            let broken = diagnoses.iter().find(is_error);
            wrong.extend(broken.map(|found| format!("{name} is healthy, and: {}", found.sentence)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(
        seen >= 50,
        "only {seen} attempts with a known cause were found"
    );
}

#[test]
fn the_manual_has_the_table_of_verdicts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/diagnosis.md");
    let text = std::fs::read_to_string(&path).expect("docs/diagnosis.md");
    let (start, end) = ("<!-- verdicts -->\n", "<!-- end of verdicts -->");
    let from = text.find(start).expect("the mark before the table") + start.len();
    let to = text.find(end).expect("the mark after the table");
    let table = wireloupe::insight::verdict::table();
    if std::env::var_os("UPDATE").is_some() {
        let new = format!("{}{table}{}", &text[..from], &text[to..]);
        std::fs::write(&path, new).expect("docs/diagnosis.md can be written");
        return;
    }
    assert!(
        text[from..to] == table,
        "the table is not current: UPDATE=1 cargo test --test diagnose rewrites it"
    );
}
