//! Batches whose packets are remembered until an engine gives them back: where they are, for the index.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use crate::capture::{Batch, PacketRecord};
use crate::run::Batches;
use crate::tls::KeyLog;

/// The packets of the batches that were read and not analysed yet. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Records(Arc<Mutex<VecDeque<Vec<PacketRecord>>>>);

impl Records {
    /// Those of the oldest batch; none when what is collected belongs to no batch, as at the end of a capture.
    pub fn pop(&self) -> Vec<PacketRecord> {
        let mut batches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        batches.pop_front().unwrap_or_default()
    }

    fn push(&self, batch: &Batch) {
        let mut batches = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        batches.push_back(batch.records().to_vec());
    }
}

/// Batches that note their packets as they pass.
#[derive(Debug)]
pub struct Noted<B> {
    /// Where they come from.
    pub batches: B,
    records: Records,
}

impl<B> Noted<B> {
    /// Notes what comes from there.
    pub fn new(batches: B) -> Self {
        Self {
            batches,
            records: Records::default(),
        }
    }

    /// What was noted.
    #[must_use]
    pub fn records(&self) -> Records {
        self.records.clone()
    }
}

impl<B: Batches> Batches for Noted<B> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let more = self.batches.fill(batch);
        if more {
            self.records.push(batch);
        }
        more
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        self.batches.keys()
    }
}
