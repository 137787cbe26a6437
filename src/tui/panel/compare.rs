//! What differs between two captures or two connections, as `wireloupe compare` prints it.

use ratatui::text::Line;

use crate::base::escape;
use crate::tui::app::App;
use crate::tui::views::Compared;

pub(super) fn lines(app: &App, compared: &Compared) -> (String, Vec<Line<'static>>) {
    let lines = match &compared.text {
        None => vec![Line::raw(" comparing…")],
        Some(text) => text.lines().map(|line| of(app, line)).collect(),
    };
    let title = format!("{} (Esc closes)", escape::text(compared.title.as_bytes()));
    (title, lines)
}

fn of(app: &App, line: &str) -> Line<'static> {
    let text = format!(" {line}");
    match line.starts_with(' ') || line.is_empty() {
        true => Line::raw(text),
        false => Line::styled(text, app.theme.label()),
    }
}
