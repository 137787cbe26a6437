//! Reading packets again: from the file itself, or from a temporary copy of what cannot be read twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use super::batch::FilePosition;

/// The inputs of a capture, open for reading at any place. Clones share the files.
#[derive(Clone, Debug, Default)]
pub struct PacketFile {
    files: Arc<Mutex<Files>>,
}

#[derive(Debug, Default)]
struct Files {
    kept: BTreeMap<u16, Kept>,
    /// The plain file read last, kept open: a capture may have more files than a process may open.
    last: Option<(u16, Arc<File>)>,
}

#[derive(Clone, Debug)]
enum Kept {
    /// A plain file, opened when it is asked for.
    Path(PathBuf),
    /// A temporary copy, deleted with the last handle.
    Copy(Arc<File>),
}

impl PacketFile {
    /// Reads `len` bytes at `position` into `out`, replacing what it held.
    ///
    /// # Errors
    /// When the input was not kept (see `spool` of [`super::Options`]), has changed or is gone.
    pub fn read_at(&self, position: FilePosition, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let file = self.file(position.file())?;
        out.clear();
        out.resize(len, 0);
        read_exact_at(&file, out, position.offset())
    }

    fn file(&self, index: u16) -> io::Result<Arc<File>> {
        let mut files = self.files.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, file)) = files.last.as_ref().filter(|(last, _)| *last == index) {
            return Ok(Arc::clone(file));
        }
        match files.kept.get(&index) {
            Some(Kept::Copy(file)) => Ok(Arc::clone(file)),
            Some(Kept::Path(path)) => {
                let file = Arc::new(File::open(path)?);
                files.last = Some((index, Arc::clone(&file)));
                Ok(file)
            }
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the input was not kept for reading again",
            )),
        }
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, out: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, out, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut out: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !out.is_empty() {
        let len = std::os::windows::fs::FileExt::seek_read(file, out, offset)?;
        if len == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        out = &mut out[len..];
        offset += len as u64;
    }
    Ok(())
}

/// The writing side of a [`PacketFile`]: copies what passes of inputs that cannot be read again.
#[derive(Clone, Debug, Default)]
pub(super) struct Spool {
    packets: PacketFile,
}

impl Spool {
    pub(super) fn packet_file(&self) -> PacketFile {
        self.packets.clone()
    }

    /// Makes input `index` readable again: by its path if it is plain, else by copying `head` and all of `rest`.
    pub(super) fn keep(
        &self,
        index: u16,
        plain: Option<PathBuf>,
        head: &[u8],
        rest: Box<dyn Read + Send>,
    ) -> io::Result<Box<dyn Read + Send>> {
        let (kept, rest) = match plain {
            Some(path) => (Kept::Path(path), rest),
            None => {
                let mut copy = tempfile::tempfile()?;
                copy.write_all(head)?;
                let again = Arc::new(copy.try_clone()?);
                (
                    Kept::Copy(again),
                    Box::new(Tee { rest, copy }) as Box<dyn Read + Send>,
                )
            }
        };
        let mut files = self
            .packets
            .files
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        files.kept.insert(index, kept);
        Ok(rest)
    }
}

/// Copies what is read.
struct Tee {
    rest: Box<dyn Read + Send>,
    copy: File,
}

impl Read for Tee {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.rest.read(out)?;
        self.copy.write_all(&out[..len])?;
        Ok(len)
    }
}
