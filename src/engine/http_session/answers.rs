//! Answers to requests: a WebSocket from here on, HTTP/2, a tunnel, or HTTP as before.

use crate::base::{Head, PerSide, Side};
use crate::engine::chunk::Chunk;
use crate::engine::connection::Outcome;
use crate::engine::context::Context;
use crate::engine::next::{Begin, Next, Recipe};
use crate::engine::polling::{self, Poll};
use crate::engine::reporting::{report_handshake, settle_handshake};
use crate::engine::seen_head::SeenHead;
use crate::engine::sink::Sink;
use crate::engine::tunnel::{Opening, Tunnel};
use crate::engine::waiting::{Item, Waiting};
use crate::http;
use crate::websocket::handshake::{is_accepted, negotiated};

use super::{Asked, HttpSession, REFUSALS};

/// Bytes kept of what a refusal says.
const BODY: usize = 2 << 10;

impl HttpSession {
    pub(super) fn response<S: Sink>(
        &mut self,
        head: Head,
        offset: u64,
        rest: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        let status = head.status().unwrap_or_default();
        if (100..200).contains(&status) && status != 101 {
            if let Some(exchanges) = &mut self.exchanges {
                exchanges.interim(&head);
            }
            return Next::Stay;
        }
        let events = match &mut self.exchanges {
            Some(exchanges) => exchanges.answered(&head, context),
            None => false,
        };
        let seen = SeenHead {
            head,
            packet: rest.packet,
            time: context.now.time,
            stream_offset: offset,
        };
        match self.asked.pop_front() {
            Some(Asked::Upgrade) => self.upgrade_answered(seen, rest, false, context),
            Some(Asked::Connect(request)) => self.connect_answered(*request, seen, rest, context),
            Some(Asked::H2c(request)) => self.h2c_answered(request, seen, rest, context),
            Some(Asked::Head) => {
                self.readers
                    .server
                    .body(http::response_body(&seen.head, b"HEAD"));
                Next::Stay
            }
            Some(Asked::Poll(poll)) => self.poll_answered(poll, seen, rest, context),
            asked => {
                let next = self.other_answered(asked.is_some(), seen, rest, context);
                if events {
                    self.readers.server.count_events();
                }
                next
            }
        }
    }

    /// The answer to a request of Engine.IO's polling.
    fn poll_answered<S: Sink>(
        &mut self,
        mut poll: Box<Poll>,
        seen: SeenHead,
        rest: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        let has_packets = poll.asks_for_packets && seen.head.status() == Some(200);
        let coding = seen.head.value("content-encoding").map(Into::into);
        let next = self.other_answered(true, seen, rest, context);
        if has_packets {
            poll.coding = coding;
            self.polls.server = Some(poll);
            self.readers.server.keep_content(polling::CONTENT);
        }
        next
    }

    fn other_answered<S: Sink>(
        &mut self,
        asked: bool,
        seen: SeenHead,
        rest: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        if seen.head.status() != Some(101) {
            self.readers
                .server
                .body(http::response_body(&seen.head, b"GET"));
            return Next::Stay;
        }
        if !asked && is_accepted(&seen.head) && seen.head.has_token("upgrade", "websocket") {
            self.open(Some(Box::default()), self.tunnel.clone(), context);
            return self.upgrade_answered(seen, rest, false, context);
        }
        Next::become_now(Recipe::Ignored)
    }

    /// HTTP/2 from here on (RFC 7540 section 3.2), or HTTP/1.1 as before.
    fn h2c_answered<S: Sink>(
        &mut self,
        request: Box<Head>,
        seen: SeenHead,
        rest: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        if seen.head.status() != Some(101) {
            let body = http::response_body(&seen.head, request.method());
            self.readers.server.body(body);
            return self.resume(rest);
        }
        self.close_attempt(None, context);
        let recipe = Recipe::Http2 {
            upgrade: Some(request),
            tunnel: self.tunnel.take(),
        };
        Next::become_with(recipe, self.replay(rest))
    }

    /// The answer to an upgrade: a WebSocket from here on, or HTTP as before.
    fn upgrade_answered<S: Sink>(
        &mut self,
        seen: SeenHead,
        rest: Chunk<'_>,
        is_cut: bool,
        context: &mut Context<'_, S>,
    ) -> Next {
        let Some(mut connection) = self.attempt.take() else {
            return Next::Stay;
        };
        let accepted = seen.head.status() == Some(101);
        let body = http::response_body(&seen.head, b"GET");
        if let Some(handshake) = connection.handshake.as_deref_mut() {
            handshake.response = Some(seen);
            handshake.outcome = if accepted {
                Outcome::Accepted
            } else {
                Outcome::Refused
            };
            if !accepted {
                let body = rest.bytes.get(..rest.bytes.len().min(BODY));
                handshake.body = body.unwrap_or_default().into();
            }
            settle_handshake(handshake);
            if is_cut {
                handshake.negotiated = negotiated(None, None);
            }
        }
        if is_cut {
            context.sink.handshake(&connection, context.now);
        } else {
            report_handshake(&mut connection, context);
        }
        if accepted {
            // Of a request with a hole in it, nobody knows where it ended.
            let client = &self.readers.client;
            let recipe = Recipe::WebSocket {
                connection,
                begin: PerSide {
                    client: Begin::At(client.offset()),
                    server: Begin::At(rest.offset),
                },
                lost: (client.is_lost() || client.is_in_head()).then_some(Side::Client),
            };
            return Next::become_with(recipe, self.replay(rest));
        }
        self.readers.server.body(body);
        self.attempt = Some(connection);
        self.refusals += 1;
        if self.refusals > REFUSALS {
            self.close_attempt(None, context);
            return Next::become_now(Recipe::Ignored);
        }
        self.resume(rest)
    }

    fn connect_answered<S: Sink>(
        &mut self,
        request: SeenHead,
        response: SeenHead,
        rest: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        let accepted = http::connect_accepted(&response.head);
        let body = http::response_body(&response.head, b"CONNECT");
        let opening = Opening::Connect {
            request,
            response: Some(response),
        };
        let tunnel = Tunnel::inside(opening, self.tunnel.clone());
        if accepted {
            self.close_attempt(None, context);
            let recipe = Recipe::Unknown {
                attempt: None,
                tunnel: Some(tunnel),
                waiting: Waiting::default(),
                from_start: true,
            };
            return Next::become_with(recipe, self.replay(rest));
        }
        self.readers.server.body(body);
        self.open(None, Some(tunnel), context);
        if let Some(attempt) = &self.attempt {
            context.sink.handshake(attempt, context.now);
        }
        self.resume(rest)
    }

    /// Goes on as HTTP: client bytes that waited are requests after all, and the rest of the server's chunk follows.
    fn resume(&mut self, rest: Chunk<'_>) -> Next {
        if self.early.is_empty() {
            return Next::Stay;
        }
        Next::Replay(self.replay(rest))
    }

    fn replay(&mut self, rest: Chunk<'_>) -> Vec<Item> {
        self.early.push(rest);
        self.early.take()
    }

    /// The capture kept only the beginning of a 101 response: its status says enough to go on with frames.
    pub(super) fn cut_answer<S: Sink>(
        &mut self,
        head: Head,
        at: u64,
        after: u64,
        context: &mut Context<'_, S>,
    ) -> Next {
        let end = context.flow.end(Side::Server);
        let rest = Chunk {
            end,
            offset: after,
            bytes: &[],
            packet: context.now.packet,
            earlier: &[],
            time: context.now.time,
        };
        let seen = SeenHead {
            head,
            packet: rest.packet,
            time: context.now.time,
            stream_offset: at,
        };
        self.asked.pop_front();
        if self.attempt.is_none() {
            self.open(Some(Box::default()), self.tunnel.clone(), context);
        }
        self.upgrade_answered(seen, rest, true, context)
    }
}
