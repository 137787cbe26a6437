//! The colours of the interface, as the environment asks for them.

use crate::tui::Theme;

/// Plain with `NO_COLOR` (no-color.org).
pub(super) fn theme() -> Theme {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if no_color { Theme::Plain } else { Theme::Dark }
}
