//! Lines of the teaching part in the theme's colours.

use ratatui::text::{Line, Span};

use crate::base::Severity;
use crate::teach::{self, Role};
use crate::tui::app::App;
use crate::tui::palette::Colours;

/// A line as the app's theme has it.
pub(super) fn styled(app: &App, line: teach::Line) -> Line<'static> {
    painted(app.theme, line)
}

/// A line as a theme has it.
pub(super) fn painted(theme: Colours, line: teach::Line) -> Line<'static> {
    let parts = line.parts.into_iter().map(|(role, text)| {
        let style = match role {
            Role::Plain => return Span::raw(text),
            Role::Title => theme.label(),
            Role::Label => theme.label(),
            Role::Faint => theme.faint(),
            Role::Wrong => theme.severity(Severity::Error),
            Role::Doubtful => theme.severity(Severity::Warning),
            Role::Right => theme.right(),
            Role::Marked => theme.highlight(),
        };
        Span::styled(text, style)
    });
    Line::from(parts.collect::<Vec<_>>())
}
