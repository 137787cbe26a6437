//! From pages to an output: put together in packet order, handed on in large pieces, and what to say at the end.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use crate::base::Timestamp;
use crate::export::{
    Archive, Counts, Document, Format, Merger, Page, Palette, Printer, Selection, Show, Totals,
};
use crate::run::Tally;

use super::args::AnalysisArgs;
use super::output::Output;
use super::passes;
use super::reading::{Ending, Reading};
use super::tell;

/// Output gathered before it is written.
const FLUSH: usize = 256 << 10;

/// What takes the rows.
pub(crate) trait Drain: Send {
    /// Takes whole rows.
    fn push(&mut self, rows: &[u8]) -> io::Result<()>;
}

impl Drain for Output {
    fn push(&mut self, rows: &[u8]) -> io::Result<()> {
        self.write(rows)
    }
}

impl Drain for Document {
    fn push(&mut self, rows: &[u8]) -> io::Result<()> {
        Document::push(self, rows)
    }
}

impl Drain for Archive {
    fn push(&mut self, rows: &[u8]) -> io::Result<()> {
        Archive::push(self, rows)
    }
}

/// Puts pages together and hands them on.
struct Writer<D> {
    merger: Merger,
    drain: D,
    pending: Vec<u8>,
    failed: Option<io::Error>,
    /// Whether somebody waits for each line.
    prompt: bool,
}

impl<D: Drain> Writer<D> {
    fn take(&mut self, pages: &[Page]) -> bool {
        let (drain, failed) = (&mut self.drain, &mut self.failed);
        self.merger.merge_by(pages, &mut self.pending, &mut |rows| {
            if rows.len() >= FLUSH {
                flush(drain, failed, rows);
            }
        });
        if self.prompt || self.pending.len() >= FLUSH {
            self.flush();
        }
        self.failed.is_none()
    }

    fn flush(&mut self) {
        flush(&mut self.drain, &mut self.failed, &mut self.pending);
    }
}

/// Hands rows on, unless that has failed before.
fn flush(drain: &mut impl Drain, failed: &mut Option<io::Error>, rows: &mut Vec<u8>) {
    if failed.is_none()
        && let Err(error) = drain.push(rows)
    {
        *failed = Some(error);
    }
    rows.clear();
}

/// What came of printing.
pub(crate) struct Printed<D> {
    /// Where the rows went; `None` when its reader went away, who had what it wanted.
    pub(crate) drain: Option<D>,
    /// What is known of the input.
    pub(crate) ending: Ending,
    tally: Tally,
    /// What was told, whether printed or not.
    counts: Counts,
}

impl<D> Printed<D> {
    /// Says on stderr what the user should know, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        for note in &self.ending.notes {
            tell(note);
        }
        if self.counts.connections == 0 && io::stderr().is_terminal() {
            tell(format_args!(
                "no WebSocket among {} packets ({} without a TCP segment)",
                self.tally.packets, self.tally.skipped
            ));
        }
        ExitCode::from(u8::from(self.ending.truncated.is_some()))
    }
}

impl Printed<Output> {
    /// Ends an output that took the rows as they are.
    pub(crate) fn conclude(mut self) -> anyhow::Result<ExitCode> {
        if let Some(output) = self.drain.take() {
            output.finish()?;
        }
        Ok(self.report())
    }
}

/// Prints what `selection` chooses of `source` into `drain`.
pub(crate) fn print<F: Format + Send, D: Drain>(
    analysis: &AnalysisArgs,
    threads: usize,
    mut source: Reading,
    selection: &Selection,
    drain: D,
    heading: &str,
    format: impl Fn(Timestamp) -> F,
) -> anyhow::Result<Printed<D>> {
    let mut writer = Writer {
        merger: Merger::default(),
        drain,
        pending: heading.into(),
        failed: None,
        prompt: source.is_live(),
    };
    let make = |start| Printer::new(format(start), selection.clone(), start);
    let threads = if source.is_live() { 1 } else { threads };
    let (tally, mut printers) = passes::run(&mut source, analysis, threads, make, &mut |pages| {
        writer.take(pages)
    });
    let counts = printers
        .iter()
        .map(Printer::counts)
        .fold(Counts::default(), |sum, counts| sum + counts);
    let key_note = source.key_note(counts.tls);
    let mut ending = source.finish();
    ending.notes.extend(key_note);
    if let (Show::All, Some(printer)) = (selection.show, printers.first_mut()) {
        let totals = totals(&ending, &tally, counts);
        printer.format().capture(&mut writer.pending, &totals);
    }
    writer.flush();
    let drain = match writer.failed {
        Some(error) if error.kind() == io::ErrorKind::BrokenPipe => None,
        Some(error) => return Err(error.into()),
        None => Some(writer.drain),
    };
    Ok(Printed {
        drain,
        ending,
        tally,
        counts,
    })
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
        packets_skipped: tally.skipped,
        truncated: ending.truncated.as_deref(),
        dropped: ending.dropped,
    }
}

/// Writes a whole document; a reader that went away had what it wanted.
pub(crate) fn whole(
    mut output: Output,
    write: impl FnOnce(&mut dyn io::Write) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut buffered = io::BufWriter::with_capacity(FLUSH, Through(&mut output));
    let result = write(&mut buffered).and_then(|()| io::Write::flush(&mut buffered));
    // What could not be written is not tried again when the buffer goes.
    let _ = buffered.into_parts();
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(error) => Err(error.into()),
        Ok(()) => output.finish(),
    }
}

struct Through<'a>(&'a mut Output);

impl io::Write for Through<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Colours are for terminals, unless the user wants none (<https://no-color.org>).
pub(crate) fn palette(output: &Output) -> Palette {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
    if output.is_terminal() && !no_color && !dumb {
        Palette::ANSI
    } else {
        Palette::default()
    }
}
