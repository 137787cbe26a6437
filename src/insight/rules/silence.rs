//! The life of an open connection: packets that are lost on the way, in both directions or in one.

use crate::base::Side;
use crate::engine::EndSummary;
use crate::insight::case::{Case, Found, the};
use crate::insight::fix::Situation;
use crate::insight::verdict::Verdict;

use super::status::seconds;

/// Retransmissions without any answer that make a silent drop.
const UNHEARD: u32 = 3;

/// Retransmissions that nobody acknowledges: a hop drops the packets of the open connection.
pub(super) fn silent_drop(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let side = Side::BOTH
        .into_iter()
        .max_by_key(|side| flow.sides[*side].unheard)?;
    let (end, peer) = (&flow.sides[side], &flow.sides[side.peer()]);
    if end.unheard < UNHEARD || peer.packets == 0 || peer.reset.is_some() {
        return one_way_drop(case);
    }
    let (first, last) = (end.last_data?, end.last_unheard?);
    let sentence = format!(
        "packets are dropped silently from a certain moment on: {} sent the same data {} more times in {} and nothing came back",
        the(side),
        end.unheard,
        seconds(last.time.since(first.time)),
    );
    let mut found = Found::certain(Verdict::SilentDrop, sentence)
        .at(Some(first), "the data that is not acknowledged")
        .at(end.first_unheard, "the first retransmission")
        .at(Some(last), "the last one");
    found = with_notices(found, end);
    if let Some(heard) = peer.last_data {
        let idle = seconds(first.time.since(heard.time));
        found = found.at(
            Some(heard),
            format!("{} was last heard {idle} before", the(side.peer())),
        );
    }
    let idle = peer
        .last_data
        .map_or(0, |heard| first.time.since(heard.time));
    Some(in_its_situation(found, end, idle))
}

/// What ICMP said of the packets that were lost.
fn with_notices(found: Found, end: &EndSummary) -> Found {
    end.notices.iter().fold(found, |found, noticed| {
        let (from, reason) = (noticed.notice.from, noticed.notice.reason);
        found.at(Some(noticed.at), format!("ICMP from {from}: {reason}"))
    })
}

/// Silence below this is none that a table of connections forgets one for, in nanoseconds.
const IDLE: i64 = 20_000_000_000;

/// A drop that ICMP explains, or that no silence came before, is none of a table that forgot the connection.
fn in_its_situation(found: Found, end: &EndSummary, idle: i64) -> Found {
    let mut notices = end.notices.iter();
    let is_prohibited = notices.any(|noticed| noticed.notice.reason.is_prohibited());
    match is_prohibited {
        true => Found {
            sentence: format!(
                "{}; a firewall says so itself (ICMP), since a rule there rejects them",
                found.sentence
            ),
            ..found
        }
        .when(Situation::RejectedMeanwhile),
        false if idle < IDLE => found.when(Situation::DroppedWhileBusy),
        false => found,
    }
}

/// The same where the other side is heard all the while, and acknowledges nothing of it: one direction is lost.
fn one_way_drop(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    Side::BOTH.into_iter().find_map(|side| {
        let (end, peer) = (&flow.sides[side], &flow.sides[side.peer()]);
        let stuck = end.stuck.as_deref()?;
        // What repeats its own data hears nothing either; the last data again when it is over says nothing.
        if stuck.count < UNHEARD || peer.last <= stuck.first.time {
            return None;
        }
        let again = format!(
            "sent {} more times in {} and never acknowledged",
            stuck.count,
            seconds(stuck.last.time.since(stuck.first.time))
        );
        let sentence = match is_switching(case, side) {
            true => format!(
                "the 101 does not arrive: it was {again}, so something on the way drops it and lets the rest pass"
            ),
            false => format!(
                "what {} sends does not arrive any more, though {} is still heard: the same data was {again}",
                the(side),
                the(side.peer()),
            ),
        };
        let found = Found::likely(Verdict::SilentDrop, sentence)
            .at(Some(stuck.first), "the first retransmission")
            .at(Some(stuck.last), "the last one");
        let found = in_its_situation(with_notices(found, end), end, 0);
        Some(match peer.last_data {
            Some(heard) if heard.time > stuck.first.time => {
                found.at(Some(heard), format!("data of {} after it", the(side.peer())))
            }
            _ => found,
        })
    })
}

/// Whether the 101 is all that the server ever sent.
fn is_switching(case: &Case<'_>, side: Side) -> bool {
    let frames = case
        .attempt
        .connection
        .as_ref()
        .map(|connection| &connection.frames);
    side == Side::Server && case.is_accepted() && frames.is_some_and(|frames| frames.server == 0)
}
