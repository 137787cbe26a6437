//! The engine's sink for every format that is written as it goes.

use crate::base::{Needs, Timestamp};
use crate::engine::{
    Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, Moment, Sink, TlsFlow,
};
use crate::payload::Pending;
use crate::run::{Collected, Ordered};
use crate::store::{PendingRows, Row};

use super::counts::Counts;
use super::format::{Format, Totals};
use super::masked::Masked;
use super::selection::{Selection, Show};

/// Prints one engine's rows.
#[derive(Debug)]
pub struct Printer<F: Format> {
    format: Masked<F>,
    selection: Selection,
    written: Ordered<F::Out>,
    counts: Counts,
    /// Time of the capture's first packet.
    start: Timestamp,
    pending: PendingRows,
    /// Whether calls were written that belong to the end of their connection.
    has_unanswered: bool,
}

impl<F: Format> Printer<F> {
    /// Prints with `format` what `selection` chooses of a capture that began at `start`.
    pub fn new(format: F, selection: Selection, start: Timestamp) -> Self {
        Self {
            pending: selection.pending(format.waits()),
            format: Masked::new(format, selection.redact),
            selection,
            written: Ordered::default(),
            counts: Counts::default(),
            start,
            has_unanswered: false,
        }
    }

    /// What was emitted so far.
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
            self.format.frame(self.written.content(), event, connection);
            self.written.end_piece(event.at);
        }
    }

    #[inline]
    fn message_row(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if self.selection.show.has(Show::Frames) {
            self.format.completed(self.written.content(), event);
            self.written.extend_piece();
        }
        if self.selection.show.has(Show::Messages) && self.passes(Row::Message(event, connection)) {
            self.format
                .message(self.written.content(), event, connection);
            self.written.end_piece(event.at);
        }
    }

    fn call_rows(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let has_calls = event.decoded.is_some_and(|told| !told.calls.is_empty());
        if !has_calls || !self.writes_calls() || !self.passes(Row::Message(event, connection)) {
            return;
        }
        self.format.calls(self.written.content(), event, connection);
        self.written.end_piece(event.at);
    }

    fn writes_calls(&self) -> bool {
        self.selection.show.has(Show::Calls) && self.format.wants_calls()
    }

    fn finding_row(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if self.selection.show.has(Show::Findings) && self.passes(Row::Finding(event, connection)) {
            self.format
                .finding(self.written.content(), event, connection);
            self.written.end_piece(event.at);
        }
    }

    fn connection_row(&mut self, connection: &Connection, at: Moment) {
        if !self.selection.show.has(Show::Connections) {
            return;
        }
        if self.passes(Row::Connection(connection, at)) {
            self.format
                .connection(self.written.content(), connection, at);
        } else {
            self.format
                .unmatched_connection(self.written.content(), connection);
        }
        self.written.end_piece(at);
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
            self.format
                .unanswered(self.written.content(), call, connection);
            self.has_unanswered = true;
        }
    }

    fn exchanged(&mut self, exchange: &Exchange, at: Moment) {
        let is_chosen = self.selection.filter.is_none() && self.selection.only.is_none();
        if is_chosen && self.selection.show.has(Show::Exchanges) {
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
