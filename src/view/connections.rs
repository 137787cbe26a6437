//! The list of connections: all, or those that a filter lets through.

use crate::filter::Filter;
use crate::store::Store;

use super::cursor::Cursor;
use super::rows::matches_connection;

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
    /// Places in the order that someone asked for; empty as they came.
    places: Vec<u32>,
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

    /// Shows them in another order, or as they came with no places at all; the selected one stays selected.
    pub fn sort(&mut self, store: &Store, places: Vec<u32>) {
        let selected = self.selected(store);
        self.places = places;
        if let Some(index) = selected {
            self.select(index);
        }
    }

    /// How many stand in another order than they came.
    #[must_use]
    pub fn sorted(&self) -> usize {
        self.places.len()
    }

    /// The index of the connection at a place.
    #[must_use]
    pub fn index(&self, store: &Store, at: usize) -> Option<u32> {
        let at = self.places.get(at).map_or(at, |place| *place as usize);
        self.unsorted(store, at)
    }

    /// The index of the connection at a place as they came.
    #[must_use]
    pub fn unsorted(&self, store: &Store, at: usize) -> Option<u32> {
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
        let at = match self.filter {
            Some(_) => self.matches.partition_point(|known| *known < index),
            None => index as usize,
        };
        let place = u32::try_from(at).unwrap_or(u32::MAX);
        let mut places = self.places.iter();
        self.cursor.at = places.position(|known| *known == place).unwrap_or(at);
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
        let asked = self.scanned as u32..end as u32;
        self.matches
            .extend(asked.filter(|index| matches_connection(store, filter, *index)));
        self.scanned = end;
    }
}
