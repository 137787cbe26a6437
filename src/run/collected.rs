//! What runs: batches in, and a sink an engine whose results are collected after each.

use std::sync::Arc;

use crate::base::{Attribution, Timestamp};
use crate::capture::Batch;
use crate::engine::Sink;
use crate::tls::KeyLog;

/// A sink whose results are collected after every batch.
pub trait Collected: Sink {
    /// What one batch amounted to.
    type Part: Default + Send;

    /// Exchanges what was gathered since the last call for an empty part, whose memory is used again.
    fn exchange(&mut self, part: &mut Self::Part);

    /// Bytes a part takes in memory, where that may be many times what the batch takes.
    fn weight(_part: &Self::Part) -> usize {
        0
    }
}

/// Where batches come from: a file, standard input, or a live capture.
pub trait Batches {
    /// Replaces what `batch` holds by the next packets; false at the end.
    fn fill(&mut self, batch: &mut Batch) -> bool;

    /// All TLS secrets known after the latest batch was read, when there are new ones.
    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        None
    }

    /// The time when a batch without packets was filled: where packets come as they happen, time passes in silence too.
    fn now(&mut self) -> Option<Timestamp> {
        None
    }

    /// Who finds out whose connections these are, where packets come from this machine. Asked once, before the first batch.
    fn attribution(&self) -> Option<Arc<dyn Attribution>> {
        None
    }
}

impl Batches for crate::capture::Source {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        crate::capture::Source::fill(self, batch)
    }
}

/// What was counted on the way.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Packets read.
    pub packets: u64,
    /// Their captured bytes.
    pub bytes: u64,
    /// Time of the first.
    pub first: Option<Timestamp>,
    /// Time of the last.
    pub last: Option<Timestamp>,
    /// Packets without a TCP segment, for whatever reason.
    pub skipped: u64,
    /// Of these, frames of Wi-Fi that their network encrypted.
    pub encrypted: u64,
}

impl Tally {
    pub(super) fn batch(&mut self, batch: &Batch) {
        let records = batch.records();
        self.packets += records.len() as u64;
        let bytes = records.iter().map(|record| u64::from(record.captured));
        self.bytes += bytes.sum::<u64>();
        self.first = self.first.or(records.first().map(|record| record.time));
        self.last = records.last().map(|record| record.time).or(self.last);
    }
}

/// Asked after every batch whether to go on.
pub type Collect<'a, P> = dyn FnMut(&mut [P]) -> bool + 'a;
