//! Drawings as SVG: ladders, bars and counts over time. Colours and fonts are the page's; every text goes through
//! [`escaped`].

use std::fmt::Write as _;

use crate::base::escape::html as escaped;
use crate::base::{Severity, Side};
use crate::insight::ladder::{Ladder, Rung, RungKind};

use super::block::{Bar, cut};

const WIDTH: u32 = 720;
/// Where the lifelines stand.
const CLIENT: u32 = 200;
const SERVER: u32 = 640;
const TOP: u32 = 44;
const RUNG: u32 = 24;
/// Characters of a label on a rung.
const LABEL: usize = 58;

/// The ladder, with what the verdict rests on drawn strong.
pub(super) fn ladder(out: &mut String, title: &str, ladder: &Ladder, evidence: &[u64]) {
    let height = TOP + RUNG * ladder.rungs.len() as u32 + 16;
    let _ = write!(
        out,
        "<svg class=ladder viewBox=\"0 0 {WIDTH} {height}\" role=img><title>{}</title>",
        escaped(title)
    );
    for (x, lifeline) in [CLIENT, SERVER].into_iter().zip(&ladder.lifelines) {
        let _ = write!(
            out,
            "<text class=end x={x} y=14>{}</text><text class=at x={x} y=30>{}</text>\
             <line class=life x1={x} y1=36 x2={x} y2={} />",
            lifeline.name,
            escaped(&lifeline.address.to_string()),
            height - 6
        );
    }
    for (at, rung) in ladder.rungs.iter().enumerate() {
        let y = TOP + RUNG * at as u32 + 14;
        let is_evidence = rung
            .packet
            .is_some_and(|packet| evidence.contains(&packet.0));
        draw_rung(out, ladder, rung, y, is_evidence);
    }
    out.push_str("</svg>\n");
}

fn draw_rung(out: &mut String, ladder: &Ladder, rung: &Rung, y: u32, is_evidence: bool) {
    let class = match (rung.kind, is_evidence) {
        (RungKind::Finding(Severity::Error), _) => "note error",
        (RungKind::Finding(_), _) => "note warning",
        (RungKind::LeftOut(_), _) => "note faint",
        (_, true) => "rung strong",
        (_, false) => "rung",
    };
    let _ = write!(out, "<g class=\"{class}\">");
    if let Some(time) = rung.time {
        let packet = rung.packet.map(|packet| packet.0).unwrap_or_default();
        let seconds = time.seconds_since(ladder.start);
        let _ = write!(
            out,
            "<text class=when x=8 y={y}>{seconds:.6}</text><text class=packet x=180 y={y}>{packet}</text>"
        );
    }
    let label = escaped(&cut(&rung.label, LABEL));
    let middle = (CLIENT + SERVER) / 2;
    match rung.from {
        Some(side) => {
            let (from, to, back) = match side {
                Side::Client => (CLIENT, SERVER, SERVER - 9),
                Side::Server => (SERVER, CLIENT, CLIENT + 9),
            };
            let line = y + 5;
            let _ = write!(
                out,
                "<line x1={from} y1={line} x2={to} y2={line} />\
                 <polygon points=\"{to},{line} {back},{} {back},{}\" />\
                 <text class=what x={middle} y={y}>{label}</text>",
                line - 4,
                line + 4
            );
        }
        None => {
            let _ = write!(
                out,
                "<text class=what x={middle} y={}>{label}</text>",
                y + 3
            );
        }
    }
    out.push_str("</g>");
}

/// One bar of a chart, as wide as its part of the most.
pub(super) fn bar(out: &mut String, bar: &Bar, most: u64) {
    let width = u128::from(bar.count) * 200 / u128::from(most.max(1));
    let width = if bar.count > 0 { width.max(1) } else { 0 };
    let _ = write!(
        out,
        "<svg class=bar viewBox=\"0 0 200 12\" preserveAspectRatio=none aria-hidden=true><rect width={width} height=12 /></svg>"
    );
}

/// Counts over time as columns.
pub(super) fn timeline(out: &mut String, caption: &str, counts: &[u64]) {
    let most = counts.iter().copied().max().unwrap_or(0).max(1);
    let columns = counts.len().max(1);
    let _ = write!(
        out,
        "<svg class=timeline viewBox=\"0 0 {columns} 60\" preserveAspectRatio=none role=img><title>{}</title>",
        escaped(caption)
    );
    for (at, count) in counts.iter().enumerate().filter(|(_, count)| **count > 0) {
        let height = (u128::from(*count) * 60 / u128::from(most)).max(1);
        let _ = write!(
            out,
            "<rect x={at} y={} width=1 height={height} />",
            60 - height
        );
    }
    out.push_str("</svg>\n");
}
