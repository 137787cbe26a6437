//! What a field may be where no schema says it, and how much speaks for bytes being a message at all.
//!
//! Two bytes in four are a field by chance; text, rising field numbers and messages in messages are not.

use super::wire::{Field, Wire, whole_fields};

/// How deep messages are looked for in messages.
const DEPTH: usize = 16;
/// Fields of a message that are looked at.
const FIELDS: usize = 10_000;
/// The greatest field number that people give.
const NUMBER: u64 = 2000;
/// Bits of evidence that a message needs: one of 65,536 of random bytes has so many.
const NEEDED: usize = 16;

/// What a delimited field most likely is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guess<'a> {
    Empty,
    Text(&'a str),
    Message,
    Bytes,
}

/// What a delimited field most likely is.
pub(crate) fn guess(bytes: &[u8]) -> Guess<'_> {
    if bytes.is_empty() {
        return Guess::Empty;
    }
    if let Some(text) = text(bytes) {
        return Guess::Text(text);
    }
    match bits(bytes, DEPTH) {
        Some(_) => Guess::Message,
        None => Guess::Bytes,
    }
}

/// Whether bytes are most likely a message.
pub(crate) fn is_message(bytes: &[u8]) -> bool {
    bits(bytes, DEPTH).is_some_and(|bits| bits >= NEEDED)
}

/// Text that people write: UTF-8 without control characters.
fn text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    let is_plain = |c: char| !c.is_control() || matches!(c, '\n' | '\r' | '\t');
    text.chars().all(is_plain).then_some(text)
}

/// How much speaks for bytes being a message, in bits: roughly how many halvings of all random bytes look like it. `None`
/// where they are no message that people make.
fn bits(bytes: &[u8], depth: usize) -> Option<usize> {
    let mut bits = 0_usize;
    let mut last = 0;
    for field in whole_fields(bytes).take(FIELDS) {
        let field = field.ok().filter(|field| field.number <= NUMBER)?;
        if !is_shortest(&field) {
            return None;
        }
        // A quarter of all bytes are tags of small numbers; numbers that go on from the one before are few of them.
        bits += match field.number {
            ..=15 => 2,
            _ => 1,
        };
        match field.number.checked_sub(last) {
            Some(0 | 1) => bits += 3,
            Some(2..=4) => bits += 1,
            Some(_) => {}
            None => bits = bits.saturating_sub(2),
        }
        last = field.number;
        bits += match field.value {
            Wire::Varint(value) => len(value),
            Wire::Fixed32(_) | Wire::Fixed64(_) => 0,
            Wire::Bytes(inside) => 2 + self::inside(inside, depth),
        };
    }
    (last > 0).then_some(bits)
}

/// How much speaks for what a delimited field has.
fn inside(bytes: &[u8], depth: usize) -> usize {
    match text(bytes) {
        Some(text) => text.len() * 3 / 2,
        None if depth > 0 => bits(bytes, depth - 1).unwrap_or(0),
        None => 0,
    }
}

/// Bytes of a number of 7 bits a byte.
fn len(value: u64) -> usize {
    (64 - (value | 1).leading_zeros() as usize).div_ceil(7)
}

/// Whether tag and number are as short as encoders write them.
fn is_shortest(field: &Field<'_>) -> bool {
    let tag = len(field.number << 3 | u64::from(field.value.kind()));
    let value = match field.value {
        Wire::Varint(value) => len(value),
        Wire::Bytes(inside) => len(inside.len() as u64) + inside.len(),
        Wire::Fixed32(_) => 4,
        Wire::Fixed64(_) => 8,
    };
    field.raw.len() == tag + value
}
