//! A key log on disk, which may grow while it is read. What its lines mean is not known here.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

/// Bytes read at once.
const CHUNK: usize = 64 << 10;

/// A key log file and how far it was read.
#[derive(Debug)]
pub struct KeyLogFile {
    path: PathBuf,
    /// None while it is waited for.
    file: Option<File>,
    position: u64,
}

impl KeyLogFile {
    /// Opens the file; nothing is read yet.
    ///
    /// # Errors
    /// When there is no such file, or it may not be read.
    pub fn open(path: &Path) -> io::Result<Self> {
        Ok(Self {
            path: path.to_owned(),
            file: Some(File::open(path)?),
            position: 0,
        })
    }

    /// A file that is not there yet: it is read from when it is.
    #[must_use]
    pub fn awaited(path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            file: None,
            position: 0,
        }
    }

    /// The path it was opened by.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Hands on what was written since the last call; says whether that was anything. A file that has become shorter
    /// was written anew, and is read from its beginning. Buffers are wiped.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn poll(&mut self, mut take: impl FnMut(&[u8])) -> io::Result<bool> {
        let file = match &mut self.file {
            Some(file) => file,
            None => match File::open(&self.path) {
                Ok(file) => self.file.insert(file),
                Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
                Err(error) => return Err(error),
            },
        };
        let metadata = file.metadata()?;
        // A pipe has no length, and nothing to go back to.
        if metadata.is_file() && metadata.len() < self.position {
            self.position = file.seek(SeekFrom::Start(0))?;
        }
        if metadata.is_file() && metadata.len() == self.position {
            return Ok(false);
        }
        let mut buffer = Zeroizing::new(vec![0; CHUNK]);
        let before = self.position;
        loop {
            match file.read(&mut buffer) {
                Ok(0) => return Ok(self.position != before),
                Ok(len) => {
                    self.position += len as u64;
                    take(buffer.get(..len).unwrap_or_default());
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    #[test]
    fn what_is_written_later_is_handed_on_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("keys");
        assert!(KeyLogFile::open(&path).is_err());
        let mut awaited = KeyLogFile::awaited(&path);
        assert!(!awaited.poll(|_| ()).unwrap());
        let mut writer = File::create(&path).unwrap();
        let mut file = KeyLogFile::open(&path).unwrap();
        let mut poll = || {
            let mut seen = Vec::new();
            let any = file.poll(|bytes| seen.extend_from_slice(bytes)).unwrap();
            assert_eq!(any, !seen.is_empty());
            seen
        };
        assert_eq!(poll(), b"");
        writer.write_all(b"one\ntw").unwrap();
        assert_eq!(poll(), b"one\ntw");
        assert!(awaited.poll(|bytes| assert_eq!(bytes, b"one\ntw")).unwrap());
        writer.write_all(b"o\n").unwrap();
        assert_eq!(poll(), b"o\n");
        assert_eq!(poll(), b"");
        writer.set_len(0).unwrap();
        writer.seek(SeekFrom::Start(0)).unwrap();
        writer.write_all(b"3\n").unwrap();
        assert_eq!(poll(), b"3\n", "written anew");
    }
}
