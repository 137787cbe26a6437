//! `wireloupe read`: a capture in, rows out.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use crate::base::Timestamp;
use crate::engine;
use crate::export::{
    Counts, Detail, Format, HEADING, Merger, Ndjson, Page, Palette, Printer, Selection, Show, Text,
    Totals,
};
use crate::filter::Filter;

use super::args::{FormatArg, ReadArgs, ShowArg};
use super::output::Output;
use super::pipeline::{self, Collected, Tally};
use super::reading::{Ending, Reading};

/// Output gathered before it is written.
const FLUSH: usize = 256 << 10;

impl<F: Format + Send> Collected for Printer<F> {
    type Part = Page;

    fn exchange(&mut self, part: &mut Page) {
        Printer::exchange(self, part);
    }
}

/// Reads and prints.
///
/// # Errors
/// When nothing could be read or written: bad arguments, no such file, no permission.
pub(crate) fn run(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let limits = args.analysis.limits();
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let selection = Selection {
        show: show(args.show),
        filter,
    };
    let output = Output::open(args.output.as_deref(), args.force)?;
    let source = Reading::open(args, &limits)?;
    let palette = if colours(&output) {
        Palette::ANSI
    } else {
        Palette::default()
    };
    let hex = args.hex;
    match args.format {
        FormatArg::Text => {
            let heading = output.is_terminal() && selection.show == Show::Frames;
            let heading = if heading { HEADING } else { "" };
            print(args, source, selection, output, heading, |start| {
                Text::new(start, hex, palette)
            })
        }
        FormatArg::Detail => print(args, source, selection, output, "", |_| Detail::new(hex)),
        FormatArg::Ndjson => {
            let payload = args.payload;
            print(args, source, selection, output, "", |_| {
                Ndjson::new(payload)
            })
        }
    }
}

fn show(arg: ShowArg) -> Show {
    match arg {
        ShowArg::Frames => Show::Frames,
        ShowArg::Messages => Show::Messages,
        ShowArg::Connections => Show::Connections,
        ShowArg::Findings => Show::Findings,
        ShowArg::All => Show::All,
    }
}

/// Colours are for terminals, unless the user wants none (<https://no-color.org>).
fn colours(output: &Output) -> bool {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    output.is_terminal() && !no_color && !dumb
}

/// Puts pages together and writes them.
struct Writer {
    merger: Merger,
    output: Output,
    pending: Vec<u8>,
    failed: Option<io::Error>,
    /// Whether somebody waits for each line.
    prompt: bool,
}

impl Writer {
    fn take(&mut self, pages: &[Page]) -> bool {
        self.merger.merge(pages, &mut self.pending);
        if self.prompt || self.pending.len() >= FLUSH {
            self.flush();
        }
        self.failed.is_none()
    }

    fn flush(&mut self) {
        if self.failed.is_none()
            && let Err(error) = self.output.write(&self.pending)
        {
            self.failed = Some(error);
        }
        self.pending.clear();
    }

    /// The end of the output. A reader that went away had what it wanted.
    fn finish(mut self) -> anyhow::Result<()> {
        self.flush();
        match self.failed {
            Some(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            Some(error) => Err(error.into()),
            None => self.output.finish(),
        }
    }
}

fn print<F: Format + Send>(
    args: &ReadArgs,
    mut source: Reading,
    selection: Selection,
    output: Output,
    heading: &str,
    format: impl Fn(Timestamp) -> F,
) -> anyhow::Result<ExitCode> {
    let options = engine::Options {
        limits: args.analysis.limits(),
        decode_as: args.analysis.decode_as.clone(),
    };
    let mut writer = Writer {
        merger: Merger::default(),
        output,
        pending: heading.into(),
        failed: None,
        prompt: source.is_live(),
    };
    let make = |start| Printer::new(format(start), selection.clone(), start);
    let threads = args.analysis.thread_count();
    let (tally, mut printers) = if threads == 1 || source.is_live() {
        pipeline::serial(&mut source, options, make, &mut |pages| writer.take(pages))
    } else {
        pipeline::parallel(&mut source, &options, threads, make, &mut |pages| {
            writer.take(pages)
        })
    };
    let ending = source.finish();
    let counts = printers
        .iter()
        .map(Printer::counts)
        .fold(Counts::default(), |sum, counts| sum + counts);
    if let (Show::All, Some(printer)) = (selection.show, printers.first_mut()) {
        let totals = totals(&ending, &tally, counts);
        printer.format().capture(&mut writer.pending, &totals);
    }
    writer.finish()?;
    for note in &ending.notes {
        eprintln!("wireloupe: {note}");
    }
    if counts.connections == 0 && io::stderr().is_terminal() {
        eprintln!(
            "wireloupe: no WebSocket among {} packets ({} without a TCP segment)",
            tally.packets,
            tally.skipped()
        );
    }
    Ok(ExitCode::from(u8::from(ending.truncated.is_some())))
}

fn totals<'a>(ending: &'a Ending, tally: &Tally, counts: Counts) -> Totals<'a> {
    Totals {
        files: &ending.files,
        packets: tally.packets,
        bytes: tally.bytes,
        first: tally.first,
        last: tally.last,
        link_types: &ending.link_types,
        connections: counts.connections,
        frames: counts.frames,
        messages: counts.messages,
        findings: counts.findings,
        packets_skipped: tally.skipped(),
        truncated: ending.truncated.as_deref(),
        dropped: ending.dropped,
    }
}
