//! A line of what is listed, and the packets it lies in.

use std::net::SocketAddr;

use crate::base::{PacketNumber, PerSide, Timestamp};
use crate::store::Packet;
use crate::wire::Segment;

/// Rows listed; of more only the number is known.
const LISTED: usize = 100_000;

/// What a row is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TrafficKind {
    /// A request over HTTP/1 and its answer.
    Http,
    /// A request to switch to WebSocket.
    Upgrade,
    /// A request for a tunnel.
    Connect,
    /// A flow that speaks TLS.
    Tls,
    /// A flow that speaks QUIC.
    Quic,
    /// A flow that speaks HTTP/2 in the clear.
    Http2,
}

impl TrafficKind {
    /// Its name.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Http => "HTTP",
            Self::Upgrade => "WebSocket",
            Self::Connect => "CONNECT",
            Self::Tls => "TLS",
            Self::Quic => "QUIC",
            Self::Http2 => "HTTP/2",
        }
    }
}

/// Bytes of one end's stream, and where to find them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Part {
    /// Stream position of the first one.
    pub from: u64,
    /// Stream position behind the last one.
    pub to: u64,
    /// The sequence number of stream position 0.
    pub base: u32,
    /// The packet that brought the first one.
    pub begins: PacketNumber,
    /// The packet that brought the last one.
    pub ends: PacketNumber,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrafficRow {
    /// What it is.
    pub kind: TrafficKind,
    /// Its first packet.
    pub first: PacketNumber,
    /// Its last packet.
    pub last: PacketNumber,
    /// Time of the first.
    pub time: Timestamp,
    /// Time of the last.
    pub ended: Timestamp,
    /// Who asked.
    pub client: SocketAddr,
    /// Who was asked.
    pub server: SocketAddr,
    /// The host that was asked for, as it was sent.
    pub host: Box<str>,
    /// What was asked for; escaped.
    pub text: Box<str>,
    /// The status of the answer.
    pub status: Option<u16>,
    /// What the answer says it is; escaped.
    pub media: Box<str>,
    /// Bytes of what each side sent.
    pub bytes: PerSide<u64>,
    /// Where request and answer lie.
    pub parts: PerSide<Option<Part>>,
}

impl TrafficRow {
    pub(super) fn new(
        kind: TrafficKind,
        packet: &Packet,
        client: SocketAddr,
        server: SocketAddr,
    ) -> Self {
        Self {
            kind,
            first: packet.number,
            last: packet.number,
            time: packet.time,
            ended: packet.time,
            client,
            server,
            host: Box::default(),
            text: Box::default(),
            status: None,
            media: Box::default(),
            bytes: PerSide::default(),
            parts: PerSide::default(),
        }
    }

    /// One more packet with so many bytes.
    pub(super) fn count(&mut self, packet: &Packet, is_client: bool, bytes: u64) {
        self.last = packet.number;
        self.ended = packet.time;
        match is_client {
            true => self.bytes.client += bytes,
            false => self.bytes.server += bytes,
        }
    }
}

/// The rows, as many as are listed.
#[derive(Debug, Default)]
pub(super) struct Rows {
    pub(super) list: Vec<TrafficRow>,
    pub(super) left_out: u64,
}

impl Rows {
    /// Lists a row; where.
    pub(super) fn push(&mut self, row: TrafficRow) -> Option<u32> {
        if self.list.len() >= LISTED {
            self.left_out += 1;
            return None;
        }
        self.list.push(row);
        u32::try_from(self.list.len() - 1).ok()
    }

    pub(super) fn get(&mut self, row: u32) -> Option<&mut TrafficRow> {
        self.list.get_mut(row as usize)
    }

    /// A flow that is listed as a whole goes on.
    pub(super) fn goes_on(&mut self, row: Option<u32>, packet: &Packet, segment: &Segment) {
        let Some(row) = row.and_then(|row| self.get(row)) else {
            return;
        };
        if row.kind == TrafficKind::Http {
            return;
        }
        let source = segment.key.source;
        let is_client = (source.address(), source.port()) == (row.client.ip(), row.client.port());
        let len = u64::from(segment.payload.end - segment.payload.start + segment.missing);
        row.count(packet, is_client, len);
    }
}
