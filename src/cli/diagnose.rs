//! `wireloupe diagnose`: why each attempt failed, and what to do.

use std::process::ExitCode;

use anyhow::bail;

use crate::base::{Severity, Timestamp};
use crate::capture::{Input, Source};
use crate::engine;
use crate::insight::facts::Part;
use crate::insight::{self, Casebook, Collector, Colours, Diagnosis, Verdict};

use super::args::{DiagnoseArgs, FailOnArg, ReportArg};
use super::masked::Masked;
use super::output::Output;
use super::pipeline::{self, Collected};
use super::reading::Reading;
use super::tell;

/// The exit code when `--fail-on` fits.
const FOUND: u8 = 3;

impl Collected for Masked<Collector> {
    type Part = Part;

    fn exchange(&mut self, part: &mut Part) {
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
    };
    let threads = args.analysis.thread_count();
    let (casebook, end) = read(&mut source, options, threads, args.redact);
    let diagnoses = insight::diagnose(&casebook, end);
    let mut output = Output::open(None, false)?;
    let text = match args.format {
        ReportArg::Text => as_text(&diagnoses, &casebook, colours(&output)),
        ReportArg::Json => as_json(&diagnoses),
    };
    match output.write(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => return Err(error.into()),
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
    options: engine::Options,
    threads: usize,
    redact: bool,
) -> (Casebook, Timestamp) {
    let mut casebook = Casebook::default();
    let make = |_| Masked::<Collector>::new(redact);
    let (tally, _) = if threads == 1 {
        pipeline::serial(source, options, make, &mut |parts: &mut [Part]| {
            casebook.take(parts);
            true
        })
    } else {
        pipeline::parallel(
            source,
            &options,
            threads,
            make,
            &mut |parts: &mut [Part]| {
                casebook.take(parts);
                true
            },
        )
    };
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

fn as_text(diagnoses: &[Diagnosis], casebook: &Casebook, colours: Colours) -> String {
    let mut out: String = diagnoses
        .iter()
        .map(|diagnosis| insight::text(diagnosis, &colours))
        .collect();
    if casebook.left_out > 0 {
        out.push_str(&format!(
            "{} more attempts were not looked at\n",
            casebook.left_out
        ));
    }
    if diagnoses.is_empty() {
        out.push_str(nothing());
    }
    out
}

fn nothing() -> &'static str {
    "no attempt at a WebSocket in this capture. If there should be one: was the capture taken on the right interface\n\
     and port? Inside TLS (wss) nothing is seen without keys.\n"
}

fn as_json(diagnoses: &[Diagnosis]) -> String {
    let attempts: Vec<_> = diagnoses.iter().map(insight::json).collect();
    let document = serde_json::json!({ "attempts": attempts });
    format!("{document:#}\n")
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
