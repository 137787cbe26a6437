//! What a comparison needs of one capture: its connections as they were recorded, and what diagnosis says of them.

use crate::base::{Needs, Timestamp};
use crate::engine::{
    Connection, FindingEvent, FlowSummary, FrameEvent, MessageEvent, Moment, Sink, TlsFlow,
};
use crate::export::Redactor;
use crate::insight::compare::{
    self, Diagnosed, Hop, Recorded, Recorder, Recording, Records as Recordings,
};
use crate::insight::{BatchFacts, Casebook, Facts};
use crate::run::Collected;

use super::masked::Masked;

/// Records for a comparison, and gathers for a diagnosis: the sink of an engine.
#[derive(Default)]
pub struct CompareSink {
    recorder: Recorder,
    collector: Masked<Facts>,
}

impl CompareSink {
    /// One that masks credentials where asked to.
    #[must_use]
    pub fn new(masks: bool) -> Self {
        Self {
            recorder: Recorder::default(),
            collector: Masked::new(masks),
        }
    }
}

impl Sink for CompareSink {
    fn needs(&self) -> Needs {
        self.recorder.needs() | self.collector.needs()
    }

    fn opened(&mut self, connection: &Connection) {
        self.recorder.opened(connection);
        self.collector.opened(connection);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        self.recorder.frame(event, connection);
        self.collector.frame(event, connection);
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        self.recorder.message(event, connection);
        self.collector.message(event, connection);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        self.collector.finding(event, connection);
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.recorder.closed(connection, at);
        self.collector.closed(connection, at);
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, at: Moment) {
        self.collector.tls(flow, at);
    }

    fn flow_closed(&mut self, flow: FlowSummary) {
        self.recorder.flow_closed(flow.clone());
        self.collector.flow_closed(flow);
    }
}

/// What came of a batch.
pub type ComparePart = (Recording, BatchFacts);

impl Collected for CompareSink {
    type Part = ComparePart;

    fn exchange(&mut self, part: &mut Self::Part) {
        self.recorder.exchange(&mut part.0);
        self.collector.exchange(&mut part.1);
    }
}

/// One capture while it is read.
#[derive(Default)]
pub struct Comparing {
    recordings: Recordings,
    casebook: Casebook,
}

impl Comparing {
    /// Takes what came of a batch, of all engines.
    pub fn take(&mut self, parts: &mut [ComparePart]) {
        self.recordings
            .take(parts.iter_mut().map(|part| &mut part.0));
        self.casebook.take(parts.iter_mut().map(|part| &mut part.1));
    }

    /// All of it, with the time of the capture's last packet.
    #[must_use]
    pub fn finish(mut self, last: Option<Timestamp>, masks: bool) -> Compared {
        self.recordings.finish();
        if masks {
            let mut redactor = Redactor::default();
            for recorded in &mut self.recordings.connections {
                recorded.shown = Some(Box::new(redactor.connection(&recorded.connection)));
            }
        }
        let mut diagnosed = Diagnosed::default();
        for diagnosis in self.casebook.report(last.unwrap_or_default()).list {
            match diagnosis.connection {
                Some(number) => drop(diagnosed.judged.insert(number, diagnosis)),
                None => diagnosed.legs.push(diagnosis),
            }
        }
        Compared {
            connections: self.recordings.connections,
            diagnosed,
        }
    }
}

/// One capture as it was read.
pub struct Compared {
    connections: Vec<Recorded>,
    /// What diagnosis says of each.
    pub diagnosed: Diagnosed,
}

impl Compared {
    /// The connection of this number.
    ///
    /// # Errors
    /// When there is none, in words.
    pub fn attempt(&self, number: u32) -> Result<&Recorded, String> {
        let mut found = self.connections.iter();
        let found = found.find(|recorded| recorded.number == number);
        let all = self.connections.len();
        found.ok_or_else(|| format!("no connection {number}: the capture has {all}"))
    }

    /// What a hop changes between its client's side and this one, with `alike` connections of each kind.
    #[must_use]
    pub fn hop<'a>(&'a self, server: &'a Compared, alike: usize) -> Hop<'a> {
        compare::hop(&self.connections, &server.connections, alike)
    }
}
