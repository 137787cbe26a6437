//! Every key, from the table.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::tui::app::App;
use crate::tui::keymap::KEYMAP;

use super::{fit, lines_view};

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect, top: usize) {
    let mut lines: Vec<_> = KEYMAP
        .iter()
        .map(|binding| {
            Line::from(vec![
                Span::styled(fit(&format!(" {}", binding.names()), 20), app.theme.label()),
                Span::raw(binding.help),
            ])
        })
        .collect();
    lines.push(Line::default());
    for text in [
        " In the lists: → from the client, ← from the server, + more fragments follow, z compressed, 3f three frames,",
        " … bytes missing, ! a finding, ' marked.",
        " A click selects, the wheel scrolls.",
    ] {
        lines.push(Line::raw(text));
    }
    lines_view(app, frame, area, "Keys (Esc closes)", lines, top);
}
