use proptest::prelude::*;

use super::*;
use crate::base::{Finding, Span};
use crate::http2::{DataPlace, FrameType, GoAway, PREFACE, asks_for_websocket, error_name, flag};

/// Writes events down, DATA of one frame run as one.
#[derive(Default)]
struct Log {
    lines: Vec<String>,
    adopts: bool,
    data: Option<(u32, Side, Vec<u8>, DataPlace)>,
}

impl Log {
    fn line(&mut self, line: String) {
        if let Some((stream, from, bytes, place)) = self.data.take() {
            let line = format!(
                "{stream} {from} data {}@{} {}",
                place.offset,
                place.at,
                bytes.escape_ascii()
            );
            self.lines.push(line);
        }
        if !line.is_empty() {
            self.lines.push(line);
        }
    }

    fn finish(mut self) -> Vec<String> {
        self.line(String::new());
        self.lines
    }
}

impl StreamSink for Log {
    fn request(&mut self, stream: u32, head: Head, at: Span) -> bool {
        let follow = asks_for_websocket(&head);
        let (method, target) = (head.method().escape_ascii(), head.target().escape_ascii());
        self.line(format!(
            "{stream} {method} {target} {}..{} {}",
            at.start,
            at.end,
            head.lines.len()
        ));
        follow
    }
    fn response(&mut self, stream: u32, head: Head, at: Span) {
        self.line(format!(
            "{stream} status {} {}..{}",
            head.status().unwrap(),
            at.start,
            at.end
        ));
    }
    fn data(&mut self, stream: u32, from: Side, bytes: &[u8], place: DataPlace) {
        match &mut self.data {
            Some((last, side, data, start))
                if (*last, *side) == (stream, from) && start.at + data.len() as u64 == place.at =>
            {
                assert_eq!(start.offset + data.len() as u64, place.offset);
                data.extend(bytes);
            }
            _ => {
                self.line(String::new());
                self.data = Some((stream, from, bytes.to_vec(), place));
            }
        }
    }
    fn data_gap(&mut self, stream: u32, from: Side, len: u64) {
        self.line(format!("{stream} {from} gap {len}"));
    }
    fn end_stream(&mut self, stream: u32, from: Side, at: u64) {
        self.line(format!("{stream} {from} end @{at}"));
    }
    fn reset(&mut self, stream: u32, from: Side, code: u32, _: Span) {
        self.line(format!("{stream} {from} reset {}", error_name(code)));
    }
    fn dropped(&mut self, stream: u32) {
        self.line(format!("{stream} dropped"));
    }
    fn go_away(&mut self, from: Side, away: GoAway<'_>, _: Span) {
        let debug = away.debug.escape_ascii();
        self.line(format!(
            "{from} goaway {} {} {debug}",
            away.last_stream,
            error_name(away.code)
        ));
    }
    fn connect_protocol(&mut self, from: Side, enabled: bool, _: Span) {
        self.line(format!("{from} connect protocol {enabled}"));
    }
    fn lost(&mut self, from: Side) {
        self.line(format!("{from} lost"));
    }
    fn adopt(&mut self, _: u32, _: Side) -> bool {
        self.adopts
    }
    fn finding(&mut self, from: Side, stream: Option<u32>, finding: Finding) {
        self.line(format!(
            "{from} {stream:?} {}: {}",
            finding.code, finding.text
        ));
    }
}

fn frame(kind: FrameType, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let mut frame = (payload.len() as u32).to_be_bytes()[1..].to_vec();
    frame.extend([kind.0, flags]);
    frame.extend(stream.to_be_bytes());
    frame.extend(payload);
    frame
}

/// A header block of literals that enter no table.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in fields {
        block.push(0);
        for text in [name, value] {
            assert!(text.len() < 127);
            block.push(text.len() as u8);
            block.extend(text.bytes());
        }
    }
    block
}

fn connect(stream: u32) -> Vec<u8> {
    let fields = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/"),
        (":authority", "a"),
    ];
    frame(
        FrameType::HEADERS,
        flag::END_HEADERS,
        stream,
        &block(&fields),
    )
}

fn ok(stream: u32) -> Vec<u8> {
    frame(FrameType::HEADERS, flag::END_HEADERS, stream, &[0x88])
}

fn client_start() -> Vec<u8> {
    [&PREFACE[..], &frame(FrameType::SETTINGS, 0, 0, &[])].concat()
}

fn server_start(enabled: u8) -> Vec<u8> {
    frame(FrameType::SETTINGS, 0, 0, &[0, 8, 0, 0, 0, enabled])
}

/// What comes of pieces; a number is a gap.
fn run(limits: &Limits, pieces: &[(Side, Piece)]) -> Vec<String> {
    let mut log = Log::default();
    let mut connection = Connection::new(limits);
    feed(&mut connection, pieces, &mut log);
    connection.finish(&mut log);
    log.finish()
}

#[derive(Clone, Debug)]
enum Piece {
    Bytes(Vec<u8>),
    Gap(u64),
}

impl From<Vec<u8>> for Piece {
    fn from(bytes: Vec<u8>) -> Self {
        Piece::Bytes(bytes)
    }
}

fn feed(connection: &mut Connection, pieces: &[(Side, Piece)], log: &mut Log) {
    for (from, piece) in pieces {
        match piece {
            Piece::Bytes(bytes) => connection.push(*from, bytes, log),
            Piece::Gap(len) => connection.gap(*from, *len, log),
        }
    }
}

const C: Side = Side::Client;
const S: Side = Side::Server;

fn session() -> Vec<(Side, Vec<u8>)> {
    include_str!("h2_session.txt")
        .lines()
        .filter_map(|line| {
            let (from, bytes) = line.split_once(' ').unwrap();
            let from = match from {
                "C" => C,
                "S" => S,
                _ => return None,
            };
            Some((from, hex::decode(bytes).unwrap()))
        })
        .collect()
}

#[test]
fn a_session_of_other_endpoints_is_read() {
    let pieces: Vec<_> = session()
        .into_iter()
        .map(|(from, bytes)| (from, bytes.into()))
        .collect();
    let lines = run(&Limits::default(), &pieces);
    let starts = [
        "client connect protocol false",
        "server connect protocol false",
        "server connect protocol true",
        "1 GET /index.html ",
        "3 CONNECT /chat?room=1 ",
        "3 status 200 ",
        "3 client data 0@",
        "3 server data 0@",
        "5 CONNECT /chat?room=1 ",
        "5 status 403 ",
        "5 server end ",
        "5 client end ",
        "3 client data 11@",
        "3 client end ",
        "3 server data 7@",
        "3 server end ",
        "7 CONNECT /chat?room=1 ",
        "7 server reset STREAM_CLOSED?",
        "server goaway 7 NO_ERROR bye",
    ];
    for (line, start) in lines.iter().zip(starts) {
        let start = start.replace("STREAM_CLOSED?", "REFUSED_STREAM");
        assert!(line.starts_with(&start), "{line} for {start}\n{lines:#?}");
    }
    assert_eq!(lines.len(), starts.len(), "{lines:#?}");
    assert!(
        lines[6].ends_with(r"\x81\x857\xfa!=\x7f\x9fMQX"),
        "{}",
        lines[6]
    );
    assert!(lines[7].ends_with(r"\x81\x05Hello"), "{}", lines[7]);
}

/// The session without its beginning, the first piece of each side cut by so much.
fn late_session(first: usize, cut: usize) -> Vec<String> {
    let late: Vec<(Side, Piece)> = session()[first..]
        .iter()
        .enumerate()
        .map(|(at, (from, bytes))| (*from, bytes[if at < 2 { cut } else { 0 }..].to_vec().into()))
        .collect();
    let mut log = Log {
        adopts: true,
        ..Log::default()
    };
    let mut connection = Connection::new(&Limits::default());
    feed(&mut connection, &late, &mut log);
    let lines = log.finish();
    assert!(
        lines.iter().all(|line| !line.contains("http2-invalid")),
        "{lines:#?}"
    );
    lines
}

#[test]
fn a_capture_from_the_middle_reads_what_begins_in_it() {
    // From the request on stream 3 on; the table was filled in part before.
    let lines = late_session(4, 0);
    let has = |start: &str| {
        assert!(
            lines.iter().any(|line| line.starts_with(start)),
            "{start}: {lines:#?}"
        )
    };
    has("3 CONNECT /chat?room=1 ");
    has("3 status 200 ");
    has("5 CONNECT /chat?room=1 ");
    has("5 status 403 ");
    has("7 server reset REFUSED_STREAM");
}

#[test]
fn a_capture_from_inside_a_frame_finds_the_next() {
    // The request on stream 3 is cut, so its stream is adopted, and what later ones took from the table is unknown.
    let lines = late_session(4, 3);
    let has = |start: &str| {
        assert!(
            lines.iter().any(|line| line.starts_with(start)),
            "{start}: {lines:#?}"
        )
    };
    has("3 client data 0@");
    has("3 server data 0@");
    has("3 client end");
    has("5   ");
    has("server goaway 7 NO_ERROR bye");
}

#[test]
fn padding_priority_and_continuation_are_taken_off() {
    let headers = block(&[
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "http"),
    ]);
    let rest = block(&[(":path", "/p"), (":authority", "a")]);
    let mut padded = vec![2, 0, 0, 0, 0, 1];
    padded.extend(&headers);
    padded.extend([0, 0]);
    let client = [
        client_start(),
        frame(
            FrameType::HEADERS,
            flag::PADDED | flag::PRIORITY,
            1,
            &padded,
        ),
        frame(FrameType::CONTINUATION, 0, 1, &rest[..5]),
        frame(FrameType::CONTINUATION, flag::END_HEADERS, 1, &rest[5..]),
        frame(FrameType::DATA, flag::PADDED, 1, b"\x03abc\0\0\0"),
        frame(FrameType(0x99), 0xff, 77, b"extension"),
        frame(FrameType::DATA, flag::PADDED | flag::END_STREAM, 1, b"\x00"),
    ]
    .concat();
    let lines = run(
        &Limits::default(),
        &[(S, server_start(1).into()), (C, client.into())],
    );
    let start = client_start().len();
    assert_eq!(
        lines[1],
        format!(
            "1 CONNECT /p {start}..{} 5",
            start + 9 + padded.len() + 9 + 5 + 9 + rest.len() - 5
        )
    );
    assert!(
        lines[2].starts_with("1 client data 0@") && lines[2].ends_with(" abc"),
        "{lines:#?}"
    );
    assert!(lines[3].starts_with("1 client end"), "{lines:#?}");
    assert_eq!(lines.len(), 4);
}

#[test]
fn an_upgraded_connection_has_stream_1_already() {
    let head = |text: &str| Head {
        raw: text.as_bytes().into(),
        start: crate::base::StartLine::Response {
            status: 0,
            reason: 0..0,
        },
        minor_version: 1,
        lines: [crate::base::HeaderLine {
            name: 0..14,
            value: 16..24,
        }]
        .into(),
    };
    let mut connection =
        Connection::after_upgrade(&head("HTTP2-Settings: AAUAAQAA"), &Limits::default()).at(S, 500);
    assert_eq!(connection.state.settings.client.max_frame, 65536);
    let mut log = Log::default();
    let get = block(&[(":method", "GET"), (":scheme", "http"), (":path", "/2")]);
    let pieces = [
        (
            S,
            [
                server_start(1),
                ok(1),
                frame(FrameType::DATA, 1, 1, &[b'x'; 60_000]),
            ]
            .concat()
            .into(),
        ),
        (C, client_start().into()),
        (C, frame(FrameType::HEADERS, 5, 3, &get).into()),
    ];
    feed(&mut connection, &pieces, &mut log);
    let lines = log.finish();
    assert!(lines[1].starts_with("3 GET /2 "), "{lines:#?}");
    assert_eq!(
        (lines.len(), connection.offset(S)),
        (2, 500 + 15 + 10 + 60_009)
    );
}

#[test]
fn connect_without_the_servers_word_is_told() {
    let told = |pieces: &[(Side, Piece)]| {
        let lines = run(&Limits::default(), pieces);
        lines
            .iter()
            .filter(|line| line.contains("extended-connect-not-enabled"))
            .count()
    };
    let client: Piece = [client_start(), connect(1)].concat().into();
    let bare: Piece = frame(FrameType::SETTINGS, 0, 0, &[]).into();
    assert_eq!(told(&[(S, bare.clone()), (C, client.clone())]), 1);
    assert_eq!(told(&[(C, client.clone()), (S, bare)]), 1);
    assert_eq!(told(&[(S, server_start(0).into()), (C, client.clone())]), 1);
    assert_eq!(told(&[(S, server_start(1).into()), (C, client.clone())]), 0);
    assert_eq!(told(&[(C, client.clone()), (S, server_start(1).into())]), 0);
    assert_eq!(
        told(&[(S, ok(1).into()), (C, client)]),
        0,
        "the server's start is not in the capture"
    );
}

#[test]
fn violations_are_told_and_do_not_stop() {
    let told = |bad: Vec<u8>| {
        let client = [client_start(), connect(1), bad, connect(9)].concat();
        let lines = run(
            &Limits::default(),
            &[(S, server_start(1).into()), (C, client.into())],
        );
        assert!(
            lines.iter().any(|line| line.starts_with("9 CONNECT")),
            "{lines:#?}"
        );
        let found: Vec<_> = lines
            .into_iter()
            .filter(|line| line.contains("http2-invalid"))
            .collect();
        assert_eq!(found.len(), 1, "{found:#?}");
        found[0].clone()
    };
    assert!(told(frame(FrameType::PING, 0, 0, b"short")).contains("PING frame must have 8 bytes"));
    assert!(told(frame(FrameType::DATA, 0, 0, b"x")).contains("must be on a stream"));
    assert!(told(frame(FrameType::DATA, 0, 1, &[0; 16_385])).contains("SETTINGS_MAX_FRAME_SIZE"));
    assert!(
        told(frame(FrameType::DATA, flag::PADDED, 1, &[9, 0]))
            .contains("more padding than payload")
    );
    assert!(
        told(frame(FrameType::HEADERS, flag::PADDED | 4, 1, &[9, 0]))
            .contains("more padding than payload")
    );
    assert!(told(frame(FrameType::CONTINUATION, 4, 1, &[])).contains("continues nothing"));
    assert!(told(frame(FrameType::HEADERS, 4, 1, &[0x80])).contains("index 0"));
    assert!(
        told(frame(FrameType::SETTINGS, 0, 0, &[0, 2, 0, 0, 0, 9]))
            .contains("SETTINGS_ENABLE_PUSH is 9")
    );
    assert!(told(frame(FrameType::WINDOW_UPDATE, 0, 1, &[0; 4])).contains("WINDOW_UPDATE by 0"));
    assert!(
        told(
            [
                frame(FrameType::HEADERS, 0, 3, &[0x82]),
                frame(FrameType::PING, 0, 0, &[0; 8])
            ]
            .concat()
        )
        .contains("inside the header block of stream 3")
    );
    let ended = [
        frame(FrameType::DATA, 1, 1, b"a"),
        frame(FrameType::DATA, 0, 1, b"b"),
    ]
    .concat();
    assert!(told(ended).contains("behind END_STREAM"));
    assert!(told(connect(4)).contains("numbers are odd"));
    let upper = block(&[
        (":method", "GET"),
        (":scheme", "http"),
        (":path", "/"),
        ("Upgrade", "x"),
    ]);
    assert!(told(frame(FrameType::HEADERS, 5, 5, &upper)).contains("not in lower case"));
}

#[test]
fn a_server_that_answers_in_http_1_is_told() {
    let answer = b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n".to_vec();
    let lines = run(
        &Limits::default(),
        &[(C, client_start().into()), (S, answer.into())],
    );
    assert_eq!(lines.len(), 1, "{lines:#?}");
    assert!(lines[0].contains("the server answers in HTTP/1"));
}

#[test]
fn a_gap_inside_a_payload_keeps_the_frames() {
    let data = frame(
        FrameType::DATA,
        flag::PADDED | flag::END_STREAM,
        1,
        b"\x04abcdefgh\0\0\0\0",
    );
    let start = [client_start(), connect(1)].concat();
    let pieces = |before: usize, len: u64| -> Vec<(Side, Piece)> {
        vec![
            (S, server_start(1).into()),
            (C, [&start[..], &data[..before]].concat().into()),
            (C, Piece::Gap(len)),
            (
                C,
                [&data[before + len as usize..], &connect(3)]
                    .concat()
                    .into(),
            ),
        ]
    };
    let after = |before, len| run(&Limits::default(), &pieces(before, len)).split_off(2);
    let at = start.len() + 10;
    assert_eq!(
        after(12, 3)[..4],
        [
            format!("1 client data 0@{at} ab"),
            "1 client gap 3".to_owned(),
            format!("1 client data 5@{} fgh", at + 5),
            format!("1 client end @{}", at + 8),
        ]
    );
    assert_eq!(after(12, 8)[1], "1 client gap 6");
    assert!(after(12, 8)[2].starts_with("1 client end"));
    assert_eq!(after(9, 5)[0], "1 client gap 12");
    for (before, len) in [
        (12, 3),
        (12, 6),
        (12, 8),
        (12, 10),
        (9, 1),
        (9, 13),
        (20, 2),
    ] {
        let lines = after(before, len);
        assert!(
            lines.last().unwrap().starts_with("3 CONNECT"),
            "{before} {len} {lines:#?}"
        );
    }
}

#[test]
fn a_gap_over_a_header_is_left_at_the_next_believable_one() {
    let pieces = [
        (S, server_start(1).into()),
        (
            C,
            [
                client_start(),
                connect(1),
                frame(FrameType::DATA, 0, 1, b"abc"),
            ]
            .concat()
            .into(),
        ),
        (C, Piece::Gap(100)),
        (C, b"rest of a payload".to_vec().into()),
        (
            C,
            [frame(FrameType::DATA, 0, 1, b"def"), connect(3)]
                .concat()
                .into(),
        ),
    ];
    let lines = run(&Limits::default(), &pieces);
    assert_eq!(lines[3], "client lost", "{lines:#?}");
    assert_eq!(
        lines[4],
        "client None lost-sync: no HTTP/2 frame header was found in 17 bytes"
    );
    assert!(
        lines[5].ends_with(" def") && lines[6].starts_with("3 CONNECT"),
        "{lines:#?}"
    );
}

#[test]
fn hostile_connections_stay_small() {
    let limits = Limits {
        http_head: 2000,
        hpack_table: 4096,
        http2_streams: 10,
        ..Limits::default()
    };
    let mut log = Log::default();
    let mut connection = Connection::new(&limits);
    connection.push(S, &server_start(1), &mut log);
    connection.push(C, &client_start(), &mut log);
    let mut check = |bytes: &[u8]| {
        connection.push(C, bytes, &mut log);
        assert!(connection.held() < 30_000, "{}", connection.held());
    };
    // A CONTINUATION flood.
    check(&frame(
        FrameType::HEADERS,
        0,
        1,
        &block(&[(":method", "GET")]),
    ));
    for _ in 0..10_000 {
        check(&frame(FrameType::CONTINUATION, 0, 1, &block(&[("a", "b")])));
    }
    // Header blocks over the limit, in one piece and in crumbs.
    check(&frame(FrameType::HEADERS, 4, 3, &[0; 16_000]));
    for piece in frame(FrameType::HEADERS, 4, 5, &[0; 16_000]).chunks(7) {
        check(piece);
    }
    // A table of 4 GiB, filled.
    check(&frame(
        FrameType::HEADERS,
        4,
        7,
        &[0x3f, 0xe0, 0xff, 0xff, 0xff, 0x0f],
    ));
    for n in 0..2000u32 {
        let mut insert = vec![0x40, 4];
        insert.extend(n.to_be_bytes());
        insert.push(100);
        insert.extend([b'v'; 100]);
        check(&frame(FrameType::HEADERS, 4, 7, &insert));
    }
    // Settings, GOAWAY and unknown frames of any size.
    for kind in [FrameType::SETTINGS, FrameType::GOAWAY, FrameType(0xee)] {
        check(&frame(kind, 0, 0, &vec![1; 300_000]));
    }
    // Streams without end, once frames are found again.
    for n in 0..5000 {
        check(&connect(101 + 2 * n));
    }
    let lines = log.finish();
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.contains("head-too-long"))
            .count(),
        3
    );
    assert_eq!(
        lines
            .iter()
            .filter(|line| line.ends_with("dropped"))
            .count(),
        4990
    );
}

fn whole_and_cut(pieces: &[(Side, Vec<u8>)], cut: usize) -> (Vec<String>, Vec<String>) {
    let run = |len: usize| {
        let mut log = Log::default();
        let mut connection = Connection::new(&Limits::default());
        for (from, bytes) in pieces {
            for chunk in bytes.chunks(len) {
                connection.push(*from, chunk, &mut log);
            }
        }
        log.finish()
    };
    (run(usize::MAX), run(cut))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn any_cut_of_the_session_gives_the_same(cut in 1..60usize) {
        let (whole, cut) = whole_and_cut(&session(), cut);
        prop_assert_eq!(cut, whole);
    }

    /// Frames of every type with any flags and payload: the same in any cut, and no panic.
    #[test]
    fn any_cut_of_any_frames_gives_the_same(
        frames in prop::collection::vec((any::<bool>(), 0..11u8, any::<u8>(), 0..6u32, prop::collection::vec(any::<u8>(), 0..30)), 0..20),
        cut in 1..12usize,
    ) {
        let mut pieces = vec![(S, server_start(1)), (C, [client_start(), connect(1)].concat()), (S, ok(1))];
        for (client, kind, flags, stream, payload) in frames {
            pieces.push((if client { C } else { S }, frame(FrameType(kind), flags, stream, &payload)));
        }
        let (whole, cut) = whole_and_cut(&pieces, cut);
        prop_assert_eq!(cut, whole);
    }

    #[test]
    fn nothing_panics(pieces in prop::collection::vec((any::<bool>(), prop::collection::vec(any::<u8>(), 0..40), 0..80u64, 0..14usize), 0..20), whole in any::<bool>()) {
        let mut all: Vec<(Side, Piece)> = Vec::new();
        if whole {
            all.extend([(C, client_start().into()), (S, server_start(1).into())]);
        }
        let session = session();
        for (client, bytes, gap, at) in pieces {
            let from = if client { C } else { S };
            all.extend([(from, bytes.into()), (from, Piece::Gap(gap)), (from, session[at].1.clone().into())]);
        }
        run(&Limits::default(), &all);
    }
}
