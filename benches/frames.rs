//! What every frame costs: its header, unmasking, inflating, the stream decoder around them.

use std::hint::black_box;

use divan::Bencher;
use divan::counter::{BytesCount, ItemsCount};
use wireloupe::base::{Finding, Limits, Needs, Side};
use wireloupe::testkit::{Deflater, Frame};
use wireloupe::websocket::handshake::Compression;
use wireloupe::websocket::{
    self, About, FrameHeader, FrameSink, Negotiated, Scratch, Stream, mask,
};

const FRAMES: usize = 1000;

fn main() {
    divan::main();
}

#[divan::bench(args = [20, 300, 70_000])]
fn header(bencher: Bencher, len: usize) {
    let bytes = Frame::text(vec![b'a'; len]).mask([1, 2, 3, 4]).bytes();
    bencher.bench_local(|| FrameHeader::parse(black_box(&bytes)));
}

#[divan::bench(args = [20, 150, 65_536])]
fn unmask(bencher: Bencher, len: usize) {
    let bytes = vec![b'a'; len];
    let mut out = Vec::with_capacity(len);
    bencher.counter(BytesCount::new(len)).bench_local(|| {
        out.clear();
        mask::unmask_into(black_box(&bytes), [1, 2, 3, 4], 0, &mut out);
        black_box(out.len())
    });
}

#[derive(Default)]
struct Count(usize);

impl FrameSink for Count {
    fn frame(&mut self, frame: &websocket::Frame<'_>) {
        self.0 += black_box(frame).is_whole() as usize;
    }
    fn message(&mut self, message: &websocket::Message<'_>) {
        black_box(message.length);
    }
    fn finding(&mut self, _: About, finding: Finding) {
        panic!("{finding:?}");
    }
}

/// Decodes `bytes`, of [`FRAMES`] frames, in pieces of a segment's length.
fn decode(bencher: Bencher, bytes: &[u8], needs: Needs, negotiated: &Negotiated) {
    let mut scratch = Scratch::new(&Limits::default());
    let bench = bencher.counter(ItemsCount::new(FRAMES));
    bench.bench_local(|| {
        let mut stream = Stream::new(Side::Client, negotiated, needs, 0);
        let mut count = Count::default();
        for segment in bytes.chunks(1448) {
            stream.push(segment, &mut scratch, &mut count);
        }
        assert_eq!(count.0, FRAMES);
    });
}

fn masked(number: usize, frame: Frame) -> Vec<u8> {
    frame.mask((number as u32 + 1).to_le_bytes()).bytes()
}

fn text(number: usize) -> String {
    format!(
        "{{\"id\":{number},\"kind\":\"update\",\"price\":{}}}",
        number * 7919 % 10_007
    )
    .repeat(3)
}

/// Frame headers only, as a list of frames needs them.
#[divan::bench]
fn stream_headers(bencher: Bencher) {
    let bytes: Vec<u8> = (0..FRAMES)
        .flat_map(|n| masked(n, Frame::text(text(n))))
        .collect();
    decode(bencher, &bytes, Needs::HEADERS, &Negotiated::default());
}

/// Everything: unmasked text, its check, its digest.
#[divan::bench]
fn stream_messages(bencher: Bencher) {
    let bytes: Vec<u8> = (0..FRAMES)
        .flat_map(|n| masked(n, Frame::text(text(n))))
        .collect();
    let needs = Needs::MESSAGES | Needs::DIGEST;
    decode(bencher, &bytes, needs, &Negotiated::default());
}

/// Inflating with context takeover.
#[divan::bench]
fn stream_inflate(bencher: Bencher) {
    let mut deflater = Deflater::new(15, true);
    let bytes: Vec<u8> = (0..FRAMES)
        .flat_map(|n| masked(n, Frame::text(deflater.message(text(n).as_bytes())).rsv1()))
        .collect();
    let negotiated = Negotiated {
        compression: Compression::Message(Default::default()),
        ..Negotiated::default()
    };
    decode(bencher, &bytes, Needs::MESSAGES, &negotiated);
}
