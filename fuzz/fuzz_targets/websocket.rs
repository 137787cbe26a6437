//! Frames and messages of one side, in any cut and with holes; how the bytes are cut changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Finding, Limits, Needs, Side};
use wireloupe::websocket::deflate::Parameters;
use wireloupe::websocket::handshake::{Compression, Framing};
use wireloupe::websocket::{About, Frame, Message, Negotiated, FrameSink, Scratch, Stream, layout};
use wireloupe_fuzz::{Piece, Pieces, low_limits};

/// Everything told, as text: what can be compared.
#[derive(Default)]
struct Told(Vec<String>, u64);

impl FrameSink for Told {
    fn frame(&mut self, frame: &Frame<'_>) {
        assert!(frame.captured_length <= frame.header.payload_length);
        assert_eq!(frame.index, self.1);
        self.1 += 1;
        let mut header = Vec::new();
        frame.header.write(&mut header);
        assert!(usize::from(frame.header.header_length) <= 18);
        assert!(!layout::fields(&header, frame.stream_offset).is_empty());
        self.0.push(format!("{frame:?}"));
    }
    fn message(&mut self, message: &Message<'_>) {
        self.0.push(format!("{message:?}"));
    }
    fn finding(&mut self, about: About, finding: Finding) {
        self.0.push(format!("{about:?}: {finding:?}"));
    }
}

fn run(side: Side, options: u8, pieces: &[Piece<'_>], limits: &Limits) -> Told {
    let compression = match options >> 1 & 3 {
        0 => Compression::None,
        1 => Compression::Message(Parameters::default()),
        2 => Compression::Frame,
        _ => Compression::Presumed,
    };
    // Options that say nothing else for plain frames choose one of the drafts.
    let framing = match (options >> 1 & 3, options >> 3 & 3) {
        (0, 2) => Framing::Hixie76,
        (0, 3) => Framing::Hybi(if options & 32 == 0 { 3 } else { 6 }),
        _ => Framing::Rfc6455,
    };
    let negotiated = Negotiated {
        version: [Some(13), Some(8), None, Some(7)][usize::from(options >> 3 & 3)],
        compression,
        framing,
        ..Negotiated::default()
    };
    let mut needs = Needs::MESSAGES | Needs::DIGEST | Needs::FINDINGS;
    if options & 64 != 0 {
        needs |= Needs::PAYLOAD;
    }
    let mut stream = Stream::new(side, &negotiated, needs, 0);
    let mut scratch = Scratch::new(limits);
    let mut out = Told::default();
    if options & 128 != 0 {
        stream.begin_anywhere(&mut scratch, &mut out);
    }
    for piece in pieces {
        match *piece {
            Piece::Bytes(_, bytes) => stream.push(bytes, &mut scratch, &mut out),
            Piece::Gap(Side::Client, len) => stream.gap(len, &mut scratch, &mut out),
            Piece::Gap(Side::Server, len) => stream.lose(len, &mut scratch, &mut out),
        }
    }
    stream.finish(&mut scratch, &mut out);
    out
}

// A byte of options, then pieces.
fuzz_target!(|input: &[u8]| {
    let Some((&options, rest)) = input.split_first() else {
        return;
    };
    let side = match options & 1 {
        0 => Side::Client,
        _ => Side::Server,
    };
    let pieces: Vec<_> = Pieces(rest).collect();
    let limits = Limits::default();
    run(side, options, &pieces, &low_limits());
    let once = run(side, options, &pieces, &limits);
    // A search for a lost boundary looks at where segments begin, so cuts may tell there. Elsewhere they must not.
    if once.0.iter().any(|told| told.contains("LostSync")) || options & 128 != 0 {
        return;
    }
    let mut whole = Vec::new();
    for piece in &pieces {
        match piece {
            Piece::Bytes(_, bytes) => whole.extend_from_slice(bytes),
            Piece::Gap(..) => return,
        }
    }
    let again = run(side, options & !64, &[Piece::Bytes(side, &whole)], &limits);
    let cut = run(side, options & !64, &pieces, &limits);
    let told = |told: Told| -> Vec<String> {
        let is_frame = |line: &String| line.starts_with("Frame {");
        told.0.into_iter().filter(|line| !is_frame(line)).collect()
    };
    assert_eq!(told(again), told(cut));
});
