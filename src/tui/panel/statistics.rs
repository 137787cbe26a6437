//! The capture in numbers, as `wireloupe stats` prints them.

use ratatui::text::Line;

use crate::tui::app::App;

use super::text::{counted as numbered, fit};

/// Nanoseconds in words.
pub(super) fn duration(nanoseconds: u64) -> String {
    match nanoseconds as f64 / 1e6 {
        ms if ms < 10.0 => format!("{ms:.3} ms"),
        ms if ms < 1e4 => format!("{ms:.1} ms"),
        ms => format!("{:.1} s", ms / 1e3),
    }
}

pub(super) fn lines(app: &App, width: usize) -> (String, Vec<Line<'static>>) {
    let width = width.saturating_sub(1);
    let mut lines = match &app.statistics {
        None if app.live.is_some() => vec![Line::raw(" nothing to count yet")],
        None => vec![Line::raw(" counting…")],
        Some(counted) => counted
            .text
            .lines()
            .map(|line| {
                let text = format!(" {}", fit(line, width));
                match line.starts_with(' ') {
                    true => Line::raw(text),
                    false => Line::styled(text, app.theme.label()),
                }
            })
            .collect(),
    };
    let goes_on = app.live.as_ref().is_some_and(|live| live.ended.is_none());
    if goes_on {
        let entries = app.store.connections().iter();
        let open = entries.filter(|entry| entry.connection.closed.is_none());
        let open = open.count() as u64;
        let text = format!(
            " {} still open: counted among the connections when over",
            numbered(open, "connection")
        );
        if open > 0 {
            lines.insert(0, Line::raw(fit(&text, width)));
        }
    }
    ("Statistics (↑↓ scroll, Esc closes)".to_owned(), lines)
}
