//! The ladder of a connection: who sent what when, between two lifelines, from the first SYN to the end.
//!
//! ```text
//!        client                        server
//!   0.000  |--- SYN ------------------->|
//!   0.001  |<-- SYN, ACK ---------------|
//!   0.002  |--- GET, upgrade ---------->|
//! ```
//!
//! It says what kind of thing crossed and how long it was, never what was in it: whoever draws a ladder may add that. Rungs
//! in the middle of a long connection are counted, not listed.

pub mod svg;
pub mod text;

use std::net::SocketAddr;

use crate::base::{Limits, PacketNumber, Severity, Side, Timestamp};
use crate::engine::{Connection, SeenHead, Tunnel};
use crate::store::{Entry, PacketEntry, Store};
use crate::tls;
use crate::websocket::{Opcode, close};
use crate::wire::{TcpFlags, Walker};

/// Packets of a flow looked at when everything is to be shown.
const ALL_PACKETS: usize = 8192;
/// Segments sent again, and others of TCP's own, that are drawn.
const AGAIN: usize = 200;
/// Packets looked at from each end of a flow for how TCP and TLS opened and ended.
const PACKETS: usize = 16;
/// Findings noted beside the rungs.
const FINDINGS: usize = 24;

/// One end of the ladder.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lifeline {
    /// What it is: client, server or proxy.
    pub name: &'static str,
    /// Its address.
    pub address: SocketAddr,
}

/// What a rung stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RungKind {
    /// A TCP segment that opens or ends the flow.
    Tcp,
    /// A TLS record.
    Tls,
    /// A head of HTTP.
    Http,
    /// A frame, by its index in the store.
    Frame(u32),
    /// A finding about what stands above it.
    Finding(Severity),
    /// So many rungs are left out here.
    LeftOut(usize),
    /// Nothing crossed for so many nanoseconds.
    Gap(i64),
}

/// One event between the lifelines.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rung {
    /// The packet that completed it.
    pub packet: Option<PacketNumber>,
    /// When that was.
    pub time: Option<Timestamp>,
    /// Who sent it; `None` for notes.
    pub from: Option<Side>,
    /// What it stands for.
    pub kind: RungKind,
    /// What is written on it; plain words, no bytes of the wire.
    pub label: String,
}

impl Rung {
    /// Its turn among what one packet brought: findings behind what they are about, the end last.
    fn turn(&self) -> u8 {
        match self.kind {
            RungKind::Tcp if self.label.starts_with("SYN") => 0,
            RungKind::Tcp => 3,
            RungKind::Finding(_) => 2,
            _ => 1,
        }
    }
}

/// The events of one connection, or of a flow that never became one.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ladder {
    /// The client and the server.
    pub lifelines: [Lifeline; 2],
    /// The time of the first rung.
    pub start: Timestamp,
    /// The events in packet order.
    pub rungs: Vec<Rung>,
}

impl Ladder {
    /// The ladder of a connection with at most about `most` rungs; `None` when there is no such connection.
    #[must_use]
    pub fn of_connection(store: &Store, index: u32, most: usize) -> Option<Self> {
        let entry = store.connection(index)?;
        let known = &*entry.connection;
        let mut rungs = Vec::new();
        // The TCP flow is the connection's own, unless it is a stream among others.
        if known.stream.is_none()
            && let Some(flow) = store.flow_of(index)
        {
            let names_data = known.is_encrypted;
            rungs.extend(packets(store, flow, known.client, names_data));
        }
        rungs.extend(heads(known));
        rungs.extend(frames(store, entry, most));
        rungs.extend(findings(store, entry));
        let server = match known.tunnel {
            Some(_) => "proxy",
            None => "server",
        };
        Some(Self::new(known.client, (server, known.server), rungs))
    }

    /// The same with everything between: segments that were sent again, and silence of a second and more.
    #[must_use]
    pub fn in_full(store: &Store, index: u32, most: usize) -> Option<Self> {
        let mut ladder = Self::of_connection(store, index, most)?;
        let known = &store.connection(index)?.connection;
        if known.stream.is_none()
            && let Some(flow) = store.flow_of(index)
        {
            ladder.rungs.extend(sent_again(store, flow, known.client));
            ladder.rungs.sort_by_key(|rung| (rung.packet, rung.turn()));
        }
        ladder.show_gaps(SILENCE);
        Some(ladder)
    }

    /// Notes where nothing crossed for so long.
    fn show_gaps(&mut self, least: i64) {
        let mut before: Option<Timestamp> = None;
        let mut rungs = Vec::with_capacity(self.rungs.len());
        for rung in self.rungs.drain(..) {
            if let (Some(before), Some(time)) = (before, rung.time)
                && time.since(before) >= least
            {
                let gap = time.since(before);
                rungs.push(Rung {
                    packet: None,
                    time: None,
                    from: None,
                    kind: RungKind::Gap(gap),
                    label: format!("⋮ {:.3} s of silence ⋮", gap as f64 / 1e9),
                });
            }
            before = rung.time.or(before);
            rungs.push(rung);
        }
        self.rungs = rungs;
    }

    /// The ladder of a flow that never became a connection.
    #[must_use]
    pub fn of_flow(store: &Store, flow: u32, client: SocketAddr, server: SocketAddr) -> Self {
        let rungs = packets(store, flow, client, true);
        Self::new(client, ("server", server), rungs)
    }

    fn new(client: SocketAddr, server: (&'static str, SocketAddr), mut rungs: Vec<Rung>) -> Self {
        // Stable: what one packet brought stays in the order above.
        rungs.sort_by_key(|rung| (rung.packet, rung.turn()));
        let start = rungs.iter().find_map(|rung| rung.time).unwrap_or_default();
        let client = Lifeline {
            name: "client",
            address: client,
        };
        let server = Lifeline {
            name: server.0,
            address: server.1,
        };
        Self {
            lifelines: [client, server],
            start,
            rungs,
        }
    }
}

/// How the flow opened and ended, from the packets at both ends of it; with `names_data`, also what its first bytes are.
fn packets(store: &Store, flow: u32, client: SocketAddr, names_data: bool) -> Vec<Rung> {
    let count = store.packets_of_flow(flow);
    let tail = count.saturating_sub(PACKETS).max(PACKETS.min(count));
    let places = (0..PACKETS.min(count)).chain(tail..count);
    let mut walker = Walker::new(&Limits::default());
    let entries = places.filter_map(|at| store.flow_packet(flow, at));
    entries
        .filter_map(|entry| packet(store, &mut walker, &entry, client, names_data))
        .collect()
}

fn packet(
    store: &Store,
    walker: &mut Walker,
    entry: &PacketEntry,
    client: SocketAddr,
    names_data: bool,
) -> Option<Rung> {
    let packet = store.read(entry)?;
    let walked = walker.segment(packet.link, packet.time, &packet.bytes, packet.original);
    let walked = walked.ok()?;
    let segment = walked.segment();
    let source = segment.key.source;
    let from = match (source.address(), source.port()) == (client.ip(), client.port()) {
        true => Side::Client,
        false => Side::Server,
    };
    // Of a datagram put together the bytes lie elsewhere; what it opened or ended still shows.
    let payload = segment.payload(&packet.bytes);
    let (kind, label) = match flags(segment.flags) {
        Some(label) => (RungKind::Tcp, label.to_owned()),
        None if names_data && !payload.is_empty() => data(payload)?,
        None => return None,
    };
    Some(Rung {
        packet: Some(packet.number),
        time: Some(packet.time),
        from: Some(from),
        kind,
        label,
    })
}

/// Silence that is shown, in nanoseconds.
const SILENCE: i64 = 1_000_000_000;

/// Segments whose bytes were sent before.
fn sent_again(store: &Store, flow: u32, client: SocketAddr) -> Vec<Rung> {
    let mut walker = Walker::new(&Limits::default());
    let mut reached: [Option<u32>; 2] = [None; 2];
    let mut rungs = Vec::new();
    for entry in store.flow_packets(flow, 0).take(ALL_PACKETS) {
        let Some(packet) = store.read(&entry) else {
            continue;
        };
        let walked = walker.segment(packet.link, packet.time, &packet.bytes, packet.original);
        let Ok(walked) = walked else { continue };
        let segment = walked.segment();
        let source = segment.key.source;
        let from = match (source.address(), source.port()) == (client.ip(), client.port()) {
            true => Side::Client,
            false => Side::Server,
        };
        let len = segment.payload.end - segment.payload.start + segment.missing;
        let end = segment.seq.wrapping_add(len);
        let known = &mut reached[from as usize];
        let is_again = len > 0 && known.is_some_and(|known| (end.wrapping_sub(known) as i32) <= 0);
        if len > 0 && !is_again {
            *known = Some(end);
        }
        if is_again && rungs.len() < AGAIN {
            rungs.push(Rung {
                packet: Some(packet.number),
                time: Some(packet.time),
                from: Some(from),
                kind: RungKind::Tcp,
                label: format!("retransmission, {len} bytes"),
            });
        }
    }
    rungs
}

/// What a segment opens or ends.
fn flags(flags: TcpFlags) -> Option<&'static str> {
    [
        (TcpFlags::RST, "RST"),
        (TcpFlags(TcpFlags::SYN.0 | TcpFlags::ACK.0), "SYN, ACK"),
        (TcpFlags::SYN, "SYN"),
        (TcpFlags::FIN, "FIN"),
    ]
    .into_iter()
    .find_map(|(wanted, name)| flags.has(wanted).then_some(name))
}

/// What bytes begin with, as far as it is told by the first of them.
fn data(bytes: &[u8]) -> Option<(RungKind, String)> {
    if tls::looks_like(bytes) {
        let name = match (bytes.first(), bytes.get(5)) {
            (Some(22), Some(1)) => "ClientHello",
            (Some(22), Some(2)) => "ServerHello",
            (Some(22), _) => "handshake",
            (Some(20), _) => "change cipher spec",
            (Some(21), _) => "alert",
            // Application data says nothing; what was read of it has rungs of its own.
            _ => return None,
        };
        return Some((RungKind::Tls, format!("TLS {name}")));
    }
    let is_word = |word: &&[u8]| bytes.starts_with(word);
    let methods: [&[u8]; 3] = [b"GET ", b"CONNECT ", b"HTTP/1."];
    methods
        .iter()
        .find(|word| is_word(word))
        .map(|word| match *word {
            b"GET " => (RungKind::Http, "GET".to_owned()),
            b"CONNECT " => (RungKind::Http, "CONNECT".to_owned()),
            _ => (RungKind::Http, "HTTP answer".to_owned()),
        })
}

fn heads(known: &Connection) -> Vec<Rung> {
    let tunnel = known.tunnel.as_deref().and_then(Tunnel::heads);
    let shake = known.handshake.as_deref();
    let all = [
        (Side::Client, tunnel.map(|(request, _)| request), "CONNECT"),
        (
            Side::Server,
            tunnel.and_then(|(_, response)| response),
            "answer",
        ),
        (
            Side::Client,
            shake.and_then(|shake| shake.request.as_ref()),
            "upgrade",
        ),
        (
            Side::Server,
            shake.and_then(|shake| shake.response.as_ref()),
            "answer",
        ),
    ];
    all.into_iter()
        .filter_map(|(from, seen, what)| Some(head(from, seen?, what)))
        .collect()
}

fn head(from: Side, seen: &SeenHead, what: &str) -> Rung {
    let label = match (from, seen.head.status()) {
        (Side::Server, Some(101)) => "101 Switching Protocols".to_owned(),
        (Side::Server, Some(status)) => format!("HTTP {status}"),
        (Side::Client, _) if what == "upgrade" => "HTTP request to upgrade".to_owned(),
        _ => format!("HTTP {what}"),
    };
    Rung {
        packet: Some(seen.packet),
        time: Some(seen.time),
        from: Some(from),
        kind: RungKind::Http,
        label,
    }
}

/// The first frames, the last ones, and how many are left out between them.
fn frames(store: &Store, entry: &Entry, most: usize) -> Vec<Rung> {
    let count = entry.frames.len();
    let (first, last) = match count > most {
        true => (most - most / 3, most / 3),
        false => (count, 0),
    };
    let mut rungs: Vec<_> = (0..first)
        .filter_map(|at| frame(store, entry.frames.get(at)?))
        .collect();
    let left_out = count - first - last;
    if left_out > 0 {
        rungs.push(Rung {
            packet: rungs.last().and_then(|rung| rung.packet),
            time: None,
            from: None,
            kind: RungKind::LeftOut(left_out),
            label: format!("{left_out} frames more"),
        });
    }
    rungs.extend((count - last..count).filter_map(|at| frame(store, entry.frames.get(at)?)));
    rungs
}

fn frame(store: &Store, index: u32) -> Option<Rung> {
    let record = store.frame(index)?;
    let header = record.header(store.odd(index));
    let opcode = record.opcode();
    let mut label = opcode.name().to_owned();
    if opcode == Opcode::Close
        && let Some(code) = store
            .payload(index, 2)
            .and_then(|body| close::body(&body).0)
    {
        label.push_str(&format!(" {} {}", code.0, code.name()));
    } else {
        let length = header.payload_length;
        let unit = if length == 1 { "byte" } else { "bytes" };
        label.push_str(&format!(", {length} {unit}"));
    }
    for (is_so, word) in [
        (record.is_compressed(), ", compressed"),
        (!header.fin(), ", goes on"),
        (record.is_cut(), ", not all captured"),
    ] {
        label.push_str(if is_so { word } else { "" });
    }
    Some(Rung {
        packet: Some(record.packet()),
        time: Some(record.time()),
        from: Some(record.from()),
        kind: RungKind::Frame(index),
        label,
    })
}

fn findings(store: &Store, entry: &Entry) -> Vec<Rung> {
    let own = entry.findings.iter();
    let own = own.filter_map(|at| store.findings().get(*at as usize));
    let worth = own.filter(|record| record.finding.code.severity() > Severity::Note);
    worth
        .take(FINDINGS)
        .map(|record| {
            let code = record.finding.code;
            Rung {
                packet: Some(record.packet),
                time: None,
                from: None,
                kind: RungKind::Finding(code.severity()),
                label: format!("{}: {}", code.severity(), code.name()),
            }
        })
        .collect()
}
