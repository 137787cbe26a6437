//! `wireloupe compare`: what a hop changes between its two sides, or how two attempts differ.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};

use crate::base::Needs;
use crate::capture::{Input, Source};
use crate::engine::{
    Connection, FindingEvent, FlowSummary, FrameEvent, MessageEvent, Moment, Sink, TlsFlow,
};
use crate::export::Redactor;
use crate::insight::compare::{self, Diagnosed, Recorded, Recorder, Recording, Records};
use crate::insight::{BatchFacts, Casebook, Facts};
use crate::overview::Masked;
use crate::run::{self, Collected};

use super::args::{CompareArgs, ReportArg};
use super::output::Output;
use super::reading::Reading;
use super::tell::tell;

/// Records for the comparison, and gathers for a diagnosis of each side.
#[derive(Default)]
struct Both {
    recorder: Recorder,
    collector: Masked<Facts>,
}

impl Both {
    fn new(redact: bool) -> Self {
        Self {
            recorder: Recorder::default(),
            collector: Masked::new(redact),
        }
    }
}

impl Sink for Both {
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

impl Collected for Both {
    type Part = (Recording, BatchFacts);

    fn exchange(&mut self, part: &mut Self::Part) {
        self.recorder.exchange(&mut part.0);
        self.collector.exchange(&mut part.1);
    }
}

/// One capture as it was read.
struct Capture {
    connections: Vec<Recorded>,
    diagnosed: Diagnosed,
    is_whole: bool,
}

impl Capture {
    fn attempt(&self, number: u32) -> anyhow::Result<&Recorded> {
        let mut found = self.connections.iter();
        let found = found.find(|recorded| recorded.number == number);
        let all = self.connections.len();
        found.with_context(|| format!("no connection {number}: the capture has {all}"))
    }
}

/// Reads both captures, or one with `--attempts`, and prints what differs.
///
/// # Errors
/// When nothing could be read or written, or an attempt that was named is not there.
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let (text, is_whole) = text(args)?;
    let mut output = Output::open(None, false)?;
    match output.write(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    match is_whole {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::from(1)),
    }
}

/// What differs, and whether the captures could be read whole.
///
/// # Errors
/// When nothing could be read, or an attempt that was named is not there.
pub(crate) fn text(args: &CompareArgs) -> anyhow::Result<(String, bool)> {
    let chosen: Option<[u32; 2]> = args.attempts[..].try_into().ok();
    if (args.files.len(), args.attempts.len()) != (2, 0)
        && (args.files.len() != 1 || chosen.is_none())
    {
        bail!(
            "two captures (CLIENT-SIDE SERVER-SIDE), or one with --attempts N,M: the numbers of two connections"
        );
    }
    let captures: Vec<Capture> = args
        .files
        .iter()
        .map(|path| read(path, args))
        .collect::<anyhow::Result<_>>()?;
    let text = match (&captures[..], chosen) {
        ([one], Some(chosen)) => of_attempts(one, chosen, args.format)?,
        ([client, server], _) => of_hop(client, server, args),
        _ => String::new(),
    };
    Ok((text, captures.iter().all(|capture| capture.is_whole)))
}

/// Connections of each kind shown to people, and to programs.
const ALIKE: (usize, usize) = (5, 20);

fn of_hop(client: &Capture, server: &Capture, args: &CompareArgs) -> String {
    let alike = match (args.all, args.format) {
        (true, _) => usize::MAX,
        (false, ReportArg::Text) => ALIKE.0,
        (false, ReportArg::Json) => ALIKE.1,
    };
    let hop = compare::hop(&client.connections, &server.connections, alike);
    let (of_client, of_server) = (&client.diagnosed, &server.diagnosed);
    match args.format {
        ReportArg::Text => compare::hop_text(&hop, of_client, of_server, alike),
        ReportArg::Json => {
            let json = compare::hop_json(&hop, of_client, of_server, alike);
            format!("{json:#}\n")
        }
    }
}

fn of_attempts(
    capture: &Capture,
    [first, second]: [u32; 2],
    format: ReportArg,
) -> anyhow::Result<String> {
    let (first, second) = (capture.attempt(first)?, capture.attempt(second)?);
    let comparison = compare::attempts(first, second);
    let judged = &capture.diagnosed.judged;
    Ok(match format {
        ReportArg::Text => compare::attempts_text(&comparison, judged),
        ReportArg::Json => format!("{:#}\n", compare::attempts_json(&comparison, judged)),
    })
}

fn read(path: &Path, args: &CompareArgs) -> anyhow::Result<Capture> {
    let limits = args.analysis.limits();
    let source = Source::open(vec![Input::from_argument(path)], &limits)?;
    let mut source = Reading::of(source, &args.analysis)?;
    let options = args.analysis.engine_options();
    let (mut records, mut casebook) = (Records::default(), Casebook::default());
    let make = |_| Both::new(args.redact);
    let collect = &mut |parts: &mut [(Recording, BatchFacts)]| {
        records.take(parts.iter_mut().map(|part| &mut part.0));
        casebook.take(parts.iter_mut().map(|part| &mut part.1));
        true
    };
    let threads = args.analysis.thread_count();
    let (tally, _) = run::analyse(&mut source, &options, threads, make, collect);
    let ending = source.finish();
    for note in &ending.notes {
        tell(note);
    }
    records.finish();
    if args.redact {
        let mut redactor = Redactor::default();
        for recorded in &mut records.connections {
            recorded.shown = Some(Box::new(redactor.connection(&recorded.connection)));
        }
    }
    let report = casebook.report(tally.last.unwrap_or_default());
    let mut diagnosed = Diagnosed::default();
    for diagnosis in report.list {
        match diagnosis.connection {
            Some(number) => drop(diagnosed.judged.insert(number, diagnosis)),
            None => diagnosed.legs.push(diagnosis),
        }
    }
    Ok(Capture {
        connections: records.connections,
        diagnosed,
        is_whole: ending.truncated.is_none(),
    })
}
