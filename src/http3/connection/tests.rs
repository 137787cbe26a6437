//! What comes out of streams, as lines.

use proptest::prelude::*;

use super::*;
use crate::base::{Head, PacketNumber};
use crate::http2::StreamSink;

#[derive(Default)]
struct Lines(Vec<String>);

impl StreamSink for Lines {
    fn request(&mut self, stream: u32, head: Head, _at: Span) -> bool {
        let target = String::from_utf8_lossy(head.target()).into_owned();
        self.0.push(format!("{stream} request {target}"));
        asks_for_websocket(&head)
    }

    fn response(&mut self, stream: u32, head: Head, _at: Span) {
        let status = head.status().unwrap_or_default();
        self.0.push(format!("{stream} response {status}"));
    }

    fn data(&mut self, stream: u32, from: Side, bytes: &[u8], place: DataPlace) {
        let text = String::from_utf8_lossy(bytes);
        let DataPlace { offset, at } = place;
        self.0.push(format!("{stream} {from} {text} {offset}@{at}"));
    }

    fn data_gap(&mut self, stream: u32, from: Side, len: u64) {
        self.0.push(format!("{stream} {from} gap {len}"));
    }

    fn data_lost(&mut self, stream: u32, from: Side) {
        self.0.push(format!("{stream} {from} lost"));
    }

    fn end_stream(&mut self, stream: u32, from: Side, at: u64) {
        self.0.push(format!("{stream} {from} end {at}"));
    }

    fn reset(&mut self, stream: u32, from: Side, code: u32, _at: Span) {
        self.0.push(format!("{stream} {from} reset {code}"));
    }

    fn dropped(&mut self, stream: u32) {
        self.0.push(format!("{stream} dropped"));
    }

    fn go_away(&mut self, from: Side, go_away: GoAway<'_>, _at: Span) {
        self.0
            .push(format!("{from} goaway {}", go_away.last_stream));
    }

    fn connect_protocol(&mut self, from: Side, enabled: bool, _at: Span) {
        self.0.push(format!("{from} connect {enabled}"));
    }

    fn lost(&mut self, from: Side) {
        self.0.push(format!("{from} lost"));
    }

    fn adopt(&mut self, stream: u32, from: Side) -> bool {
        self.0.push(format!("{stream} {from} adopted"));
        true
    }

    fn finding(&mut self, _: Side, stream: Option<u32>, finding: Finding) {
        self.0.push(format!("{stream:?} {}", finding.code));
    }
}

impl OriginSink for Lines {
    fn origin(&mut self, _: PacketNumber) {}
}

enum Step<'a> {
    Bytes(u64, Side, &'a [u8]),
    Gap(u64, Side, u64),
    End(u64, Side),
    Reset(u64, Side, u64),
}

use Side::{Client, Server};
use Step::{Bytes, End, Gap, Reset};

fn run(steps: &[Step<'_>]) -> (Vec<String>, Connection) {
    let mut connection = Connection::new(&Limits::default());
    let mut lines = Lines::default();
    for step in steps {
        let at = Origin {
            packet: PacketNumber(1),
            at: 100,
        };
        match *step {
            Bytes(stream, from, bytes) => {
                connection.push(stream, from, bytes, at, &mut lines);
            }
            Gap(stream, from, len) => {
                connection.gap(stream, from, len, &mut lines);
            }
            End(stream, from) => connection.end(stream, from, &mut lines),
            Reset(stream, from, code) => connection.reset(stream, from, code, &mut lines),
        }
    }
    (lines.0, connection)
}

/// SETTINGS of a server: a table of 220 bytes, extended CONNECT.
const SERVER_CONTROL: &[u8] = &[0, 4, 5, 1, 0x40, 220, 8, 1];
const CLIENT_CONTROL: &[u8] = &[0, 4, 3, 1, 0x40, 220];

/// HEADERS: CONNECT, https, /chat, a.b and the protocol, all literal or static.
fn connect() -> Vec<u8> {
    let mut block = vec![0, 0, 0xcf, 0xd7];
    block.extend(b"\x51\x05/chat\x50\x03a.b");
    block.extend(b"\x27\x02:protocol\x09websocket");
    let mut frame = vec![1, block.len() as u8];
    frame.extend(block);
    frame
}

const OK: &[u8] = &[1, 3, 0, 0, 0xd9];

#[test]
fn a_websocket_is_asked_for_answered_and_carried() {
    let connect = connect();
    let (seen, _) = run(&[
        Bytes(3, Server, SERVER_CONTROL),
        Bytes(0, Client, &connect),
        Bytes(0, Client, b"\x00\x05hel"),
        Bytes(0, Server, OK),
        Bytes(0, Client, b"lo\x00\x01!\x21\x02xx"),
        Bytes(0, Server, b"\x00\x02ho"),
        Bytes(4, Client, &[1, 5, 0, 0, 0xd1, 0xd7, 0xc1]),
        Bytes(4, Server, OK),
        Bytes(3, Server, &[7, 1, 8]),
        End(0, Client),
        End(0, Server),
    ]);
    let expected = [
        "server connect true",
        "0 request /chat",
        "0 client hel 0@102",
        "0 response 200",
        "0 client lo 3@100",
        "0 client ! 5@104",
        "0 server ho 0@102",
        "4 request /",
        "server goaway 7",
        "0 client end 6",
        "0 server end 2",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn an_answer_before_its_request_waits() {
    let connect = connect();
    let answer = [OK, b"\x00\x02ho"].concat();
    let (seen, _) = run(&[
        Bytes(3, Server, SERVER_CONTROL),
        Bytes(0, Server, &answer),
        End(0, Server),
        Bytes(0, Client, &connect[..7]),
        Bytes(0, Client, &connect[7..]),
        Reset(0, Client, 0x10c),
        Bytes(0, Server, b"nothing"),
    ]);
    let expected = [
        "server connect true",
        "0 request /chat",
        "0 response 200",
        "0 server ho 0@107",
        "0 server end 2",
        "0 client reset 268",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn a_blocked_block_waits_for_its_instructions() {
    let mut block = vec![3, 0x81, 0x10, 0x11, 0xcf, 0xd7];
    block.extend(b"\x27\x02:protocol\x09websocket");
    let mut frame = vec![1, block.len() as u8];
    frame.extend(block);
    frame.extend(b"\x00\x02hi");
    let instructions =
        hex::decode("023fbd01c00f7777772e6578616d706c652e636f6dc10c2f73616d706c652f70617468")
            .unwrap();
    let (seen, connection) = run(&[
        Bytes(3, Server, SERVER_CONTROL),
        Bytes(2, Client, CLIENT_CONTROL),
        Bytes(0, Client, &frame),
        Bytes(6, Client, &instructions[..20]),
        Bytes(6, Client, &instructions[20..]),
    ]);
    let expected = [
        "server connect true",
        "0 request /sample/path",
        "0 client hi 0@131",
    ];
    assert_eq!(seen, expected);
    assert!(connection.held() < 4000);
}

#[test]
fn losses_are_gaps_and_joining_in_the_middle_is_adopted() {
    let connect = connect();
    let (seen, _) = run(&[
        Bytes(0, Client, &connect),
        Bytes(0, Client, b"\x00\x06ab"),
        Gap(0, Client, 2),
        Bytes(0, Client, b"ef\x00"),
        Gap(0, Client, 9),
        Bytes(0, Client, b"??"),
        Bytes(0, Client, b"\x00\x02hi"),
        Gap(4, Client, 50),
        Bytes(4, Client, b"\x00\x01x"),
        Gap(3, Server, 8),
    ]);
    let expected = [
        "0 request /chat",
        "0 client ab 0@102",
        "0 client gap 2",
        "0 client ef 4@100",
        "0 client lost",
        "0 client hi 6@102",
        "4 client adopted",
        "4 client x 0@102",
    ];
    assert_eq!(seen, expected);
}

#[test]
fn an_extended_connect_that_was_not_allowed_is_told() {
    let connect = connect();
    for late in [false, true] {
        let settings = Bytes(3, Server, &[0, 4, 0]);
        let request = Bytes(0, Client, &connect);
        let steps = match late {
            true => [request, settings],
            false => [settings, request],
        };
        let (seen, _) = run(&steps);
        let expected = ["0 request /chat", "Some(0) extended-connect-not-enabled"];
        assert_eq!(seen, expected);
    }
}

proptest! {
    /// However the streams are cut, the same comes out; whatever they hold, what is kept is bounded.
    #[test]
    fn any_streams_are_read_within_bounds(
        pieces in prop::collection::vec((0u64..9, any::<bool>(), prop::collection::vec(any::<u8>(), 0..40)), 0..60),
    ) {
        let limits = Limits { http_head: 64, early_bytes: 200, hpack_table: 100, ..Limits::default() };
        let mut connection = Connection::new(&limits);
        let mut lines = Lines::default();
        for (at, (stream, is_client, bytes)) in pieces.iter().enumerate() {
            let from = if *is_client { Client } else { Server };
            match at % 7 {
                5 => drop(connection.gap(*stream, from, bytes.len() as u64, &mut lines)),
                6 => connection.end(*stream, from, &mut lines),
                _ => drop(connection.push(*stream, from, bytes, Origin::default(), &mut lines)),
            }
            prop_assert!(connection.held() <= 16 << 10, "{}", connection.held());
        }
    }

    #[test]
    fn any_cut_gives_the_same(cuts in prop::collection::vec(1usize..30, 1..40)) {
        let client = [&connect()[..], b"\x00\x05hello\x21\x02xx\x00\x01!"].concat();
        let mut steps = vec![Bytes(3, Server, SERVER_CONTROL)];
        let mut rest = &client[..];
        for cut in cuts.iter().cycle() {
            let (piece, left) = rest.split_at((*cut).min(rest.len()));
            steps.push(Bytes(0, Client, piece));
            rest = left;
            if rest.is_empty() {
                break;
            }
        }
        let (seen, _) = run(&steps);
        let text: String = seen
            .iter()
            .filter_map(|line| line.strip_prefix("0 client "))
            .filter_map(|line| line.split(' ').next())
            .collect();
        prop_assert_eq!(text, "hello!");
    }
}
