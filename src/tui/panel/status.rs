//! The title, the status line with what is being typed, and the footer of keys.

use std::ops::Range;

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use crate::base::{Severity, escape};
use crate::tui::app::App;
use crate::tui::keymap::{Action, applies};
use crate::tui::layout::Pane;
use crate::tui::prompt::{Ask, SHOWN};

use super::text::{count, counted, ends, fit, words};

const TITLE: &str = " wireloupe  ";
/// Columns of a name that nothing else takes.
const NAME: usize = 24;

pub(super) fn title(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let name = escape::text(app.name.as_bytes());
    // The name of an interface is short, and what the capture is of.
    let kept = TITLE.len() + name.chars().count().min(NAME) + 2;
    let right = progress(app, width.saturating_sub(kept));
    let room = width.saturating_sub(right.chars().count() + 2);
    // A file is told apart by the end of its path.
    let name = match app.live {
        None => ends(&name, room.saturating_sub(TITLE.len())),
        Some(_) => name,
    };
    let line = format!("{} {right} ", fit(&format!("{TITLE}{name}"), room));
    frame.render_widget(
        Paragraph::new(fit(&line, width)).style(app.theme.bar()),
        area,
    );
}

fn progress(app: &App, width: usize) -> String {
    let store = &app.store;
    let counts = format!(
        "{}  {}  {}",
        counted(store.packets_seen(), "packet"),
        counted(store.frame_count() as u64, "frame"),
        counted(store.findings().len() as u64, "finding"),
    );
    if let Some(live) = &app.live {
        let state = match (&live.ended, live.frozen) {
            (Some(_), _) => "ended",
            (None, true) => "FROZEN (space goes on)",
            (None, false) => "live",
        };
        let told = format!(
            " {state}  {}/s  dropped {}  {counts}",
            count(live.packet_rate),
            count(live.counts.dropped),
        );
        let room = width.saturating_sub(told.chars().count());
        return live.sparkline(room) + &told;
    }
    match (app.loading.done, app.loading.total) {
        (true, _) => counts,
        (false, Some(total)) if total > 0 => {
            let part = (app.loading.read * 10 / total).min(10) as usize;
            format!("[{}{}] {counts}", "█".repeat(part), "░".repeat(10 - part))
        }
        (false, _) => format!("reading…  {counts}"),
    }
}

pub(super) fn status(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let Some(prompt) = &app.prompt else {
        let ended = app.live.as_ref().and_then(|live| live.ended.clone());
        let text = match (&app.saving, ended) {
            _ if !app.notice.is_empty() => app.notice.clone(),
            (Some(file), _) => {
                format!("saving to {file}… {}% (Esc stops)", app.saved_percent)
            }
            // It was told at length when it ended; it stays in one line.
            (None, Some(ended)) => fit(&ended, area.width.saturating_sub(2).into()),
            (None, None) => String::new(),
        };
        // What a field says is escaped already, and so is what somebody said of the row.
        let text = match text.is_empty() {
            true => long_field(app, area)
                .or_else(|| said(app))
                .unwrap_or_default(),
            false => escape::words(&text),
        };
        long(app, frame, area, &text);
        return;
    };
    let label = prompt.ask.label();
    if prompt.ask.is_choice() {
        let mut spans = vec![Span::raw(label)];
        for hint in choices(prompt.ask) {
            if hint.columns.end <= area.width {
                spans.extend(hint.spans(app));
            }
        }
        frame.render_widget(Paragraph::new(Line::from(spans)), area);
        return;
    }
    let before = label.chars().count() as u16;
    let room = usize::from(area.width.saturating_sub(before)).max(1);
    let scroll = prompt.input.visual_scroll(room);
    let typed: String = prompt.input.value().chars().skip(scroll).collect();
    let spans = vec![Span::styled(label, app.theme.label()), Span::raw(typed)];
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
    let x = area.x + before + prompt.input.visual_cursor().saturating_sub(scroll) as u16;
    if area.width > 0 {
        frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), area.y));
    }
}

/// What somebody said of the selected row.
fn said(app: &App) -> Option<String> {
    let row = app.list.selected(&app.store)?;
    let is_looked_at = app.view.is_none() && app.focus != Pane::Connections;
    let said = is_looked_at.then(|| app.said_of(row))?;
    (!said.is_empty()).then(|| format!("# {}", said.join("; ")))
}

/// Lines of a text that one line has no room for.
const LINES: usize = 6;

/// A text in as many lines as it needs, over the panes.
fn long(app: &App, frame: &mut Frame<'_>, area: Rect, text: &str) {
    let mut lines = words(text, usize::from(area.width.saturating_sub(2)).max(1));
    lines.truncate(LINES.min(usize::from(area.y) + 1));
    let rows = lines.len().max(1) as u16;
    let above = Rect::new(area.x, area.y - (rows - 1), area.width, rows);
    let lines: Vec<_> = lines
        .into_iter()
        .map(|line| Line::raw(format!(" {line}")))
        .collect();
    let text = match rows {
        1 => Paragraph::new(lines),
        _ => Paragraph::new(lines).style(app.theme.bar()),
    };
    frame.render_widget(Clear, above);
    frame.render_widget(text, above);
}

/// The selected field when its pane has no room for it.
fn long_field(app: &App, area: Rect) -> Option<String> {
    let pane = app.areas().panes[Pane::Detail as usize];
    if app.focus != Pane::Detail || app.view.is_some() {
        return None;
    }
    let field = app.tree.field(app.detail.at)?;
    let node = app.tree.nodes.get(app.detail.at)?;
    let used = node.path.len() * 2 + field.bits.chars().count() + field.label.chars().count() + 7;
    let whole = used + field.value.chars().count();
    (whole > pane.width.into()).then(|| {
        fit(
            &format!("{}: {}", field.label, field.value),
            area.width.saturating_sub(1).into(),
        )
    })
}

/// What a click on a hint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::tui) enum Does {
    /// What a key does.
    Action(Action),
    /// Answers a question.
    Letter(char),
    /// Takes the line that was typed.
    Submit,
    /// Drops it.
    Leave,
    /// Completes it.
    Complete,
    /// Brings back an earlier one.
    Recall,
}

/// A key and a word for what it does.
pub(in crate::tui) struct Hint {
    key: String,
    text: String,
    /// What a click on it does.
    pub(in crate::tui) does: Does,
    /// Where it is in its line.
    pub(in crate::tui) columns: Range<u16>,
}

impl Hint {
    fn spans(self, app: &App) -> [Span<'static>; 2] {
        [
            Span::styled(self.key, app.theme.label()),
            Span::raw(format!(" {}  ", self.text)),
        ]
    }
}

/// Hints one after the other from a column on, as many as there is room for.
fn placed(
    from: usize,
    width: usize,
    hints: impl Iterator<Item = (String, &'static str, Does)>,
) -> Vec<Hint> {
    let mut at = from;
    let mut placed = Vec::new();
    for (key, text, does) in hints {
        let end = at + key.chars().count() + 1 + text.chars().count();
        if end > width {
            break;
        }
        placed.push(Hint {
            key,
            text: text.to_owned(),
            does,
            columns: at as u16..end as u16,
        });
        at = end + 2;
    }
    placed
}

/// The letters that answer a question, where the status line has them.
pub(in crate::tui) fn choices(ask: Ask) -> Vec<Hint> {
    let hints = ask.choices().iter();
    let hints = hints.map(|(letter, text)| (letter.to_string(), *text, Does::Letter(*letter)));
    placed(ask.label().chars().count(), usize::from(u16::MAX), hints)
}

/// The keys that apply now, as many as there is room for.
pub(in crate::tui) fn hints(app: &App, width: u16) -> Vec<Hint> {
    let width = usize::from(width);
    if let Some(prompt) = &app.prompt {
        let all = [
            ("Enter", "accepts", Does::Submit),
            ("Esc", "leaves", Does::Leave),
            ("Tab", "completes", Does::Complete),
            ("↑", "earlier ones", Does::Recall),
        ];
        let hints = all.into_iter().filter(|(.., does)| match does {
            Does::Submit => !prompt.ask.is_choice(),
            Does::Complete | Does::Recall => prompt.ask.is_filter(),
            _ => true,
        });
        let hints = hints.map(|(key, text, does)| (key.to_owned(), text, does));
        // Answers that the line above has no room for.
        let answers = prompt.ask.choices().iter().zip(choices(prompt.ask));
        let rest = answers.filter(|(_, hint)| usize::from(hint.columns.end) > width);
        let rest =
            rest.map(|((letter, text), _)| (letter.to_string(), *text, Does::Letter(*letter)));
        return placed(0, width, rest.chain(hints));
    }
    let here = app.context();
    let shown = app
        .keymap
        .bindings()
        .filter(|(binding, _)| !binding.short.is_empty() && applies(binding.context, here));
    let hints = shown.filter_map(|(binding, keys)| {
        let key = keys.first()?.name();
        Some((key, binding.short, Does::Action(binding.action)))
    });
    placed(0, width, hints)
}

/// The lines that the completions of a filter cover, over the panes, and the first one shown.
pub(in crate::tui) fn completions_area(app: &App, status: Rect) -> Option<(Rect, usize)> {
    let prompt = app
        .prompt
        .as_ref()
        .filter(|prompt| prompt.ask.is_completed())?;
    let rows = prompt.completions.len().min(SHOWN).min(status.y.into());
    let top = prompt.chosen.saturating_sub(SHOWN - 1);
    let (rows, width) = (rows as u16, status.width.min(72));
    (rows > 0).then(|| (Rect::new(status.x, status.y - rows, width, rows), top))
}

/// The completions of a filter, over the panes.
pub(super) fn completions(app: &App, frame: &mut Frame<'_>, status: Rect) {
    let (Some(prompt), Some((area, top))) = (&app.prompt, completions_area(app, status)) else {
        return;
    };
    let width = usize::from(area.width);
    let lines: Vec<_> = prompt
        .completions
        .iter()
        .enumerate()
        .skip(top)
        .take(area.height.into())
        .map(|(index, completion)| {
            let text = format!(" {}  {}", fit(&completion.text, 30), completion.note);
            let line = Line::raw(fit(&text, width));
            if index == prompt.chosen {
                line.style(app.theme.selected())
            } else {
                line.style(app.theme.bar())
            }
        })
        .collect();
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(lines), area);
}

pub(super) fn footer(app: &App, frame: &mut Frame<'_>, area: Rect) {
    if let Some(error) = app.prompt.as_ref().and_then(|prompt| prompt.error.as_ref()) {
        // What is wrong with a line stands under it.
        let error = format!(" ! {}", escape::words(error));
        let error = fit(&error, area.width.into());
        frame.render_widget(
            Paragraph::new(error).style(app.theme.severity(Severity::Warning)),
            area,
        );
        return;
    }
    let hints = hints(app, area.width);
    let spans: Vec<_> = hints.into_iter().flat_map(|hint| hint.spans(app)).collect();
    let line = Paragraph::new(Line::from(spans));
    let line = if app.prompt.is_some() {
        line.style(app.theme.bar())
    } else {
        line
    };
    frame.render_widget(line, area);
}
