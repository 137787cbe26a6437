//! TCP, TLS and proxies asked for a tunnel.

use wireloupe::base::Side;
use wireloupe::insight::{Stage, Verdict};
use wireloupe::testkit::{ACK, Conversation, RST, upgrade_request, upgrade_response};

use crate::script::{SECOND, answered, asked, only, open, run, together};

#[test]
fn tcp_that_never_opens() {
    let refused = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
        .raw(Side::Server, 0, RST | ACK, "");
    assert_eq!(only(refused).verdict, Verdict::ConnectionRefused);
    let lost = Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
        .step(SECOND)
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
        .raw(Side::Server, 0, wireloupe::testkit::SYN | ACK, "")
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
        .raw(Side::Server, 0, wireloupe::testkit::SYN | ACK, "");
    let found = only(lost);
    assert_eq!(found.verdict, Verdict::ConnectionUnanswered);
    assert!(
        found.sentence.contains("on the way back"),
        "{}",
        found.sentence
    );
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
fn a_connect_that_is_refused_otherwise() {
    let connect = |status: &str| {
        let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
        let head = "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n";
        only(open().client(head).server(answer).fin())
    };
    assert_eq!(
        connect("429 Too Many Requests").verdict,
        Verdict::ConnectRefused
    );
    let wrong = "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\nProxy-Authorization: Basic AAAA\r\n\r\n";
    let refused = "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n";
    let found = only(open().client(wrong).server(refused).fin());
    assert_eq!(found.verdict, Verdict::ProxyAuthenticationRequired, "F8");
    assert!(
        found.sentence.contains("does not accept"),
        "{}",
        found.sentence
    );
}

#[test]
fn an_address_that_failed_while_another_worked_is_no_attempt_of_its_own() {
    let dead = Conversation::new("10.0.0.1:40000", "10.0.0.9:80")
        .step(SECOND)
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
        .raw(Side::Client, 1000, wireloupe::testkit::SYN, "");
    let other = |server: &str| {
        Conversation::new("10.0.0.1:40001", server)
            .wait(SECOND)
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]))
            .wait(5 * SECOND)
            .fin()
    };
    let verdicts = |with: Conversation| -> Vec<Verdict> {
        let found = run(&together(&[dead.clone(), with]));
        found.iter().map(|found| found.verdict).collect()
    };
    assert_eq!(
        verdicts(other("10.0.0.2:80")),
        [Verdict::ClosedWithoutCloseFrame],
        "RFC 8305"
    );
    assert_eq!(
        verdicts(other("10.0.0.2:81")),
        [
            Verdict::ConnectionUnanswered,
            Verdict::ClosedWithoutCloseFrame
        ],
        "another port is another service"
    );
}

#[test]
fn a_connection_that_fails_where_ordinary_ones_work_is_none_of_ours() {
    let dead = || {
        Conversation::new("10.0.0.1:40000", "10.0.0.2:80")
            .step(SECOND)
            .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
            .raw(Side::Client, 1000, wireloupe::testkit::SYN, "")
    };
    let page = Conversation::new("10.0.0.1:40001", "10.0.0.2:80")
        .connect()
        .client("GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .server("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        .fin();
    assert_eq!(
        run(&together(&[dead()])).len(),
        1,
        "alone it may be what is looked for"
    );
    assert_eq!(run(&together(&[dead(), page.clone()])), []);
    let upgrade = Conversation::new("10.0.0.1:40002", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]))
        .fin();
    let found = run(&together(&[dead(), page, upgrade]));
    assert_eq!(
        found[0].verdict,
        Verdict::ConnectionUnanswered,
        "a WebSocket's server"
    );
}
