//! A lab on the screen: the question beside the panes over the lab's capture, with the fields it asks for covered.
//!
//! The state and what keys do; a panel draws it. Keys go to the answer line, or, after Tab, to the panes, where they do
//! what they do everywhere, but for the views that would tell the answer. Pointing: in the bytes, Enter marks the first byte and then
//! the last.

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::{Constraint, Layout, Rect};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler;

use super::app::App;
use super::keymap::Action;
use super::layout::Pane;
use super::palette::Colours;
use crate::base::counted;
use crate::teach::lab::{Judgement, Kind, Lab, Question, Results, shown};
use crate::teach::{Line, Role};

/// Rows below which one pane is shown at a time.
const LOW: u16 = 20;
/// Columns from which on question and panes stand side by side.
const WIDE: u16 = 130;

/// A lab being done.
pub(super) struct Quiz {
    /// The lab, without its captures.
    pub(super) lab: Lab,
    /// What was answered.
    pub(super) results: Results,
    /// The question, by its place.
    pub(super) at: usize,
    /// What is being typed.
    pub(super) input: Input,
    /// The choice that is selected.
    pub(super) choice: usize,
    /// What was said to the question so far.
    pub(super) said: Vec<Line>,
    /// The panes over each capture.
    pub(super) panes: Vec<App>,
    /// Whether the panes have the keys.
    pub(super) in_panes: bool,
    /// The first line of the question shown.
    pub(super) top: usize,
    /// The first byte pointed at.
    pub(super) from_byte: Option<usize>,
    /// Colours where there are no panes.
    pub(super) theme: Colours,
    /// Whether the student is done.
    pub(super) is_over: bool,
    /// Whether leaving was asked for once.
    leaves: bool,
}

impl Quiz {
    /// A lab at its first question.
    #[must_use]
    pub(super) fn new(mut lab: Lab, theme: impl Into<Colours>) -> Self {
        let theme = theme.into();
        let captures = std::mem::take(&mut lab.captures).into_iter();
        let panes = captures.zip(&lab.capture_names).map(|(opened, name)| {
            let mut app = App::new(opened.store, name.clone(), theme);
            app.focus = Pane::List;
            app.list.all = true;
            app.loading.done = true;
            app
        });
        let mut quiz = Self {
            results: Results::of(&lab),
            panes: panes.collect(),
            lab,
            at: 0,
            input: Input::default(),
            choice: 0,
            said: Vec::new(),
            in_panes: false,
            top: 0,
            from_byte: None,
            theme,
            is_over: false,
            leaves: false,
        };
        quiz.go_to(0);
        quiz
    }

    /// The question at hand.
    #[must_use]
    pub(super) fn question(&self) -> Option<&Question> {
        self.lab.questions.get(self.at)
    }

    /// Which capture the question is about.
    #[must_use]
    pub(super) fn capture(&self) -> usize {
        let capture = self.question().map_or(0, |question| question.capture - 1);
        capture.min(self.panes.len().saturating_sub(1))
    }

    pub(super) fn shown_panes(&mut self) -> Option<&mut App> {
        let at = self.capture();
        self.panes.get_mut(at)
    }

    /// The places of question and panes.
    #[must_use]
    pub(super) fn areas(screen: Rect) -> [Rect; 2] {
        match screen.width >= WIDE {
            true => Layout::horizontal([Constraint::Length(58), Constraint::Min(70)]).areas(screen),
            false => Layout::vertical([
                Constraint::Length((screen.height / 2).max(10)),
                Constraint::Min(8),
            ])
            .areas(screen),
        }
    }

    /// The terminal's size.
    pub(super) fn resize(&mut self, width: u16, height: u16) {
        let [_, below] = Self::areas(Rect::new(0, 0, width, height));
        for panes in &mut self.panes {
            // Where four panes have no room, each has all of it in turn.
            panes.zoomed = below.height < LOW;
            panes.place(below);
        }
    }

    fn is_settled(&self) -> bool {
        let given_up = self
            .results
            .answers
            .get(self.at)
            .is_some_and(|given| given.given_up);
        given_up || self.results.is_right(&self.lab, self.at)
    }

    fn go_to(&mut self, at: usize) {
        self.at = at.min(self.lab.questions.len().saturating_sub(1));
        (self.input, self.choice, self.top) = (Input::default(), 0, 0);
        (self.said, self.from_byte) = (Vec::new(), None);
        let (covers, frame) = self
            .question()
            .map(|question| (question.covers.clone(), question.frame))
            .unwrap_or_default();
        let covers = if self.is_settled() {
            Vec::new()
        } else {
            covers
        };
        if let Some(panes) = self.shown_panes() {
            panes.view = None;
            panes.cover(covers);
            if let Some(index) = frame.and_then(|number| number.checked_sub(1)) {
                panes.list.cursor.at = index as usize;
            }
            panes.settle();
        }
    }

    /// Takes a key.
    pub(super) fn key(&mut self, key: &KeyEvent) {
        let control = key.modifiers.contains(KeyModifiers::CONTROL);
        let leaves = std::mem::take(&mut self.leaves);
        match key.code {
            KeyCode::Char('c') if control => self.is_over = true,
            KeyCode::Esc
                if self.in_panes
                    && self.shown_panes().is_some_and(|panes| panes.view.is_some()) =>
            {
                self.in_the_panes(key)
            }
            KeyCode::Esc if self.in_panes => self.in_panes = false,
            KeyCode::Esc if leaves => self.is_over = true,
            KeyCode::Esc => {
                self.leaves = true;
                self.said = vec![Line::of(
                    Role::Doubtful,
                    "Esc once more ends the lab and writes the results",
                )];
            }
            KeyCode::Tab if !self.in_panes => self.in_panes = !self.panes.is_empty(),
            KeyCode::Tab
                if self
                    .shown_panes()
                    .is_some_and(|panes| panes.focus == Pane::Bytes) =>
            {
                self.in_panes = false;
                if let Some(panes) = self.shown_panes() {
                    panes.focus = Pane::List;
                }
            }
            _ if self.in_panes => self.in_the_panes(key),
            _ => self.at_the_question(key),
        }
    }

    fn at_the_question(&mut self, key: &KeyEvent) {
        let is_choice = self
            .question()
            .is_some_and(|question| question.kind == Kind::Choice);
        let choices = self.question().map_or(0, |question| question.choices.len());
        let is_empty = self.input.value().is_empty();
        match key.code {
            KeyCode::PageDown => self.go_to(self.at + 1),
            KeyCode::PageUp => self.go_to(self.at.saturating_sub(1)),
            KeyCode::Enter if self.is_settled() => match self.at + 1 < self.lab.questions.len() {
                true => self.go_to(self.at + 1),
                false => self.is_over = true,
            },
            KeyCode::Enter => self.submit(),
            KeyCode::Char('?') if is_empty => self.hint(),
            KeyCode::Char('!') if is_empty => self.give_up(),
            KeyCode::Up if is_choice => self.choice = self.choice.saturating_sub(1),
            KeyCode::Down if is_choice => {
                self.choice = (self.choice + 1).min(choices.saturating_sub(1))
            }
            KeyCode::Up => self.top = self.top.saturating_sub(1),
            KeyCode::Down => self.top += 1,
            KeyCode::Char(letter @ 'a'..='z') if is_choice => {
                let at = usize::from(letter as u8 - b'a');
                if at < choices {
                    self.choice = at;
                }
            }
            _ if is_choice => {}
            _ => {
                self.input.handle_event(&Event::Key(*key));
            }
        }
    }

    fn submit(&mut self) {
        let Some(question) = self.question() else {
            return;
        };
        let given = match question.kind {
            Kind::Choice => question
                .choices
                .get(self.choice)
                .cloned()
                .unwrap_or_default(),
            _ => self.input.value().to_owned(),
        };
        let judgement = self.results.answer(&self.lab, self.at, &given);
        let points = self
            .results
            .answers
            .get(self.at)
            .map_or(0, |given| given.points);
        self.said = match judgement {
            Judgement::Right => {
                let mut said = vec![Line::of(
                    Role::Right,
                    format!("right: {}", counted(u64::from(points), "point")),
                )];
                said.extend(self.why());
                said
            }
            Judgement::Wrong(what) if what.is_empty() => {
                // What is typed next is another answer, or ? for a hint.
                self.input = Input::default();
                vec![Line::of(
                    Role::Wrong,
                    "wrong: try again; ? gives a hint, ! the answer",
                )]
            }
            Judgement::Wrong(what) => {
                self.input = Input::default();
                vec![Line::of(Role::Wrong, format!("wrong: {what}"))]
            }
            Judgement::Unclear(what) => vec![Line::of(Role::Doubtful, format!("unclear: {what}"))],
        };
        self.uncover();
    }

    fn why(&self) -> Vec<Line> {
        let Some(question) = self.question() else {
            return Vec::new();
        };
        let mut lines = Vec::new();
        if !question.why.is_empty() {
            lines.push(Line::plain(question.why.clone()));
        }
        lines.push(Line::of(
            Role::Faint,
            format!("{}; Enter goes on", question.section),
        ));
        lines
    }

    fn hint(&mut self) {
        let hint = self
            .results
            .hint(&self.lab, self.at)
            .unwrap_or("there is no further hint");
        self.said
            .push(Line::of(Role::Doubtful, "hint: ").with(Role::Plain, hint));
    }

    fn give_up(&mut self) {
        self.results.give_up(self.at);
        let answer = self.question().map(shown).unwrap_or_default();
        self.said = vec![Line::of(Role::Label, "answer: ").with(Role::Plain, answer)];
        self.said.extend(self.why());
        self.uncover();
    }

    fn uncover(&mut self) {
        if self.is_settled()
            && let Some(panes) = self.shown_panes()
        {
            panes.cover(Vec::new());
        }
    }

    fn in_the_panes(&mut self, key: &KeyEvent) {
        let points = self
            .question()
            .is_some_and(|question| question.kind == Kind::Bytes);
        let settled = self.is_settled();
        let Some(panes) = self.shown_panes() else {
            return;
        };
        let Some(action) = panes.keymap.action(key, panes.context()) else {
            return;
        };
        if action == Action::Enter && panes.focus == Pane::Bytes && points && panes.view.is_none() {
            let at = panes.bytes.cursor;
            return self.point(at);
        }
        if allowed(action, settled || panes.covered.is_empty()) {
            panes.update(action);
        }
    }

    fn point(&mut self, at: usize) {
        match self.from_byte.take() {
            None => {
                self.from_byte = Some(at);
                self.said = vec![Line::plain(format!(
                    "from byte {at}; now Enter on the last one"
                ))];
            }
            Some(from) => {
                self.input = Input::new(format!("{}-{}", from.min(at), from.max(at)));
                self.in_panes = false;
                self.submit();
            }
        }
    }
}

/// What keys may do in the panes; while something is covered, nothing that would show it.
fn allowed(action: Action, uncovered: bool) -> bool {
    match action {
        Action::Up
        | Action::Down
        | Action::Left
        | Action::Right
        | Action::Enter
        | Action::PageUp
        | Action::PageDown
        | Action::Home
        | Action::End
        | Action::NextPane
        | Action::PreviousPane
        | Action::Zoom
        | Action::Grow
        | Action::Shrink
        | Action::Messages
        | Action::Packets
        | Action::All
        | Action::Toggle
        | Action::Escape
        | Action::Time
        | Action::Theme
        | Action::Tab(0 | 1) => true,
        Action::Ruler
        | Action::Follow
        | Action::Handshake
        | Action::Tab(_)
        | Action::NextTab
        | Action::Lesson => uncovered,
        _ => false,
    }
}
