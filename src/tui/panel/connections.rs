//! The connections of the capture.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::base::{Severity, escape};
use crate::engine::{EndedBy, Outcome};
use crate::store::Entry;
use crate::tui::app::App;
use crate::tui::layout::Pane;
use crate::view::sorting::ConnectionKey;

use super::block::{coloured, pane_block, row_style, sorted_by};
use super::nothing;
use super::text::{count, fit, right};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let block = pane_block(app, Pane::Connections, &title(app));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width);
    let process = process_width(app, width);
    let mut lines = vec![Line::styled(heading(width, process), app.theme.label())];
    let rows = usize::from(inner.height).saturating_sub(1);
    let cursor = app.connections.cursor;
    for at in cursor.top..cursor.top + rows {
        let Some(index) = app.connections.index(&app.store, at) else {
            break;
        };
        if let Some(entry) = app.store.connection(index) {
            let own = app.rules.of_connection(index);
            let line = row(app, index as usize, entry, width, process);
            lines.push(match own.filter(|_| at != cursor.at) {
                Some(own) => coloured(line, app.theme.painted(own)),
                None => line.style(row_style(app, Pane::Connections, at == cursor.at)),
            });
        }
    }
    if lines.len() == 1 {
        nothing::draw(app, frame, inner, &nothing::connections(app));
        return;
    }
    frame.render_widget(Paragraph::new(lines), inner);
}

fn title(app: &App) -> String {
    let total = app.store.connections().len();
    let sorted = app
        .orders
        .connections
        .map(|(by, descending)| sorted_by(by.name(), descending, app.connections.sorted() > 0));
    let title = match app.connections.filter() {
        None => format!("Connections {total}"),
        Some(filter) => {
            let len = app.connections.len(&app.store);
            let text = fit(filter.text(), filter.text().len().min(40));
            format!("Connections {len} of {total} where {text}")
        }
    };
    title + &sorted.unwrap_or_default()
}

/// What a click on the heading at a column sorts by: the nearest word.
pub(in crate::tui) fn order_at(app: &App, width: usize, x: usize) -> Option<ConnectionKey> {
    let heading = heading(width, process_width(app, width));
    let words = [
        ("#", ConnectionKey::Number),
        ("client", ConnectionKey::Client),
        ("server", ConnectionKey::Server),
        ("process", ConnectionKey::Process),
        ("path", ConnectionKey::Path),
        ("state", ConnectionKey::State),
        ("frames", ConnectionKey::Frames),
        ("bytes", ConnectionKey::Bytes),
        ("seconds", ConnectionKey::Duration),
        ("findings", ConnectionKey::Findings),
        ("!", ConnectionKey::Findings),
    ];
    let found = words.into_iter().filter_map(|(word, by)| {
        let at = heading.find(word)?;
        let distance = at.saturating_sub(x) + x.saturating_sub(at + word.len() - 1);
        Some((distance, by))
    });
    found
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, by)| by)
}

/// Below this width the bytes are left out, so that the path has room.
const WIDE: usize = 90;

/// Columns of the processes at both ends: there when those of any connection are known, and there is room.
fn process_width(app: &App, width: usize) -> usize {
    /// Connections that are asked: the first, and those in sight.
    const ASKED: usize = 100;
    let top = app.connections.cursor.top;
    let mut asked = (0..ASKED).chain(top..top + ASKED);
    let is_named = width >= WIDE
        && asked.any(|at| {
            let index = app.connections.index(&app.store, at);
            let entry = index.and_then(|index| app.store.connection(index));
            entry.is_some_and(|entry| entry.connection.processes().is_some())
        });
    match is_named {
        true if width >= 130 => 30,
        true => 16,
        false => 0,
    }
}

/// Columns of addresses, subprotocol and path, for a width.
fn widths(width: usize, process: usize) -> (usize, usize, usize) {
    let ends = if width >= 110 { 21 } else { 15 };
    let protocol = if width >= WIDE { 12 } else { 0 };
    let bytes = if width >= WIDE { 7 } else { 0 };
    let chosen = if protocol > 0 { protocol + 1 } else { 0 };
    let process = if process > 0 { process + 1 } else { 0 };
    let fixed =
        5 + 2 * (ends + 1) + process + 1 + 10 + 7 + bytes + 9 + findings_width(width) + chosen;
    (ends, protocol, width.saturating_sub(fixed).max(6))
}

/// Columns of the number of findings.
fn findings_width(width: usize) -> usize {
    if width >= WIDE { 8 } else { 4 }
}

fn heading(width: usize, process: usize) -> String {
    let findings = match findings_width(width) {
        8 => right("findings", 8),
        _ => right("!", 4),
    };
    let (ends, protocol, path) = widths(width, process);
    let process = if process > 0 {
        fit("process", process + 1)
    } else {
        String::new()
    };
    let protocol = if protocol > 0 {
        fit("subprotocol", protocol + 1)
    } else {
        String::new()
    };
    let bytes = if width >= WIDE {
        right("bytes", 6) + " "
    } else {
        String::new()
    };
    format!(
        "{} {} {} {process}{} {protocol}{} {} {bytes}{} {}",
        right("#", 4),
        fit("client", ends),
        fit("server", ends),
        fit("path", path),
        fit("state", 9),
        right("frames", 6),
        right("seconds", 8),
        findings,
    )
}

fn state(entry: &Entry) -> String {
    let known = &entry.connection;
    match (known.outcome(), known.close.ended_by) {
        (Outcome::Refused, _) => match known.status() {
            Some(status) => format!("✗ {status}"),
            None => "✗ refused".to_owned(),
        },
        (Outcome::Unanswered, Some(_)) => "✗ silent".to_owned(),
        (Outcome::Unanswered, None) => "… opening".to_owned(),
        (_, None) => "● open".to_owned(),
        (_, Some(EndedBy::CaptureEnd)) if known.close.code.is_none() => "● open".to_owned(),
        (_, Some(EndedBy::Rst)) => "✗ reset".to_owned(),
        (_, Some(_)) => match known.close.code {
            Some(code) => format!("○ {code}"),
            None => "○ closed".to_owned(),
        },
    }
}

fn row(app: &App, index: usize, entry: &Entry, width: usize, process: usize) -> Line<'static> {
    let known = &entry.connection;
    let (ends, protocol, path) = widths(width, process);
    let process = if process > 0 {
        let names = known.processes().unwrap_or_default();
        fit(&escape::text(names.as_bytes()), process) + " "
    } else {
        String::new()
    };
    let target = known
        .request()
        .map_or_else(String::new, |head| escape::text(head.target()));
    let target = match (&known.handshake, &known.tunnel) {
        (None, Some(tunnel)) => format!("{} {}", tunnel.title(), escape::text(tunnel.target())),
        _ => target,
    };
    let chosen = known
        .handshake
        .as_ref()
        .and_then(|shake| shake.negotiated.subprotocol.as_deref())
        .map_or_else(String::new, escape::text);
    let chosen = if protocol > 0 {
        fit(&chosen, protocol) + " "
    } else {
        String::new()
    };
    let seconds = known
        .closed
        .unwrap_or(entry.last)
        .seconds_since(known.opened)
        .max(0.0);
    let findings = if known.findings > 0 {
        format!("!{}", known.findings)
    } else {
        String::new()
    };
    let worst = entry
        .findings
        .iter()
        .take(100)
        .filter_map(|at| app.store.findings().get(*at as usize))
        .map(|record| record.finding.code.severity())
        .max()
        .unwrap_or(Severity::Note);
    let bytes = if width >= WIDE {
        right(&count(known.bytes.client + known.bytes.server), 6) + " "
    } else {
        String::new()
    };
    let text = format!(
        "{} {} {} {process}{} {chosen}{} {} {bytes}{} ",
        right(&(index + 1).to_string(), 4),
        fit(&app.names.end(known.client), ends),
        fit(&app.names.end(known.server), ends),
        fit(&target, path),
        fit(&state(entry), 9),
        right(&count(known.frames.client + known.frames.server), 6),
        right(&format!("{seconds:.3}"), 8),
    );
    Line::from(vec![
        Span::raw(text),
        Span::styled(
            right(&findings, findings_width(width)),
            app.theme.severity(worst),
        ),
    ])
}
