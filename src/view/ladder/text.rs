//! The ladder in characters.

use std::fmt::Write as _;

use crate::base::Side;

use super::{Ladder, RungKind};

/// The ladder in characters.
#[must_use]
pub fn draw(ladder: &Ladder, evidence: &[u64]) -> String {
    const ROOM: usize = 44;
    let [client, server] = &ladder.lifelines;
    let mut out = format!(
        "  packet        time   {} {}  …  {} {}\n",
        client.name, client.address, server.name, server.address
    );
    for rung in &ladder.rungs {
        let packet = rung
            .packet
            .map_or(String::new(), |packet| packet.to_string());
        let time = rung.time.map_or(String::new(), |time| {
            format!("{:.6}", time.seconds_since(ladder.start))
        });
        let is_evidence = rung
            .packet
            .is_some_and(|packet| evidence.contains(&packet.0));
        let mark = match rung.kind {
            RungKind::Finding(_) => '!',
            _ if is_evidence && rung.from.is_some() => '*',
            _ => ' ',
        };
        let label = &rung.label;
        let dashes = "─".repeat(ROOM.saturating_sub(label.chars().count() + 2));
        let drawn = match rung.from {
            Some(Side::Client) => format!("│─ {label} {dashes}>│"),
            Some(Side::Server) => format!("│<{dashes} {label} ─│"),
            None => format!("│ {label:^width$} │", width = ROOM),
        };
        let (packet, time) = match rung.time {
            Some(_) => (packet, time),
            None => (String::new(), String::new()),
        };
        let _ = writeln!(out, "{packet:>8} {time:>12} {mark} {drawn}");
    }
    out
}
