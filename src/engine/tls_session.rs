//! A flow that speaks TLS: its records opened where there is a key, and what was inside handed to [`Inside`].
//!
//! Positions inside count decrypted bytes. Their provenance stays whole: a decrypted run of bytes is handed on with every
//! packet of its record. What reads those bytes is not known here; its owner passes it with every call.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{Code, Finding, Needs, PacketNumber, PerSide, Side, Span, escape};
use crate::flow::End;
use crate::tls::{self, AlertDescription, AlertLevel, KeyLog};

use super::chunk::{Chunk, Hole, Why};
use super::connection::{Connection, Transport, heads_memory};
use super::context::Context;
use super::next::{Closing, Next, Recipe};
use super::provenance::Provenance;
use super::sink::{Plaintext, Sink};
use super::tls_flow::TlsFlow;
use super::tunnel::Tunnel;
use super::waiting::Waiting;

/// What reads the decrypted bytes.
pub(super) trait Inside<S: Sink> {
    /// The first bytes come: reads them by this recipe.
    fn start(&mut self, recipe: Recipe, context: &mut Context<'_, S>);
    fn data(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>);
    fn hole(&mut self, hole: Hole, context: &mut Context<'_, S>);
    fn end_closed(&mut self, end: End, context: &mut Context<'_, S>);
    fn ended(&mut self, closing: Closing, context: &mut Context<'_, S>);
    /// The connection that its latest bytes are about.
    fn connection(&mut self) -> Option<&mut Connection>;
}

/// Layers of TLS followed one inside the other (a proxy spoken to in TLS gives two).
pub(super) const LAYERS: u8 = 4;

/// TLS in both directions.
pub(super) struct TlsSession {
    connection: tls::Connection,
    content: Content,
    client: End,
    tunnel: Option<Box<Tunnel>>,
    /// Findings reported that are about no connection inside.
    told: u32,
    /// Whether the server name was noted.
    is_named: bool,
    /// Whether what was agreed on was noted.
    is_noted: bool,
    /// The ends that closed while bytes of theirs wait to be read.
    closed: SmallVec<[End; 2]>,
    /// Whether the engine knows that something waits.
    is_waiting: bool,
}

/// What is known of the decrypted bytes.
struct Content {
    /// Something was decrypted, so that something inside reads it.
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
        context.flow.transport = Transport::Tls;
        Self {
            connection: tls::Connection::new(&context.shared.limits),
            content: Content {
                is_open: false,
                sides: PerSide::default(),
                layer: context.flow.layers,
                packets: Vec::new(),
            },
            client,
            tunnel,
            told: 0,
            is_named: false,
            is_noted: false,
            closed: SmallVec::new(),
            is_waiting: false,
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        let sides = &self.content.sides;
        let provenance = sides.client.provenance.memory() + sides.server.provenance.memory();
        let tunnel = heads_memory(None, self.tunnel.as_deref());
        self.connection.held() + provenance + tunnel
    }

    /// Frees spare capacity.
    pub(super) fn shrink(&mut self) {
        self.connection.shrink();
    }

    fn side(&self, end: End) -> Side {
        match end == self.client {
            true => Side::Client,
            false => Side::Server,
        }
    }

    pub(super) fn data<S: Sink>(
        &mut self,
        chunk: Chunk<'_>,
        inside: &mut impl Inside<S>,
        context: &mut Context<'_, S>,
    ) -> Next {
        let side = self.side(chunk.end);
        let half = &mut self.content.sides[side];
        half.base.get_or_insert(chunk.offset);
        for packet in chunk.earlier {
            half.provenance.push(chunk.offset, *packet);
        }
        half.provenance.push(chunk.offset, chunk.packet);
        self.feed(inside, context, |connection, keys, out| {
            connection.push(side, chunk.bytes, keys, out);
        });
        self.forget();
        Next::Stay
    }

    pub(super) fn hole<S: Sink>(
        &mut self,
        hole: Hole,
        inside: &mut impl Inside<S>,
        context: &mut Context<'_, S>,
    ) -> Next {
        let side = self.side(hole.end);
        self.content.sides[side].base.get_or_insert(hole.offset);
        self.feed(inside, context, |connection, keys, out| {
            connection.gap(side, hole.len, keys, out);
        });
        self.forget();
        Next::Stay
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

    /// An end sends no more. What waits of it is read before that is said.
    pub(super) fn end_closed<S: Sink>(
        &mut self,
        end: End,
        inside: &mut impl Inside<S>,
        context: &mut Context<'_, S>,
    ) {
        match self.connection.is_holding() {
            true => self.closed.push(end),
            false => inside.end_closed(end, context),
        }
    }

    /// The key log has grown.
    pub(super) fn keys_came<S: Sink>(
        &mut self,
        inside: &mut impl Inside<S>,
        context: &mut Context<'_, S>,
    ) {
        self.is_waiting = false;
        self.feed(inside, context, |connection, keys, out| {
            connection.keys_came(keys, out);
        });
        self.forget();
    }

    /// The flow is over.
    pub(super) fn ended<S: Sink>(
        &mut self,
        closing: Closing,
        inside: &mut impl Inside<S>,
        context: &mut Context<'_, S>,
    ) -> Next {
        self.feed(inside, context, |connection, keys, out| {
            connection.finish(keys, out);
        });
        inside.ended(closing, context);
        let client = self.client_end();
        let flow = TlsFlow {
            tunnel: self.tunnel.as_deref(),
            ..context.tls_flow(client, self.connection.summary(), closing)
        };
        context.sink.tls(&flow, context.now);
        Next::Stay
    }

    fn client_end(&self) -> End {
        match self.connection.summary().sides_swapped {
            true => self.client.peer(),
            false => self.client,
        }
    }

    fn feed<S: Sink, I: Inside<S>>(
        &mut self,
        inside: &mut I,
        context: &mut Context<'_, S>,
        run: impl FnOnce(&mut tls::Connection, &KeyLog, &mut TlsEvents<'_, '_, S, I>),
    ) {
        let keys = context.keys;
        let mut out = TlsEvents {
            content: &mut self.content,
            inside,
            tunnel: &self.tunnel,
            client: self.client,
            context,
            findings: Vec::new(),
        };
        run(&mut self.connection, keys, &mut out);
        let findings = out.findings;
        self.remember_name(context);
        self.remember_agreed(context);
        for (side, finding) in findings {
            self.tell(side, finding, inside, context);
        }
        if !self.connection.is_holding() {
            for end in std::mem::take(&mut self.closed) {
                inside.end_closed(end, context);
            }
        } else if !std::mem::replace(&mut self.is_waiting, true) {
            context.shared.waiting.push(context.flow.place);
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

    /// What was agreed on, once something inside can be read, for those who ask whether it was wise.
    fn remember_agreed<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let summary = self.connection.summary();
        let is_read = summary.decryption == tls::Decryption::Decrypted;
        if self.is_noted || !is_read || !context.looks_for_secrets() {
            return;
        }
        let rare = context.shared.rare.entry(context.flow.serial).or_default();
        rare.tls = Some(Arc::new(summary.clone()));
        self.is_noted = true;
    }

    /// Reports a finding about the connection inside; without one its text names the flow.
    #[cold]
    fn tell<S: Sink>(
        &mut self,
        side: Side,
        mut finding: Finding,
        inside: &mut impl Inside<S>,
        context: &mut Context<'_, S>,
    ) {
        self.told = self.told.saturating_add(1);
        if self.told > context.shared.limits.findings_per_code {
            return;
        }
        if let Some(connection) = inside.connection() {
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
    /// The packets of a record.
    fn packets(&mut self, side: Side, record: Span) -> Vec<PacketNumber> {
        let mut packets = std::mem::take(&mut self.packets);
        self.sides[side].provenance.packets(record, &mut packets);
        packets
    }
}

/// Receives the events of the TLS connection.
struct TlsEvents<'o, 'a, S, I> {
    content: &'o mut Content,
    inside: &'o mut I,
    tunnel: &'o Option<Box<Tunnel>>,
    client: End,
    context: &'o mut Context<'a, S>,
    findings: Vec<(Side, Finding)>,
}

impl<S: Sink, I: Inside<S>> TlsEvents<'_, '_, S, I> {
    fn end(&self, side: Side) -> End {
        match side {
            Side::Client => self.client,
            Side::Server => self.client.peer(),
        }
    }

    /// Begins to read what is inside, with the first bytes of it.
    fn open(&mut self, side: Side, offset: u64) {
        if std::mem::replace(&mut self.content.is_open, true) {
            return;
        }
        let recipe = Recipe::Unknown {
            attempt: None,
            tunnel: self.tunnel.clone(),
            waiting: Waiting::default(),
            from_start: offset == 0 && self.content.sides[side.peer()].position == 0,
        };
        self.inside.start(recipe, self.context);
    }
}

impl<S: Sink, I: Inside<S>> tls::RecordSink for TlsEvents<'_, '_, S, I> {
    fn plaintext(&mut self, side: Side, bytes: &[u8], record: Span) {
        let end = self.end(side);
        let half = &mut self.content.sides[side];
        let record = half.span(record);
        let overhead = record.len().saturating_sub(bytes.len() as u64);
        half.is_padded |= half.overhead.is_some_and(|before| before != overhead);
        half.overhead = Some(overhead);
        let offset = half.position;
        half.position += bytes.len() as u64;
        if self.context.shared.needs.has(Needs::EXTENTS) {
            let plaintext = Plaintext {
                layer: self.content.layer,
                offset,
                bytes,
                record,
            };
            let flow = self.context.flow.serial;
            self.context.sink.plaintext(flow, end, plaintext);
        }
        self.open(side, offset);
        let packets = self.content.packets(side, record);
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
            time: self.context.now.time,
        };
        self.inside.data(chunk, self.context);
        self.content.packets = packets;
    }

    fn plaintext_gap(&mut self, side: Side, records: Span, count: Option<u64>) {
        let end = self.end(side);
        let half = &mut self.content.sides[side];
        // Without anything decrypted before, all that counts is that something is missing.
        let overhead = half.overhead.unwrap_or(records.len());
        let len = records.len().saturating_sub(overhead).max(1);
        let offset = half.position;
        half.position += len;
        let hole = Hole {
            end,
            offset,
            len,
            why: match count {
                Some(_) => Why::Unread,
                None => Why::Lost,
            },
            // What one record carried follows from its length; of more than one not even the number is known.
            is_exact: count == Some(1) && !half.is_padded,
        };
        self.inside.hole(hole, self.context);
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
        self.inside.end_closed(end, self.context);
    }
}
