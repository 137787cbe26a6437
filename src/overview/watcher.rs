//! What whoever shows all of a capture hears of an engine: rows for the index, facts for the diagnosis, what became of TLS,
//! and the numbers.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::{Extent, Needs, PacketNumber, Timestamp};
use crate::engine::{
    Connection, Exchange, FindingEvent, FlowSummary, FrameEvent, MessageEvent, Moment, Plaintext,
    Sink, StreamData, TlsFlow,
};
use crate::export::TlsCounts;
use crate::flow::End;
use crate::insight::statistics::{Statistics, TimedExchange};
use crate::insight::{BatchFacts, Facts};
use crate::payload::Pending;
use crate::run::Collected;
use crate::store::{self, Indexer};
use crate::wire::Segment;

use super::masked::Masked;

/// An engine's sink. Counting goes along only where somebody asks for it: it looks at every segment.
pub struct Watcher {
    rows: Indexer,
    facts: Masked<Facts>,
    tls: TlsCounts,
    counts: Option<Counting>,
}

/// Statistics, and whether somebody wants to see them.
struct Counting {
    numbers: Box<Statistics>,
    is_wanted: Arc<AtomicBool>,
}

/// What one engine made of one batch.
#[derive(Default)]
pub struct Watched {
    /// Rows for the index.
    pub rows: store::BatchRecords,
    /// Attempts that ended.
    pub facts: BatchFacts,
    /// TLS connections that ended.
    pub tls: TlsCounts,
    /// The statistics so far, when somebody wanted them.
    pub numbers: Option<Box<Statistics>>,
    /// Exchanges over HTTP.
    pub exchanges: Vec<TimedExchange>,
}

impl Watcher {
    /// One that does not count.
    #[must_use]
    pub fn new() -> Self {
        Self {
            rows: Indexer::default(),
            facts: Masked::default(),
            tls: TlsCounts::default(),
            counts: None,
        }
    }

    /// The same, with the secrets in heads and findings masked before the diagnosis sees them.
    #[must_use]
    pub fn masking(mut self, masks: bool) -> Self {
        self.facts = Masked::new(masks);
        self
    }

    /// One that counts too, and hands the statistics on with the next part when `is_wanted` is set.
    #[must_use]
    pub fn counting(start: Timestamp, is_wanted: Arc<AtomicBool>) -> Self {
        Self {
            counts: Some(Counting {
                numbers: Box::new(Statistics::new(start)),
                is_wanted,
            }),
            ..Self::new()
        }
    }

    /// The same, told of attempts that wait long for an answer while the capture goes on.
    #[must_use]
    pub fn watching(mut self) -> Self {
        self.facts.sink().watch();
        self
    }

    /// What was counted, to its end.
    #[must_use]
    pub fn into_numbers(self) -> Option<Box<Statistics>> {
        self.counts.map(|counts| counts.numbers)
    }

    /// What was counted so far.
    pub fn numbers(&mut self) -> Option<&mut Statistics> {
        Some(&mut self.counts.as_mut()?.numbers)
    }
}

impl Default for Watcher {
    fn default() -> Self {
        Self::new()
    }
}

impl Collected for Watcher {
    type Part = Watched;

    fn exchange(&mut self, part: &mut Watched) {
        self.rows.exchange(&mut part.rows);
        self.facts.exchange(&mut part.facts);
        part.tls = std::mem::take(&mut self.tls);
        part.exchanges.clear();
        if let Some(numbers) = self.numbers() {
            numbers.exchange(&mut part.exchanges);
        }
        let wanted = self.counts.as_ref();
        part.numbers = wanted
            .filter(|counts| counts.is_wanted.swap(false, Ordering::Relaxed))
            .map(|counts| counts.numbers.clone());
    }
}

/// Whether a flow that never became a connection may have been on the way to a WebSocket: it never opened, or speaks
/// TLS, or asked a proxy for a tunnel. The diagnosis may name its packets.
fn may_be_named(flow: &FlowSummary) -> bool {
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let never_opened =
        client.syn.is_some() && client.first_data.is_none() && server.first_data.is_none();
    never_opened
        || client.opening.starts_with(b"CONNECT ")
        || crate::tls::looks_like(&client.opening)
}

impl Sink for Watcher {
    fn needs(&self) -> Needs {
        let counts = self.counts.as_ref();
        let counts = counts.map_or(Needs::HEADERS, |counts| counts.numbers.needs());
        self.rows.needs() | self.facts.needs() | counts
    }

    fn opened(&mut self, connection: &Connection) {
        self.rows.opened(connection);
        self.facts.opened(connection);
    }

    fn handshake(&mut self, connection: &Connection, at: Moment) {
        self.rows.handshake(connection, at);
        self.facts.handshake(connection, at);
        if let Some(numbers) = self.numbers() {
            numbers.handshake(connection, at);
        }
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        self.rows.frame(event, connection);
        self.facts.frame(event, connection);
        if let Some(numbers) = self.numbers() {
            numbers.frame(event, connection);
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        self.rows.message(event, connection);
        self.facts.message(event, connection);
        if let Some(numbers) = self.numbers() {
            numbers.message(event, connection);
        }
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        self.rows.finding(event, connection);
        self.facts.finding(event, connection);
        if let Some(numbers) = self.numbers() {
            numbers.finding(event, connection);
        }
    }

    fn unanswered(&mut self, call: &Pending, connection: &Connection) {
        if let Some(numbers) = self.numbers() {
            numbers.unanswered(call, connection);
        }
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.rows.closed(connection, at);
        self.facts.closed(connection, at);
        if let Some(numbers) = self.numbers() {
            numbers.closed(connection, at);
        }
    }

    fn advanced(&mut self, now: Timestamp) {
        self.facts.advanced(now);
    }

    fn packet(&mut self, flow: u64, packet: PacketNumber) {
        self.rows.packet(flow, packet);
    }

    fn segment(&mut self, flow: u64, from: End, segment: &Segment) {
        if let Some(numbers) = self.numbers() {
            numbers.segment(flow, from, segment);
        }
    }

    fn extent(&mut self, flow: u64, end: End, extent: Extent, bytes: &[u8]) {
        self.rows.extent(flow, end, extent, bytes);
    }

    fn plaintext(&mut self, flow: u64, end: End, plaintext: Plaintext<'_>) {
        self.rows.plaintext(flow, end, plaintext);
    }

    fn stream_data(&mut self, flow: u64, end: End, data: StreamData) {
        self.rows.stream_data(flow, end, data);
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, at: Moment) {
        self.facts.tls(flow, at);
        self.tls.add(flow.summary.decryption);
    }

    fn exchanged(&mut self, exchange: &Exchange, at: Moment) {
        if let Some(numbers) = self.numbers() {
            numbers.exchanged(exchange, at);
        }
    }

    /// Nothing is forgotten yet: what became of the flow, emitted next, says whether its packets are kept.
    fn flow_ended(&mut self, flow: u64) {
        if let Some(numbers) = self.numbers() {
            numbers.flow_ended(flow);
        }
    }

    fn flow_closed(&mut self, flow: FlowSummary) {
        if may_be_named(&flow) {
            self.rows.keep_flow(flow.serial);
        }
        self.rows.flow_ended(flow.serial);
        self.facts.flow_closed(flow);
    }
}
