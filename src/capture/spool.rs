//! Reading packets again: from the file itself, or from a copy of what cannot be read twice.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::batch::FilePosition;
use super::read_at::{ReadAt, read_exact};
use crate::base::{Spool, Spools};

/// The inputs of a capture, open for reading at any place. Clones share the files.
#[derive(Clone, Default)]
pub struct PacketFile {
    inputs: Arc<Mutex<Inputs>>,
}

#[derive(Default)]
struct Inputs {
    by_index: BTreeMap<u16, Again>,
    /// The plain file read last, left open: a capture may have more files than a process may open.
    last: Option<(u16, File)>,
}

/// Where an input is read again.
pub(super) enum Again {
    /// A plain file, opened when it is asked for.
    Path(PathBuf),
    /// The same where there are no paths.
    At(Arc<dyn ReadAt>),
    /// A copy, gone with the last handle.
    Copy(Box<dyn Spool>),
}

impl PacketFile {
    /// Reads `len` bytes at `position` into `out`, replacing what it held.
    ///
    /// # Errors
    /// When the input was not kept (see `spool` of [`super::Options`]), has changed or is gone.
    pub fn read_at(&self, position: FilePosition, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        out.resize(len, 0);
        self.inputs()
            .read_at(position.file(), position.offset(), out)
    }

    fn inputs(&self) -> MutexGuard<'_, Inputs> {
        self.inputs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for PacketFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let inputs = self.inputs();
        f.debug_tuple("PacketFile")
            .field(&inputs.by_index.len())
            .finish()
    }
}

impl Inputs {
    fn read_at(&mut self, index: u16, at: u64, out: &mut [u8]) -> io::Result<()> {
        match self.by_index.get_mut(&index) {
            Some(Again::Copy(copy)) => copy.read_at(at, out),
            Some(Again::At(bytes)) => read_exact(&**bytes, at, out),
            Some(Again::Path(path)) => {
                let file = match self.last.take() {
                    Some((last, file)) if last == index => file,
                    _ => File::open(path)?,
                };
                let (_, file) = self.last.insert((index, file));
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(out)
            }
            None => Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the input was not kept for reading again",
            )),
        }
    }
}

/// The writing side of a [`PacketFile`]: copies what passes of inputs that cannot be read again.
#[derive(Clone, Debug)]
pub(super) struct Copies {
    packets: PacketFile,
    spools: Spools,
}

impl Copies {
    pub(super) fn new(spools: Spools) -> Self {
        let packets = PacketFile::default();
        Self { packets, spools }
    }

    pub(super) fn packet_file(&self) -> PacketFile {
        self.packets.clone()
    }

    /// Makes input `index` readable again: where it lies if it is plain, else by copying `head` and all of `rest`.
    pub(super) fn keep(
        &self,
        index: u16,
        plain: Option<Again>,
        head: &[u8],
        rest: Box<dyn Read + Send>,
    ) -> io::Result<Box<dyn Read + Send>> {
        let (again, rest) = match plain {
            Some(again) => (again, rest),
            None => {
                let mut copy = self.spools.open()?;
                copy.append(head)?;
                let packets = self.packet_file();
                let tee = Tee {
                    rest,
                    index,
                    packets,
                };
                (Again::Copy(copy), Box::new(tee) as Box<dyn Read + Send>)
            }
        };
        self.packets.inputs().by_index.insert(index, again);
        Ok(rest)
    }
}

/// Copies what is read.
struct Tee {
    rest: Box<dyn Read + Send>,
    index: u16,
    packets: PacketFile,
}

impl Read for Tee {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.rest.read(out)?;
        if let Some(Again::Copy(copy)) = self.packets.inputs().by_index.get_mut(&self.index) {
            copy.append(&out[..len])?;
        }
        Ok(len)
    }
}
