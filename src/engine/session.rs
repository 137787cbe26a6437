//! What a flow speaks, as far as that is known, and the changes from one to the other.
//!
//! ```text
//!   Unknown --request or status line--> Http --101--> WebSocket, Http2
//!      |  ^                              |
//!      |  +------- CONNECT accepted -----+
//!      +--frames recognised by score, or forced--> WebSocket
//!      +--ClientHello--> Tls, with a session of its own inside for what it decrypts
//!      +--preface of HTTP/2--> Http2, with a WebSocket in each stream that asks for one
//!      +--anything else from its first byte------> Ignored
//! ```

use std::collections::VecDeque;

use crate::base::Side;
use crate::flow::End;

use super::connection::{Connection, EndedBy};
use super::context::{Chunk, Context};
use super::http_session::HttpSession;
use super::http2_session::Http2Session;
use super::sink::Sink;
use super::tls_session::TlsSession;
use super::unknown_session::UnknownSession;
use super::waiting::{Content, Item};
use super::websocket_session::WebSocketSession;

/// A flow's protocol state.
#[derive(Default)]
pub(super) enum Session {
    /// No byte seen yet.
    #[default]
    New,
    /// Nothing decided yet.
    Unknown(Box<UnknownSession>),
    Http(Box<HttpSession>),
    Http2(Box<Http2Session>),
    WebSocket(Box<WebSocketSession>),
    Tls(Box<TlsSession>),
    /// Nothing of ours; costs nothing more.
    Ignored,
}

/// What a state makes of the bytes it was given.
pub(super) enum Next {
    /// Goes on as it is.
    Stay,
    /// Feed these to the same state.
    Replay(Vec<Item>),
    /// Be this from now on.
    Become(Session),
    /// Be this from now on, and start with these.
    BecomeAndReplay(Session, Vec<Item>),
}

impl Session {
    #[inline]
    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) {
        match self {
            Session::WebSocket(session) => session.data(chunk, context),
            Session::Tls(session) => session.data(chunk, context),
            Session::Http2(session) => session.data(chunk, context),
            Session::Ignored => {}
            Session::New | Session::Unknown(_) | Session::Http(_) => {
                let next = self.step(chunk, context);
                self.follow(next, context);
            }
        }
    }

    pub(super) fn gap<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        len: u64,
        context: &mut Context<'_, S>,
    ) {
        let next = self.step_gap(end, offset, len, context);
        self.follow(next, context);
    }

    /// About `len` bytes are missing, so that no boundary can be told from where the next bytes are.
    pub(super) fn lose<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        len: u64,
        context: &mut Context<'_, S>,
    ) {
        match self {
            Session::WebSocket(session) => {
                session.lose(context.flow.side(end), offset, len, context);
            }
            _ => self.gap(end, offset, len, context),
        }
    }

    /// The connection that the bytes at hand are about, if it is one.
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match self {
            Session::WebSocket(session) => Some(&mut session.connection),
            Session::Http(session) => session.attempt(),
            Session::Unknown(session) => session.attempt(),
            _ => None,
        }
    }

    /// Bytes it keeps that traffic made it keep, itself included where it is nothing of ours yet.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        match self {
            Session::New | Session::Ignored => 0,
            Session::WebSocket(session) => session.memory(),
            Session::Unknown(session) => size_of_val(&**session) + session.memory(),
            Session::Http(session) => size_of_val(&**session) + session.memory(),
            Session::Http2(session) => size_of_val(&**session) + session.memory(),
            Session::Tls(session) => size_of_val(&**session) + session.memory(),
        }
    }

    /// Gives up what it keeps: a WebSocket the messages in progress, anything else itself, unless it is what runs inside
    /// that keeps the most.
    #[cold]
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let before = self.memory();
        match self {
            Session::WebSocket(session) => session.give_up(context),
            Session::Http2(session) => session.give_up(context),
            Session::Tls(session) => session.give_up(context),
            Session::New | Session::Ignored | Session::Unknown(_) | Session::Http(_) => {}
        }
        if self.memory() > before / 2 {
            let connection = self.connection();
            context.given_up(connection);
            self.ended(EndedBy::Timeout, None, context);
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
        if let Session::WebSocket(session) = self {
            session.again(context.flow.side(end), offset, bytes, context);
        }
    }

    /// Bytes that were sent again and differ.
    pub(super) fn conflict<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        context: &mut Context<'_, S>,
    ) {
        if let Session::WebSocket(session) = self {
            session.conflict(context.flow.side(end), offset, context);
        }
    }

    /// One end sends no more.
    pub(super) fn end_closed<S: Sink>(&mut self, end: End, context: &mut Context<'_, S>) {
        match self {
            Session::WebSocket(session) => session.side_ended(context.flow.side(end), context),
            Session::Tls(session) => session.end_closed(end, context),
            Session::Http2(session) => session.side_ended(context.flow.side(end), context),
            _ => {}
        }
    }

    /// The flow is over.
    pub(super) fn ended<S: Sink>(
        &mut self,
        by: EndedBy,
        who: Option<End>,
        context: &mut Context<'_, S>,
    ) {
        // A state may turn into another at the end, which then has to end too; each turn uses up what waited.
        for _ in 0..8 {
            let side: Option<Side> = who.map(|end| context.flow.side(end));
            let next = match self {
                Session::Unknown(session) => session.ended(by, side, context),
                Session::Http(session) => session.ended(by, side, context),
                Session::WebSocket(session) => {
                    session.ended(by, side, context);
                    Next::Stay
                }
                Session::Http2(session) => {
                    session.ended(by, side, context);
                    Next::Stay
                }
                Session::Tls(session) => {
                    session.ended(by, who, context);
                    Next::Stay
                }
                Session::New | Session::Ignored => Next::Stay,
            };
            if matches!(next, Next::Stay) {
                break;
            }
            self.follow(next, context);
        }
        *self = Session::Ignored;
    }

    /// A flow that carries nothing costs no state of its own.
    fn begin(&mut self) {
        if matches!(self, Session::New) {
            *self = Session::Unknown(Box::default());
        }
    }

    fn step<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        self.begin();
        match self {
            Session::Unknown(session) => session.data(chunk, context),
            Session::Http(session) => session.data(chunk, context),
            Session::WebSocket(session) => {
                session.data(chunk, context);
                Next::Stay
            }
            Session::Http2(session) => {
                session.data(chunk, context);
                Next::Stay
            }
            Session::Tls(session) => {
                session.data(chunk, context);
                Next::Stay
            }
            Session::New | Session::Ignored => Next::Stay,
        }
    }

    fn step_gap<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        len: u64,
        context: &mut Context<'_, S>,
    ) -> Next {
        self.begin();
        match self {
            Session::Unknown(session) => session.gap(end, offset, len, context),
            Session::Http(session) => session.gap(end, offset, len, context),
            Session::WebSocket(session) => {
                session.gap(context.flow.side(end), offset, len, context);
                Next::Stay
            }
            Session::Http2(session) => {
                session.gap(end, offset, len, context);
                Next::Stay
            }
            Session::Tls(session) => {
                session.gap(end, offset, len, context);
                Next::Stay
            }
            Session::New | Session::Ignored => Next::Stay,
        }
    }

    /// Makes the change, and feeds what waited for it. A queue and no recursion: tunnels may be nested by anyone.
    fn follow<S: Sink>(&mut self, next: Next, context: &mut Context<'_, S>) {
        let mut queue: VecDeque<Item> = VecDeque::new();
        let mut next = next;
        loop {
            let items = match next {
                Next::Stay => Vec::new(),
                Next::Replay(items) => items,
                Next::Become(session) => {
                    *self = session;
                    Vec::new()
                }
                Next::BecomeAndReplay(session, items) => {
                    *self = session;
                    items
                }
            };
            for item in items.into_iter().rev() {
                queue.push_front(item);
            }
            let Some(item) = queue.pop_front() else {
                return;
            };
            next = match (item.chunk(), &item.content) {
                (Some(chunk), _) => self.step(chunk, context),
                (None, Content::Gap(len)) => self.step_gap(item.end, item.offset, *len, context),
                (None, Content::Bytes(_)) => Next::Stay,
            };
        }
    }
}
