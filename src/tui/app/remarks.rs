//! Marks and comments on rows.

use std::collections::BTreeMap;

use crate::base::{Field, PacketNumber, escape};
use crate::tui::keymap::Action;
use crate::tui::prompt::{Ask, Prompt};
use crate::view::rows::RowId;

use super::{App, Shown};
use crate::tui::remarks::Remarks;

impl App {
    /// The verbs of this file.
    pub(super) fn update_remarks(&mut self, action: Action) -> bool {
        match action {
            Action::Mark => self.mark(),
            Action::Comment => self.ask_comment(),
            Action::NextMark => self.go_to_mark(false),
            Action::PreviousMark => self.go_to_mark(true),
            _ => return false,
        }
        true
    }

    fn mark(&mut self) {
        let Some(row) = self.list.selected(&self.store) else {
            return;
        };
        let is_on = self.remarks.toggle(row);
        self.notice = match is_on {
            true => "marked (saved with the packets: s)",
            false => "mark taken away",
        }
        .to_owned();
    }

    fn ask_comment(&mut self) {
        match self.list.selected(&self.store) {
            Some(row) => {
                let known = self.remarks.of(row).unwrap_or_default().to_owned();
                self.prompt = Some(Prompt::new(Ask::Comment, &known));
            }
            None => "no row to comment on".clone_into(&mut self.notice),
        }
    }

    /// A comment was typed.
    pub(super) fn submit_comment(&mut self, text: &str) {
        if let Some(row) = self.list.selected(&self.store) {
            self.remarks.comment(row, text);
            self.notice = match text {
                "" => "comment taken away",
                _ => "commented (saved with the packets: s)",
            }
            .to_owned();
            self.shown = None;
        }
    }

    fn go_to_mark(&mut self, is_back: bool) {
        let row = self.list.selected(&self.store);
        match self.remarks.next(&self.store, row, is_back) {
            Some(row) => {
                self.leave();
                self.go_to(row);
            }
            None => {
                "no marks and no comments: ' marks a row, ; comments on it"
                    .clone_into(&mut self.notice);
            }
        }
    }

    /// What files say of packets.
    pub(in crate::tui) fn comments_read(&mut self, comments: Vec<(PacketNumber, String)>) {
        // Rows are all there when everything is read.
        match self.loading.done {
            true => self.remarks.read(&self.store, comments),
            false => self.unread.extend(comments),
        }
    }

    /// The capture is read anew, and its rows are others: marks and comments wait for them as a file's do.
    pub(super) fn keep_remarks(&mut self) {
        let written = self.remarks.written_rows(&self.store).into_iter();
        self.kept = written
            .flat_map(|(packet, all)| all.into_iter().map(move |text| (packet, text)))
            .collect();
        let is_unsaved = self.remarks.is_unsaved;
        self.remarks = Remarks::default();
        self.remarks.is_unsaved = is_unsaved;
    }

    /// What is said about a row, escaped: the comment on it, and those of others on its packet.
    #[must_use]
    pub fn said_of(&self, row: RowId) -> Vec<String> {
        let own = self.remarks.of(row).into_iter();
        let mut said: Vec<_> = own.map(escape::words).collect();
        if let RowId::Packet(flow, at) = row
            && let Some(entry) = self.store.flow_packet(flow, at as usize)
        {
            let others = self.remarks.of_packet(entry.number()).iter();
            said.extend(others.map(|text| escape::words(text)));
        }
        said
    }

    /// Whether something is said about a row, without looking what.
    #[must_use]
    pub fn is_commented(&self, row: RowId) -> bool {
        if self.remarks.is_empty() {
            return false;
        }
        let of_packet = match row {
            RowId::Packet(flow, at) => self.store.flow_packet(flow, at as usize),
            _ => None,
        };
        self.remarks.of(row).is_some()
            || of_packet.is_some_and(|entry| !self.remarks.of_packet(entry.number()).is_empty())
    }

    /// Puts what is said about the shown row into its tree, behind everything else: places before it stay what they are.
    pub(super) fn comment_fields(&self, fields: &mut Vec<Field>) {
        if let Some(Shown::Row(row)) = self.shown {
            let said = self.said_of(row).into_iter();
            fields.extend(said.map(|text| Field::new("Comment", text)));
        }
    }

    /// Marks and comments as the comments of packets that a file has.
    #[must_use]
    pub fn written_remarks(&self) -> BTreeMap<PacketNumber, Vec<String>> {
        self.remarks.written(&self.store)
    }

    /// Whether marks or comments were made that no file has.
    #[must_use]
    pub fn has_unsaved_remarks(&self) -> bool {
        self.remarks.is_unsaved
    }
}
