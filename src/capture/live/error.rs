//! Why a capture could not start: each with what to do about it.

use std::{fmt, io, path::PathBuf};

use unicode_width::UnicodeWidthStr;

/// Why a capture could not start or its interfaces not be listed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CaptureError {
    /// libpcap is not on this machine, or `$LIBPCAP_PATH` names something else.
    #[error(
        "live capture needs libpcap, which was not found ({reason})\n\
         install it: apt install libpcap0.8 (Debian, Ubuntu) | dnf install libpcap (Fedora, RHEL) | \
         pacman -S libpcap (Arch) | zypper install libpcap1 (openSUSE) | apk add libpcap (Alpine)\n\
         or name the library in LIBPCAP_PATH; capture files are read without it"
    )]
    NoLibpcap {
        /// What the loader said.
        reason: String,
    },
    /// There is no such interface.
    #[error("there is no interface `{name}`; there {}\n`wireloupe interfaces` says more", name_them(.available))]
    NoSuchInterface {
        /// The name asked for.
        name: String,
        /// The names there are.
        available: Vec<String>,
    },
    /// The interface exists, but this user may not capture there, or nobody can at the moment.
    #[error("cannot capture on `{name}`: {why}\n{remedy}")]
    Denied {
        /// The interface.
        name: String,
        /// Why not.
        why: String,
        /// What to do: a command, or a sentence.
        remedy: String,
    },
    /// The capture filter does not compile.
    #[error(transparent)]
    Filter(#[from] FilterProblem),
    /// libpcap failed in another way.
    #[error("cannot capture on `{name}`: {reason}")]
    Open {
        /// The interface.
        name: String,
        /// libpcap's words.
        reason: String,
    },
    /// The interfaces could not be listed.
    #[error("cannot list the interfaces: {reason}")]
    List {
        /// libpcap's words.
        reason: String,
    },
    /// A file for the packets could not be made.
    #[error("cannot write packets to {}: {source}", .path.display())]
    Output {
        /// The file, or the directory of the spool.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The rights to capture could not be given up, so the capture was not started with them.
    #[error("cannot give up the rights to capture: {reason}")]
    Rights {
        /// The system's reason.
        reason: String,
    },
    /// The system gave no thread to capture in.
    #[error("cannot start the capture thread: {0}")]
    Thread(io::Error),
}

/// A capture filter that does not compile. `Display` shows the expression with a caret under the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterProblem {
    /// The expression as given.
    pub expr: String,
    /// Byte offset in `expr` of what is wrong; its length when something is missing at the end; `None` when unknown.
    pub offset: Option<usize>,
    /// Whether `offset` is certain; a caret is marked "near" otherwise.
    pub certain: bool,
    /// What is wrong, in libpcap's words.
    pub message: String,
}

impl fmt::Display for FilterProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |text: &str| text.replace(char::is_control, " ");
        let message = printable(&self.message);
        write!(
            f,
            "the capture filter is not valid: {message}\n  {}",
            printable(&self.expr)
        )?;
        let Some(before) = self.offset.and_then(|offset| self.expr.get(..offset)) else {
            return Ok(());
        };
        let indent = printable(before).width();
        let note = match (self.certain, before.len() == self.expr.len()) {
            (_, true) => " something is missing here",
            (true, false) => "",
            (false, false) => " near here",
        };
        write!(f, "\n  {:indent$}^{note}", "")
    }
}

impl std::error::Error for FilterProblem {}

/// "are lo, eth0", or "are none".
fn name_them(names: &[String]) -> String {
    match names {
        [] => "are none that can be seen".into(),
        [one] => format!("is {one}"),
        many => format!("are {}", many.join(", ")),
    }
}

/// The words of libpcap, without the prefix that the `pcap` crate adds.
pub(super) fn words(error: pcap::Error) -> String {
    match error {
        pcap::Error::PcapError(text) => text,
        other => other.to_string(),
    }
}
