//! The engine's sink for every format that is written as it goes.

use std::sync::Arc;

use hashbrown::HashSet;

use crate::base::{Needs, Timestamp};
use crate::engine::{
    Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, Moment, Sink, TlsFlow,
};
use crate::filter::{FieldId, FieldRef, Filter};
use crate::payload::Pending;
use crate::run::{Collected, ConnectionKey, Content, Numbers, Ordered};
use crate::store::{PendingRows, Row, Waits};
use crate::tls::Decryption;

use super::redact::{Redactor, masked_call, masked_exchange};

/// What kinds of rows are printed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Show {
    /// A row a frame.
    #[default]
    Frames,
    /// A row a message.
    Messages,
    /// A row a connection, when it ends.
    Connections,
    /// A row a finding.
    Findings,
    /// A row an exchange over HTTP/1 beside the WebSockets; in tables only.
    Exchanges,
    /// A row a call inside messages; in tables only.
    Calls,
    /// All of them.
    All,
}

impl Show {
    /// Whether rows of this kind are printed.
    #[must_use]
    pub fn has(self, kind: Show) -> bool {
        self == kind || self == Show::All
    }

    /// What values that need this need of rows of this kind: the payload of a message is what its frames amount to, and
    /// what it carries may be what is wrong.
    fn complete(self, needs: Needs) -> Needs {
        let mut needs = needs;
        if self.has(Show::Messages) && needs.has(Needs::PAYLOAD) {
            needs |= Needs::MESSAGES;
        }
        if needs.has(Needs::FINDINGS) {
            needs |= Needs::DECODED;
        }
        needs
    }
}

/// Which rows are printed: their kind, and the filter they must match.
#[derive(Clone, Debug, Default)]
pub struct Selection {
    /// Their kind.
    pub show: Show,
    /// The filter; `None` lets all pass.
    pub filter: Option<Filter>,
    /// The numbers of connections, where the filter asks for them.
    pub numbers: Option<Arc<Numbers>>,
    /// The connections whose rows are printed; `None` for all.
    pub only: Option<Arc<HashSet<ConnectionKey>>>,
    /// Whether secrets are masked.
    pub redact: bool,
    /// Whether messages are left out that are only an application's own ping or pong.
    pub hides_heartbeats: bool,
}

impl Selection {
    /// What its filter computes of the rows it is asked about.
    #[must_use]
    pub fn needs(&self) -> Needs {
        let filter = self.filter.as_ref();
        let mut needs = filter.map_or(Needs::HEADERS, Filter::needs);
        if self.hides_heartbeats && self.show.has(Show::Messages) {
            needs |= Needs::DECODED;
        }
        self.show.complete(needs)
    }

    /// What waits until all is known that the filter and whoever else waits ask for.
    #[must_use]
    pub fn pending(&self, others: Waits) -> PendingRows {
        let filter = self.filter.as_ref();
        let asks =
            |field| filter.is_some_and(|filter| filter.fields().contains(&FieldRef::Row(field)));
        let has_rows = self.show.has(Show::Frames) || self.show.has(Show::Messages);
        PendingRows::new(Waits {
            text: self.show.has(Show::Frames)
                && (others.text || asks(FieldId::WebSocketPayloadText)),
            findings: has_rows && (others.findings || asks(FieldId::Finding)),
        })
    }

    /// Whether a row is one of them; `start` is the time of the capture's first packet.
    #[inline]
    #[must_use]
    pub fn has(&self, row: Row<'_>, start: Timestamp) -> bool {
        if self.hides_heartbeats && is_heartbeat(row) {
            return false;
        }
        if self.filter.is_none() && self.only.is_none() {
            return true;
        }
        self.is_of_chosen_connection(row) && self.matches(row, start)
    }

    fn is_of_chosen_connection(&self, row: Row<'_>) -> bool {
        let Some(only) = &self.only else { return true };
        row.connection()
            .is_some_and(|connection| only.contains(&ConnectionKey::of(connection)))
    }

    #[inline]
    fn matches(&self, row: Row<'_>, start: Timestamp) -> bool {
        let Some(filter) = &self.filter else {
            return true;
        };
        let mut values = row.in_capture(start);
        if let (Some(numbers), Some(connection)) = (&self.numbers, row.connection()) {
            values.connection_number = numbers.of(connection);
        }
        filter.matches(&values)
    }
}

fn is_heartbeat(row: Row<'_>) -> bool {
    let Row::Message(event, _) = row else {
        return false;
    };
    let decoded = event.decoded;
    decoded.is_some_and(|decoded| decoded.heartbeat.is_some())
}

/// What the whole capture amounted to.
#[derive(Clone, Copy, Debug)]
pub struct Totals<'a> {
    /// The inputs by name.
    pub files: &'a [String],
    /// Packets read.
    pub packets: u64,
    /// Their captured bytes.
    pub bytes: u64,
    /// Time of the first packet.
    pub first: Option<Timestamp>,
    /// Time of the last packet.
    pub last: Option<Timestamp>,
    /// Link types seen, by name.
    pub link_types: &'a [String],
    /// Connections told.
    pub connections: u64,
    /// Frames told.
    pub frames: u64,
    /// Messages told.
    pub messages: u64,
    /// Findings told.
    pub findings: u64,
    /// Packets that held no TCP segment we could read.
    pub packets_skipped: u64,
    /// Where and why the input was cut.
    pub truncated: Option<&'a str>,
    /// Packets a live capture lost.
    pub dropped: Option<u64>,
}

/// Writes rows. A format that does not show a kind of row leaves its method as it is.
pub trait Format {
    /// What it writes into: a page of text, rows with labels, columns.
    type Out: Content + Send;

    /// What it writes beyond what the methods below say.
    fn needs(&self) -> Needs {
        Needs::HEADERS
    }

    /// Whether it writes the payload of frames.
    fn wants_payload(&self) -> bool {
        false
    }

    /// Whether it writes the text or data of messages.
    fn wants_message_data(&self) -> bool {
        false
    }

    /// Whether it writes what messages carry.
    fn wants_decoded(&self) -> bool {
        false
    }

    /// Whether it writes what most messages of a connection carried, for which all of them are decoded.
    fn wants_protocol(&self) -> bool {
        false
    }

    /// Whether it writes calls inside messages.
    fn wants_calls(&self) -> bool {
        false
    }

    /// What rows wait for before it writes them.
    fn waits(&self) -> Waits {
        Waits::default()
    }

    /// Whether it writes the digest of messages.
    fn wants_digest(&self) -> bool {
        false
    }

    /// The message that the frame written last completes, for formats that show its text with the frame.
    fn completed(&mut self, _out: &mut Self::Out, _event: &MessageEvent<'_>) {}
    /// A frame.
    fn frame(&mut self, _out: &mut Self::Out, _event: &FrameEvent<'_>, _connection: &Connection) {}
    /// A message.
    fn message(
        &mut self,
        _out: &mut Self::Out,
        _event: &MessageEvent<'_>,
        _connection: &Connection,
    ) {
    }
    /// The calls inside a message.
    fn calls(&mut self, _out: &mut Self::Out, _event: &MessageEvent<'_>, _connection: &Connection) {
    }
    /// A request inside messages that had no answer when its connection ended.
    fn unanswered(&mut self, _out: &mut Self::Out, _call: &Pending, _connection: &Connection) {}
    /// A request over HTTP/1 and its answer.
    fn exchange(&mut self, _out: &mut Self::Out, _exchange: &Exchange) {}
    /// A finding.
    fn finding(
        &mut self,
        _out: &mut Self::Out,
        _event: &FindingEvent<'_>,
        _connection: Option<&Connection>,
    ) {
    }
    /// A connection that ended.
    fn connection(&mut self, _out: &mut Self::Out, _connection: &Connection, _at: Moment) {}
    /// A connection that ended and did not match the filter, though rows of it may have.
    fn unmatched_connection(&mut self, _out: &mut Self::Out, _connection: &Connection) {}
    /// The end of the capture.
    fn capture(&mut self, _out: &mut Self::Out, _totals: &Totals<'_>) {}
}

/// How many of each kind an engine told, whether printed or not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Connections.
    pub connections: u64,
    /// Frames.
    pub frames: u64,
    /// Messages.
    pub messages: u64,
    /// Findings.
    pub findings: u64,
    /// TLS connections, when there were keys.
    pub tls: TlsCounts,
}

/// TLS connections by what became of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TlsCounts {
    /// All that sent anything encrypted.
    pub connections: u64,
    /// Those that were decrypted.
    pub decrypted: u64,
    /// Those without a secret in the key log.
    pub no_secret: u64,
    /// Those whose secret does not open their records.
    pub unfit: u64,
    /// Those that no secret would help, because their beginning or the cipher is missing.
    pub unreadable: u64,
}

impl TlsCounts {
    /// Counts one more.
    pub fn add(&mut self, decryption: Decryption) {
        let count = match decryption {
            Decryption::NothingYet => return,
            Decryption::Decrypted => &mut self.decrypted,
            Decryption::NoSecret => &mut self.no_secret,
            Decryption::WrongSecret => &mut self.unfit,
            Decryption::Unsupported | Decryption::HelloMissing | Decryption::NotBuilt => {
                &mut self.unreadable
            }
        };
        *count += 1;
        self.connections += 1;
    }
}

impl std::ops::Add for TlsCounts {
    type Output = TlsCounts;

    fn add(self, other: TlsCounts) -> TlsCounts {
        TlsCounts {
            connections: self.connections + other.connections,
            decrypted: self.decrypted + other.decrypted,
            no_secret: self.no_secret + other.no_secret,
            unfit: self.unfit + other.unfit,
            unreadable: self.unreadable + other.unreadable,
        }
    }
}

impl std::ops::Add for Counts {
    type Output = Counts;

    fn add(self, other: Counts) -> Counts {
        Counts {
            connections: self.connections + other.connections,
            frames: self.frames + other.frames,
            messages: self.messages + other.messages,
            findings: self.findings + other.findings,
            tls: self.tls + other.tls,
        }
    }
}

/// Prints one engine's rows.
#[derive(Debug)]
pub struct Printer<F: Format> {
    format: F,
    selection: Selection,
    written: Ordered<F::Out>,
    counts: Counts,
    /// Time of the capture's first packet.
    start: Timestamp,
    redactor: Option<Redactor>,
    pending: PendingRows,
    /// Whether calls were written that belong to the end of their connection.
    has_unanswered: bool,
}

impl<F: Format> Printer<F> {
    /// Prints with `format` what `selection` chooses of a capture that began at `start`.
    pub fn new(format: F, selection: Selection, start: Timestamp) -> Self {
        Self {
            pending: selection.pending(format.waits()),
            format,
            redactor: selection.redact.then(Redactor::default),
            selection,
            written: Ordered::default(),
            counts: Counts::default(),
            start,
            has_unanswered: false,
        }
    }

    /// What was told so far.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// What is written of the whole capture, at its end.
    pub fn capture(&mut self, totals: &Totals<'_>) -> Ordered<F::Out> {
        let mut written = Ordered::default();
        self.format.capture(written.content(), totals);
        written.end_piece(Moment::default());
        written
    }

    #[inline]
    fn passes(&self, row: Row<'_>) -> bool {
        self.selection.has(row, self.start)
    }

    /// A row of which all is known.
    #[inline]
    fn row(&mut self, row: Row<'_>) {
        match row {
            Row::Frame(event, connection) => self.frame_row(event, connection),
            Row::Message(event, connection) => {
                self.message_row(event, connection);
                self.call_rows(event, connection);
            }
            Row::Finding(event, connection) => self.finding_row(event, connection),
            Row::Connection(connection, at) => self.connection_row(connection, at),
        }
    }

    #[inline]
    fn frame_row(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        if self.selection.show.has(Show::Frames) && self.passes(Row::Frame(event, connection)) {
            if self.redactor.is_some() {
                self.redacted_frame(event, connection);
            } else {
                self.format.frame(self.written.content(), event, connection);
            }
            self.written.end_piece(event.at);
        }
    }

    #[inline]
    fn message_row(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if self.selection.show.has(Show::Frames) {
            let (format, out) = (&mut self.format, self.written.content());
            match &mut self.redactor {
                Some(redactor) => redactor.message(event, connection, |event, _| {
                    format.completed(out, event);
                }),
                None => format.completed(out, event),
            }
            self.written.extend_piece();
        }
        if self.selection.show.has(Show::Messages) && self.passes(Row::Message(event, connection)) {
            if self.redactor.is_some() {
                self.redacted_message(event, connection);
            } else {
                self.format
                    .message(self.written.content(), event, connection);
            }
            self.written.end_piece(event.at);
        }
    }

    fn call_rows(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let has_calls = event.decoded.is_some_and(|told| !told.calls.is_empty());
        if !has_calls || !self.writes_calls() || !self.passes(Row::Message(event, connection)) {
            return;
        }
        let (format, out) = (&mut self.format, self.written.content());
        match &mut self.redactor {
            Some(redactor) => redactor.message(event, connection, |event, connection| {
                format.calls(out, event, connection);
            }),
            None => format.calls(out, event, connection),
        }
        self.written.end_piece(event.at);
    }

    fn writes_calls(&self) -> bool {
        self.selection.show.has(Show::Calls) && self.format.wants_calls()
    }

    fn finding_row(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if self.selection.show.has(Show::Findings) && self.passes(Row::Finding(event, connection)) {
            let (format, out) = (&mut self.format, self.written.content());
            match &mut self.redactor {
                Some(redactor) => redactor.finding(event, connection, |event, connection| {
                    format.finding(out, event, connection);
                }),
                None => format.finding(out, event, connection),
            }
            self.written.end_piece(event.at);
        }
    }

    fn connection_row(&mut self, connection: &Connection, at: Moment) {
        if !self.selection.show.has(Show::Connections) {
            return;
        }
        let passes = self.passes(Row::Connection(connection, at));
        let masked = self.redactor.as_mut().map(|all| all.connection(connection));
        let connection = masked.as_ref().unwrap_or(connection);
        if passes {
            self.format
                .connection(self.written.content(), connection, at);
        } else {
            self.format
                .unmatched_connection(self.written.content(), connection);
        }
        self.written.end_piece(at);
    }

    #[cold]
    fn redacted_frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let (format, out) = (&mut self.format, self.written.content());
        if let Some(redactor) = &mut self.redactor {
            redactor.frame(event, connection, |event, connection| {
                format.frame(out, event, connection);
            });
        }
    }

    #[cold]
    fn redacted_message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let (format, out) = (&mut self.format, self.written.content());
        if let Some(redactor) = &mut self.redactor {
            redactor.message(event, connection, |event, connection| {
                format.message(out, event, connection);
            });
        }
    }
}

impl<F: Format> Collected for Printer<F> {
    type Part = Ordered<F::Out>;

    fn exchange(&mut self, part: &mut Self::Part) {
        self.written.exchange(part);
    }

    fn weight(part: &Self::Part) -> usize {
        part.weight()
    }
}

impl<F: Format> Sink for Printer<F> {
    fn needs(&self) -> Needs {
        let show = self.selection.show;
        let mut needs = self.selection.needs() | show.complete(self.format.needs());
        if show.has(Show::Frames) && self.format.wants_payload() {
            needs |= Needs::PAYLOAD;
        }
        if show.has(Show::Messages) && self.format.wants_message_data() {
            needs |= Needs::MESSAGES;
        }
        if show.has(Show::Messages) && self.format.wants_digest() {
            needs |= Needs::DIGEST;
        }
        let decodes = show.has(Show::Messages) && self.format.wants_decoded()
            || show.has(Show::Connections) && self.format.wants_protocol();
        if decodes {
            needs |= Needs::DECODED;
        }
        if self.writes_calls() {
            needs |= Needs::DECODED;
        }
        if show.has(Show::Findings) {
            needs |= Needs::FINDINGS | Needs::DECODED;
        }
        needs
    }

    fn opened(&mut self, connection: &Connection) {
        self.counts.connections += 1;
        self.written.opened(connection);
    }

    #[inline]
    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        self.counts.frames += 1;
        if !self.pending.keeps_frame(event) {
            self.frame_row(event, connection);
        }
    }

    #[inline]
    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        self.counts.messages += 1;
        if self.pending.keeps_message(event) {
            return;
        }
        if let Some(waiting) = self.pending.settle() {
            waiting.emit(Some(event), connection, &mut |row| self.row(row));
        }
        self.message_row(event, connection);
        self.call_rows(event, connection);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        self.counts.findings += 1;
        if !self.pending.keeps_finding(event) {
            self.finding_row(event, connection);
        }
    }

    #[inline]
    fn settled(&mut self, connection: &Connection) {
        if let Some(waiting) = self.pending.settle() {
            waiting.emit(None, connection, &mut |row| self.row(row));
        }
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, _at: Moment) {
        self.counts.tls.add(flow.summary.decryption);
    }

    fn unanswered(&mut self, call: &Pending, connection: &Connection) {
        // No filter knows them.
        let is_chosen = self.selection.filter.is_none() && self.selection.only.is_none();
        if is_chosen && self.writes_calls() {
            let masked = self.redactor.is_some().then(|| masked_call(call));
            let call = masked.as_ref().unwrap_or(call);
            self.format
                .unanswered(self.written.content(), call, connection);
            self.has_unanswered = true;
        }
    }

    fn exchanged(&mut self, exchange: &Exchange, at: Moment) {
        let is_chosen = self.selection.filter.is_none() && self.selection.only.is_none();
        if is_chosen && self.selection.show.has(Show::Exchanges) {
            let masked = self.redactor.is_some().then(|| masked_exchange(exchange));
            let exchange = masked.as_ref().unwrap_or(exchange);
            self.format.exchange(self.written.content(), exchange);
            self.written.end_piece(at);
        }
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.connection_row(connection, at);
        if std::mem::take(&mut self.has_unanswered) {
            self.written.end_piece(at);
        }
    }
}
