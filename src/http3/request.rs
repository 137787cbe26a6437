//! A request stream: both directions cut into frames, and what has to wait.

use std::collections::VecDeque;

use crate::base::{Limits, PerSide};

use super::frame::{FrameReader, HEADERS};
use super::sink::Origin;

/// What came of one direction and waits.
#[derive(Debug)]
pub(super) enum Item {
    Bytes(Vec<u8>, Origin),
    Gap(u64),
    End,
}

impl Item {
    fn cost(&self) -> usize {
        let own = match self {
            Item::Bytes(bytes, _) => bytes.len(),
            Item::Gap(_) | Item::End => 0,
        };
        own + size_of::<Item>()
    }
}

/// One direction of a request stream.
#[derive(Debug)]
pub(super) struct Half {
    pub(super) reader: FrameReader,
    /// A header block that refers to entries that are not there yet.
    pub(super) blocked: Option<(Vec<u8>, Origin)>,
    pub(super) waiting: VecDeque<Item>,
    pub(super) cost: usize,
    /// Position of the next byte of DATA.
    pub(super) sent: u64,
    /// Its head was read: the request, or the final response.
    pub(super) has_head: bool,
}

impl Half {
    fn new(limits: &Limits) -> Self {
        Self {
            reader: FrameReader::new(&[HEADERS], limits.http_head),
            blocked: None,
            waiting: VecDeque::new(),
            cost: 0,
            sent: 0,
            has_head: false,
        }
    }

    pub(super) fn wait(&mut self, item: Item) {
        self.cost += item.cost();
        self.waiting.push_back(item);
    }

    pub(super) fn take(&mut self) -> Option<Item> {
        let item = self.waiting.pop_front()?;
        self.cost -= item.cost();
        Some(item)
    }

    /// Puts back what is left of an item.
    pub(super) fn put_back(&mut self, item: Item) {
        self.cost += item.cost();
        self.waiting.push_front(item);
    }

    pub(super) fn held(&self) -> usize {
        let blocked = self.blocked.as_ref();
        self.cost + self.reader.held() + blocked.map_or(0, |(block, _)| block.len())
    }
}

/// A request stream.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) halves: PerSide<Half>,
    /// The request is known, or it is known that it never will be, and what carries the stream wants it.
    pub(super) is_followed: bool,
}

impl Request {
    pub(super) fn new(limits: &Limits) -> Self {
        Self {
            halves: PerSide::new(|_| Half::new(limits)),
            is_followed: false,
        }
    }
}
