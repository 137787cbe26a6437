//! Bytes that are written once and read again: in memory, or in a file that the caller gives.
//!
//! It knows no path and opens no file of its own, so whoever uses it works where there are none. Invariant: what was
//! appended without an error is read back as it was.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::Arc;

/// Bytes that are only added to, and read back from any place.
pub trait Spool: Send {
    /// Adds `bytes` behind all others.
    ///
    /// # Errors
    /// When there is no room for them; what a later append adds then stands at an unknown place.
    fn append(&mut self, bytes: &[u8]) -> io::Result<()>;

    /// Fills `out` with the bytes from `at` on.
    ///
    /// # Errors
    /// When there are fewer, or they can no longer be read.
    fn read_at(&mut self, at: u64, out: &mut [u8]) -> io::Result<()>;
}

impl dyn Spool + '_ {
    /// Writes `len` bytes from `at` on to `out`.
    ///
    /// # Errors
    /// As [`Spool::read_at`], or when `out` fails.
    pub fn copy(&mut self, at: u64, len: u64, out: &mut impl Write) -> io::Result<()> {
        const PIECE: u64 = 64 << 10;
        let mut piece = vec![0; len.min(PIECE) as usize];
        let mut copied = 0;
        while copied < len {
            piece.truncate((len - copied).min(PIECE) as usize);
            self.read_at(at + copied, &mut piece)?;
            out.write_all(&piece)?;
            copied += piece.len() as u64;
        }
        Ok(())
    }
}

/// Opens spools, all of one kind. Clones open the same kind.
#[derive(Clone)]
pub struct Spools(Arc<Open>);

type Open = dyn Fn() -> io::Result<Box<dyn Spool>> + Send + Sync;

/// Bytes that each spool of [`Spools::default`] holds at most.
const IN_MEMORY: usize = 512 << 20;

impl Spools {
    /// Spools that `open` makes.
    pub fn new(open: impl Fn() -> io::Result<Box<dyn Spool>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(open))
    }

    /// Spools in memory, each of at most `limit` bytes; an append beyond them is an error.
    #[must_use]
    pub fn in_memory(limit: usize) -> Self {
        Self::new(move || {
            let bytes = Vec::new();
            Ok(Box::new(Memory { bytes, limit }))
        })
    }

    /// Spools in what `open` gives: new, empty files that nobody else uses, temporary ones best.
    pub fn in_files<T: Read + Write + Seek + Send + 'static>(
        open: impl Fn() -> io::Result<T> + Send + Sync + 'static,
    ) -> Self {
        Self::new(move || Ok(Box::new(Seekable(open()?))))
    }

    /// An empty spool.
    ///
    /// # Errors
    /// When a file cannot be made.
    pub fn open(&self) -> io::Result<Box<dyn Spool>> {
        (self.0)()
    }
}

/// In memory, up to 512 MiB each.
impl Default for Spools {
    fn default() -> Self {
        Self::in_memory(IN_MEMORY)
    }
}

impl fmt::Debug for Spools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Spools")
    }
}

struct Memory {
    bytes: Vec<u8>,
    limit: usize,
}

impl Spool for Memory {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.limit - self.bytes.len() < bytes.len() {
            let why = format!("more than {} bytes to keep in memory", self.limit);
            return Err(io::Error::new(io::ErrorKind::StorageFull, why));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn read_at(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        let from = usize::try_from(at).ok().and_then(|at| self.bytes.get(at..));
        let found = from.and_then(|from| from.get(..out.len()));
        out.copy_from_slice(found.ok_or(io::ErrorKind::UnexpectedEof)?);
        Ok(())
    }
}

struct Seekable<T>(T);

impl<T: Read + Write + Seek + Send> Spool for Seekable<T> {
    fn append(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::End(0))?;
        self.0.write_all(bytes)
    }

    fn read_at(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.seek(SeekFrom::Start(at))?;
        self.0.read_exact(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_appended_is_read_back_from_any_place() {
        for spools in [Spools::default(), Spools::in_files(tempfile::tempfile)] {
            let mut spool = spools.open().unwrap();
            spool.append(b"one").unwrap();
            let mut middle = [0; 2];
            spool.read_at(1, &mut middle).unwrap();
            assert_eq!(&middle, b"ne");
            spool.append(&[7; 200_000]).unwrap();
            let mut copied = Vec::new();
            spool.copy(2, 200_001, &mut copied).unwrap();
            assert_eq!(copied[0], b'e');
            assert_eq!(copied[1..], [7; 200_000]);
            let mut beyond = [0; 4];
            for at in [200_000, u64::MAX] {
                assert!(spool.read_at(at, &mut beyond).is_err(), "{at}");
            }
            // Another spool is another place.
            let mut other = spools.open().unwrap();
            assert!(other.read_at(0, &mut middle).is_err());
        }
    }

    #[test]
    fn memory_ends_at_its_limit() {
        let mut spool = Spools::in_memory(4).open().unwrap();
        spool.append(b"abc").unwrap();
        let error = spool.append(b"de").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
        spool.append(b"d").unwrap();
        let mut all = [0; 4];
        spool.read_at(0, &mut all).unwrap();
        assert_eq!(&all, b"abcd");
    }
}
