//! Colours by role. Nothing is told by colour alone: arrows, words and marks say the same.

use ratatui::style::{Color, Modifier, Style};

use crate::base::{Severity, Side};
use crate::websocket::Opcode;

/// A set of colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Theme {
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// Few strong colours, for projectors.
    Contrast,
    /// No colour at all (`NO_COLOR`).
    Plain,
}

impl Theme {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Theme::Dark => "dark",
            Theme::Light => "light",
            Theme::Contrast => "high contrast",
            Theme::Plain => "no colour",
        }
    }

    /// The next one.
    #[must_use]
    pub fn next(self) -> Theme {
        match self {
            Theme::Dark => Theme::Light,
            Theme::Light => Theme::Contrast,
            Theme::Contrast => Theme::Plain,
            Theme::Plain => Theme::Dark,
        }
    }

    fn colour(self, dark: Color, light: Color, contrast: Color) -> Style {
        match self {
            Theme::Dark => Style::new().fg(dark),
            Theme::Light => Style::new().fg(light),
            Theme::Contrast => Style::new().fg(contrast),
            Theme::Plain => Style::new(),
        }
    }

    /// What is less important.
    #[must_use]
    pub fn faint(self) -> Style {
        match self {
            Theme::Dark | Theme::Light => Style::new().fg(Color::DarkGray),
            Theme::Contrast | Theme::Plain => Style::new(),
        }
    }

    /// What to do where there is nothing: to be seen at once.
    #[must_use]
    pub fn hint(self) -> Style {
        self.colour(Color::White, Color::Black, Color::White)
    }

    /// Bytes and rows of a side.
    #[must_use]
    pub fn side(self, side: Side) -> Style {
        match side {
            Side::Client => self.colour(Color::Cyan, Color::Blue, Color::Cyan),
            Side::Server => self.colour(Color::Green, Color::Rgb(0, 110, 40), Color::Yellow),
        }
    }

    /// A kind of frame.
    #[must_use]
    pub fn kind(self, opcode: Opcode) -> Style {
        match opcode {
            Opcode::Text | Opcode::Binary | Opcode::Continuation => Style::new(),
            Opcode::Ping | Opcode::Pong => self.faint(),
            Opcode::Close => self.colour(Color::Magenta, Color::Magenta, Color::Magenta),
            Opcode::Reserved(_) => self.severity(Severity::Error),
        }
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(self, severity: Severity) -> Style {
        match severity {
            Severity::Note => self.faint(),
            Severity::Warning => self.colour(Color::Yellow, Color::Rgb(150, 90, 0), Color::Yellow),
            Severity::Error => self
                .colour(Color::LightRed, Color::Red, Color::LightRed)
                .add_modifier(Modifier::BOLD),
        }
    }

    /// Labels and headings.
    #[must_use]
    pub fn label(self) -> Style {
        self.colour(Color::LightBlue, Color::Blue, Color::White)
            .add_modifier(Modifier::BOLD)
    }

    /// What is as it should be.
    #[must_use]
    pub fn right(self) -> Style {
        self.colour(Color::Green, Color::Rgb(0, 110, 40), Color::White)
    }

    /// The selected row of the pane that has the keys.
    #[must_use]
    pub fn selected(self) -> Style {
        Style::new().add_modifier(Modifier::REVERSED)
    }

    /// The selected row of other panes.
    #[must_use]
    pub fn selected_elsewhere(self) -> Style {
        match self {
            Theme::Dark => Style::new()
                .bg(Color::Rgb(48, 52, 60))
                .add_modifier(Modifier::BOLD),
            Theme::Light => Style::new()
                .bg(Color::Rgb(215, 220, 230))
                .add_modifier(Modifier::BOLD),
            Theme::Contrast | Theme::Plain => Style::new().add_modifier(Modifier::UNDERLINED),
        }
    }

    /// The bytes of the selected field.
    #[must_use]
    pub fn highlight(self) -> Style {
        match self {
            Theme::Dark => Style::new().bg(Color::Yellow).fg(Color::Black),
            Theme::Light => Style::new().bg(Color::LightYellow).fg(Color::Black),
            Theme::Contrast => Style::new().bg(Color::White).fg(Color::Black),
            Theme::Plain => Style::new().add_modifier(Modifier::REVERSED),
        }
    }

    /// The border of the pane that has the keys.
    #[must_use]
    pub fn focused(self) -> Style {
        self.colour(Color::Yellow, Color::Rgb(150, 90, 0), Color::White)
            .add_modifier(Modifier::BOLD)
    }

    /// Other borders.
    #[must_use]
    pub fn border(self) -> Style {
        self.faint()
    }

    /// Title and footer.
    #[must_use]
    pub fn bar(self) -> Style {
        match self {
            Theme::Dark => Style::new().bg(Color::Rgb(40, 44, 52)).fg(Color::White),
            Theme::Light => Style::new().bg(Color::Rgb(220, 224, 232)).fg(Color::Black),
            Theme::Contrast | Theme::Plain => Style::new().add_modifier(Modifier::REVERSED),
        }
    }
}
