//! QUIC: datagrams of both sides as they came, and frames as if a packet had held them.
#![no_main]

use std::ops::Range;

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Finding, Limits, PacketNumber, Side, Timestamp};
use wireloupe::quic::{self, Close, Connection, EventSink, Received};
use wireloupe::tls::KeyLog;
use wireloupe_fuzz::{Piece, Pieces, low_limits};

/// Follows how far each stream of each side came: bytes come once and in order.
#[derive(Default)]
struct Streams(std::collections::HashMap<(u64, bool), u64>);

impl EventSink for Streams {
    fn opened(&mut self, _: Side, _: u64, bytes: &[u8], _: Range<usize>) {
        assert!(!bytes.is_empty());
    }
    fn data(&mut self, stream: u64, from: Side, bytes: &[u8], _: quic::Piece) -> bool {
        *self.0.entry((stream, from == Side::Client)).or_default() += bytes.len() as u64;
        stream % 16 != 4
    }
    fn gap(&mut self, _: u64, _: Side, len: u64) -> bool {
        assert!(len > 0);
        true
    }
    fn end(&mut self, _: u64, _: Side) {}
    fn reset(&mut self, _: u64, _: Side, _: u64) {}
    fn dropped(&mut self, _: u64) {}
    fn closed(&mut self, _: Side, close: &Close) {
        assert!(close.reason.len() <= 256);
    }
    fn forgotten(&mut self, _: Side) {}
    fn finding(&mut self, _: Side, _: Finding) {}
}

fn run(input: &[u8], limits: &Limits) {
    let most =
        limits.held_bytes + 8 * limits.tls_handshake + limits.http2_streams * 512 + (128 << 10);
    let mut connection = Connection::new(limits);
    let (keys, mut out) = (KeyLog::new(), Streams::default());
    let mut time = Timestamp(0);
    for piece in Pieces(input) {
        match piece {
            Piece::Bytes(from, bytes) => {
                let packet = PacketNumber(1);
                let received = Received {
                    from,
                    bytes,
                    packet,
                    time,
                };
                match bytes.first() {
                    Some(0..=63) => connection.push_frames(received, &bytes[1..], &mut out),
                    _ => connection.push(received, &keys, &mut out),
                }
            }
            Piece::Gap(_, len) => time.0 += (len as i64) << 24,
        }
        assert!(
            connection.memory() <= most + input.len(),
            "{}",
            connection.memory()
        );
    }
    connection.finish(&mut out);
}

fuzz_target!(|input: &[u8]| {
    run(input, &Limits::default());
    run(input, &low_limits());
    let _ = (
        quic::destination(input),
        quic::offered_versions(input),
        quic::is_initial(input),
    );
});
