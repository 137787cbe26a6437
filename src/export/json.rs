//! Writing JSON into a byte buffer: keys by hand in the order of the contract, strings by `serde_json`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::escape::is_hidden;

/// Appends a number.
#[inline]
pub(super) fn number(out: &mut Vec<u8>, value: impl itoa::Integer) {
    out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// Appends `true` or `false`.
pub(super) fn boolean(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

/// Appends a string. Characters that could deceive a terminal are escaped, though JSON would not ask for it.
pub(super) fn string(out: &mut Vec<u8>, text: &str) {
    let bytes = text.as_bytes();
    if !bytes
        .iter()
        .fold(false, |any, byte| any | is_special(*byte))
    {
        return quoted(out, bytes);
    }
    if !text
        .chars()
        .any(|c| c == '\x7f' || !c.is_ascii() && is_hidden(c))
    {
        if bytes.iter().fold(true, |all, byte| all & (*byte >= 0x20)) {
            // Such as the dots that end what is cut short.
            return quoted(out, bytes);
        }
        // Writing to a vector cannot fail.
        let _ = serde_json::to_writer(&mut *out, text);
        return;
    }
    out.push(b'"');
    for c in text.chars() {
        let mut units = [0u16; 2];
        if (c as u32) >= 0x7f && is_hidden(c) {
            for unit in c.encode_utf16(&mut units) {
                out.extend_from_slice(format!("\\u{unit:04x}").as_bytes());
            }
        } else {
            let start = out.len();
            let mut utf8 = [0u8; 4];
            let _ = serde_json::to_writer(&mut *out, &*c.encode_utf8(&mut utf8));
            out.remove(start);
            out.pop();
        }
    }
    out.push(b'"');
}

/// Appends a word of our own, which has nothing that is escaped.
pub(super) fn word(out: &mut Vec<u8>, word: &str) {
    debug_assert!(
        word.bytes()
            .all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\'))
    );
    out.reserve(word.len() + 2);
    out.push(b'"');
    out.extend_from_slice(word.as_bytes());
    out.push(b'"');
}

/// Whether a byte may be part of something that is written as `\u` and digits, or as `\n` and the like: ASCII control
/// characters, and the first bytes of all hidden characters outside ASCII.
fn is_special(byte: u8) -> bool {
    byte < 0x20 || matches!(byte, 0x7f | 0xc2 | 0xd8 | 0xe1 | 0xe2 | 0xef | 0xf3)
}

/// Bytes looked at together, one bit each.
const BLOCK: usize = 64;
/// Bytes copied at least: most runs between escapes are not longer.
const PIECE: usize = 16;

/// Appends text in which only quotes and backslashes need an escape. JSON in JSON is full of them: they are found for a
/// whole block at once, and what lies between them is copied in pieces that are longer than needed.
fn quoted(out: &mut Vec<u8>, bytes: &[u8]) {
    out.reserve(bytes.len() + bytes.len() / 4 + 2);
    out.push(b'"');
    let is_escaped = |byte: &u8| matches!(byte, b'"' | b'\\');
    if bytes.len() <= BLOCK && !bytes.iter().fold(false, |any, byte| any | is_escaped(byte)) {
        // Names and the like.
        out.extend_from_slice(bytes);
        out.push(b'"');
        return;
    }
    for block in bytes.chunks(BLOCK) {
        let mut source = [0; BLOCK + PIECE];
        source[..block.len()].copy_from_slice(block);
        let mut room = [0; 2 * BLOCK + PIECE];
        let mut escapes = escapes(&source[..BLOCK]);
        let (mut from, mut at) = (0, 0);
        loop {
            let to = block.len().min(escapes.trailing_zeros() as usize);
            for piece in (from..to).step_by(PIECE) {
                room[at + piece - from..][..PIECE].copy_from_slice(&source[piece..][..PIECE]);
            }
            at += to - from;
            if escapes == 0 {
                break;
            }
            // What is escaped begins the next run.
            room[at] = b'\\';
            (from, at) = (to, at + 1);
            escapes &= escapes - 1;
        }
        out.extend_from_slice(&room[..at]);
    }
    out.push(b'"');
}

/// The quotes and backslashes of a block, the first byte's in the lowest bit.
fn escapes(block: &[u8]) -> u64 {
    let (words, _) = block.as_chunks::<8>();
    let bits = words.iter().map(|word| {
        let word = u64::from_le_bytes(*word);
        let found = (equal(word, b'"') | equal(word, b'\\')) >> 7;
        // Gathers the lowest bits of all bytes in the highest byte.
        found.wrapping_mul(0x0102_0408_1020_4080) >> 56
    });
    bits.zip(0..)
        .fold(0, |all, (bits, at)| all | bits << (8 * at))
}

/// Sets the highest bit of every byte that is `of`, and no other.
fn equal(word: u64, of: u8) -> u64 {
    const LOW: u64 = 0x7f7f_7f7f_7f7f_7f7f;
    let differs = word ^ u64::from_ne_bytes([of; 8]);
    !(((differs & LOW) + LOW) | differs | LOW)
}

/// Appends bytes that should be text; what is not UTF-8 becomes U+FFFD.
pub(super) fn lossy(out: &mut Vec<u8>, bytes: &[u8]) {
    string(out, &String::from_utf8_lossy(bytes));
}

/// Appends `null` or what `write` writes.
pub(super) fn optional<T>(
    out: &mut Vec<u8>,
    value: Option<T>,
    write: impl FnOnce(&mut Vec<u8>, T),
) {
    match value {
        Some(value) => write(out, value),
        None => out.extend_from_slice(b"null"),
    }
}

/// Appends an array.
pub(super) fn array<T>(
    out: &mut Vec<u8>,
    values: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (at, value) in values.into_iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        write(out, value);
    }
    out.push(b']');
}

/// Appends bytes in base64, as a string.
pub(super) fn base64(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    let start = out.len();
    out.resize(start + bytes.len().div_ceil(3) * 4, 0);
    let written = STANDARD.encode_slice(bytes, &mut out[start..]).unwrap_or(0);
    out.truncate(start + written);
    out.push(b'"');
}

/// Appends bytes in hexadecimal, as a string.
pub(super) fn hexadecimal(out: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let start = out.len();
    out.resize(start + 2 * bytes.len(), 0);
    for (pair, byte) in out[start..].chunks_exact_mut(2).zip(bytes) {
        pair[0] = DIGITS[usize::from(byte >> 4)];
        pair[1] = DIGITS[usize::from(byte & 0x0f)];
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strings_are_json_and_safe_on_a_terminal() {
        for text in [
            "{\"a\": \"b\\c\", \"d\": [1, 2]}",
            "naïve",
            "\"",
            "",
            "plain \"\\\n\x1b",
            "é \u{9b}31m \u{202e}x \u{e0041} \x7f",
            "日本",
        ] {
            let mut out = Vec::new();
            string(&mut out, text);
            assert_eq!(serde_json::from_slice::<String>(&out).unwrap(), text);
            assert!(!String::from_utf8(out).unwrap().chars().any(is_hidden));
        }
    }

    #[test]
    fn quotes_and_backslashes_are_escaped_wherever_they_are() {
        let mut random = crate::testkit::Random::new(5);
        for length in 0..300 {
            for rarity in 1..8 {
                let pick = |number: u64| match number {
                    0 => '"',
                    1 => '\\',
                    other => char::from(b'a' + (other % 26) as u8),
                };
                let text: String = (0..length)
                    .map(|_| pick(random.below(2 * rarity)))
                    .collect();
                let mut out = Vec::new();
                string(&mut out, &text);
                assert_eq!(String::from_utf8(out).unwrap(), format!("{text:?}"));
            }
        }
    }

    #[test]
    fn every_hidden_character_begins_with_a_special_byte() {
        for c in (0..=0x10_ffff)
            .filter_map(char::from_u32)
            .filter(|c| is_hidden(*c))
        {
            assert!(is_special(c.to_string().as_bytes()[0]), "{c:?}");
        }
    }

    #[test]
    fn bytes_read_back() {
        let mut out = Vec::new();
        base64(&mut out, b"Hello");
        hexadecimal(&mut out, &[0xcb, 0x6e]);
        assert_eq!(out, br#""SGVsbG8=""cb6e""#);
    }
}
