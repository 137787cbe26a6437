//! What can be shown on top of the panes.

use crate::base::Severity;
use crate::store::Store;
use crate::websocket::MessageKind;

use crate::view::cursor::Cursor;

/// A view.
#[derive(Debug)]
pub enum View {
    /// Every key; the number is the first line shown.
    Help(usize),
    /// A frame's header, bit by bit.
    Ruler(usize),
    /// The opening handshake.
    Handshake(usize),
    /// The conversation.
    Follow(Follow),
    /// What is wrong, by severity.
    Findings(Cursor, Vec<u32>),
    /// Why each attempt failed.
    Diagnosis(Chosen),
    /// The capture in numbers; the number is the first line shown.
    Statistics(usize),
}

/// The place in the diagnosis.
#[derive(Clone, Copy, Debug, Default)]
pub struct Chosen {
    /// The attempt.
    pub cursor: Cursor,
    /// Which of its evidence, among that with a packet.
    pub evidence: usize,
    /// The first line shown of what is said about it.
    pub top: usize,
    /// Whether the evidence is to be brought on the screen.
    pub brings_up: bool,
}

/// The conversation of a connection.
#[derive(Debug, Default)]
pub struct Follow {
    /// Whose.
    pub connection: u32,
    /// The place among its messages; the first one on the screen.
    pub cursor: Cursor,
    /// Whether pings, pongs and closes are left out.
    pub without_control: bool,
}

impl Follow {
    /// Whether a message is shown.
    #[must_use]
    pub fn shows(&self, store: &Store, at: usize) -> bool {
        if !self.without_control {
            return true;
        }
        let message = store
            .connection(self.connection)
            .and_then(|entry| entry.messages.get(at))
            .and_then(|index| store.message(index));
        message
            .is_none_or(|message| matches!(message.kind, MessageKind::Text | MessageKind::Binary))
    }

    /// Moves by messages that are shown.
    pub fn step(&mut self, store: &Store, by: isize) {
        let len = self.len(store);
        let mut left = by.unsigned_abs();
        let mut at = self.cursor.at;
        while left > 0 {
            let Some(next) = at
                .checked_add_signed(by.signum())
                .filter(|next| *next < len)
            else {
                break;
            };
            at = next;
            if self.shows(store, at) {
                self.cursor.at = at;
                left -= 1;
            }
        }
    }

    /// How many messages there are.
    #[must_use]
    pub fn len(&self, store: &Store) -> usize {
        store
            .connection(self.connection)
            .map_or(0, |entry| entry.messages.len())
    }
}

/// The findings, the worst first.
#[must_use]
pub(super) fn by_severity(store: &Store) -> Vec<u32> {
    let mut order: Vec<u32> = (0..store.findings().len() as u32).collect();
    let severity = |index: &u32| {
        store
            .findings()
            .get(*index as usize)
            .map_or(Severity::Note, |record| record.finding.code.severity())
    };
    order.sort_by_key(|index| std::cmp::Reverse(severity(index)));
    order
}
