//! JSON as lines: every number and string as it was sent, members in their order, twice those that came twice.

use serde::de::IgnoredAny;

use super::line::{Line, LineKind, shown};

/// Depth beyond which nothing is set in further.
const DEEP: u16 = 64;

/// Adds the lines of a text that is one array or object; whether it is.
pub(super) fn pretty(text: &str, lines: &mut Vec<Line>) -> bool {
    let text = text.trim_matches([' ', '\t', '\r', '\n']);
    if !text.starts_with(['{', '[']) || serde_json::from_str::<IgnoredAny>(text).is_err() {
        return false;
    }
    let mut writer = Writer {
        lines,
        open: Vec::new(),
        line: String::new(),
    };
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        at = match byte {
            b' ' | b'\t' | b'\r' | b'\n' => at + 1,
            b'{' | b'[' => writer.opened(bytes, at),
            b'}' | b']' => writer.closed(*byte, at),
            b',' => {
                writer.line.push(',');
                writer.end();
                at + 1
            }
            b':' => {
                writer.line.push_str(": ");
                at + 1
            }
            b'"' => writer.word(bytes, at, string_end(bytes, at)),
            _ => writer.word(bytes, at, word_end(bytes, at)),
        };
    }
    writer.end();
    true
}

/// The place behind a string that begins here.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut end = at + 1;
    while let Some(byte) = bytes.get(end) {
        match byte {
            b'\\' => end += 2,
            b'"' => return end + 1,
            _ => end += 1,
        }
    }
    bytes.len()
}

/// The place behind a number, `true`, `false` or `null`.
fn word_end(bytes: &[u8], at: usize) -> usize {
    let is_end = |byte: &u8| matches!(byte, b',' | b']' | b'}' | b' ' | b'\n' | b'\r' | b'\t');
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(is_end).unwrap_or(rest.len()).max(1)
}

struct Writer<'a> {
    lines: &'a mut Vec<Line>,
    /// The lines that opened what is open.
    open: Vec<usize>,
    line: String,
}

impl Writer<'_> {
    fn depth(&self) -> u16 {
        u16::try_from(self.open.len()).unwrap_or(DEEP).min(DEEP)
    }

    /// The line is over.
    fn end(&mut self) {
        if !self.line.is_empty() {
            let text = std::mem::take(&mut self.line);
            let depth = self.depth();
            self.lines.push(Line::new(LineKind::Json, depth, text));
        }
    }

    fn word(&mut self, bytes: &[u8], at: usize, end: usize) -> usize {
        let word = bytes.get(at..end).unwrap_or_default();
        self.line.push_str(&shown(word));
        end
    }

    fn opened(&mut self, bytes: &[u8], at: usize) -> usize {
        let open = bytes.get(at).copied().unwrap_or_default();
        self.line.push(char::from(open));
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\n' | b'\r' | b'\t');
        let rest = bytes.get(at + 1..).unwrap_or_default();
        let blanks = rest.iter().take_while(|byte| is_blank(byte)).count();
        if let Some(close @ (b'}' | b']')) = rest.get(blanks) {
            self.line.push(char::from(*close));
            return at + blanks + 2;
        }
        self.end();
        self.open.push(self.lines.len() - 1);
        at + 1
    }

    fn closed(&mut self, close: u8, at: usize) -> usize {
        self.end();
        if let Some(open) = self.open.pop() {
            // The closing line folds along.
            let holds = self.lines.len() + 1 - (open + 1);
            if let Some(line) = self.lines.get_mut(open) {
                line.holds = u32::try_from(holds).unwrap_or(u32::MAX);
            }
        }
        self.line.push(char::from(close));
        at + 1
    }
}
