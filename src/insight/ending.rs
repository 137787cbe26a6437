//! How connections ended: each for itself, and what all connections of a server have in common.
//!
//! A hop that limits silence ends connections after a constant gap, whatever their age; one that limits age ends them
//! at a constant age, however busy they are. Which it is shows in several connections, not in one.

use std::cell::Cell;
use std::collections::HashMap;
use std::net::SocketAddr;

use crate::base::{Side, Timestamp, escape};
use crate::engine::{Connection, EndedBy, Outcome, Transport};
use crate::websocket::close::CloseCode;

use super::facts::Attempt;

/// How one open connection ended without a close frame, in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Who ended TCP.
    pub by: Side,
    /// From the last data of either side.
    pub gap: i64,
    /// From the last data of the server, which is what some proxies count.
    pub server_gap: i64,
    /// From the answer to the upgrade.
    pub age: i64,
    /// When it ended.
    pub end: Timestamp,
}

impl Cut {
    /// How an attempt ended, when it was open and no close frame was sent before.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Option<Self> {
        // Streams of one HTTP/2 connection end together, which says nothing of each.
        let transport = attempt.connection.as_ref()?.transport;
        if attempt.outcome() != Some(Outcome::Accepted) || transport.is_stream() {
            return None;
        }
        let (by, end) = attempt.end()?;
        let closed = Side::BOTH
            .iter()
            .filter_map(|side| attempt.frames[*side].close);
        if closed
            .min_by_key(|seen| seen.time)
            .is_some_and(|close| close.time <= end.time)
        {
            return None;
        }
        let opened = attempt.response_at()?;
        let last = attempt.last_data()?;
        let flow = attempt.flow.as_ref()?;
        let of_server = flow.sides.server.last_data.unwrap_or(last);
        Some(Self {
            by,
            gap: end.time.since(last.time).max(0),
            server_gap: end.time.since(of_server.time).max(0),
            age: end.time.since(opened.time).max(0),
            end: end.time,
        })
    }
}

/// What the connections of one server that were cut by one side have in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Common {
    /// The same time of silence in nanoseconds; the connections that show it.
    Gap(i64, usize),
    /// The same silence of the server alone.
    ServerGap(i64, usize),
    /// The same age.
    Age(i64, usize),
}

impl Common {
    /// The time that is the same.
    #[must_use]
    pub fn time(self) -> i64 {
        match self {
            Common::Gap(time, _) | Common::ServerGap(time, _) | Common::Age(time, _) => time,
        }
    }

    /// The same time of one cut.
    fn of(self, cut: &Cut) -> i64 {
        match self {
            Common::Gap(..) => cut.gap,
            Common::ServerGap(..) => cut.server_gap,
            Common::Age(..) => cut.age,
        }
    }
}

/// A time-out as it shows in the endings of a server's connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pattern {
    /// What they have in common.
    pub common: Common,
    /// They also ended at one moment, as when a server stops: closer together than their ages or silences are alike.
    pub at_once: bool,
}

impl Pattern {
    fn has(&self, cut: &Cut) -> bool {
        near(self.common.of(cut), self.common.time())
    }
}

/// The commonest endings by server and side.
#[derive(Debug, Default)]
pub struct Endings {
    patterns: HashMap<(SocketAddr, Side), Pattern>,
    /// Whether anybody asked what an ending has in common with others.
    asked: Cell<bool>,
}

/// Cuts below this are not taken for a time-out.
const SHORTEST: i64 = 1_000_000_000;
/// Connections it takes to see a pattern.
const FEWEST: usize = 3;
/// Connections of which half is enough, when the others ended otherwise.
const MANY: usize = 6;
/// Ends within this time are one moment; so are those that lie closer together than what they have in common.
const MOMENT: i64 = 20_000_000;

impl Endings {
    /// Looks at all connections of a capture that were cut, by server and by who cut them.
    pub(super) fn of<'a>(groups: impl Iterator<Item = ((SocketAddr, Side), &'a [Cut])>) -> Self {
        let patterns = groups.filter_map(|(key, cuts)| Some((key, pattern(cuts)?)));
        Self {
            patterns: patterns.collect(),
            asked: Cell::new(false),
        }
    }

    /// What this attempt's ending has in common with others, when it is one of them.
    #[must_use]
    pub fn common_to(&self, attempt: &Attempt) -> Option<(Cut, Pattern)> {
        let cut = Cut::of(attempt)?;
        self.asked.set(true);
        let pattern = *self.patterns.get(&(attempt.server, cut.by))?;
        pattern.has(&cut).then_some((cut, pattern))
    }

    /// Whether this cut at a server is one of many alike.
    pub(super) fn has(&self, server: SocketAddr, cut: &Cut) -> bool {
        let pattern = self.patterns.get(&(server, cut.by));
        pattern.is_some_and(|pattern| pattern.has(cut))
    }

    /// Whether anybody asked what an ending has in common with others.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.get()
    }

    /// Forgets that anybody asked.
    pub(super) fn forget_asked(&self) {
        self.asked.set(false);
    }
}

fn pattern(cuts: &[Cut]) -> Option<Pattern> {
    let common = common(cuts)?;
    let alike = || {
        cuts.iter()
            .filter(|cut| near(common.of(cut), common.time()))
    };
    let spread =
        |values: Vec<i64>| Some(values.iter().max()?.saturating_sub(*values.iter().min()?));
    let ends = spread(alike().map(|cut| cut.end.0).collect())?;
    let times = spread(alike().map(|cut| common.of(cut)).collect())?;
    Some(Pattern {
        common,
        at_once: ends <= times.max(MOMENT),
    })
}

/// A value that most cuts share, when they differ in the other.
fn common(cuts: &[Cut]) -> Option<Common> {
    let gap = shared(cuts.iter().map(|cut| cut.gap));
    let server_gap = shared(cuts.iter().map(|cut| cut.server_gap));
    let age = shared(cuts.iter().map(|cut| cut.age));
    match (gap, age) {
        (Some((gap, of)), None) => Some(Common::Gap(gap, of)),
        (None, Some((age, of))) => Some(Common::Age(age, of)),
        // When both are constant the connections did the same: the silence is what is left over, if it is most of it.
        (Some((gap, of)), Some((age, _))) if gap.saturating_mul(2) > age => {
            Some(Common::Gap(gap, of))
        }
        (Some(_), Some((age, of))) => Some(Common::Age(age, of)),
        (None, None) => server_gap.map(|(gap, of)| Common::ServerGap(gap, of)),
    }
}

/// The middle of the values that lie closest together, and how many those are: three quarters of all at least, or half of
/// them when they are many.
fn shared(values: impl Iterator<Item = i64>) -> Option<(i64, usize)> {
    let mut values: Vec<i64> = values.collect();
    values.sort_unstable();
    let (mut best, mut low) = (0..0, 0);
    for (high, value) in values.iter().enumerate() {
        while value - values[low] > 2 * slack(values[low]) {
            low += 1;
        }
        if values[low] >= SHORTEST && high + 1 - low > best.len() {
            best = low..high + 1;
        }
    }
    let of = best.len();
    let is_most = of * 4 >= values.len() * 3 || of >= MANY && of * 2 >= values.len();
    let middle = *values.get(best.start + of / 2)?;
    (of >= FEWEST && is_most).then_some((middle, of))
}

/// Within 5 %, and always within 300 ms: nginx moves its timers no more often than that.
fn near(value: i64, middle: i64) -> bool {
    (value - middle).abs() <= slack(middle)
}

fn slack(time: i64) -> i64 {
    (time / 20).max(300_000_000)
}

/// The side of which no packet was captured, where the other one sent more than a SYN.
#[must_use]
pub fn missing_direction(attempt: &Attempt) -> Option<Side> {
    let flow = attempt.flow.as_ref()?;
    let mut sides = Side::BOTH.into_iter();
    sides.find(|side| {
        let peer = &flow.sides[side.peer()];
        flow.sides[*side].packets == 0 && peer.first_data.is_some()
    })
}

/// How a connection ended, in one line.
#[must_use]
pub fn text(attempt: &Attempt) -> String {
    let Some(connection) = &attempt.connection else {
        return tcp(attempt);
    };
    let close = &connection.close;
    let who = |side: Option<Side>| side.map_or("nobody seen", Side::name);
    let frame = Side::BOTH
        .iter()
        .any(|side| attempt.frames[*side].close.is_some());
    if !frame && connection.transport == Transport::Http3 {
        return stream(connection);
    }
    if !frame {
        return tcp(attempt);
    }
    let mut out = format!("closed by {}", who(close.by));
    if let Some(code) = close.code {
        out.push_str(&format!(" with {code} ({})", CloseCode(code).name()));
    } else {
        out.push_str(" without a code");
    }
    if let Some(reason) = &close.reason {
        out.push_str(&format!(" {:?}", escape::preview(reason, 60)));
    }
    out.push_str(match (close.is_clean(), missing_direction(attempt)) {
        (true, _) => ", clean",
        (false, Some(_)) => ", the other direction was not captured",
        (false, None) => ", the other side sent no close frame",
    });
    if let Some(EndedBy::Rst) = close.ended_by {
        out.push_str(", then reset");
    }
    out
}

/// How a stream of HTTP/3 ended that carried no close frame; there is no TCP under it.
fn stream(connection: &Connection) -> String {
    let close = &connection.close;
    let frame = match connection.is_websocket() {
        true => "no close frame; ",
        false => "",
    };
    let who = close.by.map_or("one side", Side::name);
    match close.ended_by {
        Some(EndedBy::Rst) => {
            let name = |code| connection.transport.error_name(code).into_owned();
            let code = close.error.map_or_else(|| "a reset".to_owned(), name);
            format!("{frame}{who} ended the stream, with {code}")
        }
        Some(EndedBy::Fin) => format!("{frame}{who} ended the stream first"),
        Some(EndedBy::Timeout) => "silent until it was given up".to_owned(),
        _ => "open at the end of the capture".to_owned(),
    }
}

fn tcp(attempt: &Attempt) -> String {
    let Some(flow) = &attempt.flow else {
        return "open at the end of the capture".to_owned();
    };
    let fins = (flow.sides.client.fin, flow.sides.server.fin);
    let websocket = attempt.connection.as_ref();
    let frame = match websocket.is_some_and(|connection| connection.is_websocket()) {
        true => "no close frame; ",
        false => "",
    };
    match (attempt.end(), flow.ended_by) {
        (Some((by, _)), EndedBy::Rst) => {
            format!("{frame}{} ended TCP, with a reset", by.name())
        }
        (Some((by, _)), _) => match fins {
            (Some(_), Some(_)) => format!("{frame}{} ended TCP first", by.name()),
            _ => format!("{frame}half-closed: only {} ended TCP", by.name()),
        },
        (None, EndedBy::Timeout) => "silent until it was given up".to_owned(),
        (None, _) => "open at the end of the capture".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: i64 = 1_000_000_000;

    fn cut(gap: i64, age: i64) -> Cut {
        Cut {
            by: Side::Server,
            gap,
            server_gap: gap,
            age,
            end: Timestamp(age),
        }
    }

    #[test]
    fn a_constant_gap_is_told_from_a_constant_age() {
        let idle = [1, 40, 200].map(|busy| cut(60 * SECOND, (60 + busy) * SECOND));
        assert_eq!(common(&idle), Some(Common::Gap(60 * SECOND, 3)));
        let aged = [1, 4, 11].map(|gap| cut(gap * SECOND, 30 * SECOND));
        assert_eq!(common(&aged), Some(Common::Age(30 * SECOND, 3)));
        assert_eq!(common(&idle[..2]), None, "two are no pattern");
        assert_eq!(
            common(&[1, 7, 30].map(|gap| cut(gap * SECOND, gap * 3 * SECOND))),
            None
        );
    }

    #[test]
    fn other_endings_between_do_not_hide_a_pattern() {
        let idle = [1, 40, 200, 300, 500, 700].map(|busy| cut(100 * SECOND, (100 + busy) * SECOND));
        let others = [3, 5, 9, 17, 33, 65].map(|gap| cut(gap * SECOND, gap * 7 * SECOND));
        let all = [idle, others].concat();
        assert_eq!(common(&all), Some(Common::Gap(100 * SECOND, 6)));
        assert_eq!(
            common(&[&idle[..3], &others[..3]].concat()),
            None,
            "three of six"
        );
    }

    #[test]
    fn ends_at_one_moment_are_said_to_be() {
        let stopped = [1, 2, 3].map(|_| cut(30 * SECOND, 30 * SECOND));
        assert_eq!(pattern(&stopped).map(|pattern| pattern.at_once), Some(true));
        let idle = [1, 40, 200].map(|busy| cut(60 * SECOND, (60 + busy) * SECOND));
        assert_eq!(pattern(&idle).map(|pattern| pattern.at_once), Some(false));
    }

    #[test]
    fn silence_of_the_server_alone_is_recognised() {
        let cuts = [1, 7, 19].map(|gap| Cut {
            server_gap: 60 * SECOND,
            ..cut(gap * SECOND, gap * 5 * SECOND + 60 * SECOND)
        });
        assert_eq!(common(&cuts), Some(Common::ServerGap(60 * SECOND, 3)));
    }
}
