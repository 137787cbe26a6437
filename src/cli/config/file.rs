//! The file on the disk: which one counts, and reading it.

use std::io;
use std::path::Path;

use anyhow::{Context as _, bail};

use super::choice::ConfigChoice;
use super::configured::Config;
use super::{place, read};

/// Bytes of a file: what is larger is none that somebody wrote.
const MOST: u64 = 1 << 20;

/// Reads the configuration that counts.
///
/// # Errors
/// When the file that was named is not there, when no file can be read, or when something in it is wrong: each with its line.
pub(crate) fn load(choice: &ConfigChoice) -> anyhow::Result<Config> {
    let (path, is_named) = match &choice.config {
        Some(path) if path.as_os_str().is_empty() => (None, false),
        Some(path) => (Some(path.clone()), true),
        None => (place::config_file(), false),
    };
    let Some(path) = path else {
        return without(choice, "there is no configuration file");
    };
    match text(&path) {
        Ok(text) => {
            let (config, wrong) = read::read(&text, choice.profile.as_deref());
            let config = Config {
                file: Some(path.clone()),
                ..config
            };
            checked(config, wrong, &path)
        }
        Err(error) if is_missing(&error) && !is_named => without(
            choice,
            &format!(
                "there is no {} (wireloupe config init writes one)",
                path.display()
            ),
        ),
        Err(error) => Err(error).with_context(|| format!("{}: cannot be read", path.display())),
    }
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

/// Nothing is configured; a profile was not to be asked for then.
fn without(choice: &ConfigChoice, why: &str) -> anyhow::Result<Config> {
    match &choice.profile {
        Some(profile) if !profile.is_empty() => {
            let profile = crate::base::escape::text(profile.as_bytes());
            bail!("--profile {profile}: {why}")
        }
        _ => Ok(Config::default()),
    }
}

fn text(path: &Path) -> io::Result<String> {
    let len = std::fs::metadata(path)?.len();
    if len > MOST {
        return Err(io::Error::other(format!(
            "{len} bytes are no configuration"
        )));
    }
    std::fs::read_to_string(path)
}

/// All that is wrong, a line each.
fn checked(config: Config, mut wrong: Vec<(usize, String)>, path: &Path) -> anyhow::Result<Config> {
    #[cfg(feature = "tui")]
    wrong.extend(super::interface::wrong(&config));
    if wrong.is_empty() {
        return Ok(config);
    }
    wrong.sort();
    let lines = wrong.into_iter().map(|(line, text)| match line {
        0 => format!("{}: {text}", path.display()),
        line => format!("{}, line {line}: {text}", path.display()),
    });
    bail!("{}", lines.collect::<Vec<_>>().join("\n"))
}
