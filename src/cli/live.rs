//! Capturing live: the interface's batches into the same pipeline as a file's, and a clean end at Ctrl-C.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::base::Attribution;
use crate::capture::Batch;
use crate::capture::live::{
    Drops, Ended, Live, Options, Sandbox, Storage, create, parse_autostop, parse_ring,
};
use crate::process::Watch;

use super::args::{LiveArgs, OutputArgs, ReadArgs};
use super::finishing::Finishing;
use super::launch::{self, Launch};
use super::sieve::Sieve;
use super::tell::tell;
use crate::run::Batches;

/// How long to wait for packets before looking whether the capture has ended.
const WAIT: Duration = Duration::from_millis(200);

/// A running capture, with whose connections it sees, and with the command that it is about, if it is about one.
pub(crate) struct Capturing {
    live: Live,
    watch: Option<Watch>,
    launch: Option<Arc<Launch>>,
    sieve: Option<Sieve>,
    /// What completes the files of `-w`, where that is not the sieve's.
    finishing: Option<Finishing>,
}

/// Sends the command every signal from now on.
fn pass_on(mut signals: Signals, launch: &Launch) {
    if let Some(child) = launch.child() {
        let command = child.signals();
        std::thread::spawn(move || signals.forever().for_each(|signal| command.pass(signal)));
    }
}

impl Capturing {
    /// Opens the interface, gives up the rights to do so, and starts the command. Call it before any thread is started and
    /// after every output was opened: rights belong to a thread and those it starts later.
    ///
    /// # Errors
    /// When the arguments make no sense together, or the capture cannot start; each says what to do.
    pub(crate) fn open(reading: &ReadArgs) -> anyhow::Result<Self> {
        let (args, packets_to) = (&reading.live, reading.live.write.as_deref());
        let mut options = options(args, packets_to, &reading.to)?;
        let is_run = args.launch.is_some();
        let mut saved = None;
        if let (Some(path), true) = (packets_to, is_run) {
            let file = create(path).with_context(|| path.display().to_string())?;
            saved = Some((file, path));
            options.place = Storage::default();
        }
        // A command's sockets may be gone again before a buffer is full.
        options.immediate |= is_run;
        // Before the rights are given up: it keeps the right to see whose sockets there are.
        let watch = Watch::start().ok();
        let live = Live::open(&options)?;
        let launch = args.launch.clone();
        if let Some(launch) = &launch {
            // Before the command starts, so that none is lost between.
            let signals = Signals::new(launch::Signals::ALL)?;
            launch.start()?;
            pass_on(signals, launch);
        }
        let finishing = match is_run {
            true => None,
            false => Finishing::new(reading, watch.as_ref(), live.packets()),
        };
        let mut capturing = Self {
            live,
            watch,
            launch,
            sieve: None,
            finishing,
        };
        capturing.follow(saved, &options.interface)?;
        if let Some(sandbox) = &options.sandbox {
            let entered = sandbox.enter().map_err(anyhow::Error::msg);
            entered
                .context("cannot give up what is not needed; --no-sandbox captures without that")?;
        }
        Ok(capturing)
    }

    /// Has only the command's connections pass, and the capture end with it.
    fn follow(&mut self, saved: Option<(File, &Path)>, interface: &str) -> anyhow::Result<()> {
        let Some(launch) = &self.launch else {
            return Ok(());
        };
        let Some(child) = launch.child() else {
            return Ok(());
        };
        let watch = self.watch.as_ref().filter(|_| !launch.keeps_all());
        if let (Some(watch), Some(root)) = (watch, child.id()) {
            watch.follow(root);
        }
        let link = self.live.link_type();
        self.sieve = Some(Sieve::new(watch.cloned(), saved, interface, link)?);
        child.stops(self.live.stop_handle());
        Ok(())
    }

    /// Has signals end the capture. Where a command is captured, they reach that, and its end ends the capture.
    ///
    /// # Errors
    /// When the system has no such signals.
    pub(crate) fn take_signals(&self) -> anyhow::Result<()> {
        if self.launch.is_some() {
            return Ok(());
        }
        let stop = self.live.stop_handle();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        std::thread::spawn(move || {
            for _ in signals.forever() {
                stop.stop();
            }
        });
        Ok(())
    }

    /// The capture itself.
    pub(crate) fn live(&self) -> &Live {
        &self.live
    }

    /// Who finds out whose connections these are.
    pub(crate) fn attribution(&self) -> Option<Arc<dyn Attribution>> {
        let watch = self.watch.clone()?;
        Some(Arc::new(watch))
    }

    /// Exchanges `batch` for the next packets; false when none came within `wait`.
    ///
    /// # Errors
    /// When the capture has ended.
    pub(crate) fn next(&mut self, wait: Duration, batch: &mut Batch) -> Result<bool, Ended> {
        let next = self.live.next(wait)?;
        if let Some(finishing) = &mut self.finishing {
            finishing.tick();
        }
        let Some(mut next) = next else {
            return Ok(false);
        };
        if let Some(sieve) = &mut self.sieve {
            sieve.take(&mut next);
        }
        let is_empty = next.is_empty();
        self.live.recycle(std::mem::replace(batch, next));
        Ok(!is_empty)
    }

    /// Ends the capture; says why it ended, what was lost, whether the end was clean, and what else there is to say.
    pub(crate) fn finish(mut self) -> (String, Drops, bool, Vec<String>) {
        let sieve = self.sieve.take();
        let (end, drops) = self.live.finish();
        let notes = match (sieve, &self.launch, self.finishing) {
            (Some(sieve), Some(launch), _) => sieve.finish(launch.key_log()),
            (_, _, Some(finishing)) => finishing.finish(),
            _ => Vec::new(),
        };
        (end.to_string(), drops, end.is_clean(), notes)
    }
}

/// A running capture as a source of batches.
pub(crate) struct LiveBatches {
    capturing: Capturing,
    /// Whether packets came: the first batch says when the capture began.
    has_begun: bool,
}

impl LiveBatches {
    /// Opens the interface, as [`Capturing::open`]; interrupts and termination end the capture from now on.
    ///
    /// # Errors
    /// When the arguments make no sense together, or the capture cannot start; each says what to do.
    pub(crate) fn open(args: &ReadArgs) -> anyhow::Result<Self> {
        let capturing = Capturing::open(args)?;
        if let Some(warning) = capturing.live.warning() {
            tell(warning);
        }
        capturing.take_signals()?;
        Ok(Self {
            capturing,
            has_begun: false,
        })
    }

    /// Ends the capture, as [`Capturing::finish`].
    pub(crate) fn finish(self) -> (String, Drops, bool, Vec<String>) {
        self.capturing.finish()
    }
}

impl Batches for LiveBatches {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        loop {
            match self.capturing.next(WAIT, batch) {
                Ok(false) if !self.has_begun => {}
                // In silence, too, secrets may come for what waits for them.
                Ok(is_any) => {
                    self.has_begun |= is_any;
                    if !is_any {
                        batch.clear();
                    }
                    return true;
                }
                Err(_) => {
                    batch.clear();
                    return false;
                }
            }
        }
    }

    fn attribution(&self) -> Option<Arc<dyn Attribution>> {
        self.capturing.attribution()
    }
}

/// One line about what was captured and lost.
#[must_use]
pub(crate) fn summary(drops: &Drops) -> String {
    format!(
        "{} packets captured; lost: {} by the kernel, {} by the interface, {} not shown (they are in the file)",
        drops.received, drops.by_kernel, drops.by_interface, drops.by_us
    )
}

/// The capture's options from the arguments.
///
/// # Errors
/// When they make no sense together.
fn options(args: &LiveArgs, packets_to: Option<&Path>, to: &OutputArgs) -> anyhow::Result<Options> {
    let Some(interface) = &args.interface else {
        bail!("no interface named: -i IFACE (wireloupe interfaces lists them)")
    };
    let ring = parse_ring(&args.ring)?;
    // A ring's files have names of their own; a pipe or a device is there to be written to.
    if let (Some(path), None, false) = (packets_to, &ring, to.force)
        && path.is_file()
    {
        bail!(
            "{}: already exists: choose another name, or overwrite it with --force",
            path.display()
        );
    }
    let place = match (packets_to, ring) {
        (Some(path), Some(ring)) => Storage::Ring(path.to_owned(), ring),
        (Some(path), None) => Storage::File(path.to_owned()),
        (None, Some(_)) => bail!("-b switches files, so it needs -w OUT.pcapng"),
        (None, None) => Storage::default(),
    };
    let defaults = Options::new(interface);
    Ok(Options {
        filter: args.capture_filter.clone(),
        snaplen: args.snaplen.unwrap_or(defaults.snaplen),
        promiscuous: !args.no_promiscuous,
        buffer_bytes: args
            .buffer
            .map_or(defaults.buffer_bytes, |mebibytes| mebibytes << 20),
        place,
        autostop: parse_autostop(&args.autostop, args.count)?,
        sandbox: (!args.no_sandbox).then(|| sandbox([packets_to, to.output.as_deref()])),
        ..defaults
    })
}

/// Where files are still made: rings and their secrets beside the output, exports in the working directory.
fn sandbox(outputs: [Option<&Path>; 2]) -> Sandbox {
    let beside = |path: &Path| Some(std::path::absolute(path).ok()?.parent()?.to_owned());
    let folders = outputs.into_iter().flatten().filter_map(beside);
    Sandbox::new(std::env::current_dir().into_iter().chain(folders))
}
