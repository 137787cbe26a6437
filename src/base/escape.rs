//! Bytes from the wire made safe to show.
//!
//! A terminal obeys control characters, and Unicode has characters that reorder or hide the text around them. Nothing
//! captured reaches a screen except through here.

/// Whether `c` could move the cursor, change the terminal, or make text look like other text.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends `bytes` as readable text: valid UTF-8 as it is, control and hidden characters as escapes (`\n`, `\x1b`,
/// `\u{202e}`), other bytes as `\xff`, a backslash doubled.
pub fn write(bytes: &[u8], out: &mut Vec<u8>) {
    let (plain, rest) = bytes.split_at(plain_len(bytes));
    out.extend_from_slice(plain);
    if rest.is_empty() {
        return;
    }
    for chunk in rest.utf8_chunks() {
        write_str(chunk.valid(), out);
        for byte in chunk.invalid() {
            write_byte(*byte, out);
        }
    }
}

/// How many bytes from the first on are shown as they are; most of what is shown is plain to its end. Whole chunks are
/// judged without a branch a byte.
fn plain_len(bytes: &[u8]) -> usize {
    const CHUNK: usize = 16;
    let is_plain = |byte: &u8| (0x20..0x7f).contains(byte) && *byte != b'\\';
    let plain_chunks = bytes
        .chunks_exact(CHUNK)
        .take_while(|chunk| chunk.iter().fold(true, |all, byte| all & is_plain(byte)))
        .count();
    let start = plain_chunks * CHUNK;
    start
        + bytes[start..]
            .iter()
            .take_while(|byte| is_plain(byte))
            .count()
}

/// [`write()`] for text.
pub fn write_str(text: &str, out: &mut Vec<u8>) {
    let bytes = text.as_bytes();
    let mut start = 0;
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        if (0x20..0x7f).contains(&byte) && byte != b'\\' {
            at += 1;
            continue;
        }
        let c = text[at..].chars().next().unwrap_or('\u{fffd}');
        let len = c.len_utf8();
        if c == '\\' || is_hidden(c) {
            out.extend_from_slice(&bytes[start..at]);
            write_hidden(c, out);
            start = at + len;
        }
        at += len;
    }
    out.extend_from_slice(&bytes[start..]);
}

/// [`write()`] as a string.
#[must_use]
pub fn text(bytes: &[u8]) -> String {
    let mut out = Vec::with_capacity(bytes.len());
    write(bytes, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Like [`text`], of at most `max` input bytes, with `…` where something was left off.
#[must_use]
pub fn preview(bytes: &[u8], max: usize) -> String {
    let mut out = Vec::with_capacity(max + 4);
    write_preview(bytes, max, &mut out);
    String::from_utf8(out).unwrap_or_default()
}

/// Appends [`preview`].
pub fn write_preview(bytes: &[u8], max: usize, out: &mut Vec<u8>) {
    if bytes.len() <= max {
        return write(bytes, out);
    }
    // A cut inside a character would show its first bytes as broken.
    let mut cut = max;
    while cut > max.saturating_sub(3) && bytes.get(cut).is_some_and(|byte| byte & 0xc0 == 0x80) {
        cut -= 1;
    }
    write(&bytes[..cut], out);
    out.extend_from_slice("…".as_bytes());
}

fn write_hidden(c: char, out: &mut Vec<u8>) {
    match c {
        '\\' => out.extend_from_slice(b"\\\\"),
        '\n' => out.extend_from_slice(b"\\n"),
        '\r' => out.extend_from_slice(b"\\r"),
        '\t' => out.extend_from_slice(b"\\t"),
        c if c.is_ascii() => write_byte(c as u8, out),
        c => out.extend_from_slice(c.escape_unicode().to_string().as_bytes()),
    }
}

fn write_byte(byte: u8, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[
        b'\\',
        b'x',
        DIGITS[usize::from(byte >> 4)],
        DIGITS[usize::from(byte & 15)],
    ]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_and_hidden_characters_never_come_through() {
        assert_eq!(text(b"a\x1b[31m\r\n\x00\x7f"), r"a\x1b[31m\r\n\x00\x7f");
        assert_eq!(
            text("x\u{202e}y\u{9b}z\u{200b}".as_bytes()),
            r"x\u{202e}y\u{9b}z\u{200b}"
        );
        assert_eq!(text(b"ok \xff\xfe \xc3\xa9 \\"), "ok \\xff\\xfe é \\\\");
    }

    #[test]
    fn preview_cuts_between_characters() {
        assert_eq!(preview("aé".as_bytes(), 2), "a…");
        assert_eq!(preview(b"abc", 3), "abc");
        assert_eq!(preview("日本".as_bytes(), 5), "日…");
    }
}
