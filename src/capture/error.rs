//! Why an input could not be opened: one line that names it and says what to do.

use std::io;

/// Why a capture could not be opened. Nothing was read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No such file.
    #[error("{name}: no such file")]
    Missing {
        /// The path as it was given.
        name: String,
    },
    /// A directory.
    #[error("{name}: is a directory: name the capture files in it")]
    Directory {
        /// The path as it was given.
        name: String,
    },
    /// No right to read it.
    #[error("{name}: no permission to read it")]
    Permission {
        /// The path as it was given.
        name: String,
    },
    /// Any other failure of the system.
    #[error("{name}: cannot be read: {reason}")]
    Unreadable {
        /// The path as it was given.
        name: String,
        /// What the system said.
        reason: io::Error,
    },
    /// No byte in it.
    #[error("{name}: is empty: a capture file has at least a header")]
    Empty {
        /// The path as it was given.
        name: String,
    },
    /// The bytes are something else.
    #[error(
        "{name}: is not a capture file that is read (pcap, pcapng, snoop, Network Monitor): it starts with {starts}"
    )]
    NotCapture {
        /// The path as it was given.
        name: String,
        /// The first bytes, and what they may be.
        starts: String,
    },
    /// A pcap version that nobody defined.
    #[error(
        "{name}: is a pcap file of version {major}.{minor}, which is unknown: 2.0 to 2.4 can be read"
    )]
    Version {
        /// The path as it was given.
        name: String,
        /// Major version.
        major: u16,
        /// Minor version.
        minor: u16,
    },
    /// A variant of a format that is read.
    #[error("{name}: is a {what}, which is not read: convert it with editcap first")]
    Foreign {
        /// The path as it was given.
        name: String,
        /// Format and variant.
        what: String,
    },
    /// It ends before its first packet could stand.
    #[error("{name}: ends inside its file header after {len} bytes: nothing can be read of it")]
    CutHeader {
        /// The path as it was given.
        name: String,
        /// How many bytes there are.
        len: usize,
    },
    /// Compressed data that cannot be decompressed from its first byte on.
    #[error("{name}: cannot be decompressed: {reason}")]
    Compressed {
        /// The path as it was given.
        name: String,
        /// What the decompressor said.
        reason: io::Error,
    },
    /// More inputs than are counted.
    #[error("{count} capture files at once are too many: {most} can be merged")]
    TooMany {
        /// How many were named.
        count: usize,
        /// How many can be.
        most: usize,
    },
}

impl OpenError {
    pub(super) fn from_io(name: &str, source: io::Error) -> Self {
        let name = name.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => Self::Missing { name },
            io::ErrorKind::PermissionDenied => Self::Permission { name },
            io::ErrorKind::IsADirectory => Self::Directory { name },
            _ => Self::Unreadable {
                name,
                reason: source,
            },
        }
    }

    pub(super) fn not_capture(name: &str, head: &[u8]) -> Self {
        Self::NotCapture {
            name: name.to_owned(),
            starts: describe(head),
        }
    }
}

/// The first bytes in words: `89 50 4e 47 (a PNG image?)`.
fn describe(head: &[u8]) -> String {
    let shown: Vec<String> = head
        .iter()
        .take(8)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    let shown = shown.join(" ");
    match guess(head) {
        Some(guess) => format!("{shown} ({guess})"),
        None => shown,
    }
}

fn guess(head: &[u8]) -> Option<&'static str> {
    const KNOWN: &[(&[u8], &str)] = &[
        (b"\x89PNG", "a PNG image?"),
        (b"\xff\xd8\xff", "a JPEG image?"),
        (b"GIF8", "a GIF image?"),
        (b"%PDF", "a PDF document?"),
        (b"PK\x03\x04", "a ZIP archive? unpack it first"),
        (b"7z\xbc\xaf", "a 7-Zip archive? unpack it first"),
        (b"Rar!", "a RAR archive? unpack it first"),
        (b"BZh", "bzip2 inside compressed data? decompress it first"),
        (
            b"\xfd7zXZ",
            "xz inside compressed data? decompress it first",
        ),
        (b"\x7fELF", "a program?"),
        (b"MZ", "a Windows program?"),
        (b"XCP\0", "a NetXRay capture? convert it with editcap first"),
        (
            b"TRSNIFF data",
            "a Sniffer capture? convert it with editcap first",
        ),
        (
            b"VL\0\0",
            "a NetXRay capture? convert it with editcap first",
        ),
        (
            b"\x05VNF",
            "a Visual Networks capture? convert it with editcap first",
        ),
        (
            b"\xaa\xaa\xaa\xaa",
            "a 5View capture? convert it with editcap first",
        ),
        (
            b"ObserverPktBuffe",
            "an Observer capture? convert it with editcap first",
        ),
        (
            b"\x01\x10\x4c\0\x01\x05Trace",
            "a LANalyzer capture? convert it with editcap first",
        ),
        (
            b"+---------+---",
            "a K12 text capture? convert it with editcap first",
        ),
        (b"btsnoop\0", "a Bluetooth capture, which has no TCP?"),
        (
            b"EyeSDN",
            "an EyeSDN capture? convert it with editcap first",
        ),
        (
            b"\x54\x52\0\x64\0",
            "an HP-UX nettl trace? convert it with editcap first",
        ),
        (
            b"\x1f\x8b",
            "gzip inside compressed data? decompress it first",
        ),
        (
            b"\x28\xb5\x2f\xfd",
            "zstd inside compressed data? decompress it first",
        ),
        (
            b"\x04\x22\x4d\x18",
            "lz4 inside compressed data? decompress it first",
        ),
        (b"<", "XML or HTML text?"),
        (b"{", "JSON text?"),
        (b"[", "JSON text?"),
    ];
    let known = KNOWN.iter().find(|(magic, _)| head.starts_with(magic));
    let text = || {
        head.iter()
            .take(32)
            .all(|byte| byte.is_ascii_graphic() || byte.is_ascii_whitespace())
    };
    known
        .map(|(_, guess)| *guess)
        .or_else(|| text().then_some("text?"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_names_the_file_and_what_it_may_be() {
        let line = OpenError::not_capture("cat.png", b"\x89PNG\r\n\x1a\n....").to_string();
        assert_eq!(
            line,
            "cat.png: is not a capture file that is read (pcap, pcapng, snoop, Network Monitor): it starts with 89 50 4e 47 0d 0a 1a 0a (a PNG image?)"
        );
        assert!(
            OpenError::not_capture("n", b"hello world")
                .to_string()
                .ends_with("(text?)")
        );
        assert!(
            OpenError::not_capture("n", &[0x99, 1, 2])
                .to_string()
                .ends_with("99 01 02")
        );
    }

    #[test]
    fn the_system_s_errors_become_plain_words() {
        let line = |kind: io::ErrorKind| OpenError::from_io("f", kind.into()).to_string();
        assert_eq!(line(io::ErrorKind::NotFound), "f: no such file");
        assert_eq!(
            line(io::ErrorKind::IsADirectory),
            "f: is a directory: name the capture files in it"
        );
        assert_eq!(
            line(io::ErrorKind::PermissionDenied),
            "f: no permission to read it"
        );
    }
}
