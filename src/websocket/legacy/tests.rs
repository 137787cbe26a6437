//! The drafts' own examples, and that no cut changes what is told.

use proptest::prelude::*;

use super::*;
use crate::base::{Code, Finding};
use crate::websocket::handshake::{Compression, Negotiated};
use crate::websocket::{Message, Stream};

#[derive(Default, Debug, PartialEq)]
struct Told {
    lines: Vec<String>,
    codes: Vec<Code>,
}

impl FrameSink for Told {
    fn frame(&mut self, frame: &Frame<'_>) {
        let mut buffer = Vec::new();
        let payload = frame.payload(&mut buffer).unwrap_or(b"<none>");
        let header = frame.header;
        self.lines.push(format!(
            "{}{} @{}+{} {}/{} {}",
            header.opcode().name(),
            if header.fin() { "" } else { "..." },
            frame.stream_offset,
            header.header_length,
            frame.captured_length,
            header.payload_length,
            payload.escape_ascii(),
        ));
    }

    fn message(&mut self, message: &Message<'_>) {
        let data = message.beginning.escape_ascii();
        let end = if message.complete { "" } else { " (cut)" };
        self.lines
            .push(format!("= {} {data}{end}", message.kind.name()));
    }

    fn finding(&mut self, _: About, finding: Finding) {
        self.codes.push(finding.code);
    }
}

enum Piece<'a> {
    Bytes(&'a [u8]),
    Gap(u64),
}

fn tell_pieces(framing: Framing, side: Side, pieces: &[Piece<'_>]) -> Told {
    let negotiated = Negotiated {
        framing,
        compression: Compression::None,
        ..Negotiated::default()
    };
    let needs = Needs::PAYLOAD | Needs::MESSAGES | Needs::FINDINGS;
    let mut stream = Stream::new(side, &negotiated, needs, 0);
    let mut scratch = Scratch::new(&Limits::default());
    let mut told = Told::default();
    for piece in pieces {
        match piece {
            Piece::Bytes(bytes) => stream.push(bytes, &mut scratch, &mut told),
            Piece::Gap(len) => stream.gap(*len, &mut scratch, &mut told),
        }
    }
    stream.finish(&mut scratch, &mut told);
    told
}

fn tell(framing: Framing, side: Side, bytes: &[u8]) -> Told {
    tell_pieces(framing, side, &[Piece::Bytes(bytes)])
}

#[test]
fn hixie_has_text_binary_and_close() {
    let bytes = b"\x00Hello\xff\x80\x03\x01\x02\x03\x00\xff\x80\x81\x00\xff\x00!";
    let told = tell(Framing::Hixie76, Side::Server, bytes);
    assert_eq!(
        told.lines,
        [
            "text @0+1 5/5 Hello",
            "= text Hello",
            "binary @7+2 3/3 \\x01\\x02\\x03",
            "= binary \\x01\\x02\\x03",
            "text @12+1 0/0 ",
            "= text ",
            // A length of 128 in two groups reaches over the end.
            "binary @14+3 3/128 \\xff\\x00!",
            "= binary \\xff\\x00! (cut)",
        ]
    );
    assert_eq!(told.codes, []);
    let told = tell(
        Framing::Hixie75,
        Side::Client,
        b"\x00a\xff\xff\x00\x00b\xff",
    );
    assert_eq!(told.lines[2..4], ["close @3+2 0/0 ", "= close "]);
    assert_eq!(told.codes, [Code::DataAfterClose]);
}

#[test]
fn what_a_draft_does_not_know_is_told() {
    let told = tell(Framing::Hixie76, Side::Server, b"\x05?\xff\x00\xf0\xff");
    assert_eq!(told.lines[0], "reserved @0+1 1/1 ?");
    assert_eq!(told.codes, [Code::ReservedOpcode, Code::InvalidUtf8]);
    let told = tell(Framing::Hybi(6), Side::Server, b"\x88\x00\x80\x00");
    assert_eq!(
        told.codes,
        [Code::ReservedOpcode, Code::ContinuationWithoutStart]
    );
}

#[test]
fn hixie_finds_the_next_text_after_a_hole() {
    let pieces = [
        Piece::Bytes(b"\x00Hel"),
        Piece::Gap(4),
        Piece::Bytes(b"ld\xff\x00ok\xff"),
    ];
    let told = tell_pieces(Framing::Hixie76, Side::Server, &pieces);
    assert_eq!(
        told.lines,
        [
            "text @0+1 3/3 Hel",
            "= text Hel (cut)",
            "text @11+1 2/2 ok",
            "= text ok"
        ]
    );
    assert_eq!(told.codes, [Code::LostSync]);
}

#[test]
fn a_hole_inside_a_payload_of_known_length_loses_nothing_else() {
    let pieces = [
        Piece::Bytes(b"\x84\x05He"),
        Piece::Gap(2),
        Piece::Bytes(b"o\x84\x02ok"),
    ];
    let told = tell_pieces(Framing::Hybi(6), Side::Server, &pieces);
    assert_eq!(
        told.lines[1..],
        ["= text He (cut)", "text @7+2 2/2 ok", "= text ok"]
    );
    assert_eq!(told.codes, []);
}

#[test]
fn the_examples_of_hybi_03_and_04() {
    let bytes = b"\x04\x05Hello\x84\x03Hel\x00\x02lo\x02\x05Hello";
    let told = tell(Framing::Hybi(3), Side::Server, bytes);
    assert_eq!(
        told.lines,
        [
            "text @0+2 5/5 Hello",
            "= text Hello",
            "text... @7+2 3/3 Hel",
            "continuation @12+2 2/2 lo",
            "= text Hello",
            "ping @16+2 5/5 Hello",
            "= ping Hello"
        ]
    );
    assert_eq!(told.codes, []);
    let bytes = b"\x84\x05Hello\x04\x03Hel\x80\x02lo\x81\x00";
    let told = tell(Framing::Hybi(4), Side::Server, bytes);
    let opcode = |line: &String| line.split(' ').next().unwrap().to_owned();
    let opcodes: Vec<_> = told.lines.iter().map(opcode).collect();
    assert_eq!(
        opcodes,
        ["text", "=", "text...", "continuation", "=", "close", "="]
    );
    let long = [&[0x05, 0x7e, 1, 0][..], &[7; 256]].concat();
    let told = tell(Framing::Hybi(2), Side::Server, &long);
    assert!(told.lines[0].starts_with("binary @0+4 256/256"));
    // What a client of hybi-04 masks with is not known; its bytes are told as passed over.
    let told = tell(Framing::Hybi(4), Side::Client, b"\x84\x05Hello");
    assert_eq!(
        (told.lines.len(), &told.codes[..]),
        (0, &[Code::LostSync][..])
    );
}

#[test]
fn hybi_05_masks_the_header_too() {
    let bytes = b"\x37\xfa\x21\x3d\xb3\xff\x69\x58\x5b\x96\x4e";
    for draft in [5, 6] {
        let told = tell(Framing::Hybi(draft), Side::Client, bytes);
        assert_eq!(told.lines, ["text @0+6 5/5 Hello", "= text Hello"]);
    }
    let told = tell(Framing::Hybi(6), Side::Server, b"\x81\x02\x00\x05\x84\x01!");
    assert_eq!(told.codes, [Code::CloseCodeInvalid, Code::DataAfterClose]);
}

proptest! {
    #[test]
    fn any_cut_tells_the_same(
        bytes in prop::collection::vec(
            prop_oneof![any::<u8>(), Just(0), Just(0xff), Just(0x80), 0u8..8],
            0..200,
        ),
        cuts in prop::collection::vec(0usize..200, 0..6),
        draft in 0u8..8,
        is_client: bool,
    ) {
        let framing = match draft {
            0 => Framing::Hixie75,
            7 => Framing::Hixie76,
            draft => Framing::Hybi(draft),
        };
        let side = if is_client { Side::Client } else { Side::Server };
        let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut.min(bytes.len())).collect();
        cuts.extend([0, bytes.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts
            .windows(2)
            .map(|cut| Piece::Bytes(&bytes[cut[0]..cut[1]]))
            .collect();
        let whole = tell(framing, side, &bytes);
        prop_assert_eq!(tell_pieces(framing, side, &pieces), whole);
    }
}
