//! An application's own pings that stopped being answered.

use crate::base::Side;
use crate::insight::case::{Case, Found, the};
use crate::insight::verdict::Verdict;

use super::status::seconds;

/// How long a ping waits before its lack of an answer says something, where the protocol does not say how long, in nanoseconds.
const PATIENCE: i64 = 5_000_000_000;
/// Of the time that a side waits, what a clock may take off.
const SLACK: i64 = 20;

/// One side sent an application's ping, got no pong, and ended the connection when its patience was over.
pub(super) fn application_ping_unanswered(case: &Case<'_>) -> Option<Found> {
    Side::BOTH
        .into_iter()
        .find_map(|side| not_answered(case, side))
}

fn not_answered(case: &Case<'_>, side: Side) -> Option<Found> {
    let attempt = case.attempt;
    let beats = attempt.heartbeats.as_deref()?;
    let sent = beats.waiting[side]?;
    let connection = attempt.connection.as_ref()?;
    let end = match connection.close.by {
        Some(by) => attempt.frames[by].close.map(|seen| (by, seen)),
        None => attempt.end(),
    };
    let (by, end) = end?;
    if by != side || !beats.are_answered(side) {
        return None;
    }
    let waited = end.time.since(sent.time);
    let is_over = match beats.patience {
        Some(patience) => waited >= patience - patience / SLACK,
        // One that closes normally had other reasons.
        None => waited >= PATIENCE && !matches!(connection.close.code, Some(1000 | 1001)),
    };
    if !is_over {
        return None;
    }
    let (who, peer, protocol) = (the(side), the(side.peer()), beats.protocol);
    let stopped = match beats.pongs[side.peer()] {
        0 => "does not answer",
        _ => "stopped answering",
    };
    let agreed = beats
        .patience
        .map(|patience| format!("; pingTimeout is {}", seconds(patience)));
    let sentence = format!(
        "{peer} {stopped} the pings inside the messages ({protocol}): {who} sent one and gave up after {}{}",
        seconds(waited),
        agreed.unwrap_or_default()
    );
    let heard = attempt.frames[side.peer()].last;
    let heard = heard.filter(|heard| heard.time <= end.time);
    let found = match beats.patience {
        Some(_) => Found::certain(Verdict::PingUnanswered, sentence),
        None => Found::likely(Verdict::PingUnanswered, sentence),
    };
    let found = found.at(Some(sent), format!("the ping of {protocol} without a pong"));
    let found = match heard {
        Some(_) => found.at(heard, format!("the last frame of {peer}")),
        None => found,
    };
    Some(found.at(Some(end), "the end"))
}
