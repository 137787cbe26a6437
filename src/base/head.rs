//! A parsed HTTP head: its bytes as they were, and where the parts lie in them.

use std::ops::Range;

/// The first line of a head.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartLine {
    /// `GET /chat HTTP/1.1`.
    Request {
        /// Range of the method in [`Head::raw`].
        method: Range<u32>,
        /// Range of the request target.
        target: Range<u32>,
    },
    /// `HTTP/1.1 101 Switching Protocols`.
    Response {
        /// The status code, 100 to 999.
        status: u16,
        /// Range of the reason phrase; may be empty.
        reason: Range<u32>,
    },
}

/// One header line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeaderLine {
    /// Range of the name in [`Head::raw`].
    pub name: Range<u32>,
    /// Range of the value without the white space around it.
    pub value: Range<u32>,
}

/// A request or response head (RFC 9112 section 2.1), kept whole so that every part can be shown in its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Head {
    /// The bytes from the start line to the empty line, both included.
    pub raw: Box<[u8]>,
    /// Method and target, or status and reason.
    pub start: StartLine,
    /// The minor version: 1 for HTTP/1.1, 0 for HTTP/1.0.
    pub minor_version: u8,
    /// The header lines in order.
    pub lines: Box<[HeaderLine]>,
}

impl Head {
    /// The bytes of a range of the head; empty when the range does not lie in it.
    #[must_use]
    pub fn slice(&self, range: &Range<u32>) -> &[u8] {
        self.raw
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }

    /// The request's method; empty for a response.
    #[must_use]
    pub fn method(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { method, .. } => self.slice(method),
            StartLine::Response { .. } => &[],
        }
    }

    /// The request's target; empty for a response.
    #[must_use]
    pub fn target(&self) -> &[u8] {
        match &self.start {
            StartLine::Request { target, .. } => self.slice(target),
            StartLine::Response { .. } => &[],
        }
    }

    /// The response's status code.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.start {
            StartLine::Response { status, .. } => Some(status),
            StartLine::Request { .. } => None,
        }
    }

    /// The response's reason phrase; empty for a request.
    #[must_use]
    pub fn reason(&self) -> &[u8] {
        match &self.start {
            StartLine::Response { reason, .. } => self.slice(reason),
            StartLine::Request { .. } => &[],
        }
    }

    /// Bytes it takes in memory.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.raw.len() + size_of_val(&*self.lines)
    }

    /// Forgets the longest header lines until the head takes at most `most` bytes; whether that was enough.
    pub fn shorten(&mut self, most: usize) -> bool {
        let spans: Vec<Range<u32>> = self.lines.iter().map(|line| self.span(line)).collect();
        let mut by_length: Vec<usize> = (0..spans.len()).collect();
        by_length.sort_by_key(|at| spans.get(*at).map_or(0, Range::len));
        let (mut is_kept, mut memory) = (vec![true; spans.len()], self.memory());
        while memory > most
            && let Some(longest) = by_length.pop()
        {
            if !self.holds_start(&spans[longest]) {
                is_kept[longest] = false;
                memory -= spans[longest].len() + size_of::<HeaderLine>();
            }
        }
        if is_kept.contains(&false) {
            self.keep(&spans, &is_kept);
        }
        memory <= most
    }

    /// A header line with its line end.
    fn span(&self, line: &HeaderLine) -> Range<u32> {
        let rest = self.raw.get(line.value.end as usize..).unwrap_or_default();
        let end = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        line.name.start..line.value.end + end as u32
    }

    /// Whether parts of what stands for the first line lie in this header line, as they do in HTTP/2.
    fn holds_start(&self, line: &Range<u32>) -> bool {
        let holds = |part: &Range<u32>| !part.is_empty() && line.contains(&part.start);
        match &self.start {
            StartLine::Request { method, target } => holds(method) || holds(target),
            StartLine::Response { reason, .. } => holds(reason),
        }
    }

    fn keep(&mut self, spans: &[Range<u32>], is_kept: &[bool]) {
        let dropped = || spans.iter().zip(is_kept).filter(|(_, kept)| !**kept);
        let (mut raw, mut at) = (Vec::new(), 0);
        for (span, _) in dropped() {
            raw.extend_from_slice(self.slice(&(at..span.start)));
            at = span.end;
        }
        raw.extend_from_slice(self.raw.get(at as usize..).unwrap_or_default());
        // Positions move by what was dropped before them.
        let mut before = Vec::with_capacity(spans.len());
        let mut sum = 0;
        for (span, _) in dropped() {
            sum += span.end - span.start;
            before.push((span.end, sum));
        }
        let moved = |range: &Range<u32>| {
            let passed = before.partition_point(|(end, _)| *end <= range.start);
            let by = passed.checked_sub(1).map_or(0, |last| before[last].1);
            range.start - by..range.end - by
        };
        self.start = match &self.start {
            StartLine::Request { method, target } => StartLine::Request {
                method: moved(method),
                target: moved(target),
            },
            StartLine::Response { status, reason } => StartLine::Response {
                status: *status,
                reason: moved(reason),
            },
        };
        let lines = self.lines.iter().zip(is_kept).filter(|(_, kept)| **kept);
        self.lines = lines
            .map(|(line, _)| HeaderLine {
                name: moved(&line.name),
                value: moved(&line.value),
            })
            .collect();
        self.raw = raw.into();
    }

    /// Every line as name and value.
    pub fn headers(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        self.lines
            .iter()
            .map(|line| (self.slice(&line.name), self.slice(&line.value)))
    }

    /// The values of all lines with this name, in any letter case, in order.
    pub fn values<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        // Most names are told apart by their lengths.
        let is_named = move |line: &&HeaderLine| {
            line.name.len() == name.len()
                && self.slice(&line.name).eq_ignore_ascii_case(name.as_bytes())
        };
        self.lines
            .iter()
            .filter(is_named)
            .map(|line| self.slice(&line.value))
    }

    /// The first value of this name.
    #[must_use]
    pub fn value<'a>(&'a self, name: &'a str) -> Option<&'a [u8]> {
        self.values(name).next()
    }

    /// The elements of a comma-separated list header over all its lines (RFC 9110 section 5.6.1), trimmed, empty ones
    /// left out. Commas inside quoted strings do not separate.
    pub fn list<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a [u8]> {
        self.values(name).flat_map(ListElements)
    }

    /// Whether a list header has this token, in any letter case.
    #[must_use]
    pub fn has_token(&self, name: &str, token: &str) -> bool {
        self.list(name)
            .any(|found| found.eq_ignore_ascii_case(token.as_bytes()))
    }
}

struct ListElements<'a>(&'a [u8]);

impl<'a> Iterator for ListElements<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.0.is_empty() {
            let end = element_end(self.0);
            let element = self.0[..end].trim_ascii();
            self.0 = self.0.get(end + 1..).unwrap_or_default();
            if !element.is_empty() {
                return Some(element);
            }
        }
        None
    }
}

fn element_end(list: &[u8]) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (at, byte) in list.iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b',' if !quoted => return at,
            _ => {}
        }
    }
    list.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_split_at_commas_outside_quotes_over_all_lines() {
        let raw = b"A: x , \"a,b\";q=1,, y\r\na: z\r\n";
        let line = |name: Range<u32>, value: Range<u32>| HeaderLine { name, value };
        let head = Head {
            raw: raw[..].into(),
            start: StartLine::Response {
                status: 101,
                reason: 0..0,
            },
            minor_version: 1,
            lines: [line(0..1, 3..20), line(22..23, 25..26)].into(),
        };
        let list: Vec<_> = head.list("a").collect();
        assert_eq!(list, [&b"x"[..], b"\"a,b\";q=1", b"y", b"z"]);
        assert!(head.has_token("A", "Z") && !head.has_token("a", "q"));
    }
}
