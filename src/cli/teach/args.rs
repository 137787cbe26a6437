//! The arguments of the commands for teaching.

use clap::{Args, ValueEnum};

use crate::cli::options::{ReportArg, SideArg};

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
