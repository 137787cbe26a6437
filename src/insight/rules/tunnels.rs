//! What stands in front of the request: a SOCKS server that refuses, and a PROXY protocol line that nobody expected.

use crate::base::{Side, escape};
use crate::insight::case::{Case, Found, the};
use crate::insight::facts::{answers_socks_otherwise, inside};
use crate::insight::verdict::Verdict;
use crate::tunnel::proxy_protocol::{self, Header, Reading};
use crate::tunnel::socks::{self, Refusal, State};

/// Shortest wait for an answer that says something, in seconds.
const PATIENCE: f64 = 1.0;

/// The PROXY protocol was sent to a server that does not know it, or left out where the same server is sent it otherwise.
pub(super) fn proxy_protocol(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    match proxy_header(&client.opening) {
        Some(header) => {
            let answer = inside(flow).1;
            // Who read the request behind it, and refused that, has understood it.
            let is_refused = answer.starts_with(b"HTTP/1.")
                && matches!(answer.get(9..12), Some(b"400" | b"405" | b"501" | b"505"));
            let is_alert = matches!(answer.get(..2), Some([0x15, 3]));
            let is_closed =
                answer.is_empty() && attempt.end().is_some_and(|(side, _)| side == Side::Server);
            if !(is_refused || is_alert || is_closed)
                || case.all.takes_proxy_protocol(attempt.server)
            {
                return None;
            }
            let sentence = format!(
                "a hop sends the PROXY protocol (version {}) to port {}, and the server there does not expect it",
                header.version,
                attempt.server.port()
            );
            let found = match is_alert {
                true => Found::certain(Verdict::ProxyProtocolUnexpected, sentence),
                false => Found::likely(Verdict::ProxyProtocolUnexpected, sentence),
            };
            let found = found.at(client.first_data, header.to_string());
            let line = answer.split(|byte| *byte == b'\r').next();
            let line = line.unwrap_or_default();
            Some(match (is_refused, is_alert) {
                (true, _) => found.at(server.first_data, escape::preview(line, 60)),
                (_, true) => found.at(server.first_data, "a TLS alert"),
                _ => found.at(
                    attempt.end().map(|(_, end)| end),
                    "the server ends the connection",
                ),
            })
        }
        None => {
            let is_silent = server.opening.is_empty()
                && client.first_data.is_some()
                && attempt.end().is_some_and(|(side, _)| side == Side::Server);
            if !is_silent {
                return None;
            }
            let other = case.all.sends_proxy_protocol(attempt.server)?;
            let sentence = format!(
                "the server at port {} expects the PROXY protocol, and this client came past the hop that sends it",
                attempt.server.port()
            );
            Some(
                Found::likely(Verdict::ProxyProtocolUnexpected, sentence)
                    .at(
                        client.first_data,
                        "the client's first bytes are no PROXY line",
                    )
                    .at(
                        Some(other),
                        "another connection to this server begins with one",
                    )
                    .at(
                        attempt.end().map(|(_, end)| end),
                        "the server ends the connection without a word",
                    ),
            )
        }
    }
}

/// A SOCKS server that refuses, or cannot reach what it was asked for (RFC 1928, and SOCKS 4).
pub(super) fn socks(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    if client.packets == 0 {
        return socks_server_alone(case);
    }
    if answers_socks_otherwise(flow) {
        return Some(no_socks(case));
    }
    let reading = socks::read(&client.opening, &server.opening);
    if server.packets == 0 && reading.state == State::Incomplete && !client.opening.is_empty() {
        let sentence = "what the SOCKS server answered was not captured, so what became of the tunnel cannot be known";
        return Some(
            Found::certain(Verdict::Unfinished, sentence).at(client.first_data, "SOCKS begins"),
        );
    }
    let asked = reading.request.as_ref();
    let title = asked.map_or("SOCKS 5", |request| request.version.title());
    let whom = asked.map_or_else(String::new, |request| {
        format!(" to {}", escape::preview(&request.target, 80))
    });
    let (verdict, what) = match reading.state {
        State::Refused(refusal) => refused(refusal, title, &whom),
        // Some close without a reply when nothing listens behind.
        State::Incomplete if asked.is_some() && attempt.end().is_some() => (
            Verdict::SocksUnreachable,
            format!(
                "the SOCKS server ended the connection without a reply: it could not open the tunnel{whom}"
            ),
        ),
        State::Incomplete if is_unanswered(case) => (
            Verdict::ConnectUnanswered,
            format!(
                "what was asked for a tunnel in {title} did not answer: it is no SOCKS server, or it hangs"
            ),
        ),
        _ => return None,
    };
    let found =
        Found::certain(verdict, what).at(client.first_data, format!("a request in {title}{whom}"));
    Some(match attempt.end() {
        Some((side, end)) => found
            .at(server.last_data, "the SOCKS server's answer")
            .at(Some(end), format!("{} ends the connection", the(side))),
        None => found.at(server.last_data, "the SOCKS server's answer"),
    })
}

/// A refusal of which only the server's direction was captured.
fn socks_server_alone(case: &Case<'_>) -> Option<Found> {
    let server = &case.attempt.flow.as_ref()?.sides.server;
    let refusal = socks::refused_alone(&server.opening)?;
    let (verdict, what) = refused(refusal, "SOCKS 5", "");
    let sentence = format!("{what}; what the client sent was not captured");
    Some(Found::likely(verdict, sentence).at(server.last_data, "the SOCKS server's answer"))
}

/// What was asked in SOCKS answers in another protocol.
fn no_socks(case: &Case<'_>) -> Found {
    let flow = case.attempt.flow.as_ref();
    let server = flow.map(|flow| &flow.sides.server);
    let opening = server.map_or(&[][..], |server| &server.opening[..]);
    let who = match opening.starts_with(b"HTTP/1.") {
        true => "a web server or an HTTP proxy",
        false => super::not_http::banner(opening).unwrap_or("something else"),
    };
    let sentence = format!(
        "what was asked for a tunnel in SOCKS is no SOCKS server: port {} belongs to {who}",
        case.attempt.server.port()
    );
    let line = opening.split(|byte| *byte == b'\r').next();
    let line = escape::preview(line.unwrap_or_default(), 60);
    Found::certain(Verdict::SocksRefused, sentence)
        .at(
            flow.and_then(|flow| flow.sides.client.first_data),
            "SOCKS begins",
        )
        .quoting(
            server.and_then(|server| server.first_data),
            "the answer: ",
            &line,
        )
}

/// Whether nothing came back, and the client waited.
fn is_unanswered(case: &Case<'_>) -> bool {
    let Some(flow) = &case.attempt.flow else {
        return false;
    };
    let asked = flow.sides.client.first_data;
    flow.sides.server.first_data.is_none()
        && asked.is_some_and(|asked| {
            case.attempt.end().is_some() || case.watched(asked.time) >= PATIENCE
        })
}

/// The verdict on a refusal, and what it means.
fn refused(refusal: Refusal, title: &str, whom: &str) -> (Verdict, String) {
    let code = match refusal {
        Refusal::Methods => {
            let what = "the SOCKS server takes none of the ways to log in that the client offers (method FF)";
            return (Verdict::SocksRefused, what.to_owned());
        }
        Refusal::Login => {
            let what = "the SOCKS server does not take this user name and password";
            return (Verdict::SocksRefused, what.to_owned());
        }
        Refusal::Request(code) => code,
    };
    let unreachable = |why: &str| {
        let what =
            format!("the SOCKS server could not open the tunnel{whom} (reply {code}, {why})");
        (Verdict::SocksUnreachable, what)
    };
    match code {
        1 => unreachable("general failure"),
        2 => (
            Verdict::SocksRefused,
            format!("the SOCKS server's rules do not allow the tunnel{whom} (reply 2)"),
        ),
        3 => unreachable("network unreachable"),
        4 => unreachable("host unreachable, or its name is not known"),
        5 => unreachable("connection refused: nothing listens there"),
        6 => unreachable("TTL expired"),
        0x5b..=0x5d => (
            Verdict::SocksRefused,
            format!(
                "the {title} server rejects the tunnel{whom} (code {code}): its rules do not allow it, or it could not connect"
            ),
        ),
        _ => (
            Verdict::SocksRefused,
            format!("the SOCKS server does not take this kind of request (reply {code})"),
        ),
    }
}

/// The header of the PROXY protocol that a stream begins with.
pub(in crate::insight) fn proxy_header(opening: &[u8]) -> Option<Box<Header>> {
    match proxy_protocol::read(opening) {
        Reading::Complete(header) => Some(header),
        _ => None,
    }
}
