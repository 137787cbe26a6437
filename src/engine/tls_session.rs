//! A flow that speaks TLS: its records opened where there is a key, and a session of its own for what was inside.
//!
//! Positions of the session inside count decrypted bytes. Their provenance stays whole: a decrypted run of bytes is
//! handed on with every packet of its record.

use std::net::SocketAddr;

use crate::base::{Code, Finding, Needs, PacketNumber, PerSide, Side, Span, Timestamp, escape};
use crate::flow::End;
use crate::tls::{self, AlertDescription, AlertLevel, KeyLog};

use super::connection::{EndedBy, Tunnel, heads_memory};
use super::context::{Chunk, Context};
use super::provenance::Provenance;
use super::session::Session;
use super::sink::{Plaintext, Sink};
use super::unknown_session::UnknownSession;

/// Layers of TLS followed one inside the other (a proxy spoken to in TLS gives two).
pub(super) const LAYERS: u8 = 4;

/// A TCP flow that spoke TLS, and how it ended.
#[derive(Clone, Copy, Debug)]
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
    /// WebSocket connections, and attempts at them, that were told of the flow.
    pub connections: u32,
    /// What ended it.
    pub ended_by: EndedBy,
    /// Who ended TCP first.
    pub closed_by: Option<Side>,
}

/// TLS in both directions.
pub(super) struct TlsSession {
    connection: tls::Connection,
    content: Content,
    client: End,
    tunnel: Option<Box<Tunnel>>,
    /// Findings told that are about no connection inside.
    told: u32,
    /// Whether the server name was noted.
    is_named: bool,
}

/// What is decrypted.
struct Content {
    inner: Session,
    /// Something was decrypted, so that there is a session inside.
    is_open: bool,
    sides: PerSide<Half>,
    layer: u8,
    /// A reused buffer.
    packets: Vec<PacketNumber>,
}

#[derive(Default)]
struct Half {
    /// Where TLS begins in the end's stream.
    base: Option<u64>,
    provenance: Provenance,
    /// Where the plaintext at hand begins.
    latest: u64,
    /// Position of the next decrypted byte.
    position: u64,
    /// What protection added to the last record's length.
    overhead: Option<u64>,
    /// That differs from record to record.
    is_padded: bool,
}

impl Half {
    /// A span of the TLS stream as one of the end's stream.
    fn span(&self, records: Span) -> Span {
        let base = self.base.unwrap_or_default();
        Span::new(base + records.start, base + records.end)
    }
}

impl TlsSession {
    pub(super) fn new<S: Sink>(
        client: End,
        tunnel: Option<Box<Tunnel>>,
        context: &mut Context<'_, S>,
    ) -> Self {
        context.flow.layers += 1;
        context.flow.transport = super::Transport::Tls;
        Self {
            connection: tls::Connection::new(&context.shared.limits),
            content: Content {
                inner: Session::Ignored,
                is_open: false,
                sides: PerSide::default(),
                layer: context.flow.layers,
                packets: Vec::new(),
            },
            client,
            tunnel,
            told: 0,
            is_named: false,
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        let sides = &self.content.sides;
        let provenance = sides.client.provenance.memory() + sides.server.provenance.memory();
        let tunnel = heads_memory(None, self.tunnel.as_deref());
        self.connection.held() + provenance + self.content.inner.memory() + tunnel
    }

    /// Gives back what is spare, and has what runs inside give up what it keeps.
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        self.connection.shrink();
        self.content.run(self.client, context, |inner, context| {
            inner.give_up(context);
        });
    }

    fn side(&self, end: End) -> Side {
        match end == self.client {
            true => Side::Client,
            false => Side::Server,
        }
    }

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) {
        let side = self.side(chunk.end);
        let half = &mut self.content.sides[side];
        half.base.get_or_insert(chunk.offset);
        for packet in chunk.earlier {
            half.provenance.push(chunk.offset, *packet);
        }
        half.provenance.push(chunk.offset, chunk.packet);
        self.feed(context, |connection, keys, out| {
            connection.push(side, chunk.bytes, keys, out);
        });
        self.forget();
    }

    pub(super) fn gap<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        len: u64,
        context: &mut Context<'_, S>,
    ) {
        let side = self.side(end);
        self.content.sides[side].base.get_or_insert(offset);
        self.feed(context, |connection, keys, out| {
            connection.gap(side, len, keys, out);
        });
        self.forget();
    }

    /// Forgets the packets of what was read.
    fn forget(&mut self) {
        for side in Side::BOTH {
            let half = &mut self.content.sides[side];
            let from = self.connection.incomplete_from(side);
            half.provenance
                .forget_before(half.base.unwrap_or_default() + from);
        }
    }

    /// One end sends no more.
    pub(super) fn end_closed<S: Sink>(&mut self, end: End, context: &mut Context<'_, S>) {
        self.content.run(self.client, context, |inner, context| {
            inner.end_closed(end, context);
        });
    }

    /// The flow is over.
    pub(super) fn ended<S: Sink>(
        &mut self,
        by: EndedBy,
        who: Option<End>,
        context: &mut Context<'_, S>,
    ) {
        self.feed(context, |connection, keys, out| {
            connection.finish(keys, out);
        });
        self.content.run(self.client, context, |inner, context| {
            inner.ended(by, who, context);
        });
        let client = self.client_end();
        let flow = TlsFlow {
            flow: context.flow.serial,
            client_end: client,
            client: context.flow.address(client),
            server: context.flow.address(client.peer()),
            summary: self.connection.summary(),
            tunnel: self.tunnel.as_deref(),
            first_packet: context.flow.first_packet,
            opened: context.flow.opened,
            last: context.flow.last,
            packets: context.flow.packets,
            connections: context.flow.connections,
            ended_by: by,
            closed_by: who.map(|end| match end == client {
                true => Side::Client,
                false => Side::Server,
            }),
        };
        context.sink.tls(&flow, context.now);
    }

    fn client_end(&self) -> End {
        match self.connection.summary().sides_swapped {
            true => self.client.peer(),
            false => self.client,
        }
    }

    fn feed<S: Sink>(
        &mut self,
        context: &mut Context<'_, S>,
        run: impl FnOnce(&mut tls::Connection, &KeyLog, &mut TlsEvents<'_, '_, S>),
    ) {
        let keys = context.keys;
        let mut out = TlsEvents {
            content: &mut self.content,
            tunnel: &self.tunnel,
            client: self.client,
            context,
            findings: Vec::new(),
        };
        run(&mut self.connection, keys, &mut out);
        let findings = out.findings;
        self.remember_name(context);
        for (side, finding) in findings {
            self.tell(side, finding, context);
        }
    }

    /// The outermost server name is the flow's.
    fn remember_name<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let name = self.connection.summary().server_name.as_deref();
        if let Some(name) = name.filter(|_| !self.is_named) {
            let rare = context.shared.rare.entry(context.flow.serial).or_default();
            rare.server_name.get_or_insert_with(|| name.into());
            self.is_named = true;
        }
    }

    /// Tells a finding about the connection inside; without one it has to say which flow it is about.
    #[cold]
    fn tell<S: Sink>(&mut self, side: Side, mut finding: Finding, context: &mut Context<'_, S>) {
        self.told = self.told.saturating_add(1);
        if self.told > context.shared.limits.findings_per_code {
            return;
        }
        if let Some(connection) = self.content.inner.connection() {
            // Its spans count decrypted bytes, and this one those of TLS.
            finding.span = None;
            return context.finding(Some(connection), Some(side), &finding);
        }
        let half = &self.content.sides[side];
        finding.span = finding.span.map(|span| half.span(span));
        let client = self.client_end();
        let server = context.flow.address(client.peer());
        let client = context.flow.address(client);
        let name = match &self.connection.summary().server_name {
            Some(name) => format!(", {}", escape::preview(name.as_bytes(), 255)),
            None => String::new(),
        };
        finding.text = format!("{} ({client} to {server}{name})", finding.text);
        context.finding(None, Some(side), &finding);
    }
}

impl Content {
    /// Lets the session inside see its own positions instead of TCP's.
    fn run<S: Sink>(
        &mut self,
        client: End,
        context: &mut Context<'_, S>,
        act: impl FnOnce(&mut Session, &mut Context<'_, S>),
    ) {
        let outer = context.flow.positions;
        context.flow.positions[client as usize] = self.sides.client.latest;
        context.flow.positions[client.peer() as usize] = self.sides.server.latest;
        act(&mut self.inner, context);
        context.flow.positions = outer;
    }

    /// The packets of a record.
    fn packets(&mut self, side: Side, record: Span) -> Vec<PacketNumber> {
        let mut packets = std::mem::take(&mut self.packets);
        self.sides[side].provenance.packets(record, &mut packets);
        packets
    }
}

/// Takes what the connection tells.
struct TlsEvents<'o, 'a, S> {
    content: &'o mut Content,
    tunnel: &'o Option<Box<Tunnel>>,
    client: End,
    context: &'o mut Context<'a, S>,
    findings: Vec<(Side, Finding)>,
}

impl<S> TlsEvents<'_, '_, S> {
    fn end(&self, side: Side) -> End {
        match side {
            Side::Client => self.client,
            Side::Server => self.client.peer(),
        }
    }
}

impl<S: Sink> tls::RecordSink for TlsEvents<'_, '_, S> {
    fn plaintext(&mut self, side: Side, bytes: &[u8], record: Span) {
        let end = self.end(side);
        let content = &mut *self.content;
        let half = &mut content.sides[side];
        let record = half.span(record);
        let overhead = record.len().saturating_sub(bytes.len() as u64);
        half.is_padded |= half.overhead.is_some_and(|before| before != overhead);
        half.overhead = Some(overhead);
        half.latest = half.position;
        half.position += bytes.len() as u64;
        let offset = half.latest;
        let layer = content.layer;
        if self.context.shared.needs.has(Needs::EXTENTS) {
            let plaintext = Plaintext {
                layer,
                offset,
                bytes,
                record,
            };
            let flow = self.context.flow.serial;
            self.context.sink.plaintext(flow, end, plaintext);
        }
        if !std::mem::replace(&mut content.is_open, true) {
            let is_whole = offset == 0 && content.sides[side.peer()].position == 0;
            let inner = UnknownSession::in_tls(self.tunnel.clone(), is_whole);
            content.inner = Session::Unknown(Box::new(inner));
        }
        let packets = content.packets(side, record);
        let (packet, earlier) = match packets.split_last() {
            Some((last, earlier)) => (*last, earlier),
            None => (self.context.now.packet, &[][..]),
        };
        let chunk = Chunk {
            end,
            offset,
            bytes,
            packet,
            earlier,
        };
        content.run(self.client, self.context, |inner, context| {
            inner.data(chunk, context);
        });
        content.packets = packets;
    }

    fn plaintext_gap(&mut self, side: Side, records: Span, count: Option<u64>) {
        let end = self.end(side);
        let half = &mut self.content.sides[side];
        // Without anything decrypted before, all that counts is that something is missing.
        let overhead = half.overhead.unwrap_or(records.len());
        let len = records.len().saturating_sub(overhead).max(1);
        half.latest = half.position;
        half.position += len;
        let offset = half.latest;
        let is_padded = half.is_padded;
        if !self.content.is_open {
            return;
        }
        self.content
            .run(self.client, self.context, |inner, context| {
                // What one record held follows from its length; of more than one not even the number is known.
                context.is_unread = count.is_some();
                match count {
                    Some(1) if !is_padded => inner.gap(end, offset, len, context),
                    _ => inner.lose(end, offset, len, context),
                }
                context.is_unread = false;
            });
    }

    fn alert(&mut self, _: Side, _: AlertLevel, _: AlertDescription, _: Span) {}

    fn finding(&mut self, side: Side, finding: Finding) {
        let is_useful = finding.code != Code::TlsNoKey || self.context.shared.decrypts;
        if is_useful {
            self.findings.push((side, finding));
        }
    }

    fn close_notify(&mut self, side: Side) {
        let end = self.end(side);
        self.content
            .run(self.client, self.context, |inner, context| {
                inner.end_closed(end, context);
            });
    }
}
