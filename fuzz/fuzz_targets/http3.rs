//! HTTP/3: streams of both sides in any cut and with holes; and QPACK alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Finding, Head, Limits, PacketNumber, Side, Span};
use wireloupe::http2::{DataPlace, GoAway, StreamSink, asks_for_websocket};
use wireloupe::http3::{Connection, Decoder, Origin, OriginSink};
use wireloupe_fuzz::{Piece, Pieces, low_limits};

struct Heads;

impl StreamSink for Heads {
    fn request(&mut self, _: u32, head: Head, _: Span) -> bool {
        let _ = head.headers().count();
        asks_for_websocket(&head) || head.target().len() % 2 == 0
    }
    fn response(&mut self, _: u32, head: Head, _: Span) {
        let _ = head.headers().count();
    }
    fn data(&mut self, _: u32, _: Side, bytes: &[u8], _: DataPlace) {
        assert!(!bytes.is_empty());
    }
    fn data_gap(&mut self, _: u32, _: Side, _: u64) {}
    fn end_stream(&mut self, _: u32, _: Side, _: u64) {}
    fn reset(&mut self, _: u32, _: Side, _: u32, _: Span) {}
    fn dropped(&mut self, _: u32) {}
    fn go_away(&mut self, _: Side, _: GoAway<'_>, _: Span) {}
    fn connect_protocol(&mut self, _: Side, _: bool, _: Span) {}
    fn lost(&mut self, _: Side) {}
    fn adopt(&mut self, stream: u32, _: Side) -> bool {
        stream % 8 == 0
    }
    fn finding(&mut self, _: Side, _: Option<u32>, _: Finding) {}
}

impl OriginSink for Heads {
    fn origin(&mut self, _: PacketNumber) {}
}

/// Streams that the pieces are spread over.
const STREAMS: u64 = 12;

/// Two tables, and for each stream and side what waits, a head that is being read and one that is blocked.
fn most(limits: &Limits) -> usize {
    let side = limits.early_bytes + 4 * limits.http_head + (2 << 10);
    4 * (limits.hpack_table + limits.http_head) + STREAMS as usize * 2 * side + (256 << 10)
}

fn run(input: &[u8], limits: &Limits) {
    let mut connection = Connection::new(limits);
    for piece in Pieces(input) {
        match piece {
            Piece::Bytes(from, [stream, bytes @ ..]) => {
                let (stream, is_last) = (u64::from(*stream) % STREAMS, *stream >= 240);
                let origin = Origin::default();
                connection.push(stream, from, bytes, origin, &mut Heads);
                if is_last {
                    connection.end(stream, from, &mut Heads);
                }
            }
            Piece::Bytes(from, []) => connection.reset(0, from, 0x10c, &mut Heads),
            Piece::Gap(from, len) => {
                connection.gap(len % STREAMS, from, len / STREAMS, &mut Heads);
            }
        }
        assert!(connection.held() <= most(limits), "{}", connection.held());
    }
}

fuzz_target!(|input: &[u8]| {
    run(input, &Limits::default());
    run(input, &low_limits());
    let mut decoder = Decoder::new(&low_limits());
    for piece in Pieces(input) {
        match piece {
            Piece::Bytes(Side::Client, bytes) => drop(decoder.instructions(bytes)),
            Piece::Bytes(Side::Server, bytes) => {
                decoder.decode(bytes, |_| {});
            }
            Piece::Gap(_, len) if len % 2 == 0 => decoder.lose(),
            Piece::Gap(_, len) => decoder.allow(len),
        }
    }
});
