//! A line of a script in words, and words that mean bytes.

use crate::craft::Random;

/// Bytes that one word may stand for: what `random:N` and `repeat:N` are for is far below.
const MOST: usize = 1 << 20;

/// A word of a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Word {
    /// What it says, escapes resolved.
    pub bytes: Vec<u8>,
    /// Whether it stood in quotes: then it is never an option or a number.
    pub is_quoted: bool,
}

impl Word {
    /// A word as somebody typed it on the command line.
    #[must_use]
    pub fn bare(text: &str) -> Self {
        Self {
            bytes: text.as_bytes().to_vec(),
            is_quoted: false,
        }
    }

    /// Its text, when it is a word without quotes.
    #[must_use]
    pub fn keyword(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes)
            .ok()
            .filter(|_| !self.is_quoted)
    }

    /// Its text, in quotes or not.
    ///
    /// # Errors
    /// When it is no UTF-8.
    pub fn text(&self) -> Result<&str, String> {
        std::str::from_utf8(&self.bytes).map_err(|_| "this must be text".to_owned())
    }
}

/// The words of a line. A `#` outside quotes begins a comment; in quotes `\"`, `\\`, `\n`, `\r`, `\t`, `\xff` and `\u{ff}` are
/// escapes.
///
/// # Errors
/// When a quote is not closed, or an escape is none.
pub fn words(line: &str) -> Result<Vec<Word>, String> {
    let mut words = Vec::new();
    let mut rest = line.trim_start();
    while let Some(first) = rest.chars().next() {
        rest = match first {
            '#' => break,
            '"' => {
                let (bytes, after) = quoted(&rest[1..])?;
                words.push(Word {
                    bytes,
                    is_quoted: true,
                });
                after
            }
            _ => {
                let end = rest.find(char::is_whitespace).unwrap_or(rest.len());
                words.push(Word::bare(&rest[..end]));
                &rest[end..]
            }
        };
        rest = rest.trim_start();
    }
    Ok(words)
}

/// The bytes up to the closing quote, and what follows it.
fn quoted(text: &str) -> Result<(Vec<u8>, &str), String> {
    let mut bytes = Vec::new();
    let mut rest = text;
    loop {
        let c = rest.chars().next().ok_or("a quote is not closed")?;
        rest = &rest[c.len_utf8()..];
        match c {
            '"' => return Ok((bytes, rest)),
            '\\' => rest = escaped(rest, &mut bytes)?,
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Appends what an escape means; what follows it.
fn escaped<'a>(text: &'a str, bytes: &mut Vec<u8>) -> Result<&'a str, String> {
    let kind = text.chars().next().ok_or("a quote is not closed")?;
    let rest = &text[kind.len_utf8()..];
    let byte = match kind {
        '"' | '\\' => kind as u8,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'x' => {
            let digits = rest.get(..2).unwrap_or_default();
            let byte = u8::from_str_radix(digits, 16);
            bytes.push(byte.map_err(|_| format!("\\x{digits}: two hex digits must follow \\x"))?);
            return Ok(&rest[2..]);
        }
        'u' => {
            let inner = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
            let found = inner.and_then(|(digits, after)| {
                let c = char::from_u32(u32::from_str_radix(digits, 16).ok()?)?;
                Some((c, after))
            });
            let (c, after) =
                found.ok_or("\\u{...}: the number of a character must follow in braces")?;
            bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Ok(after);
        }
        other => return Err(format!("\\{other}: no such escape")),
    };
    bytes.push(byte);
    Ok(rest)
}

/// The bytes a word stands for: text as it is, `hex:48656c6c6f`, `random:100` (so many bytes), `repeat:100:ab` (that text up to so
/// many bytes).
///
/// # Errors
/// When the hex or the number is none.
pub fn payload(word: &Word, random: &mut Random) -> Result<Vec<u8>, String> {
    let Some(text) = word.keyword() else {
        return Ok(word.bytes.clone());
    };
    let number = |digits: &str| {
        let number = digits
            .parse::<usize>()
            .ok()
            .filter(|number| *number <= MOST);
        number.ok_or_else(|| format!("{text}: a number up to {MOST} must follow"))
    };
    if let Some(digits) = text.strip_prefix("hex:") {
        return hex::decode(digits).map_err(|_| format!("{text}: hex digits in pairs must follow"));
    }
    if let Some(digits) = text.strip_prefix("random:") {
        return Ok(random.bytes(number(digits)?));
    }
    if let Some((digits, pattern)) = text
        .strip_prefix("repeat:")
        .and_then(|rest| rest.split_once(':'))
    {
        return Ok(pattern.bytes().cycle().take(number(digits)?).collect());
    }
    Ok(word.bytes.clone())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(line: &str) -> Vec<String> {
        let words = words(line).unwrap();
        words
            .iter()
            .map(|word| String::from_utf8_lossy(&word.bytes).into_owned())
            .collect()
    }

    #[test]
    fn quotes_comments_and_escapes() {
        assert_eq!(
            said(r#"client text "Hello # you" # a comment"#),
            ["client", "text", "Hello # you"]
        );
        assert_eq!(said(r#""\x48\u{fc}\n\"""#), ["H\u{fc}\n\""]);
        assert!(words("\"open").is_err());
        assert!(words(r#""\q""#).is_err());
        assert!(words(r#""\x4""#).is_err());
    }

    #[test]
    fn words_stand_for_bytes() {
        let of = |text: &str| payload(&Word::bare(text), &mut Random::new(1));
        assert_eq!(of("hex:4869").unwrap(), b"Hi");
        assert_eq!(of("repeat:5:ab").unwrap(), b"ababa");
        assert_eq!(of("random:9").unwrap().len(), 9);
        assert_eq!(of("Hello").unwrap(), b"Hello");
        assert!(of("hex:4").is_err());
        assert!(of("random:99999999999").is_err());
        let quoted = Word {
            bytes: b"hex:00".to_vec(),
            is_quoted: true,
        };
        assert_eq!(payload(&quoted, &mut Random::new(1)).unwrap(), b"hex:00");
    }
}
