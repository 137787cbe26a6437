//! Everything on the caller's thread: the same parts in the same order as with many.

use crate::base::{PacketNumber, Timestamp};
use crate::capture::Batch;
use crate::engine::{Engine, Options, Remaining};
use crate::wire::Walker;

use super::collected::{Batches, Collect, Collected, Tally};

/// Runs everything on this thread.
pub fn serial<S: Collected>(
    batches: &mut impl Batches,
    options: Options,
    make: impl FnOnce(Timestamp) -> S,
    collect: &mut Collect<'_, S::Part>,
) -> (Tally, Vec<S>) {
    let mut serial = Serial::start(batches, options, make);
    let mut part = [S::Part::default()];
    while serial.step(batches, &mut part[0]) {
        if !collect(&mut part) {
            serial.stop();
        }
    }
    (serial.tally, vec![serial.engine.into_sink()])
}

/// One engine at work, a batch at a time, as far as somebody asks for.
pub struct Serial<S> {
    engine: Engine<S>,
    walker: Walker,
    batch: Batch,
    tally: Tally,
    stage: Stage,
}

enum Stage {
    /// There is a batch to analyse.
    Batch,
    /// The next one is to be read.
    Read,
    /// The capture is at its end, and its last flows end in these rounds.
    End(Remaining, std::vec::IntoIter<PacketNumber>),
}

impl<S: Collected> Serial<S> {
    /// Reads the first batch; `make` gets the time of its first packet.
    pub fn start(
        batches: &mut impl Batches,
        mut options: Options,
        make: impl FnOnce(Timestamp) -> S,
    ) -> Self {
        options.attribution = batches.attribution();
        let walker = Walker::new(&options.limits);
        let mut batch = Batch::new();
        let has_packets = batches.fill(&mut batch);
        let first = batch.records().first().map(|record| record.time);
        let mut serial = Self {
            engine: Engine::new(options, make(first.unwrap_or_default())),
            walker,
            batch,
            tally: Tally::default(),
            stage: Stage::Batch,
        };
        if !has_packets {
            serial.stop();
        }
        serial
    }

    /// Analyses one batch, or ends some of the last flows; false when nothing is left.
    pub fn step(&mut self, batches: &mut impl Batches, part: &mut S::Part) -> bool {
        if matches!(self.stage, Stage::Read) {
            match batches.fill(&mut self.batch) {
                true => self.stage = Stage::Batch,
                false => self.stop(),
            }
        }
        if let Stage::End(remaining, rounds) = &mut self.stage {
            let Some(last) = rounds.next() else {
                return false;
            };
            self.engine.finish_begun(last, remaining);
        } else {
            self.analyse(batches);
            self.stage = Stage::Read;
        }
        self.engine.sink().exchange(part);
        true
    }

    /// What was counted so far.
    #[must_use]
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The sink, at the end.
    #[must_use]
    pub fn into_sink(self) -> S {
        self.engine.into_sink()
    }

    /// The engine's sink.
    pub fn sink(&mut self) -> &mut S {
        self.engine.sink()
    }

    fn analyse(&mut self, batches: &mut impl Batches) {
        if let Some(keys) = batches.keys() {
            self.engine.set_keys(keys);
        }
        if let Some(time) = batches.now().filter(|_| self.batch.records().is_empty()) {
            let (time, number) = (self.tally.last.max(Some(time)), self.tally.packets);
            self.engine
                .advance(PacketNumber(number), time.unwrap_or_default());
        }
        self.tally.batch(&self.batch);
        self.tally.skipped += self.engine.batch(&self.batch, &mut self.walker);
        self.tally.encrypted = self.walker.encrypted();
    }

    /// Reads no more: what remains is to end the flows.
    pub fn stop(&mut self) {
        if matches!(self.stage, Stage::End(..)) {
            return;
        }
        let remaining = self.engine.remaining();
        let rounds = rounds(remaining.flows().collect());
        self.stage = Stage::End(remaining, rounds.into_iter());
    }
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
