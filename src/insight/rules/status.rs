//! HTTP: what the status of the answer says when nothing more is known, and no answer at all.

use std::ops::RangeInclusive;

use crate::base::{Head, Limits, Side, escape};
use crate::engine::{EndSummary, Seen};
use crate::http::{HeadStatus, is_same_origin, parse_head};
use crate::insight::case::{Case, Found};
use crate::insight::facts::is_refusal;
use crate::insight::fix::Situation;
use crate::insight::software::contains;
use crate::insight::verdict::Verdict;

use super::answer::{first_line, refusal};
use super::bodies::without_websockets;
use super::gateway::with_cause;

/// Every status without a rule of its own: what it says by itself.
pub(super) fn by_status(case: &Case<'_>) -> Option<Found> {
    let response = case.response()?;
    if !case.is_refused() {
        return None;
    }
    let status = response.status()?;
    let (verdict, sentence) = judge(case, response, status);
    let found =
        Found::certain(verdict, sentence).at(case.attempt.request_at(), "the upgrade request");
    let found = match situation(verdict, status, response) {
        Some(situation) => found.when(situation),
        None => found,
    };
    let found = with_cause(case, found, status);
    let at = case.attempt.response_at();
    Some(
        [
            "Location",
            "WWW-Authenticate",
            "Proxy-Authenticate",
            "Content-Type",
            "Retry-After",
        ]
        .into_iter()
        .fold(first_line(case, refusal(case, found)), |found, name| {
            found.header(Some(response), name, at)
        }),
    )
}

/// What the fix depends on beyond the status.
fn situation(verdict: Verdict, status: u16, response: &Head) -> Option<Situation> {
    match status {
        _ if verdict == Verdict::NotAWebsocketEndpoint && is_empty(response) => {
            Some(Situation::NoSuchSite)
        }
        500 => without_websockets(response).map(|_| Situation::NoWebSocketsInServer),
        501 => Some(Situation::NotImplemented),
        _ => None,
    }
}

fn judge(case: &Case<'_>, response: &Head, status: u16) -> (Verdict, String) {
    let target = case
        .request()
        .map_or_else(String::new, |head| escape::preview(head.target(), 60));
    let origin = case
        .request()
        .and_then(|head| head.value("Origin"))
        .map(|origin| escape::preview(origin, 60));
    match status {
        200..=299 => (
            Verdict::NotAWebsocketEndpoint,
            match is_empty(response) {
                true => format!(
                    "what answers has nothing for this host or path: it answered {status} without content to {target}, not 101"
                ),
                false => format!(
                    "{target} is an ordinary web address: it answered {status} with a page, not 101"
                ),
            },
        ),
        300..=399 => {
            let location = response
                .value("Location")
                .map_or_else(|| "elsewhere".to_owned(), |at| escape::preview(at, 100));
            (
                Verdict::Redirected,
                format!(
                    "the server sends the client to {location} ({status}); WebSocket clients do not follow{}",
                    why(&location, &target)
                ),
            )
        }
        400 => (Verdict::BadRequest, bad_request(case)),
        401 => (
            Verdict::AuthenticationRequired,
            "the server asks for credentials (401)".to_owned(),
        ),
        403 => (
            Verdict::Forbidden,
            match origin {
                Some(origin) => format!(
                    "the server forbids it (403): perhaps it does not take requests from the Origin {origin}"
                ),
                None => "the server forbids it (403)".to_owned(),
            },
        ),
        404 | 410 => (
            Verdict::NotFound,
            match &*target {
                "" => format!("there is nothing at the path that was asked for ({status})"),
                target => format!("there is nothing at {target} ({status})"),
            },
        ),
        407 => (
            Verdict::ProxyAuthenticationRequired,
            "a proxy asks for a user name and password (407)".to_owned(),
        ),
        502 => (
            Verdict::BadGateway,
            "the proxy could not reach the server behind it, or not understand its answer (502)"
                .to_owned(),
        ),
        503 => (
            Verdict::ServerUnavailable,
            "no server is available to take the request (503)".to_owned(),
        ),
        504 => (
            Verdict::GatewayTimeout,
            "the server behind the proxy did not answer in time (504)".to_owned(),
        ),
        501 => (
            Verdict::ServerError,
            format!(
                "the server does not implement what it was asked for (501): it has no WebSocket at {target}, or takes none as this request asks for it{}",
                without_subprotocol(case)
            ),
        ),
        500..=599 => (
            Verdict::ServerError,
            match without_websockets(response).filter(|_| status == 500) {
                Some(what) => format!(
                    "the server failed inside (500): perhaps since {what}, and the application's library for them cannot have the socket"
                ),
                None => format!("the server failed inside ({status})"),
            },
        ),
        _ => (
            Verdict::UpgradeRefused,
            format!("the server answered {status} and not 101"),
        ),
    }
}

/// What a 400 without a word of its cause comes from, as far as the request shows it.
fn bad_request(case: &Case<'_>) -> String {
    let plain = "the server refuses the request as malformed (400)";
    let foreign = case.request().and_then(|request| {
        let origin = request.value("Origin")?;
        (!is_same_origin(origin, request)).then_some(origin)
    });
    match foreign {
        Some(origin) => format!(
            "{plain}; some refuse so an Origin that they do not take, and {} is not the host's own",
            escape::preview(origin, 60)
        ),
        None => plain.to_owned(),
    }
}

/// What a request without a subprotocol may lack.
fn without_subprotocol(case: &Case<'_>) -> &'static str {
    let offered = case
        .request()
        .and_then(|head| head.value("Sec-WebSocket-Protocol"));
    match offered {
        Some(_) => "",
        None => ", which offers no subprotocol",
    }
}

/// Whether an answer says that it has no content.
fn is_empty(response: &Head) -> bool {
    response.value("Content-Length") == Some(b"0")
}

/// An answer that refuses, where nothing of what the client sent was captured: if it was to an upgrade, this is why.
pub(super) fn alone(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let server = &flow.sides.server;
    let is_alone = attempt.connection.is_none() && flow.sides.client.packets == 0;
    if !is_alone || !is_refusal(&server.opening) {
        return None;
    }
    let HeadStatus::Complete { head, .. } = parse_head(&server.opening, &Limits::default()) else {
        return None;
    };
    let status = head.status()?;
    let (verdict, sentence) = judge(case, &head, status);
    let sentence = format!(
        "{sentence}; the request was not captured, so it may have asked for something else"
    );
    let line = format!("{status} {}", escape::preview(head.reason(), 60));
    let found = Found::possible(verdict, sentence).at(server.first_data, line);
    Some(found.header(Some(&head), "Server", server.first_data))
}

/// What kind of redirection it is.
fn why(location: &str, target: &str) -> &'static str {
    let path = match location.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/", |at| &rest[at..]),
        None => location,
    };
    if path.strip_suffix('/') == Some(target) {
        "; the path lacks its trailing slash"
    } else if ["login", "signin", "auth"]
        .iter()
        .any(|word| path.contains(word))
    {
        "; it wants a login first"
    } else if location.starts_with("https:") || location.starts_with("wss:") {
        "; it wants TLS (wss)"
    } else {
        ""
    }
}

/// Shortest wait for an answer that says something, in seconds.
const PATIENCE: f64 = 1.0;

/// No answer to the request, and how that ended.
pub(super) fn silence(case: &Case<'_>) -> Option<Found> {
    if !case.is_unanswered() {
        return None;
    }
    let attempt = case.attempt;
    let asked = attempt.request_at()?;
    let flow = attempt.flow.as_ref()?;
    let server = &flow.sides.server;
    if server.packets == 0 {
        // Only what the client sent was captured.
        return None;
    }
    let found = match attempt.end() {
        Some((Side::Server, end)) if server.reset.is_some_and(|reset| reset.at == end) => {
            let waited = end.time.since(asked.time);
            let found = Found::certain(
                Verdict::ResetOnUpgrade,
                format!(
                    "the connection was reset {} after the upgrade request was sent, without an answer{}",
                    seconds(waited),
                    or_other_port(case, waited)
                ),
            );
            after_waiting(found, waited).at(Some(end), "RST")
        }
        Some((Side::Server, end)) => left(case, asked, end),
        Some((Side::Client, end)) => {
            let waited = end.time.since(asked.time);
            let found = match (waited as f64) < PATIENCE * 1e9 {
                true => Found::likely(
                    Verdict::NoAnswer,
                    format!(
                        "the client itself ended the connection {} its upgrade request, before the server answered",
                        after(waited)
                    ),
                ),
                false => Found::certain(
                    Verdict::NoAnswer,
                    format!(
                        "the server never {} the upgrade request; the client gave up after {}",
                        what_was_due(case),
                        seconds(waited)
                    ),
                ),
            };
            with_acknowledgement(case, found).at(Some(end), "the client ends the connection")
        }
        None if case.watched(asked.time) >= PATIENCE => {
            let sentence = format!(
                "the server {} the upgrade request for {:.1} s",
                how_silent(case),
                case.watched(asked.time)
            );
            with_acknowledgement(case, Found::likely(Verdict::NoAnswer, sentence))
        }
        None => return None,
    };
    Some(found.at(Some(asked), "the upgrade request"))
}

/// The server ended the connection in order, without an answer.
fn left(case: &Case<'_>, asked: Seen, end: Seen) -> Found {
    let certain = |sentence: String| Found::certain(Verdict::ClosedWithoutAnswer, sentence);
    let waited = end.time.since(asked.time);
    let target = case.request().map_or(&b""[..], Head::target);
    let found = if end.packet < asked.packet {
        certain(
            "the server closed the connection as soon as it was open, before the upgrade request reached it: it does not take this client (a filter of addresses, a limit on connections), or it is a balancer with no server behind it".to_owned(),
        )
    } else if ENGINE_IO.contains(&waited) && !contains(target, b"transport=websocket") {
        let sentence = format!(
            "the server closed the connection {} after the upgrade request, without an answer: Socket.IO (Engine.IO) does so with upgrades for another path than its own",
            seconds(waited)
        );
        certain(sentence).when(Situation::NotForEngineIo)
    } else {
        let sentence = format!(
            "the server closed the connection{} without answering the upgrade request{}",
            after_a_while(waited),
            or_other_port(case, waited)
        );
        after_waiting(certain(sentence), waited)
    };
    found.at(Some(end), "FIN of the server")
}

/// How long Engine.IO leaves an upgrade open that nobody takes, in nanoseconds: its `destroyUpgradeTimeout` is one second.
const ENGINE_IO: RangeInclusive<i64> = 990_000_000..=1_100_000_000;

/// Protocols that have a port of their own, too, by the beginning of their subprotocols.
const PROTOCOLS: &[(&str, &str)] = &[
    ("mqtt", "MQTT"),
    ("amqp", "AMQP"),
    ("v10.stomp", "STOMP"),
    ("v11.stomp", "STOMP"),
    ("v12.stomp", "STOMP"),
    ("xmpp", "XMPP"),
    ("sip", "SIP"),
];

/// Whether what ended the connection came later than a filter or a parser would, in nanoseconds.
fn is_late(waited: i64) -> bool {
    waited as f64 >= PATIENCE * 1e9
}

/// How long the server had the request before it left, where that says something.
fn after_a_while(waited: i64) -> String {
    match is_late(waited) {
        true => format!(", {} after it had it,", seconds(waited)),
        false => String::new(),
    }
}

/// An end without an answer, with whether the server had time to work on the request.
fn after_waiting(found: Found, waited: i64) -> Found {
    match is_late(waited) {
        true => found.when(Situation::AfterWaiting),
        false => found,
    }
}

/// What else a port may be that leaves at once: one of TLS, or of the protocol that the subprotocol names, without WebSockets.
fn or_other_port(case: &Case<'_>, waited: i64) -> String {
    if is_late(waited) {
        return String::new();
    }
    let mut offered = case
        .request()
        .into_iter()
        .flat_map(|head| head.list("Sec-WebSocket-Protocol"));
    let named = offered.find_map(|name| {
        let mut protocols = PROTOCOLS.iter();
        protocols.find(|(start, _)| name.to_ascii_lowercase().starts_with(start.as_bytes()))
    });
    let tls = "; a port that wants TLS (wss) does the same";
    named.map_or_else(
        || tls.to_owned(),
        |(_, protocol)| {
            format!("{tls}, and so does the port of {protocol} itself, without WebSockets")
        },
    )
}

/// A silence with what the server's TCP did meanwhile, on which the fix depends.
fn with_acknowledgement(case: &Case<'_>, found: Found) -> Found {
    match is_acknowledged(case) {
        true => found.when(Situation::Acknowledged),
        false => found.when(Situation::NotAcknowledged),
    }
}

/// What the server did not even do with the request.
fn what_was_due(case: &Case<'_>) -> &'static str {
    match is_acknowledged(case) {
        true => "answered",
        false => "even acknowledged",
    }
}

/// What the server's TCP did with the request that its program did not answer.
fn how_silent(case: &Case<'_>) -> &'static str {
    match is_acknowledged(case) {
        true => "acknowledged and did not answer",
        false => "never even acknowledged",
    }
}

/// Whether the server's TCP took the request.
fn is_acknowledged(case: &Case<'_>) -> bool {
    let client = case.attempt.flow.as_ref().map(|flow| &flow.sides.client);
    client.is_some_and(EndSummary::is_acknowledged)
}

/// A duration for a sentence.
pub(super) fn seconds(nanoseconds: i64) -> String {
    match nanoseconds {
        ..1_000_000 => "at once".to_owned(),
        1_000_000..1_000_000_000 => format!("{} ms", nanoseconds / 1_000_000),
        _ => format!("{:.1} s", nanoseconds as f64 / 1e9),
    }
}

/// How much time after something, for a sentence.
fn after(nanoseconds: i64) -> String {
    match nanoseconds {
        ..1_000_000 => "right after".to_owned(),
        more => format!("{} after", seconds(more)),
    }
}

/// How much later something was, for a sentence.
pub(super) fn later(nanoseconds: i64) -> String {
    match nanoseconds {
        ..1_000_000 => "at once".to_owned(),
        more => format!("{} later", seconds(more)),
    }
}
