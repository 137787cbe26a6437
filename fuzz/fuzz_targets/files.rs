//! Capture files: pcap in its dialects, pcapng, snoop, Network Monitor, and all of them compressed, told apart by content.
#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use wireloupe::base::Limits;
use wireloupe::capture::{Batch, Input, Source};
use wireloupe_fuzz::low_limits;

fn read(inputs: Vec<&[u8]>, limits: &Limits) -> u64 {
    let inputs = inputs
        .into_iter()
        .map(|bytes| Input::Reader(Box::new(Cursor::new(bytes.to_vec())), "input".to_owned()))
        .collect();
    let Ok(mut source) = Source::open(inputs, limits) else {
        return 0;
    };
    let (mut batch, mut packets) = (Batch::new(), 0);
    while source.fill(&mut batch) {
        assert!(!batch.is_empty());
        for (record, bytes) in batch.packets() {
            assert_eq!(record.captured as usize, bytes.len());
            packets += 1;
            assert_eq!(record.number.0, packets);
        }
    }
    assert_eq!(source.summary().packets, packets);
    packets
}

fuzz_target!(|bytes: &[u8]| {
    read(vec![bytes], &Limits::default());
    read(vec![bytes], &low_limits());
    // Two inputs are merged by time.
    let (one, other) = bytes.split_at(bytes.len() / 2);
    read(vec![one, other], &Limits::default());
});
