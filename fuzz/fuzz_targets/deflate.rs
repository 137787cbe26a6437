//! permessage-deflate: compressed messages made of anything, and right ones that must come out as they went in.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Finding, Limits, Needs, Side};
use wireloupe::testkit::{self, Deflater};
use wireloupe::websocket::deflate::Parameters;
use wireloupe::websocket::handshake::Compression;
use wireloupe::websocket::{About, Frame, Message, Negotiated, FrameSink, Scratch, Stream};
use wireloupe_fuzz::low_limits;

#[derive(Default)]
struct Messages {
    data: Vec<Option<Vec<u8>>>,
    findings: Vec<Finding>,
    most: u64,
}

impl FrameSink for Messages {
    fn frame(&mut self, _: &Frame<'_>) {}
    fn message(&mut self, message: &Message<'_>) {
        self.most = self.most.max(message.length.unwrap_or(0));
        self.data.push(message.data.map(<[u8]>::to_vec));
    }
    fn finding(&mut self, _: About, finding: Finding) {
        self.findings.push(finding);
    }
}

fn stream(takeover: bool) -> Stream {
    let negotiated = Negotiated {
        version: Some(13),
        compression: Compression::Message(Parameters {
            server_no_context_takeover: !takeover,
            ..Parameters::default()
        }),
        ..Negotiated::default()
    };
    let needs = Needs::MESSAGES | Needs::DIGEST | Needs::FINDINGS;
    Stream::new(Side::Server, &negotiated, needs, 0)
}

/// What comes of these compressed messages, pushed `cut` bytes at a time.
fn inflate(messages: &[Vec<u8>], takeover: bool, cut: usize, limits: &Limits) -> Messages {
    let bytes: Vec<u8> = messages
        .iter()
        .flat_map(|message| testkit::Frame::binary(message).rsv1().bytes())
        .collect();
    let (mut stream, mut scratch) = (stream(takeover), Scratch::new(limits));
    let mut out = Messages::default();
    for part in bytes.chunks(cut.max(1)) {
        stream.push(part, &mut scratch, &mut out);
    }
    stream.finish(&mut scratch, &mut out);
    out
}

// Two bytes of options, then messages: a byte of length each.
fuzz_target!(|input: &[u8]| {
    let Some((&[options, cut], mut rest)) = input.split_first_chunk() else {
        return;
    };
    let takeover = options & 1 != 0;
    let mut messages = Vec::new();
    while let Some((&len, after)) = rest.split_first() {
        let (message, after) = after.split_at(usize::from(len).min(after.len()));
        messages.push(message.to_vec());
        rest = after;
    }
    let limits = Limits::default();
    let whole = inflate(&messages, takeover, usize::MAX, &limits);
    let cuts = inflate(&messages, takeover, usize::from(cut), &limits);
    assert_eq!(whole.data, cuts.data);
    assert_eq!(whole.findings, cuts.findings);
    // The limit holds but for what one step may add.
    let low = inflate(&messages, takeover, usize::from(cut), &low_limits());
    assert!(
        low.most <= low_limits().inflated + (64 << 10),
        "{}",
        low.most
    );
    let mut deflater = Deflater::new(9 + options % 7, takeover);
    let compressed: Vec<_> = messages
        .iter()
        .map(|message| deflater.message(message))
        .collect();
    let back = inflate(&compressed, takeover, usize::from(cut), &limits);
    assert!(back.findings.is_empty(), "{:?}", back.findings);
    let expected: Vec<_> = messages.into_iter().map(Some).collect();
    assert_eq!(back.data, expected);
});
