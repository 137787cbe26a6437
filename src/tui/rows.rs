//! The list in the middle: frames or messages, of one connection or all, all or those a filter lets through.

use crate::filter::{Filter, Rows};
use crate::store::{Chunked, Store};

use super::cursor::Cursor;

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowId {
    /// A frame by its index in the store.
    Frame(u32),
    /// A message by its index in the store.
    Message(u32),
}

/// What is listed.
#[derive(Debug, Default)]
pub struct List {
    /// Messages instead of frames.
    pub messages: bool,
    /// Of all connections instead of one.
    pub all: bool,
    /// The one.
    pub connection: u32,
    /// The selected row.
    pub cursor: Cursor,
    /// What rows must pass.
    pub filter: Option<Filter>,
    /// Rows that passed, as indices in the store.
    matches: Chunked<u32>,
    /// How many rows were asked.
    pub scanned: usize,
}

impl List {
    fn base_len(&self, store: &Store) -> usize {
        match (self.all, self.messages) {
            (true, false) => store.frame_count(),
            (true, true) => store.message_count(),
            (false, messages) => store.connection(self.connection).map_or(0, |entry| {
                if messages {
                    entry.messages.len()
                } else {
                    entry.frames.len()
                }
            }),
        }
    }

    fn base(&self, store: &Store, at: usize) -> Option<u32> {
        match (self.all, self.messages) {
            (true, _) => u32::try_from(at).ok(),
            (false, true) => store.connection(self.connection)?.messages.get(at),
            (false, false) => store.connection(self.connection)?.frames.get(at),
        }
    }

    /// How many rows there are (so far, while a filter is at work).
    #[must_use]
    pub fn len(&self, store: &Store) -> usize {
        match self.filter {
            Some(_) => self.matches.len(),
            None => self.base_len(store),
        }
    }

    /// Rows before the filter.
    #[must_use]
    pub fn unfiltered(&self, store: &Store) -> usize {
        self.base_len(store)
    }

    fn id(&self, index: u32) -> RowId {
        if self.messages {
            RowId::Message(index)
        } else {
            RowId::Frame(index)
        }
    }

    /// The row at a place.
    #[must_use]
    pub fn row(&self, store: &Store, at: usize) -> Option<RowId> {
        if at >= self.len(store) {
            return None;
        }
        let index = match self.filter {
            Some(_) => self.matches.get(at)?,
            None => self.base(store, at)?,
        };
        Some(self.id(index))
    }

    /// The selected row.
    #[must_use]
    pub fn selected(&self, store: &Store) -> Option<RowId> {
        self.row(store, self.cursor.at)
    }

    /// The place of a row: its own, or that of the first row after it; and whether it is its own.
    #[must_use]
    pub fn place(&self, store: &Store, row: RowId) -> (usize, bool) {
        let index = match row {
            RowId::Frame(index) | RowId::Message(index) => index,
        };
        let at = match (&self.filter, self.all) {
            (Some(_), _) => self.matches.partition_point(|known| known < index),
            (None, true) => index as usize,
            (None, false) => store.connection(self.connection).map_or(0, |entry| {
                let rows = if self.messages {
                    &entry.messages
                } else {
                    &entry.frames
                };
                rows.partition_point(|known| known < index)
            }),
        };
        (at, self.row(store, at) == Some(row))
    }

    /// Lists other rows: what the filter found is found anew.
    pub fn restart(&mut self) {
        self.matches = Chunked::default();
        self.scanned = 0;
        self.cursor = Cursor::default();
    }

    /// Sets the filter; its fields decide whether frames or messages are listed.
    pub fn set_filter(&mut self, filter: Option<Filter>) {
        if let Some(filter) = &filter {
            let scope = filter.scope();
            if self.messages && !scope.has(Rows::MESSAGES) {
                self.messages = false;
            } else if !self.messages && !scope.has(Rows::FRAMES) && scope.has(Rows::MESSAGES) {
                self.messages = true;
            }
        }
        self.filter = filter.filter(|filter| !filter.is_empty());
        self.restart();
    }

    /// Asks the filter about up to `count` more rows; whether there is more to ask.
    pub fn scan(&mut self, store: &Store, count: usize) -> bool {
        let Some(filter) = self.filter.clone() else {
            return false;
        };
        let end = self.base_len(store).min(self.scanned + count);
        for at in self.scanned..end {
            let Some(index) = self.base(store, at) else {
                continue;
            };
            if matches(store, &filter, self.id(index)) {
                self.matches.push(index);
            }
        }
        self.scanned = end;
        end < self.base_len(store)
    }
}

/// Whether a filter lets a row through.
#[must_use]
pub(super) fn matches(store: &Store, filter: &Filter, row: RowId) -> bool {
    let needs = filter.needs();
    let test = |row: crate::store::Row<'_>| {
        let number = row.connection().map(|connection| connection.id.0 + 1);
        let mut values = row.in_capture(store.start());
        values.connection_number = number;
        filter.matches(&values)
    };
    match row {
        RowId::Frame(index) => store.with_frame(index, needs, test),
        RowId::Message(index) => store.with_message(index, needs, test),
    }
    .unwrap_or(false)
}
