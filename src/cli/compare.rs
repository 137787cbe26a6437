//! `wireloupe compare`: what a hop changes between its two sides, or how two attempts differ.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use serde_json::json;

use crate::capture::{Input, Source};
use crate::engine;
use crate::insight::compare::{Difference, Recorded, Recorder, compare, pair};

use super::args::{CompareArgs, ReportArg};
use super::output::Output;
use super::pipeline::{self, Collected};
use super::reading::Reading;
use super::tell;

impl Collected for Recorder {
    type Part = Vec<Recorded>;

    fn exchange(&mut self, part: &mut Self::Part) {
        part.clear();
        part.append(&mut self.ended);
    }
}

/// Reads both captures, or one with `--attempts`, and prints what differs.
///
/// # Errors
/// When nothing could be read or written, or an attempt that was named is not there.
pub(crate) fn run(args: &CompareArgs) -> anyhow::Result<ExitCode> {
    let sides: Vec<Vec<Recorded>> = args
        .files
        .iter()
        .map(|path| read(path, args))
        .collect::<anyhow::Result<_>>()?;
    let pairs = match (&sides[..], &args.attempts[..]) {
        ([client, server], []) => pair(client, server),
        ([one], [first, second]) => vec![(attempt(one, *first)?, attempt(one, *second)?)],
        _ => bail!(
            "two captures (CLIENT-SIDE SERVER-SIDE), or one with --attempts N,M: the numbers of two connections"
        ),
    };
    let compared: Vec<_> = pairs
        .iter()
        .map(|(one, other)| (one.number, other.number, compare(one, other)))
        .collect();
    let text = match args.format {
        ReportArg::Text => as_text(&compared, &sides),
        ReportArg::Json => as_json(&compared),
    };
    let mut output = Output::open(None, false)?;
    match output.write(text.as_bytes()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

fn attempt(recorded: &[Recorded], number: u32) -> anyhow::Result<&Recorded> {
    let found = recorded.iter().find(|recorded| recorded.number == number);
    found.with_context(|| format!("no connection {number}: the capture has {}", recorded.len()))
}

fn read(path: &Path, args: &CompareArgs) -> anyhow::Result<Vec<Recorded>> {
    let limits = args.analysis.limits();
    let source = Source::open(vec![Input::from_argument(path)], &limits)?;
    let mut source = Reading::of(source, &args.analysis)?;
    let options = engine::Options {
        limits,
        decode_as: args.analysis.decode_as.clone(),
    };
    let mut all = Vec::new();
    pipeline::serial(
        &mut source,
        options,
        |_| Recorder::default(),
        &mut |parts| {
            parts.iter_mut().for_each(|part| all.append(part));
            true
        },
    );
    for note in &source.finish().notes {
        tell(note);
    }
    Ok(Recorder::finish(all))
}

type Compared = (u32, u32, Vec<Difference>);

fn as_text(compared: &[Compared], sides: &[Vec<Recorded>]) -> String {
    let mut out = String::new();
    for (one, other, differences) in compared {
        out.push_str(&format!("connection {one} and connection {other}\n"));
        for difference in differences {
            let Difference { what, one, other } = difference;
            out.push_str(&format!("  {what:<16} {one}\n  {:<16} {other}\n", "  ->"));
        }
    }
    if let [client, server] = sides {
        let paired = compared.len();
        let alone = (client.len() - paired, server.len() - paired);
        out.push_str(&format!(
            "{paired} paired; without a partner: {} and {}\n",
            alone.0, alone.1
        ));
    }
    out
}

fn as_json(compared: &[Compared]) -> String {
    let pairs: Vec<_> = compared
        .iter()
        .map(|(one, other, differences)| {
            let differences: Vec<_> = differences
                .iter()
                .map(|d| json!({"what": d.what, "one": d.one, "other": d.other}))
                .collect();
            json!({"one": one, "other": other, "differences": differences})
        })
        .collect();
    format!("{:#}\n", json!({ "pairs": pairs }))
}
