//! Rows that own what they say, for whoever reads a capture without a sink of their own: messages, frames, connections and
//! findings, and any other type that says how it is made.

use crate::base::{ConnectionId, Finding, Needs, PacketNumber, Side, Timestamp};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Sink};
use crate::websocket::close::CloseCode;
use crate::websocket::{FrameHeader, MessageKind};

use super::collected::Collected;
use super::merge::{Content, Ordered};

/// A row made of an engine's event. A method that is not written makes no row.
pub trait OwnedRow: Sized + Send + 'static {
    /// What it takes from the events.
    const NEEDS: Needs;

    /// Of a frame.
    fn of_frame(_event: &FrameEvent<'_>, _connection: &Connection) -> Option<Self> {
        None
    }

    /// Of a message.
    fn of_message(_event: &MessageEvent<'_>, _connection: &Connection) -> Option<Self> {
        None
    }

    /// Of a finding.
    fn of_finding(_event: &FindingEvent<'_>, _connection: Option<&Connection>) -> Option<Self> {
        None
    }

    /// Of a connection that ended.
    fn of_connection(_connection: &Connection, _at: Moment) -> Option<Self> {
        None
    }

    /// Gets the number of its connection, which is known last.
    fn set_connection(&mut self, _number: u32) {}

    /// Bytes it keeps besides itself, roughly.
    fn weight(&self) -> usize {
        0
    }
}

/// A message: unmasked, put together, inflated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct MessageRow {
    /// The number of its connection, from 1.
    pub connection: u32,
    /// Its number in the connection, from 1 over both sides.
    pub number: u64,
    /// Who sent it.
    pub from: Side,
    /// What it is.
    pub kind: MessageKind,
    /// The packet that completed it.
    pub packet: PacketNumber,
    /// When that was.
    pub time: Timestamp,
    /// Its bytes; of one longer than the kept limit, or with a hole, the first.
    pub data: Vec<u8>,
    /// How many bytes it has; `None` when that is not known.
    pub length: Option<u64>,
    /// Whether `data` is all of it.
    pub is_whole: bool,
    /// The code and the reason of a close message.
    pub close: Option<(Option<CloseCode>, Vec<u8>)>,
}

impl MessageRow {
    /// What it says, when it is text.
    #[must_use]
    pub fn text(&self) -> Option<&str> {
        match self.kind {
            MessageKind::Text => std::str::from_utf8(&self.data).ok(),
            _ => None,
        }
    }
}

impl OwnedRow for MessageRow {
    const NEEDS: Needs = Needs::MESSAGES;

    fn of_message(event: &MessageEvent<'_>, _connection: &Connection) -> Option<Self> {
        let message = event.message;
        Some(Self {
            connection: 0,
            number: event.number,
            from: event.from,
            kind: message.kind,
            packet: event.at.packet,
            time: event.at.time,
            data: message.data.unwrap_or(message.beginning).to_vec(),
            length: message.length,
            is_whole: message.complete && message.data.is_some(),
            close: message.close.map(|(code, reason)| (code, reason.to_vec())),
        })
    }

    fn set_connection(&mut self, number: u32) {
        self.connection = number;
    }

    fn weight(&self) -> usize {
        self.data.len()
    }
}

/// A frame, with its payload unmasked and not inflated.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FrameRow {
    /// The number of its connection, from 1.
    pub connection: u32,
    /// Its number in the connection, from 1 over both sides.
    pub number: u64,
    /// Who sent it.
    pub from: Side,
    /// Its header.
    pub header: FrameHeader,
    /// The packet that completed it.
    pub packet: PacketNumber,
    /// When that was.
    pub time: Timestamp,
    /// What was captured of its payload.
    pub payload: Vec<u8>,
    /// Whether it belongs to a compressed message.
    pub is_compressed: bool,
    /// The message that it completes.
    pub message: Option<u64>,
}

impl OwnedRow for FrameRow {
    const NEEDS: Needs = Needs::PAYLOAD;

    fn of_frame(event: &FrameEvent<'_>, _connection: &Connection) -> Option<Self> {
        let frame = event.frame;
        let payload = frame.payload(&mut Vec::new()).map(<[u8]>::to_vec);
        Some(Self {
            connection: 0,
            number: event.number,
            from: event.from,
            header: frame.header,
            packet: event.at.packet,
            time: event.at.time,
            payload: payload.unwrap_or_default(),
            is_compressed: frame.compressed,
            message: event.message,
        })
    }

    fn set_connection(&mut self, number: u32) {
        self.connection = number;
    }

    fn weight(&self) -> usize {
        self.payload.len()
    }
}

/// A connection that ended, with all that is known of it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ConnectionRow {
    /// Its number, from 1.
    pub number: u32,
    /// The connection.
    pub connection: Connection,
}

impl OwnedRow for ConnectionRow {
    const NEEDS: Needs = Needs::HEADERS;

    fn of_connection(connection: &Connection, _at: Moment) -> Option<Self> {
        Some(Self {
            number: 0,
            connection: connection.clone(),
        })
    }

    fn set_connection(&mut self, number: u32) {
        self.number = number;
    }
}

/// A finding, with its place.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FindingRow {
    /// The number of its connection, from 1, when it is of one.
    pub connection: Option<u32>,
    /// Whose bytes it is about; `None` when that is not known.
    pub from: Option<Side>,
    /// The packet where it was found.
    pub packet: PacketNumber,
    /// When that was.
    pub time: Timestamp,
    /// What was found.
    pub finding: Finding,
    /// The frame it is about.
    pub frame: Option<u64>,
    /// The message it is about.
    pub message: Option<u64>,
}

impl OwnedRow for FindingRow {
    const NEEDS: Needs = Needs::FINDINGS;

    fn of_finding(event: &FindingEvent<'_>, _connection: Option<&Connection>) -> Option<Self> {
        Some(Self {
            connection: None,
            from: event.from,
            packet: event.at.packet,
            time: event.at.time,
            finding: event.finding.clone(),
            frame: event.frame,
            message: event.message,
        })
    }

    fn set_connection(&mut self, number: u32) {
        self.connection = Some(number);
    }

    fn weight(&self) -> usize {
        self.finding.text.len()
    }
}

/// Rows with the engine's id of their connection.
#[derive(Debug)]
pub(super) struct RowList<R> {
    rows: Vec<Option<(Option<ConnectionId>, R)>>,
    weight: usize,
}

impl<R> Default for RowList<R> {
    fn default() -> Self {
        Self {
            rows: Vec::new(),
            weight: 0,
        }
    }
}

impl<R: OwnedRow> RowList<R> {
    fn push(&mut self, id: Option<ConnectionId>, row: R) {
        self.weight += size_of::<R>() + row.weight();
        self.rows.push(Some((id, row)));
    }

    /// Takes the rows between two marks out.
    pub(super) fn take(
        &mut self,
        from: (usize, usize),
        to: (usize, usize),
    ) -> impl Iterator<Item = (Option<ConnectionId>, R)> {
        self.rows[from.0..to.0].iter_mut().filter_map(Option::take)
    }
}

impl<R: OwnedRow> Content for RowList<R> {
    /// Rows, and the bytes they take.
    type Mark = (usize, usize);

    fn mark(&self) -> (usize, usize) {
        (self.rows.len(), self.weight)
    }

    fn weight((_, weight): (usize, usize)) -> usize {
        weight
    }

    fn clear(&mut self) {
        self.rows.clear();
        self.weight = 0;
    }
}

/// An engine's sink that makes rows.
#[derive(Debug)]
pub(super) struct RowSink<R: OwnedRow> {
    rows: Ordered<RowList<R>>,
}

impl<R: OwnedRow> RowSink<R> {
    pub(super) fn new() -> Self {
        Self {
            rows: Ordered::default(),
        }
    }

    fn push(&mut self, id: Option<ConnectionId>, row: Option<R>, at: Moment) {
        if let Some(row) = row {
            self.rows.content().push(id, row);
            self.rows.end_piece(at);
        }
    }
}

impl<R: OwnedRow> Collected for RowSink<R> {
    type Part = Ordered<RowList<R>>;

    fn exchange(&mut self, part: &mut Self::Part) {
        self.rows.exchange(part);
    }

    fn weight(part: &Self::Part) -> usize {
        part.weight()
    }
}

impl<R: OwnedRow> Sink for RowSink<R> {
    fn needs(&self) -> Needs {
        R::NEEDS
    }

    fn opened(&mut self, connection: &Connection) {
        self.rows.opened(connection);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let row = R::of_frame(event, connection);
        self.push(Some(connection.id), row, event.at);
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let row = R::of_message(event, connection);
        self.push(Some(connection.id), row, event.at);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        let id = connection.map(|connection| connection.id);
        let row = R::of_finding(event, connection);
        self.push(id, row, event.at);
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        let row = R::of_connection(connection, at);
        self.push(Some(connection.id), row, at);
    }
}
