//! TLS connections that stayed closed: what shows of them from outside. Nothing of it is ever taken for decoded.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::PacketNumber;
use crate::engine::TlsFlow;
use crate::quic;
use crate::tls::{Decryption, Likeness, Summary};

use super::facts::Attempt;

/// A TLS connection whose content could not be read.
#[derive(Clone, Debug)]
pub struct Encrypted {
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address (of a tunnel: the proxy's).
    pub server: SocketAddr,
    /// The first packet of its flow.
    pub packet: PacketNumber,
    /// From its first packet to its last.
    pub lifetime: Duration,
    /// What the handshake and the records say.
    pub tls: Arc<Summary>,
    /// The version of QUIC, where it is QUIC that TLS is inside of.
    pub quic: Option<quic::Version>,
    /// How much it looks like a long-lived WebSocket.
    pub likeness: Likeness,
}

impl Encrypted {
    /// An attempt that never came to anything that could be read, when it was TLS.
    pub(super) fn of(attempt: &Attempt) -> Option<Self> {
        let (tls, flow) = (attempt.tls.as_ref()?, attempt.flow.as_deref()?);
        if attempt.connection.is_some() || matches!(tls.decryption, Decryption::Decrypted) {
            return None;
        }
        let lived = u64::try_from(flow.last.since(flow.first.time)).unwrap_or(0);
        let lifetime = Duration::from_nanos(lived);
        Some(Self {
            client: attempt.client,
            server: attempt.server,
            packet: attempt.first.packet,
            lifetime,
            tls: Arc::clone(tls),
            quic: None,
            likeness: tls.websocket_likeness(lifetime),
        })
    }

    /// A QUIC connection that could not be read.
    pub(super) fn of_quic(flow: &TlsFlow<'_>) -> Option<Self> {
        let quic = flow.quic?;
        if flow.summary.decryption == Decryption::Decrypted {
            return None;
        }
        let lived = u64::try_from(flow.last.since(flow.opened)).unwrap_or(0);
        Some(Self {
            client: flow.client,
            server: flow.server,
            packet: flow.first_packet,
            lifetime: Duration::from_nanos(lived),
            tls: Arc::new(flow.summary.clone()),
            quic: Some(quic.version.or(quic.version_offered).unwrap_or_default()),
            likeness: Likeness::Unclear,
        })
    }

    /// Its place in a list: those that look most like a WebSocket and lived longest first.
    pub(super) fn rank(&self) -> impl Ord + use<> {
        (
            std::cmp::Reverse((self.likeness, self.lifetime)),
            self.packet,
        )
    }
}
