//! HTTP: what is wrong with the upgrade request itself.

use crate::base::{Code, Head, Side, escape};
use crate::insight::case::{Case, Found};
use crate::insight::facts::inside;
use crate::insight::fix::Situation;
use crate::insight::verdict::Verdict;
use crate::websocket::handshake;

use super::answer::{body_line, first_line, refusal, says};

/// Whether Upgrade names websocket; a key alone makes a request an attempt, too.
pub(super) fn names_upgrade(request: &Head) -> bool {
    request.has_token("Upgrade", "websocket")
}

/// Drafts from hixie-76 to hybi-03 send Key1 and Key2, and eight bytes after the header.
fn is_hixie(request: &Head) -> bool {
    request.value("Sec-WebSocket-Key1").is_some()
}

/// hixie-75 has no key at all, and writes `WebSocket`. A later client whose key a hop took away writes `websocket`.
fn is_hixie_75(request: &Head) -> bool {
    let lacks = |name| request.value(name).is_none();
    request.value("Upgrade") == Some(b"WebSocket")
        && request.value("Origin").is_some()
        && lacks("Sec-WebSocket-Key")
        && lacks("Sec-WebSocket-Key1")
        && lacks("Sec-WebSocket-Version")
}

/// The draft from before RFC 6455 that a request is of, and the header that shows it. From version 7 on, drafts frame their
/// messages as the RFC does.
pub(super) fn draft_of(
    request: &Head,
    response: Option<&Head>,
) -> Option<(&'static str, &'static str)> {
    let name = handshake::framing(request, response).draft()?;
    let shown = [
        "Sec-WebSocket-Version",
        "Sec-WebSocket-Draft",
        "Sec-WebSocket-Key1",
    ];
    let mut shown = shown.into_iter();
    match shown.find(|header| request.value(header).is_some()) {
        Some(header) => Some((name, header)),
        None => is_hixie_75(request).then_some((name, "Upgrade")),
    }
}

/// The eight bytes after the header of a hixie-76 request were never answered, or never came.
pub(super) fn draft_key_bytes(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    if !is_hixie(request) || case.is_accepted() {
        return None;
    }
    let flow = case.attempt.flow.as_ref()?;
    let opening = inside(flow).0;
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
    if after >= 8 && case.is_unanswered() {
        let sentence = "the client speaks the draft hixie-76, whose eight key bytes after the header do not pass an HTTP proxy before the 101; nothing answered";
        return Some(Found::likely(Verdict::DraftKeyBytesMissing, sentence).at(
            asked,
            "Sec-WebSocket-Key1: a draft from before RFC 6455, eight bytes after the header",
        ));
    }
    None
}

/// The client is older than RFC 6455. Drafts that tell their version are told by that.
pub(super) fn draft(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    let (name, header) = draft_of(request, case.response())
        .filter(|(_, shown)| *shown != "Sec-WebSocket-Version")?;
    // A gateway that cannot reach its server says nothing of what that speaks.
    let is_gateway = matches!(case.response().and_then(Head::status), Some(502..=504));
    if !case.is_refused() || is_gateway {
        return None;
    }
    let sentence =
        format!("the client speaks the draft {name} ({header}), and the server only RFC 6455");
    let found = Found::certain(Verdict::DraftVersion, sentence);
    let asked = case.attempt.request_at();
    Some(refusal(case, found.header(Some(request), header, asked)))
}

/// HTTP/1.0 on the way to the server: a hop does not pass the client's version on.
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

/// Extended CONNECT where the server does not take it.
pub(super) fn h2_connect_protocol(case: &Case<'_>) -> Option<Found> {
    let noted = case.attempt.noted(Code::ExtendedConnectNotEnabled)?;
    if case.is_accepted() {
        return None;
    }
    let sentence = "the server never announced SETTINGS_ENABLE_CONNECT_PROTOCOL, so it takes no WebSocket over HTTP/2";
    let found = Found::certain(Verdict::H2ConnectProtocolMissing, sentence);
    Some(refusal(case, found.at(Some(noted.at), &*noted.text)))
}

/// The server does not speak the version of WebSocket that was asked for.
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

/// Headers of an upgrade that belong there once.
const ONCE: &[&str] = &[
    "Sec-WebSocket-Key",
    "Sec-WebSocket-Version",
    "Upgrade",
    "Host",
    "Origin",
];

/// A header came twice: a hop adds its own to the client's.
pub(super) fn repeated(case: &Case<'_>) -> Option<Found> {
    let (request, status) = (case.request()?, case.response()?.status()?);
    let mut names = ONCE.iter();
    let name = names.find(|name| request.values(name).count() > 1)?;
    if !case.is_refused() || !(400..500).contains(&status) {
        return None;
    }
    let verdict = match *name {
        "Sec-WebSocket-Key" => Verdict::KeyInvalid,
        _ => Verdict::BadRequest,
    };
    let sentence = format!(
        "the request has {name} more than once, and the server refuses it ({status}): a hop adds its own to the client's, or the client writes it twice"
    );
    let values: Vec<_> = request
        .values(name)
        .take(3)
        .map(|value| escape::preview(value, 40))
        .collect();
    let found = Found::likely(verdict, sentence)
        .when(Situation::HeaderRepeated)
        .at(
            case.attempt.request_at(),
            format!("{name}: {}", values.join(" and ")),
        );
    Some(first_line(case, refusal(case, found)))
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

/// The same server takes `Connection: Upgrade` and refuses a list.
pub(super) fn connection_header(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    if !case.is_refused() || request.list("Connection").count() < 2 {
        return None;
    }
    let works = case.all.accepted_plainly(case.attempt.server)?;
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
