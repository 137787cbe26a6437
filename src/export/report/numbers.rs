//! The numbers, with charts; and how messages crossed: polling, streaming and WebSocket side by side.

use std::collections::BTreeMap;

use crate::export::statistics::duration;
use crate::insight::statistics::{Distribution, Kind, Statistics, Way};
use crate::websocket::Opcode;
use crate::websocket::close::CloseCode;

use super::block::{Bar, Block, Line, section, text};
use super::input::ReportInput;
use super::sheet::Sheet;

/// Bars of one chart.
const BARS: usize = 20;

pub(super) fn write(sheet: &mut Sheet<'_>, input: &ReportInput<'_>) {
    let of = input.statistics;
    if of.connections() == 0 && of.ways.is_empty() {
        return;
    }
    sheet.push(&section("statistics", "Statistics"));
    chart(sheet, "Connections by outcome", named(&of.outcomes));
    chart(sheet, "Frames by kind and sender", frames(of));
    chart(sheet, "Message sizes, text and binary", sizes(&of.sizes));
    if of.rate.counts().iter().any(|count| *count > 0) {
        sheet.push(&Block::Timeline {
            caption: format!(
                "Frames over time, {} a column, {} at most",
                duration(of.rate.width()),
                of.rate.counts().iter().max().copied().unwrap_or(0)
            ),
            counts: of.rate.counts().to_vec(),
        });
    }
    times(sheet, of);
    let codes = of.close_codes.iter().map(|(code, count)| {
        let name = code.map_or("none".to_owned(), |code| {
            format!("{code} {}", CloseCode(code).name())
        });
        (name, *count)
    });
    chart(sheet, "Close codes", codes.collect());
    chart(sheet, "What ended the connections", named(&of.ended_by));
    chart(sheet, "Bytes by layer", layers(of));
    ways(sheet, &of.ways);
}

fn named(counts: &BTreeMap<&'static str, u64>) -> Vec<(String, u64)> {
    let counts = counts.iter();
    counts
        .map(|(name, count)| ((*name).to_owned(), *count))
        .collect()
}

/// A chart of the greatest counts in the order given, the rest in one bar.
fn chart(sheet: &mut Sheet<'_>, caption: &str, mut counts: Vec<(String, u64)>) {
    counts.retain(|(_, count)| *count > 0);
    if counts.is_empty() {
        return;
    }
    let mut rest = 0;
    if counts.len() > BARS {
        let mut sizes: Vec<_> = counts.iter().map(|(_, count)| *count).collect();
        sizes.sort_unstable_by(|a, b| b.cmp(a));
        let least = sizes.get(BARS - 2).copied().unwrap_or(0);
        let mut kept = 0;
        counts.retain(|(_, count)| {
            let keeps = *count >= least && kept < BARS - 1;
            kept += usize::from(keeps);
            rest += if keeps { 0 } else { *count };
            keeps
        });
        counts.push(("others".to_owned(), rest));
    }
    let bars = counts.into_iter().map(|(label, count)| Bar {
        label,
        count,
        value: None,
    });
    sheet.push(&Block::Bars {
        caption: caption.to_owned(),
        bars: bars.collect(),
    });
}

fn frames(of: &Statistics) -> Vec<(String, u64)> {
    let kinds = of.opcodes.iter().flat_map(|(opcode, counts)| {
        let name = Opcode::of(*opcode).name();
        [
            (format!("{name}, from the client"), counts.client),
            (format!("{name}, from the server"), counts.server),
        ]
    });
    kinds.collect()
}

fn sizes(of: &Distribution) -> Vec<(String, u64)> {
    let powers = of.powers().into_iter();
    powers
        .map(|(from, to, count)| (format!("{from} to {} bytes", to - 1), count))
        .collect()
}

fn layers(of: &Statistics) -> Vec<(String, u64)> {
    let bytes = &of.overhead;
    [
        ("link", bytes.link),
        ("IP", bytes.ip),
        ("TCP", bytes.tcp),
        ("HTTP handshakes", bytes.http),
        ("WebSocket frame headers", bytes.websocket),
        ("between TCP and these", bytes.between()),
        ("payload", bytes.payload),
    ]
    .map(|(name, count)| (name.to_owned(), count))
    .to_vec()
}

fn times(sheet: &mut Sheet<'_>, of: &Statistics) {
    let all = [
        ("from request to answer", &of.handshakes),
        ("from ping to pong", &of.round_trips),
        ("from frame to frame", &of.gaps),
        ("life of a connection", &of.durations),
    ];
    let rows: Vec<Vec<Line>> = all
        .into_iter()
        .filter(|(_, times)| times.count() > 0)
        .map(|(name, times)| {
            let figures = [
                times.min(),
                times.percentile(0.5),
                times.percentile(0.99),
                times.max(),
            ];
            let mut row = vec![text(name), text(times.count().to_string())];
            row.extend(figures.map(|time| text(time.map_or("-".to_owned(), duration))));
            row
        })
        .collect();
    if !rows.is_empty() {
        sheet.push(&Block::Table {
            caption: "Times",
            head: &["what", "measured", "least", "median", "99 %", "most"],
            rows,
        });
    }
}

/// A row of the comparison: its name, and the figure of a way.
type Row = (&'static str, fn(&Way) -> String);

const ROWS: &[Row] = &[
    ("clients", |way| way.clients.to_string()),
    ("requests", |way| way.requests.to_string()),
    ("that brought nothing new", |way| way.empty.to_string()),
    ("messages from the client", |way| {
        way.messages.client.to_string()
    }),
    ("messages from the server", |way| {
        way.messages.server.to_string()
    }),
    ("sent when they arose", |way| way.at_once.to_string()),
    ("others waited, longest up to", |way| {
        way.waited.max().map_or("-".to_owned(), duration)
    }),
    ("packets a message", |way| {
        figure(way.each(way.cost.packets))
    }),
    ("header bytes a message", |way| {
        figure(way.each(way.header_bytes()))
    }),
    ("payload bytes a message", |way| {
        figure(way.each(way.cost.payload))
    }),
];

fn figure(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| format!("{value:.1}"))
}

/// How messages crossed.
fn ways(sheet: &mut Sheet<'_>, ways: &[(Kind, Way)]) {
    if ways.is_empty() {
        return;
    }
    sheet.push(&section("delivery", "How messages were delivered"));
    for (name, figure) in ROWS {
        let rows = ways.iter().map(|(kind, way)| {
            let value = figure(way);
            Bar {
                label: kind.name().to_owned(),
                // Times have no bar.
                count: value.parse::<f64>().map_or(0, |value| value.round() as u64),
                value: Some(value),
            }
        });
        sheet.push(&Block::Bars {
            caption: (*name).to_owned(),
            bars: rows.collect(),
        });
    }
}
