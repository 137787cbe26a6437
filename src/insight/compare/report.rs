//! Comparisons as text for people and as JSON for programs.

use std::collections::HashMap;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::{Side, escape};
use crate::engine::Connection;
use crate::insight::Diagnosis;

use super::words::{duration, plural};
use super::{Comparison, Delay, Hop, Recorded};

/// The diagnoses of the connections of one capture, by number.
pub type Judged = HashMap<u32, Arc<Diagnosis>>;

/// What a hop did, for people.
#[must_use]
pub fn hop_text(hop: &Hop<'_>, client: &Judged, server: &Judged) -> String {
    let mut out = format!("clocks: {}\n", hop.clocks.sentence());
    for comparison in &hop.comparisons {
        out.push('\n');
        comparison_text(
            comparison,
            ["client side", "server side"],
            [client, server],
            &mut out,
        );
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
    for (alone, judged, side, why) in sides {
        for recorded in alone {
            let number = recorded.number;
            out.push_str(&format!(
                "\nconnection {number} on the {side} side only: {why}\n"
            ));
            entry("", &line(recorded.shown()), &mut out);
            verdict("", judged.get(&number).map(|one| &**one), &mut out);
        }
    }
    if hop.comparisons.is_empty() && hop.client_only.is_empty() && hop.server_only.is_empty() {
        out.push_str("no attempt at a WebSocket in either capture\n");
    }
    out
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
        plural(delay.count, "message"),
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

/// What a hop did, for programs.
#[must_use]
pub fn hop_json(hop: &Hop<'_>, client: &Judged, server: &Judged) -> Value {
    let pairs = hop.comparisons.iter();
    let pairs: Vec<_> = pairs
        .map(|comparison| comparison_json(comparison, client, server))
        .collect();
    let alone = |all: &[&Recorded], judged: &Judged| -> Vec<Value> {
        all.iter()
            .map(|recorded| side_json(recorded, judged))
            .collect()
    };
    json!({
        "clocks": {
            "offset_ns": hop.clocks.offset,
            "basis": hop.clocks.basis_name(),
            "crossings": hop.clocks.crossings,
            "text": hop.clocks.sentence(),
        },
        "pairs": pairs,
        "client_only": alone(&hop.client_only, client),
        "server_only": alone(&hop.server_only, server),
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
