//! Packets that were seen and lost.

use std::sync::atomic::{AtomicU64, Ordering};

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

/// The counters that the capture thread keeps and everybody reads.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) received: AtomicU64,
    pub(super) by_kernel: AtomicU64,
    pub(super) by_interface: AtomicU64,
    pub(super) by_us: AtomicU64,
}

impl Counters {
    pub(super) fn drops(&self) -> Drops {
        Drops {
            received: self.received.load(Ordering::Relaxed),
            by_kernel: self.by_kernel.load(Ordering::Relaxed),
            by_interface: self.by_interface.load(Ordering::Relaxed),
            by_us: self.by_us.load(Ordering::Relaxed),
        }
    }
}
