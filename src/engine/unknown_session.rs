//! A flow of which nothing is known: its first bytes, or where the capture joined it, decide.
//!
//! HTTP, TLS and HTTP/2 say so in their first bytes. A flow seen from its start that says neither is nothing of ours.
//! One that was joined in the middle, or whose handshake the capture missed, may carry frames: both directions are
//! scored until they convince or the limit is reached; after that it is only watched for HTTP heads.

use crate::base::{PerSide, Side};
use crate::flow::End;
use crate::http::{self, Role};
use crate::websocket::detect::{FrameScore, verdict};
use crate::websocket::handshake::negotiated;

use super::connection::{Connection, EndedBy, Handshake, Outcome, Tunnel};
use super::context::{Chunk, Context};
use super::http_session::{HttpSession, tell_handshake};
use super::session::{Next, Session};
use super::sink::Sink;
use super::waiting::Waiting;
use super::websocket_session::{self, WebSocketSession};

/// Bytes of both directions looked at for frames before giving up and starting over.
const LOOK: usize = 64 << 10;
/// How often looking starts over at the next segment, after one that cannot be frames.
const LOOKS: u8 = 64;
/// CONNECT tunnels followed one inside the other.
const TUNNELS: u8 = 8;

#[derive(Debug, Default)]
pub(super) struct UnknownSession {
    attempt: Option<Box<Connection>>,
    tunnel: Option<Box<Tunnel>>,
    waiting: Waiting,
    /// Both ends' first bytes are known to be a protocol's first bytes.
    from_start: bool,
    looks: u8,
    scores: [FrameScore; 2],
}

impl UnknownSession {
    /// What runs in an accepted tunnel.
    pub(super) fn in_tunnel(tunnel: Box<Tunnel>) -> Self {
        Self {
            tunnel: Some(tunnel),
            from_start: true,
            ..Self::default()
        }
    }

    /// Bytes that followed something HTTP could not read.
    pub(super) fn resumed(
        attempt: Option<Box<Connection>>,
        tunnel: Option<Box<Tunnel>>,
        waiting: Waiting,
    ) -> Self {
        let mut scores = [FrameScore::default(); 2];
        for chunk in waiting.chunks() {
            scores[chunk.end as usize].push(chunk.bytes);
        }
        Self {
            attempt,
            tunnel,
            waiting,
            scores,
            ..Self::default()
        }
    }

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        if self.is_forced(context) && http::looks_like(chunk.bytes).is_none() {
            self.waiting.push(chunk);
            let client = self.forced_client(context);
            return self.websocket(client, context);
        }
        if self.attempt.is_none()
            && let Some(next) = self.by_first_bytes(chunk, context)
        {
            return next;
        }
        if self.looks >= LOOKS {
            return Next::Stay;
        }
        self.waiting.push(chunk);
        let score = &mut self.scores[chunk.end as usize];
        score.push(chunk.bytes);
        if score.contradictions > 0 {
            self.start_over(chunk.end);
        } else if let Some(client) = self.client(context) {
            return self.websocket(client, context);
        }
        if self.waiting.cost() > LOOK {
            self.start_over(End::Low);
            self.start_over(End::High);
        }
        Next::Stay
    }

    /// This end's bytes so far are no frames, or none that begin where they do.
    fn start_over(&mut self, end: End) {
        self.scores[end as usize] = FrameScore::default();
        self.waiting.forget(end);
        self.looks = self.looks.saturating_add(1);
    }

    /// Decides by how the bytes begin; `None` when they do not tell.
    fn by_first_bytes<S: Sink>(
        &mut self,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Option<Next> {
        let mut bytes = std::mem::take(&mut context.shared.run);
        self.waiting.run(chunk.end, &mut bytes);
        let role = if self.from_start || bytes.is_empty() {
            bytes.extend_from_slice(chunk.bytes);
            http::looks_like(&bytes)
        } else {
            http::looks_like(chunk.bytes)
        };
        let first = self.first_bytes_are(&bytes, chunk, context);
        context.shared.run = bytes;
        match role {
            Some(Role::Request) => Some(self.http(Side::Client, chunk, context)),
            Some(Role::Response) => Some(self.http(Side::Server, chunk, context)),
            Some(Role::Undecided) => None,
            None => first,
        }
    }

    fn first_bytes_are<S: Sink>(
        &self,
        _bytes: &[u8],
        chunk: Chunk<'_>,
        context: &Context<'_, S>,
    ) -> Option<Next> {
        let from_start = self.from_start || (context.flow.from_start && chunk.offset == 0);
        from_start.then_some(Next::Become(Session::Ignored))
    }

    fn http<S: Sink>(
        &mut self,
        speaker: Side,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        let tunnels = context.flow.tunnels;
        if tunnels > TUNNELS {
            return Next::Become(Session::Ignored);
        }
        context.flow.client = Some(if speaker == Side::Client {
            chunk.end
        } else {
            chunk.end.peer()
        });
        self.waiting.push(chunk);
        let begin = PerSide::new(|side| {
            self.waiting
                .start(context.flow.end(side))
                .unwrap_or(context.flow.position(side))
        });
        let session = HttpSession::new(self.tunnel.take(), begin, context);
        Next::BecomeAndReplay(Session::Http(Box::new(session)), self.waiting.take())
    }

    fn is_forced<S: Sink>(&self, context: &Context<'_, S>) -> bool {
        let ports = &context.shared.decode_as;
        !ports.is_empty()
            && [End::Low, End::High]
                .iter()
                .any(|end| ports.contains(&context.flow.address(*end).port()))
    }

    /// With `--decode-as` the named port is the server's, unless the handshake of TCP said otherwise.
    fn forced_client<S: Sink>(&self, context: &Context<'_, S>) -> End {
        let named = |end: End| {
            context
                .shared
                .decode_as
                .contains(&context.flow.address(end).port())
        };
        context
            .flow
            .client
            .unwrap_or(if named(End::Low) && !named(End::High) {
                End::High
            } else {
                End::Low
            })
    }

    /// The client's end, once the scores convince.
    fn client<S: Sink>(&self, context: &Context<'_, S>) -> Option<End> {
        let client = match verdict(&self.scores[0], &self.scores[1])? {
            Side::Client => End::Low,
            Side::Server => End::High,
        };
        let asked = context.flow.client.filter(|_| self.attempt.is_some());
        asked.is_none_or(|end| end == client).then_some(client)
    }

    fn websocket<S: Sink>(&mut self, client: End, context: &mut Context<'_, S>) -> Next {
        context.flow.client = Some(client);
        let connection = match self.attempt.take() {
            Some(mut connection) => {
                if let Some(handshake) = &mut connection.handshake {
                    handshake.outcome = Outcome::NotSeen;
                    handshake.negotiated =
                        negotiated(handshake.request.as_ref().map(|seen| &seen.head), None);
                }
                connection
            }
            None => {
                let handshake = Handshake {
                    outcome: Outcome::NotSeen,
                    negotiated: negotiated(None, None),
                    ..Handshake::default()
                };
                let connection = context.connection(Some(Box::new(handshake)), self.tunnel.take());
                context.sink.opened(&connection);
                connection
            }
        };
        context.sink.handshake(&connection, context.now);
        let begin = PerSide::new(|side| {
            let end = context.flow.end(side);
            self.waiting
                .start(end)
                .unwrap_or(context.flow.position(side))
        });
        let session = WebSocketSession::new(connection, begin, context);
        Next::BecomeAndReplay(Session::WebSocket(Box::new(session)), self.waiting.take())
    }

    pub(super) fn gap<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        len: u64,
        _context: &mut Context<'_, S>,
    ) -> Next {
        self.from_start = false;
        self.scores[end as usize] = FrameScore::default();
        self.waiting.gap(end, offset, len);
        Next::Stay
    }

    /// The flow is over: what waits is scored a last time.
    pub(super) fn ended<S: Sink>(
        &mut self,
        by: EndedBy,
        who: Option<Side>,
        context: &mut Context<'_, S>,
    ) -> Next {
        if !self.waiting.is_empty()
            && let Some(client) = self.client(context)
        {
            return self.websocket(client, context);
        }
        if let Some(mut attempt) = self.attempt.take() {
            attempt.close.by = who;
            tell_handshake(&mut attempt, context);
            websocket_session::close(&mut attempt, Some(by), context);
        }
        Next::Stay
    }
}
