//! HTTP/1 heads and bodies, in any cut and with holes.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{Limits, PerSide, Side};
use wireloupe::http::{Body, Event, HeadReader, fields, request_body, response_body};
use wireloupe::websocket::handshake;
use wireloupe_fuzz::{Piece, Pieces, low_limits};

fn push(reader: &mut HeadReader, mut bytes: &[u8], limits: &Limits, events: &mut Vec<Event>) {
    while !bytes.is_empty() {
        let before = reader.offset();
        let (taken, event) = reader.push(bytes);
        assert!(taken > 0 || event.is_some(), "no progress");
        assert_eq!(reader.offset(), before + taken as u64);
        assert!(reader.held() <= 2 * limits.http_head + 64);
        bytes = &bytes[taken..];
        if let Some(Event::Head(head, _)) = &event {
            reader.body(match head.status() {
                None => request_body(head),
                Some(101) => Body::None,
                Some(_) => response_body(head, b"GET"),
            });
        }
        events.extend(event);
    }
}

fn run(input: &[u8], limits: &Limits) {
    let mut readers = PerSide {
        client: HeadReader::requests(limits),
        server: HeadReader::responses(limits),
    };
    let mut events = PerSide::<Vec<Event>>::default();
    for piece in Pieces(input) {
        match piece {
            Piece::Bytes(side, bytes) => push(&mut readers[side], bytes, limits, &mut events[side]),
            Piece::Gap(side, len) => {
                if let Some((head, _)) = readers[side].cut_head() {
                    let _ = head.headers().count();
                }
                readers[side].gap(len);
            }
        }
    }
    let heads = |side: Side| {
        events[side].iter().filter_map(|event| match event {
            Event::Head(head, _) => Some(head),
            _ => None,
        })
    };
    let mut findings = Vec::new();
    for head in heads(Side::Client).chain(heads(Side::Server)) {
        assert!(head.raw.len() <= limits.http_head);
        let _ = fields(head, 0);
    }
    for (request, response) in heads(Side::Client).zip(heads(Side::Server)) {
        handshake::check(Some(request), Some(response), &mut findings);
        let _ = handshake::negotiated(Some(request), Some(response));
    }
}

fuzz_target!(|input: &[u8]| {
    run(input, &Limits::default());
    run(input, &low_limits());
});
