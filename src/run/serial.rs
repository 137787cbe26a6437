//! Everything on the caller's thread: the same parts in the same order as with many.

use crate::base::{PacketNumber, Timestamp};
use crate::capture::Batch;
use crate::engine::{Engine, Options};
use crate::wire::Walker;

use super::collected::{Batches, Collect, Collected, Tally};

/// Runs everything on this thread.
pub fn serial<S: Collected>(
    batches: &mut impl Batches,
    options: Options,
    make: impl FnOnce(Timestamp) -> S,
    collect: &mut Collect<'_, S::Part>,
) -> (Tally, Vec<S>) {
    let mut tally = Tally::default();
    let mut walker = Walker::new(&options.limits);
    let mut batch = Batch::new();
    let mut part = [S::Part::default()];
    let mut more = batches.fill(&mut batch);
    let start = batch
        .records()
        .first()
        .map_or(Timestamp::default(), |record| record.time);
    let mut engine = Engine::new(options, make(start));
    while more {
        if let Some(keys) = batches.keys() {
            engine.set_keys(keys);
        }
        tally.batch(&batch);
        tally.skipped += engine.batch(&batch, &mut walker);
        engine.sink().exchange(&mut part[0]);
        more = collect(&mut part) && batches.fill(&mut batch);
    }
    let mut remaining = engine.remaining();
    for last in rounds(remaining.flows().collect()) {
        engine.finish_begun(last, &mut remaining);
        engine.sink().exchange(&mut part[0]);
        collect(&mut part);
    }
    (tally, vec![engine.into_sink()])
}

/// The capture's last flows end in rounds of so many: each may have a long message to tell that never ended.
const ROUND_FLOWS: usize = 1024;

/// A round ends sooner when its flows keep so many bytes together.
const ROUND_BYTES: u32 = 1 << 20;

/// Takes the first packets of all flows and the bytes they keep, and gives the packets up to which flows end in each
/// round. There is always a round.
pub(super) fn rounds(mut flows: Vec<(PacketNumber, u32)>) -> Vec<PacketNumber> {
    flows.sort_unstable();
    let (mut rounds, mut count, mut bytes) = (Vec::new(), 0, 0);
    for (first_packet, held) in flows {
        (count, bytes) = (count + 1, held.saturating_add(bytes));
        if count == ROUND_FLOWS || bytes >= ROUND_BYTES {
            rounds.push(first_packet);
            (count, bytes) = (0, 0);
        }
    }
    rounds.push(PacketNumber(u64::MAX));
    rounds
}
