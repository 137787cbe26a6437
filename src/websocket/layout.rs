//! The one table of what a frame header is made of (RFC 6455 section 5.2): the detail tree, the highlighted bytes and
//! the bit ruler all read it here.
//!
//! Invariant: the parts of a header follow each other without gap or overlap and cover it to the last bit.

use super::frame::{FrameHeader, LengthForm};
use crate::base::{Field, Layer, Span, Value};

/// One field of a frame header, in bits counted from the header's first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HeaderPart {
    /// Its name in the display filter.
    pub name: &'static str,
    /// The standard's name for it.
    pub label: &'static str,
    /// Position of its first bit.
    pub first_bit: u16,
    /// How many bits it has.
    pub bit_len: u16,
    /// Where it is defined.
    pub section: &'static str,
    /// What it holds.
    pub kind: PartKind,
}

/// What a part of a header holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PartKind {
    /// Whether the message ends here.
    Fin,
    /// A reserved bit, by its number.
    Rsv(u8),
    /// The opcode.
    Opcode,
    /// Whether the payload is masked.
    Mask,
    /// The seven bits that are the length, or say where it is.
    Length7,
    /// The length in two or eight bytes.
    ExtendedLength,
    /// The masking key.
    MaskingKey,
}

const FRAMING: &str = "RFC 6455 5.2";

const fn part(
    name: &'static str,
    label: &'static str,
    first_bit: u16,
    bit_len: u16,
    kind: PartKind,
) -> HeaderPart {
    HeaderPart {
        name,
        label,
        first_bit,
        bit_len,
        section: FRAMING,
        kind,
    }
}

/// The two bytes that every header has.
const FIRST: [HeaderPart; 7] = [
    part("websocket.fin", "FIN", 0, 1, PartKind::Fin),
    part("websocket.rsv1", "RSV1", 1, 1, PartKind::Rsv(1)),
    part("websocket.rsv2", "RSV2", 2, 1, PartKind::Rsv(2)),
    part("websocket.rsv3", "RSV3", 3, 1, PartKind::Rsv(3)),
    part("websocket.opcode", "Opcode", 4, 4, PartKind::Opcode),
    part("websocket.mask", "MASK", 8, 1, PartKind::Mask),
    part(
        "websocket.payload_length",
        "Payload length",
        9,
        7,
        PartKind::Length7,
    ),
];

const EXTENDED_16: HeaderPart = part(
    "websocket.payload_length_ext_16",
    "Extended payload length",
    16,
    16,
    PartKind::ExtendedLength,
);

const EXTENDED_64: HeaderPart = part(
    "websocket.payload_length_ext_64",
    "Extended payload length",
    16,
    64,
    PartKind::ExtendedLength,
);

/// The parts of a header, in order.
pub fn parts(header: &FrameHeader) -> impl Iterator<Item = HeaderPart> + use<> {
    let extended = match header.length_form() {
        LengthForm::Bits7 => None,
        LengthForm::Bits16 => Some(EXTENDED_16),
        LengthForm::Bits64 => Some(EXTENDED_64),
    };
    let key_at = 16 + extended.map_or(0, |extended| extended.bit_len);
    let key = header.masking_key.map(|_| HeaderPart {
        section: "RFC 6455 5.3",
        ..part(
            "websocket.masking_key",
            "Masking key",
            key_at,
            32,
            PartKind::MaskingKey,
        )
    });
    FIRST.into_iter().chain(extended).chain(key)
}

impl HeaderPart {
    /// The bytes of the header it lies in, as a range.
    #[must_use]
    pub fn bytes(&self) -> std::ops::Range<usize> {
        let end = self.first_bit + self.bit_len;
        usize::from(self.first_bit / 8)..usize::from(end.div_ceil(8))
    }

    /// Its bits drawn among those of its byte, such as `.... 0001`; empty for parts of whole bytes.
    #[must_use]
    pub fn bits(&self, header: &[u8]) -> String {
        if self.bit_len >= 8 {
            return String::new();
        }
        let Some(byte) = header.get(self.bytes().start) else {
            return String::new();
        };
        let (first, end) = (self.first_bit % 8, self.first_bit % 8 + self.bit_len);
        let mut drawn = String::with_capacity(9);
        for bit in 0..8 {
            if bit == 4 {
                drawn.push(' ');
            }
            drawn.push(match (first..end).contains(&bit) {
                false => '.',
                true if byte >> (7 - bit) & 1 == 1 => '1',
                true => '0',
            });
        }
        drawn
    }

    /// Its value in words.
    #[must_use]
    pub fn value(&self, header: &FrameHeader) -> String {
        match self.kind {
            PartKind::Fin if header.fin() => "1 (last frame of its message)".to_owned(),
            PartKind::Fin => "0 (more frames follow)".to_owned(),
            PartKind::Rsv(number) => reserved(header.byte0 >> (7 - number) & 1 == 1),
            PartKind::Opcode => {
                let opcode = header.opcode();
                format!("{} ({})", opcode.number(), opcode.name())
            }
            PartKind::Mask if header.masked() => "1 (masked)".to_owned(),
            PartKind::Mask => "0 (not masked)".to_owned(),
            PartKind::Length7 => match header.length_form() {
                LengthForm::Bits7 => header.payload_length.to_string(),
                LengthForm::Bits16 => "126 (the next 2 bytes are the length)".to_owned(),
                LengthForm::Bits64 => "127 (the next 8 bytes are the length)".to_owned(),
            },
            PartKind::ExtendedLength => header.payload_length.to_string(),
            PartKind::MaskingKey => hex::encode(header.masking_key.unwrap_or_default()),
        }
    }

    /// The value that the words stand for; a length is the declared one, in whichever form.
    #[must_use]
    pub fn typed<'h>(&self, header: &'h FrameHeader) -> Value<'h> {
        match self.kind {
            PartKind::Fin => Value::Bool(header.fin()),
            PartKind::Rsv(number) => Value::Bool(header.byte0 >> (7 - number) & 1 == 1),
            PartKind::Opcode => Value::Unsigned(header.opcode().number().into()),
            PartKind::Mask => Value::Bool(header.masked()),
            PartKind::Length7 | PartKind::ExtendedLength => Value::Unsigned(header.payload_length),
            PartKind::MaskingKey => match &header.masking_key {
                Some(key) => Value::Bytes(key),
                None => Value::Present,
            },
        }
    }
}

fn reserved(is_set: bool) -> String {
    if is_set { "1" } else { "0" }.to_owned()
}

/// The fields of the header that begins `bytes`, which lie at stream position `at`; none when it is not whole.
#[must_use]
pub fn fields(bytes: &[u8], at: u64) -> Vec<Field> {
    let Some(header) = FrameHeader::parse(bytes) else {
        return Vec::new();
    };
    parts(&header)
        .map(|part| {
            let range = part.bytes();
            let span = Span::new(at + range.start as u64, at + range.end as u64);
            Field::new(part.label, part.value(&header))
                .named(part.name)
                .typed(part.typed(&header))
                .at(Layer::Stream, span)
                .bits(part.bits(bytes))
                .section(part.section)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_masked_text_frame_is_drawn_bit_by_bit() {
        let fields = fields(b"\x81\x85\xcb\x6e\x9f\x8e\x83", 10);
        let drawn: Vec<_> = fields
            .iter()
            .map(|field| format!("{} {} = {}", field.bits, field.label, field.value))
            .collect();
        assert_eq!(
            drawn,
            [
                "1... .... FIN = 1 (last frame of its message)",
                ".0.. .... RSV1 = 0",
                "..0. .... RSV2 = 0",
                "...0 .... RSV3 = 0",
                ".... 0001 Opcode = 1 (text)",
                "1... .... MASK = 1 (masked)",
                ".000 0101 Payload length = 5",
                " Masking key = cb6e9f8e",
            ]
        );
        assert_eq!(fields[6].span, Some(Span::new(11, 12)));
        assert_eq!(fields[7].span, Some(Span::new(12, 16)));
    }

    proptest! {
        #[test]
        fn the_parts_tile_the_header(bytes: [u8; 14]) {
            let header = FrameHeader::parse(&bytes).unwrap();
            let mut at = 0;
            for part in parts(&header) {
                prop_assert_eq!(part.first_bit, at);
                at += part.bit_len;
                prop_assert!(part.bytes().end <= usize::from(header.header_length));
            }
            prop_assert_eq!(at, u16::from(header.header_length) * 8);
        }

        #[test]
        fn the_bits_drawn_are_the_bits_sent(bytes: [u8; 2]) {
            let Some(header) = FrameHeader::parse(&[bytes[0], bytes[1] & 0x7d, 0, 0]) else { return Ok(()) };
            let sent = format!("{:08b}{:08b}", header.byte0, header.byte1);
            let drawn: String = parts(&header)
                .flat_map(|part| part.bits(&[header.byte0, header.byte1]).replace(['.', ' '], "").into_bytes())
                .map(char::from)
                .collect();
            prop_assert_eq!(drawn, sent);
        }
    }
}
