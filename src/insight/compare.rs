//! Two captures of the same connections, on the two sides of a hop; or two attempts side by side.
//!
//! A [`Recorder`] keeps what a comparison needs and [`Records`] numbers it. [`hop`] finds which connections are the same,
//! aligns the clocks and tells what the hop between changed; [`attempts`] tells how two connections of one capture differ.

mod alignment;
mod changes;
mod clocks;
mod difference;
mod heads;
mod kinds;
mod messages;
mod pairing;
mod record;
mod report;
mod sides;
mod words;

use std::collections::HashSet;

use crate::base::{PerSide, Side};
use crate::engine::SeenHead;

use clocks::Fastest;
use heads::{Heads, Sides};
use kinds::Kinds;
use messages::Direction;

pub use changes::Change;
pub use clocks::{Basis, Clocks};
pub use difference::{Delay, Difference};
pub use kinds::Alike;
pub use pairing::{Pair, PairedBy, pair};
pub use record::{Recorded, Recorder, Recording, Records};
pub use report::{Diagnosed, Judged, attempts_json, attempts_text, hop_json, hop_text};

/// What differs between the two records of a connection, or between two attempts.
#[derive(Debug)]
pub struct Comparison<'a> {
    /// The two.
    pub pair: Pair<'a>,
    /// What the hop did, each in one sentence; nothing for attempts.
    pub changes: Vec<Change>,
    /// Line by line.
    pub differences: Vec<Difference>,
    /// Delays by sender.
    pub delays: PerSide<Option<Delay>>,
}

/// What a hop did to all connections.
#[derive(Debug)]
pub struct Hop<'a> {
    /// The two captures' clocks.
    pub clocks: Clocks,
    /// The connections seen on both sides, by their number on the client's side; of each kind some.
    pub comparisons: Vec<Comparison<'a>>,
    /// Those that are only counted, since the hop did the same to others.
    pub more: Vec<Alike>,
    /// Connections seen on the client's side only.
    pub client_only: Vec<&'a Recorded>,
    /// Connections seen on the server's side only.
    pub server_only: Vec<&'a Recorded>,
}

/// Headers that are new in each attempt and say nothing.
const NEW_EACH_TIME: &[&str] = &["sec-websocket-key", "sec-websocket-accept", "date"];

/// Compares the captures of the two sides of a hop; of connections to which it did alike so many are kept.
#[must_use]
pub fn hop<'a>(client: &'a [Recorded], server: &'a [Recorded], alike: usize) -> Hop<'a> {
    let pairs = pair(client, server);
    let aligned: Vec<_> = pairs.iter().map(aligned).collect();
    let clocks = clocks(&pairs, &aligned);
    let alone = |all: &'a [Recorded], paired: HashSet<u32>| {
        let alone = all.iter().filter(|one| !paired.contains(&one.number));
        alone.collect::<Vec<_>>()
    };
    let client_only = alone(client, pairs.iter().map(|pair| pair.one.number).collect());
    let server_only = alone(server, pairs.iter().map(|pair| pair.other.number).collect());
    let mut kinds = Kinds::default();
    let compared = pairs.iter().zip(&aligned);
    let compared = compared.map(|(pair, directions)| through(*pair, directions, &clocks));
    Hop {
        comparisons: compared
            .filter(|comparison| {
                let Pair { one, other, .. } = comparison.pair;
                kinds.keeps(kind(comparison), (one.number, other.number), alike)
            })
            .collect(),
        more: kinds.more(),
        clocks,
        client_only,
        server_only,
    }
}

/// What comparisons of one kind have in common: how they were paired, how both sides came out and ended, and what the hop
/// did, whatever its numbers.
fn kind(comparison: &Comparison<'_>) -> String {
    let pair = &comparison.pair;
    let mut key = pair.by.name().to_owned();
    for connection in [&pair.one.connection, &pair.other.connection] {
        let close = &connection.close;
        key.push_str(&format!(
            "\n{:?} {:?} {} {:?} {:?}",
            connection.outcome(),
            connection.status(),
            connection.transport.name(),
            close.code,
            close.ended_by
        ));
    }
    for change in &comparison.changes {
        key.push('\n');
        key.push_str(change.code);
        // The path that is rewritten is another each time, and so are durations, counts and packets.
        if change.code != changes::PATH {
            key.extend(change.text.chars().filter(|c| !c.is_ascii_digit()));
        }
    }
    for difference in &comparison.differences {
        key.push('\n');
        key.push_str(difference.what);
        if difference.what.ends_with("-header") {
            key.push_str(difference.one.split(':').next().unwrap_or_default());
        }
    }
    key
}

/// Compares two attempts of one capture.
#[must_use]
pub fn attempts<'a>(one: &'a Recorded, other: &'a Recorded) -> Comparison<'a> {
    let pair = Pair {
        one,
        other,
        by: PairedBy::Choice,
    };
    let mut differences = Vec::new();
    of_heads(&pair, NEW_EACH_TIME, &mut differences);
    differences.extend(sides::of_connection(&pair));
    differences.extend(sides::of_time(&pair));
    Comparison {
        pair,
        changes: Vec::new(),
        differences,
        delays: PerSide::default(),
    }
}

type Directions<'a> = PerSide<Direction<'a>>;

fn aligned<'a>(pair: &Pair<'a>) -> Directions<'a> {
    PerSide::new(|side| Direction::of(side, pair.one, pair.other))
}

fn through<'a>(pair: Pair<'a>, directions: &Directions<'a>, clocks: &Clocks) -> Comparison<'a> {
    let mut differences = Vec::new();
    of_heads(&pair, &[], &mut differences);
    differences.extend(sides::of_connection(&pair));
    let delays = PerSide::new(|side| delay(side, &directions[side], clocks));
    Comparison {
        changes: changes::of_hop(&pair, directions, &delays, clocks),
        pair,
        differences,
        delays,
    }
}

fn of_heads(pair: &Pair<'_>, skip: &[&str], out: &mut Vec<Difference>) {
    for is_request in [true, false] {
        let heads = Heads {
            is_request,
            one: Sides::of(pair.one, is_request),
            other: Sides::of(pair.other, is_request),
        };
        heads::differences(&heads, skip, out);
    }
}

/// The clocks, from everything that crossed the hop: messages, and requests and responses unless the hop made its own.
fn clocks(pairs: &[Pair<'_>], aligned: &[Directions<'_>]) -> Clocks {
    let mut fastest = Fastest::default();
    for (pair, directions) in pairs.iter().zip(aligned) {
        of_handshake(pair, &mut fastest);
        for (before, after) in directions.client.passed() {
            fastest.up(after.time.since(before.time));
        }
        for (before, after) in directions.server.passed() {
            fastest.down(after.time.since(before.time));
        }
    }
    Clocks::of(fastest)
}

fn of_handshake(pair: &Pair<'_>, fastest: &mut Fastest) {
    let both = (
        &pair.one.connection.handshake,
        &pair.other.connection.handshake,
    );
    let (Some(one), Some(other)) = both else {
        return;
    };
    let key = |request: Option<&SeenHead>| {
        let value = request?.head.value("Sec-WebSocket-Key");
        value.map(<[u8]>::to_vec)
    };
    let (asked, forwarded) = (one.request.as_ref(), other.request.as_ref());
    if key(asked).is_none() || key(asked) != key(forwarded) {
        return;
    }
    if let (Some(one), Some(other)) = (asked, forwarded) {
        fastest.up(other.time.since(one.time));
    }
    if let (Some(one), Some(other)) = (&one.response, &other.response)
        && one.head.status() == other.head.status()
    {
        fastest.down(one.time.since(other.time));
    }
}

fn delay(side: Side, direction: &Direction<'_>, clocks: &Clocks) -> Option<Delay> {
    let ahead = match side {
        Side::Client => clocks.offset,
        Side::Server => clocks.offset.saturating_neg(),
    };
    let passed = direction.passed();
    let mut times: Vec<_> = passed
        .map(|(before, after)| {
            let time = after.time.since(before.time).saturating_sub(ahead);
            (time, (before.packet, after.packet))
        })
        .collect();
    times.sort_unstable();
    let (worst, worst_at) = *times.last()?;
    Some(Delay {
        count: times.len(),
        median: times.get(times.len() / 2)?.0,
        worst,
        worst_at,
    })
}
