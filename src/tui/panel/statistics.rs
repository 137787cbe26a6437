//! The capture in numbers, as `wireloupe stats` prints them.

use ratatui::text::Line;

use crate::tui::app::App;

use super::text::{counted, fit};

pub(super) fn lines(app: &App, width: usize) -> (String, Vec<Line<'static>>) {
    let width = width.saturating_sub(1);
    let mut lines = match &app.statistics {
        None if app.live.is_some() => vec![Line::raw(" nothing to count yet")],
        None => vec![Line::raw(" counting…")],
        Some(text) => text
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
            counted(open, "connection")
        );
        if open > 0 {
            lines.insert(0, Line::raw(fit(&text, width)));
        }
    }
    ("Statistics (↑↓ scroll, Esc closes)".to_owned(), lines)
}
