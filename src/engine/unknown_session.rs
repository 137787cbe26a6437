//! A flow of which nothing is known: its first bytes, or where the capture joined it, decide.
//!
//! HTTP, TLS, HTTP/2 and SOCKS are recognised by their first bytes, HTTP/2 also by a few frames; a header of the PROXY protocol
//! in front is noted. A flow seen from its start that begins with none of them is ignored.
//! One that was joined in the middle, or whose handshake the capture missed, may carry frames: both directions are
//! scored until they convince or the limit is reached; after that it is only watched for HTTP heads.

use crate::base::{PerSide, Side};
use crate::flow::End;
use crate::http::{self, Role};
use crate::http2::{self, FrameType};
use crate::tls;
use crate::tunnel::proxy_protocol::{self, Reading};
use crate::tunnel::socks;
use crate::websocket::detect::{FrameScore, verdict};
use crate::websocket::handshake::negotiated;

use super::chunk::{Chunk, Hole};
use super::connection::{Connection, Handshake, Outcome, heads_memory};
use super::context::Context;
use super::next::{Begin, Closing, Next, Recipe};
use super::reporting::{close, report_handshake};
use super::sink::Sink;
use super::tls_session::LAYERS;
use super::tunnel::Tunnel;
use super::waiting::Waiting;

/// Bytes of both directions looked at for frames before giving up and starting over.
const LOOK: usize = 64 << 10;
/// How often looking starts over at the next segment, after one that cannot be frames.
const LOOKS: u8 = 64;
/// Where in a first TLS record the type of its handshake message is.
const HELLO_AT: usize = 5;

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
    /// Reads what follows `waiting`; `from_start` when both ends' next bytes are a protocol's first.
    pub(super) fn new(
        attempt: Option<Box<Connection>>,
        tunnel: Option<Box<Tunnel>>,
        waiting: Waiting,
        from_start: bool,
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
            from_start,
            ..Self::default()
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        self.waiting.cost() + heads_memory(self.attempt.as_deref(), self.tunnel.as_deref())
    }

    /// The connection it may become.
    pub(super) fn attempt(&mut self) -> Option<&mut Connection> {
        self.attempt.as_deref_mut()
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

    /// Whether these are the end's first bytes, or the next after those that wait for more.
    fn is_from_start<S: Sink>(&self, chunk: Chunk<'_>, context: &Context<'_, S>) -> bool {
        let first = self.waiting.start(chunk.end).unwrap_or(chunk.offset);
        let is_known = self.from_start || (context.flow.is_from_start() && first == 0);
        is_known && !self.waiting.has_hole(chunk.end)
    }

    /// Decides by how the bytes begin; `None` when they do not decide it.
    fn by_first_bytes<S: Sink>(
        &mut self,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Option<Next> {
        let from_start = self.is_from_start(chunk, context);
        let mut bytes = std::mem::take(&mut context.shared.run);
        bytes.clear();
        if from_start {
            self.waiting.run(chunk.end, &mut bytes);
        }
        bytes.extend_from_slice(chunk.bytes);
        let next = match http::looks_like(&bytes) {
            Some(Role::Request) => Some(self.http(Side::Client, chunk, context)),
            Some(Role::Response) => Some(self.http(Side::Server, chunk, context)),
            Some(Role::Undecided) => from_start.then(|| self.wait(chunk)),
            None if from_start => Some(self.by_start(&bytes, chunk, context)),
            None => self.by_middle(&bytes, chunk, context),
        };
        context.shared.run = bytes;
        next
    }

    /// More bytes will decide.
    fn wait(&mut self, chunk: Chunk<'_>) -> Next {
        self.waiting.push(chunk);
        match self.waiting.cost() > LOOK {
            true => Next::become_now(Recipe::Ignored),
            false => Next::Stay,
        }
    }

    /// Decides by what an end's stream begins with, other than HTTP/1.
    fn by_start<S: Sink>(
        &mut self,
        bytes: &[u8],
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        match proxy_protocol::read(bytes) {
            Reading::Complete(header) if !context.has_proxy_header() => {
                return self.proxied(*header, chunk, context);
            }
            Reading::Incomplete => return self.wait(chunk),
            _ => {}
        }
        if http2::is_preface_prefix(bytes) {
            return match bytes.len() < http2::PREFACE.len() {
                true => self.wait(chunk),
                false => self.http2(chunk.end, chunk, context),
            };
        }
        if tls::looks_like(bytes) {
            return match bytes.get(HELLO_AT) {
                Some(hello) => self.tls(*hello, chunk, context),
                None => self.wait(chunk),
            };
        }
        // Of SOCKS every byte of both ends has to be there.
        let is_whole = ![End::Low, End::High]
            .iter()
            .any(|end| self.waiting.has_hole(*end));
        if is_whole && socks::looks_like(bytes) {
            return self.socks(chunk, context);
        }
        // A server may send its settings first; what the client speaks decides.
        let settings = bytes.get(3) == Some(&FrameType::SETTINGS.0);
        if settings && http2::looks_like_frames(bytes, Side::Server) {
            return self.wait(chunk);
        }
        Next::become_now(Recipe::Ignored)
    }

    /// Decides by a segment of a flow that began earlier, or whose beginning is not known.
    fn by_middle<S: Sink>(
        &mut self,
        bytes: &[u8],
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Option<Next> {
        if http2::is_preface_prefix(bytes) && bytes.len() >= http2::PREFACE.len() {
            return Some(self.http2(chunk.end, chunk, context));
        }
        let hello = bytes.get(HELLO_AT).filter(|_| tls::looks_like(bytes));
        if let Some(hello) = hello {
            return Some(self.tls(*hello, chunk, context));
        }
        let as_sent_by = |side| http2::looks_like_frames(bytes, side);
        let client = match (as_sent_by(Side::Client), as_sent_by(Side::Server)) {
            (false, false) => return None,
            (true, true) => context.flow.end(Side::Client),
            (true, false) => chunk.end,
            (false, true) => chunk.end.peer(),
        };
        Some(self.http2(client, chunk, context))
    }

    /// A hop says who its client is, in front of anything.
    fn proxied<S: Sink>(
        &mut self,
        header: proxy_protocol::Header,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        context.flow.client = Some(chunk.end);
        self.waiting.push(chunk);
        let mut passed = [0; 2];
        passed[chunk.end as usize] = header.len;
        context.set_proxy_header(header);
        let recipe = Recipe::Unknown {
            attempt: None,
            tunnel: self.tunnel.take(),
            waiting: Waiting::default(),
            from_start: true,
        };
        Next::become_with(recipe, self.waiting.take_after(passed))
    }

    fn socks<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        context.flow.client = Some(chunk.end);
        self.waiting.push(chunk);
        let recipe = Recipe::Socks {
            client: chunk.end,
            tunnel: self.tunnel.take(),
        };
        Next::become_with(recipe, self.waiting.take())
    }

    fn http2<S: Sink>(
        &mut self,
        client: End,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        context.flow.client = Some(client);
        self.waiting.push(chunk);
        let recipe = Recipe::Http2 {
            upgrade: None,
            tunnel: self.tunnel.take(),
        };
        Next::become_with(recipe, self.waiting.take())
    }

    /// `hello` is the type of the first handshake message: only a client's is 1.
    fn tls<S: Sink>(&mut self, hello: u8, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        if !context.follows_tls() || context.flow.layers >= LAYERS {
            return Next::become_now(Recipe::Ignored);
        }
        let client = match hello {
            1 => chunk.end,
            _ => chunk.end.peer(),
        };
        context.flow.client = Some(client);
        self.waiting.push(chunk);
        let tunnel = self.tunnel.take();
        Next::become_with(Recipe::Tls { client, tunnel }, self.waiting.take())
    }

    fn http<S: Sink>(
        &mut self,
        speaker: Side,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Next {
        context.flow.client = Some(if speaker == Side::Client {
            chunk.end
        } else {
            chunk.end.peer()
        });
        self.waiting.push(chunk);
        let recipe = Recipe::Http {
            tunnel: self.tunnel.take(),
            begin: self.begin(context),
        };
        Next::become_with(recipe, self.waiting.take())
    }

    /// Where each side's bytes begin: with the first that wait.
    fn begin<S: Sink>(&self, context: &Context<'_, S>) -> PerSide<Begin> {
        PerSide::new(|side| self.waiting.start(context.flow.end(side)).into())
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
        let recipe = Recipe::WebSocket {
            connection,
            begin: self.begin(context),
            lost: None,
        };
        Next::become_with(recipe, self.waiting.take())
    }

    pub(super) fn hole<S: Sink>(&mut self, hole: Hole, _context: &mut Context<'_, S>) -> Next {
        self.from_start = false;
        self.scores[hole.end as usize] = FrameScore::default();
        self.waiting.hole(hole);
        Next::Stay
    }

    /// The flow is over: what waits is scored a last time.
    pub(super) fn ended<S: Sink>(
        &mut self,
        closing: Closing,
        context: &mut Context<'_, S>,
    ) -> Next {
        if !self.waiting.is_empty()
            && let Some(client) = self.client(context)
        {
            return self.websocket(client, context);
        }
        if let Some(mut attempt) = self.attempt.take() {
            attempt.close.by = context.side(closing.who);
            report_handshake(&mut attempt, context);
            close(&mut attempt, Some(closing), context);
        }
        Next::Stay
    }
}
