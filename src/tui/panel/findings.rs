//! Everything that is wrong or worth a note, the worst first.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Paragraph, Wrap};

use crate::base::escape;
use crate::tui::app::App;
use crate::view::cursor::Cursor;

use super::block::{list_and_below, view_block};
use super::text::{fit, right};

/// Lines under the list that say all about the selected one.
const BELOW: u16 = 5;

/// The lines of the list itself, and what is below them. Above is the heading.
pub(in crate::tui) fn parts(body: Rect) -> [Rect; 2] {
    list_and_below(body, BELOW)
}

fn heading(width: usize) -> String {
    let text = format!(
        "{} {} {} {} what was found",
        fit("severity", 8),
        right("packet", 7),
        fit("place", 10),
        fit("code", 27),
    );
    fit(&text, width)
}

fn explain(app: &App, cursor: Cursor, order: &[u32], frame: &mut Frame<'_>, area: Rect) {
    let chosen = order
        .get(cursor.at)
        .and_then(|index| app.store.findings().get(*index as usize));
    let Some(record) = chosen else { return };
    let code = record.finding.code;
    let lines = vec![
        Line::styled("─".repeat(area.width.into()), app.theme.border()),
        Line::raw(format!(" {}", escape::words(&record.finding.text))),
        Line::styled(
            format!(" {} {}", code.meaning(), code.section().unwrap_or_default()),
            app.theme.label(),
        ),
    ];
    frame.render_widget(Paragraph::new(lines).wrap(Wrap { trim: false }), area);
}

pub(super) fn draw(app: &App, cursor: Cursor, order: &[u32], frame: &mut Frame<'_>, area: Rect) {
    let block = view_block(
        app,
        &format!("Findings {} (Enter goes to the place)", order.len()),
    );
    frame.render_widget(block, area);
    let [inner, below] = parts(area);
    let head = Rect {
        height: u16::from(inner.y > area.y + 1 && !order.is_empty()),
        y: area.y + 1,
        ..inner
    };
    let heading = Paragraph::new(heading(inner.width.into()));
    frame.render_widget(heading.style(app.theme.label()), head);
    explain(app, cursor, order, frame, below);
    let mut lines = Vec::new();
    for (at, index) in order
        .iter()
        .enumerate()
        .skip(cursor.top)
        .take(inner.height.into())
    {
        let Some(record) = app.store.findings().get(*index as usize) else {
            continue;
        };
        let code = record.finding.code;
        let place = match (record.connection, record.frame) {
            (Some(connection), Some(frame)) => format!("c{} f{frame}", connection + 1),
            (Some(connection), None) => format!("c{}", connection + 1),
            _ => String::new(),
        };
        let section = code
            .section()
            .map_or_else(String::new, |section| format!("  ({section})"));
        let text = format!("{}{section}", escape::words(&record.finding.text));
        let head = format!(
            " {} {} ",
            right(&record.packet.to_string(), 7),
            fit(&place, 10)
        );
        let room = usize::from(inner.width).saturating_sub(20 + 8 + 28);
        let line = Line::from(vec![
            Span::styled(
                fit(code.severity().name(), 8),
                app.theme.severity(code.severity()),
            ),
            Span::raw(head),
            Span::styled(fit(code.name(), 27), app.theme.label()),
            Span::raw(" "),
            Span::raw(fit(&text, room)),
        ]);
        lines.push(if at == cursor.at {
            line.style(app.theme.selected())
        } else {
            line
        });
    }
    if lines.is_empty() {
        lines.push(Line::raw(" nothing is wrong with what was captured"));
    }
    frame.render_widget(Paragraph::new(lines), inner);
}
