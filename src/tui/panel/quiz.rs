//! A lab on the screen: the question, what was said, and the answer line; the panes beside it.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph};

use super::taught::painted;
use crate::base::counted;
use crate::teach::lab::Kind;
use crate::teach::{Role, wrap};
use crate::tui::palette::Colours;
use crate::tui::quiz::Quiz;

/// Draws the question, over the whole screen when there are no panes.
pub(super) fn draw(quiz: &Quiz, frame: &mut Frame<'_>) {
    let [question, below] = Quiz::areas(frame.area());
    match quiz.panes.get(quiz.capture()) {
        Some(panes) => ask(quiz, panes.theme, frame, question),
        None => ask(quiz, quiz.theme, frame, question.union(below)),
    }
}

fn ask(quiz: &Quiz, theme: Colours, frame: &mut Frame<'_>, area: Rect) {
    let title = format!(
        " {}: question {} of {}, {} of {} points ",
        quiz.lab.title,
        quiz.at + 1,
        quiz.lab.questions.len(),
        quiz.results.points,
        quiz.results.of
    );
    let style = if quiz.in_panes {
        theme.border()
    } else {
        theme.focused()
    };
    let keys = match quiz.in_panes {
        true => " Tab next pane, then back to the question ",
        false => " Enter answers  ? hint  ! answer  Tab panes  PgDn next  Esc ends ",
    };
    let block = Block::bordered()
        .border_style(style)
        .title(title)
        .title_bottom(keys);
    let inner = block.inner(area);
    frame.render_widget(block, area);
    let width = usize::from(inner.width).max(10);
    let lines = lines(quiz, theme, width);
    // The answer line is always on the screen.
    let [rest, line] = ratatui::layout::Layout::vertical([
        ratatui::layout::Constraint::Min(0),
        ratatui::layout::Constraint::Length(1),
    ])
    .areas(inner);
    let most = lines.len().saturating_sub(usize::from(rest.height));
    let top = quiz.top.min(most);
    frame.render_widget(
        Paragraph::new(lines.into_iter().skip(top).collect::<Vec<_>>()),
        rest,
    );
    let is_choice = quiz
        .question()
        .is_some_and(|question| question.kind == Kind::Choice);
    if is_choice {
        return;
    }
    let prompt = "answer: ";
    let input = Line::from(vec![
        Span::styled(prompt, theme.label()),
        Span::raw(quiz.input.value().to_owned()),
    ]);
    frame.render_widget(Paragraph::new(input), line);
    if !quiz.in_panes {
        let column = prompt.len() + quiz.input.visual_cursor();
        let column = u16::try_from(column)
            .unwrap_or(u16::MAX)
            .min(line.width.saturating_sub(1));
        frame.set_cursor_position((line.x + column, line.y));
    }
}

fn lines(quiz: &Quiz, theme: Colours, width: usize) -> Vec<Line<'static>> {
    let mut lines = Vec::new();
    let Some(question) = quiz.question() else {
        return lines;
    };
    for text in wrap(
        &format!(
            "{} ({})",
            question.ask,
            counted(question.points.into(), "point")
        ),
        width,
    ) {
        lines.push(Line::styled(text, theme.label()));
    }
    if question.kind == Kind::Choice {
        for (at, (letter, choice)) in ('a'..).zip(&question.choices).enumerate() {
            let style = if at == quiz.choice {
                theme.selected()
            } else {
                ratatui::style::Style::new()
            };
            lines.push(Line::styled(format!("  {letter}) {choice}"), style));
        }
    }
    for said in &quiz.said {
        let role = said.parts.first().map_or(Role::Plain, |(role, _)| *role);
        for text in wrap(&said.text(), width) {
            lines.push(painted(theme, crate::teach::Line::of(role, text)));
        }
    }
    if quiz.said.is_empty() && quiz.at == 0 {
        lines.push(Line::default());
        for paragraph in &quiz.lab.about {
            lines.extend(wrap(paragraph, width).into_iter().map(Line::raw));
            lines.push(Line::default());
        }
    }
    lines
}
