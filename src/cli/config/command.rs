//! `wireloupe config`: what is in force, where each setting comes from, and a file to begin with.

use std::path::PathBuf;

use anyhow::{Context as _, bail};
use clap::{Args, Subcommand};

use super::choice::ConfigChoice;
use super::{file, place, show};

/// What is asked of the configuration.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe config                       every setting, its value, and the line it comes from
  wireloupe config --profile teaching    the same with a profile
  wireloupe config init                  writes a file with everything in it, commented out
  $EDITOR \"$(wireloupe config path)\"")]
pub(crate) struct ConfigArgs {
    /// What to do; without it, what is in force is shown.
    #[command(subcommand)]
    what: Option<ConfigCommand>,

    /// Which configuration is meant.
    #[command(flatten)]
    choice: ConfigChoice,
}

/// What can be done with it.
#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Write a file to begin with, where there is none.
    Init {
        /// Overwrite the file that is there.
        #[arg(long)]
        force: bool,
    },
    /// Print where the file is, or would be.
    Path,
}

/// The configuration as text, or what became of a file that was to be written.
///
/// # Errors
/// When something in the file is wrong, or no file can be written.
pub(crate) fn text(args: &ConfigArgs) -> anyhow::Result<String> {
    Ok(match &args.what {
        None => show::in_force(&file::load(&args.choice)?),
        Some(ConfigCommand::Path) => format!("{}\n", path(args)?.display()),
        Some(ConfigCommand::Init { force }) => init(&path(args)?, *force)?,
    })
}

fn path(args: &ConfigArgs) -> anyhow::Result<PathBuf> {
    let named = args.choice.config.clone();
    let named = named.filter(|path| !path.as_os_str().is_empty());
    named.or_else(place::config_file).context(
        "there is no home to have a configuration in: set XDG_CONFIG_HOME, or name a file with --config",
    )
}

fn init(path: &std::path::Path, force: bool) -> anyhow::Result<String> {
    if path.exists() && !force {
        bail!("{} exists already: --force overwrites it", path.display());
    }
    let cannot = || format!("{}: cannot be written", path.display());
    if let Some(folder) = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
    {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    std::fs::write(path, show::template()).with_context(cannot)?;
    Ok(format!(
        "{}: written; take the # away from what you want to set\n",
        path.display()
    ))
}
