//! Arguments that several commands have.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

/// Where the output of a command goes.
#[derive(Clone, Debug, Args)]
pub(crate) struct OutputArgs {
    /// Write to this file instead of stdout.
    #[arg(short = 'o', long = "output", value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,

    /// Overwrite an existing output file.
    #[arg(long)]
    pub(crate) force: bool,
}

/// One side of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum SideArg {
    /// Who asked for the upgrade.
    Client,
    /// Who answered.
    Server,
}

/// How a report is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportArg {
    /// For people.
    Text,
    /// One JSON document.
    Json,
}

/// The colours of the terminal interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ThemeArg {
    /// By the terminal's background, none with NO_COLOR.
    Auto,
    /// For dark backgrounds.
    Dark,
    /// For light backgrounds.
    Light,
    /// Few strong colours, for projectors.
    Contrast,
    /// No colour at all.
    Plain,
}
