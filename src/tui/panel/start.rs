//! The first screen: sections one below the other, and what the selected line is about.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Position, Rect};
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Borders, Paragraph};

use crate::base::escape;
use crate::tui::keymap::{Action, KeyContext};
use crate::tui::settings::Settings;
use crate::tui::start::{Interface, Line as Item, Section, Start, Typing, parts};

use super::help;
use super::text::{count, ends, fit, right, words};

pub(in crate::tui) fn draw(page: &Start, frame: &mut Frame<'_>) {
    let area = frame.area();
    if let Some(top) = page.help {
        return draw_help(&page.settings, frame, area, top);
    }
    let [title, list, below] = parts(area);
    draw_title(page, frame, title);
    let width = usize::from(list.width);
    let lines = page.lines();
    let shown = lines.iter().enumerate().skip(page.cursor.top);
    let shown = shown.take(list.height.into()).map(|(at, item)| {
        let style = match at == page.cursor.at {
            true => page.settings.colours.selected(),
            false => Style::new(),
        };
        line(page, item, width).style(style)
    });
    frame.render_widget(Paragraph::new(shown.collect::<Vec<_>>()), list);
    draw_below(page, frame, below);
}

/// What stands before the tabs.
const NAME: &str = " wireloupe  ";

/// The columns of each section's tab.
fn tabs(page: &Start) -> Vec<(Section, String, std::ops::Range<u16>)> {
    let mut at = NAME.len() as u16;
    let tabs = Section::ALL.into_iter().map(|section| {
        let count = match section {
            Section::Live => match &page.interfaces {
                Some(Ok(all)) => all.len(),
                _ => 0,
            },
            Section::Files => page.recent.as_ref().map_or(0, Vec::len),
            Section::Try => page.samples.len(),
            Section::Labs => page.labs.len(),
        };
        let text = match count {
            0 => format!(" {} ", section.title()),
            count => format!(" {} {count} ", section.title()),
        };
        let end = at + text.chars().count() as u16;
        let columns = at..end;
        at = end;
        (section, text, columns)
    });
    tabs.collect()
}

/// The section whose tab is at a position.
pub(in crate::tui) fn tab_at(page: &Start, column: u16, row: u16) -> Option<Section> {
    let is_there = row == 0;
    let mut tabs = tabs(page).into_iter().filter(|_| is_there);
    tabs.find(|(.., columns)| columns.contains(&column))
        .map(|(section, ..)| section)
}

fn draw_title(page: &Start, frame: &mut Frame<'_>, area: Rect) {
    let colours = &page.settings.colours;
    let mut spans = vec![Span::raw(NAME)];
    let chosen = page.section();
    for (section, text, _) in tabs(page) {
        let style = match section == chosen {
            true => colours.selected(),
            false => Style::new(),
        };
        spans.push(Span::styled(text, style));
    }
    let [bar, _] = Layout::vertical([Constraint::Length(1), Constraint::Min(0)]).areas(area);
    frame.render_widget(Paragraph::new(Line::from(spans)).style(colours.bar()), bar);
}

fn line(page: &Start, item: &Item, width: usize) -> Line<'static> {
    let colours = &page.settings.colours;
    let named = |name: &str, about: &str| {
        let name = fit(name, 26.min(width / 2));
        let text = format!("  {name}  {about}");
        Line::raw(fit(&text, width))
    };
    match item {
        Item::Heading(section) => Line::styled(fit(&heading(*section), width), colours.label()),
        Item::Note(text) => Line::styled(fit(&format!("  {text}"), width), colours.hint()),
        Item::Interface(at) => match page
            .interfaces
            .as_ref()
            .map(|all| all.as_ref().map(|all| all.get(*at)))
        {
            Some(Ok(Some(interface))) => interface_line(page, interface, width),
            _ => Line::default(),
        },
        Item::Path => named("a path…", "type it; Tab completes"),
        Item::KeyLog => {
            let about = match &page.keylog {
                Some(path) => escape::text(path.as_bytes()),
                None => "none: the file that SSLKEYLOGFILE names decrypts wss".to_owned(),
            };
            named("key log…", &about)
        }
        Item::Recent(at) => {
            let Some(recent) = page.recent.as_ref().and_then(|recent| recent.get(*at)) else {
                return Line::default();
            };
            let size = recent
                .size
                .map_or_else(|| "gone".to_owned(), |size| format!("{} B", count(size)));
            let tail = format!(" {} {}", right(&size, 7), right(&recent.when, 16));
            let room = width.saturating_sub(tail.chars().count() + 2);
            let path = ends(&escape::text(recent.path.as_bytes()), room);
            Line::raw(format!("  {}{tail}", fit(&path, room)))
        }
        Item::Sample(at) => page
            .samples
            .get(*at)
            .map_or_else(Line::default, |one| named(&one.name, &one.about)),
        Item::Lab(at) => page
            .labs
            .get(*at)
            .map_or_else(Line::default, |one| named(&one.name, &one.about)),
    }
}

fn heading(section: Section) -> String {
    format!("─ {} ─", section.title())
}

/// Columns of an interface's name and state.
const INTERFACE: (usize, usize) = (12, 12);

fn interface_line(page: &Start, interface: &Interface, width: usize) -> Line<'static> {
    let colours = &page.settings.colours;
    let is_wide = width >= 110;
    let bars = if is_wide { 40 } else { 16 };
    let rates = if is_wide { 27 } else { 10 };
    let name = fit(&escape::text(interface.name.as_bytes()), INTERFACE.0);
    let state = fit(&interface.state, INTERFACE.1);
    let rate = match (&interface.refused, interface.rate) {
        (Some(_), _) => "refused".to_owned(),
        (None, Some((bytes, packets))) if is_wide => {
            let bytes = format!("{} B/s", count(bytes));
            format!(
                "{bytes} {}",
                right(&format!("{} packets/s", count(packets)), 15)
            )
        }
        (None, Some((bytes, _))) => format!("{} B/s", count(bytes)),
        (None, None) => String::new(),
    };
    let rate = right(&rate, rates);
    let mark = if interface.refused.is_some() {
        "✗ "
    } else {
        "  "
    };
    let used = 2 + INTERFACE.0 + 1 + INTERFACE.1 + 1 + bars + rate.chars().count() + 1;
    let about = fit(&interface.about, width.saturating_sub(used + 1));
    let style = match interface.refused {
        Some(_) => colours.faint(),
        None => Style::new(),
    };
    Line::from(vec![
        Span::styled(format!("{mark}{name} {state} "), style),
        Span::styled(sparkline(&interface.bars, bars), colours.right()),
        Span::styled(format!("{rate} "), style),
        Span::styled(about, colours.faint()),
    ])
}

/// The last amounts as bars, the highest as high as a line is.
fn sparkline(bars: &[u64], width: usize) -> String {
    const HEIGHTS: [char; 9] = [' ', '▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let shown = bars
        .get(bars.len().saturating_sub(width)..)
        .unwrap_or_default();
    let most = shown.iter().copied().max().unwrap_or(0).max(1);
    let mut out = " ".repeat(width - shown.len());
    out.extend(shown.iter().map(|bar| match *bar {
        0 => HEIGHTS[0],
        bar => HEIGHTS[1 + (u128::from(bar) * 7 / u128::from(most)) as usize],
    }));
    out
}

/// What is said of the selected line.
fn about(page: &Start) -> String {
    match page.selected() {
        Some(Item::Interface(at)) => {
            let all = page.interfaces.as_ref().and_then(|all| all.as_ref().ok());
            let Some(interface) = all.and_then(|all| all.get(at)) else {
                return String::new();
            };
            let name = escape::text(interface.name.as_bytes());
            match &interface.refused {
                Some((why, remedy)) => format!("{name}: {why}. {remedy}"),
                None => format!("Enter captures on {name}. {}", interface.about),
            }
        }
        Some(Item::Path) => "Enter, then a path: a capture file, compressed or not.".to_owned(),
        Some(Item::KeyLog) => {
            "Programs write the secrets of TLS to the file that SSLKEYLOGFILE names; \
            what is opened from here is decrypted with it."
                .to_owned()
        }
        Some(Item::Recent(at)) => {
            let recent = page.recent.as_ref().and_then(|recent| recent.get(at));
            recent.map_or_else(String::new, |recent| {
                format!("Enter opens {}", escape::text(recent.path.as_bytes()))
            })
        }
        Some(Item::Sample(at)) => page.samples.get(at).map_or_else(String::new, |one| {
            format!(
                "Enter opens this capture of real programs, which is inside wireloupe: {}",
                one.about
            )
        }),
        Some(Item::Lab(at)) => page.labs.get(at).map_or_else(String::new, |one| {
            format!(
                "Enter begins the lab; wireloupe lab start {} keeps the results.",
                one.name
            )
        }),
        _ => String::new(),
    }
}

/// The keys of the footer, with the columns that each has.
fn hints(page: &Start) -> Vec<(Action, String, String, std::ops::Range<u16>)> {
    let all = [
        (Action::Enter, "open"),
        (Action::NextPane, "next section"),
        (Action::OpenFile, "a path"),
        (Action::KeyLog, "key log"),
        (Action::Theme, "theme"),
        (Action::Help, "help"),
        (Action::Quit, "quit"),
    ];
    let mut at = 1;
    let hints = all.into_iter().filter_map(|(action, word)| {
        let key = page.settings.keymap.key_of(action, KeyContext::Start)?;
        let end = at + (key.chars().count() + 1 + word.len()) as u16;
        let columns = at..end;
        at = end + 2;
        Some((action, key, word.to_owned(), columns))
    });
    hints.collect()
}

/// What a click in the footer does.
pub(in crate::tui) fn hint_at(page: &Start, column: u16, row: u16) -> Option<Action> {
    let is_there = row + 1 == page.screen.height;
    let mut hints = hints(page).into_iter().filter(|_| is_there);
    hints
        .find(|(.., columns)| columns.contains(&column))
        .map(|(action, ..)| action)
}

fn draw_below(page: &Start, frame: &mut Frame<'_>, area: Rect) {
    let colours = &page.settings.colours;
    let [about_area, footer] =
        Layout::vertical([Constraint::Min(0), Constraint::Length(1)]).areas(area);
    let block = Block::new()
        .borders(Borders::TOP)
        .border_style(colours.border());
    let inner = block.inner(about_area);
    frame.render_widget(block, about_area);
    let spans = hints(page).into_iter().flat_map(|(_, key, word, _)| {
        [
            Span::styled(format!(" {key}"), colours.label()),
            Span::raw(format!(" {word} ")),
        ]
    });
    frame.render_widget(
        Paragraph::new(Line::from(spans.collect::<Vec<_>>())),
        footer,
    );
    if let Some((what, input)) = &page.typing {
        let label = match what {
            Typing::Path => " open: ",
            Typing::KeyLog => " key log: ",
        };
        let room = usize::from(inner.width).saturating_sub(label.len()).max(1);
        let scroll = input.visual_scroll(room);
        let typed: String = input.value().chars().skip(scroll).collect();
        let line = Line::from(vec![Span::styled(label, colours.label()), Span::raw(typed)]);
        let help = " Enter accepts, Esc leaves, Tab completes";
        let lines = vec![line, Line::styled(help, colours.faint())];
        frame.render_widget(Paragraph::new(lines), inner);
        let x = inner.x + (label.len() + input.visual_cursor().saturating_sub(scroll)) as u16;
        frame.set_cursor_position(Position::new(
            x.min(inner.right().saturating_sub(1)),
            inner.y,
        ));
        return;
    }
    let (text, style) = match page.notice.is_empty() {
        true => (about(page), colours.faint()),
        false => (page.notice.clone(), colours.hint()),
    };
    let lines = words(
        &escape::words(&text),
        usize::from(inner.width).saturating_sub(2).max(8),
    );
    let lines = lines
        .into_iter()
        .map(|line| Line::styled(format!(" {line}"), style));
    let lines: Vec<_> = lines.take(inner.height.into()).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

/// The last first line of the help that still fills the screen.
pub(in crate::tui) fn help_top(settings: &Settings, screen: Rect, top: usize) -> usize {
    let lines = help_lines(settings, screen.width).len();
    top.min(lines.saturating_sub(usize::from(screen.height.saturating_sub(2))))
}

fn help_lines(settings: &Settings, width: u16) -> Vec<Line<'static>> {
    let width = usize::from(width.saturating_sub(2));
    let lines = help::lines(&settings.keymap, settings.colours).into_iter();
    lines.flat_map(|line| super::wrapped(line, width)).collect()
}

fn draw_help(settings: &Settings, frame: &mut Frame<'_>, area: Rect, top: usize) {
    let block = Block::bordered()
        .border_style(settings.colours.focused())
        .title(format!(" {} ", help::TITLE));
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let lines = help_lines(settings, area.width).into_iter().skip(top);
    let lines: Vec<_> = lines.take(inner.height.into()).collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_high_as_their_part_of_the_highest() {
        assert_eq!(sparkline(&[0, 1, 50, 100], 6), "   ▁▄█");
        assert_eq!(sparkline(&[7, 7, 7], 2), "██");
        assert_eq!(sparkline(&[], 3), "   ");
        assert_eq!(sparkline(&[u64::MAX, 1], 2), "█▁");
    }
}
