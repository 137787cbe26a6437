//! The short way from a capture to its rows: [`open`], what to read it with, and an iterator.

use std::collections::VecDeque;
use std::io;
use std::path::Path;

use crate::base::Limits;
use crate::capture::{Input, KeyLogFile, OpenError, Source, Summary};
use crate::engine::Options;
use crate::tls::KeyLog;

#[cfg(feature = "threads")]
use super::analyse::analyse;
use super::keyed::Keyed;
use super::merge::{Merger, Ordered};
use super::rows::{ConnectionRow, FindingRow, FrameRow, MessageRow, OwnedRow, RowList, RowSink};
use super::serial::Serial;

/// Opens a capture file: pcap, pcapng, snoop or Network Monitor, compressed or not; `-` is standard input.
///
/// # Errors
/// When it cannot be read or is no capture.
pub fn open(path: impl AsRef<Path>) -> Result<Capture, OpenError> {
    Capture::of(
        vec![Input::from_argument(path.as_ref())],
        Options::default(),
    )
}

/// An open capture, and what to read it with.
pub struct Capture {
    input: Keyed,
    options: Options,
    threads: usize,
}

impl Capture {
    /// Several inputs as one capture, merged by time.
    ///
    /// # Errors
    /// When one cannot be read or is no capture.
    pub fn of(inputs: Vec<Input>, options: Options) -> Result<Self, OpenError> {
        let source = Source::open(inputs, &options.limits)?;
        Ok(Self {
            input: Keyed::new(source),
            options,
            threads: cores(),
        })
    }

    /// Decrypts TLS with the secrets of this key log (`SSLKEYLOGFILE`). Those that the capture brings along are used
    /// anyway.
    ///
    /// # Errors
    /// When the file cannot be read. A line that is none of a key log is passed over.
    pub fn with_keys(mut self, path: impl AsRef<Path>) -> io::Result<Self> {
        let mut log = KeyLog::new();
        KeyLogFile::open(path.as_ref())?.poll(|bytes| drop(log.extend(bytes)))?;
        log.finish();
        self.input.add(log);
        Ok(self)
    }

    /// Runs so many engines side by side instead of one a processor. The rows and their order are the same.
    #[must_use]
    pub fn with_threads(mut self, threads: usize) -> Self {
        self.threads = threads;
        self
    }

    /// Keeps to these limits.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.options.limits = limits;
        self
    }

    /// Its messages in packet order.
    #[must_use]
    pub fn messages(self) -> Rows<MessageRow> {
        self.rows()
    }

    /// Its frames in packet order.
    #[must_use]
    pub fn frames(self) -> Rows<FrameRow> {
        self.rows()
    }

    /// Its connections in the order they ended.
    #[must_use]
    pub fn connections(self) -> Rows<ConnectionRow> {
        self.rows()
    }

    /// What is wrong or worth a note, in packet order.
    #[must_use]
    pub fn findings(self) -> Rows<FindingRow> {
        self.rows()
    }

    /// Its rows of any type, in packet order.
    ///
    /// # Panics
    /// When the system refuses a thread.
    #[must_use]
    pub fn rows<R: OwnedRow>(self) -> Rows<R> {
        #[cfg(feature = "threads")]
        if self.threads > 1 {
            let way = Way::Beside(Beside::start(self));
            return Rows::of(way);
        }
        let Self {
            mut input, options, ..
        } = self;
        let serial = Serial::start(&mut input, options, |_| RowSink::new());
        let way = Way::Here(Box::new(Here {
            input,
            serial,
            merger: Merger::default(),
            part: [Ordered::default()],
        }));
        Rows::of(way)
    }
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from)
}

/// The rows of a capture. They are made while they are asked for: whoever stops early reads no further.
pub struct Rows<R: OwnedRow> {
    way: Way<R>,
    ready: VecDeque<R>,
    is_over: bool,
}

enum Way<R: OwnedRow> {
    Here(Box<Here<R>>),
    #[cfg(feature = "threads")]
    Beside(Beside<R>),
}

impl<R: OwnedRow> Rows<R> {
    fn of(way: Way<R>) -> Self {
        Self {
            way,
            ready: VecDeque::new(),
            is_over: false,
        }
    }

    /// What was learned of the files, where they were cut above all; known when there are no more rows.
    #[must_use]
    pub fn summary(&self) -> Option<&Summary> {
        match &self.way {
            Way::Here(here) => self.is_over.then(|| here.input.source().summary()),
            #[cfg(feature = "threads")]
            Way::Beside(beside) => beside.summary.as_deref(),
        }
    }
}

impl<R: OwnedRow> Iterator for Rows<R> {
    type Item = R;

    fn next(&mut self) -> Option<R> {
        while self.ready.is_empty() {
            let more = match &mut self.way {
                Way::Here(here) => here.step(&mut self.ready),
                #[cfg(feature = "threads")]
                Way::Beside(beside) => beside.receive(&mut self.ready),
            };
            if !more {
                self.is_over = true;
                return None;
            }
        }
        self.ready.pop_front()
    }
}

/// Merges the parts of one batch.
fn merge<R: OwnedRow>(
    merger: &mut Merger,
    parts: &mut [Ordered<RowList<R>>],
    rows: &mut impl Extend<R>,
) {
    merger.merge(parts, |stretch| {
        let numbers = stretch.numbers;
        let taken = stretch.content.take(stretch.from, stretch.to);
        rows.extend(taken.map(|(id, mut row)| {
            if let Some(number) = id.and_then(|id| numbers.get(id)) {
                row.set_connection(number);
            }
            row
        }));
    });
}

/// Everything on the caller's thread.
struct Here<R: OwnedRow> {
    input: Keyed,
    serial: Serial<RowSink<R>>,
    merger: Merger,
    part: [Ordered<RowList<R>>; 1],
}

impl<R: OwnedRow> Here<R> {
    fn step(&mut self, ready: &mut VecDeque<R>) -> bool {
        let [part] = &mut self.part;
        let more = self.serial.step(&mut self.input, part);
        if more {
            merge(&mut self.merger, &mut self.part, ready);
        }
        more
    }
}

/// Engines on threads of their own, a few batches ahead.
#[cfg(feature = "threads")]
struct Beside<R> {
    rows: crossbeam_channel::Receiver<VecDeque<R>>,
    thread: Option<std::thread::JoinHandle<Summary>>,
    summary: Option<Box<Summary>>,
}

#[cfg(feature = "threads")]
impl<R: OwnedRow> Beside<R> {
    /// Batches of rows made before somebody takes them.
    const AHEAD: usize = 2;

    fn start(capture: Capture) -> Self {
        let Capture {
            mut input,
            options,
            threads,
        } = capture;
        let (send, rows) = crossbeam_channel::bounded(Self::AHEAD);
        let thread = std::thread::spawn(move || {
            let mut merger = Merger::default();
            let make = |_| RowSink::new();
            analyse(&mut input, &options, threads, make, &mut |parts| {
                let mut ready = VecDeque::new();
                merge(&mut merger, parts, &mut ready);
                // Who asks no more has dropped the other end.
                ready.is_empty() || send.send(ready).is_ok()
            });
            input.source().summary().clone()
        });
        Self {
            rows,
            thread: Some(thread),
            summary: None,
        }
    }

    fn receive(&mut self, ready: &mut VecDeque<R>) -> bool {
        if let Ok(rows) = self.rows.recv() {
            *ready = rows;
            return true;
        }
        if let Some(thread) = self.thread.take() {
            match thread.join() {
                Ok(summary) => self.summary = Some(Box::new(summary)),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        false
    }
}
