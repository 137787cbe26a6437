//! The arguments of the commands for teaching.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use crate::cli::options::{OutputArgs, ReportArg, SideArg};

/// What is explained.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe explain 8185cb6e9f8e830bf3e2a4              a frame: ruler, fields, masking, message, what is wrong
  wireloupe explain 81 85 cb 6e 9f 8e 83 0b f3 e2 a4 81 05 48 65 6c 6c 6f    several
  xxd capture.bin | wireloupe explain -                 a dump, or the bytes themselves
  wireloupe explain --draft hybi-00 '00 48 69 ff'       a frame of a draft before RFC 6455
  wireloupe explain dGhlIHNhbXBsZSBub25jZQ==            a Sec-WebSocket-Key: the way to the accept key
  wireloupe explain 'GET /chat HTTP/1.1\\r\\nHost: a\\r\\n'   a request, a response, or both
  wireloupe explain 1006                                a close code
  wireloupe explain upgrade-not-forwarded               a verdict, a finding, an opcode, a header, a field
  wireloupe explain 'permessage-deflate; client_max_window_bits=10'

Hex may be grouped and written in any way: 0x81, 81:85, \\x81, hexdump -C, xxd, tcpdump -x, Wireshark.
A number of one or two digits is an opcode, up to 4999 a close code; --as decides otherwise.")]
pub(crate) struct ExplainArgs {
    /// Bytes in hex, a head, a key, a number, or a name; - is standard input.
    #[arg(value_name = "BYTES|TEXT|CODE", required = true)]
    pub(crate) text: Vec<String>,

    /// What it is, where its look would mislead.
    #[arg(long = "as", value_enum, value_name = "KIND")]
    pub(crate) kind: Option<KindArg>,

    /// Who sent the frames or the extension line; by default the mask bit tells.
    #[arg(long, value_enum, value_name = "SIDE")]
    pub(crate) from: Option<SideArg>,

    /// The frames are those of a draft before RFC 6455: hixie-75, hixie-76, or hybi-00 to hybi-06.
    #[arg(long, value_name = "DRAFT")]
    pub(crate) draft: Option<String>,

    /// Whether permessage-deflate was agreed on; by default, when RSV1 says so.
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    pub(crate) deflate: Option<bool>,

    /// How to print.
    #[arg(long, value_enum, default_value_t = ReportArg::Text)]
    pub(crate) format: ReportArg,
}

/// What a text is taken for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum KindArg {
    /// Frames in hex.
    Frame,
    /// A request or response head.
    Head,
    /// A close code.
    Code,
    /// An opcode.
    Opcode,
    /// A Sec-WebSocket-Key.
    Key,
    /// The value of Sec-WebSocket-Extensions.
    Extensions,
    /// A name.
    Name,
}

/// What is built.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe build text Hello --mask cb6e9f8e            a frame as hex and ruler
  wireloupe build text Hello --fragments 3 --deflate    a compressed message in three frames
  wireloupe build close 1000 bye
  wireloupe build text Hi --length-form 64              wrong on purpose: explain says what is wrong
  wireloupe build --format raw ping | wireloupe explain -
  wireloupe build text Hello -w hello.pcapng            the same as a capture: TCP, handshake, frame, close
  wireloupe build --script lab.txt -w lab.pcapng        a whole capture

A frame is text, binary, continuation, ping, pong, close [CODE [REASON]], or opcode N. What it carries is text,
hex:48656c6c6f, random:100 (so many bytes) or repeat:100:ab.

A script has a statement a line:
  seed 7                                       what keys and random bytes come from
  connection 10.0.0.1:50000 10.0.0.2:80        TCP's handshake; --tls, --segment-size N, --step 100us
  handshake /chat --origin https://a.example   request and 101; --host --protocol --deflate --header --answer --accept
  client text \"Hello\" --mask cb6e9f8e          frames as above; --segments N, --cut-at 3,10, --reorder, --lose N, --retransmit
  server http                                  a head of its own, in the indented lines that follow; --body TEXT
    HTTP/1.1 400 Bad Request
  client raw hex:00ff                          any bytes
  together server                              what this side says up to apart goes in one segment
  apart
  wait 20ms
  client ack                                   and fin, reset, keep-alive
  end                                          both sides close TCP

With --tls the file brings its key log along, so that it opens decrypted.")]
pub(crate) struct BuildArgs {
    /// The frame: its kind, and what it carries.
    #[arg(
        value_name = "KIND [PAYLOAD]",
        required_unless_present = "script",
        conflicts_with = "script"
    )]
    pub(crate) words: Vec<String>,

    /// Mask it, with this key or a random one.
    #[arg(long, value_name = "KEY", num_args = 0..=1, default_missing_value = "")]
    pub(crate) mask: Option<String>,

    /// Cut the message into so many frames.
    #[arg(long, value_name = "N")]
    pub(crate) fragments: Option<String>,

    /// Compress it with permessage-deflate.
    #[arg(long)]
    pub(crate) deflate: bool,

    /// Set these reserved bits, such as 1 or 23.
    #[arg(long, value_name = "BITS")]
    pub(crate) rsv: Option<String>,

    /// Write the length in so many bits, whether it needs them or not: 7, 16 or 64.
    #[arg(long, value_name = "BITS")]
    pub(crate) length_form: Option<String>,

    /// Declare this length instead of the true one.
    #[arg(long, value_name = "BYTES")]
    pub(crate) length: Option<String>,

    /// Leave FIN out.
    #[arg(long)]
    pub(crate) no_fin: bool,

    /// Leave so many bytes off at the end.
    #[arg(long, value_name = "BYTES")]
    pub(crate) cut: Option<String>,

    /// Build what this script says; - is standard input.
    #[arg(long, value_name = "FILE", requires = "write")]
    pub(crate) script: Option<PathBuf>,

    /// Write a capture: TCP, the handshake, and the frames.
    #[arg(short = 'w', long = "write", value_name = "OUT.pcapng")]
    pub(crate) write: Option<PathBuf>,

    /// Overwrite an existing file.
    #[arg(long)]
    pub(crate) force: bool,

    /// What random keys and bytes come from.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub(crate) seed: u64,

    /// How to print frames.
    #[arg(long, value_enum, default_value_t = BuiltArg::Text)]
    pub(crate) format: BuiltArg,
}

/// How frames are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum BuiltArg {
    /// Hex, and what explain says of them.
    Text,
    /// Hex, a line a frame.
    Hex,
    /// The bytes themselves.
    Raw,
    /// What explain says, as JSON.
    Json,
}

/// Labs.
#[derive(Debug, Args)]
#[command(after_help = "\
Examples:
  wireloupe lab                                         lists the labs
  wireloupe lab start first-frame --seed anna           questions beside the panes; ends with anna's results as a file
  wireloupe lab start masking < answers.txt             the same line by line, without a screen
  wireloupe lab files upgrade-fails -o captures         its captures, for any program
  wireloupe lab sheet lengths -o lengths.html           a sheet to print; --answers: the solution with the working
  wireloupe lab check mine.toml                         what is wrong with a lab of one's own
  wireloupe lab grade *.json                            solves each student's lab again and makes a table

docs/teaching.md shows how to write a lab and to plan a lesson.")]
pub(crate) struct LabArgs {
    /// What to do; without it, labs are listed.
    #[command(subcommand)]
    pub(crate) command: Option<LabCommand>,
}

/// What to do with labs.
#[derive(Debug, Subcommand)]
pub(crate) enum LabCommand {
    /// List the labs.
    List {
        /// How to print.
        #[arg(long, value_enum, default_value_t = ReportArg::Text)]
        format: ReportArg,
    },
    /// Do one: question by question, with hints and points.
    Start {
        /// The lab, or a file NAME.toml.
        name: String,
        /// Whose numbers: the student's name; without it, those of the lab itself.
        #[arg(long, value_name = "STUDENT", default_value = "")]
        seed: String,
        /// Where the results go [default: LAB-STUDENT.json].
        #[arg(long, value_name = "FILE")]
        results: Option<PathBuf>,
        /// Ask line by line even on a terminal.
        #[arg(long)]
        lines: bool,
    },
    /// Hold lab files against the program: every answer is worked out and compared with what is expected.
    Check {
        /// Lab files, or names; all labs inside the program when none are named.
        files: Vec<String>,
        /// Also for this student.
        #[arg(long, value_name = "STUDENT")]
        seed: Option<String>,
    },
    /// Judge files of results by solving their labs again.
    Grade {
        /// The files.
        #[arg(required = true)]
        files: Vec<PathBuf>,
        /// How to print.
        #[arg(long, value_enum, default_value_t = GradesArg::Text)]
        format: GradesArg,
    },
    /// Write a sheet to print, as one HTML file.
    Sheet {
        /// The lab, or a file NAME.toml.
        name: String,
        /// Whose numbers.
        #[arg(long, value_name = "STUDENT", default_value = "")]
        seed: String,
        /// With the solution and the working.
        #[arg(long)]
        answers: bool,
        /// Where it goes.
        #[command(flatten)]
        to: OutputArgs,
    },
    /// Write the lab's captures as files.
    Files {
        /// The lab, or a file NAME.toml.
        name: String,
        /// Whose numbers.
        #[arg(long, value_name = "STUDENT", default_value = "")]
        seed: String,
        /// The folder; made when it is not there.
        #[arg(short = 'o', long = "output", value_name = "DIR", default_value = ".")]
        directory: PathBuf,
        /// Overwrite existing files.
        #[arg(long)]
        force: bool,
    },
}

/// How grades are printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum GradesArg {
    /// A table.
    Text,
    /// Comma-separated values.
    Csv,
    /// JSON.
    Json,
}
