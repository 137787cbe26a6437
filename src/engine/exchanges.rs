//! Requests over HTTP/1 and their answers, reported one by one where a sink needs them ([`Needs::EXCHANGES`]).
//!
//! Upgrades to WebSocket and tunnels are none: those are connections. Nothing of heads and bodies is kept but their
//! lengths, a few words and the beginning of the resource's name.
//!
//! [`Needs::EXCHANGES`]: crate::base::Needs::EXCHANGES

use std::collections::VecDeque;

use crate::base::{Head, Timestamp};
use crate::http::BodyCount;

use super::context::Context;
use super::exchange::Exchange;
use super::sink::Sink;

/// Requests of one flow that wait for their answers; of more, the oldest are not reported.
const WAITING: usize = 64;

/// What waits for an answer.
#[derive(Debug)]
enum Asked {
    Exchange(Box<Exchange>),
    /// An upgrade or a tunnel.
    Other,
}

/// The exchanges of one flow.
#[derive(Debug, Default)]
pub(super) struct Exchanges {
    waiting: VecDeque<Asked>,
    /// The one whose answer is coming in.
    current: Option<Box<Exchange>>,
    /// When content of its answer came last.
    heard: Option<Timestamp>,
}

impl Exchanges {
    /// An upgrade or a tunnel was asked for.
    pub(super) fn asked_otherwise(&mut self) {
        self.wait_for(Asked::Other);
    }

    pub(super) fn asked<S: Sink>(&mut self, head: &Head, context: &Context<'_, S>) {
        let exchange = context.exchange(head, head.raw.len() as u64);
        self.wait_for(Asked::Exchange(Box::new(exchange)));
    }

    fn wait_for(&mut self, asked: Asked) {
        if self.waiting.len() >= WAITING {
            self.waiting.pop_front();
        }
        self.waiting.push_back(asked);
    }

    /// The latest request's body goes on.
    pub(super) fn request_body(&mut self, count: Option<&BodyCount>) {
        let latest = match self.waiting.back_mut() {
            Some(Asked::Exchange(exchange)) => Some(exchange),
            Some(Asked::Other) => None,
            None => self.current.as_mut(),
        };
        if let (Some(exchange), Some(count)) = (latest, count) {
            exchange.bodies.client = *count;
        }
    }

    /// An answer that another one will follow (RFC 9110 section 15.2).
    pub(super) fn interim(&mut self, head: &Head) {
        if let Some(Asked::Exchange(exchange)) = self.waiting.front_mut() {
            exchange.heads.server += head.raw.len() as u64;
        }
    }

    /// The answer to the oldest request; whether it is an event stream.
    pub(super) fn answered<S: Sink>(&mut self, head: &Head, context: &mut Context<'_, S>) -> bool {
        self.tell(context);
        let Some(Asked::Exchange(mut exchange)) = self.waiting.pop_front() else {
            return false;
        };
        exchange.answered(head, head.raw.len() as u64, context.now.time);
        let events = exchange.is_event_stream;
        self.current = Some(exchange);
        self.heard = None;
        events
    }

    /// The answer's body goes on.
    pub(super) fn response_body(&mut self, count: Option<&BodyCount>, now: Timestamp) {
        let (Some(exchange), Some(count)) = (&mut self.current, count) else {
            return;
        };
        exchange.content(*count, &mut self.heard, now);
    }

    /// The answer is complete.
    pub(super) fn tell<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        if let Some(exchange) = self.current.take() {
            context.sink.exchanged(&exchange, context.now);
        }
    }

    /// No more will come, or which answer belongs to which request is no longer known: also requests without an answer
    /// are reported.
    pub(super) fn ended<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        self.tell(context);
        for asked in std::mem::take(&mut self.waiting) {
            if let Asked::Exchange(exchange) = asked {
                context.sink.exchanged(&exchange, context.now);
            }
        }
    }
}
