//! The command: started with a key log in its environment, sent the signals that reach this program, waited for.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, ExitCode, ExitStatus, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM, SIGUSR1, SIGUSR2};

use crate::capture::live::{Stop, sudo_environment};
use crate::cli::keys;

/// Exit codes of shells and of `env`: it is not there, it cannot be run.
const NOT_FOUND: u8 = 127;
const NOT_RUN: u8 = 126;
/// Time for the last packets of a command that ended: the ends of its connections.
const LAST_PACKETS: Duration = Duration::from_millis(300);
/// Time a command has to end after it was asked to.
const PATIENCE: Duration = Duration::from_secs(5);

/// A command that was started, or could not be.
#[derive(Debug)]
pub(crate) struct Child {
    pid: Option<Pid>,
    state: Arc<State>,
}

#[derive(Debug, Default)]
struct State {
    /// How it ended.
    code: Mutex<Option<u8>>,
    ended: Condvar,
}

impl State {
    fn code(&self) -> Option<u8> {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, code: u8) {
        *self.code.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        self.ended.notify_all();
    }

    /// The exit code, if it ends until then.
    fn wait_until(&self, deadline: Instant) -> Option<u8> {
        let mut code = self.code.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            if code.is_some() || left == Duration::ZERO {
                return *code;
            }
            let waited = self.ended.wait_timeout(code, left);
            code = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

impl Child {
    /// Starts it. One that cannot be started is one that ended with a shell's exit code.
    ///
    /// # Errors
    /// When there is no command, or its output cannot be written.
    pub(super) fn start(
        command: &[OsString],
        key_log: &Path,
        output: Option<&Path>,
    ) -> anyhow::Result<Self> {
        let Some((program, arguments)) = command.split_first() else {
            anyhow::bail!("no command named: wireloupe run -- COMMAND");
        };
        let mut command = Command::new(program);
        command.args(arguments);
        command.env(keys::VARIABLE, key_log);
        command.env("NODE_OPTIONS", node_options(key_log));
        for (name, value) in sudo_environment() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        let (one, other) = outputs(output)?;
        command.stdout(one).stderr(other);
        if output.is_some() {
            command.stdin(Stdio::null());
        }
        // What its processes leave behind becomes ours, and so stays theirs.
        #[cfg(target_os = "linux")]
        let _ = rustix::process::set_child_subreaper(Some(rustix::process::getpid()));
        let state = Arc::<State>::default();
        match command.spawn() {
            Ok(mut child) => {
                let pid = Pid::from_raw(child.id().cast_signed());
                let waiting = Arc::clone(&state);
                std::thread::spawn(move || {
                    let ended = child.wait();
                    waiting.set(ended.map_or(NOT_RUN, exit_code));
                });
                Ok(Self { pid, state })
            }
            Err(error) => {
                let name = program.to_string_lossy();
                crate::cli::tell::tell(format_args!("cannot start {name}: {error}"));
                state.set(match error.kind() {
                    io::ErrorKind::NotFound => NOT_FOUND,
                    _ => NOT_RUN,
                });
                Ok(Self { pid: None, state })
            }
        }
    }

    /// Its process id, if it was started.
    pub(crate) fn id(&self) -> Option<u32> {
        Some(self.pid?.as_raw_nonzero().get().cast_unsigned())
    }

    /// Ends the capture when the command ended and its last packets came.
    pub(crate) fn stops(&self, stop: Stop) {
        let state = Arc::clone(&self.state);
        std::thread::spawn(move || {
            while state.wait_until(Instant::now() + PATIENCE).is_none() {}
            std::thread::sleep(LAST_PACKETS);
            stop.stop();
        });
    }

    /// Passes the signals that reach this program on to it.
    pub(crate) fn signals(&self) -> Signals {
        Signals { pid: self.pid }
    }

    /// Its exit code. One that still runs, since whoever watched it wants no more, is asked to end, and then made to.
    pub(crate) fn end(&self) -> ExitCode {
        if let (None, Some(pid)) = (self.state.code(), self.pid) {
            for signal in [Signal::TERM, Signal::KILL] {
                let _ = kill_process(pid, signal);
                if self.state.wait_until(Instant::now() + PATIENCE).is_some() {
                    break;
                }
            }
        }
        ExitCode::from(self.state.code().unwrap_or(NOT_RUN))
    }
}

/// Passes signals on.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Signals {
    pid: Option<Pid>,
}

impl Signals {
    /// Those that are passed on.
    pub(crate) const ALL: [i32; 6] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2];

    /// Passes one on. The keys of a terminal signal everybody in its foreground, so that the command had those already.
    pub(crate) fn pass(self, signal: i32) {
        if matches!(signal, SIGINT | SIGQUIT) && is_in_foreground() {
            return;
        }
        if let (Some(pid), Some(signal)) = (self.pid, Signal::from_named_raw(signal)) {
            let _ = kill_process(pid, signal);
        }
    }
}

/// Whether this program's group of processes is the one that a terminal's keys signal.
fn is_in_foreground() -> bool {
    let Ok(terminal) = File::open("/dev/tty") else {
        return false;
    };
    let group = rustix::termios::tcgetpgrp(&terminal);
    group.is_ok_and(|group| group == rustix::process::getpgrp())
}

/// A command's exit code as a shell tells it: of one that a signal ended, 128 and the signal.
fn exit_code(status: ExitStatus) -> u8 {
    let code = status.code().or(status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code & 0xff).ok())
        .unwrap_or(NOT_RUN)
}

/// Where the command prints: a file, or else stderr, since stdout is for what its connections said.
fn outputs(output: Option<&Path>) -> anyhow::Result<(Stdio, Stdio)> {
    use anyhow::Context as _;
    use std::os::fd::AsFd as _;

    let Some(path) = output else {
        let stderr = io::stderr().as_fd().try_clone_to_owned()?;
        return Ok((Stdio::from(stderr), Stdio::inherit()));
    };
    let file = File::create(path).with_context(|| path.display().to_string())?;
    Ok((Stdio::from(file.try_clone()?), Stdio::from(file)))
}

/// What Node is told, which reads no variable for its secrets; those it has stay.
fn node_options(key_log: &Path) -> OsString {
    let mut options = std::env::var_os("NODE_OPTIONS").unwrap_or_default();
    if !options.is_empty() {
        options.push(" ");
    }
    options.push("--tls-keylog=");
    options.push(quoted(key_log.as_os_str()));
    options
}

/// A word of NODE_OPTIONS: in quotes where it has blanks.
fn quoted(word: &OsStr) -> OsString {
    let text = word.to_string_lossy();
    if !text.contains([' ', '"', '\\']) {
        return word.to_owned();
    }
    let escaped = text.replace('\\', r"\\").replace('"', r#"\""#);
    format!("\"{escaped}\"").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn node_s_options_are_quoted_where_they_must_be() {
        let of = |path: &str| quoted(OsStr::new(path)).to_string_lossy().into_owned();
        assert_eq!(of("/tmp/keys"), "/tmp/keys");
        assert_eq!(of("/my files/a\"b"), r#""/my files/a\"b""#);
    }

    #[test]
    fn exit_codes_are_a_shell_s() {
        assert_eq!(exit_code(ExitStatus::from_raw(3 << 8)), 3);
        assert_eq!(exit_code(ExitStatus::from_raw(15)), 143);
    }
}
