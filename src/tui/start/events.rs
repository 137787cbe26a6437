//! Keys and the mouse on the first screen.

use std::time::{Duration, Instant};

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use tui_input::Input;
use tui_input::backend::crossterm::EventHandler as _;

use crate::tui::keymap::{Action, KeyContext};
use crate::tui::panel::start as panel;

use super::{Choice, Section, Start, Typing, can_be_chosen, list_area};

/// The longest time between the two clicks of a double click.
const DOUBLE: Duration = Duration::from_millis(500);

impl Start {
    fn update(&mut self, action: Action) {
        self.notice.clear();
        let page = usize::from(list_area(self.screen).height).max(2) as isize - 1;
        let by = match action {
            Action::Up => -1,
            Action::Down => 1,
            Action::PageUp => -page,
            Action::PageDown => page,
            Action::Home => isize::MIN / 2,
            Action::End => isize::MAX / 2,
            _ => 0,
        };
        if let Some(top) = &mut self.help {
            match action {
                Action::Quit | Action::Escape | Action::Help => self.help = None,
                _ => {
                    *top =
                        panel::help_top(&self.settings, self.screen, top.saturating_add_signed(by))
                }
            }
            return;
        }
        match action {
            Action::Quit => self.choice = Some(Choice::Quit),
            Action::Help => self.help = Some(0),
            Action::Theme => {
                self.settings.colours.turn();
                self.notice = format!("theme: {}", self.settings.colours.name());
            }
            Action::KeyLog => {
                let known = self.keylog.clone().unwrap_or_default();
                self.typing = Some((Typing::KeyLog, Input::new(known)));
            }
            Action::OpenFile => self.typing = Some((Typing::Path, Input::default())),
            Action::NextPane => self.turn(1),
            Action::PreviousPane => self.turn(Section::ALL.len() - 1),
            Action::Enter => self.enter(),
            _ => self.step(by),
        }
        self.settle();
    }

    /// An event of the terminal.
    pub(in crate::tui) fn event(&mut self, event: &Event) {
        self.touched |= matches!(event, Event::Key(_) | Event::Mouse(_));
        match event {
            Event::Key(key) if key.kind != KeyEventKind::Release => self.key(key),
            Event::Resize(width, height) => self.resize(*width, *height),
            Event::Paste(text) => {
                if let Some((_, input)) = &mut self.typing {
                    for c in text.chars().filter(|c| !c.is_control()) {
                        input.handle(tui_input::InputRequest::InsertChar(c));
                    }
                }
            }
            Event::Mouse(event) => match event.kind {
                MouseEventKind::Down(MouseButton::Left) => self.press(event.column, event.row),
                MouseEventKind::ScrollDown => self.update(Action::Down),
                MouseEventKind::ScrollUp => self.update(Action::Up),
                _ => {}
            },
            _ => {}
        }
    }

    fn key(&mut self, key: &KeyEvent) {
        let held = key.modifiers.contains(KeyModifiers::CONTROL);
        if key.code == KeyCode::Char('c') && held {
            match self.typing.take() {
                Some(_) => {}
                None => self.choice = Some(Choice::Quit),
            }
            return;
        }
        let Some((_, input)) = &mut self.typing else {
            let here = KeyContext::Start;
            if let Some(action) = self.settings.keymap.action(key, here) {
                self.update(action);
            }
            return;
        };
        match key.code {
            KeyCode::Esc => self.typing = None,
            KeyCode::Enter => self.submit(),
            KeyCode::Tab => {
                let longer = completed(input.value());
                *input = Input::new(longer);
            }
            _ => {
                input.handle_event(&Event::Key(*key));
            }
        }
    }

    fn submit(&mut self) {
        let Some((what, input)) = self.typing.take() else {
            return;
        };
        let text = input.value().trim().to_owned();
        match what {
            Typing::Path if text.is_empty() => {}
            Typing::Path => self.choice = Some(Choice::File(text)),
            Typing::KeyLog => {
                self.notice = match text.as_str() {
                    "" => "no key log".to_owned(),
                    path => format!("{path}: used for what is opened from here"),
                };
                self.keylog = Some(text).filter(|path| !path.is_empty());
            }
        }
    }

    fn press(&mut self, column: u16, row: u16) {
        if self.typing.is_some() || self.help.is_some() {
            return;
        }
        self.notice.clear();
        if let Some(action) = panel::hint_at(self, column, row) {
            return self.update(action);
        }
        if let Some(section) = panel::tab_at(self, column, row) {
            self.go_to(section);
            return self.settle();
        }
        let list = list_area(self.screen);
        if !list.contains((column, row).into()) {
            return;
        }
        let at = self.cursor.top + usize::from(row - list.y);
        let lines = self.lines();
        if lines.get(at).is_some_and(can_be_chosen) {
            let now = Instant::now();
            let last = self.last_click.replace((now, column, row));
            let is_double = last.is_some_and(|(then, x, y)| {
                (x, y) == (column, row) && now.saturating_duration_since(then) <= DOUBLE
            });
            let was_there = self.cursor.at == at;
            self.cursor.at = at;
            if is_double && was_there {
                self.enter();
            }
        }
        self.settle();
    }
}

/// A path as far as there is only one way to go on.
fn completed(typed: &str) -> String {
    let (folder, start) = match typed.rfind('/') {
        Some(at) => typed.split_at(at + 1),
        None => ("", typed),
    };
    let place = if folder.is_empty() { "." } else { folder };
    let Ok(entries) = std::fs::read_dir(place) else {
        return typed.to_owned();
    };
    let entries = entries.filter_map(Result::ok).filter_map(|entry| {
        let name = entry.file_name().into_string().ok()?;
        let is_meant =
            name.starts_with(start) && (!name.starts_with('.') || start.starts_with('.'));
        let is_folder = || entry.path().is_dir();
        is_meant.then(|| if is_folder() { name + "/" } else { name })
    });
    let shared = entries.reduce(|one, other| {
        let same = one.chars().zip(other.chars()).take_while(|(a, b)| a == b);
        same.map(|(c, _)| c).collect()
    });
    match shared {
        Some(shared) => format!("{folder}{shared}"),
        None => typed.to_owned(),
    }
}

/// Whether an event asks to stop for a while, as any terminal program does.
pub(in crate::tui) fn suspends(event: &Event) -> bool {
    matches!(event, Event::Key(key) if key.kind != KeyEventKind::Release
        && key.code == KeyCode::Char('z') && key.modifiers.contains(KeyModifiers::CONTROL))
}
