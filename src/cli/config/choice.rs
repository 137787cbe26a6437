//! Which configuration counts: a file and a profile, from options or the environment.

use std::path::PathBuf;

use clap::Args;
use clap::builder::{OsStringValueParser, TypedValueParser as _};

/// Which configuration counts.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct ConfigChoice {
    /// Use the settings of this profile of the configuration file, over the others of the file.
    #[arg(
        long,
        value_name = "NAME",
        env = "WIRELOUPE_PROFILE",
        hide_env_values = true,
        help_heading = "Configuration"
    )]
    pub(crate) profile: Option<String>,

    /// Use this configuration file instead of ~/.config/wireloupe/config.toml; an empty name uses none.
    #[arg(
        long,
        value_name = "FILE",
        env = "WIRELOUPE_CONFIG",
        value_parser = OsStringValueParser::new().map(PathBuf::from),
        hide_env_values = true,
        help_heading = "Configuration"
    )]
    pub(crate) config: Option<PathBuf>,
}

impl ConfigChoice {
    /// What the environment chooses, for commands without these options.
    #[cfg(feature = "tui")]
    pub(crate) fn of_environment() -> Self {
        let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Self {
            profile: variable("WIRELOUPE_PROFILE").and_then(|name| name.into_string().ok()),
            config: std::env::var_os("WIRELOUPE_CONFIG").map(PathBuf::from),
        }
    }
}
