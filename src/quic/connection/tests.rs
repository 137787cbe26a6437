//! A connection by the packets of RFC 9001 appendix A, and streams in whatever order they come.

use std::ops::Range;

use proptest::prelude::*;

use super::super::close::Close;
use super::*;

#[derive(Default)]
struct Events(Vec<String>);

impl EventSink for Events {
    fn opened(&mut self, from: Side, offset: u64, bytes: &[u8], packet: Range<usize>) {
        self.0
            .push(format!("{from} opened {offset}+{} {packet:?}", bytes.len()));
    }

    fn data(&mut self, stream: u64, from: Side, bytes: &[u8], piece: Piece) -> bool {
        let text = String::from_utf8_lossy(bytes);
        self.0.push(format!("{from} {stream} {text} @{}", piece.at));
        stream != 8
    }

    fn gap(&mut self, stream: u64, from: Side, len: u64) -> bool {
        self.0.push(format!("{from} {stream} gap {len}"));
        true
    }

    fn end(&mut self, stream: u64, from: Side) {
        self.0.push(format!("{from} {stream} end"));
    }

    fn reset(&mut self, stream: u64, from: Side, code: u64) {
        self.0.push(format!("{from} {stream} reset {code}"));
    }

    fn dropped(&mut self, stream: u64) {
        self.0.push(format!("{stream} dropped"));
    }

    fn closed(&mut self, from: Side, close: &Close) {
        self.0.push(format!("{from} closed {}", close.code));
    }

    fn forgotten(&mut self, from: Side) {
        self.0.push(format!("{from} forgotten"));
    }

    fn finding(&mut self, from: Side, finding: Finding) {
        self.0.push(format!("{from} {}", finding.code));
    }
}

#[test]
fn initial_packets_tell_names_versions_and_ids() {
    for (vectors, version) in [
        (super::super::levels::tests::V1, Version::V1),
        (super::super::levels::tests::V2, Version::V2),
    ] {
        let mut connection = Connection::new(&Limits::default());
        let (keys, mut events) = (KeyLog::new(), Events::default());
        for (from, packet) in [
            (Side::Client, vectors.client),
            (Side::Server, vectors.server),
        ] {
            let bytes = hex::decode(packet).unwrap();
            let received = Received {
                from,
                bytes: &bytes,
                packet: PacketNumber(1),
                time: Timestamp(0),
            };
            connection.push(received, &keys, &mut events);
        }
        let (tls, summary) = (connection.tls(), connection.summary());
        assert_eq!(tls.server_name.as_deref(), Some("example.com"));
        assert_eq!(tls.alpn_offered, ["alpn"]);
        assert_eq!(tls.version.unwrap().to_string(), "TLS 1.3");
        assert_eq!(
            (summary.version_offered, summary.version),
            (Some(version), Some(version))
        );
        let hex = |id: Option<ConnectionId>| id.unwrap().to_string();
        assert_eq!(hex(summary.original_id), "8394c8f03e515708");
        assert_eq!(hex(summary.ids.server), "f067a5502a4262b5");
        assert_eq!(
            (summary.opened.client, summary.opened.server),
            (1, 1),
            "{summary:?}"
        );
        let ids: Vec<String> = connection
            .take_new_ids()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(ids, ["8394c8f03e515708", "f067a5502a4262b5"]);
        assert!(events.0.is_empty());
    }
}

/// Runs STREAM frames of the client: stream, offset, text, whether it ends there.
fn streams(frames: &[(u64, u64, &str, bool)]) -> (Vec<String>, Streams) {
    let mut streams = Streams::new(&Limits::default());
    let mut events = Events::default();
    for (at, (stream, offset, text, fin)) in frames.iter().enumerate() {
        let piece = Piece {
            packet: PacketNumber(1),
            number: at as u64,
            at: *offset,
        };
        let now = Timestamp(at as i64 * 1_000_000_000);
        let run = (*offset, text.as_bytes(), piece);
        streams.data((*stream, Side::Client), run, *fin, now, &mut events);
        streams.advance(now, &mut events);
    }
    (events.0, streams)
}

#[test]
fn streams_come_in_order_once() {
    let (seen, kept) = streams(&[
        (4, 0, "later", true),
        (0, 2, "cd", true),
        (0, 0, "abc", false),
        (0, 0, "ab", false),
        (4, 0, "later", true),
    ]);
    let expected = [
        "client 4 later @0",
        "client 4 end",
        "client 0 abc @0",
        "client 0 d @3",
        "client 0 end",
    ];
    assert_eq!(seen, expected);
    assert!(kept.memory() < 2000);
}

#[test]
fn what_is_not_wanted_is_kept_no_more_and_what_is_lost_is_a_gap() {
    let (seen, kept) = streams(&[
        (8, 0, "no", false),
        (8, 4, "more", false),
        (0, 3, "late", false),
        (0, 9, "later", false),
        (4, 0, "x", false),
        (4, 1, "y", false),
        (4, 2, "z", false),
    ]);
    let expected = [
        "client 8 no @0",
        "client 4 x @0",
        "client 4 y @1",
        "client 4 z @2",
        "client 0 gap 3",
        "client 0 late @3",
    ];
    assert_eq!(seen, expected);
    let mut events = Events::default();
    let mut kept = kept;
    kept.finish(&mut events);
    assert_eq!(events.0, ["client 0 gap 2", "client 0 later @9"]);
}

/// Pushes frames as packets with these numbers; what came of it, and the connection.
fn numbered(packets: &[(Side, u64, &[u8])]) -> Vec<String> {
    let mut connection = Connection::new(&Limits::default());
    let mut events = Events::default();
    for (from, number, frames) in packets {
        let received = Received {
            from: *from,
            bytes: frames,
            packet: PacketNumber(*number),
            time: Timestamp(*number as i64),
        };
        connection.push_frames(received, frames, &mut events);
    }
    let is_told = |event: &String| !event.contains("opened");
    events.0.into_iter().filter(is_told).collect()
}

#[test]
fn what_the_peer_has_and_the_capture_has_not_is_a_hole_at_once() {
    const C: Side = Side::Client;
    const S: Side = Side::Server;
    let first: &[u8] = &[0x0e, 0, 0, 2, b'a', b'b'];
    let third: &[u8] = &[0x0e, 0, 4, 2, b'e', b'f'];
    let fifth: &[u8] = &[0x0e, 0, 8, 2, b'i', b'j'];
    // Packets 2 and 4 are not in the capture.
    let up_to_5: &[u8] = &[2, 5, 0, 0, 5];
    let all = [(C, 1, first), (C, 3, third), (S, 1, up_to_5)];
    assert_eq!(numbered(&all).len(), 3);
    assert!(numbered(&all)[1].ends_with("gap 2"), "{:?}", numbered(&all));
    // Both holes at once.
    let both = [(C, 1, first), (C, 3, third), (C, 5, fifth), (S, 1, up_to_5)];
    let told = numbered(&both);
    let gaps = told.iter().filter(|event| event.ends_with("gap 2")).count();
    assert_eq!((told.len(), gaps), (5, 2), "{told:?}");
    // 2 is missing at the peer too: it will come again.
    let not_2: &[u8] = &[2, 5, 0, 1, 2, 0, 0];
    let told = numbered(&[(C, 1, first), (C, 3, third), (S, 1, not_2)]);
    assert_eq!(told.len(), 1, "{told:?}");
    // Nothing is missing in between: the sender has yet to send it.
    let told = numbered(&[(C, 1, first), (C, 2, third), (S, 1, up_to_5)]);
    assert_eq!(told.len(), 1, "{told:?}");
    // The beginning of a stream behind a packet of another.
    let other: &[u8] = &[0x0e, 4, 0, 1, b'x'];
    let told = numbered(&[(C, 1, other), (C, 3, third), (S, 1, up_to_5)]);
    assert!(told[1].ends_with("0 gap 4"), "{told:?}");
}

proptest! {
    /// STREAM frames with small numbers in any order and overlap, and anything else: what is kept stays within its limit, and
    /// each side's bytes of a stream come once.
    #[test]
    fn any_frames_are_read_within_bounds(
        packets in prop::collection::vec(
            prop_oneof![
                prop::collection::vec(any::<u8>(), 0..60),
                (0u8..12, 0u8..60, 0u8..60, 8u8..16).prop_map(|(stream, offset, len, kind)| {
                    let mut frame = vec![kind | 6, stream, offset, len];
                    frame.extend((offset..offset + len).collect::<Vec<_>>());
                    frame
                }),
            ],
            0..60,
        ),
    ) {
        let limits = Limits { held_bytes: 600, http2_streams: 4, ..Limits::default() };
        let mut connection = Connection::new(&limits);
        let mut events = Events::default();
        for (at, frames) in packets.iter().enumerate() {
            let from = if at % 3 == 0 { Side::Server } else { Side::Client };
            let time = Timestamp(at as i64 * 400_000_000);
            let received = Received { from, bytes: frames, packet: PacketNumber(1), time };
            connection.push_frames(received, frames, &mut events);
            connection.push(received, &KeyLog::new(), &mut events);
            prop_assert!(connection.streams.memory() <= 600 + 200 + 5 * 400);
        }
        connection.finish(&mut events);
    }
}
