//! Live capture: packets of an interface, on disk first, then in batches to whoever reads.
//!
//! ```text
//!            capture thread                          reader
//! kernel --> dispatch --> recording (disk) --> channel --> Live::next
//!   ring      |                                  | full: the batch is dropped and counted
//!             +-- batches that came back <-------+-- Live::recycle
//! ```
//!
//! Invariants: the capture thread never waits for the reader; a packet reaches the disk before it reaches the channel,
//! so files lose nothing that the kernel delivered; whatever is lost is counted with who lost it. This module neither
//! parses packets nor handles signals.
//!
//! ```no_run
//! use std::time::Duration;
//! use wireloupe::capture::live::{Live, Options};
//!
//! let options = Options { filter: Some("tcp port 80".into()), ..Options::new("lo") };
//! let live = Live::open(&options)?;
//! while let Ok(batch) = live.next(Duration::from_millis(100)) {
//!     let Some(batch) = batch else { continue };
//!     println!("{} packets", batch.len());
//!     live.recycle(batch);
//! }
//! println!("{}", live.finish().0);
//! # Ok::<(), wireloupe::capture::live::CaptureError>(())
//! ```

mod blocks;
mod bpf;
mod counters;
mod devices;
mod end;
mod error;
#[cfg_attr(
    not(doc),
    expect(
        unsafe_code,
        reason = "forwards C functions to a libpcap loaded at run time"
    )
)]
mod libpcap;
mod limits;
mod link;
mod options;
mod passed;
mod recording;
mod rights;
mod sandbox;
mod worker;

use std::{sync::Arc, thread::JoinHandle, time::Duration};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::{base::LinkType, capture::Batch};

pub use self::{
    bpf::check_filter,
    counters::Drops,
    devices::{Access, Interface, interfaces},
    end::{End, Gone, Stop},
    error::{CaptureError, FilterProblem},
    limits::{Autostop, LimitProblem, Ring, parse_autostop, parse_ring},
    options::Options,
    passed::{Passed, passed},
    recording::{Evicted, Kept, Packets, Storage, create},
    rights::{hand_to_sudo_user, sudo_environment},
    sandbox::Sandbox,
};
use self::{counters::Counters, recording::Recording, worker::Worker};

/// Batches on their way to the reader before packets are dropped for it; with [`worker::BATCH_BYTES`] a bound on memory.
const CHANNEL_BATCHES: usize = 64;

/// A running capture.
///
/// Dropping it ends the capture and waits until its files are whole.
pub struct Live {
    link_type: LinkType,
    digits: u8,
    warning: Option<String>,
    packets: Packets,
    batches: Receiver<Batch>,
    used: Sender<Batch>,
    counters: Arc<Counters>,
    stop: Stop,
    thread: Option<JoinHandle<End>>,
}

impl Live {
    /// Checks the filter, opens the device, makes the first file, gives up rights, and starts to capture.
    ///
    /// # Errors
    /// Any [`CaptureError`]; nothing is left behind then.
    pub fn open(options: &Options) -> Result<Self, CaptureError> {
        if let Some(filter) = &options.filter {
            check_filter(filter, link::expected(&options.interface))?;
        }
        let opened = devices::open(options)?;
        let interface = blocks::Interface {
            name: options.interface.clone(),
            description: opened.description.clone(),
            filter: options.filter.clone(),
            link: opened.link_type,
            snaplen: options.snaplen,
            digits: opened.digits,
        };
        let recording = Recording::start(options.place.clone(), interface, jiff::Timestamp::now())
            .map_err(|error| CaptureError::Output {
                path: error.path,
                source: error.source,
            })?;
        if options.give_up_rights {
            let files = match options.place {
                Storage::Ring(..) => rights::Files::More,
                Storage::File(_) | Storage::Spool { .. } => rights::Files::Open,
            };
            rights::give_up(files).map_err(|reason| CaptureError::Rights { reason })?;
        }
        let (send, batches) = crossbeam_channel::bounded(CHANNEL_BATCHES);
        let (used, reuse) = crossbeam_channel::bounded(CHANNEL_BATCHES);
        let stop = Stop::default();
        let counters = Arc::<Counters>::default();
        let (link_type, digits, warning) =
            (opened.link_type, opened.digits, opened.warning.clone());
        let packets = recording.packets();
        let worker = Worker::new(
            options,
            opened,
            recording,
            send,
            reuse,
            Arc::clone(&counters),
            stop.clone(),
        );
        let sandbox = options.sandbox.clone();
        let thread = std::thread::Builder::new()
            .name("capture".into())
            .spawn(
                move || match sandbox.map_or(Ok(()), |sandbox| sandbox.enter_thread()) {
                    Ok(()) => worker.run(),
                    Err(reason) => End::Failed {
                        name: "the sandbox of the capture thread".into(),
                        reason,
                    },
                },
            )
            .map_err(CaptureError::Thread)?;
        Ok(Self {
            link_type,
            digits,
            warning,
            packets,
            batches,
            used,
            counters,
            stop,
            thread: Some(thread),
        })
    }

    /// What the packets begin with.
    #[must_use]
    pub fn link_type(&self) -> LinkType {
        self.link_type
    }

    /// Digits of a second that the stamps have: 9, or 6.
    #[must_use]
    pub fn time_digits(&self) -> u8 {
        self.digits
    }

    /// libpcap's reservation about the interface, such as that it has no promiscuous mode.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// The next packets. `Ok(None)` when none came within `wait`.
    ///
    /// # Errors
    /// [`Ended`] when the capture has ended and all its batches were given out; [`Self::finish`] says why it ended.
    pub fn next(&self, wait: Duration) -> Result<Option<Batch>, Ended> {
        match self.batches.recv_timeout(wait) {
            Ok(batch) => Ok(Some(batch)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            Err(RecvTimeoutError::Disconnected) => Err(Ended),
        }
    }

    /// The channel behind [`Self::next`], to select on; it is disconnected when the capture has ended.
    #[must_use]
    pub fn batches(&self) -> &Receiver<Batch> {
        &self.batches
    }

    /// Gives a batch back, so that its memory is used again.
    pub fn recycle(&self, batch: Batch) {
        // When more come back than are needed, memory goes back to the system.
        let _ = self.used.try_send(batch);
    }

    /// The captured packets on disk, to be read at any time, also after the end.
    #[must_use]
    pub fn packets(&self) -> Packets {
        self.packets.clone()
    }

    /// Packets seen and lost up to now; at most a fifth of a second old.
    #[must_use]
    pub fn stats(&self) -> Drops {
        self.counters.drops()
    }

    /// A handle that ends the capture from any thread.
    #[must_use]
    pub fn stop_handle(&self) -> Stop {
        self.stop.clone()
    }

    /// Ends the capture if it has not ended, waits until its files are whole, and says why it ended.
    pub fn finish(mut self) -> (End, Drops) {
        let end = self.join().unwrap_or(End::Stopped);
        (end, self.counters.drops())
    }

    fn join(&mut self) -> Option<End> {
        self.stop.stop();
        let thread = self.thread.take()?;
        Some(thread.join().unwrap_or_else(|_| End::Failed {
            name: "the capture thread".into(),
            reason: "it panicked".into(),
        }))
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        self.join();
    }
}

/// The capture has ended, and all its packets were given out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended;
