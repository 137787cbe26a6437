//! What is copied: sent to the terminal, and kept for a file, since no terminal says whether it took it.

use crate::tui::copy::{self, Copied};
use crate::tui::panel;
use crate::tui::prompt::{Ask, Prompt, Save};
use crate::tui::views::View;
use crate::view::repeat::{Tool, command};
use crate::view::rows::RowId;

use super::{App, Effect};

/// Bytes of a message written to a file at most.
const WRITTEN: usize = 1 << 30;

impl App {
    /// The row that is pointed to: in the chat the message there, else that of the list.
    pub(super) fn pointed(&self) -> Option<RowId> {
        let Some(View::Follow(follow)) = &self.view else {
            return self.list.selected(&self.store);
        };
        let entry = self.store.connection(follow.connection)?;
        entry.messages.get(follow.cursor.at).map(RowId::Message)
    }

    /// Copies: in a view of text that text, else what is asked for next.
    pub(super) fn copy(&mut self) {
        let copied = self
            .view
            .as_ref()
            .and_then(|view| panel::text_of(self, view));
        match copied {
            Some((what, text)) => self.send(what, text),
            None => self.prompt = Some(Prompt::new(Ask::Copy, "")),
        }
    }

    /// Copies a row in the form of a letter.
    pub(super) fn copy_row(&mut self, row: RowId, letter: char) {
        if letter == 'r' {
            let line = panel::list::text(self, self.list.cursor.at, row);
            return self.send("the row", line.trim_end().to_owned());
        }
        if !Ask::Copy.choices().iter().any(|(form, _)| *form == letter) {
            return;
        }
        let Some(text) = copy::text(&self.store, row, letter, copy::MOST) else {
            self.notice = "nothing to copy: the bytes are not kept".to_owned();
            return;
        };
        let all = copy::data_len(&self.store, row);
        let what = match all > copy::MOST as u64 {
            true => format!("the first {} of {all} bytes", copy::MOST),
            false => format!("{} bytes", text.len()),
        };
        self.send(&what, text);
        self.copied = Some(Copied::Row(row, letter));
    }

    /// Copies a command that opens the connection again.
    pub(super) fn copy_command(&mut self, letter: char) {
        let (tool, name) = match letter.to_ascii_lowercase() {
            'w' => (Tool::Websocat, "the command for websocat"),
            's' => (Tool::Wscat, "the command for wscat"),
            _ => (Tool::Curl, "the command for curl"),
        };
        let entry = self.store.connection(self.connection());
        let shows_secrets = letter.is_ascii_uppercase();
        match entry.and_then(|entry| command(&entry.connection, tool, shows_secrets)) {
            Some(text) => self.send(name, text),
            None => self.notice = "its request was not captured".to_owned(),
        }
    }

    /// Sends text to the terminal's clipboard. Whether that takes it, nobody knows.
    pub(super) fn send(&mut self, what: &str, text: String) {
        self.notice = format!(
            "{what} sent to the terminal for its clipboard; where it takes none, Y writes a file"
        );
        self.copied = Some(Copied::Text(text.clone()));
        self.effects.push(Effect::Copy(text));
    }

    /// Asks for the file that what was copied goes to.
    pub(super) fn copy_to_file(&mut self) {
        let view = self.view.as_ref();
        if let Some((_, text)) = view.and_then(|view| panel::text_of(self, view)) {
            self.copied = Some(Copied::Text(text));
        }
        match self.copied {
            Some(_) => self.prompt = Some(Prompt::new(Ask::File(Save::Copied), "copied.txt")),
            None => {
                self.notice = "nothing is copied yet: y copies, Y writes that to a file".to_owned();
            }
        }
    }

    /// What was copied, all of it.
    #[must_use]
    pub fn copied(&self) -> Option<String> {
        match self.copied.as_ref()? {
            Copied::Text(text) => Some(text.clone()),
            Copied::Row(row, letter) => copy::text(&self.store, *row, *letter, WRITTEN),
        }
    }
}
