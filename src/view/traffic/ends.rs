//! The ends of a flow, and the packet of it that is looked at.

use std::net::SocketAddr;

use crate::base::{LinkType, PacketNumber, Timestamp};
use crate::store::Packet;

use super::row::{TrafficKind, TrafficRow};

/// The ends.
#[derive(Debug)]
pub(super) struct FlowEnds {
    pub(super) client: SocketAddr,
    pub(super) server: SocketAddr,
    /// Sequence number of the first byte of each end's stream.
    pub(super) bases: [u32; 2],
    /// The packet that is looked at.
    pub(super) now: (PacketNumber, Timestamp),
}

impl FlowEnds {
    /// A row that begins with the packet that is looked at.
    pub(super) fn row(&self, kind: TrafficKind) -> TrafficRow {
        let packet = Packet {
            number: self.now.0,
            time: self.now.1,
            link: LinkType::default(),
            original: 0,
            bytes: Vec::new(),
        };
        TrafficRow::new(kind, &packet, self.client, self.server)
    }
}
