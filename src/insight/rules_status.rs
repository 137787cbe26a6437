//! HTTP: what was the answer to the upgrade, and why?

use crate::base::{Code, Head, Side, escape};
use crate::engine::Outcome;

use super::diagnose::{Case, Found, the};
use super::software::{Software, contains};
use super::verdict::Verdict;

/// Whether Upgrade names websocket; a key alone makes a request an attempt, too.
pub(super) fn names_upgrade(request: &Head) -> bool {
    request.has_token("Upgrade", "websocket")
}

/// Shortest wait for an answer that says something, in seconds.
const PATIENCE: f64 = 1.0;

/// The refusal with the status line and what names the sender.
fn refusal(case: &Case<'_>, found: Found) -> Found {
    let at = case.attempt.response_at();
    let response = case.response();
    let found = match response {
        Some(head) => {
            let status = head.status().unwrap_or_default();
            found.at(
                at,
                format!("{status} {}", escape::preview(head.reason(), 60)),
            )
        }
        None => found,
    };
    ["Server", "Via", "X-Squid-Error"]
        .into_iter()
        .fold(found, |found, name| found.header(response, name, at))
}

fn says(case: &Case<'_>, text: &str) -> bool {
    contains(case.attempt.response_body(), text.as_bytes())
}

fn body_line(case: &Case<'_>, found: Found, text: &str) -> Found {
    let body = case.attempt.response_body();
    let line = body
        .split(|byte| *byte == b'\n')
        .find(|line| contains(line, text.as_bytes()));
    match line {
        Some(line) => {
            let line = escape::preview(line.trim_ascii(), 120);
            found.at(
                case.attempt.response_at(),
                format!("the answer says: {line}"),
            )
        }
        None => found,
    }
}

/// Plain HTTP to a port that wants TLS: a page that says so, or a TLS alert in answer.
pub(super) fn plain_to_tls_port(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let request = case.request()?;
    let opening = &flow.sides.server.opening;
    let is_alert = matches!(opening.get(..2), Some([0x15, 3]));
    let page = [
        "HTTPS port",
        "TLS-enabled",
        "speaking plain HTTP to an SSL",
        "HTTP request to an HTTPS server",
    ];
    let page = page
        .into_iter()
        .find(|text| says(case, text))
        .filter(|_| case.is_refused());
    if !is_alert && page.is_none() || request.method().is_empty() {
        return None;
    }
    let sentence = format!(
        "the client speaks plain HTTP (ws) to port {}, which wants TLS (wss)",
        case.attempt.server.port()
    );
    let found = Found::certain(Verdict::PlainToTlsPort, sentence).at(
        case.attempt.request_at(),
        "the upgrade request, not encrypted",
    );
    Some(match page {
        Some(text) => body_line(case, refusal(case, found), text),
        None => found.at(
            flow.sides.server.first_data,
            "the server answers with a TLS alert",
        ),
    })
}

/// F9: the upgrade was sent to a forward proxy as if it were the server.
pub(super) fn without_connect(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    let status = response.status()?;
    let is_origin_form = request.target().starts_with(b"/");
    let tunnelled = case.attempt.connection.as_ref()?.tunnel.is_some();
    let error = response.value("X-Squid-Error").unwrap_or_default();
    let is_squid = contains(error, b"ERR_INVALID_URL") || contains(error, b"ERR_INVALID_REQ");
    if !is_origin_form || tunnelled || !is_squid || !(400..500).contains(&status) {
        return None;
    }
    let sentence =
        "the upgrade request was sent straight to a forward proxy, without CONNECT before it";
    let line = escape::preview(request.target(), 80);
    Some(refusal(
        case,
        Found::certain(Verdict::UpgradeWithoutConnect, sentence).at(
            case.attempt.request_at(),
            format!("GET {line}: no CONNECT before it on this connection"),
        ),
    ))
}

/// Drafts up to hybi-03 send Key1 and Key2.
fn is_hixie(request: &Head) -> bool {
    request.value("Sec-WebSocket-Key1").is_some()
}

/// The eight bytes after the header of a hixie-76 request were never answered, or never came.
pub(super) fn draft_key_bytes(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    if !is_hixie(request) || case.is_accepted() {
        return None;
    }
    let flow = case.attempt.flow.as_ref()?;
    let opening = &flow.sides.client.opening;
    let head = memchr::memmem::find(opening, b"\r\n\r\n")? + 4;
    let after = opening.len() - head;
    let status = case.response().and_then(Head::status);
    let asked = case.attempt.request_at();
    if after < 8 && (case.is_unanswered() || status == Some(400)) {
        let sentence = format!(
            "the draft hixie-76 request came with {after} of its eight key bytes: an HTTP proxy in front holds back what follows the header"
        );
        return Some(
            Found::certain(Verdict::DraftKeyBytesMissing, sentence)
                .at(asked, "Sec-WebSocket-Key1: a draft from before RFC 6455")
                .at(
                    flow.sides.client.last_data,
                    format!("{after} bytes follow the header, eight belong there"),
                ),
        );
    }
    let gateway = matches!(status, Some(502 | 504));
    if after >= 8 && (case.is_unanswered() || gateway) {
        let sentence = "the client speaks the draft hixie-76, whose eight key bytes after the header do not pass an HTTP proxy before the 101; nothing answered";
        return Some(Found::likely(Verdict::DraftKeyBytesMissing, sentence).at(
            asked,
            "Sec-WebSocket-Key1: a draft from before RFC 6455, eight bytes after the header",
        ));
    }
    None
}

/// The client is older than RFC 6455.
pub(super) fn draft(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    if !is_hixie(request) || !case.is_refused() {
        return None;
    }
    let sentence =
        "the client speaks the draft hixie-76 (Sec-WebSocket-Key1), and the server only RFC 6455";
    let found = Found::certain(Verdict::DraftVersion, sentence);
    Some(refusal(
        case,
        found.header(
            Some(request),
            "Sec-WebSocket-Key1",
            case.attempt.request_at(),
        ),
    ))
}

/// F2: HTTP/1.0 on the way to the server.
pub(super) fn http_version(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    if case.is_accepted() {
        return None;
    }
    let asked = case.attempt.request_at();
    if request.minor_version == 0 {
        let sentence = "the upgrade request came in HTTP/1.0; RFC 6455 asks for 1.1, so the proxy in front has to speak that";
        let found = Found::certain(Verdict::HttpVersionTooOld, sentence)
            .at(asked, "the request line ends in HTTP/1.0");
        return Some(refusal(case, found));
    }
    let status = case.response()?.status();
    if status != Some(505) && !says(case, "HTTP/1.0") {
        return None;
    }
    let sentence = "the client asked in HTTP/1.1, and the server behind the proxy got HTTP/1.0, where no upgrade is possible";
    let found = Found::likely(Verdict::HttpVersionTooOld, sentence)
        .at(asked, "the client's request is HTTP/1.1");
    Some(body_line(case, refusal(case, found), "HTTP/1.0"))
}

/// F25: extended CONNECT where the server does not take it.
pub(super) fn h2_connect_protocol(case: &Case<'_>) -> Option<Found> {
    let noted = case.attempt.noted(Code::ExtendedConnectNotEnabled)?;
    if case.is_accepted() {
        return None;
    }
    let sentence = "the server never announced SETTINGS_ENABLE_CONNECT_PROTOCOL, so it takes no WebSocket over HTTP/2";
    let found = Found::certain(Verdict::H2ConnectProtocolMissing, sentence);
    Some(refusal(case, found.at(Some(noted.at), &*noted.text)))
}

/// F1, F4, F5 as the server sees it: the key is there, Upgrade is not.
pub(super) fn stripped(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    let lacks_token = !request.has_token("Connection", "upgrade");
    if case.is_accepted() || names_upgrade(request) && !lacks_token {
        return None;
    }
    let connection = request
        .value("Connection")
        .map_or("none".to_owned(), |v| escape::preview(v, 60));
    let missing = match names_upgrade(request) {
        true => "Connection: Upgrade",
        false => "Upgrade: websocket",
    };
    let hop = match case.software() {
        Some((software, line)) if request_names(request) => {
            format!(" ({}: {line})", software.name())
        }
        _ => String::new(),
    };
    let sentence = format!(
        "the request arrived without {missing}: a hop before this point{hop} did not pass it on, so the server saw an ordinary request"
    );
    let asked = case.attempt.request_at();
    let found = Found::certain(Verdict::UpgradeNotForwarded, sentence)
        .at(
            asked,
            format!("Sec-WebSocket-Key is there, {missing} is not (Connection: {connection})"),
        )
        .header(Some(request), "Via", asked);
    Some(refusal(case, found))
}

fn request_names(request: &Head) -> bool {
    Software::named_by(request, &[]).is_some()
}

/// F13: the version.
pub(super) fn version(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    let status = response.status()?;
    if !case.is_refused() || !(400..500).contains(&status) {
        return None;
    }
    let asked = case.attempt.request_at();
    let version = request.value("Sec-WebSocket-Version");
    let Some(version) = version else {
        let sentence = "the request has no Sec-WebSocket-Version; 13 belongs there";
        let found =
            Found::certain(Verdict::VersionMissing, sentence).at(asked, "no Sec-WebSocket-Version");
        return Some(refusal(case, found));
    };
    let mut spoken = response.list("Sec-WebSocket-Version");
    let speaks = spoken.any(|spoken| spoken == version);
    if version == b"13" || speaks || !matches!(status, 400 | 426) {
        return None;
    }
    let list: Vec<_> = response
        .list("Sec-WebSocket-Version")
        .map(escape::text)
        .collect();
    let sentence = match list.is_empty() {
        true => format!(
            "the client asks for version {}, which the server does not speak",
            escape::preview(version, 20)
        ),
        false => format!(
            "the client asks for version {}; the server speaks {}",
            escape::preview(version, 20),
            list.join(", ")
        ),
    };
    let found = Found::certain(Verdict::VersionUnsupported, sentence).header(
        Some(request),
        "Sec-WebSocket-Version",
        asked,
    );
    let found = refusal(case, found);
    Some(found.header(
        Some(response),
        "Sec-WebSocket-Version",
        case.attempt.response_at(),
    ))
}

/// The key is none.
pub(super) fn key(case: &Case<'_>) -> Option<Found> {
    let status = case.response()?.status()?;
    let noted = case.attempt.noted(Code::KeyInvalid)?;
    if !case.is_refused() || !(400..500).contains(&status) || noted.from == Some(Side::Server) {
        return None;
    }
    let sentence = "the request's Sec-WebSocket-Key is missing or not 16 bytes in base64, so the server refuses it";
    let found =
        Found::certain(Verdict::KeyInvalid, sentence).at(case.attempt.request_at(), &*noted.text);
    Some(refusal(case, found))
}

/// F3: the same server takes `Connection: Upgrade` and refuses a list.
pub(super) fn connection_header(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    if !case.is_refused() || request.list("Connection").count() < 2 {
        return None;
    }
    let works = case.all.iter().find(|other| {
        let connection = other.connection.as_ref();
        let request = connection.and_then(|connection| connection.request());
        other.server == case.attempt.server
            && other.outcome() == Some(Outcome::Accepted)
            && request.is_some_and(|head| head.list("Connection").count() == 1)
    })?;
    let asked = case.attempt.request_at();
    let sentence = "the server refuses a Connection header that lists more than Upgrade, and accepts the one that does not";
    let found = Found::likely(Verdict::ConnectionHeaderRejected, sentence)
        .header(Some(request), "Connection", asked)
        .at(
            works.request_at(),
            "an attempt with Connection: Upgrade alone was accepted",
        );
    Some(refusal(case, found))
}

/// F1, F5, F26 as the client sees it: it asked rightly, and the answer is that of a server that saw no upgrade.
pub(super) fn not_forwarded(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    if !case.is_refused() || !names_upgrade(request) {
        return None;
    }
    let status = response.status()?;
    let complaint = [
        "invalid Connection header",
        "missing Connection header",
        "missing Upgrade header",
        "invalid Upgrade header",
        "Can \"Upgrade\" only to \"WebSocket\"",
        "\"Connection\" must be \"Upgrade\"",
        "No WebSocket UPGRADE hdr",
        "not a websocket handshake",
        "'upgrade' token not found",
        "Upgrade Required",
        "You cannot access a WebSocket server directly",
    ];
    let complaint = complaint.into_iter().find(|text| says(case, text));
    if status != 426 && !(complaint.is_some() && (400..500).contains(&status)) {
        return None;
    }
    let hop = case.software();
    let name = hop
        .as_ref()
        .map_or("a hop between client and server", |(software, _)| {
            software.name()
        });
    let sentence = format!(
        "{name} did not pass Upgrade and Connection on: the client asked rightly, and the server answers ({status}) as to an ordinary request"
    );
    let asked = case.attempt.request_at();
    let found = Found::likely(Verdict::UpgradeNotForwarded, sentence).at(
        asked,
        "the client's request has Upgrade: websocket, Connection: Upgrade and version 13",
    );
    let found = refusal(case, found);
    Some(match complaint {
        Some(text) => body_line(case, found, text),
        None => found,
    })
}

/// F6: Envoy's own refusal, which bears no time of an upstream service.
pub(super) fn by_proxy(case: &Case<'_>) -> Option<Found> {
    let response = case.response()?;
    let is_envoy = response
        .value("Server")
        .is_some_and(|server| contains(server, b"envoy"));
    let was_forwarded = response.value("X-Envoy-Upstream-Service-Time").is_some();
    if !case.is_refused()
        || !is_envoy
        || was_forwarded
        || !matches!(response.status(), Some(403 | 426 | 400))
    {
        return None;
    }
    let sentence = "Envoy refused the upgrade itself: upgrades to websocket are not enabled on this listener or route";
    Some(refusal(
        case,
        Found::likely(Verdict::UpgradeDisabled, sentence),
    ))
}

/// F11, F12 and every other status.
pub(super) fn by_status(case: &Case<'_>) -> Option<Found> {
    let response = case.response()?;
    if !case.is_refused() {
        return None;
    }
    let status = response.status()?;
    let (verdict, sentence) = judge(case, response, status);
    let found =
        Found::certain(verdict, sentence).at(case.attempt.request_at(), "the upgrade request");
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
        .fold(refusal(case, found), |found, name| {
            found.header(Some(response), name, at)
        }),
    )
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
            format!(
                "{target} is an ordinary web address: it answered {status} with a page, not 101"
            ),
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
        400 => (
            Verdict::BadRequest,
            "the server refuses the request as malformed (400)".to_owned(),
        ),
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
            format!("there is nothing at {target} ({status})"),
        ),
        407 => (
            Verdict::ProxyAuthenticationRequired,
            "a proxy asks for a user name and password (407)".to_owned(),
        ),
        502 => (
            Verdict::BadGateway,
            "the proxy could not reach the server behind it (502)".to_owned(),
        ),
        503 => (
            Verdict::ServerUnavailable,
            "no server is available to take the request (503)".to_owned(),
        ),
        504 => (
            Verdict::GatewayTimeout,
            "the server behind the proxy did not answer in time (504)".to_owned(),
        ),
        500..=599 => (
            Verdict::ServerError,
            format!("the server failed inside ({status})"),
        ),
        _ => (
            Verdict::UpgradeRefused,
            format!("the server answered {status} and not 101"),
        ),
    }
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

/// No answer to the request, and how that ended.
pub(super) fn silence(case: &Case<'_>) -> Option<Found> {
    if !case.is_unanswered() {
        return None;
    }
    let attempt = case.attempt;
    let asked = attempt.request_at()?;
    let flow = attempt.flow.as_ref()?;
    let server = &flow.sides.server;
    let found = match attempt.end() {
        Some((Side::Server, end)) if server.reset.is_some_and(|reset| reset.at == end) => {
            let sentence = format!(
                "the connection was reset {} after the upgrade request was sent, without an answer",
                seconds(end.time.since(asked.time))
            );
            Found::certain(Verdict::ResetOnUpgrade, sentence).at(Some(end), "RST")
        }
        Some((Side::Server, end)) => {
            let sentence = "the server closed the connection without answering the upgrade request";
            Found::certain(Verdict::ClosedWithoutAnswer, sentence)
                .at(Some(end), "FIN of the server")
        }
        Some((Side::Client, end)) => {
            let waited = seconds(end.time.since(asked.time));
            let sentence = format!(
                "the server never answered the upgrade request; {} gave up after {waited}",
                the(Side::Client)
            );
            Found::certain(Verdict::NoAnswer, sentence)
                .at(Some(end), "the client ends the connection")
        }
        None if case.watched(asked.time) >= PATIENCE => {
            let sentence = format!(
                "the server has not answered the upgrade request for {:.1} s",
                case.watched(asked.time)
            );
            Found::likely(Verdict::NoAnswer, sentence)
        }
        None => return None,
    };
    Some(found.at(Some(asked), "the upgrade request"))
}

/// A duration for a sentence.
pub(super) fn seconds(nanoseconds: i64) -> String {
    match nanoseconds {
        ..1_000_000 => "at once".to_owned(),
        1_000_000..1_000_000_000 => format!("{} ms", nanoseconds / 1_000_000),
        _ => format!("{:.1} s", nanoseconds as f64 / 1e9),
    }
}
