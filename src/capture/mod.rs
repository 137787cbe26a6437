//! Where packets come from and go to: capture files, standard input, live interfaces, and writers.
//!
//! [`Source`] reads pcap, pcapng, snoop and Network Monitor files, plain or compressed, one or several at once, and gives
//! [`Batch`]es of packets.
//! What packets mean is not known here. Own code notes where packets lie in the read buffer, so that a packet is copied
//! once, from the file to the batch; the tests hold it against the crate `pcap-parser`.

mod annotate;
mod batch;
mod decompress;
mod error;
mod keylog;
#[cfg(all(feature = "live", unix))]
pub mod live;
mod merge;
mod netmon;
mod opener;
mod part;
mod pcap;
mod pcapng;
mod place;
mod read_at;
mod reader;
mod recognise;
mod snoop;
mod source;
mod spool;
mod summary;
mod writer;

pub use annotate::{Additions, PacketComment, annotate};
pub use batch::{Batch, FilePosition, PacketRecord};
pub use error::OpenError;
pub use keylog::KeyLogFile;
pub use read_at::ReadAt;
pub use reader::Input;
pub use source::{Options, Source};
pub use spool::PacketFile;
pub use summary::{Compression, FileSummary, Interface, Secrets, Summary, Truncation};
pub use writer::{Origin, PacketOrigin, PacketToWrite, PcapngWriter, secrets_block};

/// A record that contradicts itself: nothing behind it can be found.
#[derive(Debug)]
struct Broken {
    /// What is wrong with it.
    why: String,
}
