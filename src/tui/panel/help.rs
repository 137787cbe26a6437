//! Every key, from the table.

use ratatui::text::{Line, Span};

use crate::tui::keymap::{Keymap, names};
use crate::tui::palette::Colours;

use super::text::fit;

/// The title of the view.
pub(super) const TITLE: &str = "Keys (Esc closes)";

pub(super) fn lines(keymap: &Keymap, colours: Colours) -> Vec<Line<'static>> {
    let mut lines: Vec<_> = keymap
        .bindings()
        .map(|(binding, keys)| {
            Line::from(vec![
                Span::styled(fit(&format!(" {}", names(keys)), 20), colours.label()),
                Span::raw(binding.help),
            ])
        })
        .collect();
    lines.push(Line::default());
    for text in [
        " In the lists: → from the client, ← from the server, + more fragments follow, z compressed, 3f three frames,",
        " … bytes missing, ! a finding, ' marked, # commented.",
        " Mouse: a click selects, a double click is Enter, the wheel scrolls, a border between panes can be dragged, and",
        " tabs, keys in the footer and the head of the time column can be clicked.",
    ] {
        lines.push(Line::raw(text));
    }
    lines
}
