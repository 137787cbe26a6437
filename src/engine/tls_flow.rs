//! What is reported of a flow that speaks TLS when it is over.

use std::net::SocketAddr;

use crate::base::{PacketNumber, Side, Timestamp};
use crate::flow::End;
use crate::quic;
use crate::tls;

use super::connection::EndedBy;
use super::tunnel::Tunnel;

/// A TCP flow that spoke TLS, or a QUIC connection, and how it ended.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct TlsFlow<'a> {
    /// Its number within this engine.
    pub flow: u64,
    /// Which end of the flow the client is.
    pub client_end: End,
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address (of a tunnel: the proxy's).
    pub server: SocketAddr,
    /// What the handshake and the records say.
    pub summary: &'a tls::Summary,
    /// What QUIC says, where it is QUIC that TLS is inside of.
    pub quic: Option<&'a quic::Summary>,
    /// The CONNECT in front of it.
    pub tunnel: Option<&'a Tunnel>,
    /// First packet of the flow.
    pub first_packet: PacketNumber,
    /// Time of that packet.
    pub opened: Timestamp,
    /// Time of its last packet.
    pub last: Timestamp,
    /// Packets of the flow.
    pub packets: u64,
    /// WebSocket connections, and attempts at them, that were reported of the flow.
    pub connections: u32,
    /// What ended it.
    pub ended_by: EndedBy,
    /// Who ended TCP first.
    pub closed_by: Option<Side>,
}
