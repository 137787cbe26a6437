//! What all engines emitted, put together batch by batch.

use crate::base::Timestamp;
use crate::capture::PacketRecord;
use crate::export::TlsCounts;
use crate::insight::{Casebook, Report};
use crate::store::{Collector, Delta};

use super::watcher::Watched;

/// What all engines emitted, put together.
#[derive(Default)]
pub struct Overview {
    collector: Collector,
    casebook: Casebook,
    tls: TlsCounts,
    last: Timestamp,
}

impl Overview {
    /// One that keeps attempts in this casebook.
    #[must_use]
    pub fn new(casebook: Casebook) -> Self {
        Self {
            casebook,
            ..Self::default()
        }
    }

    /// The same, whose store lists every packet of the capture.
    #[must_use]
    pub fn listing_all(self) -> Self {
        Self {
            collector: self.collector.listing_all(),
            ..self
        }
    }

    /// Takes what every engine made of one batch, whose packets are `records`, and gives what it adds to the store.
    pub fn take(&mut self, parts: &mut [Watched], records: &[PacketRecord]) -> Delta {
        self.last = records.last().map_or(self.last, |record| record.time);
        let mut rows: Vec<_> = parts
            .iter_mut()
            .map(|part| std::mem::take(&mut part.rows))
            .collect();
        let delta = self.collector.merge(&mut rows, records);
        self.casebook
            .take(parts.iter_mut().map(|part| &mut part.facts));
        for (part, rows) in parts.iter_mut().zip(rows) {
            self.tls = self.tls + part.tls;
            part.rows = rows;
        }
        delta
    }

    /// What became of the TLS connections that ended.
    #[must_use]
    pub fn tls(&self) -> TlsCounts {
        self.tls
    }

    /// The attempts that ended.
    #[must_use]
    pub fn casebook(&self) -> &Casebook {
        &self.casebook
    }

    /// Judges the attempts that ended, by what is known now.
    #[must_use]
    pub fn diagnosis(&self) -> Report {
        self.casebook.report(self.last)
    }
}
