//! The TLS secrets of a run: a key log, which may grow while packets come, and those that capture files bring along.
//!
//! What is said of them is where a line is bad and how many connections found no secret, never what a line holds.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context as _;
use zeroize::Zeroizing;

use super::tell::tell;
use crate::base::counted;
use crate::capture::{KeyLogFile, Secrets, Summary};
use crate::export::TlsCounts;
use crate::tls::{BadLine, KeyLog, KeyName};

/// Bad lines told; a file that is no key log has nothing else.
const TOLD: usize = 10;

/// The variable that programs write their secrets by.
pub(super) const VARIABLE: &str = "SSLKEYLOGFILE";

/// The key log of the configuration.
static CONFIGURED: OnceLock<PathBuf> = OnceLock::new();

/// Takes the key log of the configuration, for runs that name none.
pub(super) fn configure(path: PathBuf) {
    // The configuration is read once.
    let _ = CONFIGURED.set(path);
}

/// The key log that the environment names, or else the configuration. Its secrets decrypt and are never written: only a
/// key log that was named for this run goes into files.
pub(super) fn ambient() -> Option<PathBuf> {
    let variable = std::env::var_os(VARIABLE).filter(|path| !path.is_empty());
    let configured = || CONFIGURED.get().filter(|path| path.is_file()).cloned();
    variable.map(PathBuf::from).or_else(configured)
}

/// Some commands read their input twice; what is wrong with a key log is said by the first reading only.
static IS_TOLD: AtomicBool = AtomicBool::new(false);

/// Every secret known so far.
pub(crate) struct Keys {
    log: KeyLog,
    file: Option<KeyLogFile>,
    /// Blocks of secrets taken from the capture.
    blocks: usize,
    changed: bool,
    told: usize,
    is_quiet: bool,
    /// What there is to tell, where stderr is not the place for it.
    notes: Option<Vec<String>>,
}

impl Keys {
    /// Reads the key log that the user named, or else the [`ambient`] one. With `grows` a last line without its end is
    /// left for later.
    ///
    /// # Errors
    /// When the named file cannot be read.
    pub(crate) fn open(named: Option<&Path>, grows: bool) -> anyhow::Result<Self> {
        Self::open_telling(named, grows, None)
    }

    /// The same, but what is wrong with the key log is kept for [`Keys::take_notes`] instead of told on stderr.
    ///
    /// # Errors
    /// As [`Keys::open`].
    #[cfg(feature = "tui")]
    pub(crate) fn open_noting(named: Option<&Path>, grows: bool) -> anyhow::Result<Self> {
        Self::open_telling(named, grows, Some(Vec::new()))
    }

    /// What was noted since the last call.
    #[cfg(feature = "tui")]
    pub(crate) fn take_notes(&mut self) -> Vec<String> {
        self.notes.as_mut().map(std::mem::take).unwrap_or_default()
    }

    /// The secrets of the key log that the user named and those that came with the capture, if there are any. The
    /// [`ambient`] one stays out of it.
    ///
    /// # Errors
    /// When the named file cannot be read.
    pub(crate) fn named(
        named: Option<&Path>,
        secrets: &[Secrets],
    ) -> anyhow::Result<Option<Arc<KeyLog>>> {
        let mut keys = match named {
            Some(path) => Self::open(Some(path), false)?,
            None => Self::empty(None),
        };
        keys.take(secrets);
        Ok((!keys.log.is_empty()).then(|| Arc::new(keys.log)))
    }

    fn empty(notes: Option<Vec<String>>) -> Self {
        Self {
            log: KeyLog::new(),
            file: None,
            blocks: 0,
            changed: false,
            told: 0,
            is_quiet: notes.is_none() && IS_TOLD.swap(true, Ordering::Relaxed),
            notes,
        }
    }

    fn open_telling(
        named: Option<&Path>,
        grows: bool,
        notes: Option<Vec<String>>,
    ) -> anyhow::Result<Self> {
        let mut keys = Self::empty(notes);
        match (named, ambient()) {
            (Some(path), _) => {
                let why = || format!("cannot read the key log {}", path.display());
                keys.file = Some(match KeyLogFile::open(path) {
                    Err(error) if grows && error.kind() == ErrorKind::NotFound => {
                        let path_text = path.display();
                        keys.say(format!(
                            "{path_text}: not there yet: its keys are used when it is"
                        ));
                        KeyLogFile::awaited(path)
                    }
                    opened => opened.with_context(why)?,
                });
                keys.poll().with_context(why)?;
            }
            // The variable is also there for programs that have written nothing yet.
            (None, Some(path)) => {
                keys.file = match KeyLogFile::open(&path) {
                    Err(error) if grows && error.kind() == ErrorKind::NotFound => {
                        Some(KeyLogFile::awaited(&path))
                    }
                    opened => opened.ok(),
                };
                if let Err(error) = keys.poll() {
                    keys.say(format!("the key log {}: {error}", path.display()));
                }
            }
            (None, None) => {}
        }
        if let Some(path) = keys.path() {
            if grows {
                keys.log.set_growing();
            } else {
                let bad = keys.log.finish();
                keys.tell(&path, &bad);
            }
            if keys.log.is_empty() && !grows && !keys.is_quiet {
                keys.say(format!("{path}: no secrets in this key log"));
            }
            keys.changed = true;
        }
        Ok(keys)
    }

    fn path(&self) -> Option<String> {
        Some(self.file.as_ref()?.path().display().to_string())
    }

    /// Takes what was appended to the file.
    ///
    /// # Errors
    /// When it cannot be read.
    pub(crate) fn poll(&mut self) -> std::io::Result<()> {
        let Some(file) = &mut self.file else {
            return Ok(());
        };
        let mut bad = Vec::new();
        let log = &mut self.log;
        self.changed |= file.poll(|bytes| bad.append(&mut log.extend(bytes)))?;
        if let Some(path) = self.path() {
            self.tell(&path, &bad);
        }
        Ok(())
    }

    /// Takes the secrets that came with the capture so far.
    pub(crate) fn take(&mut self, secrets: &[Secrets]) {
        let new = secrets.get(self.blocks..).unwrap_or_default();
        for block in new {
            self.blocks += 1;
            if block.kind == Secrets::TLS_KEY_LOG {
                let mut log = KeyLog::new();
                let mut bad = log.extend(&block.bytes);
                bad.append(&mut log.finish());
                self.tell(&format!("secrets block {}", self.blocks), &bad);
                self.changed |= !log.is_empty();
                self.log.merge(log);
            }
        }
    }

    /// Takes the secrets that the inputs of a capture brought so far. Where more may follow for packets that were read before, the
    /// beginning of what has none is kept for them.
    pub(crate) fn take_of(&mut self, summary: &Summary) {
        self.take(&summary.secrets);
        if summary.may_bring_secrets && self.blocks > 0 {
            self.log.set_growing();
        }
    }

    /// The lines of a key log with the secrets of these handshakes.
    #[must_use]
    pub(crate) fn lines(&self, names: &[KeyName]) -> Zeroizing<Vec<u8>> {
        self.log.lines(names)
    }

    fn tell(&mut self, place: &str, bad: &[BadLine]) {
        if self.is_quiet {
            return;
        }
        for line in bad {
            self.told += 1;
            match self.told {
                ..=TOLD => self.say(format!("{place}: line {}: {}", line.number, line.why)),
                _ if self.told == TOLD + 1 => {
                    self.say(format!("{place}: more bad lines follow"));
                }
                _ => {}
            }
        }
    }

    fn say(&mut self, what: String) {
        match &mut self.notes {
            Some(notes) => notes.push(what),
            None => tell(what),
        }
    }

    /// Whether there are new ones since the last call of [`Keys::changed`].
    #[cfg(feature = "tui")]
    pub(crate) fn has_changed(&self) -> bool {
        self.changed
    }

    /// All secrets, when there are new ones since the last call.
    pub(crate) fn changed(&mut self) -> Option<Arc<KeyLog>> {
        std::mem::take(&mut self.changed).then(|| Arc::new(self.log.clone()))
    }

    /// What to say of connections that were not decrypted although there are keys.
    #[must_use]
    pub(crate) fn note(&self, counts: TlsCounts) -> Option<String> {
        if self.file.is_none() && self.log.is_empty() {
            return None;
        }
        let part = |count: u64, what: &str| (count > 0).then(|| format!("{count} {what}"));
        let parts: Vec<String> = [
            part(counts.no_secret, "without a secret in the key log"),
            part(counts.unfit, "whose secret does not fit"),
            part(counts.unreadable, "that cannot be decrypted"),
        ]
        .into_iter()
        .flatten()
        .collect();
        if parts.is_empty() {
            return None;
        }
        let decrypted = match counts.decrypted {
            0 => "none was".to_owned(),
            1 => "1 was".to_owned(),
            many => format!("{many} were"),
        };
        // Without a secret at all nothing looks for one, so no finding names them.
        let why = match self.log.is_empty() {
            true => "the key log has no secrets".to_owned(),
            false => format!("{} (--show findings names them)", parts.join(", ")),
        };
        let connections = counted(counts.connections, "TLS connection");
        Some(format!("of {connections} {decrypted} decrypted; {why}"))
    }
}
