//! `wireloupe read`: a capture in, rows out.

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use anyhow::bail;

use crate::base::Timestamp;
use crate::capture::{Input, Source, Summary};
use crate::engine;
use crate::export::{
    Counts, Detail, Format, HEADING, Merger, Ndjson, Page, Palette, Printer, Selection, Show, Text,
    Totals,
};
use crate::filter::Filter;

use super::args::{FormatArg, ReadArgs, ShowArg};
use super::output::Output;
use super::pipeline::{self, Collected, Tally};

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
pub fn run(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    if args.files.is_empty() {
        bail!("no capture file named: wireloupe read FILE..., or - for standard input");
    }
    let limits = args.analysis.limits();
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    let selection = Selection {
        show: show(args.show),
        filter,
    };
    let inputs: Vec<_> = args.files.iter().map(Input::from_argument).collect();
    let mut source = Source::open(inputs, &limits)?;
    let output = Output::open(args.output.as_deref(), args.force)?;
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
            print(args, &mut source, selection, output, heading, |start| {
                Text::new(start, hex, palette)
            })
        }
        FormatArg::Detail => print(args, &mut source, selection, output, "", |_| {
            Detail::new(hex)
        }),
        FormatArg::Ndjson => {
            let payload = args.payload;
            print(args, &mut source, selection, output, "", |_| {
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
}

impl Writer {
    fn take(&mut self, pages: &[Page]) -> bool {
        self.merger.merge(pages, &mut self.pending);
        if self.pending.len() >= FLUSH {
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
    source: &mut Source,
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
    };
    let make = |start| Printer::new(format(start), selection.clone(), start);
    let threads = args.analysis.thread_count();
    let (tally, mut printers) = if threads == 1 {
        pipeline::serial(source, options, make, &mut |pages| writer.take(pages))
    } else {
        pipeline::parallel(source, &options, threads, make, &mut |pages| {
            writer.take(pages)
        })
    };
    let truncated = truncation(source.summary());
    let counts = printers
        .iter()
        .map(Printer::counts)
        .fold(Counts::default(), |sum, counts| sum + counts);
    if let (Show::All, Some(printer)) = (selection.show, printers.first_mut()) {
        totals(
            source.summary(),
            &tally,
            counts,
            truncated.as_deref(),
            |totals| {
                printer.format().capture(&mut writer.pending, totals);
            },
        );
    }
    writer.finish()?;
    for line in source.summary().truncated.iter().map(truncation_line) {
        eprintln!("wireloupe: {line}");
    }
    if counts.connections == 0 && io::stderr().is_terminal() {
        eprintln!(
            "wireloupe: no WebSocket among {} packets ({} without a TCP segment)",
            tally.packets,
            tally.skipped()
        );
    }
    Ok(if truncated.is_some() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    })
}

fn truncation_line(cut: &crate::capture::Truncation) -> String {
    format!(
        "{}: {} at byte {}, after {} packets, which are all shown",
        cut.file, cut.why, cut.offset, cut.packets_before
    )
}

fn truncation(summary: &Summary) -> Option<String> {
    let lines: Vec<_> = summary.truncated.iter().map(truncation_line).collect();
    (!lines.is_empty()).then(|| lines.join("; "))
}

fn totals(
    summary: &Summary,
    tally: &Tally,
    counts: Counts,
    truncated: Option<&str>,
    tell: impl FnOnce(&Totals<'_>),
) {
    let files: Vec<_> = summary.files.iter().map(|file| file.name.clone()).collect();
    let link_types: Vec<_> = summary
        .link_types()
        .iter()
        .map(ToString::to_string)
        .collect();
    tell(&Totals {
        files: &files,
        packets: tally.packets,
        bytes: tally.bytes,
        first: tally.first,
        last: tally.last,
        link_types: &link_types,
        connections: counts.connections,
        frames: counts.frames,
        messages: counts.messages,
        findings: counts.findings,
        packets_skipped: tally.skipped(),
        truncated,
        dropped: None,
    });
}
