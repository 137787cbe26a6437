//! The samples with bytes changed at random, read from file to events: whatever comes in, nothing panics.
//!
//! A seeded generator decides, so that a failure comes again; it runs for a few seconds, `MUTATION_SECONDS` says how many.

use std::fs;
use std::io::Cursor;
use std::panic::{AssertUnwindSafe, catch_unwind};

use std::time::{Duration, Instant};

use wireloupe::base::{Limits, Needs};
use wireloupe::capture::{Batch, Input, Source};
use wireloupe::engine::{Engine, Options, Sink};
use wireloupe::testkit::{Random, Sample};
use wireloupe::wire::Walker;

/// Wants everything, keeps nothing.
struct Everything;

impl Sink for Everything {
    fn needs(&self) -> Needs {
        Needs::ALL
    }
}

/// Reads a file as the program does; how many packets were in it.
fn read(file: Vec<u8>) -> u64 {
    let limits = Limits::default();
    let input = Input::Reader(Box::new(Cursor::new(file)), "mutated".to_owned());
    let Ok(mut source) = Source::open(vec![input], &limits) else {
        return 0;
    };
    let mut walker = Walker::new(&limits);
    let mut engine = Engine::new(Options::default(), Everything);
    let mut batch = Batch::new();
    let mut packets = 0;
    while source.fill(&mut batch) {
        packets += batch.len() as u64;
        engine.batch(&batch, &mut walker);
    }
    engine.finish();
    packets
}

fn mutate(file: &mut Vec<u8>, random: &mut Random) {
    for _ in 0..=random.below(30) {
        let at = random.below(file.len() as u64) as usize;
        match random.below(8) {
            0 => file[at] = 0xff,
            1 => file[at] = 0,
            2 => file[at] = file[at].wrapping_add(1),
            3 => drop(file.remove(at)),
            4 => file.insert(at, random.bits() as u8),
            _ => file[at] ^= 1 << random.below(8),
        }
    }
    if random.percent(5) {
        file.truncate(random.below(file.len() as u64) as usize);
    }
}

#[test]
fn changed_samples_never_panic() {
    let files: Vec<_> = Sample::all()
        .into_iter()
        .map(|sample| sample.path)
        .filter(|path| {
            path.extension()
                .is_some_and(|e| e == "pcap" || e == "pcapng")
        })
        .filter(|path| path.metadata().unwrap().len() < 100_000)
        .collect();
    let seconds = std::env::var("MUTATION_SECONDS")
        .ok()
        .and_then(|text| text.parse().ok());
    let until = Instant::now() + Duration::from_secs(seconds.unwrap_or(3));
    let (mut runs, mut packets) = (0u64, 0);
    while Instant::now() < until || runs == 0 {
        let path = &files[runs as usize % files.len()];
        let mut file = fs::read(path).unwrap();
        mutate(&mut file, &mut Random::new(runs));
        let result = catch_unwind(AssertUnwindSafe(|| read(file)));
        packets += result.unwrap_or_else(|_| panic!("{} with seed {runs}", path.display()));
        runs += 1;
    }
    eprintln!("{runs} changed captures, {packets} packets");
    assert!(packets > 0);
}
