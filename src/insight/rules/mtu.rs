//! Large segments that do not get through while small ones do: a hop with a smaller MTU drops them without a word.

use crate::base::Side;
use crate::insight::case::{Case, Found, the};
use crate::insight::verdict::Verdict;

use super::status::seconds;

/// Bytes from which a segment is large: less than the smallest MTU that a link of today has.
const LARGE: u32 = 1000;
/// How often it has to be sent again.
const AGAIN: u32 = 2;
/// How long bytes have to be missing, in nanoseconds: longer than a loss takes to be mended.
const PATIENCE: i64 = 900_000_000;

/// Large segments are lost again and again, in a handshake or later.
pub(super) fn black_hole(case: &Case<'_>) -> Option<Found> {
    Side::BOTH
        .into_iter()
        .find_map(|side| sent_again(case, side).or_else(|| never_arrived(case, side)))
}

/// As it looks where they are sent.
fn sent_again(case: &Case<'_>, side: Side) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (end, peer) = (&flow.sides[side], &flow.sides[side.peer()]);
    let stuck = end
        .stuck
        .as_deref()
        .filter(|stuck| stuck.count >= AGAIN && stuck.len >= LARGE)?;
    // The other side is there: it was heard of after the segment was sent, and did not acknowledge it.
    let last_new = end.last_data?;
    if end.passed >= stuck.len || peer.last <= last_new.time {
        return None;
    }
    let sentence = format!(
        "large segments do not get through: {} sent the same {} bytes {} times without an acknowledgement, while {}",
        the(side),
        stuck.len,
        stuck.count + 1,
        small(end.passed, the(side.peer())),
    );
    Some(
        Found::likely(Verdict::MtuBlackHole, sentence)
            .at(Some(last_new), "the data, sent the first time")
            .at(Some(stuck.first), "sent again")
            .at(
                Some(stuck.last),
                format!(
                    "sent again, {} later",
                    seconds(stuck.last.time.since(stuck.first.time))
                ),
            ),
    )
}

fn small(passed: u32, peer: &str) -> String {
    match passed {
        0 => format!("{peer} answers what is smaller"),
        passed => format!("segments up to {passed} bytes arrive"),
    }
}

/// As it looks where they do not arrive: a smaller segment behind them does.
fn never_arrived(case: &Case<'_>, side: Side) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let end = &flow.sides[side];
    let hole = end
        .hole
        .as_deref()
        .filter(|hole| end.waits_for(hole) && hole.len >= LARGE)?;
    let waited = flow.last.since(hole.beyond.time);
    if waited < PATIENCE || hole.passed >= LARGE.max(hole.len) {
        return None;
    }
    let sentence = format!(
        "large segments do not get through: {} bytes of {} never arrived, and {} bytes behind them did",
        hole.len,
        the(side),
        hole.passed,
    );
    Some(
        Found::likely(Verdict::MtuBlackHole, sentence)
            .at(Some(hole.beyond), "the segment behind what is missing")
            .at(
                end.last_data,
                format!("{} later they are still missing", seconds(waited)),
            ),
    )
}
