//! The terminal interface over files: a thread that reads, the interface on this one, and saving from it.

use std::collections::VecDeque;
use std::fs::OpenOptions;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use crossbeam_channel::{Sender, bounded};

#[cfg(all(feature = "live", unix))]
use crate::base::Limits;
use crate::base::Needs;
#[cfg(all(feature = "live", unix))]
use crate::capture::live::Live;
use crate::capture::{Batch, Input, Options, PacketRecord, Source};
use crate::engine;
use crate::export::{Format, Merger, Ndjson, Page, Palette, Text};
use crate::filter::Filter;
use crate::store::{Collector, Indexer, Part, Row, Store};
use crate::tls::KeyLog;
use crate::tui::{self, App, Feed, RowId, Save, Theme};

use super::args::ReadArgs;
use super::keys::Keys;
use super::pipeline::{self, Batches, Collected};
use super::tell;

/// Chunks on their way to the interface.
const IN_FLIGHT: usize = 16;
/// How long to wait for packets before the counts are told again.
#[cfg(all(feature = "live", unix))]
const WAIT: std::time::Duration = std::time::Duration::from_millis(100);
/// Bytes of a payload saved.
const SAVED: usize = 1 << 30;

impl Collected for Indexer {
    type Part = Part;

    fn exchange(&mut self, part: &mut Part) {
        Indexer::exchange(self, part);
    }
}

/// Whether the interface can open: someone sits at both ends.
#[must_use]
pub(super) fn can_open(args: &ReadArgs) -> bool {
    let reads_stdin = args.files.iter().any(|file| file.as_os_str() == "-");
    let prints = args.output.is_some() || args.packets_path().is_some();
    io::stdout().is_terminal() && io::stdin().is_terminal() && !reads_stdin && !prints
}

/// The packets of one batch, and the bytes of the input read by its end.
type ReadBatch = (Vec<PacketRecord>, u64);

/// Packets of the batches that the engines have not given back yet.
#[derive(Clone, Default)]
struct Read {
    batches: Arc<Mutex<VecDeque<ReadBatch>>>,
}

impl Read {
    fn push(&self, records: &[PacketRecord], read: u64) {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.push_back((records.to_vec(), read));
    }

    fn pop(&self) -> Option<(Vec<PacketRecord>, u64)> {
        let mut batches = self.batches.lock().unwrap_or_else(PoisonError::into_inner);
        batches.pop_front()
    }
}

/// A source whose packets are noted as they pass.
struct Noted {
    source: Source,
    read: Read,
    keys: Keys,
}

impl Batches for Noted {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let more = self.source.fill(batch);
        if more {
            let summary = self.source.summary();
            self.keys.take(&summary.secrets);
            self.read.push(batch.records(), summary.read_bytes);
        }
        more
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        self.keys.changed()
    }
}

/// Opens files in the interface.
///
/// # Errors
/// When nothing can be read, or the terminal cannot be used.
pub(super) fn run(args: &ReadArgs) -> anyhow::Result<ExitCode> {
    let limits = args.analysis.limits();
    let filter = args.filter.as_deref().map(Filter::parse).transpose()?;
    #[cfg(all(feature = "live", unix))]
    if args.is_live() {
        return capture(args, limits, filter);
    }
    let inputs: Vec<_> = args.files.iter().map(Input::from_argument).collect();
    let options = Options {
        spool: true,
        ..Options::default()
    };
    let keys = Keys::open(args.analysis.keylog.as_deref(), false)?;
    let source = Source::open_with(inputs, &limits, options)?;
    let names: Vec<_> = args
        .files
        .iter()
        .map(|file| file.display().to_string())
        .collect();
    let mut app = App::new(
        Store::new(Box::new(source.packet_file())),
        names.join(", "),
        theme(),
    );
    app.loading.total = source.summary().total_bytes;
    app.filter(filter);
    let (send, feed) = bounded(IN_FLIGHT);
    let options = engine::Options {
        limits,
        decode_as: args.analysis.decode_as.clone(),
    };
    let threads = args.analysis.thread_count();
    std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || load(source, keys, options, threads, &send))?;
    tui::run(&mut app, &feed, &mut save)?;
    Ok(ExitCode::SUCCESS)
}

/// Opens an interface in the interface.
#[cfg(all(feature = "live", unix))]
fn capture(args: &ReadArgs, limits: Limits, filter: Option<Filter>) -> anyhow::Result<ExitCode> {
    let keys = Keys::open(args.analysis.keylog.as_deref(), true)?;
    let live = Live::open(&super::live::options(
        &args.live,
        args.live.write.as_deref(),
    )?)?;
    let name = args.live.interface.clone().unwrap_or_default();
    let mut app = App::new(Store::new(Box::new(live.packets())), name, theme());
    app.live = Some(tui::live::LiveState::default());
    app.notice = live.warning().unwrap_or_default().to_owned();
    app.filter(filter);
    let (send, feed) = bounded(IN_FLIGHT);
    let options = engine::Options {
        limits,
        decode_as: args.analysis.decode_as.clone(),
    };
    let stop = live.stop_handle();
    let reader = std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || listen(live, keys, options, &send))?;
    let ran = tui::run(&mut app, &feed, &mut save);
    // The reader must not wait for the interface while its files are made whole.
    stop.stop();
    drop(feed);
    let ended = reader
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    ran?;
    tell(ended);
    Ok(ExitCode::SUCCESS)
}

/// An interface as a source whose packets are noted as they pass.
#[cfg(all(feature = "live", unix))]
struct Listening<'a> {
    live: Live,
    read: Read,
    keys: Keys,
    send: &'a Sender<Feed>,
}

#[cfg(all(feature = "live", unix))]
impl Batches for Listening<'_> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        loop {
            let stats = self.live.stats();
            let counts = tui::live::Counts {
                received: stats.received,
                dropped: stats.by_kernel + stats.by_interface + stats.by_us,
            };
            // Counts come again: those that find no room are not missed.
            let _ = self.send.try_send(Feed::Counts(counts));
            match self.live.next(WAIT) {
                Ok(None) => {}
                Ok(Some(next)) => {
                    self.live.recycle(std::mem::replace(batch, next));
                    self.read.push(batch.records(), 0);
                    // A key log that is gone leaves what it had.
                    let _ = self.keys.poll();
                    return true;
                }
                Err(_) => {
                    batch.clear();
                    return false;
                }
            }
        }
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        self.keys.changed()
    }
}

/// Feeds the interface from a network interface until that ends; how it ended.
#[cfg(all(feature = "live", unix))]
fn listen(live: Live, keys: Keys, options: engine::Options, send: &Sender<Feed>) -> String {
    let read = Read::default();
    let mut listening = Listening {
        live,
        read: read.clone(),
        keys,
        send,
    };
    let mut collector = Collector::default();
    pipeline::serial(
        &mut listening,
        options,
        |_| Indexer::default(),
        &mut |parts| {
            let (records, bytes) = read.pop().unwrap_or_default();
            let chunk = collector.merge(parts, &records);
            send.send(Feed::Chunk(Box::new(chunk), bytes)).is_ok()
        },
    );
    let (end, drops) = listening.live.finish();
    let told = format!("{end}; {}", super::live::summary(&drops));
    let _ = send.send(Feed::Done(told.clone()));
    told
}

fn theme() -> Theme {
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if no_color { Theme::Plain } else { Theme::Dark }
}

/// Reads everything and feeds the interface; ends when nobody takes it any more.
fn load(source: Source, keys: Keys, options: engine::Options, threads: usize, send: &Sender<Feed>) {
    let read = Read::default();
    let mut noted = Noted {
        source,
        read: read.clone(),
        keys,
    };
    let mut collector = Collector::default();
    let mut collect = |parts: &mut [Part]| {
        let (records, bytes) = read.pop().unwrap_or_default();
        let chunk = collector.merge(parts, &records);
        send.send(Feed::Chunk(Box::new(chunk), bytes)).is_ok()
    };
    if threads == 1 {
        pipeline::serial(&mut noted, options, |_| Indexer::default(), &mut collect);
    } else {
        pipeline::parallel(
            &mut noted,
            &options,
            threads,
            |_| Indexer::default(),
            &mut collect,
        );
    }
    let cut = noted.source.summary().truncated.iter().map(|cut| {
        format!(
            "{}: {} at byte {}, after {} packets, which are all shown",
            cut.file, cut.why, cut.offset, cut.packets_before
        )
    });
    let told: Vec<_> = cut.collect();
    let _ = send.send(Feed::Done(told.join("; ")));
}

/// Saves what the user asked for; answers what to tell.
fn save(app: &App, what: Save, path: &str) -> String {
    match write(app, what, path) {
        Ok(told) => format!("saved {told} to {path}"),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            format!("not saved: {path} exists already")
        }
        Err(error) => format!("not saved: {path}: {error}"),
    }
}

fn write(app: &App, what: Save, path: &str) -> io::Result<String> {
    let missing = || io::Error::other("its bytes are not kept");
    let (bytes, told) = match what {
        Save::Payload => {
            let row = app.list.selected(&app.store).ok_or_else(missing)?;
            let bytes = tui::data(&app.store, row, SAVED).ok_or_else(missing)?;
            let told = format!("{} bytes", bytes.len());
            (bytes, told)
        }
        Save::Text => rows(
            app,
            &mut Text::new(app.store.start(), false, Palette::default()),
        ),
        Save::Ndjson => rows(app, &mut Ndjson::new(true)),
    };
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(&bytes)?;
    Ok(told)
}

/// The rows of the list as an export prints them.
fn rows<F: Format>(app: &App, format: &mut F) -> (Vec<u8>, String) {
    let store = &app.store;
    let mut page = Page::default();
    let mut merger = Merger::default();
    let mut out = Vec::new();
    for entry in store.connections() {
        let known = &entry.connection;
        page.opened(
            known.id,
            crate::base::PacketNumber(u64::from(known.id.0)),
            0,
        );
    }
    let needs = Needs::PAYLOAD | Needs::MESSAGES | Needs::DIGEST | Needs::EXTENTS;
    let count = app.list.len(store);
    for at in 0..count {
        let Some(row) = app.list.row(store, at) else {
            break;
        };
        let each = |row: Row<'_>| match row {
            Row::Frame(event, connection) => format.frame(&mut page, event, connection),
            Row::Message(event, connection) => format.message(&mut page, event, connection),
            Row::Finding(event, connection) => format.finding(&mut page, event, connection),
            Row::Connection(connection, at) => format.connection(&mut page, connection, at),
        };
        match row {
            RowId::Frame(index) => store.with_frame(index, needs, each),
            RowId::Message(index) => store.with_message(index, needs, each),
        };
        merger.merge(std::slice::from_ref(&page), &mut out);
        page.clear();
    }
    (out, format!("{count} rows"))
}
