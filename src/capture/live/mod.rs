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
mod devices;
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
mod recording;
mod rights;
mod worker;

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread::JoinHandle,
    time::Duration,
};

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};

use crate::{base::LinkType, capture::Batch};

pub use self::{
    bpf::{FilterProblem, check_filter},
    devices::{Access, Interface, interfaces},
    error::CaptureError,
    limits::{Autostop, LimitProblem, Ring, parse_autostop, parse_ring},
    recording::{Evicted, Packets, Storage},
};
use self::{recording::Recording, worker::Worker};

/// Longest time libpcap collects packets before it hands them over, in milliseconds.
const READ_TIMEOUT_MS: i32 = 50;
/// Batches on their way to the reader before packets are dropped for it; with [`worker::BATCH_BYTES`] a bound on memory.
const CHANNEL_BATCHES: usize = 64;

/// What to capture and where to keep it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// The interface's name (`-i`); `any` is all of them where the system has that.
    pub interface: String,
    /// A capture filter in libpcap's language (`-f`).
    pub filter: Option<String>,
    /// Bytes kept of each packet (`-s`).
    pub snaplen: u32,
    /// Whether to see packets for other machines too (not `-p`).
    pub promiscuous: bool,
    /// Bytes of the kernel's buffer (`-B`).
    pub buffer_bytes: usize,
    /// Whether each packet is handed over at once, at the price of a higher load.
    pub immediate: bool,
    /// Whether a radio shows the frames of the air (`-I`).
    pub monitor: bool,
    /// Where packets are kept.
    pub place: Storage,
    /// When the capture ends by itself.
    pub autostop: Autostop,
    /// Whether the rights to capture are given up once the device is open: only for this thread and its children.
    pub give_up_rights: bool,
}

impl Options {
    /// The usual options for one interface: whole packets, promiscuous, a buffer of 64 MiB, a spool of 1 GiB, no end.
    #[must_use]
    pub fn new(interface: &str) -> Self {
        Self {
            interface: interface.to_owned(),
            filter: None,
            snaplen: 262_144,
            promiscuous: true,
            buffer_bytes: 64 << 20,
            immediate: false,
            monitor: false,
            place: Storage::default(),
            autostop: Autostop::default(),
            give_up_rights: true,
        }
    }
}

/// Packets seen and lost since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Drops {
    /// Packets that reached us and the files.
    pub received: u64,
    /// Packets the kernel dropped because its buffer was full.
    pub by_kernel: u64,
    /// Packets the interface or its driver dropped.
    pub by_interface: u64,
    /// Packets that are in the files, but were not given to the reader because it was behind.
    pub by_us: u64,
}

/// What became of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was switched off.
    Down,
    /// It was removed.
    Removed,
}

/// Why a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// A limit of [`Autostop`] was reached.
    Limit,
    /// The interface went away.
    Interface {
        /// Its name.
        name: String,
        /// How.
        gone: Gone,
    },
    /// libpcap failed.
    Failed {
        /// The interface.
        name: String,
        /// libpcap's words.
        reason: String,
    },
    /// The packets could not be written.
    Output {
        /// The file, or the directory of the spool.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("capture stopped"),
            Self::Limit => f.write_str("capture stopped at its limit"),
            Self::Interface {
                name,
                gone: Gone::Down,
            } => {
                write!(
                    f,
                    "capture ended: `{name}` was switched off (`sudo ip link set {name} up` brings it back)"
                )
            }
            Self::Interface {
                name,
                gone: Gone::Removed,
            } => write!(f, "capture ended: `{name}` was removed"),
            Self::Failed { name, reason } => write!(f, "capture on `{name}` ended: {reason}"),
            Self::Output { path, reason } => {
                write!(
                    f,
                    "capture ended: cannot write packets to {}: {reason}",
                    path.display()
                )
            }
        }
    }
}

impl End {
    /// Whether the capture ended as it should.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Stopped | Self::Limit)
    }
}

/// The counters that the capture thread keeps and everybody reads.
#[derive(Debug, Default)]
struct Counters {
    received: AtomicU64,
    by_kernel: AtomicU64,
    by_interface: AtomicU64,
    by_us: AtomicU64,
}

impl Counters {
    fn drops(&self) -> Drops {
        Drops {
            received: self.received.load(Ordering::Relaxed),
            by_kernel: self.by_kernel.load(Ordering::Relaxed),
            by_interface: self.by_interface.load(Ordering::Relaxed),
            by_us: self.by_us.load(Ordering::Relaxed),
        }
    }
}

/// Ends a capture from any thread.
#[derive(Clone, Debug)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    /// Asks the capture to end; it does within a tenth of a second, and its files are whole then.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

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
        let stop = Stop(Arc::default());
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
        let thread = std::thread::Builder::new()
            .name("capture".into())
            .spawn(move || worker.run())
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
