//! HTTP: refusals whose page says more than their status: a session that another node opened, a login page of the
//! network, too many requests, and the pages of applications that saw no upgrade.

use crate::base::{Head, escape};
use crate::insight::case::{Case, Found};
use crate::insight::software::{Software, contains};
use crate::insight::verdict::Verdict;

use super::answer::{first_line, refusal, says};
use super::request::names_upgrade;

/// An Engine.IO server that does not know the session of the request (error code 1).
pub(super) fn session_unknown(case: &Case<'_>) -> Option<Found> {
    if !case.is_refused() || !says(case, "Session ID unknown") {
        return None;
    }
    let sentence = "the server does not know the session that the upgrade belongs to: another node opened it, or the server was restarted since";
    let found = Found::certain(Verdict::SessionUnknown, sentence).at(
        case.attempt.request_at(),
        "the upgrade request names its session (sid)",
    );
    Some(first_line(case, refusal(case, found)))
}

/// A page to log in to the network stands in for the server (RFC 6585 section 6, or a page with status 200).
pub(super) fn captive_portal(case: &Case<'_>) -> Option<Found> {
    if !case.is_refused() {
        return None;
    }
    let status = case.response()?.status()?;
    let says_so = [
        "captive",
        "hotspot",
        "network access",
        "network login",
        "wi-fi login",
        "wlan login",
    ]
    .iter()
    .any(|text| says(case, text));
    let asks_for_login = says(case, "<form")
        && (says(case, "password") || says(case, "log in") || says(case, "login"));
    let found = match status {
        511 => Found::certain(
            Verdict::CaptivePortal,
            "the network wants a login first: a captive portal answers in the server's place (511)",
        ),
        200 if says_so => Found::likely(
            Verdict::CaptivePortal,
            "a page to log in to the network answers in the server's place (200): a captive portal",
        ),
        200 if asks_for_login => Found::possible(
            Verdict::CaptivePortal,
            "a login page answers in the server's place (200): a captive portal of the network, or the application's own login",
        ),
        _ => return None,
    };
    let found = found.at(case.attempt.request_at(), "the upgrade request");
    Some(first_line(case, refusal(case, found)))
}

/// The server speaks TLS and wants a certificate of the client, which it says in an HTTP answer, as nginx does.
pub(super) fn client_certificate(case: &Case<'_>) -> Option<Found> {
    let texts = [
        "No required SSL certificate was sent",
        "The SSL certificate error",
        "client certificate required",
    ];
    if !case.is_refused() || !texts.iter().any(|text| says(case, text)) {
        return None;
    }
    let sentence = "the server wants a TLS certificate of the client, and got none that it takes";
    let found = Found::certain(Verdict::TlsClientCertificateRequired, sentence)
        .at(case.attempt.request_at(), "the upgrade request");
    Some(first_line(case, refusal(case, found)))
}

/// Too many requests (RFC 6585 section 4).
pub(super) fn rate_limited(case: &Case<'_>) -> Option<Found> {
    let response = case.response()?;
    if !case.is_refused() || response.status() != Some(429) {
        return None;
    }
    let sentence = "the server, or a hop before it, has had too many requests of this client (429)";
    let found = Found::certain(Verdict::RateLimited, sentence)
        .at(case.attempt.request_at(), "the upgrade request");
    let found =
        refusal(case, found).header(Some(response), "Retry-After", case.attempt.response_at());
    Some(first_line(case, found))
}

/// What applications answer to an ordinary request for the path of a WebSocket.
const PAGES: &[(&str, &str)] = &[
    ("Cannot GET /", "Express"),
    ("{\"detail\":\"Not Found\"}", "FastAPI"),
    ("\"code\":3,\"message\":\"Bad request\"", "Socket.IO"),
    ("\"code\":0,\"message\":\"Transport unknown\"", "Socket.IO"),
    (
        "websocket: the client is not using the websocket protocol",
        "gorilla/websocket",
    ),
    ("not using the websocket protocol", "gorilla/websocket"),
    (
        "The browser (or proxy) sent a request that this server could not understand",
        "Flask",
    ),
    (
        "The requested URL was not found on the server. If you entered the URL manually",
        "Flask",
    ),
    (
        "<h1>Not Found</h1><p>The requested resource was not found on this server.</p>",
        "Django",
    ),
    ("Can \"Upgrade\" only to \"WebSocket\"", "Tornado"),
    ("Whitelabel Error Page", "Spring"),
    ("\"status\":404,\"error\":\"Not Found\"", "Spring"),
    ("No route matches", "Rails"),
    ("Failed to open a WebSocket connection", "websockets"),
    ("Welcome to SockJS", "SockJS"),
];

/// The client asked rightly, and what answers is a hop, or an application that saw an ordinary request. A wrong path looks
/// the same.
pub(super) fn stripped_on_the_way(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    let status = response.status()?;
    let is_whole = names_upgrade(request)
        && request.has_token("Connection", "upgrade")
        && request.value("Sec-WebSocket-Version") == Some(b"13")
        && case.attempt.noted(crate::base::Code::KeyInvalid).is_none();
    if !case.is_refused() || !is_whole || !matches!(status, 200 | 400 | 404 | 405 | 410 | 501) {
        return None;
    }
    let hop = hop_of(case, response);
    let page = PAGES.iter().find(|(text, _)| says(case, text));
    let asked = case.attempt.request_at();
    let target = escape::preview(request.target(), 60);
    let what = match status {
        200 => "a page (200)".to_owned(),
        status => status.to_string(),
    };
    // A WebSocket server names the version that it was asked for, and yet refuses.
    let mut versions = response.list("Sec-WebSocket-Version");
    let names_version = status == 400 && versions.any(|version| version == b"13");
    let (who, found): (_, fn(Verdict, String) -> Found) = match (&hop, page) {
        (None, None) if names_version => (
            "a hop did not pass Upgrade and Connection on, so that the WebSocket server saw an ordinary request"
                .to_owned(),
            Found::likely,
        ),
        (None, None) => return None,
        (Some((software, line)), _) => (
            format!(
                "{} ({line}) did not pass Upgrade and Connection on",
                software.name()
            ),
            Found::likely,
        ),
        (None, Some((_, framework))) => (
            format!(
                "a hop did not pass Upgrade and Connection on, so that {framework} saw an ordinary request"
            ),
            Found::likely,
        ),
    };
    let sentence = format!(
        "probably {who}, and the server answered {what} as to an ordinary request; a wrong path ({target}) looks the same: `curl` with the same headers straight to the server behind, or a capture there, tells them apart"
    );
    let found = found(Verdict::UpgradeNotForwarded, sentence).at(
        asked,
        "the client's request has Upgrade: websocket, Connection: Upgrade and version 13",
    );
    let found = match hop {
        // A refusal cites the headers Server and Via itself.
        Some((_, line)) if !line.starts_with("Server:") && !line.starts_with("Via:") => {
            found.at(case.attempt.response_at(), line)
        }
        _ => found,
    };
    Some(first_line(case, refusal(case, found)))
}

/// The hop that the answer's head names. A `Server` of a program that also serves files itself is a hop only where the page
/// is not its own.
fn hop_of(case: &Case<'_>, response: &Head) -> Option<(Software, String)> {
    let body = case.attempt.response_body();
    let (software, line) = Software::named_by(response, body)?;
    let by_server = line.starts_with("Server:");
    let own_page = [
        "<center>nginx",
        "<address>Apache",
        "was not found on this server",
        "Welcome to nginx",
        "<h1>It works!</h1>",
        "Your browser sent a request that this server could not understand",
        "squid-internal",
    ]
    .iter()
    .any(|text| contains(body, text.as_bytes()));
    (!(by_server && own_page)).then_some((software, line))
}
