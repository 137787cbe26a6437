//! The list of connections: all, or those that a filter lets through.

use crate::engine::Moment;
use crate::filter::Filter;
use crate::store::{Row, Store};

use crate::view::cursor::Cursor;

/// The list.
#[derive(Debug, Default)]
pub struct Connections {
    /// The place in it.
    pub cursor: Cursor,
    filter: Option<Filter>,
    /// Indices of those that passed.
    matches: Vec<u32>,
    /// How many were asked.
    scanned: usize,
}

impl Connections {
    /// What connections must pass.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref()
    }

    /// Sets the filter, or drops it.
    pub fn set_filter(&mut self, filter: Option<Filter>) {
        *self = Self {
            filter: filter.filter(|filter| !filter.is_empty()),
            ..Self::default()
        };
    }

    /// How many there are (so far, while a filter is at work).
    #[must_use]
    pub fn len(&self, store: &Store) -> usize {
        match self.filter {
            Some(_) => self.matches.len(),
            None => store.connections().len(),
        }
    }

    /// The index of the connection at a place.
    #[must_use]
    pub fn index(&self, store: &Store, at: usize) -> Option<u32> {
        match self.filter {
            Some(_) => self.matches.get(at).copied(),
            None => u32::try_from(at)
                .ok()
                .filter(|index| store.connection(*index).is_some()),
        }
    }

    /// The index of the selected connection.
    #[must_use]
    pub fn selected(&self, store: &Store) -> Option<u32> {
        self.index(store, self.cursor.at)
    }

    /// Selects a connection, or the first one after it that is listed.
    pub fn select(&mut self, index: u32) {
        self.cursor.at = match self.filter {
            Some(_) => self.matches.partition_point(|known| *known < index),
            None => index as usize,
        };
    }

    /// Whether the filter has connections left to ask.
    #[must_use]
    pub fn is_scanning(&self, store: &Store) -> bool {
        self.filter.is_some() && self.scanned < store.connections().len()
    }

    /// Asks the filter about up to `count` more.
    pub fn scan(&mut self, store: &Store, count: usize) {
        let Some(filter) = &self.filter else { return };
        let end = store.connections().len().min(self.scanned + count);
        for index in self.scanned as u32..end as u32 {
            let Some(entry) = store.connection(index) else {
                continue;
            };
            let at = Moment {
                packet: entry.connection.first_packet,
                time: entry.last,
                turn: 0,
            };
            let row = Row::Connection(&entry.connection, at);
            let mut values = row.in_capture(store.start());
            values.connection_number = Some(index + 1);
            if filter.matches(&values) {
                self.matches.push(index);
            }
        }
        self.scanned = end;
    }
}
