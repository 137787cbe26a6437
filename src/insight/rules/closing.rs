//! How an open connection ends: close frames that say that something went wrong, and streams that are reset.

use crate::base::{Code, Severity, Side, escape};
use crate::engine::{EndedBy, Transport};
use crate::insight::case::{Case, Found, the};
use crate::insight::ending;
use crate::insight::facts::Noted;
use crate::insight::fix::Situation;
use crate::insight::verdict::Verdict;
use crate::websocket::close::CloseCode;

/// Close codes that say that something went wrong.
pub(super) fn close_code(case: &Case<'_>) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    let close = &connection.close;
    let (by, at) = (close.by?, case.attempt.frames[close.by?].close?);
    let utf8 = case.attempt.noted(Code::InvalidUtf8);
    // A peer that answers with an ordinary code tolerates it.
    let answer = case.attempt.frames[by.peer()].close_code;
    let is_tolerated = answer.is_some_and(|code| !super::frames::is_error(code));
    let own = utf8.filter(|noted| noted.from == Some(by));
    if let Some(noted) = own.filter(|_| !is_tolerated) {
        return Some(own_reason(case, noted));
    }
    let utf8 = utf8.filter(|noted| noted.from != Some(by));
    let verdict = match close.code {
        Some(1007) => Verdict::InvalidUtf8,
        Some(1002) => Verdict::ProtocolErrorClose,
        Some(1003) => Verdict::UnsupportedDataClose,
        Some(1008) => Verdict::PolicyClose,
        Some(1009) => Verdict::MessageTooBig,
        Some(1010) => Verdict::ExtensionRequiredClose,
        Some(1011) => Verdict::InternalErrorClose,
        Some(1012..=1014) => Verdict::ServiceClose,
        // Of the registered codes these say that something is wrong: Unauthorized, Forbidden, Timeout.
        Some(3000 | 3003 | 3008 | 4000..=4999) => Verdict::ApplicationClose,
        _ if utf8.is_some() => Verdict::InvalidUtf8,
        _ => return None,
    };
    let of_protocol = case.attempt.frames[by].close_name.as_deref();
    let code = close.code.map_or_else(String::new, |code| {
        format!(
            " ({code}, {})",
            of_protocol.unwrap_or(CloseCode(code).name())
        )
    });
    let reason = match &close.reason {
        Some(reason) => format!(", saying {:?}", escape::preview(reason, 100)),
        None => String::new(),
    };
    let peer = the(by.peer());
    let nothing_broken = is_nothing_broken(case, by.peer());
    let what = match verdict {
        Verdict::InvalidUtf8 => format!("a text message of {peer} is not valid UTF-8"),
        Verdict::ProtocolErrorClose if nothing_broken => format!(
            "it says that {peer} broke the protocol, though nothing that {peer} sent here does: a hop between changed something"
        ),
        Verdict::ProtocolErrorClose => format!("{peer} broke the protocol"),
        Verdict::UnsupportedDataClose => "it does not take this kind of data".to_owned(),
        Verdict::PolicyClose => "its policy forbids what was sent".to_owned(),
        Verdict::MessageTooBig => format!("a message of {peer} is larger than it takes"),
        Verdict::ExtensionRequiredClose => {
            "it needs an extension that was not agreed on".to_owned()
        }
        Verdict::InternalErrorClose => "it had an error inside".to_owned(),
        Verdict::ApplicationClose => "its application says so".to_owned(),
        _ => "it restarts, is overloaded, or cannot reach what is behind it".to_owned(),
    };
    let sentence = format!("{} closed because {what}{code}{reason}", the(by));
    let found = Found::certain(verdict, sentence).at(Some(at), "the close frame");
    let found = match verdict == Verdict::ProtocolErrorClose && nothing_broken {
        true => found.when(Situation::NothingBrokenHere),
        false => found,
    };
    Some(match utf8 {
        Some(noted) => found.at(Some(noted.at), &*noted.text),
        None => found,
    })
}

/// Whether a side sent frames, all of them seen, that break no rule.
fn is_nothing_broken(case: &Case<'_>, side: Side) -> bool {
    let attempt = case.attempt;
    let has_frames = attempt.connection.as_ref().is_some_and(|connection| {
        connection.frames[side] > u64::from(attempt.frames[side].close.is_some())
    });
    let has_all = case.is_accepted() && ending::missing_direction(attempt).is_none();
    let is_broken = attempt.findings.iter().any(|noted| {
        noted.from.is_none_or(|from| from == side) && noted.code.severity() != Severity::Note
    });
    has_frames && has_all && !is_broken
}

/// The side that closed sent bytes that are not UTF-8 itself, in a message or in its close reason.
fn own_reason(case: &Case<'_>, noted: &Noted) -> Found {
    let from = noted.from.unwrap_or(Side::Client);
    let sentence = format!(
        "{} sends what is not valid UTF-8: {}",
        the(from),
        noted.text
    );
    let found = Found::certain(Verdict::InvalidUtf8, sentence).at(Some(noted.at), &*noted.text);
    match (
        case.attempt.frames[from.peer()].close,
        case.attempt.frames[from.peer()].close_code,
    ) {
        (Some(at), Some(code)) => found.at(
            Some(at),
            format!("{} answers with {code}", the(from.peer())),
        ),
        _ => found,
    }
}

/// RST_STREAM, or a stream's end without a close frame.
pub(super) fn stream_reset(case: &Case<'_>) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    let close = &connection.close;
    let frames = close.frames.client || close.frames.server;
    if !connection.transport.is_stream() || frames || close.ended_by != Some(EndedBy::Rst) {
        return None;
    }
    let who = close.by.map_or("one side", the);
    let stream = match (connection.transport, close.error) {
        (Transport::Http3, Some(code)) => {
            format!(
                "ended the HTTP/3 stream with {}",
                connection.transport.error_name(code)
            )
        }
        (Transport::Http3, None) => "reset the HTTP/3 stream".to_owned(),
        _ => "reset the HTTP/2 stream".to_owned(),
    };
    let sentence =
        format!("{who} {stream} in the middle of the conversation, without a close frame");
    let last = Side::BOTH
        .iter()
        .filter_map(|side| case.attempt.frames[*side].last);
    let last = last.max_by_key(|seen| seen.packet.0);
    Some(Found::certain(Verdict::StreamReset, sentence).at(last, "the last frame before"))
}
