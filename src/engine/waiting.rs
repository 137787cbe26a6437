//! Stream bytes kept until it is known what they are.

use crate::base::{PacketNumber, Timestamp};
use crate::flow::End;

use super::chunk::{Chunk, Hole};
use super::moment::Seen;

/// Bookkeeping charged for each run of bytes, beside its place in the vector.
const COST: usize = 16;

/// Runs of bytes from either end in the order they came, and holes between them.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    items: Vec<Item>,
    cost: usize,
}

/// A run of bytes, or a hole.
#[derive(Debug)]
pub(super) enum Item {
    Bytes(Run),
    Hole(Hole),
}

/// A [`Chunk`] with bytes of its own.
#[derive(Debug)]
pub(super) struct Run {
    end: End,
    offset: u64,
    bytes: Box<[u8]>,
    packet: PacketNumber,
    earlier: Box<[PacketNumber]>,
    time: Timestamp,
}

impl Run {
    fn of(chunk: Chunk<'_>) -> Self {
        Self {
            end: chunk.end,
            offset: chunk.offset,
            bytes: chunk.bytes.into(),
            packet: chunk.packet,
            earlier: chunk.earlier.into(),
            time: chunk.time,
        }
    }

    pub(super) fn chunk(&self) -> Chunk<'_> {
        Chunk {
            end: self.end,
            offset: self.offset,
            bytes: &self.bytes,
            packet: self.packet,
            earlier: &self.earlier,
            time: self.time,
        }
    }
}

impl Item {
    fn end(&self) -> End {
        match self {
            Item::Bytes(run) => run.end,
            Item::Hole(hole) => hole.end,
        }
    }

    fn offset(&self) -> u64 {
        match self {
            Item::Bytes(run) => run.offset,
            Item::Hole(hole) => hole.offset,
        }
    }

    fn cost(&self) -> usize {
        match self {
            Item::Bytes(run) => COST + size_of_val(&*run.earlier) + run.bytes.len(),
            Item::Hole(_) => COST,
        }
    }

    /// The bytes as a chunk; `None` for a hole.
    pub(super) fn chunk(&self) -> Option<Chunk<'_>> {
        match self {
            Item::Bytes(run) => Some(run.chunk()),
            Item::Hole(_) => None,
        }
    }
}

impl Waiting {
    pub(super) fn push(&mut self, chunk: Chunk<'_>) {
        if !chunk.bytes.is_empty() {
            self.add(Item::Bytes(Run::of(chunk)));
        }
    }

    /// Holes of one end in a row become one.
    pub(super) fn hole(&mut self, hole: Hole) {
        match self.items.last_mut() {
            Some(Item::Hole(last)) if last.end == hole.end => last.extend(hole),
            _ => self.add(Item::Hole(hole)),
        }
    }

    fn add(&mut self, item: Item) {
        self.cost += item.cost();
        self.items.push(item);
    }

    pub(super) fn cost(&self) -> usize {
        self.cost + self.items.capacity() * size_of::<Item>()
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Item> {
        self.cost = 0;
        std::mem::take(&mut self.items)
    }

    /// Position of the first byte kept of an end.
    pub(super) fn start(&self, end: End) -> Option<u64> {
        self.items
            .iter()
            .find(|item| item.end() == end)
            .map(Item::offset)
    }

    /// The packet and the time of the byte at `at` among those kept of an end, holes not counted.
    pub(super) fn seen(&self, end: End, at: usize) -> Option<Seen> {
        let mut before = 0;
        let mut chunks = self.chunks().filter(|chunk| chunk.end == end);
        let chunk = chunks.find(|chunk| {
            before += chunk.bytes.len();
            at < before
        })?;
        Some(Seen {
            packet: chunk.packet,
            time: chunk.time,
        })
    }

    /// Takes everything but the first bytes of each end.
    pub(super) fn take_after(&mut self, mut passed: [usize; 2]) -> Vec<Item> {
        let mut rest = Waiting::default();
        for item in self.take() {
            match item {
                Item::Bytes(run) => {
                    let passed = &mut passed[run.end as usize];
                    let len = run.bytes.len().min(*passed);
                    *passed -= len;
                    match len {
                        0 => rest.add(Item::Bytes(run)),
                        len => rest.push(run.chunk().after(len)),
                    }
                }
                Item::Hole(hole) => rest.hole(hole),
            }
        }
        rest.take()
    }

    /// Whether bytes of an end are missing among those kept.
    pub(super) fn has_hole(&self, end: End) -> bool {
        let mut holes = self.items.iter().filter(|item| item.chunk().is_none());
        holes.any(|hole| hole.end() == end)
    }

    /// The bytes of one end from the last hole on.
    pub(super) fn run(&self, end: End, out: &mut Vec<u8>) {
        out.clear();
        for item in self.items.iter().filter(|item| item.end() == end) {
            match item {
                Item::Bytes(run) => out.extend_from_slice(&run.bytes),
                Item::Hole(_) => out.clear(),
            }
        }
    }

    /// The runs of bytes alone.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        self.items.iter().filter_map(Item::chunk)
    }

    /// Forgets what one end sent.
    pub(super) fn forget(&mut self, end: End) {
        self.items.retain(|item| item.end() != end);
        self.cost = self.items.iter().map(Item::cost).sum();
    }
}
