//! A TCP flow while it is not known what it speaks, and while it speaks HTTP.

use crate::base::{PacketNumber, Timestamp};
use crate::flow::{Assembler, Delivery, End, Incoming};
use crate::http;
use crate::store::Packet;
use crate::tls::{self, HelloNames};
use crate::view::packets::hello;
use crate::wire::{FlowKey, Segment, TcpFlags};

use super::ends::FlowEnds;
use super::http_flow::{After, HttpFlow};
use super::row::{Rows, TrafficKind};

/// Bytes of an end that are looked at before it is given up.
const LOOKED_AT: usize = 16 << 10;
/// Bytes that wait for others before them, of one end.
const WAITING: usize = 256 << 10;
/// Runs of bytes passed over before a flow that was joined in the middle is given up.
const JOINED: u8 = 64;
/// What HTTP/2 begins with (RFC 9113 section 3.4).
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

/// What it speaks.
#[derive(Debug)]
enum Speaks {
    /// Not known yet: what came of each end.
    Unknown([Vec<u8>; 2]),
    Http(Box<HttpFlow>),
    /// It is listed, or nothing that is listed.
    Other,
}

/// The flow.
#[derive(Debug)]
pub(super) struct TcpFlow {
    key: FlowKey,
    client: End,
    assemblers: [Assembler; 2],
    inside: Inside,
}

/// What the assemblers deliver to.
#[derive(Debug)]
struct Inside {
    speaks: Speaks,
    /// The row that lists it as a whole.
    row: Option<u32>,
    ends: FlowEnds,
    /// Whether its first packet was seen.
    is_whole: bool,
    /// Runs of bytes that were nothing that is listed, in a flow that was joined in the middle.
    passed: u8,
}

impl TcpFlow {
    /// A flow whose first packet came from this end.
    pub(super) fn new(key: FlowKey, from: End) -> Self {
        let (low, high) = (key.source.socket(), key.destination.socket());
        let (client, server) = match from {
            End::Low => (low, high),
            End::High => (high, low),
        };
        Self {
            key,
            client: from,
            assemblers: Default::default(),
            inside: Inside {
                speaks: Speaks::Unknown(Default::default()),
                row: None,
                is_whole: false,
                passed: 0,
                ends: FlowEnds {
                    client,
                    server,
                    bases: [0; 2],
                    now: (PacketNumber(0), Timestamp::default()),
                },
            },
        }
    }

    /// Whether a SYN with this number begins another flow between the same ends.
    pub(super) fn is_another(&self, from: End, seq: u32) -> bool {
        let own = &self.assemblers[from as usize];
        own.is_started() && !own.began_with(seq)
    }

    pub(super) fn is_over(&self) -> bool {
        let ended = self.assemblers.iter().all(Assembler::is_ended);
        ended || matches!(self.inside.speaks, Speaks::Other)
    }

    /// The row that lists the flow as a whole.
    pub(super) fn row(&self) -> Option<u32> {
        self.inside.row
    }

    /// Bytes kept for it.
    pub(super) fn kept(&self) -> usize {
        let waiting: usize = self.assemblers.iter().map(Assembler::held_cost).sum();
        waiting
            + match &self.inside.speaks {
                Speaks::Unknown(came) => came.iter().map(Vec::capacity).sum(),
                Speaks::Http(http) => http.kept(),
                Speaks::Other => 0,
            }
    }

    /// Takes a segment from one end.
    pub(super) fn segment(
        &mut self,
        rows: &mut Rows,
        packet: &Packet,
        segment: &Segment,
        from: End,
        has_room: bool,
    ) {
        self.inside.ends.now = (packet.number, packet.time);
        let waiting = if has_room { WAITING } else { 0 };
        let (own, peer) = match from {
            End::Low => (0, 1),
            End::High => (1, 0),
        };
        // An answer to a SYN that was not captured tells who asked.
        let answers = segment.flags.has(TcpFlags::SYN) && segment.flags.has(TcpFlags::ACK);
        if answers && !self.assemblers[peer].is_started() {
            self.turn(from.peer());
        }
        let inside = &mut self.inside;
        let client = self.client;
        let end_of = |at: usize| if at == 0 { End::Low } else { End::High };
        if segment.flags.has(TcpFlags::SYN) {
            inside.is_whole = true;
            inside.ends.bases[own] = segment.seq.wrapping_add(1);
            self.assemblers[own].syn(segment.seq, &mut |delivery| {
                inside.take(rows, end_of(own) == client, own, delivery);
            });
        }
        let is_first = !self.assemblers[own].is_started();
        let payload = segment.payload(&packet.bytes);
        if is_first && (!payload.is_empty() || segment.flags.has(TcpFlags::FIN)) {
            inside.ends.bases[own] = segment.seq;
        }
        let skipped = u32::from(segment.flags.has(TcpFlags::SYN));
        if !payload.is_empty() || segment.missing > 0 || segment.flags.has(TcpFlags::FIN) {
            let incoming = Incoming {
                seq: segment.seq.wrapping_add(skipped),
                payload,
                missing: segment.missing,
                fin: segment.flags.has(TcpFlags::FIN),
                packet: packet.number,
                packet_offset: None,
                time: packet.time,
            };
            self.assemblers[own].push(incoming, waiting, &mut |delivery| {
                inside.take(rows, end_of(own) == client, own, delivery);
            });
        }
        if segment.flags.has(TcpFlags::ACK) {
            self.assemblers[peer].acked(segment.ack, packet.time, &mut |delivery| {
                inside.take(rows, end_of(peer) == client, peer, delivery);
            });
        }
        if segment.flags.has(TcpFlags::RST) {
            self.finish(rows, packet);
        }
    }

    /// The other end is the client.
    fn turn(&mut self, client: End) {
        if self.client != client {
            self.client = client;
            let inside = &mut self.inside;
            std::mem::swap(&mut inside.ends.client, &mut inside.ends.server);
        }
        debug_assert_ne!(self.key.source, self.key.destination);
    }

    /// Nothing more comes.
    pub(super) fn finish(&mut self, rows: &mut Rows, packet: &Packet) {
        self.inside.ends.now = (packet.number, packet.time);
        let (inside, client) = (&mut self.inside, self.client as usize);
        for (at, assembler) in self.assemblers.iter_mut().enumerate() {
            assembler.finish(&mut |delivery| inside.take(rows, at == client, at, delivery));
        }
        inside.speaks = Speaks::Other;
    }
}

impl Inside {
    fn take(&mut self, rows: &mut Rows, is_client: bool, end: usize, delivery: Delivery<'_>) {
        match delivery {
            Delivery::Bytes { offset, bytes, .. } => {
                self.bytes(rows, is_client, end, offset, bytes)
            }
            Delivery::Gap { len, .. } => match &mut self.speaks {
                Speaks::Http(http) => http.gap(is_client, len),
                Speaks::Unknown(_) => self.speaks = self.passed_over(),
                Speaks::Other => {}
            },
            Delivery::End if matches!(self.speaks, Speaks::Http(_)) => {
                let now = self.ends.now;
                if let Speaks::Http(http) = &mut self.speaks {
                    http.ended(rows, is_client, now);
                }
            }
            _ => {}
        }
    }

    fn bytes(&mut self, rows: &mut Rows, is_client: bool, end: usize, offset: u64, bytes: &[u8]) {
        let mut speaks = std::mem::replace(&mut self.speaks, Speaks::Other);
        if let Speaks::Http(http) = &mut speaks {
            self.speaks = match http.push(rows, &self.ends, is_client, (end, offset), bytes) {
                After::Http => speaks,
                // Behind an accepted CONNECT another protocol begins.
                After::Tunnel => Speaks::Unknown(Default::default()),
                After::Other => Speaks::Other,
            };
            return;
        }
        let Speaks::Unknown(mut came) = speaks else {
            return;
        };
        came[end].extend_from_slice(bytes);
        let first = offset + bytes.len() as u64 - came[end].len() as u64;
        self.speaks = self.recognise(rows, is_client, end, first, came);
    }

    /// What it speaks, from what came of both ends so far.
    fn recognise(
        &mut self,
        rows: &mut Rows,
        is_client: bool,
        end: usize,
        first: u64,
        came: [Vec<u8>; 2],
    ) -> Speaks {
        let bytes = &came[end];
        if bytes.len() > LOOKED_AT {
            return Speaks::Other;
        }
        if bytes.starts_with(&PREFACE[..PREFACE.len().min(bytes.len())]) && bytes.len() > 3 {
            self.list(rows, TrafficKind::Http2, "prior knowledge".to_owned(), "");
            return Speaks::Other;
        }
        if tls::looks_like(bytes) {
            return self.tls(rows, is_client, end, came);
        }
        match http::looks_like(bytes) {
            None => self.passed_over(),
            Some(http::Role::Undecided) => Speaks::Unknown(came),
            Some(role) => {
                let asks = role == http::Role::Request;
                if asks != is_client {
                    // Joined in the middle: roles follow from what is said.
                    std::mem::swap(&mut self.ends.client, &mut self.ends.server);
                }
                let mut http = HttpFlow::new(asks != is_client);
                let after = http.push(rows, &self.ends, is_client, (end, first), bytes);
                match after {
                    After::Http => Speaks::Http(Box::new(http)),
                    After::Tunnel => Speaks::Unknown(Default::default()),
                    After::Other => Speaks::Other,
                }
            }
        }
    }

    /// These bytes are nothing that is listed: neither is the flow, unless it was joined in the middle of something.
    fn passed_over(&mut self) -> Speaks {
        self.passed = self.passed.saturating_add(1);
        match self.is_whole || self.passed > JOINED {
            true => Speaks::Other,
            false => Speaks::Unknown(Default::default()),
        }
    }

    fn tls(&mut self, rows: &mut Rows, is_client: bool, end: usize, came: [Vec<u8>; 2]) -> Speaks {
        let bytes = &came[end];
        let is_hello = bytes.get(5).is_none_or(|kind| *kind == 1);
        let needed = bytes.get(3..5).map_or(usize::MAX, |len| {
            5 + usize::from(u16::from_be_bytes([len[0], len[1]]))
        });
        if is_client && is_hello && bytes.len() < needed.min(LOOKED_AT) {
            return Speaks::Unknown(came);
        }
        let names = HelloNames::of_stream(bytes).unwrap_or_default();
        let host = names.server_name.clone().unwrap_or_default();
        self.list(rows, TrafficKind::Tls, hello(&names), &host);
        Speaks::Other
    }

    /// Lists the flow as a whole.
    fn list(&mut self, rows: &mut Rows, kind: TrafficKind, text: String, host: &str) {
        let mut row = self.ends.row(kind);
        (row.text, row.host) = (text.into(), host.into());
        self.row = rows.push(row);
    }
}
