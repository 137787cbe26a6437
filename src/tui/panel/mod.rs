//! One file a panel: each draws its part of the state and changes nothing.

mod block;
pub(super) mod bytes;
pub(super) mod calls;
mod compare;
pub(super) mod connections;
mod detail;
pub(super) mod diagnosis;
pub(super) mod findings;
pub(super) mod follow;
pub(super) mod graph;
pub(super) mod handshake;
mod help;
pub(super) mod ladder;
mod lesson;
pub(super) mod list;
mod nothing;
mod packets;
mod quiz;
pub(super) mod reading;
mod ruler;
pub(super) mod start;
mod statistics;
pub(super) mod status;
mod taught;
mod text;
pub(super) mod traffic;

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Clear, Paragraph};

use super::app::App;
use super::layout::Pane;
use super::quiz::Quiz;
use super::views::View;

use block::{more_lines, view_block};
use text::words;

/// Draws everything.
pub(super) fn draw(app: &App, frame: &mut Frame<'_>) {
    let areas = app.areas();
    status::title(app, frame, areas.title);
    match &app.view {
        Some(view) => {
            frame.render_widget(Clear, areas.body);
            match view {
                View::Help(top)
                | View::Ruler(top)
                | View::Handshake(top)
                | View::Statistics(top) => {
                    lines_view(app, frame, areas.body, view, *top);
                }
                View::Compared(compared) => lines_view(app, frame, areas.body, view, compared.top),
                View::Lesson(_) => lines_view(app, frame, areas.body, view, 0),
                View::Diagnosis(chosen) => diagnosis::draw(app, *chosen, frame, areas.body),
                View::Calls(list) => calls::draw(app, list, frame, areas.body),
                View::Ladder(view) => ladder::draw(app, view, frame, areas.body),
                View::Graph(view) => graph::draw(app, view, frame, areas.body),
                View::Traffic(list) => traffic::draw(app, list, frame, areas.body),
                View::Reading(view) => reading::draw(app, view, frame, areas.body),
                View::Follow(follow) => follow::draw(app, follow, frame, areas.body),
                View::Findings(cursor, order) => {
                    findings::draw(app, *cursor, order, frame, areas.body);
                }
            }
        }
        None => {
            let area = |pane: Pane| areas.panes[pane as usize];
            connections::draw(app, frame, area(Pane::Connections));
            list::draw(app, frame, area(Pane::List));
            detail::draw(app, frame, area(Pane::Detail));
            bytes::draw(app, frame, area(Pane::Bytes));
        }
    }
    status::status(app, frame, areas.status);
    status::footer(app, frame, areas.footer);
    status::completions(app, frame, areas.status);
}

/// Draws a lab: its question, and the panes beside it.
pub(super) fn draw_quiz(quiz: &Quiz, frame: &mut Frame<'_>) {
    quiz::draw(quiz, frame);
    if let Some(panes) = quiz.panes.get(quiz.capture()) {
        draw(panes, frame);
    }
}

/// The title and the lines of a view that is made of lines only.
fn lines_of(app: &App, view: &View, area: Rect) -> Option<(String, Vec<Line<'static>>)> {
    let width = usize::from(area.width.saturating_sub(2));
    let (title, lines) = match view {
        View::Help(_) => (help::TITLE.to_owned(), help::lines(&app.keymap, app.theme)),
        View::Ruler(_) => ruler::lines(app),
        View::Handshake(_) => handshake::lines(app, width),
        View::Statistics(_) => statistics::lines(app, width),
        View::Compared(compared) => compare::lines(app, compared),
        View::Lesson(lesson) => return Some(lesson::lines(app, lesson, width)),
        View::Diagnosis(_)
        | View::Follow(_)
        | View::Findings(..)
        | View::Calls(_)
        | View::Traffic(_)
        | View::Ladder(_)
        | View::Graph(_)
        | View::Reading(_) => return None,
    };
    let lines = lines.into_iter().flat_map(|line| wrapped(line, width));
    Some((title, lines.collect()))
}

/// A text in lines of at most `width` columns.
pub(super) fn wrapped_words(text: &str, width: usize) -> Vec<String> {
    words(text, width)
}

/// A line in as many lines as it needs; what comes after the first stands under the text behind the label.
fn wrapped(line: Line<'static>, width: usize) -> Vec<Line<'static>> {
    let label = match &line.spans[..] {
        [label, _, ..] => label.width(),
        _ => 3,
    };
    if line.width() <= width || label + 8 > width {
        return vec![line];
    }
    let style = line.spans.last().map_or(line.style, |span| span.style);
    let text: String = line
        .spans
        .iter()
        .map(|span| span.content.as_ref())
        .collect();
    let first = line.spans.len() > 1;
    let head: String = text.chars().take(if first { label } else { 0 }).collect();
    let rest: String = text.chars().skip(head.chars().count()).collect();
    let room = width - if first { label } else { 3 };
    let mut lines: Vec<Line<'static>> = Vec::new();
    for (at, part) in words(&rest, room).into_iter().enumerate() {
        lines.push(match (at, first) {
            (0, true) => Line::from(vec![line.spans[0].clone(), Span::styled(part, style)]),
            (0, false) => Line::styled(part, style),
            _ => Line::from(vec![
                Span::raw(" ".repeat(label)),
                Span::styled(part, style),
            ]),
        });
    }
    lines
        .into_iter()
        .map(|wrapped| wrapped.style(line.style))
        .collect()
}

/// Columns of text that is copied.
const COPIED: u16 = 120;

/// What a view says, and its name, for those whose text can be copied: the diagnosis, the finding, or all lines.
pub(super) fn text_of(app: &App, view: &View) -> Option<(&'static str, String)> {
    let area = Rect::new(0, 0, COPIED, 40);
    let joined = |lines: Vec<Line<'static>>| {
        let lines = lines
            .iter()
            .map(|line| line.to_string().trim_end().to_owned());
        lines.collect::<Vec<_>>().join("\n") + "\n"
    };
    match view {
        View::Diagnosis(chosen) => {
            let lines = diagnosis::text(app, *chosen, area);
            (!lines.is_empty()).then(|| ("the diagnosis", joined(lines)))
        }
        View::Findings(cursor, order) => {
            let record = order.get(cursor.at).map(|at| *at as usize);
            let record = record.and_then(|at| app.store.findings().get(at))?;
            let code = record.finding.code;
            let text = format!(
                "{} {} (packet {}): {}\n{} {}\n",
                code.severity().name(),
                code.name(),
                record.packet,
                record.finding.text,
                code.meaning(),
                code.section().unwrap_or_default(),
            );
            Some(("the finding", text))
        }
        View::Calls(list) => {
            let line = list.lines.get(list.cursor.at)?;
            Some(("the call", calls::text(line)))
        }
        View::Handshake(_)
        | View::Ruler(_)
        | View::Statistics(_)
        | View::Lesson(_)
        | View::Compared(_) => {
            let (_, lines) = lines_of(app, view, area)?;
            Some(("the view as text", joined(lines)))
        }
        View::Ladder(view) => Some((
            "the ladder",
            crate::view::ladder::text::draw(&view.ladder, &[]),
        )),
        View::Graph(view) => Some(("the column", graph::text(app, view))),
        View::Traffic(list) => traffic::text(app, list).map(|text| ("the row", text)),
        View::Reading(view) => Some(("what is read", view.reading.text())),
        View::Help(_) | View::Follow(_) => None,
    }
}

/// Keeps the first line shown of a view made of lines where the last line still ends the screen.
pub(super) fn keep_top(app: &App, view: &mut View, area: Rect) {
    let len = lines_of(app, view, area).map_or(0, |(_, lines)| lines.len());
    let most = len.saturating_sub(usize::from(area.height.saturating_sub(2)));
    if let View::Help(top) | View::Ruler(top) | View::Handshake(top) | View::Statistics(top) = view
    {
        *top = (*top).min(most);
    }
    if let View::Compared(compared) = view {
        compared.top = compared.top.min(most);
    }
}

/// A view made of lines.
fn lines_view(app: &App, frame: &mut Frame<'_>, area: Rect, view: &View, top: usize) {
    let (title, lines) = lines_of(app, view, area).unwrap_or_default();
    let below = lines
        .len()
        .saturating_sub(top + usize::from(area.height.saturating_sub(2)));
    let mut block = view_block(app, &title);
    if below > 0 {
        block = block.title_bottom(format!(" ↓ {} ", more_lines(below)));
    }
    let inner = block.inner(area);
    let lines: Vec<_> = lines
        .into_iter()
        .skip(top)
        .take(inner.height.into())
        .collect();
    frame.render_widget(block, area);
    frame.render_widget(Paragraph::new(lines), inner);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_lines_are_wrapped() {
        let lines = wrapped(
            Line::from(vec![Span::raw("key  "), Span::raw("what it does")]),
            14,
        );
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(lines, ["key  what it ", "     does"]);
        let lines = wrapped(Line::raw(" one long sentence"), 12);
        let lines: Vec<_> = lines.iter().map(ToString::to_string).collect();
        assert_eq!(lines, [" one long ", "   sentence"]);
    }
}
