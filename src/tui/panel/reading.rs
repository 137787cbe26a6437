//! What is read whole.

use ratatui::Frame;
use ratatui::layout::{Margin, Rect};
use ratatui::style::{Modifier, Style};
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::app::App;
use crate::tui::views::ReadingView;
use crate::view::reading::{LineKind, Row};

use super::block::{more_lines, view_block};
use super::text::fit;

/// The area of the rows.
pub(in crate::tui) fn inside(body: Rect) -> Rect {
    body.inner(Margin::new(1, 1))
}

pub(super) fn draw(app: &App, view: &ReadingView, frame: &mut Frame<'_>, area: Rect) {
    let reading = &view.reading;
    let inner = inside(area);
    let title = fit(
        &reading.title,
        reading
            .title
            .chars()
            .count()
            .min(usize::from(inner.width).saturating_sub(4)),
    );
    let top = reading.cursor.top;
    let left = reading
        .rows()
        .len()
        .saturating_sub(top + usize::from(inner.height));
    let mut block = view_block(app, &title);
    if left > 0 {
        block = block.title_bottom(format!(" ↓ {} ", more_lines(left)));
    }
    frame.render_widget(block, area);
    if let Some(exchange) = &view.exchange {
        let text = format!(" reading its packets… {}%", exchange.percent());
        return frame.render_widget(Paragraph::new(text).style(app.theme.faint()), inner);
    }
    let rows = reading.rows().iter().enumerate().skip(top);
    let lines: Vec<_> = rows
        .take(inner.height.into())
        .map(|(at, row)| line(app, view, row, at == reading.cursor.at))
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line(app: &App, view: &ReadingView, row: &Row, is_chosen: bool) -> Line<'static> {
    let reading = &view.reading;
    let Some(line) = reading.lines().get(row.line as usize) else {
        return Line::default();
    };
    let fold = match (line.holds > 0 && row.from == 0, line.is_open) {
        (true, true) => "▾ ",
        (true, false) => "▸ ",
        _ => "  ",
    };
    let indent = "  ".repeat(line.depth.into());
    let style = match line.kind {
        LineKind::Title => app.theme.label(),
        LineKind::Note => app.theme.faint(),
        LineKind::Header | LineKind::Text | LineKind::Json | LineKind::Hex => Style::new(),
    };
    let mut spans = vec![Span::styled(indent + fold, app.theme.faint())];
    spans.extend(parts(
        app,
        line.kind,
        reading.row_text(row),
        row.from,
        style,
    ));
    if !line.is_open && row.to as usize == line.text.len() {
        let close = if line.text.ends_with('[') { "]" } else { "}" };
        let note = format!(" … {} lines {close}", line.holds);
        spans.push(Span::styled(note, app.theme.faint()));
    }
    let line = Line::from(spans);
    match is_chosen {
        true => line.style(app.theme.selected_elsewhere().add_modifier(Modifier::BOLD)),
        false => line,
    }
}

/// The text of a row: names apart from values, and what was searched for highlighted.
fn parts(app: &App, kind: LineKind, text: &str, from: u32, style: Style) -> Vec<Span<'static>> {
    let name = match kind {
        LineKind::Header if from == 0 => text.find(": ").unwrap_or(0),
        LineKind::Json if from == 0 && text.starts_with('"') => {
            text.find("\": ").map_or(0, |at| at + 1)
        }
        _ => 0,
    };
    let mut spans = marked(app, &text[..name], app.theme.label());
    spans.extend(marked(app, &text[name..], style));
    spans
}

/// A text in which what was searched for is highlighted.
pub(super) fn marked(app: &App, text: &str, style: Style) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let mut at = 0;
    for hit in app.hits_in(text) {
        if hit.start > at {
            spans.push(Span::styled(text[at..hit.start].to_owned(), style));
        }
        spans.push(Span::styled(
            text[hit.clone()].to_owned(),
            app.theme.highlight(),
        ));
        at = hit.end;
    }
    if at < text.len() {
        spans.push(Span::styled(text[at..].to_owned(), style));
    }
    spans
}
