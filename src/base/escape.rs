//! Bytes from the wire made safe to show.
//!
//! A terminal obeys control characters, and Unicode has characters that reorder or hide the text around them. Nothing
//! captured reaches a screen except through here.

/// Text as text of an HTML file, safe in attributes too: markup and hidden characters are escaped.
#[must_use]
pub fn html(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if is_hidden(c) => out.extend(c.escape_unicode()),
            c => out.push(c),
        }
    }
    out
}

/// Whether `c` could move the cursor, change the terminal, or make text look like other text.
#[must_use]
pub fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{00ad}' | '\u{061c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Appends `bytes` as readable text: valid UTF-8 as it is, backslashes too; control characters as their pictures (`␊`, `␛`),
/// hidden characters and bytes that are no UTF-8 by their numbers (`⟨U+202E⟩`, `⟨ff⟩`).
///
/// Nothing is shown alike: pictures and `⟨` that were sent are shown by their numbers. Text with backslashes, JSON above all,
/// can be copied from a screen as it was sent.
pub fn write(bytes: &[u8], out: &mut Vec<u8>) {
    write_as(bytes, out, Notation::Shown);
}

/// The same as programs read it, in tab-separated values: control and hidden characters and bytes that are no UTF-8 behind a
/// backslash (`\n`, `\x1b`, `\u{202e}`, `\xff`), and a backslash doubled.
pub fn write_cell(bytes: &[u8], out: &mut Vec<u8>) {
    write_as(bytes, out, Notation::Cell);
}

/// Words in which what came from the wire is shown by [`text`] already: what is hidden all the same is shown, and nothing
/// twice.
#[must_use]
pub fn words(text: &str) -> String {
    let mut out = Vec::with_capacity(text.len());
    write_chars(text, &mut out, Notation::Words);
    String::from_utf8(out).unwrap_or_default()
}

/// How what cannot be shown is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Notation {
    /// For people.
    Shown,
    /// For people, of what is shown already.
    Words,
    /// For programs.
    Cell,
}

fn write_as(bytes: &[u8], out: &mut Vec<u8>, notation: Notation) {
    let (plain, rest) = bytes.split_at(plain_len(bytes));
    out.extend_from_slice(plain);
    if rest.is_empty() {
        return;
    }
    for chunk in rest.utf8_chunks() {
        write_chars(chunk.valid(), out, notation);
        for byte in chunk.invalid() {
            match notation {
                Notation::Shown | Notation::Words => {
                    write_number(format_args!("{byte:02x}"), out);
                }
                Notation::Cell => write_byte(*byte, out),
            }
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
    write_chars(text, out, Notation::Shown);
}

fn write_chars(text: &str, out: &mut Vec<u8>, notation: Notation) {
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
        let is_marked = match notation {
            Notation::Shown => is_hidden(c) || is_mark(c),
            Notation::Words => is_hidden(c),
            Notation::Cell => is_hidden(c) || c == '\\',
        };
        if is_marked {
            out.extend_from_slice(&bytes[start..at]);
            match notation {
                Notation::Shown | Notation::Words => write_shown(c, out),
                Notation::Cell => write_hidden(c, out),
            }
            start = at + len;
        }
        at += len;
    }
    out.extend_from_slice(&bytes[start..]);
}

/// Whether `c` means something else where people read.
fn is_mark(c: char) -> bool {
    matches!(c, '\u{2400}'..='\u{241f}' | '\u{2421}' | '⟨')
}

fn write_shown(c: char, out: &mut Vec<u8>) {
    let picture = match c {
        '\0'..='\x1f' => char::from_u32(0x2400 + u32::from(c)),
        '\x7f' => Some('\u{2421}'),
        _ => None,
    };
    match picture {
        Some(picture) => out.extend_from_slice(picture.encode_utf8(&mut [0; 4]).as_bytes()),
        None => write_number(format_args!("U+{:04X}", u32::from(c)), out),
    }
}

fn write_number(number: std::fmt::Arguments<'_>, out: &mut Vec<u8>) {
    out.extend_from_slice(format!("⟨{number}⟩").as_bytes());
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
        assert_eq!(text(b"a\x1b[31m\r\n\x00\x7f"), "a␛[31m␍␊␀␡");
        assert_eq!(
            text("x\u{202e}y\u{9b}z\u{200b}".as_bytes()),
            "x⟨U+202E⟩y⟨U+009B⟩z⟨U+200B⟩"
        );
        assert_eq!(text(b"ok \xff\xfe \xc3\xa9"), "ok ⟨ff⟩⟨fe⟩ é");
        let mut cell = Vec::new();
        write_cell(b"a\x1b\n\xff\\", &mut cell);
        assert_eq!(cell, br"a\x1b\n\xff\\");
    }

    #[test]
    fn backslashes_are_shown_as_sent_and_nothing_is_shown_alike() {
        let json = r#"{"text":"a \"quoted\" word\n","path":"c:\\x41"}"#;
        assert_eq!(text(json.as_bytes()), json);
        assert_eq!(text("␊⟨ff⟩".as_bytes()), "⟨U+240A⟩⟨U+27E8⟩ff⟩");
        assert_eq!(words(&text(b"a\nb\xff")), "a␊b⟨ff⟩");
        assert_eq!(words("a\nb"), "a␊b");
    }

    #[test]
    fn preview_cuts_between_characters() {
        assert_eq!(preview("aé".as_bytes(), 2), "a…");
        assert_eq!(preview(b"abc", 3), "abc");
        assert_eq!(preview("日本".as_bytes(), 5), "日…");
    }
}
