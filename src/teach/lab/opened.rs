//! A capture of a lab, opened: rows to ask, verdicts, frames as they were sent, segments.

use std::sync::Arc;

use super::file::Of;
use crate::base::{
    Extent, Limits, Needs, PacketNumber, Rfc3339, Side, Span, Spools, Type, Value, escape,
};
use crate::capture::{Batch, Input, Options as SourceOptions, PacketRecord, Source};
use crate::engine::{
    Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, Moment, Options, Plaintext, Sink,
    StreamData,
};
use crate::filter::{Filter, Values};
use crate::flow::End;
use crate::insight::{Casebook, Diagnosis, Facts};
use crate::run::{self, Batches, Collected};
use crate::store::{BatchRecords, Collector, Indexer, Row, Store};
use crate::tls::KeyLog;
use crate::websocket::draft_layout;
use crate::wire::Walker;

/// The largest capture of a lab.
const LARGEST: usize = 64 << 20;

/// A capture with its rows.
pub struct Opened {
    /// Its index.
    pub store: Store,
    /// What the diagnosis says, in the order of the attempts.
    pub verdicts: Vec<Arc<Diagnosis>>,
    /// The file's bytes.
    pub file: Vec<u8>,
    segments: Vec<Sent>,
}

/// A segment with payload.
struct Sent {
    source_port: u16,
    destination_port: u16,
    payload: u64,
    frame: u64,
}

/// The source, with the keys that the lab brings.
struct Keyed {
    source: Source,
    keys: Option<Arc<KeyLog>>,
    own: KeyLog,
    blocks: usize,
    records: Vec<Vec<PacketRecord>>,
}

impl Batches for Keyed {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let more = self.source.fill(batch);
        let secrets = &self.source.summary().secrets;
        for block in secrets.get(self.blocks..).unwrap_or_default() {
            self.blocks += 1;
            let mut log = KeyLog::new();
            log.extend(&block.bytes);
            log.finish();
            self.own.merge(log);
            self.keys = Some(Arc::new(self.own.clone()));
        }
        self.records.push(batch.records().to_vec());
        more
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        self.keys.take()
    }
}

/// The indexer as a sink of its own.
#[derive(Default)]
struct Rows(Indexer);

impl Collected for Rows {
    type Part = BatchRecords;

    fn exchange(&mut self, part: &mut BatchRecords) {
        self.0.exchange(part);
    }
}

impl Sink for Rows {
    fn needs(&self) -> Needs {
        self.0.needs()
    }
    fn opened(&mut self, connection: &Connection) {
        self.0.opened(connection);
    }
    fn handshake(&mut self, connection: &Connection, at: Moment) {
        self.0.handshake(connection, at);
    }
    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        self.0.frame(event, connection);
    }
    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        self.0.message(event, connection);
    }
    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        self.0.finding(event, connection);
    }
    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.0.closed(connection, at);
    }
    fn packet(&mut self, flow: u64, packet: PacketNumber) {
        self.0.packet(flow, packet);
    }
    fn extent(&mut self, flow: u64, end: End, extent: Extent, bytes: &[u8]) {
        self.0.extent(flow, end, extent, bytes);
    }
    fn plaintext(&mut self, flow: u64, end: End, plaintext: Plaintext<'_>) {
        self.0.plaintext(flow, end, plaintext);
    }
    fn stream_data(&mut self, flow: u64, end: End, data: StreamData) {
        self.0.stream_data(flow, end, data);
    }
    fn exchanged(&mut self, exchange: &Exchange, at: Moment) {
        self.0.exchanged(exchange, at);
    }
    fn flow_ended(&mut self, flow: u64) {
        self.0.flow_ended(flow);
    }
}

impl Opened {
    /// Opens the bytes of a capture file, and decrypts with the key log, which may be empty.
    ///
    /// # Errors
    /// When they are no capture.
    pub fn of(file: Vec<u8>, key_log: &[u8]) -> Result<Self, String> {
        let limits = Limits::default();
        let options = Options {
            limits: limits.clone(),
            ..Options::default()
        };
        let mut keyed = open(&file, key_log, &limits)?;
        let mut store = Store::new(Box::new(keyed.source.packet_file()), &options)
            .with_spools(&Spools::in_memory(LARGEST));
        let mut collector = Collector::default();
        let mut deltas = Vec::new();
        let mut parts_of = Vec::new();
        run::serial(
            &mut keyed,
            options.clone(),
            |_| Rows::default(),
            &mut |parts| {
                parts_of.push(std::mem::take(
                    parts.first_mut().unwrap_or(&mut BatchRecords::default()),
                ));
                true
            },
        );
        let mut records = keyed.records.into_iter();
        for part in parts_of {
            let packets = records.next().unwrap_or_default();
            deltas.push(collector.merge(&mut [part], &packets));
        }
        for delta in deltas {
            store.append(delta);
        }
        let mut casebook = Casebook::default();
        let mut keyed = open(&file, key_log, &limits)?;
        let (tally, _) = run::serial(&mut keyed, options, |_| Facts::default(), &mut |parts| {
            casebook.take(parts);
            true
        });
        let verdicts = casebook.report(tally.last.unwrap_or_default()).list;
        let segments = segments(&file, &limits)?;
        Ok(Self {
            store,
            verdicts,
            file,
            segments,
        })
    }

    /// Calls `each` with every row of a kind, in order.
    pub(super) fn rows(&self, of: Of, needs: Needs, each: &mut dyn FnMut(&dyn Values)) {
        let mut sink = Each {
            store: &self.store,
            of,
            needs,
            each,
        };
        match of {
            Of::Frames => {
                for index in 0..self.store.frame_count() as u32 {
                    self.store.replay_frame(index, needs, &mut sink);
                }
            }
            Of::Messages => {
                for index in 0..self.store.message_count() as u32 {
                    self.store.replay_message(index, needs, &mut sink);
                }
            }
            Of::Findings => {
                for index in 0..self.store.findings().len() as u32 {
                    self.store.replay_finding(index, &mut sink);
                }
            }
            Of::Connections => {
                for index in 0..self.store.connections().len() as u32 {
                    self.store.replay_connection(index, &mut sink);
                }
            }
        }
    }

    /// How many rows match.
    pub(super) fn count(&self, of: Of, filter: &Filter) -> usize {
        let mut count = 0;
        self.rows(of, filter.needs(), &mut |row| {
            count += usize::from(filter.matches(row));
        });
        count
    }

    /// A frame as it was sent, by its place among all frames, from 1; and who sent it.
    #[must_use]
    pub fn frame_bytes(&self, number: u32) -> Option<(Side, Vec<u8>)> {
        let index = number.checked_sub(1)?;
        let record = self.store.frame(index)?;
        let span = self.store.frame_span(index);
        let (connection, from) = (record.connection, record.from());
        let stream = |span| self.store.stream(connection, from, span, LARGEST);
        let bytes = stream(span);
        // The byte that ends a text of hixie is part of no payload.
        let framing = self.store.framing(connection);
        let ends_behind = draft_layout::header(framing, from, &bytes).ends_with_ff;
        match ends_behind && bytes.last() != Some(&0xff) {
            true => Some((from, stream(Span::new(span.start, span.end + 1)))),
            false => Some((from, bytes)),
        }
    }

    /// Bytes of payload, or of whole packets, and how many segments, between a server's port and its clients.
    pub(super) fn sent(&self, from: Option<Side>, port: u16) -> (u64, u64, u64) {
        let is_of = |sent: &&Sent| match from {
            Some(Side::Client) => sent.destination_port == port,
            Some(Side::Server) => sent.source_port == port,
            None => sent.source_port == port || sent.destination_port == port,
        };
        let mut sum = (0, 0, 0);
        for sent in self.segments.iter().filter(is_of) {
            sum.0 += sent.payload;
            sum.1 += sent.frame;
            sum.2 += u64::from(sent.payload > 0);
        }
        sum
    }
}

fn open(file: &[u8], key_log: &[u8], limits: &Limits) -> Result<Keyed, String> {
    let input = Input::Reader(
        Box::new(std::io::Cursor::new(file.to_vec())),
        "the lab's capture".to_owned(),
    );
    let options = SourceOptions {
        spool: Some(Spools::in_memory(LARGEST)),
        ..SourceOptions::default()
    };
    let source = Source::open_with(vec![input], limits, options).map_err(|why| why.to_string())?;
    let mut own = KeyLog::new();
    own.extend(key_log);
    own.finish();
    Ok(Keyed {
        source,
        keys: (!key_log.is_empty()).then(|| Arc::new(own.clone())),
        own,
        blocks: 0,
        records: Vec::new(),
    })
}

fn segments(file: &[u8], limits: &Limits) -> Result<Vec<Sent>, String> {
    let mut keyed = open(file, &[], limits)?;
    let mut walker = Walker::new(limits);
    let mut batch = Batch::new();
    let mut sent = Vec::new();
    while keyed.source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            let Ok(walked) = walker.segment(record.link, record.time, bytes, record.original)
            else {
                continue;
            };
            let segment = walked.segment();
            sent.push(Sent {
                source_port: segment.key.source.port(),
                destination_port: segment.key.destination.port(),
                payload: u64::from(segment.payload.end - segment.payload.start),
                frame: u64::from(record.original),
            });
        }
    }
    Ok(sent)
}

/// Hands the rows of one kind on, with the number of their connection.
struct Each<'a> {
    store: &'a Store,
    of: Of,
    needs: Needs,
    each: &'a mut dyn FnMut(&dyn Values),
}

impl Each<'_> {
    fn row(&mut self, row: Row<'_>) {
        let mut values = row.in_capture(self.store.start());
        values.connection_number = row.connection().map(|connection| connection.id.0 + 1);
        (self.each)(&values);
    }
}

impl Sink for Each<'_> {
    fn needs(&self) -> Needs {
        self.needs
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        if self.of == Of::Frames {
            self.row(Row::Frame(event, connection));
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if self.of == Of::Messages {
            self.row(Row::Message(event, connection));
        }
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if self.of == Of::Findings {
            self.row(Row::Finding(event, connection));
        }
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        if self.of == Of::Connections {
            self.row(Row::Connection(connection, at));
        }
    }
}

/// A value of a field of this type as an answer has it.
pub(super) fn written(value: Value<'_>, kind: Type) -> String {
    match value {
        Value::Present => "yes".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => u8::from(yes).to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => escape::text(text.as_bytes()),
        Value::Bytes(bytes) if kind == Type::Bytes => hex::encode(bytes),
        Value::Bytes(bytes) => escape::text(bytes),
        Value::Ip(address) => address.to_string(),
        Value::Time(time) => {
            let mut out = Vec::new();
            Rfc3339::default().write(time, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
        Value::Duration(nanoseconds) => format!("{:.6}", nanoseconds as f64 / 1e9),
    }
}
