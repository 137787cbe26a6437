//! Engine.IO's polling over HTTP/2: requests and answers whose content is kept until it is complete.

use hashbrown::HashMap;

use crate::base::{Head, PerSide, Side};

use super::context::Context;
use super::polling::{CONTENT, Poll};
use super::sink::Sink;

/// Streams of one connection that are followed at once: a session has two.
const STREAMS: usize = 64;

/// The polling of one HTTP/2 connection, by stream.
#[derive(Debug, Default)]
pub(super) struct Http2Polls {
    open: HashMap<u32, Open>,
    /// Bytes of content kept.
    kept: usize,
}

/// A request whose answer is not over.
#[derive(Debug)]
struct Open {
    poll: Poll,
    /// What came so far; `None` once some of it was missing, there was too much, or it is over.
    contents: PerSide<Option<Vec<u8>>>,
}

impl Http2Polls {
    /// Takes a request; whether it is one of these.
    pub(super) fn asked<S: Sink>(
        &mut self,
        stream: u32,
        head: &Head,
        context: &Context<'_, S>,
    ) -> bool {
        if context.shared.polling.is_none() || self.open.len() >= STREAMS {
            return false;
        }
        let Some(poll) = Poll::of(head) else {
            return false;
        };
        let contents = PerSide::new(|_| Some(Vec::new()));
        self.open.insert(stream, Open { poll, contents });
        true
    }

    /// Takes the head of an answer; whether its stream is one of these.
    pub(super) fn answered(&mut self, stream: u32, head: &Head) -> bool {
        let Some(open) = self.open.get_mut(&stream) else {
            return false;
        };
        open.poll.coding = head.value("content-encoding").map(Into::into);
        if head.status() != Some(200) || !open.poll.asks_for_packets {
            self.lose(stream, Side::Server);
        }
        true
    }

    /// Takes content; whether its stream is one of these.
    pub(super) fn data(&mut self, stream: u32, from: Side, bytes: &[u8]) -> bool {
        let Some(open) = self.open.get_mut(&stream) else {
            return false;
        };
        match &mut open.contents[from] {
            Some(content) if content.len() + bytes.len() <= CONTENT => {
                content.extend_from_slice(bytes);
                self.kept += bytes.len();
            }
            _ => self.lose(stream, from),
        }
        true
    }

    /// Some content is missing; whether its stream is one of these.
    pub(super) fn missing(&mut self, stream: u32, from: Side) -> bool {
        self.lose(stream, from);
        self.open.contains_key(&stream)
    }

    /// A side's content is over.
    pub(super) fn complete<S: Sink>(&mut self, stream: u32, from: Side, context: &Context<'_, S>) {
        let Some(open) = self.open.get_mut(&stream) else {
            return;
        };
        if let Some(content) = open.contents[from].take() {
            self.kept -= content.len();
            if let Some(polls) = &context.shared.polling
                && !content.is_empty()
            {
                open.poll.complete(from, &content, context.now, polls);
            }
        }
        if from == Side::Server {
            self.end(stream);
        }
    }

    /// The stream is over, whatever came of it.
    pub(super) fn end(&mut self, stream: u32) {
        for side in Side::BOTH {
            self.lose(stream, side);
        }
        self.open.remove(&stream);
    }

    /// Bytes it keeps.
    pub(super) fn memory(&self) -> usize {
        self.kept + self.open.capacity() * size_of::<Open>()
    }

    fn lose(&mut self, stream: u32, from: Side) {
        let open = self.open.get_mut(&stream);
        let content = open.and_then(|open| open.contents[from].take());
        self.kept -= content.map_or(0, |content| content.len());
    }
}
