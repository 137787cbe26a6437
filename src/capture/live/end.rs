//! How a capture ends: what ends it, and what is said of it.

use std::{
    fmt,
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

/// What became of an interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Gone {
    /// It was switched off.
    Down,
    /// It was removed.
    Removed,
}

/// Why a capture ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Stopped,
    /// A limit of [`Autostop`](super::Autostop) was reached.
    Limit,
    /// The interface went away.
    Interface {
        /// Its name.
        name: String,
        /// How.
        gone: Gone,
    },
    /// libpcap failed.
    Failed {
        /// The interface.
        name: String,
        /// libpcap's words.
        reason: String,
    },
    /// The packets could not be written.
    Output {
        /// The file, or the directory of the spool.
        path: PathBuf,
        /// The system's reason.
        reason: String,
    },
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stopped => f.write_str("capture stopped"),
            Self::Limit => f.write_str("capture stopped at its limit"),
            Self::Interface {
                name,
                gone: Gone::Down,
            } => {
                write!(
                    f,
                    "capture ended: `{name}` was switched off (`sudo ip link set {name} up` brings it back)"
                )
            }
            Self::Interface {
                name,
                gone: Gone::Removed,
            } => write!(f, "capture ended: `{name}` was removed"),
            Self::Failed { name, reason } => write!(f, "capture on `{name}` ended: {reason}"),
            Self::Output { path, reason } => {
                write!(
                    f,
                    "capture ended: cannot write packets to {}: {reason}",
                    path.display()
                )
            }
        }
    }
}

impl End {
    /// Whether the capture ended as it should.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        matches!(self, Self::Stopped | Self::Limit)
    }
}

/// Ends a capture from any thread.
#[derive(Clone, Debug, Default)]
pub struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(super) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// Asks the capture to end; it does within a tenth of a second, and its files are whole then.
    pub fn stop(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
