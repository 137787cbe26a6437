//! The example of RFC 9204 appendix B, another encoder's blocks, and what a hostile one may send.

use proptest::prelude::*;

use super::*;

fn unhex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn decoder(allowed: u64) -> Decoder {
    let mut decoder = Decoder::new(&Limits::default());
    decoder.allow(allowed);
    decoder
}

fn fields(decoder: &mut Decoder, block: &[u8]) -> (Vec<String>, Read) {
    let mut fields = Vec::new();
    let read = decoder.decode(block, |field| {
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        fields.push(format!("{}: {}", text(field.name), text(field.value)));
    });
    (fields, read)
}

fn is_fine(read: Read) -> bool {
    matches!(read, Read::Done(outcome, None) if outcome.unknown == 0 && outcome.omitted == 0)
}

#[test]
fn the_example_of_appendix_b() {
    let mut decoder = decoder(220);
    let (lines, read) = fields(
        &mut decoder,
        &unhex("0000 510b 2f69 6e64 6578 2e68 746d 6c"),
    );
    assert!(is_fine(read));
    assert_eq!(lines, [":path: /index.html"]);

    let second = unhex("0381 1011");
    assert_eq!(fields(&mut decoder, &second).1, Read::Blocked);
    let instructions =
        "3fbd01 c00f 7777 772e 6578 616d 706c 652e 636f 6d c10c 2f73 616d 706c 652f 7061 7468";
    assert_eq!(decoder.instructions(&unhex(instructions)), None);
    assert_eq!(decoder.table.size(), 106);
    let (lines, read) = fields(&mut decoder, &second);
    assert!(is_fine(read));
    assert_eq!(
        lines,
        [":authority: www.example.com", ":path: /sample/path"]
    );

    let instructions = "4a63 7573 746f 6d2d 6b65 790c 6375 7374 6f6d 2d76 616c 7565";
    assert_eq!(decoder.instructions(&unhex(instructions)), None);
    assert_eq!(decoder.table.size(), 160);
    assert_eq!(decoder.instructions(&[2]), None);
    assert_eq!(decoder.table.size(), 217);
    let (lines, read) = fields(&mut decoder, &unhex("0500 80c1 81"));
    assert!(is_fine(read));
    assert_eq!(
        lines,
        [
            ":authority: www.example.com",
            ":path: /",
            "custom-key: custom-value"
        ]
    );

    let instructions = "810d 6375 7374 6f6d 2d76 616c 7565 32";
    assert_eq!(decoder.instructions(&unhex(instructions)), None);
    assert_eq!(decoder.table.size(), 215);
}

#[test]
fn blocks_of_another_encoder_are_read_in_any_cut() {
    let text = include_str!("oracle.txt");
    for cut in [1, 7, usize::MAX] {
        let mut decoder = decoder(4096);
        let mut expected: Vec<&str> = Vec::new();
        let mut seen = Vec::new();
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            if let Some(instructions) = line.strip_prefix("E ") {
                for piece in unhex(instructions).chunks(cut) {
                    assert_eq!(decoder.instructions(piece), None);
                }
            } else if let Some(block) = line.strip_prefix("B ") {
                assert_eq!(std::mem::take(&mut seen), std::mem::take(&mut expected));
                let (lines, read) = fields(&mut decoder, &unhex(block));
                assert!(is_fine(read), "{read:?}");
                seen = lines;
            } else {
                expected.push(line);
            }
        }
        assert_eq!(seen, expected);
        assert!(decoder.table.inserted() > 10);
    }
}

#[test]
fn what_was_lost_is_unknown_and_not_wrong() {
    let mut decoder = decoder(220);
    decoder.lose();
    let (lines, read) = fields(&mut decoder, &unhex("0381 1011 c1"));
    let Read::Done(outcome, None) = read else {
        panic!("{read:?}");
    };
    assert_eq!((outcome.unknown, outcome.fields), (2, 3));
    assert!(lines[0].starts_with("unknown index") && lines[2] == ":path: /");
}

#[test]
fn mistakes_are_told() {
    let fault = |block: &str| match fields(&mut decoder(220), &unhex(block)).1 {
        Read::Done(_, fault) => fault,
        Read::Blocked => None,
    };
    assert_eq!(fault("0000 ff24"), Some(Fault::NoEntry(99)));
    assert_eq!(fault("ff20 00"), Some(Fault::InsertCountInvalid));
    assert_eq!(fault("0000 510b 2f"), Some(Fault::Truncated));
    assert_eq!(fault("0000 80"), Some(Fault::NoEntry(u64::MAX)));
    let told = decoder(220).instructions(&unhex("3fbe01"));
    assert_eq!(told, Some(Fault::CapacityBeyondSetting(221)));
    assert_eq!(decoder(220).instructions(&[0]), Some(Fault::NoEntry(0)));
}

proptest! {
    #[test]
    fn anything_is_read_within_bounds(
        pieces in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..60), 0..20),
    ) {
        let mut decoder = Decoder::new(&Limits { hpack_table: 300, http_head: 200, ..Limits::default() });
        for (at, piece) in pieces.iter().enumerate() {
            match at % 3 {
                0 => { fields(&mut decoder, piece); }
                _ => { decoder.instructions(piece); }
            }
            prop_assert!(decoder.table.size() <= 300 && decoder.partial.len() <= 200);
        }
    }
}
