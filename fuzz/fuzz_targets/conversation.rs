//! TCP conversations with WebSockets in them, their segments lost, repeated and out of order.
#![no_main]

use libfuzzer_sys::fuzz_target;
use wireloupe::base::{LinkType, Side};
use wireloupe::engine::{
    Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Options, Sink,
};
use wireloupe::testkit::{Conversation, pcap, upgrade_request, upgrade_response};
use wireloupe_fuzz::{Everything, Piece, Pieces, low_limits, read};

const DEFLATE: (&str, &str) = ("Sec-WebSocket-Extensions", "permessage-deflate");

/// Counts what is told, and checks that it is told in order.
#[derive(Default)]
struct Order {
    opened: usize,
    closed: usize,
    last: u64,
}

impl Sink for Order {
    fn needs(&self) -> wireloupe::base::Needs {
        Everything.needs()
    }
    fn opened(&mut self, _: &Connection) {
        self.opened += 1;
    }
    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        assert_eq!(
            event.number,
            connection.frames.client + connection.frames.server
        );
        // In stream order, which need not be the order of capture.
        assert!(
            event.packets.windows(2).all(|pair| pair[0] != pair[1]),
            "{:?}",
            event.packets
        );
        self.at(event.at);
    }
    fn message(&mut self, event: &MessageEvent<'_>, _: &Connection) {
        assert!(event.frames.is_sorted(), "{:?}", event.frames);
        self.at(event.at);
    }
    fn finding(&mut self, event: &FindingEvent<'_>, _: Option<&Connection>) {
        self.at(event.at);
    }
    fn closed(&mut self, connection: &Connection, at: Moment) {
        assert!(connection.closed.is_some());
        self.closed += 1;
        self.at(at);
    }
}

impl Order {
    fn at(&mut self, at: Moment) {
        assert!(at.packet.0 >= self.last, "time goes on");
        self.last = at.packet.0;
    }
}

// Four bytes of options, then pieces: what each side sends, and what of it the capture lacks.
fuzz_target!(|input: &[u8]| {
    let Some((&[options, size, seed, distance], rest)) = input.split_first_chunk() else {
        return;
    };
    let mut script =
        Conversation::new("10.0.0.1:40000", "10.0.0.2:80").segment_size(usize::from(size) * 8 + 1);
    if options & 1 == 0 {
        script = script.connect();
    }
    let extensions: &[(&str, &str)] = if options & 2 == 0 { &[] } else { &[DEFLATE] };
    if options & 4 == 0 {
        script = script.client(upgrade_request("/chat", extensions));
    }
    if options & 8 == 0 {
        script = script.server(upgrade_response(extensions));
    }
    for piece in Pieces(rest) {
        script = match piece {
            Piece::Bytes(side, bytes) => script.data(side, bytes),
            Piece::Gap(side, len) if len < 1 << 16 => script.lost(side, len as u32),
            Piece::Gap(..) => match script.segments().len() {
                0 => script,
                count => script.again(usize::from(seed) % count),
            },
        };
    }
    script = match options >> 4 & 3 {
        0 => script.fin(),
        1 => script.reset(Side::Server),
        2 => script.close(Side::Client),
        _ => script,
    };
    if options & 64 != 0 {
        script = script.shuffled(u64::from(seed), usize::from(distance));
    }
    let file = pcap(LinkType::ETHERNET, &script.packets());
    let order = read(&file, Options::default(), Order::default()).expect("a capture");
    assert_eq!(order.opened, order.closed);
    let options = Options {
        limits: low_limits(),
        decode_as: vec![],
        payload_as: vec![],
        schema: None,
        ..Options::default()
    };
    read(&file, options, Order::default());
});
