//! `wireloupe compare`: what a hop changes between its two sides, or how two attempts differ.

use std::path::Path;
use std::process::ExitCode;

use anyhow::bail;

use crate::capture::{Input, Source};
use crate::insight::compare;
use crate::overview::{ComparePart, CompareSink, Compared, Comparing};
use crate::run;

use super::args::{CompareArgs, ReportArg};
use super::output::Output;
use super::reading::Reading;
use super::tell::tell;

/// One capture, and whether all of it could be read.
struct Capture {
    compared: Compared,
    is_whole: bool,
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
        ([one], Some(chosen)) => of_attempts(&one.compared, chosen, args.format)?,
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
    let (client, server) = (&client.compared, &server.compared);
    let hop = client.hop(server, alike);
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
    capture: &Compared,
    [first, second]: [u32; 2],
    format: ReportArg,
) -> anyhow::Result<String> {
    let attempt = |number| capture.attempt(number).map_err(anyhow::Error::msg);
    let (first, second) = (attempt(first)?, attempt(second)?);
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
    let mut reading = Comparing::default();
    let make = |_| CompareSink::new(args.redact);
    let collect = &mut |parts: &mut [ComparePart]| {
        reading.take(parts);
        true
    };
    let threads = args.analysis.thread_count();
    let (tally, _) = run::analyse(&mut source, &options, threads, make, collect);
    let ending = source.finish();
    for note in &ending.notes {
        tell(note);
    }
    Ok(Capture {
        compared: reading.finish(tally.last, args.redact),
        is_whole: ending.truncated.is_none(),
    })
}
