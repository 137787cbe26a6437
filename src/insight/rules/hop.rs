//! HTTP: what a hop between client and server did to the upgrade.

use crate::base::{Head, escape};
use crate::insight::case::{Case, Found};
use crate::insight::software::{Software, contains};
use crate::insight::verdict::Verdict;

use super::answer::{body_line, refusal, says};
use super::request::names_upgrade;

/// The upgrade was sent to a forward proxy as if it were the server.
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
    let sentence = "the upgrade request was sent straight to a forward proxy, without asking it for a tunnel (CONNECT) first";
    let line = escape::preview(request.target(), 80);
    Some(refusal(
        case,
        Found::certain(Verdict::UpgradeWithoutConnect, sentence).at(
            case.attempt.request_at(),
            format!("GET {line}: no CONNECT before it on this connection"),
        ),
    ))
}

/// A hop dropped Upgrade, as the server sees it: the key is there, Upgrade is not.
pub(super) fn stripped(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    let lacks_token = !request.has_token("Connection", "upgrade");
    let is_h2 = case
        .attempt
        .connection
        .as_ref()
        .is_some_and(|connection| connection.transport.is_stream());
    if is_h2 || case.is_accepted() || names_upgrade(request) && !lacks_token {
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
    let asked = case.attempt.request_at();
    let found = match !hop.is_empty() || passed_a_hop(request) {
        true => Found::certain(
            Verdict::UpgradeNotForwarded,
            format!(
                "the request arrived without {missing}: a hop before this point{hop} did not pass it on, so the server saw an ordinary request"
            ),
        ),
        false => Found::likely(
            Verdict::UpgradeNotForwarded,
            format!(
                "the request arrived without {missing}: a hop before this point did not pass it on, or the client never sent it; the server saw an ordinary request"
            ),
        ),
    };
    let found = found
        .at(
            asked,
            format!("Sec-WebSocket-Key is there, {missing} is not (Connection: {connection})"),
        )
        .header(Some(request), "Via", asked);
    Some(refusal(case, found))
}

/// Whether headers say that a hop passed the request on.
pub(super) fn passed_a_hop(request: &Head) -> bool {
    let names = [
        "Via",
        "Forwarded",
        "X-Forwarded-For",
        "X-Forwarded-Proto",
        "X-Forwarded-Host",
        "X-Real-IP",
        "X-Request-Start",
    ];
    names.iter().any(|name| request.value(name).is_some())
}

fn request_names(request: &Head) -> bool {
    Software::named_by(request, &[]).is_some()
}

/// A hop dropped Upgrade, as the client sees it: it asked rightly, and the answer is that of a server that saw no upgrade.
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
        "{name} did not pass the headers Upgrade and Connection on: the client asked rightly, and the server answers ({status}) as to an ordinary request"
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

/// A proxy's own refusal: Envoy's, which bears no time of an upstream service, and nghttpx's page.
pub(super) fn by_proxy(case: &Case<'_>) -> Option<Found> {
    let response = case.response()?;
    if !case.is_refused() || !matches!(response.status(), Some(403 | 426 | 400)) {
        return None;
    }
    let server = response.value("Server").unwrap_or_default();
    let was_forwarded = response.value("X-Envoy-Upstream-Service-Time").is_some();
    let sentence = if contains(server, b"envoy") && !was_forwarded {
        "Envoy refused the upgrade itself: upgrades to websocket are not enabled on this listener or route"
    } else if response.status() == Some(400) && says(case, "<footer>nghttpx") {
        "nghttpx refused the upgrade itself (400): it cannot pass one on to the server behind it, which it speaks HTTP/2 with"
    } else {
        return None;
    };
    Some(refusal(
        case,
        Found::likely(Verdict::UpgradeDisabled, sentence),
    ))
}
