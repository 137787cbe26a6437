//! Decrypted and inflated bytes, which are in no packet: kept when they come, and read again when somebody looks.
//!
//! Invariant: bytes that cannot be kept (no room, no file) are missing when they are asked for, never wrong.

use std::cell::RefCell;

use crate::base::{Spool, Spools};

/// Bytes kept of one capture; what comes beyond is shown without its bytes.
const TOTAL: u64 = 2 << 30;

/// The bytes.
#[derive(Default)]
pub(super) struct KeptBytes {
    spools: Spools,
    spool: Option<RefCell<Box<dyn Spool>>>,
    len: u64,
    is_full: bool,
}

impl KeptBytes {
    pub(super) fn new(spools: Spools) -> Self {
        Self {
            spools,
            ..Self::default()
        }
    }

    /// Adds bytes behind all others, which are counted even where they cannot be kept.
    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.len += bytes.len() as u64;
        if bytes.is_empty() || self.is_full {
            return;
        }
        // After one failure the place of what follows would be another.
        self.is_full = self.len > TOTAL || self.try_append(bytes).is_none();
    }

    fn try_append(&mut self, bytes: &[u8]) -> Option<()> {
        let spool = match &mut self.spool {
            Some(spool) => spool,
            empty => empty.insert(RefCell::new(self.spools.open().ok()?)),
        };
        spool.get_mut().append(bytes).ok()
    }

    /// Fills `out` with the bytes from `at` on; `None` when they are not there.
    pub(super) fn read_at(&self, at: u64, out: &mut [u8]) -> Option<()> {
        if out.is_empty() {
            return Some(());
        }
        let mut spool = self.spool.as_ref()?.borrow_mut();
        spool.read_at(at, out).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_fit_is_missing_and_moves_nothing() {
        let mut kept = KeptBytes::new(Spools::in_memory(4));
        for bytes in [&b"ab"[..], b"too long", b"cd"] {
            kept.append(bytes);
        }
        let mut two = [0; 2];
        assert!(kept.read_at(0, &mut two).is_some());
        assert_eq!(&two, b"ab");
        assert_eq!(kept.read_at(2, &mut two), None);
        assert_eq!(kept.read_at(10, &mut two), None);
    }
}
