//! Messages of HTTP's form: a first line, header lines, an empty line, a body.

use memchr::{memchr, memmem};

/// Header lines kept.
const HEADERS: usize = 128;
/// Bytes of a first line.
const FIRST: usize = 4096;

/// A header line: its name and its value.
pub(super) type Header<'a> = (&'a str, &'a [u8]);

/// A message's parts.
#[derive(Debug)]
pub(super) struct Head<'a> {
    headers: Vec<Header<'a>>,
    /// What stands behind the empty line; `None` where there is none.
    pub(super) body: Option<&'a [u8]>,
}

impl<'a> Head<'a> {
    /// The headers and the body behind the first line.
    pub(super) fn of(bytes: &'a [u8]) -> Self {
        let end = memmem::find(bytes, b"\r\n\r\n").map(|at| (at, at + 4));
        let end = end.or_else(|| memmem::find(bytes, b"\n\n").map(|at| (at, at + 2)));
        let head = bytes.get(..end.map_or(bytes.len(), |end| end.0));
        let lines = head.unwrap_or_default().split(|byte| *byte == b'\n');
        Self {
            headers: lines.skip(1).filter_map(header).take(HEADERS).collect(),
            body: end.and_then(|end| bytes.get(end.1..)),
        }
    }

    /// Every header line, in order.
    pub(super) fn headers(&self) -> impl Iterator<Item = Header<'a>> {
        self.headers.iter().copied()
    }

    /// The value of a header: of several the first.
    pub(super) fn header(&self, name: &str) -> Option<&'a [u8]> {
        let mut headers = self.headers.iter();
        headers.find_map(|(known, value)| known.eq_ignore_ascii_case(name).then_some(*value))
    }
}

/// The first line; empty where it does not end.
pub(super) fn first_line(bytes: &[u8]) -> &[u8] {
    let line = bytes.get(..bytes.len().min(FIRST)).unwrap_or_default();
    let end = memchr(b'\n', line).unwrap_or(0);
    line.get(..end).unwrap_or_default().trim_ascii_end()
}

/// A header line; a line that goes on the one before, or has no colon, is none.
fn header(line: &[u8]) -> Option<Header<'_>> {
    let line = line.trim_ascii_end();
    if line.first().is_none_or(u8::is_ascii_whitespace) {
        return None;
    }
    let colon = memchr(b':', line)?;
    let name = std::str::from_utf8(&line[..colon]).ok()?.trim_end();
    Some((name, line.get(colon + 1..)?.trim_ascii()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_and_bodies_are_found() {
        let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n folded\r\nhost:b\r\nnone\r\n\r\nbody";
        assert_eq!(first_line(bytes), b"GET / HTTP/1.1");
        let head = Head::of(bytes);
        assert_eq!(head.headers().count(), 2);
        assert_eq!(
            (head.header("HOST"), head.body),
            (Some(&b"a"[..]), Some(&b"body"[..]))
        );
        assert_eq!(Head::of(b"x\ny: z").body, None);
        assert_eq!(first_line(b"no end"), b"");
        assert_eq!(
            Head::of(&b"a:b\n".repeat(10_000)).headers().count(),
            HEADERS
        );
    }
}
