//! The detail tree.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use ratatui::widgets::Paragraph;

use crate::tui::app::App;
use crate::tui::layout::Pane;

use super::block::{pane_block, row_style};
use super::reading::marked;
use super::text::fit;

/// What stands for a value that is covered.
const COVER: &str = "▒▒▒▒";

pub(super) fn draw(app: &App, frame: &mut Frame<'_>, area: Rect) {
    let section = app
        .tree
        .field(app.detail.at)
        .map_or("", |field| field.section);
    let title = match section {
        "" => "Detail".to_owned(),
        section => format!("Detail: {section}"),
    };
    let block = pane_block(app, Pane::Detail, &title);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let rows = usize::from(inner.height);
    let lines: Vec<_> = (app.detail.top..app.tree.nodes.len())
        .take(rows)
        .map(|at| {
            let style = row_style(app, Pane::Detail, at == app.detail.at);
            line(app, at, inner.width.into()).style(style)
        })
        .collect();
    frame.render_widget(Paragraph::new(lines), inner);
}

fn line(app: &App, at: usize, width: usize) -> Line<'static> {
    let (Some(node), Some(field)) = (app.tree.nodes.get(at), app.tree.field(at)) else {
        return Line::default();
    };
    let fold = match (node.has_children, node.is_open) {
        (true, true) => "▾ ",
        (true, false) => "▸ ",
        (false, _) => "  ",
    };
    let indent = "  ".repeat(node.path.len().saturating_sub(1));
    // What has no name of its own says the same in other words.
    let is_named = |name: &String| field.name.is_empty() || *name == field.name;
    let is_covered = app.covered.iter().any(is_named);
    let bits = if field.bits.is_empty() || is_covered {
        String::new()
    } else {
        format!("{} = ", field.bits)
    };
    let head = format!("{indent}{fold}");
    let label = if field.value.is_empty() {
        field.label.clone()
    } else {
        format!("{}: ", field.label)
    };
    let used = head.chars().count() + bits.chars().count() + label.chars().count();
    let style = match field.label.split(':').next() {
        Some("error") => app.theme.severity(crate::base::Severity::Error),
        Some("warning") => app.theme.severity(crate::base::Severity::Warning),
        _ => app.theme.label(),
    };
    let mut spans = vec![
        Span::raw(head),
        Span::styled(bits, app.theme.faint()),
        Span::styled(label, style),
    ];
    match is_covered {
        true => spans.push(Span::raw(COVER)),
        false => {
            let value = fit(&field.value, width.saturating_sub(used));
            spans.extend(marked(app, &value, Style::new()));
        }
    }
    Line::from(spans)
}
