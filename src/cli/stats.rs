//! `wireloupe stats`: what a capture amounts to in numbers.

use std::process::ExitCode;

use crate::base::Timestamp;
use crate::capture::{Input, Source};
use crate::export::statistics;
use crate::insight::statistics::{Statistics, TimedExchange, Ways};

use super::args::{StatsArgs, StatsFormat};
use super::output::Output;
use super::passes;
use super::printing;
use super::reading::Reading;
use super::tell::tell;

/// Counts in one pass.
///
/// # Errors
/// When nothing could be read or written.
pub(crate) fn run(args: &StatsArgs) -> anyhow::Result<ExitCode> {
    let output = Output::open(args.to.output.as_deref(), args.to.force)?;
    let inputs = args.files.iter().map(Input::from_argument).collect();
    let source = Source::open(inputs, &args.analysis.limits())?;
    let mut reading = Reading::of(source, &args.analysis)?;
    let threads = args.analysis.thread_count();
    let make = |start: Timestamp| Statistics::new(start);
    let mut ways = Ways::default();
    let collect = &mut |parts: &mut [Vec<TimedExchange>]| {
        ways.take(parts.iter_mut());
        true
    };
    let (_, parts) = passes::run(&mut reading, &args.analysis, threads, make, collect);
    let ending = reading.finish();
    let mut all = Statistics::default();
    for part in &parts {
        all.merge(part);
    }
    all.compare(&ways);
    let shown = match args.format {
        StatsFormat::Text => statistics::text(&all, args.calls_by.order()),
        StatsFormat::Json => statistics::json(&all, args.calls_by.order()).to_string() + "\n",
    };
    printing::whole(output, |out| out.write_all(shown.as_bytes()))?;
    for note in &ending.notes {
        tell(note);
    }
    Ok(ExitCode::from(u8::from(ending.truncated.is_some())))
}
