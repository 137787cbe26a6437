//! What a body amounts to, counted while it passes by. Nothing of it is kept but its first few bytes.
//!
//! Content is the body without the framing of chunks. It is the same whatever way the bytes were cut.

use memchr::memchr2;

/// Bytes of content that [`BodyCount::mark`] is made of, at most.
const MARKED: u64 = 4096;
/// First bytes of the content that are kept.
const BEGINNING: usize = 8;
/// FNV-1a.
const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
const PRIME: u64 = 0x0100_0000_01b3;

/// What was seen of a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BodyCount {
    /// Bytes on the wire, the framing of chunks included.
    pub wire: u64,
    /// Bytes of content.
    pub content: u64,
    /// Chunks that hold content (RFC 9112 section 7.1); 0 where the body is not chunked.
    pub chunks: u64,
    /// Server-sent events (WHATWG HTML, section 9.2.6) that would be dispatched: those with data.
    pub events: u64,
    mark: u64,
    beginning: [u8; BEGINNING],
    lines: Option<Line>,
    has_data: bool,
    after_return: bool,
    array: Array,
}

/// Where in a JSON array the next byte is, if the content is one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Array {
    /// White space so far.
    #[default]
    Before,
    Inside(Items),
    /// It is something else.
    Other,
}

/// The items of a JSON array, counted without looking at what they are (RFC 8259 section 5).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Items {
    count: u64,
    /// Arrays and objects that are open, the outermost included.
    depth: u32,
    /// Something of the item was seen.
    is_begun: bool,
    in_string: bool,
    is_escaped: bool,
}

impl Items {
    fn byte(&mut self, byte: u8) {
        if self.in_string {
            match byte {
                _ if self.is_escaped => self.is_escaped = false,
                b'\\' => self.is_escaped = true,
                b'"' => self.in_string = false,
                _ => {}
            }
            return;
        }
        match byte {
            b',' if self.depth == 1 => self.is_begun = false,
            b']' | b'}' => self.depth = self.depth.saturating_sub(1),
            byte if byte.is_ascii_whitespace() => {}
            byte => {
                if self.depth == 1 && !std::mem::replace(&mut self.is_begun, true) {
                    self.count += 1;
                }
                self.in_string = byte == b'"';
                self.depth += u32::from(matches!(byte, b'[' | b'{'));
            }
        }
    }
}

/// Where in a line of an event stream the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Line {
    Start,
    /// This much of the name `data` was seen.
    Name(u8),
    Other,
}

impl Default for BodyCount {
    fn default() -> Self {
        Self {
            wire: 0,
            content: 0,
            chunks: 0,
            events: 0,
            mark: BASIS,
            beginning: [0; BEGINNING],
            lines: None,
            has_data: false,
            after_return: false,
            array: Array::Before,
        }
    }
}

impl BodyCount {
    /// From here on events are counted, too.
    pub(crate) fn read_events(&mut self) {
        self.lines = Some(Line::Start);
    }

    pub(crate) fn bytes(&mut self, content: &[u8]) {
        let marked = usize::try_from(MARKED.saturating_sub(self.content)).unwrap_or(0);
        for byte in content.iter().take(marked) {
            self.mark = (self.mark ^ u64::from(*byte)).wrapping_mul(PRIME);
        }
        let begun = usize::try_from(self.content).unwrap_or(usize::MAX);
        let rest = self.beginning.get_mut(begun..).unwrap_or_default();
        for (kept, byte) in rest.iter_mut().zip(content) {
            *kept = *byte;
        }
        self.content += content.len() as u64;
        self.items_in(content);
        if let Some(line) = self.lines {
            self.lines = Some(self.events(line, content));
        }
    }

    fn items_in(&mut self, content: &[u8]) {
        let mut rest = content;
        if self.array == Array::Before {
            rest = content.trim_ascii_start();
            let Some((first, after)) = rest.split_first() else {
                return;
            };
            rest = after;
            self.array = match first {
                b'[' => Array::Inside(Items {
                    depth: 1,
                    ..Items::default()
                }),
                _ => Array::Other,
            };
        }
        if let Array::Inside(items) = &mut self.array {
            rest.iter().for_each(|byte| items.byte(*byte));
        }
    }

    /// How many items it has, where it is a JSON array.
    #[must_use]
    pub fn items(&self) -> Option<u64> {
        match self.array {
            Array::Inside(items) => Some(items.count),
            Array::Before | Array::Other => None,
        }
    }

    /// Content that is not in the capture.
    pub(crate) fn missing(&mut self, len: u64) {
        self.wire = self.wire.saturating_add(len);
        self.content = self.content.saturating_add(len);
    }

    /// Tells equal contents from others, by their length and first bytes.
    #[must_use]
    pub fn mark(&self) -> u64 {
        self.mark ^ self.content.wrapping_mul(PRIME)
    }

    /// Whether the content says nothing: none at all, white space, or an empty value of JSON.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        let Ok(len) = usize::try_from(self.content) else {
            return false;
        };
        let Some(content) = self.beginning.get(..len) else {
            return false;
        };
        matches!(
            content.trim_ascii(),
            b"" | b"[]" | b"{}" | b"null" | b"\"\""
        )
    }

    fn events(&mut self, mut line: Line, mut bytes: &[u8]) -> Line {
        while let Some((&byte, rest)) = bytes.split_first() {
            bytes = rest;
            let ended_before = std::mem::replace(&mut self.after_return, byte == b'\r');
            line = match (byte, line) {
                (b'\n', _) if ended_before => line,
                (b'\n' | b'\r', _) => self.line_ended(line),
                (b'd', Line::Start) => Line::Name(1),
                (b':', Line::Name(4)) => {
                    self.has_data = true;
                    Line::Other
                }
                (_, Line::Name(seen)) if b"data".get(usize::from(seen)) == Some(&byte) => {
                    Line::Name(seen + 1)
                }
                _ => {
                    let end = memchr2(b'\r', b'\n', bytes).unwrap_or(bytes.len());
                    bytes = bytes.get(end..).unwrap_or_default();
                    Line::Other
                }
            };
        }
        line
    }

    fn line_ended(&mut self, line: Line) -> Line {
        match line {
            Line::Start => self.events += u64::from(std::mem::take(&mut self.has_data)),
            Line::Name(4) => self.has_data = true,
            Line::Name(_) | Line::Other => {}
        }
        Line::Start
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn count(content: &[u8], cut: usize) -> BodyCount {
        let mut count = BodyCount::default();
        count.read_events();
        for piece in content.chunks(cut) {
            count.bytes(piece);
        }
        count
    }

    #[test]
    fn events_are_those_with_data_whatever_the_line_ends() {
        let stream = b": hello\n\ndata: a\n\nevent: x\r\ndata:b\r\ndata: c\r\n\r\nid: 7\n\ndata\r\rdatum: no\n\ndata: unfinished\n";
        for cut in 1..stream.len() + 1 {
            let seen = count(stream, cut);
            assert_eq!(seen.events, 3, "cut at {cut}");
            assert_eq!(seen, count(stream, stream.len()), "cut at {cut}");
        }
    }

    #[test]
    fn items_of_an_array_are_counted_whatever_they_are() {
        for (content, items) in [
            (" [1, 2,3]\n", Some(3)),
            (r#"[{"a":[1,2,{"b":"],["}]},"x\"],y",[],null]"#, Some(4)),
            ("[]", Some(0)),
            ("[ \n ]", Some(0)),
            (r#"{"a":[1,2]}"#, None),
            ("", None),
        ] {
            for cut in 1..content.len() + 1 {
                let seen = count(content.as_bytes(), cut).items();
                assert_eq!(seen, items, "{content} cut at {cut}");
            }
        }
    }

    #[test]
    fn marks_tell_contents_apart() {
        assert_eq!(
            count(b"hello world", 3).mark(),
            count(b"hello world", 11).mark()
        );
        assert_ne!(count(b"hello", 9).mark(), count(b"hello world", 9).mark());
        assert_ne!(count(b"hello", 9).mark(), count(b"jello", 9).mark());
    }

    #[test]
    fn empty_values_say_nothing() {
        for nothing in [&b""[..], b"[]", b" {} \r\n", b"null", b"\"\"\n"] {
            assert!(count(nothing, 1).is_nothing(), "{nothing:?}");
        }
        for news in [&b"0"[..], b"[1]", b"ok", b"null or longer"] {
            assert!(!count(news, 1).is_nothing(), "{news:?}");
        }
    }
}
