//! A format that sees no secrets: what it is given was masked before.

use crate::base::Needs;
use crate::engine::{Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::payload::Pending;
use crate::store::Waits;

use super::format::{Format, Totals};
use super::redact::{Redactor, masked_call, masked_exchange};

/// A format, and what masks its rows where secrets are not to be shown. Whoever chooses rows sees them unmasked.
#[derive(Debug)]
pub(super) struct Masked<F> {
    format: F,
    redactor: Option<Redactor>,
}

impl<F: Format> Masked<F> {
    /// The format, with its rows masked if `redact` says so.
    pub(super) fn new(format: F, redact: bool) -> Self {
        Self {
            format,
            redactor: redact.then(Redactor::default),
        }
    }

    #[cold]
    fn masked_frame(&mut self, out: &mut F::Out, event: &FrameEvent<'_>, connection: &Connection) {
        if let Some(redactor) = &mut self.redactor {
            redactor.frame(event, connection, |event, connection| {
                self.format.frame(out, event, connection);
            });
        }
    }

    #[cold]
    fn masked_message(
        &mut self,
        event: &MessageEvent<'_>,
        connection: &Connection,
        write: impl FnOnce(&mut F, &MessageEvent<'_>, &Connection),
    ) {
        if let Some(redactor) = &mut self.redactor {
            let connection = redactor.connection(connection);
            redactor.message(event, |event| write(&mut self.format, event, &connection));
        }
    }

    fn with_connection(
        &mut self,
        connection: &Connection,
        write: impl FnOnce(&mut F, &Connection),
    ) {
        match &mut self.redactor {
            Some(redactor) => write(&mut self.format, &redactor.connection(connection)),
            None => write(&mut self.format, connection),
        }
    }
}

impl<F: Format> Format for Masked<F> {
    type Out = F::Out;

    fn needs(&self) -> Needs {
        self.format.needs()
    }

    fn wants_payload(&self) -> bool {
        self.format.wants_payload()
    }

    fn wants_message_data(&self) -> bool {
        self.format.wants_message_data()
    }

    fn wants_decoded(&self) -> bool {
        self.format.wants_decoded()
    }

    fn wants_protocol(&self) -> bool {
        self.format.wants_protocol()
    }

    fn wants_calls(&self) -> bool {
        self.format.wants_calls()
    }

    fn waits(&self) -> Waits {
        self.format.waits()
    }

    fn wants_digest(&self) -> bool {
        self.format.wants_digest()
    }

    #[inline]
    fn completed(&mut self, out: &mut F::Out, event: &MessageEvent<'_>) {
        match &mut self.redactor {
            Some(redactor) => redactor.message(event, |event| self.format.completed(out, event)),
            None => self.format.completed(out, event),
        }
    }

    #[inline]
    fn frame(&mut self, out: &mut F::Out, event: &FrameEvent<'_>, connection: &Connection) {
        match self.redactor {
            Some(_) => self.masked_frame(out, event, connection),
            None => self.format.frame(out, event, connection),
        }
    }

    #[inline]
    fn message(&mut self, out: &mut F::Out, event: &MessageEvent<'_>, connection: &Connection) {
        match self.redactor {
            Some(_) => self.masked_message(event, connection, |format, event, connection| {
                format.message(out, event, connection);
            }),
            None => self.format.message(out, event, connection),
        }
    }

    fn calls(&mut self, out: &mut F::Out, event: &MessageEvent<'_>, connection: &Connection) {
        match self.redactor {
            Some(_) => self.masked_message(event, connection, |format, event, connection| {
                format.calls(out, event, connection);
            }),
            None => self.format.calls(out, event, connection),
        }
    }

    fn unanswered(&mut self, out: &mut F::Out, call: &Pending, connection: &Connection) {
        let masked = self.redactor.is_some().then(|| masked_call(call));
        let call = masked.as_ref().unwrap_or(call);
        self.with_connection(connection, |format, connection| {
            format.unanswered(out, call, connection);
        });
    }

    fn exchange(&mut self, out: &mut F::Out, exchange: &Exchange) {
        let masked = self.redactor.is_some().then(|| masked_exchange(exchange));
        self.format
            .exchange(out, masked.as_ref().unwrap_or(exchange));
    }

    fn finding(
        &mut self,
        out: &mut F::Out,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        match &mut self.redactor {
            Some(redactor) => redactor.finding(event, connection, |event, connection| {
                self.format.finding(out, event, connection);
            }),
            None => self.format.finding(out, event, connection),
        }
    }

    fn connection(&mut self, out: &mut F::Out, connection: &Connection, at: Moment) {
        self.with_connection(connection, |format, connection| {
            format.connection(out, connection, at);
        });
    }

    fn unmatched_connection(&mut self, out: &mut F::Out, connection: &Connection) {
        self.with_connection(connection, |format, connection| {
            format.unmatched_connection(out, connection);
        });
    }

    fn capture(&mut self, out: &mut F::Out, totals: &Totals<'_>) {
        self.format.capture(out, totals);
    }
}
