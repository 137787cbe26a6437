//! Who is at fault where a proxy may stand between, and what to do then; and what stops half-way.

use wireloupe::base::Side;
use wireloupe::insight::{Diagnosis, Verdict};
use wireloupe::testkit::{ACK, Conversation, Frame, RST, SYN, upgrade_request, upgrade_response};

use crate::script::{SECOND, accepted, answered, only, open, run, text, together};

/// The diagnosis of an upgrade with these headers more, answered like this.
fn with(headers: &[(&str, &str)], answer: &str) -> Diagnosis {
    let request = upgrade_request("/chat", headers);
    only(open().client(request).server(answer).fin())
}

fn refused(head: &str, body: &str) -> String {
    format!(
        "HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn a_page_of_one_server_under_the_name_of_another_shows_the_proxy_that_speaks_plain_http() {
    let go = "Client sent an HTTP request to an HTTPS server.\n";
    let straight = answered(&format!("HTTP/1.0 400 Bad Request\r\n\r\n{go}"));
    assert_eq!(straight.verdict, Verdict::PlainToTlsPort);
    assert!(straight.sentence.starts_with("the client speaks plain"));
    assert!(straight.fix().0.starts_with("Use wss://"));
    let behind = answered(&refused("400 Bad Request\r\nServer: nginx/1.22.1", go));
    assert_eq!(behind.verdict, Verdict::PlainToTlsPort);
    assert!(
        behind.sentence.starts_with("the proxy here (nginx"),
        "{}",
        behind.sentence
    );
    assert!(behind.fix().0.contains("proxy_pass https://"));
    let apache = "Reason: You're speaking plain HTTP to an SSL-enabled server port.";
    let behind = answered(&refused(
        "400 Bad Request\r\nServer: Caddy\r\nServer: Apache/2.4.66",
        apache,
    ));
    assert!(
        behind.sentence.starts_with("the proxy here (Caddy"),
        "{}",
        behind.sentence
    );
    let forwarded = with(
        &[("X-Forwarded-For", "192.0.2.1")],
        &format!("HTTP/1.0 400 Bad Request\r\n\r\n{go}"),
    );
    assert!(
        forwarded
            .sentence
            .starts_with("the proxy that passes the request on"),
        "{}",
        forwarded.sentence
    );
    // nginx may be either.
    let nginx = "<center>The plain HTTP request was sent to HTTPS port</center>";
    let either = answered(&refused("400 Bad Request\r\nServer: nginx", nginx));
    assert!(either.sentence.contains("where a proxy listens there"));
}

#[test]
fn a_403_to_the_hosts_own_origin_is_the_proxys_host() {
    let origin = ("Origin", "http://example.com");
    let page = "Cross origin websockets not allowed";
    let asked_for = |headers: &[(&str, &str)], head: &str| with(headers, &refused(head, page));
    let own = asked_for(&[origin], "403 Forbidden\r\nServer: nginx/1.22.1");
    assert_eq!(own.verdict, Verdict::Forbidden);
    assert!(
        own.fix().0.contains("proxy_set_header Host"),
        "{}",
        own.sentence
    );
    let other = asked_for(&[("Origin", "http://blog.example")], "403 Forbidden");
    assert!(
        other.sentence.contains("which is not the Host"),
        "{}",
        other.sentence
    );
    let without = asked_for(&[], "403 Forbidden");
    assert!(
        without.sentence.contains("names no Origin"),
        "{}",
        without.sentence
    );
    let nginx = with(
        &[origin],
        &refused(
            "403 Forbidden\r\nServer: nginx",
            "<hr><center>nginx</center>",
        ),
    );
    assert!(
        nginx.sentence.starts_with("nginx itself forbids"),
        "{}",
        nginx.sentence
    );
}

#[test]
fn refusals_that_say_what_they_are_about_are_no_stripped_upgrade() {
    let nginx = "400 Bad Request\r\nServer: nginx/1.22.1";
    let stripped = answered(&refused(nginx, "Bad Request"));
    assert_eq!(stripped.verdict, Verdict::UpgradeNotForwarded);
    let host = answered(&refused(nginx, "Invalid host header"));
    assert_eq!(host.verdict, Verdict::BadRequest);
    assert!(
        host.sentence.contains("host name") && host.fix().0.contains("ALLOWED_HOSTS"),
        "{}",
        host.sentence
    );
    let token = answered(&refused(nginx, "missing token"));
    assert_eq!(token.verdict, Verdict::BadRequest);
    let engine = answered(&refused("400 Bad Request", "Transport unknown"));
    assert!(
        engine.sentence.contains("no Socket.IO client"),
        "{}",
        engine.sentence
    );
    let twice = with(
        &[("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")],
        &refused("400 Bad Request", ""),
    );
    assert_eq!(twice.verdict, Verdict::KeyInvalid);
    assert!(
        twice.sentence.contains("more than once"),
        "{}",
        twice.sentence
    );
    let uvicorn = answered(&refused(
        "404 Not Found\r\nServer: uvicorn",
        "{\"detail\":\"Not Found\"}",
    ));
    assert_eq!(uvicorn.verdict, Verdict::UpgradeNotForwarded);
    assert!(
        uvicorn.fix().0.contains("uvicorn[standard]"),
        "{}",
        uvicorn.sentence
    );
    let caddy = answered("HTTP/1.1 200 OK\r\nServer: Caddy\r\nContent-Length: 0\r\n\r\n");
    assert!(
        caddy.sentence.contains("without content"),
        "{}",
        caddy.sentence
    );
}

#[test]
fn a_proxy_that_cannot_complete_tls_says_so_in_its_page() {
    let page = "<h1>Proxy Error</h1>\nThe proxy server could not handle the request<p>Reason: <strong>Error during SSL Handshake with remote server</strong></p>";
    let found = answered(&refused("500 Proxy Error\r\nServer: Apache/2.4.66", page));
    assert_eq!(found.verdict, Verdict::BadGateway);
    assert!(found.fix().0.contains("ws://"), "{}", found.fix().0);
}

#[test]
fn an_error_close_about_frames_that_break_nothing_is_a_hops() {
    let closes = |conversation: Conversation| {
        let close = Frame::close(1002, "").mask([1, 2, 3, 4]).bytes();
        only(conversation.client(close).fin())
    };
    let sound = closes(accepted().server(Frame::text("hello").bytes()));
    assert_eq!(sound.verdict, Verdict::ProtocolErrorClose);
    assert!(
        sound.sentence.contains("a hop between") && sound.fix().0.contains("compare"),
        "{}",
        sound.sentence
    );
    let nothing_sent = closes(accepted());
    assert!(!nothing_sent.sentence.contains("a hop between"));
}

#[test]
fn a_client_that_leaves_on_the_101_does_not_take_it() {
    let left = only(accepted().close(Side::Client));
    assert_eq!(left.verdict, Verdict::ClosedWithoutCloseFrame);
    assert!(left.sentence.contains("on the 101"), "{}", left.sentence);
    let later = only(
        accepted()
            .client(text("hello"))
            .wait(SECOND)
            .close(Side::Client),
    );
    assert!(!later.sentence.contains("on the 101"), "{}", later.sentence);
}

#[test]
fn text_after_the_101_is_no_frame() {
    let found = only(
        accepted()
            .server("{\"type\":\"welcome\"}\n")
            .client(Frame::close(1002, "").mask([1, 2, 3, 4]).bytes())
            .fin(),
    );
    assert_eq!(found.verdict, Verdict::NotFrames);
    assert!(
        found.sentence.contains("the server writes JSON"),
        "{}",
        found.sentence
    );
}

#[test]
fn half_a_request_and_none_at_all() {
    let half = "GET /chat HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n";
    let by_client = only(open().client(half).wait(SECOND).reset(Side::Client));
    assert_eq!(by_client.verdict, Verdict::RequestTimeout);
    assert!(
        by_client.sentence.starts_with("the client sent half"),
        "{}",
        by_client.sentence
    );
    let by_server = only(open().client(half).wait(5 * SECOND).close(Side::Server));
    assert!(
        by_server.sentence.contains("the server waited"),
        "{}",
        by_server.sentence
    );
    let works = Conversation::new("10.0.0.1:40001", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]));
    let verdicts = |first: Conversation| -> Vec<_> {
        let all = run(&together(&[first, works.clone()]));
        all.iter().map(|found| found.verdict).collect()
    };
    assert_eq!(
        verdicts(open().reset(Side::Client)),
        [Verdict::ClientLeft, Verdict::Healthy]
    );
    assert_eq!(
        verdicts(open().close(Side::Server)),
        [Verdict::ClosedWithoutAnswer, Verdict::Healthy]
    );
    // A connection opened in advance, which the server ends when nothing comes.
    assert_eq!(
        verdicts(open().wait(30 * SECOND).close(Side::Server)),
        [Verdict::Healthy]
    );
}

#[test]
fn a_capture_on_the_proxy_says_what_it_met_behind() {
    let client = open()
        .client(upgrade_request("/chat", &[]))
        .wait(SECOND)
        .server(refused("502 Bad Gateway\r\nServer: nginx", ""))
        .fin();
    let behind = |from: &str, delay: i64| {
        Conversation::new(&format!("{from}:50000"), "10.0.0.3:9000")
            .at(open().now())
            .wait(delay)
            .raw(Side::Client, 1000, SYN, "")
            .raw(Side::Server, 0, RST | ACK, "")
    };
    let sentence = |behind: Conversation| {
        let all = run(&together(&[client.clone(), behind]));
        let found = all
            .iter()
            .find(|found| found.verdict == Verdict::BadGateway);
        found.expect("the 502").sentence.clone()
    };
    let said = sentence(behind("10.0.0.2", SECOND / 2));
    assert!(said.contains("10.0.0.3:9000 was refused"), "{said}");
    // Another host's connection, and one of another time.
    assert!(!sentence(behind("10.0.0.9", SECOND / 2)).contains("meanwhile"));
    assert!(!sentence(behind("10.0.0.2", 9 * SECOND)).contains("meanwhile"));
}

#[test]
fn a_503_of_nginx_beside_what_it_passed_on_is_a_limit() {
    let page = "<h1>503 Service Temporarily Unavailable</h1><hr><center>nginx/1.22.1</center>";
    let answer = refused(
        "503 Service Temporarily Unavailable\r\nServer: nginx/1.22.1",
        page,
    );
    let limited = open()
        .client(upgrade_request("/chat", &[]))
        .server(&answer)
        .fin();
    assert_eq!(only(limited.clone()).verdict, Verdict::ServerUnavailable);
    let works = Conversation::new("10.0.0.1:40001", "10.0.0.2:80")
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]));
    let all = run(&together(&[limited, works]));
    let verdicts: Vec<_> = all.iter().map(|found| found.verdict).collect();
    assert_eq!(verdicts, [Verdict::RateLimited, Verdict::Healthy]);
}

#[test]
fn the_end_of_a_tunnel_may_be_its_proxys() {
    let tunnelled = open()
        .client("CONNECT chat.example:80 HTTP/1.1\r\nHost: chat.example:80\r\n\r\n")
        .server("HTTP/1.1 200 Connection established\r\n\r\n")
        .client(wireloupe::testkit::upgrade_request("/chat", &[]))
        .server(wireloupe::testkit::upgrade_response(&[]))
        .client(text("hello"))
        .server(Frame::text("hello").bytes())
        .wait(SECOND);
    for ended in [
        tunnelled.clone().close(Side::Server),
        tunnelled.clone().reset(Side::Server),
    ] {
        let found = only(ended);
        assert!(
            found.sentence.contains("or the proxy"),
            "{}",
            found.sentence
        );
    }
    let by_client = only(tunnelled.close(Side::Client));
    assert!(
        !by_client.sentence.contains("proxy"),
        "{}",
        by_client.sentence
    );
}
