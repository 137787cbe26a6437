//! CONNECT: does the proxy open the tunnel?

use crate::base::{Head, escape};
use crate::engine::Seen;
use crate::http;
use crate::insight::case::{Case, Found};
use crate::insight::verdict::Verdict;

/// Shortest wait for an answer that says something, in seconds.
const PATIENCE: f64 = 1.0;

/// a CONNECT and nothing back.
pub(super) fn unanswered(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let client = &flow.sides.client;
    if case.attempt.connection.is_some() || !client.opening.starts_with(b"CONNECT ") {
        return None;
    }
    let asked = client.first_data?;
    let ended = case.attempt.end().is_some();
    if flow.sides.server.first_data.is_some() || !ended && case.watched(asked.time) < PATIENCE {
        return None;
    }
    let line = client
        .opening
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    let line = escape::preview(line, 100);
    let sentence = "the proxy was asked for a tunnel (CONNECT) and did not answer";
    Some(Found::certain(Verdict::ConnectUnanswered, sentence).at(client.first_data, line))
}

/// A CONNECT answered by what is no HTTP.
pub(super) fn no_proxy(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let answer = &server.opening[..];
    let is_http = answer.is_empty() || b"HTTP/1.".starts_with(&answer[..answer.len().min(7)]);
    if case.attempt.connection.is_some() || !client.opening.starts_with(b"CONNECT ") || is_http {
        return None;
    }
    let who = match answer {
        [5, 0xff, ..] => "it answers as a SOCKS 5 server does",
        [0, 0x5a..=0x5d, ..] => "it answers as a SOCKS 4 server does",
        _ => "its answer is no HTTP",
    };
    let sentence = format!("what was asked for a tunnel (CONNECT) is no HTTP proxy: {who}");
    let line = client.opening.split(|byte| *byte == b'\r').next();
    let quoted = escape::preview(answer.get(..answer.len().min(60))?, 60);
    Some(
        Found::certain(Verdict::ConnectUnsupported, sentence)
            .at(
                client.first_data,
                escape::preview(line.unwrap_or_default(), 100),
            )
            .quoting(server.first_data, "the answer: ", &quoted),
    )
}

/// The proxy refused the CONNECT: its port or host is not allowed, it wants a login, or it cannot reach the server.
pub(super) fn refused(case: &Case<'_>) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    if connection.handshake.is_some() {
        return None;
    }
    let tunnel = connection.tunnel.as_ref()?;
    let (request, response) = tunnel.heads()?;
    let response = response?;
    let status = response.head.status()?;
    let target = escape::preview(request.head.target(), 80);
    let port = http::connect_target(&request.head).and_then(|target| target.port);
    let (verdict, sentence) = judge(&request.head, response.head.reason(), status, port, &target);
    let seen = |head: &crate::engine::SeenHead| {
        Some(Seen {
            packet: head.packet,
            time: head.time,
        })
    };
    let reason = escape::preview(response.head.reason(), 60);
    let answer = Some(&response.head);
    Some(
        Found::certain(verdict, sentence)
            .at(seen(request), format!("CONNECT {target}"))
            .at(seen(response), format!("{status} {reason}"))
            .header(answer, "Proxy-Authenticate", seen(response))
            .header(answer, "X-Squid-Error", seen(response)),
    )
}

/// The CONNECT was answered 200, and what is inside of the tunnel was answered by the same program: a web server, for which a
/// CONNECT is a request as any other.
pub(super) fn answers_itself(case: &Case<'_>) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    let tunnel = connection.tunnel.as_ref()?;
    let (request, answer) = tunnel.heads()?;
    let answer = answer?;
    let (response, server) = (case.response()?, answer.head.value("Server")?);
    if !case.is_refused() || response.value("Server") != Some(server) {
        return None;
    }
    let sentence = format!(
        "what was asked for a tunnel is no proxy: it answers CONNECT with {} and then the upgrade inside itself ({})",
        answer.head.status().unwrap_or_default(),
        response.status().unwrap_or_default()
    );
    let target = escape::preview(request.head.target(), 80);
    Some(
        Found::likely(Verdict::ConnectUnsupported, sentence)
            .at(Some(request.at()), format!("CONNECT {target}"))
            .header(Some(&answer.head), "Server", Some(answer.at()))
            .header(Some(response), "Server", case.attempt.response_at()),
    )
}

fn judge(
    request: &Head,
    reason: &[u8],
    status: u16,
    port: Option<u16>,
    target: &str,
) -> (Verdict, String) {
    let has_host = request.value("host").is_some() && request.minor_version > 0;
    let credentials = request.value("proxy-authorization").is_some();
    // tinyproxy says so of clients and hosts that it does not allow, and `Access violation` of ports.
    let is_about_client = matches!(reason, b"Access denied" | b"Filtered");
    match status {
        407 if credentials => (
            Verdict::ProxyAuthenticationRequired,
            "the proxy does not accept the client's user name and password (407)".to_owned(),
        ),
        407 => (
            Verdict::ProxyAuthenticationRequired,
            "the proxy asks for a user name and password (407), and the client sent none"
                .to_owned(),
        ),
        400 | 403 | 411 if !has_host => (
            Verdict::ConnectWithoutHost,
            format!("the proxy refuses a CONNECT in HTTP/1.0 or without a Host header ({status})"),
        ),
        403 if port != Some(443) && !is_about_client => (
            Verdict::ConnectPortForbidden,
            format!(
                "the proxy refuses a tunnel to {target} (403): mostly it allows CONNECT to other ports only, such as 443"
            ),
        ),
        403 => (
            Verdict::ConnectForbidden,
            format!("the proxy forbids a tunnel to {target} (403)"),
        ),
        400 | 404 | 405 | 501 | 200..=399 => (
            Verdict::ConnectUnsupported,
            format!(
                "what was asked for a tunnel does not take CONNECT ({status}): it is no proxy, or not one for tunnels"
            ),
        ),
        500 | 502..=504 => (
            Verdict::ConnectUnreachable,
            format!("the proxy cannot reach {target} ({status})"),
        ),
        _ => (
            Verdict::ConnectRefused,
            format!("the proxy refuses a tunnel to {target} ({status})"),
        ),
    }
}
