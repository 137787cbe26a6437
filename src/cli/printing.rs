//! From pages to an output: put together in packet order, handed on in large pieces, and what to say at the end.

use std::io::{self, IsTerminal as _};
use std::process::ExitCode;

use crate::base::Timestamp;
use crate::export::{Counts, Drain, Format, Page, Palette, Printer, Selection, Show, Totals, fill};
use crate::run::{Content, Merger, Ordered, Stretch, Tally};

use super::args::AnalysisArgs;
use super::output::Output;
use super::passes;
use super::reading::{Ending, Reading};
use super::tell::tell;

/// Output gathered before it is written.
const FLUSH: usize = 256 << 10;

/// Lines on their way to an output, gathered to large pieces.
pub(crate) struct Lines {
    output: Output,
    pending: Vec<u8>,
}

impl Lines {
    /// Lines under a heading.
    pub(crate) fn new(output: Output, heading: &str) -> Self {
        Self {
            output,
            pending: heading.into(),
        }
    }
}

impl Drain<Page> for Lines {
    fn push(&mut self, stretch: Stretch<'_, Page>) -> io::Result<()> {
        fill(&stretch, &mut self.pending);
        match self.pending.len() {
            FLUSH.. => self.flush(),
            _ => Ok(()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        let written = self.output.write(&self.pending);
        self.pending.clear();
        written
    }
}

/// Puts rows in order and hands them on.
struct Writer<D> {
    merger: Merger,
    drain: D,
    failed: Option<io::Error>,
    /// Whether somebody waits for each line.
    prompt: bool,
}

impl<D> Writer<D> {
    fn take<C: Content>(&mut self, parts: &mut [Ordered<C>]) -> bool
    where
        D: Drain<C>,
    {
        let (drain, failed) = (&mut self.drain, &mut self.failed);
        self.merger.merge(parts, |stretch| {
            if failed.is_none() {
                *failed = drain.push(stretch).err();
            }
        });
        if self.prompt && self.failed.is_none() {
            self.failed = self.drain.flush().err();
        }
        self.failed.is_none()
    }
}

/// What came of printing.
pub(crate) struct Printed<D> {
    /// Where the rows went; `None` when its reader went away, who had what it wanted.
    pub(crate) drain: Option<D>,
    /// What is known of the input.
    pub(crate) ending: Ending,
    tally: Tally,
    /// What was emitted, whether printed or not.
    counts: Counts,
}

impl<D> Printed<D> {
    /// Says on stderr what the user should know, and gives the exit code.
    pub(crate) fn report(&self) -> ExitCode {
        for note in &self.ending.notes {
            tell(note);
        }
        if let Some(note) = encrypted(self.tally.encrypted) {
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

impl Printed<Lines> {
    /// Ends an output that took the rows as they are.
    pub(crate) fn conclude(mut self) -> anyhow::Result<ExitCode> {
        if let Some(lines) = self.drain.take() {
            lines.output.finish()?;
        }
        Ok(self.report())
    }
}

/// Prints what `selection` chooses of `source` into `drain`.
pub(crate) fn print<F: Format + Send, D: Drain<F::Out>>(
    analysis: &AnalysisArgs,
    threads: usize,
    mut source: Reading,
    selection: &Selection,
    drain: D,
    format: impl Fn(Timestamp) -> F,
) -> anyhow::Result<Printed<D>> {
    let mut writer = Writer {
        merger: Merger::default(),
        drain,
        failed: None,
        prompt: source.is_live(),
    };
    let make = |start| Printer::new(format(start), selection.clone(), start);
    let threads = if source.is_live() { 1 } else { threads };
    let (tally, mut printers) = passes::run(&mut source, analysis, threads, make, &mut |parts| {
        writer.take(parts)
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
        writer.take(&mut [printer.capture(&totals)]);
    }
    if writer.failed.is_none() {
        writer.failed = writer.drain.flush().err();
    }
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

/// That Wi-Fi was captured without the network's key.
pub(crate) fn encrypted(frames: u64) -> Option<String> {
    let frames = match frames {
        0 => return None,
        1 => "1 frame of Wi-Fi is".to_owned(),
        many => format!("{many} frames of Wi-Fi are"),
    };
    Some(format!(
        "{frames} encrypted by the network and passed over: decrypt the capture first (airdecap-ng, or Wireshark with the \
         network's password), or capture on the interface of an end"
    ))
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
