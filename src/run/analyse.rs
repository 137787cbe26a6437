//! On one thread or many.

use crate::base::Timestamp;
use crate::engine::Options;

use super::collected::{Batches, Collected, Tally};
#[cfg(feature = "threads")]
use super::parallel::parallel;
use super::serial::serial;

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
        return parallel(batches, options, threads, make, collect);
    }
    let _ = threads;
    serial(batches, options.clone(), make, collect)
}
