//! A flow that begins like SOCKS: read until the tunnel opens, and then it carries anything; or until the server refuses.
//!
//! Only the server's answer makes it SOCKS. Until then everything waits, and what contradicts it is none of ours.

use crate::flow::End;
use crate::tunnel::socks::{self, CLIENT_MOST, Reading, SERVER_MOST, State};

use super::chunk::{Chunk, Hole};
use super::connection::{Connection, heads_memory};
use super::context::Context;
use super::next::{Closing, Next, Recipe};
use super::reporting::close;
use super::sink::Sink;
use super::tunnel::{Opening, Tunnel};
use super::waiting::{Item, Waiting};

/// SOCKS in both directions.
#[derive(Debug)]
pub(super) struct SocksSession {
    client: End,
    /// The tunnel that it runs in.
    outer: Option<Box<Tunnel>>,
    /// The first bytes of each end.
    starts: [Vec<u8>; 2],
    waiting: Waiting,
    /// The tunnel that was refused.
    refused: Option<Box<Connection>>,
}

impl SocksSession {
    pub(super) fn new(client: End, outer: Option<Box<Tunnel>>) -> Self {
        Self {
            client,
            outer,
            starts: Default::default(),
            waiting: Waiting::default(),
            refused: None,
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        let starts: usize = self.starts.iter().map(Vec::capacity).sum();
        let heads = heads_memory(self.refused.as_deref(), self.outer.as_deref());
        starts + self.waiting.cost() + heads
    }

    /// The tunnel that was refused.
    pub(super) fn refused(&mut self) -> Option<&mut Connection> {
        self.refused.as_deref_mut()
    }

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        if self.refused.is_some() {
            return Next::Stay;
        }
        let most = match chunk.end == self.client {
            true => CLIENT_MOST,
            false => SERVER_MOST,
        };
        let start = &mut self.starts[chunk.end as usize];
        let room = most.saturating_sub(start.len());
        start.extend(chunk.bytes.iter().take(room));
        self.waiting.push(chunk);
        let reading = self.read();
        match reading.state {
            State::Contradicted => Next::become_now(Recipe::Ignored),
            State::Incomplete if self.waiting.cost() > context.shared.limits.early_bytes => {
                Next::become_now(Recipe::Ignored)
            }
            State::Incomplete => Next::Stay,
            State::Open => self.open(reading),
            State::Refused(_) => {
                self.refuse(reading, context);
                Next::Stay
            }
        }
    }

    fn read(&self) -> Reading {
        let [client, server] = [self.client, self.client.peer()];
        socks::read(&self.starts[client as usize], &self.starts[server as usize])
    }

    /// The tunnel, as far as it was asked for.
    fn tunnel(&mut self, reading: Reading) -> Option<Box<Tunnel>> {
        let seen = |end: End, len: usize| self.waiting.seen(end, len.checked_sub(1)?);
        let asked = seen(self.client, reading.client_len)?;
        let answered = seen(self.client.peer(), reading.server_len);
        let (version, target) = match reading.request {
            Some(request) => (request.version, request.target),
            // Only SOCKS 5 refuses before it was asked for anything.
            None => (socks::Version::Socks5, Box::default()),
        };
        let opening = Opening::Socks {
            version,
            target,
            code: reading.code,
            request: asked,
            response: answered,
        };
        Some(Tunnel::inside(opening, self.outer.take()))
    }

    /// What follows in both directions is the tunnel's.
    fn open(&mut self, reading: Reading) -> Next {
        let is_tunnel = reading
            .request
            .as_ref()
            .is_some_and(|request| request.is_connect());
        if !is_tunnel {
            return Next::become_now(Recipe::Ignored);
        }
        let mut passed = [0; 2];
        passed[self.client as usize] = reading.client_len;
        passed[self.client.peer() as usize] = reading.server_len;
        let tunnel = self.tunnel(reading);
        let items = self.waiting.take_after(passed);
        let recipe = Recipe::Unknown {
            attempt: None,
            tunnel,
            waiting: Waiting::default(),
            from_start: true,
        };
        Next::become_with(recipe, items)
    }

    fn refuse<S: Sink>(&mut self, reading: Reading, context: &mut Context<'_, S>) {
        let tunnel = self.tunnel(reading);
        let connection = context.connection(None, tunnel);
        context.sink.opened(&connection);
        context.sink.handshake(&connection, context.now);
        self.refused = Some(connection);
        self.waiting = Waiting::default();
        self.starts = Default::default();
    }

    /// What is missing may be anything, so nothing is known of what follows. What came before it would only be SOCKS again.
    pub(super) fn hole(&mut self, hole: Hole) -> Next {
        if self.refused.is_some() {
            return Next::Stay;
        }
        let recipe = Recipe::Unknown {
            attempt: None,
            tunnel: self.outer.take(),
            waiting: Waiting::default(),
            from_start: false,
        };
        Next::become_with(recipe, vec![Item::Hole(hole)])
    }

    /// The flow is over.
    pub(super) fn ended<S: Sink>(
        &mut self,
        closing: Closing,
        context: &mut Context<'_, S>,
    ) -> Next {
        if let Some(mut refused) = self.refused.take() {
            refused.close.by = context.side(closing.who);
            close(&mut refused, Some(closing), context);
        }
        Next::Stay
    }
}
