//! HTTP/2: frames and header blocks of both sides, in any cut and with holes; and HPACK alone.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Finding, Head, Limits, Side, Span};
use wireloupe::http2::{Connection, DataPlace, Decoder, GoAway, StreamSink, asks_for_websocket};
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
    fn data(&mut self, _: u32, _: Side, bytes: &[u8], place: DataPlace) {
        assert!(place.at >= bytes.len() as u64 || place.offset <= place.at);
    }
    fn data_gap(&mut self, _: u32, _: Side, _: u64) {}
    fn end_stream(&mut self, _: u32, _: Side, _: u64) {}
    fn reset(&mut self, _: u32, _: Side, _: u32, _: Span) {}
    fn dropped(&mut self, _: u32) {}
    fn go_away(&mut self, _: Side, go_away: GoAway<'_>, _: Span) {
        assert!(go_away.debug.len() <= 256);
    }
    fn connect_protocol(&mut self, _: Side, _: bool, _: Span) {}
    fn lost(&mut self, _: Side) {}
    fn adopt(&mut self, stream: u32, _: Side) -> bool {
        stream % 2 == 1
    }
    fn finding(&mut self, _: Side, _: Option<u32>, _: Finding) {}
}

/// HTTP/2 may hold two tables, two heads and a record for each stream.
fn most(limits: &Limits) -> usize {
    4 * (limits.hpack_table + limits.http_head) + limits.http2_streams * 512 + (64 << 10)
}

fn run(input: &[u8], limits: &Limits) {
    let mut connection = Connection::new(limits);
    for piece in Pieces(input) {
        match piece {
            Piece::Bytes(side, bytes) => connection.push(side, bytes, &mut Heads),
            Piece::Gap(side, len) => connection.gap(side, len, &mut Heads),
        }
        assert!(connection.held() <= most(limits), "{}", connection.held());
    }
    connection.finish(&mut Heads);
}

fuzz_target!(|input: &[u8]| {
    run(input, &Limits::default());
    run(input, &low_limits());
    let mut decoder = Decoder::new(&low_limits());
    for piece in Pieces(input) {
        match piece {
            Piece::Bytes(_, bytes) => drop(decoder.decode(bytes, |_| {})),
            Piece::Gap(_, len) if len % 2 == 0 => decoder.lose(),
            Piece::Gap(_, len) => decoder.allow(len as u32),
        }
    }
});
