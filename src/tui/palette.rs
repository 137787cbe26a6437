//! The colours in force: those of a theme, and what someone chose instead.

use ratatui::style::{Color, Modifier, Style};

use crate::base::{Severity, Side};
use crate::websocket::Opcode;

use super::theme::Theme;

macro_rules! roles {
    ($($role:ident $name:literal, $meaning:literal;)+) => {
        /// What a colour stands for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Role { $(#[doc = $meaning] $role,)+ }

        /// Every role with its name and what has its colour.
        pub const ROLES: &[(Role, &str, &str)] = &[$((Role::$role, $name, $meaning),)+];
    };
}

roles! {
    Client "client", "rows and bytes of the client";
    Server "server", "rows and bytes of the server";
    Close "close", "closing frames";
    Faint "faint", "what is less important";
    Label "label", "labels and headings";
    Hint "hint", "what to do where there is nothing";
    Warning "warning", "findings that are warnings";
    Error "error", "findings that are errors";
    Right "right", "what is as it should be";
    Selected "selected", "the selected row";
    SelectedElsewhere "selected-elsewhere", "the selected row of panes that do not have the keys";
    Highlight "highlight", "the bytes of the selected field, and hits of a search";
    Focused "focused", "the border of the pane that has the keys";
    Border "border", "the other borders";
    Bar "bar", "the title";
}

/// A theme, and what someone chose instead of some of its colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Colours {
    /// The theme.
    pub theme: Theme,
    own: [Option<Style>; ROLES.len()],
}

impl From<Theme> for Colours {
    fn from(theme: Theme) -> Self {
        Self {
            theme,
            own: [None; ROLES.len()],
        }
    }
}

impl Colours {
    /// With another colour for a role. Without colours at all ([`Theme::Plain`]) there is none either.
    pub fn choose(&mut self, role: Role, style: Style) {
        self.own[role as usize] = Some(style);
    }

    /// Goes on to the next theme.
    pub fn turn(&mut self) {
        self.theme = self.theme.next();
    }

    /// The theme's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.theme.name()
    }

    fn own(&self, role: Role) -> Option<Style> {
        self.own[role as usize].filter(|_| self.theme != Theme::Plain)
    }

    /// A style of someone's own as this theme has it: without colours there is only what is not colour.
    #[must_use]
    pub fn painted(&self, style: Style) -> Style {
        match self.theme {
            Theme::Plain => Style::new().add_modifier(style.add_modifier),
            _ => style,
        }
    }

    /// What is less important.
    #[must_use]
    pub fn faint(&self) -> Style {
        self.own(Role::Faint).unwrap_or_else(|| self.theme.faint())
    }

    /// What to do where there is nothing.
    #[must_use]
    pub fn hint(&self) -> Style {
        self.own(Role::Hint).unwrap_or_else(|| self.theme.hint())
    }

    /// Bytes and rows of a side.
    #[must_use]
    pub fn side(&self, side: Side) -> Style {
        let role = match side {
            Side::Client => Role::Client,
            Side::Server => Role::Server,
        };
        self.own(role).unwrap_or_else(|| self.theme.side(side))
    }

    /// A kind of frame.
    #[must_use]
    pub fn kind(&self, opcode: Opcode) -> Style {
        let own = match opcode {
            Opcode::Ping | Opcode::Pong => self.own(Role::Faint),
            Opcode::Close => self.own(Role::Close),
            Opcode::Reserved(_) => self.own(Role::Error),
            _ => None,
        };
        own.unwrap_or_else(|| self.theme.kind(opcode))
    }

    /// How bad it is.
    #[must_use]
    pub fn severity(&self, severity: Severity) -> Style {
        let own = match severity {
            Severity::Note => self.own(Role::Faint),
            Severity::Warning => self.own(Role::Warning),
            Severity::Error => self.own(Role::Error),
        };
        own.unwrap_or_else(|| self.theme.severity(severity))
    }

    /// Labels and headings.
    #[must_use]
    pub fn label(&self) -> Style {
        self.own(Role::Label).unwrap_or_else(|| self.theme.label())
    }

    /// What is as it should be.
    #[must_use]
    pub fn right(&self) -> Style {
        self.own(Role::Right).unwrap_or_else(|| self.theme.right())
    }

    /// The selected row of the pane that has the keys.
    #[must_use]
    pub fn selected(&self) -> Style {
        let own = self.own(Role::Selected);
        own.unwrap_or_else(|| self.theme.selected())
    }

    /// The selected row of other panes.
    #[must_use]
    pub fn selected_elsewhere(&self) -> Style {
        let own = self.own(Role::SelectedElsewhere);
        own.unwrap_or_else(|| self.theme.selected_elsewhere())
    }

    /// The bytes of the selected field.
    #[must_use]
    pub fn highlight(&self) -> Style {
        let own = self.own(Role::Highlight);
        own.unwrap_or_else(|| self.theme.highlight())
    }

    /// The border of the pane that has the keys.
    #[must_use]
    pub fn focused(&self) -> Style {
        let own = self.own(Role::Focused);
        own.unwrap_or_else(|| self.theme.focused())
    }

    /// Other borders.
    #[must_use]
    pub fn border(&self) -> Style {
        let own = self.own(Role::Border);
        own.unwrap_or_else(|| self.theme.border())
    }

    /// Title and footer.
    #[must_use]
    pub fn bar(&self) -> Style {
        self.own(Role::Bar).unwrap_or_else(|| self.theme.bar())
    }
}

/// The words beside colours.
const WORDS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("faint", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underlined", Modifier::UNDERLINED),
    ("reversed", Modifier::REVERSED),
];

/// The colours of a terminal by name.
const COLOURS: [(&str, Color); 17] = [
    ("default", Color::Reset),
    ("black", Color::Black),
    ("red", Color::Red),
    ("green", Color::Green),
    ("yellow", Color::Yellow),
    ("blue", Color::Blue),
    ("magenta", Color::Magenta),
    ("cyan", Color::Cyan),
    ("grey", Color::Gray),
    ("dark-grey", Color::DarkGray),
    ("light-red", Color::LightRed),
    ("light-green", Color::LightGreen),
    ("light-yellow", Color::LightYellow),
    ("light-blue", Color::LightBlue),
    ("light-magenta", Color::LightMagenta),
    ("light-cyan", Color::LightCyan),
    ("white", Color::White),
];

/// Reads a style: `red`, `bold #ff8800`, `black on yellow`, `underlined`.
///
/// # Errors
/// What is no part of one, and what was meant.
pub fn style(text: &str) -> Result<Style, String> {
    let mut style = Style::new();
    let mut on_ground = false;
    let mut has_any = false;
    for word in text.split_whitespace() {
        if word == "on" && !on_ground {
            on_ground = true;
            continue;
        }
        has_any = true;
        if let Some((_, modifier)) = WORDS.iter().find(|(name, _)| *name == word) {
            style = style.add_modifier(*modifier);
            continue;
        }
        let colour = colour(word)?;
        style = match on_ground {
            true => style.bg(colour),
            false => style.fg(colour),
        };
    }
    match has_any {
        true => Ok(style),
        false => Err("a colour is missing, such as \"red\" or \"black on yellow\"".to_owned()),
    }
}

fn colour(word: &str) -> Result<Color, String> {
    if let Some((_, colour)) = COLOURS.iter().find(|(name, _)| *name == word) {
        return Ok(*colour);
    }
    if let Some(digits) = word.strip_prefix('#')
        && let (6, Ok(number)) = (digits.len(), u32::from_str_radix(digits, 16))
    {
        let [_, red, green, blue] = number.to_be_bytes();
        return Ok(Color::Rgb(red, green, blue));
    }
    let names = COLOURS.iter().map(|(name, _)| *name);
    let names = names.chain(WORDS.iter().map(|(name, _)| *name));
    let shown = crate::base::escape::text(word.as_bytes());
    Err(match crate::filter::nearest(word, names) {
        Some(near) => format!("{shown:?} is no colour: did you mean {near}?"),
        None => format!("{shown:?} is no colour, such as red, light-blue or #ff8800"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn styles_are_read() {
        assert_eq!(style("red").unwrap(), Style::new().fg(Color::Red));
        let all = Style::new()
            .fg(Color::Rgb(255, 136, 0))
            .bg(Color::DarkGray)
            .add_modifier(Modifier::BOLD);
        assert_eq!(style("bold #ff8800 on dark-grey").unwrap(), all);
        for (text, why) in [
            ("reed", "\"reed\" is no colour: did you mean red?"),
            ("", "a colour is missing"),
            ("red on", ""),
            ("#ff88", "is no colour, such as"),
            ("bold on on", "is no colour"),
        ] {
            match style(text) {
                Ok(_) => assert_eq!(why, "", "{text}"),
                Err(error) => assert!(!why.is_empty() && error.contains(why), "{text}: {error}"),
            }
        }
    }

    #[test]
    fn every_role_can_be_chosen_and_none_without_colours() {
        let own = style("bold #010203").unwrap();
        for (role, name, _) in ROLES {
            let mut colours = Colours::from(Theme::Dark);
            colours.choose(*role, own);
            let all = |colours: &Colours| {
                [
                    colours.side(Side::Client),
                    colours.side(Side::Server),
                    colours.kind(Opcode::Close),
                    colours.faint(),
                    colours.label(),
                    colours.hint(),
                    colours.severity(Severity::Warning),
                    colours.severity(Severity::Error),
                    colours.right(),
                    colours.selected(),
                    colours.selected_elsewhere(),
                    colours.highlight(),
                    colours.focused(),
                    colours.border(),
                    colours.bar(),
                ]
            };
            assert_eq!(all(&colours)[*role as usize], own, "{name}");
            assert_eq!(
                all(&colours).iter().filter(|style| **style == own).count(),
                1
            );
            colours.theme = Theme::Plain;
            assert!(!all(&colours).contains(&own), "{name}");
        }
    }
}
