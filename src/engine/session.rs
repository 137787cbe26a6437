//! What a flow speaks, as far as that is known, and the changes from one to the other.
//!
//! ```text
//!   Unknown --request or status line--> Http --101--> WebSocket, Http2
//!      |  ^                              |
//!      |  +------- CONNECT accepted -----+
//!      +--frames recognised by score, or forced--> WebSocket
//!      +--PROXY protocol--> noted, and Unknown again
//!      +--SOCKS--> Socks --granted--> Unknown, in the tunnel
//!      +--ClientHello--> Tls, with a session of its own inside for what it decrypts
//!      +--preface of HTTP/2--> Http2, with a WebSocket in each stream that asks for one
//!      +--anything else from its first byte------> Ignored
//!   Quic, from a flow's first datagram on, with a WebSocket in each stream that asks for one
//! ```
//!
//! The protocols share one signature: they read a [`Chunk`] or a [`Hole`], learn that an end or the flow is over, and
//! answer with a [`Next`]. Here alone sessions are built.

use std::collections::VecDeque;

use crate::base::{PerSide, Side};
use crate::flow::End;

use super::chunk::{Chunk, Hole};
use super::connection::{Connection, EndedBy};
use super::context::Context;
use super::http_session::HttpSession;
use super::http2_session::Http2Session;
use super::next::{Begin, Closing, Next, Recipe};
use super::quic_session::QuicSession;
use super::sink::Sink;
use super::socks_session::SocksSession;
use super::tls_session::{Inside, TlsSession};
use super::unknown_session::UnknownSession;
use super::waiting::Item;
use super::websocket_session::WebSocketSession;

/// A flow's protocol, or that of what TLS carries.
#[derive(Default)]
pub(super) struct Session {
    protocol: Protocol,
    /// Where each end's next bytes begin.
    next: [u64; 2],
}

#[derive(Default)]
enum Protocol {
    /// No byte seen yet.
    #[default]
    New,
    /// Nothing decided yet.
    Unknown(Box<UnknownSession>),
    Http(Box<HttpSession>),
    Http2(Box<Http2Session>),
    WebSocket(Box<WebSocketSession>),
    Tls(Box<OverTls>),
    Socks(Box<SocksSession>),
    Quic(Box<QuicSession>),
    /// Nothing that Wireloupe reads; costs nothing more.
    Ignored,
}

/// TLS, and what it carries.
struct OverTls {
    tls: TlsSession,
    inner: Session,
}

impl OverTls {
    fn memory(&self) -> usize {
        self.tls.memory() + self.inner.memory()
    }
}

impl Session {
    const IGNORED: Self = Self {
        protocol: Protocol::Ignored,
        next: [0; 2],
    };

    /// The session of a QUIC connection, which reads datagrams and no stream of bytes.
    pub(super) fn of_quic(session: QuicSession) -> Self {
        Self {
            protocol: Protocol::Quic(Box::new(session)),
            ..Self::default()
        }
    }

    #[inline]
    pub(super) fn quic(&self) -> Option<&QuicSession> {
        match &self.protocol {
            Protocol::Quic(session) => Some(session),
            _ => None,
        }
    }

    pub(super) fn quic_mut(&mut self) -> Option<&mut QuicSession> {
        match &mut self.protocol {
            Protocol::Quic(session) => Some(session),
            _ => None,
        }
    }

    /// Whether its bytes are of no interest.
    #[inline]
    pub(super) fn is_ignored(&self) -> bool {
        matches!(self.protocol, Protocol::Ignored)
    }

    #[inline]
    pub(super) fn is_websocket(&self) -> bool {
        matches!(self.protocol, Protocol::WebSocket(_))
    }

    /// See `Engine::touch`.
    #[inline]
    pub(super) fn touch(&self, side: Side) -> u64 {
        match &self.protocol {
            Protocol::WebSocket(session) => session.touch(side),
            _ => 0,
        }
    }

    #[inline]
    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) {
        self.next[chunk.end as usize] = chunk.offset + chunk.bytes.len() as u64;
        let next = self.step(chunk, context);
        self.follow(next, context);
    }

    pub(super) fn hole<S: Sink>(&mut self, hole: Hole, context: &mut Context<'_, S>) {
        self.next[hole.end as usize] = hole.offset.saturating_add(hole.len);
        let next = self.step_hole(hole, context);
        self.follow(next, context);
    }

    /// The connection that the bytes at hand are about, if it is one.
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.protocol {
            Protocol::WebSocket(session) => Some(&mut session.connection),
            Protocol::Http(session) => session.attempt(),
            Protocol::Unknown(session) => session.attempt(),
            Protocol::Socks(session) => session.refused(),
            _ => None,
        }
    }

    /// Bytes it keeps that traffic made it keep, itself included where it is no WebSocket yet.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match &self.protocol {
            Protocol::New | Protocol::Ignored => 0,
            Protocol::WebSocket(session) => session.memory(),
            Protocol::Unknown(session) => size_of_val(&**session) + session.memory(),
            Protocol::Http(session) => size_of_val(&**session) + session.memory(),
            Protocol::Http2(session) => size_of_val(&**session) + session.memory(),
            Protocol::Tls(session) => size_of_val(&**session) + session.memory(),
            Protocol::Socks(session) => size_of_val(&**session) + session.memory(),
            Protocol::Quic(session) => size_of_val(&**session) + session.memory(),
        }
    }

    /// Frees what it keeps: a WebSocket the messages in progress, anything else itself, unless it is what runs inside
    /// that keeps the most.
    #[cold]
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let before = self.memory();
        match &mut self.protocol {
            Protocol::WebSocket(session) => session.give_up(context),
            Protocol::Http2(session) => session.give_up(context),
            Protocol::Quic(session) => session.give_up(context),
            Protocol::Tls(session) => {
                session.tls.shrink();
                session.inner.give_up(context);
            }
            Protocol::New
            | Protocol::Ignored
            | Protocol::Unknown(_)
            | Protocol::Http(_)
            | Protocol::Socks(_) => {}
        }
        if self.memory() > before / 2 {
            let connection = self.connection();
            context.given_up(connection);
            let closing = Closing {
                by: EndedBy::Timeout,
                who: None,
                at: context.now.time,
            };
            self.ended(closing, context);
        }
    }

    /// Bytes that were sent again.
    pub(super) fn again<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        bytes: &[u8],
        context: &mut Context<'_, S>,
    ) {
        if let Protocol::WebSocket(session) = &mut self.protocol {
            session.again(end, offset, bytes, context);
        }
    }

    /// Bytes that were sent again and differ.
    pub(super) fn conflict<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        context: &mut Context<'_, S>,
    ) {
        if let Protocol::WebSocket(session) = &mut self.protocol {
            session.conflict(end, offset, context);
        }
    }

    /// The key log has grown: what waited for a secret goes on.
    pub(super) fn keys_came<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        if let Protocol::Tls(session) = &mut self.protocol {
            let OverTls { tls, inner } = &mut **session;
            tls.keys_came(inner, context);
            inner.keys_came(context);
        }
    }

    /// One end sends no more.
    pub(super) fn end_closed<S: Sink>(&mut self, end: End, context: &mut Context<'_, S>) {
        let next = match &mut self.protocol {
            Protocol::WebSocket(session) => session.end_closed(end, context),
            Protocol::Http2(session) => session.end_closed(end, context),
            Protocol::Tls(session) => {
                let OverTls { tls, inner } = &mut **session;
                tls.end_closed(end, inner, context);
                Next::Stay
            }
            Protocol::New
            | Protocol::Unknown(_)
            | Protocol::Http(_)
            | Protocol::Socks(_)
            | Protocol::Quic(_)
            | Protocol::Ignored => Next::Stay,
        };
        self.follow(next, context);
    }

    /// The flow is over.
    pub(super) fn ended<S: Sink>(&mut self, closing: Closing, context: &mut Context<'_, S>) {
        // A protocol may turn into another at the end, which then has to end too; each turn uses up what waited.
        for _ in 0..8 {
            let next = match &mut self.protocol {
                Protocol::Unknown(session) => session.ended(closing, context),
                Protocol::Http(session) => session.ended(closing, context),
                Protocol::WebSocket(session) => session.ended(closing, context),
                Protocol::Http2(session) => session.ended(closing, context),
                Protocol::Socks(session) => session.ended(closing, context),
                Protocol::Tls(session) => session.tls.ended(closing, &mut session.inner, context),
                Protocol::Quic(session) => session.ended(closing, context),
                Protocol::New | Protocol::Ignored => Next::Stay,
            };
            if matches!(next, Next::Stay) {
                break;
            }
            self.follow(next, context);
        }
        self.protocol = Protocol::Ignored;
    }

    /// A flow that carries nothing costs no state of its own.
    #[inline]
    fn begin(&mut self) {
        if matches!(self.protocol, Protocol::New) {
            self.protocol = Protocol::Unknown(Box::default());
        }
    }

    #[inline]
    fn step<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        self.begin();
        match &mut self.protocol {
            Protocol::WebSocket(session) => session.data(chunk, context),
            Protocol::Unknown(session) => session.data(chunk, context),
            Protocol::Http(session) => session.data(chunk, context),
            Protocol::Http2(session) => session.data(chunk, context),
            Protocol::Socks(session) => session.data(chunk, context),
            Protocol::Tls(session) => session.tls.data(chunk, &mut session.inner, context),
            Protocol::New | Protocol::Quic(_) | Protocol::Ignored => Next::Stay,
        }
    }

    fn step_hole<S: Sink>(&mut self, hole: Hole, context: &mut Context<'_, S>) -> Next {
        self.begin();
        match &mut self.protocol {
            Protocol::WebSocket(session) => session.hole(hole, context),
            Protocol::Unknown(session) => session.hole(hole, context),
            Protocol::Http(session) => session.hole(hole, context),
            Protocol::Http2(session) => session.hole(hole, context),
            Protocol::Socks(session) => session.hole(hole),
            Protocol::Tls(session) => session.tls.hole(hole, &mut session.inner, context),
            Protocol::New | Protocol::Quic(_) | Protocol::Ignored => Next::Stay,
        }
    }

    #[inline]
    fn follow<S: Sink>(&mut self, next: Next, context: &mut Context<'_, S>) {
        if !matches!(next, Next::Stay) {
            self.change(next, context);
        }
    }

    /// Makes the change, and feeds what waited for it. A queue and no recursion: tunnels may be nested by anyone.
    #[cold]
    fn change<S: Sink>(&mut self, next: Next, context: &mut Context<'_, S>) {
        let mut queue: VecDeque<Item> = VecDeque::new();
        let mut next = next;
        let now = context.now.time;
        loop {
            let items = match next {
                Next::Stay => Vec::new(),
                Next::Replay(items) => items,
                Next::Become(recipe, items) => {
                    self.protocol = self.build(*recipe, context);
                    items
                }
            };
            for item in items.into_iter().rev() {
                queue.push_front(item);
            }
            next = match queue.pop_front() {
                Some(Item::Bytes(run)) => {
                    // What waited happened when it came, and not when it was understood.
                    context.now.time = run.chunk().time;
                    self.step(run.chunk(), context)
                }
                Some(Item::Hole(hole)) => self.step_hole(hole, context),
                None => break,
            };
            context.now.time = now;
        }
    }

    fn build<S: Sink>(&self, recipe: Recipe, context: &mut Context<'_, S>) -> Protocol {
        match recipe {
            Recipe::Unknown {
                attempt,
                tunnel,
                waiting,
                from_start,
            } => {
                let session = UnknownSession::new(attempt, tunnel, waiting, from_start);
                Protocol::Unknown(Box::new(session))
            }
            Recipe::Http { tunnel, begin } => {
                let begin = self.positions(begin, context);
                Protocol::Http(Box::new(HttpSession::new(tunnel, begin, context)))
            }
            Recipe::Http2 { upgrade, tunnel } => {
                let session = Http2Session::new(upgrade.as_deref(), tunnel, context);
                Protocol::Http2(Box::new(session))
            }
            Recipe::WebSocket {
                connection,
                begin,
                lost,
            } => {
                let begin = self.positions(begin, context);
                let mut session = Box::new(WebSocketSession::new(connection, begin, context));
                if let Some(side) = lost {
                    session.begin_anywhere(side, context);
                }
                Protocol::WebSocket(session)
            }
            Recipe::Tls { client, tunnel } => Protocol::Tls(Box::new(OverTls {
                tls: TlsSession::new(client, tunnel, context),
                inner: Session::IGNORED,
            })),
            Recipe::Socks { client, tunnel } => {
                Protocol::Socks(Box::new(SocksSession::new(client, tunnel)))
            }
            Recipe::Ignored => Protocol::Ignored,
        }
    }

    fn positions<S: Sink>(&self, begin: PerSide<Begin>, context: &Context<'_, S>) -> PerSide<u64> {
        PerSide::new(|side| match begin[side] {
            Begin::At(position) => position,
            Begin::Next => self.next[context.flow.end(side) as usize],
        })
    }
}

impl<S: Sink> Inside<S> for Session {
    fn start(&mut self, recipe: Recipe, context: &mut Context<'_, S>) {
        self.protocol = self.build(recipe, context);
    }

    fn data(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) {
        Session::data(self, chunk, context);
    }

    fn hole(&mut self, hole: Hole, context: &mut Context<'_, S>) {
        Session::hole(self, hole, context);
    }

    fn end_closed(&mut self, end: End, context: &mut Context<'_, S>) {
        Session::end_closed(self, end, context);
    }

    fn ended(&mut self, closing: Closing, context: &mut Context<'_, S>) {
        Session::ended(self, closing, context);
    }

    fn connection(&mut self) -> Option<&mut Connection> {
        Session::connection(self)
    }
}
