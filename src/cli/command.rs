//! The program's commands, and what each is about.

use clap::{Parser, Subcommand};

#[cfg(feature = "columns")]
use super::args::PacketsArgs;
use super::args::{
    CompareArgs, DiagnoseArgs, ExtractArgs, FollowArgs, PageArgs, ReadArgs, ReportArgs, SplitArgs,
    StatsArgs,
};
use super::config::ConfigArgs;
#[cfg(all(feature = "live", unix))]
use super::run_args::RunArgs;
use super::teach::args::{BuildArgs, ExplainArgs, LabArgs};

/// See every WebSocket in a capture: handshake, frames, messages, close, and what went wrong.
#[derive(Debug, Parser)]
#[command(
    name = "wireloupe",
    version,
    max_term_width = 100,
    args_conflicts_with_subcommands = true
)]
#[command(after_help = "\
Examples:
  wireloupe capture.pcapng                     open in the terminal interface (prints frames when piped)
  wireloupe read capture.pcap                  one line a frame
  wireloupe read --show messages a.pcap        one line a message, inflated
  wireloupe read --show findings a.pcap        what breaks RFC 6455
  wireloupe read --format ndjson --show all a.pcap | jq .
  wireloupe -i eth0 -f 'tcp port 80'           live (wireloupe interfaces lists what there is)
  wireloupe run -- node client.js              the WebSockets of a command, wss decrypted
  ssh host tcpdump -U -w - not port 22 | wireloupe -     live from a pipe; so is
  wireloupe --from-command 'ssh host tcpdump -U -w - not port 22'

Exit codes: 0 done; 1 done, but part of the input could not be read; 2 nothing done.")]
pub(crate) struct Cli {
    /// What to do; without a command, files are opened.
    #[command(subcommand)]
    pub(crate) command: Option<Command>,

    /// What is opened without a command.
    #[command(flatten)]
    pub(crate) open: ReadArgs,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print frames, messages, connections or findings.
    Read(Box<ReadArgs>),
    /// Run a command and show its WebSockets, decrypted; its exit code is this program's.
    #[cfg(all(feature = "live", unix))]
    Run(Box<RunArgs>),
    /// Show what the two sides of a connection said to each other.
    Follow(Box<FollowArgs>),
    /// Write each message's payload to a file of its own.
    Extract(Box<ExtractArgs>),
    /// Deal a capture out to several in which every flow is whole.
    Split(Box<SplitArgs>),
    /// Write the packets with the hash of their flow as an Arrow IPC stream.
    #[cfg(feature = "columns")]
    #[command(hide = true)]
    Packets(PacketsArgs),
    /// Say why each attempt failed: the first failing stage, the evidence, and the fix.
    Diagnose(Box<DiagnoseArgs>),
    /// Count connections, frames, messages, times, findings and overhead.
    Stats(Box<StatsArgs>),
    /// Write a report to hand on: what failed and why, with its packets, ladders and numbers.
    Report(Box<ReportArgs>),
    /// Write the page that opens captures in a browser, by itself or with captures inside.
    Page(Box<PageArgs>),
    /// Show what a hop changes between two captures, or how two attempts differ.
    Compare(Box<CompareArgs>),
    /// Explain a frame in hex, a handshake, a key, a code or a name.
    Explain(ExplainArgs),
    /// Build frames from words, or a whole capture from a script.
    Build(Box<BuildArgs>),
    /// Labs with questions that the program checks: list, start, sheet, grade.
    Lab(LabArgs),
    /// List the interfaces, and what to do where capturing is refused.
    #[cfg(all(feature = "live", unix))]
    #[command(after_help = "\
Examples:
  wireloupe interfaces                   what there is, and whether this user may capture there
  wireloupe -i lo -f 'tcp port 8080'     capture on one of them")]
    Interfaces,
    /// Show what is configured and where each setting comes from; write a file to begin with.
    Config(ConfigArgs),
    /// List every field of the filter language.
    #[command(after_help = "\
Examples:
  wireloupe fields | grep close          fields about closing
  wireloupe read -Y 'close.code >= 1002' capture.pcap")]
    Fields,
    /// Print completions for a shell.
    #[command(after_help = "\
Examples:
  wireloupe completions bash > ~/.local/share/bash-completion/completions/wireloupe
  wireloupe completions zsh > ~/.zfunc/_wireloupe              (a folder of zsh's fpath)
  wireloupe completions fish > ~/.config/fish/completions/wireloupe.fish")]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page of the program, or of one of its commands.
    #[command(after_help = "\
Examples:
  wireloupe man read | man -l -                      one page
  wireloupe man --all ~/.local/share/man/man1        all pages, as files: then man wireloupe-read")]
    Man {
        /// The command.
        command: Option<String>,

        /// Write the pages of the program and of every command into this folder, made when it is not there.
        #[arg(long, value_name = "DIR", conflicts_with = "command")]
        all: Option<std::path::PathBuf>,
    },
}
