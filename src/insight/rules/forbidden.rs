//! HTTP: 403, and whom it is about: the page's origin, the host that a proxy puts in, a rule, a limit, the application itself;
//! and other refusals that say that it is the origin.

use crate::base::{Head, escape};
use crate::http::is_same_origin;
use crate::insight::case::{Case, Found};
use crate::insight::fix::Situation;
use crate::insight::software::{Software, contains};
use crate::insight::verdict::Verdict;

use super::answer::{MESSAGE, first_line, refusal, says};
use super::bodies::{hop_of, is_own_page};
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
    "accepted origin",
];

/// The server forbids the upgrade, or refuses it otherwise and names the origin.
pub(super) fn forbidden(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    let status = response.status()?;
    let names_origin = names_origin(case, response);
    // Others speak of origins, too: a 404 or 421 is of the server behind a cache.
    let is_forbidden = status == 403 || names_origin && matches!(status, 400 | 401);
    if !case.is_refused() || !is_forbidden {
        return None;
    }
    if let Some(found) = limited(case, response) {
        return Some(found);
    }
    let reason = Reason {
        case,
        request,
        response,
        status,
        names_origin,
    };
    let (sentence, situation) = reason.told();
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

/// Whether the answer says that it is about the origin: in words that are known, or as a word of a short message.
fn names_origin(case: &Case<'_>, response: &Head) -> bool {
    let body = case.answer_body();
    let is_word = |text: &[u8]| {
        let mut words = text.split(|byte| !byte.is_ascii_alphanumeric());
        words.any(|word| word.eq_ignore_ascii_case(b"origin"))
    };
    ORIGINS.iter().any(|text| says(case, text))
        || body.len() <= MESSAGE && is_word(body)
        || is_word(response.reason())
}

/// A web server's own 403 to what it passed on otherwise: it counts requests, and bans who sends too many.
fn limited(case: &Case<'_>, response: &Head) -> Option<Found> {
    let own = own_page(case, response)?;
    let passed = case.all.accepted_plainly(case.attempt.server)?;
    let sentence = format!(
        "{own} itself refuses (403) what it passed on otherwise: probably a limit or a ban of this client after too many requests (mod_evasive, ModSecurity, fail2ban)"
    );
    let found = Found::likely(Verdict::RateLimited, sentence)
        .when(Situation::BannedByServer)
        .at(case.attempt.request_at(), "the upgrade request")
        .at(passed.request_at(), "an upgrade that was accepted");
    Some(first_line(case, refusal(case, found)))
}

/// What is known of a refusal that may be about the origin.
struct Reason<'a, 'c> {
    case: &'a Case<'c>,
    request: &'a Head,
    response: &'a Head,
    status: u16,
    names_origin: bool,
}

impl Reason<'_, '_> {
    /// Why, as far as request and answer show it.
    fn told(&self) -> (String, Option<Situation>) {
        if says(self.case, "Request forbidden by administrative rules") {
            let sentence = "a rule of HAProxy forbids the request (403)";
            return (sentence.to_owned(), Some(Situation::OwnRule));
        }
        let own = own_page(self.case, self.response).filter(|_| !self.names_origin);
        if let Some(own) = own {
            let sentence = format!(
                "{own} itself forbids it (403): a rule there (deny, Require, a list of addresses, an application firewall) does not take this client or this request"
            );
            return (sentence, Some(Situation::OwnRule));
        }
        match self.request.value("Origin") {
            Some(origin) => self.with_origin(origin),
            None => self.without_origin(),
        }
    }

    fn without_origin(&self) -> (String, Option<Situation>) {
        let status = self.status;
        match (self.names_origin, asgi_server(self.response)) {
            (true, _) => (
                format!("the server forbids it ({status}), since the request names no Origin"),
                None,
            ),
            (false, Some(server)) => (closed_by_application(server), Some(Situation::Application)),
            (false, None) => (
                "the server forbids it (403)".to_owned(),
                Some(Situation::NoOrigin),
            ),
        }
    }

    fn with_origin(&self, origin: &[u8]) -> (String, Option<Situation>) {
        let (request, status) = (self.request, self.status);
        let host = request.value("Host").or(request.value(":authority"));
        let shown = escape::preview(origin, 60);
        let host = escape::preview(host.unwrap_or_default(), 60);
        let is_same = is_same_origin(origin, request);
        let hop = hop_of(self.case, self.response);
        let server = asgi_server(self.response).filter(|_| hop.is_none());
        let changed = Some(Situation::HostChanged);
        if let Some((software, _)) = hop.filter(|_| is_same) {
            let sentence = format!(
                "the server forbids it ({status}), though the Origin {shown} is the host's own: probably {} passes another Host on, and the server compares that with Origin",
                software.name()
            );
            return (sentence, changed);
        }
        let foreign = format!(
            "which is not the Host {host} that it is asked for: a page of another site, or a proxy before the server changed Host"
        );
        match (self.names_origin, server) {
            (true, _) if is_same => (
                format!(
                    "the server does not take the Origin {shown} ({status}), though it is the host's own: a proxy before the server passes another Host on, or its list lacks this one"
                ),
                changed,
            ),
            (true, _) => (
                format!("the server does not take the Origin {shown} ({status}), {foreign}"),
                changed,
            ),
            (false, Some(server)) if is_same => {
                (closed_by_application(server), Some(Situation::Application))
            }
            (false, Some(server)) => (
                format!(
                    "{}; perhaps it does not take the Origin {shown}, {foreign}",
                    closed_by_application(server)
                ),
                Some(Situation::Application),
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
                changed,
            ),
            _ => (
                format!(
                    "the server forbids it (403): perhaps it does not take requests from the Origin {shown}, {foreign}"
                ),
                changed,
            ),
        }
    }
}

/// What a 403 of a server of applications says.
fn closed_by_application(server: &str) -> String {
    format!(
        "the server forbids it (403): {server} says so when the application closes before it accepts, and for paths without a WebSocket"
    )
}

/// The program whose own page an answer has.
fn own_page(case: &Case<'_>, response: &Head) -> Option<&'static str> {
    let body = case.answer_body();
    let (software, _) = Software::named_by(response, body)?;
    is_own_page(software, body).then_some(software.name())
}

/// The program that runs an application of Python and answers 403 for it, without a page of its own.
fn asgi_server(response: &Head) -> Option<&'static str> {
    let server = response.value("Server").unwrap_or_default();
    if contains(server, b"uvicorn") {
        return Some("uvicorn");
    }
    if contains(server, b"hypercorn") {
        return Some("Hypercorn");
    }
    if response.reason() == b"Access denied" {
        return Some("Daphne");
    }
    // uvicorn refuses by Python's library websockets, which names no server.
    let is_empty_text = response.value("Content-Length") == Some(b"0")
        && response.value("Content-Type") == Some(b"text/plain; charset=utf-8");
    (server.is_empty() && is_empty_text).then_some("uvicorn")
}
