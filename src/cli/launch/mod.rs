//! A command that a capture is about: what is started, and how.

mod child;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use child::Child;
pub(crate) use child::Signals;

/// What is started, and where its words go.
#[derive(Debug)]
pub(crate) struct Launch {
    command: Vec<OsString>,
    /// Where the command's programs write their TLS secrets.
    key_log: PathBuf,
    /// Where its output goes instead of stderr.
    output: Option<PathBuf>,
    /// Whether connections of other processes are kept, too.
    keeps_all: bool,
    /// What became of it.
    child: OnceLock<Child>,
}

impl Launch {
    /// A command that is not started yet.
    pub(crate) fn new(
        command: Vec<OsString>,
        key_log: PathBuf,
        output: Option<PathBuf>,
        keeps_all: bool,
    ) -> Self {
        Self {
            command,
            key_log,
            output,
            keeps_all,
            child: OnceLock::new(),
        }
    }

    /// Starts it, when the rights to capture were given up.
    ///
    /// # Errors
    /// When its output cannot be written.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        let child = Child::start(&self.command, &self.key_log, self.output.as_deref())?;
        let _ = self.child.set(child);
        Ok(())
    }

    /// The command, as far as it was started.
    pub(crate) fn child(&self) -> Option<&Child> {
        self.child.get()
    }

    /// Where the command's programs write their TLS secrets.
    pub(crate) fn key_log(&self) -> &Path {
        &self.key_log
    }

    /// Where its output goes instead of stderr.
    pub(crate) fn output(&self) -> Option<&Path> {
        self.output.as_deref()
    }

    /// Whether connections of other processes are kept, too.
    pub(crate) fn keeps_all(&self) -> bool {
        self.keeps_all
    }
}
