//! Lines for lists: short, in one line, with what came from the wire escaped.

use crate::base::escape;

/// Bytes of a part of a summary.
const PART: usize = 80;
/// Characters of a summary.
const WHOLE: usize = 240;

/// Text or bytes from the wire as a part of a summary.
#[must_use]
pub(super) fn part(bytes: impl AsRef<[u8]>) -> String {
    escape::preview(bytes.as_ref(), PART)
}

/// The summaries of a message's units as one, taken out of the list.
pub(super) fn joined(parts: &mut Vec<String>) -> String {
    let mut whole = match parts.len() {
        1 => parts.pop().unwrap_or_default(),
        _ => parts.join("; "),
    };
    // No text has more characters than bytes.
    if whole.len() > WHOLE
        && let Some((end, _)) = whole.char_indices().nth(WHOLE)
    {
        whole.truncate(end);
        whole.push('…');
    }
    whole
}

/// A line that grows by words of a decoder's own and by parts from the wire, which are escaped as they are added.
#[derive(Debug, Default)]
pub(super) struct Line(Vec<u8>);

impl Line {
    /// A line that begins with a word of the decoder's own.
    pub(super) fn new(word: &str) -> Self {
        let mut bytes = Vec::with_capacity(2 * PART);
        bytes.extend_from_slice(word.as_bytes());
        Self(bytes)
    }

    /// The same, of bytes from the wire.
    pub(super) fn of(part: impl AsRef<[u8]>) -> Self {
        let mut line = Self::new("");
        line.add(part);
        line
    }

    /// Text of the decoder's own, as it is.
    pub(super) fn own(&mut self, text: &str) -> &mut Self {
        self.0.extend_from_slice(text.as_bytes());
        self
    }

    /// Bytes from the wire.
    pub(super) fn add(&mut self, part: impl AsRef<[u8]>) -> &mut Self {
        escape::write_preview(part.as_ref(), PART, &mut self.0);
        self
    }

    /// The same behind a blank, where there are any.
    pub(super) fn part(&mut self, part: impl AsRef<[u8]>) -> &mut Self {
        let part = part.as_ref();
        if !part.is_empty() {
            self.0.push(b' ');
            self.add(part);
        }
        self
    }

    /// The line.
    pub(super) fn finish(self) -> String {
        String::from_utf8(self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_short_and_escaped() {
        let mut line = Line::new("event");
        line.part("a\x1bb")
            .part("")
            .own(" (")
            .add("x".repeat(200))
            .own(")");
        assert_eq!(line.finish(), format!("event a␛b ({}…)", "x".repeat(PART)));
        assert_eq!(joined(&mut vec!["a".into(), "b".into()]), "a; b");
        let long = joined(&mut vec!["ü".repeat(300)]);
        assert_eq!(long.chars().count(), WHOLE + 1);
        assert_eq!(joined(&mut vec!["ü".repeat(200)]), "ü".repeat(200));
    }
}
