//! The files that a live capture wrote, completed when they end: TLS secrets in front of the packets that they open, and the
//! processes of each connection on its first packet in the file.
//!
//! Others read secrets only in front of the packets that need them, and who has a socket is known after its first packet. So a
//! file is written anew beside the old one, which it replaces when it is whole. Each file of a ring is completed for itself, when
//! the next one was begun: it opens without the others.

use std::collections::{BTreeMap, HashSet};
use std::fs::File;
use std::io::{BufReader, BufWriter, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::thread::JoinHandle;

use anyhow::Context as _;
use tempfile::NamedTempFile;
use zeroize::Zeroizing;

use super::args::{AnalysisArgs, ReadArgs};
use super::keys::Keys;
use crate::base::Limits;
use crate::capture::live::{Packets, hand_to_sudo_user};
use crate::capture::{Additions, Batch, Input, PacketComment, Source, annotate};
use crate::export::{Chooser, Selection};
use crate::process::Watch;
use crate::run::{self, Keyed};
use crate::tls::{KeyLog, KeyName};
use crate::wire::{Endpoint, FlowKey, Walker};

/// Bytes of the largest file that is written anew for the sake of processes alone.
const REWRITTEN: u64 = 1 << 30;
/// Connections of one file whose first packet is remembered.
const FLOWS: usize = 65_536;

/// What completes the files of a capture.
pub(crate) struct Finishing {
    completer: Completer,
    /// The file that was written at the last look.
    newest: Option<PathBuf>,
    /// The files that were completed, or are being.
    begun: HashSet<PathBuf>,
    /// The thread that completes those of a ring.
    thread: Option<(crossbeam_channel::Sender<PathBuf>, JoinHandle<Done>)>,
    done: Done,
}

/// What was put into files.
#[derive(Debug, Default)]
struct Done {
    secrets: usize,
    files: Vec<PathBuf>,
    failed: Vec<String>,
}

#[derive(Clone)]
struct Completer {
    analysis: AnalysisArgs,
    watch: Option<Watch>,
    packets: Packets,
}

impl Finishing {
    /// For the files that `packets` are kept in; nothing where those are no files that can be written anew.
    pub(crate) fn new(args: &ReadArgs, watch: Option<&Watch>, packets: Packets) -> Option<Self> {
        let path = args.live.write.as_deref()?;
        let is_ring = !args.live.ring.is_empty();
        (is_ring || path.is_file()).then(|| Self {
            completer: Completer {
                analysis: args.analysis.clone(),
                watch: watch.cloned(),
                packets,
            },
            newest: None,
            begun: HashSet::new(),
            thread: None,
            done: Done::default(),
        })
    }

    /// Completes what has ended since the last call, without waiting for it.
    pub(crate) fn tick(&mut self) {
        let newest = self.completer.packets.newest_file();
        if newest.is_none() || newest == self.newest {
            return;
        }
        self.newest = newest;
        let files = self.completer.packets.files();
        let Some((_, ended)) = files.split_last() else {
            return;
        };
        for path in ended {
            if self.begun.insert(path.clone()) {
                self.hand_over(path.clone());
            }
        }
        // A ring goes on for as long as there are names.
        let files: HashSet<&PathBuf> = files.iter().collect();
        self.begun.retain(|path| files.contains(path));
    }

    fn hand_over(&mut self, path: PathBuf) {
        if self.thread.is_none() {
            let (send, paths) = crossbeam_channel::unbounded();
            let completer = self.completer.clone();
            let spawned = std::thread::Builder::new()
                .name("files".into())
                .spawn(move || {
                    let mut done = Done::default();
                    paths
                        .iter()
                        .for_each(|path| completer.complete(path, &mut done));
                    done
                });
            self.thread = spawned.ok().map(|thread| (send, thread));
        }
        if let Some((send, _)) = &self.thread {
            // One that is gone has panicked; joining it says so.
            let _ = send.send(path);
        }
    }

    /// Completes the last file, when the capture has ended. Says what there is to say of all.
    pub(crate) fn finish(mut self) -> Vec<String> {
        self.tick();
        if let Some((send, thread)) = self.thread.take() {
            drop(send);
            self.done = thread
                .join()
                .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        }
        if let Some(last) = self.completer.packets.files().pop() {
            self.completer.complete(last, &mut self.done);
        }
        self.done.notes()
    }
}

impl Done {
    fn notes(self) -> Vec<String> {
        let mut notes = self.failed;
        let place = match &self.files[..] {
            [one] => one.display().to_string(),
            many => format!("{} files", many.len()),
        };
        match self.secrets {
            0 => {}
            1 => notes.push(format!("1 secret is in {place}")),
            many => notes.push(format!("{many} secrets are in {place}")),
        }
        notes
    }
}

impl Completer {
    fn complete(&self, path: PathBuf, done: &mut Done) {
        match self.rewrite(&path) {
            Ok(0) => {}
            Ok(secrets) => {
                done.secrets += secrets;
                done.files.push(path);
            }
            // The file is as it was, unless the ring dropped it meanwhile.
            Err(error) if path.exists() => done.failed.push(format!(
                "{}: secrets and processes are not in it: {error:#}",
                path.display()
            )),
            Err(_) => {}
        }
    }

    /// Writes a file anew, if there is anything to add. How many secrets were put in.
    fn rewrite(&self, path: &Path) -> anyhow::Result<usize> {
        let key_log = self.secrets(path)?;
        let mut comments = BTreeMap::new();
        if path.metadata()?.len() <= REWRITTEN {
            comments = self.processes(path)?;
        }
        let additions = Additions {
            key_log: &key_log,
            comments,
        };
        if additions.is_empty() {
            return Ok(0);
        }
        let old = File::open(path)?;
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty());
        let new = NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .context("no room beside it to write it anew")?;
        new.as_file()
            .set_permissions(old.metadata()?.permissions())?;
        hand_to_sudo_user(new.as_file());
        let mut out = BufWriter::new(new.as_file());
        annotate(BufReader::new(old), &mut out, &additions)?;
        out.flush()?;
        drop(out);
        new.as_file().sync_all()?;
        new.persist(path)?;
        // The ring may have dropped it before it was there again.
        if !self.packets.files().iter().any(|kept| kept == path) {
            let _ = std::fs::remove_file(path);
        }
        Ok(key_log.iter().filter(|byte| **byte == b'\n').count())
    }

    /// The secrets of the WebSockets in a file, when the user named a key log.
    fn secrets(&self, path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
        let Some(key_log) = self.analysis.keylog.as_deref() else {
            return Ok(Zeroizing::default());
        };
        let mut keys = Keys::open(Some(key_log), false)?;
        let options = self.analysis.engine_options();
        let source = Source::open(vec![Input::Path(path.to_owned())], &options.limits)?;
        let mut keyed = Keyed::new(source);
        keyed.add(
            keys.changed()
                .map_or_else(KeyLog::new, |log| KeyLog::clone(&log)),
        );
        let make = |start| Chooser::new(Selection::default(), start);
        // On this thread: those of the capture have the others.
        let (_, choosers) = run::analyse(&mut keyed, &options, 1, make, &mut |_| true);
        let names: Vec<KeyName> = choosers
            .into_iter()
            .flat_map(|chooser| chooser.into_chosen().1)
            .collect();
        Ok(keys.lines(&names))
    }

    /// The processes of each connection, by the number of its first packet.
    fn processes(&self, path: &Path) -> anyhow::Result<BTreeMap<u64, PacketComment>> {
        let mut comments = BTreeMap::new();
        let Some(watch) = &self.watch else {
            return Ok(comments);
        };
        let limits = Limits::default();
        let mut source = Source::open(vec![Input::Path(path.to_owned())], &limits)?;
        let (mut batch, mut walker) = (Batch::new(), Walker::new(&limits));
        let mut seen: HashSet<FlowKey> = HashSet::new();
        while source.fill(&mut batch) {
            for (record, bytes) in batch.packets() {
                let walked = walker.segment(record.link, record.time, bytes, record.original);
                let Ok(walked) = walked else { continue };
                let key = walked.segment().key;
                if seen.len() >= FLOWS || !seen.insert(key.canonical().0) {
                    continue;
                }
                let [from, to] = [key.source, key.destination].map(Endpoint::socket);
                comments.extend(comment(watch, from, to).map(|comment| (record.number.0, comment)));
            }
        }
        Ok(comments)
    }
}

/// What is known of the processes of a connection, for a packet that `from` sent.
fn comment(watch: &Watch, from: SocketAddr, to: SocketAddr) -> Option<PacketComment> {
    let owners = watch.owners(from, to)?;
    let [from, to] = [from, to].map(|end| owners.at(end).map(|process| &**process));
    PacketComment::of(from, to)
}
