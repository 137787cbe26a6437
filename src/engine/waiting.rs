//! Stream bytes kept until it is known what they are.

use crate::base::PacketNumber;
use crate::flow::End;

use super::context::Chunk;

/// Bookkeeping charged for each run of bytes, beside its place in the vector.
const COST: usize = 16;

/// Runs of bytes from either end in the order they came, and holes between them.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    items: Vec<Item>,
    cost: usize,
}

#[derive(Debug)]
pub(super) struct Item {
    pub(super) end: End,
    pub(super) offset: u64,
    pub(super) packet: PacketNumber,
    pub(super) earlier: Box<[PacketNumber]>,
    pub(super) content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    Bytes(Box<[u8]>),
    Gap(u64),
}

impl Item {
    fn cost(&self) -> usize {
        COST + size_of_val(&*self.earlier)
            + match &self.content {
                Content::Bytes(bytes) => bytes.len(),
                Content::Gap(_) => 0,
            }
    }

    /// How many bytes are missing; none where there are some.
    pub(super) fn gap(&self) -> u64 {
        match self.content {
            Content::Bytes(_) => 0,
            Content::Gap(len) => len,
        }
    }

    /// The bytes as a chunk; `None` for a hole.
    pub(super) fn chunk(&self) -> Option<Chunk<'_>> {
        match &self.content {
            Content::Bytes(bytes) => Some(Chunk {
                end: self.end,
                offset: self.offset,
                bytes,
                packet: self.packet,
                earlier: &self.earlier,
            }),
            Content::Gap(_) => None,
        }
    }
}

impl Waiting {
    pub(super) fn push(&mut self, chunk: Chunk<'_>) {
        if !chunk.bytes.is_empty() {
            let item = Item {
                end: chunk.end,
                offset: chunk.offset,
                packet: chunk.packet,
                earlier: chunk.earlier.into(),
                content: Content::Bytes(chunk.bytes.into()),
            };
            self.cost += item.cost();
            self.items.push(item);
        }
    }

    pub(super) fn gap(&mut self, end: End, offset: u64, len: u64) {
        if let Some(last) = self.items.last_mut()
            && last.end == end
            && let Content::Gap(before) = &mut last.content
        {
            *before = before.saturating_add(len);
            return;
        }
        self.cost += COST;
        self.items.push(Item {
            end,
            offset,
            packet: PacketNumber(0),
            earlier: Box::default(),
            content: Content::Gap(len),
        });
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
            .find(|item| item.end == end)
            .map(|item| item.offset)
    }

    /// The bytes of one end from the last hole on.
    pub(super) fn run(&self, end: End, out: &mut Vec<u8>) {
        out.clear();
        for item in self.items.iter().filter(|item| item.end == end) {
            match &item.content {
                Content::Bytes(bytes) => out.extend_from_slice(bytes),
                Content::Gap(_) => out.clear(),
            }
        }
    }

    /// The runs of bytes alone.
    pub(super) fn chunks(&self) -> impl Iterator<Item = Chunk<'_>> {
        self.items.iter().filter_map(Item::chunk)
    }

    /// Forgets what one end sent.
    pub(super) fn forget(&mut self, end: End) {
        self.items.retain(|item| item.end != end);
        self.cost = self.items.iter().map(Item::cost).sum();
    }
}
