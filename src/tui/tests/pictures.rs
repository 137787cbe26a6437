//! The pictures of `docs/screenshots/`, drawn by the program itself: `UPDATE=1 cargo test --lib pictures` makes them anew, and
//! without it a picture that no longer shows what the program does fails.

use std::fmt::Write as _;
use std::path::PathBuf;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::buffer::{Buffer, Cell};
use ratatui::style::{Color, Modifier};

use crate::tui::app::App;
use crate::tui::input;
use crate::tui::theme::Theme;

use super::{drawn, open_diagnosed};

const SIZE: (u16, u16) = (100, 30);

/// A picture: its name, what is opened, and what is typed then.
struct Shot {
    name: &'static str,
    capture: &'static str,
    keys: &'static str,
    theme: Theme,
}

const fn shot(name: &'static str, capture: &'static str, keys: &'static str) -> Shot {
    Shot {
        name,
        capture,
        keys,
        theme: Theme::Dark,
    }
}

/// All of them; keys by their names, a word is typed as it is.
const SHOTS: &[Shot] = &[
    shot("diagnosis", "failures/accept-wrong.pcapng", ""),
    shot("packets", "failures/syn-unanswered.pcapng", "Enter"),
    shot(
        "panes",
        "deflate/ws-plain.pcap",
        "Tab Down Right Down Down Down Down Down Down Down Down",
    ),
    shot("ruler", "deflate/ws-plain.pcap", "b"),
    shot("handshake", "deflate/ws-plain.pcap", "H"),
    shot(
        "follow",
        "deflate/ws-deflate-fragments.pcapng",
        "f Down Down",
    ),
    shot(
        "messages",
        "payload/socketio4-websocket.pcapng",
        "q m Down Down Down Tab Down Right",
    ),
    shot(
        "filter",
        "frames/websockets-close-codes.pcapng",
        "q = close.co",
    ),
    shot("ladder", "frames/websockets-close-codes.pcapng", "q R"),
    shot("graph", "payload/socketio4-websocket.pcapng", "q I a"),
    shot(
        "trips",
        "payload/socketio4-websocket.pcapng",
        "q I a Tab Tab",
    ),
    shot("traffic", "payload/socketio4-upgrade.pcapng", "q X a"),
    shot("findings", "failures/accept-wrong.pcapng", "q F"),
    Shot {
        theme: Theme::Light,
        ..shot("light", "deflate/ws-plain.pcap", "L")
    },
];

fn type_word(app: &mut App, word: &str) {
    let named = match word {
        "Enter" => Some(KeyCode::Enter),
        "Tab" => Some(KeyCode::Tab),
        "Down" => Some(KeyCode::Down),
        "Right" => Some(KeyCode::Right),
        _ => None,
    };
    let codes = match named {
        Some(code) => vec![code],
        None => word.chars().map(KeyCode::Char).collect(),
    };
    for code in codes {
        input::event(app, &Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
        while app.is_busy() {
            app.tick(std::time::Duration::from_millis(5));
        }
    }
}

fn taken(shot: &Shot) -> String {
    let (_, file) = shot.capture.rsplit_once('/').unwrap();
    let mut app = open_diagnosed(file);
    app.name = format!("samples/{}", shot.capture);
    app.theme = shot.theme.into();
    drawn(&mut app, SIZE.0, SIZE.1);
    for word in shot.keys.split_whitespace() {
        type_word(&mut app, word);
    }
    svg(
        drawn(&mut app, SIZE.0, SIZE.1).backend().buffer(),
        shot.theme,
    )
}

fn hex(red: u8, green: u8, blue: u8) -> String {
    format!("#{red:02x}{green:02x}{blue:02x}")
}

/// The colours of a terminal, as they are on a dark and on a light background.
fn colour(colour: Color, theme: Theme) -> Option<String> {
    let light = theme == Theme::Light;
    let pick = |dark: &str, bright: &str| Some(if light { bright } else { dark }.to_owned());
    match colour {
        Color::Reset => None,
        Color::Rgb(red, green, blue) => Some(hex(red, green, blue)),
        Color::Black => pick("#000000", "#1f2328"),
        Color::White => pick("#ffffff", "#1f2328"),
        Color::Gray => pick("#e5e5e5", "#57606a"),
        Color::DarkGray => pick("#7f848e", "#6e7781"),
        Color::Red => pick("#cd3131", "#cf222e"),
        Color::LightRed => pick("#f14c4c", "#cf222e"),
        Color::Green => pick("#0dbc79", "#116329"),
        Color::LightGreen => pick("#23d18b", "#116329"),
        Color::Yellow => pick("#e5e510", "#9a6700"),
        Color::LightYellow => pick("#f5f543", "#fff8c5"),
        Color::Blue => pick("#6c9ef8", "#0550ae"),
        Color::LightBlue => pick("#8ab4f8", "#0969da"),
        Color::Magenta => pick("#d670d6", "#8250df"),
        Color::LightMagenta => pick("#e38be3", "#8250df"),
        Color::Cyan => pick("#29b8db", "#1b7c83"),
        Color::LightCyan => pick("#4dd0f0", "#1b7c83"),
        Color::Indexed(_) => panic!("no theme has indexed colours"),
    }
}

/// How a run of cells is drawn.
#[derive(Clone, PartialEq, Eq)]
struct Look {
    text: String,
    behind: Option<String>,
    bold: bool,
    underlined: bool,
}

fn look(cell: &Cell, theme: Theme) -> Look {
    let (foreground, background) = match theme {
        Theme::Light => ("#1f2328", "#ffffff"),
        _ => ("#d4d4d4", "#1b1d23"),
    };
    let has = |modifier| cell.modifier.contains(modifier);
    let text = colour(cell.fg, theme).unwrap_or_else(|| foreground.to_owned());
    let behind = colour(cell.bg, theme);
    let (text, behind) = match has(Modifier::REVERSED) {
        true => (behind.unwrap_or_else(|| background.to_owned()), Some(text)),
        false => (text, behind),
    };
    Look {
        text,
        behind,
        bold: has(Modifier::BOLD),
        underlined: has(Modifier::UNDERLINED),
    }
}

/// Pixels of a column and of a line.
const COLUMN: f64 = 8.4;
const LINE: u16 = 17;

/// The screen as a picture. Wide characters are none in what is shown.
fn svg(buffer: &Buffer, theme: Theme) -> String {
    let (width, height) = (f64::from(SIZE.0) * COLUMN + 16.0, SIZE.1 * LINE + 16);
    let background = match theme {
        Theme::Light => "#ffffff",
        _ => "#1b1d23",
    };
    let mut out = format!(
        concat!(
            r#"<svg xmlns="http://www.w3.org/2000/svg" width="{0:.0}" height="{1}" viewBox="0 0 {0:.0} {1}""#,
            r#" font-family="ui-monospace,Menlo,Consolas,DejaVu Sans Mono,monospace" font-size="14">"#,
            "\n",
            r#"<rect width="100%" height="100%" rx="6" fill="{2}"/>"#,
            "\n"
        ),
        width, height, background
    );
    for row in 0..SIZE.1 {
        let mut column = 0;
        while column < SIZE.0 {
            let look = look(&buffer[(column, row)], theme);
            let end = (column..SIZE.0)
                .find(|at| self::look(&buffer[(*at, row)], theme) != look)
                .unwrap_or(SIZE.0);
            let text: String = (column..end).map(|at| buffer[(at, row)].symbol()).collect();
            run(&mut out, (column, row), &text, &look);
            column = end;
        }
    }
    out + "</svg>\n"
}

fn run(out: &mut String, (column, row): (u16, u16), text: &str, look: &Look) {
    let (x, y) = (8.0 + f64::from(column) * COLUMN, 8 + row * LINE);
    let wide = text.chars().count() as f64 * COLUMN;
    if let Some(behind) = &look.behind {
        let _ = writeln!(
            out,
            r#"<rect x="{x:.1}" y="{y}" width="{wide:.1}" height="{LINE}" fill="{behind}"/>"#
        );
    }
    let trimmed = text.trim_end();
    if trimmed.trim().is_empty() {
        return;
    }
    let bold = if look.bold {
        r#" font-weight="bold""#
    } else {
        ""
    };
    let line = match look.underlined {
        true => r#" text-decoration="underline""#,
        false => "",
    };
    let wide = trimmed.chars().count() as f64 * COLUMN;
    let text = trimmed
        .replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;");
    let _ = writeln!(
        out,
        r#"<text x="{x:.1}" y="{}" fill="{}"{bold}{line} textLength="{wide:.1}" xml:space="preserve">{text}</text>"#,
        y + 13,
        look.text
    );
}

#[test]
fn pictures_show_what_the_program_draws() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs/screenshots");
    let mut old = Vec::new();
    for shot in SHOTS {
        let path = folder.join(format!("{}.svg", shot.name));
        let drawn = taken(shot);
        if std::env::var_os("UPDATE").is_some() {
            std::fs::write(&path, &drawn).unwrap();
        } else if std::fs::read_to_string(&path).unwrap_or_default() != drawn {
            old.push(shot.name);
        }
    }
    assert!(
        old.is_empty(),
        "UPDATE=1 cargo test --lib pictures: {old:?}"
    );
}

#[test]
fn the_tour_has_every_picture() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("docs");
    let tour = std::fs::read_to_string(folder.join("tour.md")).unwrap();
    for shot in SHOTS {
        let link = format!("(screenshots/{}.svg)", shot.name);
        assert!(tour.contains(&link), "{link}");
    }
}
