//! Every theme, with its styles: what is told in colour is told without it too.

use std::fmt::Write as _;

use ratatui::style::{Color, Modifier, Style};

use crate::base::Severity;
use crate::tui::App;
use crate::tui::layout::Pane;
use crate::tui::theme::Theme;

use super::{drawn, keys, open, open_diagnosed};

const THEMES: [(Theme, &str); 4] = [
    (Theme::Dark, "dark"),
    (Theme::Light, "light"),
    (Theme::Contrast, "contrast"),
    (Theme::Plain, "plain"),
];

/// The views, each with something of every colour it can have.
fn views() -> Vec<(&'static str, App)> {
    let view = |mut app: App, pressed: &str| {
        app.resize(80, 24);
        keys(&mut app, pressed);
        app
    };
    vec![
        ("panes", view(open("invalid-utf8.pcapng"), "\t")),
        ("bytes", view(open("websockets-close-codes.pcapng"), "\t\t")),
        ("diagnosis", open_diagnosed("websockets-close-codes.pcapng")),
        ("findings", view(open("http-inside-frames.pcapng"), "F")),
        ("follow", view(open("ws-deflate-fragments.pcapng"), "fjj")),
        ("handshake", view(open("accept-wrong.pcapng"), "HG")),
        ("ruler", view(open("websockets-close-codes.pcapng"), "b")),
        ("filter", view(open("ws-plain.pcap"), "=frame.num == x")),
        ("copy", view(open("ws-plain.pcap"), "y")),
    ]
}

/// How a cell looks, in words.
fn named(style: Style) -> String {
    let mut words = Vec::new();
    for (name, colour) in [("", style.fg), ("on ", style.bg)] {
        if let Some(colour) = colour.filter(|colour| *colour != Color::Reset) {
            words.push(format!("{name}{colour}"));
        }
    }
    words.extend(
        style
            .add_modifier
            .iter_names()
            .map(|(name, _)| name.to_lowercase()),
    );
    words.join(" ")
}

/// The screen, with a line of letters under each line that has styles, and what the letters stand for.
fn styled(app: &mut App, width: u16, height: u16) -> String {
    let terminal = drawn(app, width, height);
    let buffer = terminal.backend().buffer();
    let mut styles: Vec<String> = vec![String::new()];
    let mut out = String::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        let mut letters = String::new();
        for x in 0..width {
            let name = named(buffer[(x, y)].style());
            let known = styles.iter().position(|style| *style == name);
            let at = known.unwrap_or_else(|| {
                styles.push(name);
                styles.len() - 1
            });
            letters.push(if at == 0 {
                ' '
            } else {
                char::from(b'a' + at as u8 - 1)
            });
        }
        let _ = writeln!(out, "{}", line.trim_end());
        if !letters.trim().is_empty() {
            let _ = writeln!(out, "{}", letters.trim_end());
        }
    }
    for (at, style) in styles.iter().enumerate().skip(1) {
        let _ = writeln!(out, "{}: {style}", char::from(b'a' + at as u8 - 1));
    }
    out
}

#[test]
fn every_view_in_every_theme() {
    for (name, mut app) in views() {
        for (theme, called) in THEMES {
            app.theme = theme.into();
            for (width, height) in [(80, 24), (120, 40)] {
                // The larger screen has no other styles than the smaller one, but for the panes.
                if height == 24 || name == "panes" {
                    let screen = styled(&mut app, width, height);
                    insta::assert_snapshot!(format!("{called}_{name}_{width}x{height}"), screen);
                }
            }
        }
    }
}

#[test]
fn every_theme_draws_the_same_text() {
    for (name, mut app) in views() {
        let screens = THEMES.map(|(theme, _)| {
            app.theme = theme.into();
            super::screen(&mut app, 100, 30)
        });
        assert!(screens.windows(2).all(|pair| pair[0] == pair[1]), "{name}");
    }
}

#[test]
fn the_key_goes_through_all_themes_and_says_which() {
    let mut app = open("invalid-utf8.pcapng");
    for (theme, _) in THEMES {
        assert_eq!(app.theme.theme, theme);
        keys(&mut app, "T");
        assert!(app.notice.contains(app.theme.name()));
    }
    assert_eq!(app.theme.theme, Theme::Dark);
}

#[test]
fn without_colours_there_are_none() {
    for (name, mut app) in views() {
        app.theme = Theme::Plain.into();
        let terminal = drawn(&mut app, 120, 40);
        for cell in terminal.backend().buffer().content() {
            assert_eq!((cell.fg, cell.bg), (Color::Reset, Color::Reset), "{name}");
        }
    }
}

/// What must be told apart is, in every theme, by more than the hue: by inversion, weight or underline.
#[test]
fn selections_and_highlights_are_seen_in_every_theme() {
    for (theme, called) in THEMES {
        let mut app = open("websockets-close-codes.pcapng");
        app.theme = theme.into();
        app.resize(80, 24);
        keys(&mut app, "\t");
        let terminal = drawn(&mut app, 80, 24);
        let buffer = terminal.backend().buffer();
        let style = |x: u16, y: u16| buffer[(x, y)].style();
        let areas = app.areas();
        // The selected connection, whose pane does not have the keys, and the one after it.
        let list = areas.panes[Pane::Connections as usize];
        let (chosen, other) = (style(6, list.y + 2), style(6, list.y + 3));
        assert_ne!(chosen.add_modifier, other.add_modifier, "{called}");
        // The selected field, whose pane has them.
        let detail = areas.panes[Pane::Detail as usize];
        let at = detail.y + 1 + (app.detail.at - app.detail.top) as u16;
        let field = style(detail.x + 3, at);
        assert!(field.add_modifier.contains(Modifier::REVERSED), "{called}");
        // Its bytes: not only another hue, but dark on bright or inverted.
        let bytes = areas.panes[Pane::Bytes as usize];
        let lit = app.highlighted().remove(0).start - app.bytes.top * app.bytes_per_line();
        let (line, column) = (lit / app.bytes_per_line(), lit % app.bytes_per_line());
        let at = (bytes.x + 7 + column as u16 * 3, bytes.y + 1 + line as u16);
        let byte = style(at.0, at.1);
        let inverted = byte.add_modifier.contains(Modifier::REVERSED);
        assert!(
            inverted || byte.fg == Some(Color::Black),
            "{called}: {byte:?}"
        );
        assert_eq!(named(byte), named(theme.highlight()), "{called}");
        // An error is bold beside its word or mark; the pane with the keys has a mark.
        assert!(
            theme
                .severity(Severity::Error)
                .add_modifier
                .contains(Modifier::BOLD)
        );
        let title: String = (0..80).map(|x| buffer[(x, detail.y)].symbol()).collect();
        assert!(title.contains("▶ Detail"), "{title}");
    }
}
