//! Where output goes: stdout, or a file that appears whole or not at all; and where it waits until it is written.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use tempfile::{NamedTempFile, SpooledTempFile};

use crate::base::Spools;

/// Bytes of one spool in memory before it moves to a temporary file.
const IN_MEMORY: usize = 4 << 20;

/// What is read again, or written when all of it is known: in temporary files without a name.
pub(crate) fn spools() -> Spools {
    Spools::in_files(|| Ok(SpooledTempFile::new(IN_MEMORY)))
}

/// An open output.
#[derive(Debug)]
pub(crate) enum Output {
    /// Standard output.
    Stdout(io::Stdout),
    /// A temporary file beside the one it becomes.
    File {
        /// The temporary file.
        file: NamedTempFile,
        /// What it becomes.
        path: PathBuf,
    },
}

impl Output {
    /// Standard output, or the file at `path`, which must not exist unless `force` is given.
    ///
    /// # Errors
    /// When the file exists, or its folder cannot be written to.
    pub(crate) fn open(path: Option<&Path>, force: bool) -> anyhow::Result<Self> {
        let Some(path) = path.filter(|path| *path != Path::new("-")) else {
            return Ok(Output::Stdout(io::stdout()));
        };
        if path.is_dir() {
            bail!("{}: is a directory: name a file in it", path.display());
        }
        if !force && path.exists() {
            bail!(
                "{}: already exists: choose another name, or overwrite it with --force",
                path.display()
            );
        }
        let folder = path
            .parent()
            .filter(|folder| !folder.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let file =
            new_file(folder).with_context(|| format!("{}: cannot be written", path.display()))?;
        Ok(Output::File {
            file,
            path: path.to_owned(),
        })
    }

    /// Whether a person watches.
    #[must_use]
    pub(crate) fn is_terminal(&self) -> bool {
        match self {
            Output::Stdout(stdout) => stdout.is_terminal(),
            Output::File { .. } => false,
        }
    }

    /// Writes all of `bytes`.
    ///
    /// # Errors
    /// As the system says; a closed pipe is [`io::ErrorKind::BrokenPipe`].
    pub(crate) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Output::Stdout(stdout) => {
                let mut lock = stdout.lock();
                lock.write_all(bytes)?;
                lock.flush()
            }
            Output::File { file, .. } => file.write_all(bytes),
        }
    }

    /// Makes the file appear under its name.
    ///
    /// # Errors
    /// When it cannot be moved there.
    pub(crate) fn finish(self) -> anyhow::Result<()> {
        if let Output::File { file, path } = self {
            let old = fs::metadata(&path).map(|old| old.permissions()).ok();
            let written = file
                .persist(&path)
                .map_err(|error| error.error)
                .with_context(|| path.display().to_string())?;
            if let Some(old) = old {
                written.set_permissions(old)?;
            }
        }
        Ok(())
    }
}

#[cfg(feature = "columns")]
impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Output::write(self, bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A temporary file in this folder. Temporary files are private, but this one becomes what a user asked for, with the rights
/// of any new file.
pub(crate) fn new_file(folder: &Path) -> io::Result<NamedTempFile> {
    #[cfg_attr(
        not(unix),
        expect(unused_mut, reason = "rights are given to it on Unix")
    )]
    let mut builder = tempfile::Builder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        builder.permissions(fs::Permissions::from_mode(0o666));
    }
    builder.tempfile_in(folder)
}
