//! What a capture says besides its packets.

use std::collections::BTreeMap;

use crate::base::{LinkType, PacketNumber, Timestamp};

/// What was learned of the inputs so far; complete when the last packet was read.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// One entry an input, in the order they were named.
    pub files: Vec<FileSummary>,
    /// Where inputs ended before their end.
    pub truncated: Vec<Truncation>,
    /// Comments of packets (pcapng `opt_comment`).
    pub packet_comments: BTreeMap<PacketNumber, Vec<String>>,
    /// Decryption secrets found in the inputs (pcapng Decryption Secrets Blocks), in file order.
    pub secrets: Vec<Secrets>,
    /// Whether an input may bring more secrets for packets that were read already: a pcapng that cannot be looked through in
    /// front ([`super::Options`] says which those are).
    pub may_bring_secrets: bool,
    /// Names of addresses (pcapng Name Resolution Blocks).
    pub names: Vec<(std::net::IpAddr, String)>,
    /// Packets read.
    pub packets: u64,
    /// For parts of a capture: its last packet, which may be in another part.
    pub end: Option<(PacketNumber, Timestamp)>,
    /// Bytes of all inputs as they lie on disk; `None` when one has no known size (a pipe).
    pub total_bytes: Option<u64>,
    /// Bytes of a single input, uncompressed, up to the end of the last packet that was read.
    pub whole_bytes: u64,
    /// Bytes of the inputs read so far, compressed where they are.
    pub read_bytes: u64,
    /// Metadata left out because [`crate::base::Limits::metadata_bytes`] was reached: how many items.
    pub metadata_dropped: u64,
    /// Metadata bytes kept, charged against the limit.
    pub(super) metadata_bytes: usize,
}

impl Summary {
    /// The link types seen, each once, in order of appearance.
    #[must_use]
    pub fn link_types(&self) -> Vec<LinkType> {
        let mut seen = Vec::new();
        for interface in self.files.iter().flat_map(|file| &file.interfaces) {
            if !seen.contains(&interface.link) {
                seen.push(interface.link);
            }
        }
        seen
    }
}

/// One input.
#[derive(Clone, Debug, Default)]
pub struct FileSummary {
    /// The path as it was given, or what stands for it, such as `standard input`.
    pub name: String,
    /// `pcap`, `pcapng`, `snoop` or `Network Monitor`.
    pub format: &'static str,
    /// How it was compressed.
    pub compression: Compression,
    /// Its interfaces, over all sections; a pcap file has one without a name.
    pub interfaces: Vec<Interface>,
    /// What wrote it, a line a section (pcapng `shb_hardware`, `shb_os`, `shb_userappl`).
    pub origin: Vec<String>,
    /// Comments of sections and interfaces.
    pub comments: Vec<String>,
}

/// An interface packets were captured on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interface {
    /// Its name, such as `eth0`; empty where the file does not say.
    pub name: String,
    /// Its description; empty where the file does not say.
    pub description: String,
    /// The capture filter; empty where the file does not say.
    pub filter: String,
    /// What its packets begin with.
    pub link: LinkType,
    /// The most bytes captured of a packet; 0 for no limit.
    pub snaplen: u32,
    /// Packets received, where a statistics block says.
    pub received: Option<u64>,
    /// Packets dropped for want of buffer or time, where a statistics block says.
    pub dropped: Option<u64>,
}

/// How an input was compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// gzip (RFC 1952), one or more members.
    Gzip,
    /// Zstandard (RFC 8878), one or more frames.
    Zstd,
    /// LZ4 frames.
    Lz4,
    /// xz, one or more streams.
    Xz,
    /// bzip2, one or more streams.
    Bzip2,
}

impl Compression {
    /// Its name, empty for none.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "",
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Lz4 => "lz4",
            Self::Xz => "xz",
            Self::Bzip2 => "bzip2",
        }
    }
}

/// An input that ended before its end: everything before was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Truncation {
    /// The input's name.
    pub file: String,
    /// The (uncompressed) byte offset of the first record that could not be read.
    pub offset: u64,
    /// Packets read of this input before.
    pub packets_before: u64,
    /// What is wrong, as the end of a sentence: `the file ends inside a packet`.
    pub why: String,
}

/// A Decryption Secrets Block. Its bytes appear in no `Debug` output.
#[derive(Clone, PartialEq, Eq)]
pub struct Secrets {
    /// What `bytes` are; [`Secrets::TLS_KEY_LOG`] is the one that matters here.
    pub kind: u32,
    /// The secrets, for TLS a key log in NSS format.
    pub bytes: Vec<u8>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Secrets")
            .field("kind", &self.kind)
            .field("len", &self.bytes.len())
            .finish()
    }
}

impl Drop for Secrets {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.bytes);
    }
}

impl Secrets {
    /// TLS secrets in NSS key log format.
    pub const TLS_KEY_LOG: u32 = 0x544c_534b;
}
