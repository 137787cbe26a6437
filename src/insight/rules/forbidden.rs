//! HTTP: 403, and whom it is about: the page's origin, the host that a proxy puts in, a rule, the application itself.

use crate::base::{Head, escape};
use crate::http::is_same_origin;
use crate::insight::case::{Case, Found};
use crate::insight::fix::Situation;
use crate::insight::software::{Software, contains};
use crate::insight::verdict::Verdict;

use super::answer::{first_line, refusal, says};
use super::bodies::hop_of;
use super::hop::passed_a_hop;

/// What servers say when it is the origin that they refuse.
const ORIGINS: &[&str] = &[
    "cross origin",
    "cross-origin",
    "origin not allowed",
    "origin is not allowed",
    "invalid origin",
    "origin mismatch",
    "checkorigin",
    "not authorized for host",
    "origin header",
];

/// The server forbids the upgrade.
pub(super) fn forbidden(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    if !case.is_refused() || response.status() != Some(403) {
        return None;
    }
    let (sentence, situation) = reason(case, request, response);
    let found = Found::certain(Verdict::Forbidden, sentence)
        .at(case.attempt.request_at(), "the upgrade request");
    let found = situation.into_iter().fold(found, Found::when);
    let asked = case.attempt.request_at();
    let found = match request.value("Origin") {
        Some(_) => {
            found
                .header(Some(request), "Origin", asked)
                .header(Some(request), "Host", asked)
        }
        None => found,
    };
    Some(first_line(case, refusal(case, found)))
}

/// Why, as far as request and answer show it.
fn reason(case: &Case<'_>, request: &Head, response: &Head) -> (String, Option<Situation>) {
    let plain = |sentence: &str| (sentence.to_owned(), None);
    if says(case, "Request forbidden by administrative rules") {
        return plain("a rule of HAProxy forbids the request (403)");
    }
    let names_origin = ORIGINS.iter().any(|text| says(case, text));
    let Some(origin) = request.value("Origin") else {
        return match (names_origin, application_server(response)) {
            (true, _) => plain("the server forbids it (403), since the request names no Origin"),
            (false, Some(server)) => (
                format!(
                    "the server forbids it (403): {server} says so when the application closes before it accepts, and for paths without a WebSocket"
                ),
                None,
            ),
            (false, None) => plain("the server forbids it (403)"),
        };
    };
    let host = request.value("Host").or(request.value(":authority"));
    let (shown, host) = (
        escape::preview(origin, 60),
        escape::preview(host.unwrap_or_default(), 60),
    );
    let is_same = is_same_origin(origin, request);
    let own = own_page(case, response);
    match hop_of(case, response) {
        None if own.is_some() && !names_origin => (
            format!(
                "{} itself forbids it (403): a rule there (deny, Require, a list of addresses) does not take this client or this path",
                own.unwrap_or_default()
            ),
            None,
        ),
        Some((software, _)) if is_same => (
            format!(
                "the server forbids it (403), though the Origin {shown} is the host's own: probably {} passes another Host on, and the server compares that with Origin",
                software.name()
            ),
            Some(Situation::HostChanged),
        ),
        _ if is_same && names_origin => (
            format!(
                "the server does not take the Origin {shown} (403), though it is the host's own: a proxy before the server passes another Host on, or its list lacks this one"
            ),
            Some(Situation::HostChanged),
        ),
        _ if is_same => (
            format!(
                "the server forbids it (403): perhaps it does not take requests from the Origin {shown}"
            ),
            None,
        ),
        _ if passed_a_hop(request) => (
            format!(
                "the server forbids it (403): perhaps it compares the Origin {shown} with the Host {host}, which the proxy before it changed; or it is a page of another site"
            ),
            Some(Situation::HostChanged),
        ),
        _ => (
            format!(
                "the server forbids it (403): perhaps it does not take requests from the Origin {shown}, which is not the Host {host} that it is asked for: a page of another site, or a proxy before the server changed Host"
            ),
            Some(Situation::HostChanged),
        ),
    }
}

/// The program whose own page an answer has.
fn own_page(case: &Case<'_>, response: &Head) -> Option<&'static str> {
    let (software, _) = Software::named_by(response, case.attempt.response_body())?;
    hop_of(case, response).is_none().then_some(software.name())
}

/// The program that runs an application of Python and answers 403 for it, without a page of its own.
fn application_server(response: &Head) -> Option<&'static str> {
    let server = response.value("Server").unwrap_or_default();
    if contains(server, b"uvicorn") {
        return Some("uvicorn");
    }
    if contains(server, b"hypercorn") {
        return Some("Hypercorn");
    }
    (response.reason() == b"Access denied").then_some("Daphne")
}
