//! How far a long read has come: one line on stderr, for people only.

use std::io::{self, IsTerminal, Write as _};
use std::time::{Duration, Instant};

use crate::capture::Summary;

/// A read this short needs no progress.
const QUIET: Duration = Duration::from_millis(700);
const EVERY: Duration = Duration::from_millis(200);

/// The line, when there is somebody to read it and rows are not written to the same screen.
#[derive(Debug)]
pub(crate) struct Progress {
    begun: Instant,
    next: Option<Instant>,
    shown: bool,
}

impl Progress {
    /// Starts now.
    pub(crate) fn new() -> Self {
        let watched = io::stderr().is_terminal() && !io::stdout().is_terminal();
        let begun = Instant::now();
        Self {
            begun,
            next: watched.then(|| begun + QUIET),
            shown: false,
        }
    }

    /// Shows how much was read, if it is time.
    pub(crate) fn tick(&mut self, summary: &Summary) {
        let now = Instant::now();
        if self.next.is_none_or(|next| now < next) {
            return;
        }
        self.next = Some(now + EVERY);
        self.shown = true;
        let read = summary.read_bytes as f64 / 1e6;
        let speed = read / now.duration_since(self.begun).as_secs_f64();
        let share = match summary.total_bytes {
            Some(total) if total > 0 => format!(
                "{:3.0} %  ",
                100.0 * summary.read_bytes as f64 / total as f64
            ),
            _ => String::new(),
        };
        let _ = write!(
            io::stderr(),
            "\r{share}{read:.0} MB, {} packets, {speed:.0} MB/s \x1b[K",
            summary.packets
        );
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.shown {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}
