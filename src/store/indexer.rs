//! The engine's sink that makes records: one [`BatchRecords`] a batch and engine, put together by the
//! [`Collector`](super::Collector).
//!
//! A part speaks of connections and flows by the engine's own numbers.

use crate::base::{ConnectionId, Extent, Needs, PacketNumber};
use crate::engine::{
    Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Plaintext, Sink, StreamData,
};
use crate::flow::End;
use crate::payload::Conversation;
use crate::websocket::Message;

use super::decoder_states::is_kept_at;
use super::merged::{Order, Rows};
use super::record::{
    ExtentEntry, FindingRecord, FrameRecord, Kept, MessageRecord, PlainEntry, StreamEntry, small,
};

/// What one engine made of one batch.
#[derive(Debug, Default)]
pub struct BatchRecords {
    pub(super) opened: Vec<Connection>,
    #[expect(
        clippy::vec_box,
        reason = "found ones are replaced, and boxes are what the store keeps"
    )]
    pub(super) updated: Vec<Box<Connection>>,
    /// States of connections' decoders, by the message behind which they were.
    pub(super) snapshots: Vec<(ConnectionId, u64, Box<Conversation>)>,
    /// Connections that ended, and when.
    pub(super) closed: Vec<(ConnectionId, Moment)>,
    pub(super) rows: Rows,
    pub(super) findings: Vec<(Order, Option<ConnectionId>, FindingRecord)>,
    pub(super) flows: Vec<FlowEvent>,
    /// Inflated bytes; `Kept::at` counts in them.
    pub(super) kept: Vec<u8>,
    /// Bytes that lie in no packet as they are; `PlainEntry::at` counts in them.
    pub(super) plain: Vec<u8>,
}

/// Something of a flow, by its number within its engine.
#[derive(Clone, Copy, Debug)]
pub(super) struct FlowEvent {
    pub(super) flow: u64,
    pub(super) what: OfFlow,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum OfFlow {
    /// Decrypted bytes with their layer of TLS, from 1; with 0, bytes of the TCP stream out of several packets.
    Plain(End, u8, PlainEntry),
    Stream(End, u32, StreamEntry),
    Packet(PacketNumber),
    Extent(End, ExtentEntry),
    Opened,
    Kept,
    Ended,
}

impl BatchRecords {
    /// Whether it holds nothing.
    fn clear(&mut self) {
        self.opened.clear();
        self.updated.clear();
        self.closed.clear();
        self.snapshots.clear();
        self.rows.clear();
        self.findings.clear();
        self.flows.clear();
        self.kept.clear();
        self.plain.clear();
    }

    fn flow(&mut self, flow: u64, what: OfFlow) {
        self.flows.push(FlowEvent { flow, what });
    }

    /// Keeps what there is of a compressed message, and its digest where that does not follow from it.
    fn keep(&mut self, message: &Message<'_>) -> Kept {
        let at = self.kept.len() as u64;
        self.kept.extend_from_slice(message.beginning);
        if message.truncated {
            self.kept.extend(message.sha256.iter().flatten());
        }
        Kept {
            at,
            len: small(message.beginning.len() as u64),
            truncated: message.truncated,
        }
    }

    fn plain(&mut self, flow: u64, end: End, layer: u8, entry: PlainEntry, bytes: &[u8]) {
        let at = self.plain.len() as u64;
        self.plain.extend_from_slice(bytes);
        let entry = PlainEntry { at, ..entry };
        self.flow(flow, OfFlow::Plain(end, layer, entry));
    }
}

/// The sink.
#[derive(Debug, Default)]
pub struct Indexer {
    part: BatchRecords,
}

impl Indexer {
    /// Exchanges what was gathered since the last call for an empty part.
    pub fn exchange(&mut self, part: &mut BatchRecords) {
        part.clear();
        std::mem::swap(&mut self.part, part);
    }

    /// Keeps the first packets of a flow that is over and carried no connection, because somebody will ask for them.
    pub fn keep_flow(&mut self, flow: u64) {
        self.part.flow(flow, OfFlow::Kept);
    }

    fn update(&mut self, connection: &Connection) {
        let clone = Box::new(connection.clone());
        match self
            .part
            .updated
            .iter_mut()
            .find(|known| known.id == connection.id)
        {
            Some(known) => *known = clone,
            None => self.part.updated.push(clone),
        }
    }
}

fn order(at: Moment) -> Order {
    (at.packet, at.turn)
}

impl Sink for Indexer {
    fn needs(&self) -> Needs {
        let messages = Needs::MESSAGES | Needs::LONG_DIGEST | Needs::DECODED;
        Needs::EXTENTS | Needs::FINDINGS | Needs::STREAMS | messages
    }

    fn opened(&mut self, connection: &Connection) {
        self.part.opened.push(connection.clone());
        self.part.flow(connection.flow, OfFlow::Opened);
    }

    fn handshake(&mut self, connection: &Connection, _at: Moment) {
        self.update(connection);
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.update(connection);
        self.part.closed.push((connection.id, at));
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let (mut record, odd) = FrameRecord::new(event);
        record.connection = connection.id.0;
        self.part.rows.frame(order(event.at), record, odd);
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if let Some(state) = event.conversation.filter(|_| is_kept_at(event.number)) {
            let state = (connection.id, event.number, Box::new(state.clone()));
            self.part.snapshots.push(state);
        }
        let mut record = MessageRecord::new(event);
        record.connection = connection.id.0;
        if event.message.compressed {
            record.kept = Some(self.part.keep(event.message));
        }
        self.part.rows.message(order(event.at), record);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if let Some(connection) = connection {
            let rows = &mut self.part.rows;
            rows.finding(connection.id.0, event.frame, event.message);
        }
        self.part.findings.push((
            order(event.at),
            connection.map(|connection| connection.id),
            FindingRecord::new(event, connection),
        ));
    }

    fn settled(&mut self, _: &Connection) {
        self.part.rows.settled();
    }

    fn packet(&mut self, flow: u64, packet: PacketNumber) {
        self.part.flow(flow, OfFlow::Packet(packet));
    }

    fn extent(&mut self, flow: u64, end: End, extent: Extent, bytes: &[u8]) {
        if extent.packet_offset.is_none() {
            let entry = PlainEntry {
                offset: extent.stream_offset,
                record: extent.stream_offset,
                len: extent.len,
                ..PlainEntry::default()
            };
            self.part.plain(flow, end, 0, entry, bytes);
        }
        self.part
            .flow(flow, OfFlow::Extent(end, ExtentEntry::new(&extent)));
    }

    fn plaintext(&mut self, flow: u64, end: End, plaintext: Plaintext<'_>) {
        let entry = PlainEntry {
            offset: plaintext.offset,
            at: 0,
            record: plaintext.record.start,
            len: small(plaintext.bytes.len() as u64),
            record_len: small(plaintext.record.len()),
        };
        let layer = plaintext.layer.max(1);
        self.part.plain(flow, end, layer, entry, plaintext.bytes);
    }

    fn stream_data(&mut self, flow: u64, end: End, data: StreamData) {
        let entry = StreamEntry {
            offset: data.offset,
            at: data.at,
            len: data.len,
        };
        self.part
            .flow(flow, OfFlow::Stream(end, data.stream, entry));
    }

    fn flow_ended(&mut self, flow: u64) {
        self.part.flow(flow, OfFlow::Ended);
    }
}
