//! Secrets masked before a report sees them: in heads, close reasons and findings. What messages hold is passed on,
//! since reports say nothing of it but whether it is the same.

use crate::base::{Needs, Timestamp};
use crate::engine::{
    Connection, FindingEvent, FlowSummary, FrameEvent, MessageEvent, Moment, Sink, TlsFlow,
};
use crate::export::Redactor;
use crate::run::Collected;

/// A sink behind a mask, when there is one.
#[derive(Debug, Default)]
pub struct Masked<S> {
    sink: S,
    redactor: Option<Redactor>,
}

impl<S: Default> Masked<S> {
    /// A sink that sees masked heads when `redact` says so.
    pub fn new(redact: bool) -> Self {
        Self {
            sink: S::default(),
            redactor: redact.then(Redactor::default),
        }
    }
}

impl<S: Sink> Masked<S> {
    /// The sink.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    fn shown(&mut self, connection: &Connection, tell: impl FnOnce(&mut S, &Connection)) {
        match &mut self.redactor {
            Some(redactor) => tell(&mut self.sink, &redactor.connection(connection)),
            None => tell(&mut self.sink, connection),
        }
    }
}

impl<S: Collected> Collected for Masked<S> {
    type Part = S::Part;

    fn exchange(&mut self, part: &mut S::Part) {
        self.sink.exchange(part);
    }

    fn weight(part: &S::Part) -> usize {
        S::weight(part)
    }
}

impl<S: Sink> Sink for Masked<S> {
    fn needs(&self) -> Needs {
        self.sink.needs()
    }

    fn opened(&mut self, connection: &Connection) {
        self.shown(connection, |sink, connection| sink.opened(connection));
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        self.sink.frame(event, connection);
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        self.sink.message(event, connection);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        let sink = &mut self.sink;
        match &mut self.redactor {
            Some(redactor) => redactor.finding(event, connection, |event, connection| {
                sink.finding(event, connection);
            }),
            None => sink.finding(event, connection),
        }
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.shown(connection, |sink, connection| sink.closed(connection, at));
    }

    fn handshake(&mut self, connection: &Connection, at: Moment) {
        self.shown(connection, |sink, connection| {
            sink.handshake(connection, at)
        });
    }

    fn advanced(&mut self, now: Timestamp) {
        self.sink.advanced(now);
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, at: Moment) {
        self.sink.tls(flow, at);
    }

    fn flow_closed(&mut self, flow: FlowSummary) {
        self.sink.flow_closed(flow);
    }
}
