//! What panes and views have in common: borders, titles, and how a selected row looks.

use ratatui::layout::{Constraint, Layout, Margin, Rect};
use ratatui::style::Style;
use ratatui::text::Line;
use ratatui::widgets::{Block, Borders};

use crate::tui::app::App;
use crate::tui::layout::Pane;
use crate::view::rows::RowId;

/// A pane's border; what has the keys is drawn heavier, not only in colour.
pub(super) fn pane_block(app: &App, pane: Pane, title: &str) -> Block<'static> {
    let focused = app.focus == pane;
    let mark = if focused { "▶ " } else { "" };
    Block::new()
        .borders(Borders::ALL)
        .border_style(if focused {
            app.theme.focused()
        } else {
            app.theme.border()
        })
        .title(format!(" {mark}{title} "))
}

/// The column inside the border where a pane's title begins.
pub(super) fn title_start(app: &App, pane: Pane) -> usize {
    if app.focus == pane { 3 } else { 1 }
}

/// The lines of a view's list under its heading, and the last `below` lines, which say more of the selected row.
pub(super) fn list_and_below(body: Rect, below: u16) -> [Rect; 2] {
    let inner = body.inner(Margin::new(1, 1));
    let [_, list, below] = Layout::vertical([
        Constraint::Length(1),
        Constraint::Min(1),
        Constraint::Length(below),
    ])
    .areas(inner);
    [list, below]
}

/// A view's border.
pub(super) fn view_block(app: &App, title: &str) -> Block<'static> {
    Block::new()
        .borders(Borders::ALL)
        .border_style(app.theme.focused())
        .title(format!(" {title} "))
}

/// One line of a list, over the whole width where it is selected.
pub(super) fn row_style(app: &App, pane: Pane, selected: bool) -> Style {
    match (selected, app.focus == pane) {
        (true, true) => app.theme.selected(),
        (true, false) => app.theme.selected_elsewhere(),
        _ => Style::new(),
    }
}

/// Whether somebody marked or commented a row, in one column.
pub(super) fn mark(app: &App, row: RowId) -> &'static str {
    match (app.remarks.marks.contains(&row), app.is_commented(row)) {
        (_, true) => "#",
        (true, false) => "'",
        (false, false) => " ",
    }
}

/// A row with the colour that a rule gives it, over those of its parts; what was searched for keeps its own.
pub(super) fn coloured(mut line: Line<'static>, own: Style) -> Line<'static> {
    for span in &mut line.spans {
        if span.style.bg.is_none() {
            span.style = span.style.patch(own);
        }
    }
    line.style(own)
}

/// How many lines there are below the screen.
pub(super) fn more_lines(left: usize) -> String {
    match left {
        1 => "1 more line".to_owned(),
        left => format!("{left} more lines"),
    }
}

/// What a title says of an order.
pub(super) fn sorted_by(name: &str, descending: bool, is_sorted: bool) -> String {
    let arrow = if descending { "▼" } else { "▲" };
    let going = if is_sorted { "" } else { "…" };
    format!(", by {name} {arrow}{going}")
}
