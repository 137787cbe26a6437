//! Reading for the interface: threads that read a capture from its beginning to its end, or an interface as long as it
//! goes, and feed what they find.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::base::Limits;
use crate::capture::{Batch, FileSummary, Input, Options, PacketRecord, Secrets, Source, Summary};
use crate::cli::args::ReadArgs;
use crate::cli::keys::Keys;
use crate::cli::output::spools;
use crate::cli::reading;
use crate::engine;
use crate::export::{TlsCounts, statistics};
use crate::insight::statistics::{CallOrder, Statistics, TimedExchange, Ways};
use crate::insight::verdicts::Verdicts;
use crate::overview::{Answers, Finder, Overview, Places, Watched, Watcher};
use crate::run::{self, Batches};
use crate::store::Store;
use crate::tls::KeyLog;
use crate::tui::{Counted, Encrypted, Feed};
use crate::view::names::From;
use crate::view::sought::{Found, Sought};

/// Chunks on their way to the interface.
pub(super) const IN_FLIGHT: usize = 16;

/// The packets of one batch, and the bytes of the input read by its end.
type ReadBatch = (Vec<PacketRecord>, u64);

/// What the reader knows and others ask for.
#[derive(Clone, Default)]
pub(super) struct Read {
    /// Packets of the batches that the engines have not given back yet.
    batches: Arc<Mutex<VecDeque<ReadBatch>>>,
    /// What files say of themselves, for writing packets of theirs.
    pub(super) about: Arc<Mutex<About>>,
}

/// What capture files say of themselves.
#[derive(Default)]
pub(super) struct About {
    pub(super) secrets: Vec<Secrets>,
    pub(super) files: Vec<FileSummary>,
}

/// What was locked by a thread that panicked is as it was.
pub(super) fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Read {
    pub(super) fn push(&self, records: &[PacketRecord], read: u64) {
        lock(&self.batches).push_back((records.to_vec(), read));
    }

    pub(super) fn pop(&self) -> ReadBatch {
        lock(&self.batches).pop_front().unwrap_or_default()
    }
}

/// A source whose packets are noted as they pass.
struct Noted {
    source: Source,
    read: Read,
    keys: Keys,
    interfaces: usize,
}

impl Batches for Noted {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let more = self.source.fill(batch);
        let summary = self.source.summary();
        let interfaces = summary.files.iter().map(|file| file.interfaces.len()).sum();
        let mut about = lock(&self.read.about);
        if about.secrets.len() < summary.secrets.len() || self.interfaces != interfaces {
            self.interfaces = interfaces;
            about.secrets.clone_from(&summary.secrets);
            about.files.clone_from(&summary.files);
        }
        drop(about);
        if more {
            self.keys.take_of(summary);
            self.read.push(batch.records(), summary.read_bytes);
        }
        more
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        self.keys.changed()
    }
}

/// Puts together what engines emit, and sends it to the interface.
pub(super) struct Gathered(pub(super) Overview);

impl Default for Gathered {
    fn default() -> Self {
        Self(Overview::default().listing_all())
    }
}

impl Gathered {
    /// What one batch adds; false when nobody wants it any more.
    pub(super) fn take(&mut self, parts: &mut [Watched], read: &Read, send: &Sender<Feed>) -> bool {
        let (records, bytes) = read.pop();
        let before = self.0.tls().connections;
        let delta = self.0.take(parts, &records);
        let tls = self.0.tls();
        if tls.connections > before {
            let encrypted = Encrypted {
                connections: tls.connections,
                decrypted: tls.decrypted,
            };
            let _ = send.send(Feed::Encrypted(encrypted));
        }
        send.send(Feed::Delta(Box::new(delta), bytes)).is_ok()
    }

    /// Judges the attempts that are over.
    pub(super) fn verdicts(&self) -> Feed {
        Feed::Diagnosis(Box::new(Verdicts::new(self.0.diagnosis())))
    }
}

/// How files are read; as often as somebody wants.
pub(super) struct Reader {
    pub(super) args: ReadArgs,
    pub(super) limits: Limits,
}

/// A reading that has begun.
pub(super) struct Started {
    pub(super) store: Store,
    pub(super) total: Option<u64>,
    pub(super) feed: Receiver<Feed>,
    pub(super) read: Read,
}

impl Reader {
    pub(super) fn options(&self) -> engine::Options {
        self.args.analysis.engine_options()
    }

    fn source(&self) -> anyhow::Result<Source> {
        let inputs = self.args.files.iter().map(Input::from_argument).collect();
        let options = Options {
            spool: Some(spools()),
            ..Options::default()
        };
        Ok(Source::open_with(inputs, &self.limits, options)?)
    }

    /// Whether what was read can be read once more; else the input that cannot.
    pub(super) fn can_read_again(&self) -> Result<(), String> {
        let is_file = |path: &Path| std::fs::metadata(path).is_ok_and(|is| is.is_file());
        match self.args.files.iter().find(|path| !is_file(path)) {
            Some(path) => Err(format!("{} cannot be read a second time", path.display())),
            None => Ok(()),
        }
    }

    /// Begins to read with this key log.
    pub(super) fn start(&self, keylog: Option<&Path>) -> anyhow::Result<Started> {
        let keys = Keys::open_noting(keylog, false)?;
        let source = self.source()?;
        let store =
            Store::new(Box::new(source.packet_file()), &self.options()).with_spools(&spools());
        let total = source.summary().total_bytes;
        let (send, feed) = bounded(IN_FLIGHT);
        let read = Read::default();
        let noted = Noted {
            source,
            read: read.clone(),
            keys,
            interfaces: 0,
        };
        let (options, threads) = (self.options(), self.args.analysis.thread_count());
        std::thread::Builder::new()
            .name("reader".into())
            .spawn(move || load(noted, options, threads, &send))?;
        Ok(Started {
            store,
            total,
            feed,
            read,
        })
    }

    /// Begins to look for rows with this key log.
    pub(super) fn find(
        &self,
        keylog: Option<&Path>,
        sought: &Sought,
    ) -> anyhow::Result<Receiver<Feed>> {
        let noted = Noted {
            source: self.source()?,
            read: Read::default(),
            keys: Keys::open_noting(keylog, false)?,
            interfaces: 0,
        };
        let (send, feed) = bounded(IN_FLIGHT);
        let options = engine::Options {
            payload_as: sought.forced.clone(),
            ..self.options()
        };
        let (threads, sought) = (self.args.analysis.thread_count(), sought.clone());
        std::thread::Builder::new()
            .name("finder".into())
            .spawn(move || find(noted, options, threads, &sought, &send))?;
        Ok(feed)
    }

    /// Begins to count with this key log.
    pub(super) fn count(&self, keylog: Option<&Path>) -> anyhow::Result<Receiver<Feed>> {
        let noted = Noted {
            source: self.source()?,
            read: Read::default(),
            keys: Keys::open_noting(keylog, false)?,
            interfaces: 0,
        };
        let (send, feed) = bounded(1);
        let (options, threads) = (self.options(), self.args.analysis.thread_count());
        std::thread::Builder::new()
            .name("counter".into())
            .spawn(move || count(noted, options, threads, &send))?;
        Ok(feed)
    }
}

/// Reads everything and feeds the interface; ends when nobody takes it any more.
fn load(mut noted: Noted, options: engine::Options, threads: usize, send: &Sender<Feed>) {
    let read = noted.read.clone();
    let mut gathered = Gathered::default();
    let mut collect = |parts: &mut [Watched]| gathered.take(parts, &read, send);
    let make = |_| Watcher::new();
    run::analyse(&mut noted, &options, threads, make, &mut collect);
    let _ = send.send(gathered.verdicts());
    tell_said(noted.source.summary(), send);
    let mut told: Vec<String> = noted.keys.take_notes();
    if told.len() > 2 {
        let more = told.len() - 1;
        told.truncate(1);
        told.push(format!("{more} more bad lines"));
    }
    told.extend(keys_told(&noted.keys, gathered.0.tls()));
    told.extend(noted.source.summary().truncated.iter().map(|cut| {
        format!(
            "{}: {} at byte {}, after {} packets, which are all shown",
            cut.file, cut.why, cut.offset, cut.packets_before
        )
    }));
    told.extend(reading::unread(noted.source.summary()));
    let _ = send.send(Feed::Done(told.join("; ")));
}

/// Hands on what files say beside their packets: comments on packets, and names of addresses.
fn tell_said(summary: &Summary, send: &Sender<Feed>) {
    let comments = summary.packet_comments.iter();
    let comments: Vec<_> = comments
        .flat_map(|(packet, all)| all.iter().map(|text| (*packet, text.clone())))
        .collect();
    if !comments.is_empty() {
        let _ = send.send(Feed::Comments(comments));
    }
    let names = summary.names.iter();
    let names: Vec<_> = names
        .map(|(address, name)| (*address, name.clone(), From::File))
        .collect();
    if !names.is_empty() {
        let _ = send.send(Feed::Names(names));
    }
}

/// What became of the TLS connections.
fn keys_told(keys: &Keys, counts: TlsCounts) -> Option<String> {
    keys.note(counts).or_else(|| match counts.decrypted {
        0 if counts.connections == 1 => {
            Some("1 TLS connection is not decrypted: K asks for a key log".to_owned())
        }
        0 if counts.connections > 1 => Some(format!(
            "{} TLS connections are not decrypted: K asks for a key log",
            counts.connections
        )),
        0 => None,
        1 => Some("1 TLS connection decrypted".to_owned()),
        many => Some(format!("{many} TLS connections decrypted")),
    })
}

/// Reads everything and tells the rows that are sought; ends when nobody waits for them any more.
fn find(
    mut noted: Noted,
    options: engine::Options,
    threads: usize,
    sought: &Sought,
    send: &Sender<Feed>,
) {
    let read = noted.read.clone();
    let mut places = Places::default();
    let mut collect = |parts: &mut [Answers]| {
        read.pop();
        let found = places.take(sought.id, parts);
        sought.wanted.is() && send.send(Feed::Found(found)).is_ok()
    };
    let make = |start| Finder::new(sought, start);
    run::analyse(&mut noted, &options, threads, make, &mut collect);
    let _ = send.send(Feed::Found(Found {
        is_over: true,
        ..places.take(sought.id, &mut [])
    }));
}

/// Reads everything and counts; ends when nobody waits for it any more.
fn count(mut noted: Noted, options: engine::Options, threads: usize, send: &Sender<Feed>) {
    let read = noted.read.clone();
    let mut ways = Ways::default();
    let mut collect = |parts: &mut [Vec<TimedExchange>]| {
        read.pop();
        ways.take(parts.iter_mut());
        true
    };
    let make = Statistics::new;
    let (_, parts) = run::analyse(&mut noted, &options, threads, make, &mut collect);
    let mut all = Statistics::default();
    for part in &parts {
        all.merge(part);
    }
    all.compare(&ways);
    let _ = send.send(Feed::Statistics(Box::new(counted(&all))));
}

/// What the interface shows of the statistics.
pub(super) fn counted(all: &Statistics) -> Counted {
    Counted {
        text: statistics::text(all, CallOrder::default()),
        calls: all.calls.clone(),
    }
}
