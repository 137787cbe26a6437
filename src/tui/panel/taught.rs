//! Lines of the teaching part in the theme's colours.

use ratatui::text::{Line, Span};

use crate::base::Severity;
use crate::teach::{self, Role};
use crate::tui::app::App;

/// A line as the theme has it.
pub(super) fn styled(app: &App, line: teach::Line) -> Line<'static> {
    let parts = line.parts.into_iter().map(|(role, text)| {
        let style = match role {
            Role::Plain => return Span::raw(text),
            Role::Title => app.theme.label(),
            Role::Label => app.theme.label(),
            Role::Faint => app.theme.faint(),
            Role::Wrong => app.theme.severity(Severity::Error),
            Role::Doubtful => app.theme.severity(Severity::Warning),
            Role::Right => app.theme.right(),
        };
        Span::styled(text, style)
    });
    Line::from(parts.collect::<Vec<_>>())
}
