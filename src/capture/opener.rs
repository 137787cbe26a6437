//! How the inputs of a capture are opened: what is the same for all of them.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use super::error::OpenError;
use super::reader::{FileReader, Input, LookThrough, Opening};
use super::spool::Copies;
use super::summary::Summary;
use crate::base::Limits;

/// What every input of a capture is opened with.
pub(super) struct Opener {
    pub(super) limits: Limits,
    /// Packets are given as they arrive.
    pub(super) prompt: bool,
    /// Counts bytes as they are read from disk.
    pub(super) counter: Arc<AtomicU64>,
    /// Keeps what cannot be read again.
    pub(super) copies: Option<Copies>,
}

impl Opener {
    pub(super) fn opening(&self, file: usize, read_len: usize) -> Opening<'_> {
        Opening {
            file: file as u16,
            limits: &self.limits,
            read_len,
            prompt: self.prompt,
            secrets: LookThrough::Now,
            counter: Arc::clone(&self.counter),
            copies: self.copies.as_ref(),
        }
    }

    pub(super) fn open(
        &self,
        file: usize,
        input: Input,
        read_len: usize,
        summary: &mut Summary,
    ) -> Result<FileReader, OpenError> {
        FileReader::open(input, &self.opening(file, read_len), summary)
    }
}
