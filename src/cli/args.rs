//! The arguments: one table that feeds the parser, the help, the man page and the completions.

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, ValueEnum};

use crate::base::Limits;
use crate::engine;
use crate::insight::statistics::CallOrder;

use super::config::{Config, ConfigChoice};
pub(crate) use super::options::{OutputArgs, ReportArg, SideArg, ThemeArg};
use super::payload_as::PayloadArgs;

/// What is read, and how it is printed.
#[derive(Clone, Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe read capture.pcapng                        one line a frame
  wireloupe read -x --format detail capture.pcapng     every bit of every frame, with its bytes
  wireloupe read -Y 'websocket.opcode == close' a.pcap close frames only
  wireloupe read --show messages -Y 'message.text contains \"error\"' a.pcap
  wireloupe read --format tsv -e frame.number -e websocket.opcode a.pcap
  wireloupe read --format parquet -o day a.pcap        tables for DuckDB and the like (--features columns)
  wireloupe read -w chat.pcapng -Y 'http.host == \"chat.example\"' a.pcap
  wireloupe read --decode-as 9000 a.pcap               frames on port 9000 without a handshake
  wireloupe read --show messages --payload-as mqtt,/ws a.pcap
  wireloupe read --keylog keys.txt tls.pcapng          decrypts wss and HTTP/2
  zcat a.pcap.gz | wireloupe read -                    (compressed files are also read as they are)")]
pub(crate) struct ReadArgs {
    /// Capture files (pcap, pcapng, snoop, Network Monitor; plain or compressed); several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Show only rows that match this display filter (`wireloupe fields` lists what it can name).
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub(crate) filter: Option<String>,

    /// Which rows to print; by default frames, or what the filter and the columns speak of.
    #[arg(long, value_enum)]
    pub(crate) show: Option<ShowArg>,

    /// Leave out messages that are only an application's own ping, pong or heart-beat, such as Engine.IO's 2 and 3.
    #[arg(long)]
    pub(crate) hide_heartbeats: bool,

    /// How to print them.
    #[arg(long, value_enum, default_value_t = FormatArg::Text)]
    pub(crate) format: FormatArg,

    /// Whether the format was asked for.
    #[arg(skip)]
    pub(crate) has_format: bool,

    /// A column of csv, tsv, parquet or arrow; may be given several times.
    #[arg(short = 'e', long = "field", value_name = "FIELD")]
    pub(crate) columns: Vec<String>,

    /// Begin csv and tsv with a line of column names; by default unless columns of tsv are chosen with -e.
    #[arg(
        long,
        value_name = "BOOL",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "true"
    )]
    pub(crate) header: Option<bool>,

    /// Where the output goes.
    #[command(flatten)]
    pub(crate) to: OutputArgs,

    /// Mask cookies, credentials, tokens and payload values; lengths and structure stay.
    #[arg(long)]
    pub(crate) redact: bool,

    /// Show the bytes of each frame under its line: header, masking key, payload.
    #[arg(short = 'x', long)]
    pub(crate) hex: bool,

    /// Include the SHA-256 of messages in parquet and arrow.
    #[arg(long)]
    pub(crate) digest: bool,

    /// Include the unmasked payload of frames in NDJSON, in base64.
    #[arg(long)]
    pub(crate) payload: bool,

    /// Colours of the terminal interface [default: by the terminal's background].
    #[arg(long, value_enum, value_name = "THEME")]
    pub(crate) theme: Option<ThemeArg>,

    /// Live capture.
    #[cfg(all(feature = "live", unix))]
    #[command(flatten)]
    pub(crate) live: LiveArgs,

    /// Write the packets of connections that match -Y to this pcapng file.
    #[cfg(not(all(feature = "live", unix)))]
    #[arg(short = 'w', long = "write", value_name = "OUT.pcapng")]
    pub(crate) write: Option<PathBuf>,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,

    /// What is configured.
    #[arg(skip)]
    pub(crate) config: std::sync::Arc<Config>,
}

impl ReadArgs {
    /// Where the packets of matching connections go, when files are read and packets asked for.
    pub(crate) fn packets_path(&self) -> Option<&std::path::Path> {
        #[cfg(all(feature = "live", unix))]
        return self.live.write.as_deref().filter(|_| !self.is_live());
        #[cfg(not(all(feature = "live", unix)))]
        self.write.as_deref()
    }

    /// The command whose output is read.
    pub(crate) fn command(&self) -> Option<&str> {
        #[cfg(all(feature = "live", unix))]
        return self.live.from_command.as_deref();
        #[cfg(not(all(feature = "live", unix)))]
        None
    }

    /// Whether an interface is captured instead of files read.
    pub(crate) fn is_live(&self) -> bool {
        #[cfg(all(feature = "live", unix))]
        return self.live.interface.is_some();
        #[cfg(not(all(feature = "live", unix)))]
        false
    }
}

/// Live capture, by Wireshark's letters.
#[cfg(all(feature = "live", unix))]
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Live capture")]
pub(crate) struct LiveArgs {
    /// Capture on this interface (`wireloupe interfaces` lists them; any is all of them).
    #[arg(short = 'i', long, value_name = "IFACE", conflicts_with = "files")]
    pub(crate) interface: Option<String>,

    /// Read the capture that this command of the shell writes, as it comes, such as 'ssh host tcpdump -U -w - not port 22'.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["files", "interface"])]
    pub(crate) from_command: Option<String>,

    /// Capture only what matches this filter in libpcap's language, such as 'tcp port 80'.
    #[arg(short = 'f', long, value_name = "BPF", requires = "interface")]
    pub(crate) capture_filter: Option<String>,

    /// Keep the packets in this pcapng file; of files, the packets of connections that match -Y.
    #[arg(short = 'w', long = "write", value_name = "OUT.pcapng")]
    pub(crate) write: Option<PathBuf>,

    /// Bytes kept of each packet.
    #[arg(short = 's', long, value_name = "BYTES", requires = "interface")]
    pub(crate) snaplen: Option<u32>,

    /// Do not put the interface into promiscuous mode.
    #[arg(short = 'p', long, requires = "interface")]
    pub(crate) no_promiscuous: bool,

    /// The kernel's buffer in MiB.
    #[arg(short = 'B', long, value_name = "MIB", requires = "interface")]
    pub(crate) buffer: Option<usize>,

    /// Switch to the next file at filesize:KB, duration:SECONDS or packets:N; keep the last files:N.
    #[arg(short = 'b', long, value_name = "WHAT:N", requires_all = ["interface", "write"])]
    pub(crate) ring: Vec<String>,

    /// Stop at duration:SECONDS, packets:N or filesize:KB.
    #[arg(short = 'a', long, value_name = "WHAT:N", requires = "interface")]
    pub(crate) autostop: Vec<String>,

    /// Stop after this many packets.
    #[arg(short = 'c', long, value_name = "N", requires = "interface")]
    pub(crate) count: Option<u64>,

    /// Do not give up what a running capture does not need: making files outside its folders, the network, other programs.
    #[arg(long, requires = "interface")]
    pub(crate) no_sandbox: bool,

    /// The command that the capture is about.
    #[arg(skip)]
    pub(crate) launch: Option<std::sync::Arc<super::launch::Launch>>,
}

/// Whose conversation is shown, and how.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe follow capture.pcapng                      the only connection there is
  wireloupe follow --connection 3 --control a.pcap     the third, with close, ping and pong
  wireloupe follow -Y 'http.host contains \"chat\"' a.pcap
  wireloupe follow --connection 1 --raw server a.pcap > received.bin")]
pub(crate) struct FollowArgs {
    /// Capture files; several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Follow the connection of this number; may be given several times.
    #[arg(long = "connection", value_name = "N", conflicts_with = "filter")]
    pub(crate) connections: Vec<u32>,

    /// Follow the connections with a row that matches this display filter.
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub(crate) filter: Option<String>,

    /// Show close, ping and pong too.
    #[arg(long)]
    pub(crate) control: bool,

    /// Leave out messages that are only an application's own ping, pong or heart-beat, such as Engine.IO's 2 and 3.
    #[arg(long)]
    pub(crate) hide_heartbeats: bool,

    /// Write the bytes of this side's messages and nothing else.
    #[arg(long, value_enum, value_name = "SIDE", conflicts_with = "control")]
    pub(crate) raw: Option<SideArg>,

    /// Where the output goes.
    #[command(flatten)]
    pub(crate) to: OutputArgs,

    /// Mask cookies, credentials, tokens and payload values; lengths and structure stay.
    #[arg(long)]
    pub(crate) redact: bool,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

/// What is counted.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe stats capture.pcapng
  wireloupe stats --format json a.pcap | jq .round_trips
  wireloupe stats --calls-by slowest a.pcap            which requests inside messages took longest
  wireloupe stats --format json a.pcap | jq -r '.calls[] | [.protocol, .method, .p99] | @tsv'")]
pub(crate) struct StatsArgs {
    /// Capture files; several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// How to print them.
    #[arg(long, value_enum, default_value_t = StatsFormat::Text)]
    pub(crate) format: StatsFormat,

    /// Which calls (requests inside messages, by method) come first.
    #[arg(long, value_enum, value_name = "FIGURE", default_value_t = CallsByArg::Count)]
    pub(crate) calls_by: CallsByArg,

    /// Where the output goes.
    #[command(flatten)]
    pub(crate) to: OutputArgs,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

/// Statistics for people or programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum StatsFormat {
    /// Text with bars.
    Text,
    /// One JSON object.
    Json,
}

/// What calls are sorted by, the greatest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum CallsByArg {
    /// How many requests.
    Count,
    /// How many failed.
    Errors,
    /// How many got no answer.
    Unanswered,
    /// The time that half of them took.
    Median,
    /// The time that 99 of 100 took.
    P99,
    /// The time of the slowest.
    Slowest,
    /// Protocol and name, in the order of the alphabet.
    Name,
}

impl CallsByArg {
    /// The same for those who sort.
    pub(crate) fn order(self) -> CallOrder {
        match self {
            CallsByArg::Count => CallOrder::Count,
            CallsByArg::Errors => CallOrder::Errors,
            CallsByArg::Unanswered => CallOrder::Unanswered,
            CallsByArg::Median => CallOrder::Median,
            CallsByArg::P99 => CallOrder::P99,
            CallsByArg::Slowest => CallOrder::Slowest,
            CallsByArg::Name => CallOrder::Name,
        }
    }
}

/// What is extracted, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe extract capture.pcapng -o messages
  wireloupe extract -Y 'connection == 2 && from == server' a.pcap -o messages

Files are named by connection, message, side and kind: 0002-000017-server-text.json.
messages/index.ndjson lists them with packet, time, length and digest.")]
pub(crate) struct ExtractArgs {
    /// Capture files; several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// The folder for the files; made when it is not there.
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    pub(crate) directory: PathBuf,

    /// Extract only messages that match this display filter.
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub(crate) filter: Option<String>,

    /// Extract the bodies of close, ping and pong too.
    #[arg(long)]
    pub(crate) control: bool,

    /// Overwrite existing files.
    #[arg(long)]
    pub(crate) force: bool,

    /// Mask cookies, credentials, tokens and payload values; lengths and structure stay.
    #[arg(long)]
    pub(crate) redact: bool,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

/// What packets are written of.
#[cfg(feature = "columns")]
#[derive(Debug, Args)]
pub(crate) struct PacketsArgs {
    /// Capture files; several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Where the output goes.
    #[command(flatten)]
    pub(crate) to: OutputArgs,
}

/// What is dealt out, and where to.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe split --by-flow 8 -o parts day-*.pcapng     parts/part-1-of-8.pcapng and so on
  wireloupe split --by-flow 8 -o parts --only-possible --keylog keys.txt day-*.pcap.gz
  wireloupe read --show messages parts/part-3-of-8.pcapng

Each part is a pcapng file. Tunnels are unwrapped; IP fragments and what ICMP says of a flow go with it. A packet keeps its
number in the whole, the name of its file and its number there; read shows the first, and reads all parts together as the
whole. A flow goes to the same part in every capture that is dealt out to as many.")]
pub(crate) struct SplitArgs {
    /// Capture files (pcap, pcapng, snoop, Network Monitor; plain or compressed); several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Deal out to N parts by the addresses and ports of flows.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=4096))]
    pub(crate) by_flow: u16,

    /// The folder for the parts; made when it is not there.
    #[arg(short = 'o', long = "output", value_name = "DIR")]
    pub(crate) directory: PathBuf,

    /// Leave out what cannot be a WebSocket: all but TCP, and flows whose first bytes are neither HTTP nor TLS.
    #[arg(long)]
    pub(crate) only_possible: bool,

    /// Put the secrets of this key log into the parts whose TLS sessions need them, as those that the files bring along.
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// With --only-possible: keep flows on these ports, whatever they begin with.
    #[arg(long, value_name = "PORT", value_delimiter = ',')]
    pub(crate) decode_as: Vec<u16>,

    /// Overwrite existing parts.
    #[arg(long)]
    pub(crate) force: bool,
}

/// How a capture is analysed.
#[derive(Clone, Debug, Args)]
pub(crate) struct AnalysisArgs {
    /// Read flows on these ports as WebSocket even without a handshake.
    #[arg(long, value_name = "PORT", value_delimiter = ',')]
    pub(crate) decode_as: Vec<u16>,

    /// What messages carry.
    #[command(flatten)]
    pub(crate) payload: PayloadArgs,

    /// Decrypt TLS with the secrets in this key log, as browsers and OpenSSL write it; re-read as it grows during live
    /// capture [default: the file that SSLKEYLOGFILE names, if any].
    #[arg(long, value_name = "FILE")]
    pub(crate) keylog: Option<PathBuf>,

    /// Threads that decode; the default is the number of cores.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=256))]
    pub(crate) threads: Option<u16>,

    /// TCP flows remembered at once.
    #[arg(
        long,
        value_name = "N",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) max_flows: Option<usize>,

    /// Seconds of capture time after which a silent flow is forgotten.
    #[arg(
        long,
        value_name = "SECONDS",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) idle_timeout: Option<u64>,

    /// Bytes held for one direction of a flow while earlier ones are missing.
    #[arg(
        long,
        value_name = "BYTES",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) max_held: Option<usize>,

    /// Bytes that all flows together may make us keep otherwise, in messages in progress and the like.
    #[arg(
        long,
        value_name = "BYTES",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) max_state: Option<usize>,

    /// Bytes of one HTTP head.
    #[arg(
        long,
        value_name = "BYTES",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) max_head: Option<usize>,

    /// Payload bytes kept of one message for its text or data.
    #[arg(
        long,
        value_name = "BYTES",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) max_payload: Option<usize>,

    /// Bytes one compressed message may inflate to.
    #[arg(
        long,
        value_name = "BYTES",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) max_inflated: Option<u64>,

    /// Fragments of one message whose numbers are kept.
    #[arg(
        long,
        value_name = "N",
        help_heading = "Limits",
        hide_short_help = true
    )]
    pub(crate) max_fragments: Option<usize>,

    /// What is configured beside.
    #[command(flatten)]
    pub(crate) choice: ConfigChoice,
}

impl AnalysisArgs {
    /// The limits with what the user changed.
    #[must_use]
    pub(crate) fn limits(&self) -> Limits {
        let defaults = Limits::default();
        let idle = self.idle_timeout.map(Duration::from_secs);
        Limits {
            flows: self.max_flows.unwrap_or(defaults.flows),
            idle: idle.unwrap_or(defaults.idle),
            websocket_idle: idle.unwrap_or(defaults.websocket_idle),
            held_bytes: self.max_held.unwrap_or(defaults.held_bytes),
            state_bytes: self.max_state.unwrap_or(defaults.state_bytes),
            // They are the most of it.
            inflaters: self
                .max_state
                .map_or(defaults.inflaters, |bytes| bytes / Limits::INFLATER),
            http_head: self.max_head.unwrap_or(defaults.http_head),
            kept_payload: self.max_payload.unwrap_or(defaults.kept_payload),
            inflated: self.max_inflated.unwrap_or(defaults.inflated),
            fragments: self.max_fragments.unwrap_or(defaults.fragments),
            ..defaults
        }
    }

    /// What the engine is told.
    #[must_use]
    pub(crate) fn engine_options(&self) -> engine::Options {
        let settled = &self.payload.settled;
        engine::Options {
            limits: self.limits(),
            decode_as: self.decode_as.clone(),
            payload_as: settled.payload_as.clone(),
            #[cfg(feature = "protobuf")]
            schema: settled.schema.clone(),
            #[cfg(not(feature = "protobuf"))]
            schema: None,
            attribution: None,
        }
    }

    /// Threads to decode with.
    #[must_use]
    pub(crate) fn thread_count(&self) -> usize {
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        self.threads.map_or_else(cores, usize::from)
    }
}

/// Which rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ShowArg {
    /// A row a frame.
    Frames,
    /// A row a message, put together and inflated.
    Messages,
    /// A row a connection, when it ends.
    Connections,
    /// A row for everything that is wrong or worth a note.
    Findings,
    /// A row a request over HTTP beside the WebSockets; in ndjson, parquet and arrow.
    Exchanges,
    /// A row a call inside messages; in ndjson, parquet and arrow.
    Calls,
    /// All of them.
    All,
}

/// Which format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArg {
    /// A line a row.
    Text,
    /// The whole tree of each row.
    Detail,
    /// A JSON object a line.
    Ndjson,
    /// The same objects as one JSON document.
    Json,
    /// Comma-separated values, with a header line.
    Csv,
    /// Tab-separated values.
    Tsv,
    /// An HTTP archive with Chrome's `_webSocketMessages`.
    Har,
    /// Parquet: a file a table (in builds with the feature `columns`).
    Parquet,
    /// An Arrow IPC stream (in builds with the feature `columns`).
    Arrow,
}

/// What is diagnosed, and how that is printed.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe diagnose capture.pcapng                    a line for each healthy connection, a paragraph for each other
  wireloupe diagnose --format json capture.pcapng      the same for programs
  wireloupe diagnose --fail-on error capture.pcapng    exit code 3 when something is broken

The verdicts are listed in docs/diagnosis.md.")]
pub(crate) struct DiagnoseArgs {
    /// Capture files (pcap, pcapng, snoop, Network Monitor; plain or compressed); several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ReportArg::Text)]
    pub(crate) format: ReportArg,

    /// End with exit code 3 when a verdict is at least this bad.
    #[arg(long, value_enum, value_name = "SEVERITY")]
    pub(crate) fail_on: Option<FailOnArg>,

    /// List every attempt: the healthy ones too, and all of one kind that failed.
    #[arg(long)]
    pub(crate) all: bool,

    /// Mask cookies, credentials and tokens; lengths stay.
    #[arg(long)]
    pub(crate) redact: bool,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

/// From which severity on verdicts count as failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum FailOnArg {
    /// Errors only: the WebSocket did not work.
    Error,
    /// Warnings, too.
    Warning,
}

/// What is compared.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe compare client-side.pcapng server-side.pcapng   what the proxy between them changes
  wireloupe compare --attempts 1,2 capture.pcapng           a working attempt and a failing one")]
pub(crate) struct CompareArgs {
    /// The captures on the client's and on the server's side of a hop; or one capture with --attempts.
    #[arg(value_name = "FILE", required = true, num_args = 1..=2)]
    pub(crate) files: Vec<PathBuf>,

    /// Two connections of one capture, by their numbers.
    #[arg(long, value_name = "N,M", value_delimiter = ',')]
    pub(crate) attempts: Vec<u32>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ReportArg::Text)]
    pub(crate) format: ReportArg,

    /// Show every connection, not only some of each kind.
    #[arg(long)]
    pub(crate) all: bool,

    /// Mask cookies, credentials and tokens; lengths stay.
    #[arg(long)]
    pub(crate) redact: bool,

    /// How the captures are analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

/// What goes into a report.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe report capture.pcapng -o report.html                 one file: opens anywhere, prints well, loads nothing
  wireloupe report --connection 3 capture.pcapng -o report.html  with what connection 3 said
  wireloupe report --format markdown capture.pcapng              for a ticket")]
pub(crate) struct ReportArgs {
    /// Capture files; several are one capture, merged by time; - is stdin.
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// How to write it.
    #[arg(long, value_enum, default_value_t = ReportFormatArg::Html)]
    pub(crate) format: ReportFormatArg,

    /// Add the conversation of the connection of this number; may be given several times.
    #[arg(long = "connection", value_name = "N")]
    pub(crate) connections: Vec<u32>,

    /// Add the conversations of the connections with a row that matches this display filter.
    #[arg(short = 'Y', long = "filter", value_name = "FILTER")]
    pub(crate) filter: Option<String>,

    /// Show payloads, cookies, credentials and tokens, which a report masks otherwise.
    #[arg(long)]
    pub(crate) no_redact: bool,

    /// Where the output goes.
    #[command(flatten)]
    pub(crate) to: OutputArgs,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ReportFormatArg {
    /// One HTML file without scripts.
    Html,
    /// Markdown, for a ticket.
    Markdown,
}

/// What is put into the page.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe page                                   the page in the browser, for dropping captures
  wireloupe page capture.pcapng session.keys       the same with a capture open in it
  wireloupe page -o wireloupe.html                 the page as a file
  wireloupe page capture.pcapng -o capture.html    the page with a capture inside: a capture as a document
  wireloupe page capture.pcapng -Y 'http.request.uri contains \"/chat\"' -o chat.html    with what a filter keeps

The page works without a network and sends nothing. What is put inside is inside as it was captured. Without -o, on a terminal,
it is shown at a random address of this machine, which only this machine reaches.")]
pub(crate) struct PageArgs {
    /// Capture files, and key logs beside them, to put inside.
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Put inside only the packets of connections with a row that matches this display filter, and of the key log of --keylog the
    /// secrets of these.
    #[arg(
        short = 'Y',
        long = "filter",
        value_name = "FILTER",
        requires = "files"
    )]
    pub(crate) filter: Option<String>,

    /// Show the page at an address of this machine, also where standard output is no terminal.
    #[arg(long, conflicts_with = "output")]
    pub(crate) serve: bool,

    /// The port of that address; 0 takes one that is free.
    #[arg(long, value_name = "PORT", default_value_t = 0)]
    pub(crate) port: u16,

    /// Where the output goes.
    #[command(flatten)]
    pub(crate) to: OutputArgs,

    /// How the capture is analysed.
    #[command(flatten)]
    pub(crate) analysis: AnalysisArgs,
}
