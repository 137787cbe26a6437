//! The capture in numbers, as `wireloupe stats` prints them.

use ratatui::text::Line;

use crate::tui::app::App;

use super::fit;

pub(super) fn lines(app: &App, width: usize) -> (String, Vec<Line<'static>>) {
    let width = width.saturating_sub(1);
    let lines = match &app.statistics {
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
    ("Statistics (↑↓ scroll, Esc closes)".to_owned(), lines)
}
