//! What is wrong with a filter's text, where, and what was probably meant.

use std::fmt;
use std::ops::Range;

use unicode_width::UnicodeWidthChar;

use crate::base::escape;

/// Columns of the text shown around the place.
const SHOWN: usize = 100;

/// A text that is no filter. Its `Display` shows the text with the place marked; [`FilterError::summary`] is one line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FilterError {
    /// The whole text.
    pub text: String,
    /// The bytes of it that are wrong; may be empty, at the end.
    pub span: Range<usize>,
    /// What is wrong.
    pub message: String,
    /// What could stand there.
    pub expected: Option<String>,
    /// What was probably meant.
    pub suggestion: Option<String>,
}

impl std::error::Error for FilterError {}

impl FilterError {
    pub(super) fn new(span: Range<usize>, message: impl Into<String>) -> Self {
        Self {
            text: String::new(),
            span,
            message: message.into(),
            expected: None,
            suggestion: None,
        }
    }

    pub(super) fn expected(mut self, what: impl Into<String>) -> Self {
        self.expected = Some(what.into());
        self
    }

    pub(super) fn suggest(mut self, what: Option<impl Into<String>>) -> Self {
        self.suggestion = what.map(Into::into);
        self
    }

    pub(super) fn in_text(mut self, text: &str) -> Self {
        text.clone_into(&mut self.text);
        self
    }

    /// Message, expectation and suggestion in one line.
    #[must_use]
    pub fn summary(&self) -> String {
        let mut line = self.message.clone();
        if let Some(expected) = &self.expected {
            line = format!("{line}; expected {expected}");
        }
        if let Some(suggestion) = &self.suggestion {
            line = format!("{line}; did you mean {suggestion}?");
        }
        line
    }
}

impl fmt::Display for FilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (line, indent, carets) = excerpt(&self.text, &self.span);
        writeln!(f, "{line}")?;
        writeln!(f, "{:indent$}{}", "", "^".repeat(carets))?;
        f.write_str(&self.summary())
    }
}

/// One line of the text around the span, the column where the span begins, and how many columns it covers.
fn excerpt(text: &str, span: &Range<usize>) -> (String, usize, usize) {
    let from = text
        .char_indices()
        .rev()
        .map(|(at, _)| at)
        .filter(|at| *at <= span.start)
        .nth(SHOWN / 2)
        .unwrap_or(0);
    let mut line = String::from(if from > 0 { "…" } else { "" });
    let mut column = usize::from(from > 0);
    let (mut indent, mut carets) = (None, 0);
    for (at, c) in text.char_indices().skip_while(|(at, _)| *at < from) {
        if column >= SHOWN {
            line.push('…');
            break;
        }
        if at >= span.start {
            indent.get_or_insert(column);
        }
        let shown = match c {
            c if c.is_whitespace() => ' ',
            c if escape::is_hidden(c) => '\u{fffd}',
            c => c,
        };
        let width = shown.width().unwrap_or(1);
        if span.contains(&at) {
            carets += width;
        }
        line.push(shown);
        column += width;
    }
    (line, indent.unwrap_or(column), carets.max(1))
}

/// The error for a name that is none of the fields' `names`.
pub(super) fn unknown_field(
    name: &str,
    span: Range<usize>,
    names: impl Iterator<Item = &'static str>,
) -> FilterError {
    if is_of_packets(name) {
        let message = format!("`{}` is a field of single packets", shown(name));
        return FilterError::new(span, message)
            .expected("a field of frames, messages, connections or findings");
    }
    FilterError::new(span, format!("there is no field `{}`", shown(name)))
        .suggest(nearest(name, names))
}

/// Whether Wireshark has a field of this name that only a packet can have.
fn is_of_packets(name: &str) -> bool {
    const PREFIXES: [&str; 8] = [
        "tcp.flags",
        "tcp.analysis",
        "tcp.options",
        "tcp.window_size",
        "tcp.checksum",
        "ip.flags",
        "eth.",
        "udp.",
    ];
    const NAMES: [&str; 17] = [
        "eth",
        "udp",
        "frame.len",
        "frame.cap_len",
        "frame.bytes",
        "frame.protocols",
        "frame.interface_id",
        "frame.time_delta",
        "frame.time_delta_displayed",
        "ip.id",
        "ip.len",
        "ip.ttl",
        "tcp.ack",
        "tcp.len",
        "tcp.payload",
        "tcp.segment_data",
        "tcp.seq",
    ];
    NAMES.contains(&name) || PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

/// A piece of the text as a message may quote it.
pub(super) fn shown(text: &str) -> String {
    escape::preview(text.as_bytes(), 60)
}

/// The candidate that needs the fewest changes, when they are few for its length.
pub(crate) fn nearest<'a>(
    word: &str,
    candidates: impl Iterator<Item = &'a str>,
) -> Option<&'a str> {
    if word.len() > 64 {
        return None;
    }
    let word = word.to_ascii_lowercase();
    candidates
        .map(|candidate| (nearness(&word, candidate), candidate))
        .filter(|(distance, candidate)| *distance <= 2 * (1 + candidate.len().min(word.len()) / 4))
        .min_by_key(|(distance, candidate)| (*distance, candidate.len()))
        .map(|(_, candidate)| candidate)
}

/// Twice the edit distance; a last part that is the whole word (`opcode` for `websocket.opcode`) is near too.
fn nearness(word: &str, candidate: &str) -> usize {
    let whole = 2 * distance(word, candidate);
    let tail = candidate.rsplit('.').next().unwrap_or(candidate);
    let own_tail = word.rsplit('.').next().unwrap_or(word);
    if own_tail.len() >= 3 && own_tail == tail {
        return whole.min(3);
    }
    whole
}

/// Edits from `a` to `b`, a swap of neighbours counted as one.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 0..a.len() {
        let mut row = vec![i + 1; b.len() + 1];
        for j in 0..b.len() {
            let cost = usize::from(a[i] != b[j]);
            row[j + 1] = (last[j] + cost).min(last[j + 1] + 1).min(row[j] + 1);
            if i > 0 && j > 0 && a[i] == b[j - 1] && a[i - 1] == b[j] {
                row[j + 1] = row[j + 1].min(before[j - 1] + 1);
            }
        }
        before = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distance_counts_edits_and_swaps() {
        for (a, b, edits) in [
            ("", "", 0),
            ("a", "", 1),
            ("opcdoe", "opcode", 1),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), edits, "{a} {b}");
        }
    }

    #[test]
    fn the_carets_stand_under_the_place_whatever_surrounds_it() {
        let error = FilterError::new(9..13, "wrong")
            .expected("right")
            .in_text("日本\t\u{202e}x");
        let shown = error.to_string();
        assert_eq!(shown.lines().next(), Some("日本 \u{fffd}x"));
        let long = "a".repeat(500);
        let shown = FilterError::new(400..403, "wrong")
            .in_text(&long)
            .to_string();
        let mut lines = shown.lines();
        assert!(
            lines
                .next()
                .is_some_and(|line| line.chars().count() <= SHOWN + 2)
        );
        assert_eq!(lines.next().map(str::trim), Some("^^^"));
        let end = FilterError::new(3..3, "ends").in_text("a =").to_string();
        assert_eq!(end.lines().nth(1), Some("   ^"));
    }
}
