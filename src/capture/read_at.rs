//! Inputs that can be read at any place and are no paths: what a browser gives.

use std::io::{self, Read};
use std::sync::Arc;

/// Bytes that can be read from any place: a file where there are no paths.
pub trait ReadAt: Send + Sync {
    /// How many there are.
    fn len(&self) -> u64;

    /// Whether there are none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Reads some of the bytes from `at` on; how many, and 0 at the end.
    ///
    /// # Errors
    /// When they cannot be read.
    fn read_at(&self, at: u64, out: &mut [u8]) -> io::Result<usize>;
}

/// Reads from the beginning to the end.
pub(super) struct InOrder {
    bytes: Arc<dyn ReadAt>,
    at: u64,
}

impl InOrder {
    pub(super) fn new(bytes: Arc<dyn ReadAt>) -> Self {
        Self { bytes, at: 0 }
    }
}

impl Read for InOrder {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.bytes.read_at(self.at, out)?;
        self.at += len as u64;
        Ok(len)
    }
}

/// Fills `out` with the bytes from `at` on.
pub(super) fn read_exact(bytes: &dyn ReadAt, mut at: u64, mut out: &mut [u8]) -> io::Result<()> {
    while !out.is_empty() {
        match bytes.read_at(at, out)? {
            0 => return Err(io::ErrorKind::UnexpectedEof.into()),
            len => {
                at += len as u64;
                out = out.get_mut(len..).unwrap_or_default();
            }
        }
    }
    Ok(())
}
