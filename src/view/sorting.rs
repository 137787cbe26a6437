//! What rows are sorted by, and their keys, gathered in slices: whoever asks sorts them where that keeps nobody waiting.

use crate::store::{Entry, Store};

use super::columns::{ChosenColumn, Shows, Since, key, text_key};
use super::rows::{List, RowId};

/// Bytes of a payload that its order goes by.
const PAYLOAD: usize = 16;
/// Rows that are sorted at most.
pub const MOST: usize = 10_000_000;

/// What rows of the list are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RowKey {
    /// As they came.
    Number,
    /// The connection.
    Connection,
    /// Time since the row before of the same connection.
    Delta,
    /// Who sent it.
    From,
    /// What it is.
    Kind,
    /// How long it is.
    Length,
    /// What is in it.
    Payload,
    /// A column that someone chose.
    Column(usize),
}

/// What connections are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionKey {
    /// As they came.
    Number,
    /// The client's address.
    Client,
    /// The server's address.
    Server,
    /// What was asked for.
    Path,
    /// How it stands.
    State,
    /// Frames.
    Frames,
    /// Bytes of payload.
    Bytes,
    /// How long it lived.
    Duration,
    /// Findings.
    Findings,
    /// When something came last.
    Last,
    /// The processes at its ends.
    Process,
}

impl RowKey {
    /// What stands in a title.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Connection => "connection",
            Self::Delta => "time since the one before",
            Self::From => "sender",
            Self::Kind => "kind",
            Self::Length => "length",
            Self::Payload => "payload",
            Self::Column(_) => "column",
        }
    }
}

impl ConnectionKey {
    /// What stands in a title.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Number => "number",
            Self::Client => "client",
            Self::Server => "server",
            Self::Path => "path",
            Self::State => "state",
            Self::Frames => "frames",
            Self::Bytes => "bytes",
            Self::Duration => "duration",
            Self::Findings => "findings",
            Self::Last => "last activity",
            Self::Process => "process",
        }
    }

    /// Whether the largest come first when nobody says otherwise.
    #[must_use]
    pub fn begins_with_most(self) -> bool {
        matches!(
            self,
            Self::Frames | Self::Bytes | Self::Duration | Self::Findings | Self::Last
        )
    }
}

/// The key of a row.
#[must_use]
pub fn row_key(store: &Store, row: RowId, by: RowKey, columns: &[ChosenColumn]) -> u128 {
    if let RowKey::Column(at) = by {
        let column = columns.get(at);
        return column.map_or(0, |column| match &column.shows {
            Shows::Value(column) => key(store, row, column),
            // Later rows are further from the same one. What is between rows is sorted by itself.
            Shows::Since(Since::Reference) => row_key(store, row, RowKey::Number, columns),
            Shows::Since(Since::Row) => row_key(store, row, RowKey::Delta, columns),
        });
    }
    let number: u64 = match row {
        RowId::Frame(_) | RowId::Message(_) if by == RowKey::Payload => {
            return text_key(&beginning(store, row));
        }
        RowId::Frame(index) => frame_key(store, index, by),
        RowId::Message(index) => message_key(store, index, by),
        RowId::Packet(flow, at) => {
            let entry = store.flow_packet(flow, at as usize);
            match by {
                RowKey::Length => entry.map_or(0, |entry| entry.original().into()),
                _ => at.into(),
            }
        }
    };
    number.into()
}

/// The first bytes of a payload.
fn beginning(store: &Store, row: RowId) -> Vec<u8> {
    let of_message = |index| store.message_data(&store.message(index)?, PAYLOAD);
    let bytes = match row {
        RowId::Frame(index) => store.frame(index).and_then(|frame| {
            match store.message_of(frame.connection, frame.message.into()) {
                Some(message) if frame.is_compressed() => of_message(message),
                _ => store.payload(index, PAYLOAD),
            }
        }),
        RowId::Message(index) => of_message(index),
        RowId::Packet(..) => None,
    };
    bytes.unwrap_or_default()
}

fn frame_key(store: &Store, index: u32, by: RowKey) -> u64 {
    let Some(frame) = store.frame(index) else {
        return 0;
    };
    match by {
        RowKey::Connection => frame.connection.into(),
        RowKey::From => frame.from() as u64,
        RowKey::Kind => frame.opcode().number().into(),
        RowKey::Length => frame.header(store.odd(index)).payload_length,
        RowKey::Delta => {
            let before = u64::from(frame.number).saturating_sub(1);
            let before = store.frame_of(frame.connection, before);
            let before = before.and_then(|index| store.frame(index));
            before.map_or(0, |before| gap(frame.time().since(before.time())))
        }
        _ => index.into(),
    }
}

fn message_key(store: &Store, index: u32, by: RowKey) -> u64 {
    let Some(message) = store.message(index) else {
        return 0;
    };
    match by {
        RowKey::Connection => message.connection.into(),
        RowKey::From => message.from as u64,
        RowKey::Kind => message.kind as u64,
        RowKey::Length => message.length.unwrap_or(message.wire_length),
        RowKey::Delta => {
            let before = u64::from(message.number).saturating_sub(1);
            let before = store.message_of(message.connection, before);
            let before = before.and_then(|index| store.message(index));
            before.map_or(0, |before| gap(message.time.since(before.time)))
        }
        _ => index.into(),
    }
}

fn gap(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or(0)
}

/// The key of a connection.
#[must_use]
pub fn connection_key(entry: &Entry, index: u32, by: ConnectionKey) -> u128 {
    let known = &entry.connection;
    let number: u64 = match by {
        ConnectionKey::Number => index.into(),
        ConnectionKey::Client | ConnectionKey::Server => {
            let end = match by {
                ConnectionKey::Client => known.client,
                _ => known.server,
            };
            let address = match end.ip() {
                std::net::IpAddr::V4(four) => u128::from(four.to_bits()),
                std::net::IpAddr::V6(six) => six.to_bits() >> 16 | 1 << 111,
            };
            return address << 16 | u128::from(end.port());
        }
        ConnectionKey::Path => {
            let target = known.request().map(|head| head.target());
            return text_key(target.unwrap_or_default());
        }
        ConnectionKey::Process => {
            return text_key(known.processes().unwrap_or_default().as_bytes());
        }
        ConnectionKey::State => {
            let code = known.close.code.map_or(0, u64::from);
            let ended = known.close.ended_by.map_or(0, |by| 1 + by as u64);
            (known.outcome() as u64) << 40 | ended << 20 | code
        }
        ConnectionKey::Frames => known.frames.client + known.frames.server,
        ConnectionKey::Bytes => known.bytes.client + known.bytes.server,
        ConnectionKey::Duration => {
            let end = known.closed.unwrap_or(entry.last);
            gap(end.since(known.opened))
        }
        ConnectionKey::Findings => known.findings,
        ConnectionKey::Last => gap(entry.last.0),
    };
    number.into()
}

/// Rows whose keys are gathered.
#[derive(Debug)]
pub struct Keys<K> {
    /// By what.
    pub by: K,
    /// Whether the largest come first.
    pub descending: bool,
    keys: Vec<(u128, u32)>,
}

impl<K: Copy> Keys<K> {
    /// None yet.
    #[must_use]
    pub fn new(by: K, descending: bool) -> Self {
        Self {
            by,
            descending,
            keys: Vec::new(),
        }
    }

    /// How many are gathered.
    #[must_use]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    fn push(&mut self, key: u128) {
        let place = u32::try_from(self.keys.len()).unwrap_or(u32::MAX);
        let key = if self.descending { !key } else { key };
        self.keys.push((key, place));
    }

    /// The places in their order; what is equal stays as it was.
    #[must_use]
    pub fn sorted(mut self) -> Vec<u32> {
        self.keys.sort_unstable();
        self.keys.into_iter().map(|(_, place)| place).collect()
    }
}

impl Keys<RowKey> {
    /// Gathers those of up to `count` more rows; whether there are more.
    pub fn gather(
        &mut self,
        store: &Store,
        list: &List,
        columns: &[ChosenColumn],
        count: usize,
    ) -> bool {
        let end = list.len(store).min(MOST);
        for at in self.len()..end.min(self.len() + count) {
            let key = list
                .unsorted(store, at)
                .map_or(0, |row| row_key(store, row, self.by, columns));
            self.push(key);
        }
        self.len() < end
    }
}

impl Keys<ConnectionKey> {
    /// Gathers those of up to `count` more connections, which `index` tells by their places; whether there are more.
    pub fn gather(
        &mut self,
        store: &Store,
        index: impl Fn(usize) -> Option<u32>,
        count: usize,
    ) -> bool {
        for _ in 0..count {
            let Some(index) = index(self.len()) else {
                return false;
            };
            let entry = store.connection(index);
            let key = entry.map_or(0, |entry| connection_key(entry, index, self.by));
            self.push(key);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_rows_keep_their_order_both_ways() {
        for (descending, expected) in [(false, [1, 3, 0, 2]), (true, [0, 2, 1, 3])] {
            let mut keys = Keys::new(RowKey::Length, descending);
            for key in [7, 3, 7, 3] {
                keys.push(key);
            }
            assert_eq!(keys.sorted(), expected);
        }
    }
}
