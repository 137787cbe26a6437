//! The append-only index of a capture: connections, frames, messages, findings, and where their bytes are.
//!
//! It holds records, no bytes of packets: those are read again from where the capture keeps them ([`PacketBytes`]).
//! Invariant: an index handed out means the same record forever.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io;

use crate::base::{ConnectionId, Limits, LinkType, Side, Spools, Timestamp};
use crate::capture::{FilePosition, PacketFile};
use crate::engine::{Connection, Moment, Options};

use super::collector::Delta;
use super::decoder_states::{Decoding, Snapshots};
use super::flow_record::Flow;
use super::kept::KeptBytes;
use super::merged::{Merged, MergedRow};
use super::packed::{PAGE, Packed};
use super::record::{FindingRecord, FrameRecord, MessageRecord, Odd, PacketEntry, small};

/// Gives the bytes of packets again.
pub trait PacketBytes: Send {
    /// Reads `len` bytes at `position` into `out`, replacing what it held.
    ///
    /// # Errors
    /// When they are no longer there.
    fn read_at(&self, position: FilePosition, len: usize, out: &mut Vec<u8>) -> io::Result<()>;
}

impl PacketBytes for PacketFile {
    fn read_at(&self, position: FilePosition, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
        PacketFile::read_at(self, position, len, out)
    }
}

#[cfg(all(feature = "live", unix))]
impl PacketBytes for crate::capture::live::Packets {
    fn read_at(&self, position: FilePosition, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
        crate::capture::live::Packets::read_at(self, position, len, out)
    }
}

/// A connection with its rows.
#[derive(Debug)]
pub struct Entry {
    /// What the engine knows of it; its counts are brought up to date with every delta.
    pub connection: Box<Connection>,
    /// Indices of its frames, in order.
    pub frames: Packed<u32>,
    /// Indices of its messages, in order.
    pub messages: Packed<u32>,
    /// Indices of its findings, in order.
    pub findings: Vec<u32>,
    /// Time of its last frame.
    pub last: Timestamp,
    /// When it ended; `None` while it lives.
    pub ended: Option<Moment>,
    /// States of its decoders.
    pub(super) snapshots: Snapshots,
    pub(super) flow: u32,
}

/// Frames beyond which none are kept, so that the index of one leaves a bit of a `u32` free.
const FRAMES: u32 = 1 << 31;
/// Pages of frames kept unpacked; a power of two.
const PAGES: usize = 32;

/// Unpacked pages by their number modulo [`PAGES`]: the number, and the rows.
type Pages = Vec<(usize, Vec<FrameRecord>)>;

/// Room for more of what is large and of which there are many: an eighth, where a list would take as much again.
fn make_room<T>(list: &mut Vec<T>) {
    if list.len() == list.capacity() {
        list.reserve_exact((list.len() / 8).max(64));
    }
}

/// The index.
#[derive(Default)]
pub struct Store {
    connections: Vec<Entry>,
    frames: Packed<FrameRecord>,
    /// Pages of frames read last: what is on a screen, and what a scan goes through.
    pages: RefCell<Pages>,
    odd: HashMap<u32, Odd>,
    /// Twice the index of a frame, or twice that of a record of its own and one.
    messages: Packed<u32>,
    own: Packed<MessageRecord>,
    findings: Vec<FindingRecord>,
    pub(super) flows: Vec<Flow>,
    /// Every packet of the capture, where somebody lists them.
    pub(super) whole: Packed<PacketEntry>,
    pub(super) links: Vec<LinkType>,
    pub(super) source: Option<Box<dyn PacketBytes>>,
    /// What the engines' limits let them keep.
    pub(super) limits: Limits,
    pub(super) decoding: Decoding,
    pub(super) kept: KeptBytes,
    packets_seen: u64,
    start: Option<Timestamp>,
    last: Timestamp,
}

impl Store {
    /// An empty index over packets that `source` gives again; `options` are those of the engines that fill it.
    #[must_use]
    pub fn new(source: Box<dyn PacketBytes>, options: &Options) -> Self {
        Self {
            source: Some(source),
            limits: options.limits.clone(),
            decoding: Decoding::new(&options.payload_as, options.schema.as_ref()),
            ..Self::default()
        }
    }

    /// The same with decrypted and inflated bytes in spools of this kind instead of in memory.
    #[must_use]
    pub fn with_spools(mut self, spools: &Spools) -> Self {
        self.kept = KeptBytes::new(spools.clone());
        self
    }

    /// Takes in what one batch added.
    pub fn append(&mut self, delta: Delta) {
        self.packets_seen = self.packets_seen.max(delta.packets_seen);
        self.start = self.start.or(delta.start);
        self.links = delta.links;
        self.kept.append(&delta.kept);
        for (slot, connection) in delta.opened {
            self.open(slot, connection);
        }
        for packet in delta.whole {
            self.whole.push(packet);
        }
        for (slot, packet) in delta.packets {
            self.last = self.last.max(packet.time());
            self.flow(slot).packets.push(packet);
        }
        for (slot, end, extent) in delta.extents {
            self.flow(slot).extents[end as usize].push(extent);
        }
        for (slot, end, layer, plain) in delta.plain {
            self.flow(slot).inside().plain(end, layer).push(plain);
        }
        for (slot, end, stream, data) in delta.streams {
            self.flow(slot).inside().stream(end, stream).push(data);
        }
        for row in Merged::new(delta.rows) {
            match row {
                MergedRow::Frame(frame, odd) => self.frame_row(frame, odd),
                MergedRow::Message(message) => self.message_row(message),
            }
        }
        for finding in delta.findings {
            self.finding_row(finding);
        }
        for (index, connection) in delta.updated {
            self.update(index, connection);
        }
        for (index, number, state) in delta.snapshots {
            if let Some(entry) = self.connections.get_mut(index as usize) {
                entry.snapshots.push(number, state);
            }
        }
        for (index, at) in delta.closed {
            if let Some(entry) = self.connections.get_mut(index as usize) {
                entry.ended = Some(at);
            }
        }
        for slot in delta.ended {
            self.flow(slot).shrink();
        }
    }

    fn open(&mut self, flow: u32, mut connection: Box<Connection>) {
        connection.id = ConnectionId(self.connections.len() as u32);
        let last = connection.opened;
        make_room(&mut self.connections);
        self.connections.push(Entry {
            connection,
            frames: Packed::default(),
            messages: Packed::default(),
            findings: Vec::new(),
            last,
            ended: None,
            snapshots: Snapshots::default(),
            flow,
        });
    }

    /// More is known of a connection; what was counted here may be further than its copy.
    fn update(&mut self, index: u32, mut connection: Box<Connection>) {
        let Some(entry) = self.connections.get_mut(index as usize) else {
            return;
        };
        let known = &entry.connection;
        connection.id = ConnectionId(index);
        for side in Side::BOTH {
            connection.frames[side] = connection.frames[side].max(known.frames[side]);
            connection.messages[side] = connection.messages[side].max(known.messages[side]);
            connection.bytes[side] = connection.bytes[side].max(known.bytes[side]);
        }
        connection.findings = connection.findings.max(known.findings);
        connection.packets = connection.packets.max(known.packets);
        entry.connection = connection;
    }

    fn flow(&mut self, slot: u32) -> &mut Flow {
        let slot = slot as usize;
        while self.flows.len() <= slot {
            make_room(&mut self.flows);
            self.flows.push(Flow::default());
        }
        &mut self.flows[slot]
    }

    fn frame_row(&mut self, frame: FrameRecord, odd: Option<Odd>) {
        let index = small(self.frames.len() as u64);
        let Some(entry) = self.connections.get_mut(frame.connection as usize) else {
            return;
        };
        if index >= FRAMES {
            return;
        }
        self.frames.push(frame);
        self.odd.extend(odd.map(|odd| (index, odd)));
        entry.frames.push(index);
        entry.last = frame.time();
        let from = frame.from();
        let counted = entry.frames.len() as u64;
        let known = &mut entry.connection.frames;
        if counted > known.client + known.server {
            known[from] += 1;
            let captured = odd.map_or(frame.header(None).payload_length, |odd| odd.captured);
            entry.connection.bytes[from] += captured;
        }
        if frame.is_message() {
            self.list_message(frame.connection, from, index << 1);
        }
    }

    fn message_row(&mut self, message: MessageRecord) {
        if self.connection(message.connection).is_none() {
            return;
        }
        self.own.push(message);
        let row = small(self.own.len() as u64 - 1) << 1 | 1;
        self.list_message(message.connection, message.from, row);
    }

    fn list_message(&mut self, connection: u32, from: Side, row: u32) {
        let index = small(self.messages.len() as u64);
        self.messages.push(row);
        if let Some(entry) = self.connections.get_mut(connection as usize) {
            entry.messages.push(index);
            let known = &mut entry.connection.messages;
            if entry.messages.len() as u64 > known.client + known.server {
                known[from] += 1;
            }
        }
    }

    fn finding_row(&mut self, finding: FindingRecord) {
        let index = small(self.findings.len() as u64);
        let entry = finding
            .connection
            .and_then(|at| self.connections.get_mut(at as usize));
        if let Some(entry) = entry {
            entry.findings.push(index);
            let told = &mut entry.connection.findings;
            *told = (*told).max(entry.findings.len() as u64);
        }
        self.findings.push(finding);
    }

    /// The connections, in the order of their numbers (index 0 is number 1).
    #[must_use]
    pub fn connections(&self) -> &[Entry] {
        &self.connections
    }

    /// A connection by its index.
    #[must_use]
    pub fn connection(&self, index: u32) -> Option<&Entry> {
        self.connections.get(index as usize)
    }

    /// How many frames.
    #[must_use]
    pub fn frame_count(&self) -> usize {
        self.frames.len()
    }

    /// A frame by its index.
    #[must_use]
    pub fn frame(&self, index: u32) -> Option<FrameRecord> {
        let (page, at) = (index as usize / PAGE, index as usize % PAGE);
        let mut pages = self.pages.borrow_mut();
        if pages.is_empty() {
            pages.resize_with(PAGES, || (usize::MAX, Vec::new()));
        }
        let (held, rows) = &mut pages[page % PAGES];
        // The last page grows: what is held of it may not be all.
        if *held != page || rows.len() <= at {
            *held = page;
            rows.clear();
            rows.extend(self.frames.page(page));
        }
        rows.get(at).copied()
    }

    /// What is out of the ordinary with it.
    #[must_use]
    pub fn odd(&self, index: u32) -> Option<Odd> {
        self.odd.get(&index).copied()
    }

    /// The index of the frame of this number in a connection.
    #[must_use]
    pub fn frame_of(&self, connection: u32, number: u64) -> Option<u32> {
        let entry = self.connection(connection)?;
        let guess = usize::try_from(number.checked_sub(1)?).ok()?;
        let matches = |index: &u32| {
            self.frame(*index)
                .is_some_and(|frame| u64::from(frame.number) == number)
        };
        if let Some(found) = entry.frames.get(guess).filter(matches) {
            return Some(found);
        }
        // Numbers count the order on the wire; rows may be told a little out of it.
        let near = guess.saturating_sub(64)..guess.saturating_add(64);
        near.filter_map(|at| entry.frames.get(at)).find(matches)
    }

    /// How many messages.
    #[must_use]
    pub fn message_count(&self) -> usize {
        self.messages.len()
    }

    /// A message by its index.
    #[must_use]
    pub fn message(&self, index: u32) -> Option<MessageRecord> {
        let row = self.messages.get(index as usize)?;
        if row & 1 != 0 {
            return self.own.get((row >> 1) as usize);
        }
        let row = row >> 1;
        Some(self.frame(row)?.to_message(self.odd(row)))
    }

    /// The index of the message of this number in a connection.
    #[must_use]
    pub fn message_of(&self, connection: u32, number: u64) -> Option<u32> {
        let entry = self.connection(connection)?;
        let guess = usize::try_from(number.checked_sub(1)?).ok()?;
        let matches = |index: &u32| {
            self.message(*index)
                .is_some_and(|message| u64::from(message.number) == number)
        };
        if let Some(found) = entry.messages.get(guess).filter(matches) {
            return Some(found);
        }
        let near = guess.saturating_sub(64)..guess.saturating_add(64);
        near.filter_map(|at| entry.messages.get(at)).find(matches)
    }

    /// The findings, in the order they were made.
    #[must_use]
    pub fn findings(&self) -> &[FindingRecord] {
        &self.findings
    }

    /// Bytes that rows, packets and streams take, without connections and findings.
    #[must_use]
    pub fn memory(&self) -> usize {
        let of_connections = self
            .connections
            .iter()
            .map(|entry| entry.frames.memory() + entry.messages.memory());
        let of_flows = self.flows.iter().map(Flow::memory);
        let own =
            self.frames.memory() + self.messages.memory() + self.own.memory() + self.whole.memory();
        own + of_connections.sum::<usize>() + of_flows.sum::<usize>()
    }

    /// Time of the capture's first packet.
    #[must_use]
    pub fn start(&self) -> Timestamp {
        self.start.unwrap_or_default()
    }

    /// Time of the last packet of a connection.
    #[must_use]
    pub fn last(&self) -> Timestamp {
        self.last
    }

    /// Packets read, WebSocket or not.
    #[must_use]
    pub fn packets_seen(&self) -> u64 {
        self.packets_seen
    }
}
