//! Every key, from the table.

use ratatui::text::{Line, Span};

use crate::tui::app::App;
use crate::tui::keymap::KEYMAP;

use super::text::fit;

pub(super) fn lines(app: &App) -> (String, Vec<Line<'static>>) {
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
        " Mouse: a click selects, a double click is Enter, the wheel scrolls, a border between panes can be dragged, and",
        " tabs, keys in the footer and the head of the time column can be clicked.",
    ] {
        lines.push(Line::raw(text));
    }
    ("Keys (Esc closes)".to_owned(), lines)
}
