//! What the frame headers of the drafts before RFC 6455 are made of, for those who show them. How the bytes are taken
//! apart is `legacy`'s affair.
//!
//! ```text
//! hixie-75, hixie-76    type(8) = 00, then text up to ff | type(8) = 80..ff, groups of more(1) length(7)
//! hybi-01 to 03         MORE rsv rsv rsv opcode(4) rsv length(7) [length(16) or length(64)]
//! hybi-04 to 06         FIN instead of MORE; of a client of hybi-05 and 06: a key of 32 bits before, which masks the rest
//! ```
//!
//! Invariant: the parts of a header follow each other without gap or overlap and cover it to the last bit.

use super::frame::MAX_HEADER_LEN;
use super::handshake::Framing;
use super::mask;
use crate::base::{Field, Layer, Side, Span};

/// One field of a header, in bits counted from the frame's first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DraftPart {
    /// The draft's name for it.
    pub label: &'static str,
    /// Position of its first bit.
    pub first_bit: u16,
    /// How many bits it has.
    pub bit_len: u16,
    /// Its value in words.
    pub value: String,
}

/// A header taken apart.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DraftHeader {
    /// Its fields; none when its bytes are not whole.
    pub parts: Vec<DraftPart>,
    /// Its bytes, unmasked but for the key itself.
    pub plain: Vec<u8>,
    /// Whether a byte `ff` ends the payload.
    pub ends_with_ff: bool,
}

/// Collects fields one after the other.
#[derive(Default)]
struct Row {
    parts: Vec<DraftPart>,
    at: u16,
}

impl Row {
    fn add(&mut self, label: &'static str, bit_len: u16, value: impl Into<String>) {
        self.parts.push(DraftPart {
            label,
            first_bit: self.at,
            bit_len,
            value: value.into(),
        });
        self.at += bit_len;
    }
}

/// The header of the frame that begins `bytes`, as this side sent them. Empty for the framing of RFC 6455, which has a
/// layout of its own.
#[must_use]
pub fn header(framing: Framing, side: Side, bytes: &[u8]) -> DraftHeader {
    let taken = match framing {
        Framing::Rfc6455 => None,
        Framing::Hixie75 | Framing::Hixie76 => hixie(bytes),
        Framing::Hybi(5 | 6) if side == Side::Client => keyed(bytes),
        Framing::Hybi(draft) => hybi(bytes, draft, Row::default()).map(|parts| DraftHeader {
            plain: whole(&parts, bytes),
            parts,
            ends_with_ff: false,
        }),
    };
    taken.unwrap_or_default()
}

/// The bytes that the parts cover.
fn whole(parts: &[DraftPart], bytes: &[u8]) -> Vec<u8> {
    let last = parts.last();
    let bits = last.map_or(0, |part| usize::from(part.first_bit + part.bit_len));
    bytes.get(..bits / 8).unwrap_or_default().to_vec()
}

fn hixie(bytes: &[u8]) -> Option<DraftHeader> {
    let (&kind, groups) = bytes.split_first()?;
    let mut row = Row::default();
    let ends_with_ff = kind & 0x80 == 0;
    let what = match kind {
        0 => "00 (text, up to a byte ff)",
        0xff if groups.first() == Some(&0) => "ff (with length 0: closes)",
        kind if kind & 0x80 == 0 => "reserved, up to a byte ff",
        _ => "binary, with a length",
    };
    row.add("Frame type", 8, what);
    if !ends_with_ff {
        let groups = groups.get(..MAX_HEADER_LEN - 1).unwrap_or(groups);
        let end = groups.iter().position(|byte| byte & 0x80 == 0)?;
        for (at, byte) in groups[..=end].iter().enumerate() {
            let more = match at == end {
                true => "0 (the last group of the length)",
                false => "1 (another group follows)",
            };
            row.add("More", 1, more);
            row.add("Length", 7, (byte & 0x7f).to_string());
        }
    }
    Some(DraftHeader {
        plain: whole(&row.parts, bytes),
        parts: row.parts,
        ends_with_ff,
    })
}

/// A key, and the header that it masks.
fn keyed(bytes: &[u8]) -> Option<DraftHeader> {
    let (key, masked) = bytes.split_first_chunk::<4>()?;
    let mut plain = key.to_vec();
    mask::unmask_into(masked, *key, 0, &mut plain);
    let mut row = Row::default();
    row.add("Masking key", 32, hex::encode(key));
    let parts = hybi(plain.get(4..)?, 5, row)?;
    Some(DraftHeader {
        plain: whole(&parts, &plain),
        parts,
        ends_with_ff: false,
    })
}

fn hybi(bytes: &[u8], draft: u8, mut row: Row) -> Option<Vec<DraftPart>> {
    let [first, second, rest @ ..] = bytes else {
        return None;
    };
    let bit = |byte: u8, at: u8| byte >> (7 - at) & 1;
    let is_set = bit(*first, 0) == 1;
    let (label, last) = match draft {
        ..=3 => ("MORE", !is_set),
        _ => ("FIN", is_set),
    };
    let meaning = match last {
        true => "last frame of its message",
        false => "more frames follow",
    };
    row.add(label, 1, format!("{} ({meaning})", u8::from(is_set)));
    for (at, label) in [(1, "RSV1"), (2, "RSV2"), (3, "RSV3")] {
        row.add(label, 1, bit(*first, at).to_string());
    }
    let opcode = first & 0x0f;
    let names = ["continuation", "close", "ping", "pong", "text", "binary"];
    let name = names.get(usize::from(opcode)).unwrap_or(&"reserved");
    row.add("Opcode", 4, format!("{opcode} ({name})"));
    row.add("RSV4", 1, bit(*second, 0).to_string());
    let length = second & 0x7f;
    let more = match length {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let value = match more {
        0 => length.to_string(),
        more => format!("{length} (the next {more} bytes are the length)"),
    };
    row.add("Payload length", 7, value);
    if more > 0 {
        let extended = rest.get(..more)?;
        let length = extended
            .iter()
            .fold(0u64, |length, byte| length << 8 | u64::from(*byte));
        row.add(
            "Extended payload length",
            more as u16 * 8,
            length.to_string(),
        );
    }
    Some(row.parts)
}

impl DraftPart {
    /// The bytes of the frame it lies in, as a range.
    #[must_use]
    pub fn bytes(&self) -> std::ops::Range<usize> {
        let end = self.first_bit + self.bit_len;
        usize::from(self.first_bit / 8)..usize::from(end.div_ceil(8))
    }

    /// Its bits drawn among those of its byte, such as `.... 0001`; empty for parts of whole bytes.
    #[must_use]
    pub fn bits(&self, plain: &[u8]) -> String {
        let byte = plain.get(self.bytes().start).filter(|_| self.bit_len < 8);
        let Some(byte) = byte else {
            return String::new();
        };
        let (first, end) = (self.first_bit % 8, self.first_bit % 8 + self.bit_len);
        let drawn = (0..8).map(|bit| match (first..end).contains(&bit) {
            false => '.',
            true if byte >> (7 - bit) & 1 == 1 => '1',
            true => '0',
        });
        let mut drawn: String = drawn.collect();
        drawn.insert(4, ' ');
        drawn
    }
}

/// The fields of the header that begins `bytes`, which lie at stream position `at`; none when it is not whole, or is that
/// of RFC 6455.
#[must_use]
pub fn fields(framing: Framing, side: Side, bytes: &[u8], at: u64) -> Vec<Field> {
    let header = header(framing, side, bytes);
    let fields = header.parts.iter().map(|part| {
        let range = part.bytes();
        let span = Span::new(at + range.start as u64, at + range.end as u64);
        Field::new(part.label, part.value.clone())
            .at(Layer::Stream, span)
            .bits(part.bits(&header.plain))
            .section(framing.draft().unwrap_or_default())
    });
    fields.collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn told(framing: Framing, side: Side, bytes: &[u8]) -> Vec<String> {
        let header = header(framing, side, bytes);
        let parts = header.parts.iter();
        parts
            .map(|part| format!("{}|{}|{}", part.bits(&header.plain), part.label, part.value))
            .collect()
    }

    #[test]
    fn headers_of_every_draft_are_taken_apart() {
        let hixie = |bytes: &[u8]| told(Framing::Hixie76, Side::Client, bytes);
        assert_eq!(
            hixie(b"\x00Hello\xff"),
            ["|Frame type|00 (text, up to a byte ff)"]
        );
        assert_eq!(
            hixie(b"\xff\x00"),
            [
                "|Frame type|ff (with length 0: closes)",
                "0... ....|More|0 (the last group of the length)",
                ".000 0000|Length|0",
            ]
        );
        assert_eq!(hixie(b"\x80\x81\x02rest").len(), 5);
        assert_eq!(hixie(b"\x80\x81").len(), 0, "a length without end");
        let hybi = |draft, bytes: &[u8]| told(Framing::Hybi(draft), Side::Server, bytes);
        assert_eq!(
            hybi(3, b"\x84\x05Hello"),
            [
                "1... ....|MORE|1 (more frames follow)",
                ".0.. ....|RSV1|0",
                "..0. ....|RSV2|0",
                "...0 ....|RSV3|0",
                ".... 0100|Opcode|4 (text)",
                "0... ....|RSV4|0",
                ".000 0101|Payload length|5",
            ]
        );
        assert_eq!(
            hybi(4, b"\x84\x05Hello")[0],
            "1... ....|FIN|1 (last frame of its message)"
        );
        let long = hybi(6, b"\x85\x7e\x01\x00rest");
        assert_eq!(
            long[6],
            ".111 1110|Payload length|126 (the next 2 bytes are the length)"
        );
        assert_eq!(long[7], "|Extended payload length|256");
        // A client of hybi-05 masks the header too: 84 05 under the key 01 02 03 04.
        let keyed = told(Framing::Hybi(5), Side::Client, b"\x01\x02\x03\x04\x85\x07");
        assert_eq!(keyed[0], "|Masking key|01020304");
        assert_eq!(keyed[1], "1... ....|FIN|1 (last frame of its message)");
        assert_eq!(keyed[5], ".... 0100|Opcode|4 (text)");
        assert_eq!(keyed[7], ".000 0101|Payload length|5");
        assert!(told(Framing::Rfc6455, Side::Client, b"\x81\x05Hello").is_empty());
    }

    proptest! {
        #[test]
        fn the_parts_tile_the_header(bytes: Vec<u8>, draft in 0u8..8, from_client: bool) {
            let framing = match draft {
                0 => Framing::Hixie76,
                7 => Framing::Hixie75,
                draft => Framing::Hybi(draft),
            };
            let side = if from_client { Side::Client } else { Side::Server };
            let header = header(framing, side, &bytes);
            let mut at = 0;
            for part in &header.parts {
                prop_assert_eq!(part.first_bit, at);
                at += part.bit_len;
            }
            prop_assert_eq!(usize::from(at), header.plain.len() * 8);
            prop_assert!(header.plain.len() <= bytes.len());
        }
    }
}
