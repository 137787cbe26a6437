//! Capturing live: the interface's batches into the same pipeline as a file's, and a clean end at Ctrl-C.

use std::time::Duration;

use anyhow::bail;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::capture::Batch;
use crate::capture::live::{Drops, Live, Options, Storage, parse_autostop, parse_ring};

use super::args::LiveArgs;
use super::tell::tell;
use crate::run::Batches;

/// How long to wait for packets before looking whether the capture has ended.
const WAIT: Duration = Duration::from_millis(200);

/// A running capture as a source of batches.
pub(crate) struct LiveBatches {
    live: Live,
}

impl LiveBatches {
    /// Opens the interface and gives up the rights to do so; interrupts and termination end the capture from now on.
    /// Call it before any thread is started and after every output was opened: rights belong to a thread and those it
    /// starts later.
    ///
    /// # Errors
    /// When the arguments make no sense together, or the capture cannot start; each says what to do.
    pub(crate) fn open(
        args: &LiveArgs,
        packets_to: Option<&std::path::Path>,
        force: bool,
    ) -> anyhow::Result<Self> {
        let live = Live::open(&options(args, packets_to, force)?)?;
        if let Some(warning) = live.warning() {
            tell(warning);
        }
        let stop = live.stop_handle();
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        std::thread::spawn(move || {
            for _ in signals.forever() {
                stop.stop();
            }
        });
        Ok(Self { live })
    }

    /// Ends the capture; says why it ended, what was lost, and whether the end was clean.
    pub(crate) fn finish(self) -> (String, Drops, bool) {
        let (end, drops) = self.live.finish();
        (end.to_string(), drops, end.is_clean())
    }
}

impl Batches for LiveBatches {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        loop {
            match self.live.next(WAIT) {
                Ok(None) => {}
                Ok(Some(next)) => {
                    self.live.recycle(std::mem::replace(batch, next));
                    return true;
                }
                Err(_) => {
                    batch.clear();
                    return false;
                }
            }
        }
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
pub(crate) fn options(
    args: &LiveArgs,
    packets_to: Option<&std::path::Path>,
    force: bool,
) -> anyhow::Result<Options> {
    let Some(interface) = &args.interface else {
        bail!("no interface named: -i IFACE (wireloupe interfaces lists them)")
    };
    let ring = parse_ring(&args.ring)?;
    // A ring's files have names of their own; a pipe or a device is there to be written to.
    if let (Some(path), None, false) = (packets_to, &ring, force)
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
        ..defaults
    })
}
