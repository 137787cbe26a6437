//! What connections did over time: what each side sent above and below a line, and round trips.
//!
//! ```text
//!    1.2 kB/s ┤   ▂█  ▁        what the client sent, upwards
//!        C→S  ┤ ▁▃██▂▃█
//!        S→C  ┤ ▀█▀▀██▀        what the server sent, downwards
//!    2.1 kB/s ┤  ▀   █
//!             └───────▲──────  the chosen column
//! ```

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::{Side, Timestamp, plural};
use crate::tui::app::App;
use crate::tui::views::GraphView;
use crate::view::graph::{Bucket, Chart, Of, TripKind};

use super::block::view_block;
use super::statistics::duration;
use super::text::{count, fit, right};

/// Columns of the labels left of the charts, with the axis.
const LABELS: u16 = 12;
/// Lines below the charts: the axis, its times, and what the chosen column has.
const BELOW: u16 = 4;
/// Lines from which all charts stand above each other.
const TALL: u16 = 27;
/// Times as long as the shortest round trip from which their scale is logarithmic.
const LOGARITHMIC: i64 = 50;
/// What the keys do.
const KEYS: &str = "+ - zoom, Tab next, a all, Enter goes there ";
/// A column filled from below, by eighths.
const EIGHTHS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The area of the columns.
pub(in crate::tui) fn inside(body: Rect) -> Rect {
    let inner = body.inner(Margin::new(1, 1));
    let left = LABELS.min(inner.width);
    Rect {
        x: inner.x + left,
        width: inner.width - left,
        height: inner.height.saturating_sub(BELOW),
        ..inner
    }
}

/// How many columns there are.
pub(in crate::tui) fn columns(body: Rect) -> usize {
    usize::from(inside(body).width).max(1)
}

/// The charts that are drawn and where, the one with the keys alone where there is no room for all.
pub(in crate::tui) fn charts(body: Rect, chosen: Chart) -> Vec<(Chart, Rect)> {
    let inside = inside(body);
    let shown = match inside.height >= TALL {
        true => &Chart::ALL[..],
        false => &[chosen][..],
    };
    let parts = shown.len() as u16;
    let height = inside.height / parts;
    let at = |(at, chart): (u16, &Chart)| {
        let rest = inside.height - height * parts;
        let y = inside.y + height * at;
        let height = height + if at + 1 == parts { rest } else { 0 };
        (
            *chart,
            Rect {
                y,
                height,
                ..inside
            },
        )
    };
    (0..).zip(shown).map(at).collect()
}

pub(super) fn draw(app: &App, view: &GraphView, frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(view_block(app, &title(view)), area);
    let inside = inside(area);
    if inside.width == 0 || inside.height < 2 {
        return;
    }
    for (chart, part) in charts(area, view.chart) {
        let lines = match chart {
            Chart::Bytes | Chart::Frames => rates(app, view, chart, part.height.into()),
            Chart::Trips => trips(app, view, part.height.into()),
        };
        let whole = Rect {
            x: part.x - LABELS,
            width: part.width + LABELS,
            ..part
        };
        frame.render_widget(Paragraph::new(lines), whole);
    }
    let below = Rect {
        x: inside.x - LABELS,
        y: inside.y + inside.height,
        width: inside.width + LABELS,
        height: BELOW,
    };
    frame.render_widget(Paragraph::new(below_lines(app, view)), below);
}

fn title(view: &GraphView) -> String {
    let of = match view.graph.of() {
        Of::One(one) => format!("connection {}", one + 1),
        Of::All => "all connections".to_owned(),
        Of::Some(some) => {
            let count = some.len() as u64;
            format!("{count} listed {}", plural(count, "connection"))
        }
    };
    let width = view.graph.window().width_text();
    let going = match view.graph.is_gathering() {
        true => format!(" ({}%)", view.graph.percent()),
        false => String::new(),
    };
    format!(
        "Graph of {of}: {}, {width} a column{going}",
        view.chart.name()
    )
}

/// A rate in few characters.
fn rate(chart: Chart, value: f64) -> String {
    let whole = value.round().max(0.0) as u64;
    match chart {
        Chart::Bytes => format!("{} B/s", count(whole)),
        _ if value < 10.0 && value > 0.0 => format!("{value:.1} /s"),
        _ => format!("{} /s", count(whole)),
    }
}

/// A line of a chart: its label, the axis, and the columns; the chosen one stands out.
fn line(app: &App, view: &GraphView, label: &str, cells: Vec<(char, Style)>) -> Line<'static> {
    let label = right(label, usize::from(LABELS) - 2) + " ┤";
    let mut spans = vec![Span::styled(label, app.theme.faint())];
    let mut run = (String::new(), Style::new());
    for (at, (c, style)) in cells.into_iter().enumerate() {
        let style = match at == view.at {
            true => style.patch(app.theme.selected_elsewhere()),
            false => style,
        };
        if style != run.1 && !run.0.is_empty() {
            spans.push(Span::styled(std::mem::take(&mut run.0), run.1));
        }
        run.1 = style;
        run.0.push(c);
    }
    spans.push(Span::styled(run.0, run.1));
    Line::from(spans)
}

/// What both sides sent, a second.
fn rates(app: &App, view: &GraphView, chart: Chart, height: usize) -> Vec<Line<'static>> {
    let graph = &view.graph;
    let (above, below) = (height.div_ceil(2), height / 2);
    let greatest = graph.most(chart);
    let most = greatest.max(f64::MIN_POSITIVE);
    let columns = 0..graph.window().count;
    // What is there at all is seen.
    let filled = |at: usize, side: Side, steps: usize| {
        let value = graph.rate(chart, at, side);
        let part = (value / most * steps as f64).round() as usize;
        if value > 0.0 { part.max(1) } else { 0 }
    };
    let mut lines = Vec::with_capacity(height);
    for row in 0..above {
        let under = (above - 1 - row) * 8;
        let style = app.theme.side(Side::Client);
        let cells = columns.clone().map(|at| {
            let part = filled(at, Side::Client, above * 8).saturating_sub(under);
            (EIGHTHS[part.min(8)], style)
        });
        let label = match row {
            0 => rate(chart, greatest),
            row if row + 1 == above => "client ▲".to_owned(),
            _ => String::new(),
        };
        lines.push(line(app, view, &label, cells.collect()));
    }
    for row in 0..below {
        let style = app.theme.side(Side::Server);
        let cells = columns.clone().map(|at| {
            let part = filled(at, Side::Server, below * 2).saturating_sub(row * 2);
            ([' ', '▀', '█'][part.min(2)], style)
        });
        let label = match row {
            0 => "server ▼".to_owned(),
            row if row + 1 == below => rate(chart, greatest),
            _ => String::new(),
        };
        lines.push(line(app, view, &label, cells.collect()));
    }
    lines
}

/// What stands for a round trip.
fn mark(kind: TripKind) -> char {
    match kind {
        TripKind::Call => '×',
        TripKind::Ping => '•',
        TripKind::Tcp => '◆',
    }
}

/// How long round trips took: of each kind in a column the shortest and the longest.
fn trips(app: &App, view: &GraphView, height: usize) -> Vec<Line<'static>> {
    let graph = &view.graph;
    let window = graph.window();
    let range = graph.trip_range();
    let (least, most) = range.unwrap_or((0, 0));
    let (least, most) = (least.max(1), most.max(1));
    let is_logarithmic = most / least >= LOGARITHMIC;
    let row_of = |took: i64| {
        let took = took.max(1);
        let part = match is_logarithmic {
            true => (took as f64 / least as f64).ln() / (most as f64 / least as f64).ln(),
            false => took as f64 / most as f64,
        };
        let up = (part * height.saturating_sub(1) as f64).round() as usize;
        height.saturating_sub(1).saturating_sub(up)
    };
    let mut rows = vec![vec![(' ', Style::new()); window.count]; height];
    for at in 0..window.count {
        for group in graph.trips(at) {
            let kind = group.longest.kind;
            let style = match kind {
                TripKind::Call => app.theme.side(Side::Server),
                TripKind::Ping => app.theme.side(Side::Client),
                TripKind::Tcp => app.theme.label(),
            };
            for took in [group.shortest, group.longest.took] {
                if let Some(row) = rows.get_mut(row_of(took)) {
                    row[at] = (mark(kind), style);
                }
            }
        }
    }
    let lowest = match is_logarithmic {
        true => duration(least.unsigned_abs()),
        false => "0".to_owned(),
    };
    let lines = rows.into_iter().enumerate().map(|(row, cells)| {
        let label = match row {
            _ if range.is_none() => String::new(),
            0 => duration(most.unsigned_abs()),
            row if row + 1 == height => lowest.clone(),
            row if row == height / 2 && is_logarithmic => "log. scale".to_owned(),
            _ => String::new(),
        };
        line(app, view, &label, cells)
    });
    lines.collect()
}

/// The axis with its times, and what the chosen column has.
fn below_lines(app: &App, view: &GraphView) -> Vec<Line<'static>> {
    let window = view.graph.window();
    let before = "─".repeat(view.at.min(window.count));
    let after = "─".repeat(window.count.saturating_sub(view.at + 1));
    let axis = format!("{}└", " ".repeat(usize::from(LABELS) - 1));
    let (from, to) = (seconds(app, window.from), seconds(app, window.to()));
    let room = window.count.saturating_sub(to.chars().count());
    let times = format!(
        "{}{}{to}",
        " ".repeat(usize::from(LABELS)),
        fit(&from, room)
    );
    let mut lines = vec![
        Line::from(vec![
            Span::styled(axis + &before, app.theme.faint()),
            Span::styled("▲", app.theme.label()),
            Span::styled(after, app.theme.faint()),
        ]),
        Line::styled(times, app.theme.faint()),
    ];
    let room = window.count + usize::from(LABELS);
    let [first, second] = said(app, view).map(|text| format!(" {text}"));
    lines.push(Line::raw(fit(&first, room)));
    // The keys, where there is room beside what is said.
    let left = room.saturating_sub(second.chars().count());
    lines.push(match left > KEYS.len() {
        true => Line::from(vec![
            Span::raw(second),
            Span::styled(right(KEYS, left), app.theme.faint()),
        ]),
        false => Line::raw(fit(&second, room)),
    });
    lines
}

fn seconds(app: &App, time: Timestamp) -> String {
    format!("{:.6} s", time.seconds_since(app.zero()))
}

/// What the chosen column has, in two lines.
fn said(app: &App, view: &GraphView) -> [String; 2] {
    let window = view.graph.window();
    let bucket = view.graph.buckets().get(view.at).copied();
    let Bucket { frames, bytes, .. } = bucket.unwrap_or_default();
    let of = |side: Side| {
        format!(
            "{} {} {} {}",
            count(frames[side]),
            plural(frames[side], "frame"),
            count(bytes[side]),
            plural(bytes[side], "byte"),
        )
    };
    let first = format!(
        "{} to {}: client {}, server {}",
        seconds(app, window.begin(view.at)),
        seconds(app, window.begin(view.at + 1)),
        of(Side::Client),
        of(Side::Server),
    );
    let trips = view.graph.trips(view.at).map(|group| {
        let (kind, longest) = (group.longest.kind, group.longest.took);
        let longest = duration(longest.unsigned_abs());
        match group.count {
            1 => format!("{} {} {longest}", mark(kind), kind.name()),
            many => format!(
                "{} {many} {}s {} to {longest}",
                mark(kind),
                kind.name(),
                duration(group.shortest.unsigned_abs()),
            ),
        }
    });
    let trips: Vec<_> = trips.collect();
    let left_out = match view.graph.is_without_calls() {
        true => " (calls only with up to 64 connections)",
        false => "",
    };
    let second = match trips.is_empty() {
        true => format!("no round trip came back here{left_out}"),
        false => format!("round trips: {}{left_out}", trips.join(", ")),
    };
    [first, second]
}

/// What the chosen column has, to be copied.
pub(super) fn text(app: &App, view: &GraphView) -> String {
    said(app, view).join("\n") + "\n"
}
