//! `wireloupe run`: a command started with a key log, and the connections of its processes, decrypted.
//!
//! The capture begins before the command does, so that nothing of it is missed. The command gets none of the rights that
//! capturing needs: it is started when they were given up, and under `sudo` as the user who called that.

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context as _;
use tempfile::{NamedTempFile, TempDir};

use super::args::ReadArgs;
use super::launch::Launch;
use super::read;
use super::run_args::RunArgs;

/// Starts the command, and reads its connections until it ends.
///
/// # Errors
/// When nothing can be captured, or the command cannot be started.
pub(crate) fn run(args: &RunArgs) -> anyhow::Result<ExitCode> {
    let mut reading = args.reading();
    #[cfg(feature = "tui")]
    let in_interface = super::tui::can_open(&reading);
    #[cfg(not(feature = "tui"))]
    let in_interface = false;
    let folder = private_folder()?;
    let key_log = key_log(&reading, &folder)?;
    let words = match (&args.log, in_interface) {
        (Some(path), _) => Some(path.clone()),
        // The screen is the interface's: what the command says is shown when that is closed.
        (None, true) => Some(folder.path().join("output")),
        (None, false) => None,
    };
    reading.analysis.keylog = Some(key_log.clone());
    let launch = Launch::new(args.command.clone(), key_log, words.clone(), args.all);
    let launch = Arc::new(launch);
    reading.live.launch = Some(Arc::clone(&launch));
    let done = show(&reading, in_interface);
    let code = launch.child().map(|child| child.end());
    if let (Some(path), None) = (&words, &args.log)
        && let Ok(mut said) = File::open(path)
    {
        let _ = std::io::copy(&mut said, &mut std::io::stderr().lock());
    }
    done?;
    code.context("the command was not started")
}

#[cfg(feature = "tui")]
fn show(reading: &ReadArgs, in_interface: bool) -> anyhow::Result<ExitCode> {
    match in_interface {
        true => super::tui::run(reading),
        false => read::run(reading),
    }
}

#[cfg(not(feature = "tui"))]
fn show(reading: &ReadArgs, _: bool) -> anyhow::Result<ExitCode> {
    read::run(reading)
}

/// A folder that nobody but the command's user looks into; it goes away with the program.
fn private_folder() -> anyhow::Result<TempDir> {
    let folder = tempfile::Builder::new().prefix("wireloupe-").tempdir();
    let folder = folder.context("no temporary folder for the key log")?;
    crate::capture::live::hand_to_sudo_user(&File::open(folder.path())?);
    Ok(folder)
}

/// The key log that the user, the environment or the configuration names, made when it is not there; else one that goes away with the folder.
fn key_log(reading: &ReadArgs, folder: &TempDir) -> anyhow::Result<PathBuf> {
    let named = reading.analysis.keylog.clone();
    let named = named.or_else(super::keys::ambient);
    let Some(path) = named else {
        let (file, path) = NamedTempFile::with_prefix_in("keys-", folder.path())?.keep()?;
        crate::capture::live::hand_to_sudo_user(&file);
        return Ok(path);
    };
    if !path.exists() {
        let file = File::create_new(&path);
        let file = file.with_context(|| format!("cannot make the key log {}", path.display()))?;
        crate::capture::live::hand_to_sudo_user(&file);
    }
    std::path::absolute(&path).with_context(|| path.display().to_string())
}
