//! The engine's sink that makes records: one [`BatchRecords`] a batch and engine, put together by the
//! [`Collector`](super::Collector).
//!
//! A part speaks of connections and flows by the engine's own numbers.

use crate::base::{ConnectionId, Extent, Needs, PacketNumber};
use crate::engine::{
    Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Plaintext, Sink, StreamData,
};
use crate::flow::End;

use super::merged::{Order, Rows};
use super::record::{
    ExtentEntry, FindingRecord, FrameRecord, Kept, MessageRecord, PlainEntry, StreamEntry, small,
};

/// Bytes kept of one message or frame whose packets do not simply have it.
const KEPT_EACH: usize = 1 << 20;

/// What one engine made of one batch.
#[derive(Debug, Default)]
pub struct BatchRecords {
    pub(super) opened: Vec<Connection>,
    #[expect(
        clippy::vec_box,
        reason = "found ones are replaced, and boxes are what the store keeps"
    )]
    pub(super) updated: Vec<Box<Connection>>,
    pub(super) rows: Rows,
    pub(super) findings: Vec<(Order, Option<ConnectionId>, FindingRecord)>,
    pub(super) flows: Vec<FlowEvent>,
    /// Inflated bytes; `Kept::at` counts in them.
    pub(super) kept: Vec<u8>,
    /// Decrypted bytes; `PlainEntry::at` counts in them.
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
        self.rows.clear();
        self.findings.clear();
        self.flows.clear();
        self.kept.clear();
        self.plain.clear();
    }

    fn flow(&mut self, flow: u64, what: OfFlow) {
        self.flows.push(FlowEvent { flow, what });
    }

    fn keep(&mut self, bytes: &[u8]) -> Kept {
        let at = self.kept.len() as u64;
        let len = bytes.len().min(KEPT_EACH);
        self.kept.extend_from_slice(&bytes[..len]);
        Kept {
            at,
            len: len as u32,
            truncated: len < bytes.len(),
        }
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

    /// Keeps the first packets of a flow that is over and was none of ours, because somebody will ask for them.
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
        Needs::EXTENTS | Needs::MESSAGES | Needs::FINDINGS | Needs::STREAMS
    }

    fn opened(&mut self, connection: &Connection) {
        self.part.opened.push(connection.clone());
        self.part.flow(connection.flow, OfFlow::Opened);
    }

    fn handshake(&mut self, connection: &Connection, _at: Moment) {
        self.update(connection);
    }

    fn closed(&mut self, connection: &Connection, _at: Moment) {
        self.update(connection);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let (mut record, odd) = FrameRecord::new(event);
        record.connection = connection.id.0;
        self.part.rows.frame(order(event.at), record, odd);
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let mut record = MessageRecord::new(event);
        record.connection = connection.id.0;
        let message = event.message;
        if message.compressed {
            let mut kept = self.part.keep(message.beginning);
            kept.truncated |= message.truncated;
            record.kept = Some(kept);
        }
        self.part.rows.message(order(event.at), record);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        self.part.findings.push((
            order(event.at),
            connection.map(|connection| connection.id),
            FindingRecord::new(event),
        ));
    }

    fn packet(&mut self, flow: u64, packet: PacketNumber) {
        self.part.flow(flow, OfFlow::Packet(packet));
    }

    fn extent(&mut self, flow: u64, end: End, extent: Extent) {
        self.part
            .flow(flow, OfFlow::Extent(end, ExtentEntry::new(&extent)));
    }

    fn plaintext(&mut self, flow: u64, end: End, plaintext: Plaintext<'_>) {
        let entry = PlainEntry {
            offset: plaintext.offset,
            at: self.part.plain.len() as u64,
            record: plaintext.record.start,
            len: small(plaintext.bytes.len() as u64),
            record_len: small(plaintext.record.len()),
        };
        self.part.plain.extend_from_slice(plaintext.bytes);
        self.part
            .flow(flow, OfFlow::Plain(end, plaintext.layer, entry));
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
