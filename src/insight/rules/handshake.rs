//! The 101: do its headers fit the request?

use crate::base::{Code, Side, escape};
use crate::insight::case::{Case, Found, the};
use crate::insight::facts::inside;
use crate::insight::fix::Situation;
use crate::insight::verdict::Verdict;

use super::request::draft_of;

/// A client that fails the connection does so within this time of the 101, in nanoseconds.
const AT_ONCE: i64 = 2_000_000_000;

/// A draft from before RFC 6455 that the server took.
pub(super) fn draft_accepted(case: &Case<'_>) -> Option<Found> {
    let request = case.request()?;
    let (name, header) = draft_of(request, case.response()).filter(|_| case.is_accepted())?;
    let sentence = format!(
        "the client speaks the draft {name}; this server still does, most do not, and HTTP proxies break it"
    );
    let asked = case.attempt.request_at();
    Some(
        Found::certain(Verdict::DraftAccepted, sentence)
            .header(Some(request), header, asked)
            .at(case.attempt.response_at(), "101"),
    )
}

/// A 101 in a form that strict clients refuse, and a client that ended the connection on it.
pub(super) fn odd_form(case: &Case<'_>) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    let response = case.response()?;
    if !case.is_accepted() || connection.frames.client > 0 {
        return None;
    }
    let (by, end) = case.attempt.end()?;
    let answered = case.attempt.response_at()?;
    let is_refusal = by == Side::Client && end.time.since(answered.time) <= AT_ONCE;
    // A client that refuses it may also leave the connection as it is.
    let is_ignored = by == Side::Server && connection.frames.server == 0;
    let opening = inside(case.attempt.flow.as_ref()?).1;
    let odd = oddity(&response.raw, opening).filter(|_| is_refusal || is_ignored)?;
    let did = match by {
        Side::Client => "the client ended the connection on it",
        Side::Server => "the client sent nothing after it",
    };
    let sentence = format!("the 101 {odd}, which strict clients refuse: {did}");
    Some(
        Found::likely(Verdict::UpgradeHeaderInvalid, sentence)
            .when(Situation::OddForm)
            .at(Some(answered), format!("the 101 {odd}"))
            .at(
                Some(end),
                format!("{} ends the connection without a frame", the(by)),
            ),
    )
}

/// What is odd about a head's form (RFC 9112 sections 2.2, 2.3 and 5.1).
fn oddity(head: &[u8], opening: &[u8]) -> Option<&'static str> {
    let line_end = memchr::memchr(b'\n', head)?;
    let lines = || head.split(|byte| *byte == b'\n').skip(1);
    let has_space = |line: &[u8]| {
        let name = line.split(|byte| *byte == b':').next().unwrap_or_default();
        name.len() < line.len() && name.last().is_some_and(|byte| matches!(byte, b' ' | b'\t'))
    };
    if head.starts_with(b"HTTP/1.0") {
        Some("is in HTTP/1.0")
    } else if !head.starts_with(b"HTTP/") {
        Some("writes `HTTP/1.1` in another letter case")
    } else if line_end == 0 || head.get(line_end - 1) != Some(&b'\r') {
        Some("ends its lines with LF alone")
    } else if lines().any(has_space) {
        Some("has a space before a colon")
    } else if opening
        .get(..12)
        .is_some_and(|start| start.starts_with(b"HTTP/1.1 1") && !start.ends_with(b"101"))
    {
        Some("comes after another interim answer")
    } else {
        None
    }
}

/// The accept key is missing or another's.
pub(super) fn accept(case: &Case<'_>) -> Option<Found> {
    if !case.is_accepted() {
        return None;
    }
    let answered = case.attempt.response_at();
    let draft = case
        .request()
        .and_then(|request| draft_of(request, case.response()));
    // It came with hybi-04, and so did the version.
    let has_accept = draft.is_none_or(|(_, header)| header == "Sec-WebSocket-Version");
    if let Some(noted) = case
        .attempt
        .noted(Code::AcceptMissing)
        .filter(|_| has_accept)
    {
        let sentence =
            "the 101 has no Sec-WebSocket-Accept, so the client must fail the connection";
        return Some(Found::certain(Verdict::AcceptMissing, sentence).at(answered, &*noted.text));
    }
    let noted = case.attempt.noted(Code::AcceptMismatch)?;
    let found = response_value(case, "Sec-WebSocket-Accept");
    if let Some((name, header)) = draft {
        let sentence = format!(
            "the server answers the keys of the draft {name} wrongly, so the client must fail the connection"
        );
        return Some(
            Found::certain(Verdict::AcceptMismatch, sentence)
                .header(case.request(), header, case.attempt.request_at())
                .at(Some(noted.at), &*noted.text),
        );
    }
    let sentence = match answers_another(case) {
        Some(number) => format!("Sec-WebSocket-Accept answers the key of connection {number}, not of this one: a cached or replayed reply"),
        None => "Sec-WebSocket-Accept does not belong to the key of this request, so the client must fail the connection".to_owned(),
    };
    Some(
        Found::certain(Verdict::AcceptMismatch, sentence)
            .header(
                case.request(),
                "Sec-WebSocket-Key",
                case.attempt.request_at(),
            )
            .at(answered, format!("Sec-WebSocket-Accept: {found}"))
            .at(answered, &*noted.text),
    )
}

/// The connection whose key this accept value answers.
fn answers_another(case: &Case<'_>) -> Option<u32> {
    let accept = case.response()?.value("Sec-WebSocket-Accept")?;
    case.all.answered_by(accept)
}

fn response_value(case: &Case<'_>, name: &str) -> String {
    let value = case.response().and_then(|head| head.value(name));
    value.map_or_else(|| "none".to_owned(), |value| escape::preview(value, 60))
}

/// Upgrade and Connection of the 101.
pub(super) fn upgrade_headers(case: &Case<'_>) -> Option<Found> {
    let noted = case.attempt.findings.iter().find(|noted| {
        noted.code == Code::UpgradeHeaderInvalid && noted.from == Some(Side::Server)
    })?;
    if !case.is_accepted() {
        return None;
    }
    let sentence = format!("the 101 lacks what makes it an upgrade: {}", noted.text);
    Some(
        Found::certain(Verdict::UpgradeHeaderInvalid, sentence)
            .at(case.attempt.response_at(), "101"),
    )
}

/// The server chose a subprotocol that was not offered.
pub(super) fn subprotocol_not_offered(case: &Case<'_>) -> Option<Found> {
    let noted = case.attempt.noted(Code::SubprotocolNotOffered)?;
    let chosen = response_value(case, "Sec-WebSocket-Protocol");
    let sentence = format!(
        "the server chose the subprotocol {chosen}, which the client did not offer; the client must fail the connection"
    );
    let asked = case.attempt.request_at();
    Some(
        Found::certain(Verdict::SubprotocolNotOffered, sentence)
            .header(case.request(), "Sec-WebSocket-Protocol", asked)
            .at(case.attempt.response_at(), &*noted.text),
    )
}

/// An extension out of nowhere.
pub(super) fn extension_not_offered(case: &Case<'_>) -> Option<Found> {
    let noted = case.attempt.noted(Code::ExtensionNotOffered).or_else(|| {
        let findings = case.attempt.findings.iter();
        let mut of_server = findings.filter(|noted| noted.from == Some(Side::Server));
        of_server.find(|noted| noted.code == Code::ExtensionParameterInvalid)
    })?;
    if !case.is_accepted() {
        return None;
    }
    let chosen = response_value(case, "Sec-WebSocket-Extensions");
    let sentence = format!(
        "the server agreed to {chosen}, which the client did not offer like that; the client must fail the connection"
    );
    let asked = case.attempt.request_at();
    Some(
        Found::certain(Verdict::ExtensionNotOffered, sentence)
            .header(case.request(), "Sec-WebSocket-Extensions", asked)
            .at(case.attempt.response_at(), &*noted.text),
    )
}

/// Subprotocols were offered, none was chosen, and the client leaves at once, as browsers do.
pub(super) fn subprotocol_missing(case: &Case<'_>) -> Option<Found> {
    let (request, response) = (case.request()?, case.response()?);
    let offered = request.value("Sec-WebSocket-Protocol")?;
    if !case.is_accepted() || response.value("Sec-WebSocket-Protocol").is_some() {
        return None;
    }
    let answered = case.attempt.response_at()?;
    let connection = case.attempt.connection.as_ref()?;
    let ended = case
        .attempt
        .frames
        .client
        .close
        .or(case.attempt.end().map(|(_, seen)| seen))?;
    let close = connection.close.by == Some(Side::Client)
        && matches!(connection.close.code, None | Some(1002 | 1006));
    let sent_data =
        connection.frames.client > u64::from(case.attempt.frames.client.close.is_some());
    if !close || sent_data || ended.time.since(answered.time) > AT_ONCE {
        return None;
    }
    let offered = escape::preview(offered, 80);
    let sentence = format!(
        "the client asked for the subprotocol {offered} and the server chose none; browsers then fail the connection, as this client did"
    );
    Some(
        Found::likely(Verdict::SubprotocolMissing, sentence)
            .at(
                case.attempt.request_at(),
                format!("Sec-WebSocket-Protocol: {offered}"),
            )
            .at(Some(answered), "101 without Sec-WebSocket-Protocol")
            .at(Some(ended), "the client ends the connection"),
    )
}
