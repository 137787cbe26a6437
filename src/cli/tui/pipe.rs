//! The interface over packets that come through a pipe: from standard input, or from a command.
//!
//! What comes is copied to a temporary file, so that it can be looked at again and saved. Keys come from the terminal.

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};

use crate::capture::{Batch, Input, Options, PacketFile, Source};
use crate::cli::keys::Keys;
use crate::cli::output::spools;
use crate::cli::remote::{Remote, Said};
use crate::cli::tell::tell;
use crate::filter::Filter;
use crate::store::Store;
use crate::tui::{self, App, Feed, Host, Reopened, Save, Saving};

use super::begin::new_app;
use super::live::{Comes, Over, Wishes, watch};
use super::load::{IN_FLIGHT, Read, Reader};
use super::save;

/// Batches between the thread that reads and the one that analyses.
const BATCHES: usize = 16;

/// Opens what comes through a pipe.
///
/// # Errors
/// When nothing comes that is a capture, or the terminal cannot be used.
pub(super) fn run(reader: &Reader, filter: Option<Filter>) -> anyhow::Result<ExitCode> {
    let args = &reader.args;
    let mut keys = Keys::open_noting(args.analysis.keylog.as_deref(), true)?;
    let (send, feed) = bounded(IN_FLIGHT);
    let (input, remote) = match args.command() {
        Some(command) => {
            let (input, remote) = Remote::start(command)?;
            (input, Some(remote))
        }
        None => (Input::Stdin, None),
    };
    let name = match &remote {
        Some(remote) => remote.command().to_owned(),
        None => "standard input".to_owned(),
    };
    let options = Options {
        spool: Some(spools()),
        prompt: true,
    };
    // Whoever asks for a password does so before the screen is the interface's.
    let source = Source::open_with(vec![input], &reader.limits, options);
    let source = source.map_err(|error| match &remote {
        Some(remote) => remote.failed(error),
        None => error.into(),
    })?;
    let packets = source.packet_file();
    let store = Store::new(Box::new(packets.clone()), &reader.options()).with_spools(&spools());
    let mut app = new_app(args, store, name, filter);
    app.live = Some(tui::live::LiveState::default());
    app.notice = keys.take_notes().join("; ");
    let said = remote.as_ref().map(Remote::said);
    if let Some(said) = &said {
        let send = send.clone();
        said.hand_on(move |line| {
            let _ = send.try_send(Feed::Note(line));
        });
    }
    let (passed, coming) = start(source)?;
    let wishes = Wishes::default();
    let mut host = PipeHost {
        wishes: wishes.clone(),
        read: Read::default(),
        packets,
        passed: passed.clone(),
    };
    let engine = reader.options();
    std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || {
            let coming = watch(coming, keys, wishes, engine, &send);
            let ended = ended(&coming, said.as_ref());
            let _ = send.send(Feed::Done(ended));
        })?;
    // The threads may wait for the pipe for ever: they end with the program.
    let ran = tui::run(&mut app, feed, &mut host);
    drop(remote);
    ran?;
    if let Some(saved) = app.farewell() {
        tell(saved);
    }
    Ok(ExitCode::SUCCESS)
}

/// How it ended.
fn ended(coming: &Coming, said: Option<&Said>) -> String {
    let packets = coming.passed.packets.load(Ordering::Relaxed);
    let mut told = match said {
        Some(said) => format!("{}; {packets} packets came", said.ending()),
        None => format!("standard input ended; {packets} packets came"),
    };
    if let Some(why) = &coming.cut {
        told = format!("{told}; {why}");
    }
    told
}

/// How much came.
#[derive(Clone, Default)]
struct Passed {
    packets: Arc<AtomicU64>,
    /// Bytes up to the end of the last packet.
    bytes: Arc<AtomicU64>,
}

/// Batches from the thread that reads.
struct Coming {
    batches: Receiver<Result<Batch, Option<String>>>,
    used: Sender<Batch>,
    passed: Passed,
    /// Why the input ended before its end.
    cut: Option<String>,
}

/// Starts to read.
fn start(mut source: Source) -> anyhow::Result<(Passed, Coming)> {
    let (send, batches) = bounded(BATCHES);
    let (used, reuse) = bounded::<Batch>(BATCHES);
    let passed = Passed::default();
    let counts = passed.clone();
    std::thread::Builder::new()
        .name("pipe".into())
        .spawn(move || {
            loop {
                let mut batch = reuse.try_recv().unwrap_or_default();
                let more = source.fill(&mut batch);
                let summary = source.summary();
                counts.packets.store(summary.packets, Ordering::Relaxed);
                counts.bytes.store(summary.whole_bytes, Ordering::Relaxed);
                let next = match more {
                    true => Ok(batch),
                    false => Err(summary.truncated.first().map(|cut| cut.why.clone())),
                };
                if send.send(next).is_err() || !more {
                    return;
                }
            }
        })?;
    let coming = Coming {
        batches,
        used,
        passed: passed.clone(),
        cut: None,
    };
    Ok((passed, coming))
}

impl Comes for Coming {
    fn next(&mut self, wait: Duration, batch: &mut Batch) -> Result<bool, Over> {
        match self.batches.recv_timeout(wait) {
            Ok(Ok(next)) => {
                let _ = self.used.try_send(std::mem::replace(batch, next));
                Ok(true)
            }
            Ok(Err(cut)) => {
                self.cut = cut;
                Err(Over)
            }
            Err(RecvTimeoutError::Timeout) => Ok(false),
            Err(RecvTimeoutError::Disconnected) => Err(Over),
        }
    }

    fn counts(&self) -> tui::live::Counts {
        tui::live::Counts {
            received: self.passed.packets.load(Ordering::Relaxed),
            dropped: 0,
        }
    }
}

struct PipeHost {
    wishes: Wishes,
    read: Read,
    packets: PacketFile,
    passed: Passed,
}

impl Host for PipeHost {
    fn save(&mut self, app: &App, what: Save, path: &str) -> Result<Box<dyn Saving>, String> {
        match what {
            Save::Capture | Save::CaptureAndLeave => {
                let kept = save::Copy {
                    file: self.packets.clone(),
                    packets: self.passed.packets.load(Ordering::Relaxed),
                    len: self.passed.bytes.load(Ordering::Relaxed),
                };
                save::save_all(kept, path)
            }
            _ => save::save(app, what, path, &self.read.about),
        }
    }

    fn count(&mut self) -> Result<Option<Receiver<Feed>>, String> {
        self.wishes.count();
        Ok(None)
    }

    fn decrypt(&mut self, path: &str) -> Result<Option<Reopened>, String> {
        self.wishes.decrypt(path)
    }
}
