//! What else there is beside WebSockets: exchanges over HTTP, TLS and QUIC by server name.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::escape;
use crate::tui::app::App;
use crate::tui::times::TimeFormat;
use crate::tui::views::TrafficList;
use crate::view::traffic::{TrafficKind, TrafficRow};

use super::block::{list_and_below, view_block};
use super::text::{count, fit, right};

/// Lines under the list that say more of the selected row.
const BELOW: u16 = 4;

/// The lines of the list itself, and what is below them. Above is the heading.
pub(in crate::tui) fn parts(body: Rect) -> [Rect; 2] {
    list_and_below(body, BELOW)
}

/// Columns of the time and of the host.
fn widths(app: &App, width: usize) -> (usize, usize) {
    let time = match app.time {
        TimeFormat::Relative | TimeFormat::Delta if width < 100 => 10,
        _ => 15,
    };
    (time, if width < 100 { 16 } else { 26 })
}

fn heading(app: &App, width: usize) -> String {
    let (time, host) = widths(app, width);
    format!(
        " {} {} {} {} {} {} what was asked",
        right("packet", 7),
        right(app.time.name(), time),
        fit("kind", 9),
        right("status", 6),
        right("bytes", 6),
        fit("host", host),
    )
}

fn title(app: &App, list: &TrafficList) -> String {
    let Some(traffic) = &app.traffic else {
        return "Other traffic".to_owned();
    };
    let mut title = match list.of {
        Some(connection) => format!(
            "Around connection {}: {} of {} exchanges and flows",
            connection + 1,
            list.rows.len(),
            traffic.rows().len()
        ),
        None => format!("Exchanges and flows: {}", traffic.rows().len()),
    };
    if traffic.is_scanning(&app.store) {
        let percent = traffic.percent(&app.store);
        title += &format!(" ({percent}% of the packets looked at)");
    }
    match traffic.left_out() {
        0 => title,
        more => format!("{title}, and {more} more that are not listed"),
    }
}

pub(super) fn draw(app: &App, list: &TrafficList, frame: &mut Frame<'_>, area: Rect) {
    frame.render_widget(view_block(app, &title(app, list)), area);
    let [inner, below] = parts(area);
    let width = usize::from(inner.width);
    let head = Rect {
        y: area.y + 1,
        height: u16::from(inner.y > area.y + 1),
        ..inner
    };
    let heading = fit(&heading(app, width), width);
    frame.render_widget(Paragraph::new(heading).style(app.theme.label()), head);
    let rows = |at: usize| {
        let index = list.index(at)?;
        app.traffic.as_ref()?.rows().get(index)
    };
    let top = list.cursor.top;
    let mut lines = Vec::new();
    for at in top..top + usize::from(inner.height) {
        let Some(row) = rows(at) else { break };
        let line = line(app, row, at.checked_sub(1).and_then(rows), width);
        lines.push(match at == list.cursor.at {
            true => line.style(app.theme.selected()),
            false => line,
        });
    }
    let is_scanning = app.looks_into_packets_now();
    if lines.is_empty() {
        lines.push(Line::raw(match (is_scanning, list.of) {
            (true, _) => " looking…",
            (false, Some(_)) => {
                " nothing else between its client and its host (a lists everything)"
            }
            (false, None) => " no HTTP, TLS or QUIC but what carries WebSockets",
        }));
    }
    frame.render_widget(Paragraph::new(lines), inner);
    let explained = rows(list.cursor.at).map(|row| explained(app, row, below));
    frame.render_widget(Paragraph::new(explained.unwrap_or_default()), below);
}

fn line(app: &App, row: &TrafficRow, before: Option<&TrafficRow>, width: usize) -> Line<'static> {
    let (time, host) = widths(app, width);
    let from = match app.time {
        TimeFormat::Relative => Some(app.zero()),
        TimeFormat::Delta | TimeFormat::SinceFrame => before.map(|before| before.time),
        TimeFormat::Utc | TimeFormat::Local => None,
    };
    let head = format!(
        " {} {} ",
        right(&row.first.to_string(), 7),
        right(&app.time.write(row.time, from), time),
    );
    let style = match row.kind {
        TrafficKind::Upgrade => app.theme.hint(),
        TrafficKind::Http => Style::new(),
        _ => app.theme.label(),
    };
    let status = row.status.map(|status| status.to_string());
    let answer = match (row.kind, &status) {
        (TrafficKind::Http, None) => "none",
        (_, Some(status)) => status,
        _ => "",
    };
    let bad = row.status.is_some_and(|status| status >= 400);
    let status_style = match bad {
        true => app.theme.severity(crate::base::Severity::Warning),
        false => Style::new(),
    };
    let tail = format!(
        " {} {} {}",
        right(&count(row.bytes.client + row.bytes.server), 6),
        fit(&escape::text(row.host.as_bytes()), host),
        row.text,
    );
    let used = head.chars().count() + 9 + 7;
    Line::from(vec![
        Span::raw(head),
        Span::styled(fit(row.kind.name(), 9), style),
        Span::styled(format!(" {}", right(answer, 6)), status_style),
        Span::raw(fit(&tail, width.saturating_sub(used))),
    ])
}

/// What there is to say of a row, and what can be done with it.
fn explained(app: &App, row: &TrafficRow, area: Rect) -> Vec<Line<'static>> {
    let width = usize::from(area.width);
    let milliseconds = row.ended.since(row.time) as f64 / 1e6;
    let media = match row.media.is_empty() {
        true => String::new(),
        false => format!(", {}", row.media),
    };
    let enter = match row.kind {
        TrafficKind::Http | TrafficKind::Connect => "Enter: heads and bodies",
        TrafficKind::Upgrade => "Enter: the handshake's heads",
        TrafficKind::Tls | TrafficKind::Quic | TrafficKind::Http2 => "Enter: its packets",
    };
    vec![
        Line::styled("─".repeat(width), app.theme.border()),
        Line::raw(fit(&format!(" {}", row.text), width)),
        Line::raw(fit(
            &format!(
                " {} → {}: {} bytes out, {} back{media}, {milliseconds:.3} ms, packets {} to {}",
                row.client, row.server, row.bytes.client, row.bytes.server, row.first, row.last
            ),
            width,
        )),
        Line::styled(
            fit(
                &format!(" {enter} · p: its packets · a: all, or around the connection"),
                width,
            ),
            app.theme.label(),
        ),
    ]
}

/// The selected row as text.
pub(super) fn text(app: &App, list: &TrafficList) -> Option<String> {
    let index = list.index(list.cursor.at)?;
    let row = app.traffic.as_ref()?.rows().get(index)?;
    let status = row
        .status
        .map_or(String::new(), |status| format!(" {status}"));
    Some(format!(
        "packet {}: {} {}{status} {} > {} host {}\n",
        row.first,
        row.kind.name(),
        row.text,
        row.client,
        row.server,
        escape::text(row.host.as_bytes()),
    ))
}
