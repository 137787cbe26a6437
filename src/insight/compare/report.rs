//! Comparisons as text for people and as JSON for programs.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::{Side, counted, escape};
use crate::engine::Connection;
use crate::insight::{Diagnosis, Verdict};

use super::words::duration;
use super::{Alike, Comparison, Delay, Hop, Recorded};

/// The diagnoses of the connections of one capture, by number.
pub type Judged = HashMap<u32, Arc<Diagnosis>>;

/// The diagnoses of one side of a hop.
#[derive(Debug, Default)]
pub struct Diagnosed {
    /// Of connections, by number.
    pub judged: Judged,
    /// Of attempts that came to no request: refused, unanswered, failed in TLS.
    pub legs: Vec<Arc<Diagnosis>>,
}

/// What a hop did, for people; of connections on one side only, `alike` of each kind are shown.
#[must_use]
pub fn hop_text(hop: &Hop<'_>, client: &Diagnosed, server: &Diagnosed, alike: usize) -> String {
    let mut out = format!("clocks: {}\n", hop.clocks.sentence());
    let more: u64 = hop.more.iter().map(|more| more.count).sum();
    if more > 0 {
        let count = hop.comparisons.len() as u64 + more;
        let shown = hop.comparisons.len();
        out.push_str(&format!(
            "{count} connections on both sides; {shown} are shown, some of each kind (--all shows every one)\n"
        ));
    }
    for comparison in &hop.comparisons {
        out.push('\n');
        comparison_text(
            comparison,
            ["client side", "server side"],
            [&client.judged, &server.judged],
            &mut out,
        );
    }
    if !hop.more.is_empty() {
        out.push('\n');
    }
    for alike in &hop.more {
        more_text(alike, &mut out);
    }
    let sides = [
        (
            &hop.client_only,
            client,
            "client",
            "the hop did not pass it on, or the other capture lacks it",
        ),
        (
            &hop.server_only,
            server,
            "server",
            "it is the hop's own, or the other capture lacks it",
        ),
    ];
    for (alone, diagnosed, side, why) in sides {
        let mut kinds = OfKind::new(alike);
        for recorded in alone {
            let number = recorded.number;
            let judged = diagnosed.judged.get(&number).map(|one| &**one);
            let leg = match side {
                "client" => leg_of(recorded, &server.legs, hop.clocks.offset),
                _ => None,
            };
            let connection = recorded.shown();
            let kind = (
                connection.server,
                judged.map(|one| one.verdict),
                leg.map(|leg| leg.verdict),
            );
            if !kinds.shows(kind, number) {
                continue;
            }
            let why = match leg {
                Some(_) => "the hop reached for the server, and came to no request",
                None => why,
            };
            out.push_str(&format!(
                "\nconnection {number} on the {side} side only: {why}\n"
            ));
            entry("", &line(connection), &mut out);
            verdict("", judged, &mut out);
            if let Some(leg) = leg {
                entry(
                    "server side",
                    &format!("{} -> {}", leg.client, leg.server),
                    &mut out,
                );
                verdict("", Some(leg), &mut out);
            }
        }
        kinds.more_text(&mut out);
    }
    legs_text(&server.legs, alike, &mut out);
    let is_empty =
        hop.comparisons.is_empty() && hop.client_only.is_empty() && hop.server_only.is_empty();
    if is_empty && server.legs.is_empty() {
        out.push_str("no attempt at a WebSocket in either capture\n");
    }
    out
}

fn more_text(alike: &Alike, out: &mut String) {
    let count = alike.count;
    match alike.like {
        Some((one, other)) => {
            let numbers: Vec<_> = alike.numbers.iter().map(u32::to_string).collect();
            let rest = if count > numbers.len() as u64 {
                ", ..."
            } else {
                ""
            };
            out.push_str(&format!(
                "{count:>10} more like connection {one} and connection {other}: {}{rest}\n",
                numbers.join(", ")
            ));
        }
        None => out.push_str(&format!("{count:>10} more of further kinds\n")),
    }
}

/// What is listed so many times of each kind, and counted beyond.
struct OfKind<K> {
    most: usize,
    kinds: HashMap<K, (usize, u32, u64)>,
}

impl<K: std::hash::Hash + Eq> OfKind<K> {
    fn new(most: usize) -> Self {
        Self {
            most,
            kinds: HashMap::new(),
        }
    }

    fn shows(&mut self, kind: K, number: u32) -> bool {
        let (shown, _, more) = self.kinds.entry(kind).or_insert((0, number, 0));
        let shows = *shown < self.most;
        *shown += usize::from(shows);
        *more += u64::from(!shows);
        shows
    }

    /// The first of each kind that has more, and how many more.
    fn more(self) -> Vec<(u32, u64)> {
        let kinds = self.kinds.into_values().filter(|(_, _, more)| *more > 0);
        let mut more: Vec<_> = kinds.map(|(_, first, more)| (first, more)).collect();
        more.sort_unstable();
        more
    }

    fn more_text(self, out: &mut String) {
        for (first, more) in self.more() {
            out.push_str(&format!("{more:>10} more like connection {first}\n"));
        }
    }
}

/// Milliseconds around an attempt within which the hop reaches for the server, in nanoseconds.
const AROUND: i64 = 50_000_000;

/// The attempt of the server's side that came to no request while this one of the client's side was answered by the hop.
fn leg_of<'a>(
    recorded: &Recorded,
    legs: &'a [Arc<Diagnosis>],
    offset: i64,
) -> Option<&'a Diagnosis> {
    let handshake = recorded.connection.handshake.as_ref()?;
    let asked = handshake.request.as_ref()?.time;
    let answered = handshake.response.as_ref().map(|response| response.time);
    let until = answered.or(recorded.connection.closed)?;
    // They are in the order of their first packets, and a hop tries again.
    let from = legs.partition_point(|leg| leg.opened.since(asked).saturating_sub(offset) < -AROUND);
    let leg = legs.get(from)?;
    (leg.opened.since(until).saturating_sub(offset) <= AROUND).then_some(leg)
}

/// Attempts of the hop that came to no request.
fn legs_text(legs: &[Arc<Diagnosis>], alike: usize, out: &mut String) {
    if legs.is_empty() {
        return;
    }
    out.push_str("\nthe hop reached for these on the server side, and came to no request:\n");
    let mut kinds: HashMap<(SocketAddr, Verdict), usize> = HashMap::new();
    for leg in legs {
        let count = kinds.entry((leg.server, leg.verdict)).or_default();
        *count += 1;
        if *count <= alike {
            entry("", &format!("{} -> {}", leg.client, leg.server), out);
            verdict("", Some(leg), out);
        }
    }
    let mut more: Vec<_> = kinds
        .into_iter()
        .filter(|(_, count)| *count > alike)
        .collect();
    more.sort_unstable();
    for ((server, verdict), count) in more {
        let more = count - alike;
        out.push_str(&format!("{more:>10} more {verdict} at {server}\n"));
    }
}

/// How two attempts differ, for people.
#[must_use]
pub fn attempts_text(comparison: &Comparison<'_>, judged: &Judged) -> String {
    let mut out = String::new();
    comparison_text(comparison, ["first", "second"], [judged, judged], &mut out);
    if comparison.differences.is_empty() {
        entry("", "nothing differs that a capture can show", &mut out);
    }
    out
}

fn comparison_text(
    comparison: &Comparison<'_>,
    names: [&str; 2],
    judged: [&Judged; 2],
    out: &mut String,
) {
    let pair = &comparison.pair;
    let (one, other) = (pair.one.number, pair.other.number);
    let by = pair.by.meaning();
    out.push_str(&format!("connection {one} and connection {other}, {by}\n"));
    for ((recorded, name), judged) in [pair.one, pair.other].into_iter().zip(names).zip(judged) {
        entry(name, &line(recorded.shown()), out);
        verdict("", judged.get(&recorded.number).map(|one| &**one), out);
    }
    for change in &comparison.changes {
        entry("*", &change.text, out);
    }
    for side in Side::BOTH {
        if let Some(delay) = &comparison.delays[side] {
            entry("delay", &delayed(side, delay), out);
        }
    }
    for difference in &comparison.differences {
        let from = difference.from.map_or("", |side| match side {
            Side::Client => " from the client",
            Side::Server => " from the server",
        });
        entry(difference.what, &format!("{}{from}", difference.one), out);
        entry("  ->", &format!("{}{from}", difference.other), out);
    }
}

fn entry(label: &str, text: &str, out: &mut String) {
    out.push_str(&format!("  {label:<16} {text}\n"));
}

fn delayed(side: Side, delay: &Delay) -> String {
    format!(
        "{} from the {} took {} in the median, {} at worst (packets {} and {})",
        counted(delay.count as u64, "message"),
        side.name(),
        duration(delay.median),
        duration(delay.worst),
        delay.worst_at.0.0,
        delay.worst_at.1.0,
    )
}

/// Addresses, target and outcome.
fn line(connection: &Connection) -> String {
    let target = match (connection.request(), &connection.tunnel) {
        (Some(head), _) => escape::preview(head.target(), 60),
        (None, Some(tunnel)) => {
            let target = escape::preview(tunnel.target(), 60);
            format!("{} {target}", tunnel.title())
        }
        (None, None) => "request not seen".to_owned(),
    };
    let status = match connection.status() {
        Some(status) => status.to_string(),
        None => connection.outcome().name().to_owned(),
    };
    format!(
        "{} -> {}  {target}: {status}",
        connection.client, connection.server
    )
}

fn verdict(label: &str, diagnosis: Option<&Diagnosis>, out: &mut String) {
    if let Some(diagnosis) = diagnosis {
        let text = match diagnosis.stage() {
            Some(_) => format!("{}: {}", diagnosis.verdict, diagnosis.sentence),
            None => diagnosis.sentence.clone(),
        };
        entry(label, &text, out);
    }
}

/// What a hop did, for programs; of connections on one side only, `alike` of each kind are listed.
#[must_use]
pub fn hop_json(hop: &Hop<'_>, client: &Diagnosed, server: &Diagnosed, alike: usize) -> Value {
    let pairs = hop.comparisons.iter();
    let pairs: Vec<_> = pairs
        .map(|comparison| comparison_json(comparison, &client.judged, &server.judged))
        .collect();
    let more: Vec<_> = hop.more.iter().map(alike_json).collect();
    let alone = |all: &[&Recorded], side: &Diagnosed| -> (Vec<Value>, Vec<Value>) {
        let mut kinds = OfKind::new(alike);
        let shown = all.iter().filter(|recorded| {
            let verdict = side.judged.get(&recorded.number).map(|one| one.verdict);
            kinds.shows((recorded.connection.server, verdict), recorded.number)
        });
        let shown = shown
            .map(|recorded| side_json(recorded, &side.judged))
            .collect();
        let more = kinds.more().into_iter();
        (
            shown,
            more.map(|(like, count)| json!({"like": like, "count": count}))
                .collect(),
        )
    };
    let (client_only, client_more) = alone(&hop.client_only, client);
    let (server_only, server_more) = alone(&hop.server_only, server);
    let legs = server
        .legs
        .iter()
        .take(alike.saturating_mul(10))
        .map(|leg| leg_json(leg));
    let legs: Vec<_> = legs.collect();
    json!({
        "clocks": {
            "offset_ns": hop.clocks.offset,
            "basis": hop.clocks.basis_name(),
            "crossings": hop.clocks.crossings,
            "text": hop.clocks.sentence(),
        },
        "pairs": pairs,
        "more": more,
        "client_only": client_only,
        "client_only_more": client_more,
        "server_only": server_only,
        "server_only_more": server_more,
        "server_legs": legs,
        "server_leg_count": server.legs.len(),
    })
}

fn alike_json(alike: &Alike) -> Value {
    let like = alike
        .like
        .map(|(one, other)| json!({"one": one, "other": other}));
    json!({"like": like, "count": alike.count, "connections": alike.numbers})
}

fn leg_json(leg: &Diagnosis) -> Value {
    json!({
        "client": leg.client.to_string(),
        "server": leg.server.to_string(),
        "packet": leg.first_packet.0,
        "verdict": leg.verdict.name(),
        "sentence": leg.sentence,
    })
}

/// How two attempts differ, for programs.
#[must_use]
pub fn attempts_json(comparison: &Comparison<'_>, judged: &Judged) -> Value {
    json!({ "pairs": [comparison_json(comparison, judged, judged)] })
}

fn comparison_json(comparison: &Comparison<'_>, one: &Judged, other: &Judged) -> Value {
    let changes = comparison.changes.iter();
    let changes: Vec<_> = changes
        .map(|change| json!({"code": change.code, "text": change.text}))
        .collect();
    let differences = comparison.differences.iter().map(|difference| {
        let from = difference.from.map(Side::name);
        let (one, other) = (&difference.one, &difference.other);
        json!({"what": difference.what, "from": from, "one": one, "other": other})
    });
    let differences: Vec<_> = differences.collect();
    let delay = |side: Side| {
        comparison.delays[side].map(|delay| {
            json!({
                "messages": delay.count,
                "median_ns": delay.median,
                "worst_ns": delay.worst,
                "worst_packets": [delay.worst_at.0.0, delay.worst_at.1.0],
            })
        })
    };
    json!({
        "one": side_json(comparison.pair.one, one),
        "other": side_json(comparison.pair.other, other),
        "paired_by": comparison.pair.by.name(),
        "changes": changes,
        "delay": {"client": delay(Side::Client), "server": delay(Side::Server)},
        "differences": differences,
    })
}

fn side_json(recorded: &Recorded, judged: &Judged) -> Value {
    let connection = recorded.shown();
    let target = connection.request().map(|head| escape::text(head.target()));
    json!({
        "connection": recorded.number,
        "client": connection.client.to_string(),
        "server": connection.server.to_string(),
        "target": target,
        "outcome": connection.outcome().name(),
        "status": connection.status(),
        "verdict": judged.get(&recorded.number).map(|diagnosis| diagnosis.verdict.name()),
        "sentence": judged.get(&recorded.number).map(|diagnosis| &diagnosis.sentence),
    })
}
