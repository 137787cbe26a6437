//! What else a capture holds beside its WebSockets: requests over HTTP and their answers, TLS and QUIC by the server that is
//! asked for.
//!
//! Nothing of it is kept while a capture is read. When somebody looks, the packets are gone through once, in slices, and
//! what is found is listed with the packets it lies in; heads and bodies are read from those when one of them is chosen.

mod ends;
mod exchange;
mod http_flow;
mod row;
mod tcp_flow;

use std::net::SocketAddr;

use hashbrown::HashMap;

use crate::base::PacketNumber;
use crate::flow::route;
use crate::quic::{self, Hello};
use crate::store::{Packet, Store, WHOLE};
use crate::wire::{Carried, Endpoint, Envelope, FlowKey, Segment, TcpFlags};

use super::packets::hello;

pub use exchange::{Content, Exchange};
use row::Rows;
pub use row::{Part, TrafficKind, TrafficRow};
use tcp_flow::TcpFlow;

/// Flows that are looked into at once; those that come when there are more are not.
const FLOWS: usize = 200_000;
/// Bytes kept for flows that are looked into: pieces that wait for others, heads that are not whole.
const KEPT: usize = 32 << 20;

/// Flows of QUIC whose hello is not whole, at once; of those that come when there are more, nobody says whom they ask for.
const HELLOS: usize = 4096;

/// A flow that is looked into.
#[derive(Debug)]
enum Flow {
    Tcp(Box<TcpFlow>),
    /// With whom it asks for, until that is known.
    Quic(u32, Option<Box<Hello>>),
    /// Nothing more is to be learnt of it; the row that lists it.
    Over(Option<u32>),
}

/// What is found, and how far.
#[derive(Debug, Default)]
pub struct Traffic {
    rows: Rows,
    flows: HashMap<FlowKey, Flow>,
    kept: usize,
    /// Flows of QUIC whose hello is not whole.
    hellos: usize,
    /// Packets gone through.
    at: usize,
    /// Flows that found no room.
    unseen: u64,
}

impl Traffic {
    /// Whether there are packets to go through.
    #[must_use]
    pub fn is_scanning(&self, store: &Store) -> bool {
        self.at < store.packets_of_flow(WHOLE)
    }

    /// How much of a hundred is gone through.
    #[must_use]
    pub fn percent(&self, store: &Store) -> usize {
        self.at * 100 / store.packets_of_flow(WHOLE).max(1)
    }

    /// What is listed, in the order of first packets.
    #[must_use]
    pub fn rows(&self) -> &[TrafficRow] {
        &self.rows.list
    }

    /// What is there and not listed for lack of room: rows, and flows.
    #[must_use]
    pub fn left_out(&self) -> u64 {
        self.rows.left_out + self.unseen
    }

    /// Goes through up to `count` more packets.
    pub fn scan(&mut self, store: &Store, count: usize) {
        for entry in store.flow_packets(WHOLE, self.at).take(count) {
            self.at += 1;
            if let Some(packet) = store.read(&entry) {
                self.packet(&packet);
            }
        }
    }

    fn packet(&mut self, packet: &Packet) {
        let envelope = Envelope::of(packet.link, &packet.bytes, packet.original);
        match &envelope.carried {
            Carried::Tcp(segment) => self.segment(packet, segment),
            Carried::Udp { payload, .. } => {
                let bytes = packet.bytes.get(payload.clone()).unwrap_or_default();
                if let Some((source, destination)) = envelope.ends() {
                    self.datagram(packet, source, destination, bytes);
                }
            }
            _ => {}
        }
    }

    fn segment(&mut self, packet: &Packet, segment: &Segment) {
        let (key, end) = route(segment.key);
        let opens = segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
        let known = self.flows.get_mut(&key);
        let flow = match known {
            Some(Flow::Tcp(flow)) if opens && flow.is_another(end, segment.seq) => None,
            Some(Flow::Over(_)) if opens => None,
            Some(Flow::Tcp(flow)) => Some(flow),
            Some(Flow::Over(row)) => {
                self.rows.goes_on(*row, packet, segment);
                return;
            }
            Some(Flow::Quic(..)) => return,
            None => None,
        };
        let flow = match flow {
            Some(flow) => flow,
            None => {
                if self.flows.len() >= FLOWS && !self.flows.contains_key(&key) {
                    self.unseen += 1;
                    return;
                }
                if let Some(Flow::Tcp(mut old)) = self.flows.remove(&key) {
                    old.finish(&mut self.rows, packet);
                    self.kept = self.kept.saturating_sub(old.kept());
                }
                let flow = Flow::Tcp(Box::new(TcpFlow::new(key, end)));
                match self.flows.entry(key).insert(flow).into_mut() {
                    Flow::Tcp(flow) => flow,
                    _ => return,
                }
            }
        };
        let before = flow.kept();
        let has_room = self.kept < KEPT;
        flow.segment(&mut self.rows, packet, segment, end, has_room);
        self.kept = (self.kept + flow.kept()).saturating_sub(before);
        if flow.is_over() || !has_room && flow.kept() > 0 {
            let (row, kept) = (flow.row(), flow.kept());
            self.kept = self.kept.saturating_sub(kept);
            self.flows.insert(key, Flow::Over(row));
        }
    }

    fn datagram(
        &mut self,
        packet: &Packet,
        source: SocketAddr,
        destination: SocketAddr,
        bytes: &[u8],
    ) {
        let (from, to) = (
            Endpoint::new(source.ip(), source.port()),
            Endpoint::new(destination.ip(), destination.port()),
        );
        // Ports of UDP and of TCP are different ports.
        let (key, _) = FlowKey {
            source: from,
            destination: to,
            scope: u32::MAX,
        }
        .canonical();
        let is_new = !self.flows.contains_key(&key);
        if is_new {
            if quic::long_type(bytes).is_none() {
                return;
            }
            if self.flows.len() >= FLOWS {
                self.unseen += 1;
                return;
            }
            let row = TrafficRow::new(TrafficKind::Quic, packet, source, destination);
            let Some(row) = self.rows.push(row) else {
                return;
            };
            let hello = (self.hellos < HELLOS).then(Box::default);
            self.hellos += usize::from(hello.is_some());
            self.flows.insert(key, Flow::Quic(row, hello));
        }
        let Some(Flow::Quic(row, quic)) = self.flows.get_mut(&key) else {
            return;
        };
        let Some(listed) = self.rows.get(*row) else {
            return;
        };
        let is_client = listed.client == source;
        listed.count(packet, is_client, bytes.len() as u64);
        let Some(open) = quic.as_mut().filter(|_| is_client) else {
            return;
        };
        let names = open.push(bytes);
        let is_over = names.is_some() || open.is_over();
        if let Some(names) = names {
            listed.text = hello(&names).into();
            listed.host = names.server_name.unwrap_or_default().into();
        }
        if is_over {
            *quic = None;
            self.hellos -= 1;
        }
    }

    /// The rows from a place on of the client of a connection that ask the same host or the same address: what came before
    /// it and after.
    #[must_use]
    pub fn around(&self, store: &Store, connection: u32, from: usize) -> Vec<u32> {
        let Some(entry) = store.connection(connection) else {
            return Vec::new();
        };
        let known = &entry.connection;
        let host = known.request().and_then(crate::http::authority);
        let host = host.map(String::from_utf8_lossy).unwrap_or_default();
        let is_host = |row: &TrafficRow| {
            !host.is_empty() && without_port(&row.host).eq_ignore_ascii_case(without_port(&host))
        };
        let fits = |row: &TrafficRow| {
            row.client.ip() == known.client.ip()
                && (row.server.ip() == known.server.ip() || is_host(row))
        };
        let all = self.rows.list.iter().zip(0u32..).skip(from);
        all.filter(|(row, _)| fits(row)).map(|(_, at)| at).collect()
    }

    /// The place of the first row of these that begins with this packet or after it.
    #[must_use]
    pub fn place(&self, of: Option<&[u32]>, packet: PacketNumber) -> usize {
        let is_before = |row: &u32| {
            let row = self.rows.list.get(*row as usize);
            row.is_some_and(|row| row.first < packet)
        };
        match of {
            Some(of) => of.partition_point(is_before),
            None => self.rows.list.partition_point(|row| row.first < packet),
        }
    }
}

fn without_port(host: &str) -> &str {
    match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    }
}
