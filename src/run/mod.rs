//! The way of the packets: read in batches, walked once, analysed flow by flow on any number of threads, and put
//! together again in packet order.
//!
//! ```text
//!   batches ──► walker ──► engine 1 ──► part ─┐
//!                 │──────► engine 2 ──► part ─┼──► collect
//!                 └──────► engine n ──► part ─┘    (one batch at a time)
//! ```
//!
//! It is not the command line: it knows no arguments, prints nothing, and fails only as its threads panic. Where the
//! packets come from is a [`Batches`], what is made of them a [`Collected`] sink.
//!
//! Every flow is one engine's, by the hash of its key, and every batch ends at the same packet whatever the number of
//! threads: so the parts are the same, and so is what is made of them.

mod analyse;
mod collected;
mod keyed;
mod merge;
mod numbering;
mod open;
#[cfg(feature = "threads")]
mod parallel;
mod rows;
mod serial;

pub use analyse::analyse;
pub use collected::{Batches, Collect, Collected, Tally};
pub use keyed::Keyed;
pub use merge::{Content, Merger, Ordered, Stretch};
pub use numbering::{ConnectionKey, EngineNumbers, Numbering, Numbers, Opened};
pub use open::{Capture, Rows, open};
pub use rows::{ConnectionRow, FindingRow, FrameRow, MessageRow, OwnedRow};
pub use serial::{Serial, serial};
