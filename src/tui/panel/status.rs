//! The title, the status line with what is being typed, and the footer of keys.

use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use crate::base::{Severity, escape};
use crate::tui::app::App;
use crate::tui::keymap::{KEYMAP, applies};
use crate::tui::prompt::SHOWN;

use super::{count, fit};

pub(super) fn title(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let width = usize::from(area.width);
    let right = progress(app);
    let name = format!(" wireloupe  {}", escape::text(app.name.as_bytes()));
    let room = width.saturating_sub(right.chars().count() + 1);
    let line = format!("{}{right} ", fit(&name, room));
    frame.render_widget(
        Paragraph::new(fit(&line, width)).style(app.theme.bar()),
        area,
    );
}

fn progress(app: &App) -> String {
    let store = &app.store;
    let counts = format!(
        "{} packets  {} frames  {} findings",
        count(store.packets_seen()),
        count(store.frame_count() as u64),
        count(store.findings().len() as u64),
    );
    if let Some(live) = &app.live {
        let state = match (&live.ended, live.frozen) {
            (Some(_), _) => "ended",
            (None, true) => "FROZEN (space goes on)",
            (None, false) => "live",
        };
        return format!(
            "{} {state}  {}/s  dropped {}  {counts}",
            live.sparkline(),
            count(live.packet_rate),
            count(live.counts.dropped),
        );
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
        let text = match &app.live.as_ref().and_then(|live| live.ended.clone()) {
            Some(ended) if app.notice.is_empty() => ended.clone(),
            _ => app.notice.clone(),
        };
        let text = format!(" {}", escape::text(text.as_bytes()));
        frame.render_widget(Paragraph::new(text), area);
        return;
    };
    let label = prompt.ask.label();
    let before = label.chars().count() as u16;
    let room = usize::from(area.width.saturating_sub(before)).max(1);
    let scroll = prompt.input.visual_scroll(room);
    let typed: String = prompt.input.value().chars().skip(scroll).collect();
    let mut spans = vec![Span::styled(label, app.theme.label()), Span::raw(typed)];
    if let Some(error) = &prompt.error {
        let error = format!("   {}", escape::text(error.as_bytes()));
        spans.push(Span::styled(error, app.theme.severity(Severity::Warning)));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
    let x = area.x + before + prompt.input.visual_cursor().saturating_sub(scroll) as u16;
    if !prompt.ask.is_choice() && area.width > 0 {
        frame.set_cursor_position(Position::new(x.min(area.right().saturating_sub(1)), area.y));
    }
}

/// The completions of a filter, over the panes.
pub(super) fn completions(app: &App, frame: &mut Frame<'_>, status: Rect) {
    let Some(prompt) = app.prompt.as_ref().filter(|prompt| prompt.ask.is_filter()) else {
        return;
    };
    let rows = prompt.completions.len().min(SHOWN).min(status.y.into());
    if rows == 0 {
        return;
    }
    let top = prompt.chosen.saturating_sub(SHOWN - 1);
    let width = status.width.min(72);
    let area = Rect::new(status.x, status.y - rows as u16, width, rows as u16);
    let lines: Vec<_> = prompt
        .completions
        .iter()
        .enumerate()
        .skip(top)
        .take(rows)
        .map(|(index, completion)| {
            let text = format!(" {}  {}", fit(&completion.text, 30), completion.note);
            let line = Line::raw(fit(&text, width.into()));
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
    let mut spans = Vec::new();
    let mut left = usize::from(area.width);
    if app.prompt.is_some() {
        let text = " Enter accepts  Esc leaves  Tab completes  ↑↓ earlier ones";
        frame.render_widget(Paragraph::new(fit(text, left)).style(app.theme.bar()), area);
        return;
    }
    let here = app.context();
    let shown = KEYMAP
        .iter()
        .filter(|binding| !binding.short.is_empty() && applies(binding.context, here));
    for binding in shown {
        let Some(key) = binding.keys.first() else {
            continue;
        };
        let (key, text) = (key.name(), format!(" {}  ", binding.short));
        let len = key.chars().count() + text.chars().count();
        if len > left {
            break;
        }
        left -= len;
        spans.push(Span::styled(key, app.theme.label()));
        spans.push(Span::raw(text));
    }
    frame.render_widget(Paragraph::new(Line::from(spans)), area);
}
