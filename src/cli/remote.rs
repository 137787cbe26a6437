//! A command whose output is a capture: `ssh host tcpdump -U -w -`, `kubectl exec`, `docker exec` and the like.
//!
//! What it says on stderr is told as it comes, and its end with its exit code.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow};

use super::tell::tell;
use crate::base::escape;
use crate::capture::{Input, OpenError};

/// Lines of stderr that are kept for the end.
const LINES: usize = 3;
/// Bytes of a line that are kept.
const LINE: usize = 300;
/// How long a command whose output ended may take to end itself.
const PATIENCE: Duration = Duration::from_millis(500);

/// The running command. Dropping it ends the command.
pub(crate) struct Remote {
    command: String,
    said: Said,
}

/// What it said, and how it ended.
#[derive(Clone)]
pub(crate) struct Said(Arc<Mutex<State>>);

struct State {
    child: Child,
    lines: VecDeque<String>,
    hand_on: Option<HandOn>,
    /// Whether stderr was heard to its end.
    is_heard: bool,
}

type HandOn = Box<dyn Fn(String) + Send>;

impl Said {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn line(&self, bytes: &[u8]) {
        let line = escape::preview(bytes.trim_ascii_end(), LINE);
        if line.is_empty() {
            return;
        }
        let mut state = self.lock();
        match &state.hand_on {
            Some(hand_on) => hand_on(line.clone()),
            None => tell(&line),
        }
        if state.lines.len() == LINES {
            state.lines.pop_front();
        }
        state.lines.push_back(line);
    }

    /// From now on lines go here instead of to stderr.
    #[cfg(feature = "tui")]
    pub(crate) fn hand_on(&self, to: impl Fn(String) + Send + 'static) {
        self.lock().hand_on = Some(Box::new(to));
    }

    /// How the command ended, with what it said last.
    pub(crate) fn ending(&self) -> String {
        let begun = Instant::now();
        let status = loop {
            let mut state = self.lock();
            let is_late = begun.elapsed() > PATIENCE;
            match state.child.try_wait() {
                Ok(Some(status)) if state.is_heard || is_late => break Some(status),
                _ if is_late => break None,
                _ => {}
            }
            drop(state);
            std::thread::sleep(Duration::from_millis(10));
        };
        let mut told = match status {
            Some(status) if status.success() => "the command ended".to_owned(),
            Some(status) => format!("the command ended with {status}"),
            None => "the command closed its output".to_owned(),
        };
        let lines: Vec<_> = self.lock().lines.iter().cloned().collect();
        if !lines.is_empty() {
            told = format!("{told}: {}", lines.join("; "));
        }
        told
    }
}

impl Remote {
    /// Starts a command of the shell; its output is a capture.
    ///
    /// # Errors
    /// When the shell cannot be started.
    pub(crate) fn start(command: &str) -> anyhow::Result<(Input, Self)> {
        let mut child = Command::new("sh")
            .args(["-c", command])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("--from-command {command}: cannot be started"))?;
        let out = child.stdout.take().context("the command has no output")?;
        let err = child.stderr.take().context("the command has no stderr")?;
        let said = Said(Arc::new(Mutex::new(State {
            child,
            lines: VecDeque::new(),
            hand_on: None,
            is_heard: false,
        })));
        let hears = said.clone();
        std::thread::Builder::new()
            .name("stderr".into())
            .spawn(move || {
                let mut err = BufReader::new(err);
                let mut line = Vec::new();
                while matches!(
                    err.by_ref().take(4096).read_until(b'\n', &mut line),
                    Ok(1..)
                ) {
                    hears.line(&line);
                    line.clear();
                }
                hears.lock().is_heard = true;
            })?;
        let remote = Self {
            command: command.to_owned(),
            said,
        };
        Ok((Input::Reader(Box::new(out), command.to_owned()), remote))
    }

    /// The command.
    #[cfg(feature = "tui")]
    pub(crate) fn command(&self) -> &str {
        &self.command
    }

    /// What it says.
    pub(crate) fn said(&self) -> Said {
        self.said.clone()
    }

    /// The error when no capture came.
    pub(crate) fn failed(&self, error: OpenError) -> anyhow::Error {
        match error {
            OpenError::Empty { .. } => {
                anyhow!("{}: no capture came: {}", self.command, self.said.ending())
            }
            error => anyhow!("{error}; {}", self.said.ending()),
        }
    }
}

impl Drop for Remote {
    fn drop(&mut self) {
        let mut state = self.said.lock();
        if matches!(state.child.try_wait(), Ok(None)) {
            let _ = state.child.kill();
            let _ = state.child.wait();
        }
    }
}
