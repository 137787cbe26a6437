//! The capture in numbers, as `wireloupe stats` prints them.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::Line;

use crate::tui::app::App;

use super::{fit, lines_view};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect, top: usize) {
    let width = usize::from(area.width.saturating_sub(3));
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
    let title = "Statistics (↑↓ scroll, Esc closes)";
    lines_view(app, frame, area, title, lines, top);
}
