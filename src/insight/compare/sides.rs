//! What differs between the two records of a connection, or between two attempts, apart from their heads.

use crate::base::{Side, escape};
use crate::engine::{EndedBy, Outcome};
use crate::websocket::MessageKind;

use super::changes::LONG;
use super::difference::Difference;
use super::pairing::Pair;
use super::record::{Recorded, RecordedMessage};
use super::words::duration;

/// What differs apart from the heads.
pub(super) fn of_connection(pair: &Pair<'_>) -> Vec<Difference> {
    let (one, other) = (pair.one, pair.other);
    let (a, b) = (&one.connection, &other.connection);
    let both = |text: &dyn Fn(&Recorded) -> String| (text(one), text(other));
    let mut out = vec![
        Difference::between(
            "transport",
            None,
            (a.transport.name().into(), b.transport.name().into()),
        ),
        Difference::between("tunnel", None, both(&tunnel)),
        Difference::between("PROXY protocol", None, both(&proxy_protocol)),
        Difference::between(
            "outcome",
            None,
            (a.outcome().name().into(), b.outcome().name().into()),
        ),
    ];
    let frames = a.is_websocket() && b.is_websocket();
    for side in Side::BOTH.into_iter().filter(|_| frames) {
        for (what, text) in COUNTED {
            let pair = both(&|recorded| text(&recorded.messages[side]));
            out.push(Difference::between(what, Some(side), pair));
        }
    }
    out.push(Difference::between("close", None, both(&close)));
    out.push(Difference::between("tcp-end", None, both(&tcp_end)));
    out.into_iter().flatten().collect()
}

/// What is counted, and how that is told.
type Counted = (&'static str, fn(&[RecordedMessage]) -> String);

/// What can be counted of a side's messages.
const COUNTED: [Counted; 5] = [
    ("messages", |told| {
        format!(
            "{} data messages",
            told.iter().filter(|told| told.is_data()).count()
        )
    }),
    ("control-frames", |told| {
        let count = |kind| told.iter().filter(|told| told.kind == kind).count();
        let (pings, pongs) = (count(MessageKind::Ping), count(MessageKind::Pong));
        format!(
            "{pings} pings, {pongs} pongs, {} close",
            count(MessageKind::Close)
        )
    }),
    ("fragments", |told| {
        let frames: u64 = told
            .iter()
            .filter(|told| told.is_data())
            .map(|told| told.frames)
            .sum();
        format!("{frames} data frames")
    }),
    ("compression", |told| {
        let compressed = told.iter().filter(|told| told.compressed).count();
        let bytes: u64 = told
            .iter()
            .filter(|told| told.is_data())
            .map(|told| told.wire)
            .sum();
        format!("{compressed} compressed messages, {bytes} payload bytes")
    }),
    ("masking", |told| {
        format!(
            "{} masked messages",
            told.iter().filter(|told| told.mask.is_some()).count()
        )
    }),
];

fn proxy_protocol(recorded: &Recorded) -> String {
    let header = &recorded.shown().proxy_protocol;
    let header = header.as_ref();
    header.map_or_else(|| "none".to_owned(), |header| header.to_string())
}

fn tunnel(recorded: &Recorded) -> String {
    let Some(tunnel) = &recorded.shown().tunnel else {
        return "none".to_owned();
    };
    let target = escape::preview(tunnel.target(), 80);
    let status = tunnel.status();
    let status = status.map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    format!("{} {target}, {status}", tunnel.title())
}

fn close(recorded: &Recorded) -> String {
    let close = &recorded.shown().close;
    if !(close.frames.client || close.frames.server) {
        return "no close frame".to_owned();
    }
    let by = close.by.map_or("nobody", Side::name);
    let code = close
        .code
        .map_or_else(|| "no code".to_owned(), |code| code.to_string());
    let reason = close.reason.as_ref().filter(|reason| !reason.is_empty());
    let reason = reason.map_or_else(String::new, |text| {
        format!(" {:?}", escape::preview(text, 60))
    });
    let clean = if close.is_clean() {
        "clean"
    } else {
        "not clean"
    };
    format!("by {by}, {code}{reason}, {clean}")
}

fn tcp_end(recorded: &Recorded) -> String {
    let ended = recorded.connection.close.ended_by;
    match (ended, recorded.ended) {
        (Some(ended @ (EndedBy::Fin | EndedBy::Rst)), Some((side, _))) => {
            format!("{}, first by the {}", ended.name(), side.name())
        }
        (ended, _) => ended.map_or("open", EndedBy::name).to_owned(),
    }
}

/// How long the answers took, when one took much longer.
pub(super) fn of_time(pair: &Pair<'_>) -> Option<Difference> {
    let waited = |recorded: &Recorded| {
        let handshake = recorded.connection.handshake.as_ref()?;
        let (request, response) = (handshake.request.as_ref()?, handshake.response.as_ref()?);
        (handshake.outcome != Outcome::NotSeen).then(|| response.time.since(request.time))
    };
    let (one, other) = (waited(pair.one)?, waited(pair.other)?);
    let differs = one.abs_diff(other) >= LONG.unsigned_abs();
    let answered = |time| format!("answered after {}", duration(time));
    differs
        .then(|| Difference::between("answer-time", None, (answered(one), answered(other))))
        .flatten()
}
