//! What is reported of a request over HTTP/1 and its answer ([`Needs::EXCHANGES`](crate::base::Needs::EXCHANGES)).

use std::net::SocketAddr;

use crate::base::{PerSide, Timestamp};
use crate::http::BodyCount;

/// A request and what was seen of its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// Its TCP flow's number within this engine.
    pub flow: u64,
    /// The client's end.
    pub client: SocketAddr,
    /// The server's end.
    pub server: SocketAddr,
    /// The request's method, in the letters it came in; of a long one the beginning.
    pub method: Box<[u8]>,
    /// The host, and the target without its query; of a long one the beginning.
    pub resource: Box<[u8]>,
    /// The answer's status; `None` when none was seen.
    pub status: Option<u16>,
    /// Whether the answer is an event stream (`text/event-stream`).
    pub is_event_stream: bool,
    /// When the request's head was complete.
    pub requested: Timestamp,
    /// When the answer's head was.
    pub answered: Option<Timestamp>,
    /// When the last of the answer was seen.
    pub ended: Timestamp,
    /// Bytes of the heads.
    pub heads: PerSide<u64>,
    /// What the bodies amount to.
    pub bodies: PerSide<BodyCount>,
    /// Parts of the answer's content with silence between them (50 ms).
    pub parts: u64,
}
