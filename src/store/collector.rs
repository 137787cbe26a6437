//! Puts the parts of engines together: numbers connections and flows, orders what happened, and resolves packets.
//!
//! It runs where the engines run. A [`Delta`] speaks of connections and flows by the numbers of the whole capture.

use hashbrown::HashMap;

use crate::base::{ConnectionId, LinkType, PacketNumber};
use crate::capture::PacketRecord;
use crate::engine::{Connection, Moment};
use crate::flow::End;
use crate::payload::Conversation;
use crate::run::{EngineNumbers, Numbering, Opened};

use super::indexer::{BatchRecords, FlowEvent, OfFlow};
use super::merged::Rows;
use super::record::{ExtentEntry, FindingRecord, Kept, PacketEntry, PlainEntry, StreamEntry};

/// Packets remembered of all flows that may still become WebSocket; beyond it the oldest flow's first are forgotten.
const PENDING_PACKETS: usize = 1 << 20;

/// What one batch adds to the store, in the numbers of the whole capture.
#[derive(Debug, Default)]
pub struct Delta {
    /// New connections with the slot of their flow; their indices follow those of before.
    pub(super) opened: Vec<(u32, Box<Connection>)>,
    /// Connections of which more is known.
    pub(super) updated: Vec<(u32, Box<Connection>)>,
    /// States of connections' decoders, by the message behind which they were.
    pub(super) snapshots: Vec<(u32, u64, Box<Conversation>)>,
    /// Connections that ended, and when.
    pub(super) closed: Vec<(u32, Moment)>,
    /// Frames and messages, one list an engine.
    pub(super) rows: Vec<Rows>,
    pub(super) findings: Vec<FindingRecord>,
    /// Every packet of the batch, where they are listed.
    pub(super) whole: Vec<PacketEntry>,
    /// By slot of the flow.
    pub(super) packets: Vec<(u32, PacketEntry)>,
    pub(super) extents: Vec<(u32, End, ExtentEntry)>,
    /// With their layer of TLS.
    pub(super) plain: Vec<(u32, End, u8, PlainEntry)>,
    /// With their stream of HTTP/2.
    pub(super) streams: Vec<(u32, End, u32, StreamEntry)>,
    /// Flows that are over.
    pub(super) ended: Vec<u32>,
    pub(super) links: Vec<LinkType>,
    pub(super) kept: Vec<u8>,
    /// Packets read, WebSocket or not.
    pub(super) packets_seen: u64,
    /// Time of the capture's first packet.
    pub(super) start: Option<crate::base::Timestamp>,
}

impl Delta {
    /// Frames it adds.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.rows.iter().map(|rows| rows.frames.len()).sum()
    }
}

/// What is kept of a flow that may still become a WebSocket.
#[derive(Debug, Default)]
struct PendingFlow {
    packets: Vec<PacketEntry>,
    extents: Vec<(End, ExtentEntry)>,
    plain: Vec<(End, u8, PlainEntry)>,
    /// Decrypted bytes that `plain` counts in.
    bytes: Vec<u8>,
    streams: Vec<(End, u32, StreamEntry)>,
}

impl PendingFlow {
    /// What is charged for it.
    fn cost(&self) -> usize {
        self.packets.len() + self.extents.len() + self.plain.len() + self.streams.len()
    }
}

/// One engine's flows and connections.
#[derive(Debug, Default)]
struct Known {
    /// The slots of flows that carry a WebSocket.
    slots: HashMap<u64, u32>,
    pending: HashMap<u64, PendingFlow>,
}

/// The place of an engine's connection in the store, which counts from 0 what is numbered from 1.
fn index(numbers: EngineNumbers<'_>, id: ConnectionId) -> Option<u32> {
    numbers.get(id)?.checked_sub(1)
}

/// Puts parts together: numbers connections and flows, orders what happened, and resolves packets.
#[derive(Debug, Default)]
pub struct Collector {
    known: Vec<Known>,
    numbering: Numbering,
    slots: u32,
    pending: usize,
    pending_plain: usize,
    orphans: usize,
    links: Vec<LinkType>,
    kept: u64,
    packets_seen: u64,
    start: Option<crate::base::Timestamp>,
    lists_all: bool,
}

/// Decrypted bytes remembered of a flow that may still become WebSocket.
const PENDING_PLAIN: usize = 1 << 16;
/// The same of all such flows.
const PENDING_PLAIN_ALL: usize = 64 << 20;
/// Packets kept of a flow that never became a connection.
const ORPHAN_PACKETS: usize = 64;
/// The same of all such flows together.
const ORPHANS: usize = 1 << 16;
/// The index of a connection that is not numbered.
const NO_INDEX: u32 = u32::MAX;

/// A batch's packets, and the decrypted bytes that one engine's events speak of.
#[derive(Clone, Copy)]
struct Sources<'a> {
    records: &'a [PacketRecord],
    plain: &'a [u8],
}

impl Collector {
    /// The same, and every packet is listed, whatever flow it belongs to.
    #[must_use]
    pub fn listing_all(self) -> Self {
        Self {
            lists_all: true,
            ..self
        }
    }

    /// Puts the parts of one batch together. `records` are the packets that the batch had.
    pub fn merge(&mut self, parts: &mut [BatchRecords], records: &[PacketRecord]) -> Delta {
        let mut delta = Delta::default();
        self.packets_seen += records.len() as u64;
        self.start = self.start.or(records.first().map(|record| record.time));
        delta.packets.reserve(records.len());
        delta.extents.reserve(records.len());
        self.known
            .resize_with(parts.len().max(self.known.len()), Known::default);
        for (engine, part) in parts.iter().enumerate() {
            let sources = Sources {
                records,
                plain: &part.plain,
            };
            for events in part.flows.chunk_by(|one, next| one.flow == next.flow) {
                self.flow_events(engine, events, sources, &mut delta);
            }
        }
        if self.lists_all {
            let entries = records.iter().map(|record| self.entry_of(record));
            delta.whole = entries.collect();
        }
        self.number(parts, &mut delta);
        self.take_rows(parts, &mut delta);
        self.forget_ended(parts);
        delta.links = self.links.clone();
        delta.packets_seen = self.packets_seen;
        delta.start = self.start;
        delta
    }

    fn number(&mut self, parts: &mut [BatchRecords], delta: &mut Delta) {
        let engines = parts.len();
        let recognised = parts
            .iter_mut()
            .enumerate()
            .flat_map(|(engine, part)| part.opened.drain(..).map(move |one| (engine, one)));
        let known = &self.known;
        self.numbering.number_each(
            engines,
            recognised,
            Opened::of,
            |engine, connection: Connection, _| {
                let slots = known.get(engine).map(|known| &known.slots);
                let slot = slots.and_then(|slots| slots.get(&connection.flow)).copied();
                let slot = slot.unwrap_or(u32::MAX);
                delta.opened.push((slot, Box::new(connection)));
            },
        );
    }

    fn take_rows(&mut self, parts: &mut [BatchRecords], delta: &mut Delta) {
        let mut findings = Vec::new();
        for (engine, part) in parts.iter_mut().enumerate() {
            let numbers = self.numbering.of_engine(engine);
            let mut rows = part.rows.take();
            for (_, frame) in &mut rows.frames {
                let at = index(numbers, ConnectionId(frame.connection));
                frame.connection = at.unwrap_or(NO_INDEX);
            }
            for (_, _, message) in &mut rows.messages {
                let at = index(numbers, ConnectionId(message.connection));
                message.connection = at.unwrap_or(NO_INDEX);
                message.kept = message.kept.map(|kept| Kept {
                    at: kept.at + self.kept,
                    ..kept
                });
            }
            delta.rows.push(rows);
            self.kept += part.kept.len() as u64;
            delta.kept.append(&mut part.kept);
            for (order, id, mut record) in part.findings.drain(..) {
                record.connection = id.and_then(|id| index(numbers, id));
                findings.push((order, record));
            }
            for connection in part.updated.drain(..) {
                if let Some(at) = index(numbers, connection.id) {
                    delta.updated.push((at, connection));
                }
            }
            let states = part.snapshots.drain(..);
            let states =
                states.filter_map(|(id, number, state)| Some((index(numbers, id)?, number, state)));
            delta.snapshots.extend(states);
            let closed = part.closed.drain(..);
            let closed = closed.filter_map(|(id, at)| Some((index(numbers, id)?, at)));
            delta.closed.extend(closed);
        }
        // Each engine's are in order already; a stable sort keeps what was found after one packet as it was.
        findings.sort_by_key(|(order, _)| *order);
        delta.findings = findings.into_iter().map(|(_, record)| record).collect();
    }

    /// Forgets the slots of flows that are over: connections that opened in the same batch were numbered with them.
    fn forget_ended(&mut self, parts: &[BatchRecords]) {
        for (known, part) in self.known.iter_mut().zip(parts) {
            for event in &part.flows {
                if matches!(event.what, OfFlow::Ended) {
                    known.slots.remove(&event.flow);
                }
            }
        }
    }

    /// Takes what happened to one flow without anything else between.
    fn flow_events(
        &mut self,
        engine: usize,
        events: &[FlowEvent],
        sources: Sources<'_>,
        delta: &mut Delta,
    ) {
        let Some(flow) = events.first().map(|event| event.flow) else {
            return;
        };
        let mut slot = self.known[engine].slots.get(&flow).copied();
        for event in events {
            match (event.what, slot) {
                (OfFlow::Opened, None) => slot = Some(self.flow_opened((engine, flow), delta)),
                (OfFlow::Opened, Some(_)) => {}
                (OfFlow::Kept, _) => self.keep_orphan((engine, flow), delta),
                (OfFlow::Ended, Some(slot)) => delta.ended.push(slot),
                (OfFlow::Ended, None) => {
                    self.forget((engine, flow));
                }
                (what, Some(slot)) => self.flow_event(slot, what, sources, delta),
                (what, None) => self.pending_event((engine, flow), what, sources),
            }
        }
    }

    /// Something of a flow that carries a WebSocket.
    fn flow_event(&mut self, slot: u32, what: OfFlow, sources: Sources<'_>, delta: &mut Delta) {
        match what {
            OfFlow::Packet(number) => {
                let entry = self.entry(number, sources.records);
                delta.packets.extend(entry.map(|entry| (slot, entry)));
            }
            OfFlow::Extent(end, entry) => delta.extents.push((slot, end, entry)),
            OfFlow::Plain(end, layer, entry) => {
                let entry = self.keep_plain(sources.plain, entry, delta);
                delta.plain.push((slot, end, layer, entry));
            }
            OfFlow::Stream(end, stream, entry) => delta.streams.push((slot, end, stream, entry)),
            OfFlow::Opened | OfFlow::Kept | OfFlow::Ended => {}
        }
    }

    /// Something of a flow that may become a WebSocket.
    fn pending_event(&mut self, (engine, flow): (usize, u64), what: OfFlow, sources: Sources<'_>) {
        let packet = match what {
            OfFlow::Packet(number) => self.entry(number, sources.records),
            _ => None,
        };
        let known = self.known[engine].pending.entry(flow).or_default();
        if self.pending >= PENDING_PACKETS {
            return;
        }
        let before = known.cost();
        match what {
            OfFlow::Packet(_) => known.packets.extend(packet),
            OfFlow::Extent(end, entry) => known.extents.push((end, entry)),
            OfFlow::Stream(end, stream, entry) => known.streams.push((end, stream, entry)),
            OfFlow::Plain(end, layer, entry) => {
                let len = entry.len as usize;
                let has_room = known.bytes.len() + len <= PENDING_PLAIN
                    && self.pending_plain + len <= PENDING_PLAIN_ALL;
                if has_room {
                    let start = entry.at as usize;
                    let at = known.bytes.len() as u64;
                    let held = sources.plain.get(start..start + len).unwrap_or_default();
                    known.bytes.extend_from_slice(held);
                    known.plain.push((end, layer, PlainEntry { at, ..entry }));
                    self.pending_plain += len;
                }
            }
            OfFlow::Opened | OfFlow::Kept | OfFlow::Ended => {}
        }
        self.pending += known.cost() - before;
    }

    /// Decrypted bytes come to be kept.
    fn keep_plain(&mut self, bytes: &[u8], entry: PlainEntry, delta: &mut Delta) -> PlainEntry {
        let start = usize::try_from(entry.at).unwrap_or(usize::MAX);
        let held = bytes.get(start..start.saturating_add(entry.len as usize));
        let at = self.kept;
        let held = held.unwrap_or_default();
        delta.kept.extend_from_slice(held);
        self.kept += held.len() as u64;
        PlainEntry { at, ..entry }
    }

    /// A flow turned out to carry a WebSocket: its slot.
    fn flow_opened(&mut self, (engine, flow): (usize, u64), delta: &mut Delta) -> u32 {
        let slot = self.slots;
        self.slots += 1;
        self.known[engine].slots.insert(flow, slot);
        let Some(waiting) = self.forget((engine, flow)) else {
            return slot;
        };
        let packets = waiting.packets.into_iter();
        delta.packets.extend(packets.map(|entry| (slot, entry)));
        let extents = waiting.extents.into_iter();
        delta
            .extents
            .extend(extents.map(|(end, entry)| (slot, end, entry)));
        for (end, layer, entry) in waiting.plain {
            let entry = self.keep_plain(&waiting.bytes, entry, delta);
            delta.plain.push((slot, end, layer, entry));
        }
        let streams = waiting.streams.into_iter();
        delta
            .streams
            .extend(streams.map(|(end, stream, entry)| (slot, end, stream, entry)));
        slot
    }

    /// Nothing waits of a flow any more.
    fn forget(&mut self, (engine, flow): (usize, u64)) -> Option<PendingFlow> {
        let gone = self.known[engine].pending.remove(&flow)?;
        self.pending -= gone.cost();
        self.pending_plain -= gone.bytes.len();
        Some(gone)
    }

    /// Gives a flow without a connection a place in the store.
    fn keep_orphan(&mut self, flow: (usize, u64), delta: &mut Delta) {
        if self.orphans >= ORPHANS {
            return;
        }
        let Some(gone) = self.forget(flow) else {
            return;
        };
        if gone.packets.is_empty() {
            return;
        }
        let slot = self.slots;
        self.slots += 1;
        let packets = gone.packets.into_iter().take(ORPHAN_PACKETS);
        let before = delta.packets.len();
        delta.packets.extend(packets.map(|entry| (slot, entry)));
        self.orphans += delta.packets.len() - before;
    }

    /// Where a packet of the batch is.
    fn entry(&mut self, number: PacketNumber, records: &[PacketRecord]) -> Option<PacketEntry> {
        let first = records.first()?.number.0;
        let at = usize::try_from(number.0.checked_sub(first)?).ok()?;
        Some(self.entry_of(records.get(at)?))
    }

    fn entry_of(&mut self, record: &PacketRecord) -> PacketEntry {
        let link = match self.links.iter().position(|link| *link == record.link) {
            Some(at) => at,
            None => {
                self.links.push(record.link);
                self.links.len() - 1
            }
        };
        PacketEntry::new(record, u8::try_from(link).unwrap_or(u8::MAX))
    }
}
