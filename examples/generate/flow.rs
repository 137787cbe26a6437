//! One TCP connection whose segments are written as they are sent.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};

use wireloupe::base::{PerSide, Side, Timestamp};
use wireloupe::testkit::{ACK, FIN, PSH, SYN, Segment, upgrade_request, upgrade_response};

use crate::wire::Wire;

/// Bytes of payload in a full segment.
pub(crate) const SEGMENT: usize = 1448;

/// A connection of a client with a server.
pub(crate) struct Flow {
    address: PerSide<SocketAddr>,
    next: PerSide<u32>,
    /// Reused for every segment.
    segment: Segment,
    /// Data segments since the last acknowledgement of an empty segment.
    unacknowledged: u32,
    /// The last data segment, to be sent again.
    last: Option<Segment>,
}

impl Flow {
    /// Client `number` of the server at 10.255.0.1, port 80.
    pub(crate) fn new(number: u64) -> Flow {
        let [_, high, middle, low] = (number as u32 / 40_000).to_be_bytes();
        let client = Ipv4Addr::new(10, high & 0x7f, middle, low);
        let port = 20_000 + (number % 40_000) as u16;
        Flow::between(
            (client, port).into(),
            (Ipv4Addr::new(10, 255, 0, 1), 80).into(),
        )
    }

    pub(crate) fn between(client: SocketAddr, server: SocketAddr) -> Flow {
        let seed = u32::from(client.port()).wrapping_mul(0x9e37_79b9);
        Flow {
            address: PerSide { client, server },
            next: PerSide {
                client: seed,
                server: !seed,
            },
            segment: Segment {
                time: Timestamp(0),
                source: client,
                destination: server,
                seq: 0,
                ack: 0,
                flags: 0,
                window: 65_000,
                ttl: 64,
                ip_id: 0,
                options: Vec::new(),
                payload: Vec::new(),
            },
            unacknowledged: 0,
            last: None,
        }
    }

    pub(crate) fn connect(&mut self, wire: &mut Wire) -> io::Result<()> {
        self.send(Side::Client, SYN, b"", wire)?;
        self.send(Side::Server, SYN | ACK, b"", wire)?;
        self.send(Side::Client, ACK, b"", wire)
    }

    /// Connects and upgrades; `extensions` is what both sides say of them, or empty.
    pub(crate) fn upgrade(&mut self, extensions: &str, wire: &mut Wire) -> io::Result<()> {
        self.upgrade_to("/", extensions, wire)
    }

    /// The same, at this request target.
    pub(crate) fn upgrade_to(
        &mut self,
        target: &str,
        extensions: &str,
        wire: &mut Wire,
    ) -> io::Result<()> {
        let header = [("Sec-WebSocket-Extensions", extensions)];
        let more = &header[..usize::from(!extensions.is_empty())];
        self.connect(wire)?;
        self.send(
            Side::Client,
            PSH | ACK,
            &upgrade_request(target, more),
            wire,
        )?;
        self.send(Side::Server, PSH | ACK, &upgrade_response(more), wire)
    }

    /// `side` sends `bytes` in full segments; its peer acknowledges every `every` of them.
    pub(crate) fn data(
        &mut self,
        side: Side,
        bytes: &[u8],
        every: u32,
        wire: &mut Wire,
    ) -> io::Result<()> {
        for chunk in bytes.chunks(SEGMENT) {
            self.send(side, PSH | ACK, chunk, wire)?;
            self.unacknowledged += 1;
            if self.unacknowledged >= every {
                self.unacknowledged = 0;
                self.send(side.peer(), ACK, b"", wire)?;
            }
        }
        Ok(())
    }

    pub(crate) fn fin(&mut self, wire: &mut Wire) -> io::Result<()> {
        self.send(Side::Client, FIN | ACK, b"", wire)?;
        self.send(Side::Server, FIN | ACK, b"", wire)?;
        self.send(Side::Client, ACK, b"", wire)
    }

    /// Sends one segment.
    pub(crate) fn send(
        &mut self,
        side: Side,
        flags: u8,
        payload: &[u8],
        wire: &mut Wire,
    ) -> io::Result<()> {
        let seq = self.next[side];
        let numbered = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        self.next[side] = seq.wrapping_add(numbered);
        self.raw(side, seq, flags, payload, wire)
    }

    /// Sends a segment with any sequence number.
    pub(crate) fn raw(
        &mut self,
        side: Side,
        seq: u32,
        flags: u8,
        payload: &[u8],
        wire: &mut Wire,
    ) -> io::Result<()> {
        self.prepare(side, seq, flags, payload);
        wire.tcp(&self.segment)
    }

    /// `side` sends its latest data once more, some packets late; with `overlap`, together with half of the data before
    /// it, as a sender that repackets does.
    pub(crate) fn again(&mut self, side: Side, overlap: bool, wire: &mut Wire) {
        let current = self.segment.clone();
        let mut repeated = current.clone();
        if let Some(last) = self.last.as_ref().filter(|last| {
            overlap
                && last.source == self.address[side]
                && last.seq.wrapping_add(last.payload.len() as u32) == current.seq
        }) {
            let half = last.payload.len() / 2;
            repeated.seq = last.seq.wrapping_add(half as u32);
            repeated.payload = [&last.payload[half..], &current.payload].concat();
        }
        wire.tcp_late(&repeated, 40);
    }

    /// `side` sends data that may be sent again: what [`Flow::again`] repeats.
    pub(crate) fn remember(&mut self) {
        if !self.segment.payload.is_empty() {
            self.last = Some(self.segment.clone());
        }
    }

    /// `len` bytes of `side` that the capture never sees.
    pub(crate) fn lose(&mut self, side: Side, len: u32) {
        self.next[side] = self.next[side].wrapping_add(len);
    }

    pub(crate) fn next_sequence(&self, side: Side) -> u32 {
        self.next[side]
    }

    fn prepare(&mut self, side: Side, seq: u32, flags: u8, payload: &[u8]) {
        let ack = self.next[side.peer()];
        let segment = &mut self.segment;
        segment.source = self.address[side];
        segment.destination = self.address[side.peer()];
        segment.seq = seq;
        segment.ack = if flags & ACK == 0 { 0 } else { ack };
        segment.flags = flags;
        segment.ip_id = segment.ip_id.wrapping_add(1);
        segment.payload.clear();
        segment.payload.extend_from_slice(payload);
    }
}
