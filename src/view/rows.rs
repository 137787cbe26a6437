//! The list in the middle: frames or messages, of one connection or all, all or those a filter lets through.

use crate::engine::Moment;
use crate::filter::{Filter, Rows};
use crate::store::{Chunked, Row, Store};

use super::cursor::Cursor;

/// A row of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowId {
    /// A frame by its index in the store.
    Frame(u32),
    /// A message by its index in the store.
    Message(u32),
    /// A packet by its flow and its place there.
    Packet(u32, u32),
}

/// What the rows are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Kind {
    /// Frames.
    #[default]
    Frames,
    /// Messages.
    Messages,
    /// The packets of one flow.
    Packets,
}

impl RowId {
    /// What kind of row it is.
    #[must_use]
    pub fn kind(self) -> Kind {
        match self {
            RowId::Frame(_) => Kind::Frames,
            RowId::Message(_) => Kind::Messages,
            RowId::Packet(..) => Kind::Packets,
        }
    }
}

/// What is listed.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// Frames, messages or packets.
    pub kind: Kind,
    /// Of all connections instead of one. Packets are always those of one flow.
    pub all: bool,
    /// The one.
    pub connection: u32,
    /// The flow whose packets are listed, when it is not that of the connection.
    pub flow: Option<u32>,
    /// The selected row.
    pub cursor: Cursor,
    /// What rows must pass.
    pub filter: Option<Filter>,
    /// Rows that passed, as indices in the store.
    matches: Chunked<u32>,
    /// How many rows were asked.
    pub scanned: usize,
    /// Whether no more are asked.
    is_stopped: bool,
    /// How often other rows were listed.
    generation: u64,
    /// Places of the rows in the order that someone asked for; empty as they came. Rows that came since stand behind.
    places: Vec<u32>,
}

impl List {
    /// The flow whose packets are listed.
    #[must_use]
    pub fn flow(&self, store: &Store) -> Option<u32> {
        self.flow.or_else(|| store.flow_of(self.connection))
    }

    fn base_len(&self, store: &Store) -> usize {
        match (self.kind, self.all) {
            (Kind::Packets, _) => self
                .flow(store)
                .map_or(0, |flow| store.packets_of_flow(flow)),
            (Kind::Frames, true) => store.frame_count(),
            (Kind::Messages, true) => store.message_count(),
            (kind, false) => store.connection(self.connection).map_or(0, |entry| {
                if kind == Kind::Messages {
                    entry.messages.len()
                } else {
                    entry.frames.len()
                }
            }),
        }
    }

    fn base(&self, store: &Store, at: usize) -> Option<u32> {
        match (self.kind, self.all) {
            (Kind::Packets, _) | (_, true) => u32::try_from(at).ok(),
            (Kind::Messages, false) => store.connection(self.connection)?.messages.get(at),
            (Kind::Frames, false) => store.connection(self.connection)?.frames.get(at),
        }
    }

    /// The filter, where it applies: packets are shown as they are.
    #[must_use]
    pub fn filter(&self) -> Option<&Filter> {
        self.filter.as_ref().filter(|_| self.kind != Kind::Packets)
    }

    /// Whether the filter has rows left to ask.
    #[must_use]
    pub fn is_scanning(&self, store: &Store) -> bool {
        self.filter().is_some() && !self.is_stopped && self.scanned < self.base_len(store)
    }

    /// Asks no more rows: those found so far stay.
    pub fn stop(&mut self) {
        self.is_stopped = true;
    }

    /// Whether rows were left unasked because somebody did not want to wait.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        self.is_stopped
    }

    /// Changes whenever other rows are listed.
    #[must_use]
    pub fn generation(&self) -> u64 {
        self.generation
    }

    /// How many rows there are (so far, while a filter is at work).
    #[must_use]
    pub fn len(&self, store: &Store) -> usize {
        match self.filter() {
            Some(_) => self.matches.len(),
            None => self.base_len(store),
        }
    }

    /// Rows before the filter.
    #[must_use]
    pub fn unfiltered(&self, store: &Store) -> usize {
        self.base_len(store)
    }

    fn id(&self, store: &Store, index: u32) -> RowId {
        match self.kind {
            Kind::Frames => RowId::Frame(index),
            Kind::Messages => RowId::Message(index),
            Kind::Packets => RowId::Packet(self.flow(store).unwrap_or(u32::MAX), index),
        }
    }

    /// Shows the rows in another order, or as they came with no places at all; the selected row stays selected.
    pub fn sort(&mut self, places: Vec<u32>) {
        let selected = self.natural(self.cursor.at);
        self.places = places;
        self.cursor.at = self.sorted_place(selected);
    }

    /// How many rows stand in another order than they came.
    #[must_use]
    pub fn sorted(&self) -> usize {
        self.places.len()
    }

    /// Where a row of the shown order stands as they came.
    fn natural(&self, at: usize) -> usize {
        self.places.get(at).map_or(at, |place| *place as usize)
    }

    /// Where a row stands in the shown order.
    fn sorted_place(&self, natural: usize) -> usize {
        let place = u32::try_from(natural).unwrap_or(u32::MAX);
        let found = self.places.iter().position(|known| *known == place);
        found.unwrap_or(natural)
    }

    /// The row at a place of the shown order.
    #[must_use]
    pub fn row(&self, store: &Store, at: usize) -> Option<RowId> {
        self.unsorted(store, self.natural(at))
    }

    /// The row at a place as they came.
    #[must_use]
    pub fn unsorted(&self, store: &Store, at: usize) -> Option<RowId> {
        if at >= self.len(store) {
            return None;
        }
        let index = match self.filter() {
            Some(_) => self.matches.get(at)?,
            None => self.base(store, at)?,
        };
        Some(self.id(store, index))
    }

    /// The selected row.
    #[must_use]
    pub fn selected(&self, store: &Store) -> Option<RowId> {
        self.row(store, self.cursor.at)
    }

    /// The place of a row: its own, or that of the first row after it; and whether it is its own.
    #[must_use]
    pub fn place(&self, store: &Store, row: RowId) -> (usize, bool) {
        let (RowId::Frame(index) | RowId::Message(index) | RowId::Packet(_, index)) = row;
        let at = match (self.filter(), self.all, self.kind) {
            (Some(_), ..) => self.matches.partition_point(|known| known < index),
            (None, _, Kind::Packets) | (None, true, _) => index as usize,
            (None, false, kind) => store.connection(self.connection).map_or(0, |entry| {
                let rows = match kind {
                    Kind::Messages => &entry.messages,
                    _ => &entry.frames,
                };
                rows.partition_point(|known| known < index)
            }),
        };
        let at = self.sorted_place(at);
        (at, self.row(store, at) == Some(row))
    }

    /// Lists other rows: what the filter found is found anew.
    pub fn restart(&mut self) {
        self.matches = Chunked::default();
        self.places = Vec::new();
        self.scanned = 0;
        self.is_stopped = false;
        self.generation += 1;
        self.cursor = Cursor::default();
    }

    /// Sets the filter; its fields decide whether frames or messages are listed.
    pub fn set_filter(&mut self, filter: Option<Filter>) {
        if let Some(filter) = &filter {
            let scope = filter.scope();
            let takes_messages = scope.has(Rows::MESSAGES);
            self.kind = match self.kind {
                Kind::Messages if takes_messages => Kind::Messages,
                _ if takes_messages && !scope.has(Rows::FRAMES) => Kind::Messages,
                _ => Kind::Frames,
            };
        }
        self.filter = filter.filter(|filter| !filter.is_empty());
        self.restart();
    }

    /// Rows of the index below this place are asked, where the list has them.
    #[must_use]
    pub fn asked_below(&self, store: &Store) -> usize {
        let next = match self.filter() {
            Some(_) => self.base(store, self.scanned),
            None => None,
        };
        let all = match self.kind {
            Kind::Messages => store.message_count(),
            _ => store.frame_count(),
        };
        next.map_or(all, |next| (next as usize).min(all))
    }

    /// The place of a row of the index by its index, or that of the first listed one behind it; and whether it is its own.
    #[must_use]
    pub fn place_of(&self, store: &Store, index: usize) -> (usize, bool) {
        let index = u32::try_from(index).unwrap_or(u32::MAX);
        self.place(store, self.id(store, index))
    }

    /// Takes what somebody else found among the rows of the index below a place.
    pub fn take_found(
        &mut self,
        store: &Store,
        below: usize,
        mut next: impl FnMut() -> Option<u32>,
    ) {
        let first = self.asked_below(store);
        while let Some(index) = next() {
            let is_listed = self.all || self.connection_of(store, index) == Some(self.connection);
            if index as usize >= first && is_listed {
                self.matches.push(index);
            }
        }
        let is_before = |index: u32| (index as usize) < below;
        let asked = match (self.all, store.connection(self.connection)) {
            (true, _) => below,
            (false, None) => 0,
            (false, Some(entry)) => match self.kind {
                Kind::Messages => entry.messages.partition_point(is_before),
                _ => entry.frames.partition_point(is_before),
            },
        };
        self.scanned = self.scanned.max(asked.min(self.base_len(store)));
    }

    fn connection_of(&self, store: &Store, index: u32) -> Option<u32> {
        match self.kind {
            Kind::Messages => store.message(index).map(|message| message.connection),
            _ => store.frame(index).map(|frame| frame.connection),
        }
    }

    /// Asks the filter about up to `count` more rows; whether there is more to ask.
    pub fn scan(&mut self, store: &Store, count: usize) -> bool {
        let Some(filter) = self.filter().cloned() else {
            return false;
        };
        let end = self.base_len(store).min(self.scanned + count);
        for at in self.scanned..end {
            let Some(index) = self.base(store, at) else {
                continue;
            };
            if matches(store, &filter, self.id(store, index)) {
                self.matches.push(index);
            }
        }
        self.scanned = end;
        end < self.base_len(store)
    }
}

/// Whether a filter lets a row through.
#[must_use]
pub fn matches(store: &Store, filter: &Filter, row: RowId) -> bool {
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
        RowId::Packet(..) => Some(true),
    }
    .unwrap_or(false)
}

/// Whether a filter lets a connection through.
#[must_use]
pub fn matches_connection(store: &Store, filter: &Filter, index: u32) -> bool {
    let Some(entry) = store.connection(index) else {
        return false;
    };
    let at = Moment {
        packet: entry.connection.first_packet,
        time: entry.last,
        turn: 0,
    };
    let row = Row::Connection(&entry.connection, at);
    let mut values = row.in_capture(store.start());
    values.connection_number = Some(index + 1);
    filter.matches(&values)
}
