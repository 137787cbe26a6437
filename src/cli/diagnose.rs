//! `wireloupe diagnose`: why each attempt failed, and what to do.

use std::io;
use std::process::ExitCode;

use anyhow::bail;
use serde_json::Value;

use crate::base::{Severity, Timestamp};
use crate::capture::{Input, Source};
use crate::engine;
use crate::insight::encrypted::{self, encrypted};
use crate::insight::facts::BatchFacts;
use crate::insight::{self, Casebook, Colours, Diagnosis, Facts, Verdict};
use crate::run::{self, Collected};

use super::args::{DiagnoseArgs, FailOnArg, ReportArg};
use super::masked::Masked;
use super::output::Output;
use super::reading::Reading;
use super::tell;

/// The exit code when `--fail-on` fits.
const FOUND: u8 = 3;
/// TLS connections listed in text: a capture of a whole network has thousands that are no WebSocket.
const LISTED: usize = 20;

impl Collected for Masked<Facts> {
    type Part = BatchFacts;

    fn exchange(&mut self, part: &mut BatchFacts) {
        self.sink.exchange(part);
    }
}

/// Reads and diagnoses.
///
/// # Errors
/// When nothing could be read or written: bad arguments, no such file, no permission.
pub(crate) fn run(args: &DiagnoseArgs) -> anyhow::Result<ExitCode> {
    if args.files.is_empty() {
        bail!("no capture file named: wireloupe diagnose FILE..., or - for standard input");
    }
    let limits = args.analysis.limits();
    let inputs: Vec<_> = args.files.iter().map(Input::from_argument).collect();
    let mut source = Reading::of(Source::open(inputs, &limits)?, &args.analysis)?;
    let options = engine::Options {
        limits,
        decode_as: args.analysis.decode_as.clone(),
        payload_as: Vec::new(),
    };
    let threads = args.analysis.thread_count();
    let (casebook, end) = read(&mut source, &options, threads, args.redact);
    let diagnoses = insight::diagnose(&casebook, end);
    let mut output = Output::open(None, false)?;
    let written = match args.format {
        ReportArg::Text => write_text(&mut output, &diagnoses, &casebook),
        ReportArg::Json => write_json(&mut output, &diagnoses, &casebook),
    };
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    let ending = source.finish();
    for note in &ending.notes {
        tell(note);
    }
    Ok(exit_code(
        &diagnoses,
        args.fail_on,
        ending.truncated.is_some(),
    ))
}

/// Runs the engines and gathers every attempt, with the time of the last packet.
fn read(
    source: &mut Reading,
    options: &engine::Options,
    threads: usize,
    redact: bool,
) -> (Casebook, Timestamp) {
    let mut casebook = Casebook::default();
    let make = |_| Masked::<Facts>::new(redact);
    let collect = &mut |parts: &mut [BatchFacts]| {
        casebook.take(parts);
        true
    };
    let (tally, _) = run::analyse(source, options, threads, make, collect);
    (casebook, tally.last.unwrap_or_default())
}

/// Colours are for terminals, unless the user wants none (<https://no-color.org>).
fn colours(output: &Output) -> Colours {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if output.is_terminal() && !no_color && !dumb {
        Colours::ANSI
    } else {
        Colours::default()
    }
}

fn write_text(output: &mut Output, diagnoses: &[Diagnosis], casebook: &Casebook) -> io::Result<()> {
    let colours = colours(output);
    let mut text = Chunks::new(output);
    for diagnosis in diagnoses {
        text.push(&insight::text(diagnosis, &colours))?;
    }
    if casebook.left_out > 0 {
        let more = format!("{} more attempts were not looked at\n", casebook.left_out);
        text.push(&more)?;
    }
    if diagnoses.is_empty() {
        text.push(nothing())?;
    }
    let encrypted = encrypted(casebook);
    if !encrypted.is_empty() {
        text.push(
            "TLS that was not read, with what shows from outside (--keylog FILE opens it):\n",
        )?;
    }
    for one in encrypted.iter().take(LISTED) {
        text.push(&encrypted::line(one))?;
    }
    if let Some(more @ 1..) = encrypted.len().checked_sub(LISTED) {
        text.push(&format!(
            "   and {more} more (--format json has them all)\n"
        ))?;
    }
    text.finish()
}

fn nothing() -> &'static str {
    "no attempt at a WebSocket in this capture. If there should be one: was the capture taken on the right interface\n\
     and port? Inside TLS (wss) nothing is read without keys.\n"
}

/// One document, an attempt at a time: the whole tree of many attempts would take more memory than the capture.
fn write_json(output: &mut Output, diagnoses: &[Diagnosis], casebook: &Casebook) -> io::Result<()> {
    let mut text = Chunks::new(output);
    text.push("{\n  \"attempts\": ")?;
    write_array(&mut text, diagnoses.iter().map(insight::json))?;
    text.push(",\n  \"encrypted\": ")?;
    write_array(&mut text, encrypted(casebook).iter().map(encrypted::value))?;
    text.push("\n}\n")?;
    text.finish()
}

fn write_array(text: &mut Chunks<'_>, values: impl Iterator<Item = Value>) -> io::Result<()> {
    let mut values = values.peekable();
    let is_empty = values.peek().is_none();
    for (at, value) in values.enumerate() {
        text.push(if at == 0 { "[\n    " } else { ",\n    " })?;
        text.push(&format!("{value:#}").replace('\n', "\n    "))?;
    }
    text.push(if is_empty { "[]" } else { "\n  ]" })
}

/// Text on its way out, in pieces worth a call each.
struct Chunks<'a> {
    output: &'a mut Output,
    text: String,
}

impl<'a> Chunks<'a> {
    const SIZE: usize = 64 << 10;

    fn new(output: &'a mut Output) -> Self {
        Self {
            output,
            text: String::new(),
        }
    }

    fn push(&mut self, text: &str) -> io::Result<()> {
        self.text.push_str(text);
        match self.text.len() {
            Self::SIZE.. => self.finish(),
            _ => Ok(()),
        }
    }

    fn finish(&mut self) -> io::Result<()> {
        self.output.write(self.text.as_bytes())?;
        self.text.clear();
        Ok(())
    }
}

fn exit_code(diagnoses: &[Diagnosis], fail_on: Option<FailOnArg>, truncated: bool) -> ExitCode {
    let worst = diagnoses
        .iter()
        .map(|diagnosis| diagnosis.verdict)
        .map(Verdict::severity)
        .max();
    let limit = fail_on.map(|arg| match arg {
        FailOnArg::Error => Severity::Error,
        FailOnArg::Warning => Severity::Warning,
    });
    match (worst, limit) {
        (Some(worst), Some(limit)) if worst >= limit => ExitCode::from(FOUND),
        _ if truncated => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}
