//! The command line: arguments, threads and exit codes.

mod args;
mod command;
mod compare;
mod config;
mod diagnose;
mod extract;
#[cfg(all(feature = "live", unix))]
mod finishing;
mod follow;
#[cfg(all(feature = "live", unix))]
pub mod interfaces;
mod keys;
#[cfg(all(feature = "live", unix))]
mod launch;
#[cfg(all(feature = "live", unix))]
mod live;
mod options;
mod output;
mod page;
mod passes;
mod payload_as;
mod printing;
mod progress;
mod read;
mod reading;
#[cfg(feature = "tui")]
mod recent;
mod remote;
mod report;
#[cfg(all(feature = "live", unix))]
mod run;
#[cfg(all(feature = "live", unix))]
mod run_args;
#[cfg(all(feature = "live", unix))]
mod sieve;
mod split;
mod stats;
#[cfg(feature = "columns")]
mod tables;
mod teach;
mod tell;
#[cfg(feature = "tui")]
mod tui;
mod write_packets;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::parser::ValueSource;
use clap::{CommandFactory as _, FromArgMatches as _};

use command::{Cli, Command};
use tell::tell;

/// Runs the program with the process's arguments.
#[must_use]
pub fn main() -> ExitCode {
    let mut cli = match parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help and version are no errors, and a reader that went away is none either.
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { 2 } else { 0 });
        }
    };
    let configured = configure(&mut cli).and_then(|()| settle(&mut cli));
    match configured.and_then(|()| dispatch(&cli)) {
        Ok(code) => code,
        Err(error) => {
            tell(format_args!("{error:#}"));
            ExitCode::from(2)
        }
    }
}

/// The arguments, with what was asked for in so many words.
fn parse() -> Result<Cli, clap::Error> {
    let matches = Cli::command().try_get_matches()?;
    let mut cli = Cli::from_arg_matches(&matches)?;
    cli.open.has_format = matches.value_source("format") == Some(ValueSource::CommandLine);
    Ok(cli)
}

/// Takes what is configured for what was not said.
fn configure(cli: &mut Cli) -> anyhow::Result<()> {
    let load = |analysis: &mut args::AnalysisArgs| {
        let config = config::load(&analysis.choice)?;
        config.analysis(analysis);
        anyhow::Ok(std::sync::Arc::new(config))
    };
    match &mut cli.command {
        None => return read_by(&mut cli.open, load),
        Some(Command::Read(args)) => return read_by(args, load),
        #[cfg(all(feature = "live", unix))]
        Some(Command::Run(args)) => args.config = load(&mut args.analysis)?,
        _ => {
            if let Some(analysed) = analysed(cli) {
                load(analysed.analysis)?;
            }
        }
    }
    Ok(())
}

/// What a command analyses, and how.
struct Analysed<'a> {
    analysis: &'a mut args::AnalysisArgs,
    files: &'a [PathBuf],
    is_live: bool,
}

/// What the command analyses; `None` of those that read no capture, or not for its connections.
fn analysed(cli: &mut Cli) -> Option<Analysed<'_>> {
    let open = cli.open.is_live();
    let (analysis, files, is_live) = match &mut cli.command {
        None => (&mut cli.open.analysis, &cli.open.files, open),
        Some(Command::Read(args)) => {
            let is_live = args.is_live();
            (&mut args.analysis, &args.files, is_live)
        }
        #[cfg(all(feature = "live", unix))]
        Some(Command::Run(args)) => (&mut args.analysis, &cli.open.files, true),
        Some(Command::Follow(args)) => (&mut args.analysis, &args.files, false),
        Some(Command::Extract(args)) => (&mut args.analysis, &args.files, false),
        Some(Command::Diagnose(args)) => (&mut args.analysis, &args.files, false),
        Some(Command::Stats(args)) => (&mut args.analysis, &args.files, false),
        Some(Command::Compare(args)) => (&mut args.analysis, &args.files, false),
        Some(Command::Report(args)) => (&mut args.analysis, &args.files, false),
        Some(Command::Page(args)) => (&mut args.analysis, &args.files, false),
        _ => return None,
    };
    Some(Analysed {
        analysis,
        files,
        is_live,
    })
}

/// The same of what is opened or read.
fn read_by(
    args: &mut args::ReadArgs,
    load: impl Fn(&mut args::AnalysisArgs) -> anyhow::Result<std::sync::Arc<config::Config>>,
) -> anyhow::Result<()> {
    let config = load(&mut args.analysis)?;
    config.reading(args);
    args.config = config;
    Ok(())
}

/// Settles what messages are to be read as. A connection that is named by its number takes a pass over the files before.
fn settle(cli: &mut Cli) -> anyhow::Result<()> {
    let is_of_two = matches!(&cli.command, Some(Command::Compare(args)) if args.files.len() > 1);
    let Some(Analysed {
        analysis,
        files,
        is_live,
    }) = analysed(cli)
    else {
        return Ok(());
    };
    let numbers = match analysis.payload.names_connection() {
        true if is_of_two => bail!("--payload-as names a connection of one capture: name its path"),
        true => Some(passes::numbers(files, is_live, analysis)?),
        false => None,
    };
    analysis.payload.settle(numbers.as_deref())
}

/// A command that is only misspelt is not looked for as a file.
fn check_first_word(cli: &Cli) -> anyhow::Result<()> {
    let Some(word) = cli.open.files.first() else {
        return Ok(());
    };
    let is_word = word.components().count() == 1 && word.extension().is_none();
    if !is_word || word.exists() {
        return Ok(());
    }
    let command = Cli::command();
    let names = command.get_subcommands().map(clap::Command::get_name);
    let text = word.to_string_lossy();
    if let Some(name) = crate::filter::nearest(&text, names) {
        let text = crate::base::escape::text(text.as_bytes());
        bail!("{text}: neither a command nor a file: did you mean wireloupe {name}?");
    }
    Ok(())
}

/// Whether nothing is named to be opened.
fn is_bare(cli: &Cli) -> bool {
    cli.open.files.is_empty() && !cli.open.is_live() && cli.open.command().is_none()
}

fn dispatch(cli: &Cli) -> anyhow::Result<ExitCode> {
    if cli.command.is_none() {
        check_first_word(cli)?;
    }
    match &cli.command {
        #[cfg(feature = "tui")]
        None if is_bare(cli) && tui::start::can_start(&cli.open) => tui::start::run(&cli.open),
        None if is_bare(cli) => {
            Cli::command().print_help()?;
            Ok(ExitCode::from(2))
        }
        #[cfg(feature = "tui")]
        None if tui::can_open(&cli.open) => tui::run(&cli.open),
        None => read::run(&cli.open),
        Some(Command::Read(args)) => read::run(args),
        #[cfg(all(feature = "live", unix))]
        Some(Command::Run(args)) => run::run(args),
        Some(Command::Follow(args)) => follow::run(args),
        Some(Command::Extract(args)) => extract::run(args),
        Some(Command::Split(args)) => split::run(args),
        #[cfg(feature = "columns")]
        Some(Command::Packets(args)) => tables::packets(args),
        Some(Command::Diagnose(args)) => diagnose::run(args),
        Some(Command::Stats(args)) => stats::run(args),
        Some(Command::Page(args)) => page::run(args),
        Some(Command::Report(args)) => report::run(args),
        Some(Command::Compare(args)) => compare::run(args),
        Some(Command::Explain(args)) => teach::explain::run(args),
        Some(Command::Build(args)) => teach::build::run(args),
        Some(Command::Lab(args)) => teach::lab::run(args),
        #[cfg(all(feature = "live", unix))]
        Some(Command::Interfaces) => {
            let mut out = Vec::new();
            interfaces::run(&mut out, terminal_width())?;
            print(&out)
        }
        Some(Command::Config(args)) => print(config::text(args)?.as_bytes()),
        Some(Command::Fields) => print(crate::filter::table().as_bytes()),
        Some(Command::Completions { shell }) => {
            let mut out = Vec::new();
            clap_complete::generate(*shell, &mut Cli::command(), "wireloupe", &mut out);
            print(&out)
        }
        Some(Command::Man { all: Some(dir), .. }) => manuals(dir),
        Some(Command::Man { command, .. }) => print(&manual(command.as_deref())?),
    }
}

/// Writes every manual page into a folder.
fn manuals(dir: &std::path::Path) -> anyhow::Result<ExitCode> {
    let cannot = || format!("{}: cannot be written", dir.display());
    std::fs::create_dir_all(dir).with_context(cannot)?;
    let program = Cli::command();
    let commands = program
        .get_subcommands()
        .filter(|command| !command.is_hide_set());
    let names = commands.map(|command| Some(command.get_name()));
    for name in std::iter::once(None).chain(names) {
        let file = match name {
            Some(name) => format!("wireloupe-{name}.1"),
            None => "wireloupe.1".to_owned(),
        };
        std::fs::write(dir.join(file), manual(name)?).with_context(cannot)?;
    }
    Ok(ExitCode::SUCCESS)
}

/// The manual page of the program, or of one of its commands.
fn manual(command: Option<&str>) -> anyhow::Result<Vec<u8>> {
    let mut program = Cli::command().disable_help_subcommand(true);
    program.build();
    let page = match command {
        Some(name) => program
            .find_subcommand(name)
            .with_context(|| format!("{name}: no such command: see wireloupe --help"))?,
        None => &program,
    };
    let mut out = Vec::new();
    let version = concat!("wireloupe ", env!("CARGO_PKG_VERSION"));
    // What short help leaves out has its place here.
    let page = page.clone().mut_args(|arg| arg.hide_short_help(false));
    clap_mangen::Man::new(page)
        .source(version)
        .render(&mut out)?;
    Ok(out)
}

/// Writes to stdout; a reader that went away had what it wanted.
fn print(bytes: &[u8]) -> anyhow::Result<ExitCode> {
    match io::stdout().write_all(bytes) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        _ => Ok(ExitCode::SUCCESS),
    }
}

/// Columns of the terminal that stdout is; `None` when it is none.
#[cfg(all(feature = "live", unix))]
fn terminal_width() -> Option<usize> {
    use std::io::IsTerminal as _;
    if !io::stdout().is_terminal() {
        return None;
    }
    rustix::termios::tcgetwinsize(io::stdout())
        .ok()
        .map(|size| usize::from(size.ws_col))
}
