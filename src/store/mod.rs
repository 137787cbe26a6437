//! What is known of a capture: rows by field name, and an index of everything in it.
//!
//! ```text
//!   engine ──► Indexer ──► BatchRecords ──► Collector ──► Delta ──► Store ──► detail and bytes on demand
//!              (on the engines' threads)            (whoever shows it)
//! ```

mod bytes;
mod chunked;
mod collector;
mod decoder_states;
mod decoding;
mod decrypted;
mod encoding;
mod flow_record;
mod flows;
mod index;
mod indexer;
mod kept;
mod merged;
mod packed;
mod pending;
mod record;
mod replay;
mod row;
mod text;
mod tree;

pub use bytes::Packet;
pub use chunked::Chunked;
pub use collector::{Collector, Delta};
pub use decoder_states::Summary;
pub use flows::WHOLE;
pub use index::{Entry, PacketBytes, Store};
pub use indexer::{BatchRecords, Indexer};
pub use packed::Packed;
pub use pending::{PendingRows, Waiting, Waits};
pub use record::{ExtentEntry, FindingRecord, FrameRecord, Kept, MessageRecord, Odd, PacketEntry};
pub use row::{Row, RowValues};
pub use tree::{bytes, finding_tree, message_tree, stream_layer};
