//! What a report is made of.

use crate::export::counts::TlsCounts;
use crate::insight::Report;
use crate::insight::statistics::Statistics;
use crate::store::Store;

/// What a report is made of.
pub struct ReportInput<'a> {
    /// The inputs by name.
    pub files: &'a [String],
    /// Packets read, and their captured bytes.
    pub packets: u64,
    /// Bytes of the packets.
    pub bytes: u64,
    /// What is to be said of the input: where it was cut, what was not read.
    pub notes: &'a [String],
    /// The index.
    pub store: &'a Store,
    /// What diagnosis says.
    pub diagnosis: &'a Report,
    /// The numbers.
    pub statistics: &'a Statistics,
    /// TLS connections.
    pub tls: TlsCounts,
    /// The indices of the connections whose conversations are asked for.
    pub conversations: &'a [u32],
    /// Whether secrets are masked.
    pub redact: bool,
}
