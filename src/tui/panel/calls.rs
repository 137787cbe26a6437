//! The calls inside messages: a line a method, in an order that someone chose.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::{Severity, escape, grouped};
use crate::insight::statistics::CallOrder;
use crate::tui::app::{App, ORDERS};
use crate::tui::views::{CallLine, CallList};

use super::block::view_block;
use super::statistics::duration;
use super::text::{count, counted, fit, right};

/// Names and widths of the columns behind the method.
const COLUMNS: [(&str, usize); 6] = [
    ("requests", 9),
    ("errors", 7),
    ("no answer", 10),
    ("median", 10),
    ("99 %", 10),
    ("slowest in packet", 20),
];

/// The lines of the list itself.
pub(in crate::tui) fn parts(body: Rect) -> Rect {
    let inner = body.inner(Margin::new(1, 1));
    Rect {
        y: inner.y + 1,
        height: inner.height.saturating_sub(1),
        ..inner
    }
}

/// Columns of the screen that the method has.
fn method_width(width: usize) -> usize {
    let others: usize = shown(width).map(|(_, width)| width).sum();
    width.saturating_sub(others)
}

/// The columns there is room for: a narrow screen leaves out what the others tell, too.
fn shown(width: usize) -> impl Iterator<Item = (usize, usize)> {
    let is_narrow = width < 100;
    COLUMNS
        .iter()
        .enumerate()
        .filter(move |(at, _)| !(is_narrow && *at == 4))
        .map(|(at, (_, width))| (at, *width))
}

/// The order that a click on the heading asks for.
pub(in crate::tui) fn order_at(body: Rect, column: u16, row: u16) -> Option<CallOrder> {
    let list = parts(body);
    if row + 1 != list.y {
        return None;
    }
    let width = usize::from(list.width);
    let mut from = method_width(width);
    let column = usize::from(column.checked_sub(list.x)?);
    if column < from {
        return ORDERS.first().copied();
    }
    for (at, width) in shown(width) {
        from += width;
        if column < from {
            return ORDERS.get(at + 1).copied();
        }
    }
    None
}

fn heading(list: &CallList, width: usize) -> String {
    let mark = |order: CallOrder| if list.order == order { "▾" } else { "" };
    let mut text = fit(
        &format!("method{}", mark(CallOrder::Name)),
        method_width(width),
    );
    for (at, width) in shown(width) {
        let (name, order) = (COLUMNS[at].0, ORDERS[at + 1]);
        text += &right(&format!("{name}{}", mark(order)), width);
    }
    text
}

pub(super) fn draw(app: &App, list: &CallList, frame: &mut Frame<'_>, area: Rect) {
    let all = app.statistics.as_ref().map(|counted| counted.calls.all());
    let title = match all {
        None => "Calls: counting…".to_owned(),
        Some(all) => format!(
            "Calls: {}, {}, {} unanswered (←→ order, Enter to the slowest)",
            counted(all.requests, "request"),
            counted(all.errors, "error"),
            grouped(all.unanswered)
        ),
    };
    frame.render_widget(view_block(app, &title), area);
    let inner = parts(area);
    let width = usize::from(inner.width);
    if list.lines.is_empty() {
        let text = match &app.statistics {
            None => " counting…",
            Some(_) => " no requests and answers inside the messages",
        };
        frame.render_widget(Paragraph::new(text), inner);
        return;
    }
    let head = Rect {
        y: inner.y - 1,
        height: 1,
        ..inner
    };
    let heading = Paragraph::new(heading(list, width));
    frame.render_widget(heading.style(app.theme.label()), head);
    let rows = list.lines.iter().enumerate().skip(list.cursor.top);
    let lines = rows.take(inner.height.into()).map(|(at, of)| {
        let line = line(app, of, width);
        match at == list.cursor.at {
            true => line.style(app.theme.selected()),
            false => line,
        }
    });
    frame.render_widget(Paragraph::new(lines.collect::<Vec<_>>()), inner);
}

/// One method as text, for whoever copies it.
pub(super) fn text(of: &CallLine) -> String {
    let cells: Vec<_> = (0..COLUMNS.len()).map(|at| cell(of, at)).collect();
    format!("{}  {}\n", name(of), cells.join("  "))
}

fn name(of: &CallLine) -> String {
    match of.method.as_str() {
        "" => format!("{} (requests not seen)", of.protocol),
        method => format!("{} {}", of.protocol, escape::text(method.as_bytes())),
    }
}

fn line(app: &App, of: &CallLine, width: usize) -> Line<'static> {
    let mut spans = Vec::from([Span::raw(fit(&name(of), method_width(width)))]);
    for (at, width) in shown(width) {
        let style = match at {
            1 if of.counts.errors > 0 => app.theme.severity(Severity::Error),
            2 if of.counts.unanswered > 0 => app.theme.severity(Severity::Warning),
            _ => ratatui::style::Style::default(),
        };
        spans.push(Span::styled(right(&cell(of, at), width), style));
    }
    Line::from(spans)
}

fn cell(of: &CallLine, at: usize) -> String {
    let time = |time: Option<u64>| time.map_or("-".to_owned(), duration);
    match at {
        0 => count(of.counts.requests),
        1 => count(of.counts.errors),
        2 => count(of.counts.unanswered),
        3 => time(of.median),
        4 => time(of.p99),
        _ => of.slowest.map_or("-".to_owned(), |slowest| {
            format!("{} in {}", duration(slowest.nanoseconds), slowest.packet)
        }),
    }
}
