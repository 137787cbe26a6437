//! The engine's sink that makes records: one [`Part`] a batch and engine, put together by the
//! [`Collector`](super::Collector).
//!
//! A part speaks of connections and flows by the engine's own numbers.

use crate::base::{ConnectionId, Extent, Needs, PacketNumber};
use crate::engine::{
    Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Plaintext, Sink, StreamData,
};
use crate::flow::End;

use super::record::{
    FindingRecord, FrameRecord, Kept, MessageRecord, Odd, PlainEntry, StreamEntry, small,
};

/// Bytes kept of one message or frame whose packets do not simply have it.
const KEPT_EACH: usize = 1 << 20;

pub(super) type Order = (PacketNumber, u64);

/// A frame, with what only few frames have.
pub(super) type FrameEntry = (Order, ConnectionId, FrameRecord, Option<Odd>);

/// What one engine made of one batch.
#[derive(Debug, Default)]
pub struct Part {
    pub(super) opened: Vec<Connection>,
    #[expect(
        clippy::vec_box,
        reason = "found ones are replaced, and boxes are what the store keeps"
    )]
    pub(super) updated: Vec<Box<Connection>>,
    pub(super) frames: Vec<FrameEntry>,
    pub(super) messages: Vec<(Order, ConnectionId, MessageRecord)>,
    pub(super) findings: Vec<(Order, Option<ConnectionId>, FindingRecord)>,
    pub(super) flows: Vec<FlowEvent>,
    /// Inflated bytes; `Kept::at` counts in them.
    pub(super) kept: Vec<u8>,
    /// Decrypted bytes; `PlainEntry::at` counts in them.
    pub(super) plain: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum FlowEvent {
    Plain(u64, End, u8, PlainEntry),
    Stream(u64, End, u32, StreamEntry),
    Packet(u64, PacketNumber),
    Extent(u64, End, Extent),
    Opened(u64),
    Kept(u64),
    Ended(u64),
}

impl Part {
    /// Whether it holds nothing.
    fn clear(&mut self) {
        self.opened.clear();
        self.updated.clear();
        self.frames.clear();
        self.messages.clear();
        self.findings.clear();
        self.flows.clear();
        self.kept.clear();
        self.plain.clear();
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
    part: Part,
}

impl Indexer {
    /// Exchanges what was gathered since the last call for an empty part.
    pub fn exchange(&mut self, part: &mut Part) {
        part.clear();
        std::mem::swap(&mut self.part, part);
    }

    /// Keeps the first packets of a flow that is over and was none of ours, because somebody will ask for them.
    pub fn keep_flow(&mut self, flow: u64) {
        self.part.flows.push(FlowEvent::Kept(flow));
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
        Needs::EXTENTS | Needs::MESSAGES | Needs::FINDINGS | Needs::PAYLOAD | Needs::STREAMS
    }

    fn opened(&mut self, connection: &Connection) {
        self.part.opened.push(connection.clone());
        self.part.flows.push(FlowEvent::Opened(connection.flow));
    }

    fn handshake(&mut self, connection: &Connection, _at: Moment) {
        self.update(connection);
    }

    fn closed(&mut self, connection: &Connection, _at: Moment) {
        self.update(connection);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let (record, odd) = FrameRecord::new(event);
        self.part
            .frames
            .push((order(event.at), connection.id, record, odd));
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let mut record = MessageRecord::new(event);
        let message = event.message;
        if message.compressed {
            let mut kept = self.part.keep(message.beginning);
            kept.truncated |= message.truncated;
            record.kept = Some(kept);
        }
        self.part
            .messages
            .push((order(event.at), connection.id, record));
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        self.part.findings.push((
            order(event.at),
            connection.map(|connection| connection.id),
            FindingRecord::new(event),
        ));
    }

    fn packet(&mut self, flow: u64, packet: PacketNumber) {
        self.part.flows.push(FlowEvent::Packet(flow, packet));
    }

    fn extent(&mut self, flow: u64, end: End, extent: Extent) {
        self.part.flows.push(FlowEvent::Extent(flow, end, extent));
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
        let event = FlowEvent::Plain(flow, end, plaintext.layer, entry);
        self.part.flows.push(event);
    }

    fn stream_data(&mut self, flow: u64, end: End, data: StreamData) {
        let entry = StreamEntry {
            offset: data.offset,
            at: data.at,
            len: data.len,
        };
        let event = FlowEvent::Stream(flow, end, data.stream, entry);
        self.part.flows.push(event);
    }

    fn flow_ended(&mut self, flow: u64) {
        self.part.flows.push(FlowEvent::Ended(flow));
    }
}
