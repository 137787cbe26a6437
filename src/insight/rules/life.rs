//! The life of an open connection and its end: resets from elsewhere, pings, time-outs, ends without a close frame.

use crate::base::{Code, Side, escape};
use crate::engine::{EndSummary, EndedBy, Outcome, Transport};
use crate::insight::case::{Case, Found, the};
use crate::insight::ending::{self, Common, Cut, Pattern};
use crate::insight::facts::Noted;
use crate::insight::fix::Situation;
use crate::insight::verdict::{Confidence, Verdict};

use super::status::seconds;

/// How much a time to live may differ between packets of one path.
const TTL_SLACK: u8 = 1;
/// Pings outlive this before their lack of an answer says something, in nanoseconds.
const PING_PATIENCE: i64 = 150_000_000;
/// The same while the other side is heard of.
const TALKING_PATIENCE: i64 = 5_000_000_000;
/// A client that ends within this time of the 101 did so because of it, in nanoseconds.
const ON_SWITCHING: i64 = 200_000_000;
/// Idle limits that many programs have, in seconds: a single connection cut after one of these is worth a word.
const KNOWN: &[i64] = &[60, 100, 120, 240, 300, 350, 600, 900, 3600];

/// Whether the time to live of an end's reset is none of its other packets'.
fn is_outside(end: &EndSummary) -> bool {
    let (Some(reset), Some((low, high))) = (end.reset, end.ttl) else {
        return false;
    };
    reset.ttl < low.saturating_sub(TTL_SLACK) || reset.ttl > high.saturating_add(TTL_SLACK)
}

/// A reset that does not look like its sender's other packets: somebody between forged it.
fn forged(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let mut sides = Side::BOTH;
    sides.sort_by_key(|side| {
        flow.sides[*side]
            .reset
            .map_or(u64::MAX, |reset| reset.at.packet.0)
    });
    for side in sides {
        let end = &flow.sides[side];
        let (Some(reset), Some((low, high))) = (end.reset, end.ttl) else {
            continue;
        };
        let outside = is_outside(end);
        let goes_on = end.after_reset > 0;
        if end.packets < 3 || !(outside || goes_on && case.is_accepted()) {
            continue;
        }
        let whose = match outside && is_outside(&flow.sides[side.peer()]) {
            true => "both sides: they do not look like the sides' other packets".to_owned(),
            false => format!(
                "{}: it does not look like that side's other packets",
                the(side)
            ),
        };
        let sentence =
            format!("something between the two ends forged a RST in the name of {whose}");
        let ttl = format!(
            "RST with TTL {}, {}'s other packets have {low}{}",
            reset.ttl,
            the(side),
            if low == high {
                String::new()
            } else {
                format!(" to {high}")
            }
        );
        let rest = format!(
            "IP id {}, window {}; its packet before had IP id {}, window {}",
            reset.ip_id, reset.window, end.last_ip_id, end.last_window
        );
        let mut found = match outside && (goes_on || reset.ip_id == 0 && end.last_ip_id != 0) {
            true => Found::certain(Verdict::ForeignReset, sentence),
            false => Found::likely(Verdict::ForeignReset, sentence),
        };
        found = found.at(Some(reset.at), ttl).at(Some(reset.at), rest);
        if goes_on {
            let text = format!(
                "{} went on sending after it: {} packets",
                the(side),
                end.after_reset
            );
            found = found.at(end.last_data, text);
        }
        return Some(found);
    }
    None
}

/// A forged reset while the answer is still out.
pub(super) fn foreign_reset_before_answer(case: &Case<'_>) -> Option<Found> {
    if !case.is_unanswered() {
        return None;
    }
    forged(case)
}

/// A forged reset on an open connection.
pub(super) fn foreign_reset(case: &Case<'_>) -> Option<Found> {
    if !matches!(
        case.attempt.outcome(),
        Some(Outcome::Accepted | Outcome::NotSeen)
    ) {
        return None;
    }
    forged(case)
}

/// Pings that stopped being answered.
pub(super) fn ping_unanswered(case: &Case<'_>) -> Option<Found> {
    Side::BOTH
        .into_iter()
        .find_map(|side| not_answered(case, side))
}

/// The side that closed says that its keep-alive pings were not answered in time.
pub(super) fn keepalive_timeout(case: &Case<'_>) -> Option<Found> {
    let close = &case.attempt.connection.as_ref()?.close;
    let (by, reason) = (close.by?, close.reason.as_deref()?);
    if !close.blames_ping || !matches!(close.code, Some(1001 | 1002 | 1006 | 1008 | 1011)) {
        return None;
    }
    let frames = &case.attempt.frames;
    let sentence = format!(
        "{} closed because its ping was not answered in time ({}, saying {:?})",
        the(by),
        close.code.unwrap_or_default(),
        escape::preview(reason, 60)
    );
    let ping = frames[by]
        .pings
        .front()
        .map(|(_, seen)| *seen)
        .or(frames[by].last_ping);
    Some(
        Found::certain(Verdict::PingUnanswered, sentence)
            .at(ping, "the ping")
            .at(frames[by].close, "the close frame"),
    )
}

/// Ends of one server that come within this time are one moment, in nanoseconds.
const ONE_MOMENT: i64 = 500_000_000;
/// Connections that make a server's end.
const TOGETHER: usize = 3;
/// Of more, so many are looked at.
const MOST_TOGETHER: usize = 1000;

/// Connections of different ages that one server ended in one moment: it stopped, or was restarted.
pub(super) fn server_stopped(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let connection = attempt.connection.as_ref()?;
    let orderly = attempt.frames.client.close.is_some()
        && !matches!(connection.close.code, Some(1001 | 1012));
    let (by, end) = attempt.end()?;
    let by_server = by == Side::Server || connection.close.by == Some(Side::Server);
    if !case.is_accepted() || !by_server || orderly {
        return None;
    }
    let ends = case.all.ends_of(attempt.server);
    // In the order of time; of very many the nearest are enough.
    let from = ends.partition_point(|(time, _)| time.since(end.time) < -ONE_MOMENT);
    let to = ends.partition_point(|(time, _)| time.since(end.time) <= ONE_MOMENT);
    let near = || ends[from..to].iter().take(MOST_TOGETHER);
    let count = near().count();
    let first = near().map(|(time, _)| *time).min()?;
    let last = near().map(|(time, _)| *time).max()?;
    let oldest = near().map(|(_, opened)| *opened).min()?;
    let youngest = near().map(|(_, opened)| *opened).max()?;
    // Where all began in one moment too, a limit on age looks the same.
    let is_moment = youngest.since(oldest) > 4 * last.since(first).max(50_000_000);
    if count < TOGETHER || !is_moment {
        return None;
    }
    let sentence = format!(
        "{} ended {count} connections of different ages within {}: it stopped or was restarted",
        case.who_ended(Side::Server),
        seconds(last.since(first))
    );
    Some(Found::likely(Verdict::ServerStopped, sentence).at(Some(end), "the end of this one"))
}

/// Whether the pings of one side stopped being answered.
fn not_answered(case: &Case<'_>, side: Side) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    let frames = &case.attempt.frames[side];
    let (_, sent) = frames.pings.front()?;
    let close = frames.close.or(case.attempt.end().map(|(_, seen)| seen));
    let heard = case.attempt.frames[side.peer()].last;
    let is_silent = heard.is_none_or(|heard| heard.time <= sent.time);
    let gave_up = close.filter(|_| connection.close.by == Some(side));
    let end = gave_up.map_or_else(|| case.capture_end(), |close| close.time);
    let waited = end.since(sent.time);
    // One that closes normally had other reasons, and one that talks may be late.
    let complains = !matches!(connection.close.code, Some(1000 | 1001));
    let enough = match (gave_up, is_silent) {
        (Some(_), true) => waited >= PING_PATIENCE,
        (Some(_), false) => waited >= TALKING_PATIENCE && complains,
        (None, true) => frames.pings.len() >= 2 && case.attempt.end().is_none(),
        (None, false) => false,
    };
    if !enough {
        return None;
    }
    let (who, peer) = (the(side), the(side.peer()));
    let still = if is_silent {
        ""
    } else {
        ", though it went on sending"
    };
    let pings = match frames.pings.len() {
        1 => "a ping".to_owned(),
        count => format!("{count} pings"),
    };
    let end = gave_up.map_or_else(String::new, |_| match waited {
        ..1_000_000 => " and gave up at once".to_owned(),
        waited => format!(" and gave up after {}", seconds(waited)),
    });
    let answered = case.attempt.frames[side.peer()].pong_count;
    let stopped = match answered {
        0 => format!("{peer} does not answer pings"),
        _ => format!("{peer} stopped answering pings"),
    };
    let sentence = format!("{stopped}{still}: {who} sent {pings} without a pong{end}");
    let found = match is_silent {
        true => Found::certain(Verdict::PingUnanswered, sentence),
        false => Found::likely(Verdict::PingUnanswered, sentence),
    };
    let found = found
        .at(Some(*sent), "the first ping without an answer")
        .at(heard, format!("the last frame of {peer}"));
    Some(match gave_up {
        Some(_) => found.at(gave_up, "the end"),
        None => found,
    })
}

/// What the endings of a server's connections have in common: the same silence, the same age, or the same moment.
pub(super) fn cluster(case: &Case<'_>) -> Option<Found> {
    match case.endings.common_to(case.attempt) {
        Some((cut, pattern)) => Some(of_many(case, cut, pattern)),
        None => of_one(case),
    }
}

fn of_many(case: &Case<'_>, cut: Cut, pattern: Pattern) -> Found {
    let found = match pattern.common {
        Common::Gap(limit, of) => idle(case, cut, limit, of, ""),
        Common::ServerGap(limit, of) => idle(case, cut, limit, of, " of the server"),
        Common::Age(limit, of) => aged(case, cut, limit, of),
    };
    if !pattern.at_once {
        return found;
    }
    let doubt = "all of them ended at one moment: a server that stops looks the same";
    Found {
        confidence: Confidence::Possible,
        ..found.at(None, doubt)
    }
}

fn idle(case: &Case<'_>, cut: Cut, limit: i64, of: usize, whose: &str) -> Found {
    let who = the(cut.by);
    let end = case.attempt.end().map(|(_, seen)| seen);
    let age = seconds(cut.age);
    let after = seconds(limit);
    if let Some(period) = ping_at_limit(case, limit) {
        let sentence = format!(
            "{who} ends connections after {after} of silence, exactly when the next ping is due (every {})",
            seconds(period)
        );
        return Found::likely(Verdict::PingAtIdleLimit, sentence).at(end, format!("age {age}"));
    }
    let sentence = format!(
        "an idle time-out: {who}, or a hop that ends for it, ended {of} connections after {after} of silence{whose}, whatever their age"
    );
    let silent = match whose {
        "" => cut.gap,
        _ => cut.server_gap,
    };
    let ended = format!(
        "the end, {} later, at the age of {age}; no close frame",
        seconds(silent)
    );
    let last = match whose {
        "" => case.attempt.last_data(),
        _ => case
            .attempt
            .flow
            .as_ref()
            .and_then(|flow| flow.sides.server.last_data),
    };
    Found::likely(Verdict::IdleTimeout, sentence)
        .at(last, format!("the last data{whose}"))
        .at(end, ended)
}

fn aged(case: &Case<'_>, cut: Cut, limit: i64, of: usize) -> Found {
    let who = the(cut.by);
    let end = case.attempt.end().map(|(_, seen)| seen);
    let sentence = format!(
        "a limit on age: {who}, or a hop that ends for it, ended {of} connections {} after they opened, however busy they were",
        seconds(limit)
    );
    let ended = format!(
        "the end, {} later; the last data was {} before; no close frame",
        seconds(cut.age),
        seconds(cut.gap)
    );
    Found::likely(Verdict::LifetimeLimit, sentence)
        .at(case.attempt.response_at(), "101")
        .at(end, ended)
}

/// The ping period, when it is about the idle limit.
fn ping_at_limit(case: &Case<'_>, limit: i64) -> Option<i64> {
    let frames = &case.attempt.frames;
    let mut periods = Side::BOTH
        .iter()
        .filter_map(|side| frames[*side].ping_period());
    periods.find(|period| period.abs_diff(limit) <= limit.unsigned_abs() / 10)
}

/// One connection cut after a time that many programs have as their limit.
fn of_one(case: &Case<'_>) -> Option<Found> {
    let cut = Cut::of(case.attempt)?;
    let known = |gap: i64| {
        let mut limits = KNOWN.iter().map(|limit| limit * 1_000_000_000);
        limits.find(|limit| gap.abs_diff(*limit) <= limit.unsigned_abs() / 50)
    };
    let limit = known(cut.gap).or_else(|| known(cut.server_gap))?;
    let sentence = format!(
        "{} ended the connection after {} of silence, without a close frame: a usual idle limit ({})",
        the(cut.by),
        seconds(cut.gap),
        seconds(limit),
    );
    let end = case.attempt.end().map(|(_, seen)| seen);
    Some(
        Found::possible(Verdict::IdleTimeout, sentence)
            .at(case.attempt.last_data(), "the last data")
            .at(end, "the end; no close frame"),
    )
}

/// A stream of HTTP/2 that ended by END_STREAM, or with its connection, and no close frame.
fn stream_ended(case: &Case<'_>) -> Option<Found> {
    let connection = case.attempt.connection.as_ref()?;
    let close = &connection.close;
    if close.ended_by != Some(EndedBy::Fin) {
        return None;
    }
    let who = close.by.map_or("one side", the);
    let within = match cut_off(case) {
        Some(_) => " in the middle of a frame or message",
        None => "",
    };
    let stream = match connection.transport {
        Transport::Http3 => "the HTTP/3 stream (FIN)",
        _ => "the HTTP/2 stream (END_STREAM)",
    };
    let sentence =
        format!("{who} ended {stream}{within} without a close frame (applications see code 1006)");
    let last = Side::BOTH
        .iter()
        .filter_map(|side| case.attempt.frames[*side].last);
    let last = last.max_by_key(|seen| seen.packet.0);
    Some(
        Found::certain(Verdict::ClosedWithoutCloseFrame, sentence)
            .at(last, "the last frame before"),
    )
}

/// The frame or message that an end of TCP cut off.
fn cut_off<'a>(case: &Case<'a>) -> Option<&'a Noted> {
    let noted = |code| case.attempt.noted(code);
    noted(Code::FrameCutOff).or(noted(Code::MessageCutOff))
}

/// An end of TCP that no close frame came before.
pub(super) fn without_close_frame(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let connection = attempt.connection.as_ref()?;
    let has_close = Side::BOTH
        .iter()
        .any(|side| attempt.frames[*side].close.is_some());
    if !connection.is_websocket() || has_close {
        return None;
    }
    if connection.transport.is_stream() {
        return stream_ended(case);
    }
    let (by, end) = attempt.end()?;
    let flow = attempt.flow.as_ref()?;
    let cut = cut_off(case);
    let within = cut.map_or_else(String::new, |noted| {
        let whose = match noted.from {
            Some(side) if side == by => "its own".to_owned(),
            side => format!("{}'s", the(side.unwrap_or(Side::Client))),
        };
        let what = match noted.code {
            Code::FrameCutOff => "frame",
            _ => "fragmented message",
        };
        format!(" in the middle of {whose} {what}")
    });
    let comma = if within.is_empty() { "" } else { "," };
    let reset = flow.sides[by].reset.filter(|reset| reset.at == end);
    let found = match reset {
        Some(_) => {
            let sentence = format!(
                "{} reset the connection{within}, without a close frame",
                case.who_ended(by)
            );
            Found::certain(Verdict::ConnectionReset, sentence).at(Some(end), "RST")
        }
        None => {
            let found = match left_on_switching(case, by) {
                Some(after) => {
                    let sentence = format!(
                        "the client ended the connection on the 101, {after}, without a frame: mostly it does not take this answer, which a hop may have changed on its way"
                    );
                    Found::certain(Verdict::ClosedWithoutCloseFrame, sentence)
                        .when(Situation::LeftOnSwitching)
                        .at(attempt.response_at(), "101")
                }
                None => {
                    let sentence = format!(
                        "{} ended the connection{within}{comma} without a close frame (applications see code 1006)",
                        case.who_ended(by)
                    );
                    Found::certain(Verdict::ClosedWithoutCloseFrame, sentence)
                }
            };
            found.at(Some(end), "FIN")
        }
    };
    let found = match cut {
        Some(noted) => {
            let from = noted.from.unwrap_or(by);
            found.at(flow.sides[from].last_data, &*noted.text)
        }
        None => found,
    };
    Some(found.at(attempt.last_data(), "the last data"))
}

/// How soon a client left that sent no frame after the 101, if that was because of it.
fn left_on_switching(case: &Case<'_>, by: Side) -> Option<String> {
    let frames = &case.attempt.connection.as_ref()?.frames;
    let (_, end) = case.attempt.end()?;
    let after = end.time.since(case.attempt.response_at()?.time);
    let is_because = case.is_accepted() && frames.client == 0 && after <= ON_SWITCHING;
    (by == Side::Client && is_because).then(|| super::status::later(after))
}

/// Nothing failed, or the capture ends too early to know.
pub(in crate::insight) fn nothing(case: &Case<'_>) -> Found {
    let Some(connection) = &case.attempt.connection else {
        return Found::certain(
            Verdict::Unfinished,
            "the capture ends before the outcome is known",
        );
    };
    if case.is_unanswered() || !connection.is_websocket() {
        let sentence = match ending::missing_direction(case.attempt) {
            Some(side) => format!(
                "what {} sent was not captured, so what became of the upgrade cannot be known",
                the(side)
            ),
            None => "the capture ends before the upgrade was answered".to_owned(),
        };
        return Found::certain(Verdict::Unfinished, sentence);
    }
    let frames = connection.frames.client + connection.frames.server;
    let handshake = match connection.outcome() {
        Outcome::NotSeen => "handshake not in the capture",
        _ if connection.transport.is_stream() => ":status 200",
        _ => "101",
    };
    let tolerated = super::frames::tolerated(case);
    let tolerated = tolerated.map_or_else(String::new, |what| format!("; {what}"));
    let ending = ending::text(case.attempt);
    let sentence = format!("healthy: {handshake}, {frames} frames, {ending}{tolerated}");
    Found::certain(Verdict::Healthy, sentence)
}
