//! What can be said of a QUIC connection, with keys or without.

use crate::base::{PerSide, Side};

use super::close::Close;
use super::connection_id::ConnectionId;
use super::version::Version;

/// A QUIC connection in a few lines. What TLS says inside is in its own summary.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The version of the client's first packet.
    pub version_offered: Option<Version>,
    /// The version that the server answered with.
    pub version: Option<Version>,
    /// The versions that a Version Negotiation packet of the server offers.
    pub negotiation: Vec<Version>,
    /// The server asked the client to prove its address first.
    pub is_retried: bool,
    /// The id that the client sent its first packet to.
    pub original_id: Option<ConnectionId>,
    /// The id that each side gave itself in its first packet.
    pub ids: PerSide<Option<ConnectionId>>,
    /// How often the client went on from another address.
    pub migrations: u32,
    /// Milliseconds of silence after which both forget the connection, where that could be read; the shorter of both sides' words.
    pub idle_timeout: Option<u64>,
    /// How it was closed, where that could be read.
    pub close: Option<(Side, Close)>,
    /// A side has forgotten the connection, and said so.
    pub stateless_reset: Option<Side>,
    /// Packets of each side that were opened, those of the handshake included.
    pub opened: PerSide<u64>,
    /// Packets of each side that could not be opened.
    pub unopened: PerSide<u64>,
}
