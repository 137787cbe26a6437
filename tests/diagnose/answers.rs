//! What the answer to the upgrade says, and what was wrong with the request.

use wireloupe::base::{Severity, Side};
use wireloupe::insight::{Software, Verdict};
use wireloupe::testkit::{Conversation, upgrade_request, upgrade_response};

use crate::script::{SECOND, answered, asked, only, open, run, together};

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
fn drafts_are_named() {
    let of = |headers: &str, answer: &str| {
        let head = format!(
            "GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a\r\nOrigin: http://a\r\n{headers}\r\n"
        );
        // The bytes after the header come with the two keys.
        let third = if headers.contains("Key1") {
            "^n:ds[4U"
        } else {
            ""
        };
        only(open().client(head + third).server(answer).fin())
    };
    let accepted = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n";
    let refused = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n";
    let keys =
        "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n";
    let cases = [
        (String::new(), "hixie-75"),
        (keys.to_owned(), "hixie-76"),
        (format!("{keys}Sec-WebSocket-Draft: 2\r\n"), "hybi-02/03"),
    ];
    for (headers, name) in &cases {
        for (answer, verdict) in [
            (accepted, Verdict::DraftAccepted),
            (refused, Verdict::DraftVersion),
        ] {
            let found = of(headers, answer);
            assert_eq!(found.verdict, verdict, "{name}: {found:#?}");
            assert!(
                found.sentence.contains(&format!("the draft {name}")),
                "{}",
                found.sentence
            );
        }
    }
    let version = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 6\r\n";
    assert_eq!(of(version, refused).verdict, Verdict::VersionUnsupported);
    assert_eq!(of(version, accepted).verdict, Verdict::AcceptMissing);
    let keyed = accepted.replace(
        "\r\n\r\n",
        "\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n",
    );
    assert_eq!(of(version, &keyed).verdict, Verdict::DraftAccepted);
    let stripped = "Upgrade: websocket\r\n";
    let head = format!(
        "GET / HTTP/1.1\r\nHost: a\r\nOrigin: http://a\r\nConnection: Upgrade\r\n{stripped}\r\n"
    );
    let found = only(open().client(head).server(refused).fin());
    assert_ne!(
        found.verdict,
        Verdict::DraftVersion,
        "a key that was taken away is no draft"
    );
}

#[test]
fn the_keys_of_hixie_76_have_to_be_answered_rightly() {
    let head = "GET /demo HTTP/1.1\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nHost: a\r\nOrigin: http://a\r\n\
                Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n^n:ds[4U";
    let accepted = "HTTP/1.1 101 WebSocket Protocol Handshake\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\n\r\n";
    let answered = |bytes: &str| {
        let answer = format!("{accepted}{bytes}");
        only(open().client(head).server(answer).fin())
    };
    let right = answered("8jKS'y:G*Co,Wxa-");
    assert_eq!(right.verdict, Verdict::DraftAccepted);
    let wrong = answered("8jKS'y:G*Co,Wxa+");
    assert_eq!(wrong.verdict, Verdict::AcceptMismatch);
    assert!(
        wrong.sentence.contains("the keys of the draft hixie-76"),
        "{}",
        wrong.sentence
    );
}
