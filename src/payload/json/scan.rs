//! Whether a text is JSON (RFC 8259), found in one walk that keeps nothing but what it is inside of.
//!
//! It says the same as `serde_json` of a value that nobody wants, in a third of the time; what is in the value is read later,
//! where it is asked for.

use std::ops::Range;

use smallvec::SmallVec;

/// The bytes of a word whose highest bit is set where the byte may not stand in a string as it is; right up to the lowest one.
#[inline]
fn ends(word: u64) -> u64 {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    let below = |word: u64, byte: u8| word.wrapping_sub(ONES * u64::from(byte)) & !word & HIGH;
    let equal = |byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    equal(b'"') | equal(b'\\') | below(word, 0x20)
}

/// How many bytes may stand in a string as they are before one that may not; `None` where the text ends before. Bytes outside
/// ASCII are part of text that is known to be UTF-8. Strings are mostly short: eight bytes at a time is soon done.
#[inline]
pub(super) fn plain_len(text: &[u8]) -> Option<usize> {
    let (words, rest) = text.as_chunks::<8>();
    for (at, word) in words.iter().enumerate() {
        let found = ends(u64::from_le_bytes(*word));
        if found != 0 {
            return Some(8 * at + (found.trailing_zeros() / 8) as usize);
        }
    }
    let is_end = |byte: &u8| *byte < 0x20 || matches!(byte, b'"' | b'\\');
    Some(8 * words.len() + rest.iter().position(is_end)?)
}

/// A place in a text that may be JSON.
#[derive(Debug)]
pub(super) struct Scanner<'t> {
    text: &'t [u8],
    at: usize,
}

impl<'t> Scanner<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self {
            text: text.as_bytes(),
            at: 0,
        }
    }

    /// The position of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Passes over blanks; the byte behind them.
    #[inline]
    pub(super) fn next(&mut self) -> Option<u8> {
        loop {
            let byte = self.peek()?;
            if !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    /// Passes over this byte, behind blanks.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> Option<()> {
        (self.next()? == byte).then(|| self.at += 1)
    }

    /// Whether nothing but blanks is left.
    pub(super) fn is_over(&mut self) -> bool {
        self.next().is_none()
    }

    /// Passes over a value.
    pub(super) fn value(&mut self) -> Option<()> {
        // The brackets that close what this is inside of.
        let mut open: SmallVec<[u8; 64]> = SmallVec::new();
        loop {
            match self.next()? {
                b'"' => drop(self.string()?),
                b'{' => {
                    self.at += 1;
                    if self.next()? != b'}' {
                        open.push(b'}');
                        self.key()?;
                        continue;
                    }
                    self.at += 1;
                }
                b'[' => {
                    self.at += 1;
                    if self.next()? != b']' {
                        open.push(b']');
                        continue;
                    }
                    self.at += 1;
                }
                b't' => self.word(b"true")?,
                b'f' => self.word(b"false")?,
                b'n' => self.word(b"null")?,
                _ => self.number()?,
            }
            // A value is over: so may be what it is the last of.
            loop {
                let Some(close) = open.last().copied() else {
                    return Some(());
                };
                let byte = self.next()?;
                self.at += 1;
                if byte == close {
                    open.pop();
                    continue;
                }
                if byte != b',' {
                    return None;
                }
                if close == b'}' {
                    self.key()?;
                }
                break;
            }
        }
    }

    /// Passes over a key and its colon: the bytes within its quotes, and whether they have escapes.
    pub(super) fn key(&mut self) -> Option<(Range<usize>, bool)> {
        if self.next()? != b'"' {
            return None;
        }
        let start = self.at + 1;
        let has_escapes = self.string()?;
        let key = start..self.at - 1;
        self.take(b':')?;
        Some((key, has_escapes))
    }

    /// Passes over a string; whether it has escapes.
    fn string(&mut self) -> Option<bool> {
        self.at += 1;
        let mut has_escapes = false;
        loop {
            let rest = self.text.get(self.at..)?;
            let len = plain_len(rest)?;
            self.at += len + 1;
            match rest.get(len)? {
                b'"' => return Some(has_escapes),
                b'\\' => {
                    has_escapes = true;
                    self.escape()?;
                }
                _ => return None,
            }
        }
    }

    fn escape(&mut self) -> Option<()> {
        let kind = self.peek()?;
        self.at += 1;
        match kind {
            b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => Some(()),
            b'u' => {
                let digits = self.text.get(self.at..self.at + 4)?;
                self.at += 4;
                digits.iter().all(u8::is_ascii_hexdigit).then_some(())
            }
            _ => None,
        }
    }

    fn word(&mut self, word: &[u8]) -> Option<()> {
        let found = self.text.get(self.at..self.at + word.len())?;
        self.at += word.len();
        (found == word).then_some(())
    }

    fn number(&mut self) -> Option<()> {
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek()? {
            b'0' => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        // A digit behind a leading zero is no end of a number.
        (!self.peek().is_some_and(|byte| byte.is_ascii_digit())).then_some(())
    }

    /// Passes over digits, of which there is one at least.
    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

/// Whether a text is JSON.
pub(super) fn is_json(text: &str) -> bool {
    let mut scanner = Scanner::new(text);
    scanner.value().is_some() && scanner.is_over()
}

#[cfg(test)]
mod tests {
    use serde::de::IgnoredAny;

    use super::*;

    #[test]
    fn it_says_the_same_as_serde_json() {
        let mut random = crate::testkit::Random::new(7);
        const PIECES: &[&str] = &[
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            " ",
            "\"a\"",
            "\"\\u00e9\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"",
            "\\",
            "0",
            "-",
            "1",
            "2.5",
            "1e9",
            "e+",
            ".",
            "01",
            "true",
            "false",
            "null",
            "nul",
            "\n",
            "\t",
            "\u{1}",
            "ü",
            "\"k\":",
            "{}",
            "[]",
            "-0",
            "1E-2",
        ];
        const WHOLE: &str =
            r#"{"a":[1,-2.5e3,true,{"b":"x\"}]"}],"c\u0041":null, "d" : {"e":[[],{}]}}"#;
        let mut valid = 0;
        for round in 0..200_000 {
            let text = if round % 2 == 0 {
                let count = 1 + random.below(8);
                let pick = |_| PIECES[random.below(PIECES.len() as u64) as usize];
                (0..count).map(pick).collect::<String>()
            } else {
                let mut text: Vec<char> = WHOLE.chars().collect();
                for _ in 0..1 + random.below(2) {
                    let at = random.below(text.len() as u64) as usize;
                    match random.below(3) {
                        0 => drop(text.remove(at)),
                        1 => text[at] = WHOLE.chars().nth(random.below(70) as usize).unwrap_or(' '),
                        _ => text.insert(
                            at,
                            WHOLE.chars().nth(random.below(70) as usize).unwrap_or(' '),
                        ),
                    }
                }
                text.into_iter().collect()
            };
            let expected = serde_json::from_str::<IgnoredAny>(&text).is_ok();
            valid += u32::from(expected);
            assert_eq!(is_json(&text), expected, "{text:?}");
        }
        assert!(valid > 10_000, "{valid} were JSON");
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = "[".repeat(1_000_000) + &"]".repeat(1_000_000);
        assert!(is_json(&deep) && !is_json(&deep[1..]) && !is_json(&deep[..deep.len() - 1]));
    }
}
