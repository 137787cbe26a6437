//! `wireloupe diagnose`: why each attempt failed, and what to do.

use std::io;
use std::process::ExitCode;

use anyhow::bail;

use crate::base::{Severity, Timestamp};
use crate::capture::{Input, Source};
use crate::engine;
use crate::export::{DiagnosisText, diagnosis_json};
use crate::insight::{BatchFacts, Casebook, Facts, Keep, Report};
use crate::overview::Masked;
use crate::run;

use super::args::{DiagnoseArgs, FailOnArg, ReportArg};
use super::output::Output;
use super::printing::palette;
use super::reading::Reading;
use super::tell::tell;

/// Attempts listed of each kind on request.
const ALL: usize = 200_000;

/// The exit code when `--fail-on` fits.
const FOUND: u8 = 3;
/// The exit code when there were attempts that could not be looked at.
const UNEXAMINED: u8 = 4;

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
    let options = args.analysis.engine_options();
    let threads = args.analysis.thread_count();
    let keep = match args.all {
        true => Keep {
            alike: ALL,
            healthy: ALL,
        },
        false => Keep::default(),
    };
    let (casebook, end) = read(&mut source, &options, threads, args.redact, keep);
    let report = casebook.report(end);
    let report = match args.redact {
        true => report.masked(),
        false => report,
    };
    let mut output = Output::open(None, false)?;
    let palette = palette(&output);
    let mut pieces = Pieces::new(&mut output);
    let written = match args.format {
        ReportArg::Text => DiagnosisText::new(&report, palette, args.all)
            .write(&casebook, |piece| pieces.push(piece)),
        ReportArg::Json => diagnosis_json(&report, &casebook, |piece| pieces.push(piece)),
    };
    let written = written.and_then(|()| pieces.finish());
    match written {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(error.into()),
        _ => {}
    }
    let ending = source.finish();
    for note in &ending.notes {
        tell(note);
    }
    Ok(exit_code(&report, args.fail_on, ending.truncated.is_some()))
}

/// Runs the engines and gathers every attempt, with the time of the last packet.
fn read(
    source: &mut Reading,
    options: &engine::Options,
    threads: usize,
    redact: bool,
    keep: Keep,
) -> (Casebook, Timestamp) {
    let mut casebook = Casebook::keeping(keep);
    let make = |_| Masked::<Facts>::new(redact);
    let collect = &mut |parts: &mut [BatchFacts]| {
        casebook.take(parts);
        true
    };
    let (tally, _) = run::analyse(source, options, threads, make, collect);
    (casebook, tally.last.unwrap_or_default())
}

/// Text on its way out, in pieces worth a call each.
struct Pieces<'a> {
    output: &'a mut Output,
    text: String,
}

impl<'a> Pieces<'a> {
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

fn exit_code(report: &Report, fail_on: Option<FailOnArg>, truncated: bool) -> ExitCode {
    let limit = fail_on.map(|arg| match arg {
        FailOnArg::Error => Severity::Error,
        FailOnArg::Warning => Severity::Warning,
    });
    match (report.worst, limit) {
        (Some(worst), Some(limit)) if worst >= limit => ExitCode::from(FOUND),
        _ if report.unexamined > 0 => ExitCode::from(UNEXAMINED),
        _ if truncated => ExitCode::from(1),
        _ => ExitCode::SUCCESS,
    }
}
