//! A source with the secrets for it: those of a key log, and those that it brings along.

use std::sync::Arc;

use crate::capture::{Batch, Secrets, Source};
use crate::tls::KeyLog;

use super::collected::Batches;

/// A source with its secrets.
pub struct Keyed {
    source: Source,
    log: KeyLog,
    /// Blocks of secrets taken from the source.
    blocks: usize,
    is_changed: bool,
}

impl Keyed {
    /// A source, with no secrets but those that it brings along.
    #[must_use]
    pub fn new(source: Source) -> Self {
        Self {
            source,
            log: KeyLog::new(),
            blocks: 0,
            is_changed: false,
        }
    }

    /// Adds the secrets of a key log.
    pub fn add(&mut self, log: KeyLog) {
        self.log.merge(log);
        self.is_changed = true;
    }

    /// The source.
    #[must_use]
    pub fn source(&self) -> &Source {
        &self.source
    }
}

impl Batches for Keyed {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        let more = self.source.fill(batch);
        let secrets = &self.source.summary().secrets;
        for block in secrets.get(self.blocks..).unwrap_or_default() {
            self.blocks += 1;
            if block.kind == Secrets::TLS_KEY_LOG {
                let mut log = KeyLog::new();
                log.extend(&block.bytes);
                log.finish();
                self.log.merge(log);
                self.is_changed = true;
            }
        }
        if self.source.summary().may_bring_secrets && self.blocks > 0 {
            self.log.set_growing();
        }
        more
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        std::mem::take(&mut self.is_changed).then(|| Arc::new(self.log.clone()))
    }
}
