//! What a session answers to bytes: read on, read something again, or hand the flow over to another protocol.
//!
//! A session names what comes next by a [`Recipe`] and builds none of them, so that the protocols do not depend on each
//! other. `session.rs` builds them.

use crate::base::{Head, PerSide, Side, Timestamp};
use crate::flow::End;

use super::connection::{Connection, EndedBy};
use super::tunnel::Tunnel;
use super::waiting::{Item, Waiting};

/// What a session makes of what it was given.
pub(super) enum Next {
    /// It goes on as it is.
    Stay,
    /// It wants to read these.
    Replay(Vec<Item>),
    /// Something else reads on, beginning with these.
    Become(Box<Recipe>, Vec<Item>),
}

impl Next {
    /// Something else reads on from the next bytes.
    pub(super) fn become_now(recipe: Recipe) -> Self {
        Next::Become(Box::new(recipe), Vec::new())
    }

    /// Something else reads on, beginning with `items`.
    pub(super) fn become_with(recipe: Recipe, items: Vec<Item>) -> Self {
        Next::Become(Box::new(recipe), items)
    }
}

/// A session to be built.
pub(super) enum Recipe {
    /// Anything: the bytes decide.
    Unknown {
        /// A WebSocket was asked for and no answer seen, so that frames may follow.
        attempt: Option<Box<Connection>>,
        tunnel: Option<Box<Tunnel>>,
        /// Bytes already seen, to be scored as frames.
        waiting: Waiting,
        /// The next bytes of both ends are a protocol's first bytes.
        from_start: bool,
    },
    /// HTTP/1.
    Http {
        tunnel: Option<Box<Tunnel>>,
        begin: PerSide<Begin>,
    },
    /// HTTP/2, from each side's next bytes on.
    Http2 {
        /// The request of HTTP/1.1 that asked for it.
        upgrade: Option<Box<Head>>,
        tunnel: Option<Box<Tunnel>>,
    },
    /// Frames.
    WebSocket {
        connection: Box<Connection>,
        begin: PerSide<Begin>,
        /// The side whose frames begin at a position that is not known.
        lost: Option<Side>,
    },
    /// TLS.
    Tls {
        client: End,
        tunnel: Option<Box<Tunnel>>,
    },
    /// SOCKS, from the first bytes of both ends on.
    Socks {
        client: End,
        tunnel: Option<Box<Tunnel>>,
    },
    /// Nothing that Wireloupe reads.
    Ignored,
}

/// Where a side's bytes begin for a session.
#[derive(Clone, Copy, Debug)]
pub(super) enum Begin {
    /// At this position of its stream.
    At(u64),
    /// Where its next bytes begin.
    Next,
}

impl From<Option<u64>> for Begin {
    fn from(at: Option<u64>) -> Self {
        at.map_or(Begin::Next, Begin::At)
    }
}

/// How a flow, or a stream of HTTP/2, ended.
#[derive(Clone, Copy, Debug)]
pub(super) struct Closing {
    pub(super) by: EndedBy,
    /// The end that ended it first.
    pub(super) who: Option<End>,
    pub(super) at: Timestamp,
}
