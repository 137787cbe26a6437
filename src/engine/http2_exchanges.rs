//! Requests over HTTP/2 and their answers, reported one by one where a sink needs them ([`Needs::EXCHANGES`]).
//!
//! [`Needs::EXCHANGES`]: crate::base::Needs::EXCHANGES

use hashbrown::HashMap;

use crate::base::{Head, Side, Span, Timestamp};

use super::context::Context;
use super::exchange::Exchange;
use super::http2_polls::Http2Polls;
use super::sink::Sink;

/// Streams of one connection whose exchanges are followed; of more, the later ones are not reported.
const STREAMS: usize = 256;

/// An exchange that is not over.
#[derive(Debug)]
struct Open {
    exchange: Exchange,
    /// When content of its answer came last.
    heard: Option<Timestamp>,
}

/// The exchanges of one HTTP/2 connection, by stream.
#[derive(Debug, Default)]
pub(super) struct Http2Exchanges {
    open: HashMap<u32, Open>,
    /// Those of Engine.IO's polling, whose content is kept for its WebSocket.
    pub(super) polls: Http2Polls,
}

impl Http2Exchanges {
    /// Takes a request; whether its stream is to be followed.
    pub(super) fn asked<S: Sink>(
        &mut self,
        stream: u32,
        head: &Head,
        at: Span,
        context: &Context<'_, S>,
    ) -> bool {
        let has_room = self.open.len() < STREAMS;
        if has_room {
            let exchange = context.exchange(head, at.len());
            let heard = None;
            self.open.insert(stream, Open { exchange, heard });
        }
        has_room
    }

    /// Whether the stream is one of these; its answer is taken.
    pub(super) fn answered(&mut self, stream: u32, head: &Head, at: Span, now: Timestamp) -> bool {
        let Some(open) = self.open.get_mut(&stream) else {
            return false;
        };
        open.exchange.answered(head, at.len(), now);
        if open.exchange.is_event_stream {
            open.exchange.bodies.server.read_events();
        }
        true
    }

    /// Whether the stream is one of these; its content is counted.
    pub(super) fn data(&mut self, stream: u32, from: Side, bytes: &[u8], now: Timestamp) -> bool {
        let Some(open) = self.open.get_mut(&stream) else {
            return false;
        };
        let mut count = open.exchange.bodies[from];
        count.bytes(bytes);
        count.wire += bytes.len() as u64;
        match from {
            Side::Client => open.exchange.bodies.client = count,
            Side::Server => open.exchange.content(count, &mut open.heard, now),
        }
        true
    }

    /// The same of content that is not in the capture.
    pub(super) fn missing(&mut self, stream: u32, from: Side, len: u64) -> bool {
        let open = self.open.get_mut(&stream);
        open.map(|open| open.exchange.bodies[from].missing(len))
            .is_some()
    }

    /// The stream is over: reports what was seen of it, if it is one of these.
    pub(super) fn end<S: Sink>(&mut self, stream: u32, context: &mut Context<'_, S>) {
        if let Some(open) = self.open.remove(&stream) {
            context.sink.exchanged(&open.exchange, context.now);
        }
    }

    /// The connection is over: reports all that is left, in the order of their streams.
    pub(super) fn ended<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let mut left: Vec<u32> = self.open.keys().copied().collect();
        left.sort_unstable();
        for stream in left {
            self.end(stream, context);
        }
    }
}
