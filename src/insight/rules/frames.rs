//! The first frames: are they frames, and does the connection outlive its 101?

use crate::base::{Code, Severity, Shape, Side};
use crate::insight::case::{Case, Found, the};
use crate::insight::facts::{Attempt, Noted};
use crate::insight::verdict::Verdict;

/// A connection that ends within this time of its 101 was ended because of it, in nanoseconds.
const AT_ONCE: i64 = 5_000_000_000;

/// The first finding of a code that no gap in the capture came before.
fn sound(attempt: &Attempt, code: Code) -> Option<&Noted> {
    let is_gap = |noted: &Noted| {
        matches!(
            noted.code,
            Code::TcpGap | Code::LostSync | Code::DeflateContextLost
        )
    };
    // Of what one packet shows, the gap may be the consequence.
    let order = |at: usize| attempt.findings.get(at).map(|noted| (noted.at.packet, at));
    let gap = attempt.findings.iter().position(is_gap).and_then(order);
    let at = attempt
        .findings
        .iter()
        .position(|noted| noted.code == code)?;
    let is_sound = gap.is_none_or(|gap| order(at) < Some(gap));
    attempt.findings.get(at).filter(|_| is_sound)
}

/// The first finding of a code that the other side minded: it closed for it, or was not heard again.
fn minded<'a>(case: &Case<'a>, code: Code) -> Option<&'a Noted> {
    let noted = sound(case.attempt, code)?;
    let goes_on = |side: Side| {
        let last = case.attempt.frames[side].last;
        last.is_some_and(|last| last.time > noted.at.time && last.packet > noted.at.packet)
    };
    let from = noted.from.unwrap_or(Side::Client);
    let first = case.attempt.connection.as_ref().and_then(|connection| {
        connection
            .close
            .code
            .filter(|_| connection.close.by != Some(from))
    });
    // A peer that answers a broken close frame with an error minds it.
    let answer = case.attempt.frames[from.peer()].close_code;
    let minded = [first, answer].into_iter().flatten().any(is_error);
    (minded || !goes_on(from.peer())).then_some(noted)
}

/// Whether a close code says that the other side did something wrong, or that the sender cannot go on.
pub(super) fn is_error(code: u16) -> bool {
    matches!(code, 1002 | 1003 | 1007..=1011)
}

/// What breaks the frame format and was tolerated, for the line of a healthy connection.
pub(super) fn tolerated(case: &Case<'_>) -> Option<String> {
    let broken = case.attempt.findings.iter().find(|noted| {
        noted.code.severity() == Severity::Error && sound(case.attempt, noted.code).is_some()
    })?;
    let other = broken
        .from
        .map_or("the other side", |from| the(from.peer()));
    Some(format!("{}, which {other} tolerates", broken.text))
}

/// HTTP where frames belong: a hop or a second handler still speaks it on the upgraded connection.
pub(super) fn http_text(case: &Case<'_>) -> Option<Found> {
    let noted = sound(case.attempt, Code::HttpInsideFrames)?;
    let from = noted.from.unwrap_or(Side::Server);
    let frames = &case.attempt.frames;
    let client_first = frames
        .client
        .first
        .filter(|first| first.time <= noted.at.time && first.packet < noted.at.packet);
    let server_spoke = frames
        .server
        .first
        .is_some_and(|first| first.packet < noted.at.packet);
    // A page without a head was written by somebody who takes it for the body of an answer.
    let is_head = noted.shape == Some(Shape::HttpHead);
    if from == Side::Server && client_first.is_some() && !server_spoke && is_head {
        let sentence = "a hop in between goes on reading HTTP after the 101: it answers the client's first frame with HTTP";
        return Some(
            Found::likely(Verdict::FramesParsedAsHttp, sentence)
                .at(client_first, "the client's first frame")
                .at(Some(noted.at), &*noted.text),
        );
    }
    let sentence = format!(
        "{} writes HTTP into the frames after the 101: two handlers share one socket there",
        the(from)
    );
    Some(Found::likely(Verdict::HttpInsideFrames, sentence).at(Some(noted.at), &*noted.text))
}

/// Text as it is where frames belong: whoever took the upgrade writes to the socket below the WebSocket.
pub(super) fn not_frames(case: &Case<'_>) -> Option<Found> {
    let noted = sound(case.attempt, Code::NotFrames)?;
    let from = noted.from.unwrap_or(Side::Server);
    // Without what it quotes, where that is masked.
    let (label, start) = noted.text.split_once('"').unwrap_or((&noted.text, ""));
    let what = match noted.shape {
        Some(Shape::Json) => "JSON",
        Some(Shape::Markup) => "markup",
        _ => "text",
    };
    let sentence = format!(
        "{} writes {what} as it is after the 101, and no frames: the other side cannot read that",
        the(from)
    );
    let found = Found::certain(Verdict::NotFrames, sentence);
    let found = match start.trim_end_matches('"') {
        "" => found.at(Some(noted.at), label),
        start => found.quoting(Some(noted.at), label, start),
    };
    Some(closing(case, found))
}

/// Reserved bits without an extension that defines them.
pub(super) fn reserved_bit(case: &Case<'_>) -> Option<Found> {
    let noted = minded(case, Code::ReservedBitSet)?;
    let from = noted.from.unwrap_or(Side::Server);
    let offered = case
        .request()
        .is_some_and(|head| head.value("Sec-WebSocket-Extensions").is_some());
    let agreed = case.response().is_some_and(|head| {
        let mut agreed = head.list("Sec-WebSocket-Extensions");
        agreed.any(|extension| extension.starts_with(b"permessage-deflate"))
    });
    let sentence = match (agreed, offered) {
        (true, _) => format!(
            "{} sets a reserved bit where it means nothing: permessage-deflate, which was agreed on, defines RSV1 of a message's first frame alone",
            the(from)
        ),
        (_, true) => format!(
            "{} sets a reserved bit, as for compression, although the request offered an extension, and the 101 agreed to none that defines it",
            the(from)
        ),
        (_, false) => format!(
            "{} sets a reserved bit, as for compression, although no extension was offered",
            the(from)
        ),
    };
    Some(
        Found::certain(Verdict::ReservedBitSet, sentence)
            .at(Some(noted.at), &*noted.text)
            .header(
                case.request(),
                "Sec-WebSocket-Extensions",
                case.attempt.request_at(),
            )
            .header(
                case.response(),
                "Sec-WebSocket-Extensions",
                case.attempt.response_at(),
            ),
    )
}

/// Masking from the wrong side, or missing.
pub(super) fn masking(case: &Case<'_>) -> Option<Found> {
    let server = minded(case, Code::ServerFrameMasked).map(|noted| {
        (
            noted,
            Verdict::ServerFrameMasked,
            "the server masks its frames; only a client may (RFC 6455 5.1)",
        )
    });
    let client = minded(case, Code::ClientFrameUnmasked).map(|noted| {
        (
            noted,
            Verdict::ClientFrameUnmasked,
            "the client does not mask its frames, which RFC 6455 5.1 asks for",
        )
    });
    let (noted, verdict, sentence) = server.or(client)?;
    let found = Found::certain(verdict, sentence).at(Some(noted.at), &*noted.text);
    Some(closing(case, found))
}

/// Adds the close frame that a rule's break led to.
fn closing(case: &Case<'_>, found: Found) -> Found {
    let Some(connection) = &case.attempt.connection else {
        return found;
    };
    let answer = Side::BOTH.into_iter().find_map(|side| {
        Some((
            side,
            case.attempt.frames[side]
                .close_code
                .filter(|code| is_error(*code))?,
        ))
    });
    match answer.or(connection.close.by.zip(connection.close.code)) {
        Some((by, code)) => {
            let at = case.attempt.frames[by].close;
            found.at(at, format!("{} closes with {code}", the(by)))
        }
        _ => found,
    }
}

/// Everything else that is against the frame format and that somebody minded, or that went on.
pub(super) fn invalid(case: &Case<'_>) -> Option<Found> {
    let codes = [
        Code::ReservedOpcode,
        Code::ControlFrameFragmented,
        Code::ControlFrameTooLong,
        Code::LengthNotMinimal,
        Code::LengthInvalid,
        Code::ContinuationWithoutStart,
        Code::MessageInterrupted,
        Code::CloseCodeInvalid,
        Code::CloseBodyInvalid,
    ];
    let known = case.is_accepted();
    let frame = codes
        .into_iter()
        .filter(|_| known)
        .find_map(|code| minded(case, code));
    let deflate = minded(case, Code::DeflateInvalid).filter(|_| known);
    let (noted, verdict) = match (frame, deflate) {
        (Some(noted), _) => (noted, Verdict::FrameInvalid),
        (None, noted) => (noted?, Verdict::DeflateInvalid),
    };
    debug_assert_eq!(noted.code.severity(), Severity::Error);
    let sentence = format!(
        "{} breaks the frame format: {}",
        noted.from.map_or("one side", the),
        noted.text
    );
    let found = Found::certain(verdict, sentence).at(Some(noted.at), noted.code.name());
    Some(closing(case, found))
}

/// 101, and the server ends before any frame of its own.
pub(super) fn closed_after_handshake(case: &Case<'_>) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    if !case.is_accepted() || connection.frames.server > 0 {
        return None;
    }
    let (by, end) = case.attempt.end()?;
    let answered = case.attempt.response_at()?;
    if by == Side::Client
        || end.time.since(answered.time) > AT_ONCE
        || case.attempt.frames.client.close.is_some()
    {
        return None;
    }
    let flow = case.attempt.flow.as_ref()?;
    let is_reset = flow.sides.server.reset.is_some();
    let first = case.attempt.frames.client.first;
    let after = super::status::later(end.time.since(answered.time));
    let sentence = match first {
        Some(_) => format!(
            "the server answered 101 and ended the connection {after}, on the client's first frame, without a frame of its own"
        ),
        None => {
            format!("the server answered 101 and ended the connection {after}, without a frame")
        }
    };
    let found = Found::likely(Verdict::ClosedAfterHandshake, sentence)
        .at(Some(answered), "101")
        .at(
            Some(end),
            if is_reset {
                "RST of the server"
            } else {
                "FIN of the server"
            },
        );
    Some(match first {
        Some(first) => found.at(Some(first), "the client's first frame"),
        None => found,
    })
}
