//! Events of the terminal as verbs of the app.

use std::time::Instant;

use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEventKind,
};
use tui_input::backend::crossterm::EventHandler;

use super::app::App;
use super::keymap::Action;
use super::mouse;
use super::prompt::Ask;

/// Takes an event; whether anything may look different now.
pub(super) fn event(app: &mut App, event: &Event) -> bool {
    match event {
        Event::Key(key) if key.kind != KeyEventKind::Release => self::key(app, key),
        Event::Resize(width, height) => app.resize(*width, *height),
        Event::Mouse(event) => match event.kind {
            MouseEventKind::Down(MouseButton::Left) => {
                mouse::press(app, event.column, event.row, Instant::now());
            }
            MouseEventKind::Drag(MouseButton::Left) => mouse::drag(app, event.column, event.row),
            MouseEventKind::Up(MouseButton::Left) => mouse::release(app),
            MouseEventKind::ScrollDown => mouse::scroll(app, event.column, event.row, true),
            MouseEventKind::ScrollUp => mouse::scroll(app, event.column, event.row, false),
            _ => return false,
        },
        Event::Paste(text) => {
            if let Some(prompt) = &mut app.prompt {
                for c in text.chars().filter(|c| !c.is_control()) {
                    prompt.input.handle(tui_input::InputRequest::InsertChar(c));
                }
                prompt.typed();
            }
        }
        _ => return false,
    }
    true
}

fn key(app: &mut App, key: &KeyEvent) {
    let is_interrupt =
        key.code == KeyCode::Char('c') && key.modifiers.contains(KeyModifiers::CONTROL);
    if is_interrupt {
        // As a shell has it: what is being typed goes first, then the view, then the program.
        match app.prompt.take() {
            // Whoever insists is let go.
            Some(prompt) if matches!(prompt.ask, Ask::Leave | Ask::LeaveRemarks) => app.quit = true,
            Some(_) => {}
            None => app.update(Action::Quit),
        }
        return;
    }
    match app.prompt.as_ref().map(|prompt| prompt.ask) {
        Some(ask) if ask.is_choice() => match key.code {
            KeyCode::Char(letter) => app.choose(letter),
            _ => app.prompt = None,
        },
        Some(ask) => typed(app, key, ask),
        None => {
            if let Some(action) = app.keymap.action(key, app.context()) {
                app.update(action);
            }
        }
    }
}

fn typed(app: &mut App, key: &KeyEvent, ask: Ask) {
    match key.code {
        KeyCode::Esc => app.prompt = None,
        KeyCode::Enter => app.submit(),
        KeyCode::Char('z') if key.modifiers.contains(KeyModifiers::CONTROL) => {
            app.update(Action::Suspend)
        }
        KeyCode::Up => app.recall(1),
        KeyCode::Down => app.recall(-1),
        KeyCode::Tab if ask.is_completed() => {
            if let Some(prompt) = &mut app.prompt {
                prompt.complete();
            }
        }
        KeyCode::BackTab => {
            if let Some(prompt) = &mut app.prompt {
                let count = prompt.completions.len().max(1);
                prompt.chosen = (prompt.chosen + 1) % count;
            }
        }
        _ => {
            if let Some(prompt) = &mut app.prompt {
                prompt.input.handle_event(&Event::Key(*key));
                prompt.typed();
            }
        }
    }
}
