//! Where configuration and state are, by the XDG Base Directory Specification; on Windows in `%APPDATA%`.

use std::path::{Path, PathBuf};

/// A folder that a variable names: absolute, or it does not count.
fn named(variable: &str) -> Option<PathBuf> {
    let path = PathBuf::from(std::env::var_os(variable)?);
    path.is_absolute().then_some(path)
}

/// The home of whoever runs the program.
pub(super) fn home() -> Option<PathBuf> {
    named("HOME").or_else(|| named("USERPROFILE"))
}

/// A path as a shell would read it: `~/` is the home of whoever runs the program.
pub(crate) fn from_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), home()) {
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

fn folder(variable: &str, below_home: &str) -> Option<PathBuf> {
    let folder = named(variable)
        .or_else(|| named("APPDATA").filter(|_| cfg!(windows)))
        .or_else(|| Some(home()?.join(below_home)))?;
    Some(folder.join("wireloupe"))
}

/// The configuration file, whether it is there or not.
pub(super) fn config_file() -> Option<PathBuf> {
    Some(folder("XDG_CONFIG_HOME", ".config")?.join("config.toml"))
}

#[cfg(feature = "tui")]
/// A file that the program keeps from one run to the next.
pub(crate) fn state_file(name: &str) -> Option<PathBuf> {
    Some(folder("XDG_STATE_HOME", ".local/state")?.join(name))
}
