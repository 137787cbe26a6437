//! HTTP: plain requests to a port that wants TLS, by the client or by a proxy before the server.

use crate::base::{Head, Side};
use crate::insight::case::{Case, Found};
use crate::insight::facts::inside;
use crate::insight::fix::Situation;
use crate::insight::software::contains;
use crate::insight::verdict::Verdict;

use super::answer::{body_line, refusal, says};
use super::hop::passed_a_hop;

/// Pages of servers that got plain HTTP at a port for TLS: what they say, and what their `Server` header names.
const PAGES: &[(&str, &str)] = &[
    ("HTTP request was sent to HTTPS port", "nginx"),
    ("speaking plain HTTP to an SSL", "Apache"),
    ("speaking plain HTTP to a TLS", "Apache"),
    // Go writes no header at all.
    ("HTTP request to an HTTPS server", ""),
    ("This combination of host and port requires TLS", ""),
];

/// Who speaks plain HTTP to whom.
enum Speaker {
    Client,
    /// A proxy that the client asked.
    ProxyBehind,
    /// A proxy, to this server.
    ProxyHere,
    /// Either the client, or a proxy that it asked.
    Either,
}

/// A page that says so, or a TLS alert in answer.
pub(super) fn answered(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let request = case.request()?;
    let opening = inside(flow).1;
    let is_alert = matches!(opening.get(..2), Some([0x15, 3]));
    let mut pages = PAGES.iter();
    let page = pages.find(|(text, _)| case.is_refused() && says(case, text));
    if !is_alert && page.is_none() || request.method().is_empty() {
        return None;
    }
    let port = case.attempt.server.port();
    let speaker = match page {
        Some((_, author)) => speaker(case, request, author),
        None if passed_a_hop(request) => Speaker::ProxyHere,
        None => Speaker::Client,
    };
    let asked = case.attempt.request_at();
    let found = said(case, &speaker, port);
    let found = match speaker {
        Speaker::ProxyBehind => found.at(asked, "the upgrade request"),
        _ => found.at(asked, "the upgrade request, not encrypted"),
    };
    Some(match page {
        Some((text, _)) => body_line(case, refusal(case, found), text),
        None => found.at(
            flow.sides.server.first_data,
            "the server answers with a TLS alert",
        ),
    })
}

fn said(case: &Case<'_>, speaker: &Speaker, port: u16) -> Found {
    let plain = |sentence: String| Found::certain(Verdict::PlainToTlsPort, sentence);
    match speaker {
        Speaker::Client => plain(format!(
            "the client speaks plain HTTP (ws) to port {port}, which wants TLS (wss)"
        )),
        Speaker::ProxyHere => plain(format!(
            "the proxy that passes the request on speaks plain HTTP to port {port}, which wants TLS"
        ))
        .when(Situation::ProxyToHere),
        Speaker::ProxyBehind => {
            let proxy = case.software().map_or_else(
                || "the proxy that answers here".to_owned(),
                |(software, line)| format!("the proxy here ({}: {line})", software.name()),
            );
            plain(format!(
                "{proxy} speaks plain HTTP to the server behind it, which wants TLS; what the client does is right"
            ))
            .when(Situation::BehindProxy)
        }
        Speaker::Either => Found::likely(
            Verdict::PlainToTlsPort,
            format!(
                "the client speaks plain HTTP (ws) to port {port}, which wants TLS (wss); where a proxy listens there, it may be that one, towards the server behind it"
            ),
        ),
    }
}

/// Who it is, where a server refuses with a page; the author's name stands in its `Server` header.
fn speaker(case: &Case<'_>, request: &Head, author: &str) -> Speaker {
    let connection = case.attempt.connection.as_ref();
    if connection.is_some_and(|connection| connection.is_encrypted) {
        return Speaker::ProxyBehind;
    }
    if passed_a_hop(request) {
        return Speaker::ProxyHere;
    }
    let Some(response) = case.response() else {
        return Speaker::Client;
    };
    let server = response.value("Server");
    let is_foreign = match (server, author) {
        (Some(server), author) if !author.is_empty() => !contains(server, author.as_bytes()),
        (server, "") => server.is_some() || response.minor_version > 0,
        _ => false,
    };
    let is_proxy = is_foreign || response.value("Via").is_some();
    match is_proxy {
        true => Speaker::ProxyBehind,
        // A program that may be the proxy as well as the server.
        false if !author.is_empty() && !is_tls_port(case.attempt.server.port()) => Speaker::Either,
        false => Speaker::Client,
    }
}

/// Whether a port speaks TLS by custom.
fn is_tls_port(port: u16) -> bool {
    matches!(port, 443 | 4443 | 6443 | 7443 | 8443 | 9443 | 10443)
}

/// The same where the server only ends the connection: the port, or what others say to it, tells.
pub(super) fn silent(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let (side, end) = attempt.end()?;
    if !case.is_unanswered() || side != Side::Server || flow.sides.server.first_data.is_some() {
        return None;
    }
    let port = attempt.server.port();
    let other = case.all.speaks_tls(attempt.server);
    let why = match other {
        Some(_) => "where others speak TLS",
        None if is_tls_port(port) => "which is one for TLS by custom",
        None => return None,
    };
    let is_proxy = case.request().is_some_and(passed_a_hop);
    let who = match is_proxy {
        true => "the proxy that passes the request on speaks plain HTTP",
        false => "the client speaks plain HTTP (ws)",
    };
    let sentence = format!(
        "{who} to port {port}, {why}: the server ended the connection without a word; it wants TLS (wss)"
    );
    let found = Found::likely(Verdict::PlainToTlsPort, sentence)
        .at(attempt.request_at(), "the upgrade request, not encrypted")
        .at(Some(end), "FIN or RST, and no answer before it");
    let found = match is_proxy {
        true => found.when(Situation::ProxyToHere),
        false => found,
    };
    Some(match other {
        Some(seen) => found.at(
            Some(seen),
            "another connection to this port begins with TLS",
        ),
        None => found,
    })
}
