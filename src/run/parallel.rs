//! Engines side by side, each on a thread of its own; the caller's reads and walks, one more collects.

use std::hash::BuildHasher;
use std::ops::Range;
use std::sync::Arc;
use std::thread::ScopedJoinHandle;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use foldhash::fast::FixedState;

use crate::base::{PacketNumber, Timestamp};
use crate::capture::{Batch, PacketRecord};
use crate::engine::{Arrival, Engine, Options, Polling, Sink, TOGETHER};
use crate::tls::KeyLog;
use crate::wire::{Notice, Segment, Skip, UdpDatagram, Walked, Walker};

use super::collected::{Batches, Collected, Tally};
use super::serial::rounds;

/// Batches on their way to the engines at once; each is about a quarter of a MiB.
const IN_FLIGHT: usize = 4;

/// A part heavier than this is waited for: a batch of tiny frames is hundreds of times as much in text, and must not queue.
const HEAVY: usize = 2 << 20;

/// How long is waited for engines before a look whether they are still there.
const LOOK: Duration = Duration::from_millis(100);

/// A batch with the segments found in it, shared by all engines. Used again and again, since its lists are long.
#[derive(Default)]
struct Walk {
    batch: Batch,
    /// All TLS secrets, when there are new ones for this batch.
    keys: Option<Arc<KeyLog>>,
    /// The segments of each engine's flows.
    segments: Vec<Vec<Found>>,
    /// Payloads of reassembled datagrams.
    datagrams: Vec<u8>,
    /// What ICMP says of segments.
    notices: Vec<Notice>,
    /// UDP datagrams that may be QUIC's, as indexes into the batch. They all go to the first engine, since a QUIC connection may
    /// change its addresses.
    udp: Vec<(u32, UdpDatagram)>,
}

struct Found {
    /// Its packet, as an index into the batch.
    record: u32,
    segment: Segment,
    source: Source,
}

/// Where what was found comes from.
enum Source {
    /// The packet itself.
    Packet,
    /// These bytes among the datagrams.
    Datagram(Range<u32>),
    /// One of the notices; only the segment's key counts.
    Notice(u32),
}

/// What an engine's thread is given to do.
enum Task {
    /// Analyse your flows of this batch.
    Walk(Arc<Walk>),
    /// The capture is at its end: say which flows remain.
    Remaining(Sender<Vec<(PacketNumber, u32)>>),
    /// End them, in these rounds.
    Finish(Arc<[PacketNumber]>),
}

/// Runs `threads` engines side by side, each on a thread of its own, reading on this one.
pub(super) fn parallel<S: Collected + Send>(
    batches: &mut impl Batches,
    options: &Options,
    threads: usize,
    make: impl Fn(Timestamp) -> S,
    collect: &mut (dyn FnMut(&mut [S::Part]) -> bool + Send),
) -> (Tally, Vec<S>) {
    let options = &Options {
        attribution: batches.attribution(),
        ..options.clone()
    };
    let polling = Arc::new(Polling::new(threads));
    let mut walk = Walk::default();
    let mut more = batches.fill(&mut walk.batch);
    let start = walk
        .batch
        .records()
        .first()
        .map_or(Timestamp::default(), |record| record.time);
    std::thread::scope(|scope| {
        let mut inputs = Vec::with_capacity(threads);
        let mut parts = Vec::with_capacity(threads);
        let mut returns = Vec::with_capacity(threads);
        let mut workers = Vec::with_capacity(threads);
        let (used, unused) = bounded::<Walk>(IN_FLIGHT * 2);
        for index in 0..threads {
            let (input, tasks) = bounded::<Task>(IN_FLIGHT);
            let (part, collected) = bounded::<S::Part>(IN_FLIGHT);
            let (give_back, empty) = bounded::<S::Part>(IN_FLIGHT * 2);
            let limits = options.limits.share(threads);
            let mut engine = Engine::new(
                Options {
                    limits,
                    ..options.clone()
                },
                make(start),
            );
            let progress = Progress {
                polling: Arc::clone(&polling),
                engine: index,
            };
            engine.share_polling(&polling, index);
            let used = used.clone();
            workers
                .push(scope.spawn(move || work(engine, &progress, &tasks, &part, &empty, &used)));
            inputs.push(input);
            parts.push(collected);
            returns.push(give_back);
        }
        let (stop, stopped) = bounded::<()>(1);
        let collector = scope.spawn(move || gather::<S>(&parts, &returns, collect, &stop));
        let mut tally = Tally::default();
        let mut walker = Walker::new(&options.limits);
        while more && stopped.is_empty() {
            walk.keys = batches.keys();
            walk.segments.resize_with(threads, Vec::new);
            walk.find_segments(&mut walker, &mut tally);
            let shared = Arc::new(walk);
            // An engine that is gone has panicked; joining it below says so.
            if inputs
                .iter()
                .any(|input| input.send(Task::Walk(Arc::clone(&shared))).is_err())
            {
                break;
            }
            drop(shared);
            walk = unused.try_recv().unwrap_or_default();
            more = batches.fill(&mut walk.batch);
        }
        finish(&inputs, || {
            workers.iter().any(ScopedJoinHandle::is_finished)
        });
        drop(inputs);
        let sinks = workers
            .into_iter()
            .map(|worker| join(worker.join()))
            .collect();
        join(collector.join());
        (tally, sinks)
    })
}

/// Has all engines end their flows in the same rounds. One whose thread `is_gone` has panicked, or nobody collects any more, and
/// what was put into its queue is never answered.
fn finish(inputs: &[Sender<Task>], is_gone: impl Fn() -> bool) {
    let (sender, remaining) = bounded(inputs.len());
    for input in inputs {
        let _ = input.send(Task::Remaining(sender.clone()));
    }
    drop(sender);
    let mut flows = Vec::new();
    loop {
        match remaining.recv_timeout(LOOK) {
            Ok(mut some) => flows.append(&mut some),
            Err(RecvTimeoutError::Timeout) if !is_gone() => {}
            Err(_) => break,
        }
    }
    let rounds: Arc<[PacketNumber]> = rounds(flows).into();
    for input in inputs {
        let _ = input.send(Task::Finish(Arc::clone(&rounds)));
    }
}

/// Passes a thread's panic on instead of hiding it.
fn join<T>(result: std::thread::Result<T>) -> T {
    result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl Walk {
    /// Walks the batch's packets, and deals what is found to the engines.
    fn find_segments(&mut self, walker: &mut Walker, tally: &mut Tally) {
        // Engines agree on nothing but this; it need not resist anybody: the worst an attacker can do is to use one core.
        let hasher = FixedState::default();
        let threads = self.segments.len() as u64;
        for segments in &mut self.segments {
            segments.clear();
        }
        self.datagrams.clear();
        self.notices.clear();
        self.udp.clear();
        tally.batch(&self.batch);
        for (index, (record, bytes)) in self.batch.packets().enumerate() {
            let mut walked = walker.segment(record.link, record.time, bytes, record.original);
            let mut is_first = true;
            loop {
                let found = match walked {
                    Ok(Walked::Here(segment)) => Some((segment, Source::Packet)),
                    Ok(Walked::Reassembled { segment, bytes }) => {
                        let start = self.datagrams.len() as u32;
                        self.datagrams.extend_from_slice(bytes);
                        let range = start..self.datagrams.len() as u32;
                        Some((segment, Source::Datagram(range)))
                    }
                    Err(Skip::Notice(notice)) => {
                        self.notices.push(notice);
                        let segment = Segment {
                            key: notice.key,
                            ..Segment::default()
                        };
                        Some((segment, Source::Notice(self.notices.len() as u32 - 1)))
                    }
                    Err(skip) => {
                        if let Skip::Datagram(datagram) = skip {
                            self.udp.push((index as u32, datagram));
                        }
                        tally.skipped += u64::from(is_first);
                        None
                    }
                };
                if let Some((segment, source)) = found {
                    let engine = hasher.hash_one(segment.key.canonical().0) % threads;
                    self.segments[engine as usize].push(Found {
                        record: index as u32,
                        segment,
                        source,
                    });
                }
                match walker.more(record.time, bytes) {
                    Some(more) => (walked, is_first) = (more, false),
                    None => break,
                }
            }
        }
        tally.encrypted = walker.encrypted();
    }

    /// Gives one engine its segments, as many at a time as it looks up together.
    fn give<S: Sink>(&self, index: usize, engine: &mut Engine<S>) {
        engine.name(&self.batch);
        let mut arrivals: Vec<Arrival<'_, &Segment>> = Vec::with_capacity(TOGETHER);
        let mut udp = match index {
            0 => self.udp.iter(),
            _ => [].iter(),
        }
        .peekable();
        for found in self.segments.get(index).into_iter().flatten() {
            let Some(record) = self.batch.records().get(found.record as usize) else {
                continue;
            };
            while let Some(datagram) = udp.next_if(|(before, _)| *before < found.record) {
                self.give_datagram(datagram, &mut arrivals, engine);
            }
            if matches!(found.source, Source::Packet) {
                arrivals.push(Arrival {
                    number: record.number,
                    time: record.time,
                    segment: &found.segment,
                    bytes: self.batch.bytes(record),
                });
            } else {
                engine.segments(&arrivals);
                arrivals.clear();
                self.give_other(found, record, engine);
            }
            if arrivals.len() == TOGETHER {
                engine.segments(&arrivals);
                arrivals.clear();
            }
        }
        for datagram in udp {
            self.give_datagram(datagram, &mut arrivals, engine);
        }
        engine.segments(&arrivals);
    }

    /// Gives an engine a datagram, if it is wanted, behind the segments in front of it.
    fn give_datagram<'a, S: Sink>(
        &'a self,
        (record, datagram): &(u32, UdpDatagram),
        arrivals: &mut Vec<Arrival<'a, &'a Segment>>,
        engine: &mut Engine<S>,
    ) {
        let Some(record) = self.batch.records().get(*record as usize) else {
            return;
        };
        let bytes = self.batch.bytes(record);
        if engine.wants(datagram, bytes) {
            engine.segments(arrivals);
            arrivals.clear();
            engine.datagram(record.number, record.time, datagram, bytes);
        }
    }

    /// Gives an engine what does not lie in its packet.
    #[cold]
    fn give_other<S: Sink>(&self, found: &Found, record: &PacketRecord, engine: &mut Engine<S>) {
        match &found.source {
            Source::Packet => {}
            Source::Datagram(range) => {
                let bytes = self.datagrams.get(range.start as usize..range.end as usize);
                let bytes = bytes.unwrap_or_default();
                engine.segment(record.number, record.time, &found.segment, bytes, false);
            }
            Source::Notice(index) => {
                if let Some(notice) = self.notices.get(*index as usize) {
                    engine.notice(record.number, record.time, notice);
                }
            }
        }
    }
}

fn work<S: Collected>(
    mut engine: Engine<S>,
    progress: &Progress,
    tasks: &Receiver<Task>,
    parts: &Sender<S::Part>,
    empty: &Receiver<S::Part>,
    used: &Sender<Walk>,
) -> S {
    let mut remaining = None;
    let mut outlet = Outlet {
        parts,
        empty,
        under_way: 0,
    };
    for task in tasks {
        match task {
            Task::Walk(walk) => {
                if let Some(keys) = &walk.keys {
                    engine.set_keys(Arc::clone(keys));
                }
                // Only now: secrets may have let go what was behind earlier packets.
                progress.reach(walk.batch.records().first().map(|record| record.number));
                walk.give(progress.engine, &mut engine);
                if let Some((number, time)) = walk.batch.last() {
                    engine.advance(number, time);
                    progress.reach(Some(number));
                }
                if !outlet.send(engine.sink()) {
                    break;
                }
                if let Some(walk) = Arc::into_inner(walk) {
                    let _ = used.try_send(walk);
                }
            }
            Task::Remaining(answer) => {
                progress.reach(Some(PacketNumber(u64::MAX)));
                let flows = remaining.insert(engine.remaining());
                let _ = answer.send(flows.flows().collect());
            }
            Task::Finish(rounds) => {
                let mut remaining = remaining.take().unwrap_or_else(|| engine.remaining());
                for last in rounds.iter() {
                    engine.finish_begun(*last, &mut remaining);
                    if !outlet.send(engine.sink()) {
                        break;
                    }
                }
            }
        }
    }
    engine.into_sink()
}

/// How far an engine is, for the others. Once it is over, whatever the reason, nobody waits for it.
struct Progress {
    polling: Arc<Polling>,
    engine: usize,
}

impl Progress {
    fn reach(&self, packet: Option<PacketNumber>) {
        if let Some(packet) = packet {
            self.polling.reach(self.engine, packet);
        }
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.reach(Some(PacketNumber(u64::MAX)));
    }
}

/// Where an engine's parts go, and come back from when they were collected.
struct Outlet<'a, P> {
    parts: &'a Sender<P>,
    empty: &'a Receiver<P>,
    /// Parts sent that have not come back.
    under_way: usize,
}

impl<P: Default> Outlet<'_, P> {
    /// Sends what was gathered since the last call; false when nobody collects any more.
    fn send<S: Collected<Part = P>>(&mut self, sink: &mut S) -> bool {
        let mut part = P::default();
        if let Ok(returned) = self.empty.try_recv() {
            (part, self.under_way) = (returned, self.under_way - 1);
        }
        sink.exchange(&mut part);
        let is_heavy = S::weight(&part) > HEAVY;
        if self.parts.send(part).is_err() {
            return false;
        }
        self.under_way += 1;
        // Every part comes back once it was collected. After a heavy one they are not used again, for their memory.
        while is_heavy && self.under_way > 0 && self.empty.recv().is_ok() {
            self.under_way -= 1;
        }
        true
    }
}

fn gather<S: Collected>(
    parts: &[Receiver<S::Part>],
    returns: &[Sender<S::Part>],
    collect: &mut (dyn FnMut(&mut [S::Part]) -> bool + Send),
    stop: &Sender<()>,
) {
    loop {
        let mut batch: Vec<S::Part> = parts.iter().filter_map(|part| part.recv().ok()).collect();
        if batch.len() < parts.len() {
            return;
        }
        if !collect(&mut batch) {
            // Nobody reads any more: the reader stops at its next batch, what is under way is thrown away.
            let _ = stop.try_send(());
        }
        for (part, give_back) in batch.into_iter().zip(returns) {
            let _ = give_back.try_send(part);
        }
    }
}
