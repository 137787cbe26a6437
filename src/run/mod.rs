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

mod collected;
mod merge;
mod numbering;
#[cfg(feature = "threads")]
mod parallel;
mod serial;

pub use collected::{Batches, Collect, Collected, Tally};
pub use merge::{Content, Merger, Ordered, Stretch};
pub use numbering::{ConnectionKey, EngineNumbers, Numbering, Numbers, Opened};
pub use serial::serial;

use crate::base::Timestamp;
use crate::engine::Options;

/// Runs what `batches` delivers through `threads` engines, each with a sink of its own from `make`, which gets the time
/// of the first packet. `collect` gets the parts of all engines after each batch, and says whether to go on.
///
/// One thread, and any system without threads, means everything on the caller's.
pub fn analyse<S: Collected + Send>(
    batches: &mut impl Batches,
    options: &Options,
    threads: usize,
    make: impl Fn(Timestamp) -> S,
    collect: &mut (dyn FnMut(&mut [S::Part]) -> bool + Send),
) -> (Tally, Vec<S>) {
    #[cfg(feature = "threads")]
    if threads > 1 {
        return parallel::parallel(batches, options, threads, make, collect);
    }
    let _ = threads;
    serial::serial(batches, options.clone(), make, collect)
}
