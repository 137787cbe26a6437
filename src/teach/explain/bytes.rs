//! Bytes as people write them: hex with any separators, dumps of other programs, escapes, arrays of numbers.

/// The bytes that `text` spells, or what is wrong with it.
///
/// Understood are digits in any grouping (`8185`, `81 85`, `81:85`, `0x81, 0x85`, `{0x81, 0x85}`, `<Buffer 81 85>`), escapes
/// (`\x81\x85Hello`), bits behind `0b`, decimal arrays of JavaScript and Java (`Uint8Array [129, 133]`, `-127, -123`), and the dumps
/// of `hexdump -C`, `xxd`, `tcpdump -x` and Wireshark, whose columns of places and characters are passed over.
///
/// # Errors
/// When it is no bytes; says what stands in the way.
pub fn parse(text: &str) -> Result<Vec<u8>, String> {
    let text = text.trim();
    if text.contains("\\x") {
        return Ok(escapes(text));
    }
    if let Some(bytes) = dump(text) {
        return Ok(bytes);
    }
    if let Some(bytes) = decimals(text) {
        return Ok(bytes);
    }
    digits(text)
}

/// `\x81\x85Hello`, as Python, C and JavaScript write bytes.
fn escapes(text: &str) -> Vec<u8> {
    let text = text.strip_prefix('b').unwrap_or(text);
    let quote = |c: char| c == '"' || c == '\'';
    let text = text.trim_matches(quote);
    let mut bytes = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let escaped = rest.strip_prefix('\\').and_then(|after| {
            let kind = after.chars().next()?;
            let tail = &after[kind.len_utf8()..];
            Some(match kind {
                'x' => {
                    let byte = u8::from_str_radix(tail.get(..2)?, 16).ok()?;
                    (byte, &tail[2..])
                }
                'n' => (b'\n', tail),
                'r' => (b'\r', tail),
                't' => (b'\t', tail),
                '0' => (0, tail),
                '\\' | '"' | '\'' => (kind as u8, tail),
                _ => return None,
            })
        });
        rest = match escaped {
            Some((byte, tail)) => {
                bytes.push(byte);
                tail
            }
            None => {
                bytes.extend_from_slice(&rest.as_bytes()[..c.len_utf8()]);
                &rest[c.len_utf8()..]
            }
        };
    }
    bytes
}

/// The bytes of a dump: lines that begin with a place in hex, each one where the one before ended.
fn dump(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    for line in text.lines().map(str::trim).filter(|line| !line.is_empty()) {
        let (place, rest) = line.split_once([' ', '\t'])?;
        let place = place.strip_suffix(':').unwrap_or(place);
        let place = place.strip_prefix("0x").unwrap_or(place);
        if place.len() < 4 || usize::from_str_radix(place, 16) != Ok(bytes.len()) {
            return None;
        }
        bytes.extend(dump_line(rest));
    }
    // A line of bytes may begin with four zeros, too; two lines in a row do not count up by chance.
    let is_sure = bytes.len() > 2 || text.contains('|') || text.contains(':');
    (is_sure && !bytes.is_empty()).then_some(bytes)
}

/// The bytes of one line of a dump, up to the column of characters, which two spaces or a bar set off.
fn dump_line(rest: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut rest = rest.trim_start();
    loop {
        let end = rest.find([' ', '\t', '|']).unwrap_or(rest.len());
        let word = &rest[..end];
        let is_hex = !word.is_empty() && word.len().is_multiple_of(2) && word.len() <= 8;
        let Some(more) = hex::decode(word).ok().filter(|_| is_hex) else {
            return bytes;
        };
        bytes.extend(more);
        let after = &rest[end..];
        let gap = after.len() - after.trim_start().len();
        // `hexdump -C` has two spaces in the middle, behind its eighth byte.
        if bytes.len() >= 16 || (gap >= 2 && bytes.len() != 8) {
            return bytes;
        }
        rest = after.trim_start();
    }
}

/// `Uint8Array(2) [129, 133]`, or numbers of which one is negative, as Java prints bytes.
fn decimals(text: &str) -> Option<Vec<u8>> {
    let is_array = text.starts_with("Uint8Array") || text.starts_with("Int8Array");
    let list = match is_array {
        true => text.split_once('[')?.1.trim_end_matches(']'),
        false => text.trim_matches(['[', ']', '{', '}']),
    };
    if !is_array && !list.split(',').any(|word| word.trim().starts_with('-')) {
        return None;
    }
    let words = list.split([',', ' ', '\n']).map(str::trim);
    let numbers = words.filter(|word| !word.is_empty()).map(|word| {
        let number: i16 = word.parse().ok()?;
        (-128..=255).contains(&number).then_some(number as u8)
    });
    numbers.collect()
}

/// Hex digits in any grouping.
fn digits(text: &str) -> Result<Vec<u8>, String> {
    let inner = text.strip_prefix("<Buffer").unwrap_or(text);
    let is_separator = |c: char| c.is_whitespace() || ",;:-_{}[]()<>\"'".contains(c);
    let mut bytes = Vec::new();
    let mut half: Option<u8> = None;
    for word in inner.split(is_separator).filter(|word| !word.is_empty()) {
        let bits = word.strip_prefix("0b").filter(|bits| bits.len() == 8);
        if let Some(Ok(byte)) = bits.map(|bits| u8::from_str_radix(bits, 2)) {
            bytes.push(byte);
            continue;
        }
        let prefixed = word.strip_prefix("0x").or_else(|| word.strip_prefix("0X"));
        let digits = prefixed.unwrap_or(word);
        if prefixed.is_some() && digits.len() == 1 {
            bytes.extend(u8::from_str_radix(digits, 16));
            continue;
        }
        for c in digits.chars() {
            let digit = c
                .to_digit(16)
                .ok_or_else(|| format!("{c:?} is no hex digit"))? as u8;
            half = match half {
                None => Some(digit),
                Some(high) => {
                    bytes.push(high << 4 | digit);
                    None
                }
            };
        }
    }
    match (half, bytes.is_empty()) {
        (Some(_), _) => Err("an odd number of hex digits: one byte is two".to_owned()),
        (None, true) => Err("no bytes".to_owned()),
        (None, false) => Ok(bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_the_same_bytes() {
        let expected = hex::decode("8185cb6e9f8e830bf3e2a4").unwrap();
        for text in [
            "8185cb6e9f8e830bf3e2a4",
            "81 85 cb 6e 9f 8e 83 0b f3 e2 a4",
            "81:85:CB:6E:9F:8E:83:0B:F3:E2:A4",
            "81-85-cb-6e-9f-8e-83-0b-f3-e2-a4",
            "8185 cb6e 9f8e 830b f3e2 a4",
            "0x81, 0x85, 0xcb, 0x6e, 0x9f, 0x8e, 0x83, 0xb, 0xf3, 0xe2, 0xa4",
            "{ 0x81, 0x85, 0xcb, 0x6e, 0x9f, 0x8e, 0x83, 0x0b, 0xf3, 0xe2, 0xa4 }",
            "0x8185cb6e9f8e830bf3e2a4",
            "<Buffer 81 85 cb 6e 9f 8e 83 0b f3 e2 a4>",
            r"b'\x81\x85\xcb\x6e\x9f\x8e\x83\x0b\xf3\xe2\xa4'",
            r#""\x81\x85\xcbn\x9f\x8e\x83\x0b\xf3\xe2\xa4""#,
            "0b10000001 0b10000101 cb6e9f8e830bf3e2a4",
            "Uint8Array(11) [\n  129, 133, 203, 110, 159,\n 142, 131, 11, 243, 226, 164\n]",
            "[-127, -123, -53, 110, -97, -114, -125, 11, -13, -30, -92]",
            "00000000  81 85 cb 6e 9f 8e 83 0b  f3 e2 a4                 |...n.......|",
            "00000000: 8185 cb6e 9f8e 830b f3e2 a4              ...n.......",
            "0000   81 85 cb 6e 9f 8e 83 0b f3 e2 a4   ...n.......",
            "\t0x0000:  8185 cb6e 9f8e 830b f3e2 a4",
        ] {
            assert_eq!(parse(text).as_ref(), Ok(&expected), "{text}");
        }
    }

    #[test]
    fn dumps_of_several_lines_are_put_together() {
        let dumped = "00000000  81 7e 00 7e 61 61 61 61  61 61 61 61 61 61 61 61  |.~.~aaaaaaaaaaaa|\n\
                      00000010  61 62                                             |ab|\n";
        let bytes = parse(dumped).unwrap();
        assert_eq!(bytes.len(), 18);
        assert_eq!(bytes[..4], [0x81, 0x7e, 0, 0x7e]);
        assert_eq!(bytes[16..], *b"ab");
        assert_eq!(parse("0000 0000"), Ok(vec![0; 4]), "no dump");
    }

    #[test]
    fn what_is_no_bytes_says_why() {
        assert!(parse("818").unwrap_err().contains("odd number"));
        assert!(parse("81 8g").unwrap_err().contains("'g'"));
        assert_eq!(
            parse("0b 0b101010"),
            Ok(vec![0x0b, 0x0b, 0x10, 0x10, 0x10]),
            "hex after all"
        );
        assert!(parse("").is_err());
    }
}
