//! The arguments of `run`, which are those of reading an interface, with a command.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::Args;

use crate::cli::args::{AnalysisArgs, FormatArg, LiveArgs, OutputArgs, ReadArgs, ShowArg};
use crate::cli::config::Config;

/// What is started, and how its connections are shown.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe run -- node client.js                       its WebSockets in the terminal interface, wss decrypted
  wireloupe run --show messages -- python3 client.py    one line a message; the command's own output is on stderr
  wireloupe run -w chat.pcapng -- chromium https://chat.example
                                                        a capture with the secrets inside: opens decrypted anywhere
  sudo wireloupe run -- npm test                        captures as root; the tests run as you

The command finds SSLKEYLOGFILE in its environment; docs/run.md says which programs write their secrets there.
The exit code is the command's; 127 when it cannot be started, 2 when nothing can be captured.")]
pub(crate) struct RunArgs {
    /// Keep the connections of other processes, too.
    #[arg(long)]
    pub(crate) all: bool,

    /// Write what the command prints to this file instead of stderr.
    #[arg(long, value_name = "FILE")]
    pub(crate) log: Option<PathBuf>,

    /// Capture on this interface instead of all of them.
    #[arg(short = 'i', long, value_name = "IFACE")]
    interface: Option<String>,

    /// Capture only what matches this filter in libpcap's language.
    #[arg(short = 'f', long, value_name = "BPF")]
    capture_filter: Option<String>,

    /// Save the packets of the command's connections, with their secrets and processes, to this file.
    #[arg(short = 'w', long = "write", value_name = "OUT.pcapng")]
    write: Option<PathBuf>,

    /// Show only rows that match this display filter (`wireloupe fields` lists what it can name).
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    filter: Option<String>,

    /// Which rows to print; by default frames, or what the filter and the columns speak of.
    #[arg(long, value_enum)]
    show: Option<ShowArg>,

    /// Leave out messages that are only an application's own ping, pong or heart-beat.
    #[arg(long)]
    hide_heartbeats: bool,

    /// How to print them; without it the terminal interface opens where there is a terminal.
    #[arg(long, value_enum)]
    format: Option<FormatArg>,

    /// A column of csv, tsv, parquet or arrow; may be given several times.
    #[arg(short = 'e', long = "field", value_name = "FIELD")]
    columns: Vec<String>,

    /// Where the output goes.
    #[command(flatten)]
    to: OutputArgs,

    /// Mask cookies, credentials, tokens and payload values; lengths and structure stay.
    #[arg(long)]
    redact: bool,

    /// Show the bytes of each frame under its line.
    #[arg(short = 'x', long)]
    hex: bool,

    /// Include the unmasked payload of frames in NDJSON, in base64.
    #[arg(long)]
    payload: bool,

    /// Do not give up what this program, once the command runs, does not need itself: making files outside its folders, the
    /// network, other programs.
    #[arg(long)]
    no_sandbox: bool,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,

    /// What is configured.
    #[arg(skip)]
    pub(crate) config: std::sync::Arc<Config>,

    /// The command and its arguments.
    #[arg(last = true, required = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// The interface that sees whatever a command connects to.
const EVERYWHERE: &str = if cfg!(target_os = "linux") {
    "any"
} else {
    "lo0"
};

/// What a WebSocket and its refusals can be in.
const TRAFFIC: &str = "tcp or icmp or icmp6";

impl RunArgs {
    /// The same as arguments of `read` for an interface.
    pub(super) fn reading(&self) -> ReadArgs {
        let interface = self.interface.as_deref().unwrap_or(EVERYWHERE);
        let traffic = self.capture_filter.as_deref().unwrap_or(TRAFFIC);
        let mut reading = ReadArgs {
            files: Vec::new(),
            filter: self.filter.clone(),
            show: self.show,
            hide_heartbeats: self.hide_heartbeats,
            format: self.format.unwrap_or(FormatArg::Text),
            has_format: self.format.is_some(),
            columns: self.columns.clone(),
            header: None,
            to: self.to.clone(),
            redact: self.redact,
            hex: self.hex,
            digest: false,
            payload: self.payload,
            theme: None,
            live: LiveArgs {
                interface: Some(interface.to_owned()),
                capture_filter: Some(traffic.to_owned()),
                write: self.write.clone(),
                no_sandbox: self.no_sandbox,
                ..LiveArgs::default()
            },
            analysis: self.analysis.clone(),
            config: self.config.clone(),
        };
        self.config.reading(&mut reading);
        reading
    }
}
