//! How connections ended: each for itself, and what all connections of a server have in common.
//!
//! A hop that limits silence ends connections after a constant gap, whatever their age; one that limits age ends them
//! at a constant age, however busy they are. Which it is shows in several connections, not in one.

use std::collections::HashMap;
use std::net::IpAddr;

use crate::base::{Side, escape};
use crate::engine::{EndedBy, Outcome};
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
}

impl Cut {
    /// How an attempt ended, when it was open and no close frame was sent before.
    #[must_use]
    pub fn of(attempt: &Attempt) -> Option<Self> {
        if !matches!(attempt.outcome(), Some(Outcome::Accepted)) {
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

/// The commonest endings by server and side.
#[derive(Debug, Default)]
pub struct Endings {
    common: HashMap<(IpAddr, u16, Side), Common>,
}

/// Cuts below this are not taken for a time-out.
const SHORTEST: i64 = 1_000_000_000;
/// Connections it takes to see a pattern.
const FEWEST: usize = 3;

impl Endings {
    /// Looks at all connections of a capture.
    #[must_use]
    pub fn of(attempts: &[Attempt]) -> Self {
        let mut groups: HashMap<(IpAddr, u16, Side), Vec<Cut>> = HashMap::new();
        for attempt in attempts {
            if let Some(cut) = Cut::of(attempt) {
                let key = (attempt.server.ip(), attempt.server.port(), cut.by);
                groups.entry(key).or_default().push(cut);
            }
        }
        let common = groups
            .into_iter()
            .filter_map(|(key, cuts)| Some((key, common(&cuts)?)))
            .collect();
        Self { common }
    }

    /// What this attempt's ending has in common with others, when it is one of them.
    #[must_use]
    pub fn common_to(&self, attempt: &Attempt) -> Option<(Cut, Common)> {
        let cut = Cut::of(attempt)?;
        let key = (attempt.server.ip(), attempt.server.port(), cut.by);
        let common = *self.common.get(&key)?;
        let is_one = match common {
            Common::Gap(value, _) => near(cut.gap, value),
            Common::ServerGap(value, _) => near(cut.server_gap, value),
            Common::Age(value, _) => near(cut.age, value),
        };
        is_one.then_some((cut, common))
    }
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
        (Some((gap, of)), Some((age, _))) if gap * 2 > age => Some(Common::Gap(gap, of)),
        (Some(_), Some((age, of))) => Some(Common::Age(age, of)),
        (None, None) => server_gap.map(|(gap, of)| Common::ServerGap(gap, of)),
    }
}

/// The middle value, when at least three quarters of the others are near it.
fn shared(values: impl Iterator<Item = i64>) -> Option<(i64, usize)> {
    let mut values: Vec<i64> = values.collect();
    values.sort_unstable();
    let middle = *values.get(values.len() / 2)?;
    let of = values.iter().filter(|value| near(**value, middle)).count();
    (middle >= SHORTEST && of >= FEWEST && of * 4 >= values.len() * 3).then_some((middle, of))
}

/// Within 5 %, and always within 300 ms: nginx moves its timers no more often than that.
fn near(value: i64, middle: i64) -> bool {
    (value - middle).abs() <= (middle / 20).max(300_000_000)
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
    out.push_str(match close.is_clean() {
        true => ", clean",
        false => ", the other side sent no close frame",
    });
    if let Some(EndedBy::Rst) = close.ended_by {
        out.push_str(", then reset");
    }
    out
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
    fn silence_of_the_server_alone_is_recognised() {
        let cuts = [1, 7, 19].map(|gap| Cut {
            server_gap: 60 * SECOND,
            ..cut(gap * SECOND, gap * 5 * SECOND + 60 * SECOND)
        });
        assert_eq!(common(&cuts), Some(Common::ServerGap(60 * SECOND, 3)));
    }
}
