//! What streams decode, whatever the cuts.

use flate2::{Compress, Compression as Level, FlushCompress};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use super::*;
use crate::base::{Code, Finding};
use crate::websocket::deflate::Parameters;

/// Everything a stream told, as text, so that two runs compare whole.
#[derive(Default)]
struct Told {
    lines: Vec<String>,
    codes: Vec<Code>,
    data: Vec<Option<Vec<u8>>>,
}

impl FrameSink for Told {
    fn frame(&mut self, frame: &Frame<'_>) {
        let mut buffer = Vec::new();
        let payload = frame.payload(&mut buffer).map(hex::encode);
        self.lines.push(format!(
            "frame {} at {} {:?} captured {} completes {} compressed {} payload {payload:?}",
            frame.index,
            frame.stream_offset,
            frame.header,
            frame.captured_length,
            frame.completes_message(),
            frame.compressed
        ));
    }

    fn message(&mut self, message: &Message<'_>) {
        self.data.push(message.data.map(<[u8]>::to_vec));
        self.lines.push(format!("{message:?}"));
    }

    fn finding(&mut self, about: About, finding: Finding) {
        self.codes.push(finding.code);
        self.lines.push(format!("{about:?}: {finding:?}"));
    }
}

const ALL: [Needs; 2] = [Needs::PAYLOAD, Needs::MESSAGES];

fn everything() -> Needs {
    ALL.into_iter()
        .fold(Needs::DIGEST | Needs::FINDINGS, |all, need| all | need)
}

fn with(compression: Compression) -> Negotiated {
    Negotiated {
        version: Some(13),
        compression,
        ..Negotiated::default()
    }
}

fn tell(side: Side, compression: Compression, needs: Needs, pushes: &[&[u8]]) -> Told {
    tell_under(&Limits::default(), side, compression, needs, pushes)
}

fn tell_under(
    limits: &Limits,
    side: Side,
    compression: Compression,
    needs: Needs,
    pushes: &[&[u8]],
) -> Told {
    let mut scratch = Scratch::new(limits);
    let mut stream = Stream::new(side, &with(compression), needs, 100);
    let mut told = Told::default();
    for bytes in pushes {
        stream.push(bytes, &mut scratch, &mut told);
    }
    stream.finish(&mut scratch, &mut told);
    told
}

fn codes(side: Side, bytes: &[u8]) -> Vec<Code> {
    tell(side, Compression::None, everything(), &[bytes]).codes
}

fn server(bytes: &[u8]) -> Told {
    tell(Side::Server, Compression::None, everything(), &[bytes])
}

fn deflated(parameters: Parameters, bytes: &[u8]) -> Told {
    tell(
        Side::Server,
        Compression::Message(parameters),
        everything(),
        &[bytes],
    )
}

fn text(told: &Told, index: usize) -> &[u8] {
    told.data[index].as_deref().unwrap_or(b"<none>")
}

#[test]
fn the_examples_of_rfc_6455_5_7() {
    let told = server(b"\x81\x05Hello\x01\x03Hel\x89\x05Hello\x80\x02lo");
    assert_eq!(text(&told, 0), b"Hello");
    assert_eq!(text(&told, 1), b"Hello");
    assert_eq!(text(&told, 2), b"Hello");
    assert_eq!((told.lines.len(), told.codes.len()), (7, 0));

    let masked =
        b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58\x8a\x85\x37\xfa\x21\x3e\x7f\x9f\x4d\x52\x58";
    let told = tell(Side::Client, Compression::None, everything(), &[masked]);
    assert_eq!(
        (text(&told, 0), text(&told, 1)),
        (&b"Hello"[..], &b"Hello"[..])
    );
    assert_eq!(told.codes, []);

    let mut long = b"\x82\x7f\0\0\0\0\0\x01\0\0".to_vec();
    long.resize(10 + 65536, 7);
    let told = server(&long);
    assert_eq!(text(&told, 0), &[7; 65536]);
}

#[test]
fn the_examples_of_rfc_7692_7_2_3() {
    let hello = b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00";
    let agreed = Parameters::default();
    assert_eq!(text(&deflated(agreed, hello), 0), b"Hello");
    let fragments = b"\x41\x03\xf2\x48\xcd\x80\x04\xc9\xc9\x07\x00";
    assert_eq!(text(&deflated(agreed, fragments), 0), b"Hello");
    // With the window of the first message, the second is shorter.
    let shared = [&hello[..], b"\xc1\x05\xf2\x00\x11\x00\x00"].concat();
    let told = deflated(agreed, &shared);
    assert_eq!(
        (text(&told, 0), text(&told, 1)),
        (&b"Hello"[..], &b"Hello"[..])
    );
    // A block without compression; a block with BFINAL set; two blocks in one message.
    let stored = b"\xc1\x0b\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00";
    let ended = b"\xc1\x08\xf3\x48\xcd\xc9\xc9\x07\x00\x00";
    let blocks = b"\xc1\x0d\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00";
    for (case, bytes) in [&stored[..], ended, blocks].into_iter().enumerate() {
        let told = deflated(agreed, &[bytes, hello].concat());
        assert_eq!((case, text(&told, 0)), (case, &b"Hello"[..]));
        assert_eq!((case, text(&told, 1)), (case, &b"Hello"[..]));
        assert_eq!(told.codes, []);
    }
    // An empty message is one empty block.
    let told = deflated(agreed, b"\xc1\x01\x00\x81\x00");
    assert_eq!((text(&told, 0), text(&told, 1)), (&b""[..], &b""[..]));
}

#[test]
fn each_rule_is_told_once_and_decoding_goes_on() {
    let after = b"\x81\x02ok";
    let cases: &[(&[u8], &[Code])] = &[
        (b"\x81\x80\x01\x02\x03\x04", &[Code::ServerFrameMasked]),
        (b"\xc1\x01a", &[Code::ReservedBitSet]),
        (b"\xa1\x01a", &[Code::ReservedBitSet]),
        (b"\xf1\x01a", &[Code::ReservedBitSet]),
        (b"\x83\x01a", &[Code::ReservedOpcode]),
        (b"\x8f\x01a", &[Code::ReservedOpcode]),
        (b"\x09\x01a", &[Code::ControlFrameFragmented]),
        (b"\x81\x7e\x00\x01a", &[Code::LengthNotMinimal]),
        (b"\x81\x7f\0\0\0\0\0\0\0\x01a", &[Code::LengthNotMinimal]),
        (b"\x80\x01a", &[Code::ContinuationWithoutStart]),
        (b"\x01\x01a", &[Code::MessageInterrupted]),
        (b"\x81\x02\xc3(", &[Code::InvalidUtf8]),
        (b"\x01\x01\xc3\x80\x01(", &[Code::InvalidUtf8]),
        (b"\x81\x01\xc3", &[Code::InvalidUtf8]),
        (
            b"\x88\x04\x03\xe8\xc3(",
            &[Code::InvalidUtf8, Code::DataAfterClose],
        ),
        (
            b"\x88\x02\x03\xed",
            &[Code::CloseCodeInvalid, Code::DataAfterClose],
        ),
        (
            b"\x88\x01\x03",
            &[Code::CloseBodyInvalid, Code::DataAfterClose],
        ),
        (b"\x88\x00", &[Code::DataAfterClose]),
    ];
    for (bytes, expected) in cases {
        let told = server(&[bytes, &after[..]].concat());
        assert_eq!(told.codes, *expected, "{bytes:02x?}");
        assert_eq!(
            told.data.last().unwrap().as_deref(),
            Some(&b"ok"[..]),
            "{bytes:02x?}"
        );
    }
    let long = [b"\x89\x7e\x00\x7e", &[b'a'; 126][..], after].concat();
    assert_eq!(codes(Side::Server, &long), [Code::ControlFrameTooLong]);
    let cases: &[(&[u8], &[Code])] = &[
        (b"\x81\x01a", &[Code::ClientFrameUnmasked]),
        (b"\x81\x81\0\0\0\0a", &[Code::MaskingKeyZero]),
        (
            b"\x82\x80\x01\x02\x03\x04\x82\x80\x01\x02\x03\x04",
            &[Code::MaskingKeyReused],
        ),
    ];
    for (bytes, expected) in cases {
        assert_eq!(codes(Side::Client, bytes), *expected, "{bytes:02x?}");
    }
}

#[test]
fn drafts_before_14_may_write_a_length_in_more_bytes() {
    let negotiated = Negotiated {
        version: Some(8),
        ..Negotiated::default()
    };
    let mut stream = Stream::new(Side::Server, &negotiated, Needs::HEADERS, 0);
    let (mut scratch, mut told) = (Scratch::new(&Limits::default()), Told::default());
    stream.push(b"\x81\x7e\x00\x01a", &mut scratch, &mut told);
    assert_eq!(told.codes, []);
}

#[test]
fn an_idle_stream_is_small() {
    assert!(size_of::<Stream>() <= 200, "{}", size_of::<Stream>());
}

/// What one side sends and what is missing between.
enum Step<'a> {
    Push(&'a [u8]),
    Gap(u64),
}
use Step::{Gap, Push};

fn walk(side: Side, compression: Compression, limits: &Limits, steps: &[Step<'_>]) -> Told {
    let mut scratch = Scratch::new(limits);
    let mut stream = Stream::new(side, &with(compression), everything(), 0);
    let mut told = Told::default();
    for step in steps {
        match step {
            Push(bytes) => stream.push(bytes, &mut scratch, &mut told),
            Gap(len) => stream.gap(*len, &mut scratch, &mut told),
        }
    }
    stream.finish(&mut scratch, &mut told);
    told
}

fn plain(steps: &[Step<'_>]) -> Told {
    walk(Side::Server, Compression::None, &Limits::default(), steps)
}

#[test]
fn a_hole_in_a_payload_keeps_the_next_boundary() {
    let told = plain(&[Push(b"\x81\x0aabc"), Gap(4), Push(b"hij\x81\x02ok")]);
    assert_eq!(told.codes, []);
    assert!(told.lines[0].contains("captured 6"), "{:?}", told.lines);
    assert!(told.lines[1].contains("wire_length: 10, length: Some(10), complete: false"));
    assert_eq!((text(&told, 0), text(&told, 1)), (&b"abc"[..], &b"ok"[..]));
    // The hole may reach the very end of the frame.
    let told = plain(&[Push(b"\x81\x0aabc"), Gap(7), Push(b"\x81\x02ok")]);
    assert_eq!((told.codes.len(), text(&told, 1)), (0, &b"ok"[..]));
}

#[test]
fn a_hole_over_a_header_is_told_once_and_the_next_segment_read() {
    let told = plain(&[
        Push(b"\x81\x0aabc"),
        Gap(100),
        Push(b"\x81\x02ok\x81\x03yes"),
    ]);
    assert_eq!(told.codes, [Code::LostSync]);
    assert_eq!((text(&told, 1), text(&told, 2)), (&b"ok"[..], &b"yes"[..]));
}

#[test]
fn a_boundary_in_mid_segment_is_found_after_other_bytes() {
    let mut rest = vec![0xab; 777];
    rest.extend(frame(0x81, None, b"{\"event\":\"found\",\"price\":1}"));
    rest.extend(frame(0x81, None, b"{\"event\":\"again\"}"));
    let told = plain(&[Push(b"\x82\x7e\x10\x00abc"), Gap(5000), Push(&rest)]);
    assert_eq!(told.codes, [Code::LostSync]);
    assert!(
        told.lines
            .iter()
            .any(|line| line.contains("777 bytes were passed over")),
        "{:?}",
        told.lines
    );
    assert_eq!(text(&told, 2), b"{\"event\":\"again\"}");
    // The same for a client's masked frames, one byte at a time.
    let mut masked = vec![0x33; 50];
    for key in 1..9 {
        masked.extend(frame(
            0x81,
            Some([key, 0x9a, 0x3c, 0x77]),
            b"{\"id\":12345678,\"do\":\"it\"}",
        ));
    }
    let mut steps = vec![Push(&b"\x81"[..]), Gap(10)];
    steps.extend(masked.chunks(1).map(Push));
    let told = walk(Side::Client, Compression::None, &Limits::default(), &steps);
    assert_eq!((told.codes, told.data.len()), (vec![Code::LostSync], 8));
}

#[test]
fn a_search_that_finds_nothing_is_told_and_keeps_little() {
    let limits = Limits {
        resync_window: 1000,
        ..Limits::default()
    };
    let noise = vec![0xff; 700];
    let mut steps = vec![Gap(1)];
    steps.extend((0..100).map(|_| Push(&noise)));
    let told = walk(Side::Server, Compression::None, &limits, &steps);
    assert_eq!(told.codes, [Code::LostSync]);
    assert!(
        told.lines[0].contains("none was found in the 70000 bytes"),
        "{:?}",
        told.lines
    );
}

#[test]
fn searching_costs_linear_time_on_bytes_made_to_mislead() {
    // Frames that look right and lead to a length no frame has, again and again.
    let mut bait = frame(0x81, None, b"plausible text of some length, over and over");
    bait.extend(b"\x82\x7f\xff\xff\xff\xff\xff\xff\xff\xff");
    let bytes = bait.repeat(10_000);
    let start = std::time::Instant::now();
    let told = plain(&[Gap(1), Push(&bytes)]);
    assert_eq!(told.codes, [Code::LostSync]);
    // Unoptimised code takes a second; quadratic work would take an hour.
    assert!(start.elapsed().as_secs() < 60, "{:?}", start.elapsed());
}

#[test]
fn http_where_a_frame_should_begin_is_passed_over() {
    let told = server(b"\x81\x02okHTTP/1.1 502 Bad Gateway\r\nServer: nginx\r\n\r\n");
    assert_eq!(told.codes, [Code::HttpInsideFrames, Code::LostSync]);
    assert_eq!(told.data.len(), 1);
    let told = plain(&[
        Push(b"\x81\x02ok"),
        Push(b"HT"),
        Push(b"TP/1.1 400 Bad\r\n\r\n"),
        Push(b"\x81\x03yes"),
    ]);
    assert_eq!(told.codes, [Code::HttpInsideFrames, Code::LostSync]);
    assert_eq!(text(&told, 1), b"yes");
    // What only begins like HTTP is the frame it is.
    let told = plain(&[Push(b"HTT"), Push(&[1; 83])]);
    assert_eq!(
        told.codes,
        [
            Code::ReservedBitSet,
            Code::ControlFrameFragmented,
            Code::CloseCodeInvalid
        ]
    );
}

#[test]
fn a_length_beyond_63_bits_ends_the_frame_and_a_huge_one_costs_nothing() {
    let told = plain(&[Push(b"\x82\x7f\x80\0\0\0\0\0\0\x05"), Push(b"\x81\x02ok")]);
    assert_eq!(told.codes, [Code::LengthInvalid, Code::LostSync]);
    assert_eq!(text(&told, 1), b"ok");
    let told = plain(&[
        Push(b"\x82\x7f\x7f\xff\xff\xff\xff\xff\xff\xffabc"),
        Gap(u64::MAX / 4),
    ]);
    assert_eq!((told.codes.len(), text(&told, 0)), (0, &b"abc"[..]));
}

fn taking_over() -> Compression {
    Compression::Message(Parameters::default())
}

const TEXTS: [&[u8]; 4] = [
    b"the quick brown fox jumps over the lazy dog",
    b"the quick brown fox jumps over the lazy cat",
    b"the lazy cat jumps over the quick brown fox",
    b"the quick brown fox jumps over the lazy dog again",
];

#[test]
fn a_lost_context_is_told_once_and_nothing_is_made_up() {
    let frames: Vec<_> = compressed(&TEXTS)
        .iter()
        .map(|data| frame(0xc1, None, data))
        .collect();
    let lost = frames[1].len() as u64 - 2;
    let steps = [
        Push(&frames[0]),
        Push(&frames[1][..2]),
        Gap(lost),
        Push(&frames[2]),
        Push(&frames[3]),
    ];
    let told = walk(Side::Server, taking_over(), &Limits::default(), &steps);
    assert_eq!(told.codes, [Code::DeflateContextLost]);
    assert_eq!(told.data[0].as_deref(), Some(TEXTS[0]));
    assert_eq!((&told.data[2], &told.data[3]), (&None, &None));
    assert!(
        told.lines[5].contains("length: None, complete: true"),
        "{:?}",
        told.lines
    );

    // Messages that refer to nothing lost are read again, whatever was agreed on.
    let fresh: Vec<_> = TEXTS
        .iter()
        .map(|text| frame(0xc1, None, &compressed(&[text])[0]))
        .collect();
    let none = Compression::Message(Parameters {
        server_no_context_takeover: true,
        ..Parameters::default()
    });
    for compression in [none, taking_over()] {
        let steps = [
            Push(&fresh[0]),
            Push(&fresh[1][..9]),
            Gap(fresh[1].len() as u64 - 9),
            Push(&fresh[2]),
            Push(&fresh[3]),
        ];
        let told = walk(Side::Server, compression, &Limits::default(), &steps);
        assert_eq!(told.codes, []);
        assert_eq!((text(&told, 2), text(&told, 3)), (TEXTS[2], TEXTS[3]));
    }
}

#[test]
fn compressed_or_not_and_controls_between_fragments_in_one_connection() {
    let data = compressed(&[TEXTS[0], TEXTS[1]]);
    let (head, tail) = data[1].split_at(4);
    let bytes = [
        frame(0xc1, None, &data[0]),
        frame(0x81, None, b"plain"),
        frame(0x41, None, b""),
        frame(0x89, None, b"ping"),
        frame(0x00, None, head),
        frame(0x80, None, tail),
    ]
    .concat();
    let told = tell(Side::Server, taking_over(), everything(), &[&bytes]);
    assert_eq!(told.codes, []);
    assert_eq!(
        told.data,
        [
            Some(TEXTS[0]),
            Some(b"plain"),
            Some(b"ping"),
            Some(TEXTS[1])
        ]
        .map(|data| data.map(<[u8]>::to_vec))
    );
}

#[test]
fn what_does_not_inflate_is_told() {
    let bytes = [frame(0xc1, None, b"\xff\xff\xff"), frame(0x81, None, b"ok")].concat();
    let told = tell(Side::Server, taking_over(), everything(), &[&bytes]);
    assert_eq!(
        (told.codes.clone(), text(&told, 1)),
        (vec![Code::DeflateInvalid], &b"ok"[..])
    );
}

#[test]
fn a_bomb_stops_at_the_limit_and_long_messages_are_truncated() {
    let limits = Limits {
        inflated: 300_000,
        kept_payload: 1000,
        ..Limits::default()
    };
    let bomb = compressed(&[&vec![b'a'; 1_000_000]]).remove(0);
    let long = compressed(&[&vec![b'b'; 200_000]]).remove(0);
    let bytes = [
        frame(0xc1, None, &bomb),
        frame(0xc1, None, &long),
        frame(0x81, None, &[b'c'; 5000]),
    ]
    .concat();
    let told = walk(Side::Server, taking_over(), &limits, &[Push(&bytes)]);
    assert_eq!(told.codes, [Code::InflateLimit]);
    assert!(
        told.lines[1].contains("length: None, complete: true"),
        "{}",
        told.lines[1]
    );
    assert!(
        told.lines[4]
            .contains("length: Some(200000), complete: true, valid_utf8: Some(true), data: None"),
        "{}",
        told.lines[4]
    );
    assert!(
        told.lines[6].contains("truncated: true, sha256: Some"),
        "{}",
        told.lines[6]
    );
    assert_eq!(told.data, [None, None, None]);
}

#[test]
fn frames_compressed_one_by_one_are_inflated() {
    let data = compressed(&[TEXTS[0], TEXTS[1]]);
    let bytes = [frame(0x41, None, &data[0]), frame(0xc0, None, &data[1])].concat();
    let told = tell(Side::Server, Compression::Frame, everything(), &[&bytes]);
    assert_eq!(
        (told.codes.len(), text(&told, 0)),
        (0, &[TEXTS[0], TEXTS[1]].concat()[..])
    );
}

#[test]
fn a_stream_joined_in_mid_message_is_no_violation() {
    let told = tell(
        Side::Server,
        Compression::Presumed,
        everything(),
        &[b"\x00\x01a\x80\x01b\x81\x02ok\x80\x01c"],
    );
    assert_eq!(told.codes, [Code::ContinuationWithoutStart]);
    assert_eq!(told.data.len(), 1);
}

#[test]
fn the_end_tells_what_was_begun() {
    let told = server(b"\x01\x03abc\x80\x05de");
    assert_eq!(told.data, [Some(b"abcde".to_vec())]);
    assert!(told.lines[1].contains("captured 2"), "{:?}", told.lines);
    assert!(told.lines[2].contains("complete: false") && told.lines[2].contains("frame_count: 2"));
}

#[test]
fn headers_alone_touch_no_payload() {
    let data = frame(0xc1, None, &compressed(&[TEXTS[0]])[0]);
    let bytes = [
        data,
        frame(0x81, None, b"\xff"),
        frame(0x88, None, b"\x03\xe8bye"),
    ]
    .concat();
    let told = tell(Side::Server, taking_over(), Needs::HEADERS, &[&bytes]);
    assert_eq!(told.codes, []);
    assert!(
        told.lines[1].contains("compressed: true")
            && told.lines[1].contains("length: None, complete: true"),
        "{:?}",
        told.lines
    );
    assert!(told.lines[3].contains("data: None"), "{:?}", told.lines);
    assert!(
        told.lines[5].contains("CloseCode(1000)"),
        "{:?}",
        told.lines
    );
}

proptest! {
    #[test]
    fn any_cut_tells_the_same(bytes in traffic(), cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..8), client: bool, deflate in 0usize..4) {
        let side = if client { Side::Client } else { Side::Server };
        let compression = [
            Compression::None, Compression::Message(Parameters::default()), Compression::Frame,
            Compression::Message(Parameters { client_no_context_takeover: true, server_no_context_takeover: true, ..Parameters::default() }),
        ][deflate];
        let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pushes: Vec<&[u8]> = cuts.windows(2).map(|ends| &bytes[ends[0]..ends[1]]).collect();
        let small = Limits { kept_payload: 16, fragments: 2, inflated: 50, ..Limits::default() };
        for limits in [Limits::default(), small] {
            for needs in [everything(), Needs::PAYLOAD, Needs::PAYLOAD | Needs::MESSAGES] {
                let whole = tell_under(&limits, side, compression, needs, &[&bytes]);
                let cut = tell_under(&limits, side, compression, needs, &pushes);
                if !whole.codes.contains(&Code::LostSync) {
                    prop_assert_eq!(whole.lines, cut.lines);
                }
            }
        }
    }

    #[test]
    fn no_input_panics(pieces in prop::collection::vec((prop::collection::vec(any::<u8>(), 0..200), 0u64..300), 0..20), client: bool, bits in 0u8..3) {
        let side = if client { Side::Client } else { Side::Server };
        let needs = [Needs::HEADERS, Needs::FINDINGS, everything()][usize::from(bits)];
        let mut scratch = Scratch::new(&Limits::default());
        let mut stream = Stream::new(side, &with(Compression::Presumed), needs, 0);
        let mut told = Told::default();
        for (bytes, gap) in &pieces {
            stream.push(bytes, &mut scratch, &mut told);
            if *gap < 100 {
                stream.gap(*gap, &mut scratch, &mut told);
            }
        }
        stream.finish(&mut scratch, &mut told);
    }
}

/// Frames of all kinds, right and wrong, some cut short.
fn traffic() -> impl Strategy<Value = Vec<u8>> {
    let frame = (
        prop::sample::select(vec![
            0x81, 0x82, 0x01, 0x02, 0x80, 0x00, 0x88, 0x89, 0x8a, 0xc1, 0x41, 0xc2, 0x48, 0x47,
            0x83, 0x09, 0xc0,
        ]),
        any::<Option<[u8; 4]>>(),
        prop_oneof![
            "[a-zé日]{0,20}".prop_map(String::into_bytes),
            "[a-z]{0,9}".prop_map(|text| compressed(&[text.as_bytes()]).remove(0)),
            prop::collection::vec(any::<u8>(), 0..8),
            prop::collection::vec(any::<u8>(), 120..140),
        ],
    )
        .prop_map(|(byte0, key, payload)| frame(byte0, key, &payload));
    (
        prop::collection::vec(frame, 0..12),
        any::<bool>(),
        any::<prop::sample::Index>(),
    )
        .prop_map(|(frames, cut, at)| {
            let mut bytes = frames.concat();
            if cut {
                bytes.truncate(at.index(bytes.len() + 1));
            }
            bytes
        })
}

fn frame(byte0: u8, key: Option<[u8; 4]>, payload: &[u8]) -> Vec<u8> {
    let mask_bit = if key.is_some() { 0x80 } else { 0 };
    let mut bytes = match payload.len() {
        len @ 0..126 => vec![byte0, mask_bit | len as u8],
        len @ 126..0x10000 => vec![byte0, mask_bit | 126, (len >> 8) as u8, len as u8],
        len => [&[byte0, mask_bit | 127][..], &(len as u64).to_be_bytes()].concat(),
    };
    bytes.extend(key.into_iter().flatten());
    crate::websocket::mask::unmask_into(payload, key.unwrap_or_default(), 0, &mut bytes);
    bytes
}

/// The messages as one permessage-deflate sender with one context writes them.
fn compressed(messages: &[&[u8]]) -> Vec<Vec<u8>> {
    let mut compress = Compress::new(Level::default(), false);
    let each = messages.iter().map(|message| {
        let mut out = Vec::with_capacity(message.len() + 1000);
        compress
            .compress_vec(message, &mut out, FlushCompress::Sync)
            .unwrap();
        out.truncate(out.len() - 4);
        out
    });
    each.collect()
}

#[test]
fn bytes_that_a_reserved_bit_declares_something_else_need_not_be_utf8() {
    // RSV1 in one frame, in the first of two fragments, in the second; then text that must be UTF-8 again.
    for bytes in [
        &b"\xc1\x02\xff\xfe\x81\x01\xff"[..],
        b"\x41\x01\xff\x80\x01\xfe\x81\x01\xff",
        b"\x01\x01\xff\xc0\x01\xfe\x81\x01\xff",
    ] {
        let told = server(bytes);
        assert_eq!(told.codes, [Code::ReservedBitSet, Code::InvalidUtf8]);
        assert_eq!(told.data.len(), 2, "both messages are told");
    }
}

#[test]
fn an_empty_compressed_message_leaves_the_context_alone() {
    let takeover = Parameters::default();
    let told = deflated(
        takeover,
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00\xc1\x00\xc1\x00\xc1\x05\xf2\x00\x11\x00\x00",
    );
    let texts: Vec<_> = (0..4).map(|index| text(&told, index)).collect();
    assert_eq!(texts, [&b"Hello"[..], b"", b"", b"Hello"]);
    assert_eq!(told.codes, []);
}

#[test]
fn what_is_given_up_in_the_middle_is_told_as_truncated() {
    let mut scratch = Scratch::new(&Limits::default());
    let mut stream = Stream::new(Side::Server, &with(Compression::None), everything(), 0);
    let mut told = Told::default();
    stream.push(b"\x01\x05Hel", &mut scratch, &mut told);
    assert!(stream.memory() > 0);
    stream.give_up(&scratch, &mut told);
    assert_eq!(
        (stream.memory(), &told.codes[..]),
        (0, &[Code::MemoryLimit][..])
    );
    stream.give_up(&scratch, &mut told);
    stream.push(b"lo\x80\x01!\x81\x02ok", &mut scratch, &mut told);
    stream.finish(&mut scratch, &mut told);
    assert_eq!(told.codes.len(), 1, "nothing to give up is nothing to tell");
    assert_eq!(told.data, [None, Some(b"ok".to_vec())]);
    let message = told.lines.iter().find(|line| line.starts_with("Message"));
    let message = message.expect("a message");
    let digest = format!("{:?}", <[u8; 32]>::from(Sha256::digest(b"Hello!")));
    for part in [
        "length: Some(6)",
        "truncated: true",
        "complete: true",
        "valid_utf8: Some(true)",
        &digest,
    ] {
        assert!(message.contains(part), "{part} in {message}");
    }
}

#[test]
fn a_context_given_up_is_a_context_lost() {
    let mut scratch = Scratch::new(&Limits::default());
    let compression = Compression::Message(Parameters::default());
    let mut stream = Stream::new(Side::Server, &with(compression), everything(), 0);
    let mut told = Told::default();
    stream.push(
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
        &mut scratch,
        &mut told,
    );
    stream.give_up(&scratch, &mut told);
    // The second message refers to the first; the third does not.
    stream.push(b"\xc1\x05\xf2\x00\x11\x00\x00", &mut scratch, &mut told);
    stream.push(
        b"\xc1\x07\xf2\x48\xcd\xc9\xc9\x07\x00",
        &mut scratch,
        &mut told,
    );
    assert_eq!(told.codes, [Code::MemoryLimit, Code::DeflateContextLost]);
    assert_eq!(
        (text(&told, 1), text(&told, 2)),
        (&b"<none>"[..], &b"Hello"[..])
    );
}

#[test]
fn text_where_the_first_frame_should_begin_is_said_to_be_no_frame() {
    for text in [
        &b"{\"type\":\"welcome\",\"id\":17}\n"[..],
        b"[{\"id\":1}]",
        b"Welcome to the chat!\r\n",
        b"<?xml version=\"1.0\"?>",
        "Gr\u{fc}\u{df}e vom Server".as_bytes(),
        b"Access denied for this address",
        b"ERROR\n",
        b"\0\0\0\x14{\"type\":\"welcome\"}\n",
        b"\0\x13{\"type\":\"welcome\"}",
        b"\0\0\0\0\0\0\x01\0Welcome to the chat, everybody",
        b"\0\0\0\x07WELCOME",
    ] {
        let told = server(text);
        assert_eq!(told.codes, [Code::NotFrames, Code::LostSync], "{text:?}");
        let mut steps: Vec<_> = text.chunks(1).map(Push).collect();
        // An empty frame is whole, and nothing more is waited for.
        if !text.starts_with(b"\0\0") {
            assert_eq!(plain(&steps).codes, told.codes, "{text:?} byte by byte");
        }
        // Behind a frame it breaks the rules that it breaks.
        steps.insert(0, Push(b"\x81\x02ok"));
        let codes = plain(&steps).codes;
        assert!(!codes.contains(&Code::NotFrames), "{text:?}: {codes:?}");
    }
    for frames in [
        &b"\x81\x05Hello"[..],
        // Compressed, in fragments, and not agreed on.
        b"\x41\x20\xf2\x48\xcd\xc9\xc9\x07\x00{{{{{{{{{{{{{{{{{{{{{{{{{",
        b"A \x02short",
        b"{\"\0\0\0\0\0\0\0\0",
        // Fragments that continue nothing, whatever text is in them.
        b"\0\x05hello",
        b"\0\x0bhello again",
        b"\0\0\x80\x03end",
        b"\0\0\0\x02\x81\x05Hello",
        b"\0\0",
        b"\0\0\x81\x06Hello!",
        b"\0\0\x88\x02\x03\xe8",
    ] {
        let whole = plain(&[Push(frames)]);
        let codes = &whole.codes;
        assert!(!codes.contains(&Code::NotFrames), "{frames:?}: {codes:?}");
        let steps: Vec<_> = frames.chunks(1).map(Push).collect();
        let pieces = plain(&steps);
        assert_eq!(&pieces.codes, codes, "{frames:?} byte by byte");
        assert_eq!(pieces.lines, whole.lines, "{frames:?} byte by byte");
    }
    let codes = walk(
        Side::Client,
        Compression::None,
        &Limits::default(),
        &[Push(b"hello server, this is no frame\n")],
    )
    .codes;
    assert_eq!(codes, [Code::NotFrames, Code::LostSync]);
}
