//! Puts the parts of engines together: numbers connections and flows, orders what happened, and resolves packets.
//!
//! It runs where the engines run. A [`Chunk`] speaks of connections and flows by the numbers of the whole capture.

use std::collections::{HashMap, VecDeque};

use crate::base::{ConnectionId, LinkType, PacketNumber};
use crate::capture::PacketRecord;
use crate::engine::Connection;
use crate::flow::End;

use super::indexer::{FlowEvent, Part};
use super::record::{
    ExtentEntry, FindingRecord, FrameRecord, Kept, MessageRecord, Odd, PacketEntry, PlainEntry,
    StreamEntry,
};

/// Packets remembered of all flows that may still become WebSocket; beyond it the oldest flow's first are forgotten.
const PENDING_PACKETS: usize = 1 << 20;
/// What one batch adds to the store, in the numbers of the whole capture.
#[derive(Debug, Default)]
pub struct Chunk {
    /// New connections with the slot of their flow; their indices follow those of before.
    pub(super) opened: Vec<(u32, Box<Connection>)>,
    /// Connections of which more is known.
    pub(super) updated: Vec<(u32, Box<Connection>)>,
    pub(super) frames: Vec<(FrameRecord, Option<Odd>)>,
    pub(super) messages: Vec<MessageRecord>,
    pub(super) findings: Vec<FindingRecord>,
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

impl Chunk {
    /// Frames it adds.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }
}

#[derive(Debug, Default)]
struct PendingFlow {
    packets: Vec<PacketEntry>,
    extents: Vec<(End, ExtentEntry)>,
    plain: Vec<(End, u8, PlainEntry)>,
    /// Decrypted bytes that `plain` counts in.
    bytes: Vec<u8>,
    streams: Vec<(End, u32, StreamEntry)>,
    slot: Option<u32>,
}

impl PendingFlow {
    /// What is charged for it.
    fn cost(&self) -> usize {
        self.packets.len() + self.extents.len() + self.plain.len() + self.streams.len()
    }
}

/// Puts parts together: numbers connections and flows, orders what happened, and resolves packets.
#[derive(Debug, Default)]
pub struct Collector {
    connections: Vec<HashMap<ConnectionId, u32>>,
    count: u32,
    flows: HashMap<(usize, u64), PendingFlow>,
    slots: u32,
    pending: usize,
    pending_plain: usize,
    orphans: usize,
    links: Vec<LinkType>,
    kept: u64,
    /// Records of packets that engines may still name, newest last.
    records: VecDeque<PacketRecord>,
    packets_seen: u64,
    start: Option<crate::base::Timestamp>,
}

/// Decrypted bytes remembered of a flow that may still become WebSocket.
const PENDING_PLAIN: usize = 1 << 16;
/// The same of all such flows.
const PENDING_PLAIN_ALL: usize = 64 << 20;
/// Packets kept of a flow that never became a connection.
const ORPHAN_PACKETS: usize = 64;
/// The same of all such flows together.
const ORPHANS: usize = 1 << 16;

/// Records of packets remembered behind the last one that was named.
const RECORDS: usize = 1 << 16;

impl Collector {
    /// Puts the parts of one batch together. `records` are the packets that the batch had.
    pub fn merge(&mut self, parts: &mut [Part], records: &[PacketRecord]) -> Chunk {
        let mut chunk = Chunk::default();
        self.packets_seen += records.len() as u64;
        self.start = self.start.or(records.first().map(|record| record.time));
        self.records.extend(records.iter().copied());
        let excess = self.records.len().saturating_sub(RECORDS + records.len());
        self.records.drain(..excess);
        self.connections
            .resize_with(parts.len().max(self.connections.len()), HashMap::new);
        for (engine, part) in parts.iter_mut().enumerate() {
            for event in std::mem::take(&mut part.flows) {
                self.flow_event(engine, event, &part.plain, &mut chunk);
            }
        }
        self.number(parts, &mut chunk);
        self.take_rows(parts, &mut chunk);
        chunk.links = self.links.clone();
        chunk.packets_seen = self.packets_seen;
        chunk.start = self.start;
        chunk
    }

    fn number(&mut self, parts: &mut [Part], chunk: &mut Chunk) {
        let mut opened: Vec<(usize, Connection)> = Vec::new();
        for (engine, part) in parts.iter_mut().enumerate() {
            opened.extend(part.opened.drain(..).map(|connection| (engine, connection)));
        }
        opened.sort_by_key(|(_, connection)| (connection.first_packet, connection.ordinal));
        for (engine, connection) in opened {
            self.connections[engine].insert(connection.id, self.count);
            self.count += 1;
            let slot = self
                .flows
                .get(&(engine, connection.flow))
                .and_then(|flow| flow.slot);
            chunk
                .opened
                .push((slot.unwrap_or(u32::MAX), Box::new(connection)));
        }
    }

    fn index(&self, engine: usize, id: ConnectionId) -> Option<u32> {
        self.connections.get(engine)?.get(&id).copied()
    }

    fn take_rows(&mut self, parts: &mut [Part], chunk: &mut Chunk) {
        let mut frames = Vec::new();
        let mut messages = Vec::new();
        let mut findings = Vec::new();
        for (engine, part) in parts.iter_mut().enumerate() {
            let base = self.kept;
            let place = |kept: Option<Kept>| {
                kept.map(|kept| Kept {
                    at: kept.at + base,
                    ..kept
                })
            };
            self.kept += part.kept.len() as u64;
            chunk.kept.append(&mut part.kept);
            for (order, id, mut record, odd) in part.frames.drain(..) {
                let Some(index) = self.index(engine, id) else {
                    continue;
                };
                record.connection = index;
                frames.push((order, (record, odd)));
            }
            for (order, id, mut record) in part.messages.drain(..) {
                let Some(index) = self.index(engine, id) else {
                    continue;
                };
                record.connection = index;
                record.kept = place(record.kept);
                messages.push((order, record));
            }
            for (order, id, mut record) in part.findings.drain(..) {
                record.connection = id.and_then(|id| self.index(engine, id));
                findings.push((order, record));
            }
            for connection in part.updated.drain(..) {
                if let Some(index) = self.index(engine, connection.id) {
                    chunk.updated.push((index, connection));
                }
            }
        }
        // Each engine's are in order already; a stable sort keeps what happened after one packet as it was.
        frames.sort_by_key(|(order, _)| *order);
        messages.sort_by_key(|(order, _)| *order);
        findings.sort_by_key(|(order, _)| *order);
        chunk.frames = frames.into_iter().map(|(_, record)| record).collect();
        chunk.messages = messages.into_iter().map(|(_, record)| record).collect();
        chunk.findings = findings.into_iter().map(|(_, record)| record).collect();
    }

    /// Decrypted bytes come to be kept.
    fn keep_plain(&mut self, bytes: &[u8], entry: PlainEntry, chunk: &mut Chunk) -> PlainEntry {
        let start = usize::try_from(entry.at).unwrap_or(usize::MAX);
        let held = bytes.get(start..start.saturating_add(entry.len as usize));
        let at = self.kept;
        let held = held.unwrap_or_default();
        chunk.kept.extend_from_slice(held);
        self.kept += held.len() as u64;
        PlainEntry { at, ..entry }
    }

    fn plain_event(
        &mut self,
        key: (usize, u64),
        (end, layer, entry): (End, u8, PlainEntry),
        bytes: &[u8],
        chunk: &mut Chunk,
    ) {
        if let Some(slot) = self.flows.entry(key).or_default().slot {
            let entry = self.keep_plain(bytes, entry, chunk);
            chunk.plain.push((slot, end, layer, entry));
            return;
        }
        let len = entry.len as usize;
        let known = self.flows.entry(key).or_default();
        let has_room = known.bytes.len() + len <= PENDING_PLAIN
            && self.pending_plain + len <= PENDING_PLAIN_ALL
            && self.pending < PENDING_PACKETS;
        if has_room {
            let start = entry.at as usize;
            let at = known.bytes.len() as u64;
            let held = bytes.get(start..start + len).unwrap_or_default();
            known.bytes.extend_from_slice(held);
            known.plain.push((end, layer, PlainEntry { at, ..entry }));
            self.pending += 1;
            self.pending_plain += len;
        }
    }

    /// A flow turned out to be ours.
    fn flow_opened(&mut self, key: (usize, u64), chunk: &mut Chunk) {
        let known = self.flows.entry(key).or_default();
        if known.slot.is_some() {
            return;
        }
        let slot = self.slots;
        self.slots += 1;
        let waiting = std::mem::take(known);
        known.slot = Some(slot);
        self.pending -= waiting.cost();
        self.pending_plain -= waiting.bytes.len();
        let packets = waiting.packets.into_iter();
        chunk.packets.extend(packets.map(|entry| (slot, entry)));
        let extents = waiting.extents.into_iter();
        chunk
            .extents
            .extend(extents.map(|(end, entry)| (slot, end, entry)));
        for (end, layer, entry) in waiting.plain {
            let entry = self.keep_plain(&waiting.bytes, entry, chunk);
            chunk.plain.push((slot, end, layer, entry));
        }
        let streams = waiting.streams.into_iter();
        chunk
            .streams
            .extend(streams.map(|(end, stream, entry)| (slot, end, stream, entry)));
    }

    /// A flow is none of ours.
    fn forget(&mut self, key: (usize, u64)) -> Option<PendingFlow> {
        let gone = self.flows.remove(&key)?;
        self.pending -= gone.cost();
        self.pending_plain -= gone.bytes.len();
        Some(gone)
    }

    fn flow_event(&mut self, engine: usize, event: FlowEvent, plain: &[u8], chunk: &mut Chunk) {
        match event {
            FlowEvent::Plain(flow, end, layer, entry) => {
                self.plain_event((engine, flow), (end, layer, entry), plain, chunk);
            }
            FlowEvent::Stream(flow, end, stream, entry) => {
                let known = self.flows.entry((engine, flow)).or_default();
                match known.slot {
                    Some(slot) => chunk.streams.push((slot, end, stream, entry)),
                    None if self.pending < PENDING_PACKETS => {
                        self.pending += 1;
                        known.streams.push((end, stream, entry));
                    }
                    None => {}
                }
            }
            FlowEvent::Packet(flow, number) => {
                let Some(entry) = self.entry(number) else {
                    return;
                };
                let known = self.flows.entry((engine, flow)).or_default();
                match known.slot {
                    Some(slot) => chunk.packets.push((slot, entry)),
                    None if self.pending < PENDING_PACKETS => {
                        self.pending += 1;
                        known.packets.push(entry);
                    }
                    None => {}
                }
            }
            FlowEvent::Extent(flow, end, extent) => {
                let entry = ExtentEntry::new(&extent);
                let known = self.flows.entry((engine, flow)).or_default();
                match known.slot {
                    Some(slot) => chunk.extents.push((slot, end, entry)),
                    None if self.pending < PENDING_PACKETS => {
                        self.pending += 1;
                        known.extents.push((end, entry));
                    }
                    None => {}
                }
            }
            FlowEvent::Opened(flow) => self.flow_opened((engine, flow), chunk),
            FlowEvent::Kept(flow) => self.keep_orphan((engine, flow), chunk),
            FlowEvent::Ended(flow) => {
                // A connection that opens and ends in one batch is numbered after this: its slot is still asked for.
                let slot = self.flows.get(&(engine, flow)).and_then(|flow| flow.slot);
                match slot {
                    Some(slot) => chunk.ended.push(slot),
                    None => {
                        self.forget((engine, flow));
                    }
                }
            }
        }
    }

    /// Gives a flow without a connection a place in the store.
    fn keep_orphan(&mut self, flow: (usize, u64), chunk: &mut Chunk) {
        let is_orphan = |flow: &PendingFlow| flow.slot.is_none() && !flow.packets.is_empty();
        if self.orphans >= ORPHANS || !self.flows.get(&flow).is_some_and(is_orphan) {
            return;
        }
        let Some(gone) = self.forget(flow) else {
            return;
        };
        let slot = self.slots;
        self.slots += 1;
        let packets = gone.packets.into_iter().take(ORPHAN_PACKETS);
        let before = chunk.packets.len();
        chunk.packets.extend(packets.map(|entry| (slot, entry)));
        self.orphans += chunk.packets.len() - before;
    }

    fn entry(&mut self, number: PacketNumber) -> Option<PacketEntry> {
        let first = self.records.front()?.number.0;
        let at = usize::try_from(number.0.checked_sub(first)?).ok()?;
        let record = *self.records.get(at)?;
        let link = match self.links.iter().position(|link| *link == record.link) {
            Some(at) => at,
            None => {
                self.links.push(record.link);
                self.links.len() - 1
            }
        };
        Some(PacketEntry::new(
            &record,
            u8::try_from(link).unwrap_or(u8::MAX),
        ))
    }
}
