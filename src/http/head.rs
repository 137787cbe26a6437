//! Reading one head: where it ends, and where its parts lie.
//!
//! Not a validator: whatever has a start line of HTTP/1 is a head, and lines that are odd are kept as they are.
//! Ranges always lie within the head's bytes.

use std::ops::Range;

use memchr::{memchr, memchr_iter};

use crate::base::{Head, HeaderLine, Limits, StartLine};

/// The longest method taken for one; registered methods have up to 17 letters.
pub(super) const METHOD_LEN: usize = 32;

/// What the first bytes of a stream hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HeadStatus {
    /// The empty line has not been seen yet.
    Incomplete,
    /// A head, and how many bytes it took with any empty lines in front of it (RFC 9112 section 2.2). The head itself
    /// is the last `head.raw.len()` of them.
    Complete {
        /// The head.
        head: Head,
        /// Bytes taken.
        len: usize,
    },
    /// No empty line within [`Limits::http_head`].
    TooLong,
    /// The first line is no request or status line of HTTP/1.
    Invalid,
}

/// Reads the head that `bytes` begin with: a request or a response, whichever it is.
#[must_use]
pub fn parse_head(bytes: &[u8], limits: &Limits) -> HeadStatus {
    let start = blank_len(bytes);
    let rest = &bytes[start..];
    match head_end(&[], rest) {
        Some(end) if end > limits.http_head => HeadStatus::TooLong,
        None if rest.len() > limits.http_head => HeadStatus::TooLong,
        None if start_line_is_wrong(rest) => HeadStatus::Invalid,
        None => HeadStatus::Incomplete,
        Some(end) => parse(&rest[..end]).map_or(HeadStatus::Invalid, |head| HeadStatus::Complete {
            head,
            len: start + end,
        }),
    }
}

fn start_line_is_wrong(bytes: &[u8]) -> bool {
    memchr(b'\n', bytes).is_some_and(|end| start_line(bytes, line_range(bytes, 0, end)).is_none())
}

/// The empty lines in front of a head.
pub(super) fn blank_len(bytes: &[u8]) -> usize {
    bytes
        .iter()
        .take_while(|byte| matches!(byte, b'\r' | b'\n'))
        .count()
}

/// The position behind the first empty line in `bytes`, which follow `before` (searched already).
pub(super) fn head_end(before: &[u8], bytes: &[u8]) -> Option<usize> {
    let byte_before = |at: usize, back: usize| match at.checked_sub(back) {
        Some(at) => bytes.get(at),
        None => before
            .len()
            .checked_sub(back - at)
            .and_then(|at| before.get(at)),
    };
    memchr_iter(b'\n', bytes)
        .find(|&at| match byte_before(at, 1) {
            Some(b'\r') => matches!(byte_before(at, 2), Some(b'\n') | None),
            Some(byte) => *byte == b'\n',
            None => true,
        })
        .map(|at| at + 1)
}

/// Reads a whole head, from the start line to the empty line, both included.
pub(super) fn parse(raw: &[u8]) -> Option<Head> {
    let end = memchr(b'\n', raw)?;
    let (start, minor_version) = start_line(raw, line_range(raw, 0, end))?;
    Some(Head {
        raw: raw.into(),
        start,
        minor_version,
        lines: header_lines(raw, end + 1),
    })
}

fn header_lines(raw: &[u8], mut at: usize) -> Box<[HeaderLine]> {
    let mut lines: Vec<HeaderLine> = Vec::with_capacity(16);
    while let Some(len) = memchr(b'\n', &raw[at..]) {
        let line = line_range(raw, at, at + len);
        at += len + 1;
        match (raw.get(line.start), lines.last_mut()) {
            _ if line.is_empty() => break,
            (Some(b' ' | b'\t'), Some(folded)) => unfold(raw, folded, line),
            _ => lines.push(header_line(raw, line)),
        }
    }
    lines.into_boxed_slice()
}

/// A line with white space in front continues the value before it (obs-fold, RFC 9112 section 5.2).
fn unfold(raw: &[u8], folded: &mut HeaderLine, line: Range<usize>) {
    let start = folded.value.start as usize;
    folded.value = narrow(trim(raw, start..line.end));
}

fn header_line(raw: &[u8], line: Range<usize>) -> HeaderLine {
    let colon = memchr(b':', &raw[line.clone()]).map_or(line.end, |at| line.start + at);
    let value = (colon + 1).min(line.end)..line.end;
    HeaderLine {
        name: narrow(trim(raw, line.start..colon)),
        value: narrow(trim(raw, value)),
    }
}

/// The line from `start` to the LF at `end`, without a CR before it.
pub(super) fn line_range(raw: &[u8], start: usize, end: usize) -> Range<usize> {
    let has_cr = end > start && raw.get(end - 1) == Some(&b'\r');
    start..end - usize::from(has_cr)
}

fn trim(raw: &[u8], range: Range<usize>) -> Range<usize> {
    let Some(bytes) = raw.get(range.clone()) else {
        return 0..0;
    };
    let front = bytes.len() - bytes.trim_ascii_start().len();
    if front == bytes.len() {
        return range.start..range.start;
    }
    range.start + front..range.start + bytes.trim_ascii_end().len()
}

/// Heads are within [`Limits::http_head`], so this never cuts one that a caller gets to see.
fn narrow(range: Range<usize>) -> Range<u32> {
    let narrow = |at: usize| u32::try_from(at).unwrap_or(u32::MAX);
    narrow(range.start)..narrow(range.end)
}

/// The first line's parts and the minor version; `None` when it is not of HTTP/1.
pub(super) fn start_line(raw: &[u8], line: Range<usize>) -> Option<(StartLine, u8)> {
    status_line(raw, line.clone()).or_else(|| request_line(raw, line))
}

/// `method SP target SP version` (RFC 9112 section 3); more white space is tolerated, also inside the target.
fn request_line(raw: &[u8], line: Range<usize>) -> Option<(StartLine, u8)> {
    let bytes = raw.get(line.clone())?.trim_ascii_end();
    let method_len = bytes.iter().position(|byte| matches!(byte, b' ' | b'\t'))?;
    let method = bytes.get(..method_len)?;
    let is_method = (1..=METHOD_LEN).contains(&method_len) && method.iter().copied().all(is_tchar);
    let target_end = bytes.len().checked_sub(VERSION_LEN)?;
    let minor_version = version(bytes.get(target_end..)?)?;
    let separated = target_end > method_len && matches!(bytes[target_end - 1], b' ' | b'\t');
    (is_method && separated).then(|| {
        let at = line.start;
        let method = narrow(at..at + method_len);
        let target = narrow(trim(raw, at + method_len..at + target_end));
        (StartLine::Request { method, target }, minor_version)
    })
}

/// `version SP status [SP reason]` (RFC 9112 section 4).
fn status_line(raw: &[u8], line: Range<usize>) -> Option<(StartLine, u8)> {
    let bytes = raw.get(line.clone())?;
    let minor_version = version(bytes.get(..VERSION_LEN)?)?;
    let digits = trim(raw, line.start + VERSION_LEN..line.end).start;
    let [a @ b'1'..=b'9', b @ b'0'..=b'9', c @ b'0'..=b'9'] = *raw.get(digits..digits + 3)? else {
        return None;
    };
    let ends = matches!(
        raw.get(digits + 3),
        Some(b' ' | b'\t' | b'\r' | b'\n') | None
    );
    (digits > line.start + VERSION_LEN && ends).then(|| {
        let status = [a, b, c]
            .iter()
            .fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
        let reason = narrow(trim(raw, digits + 3..line.end));
        (StartLine::Response { status, reason }, minor_version)
    })
}

const VERSION_LEN: usize = b"HTTP/1.1".len();

/// The minor version of `HTTP/1.x`, in any letter case.
fn version(bytes: &[u8]) -> Option<u8> {
    let (minor, name) = bytes.split_last()?;
    (name.eq_ignore_ascii_case(b"HTTP/1.") && minor.is_ascii_digit()).then(|| minor - b'0')
}

/// A character of a token (RFC 9110 section 5.6.2).
pub(super) fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_is_shortened_by_its_longest_lines() {
        let long = "x".repeat(500);
        let text = format!(
            "GET /a HTTP/1.1\r\nHost: b\r\nCookie: {long}\r\nOrigin: c\r\nX: {long}{long}\r\nY:z\r\n\r\n"
        );
        let mut head = parsed(text.as_bytes());
        let whole = head.clone();
        assert!(head.shorten(whole.memory()) && head == whole);
        assert!(head.shorten(1000));
        assert_eq!(
            head,
            parsed(text.replace(&format!("X: {long}{long}\r\n"), "").as_bytes())
        );
        assert!(head.shorten(200));
        assert_eq!(
            head,
            parsed(b"GET /a HTTP/1.1\r\nHost: b\r\nOrigin: c\r\nY:z\r\n\r\n")
        );
        assert!(!head.shorten(10), "the first line stays");
        assert_eq!(head, parsed(b"GET /a HTTP/1.1\r\n\r\n"));
    }

    fn parsed(bytes: &[u8]) -> Head {
        match parse_head(bytes, &Limits::default()) {
            HeadStatus::Complete { head, len } => {
                assert_eq!(len, bytes.len());
                head
            }
            other => panic!("{other:?} for {}", bytes.escape_ascii()),
        }
    }

    fn lines(head: &Head) -> Vec<(&[u8], &[u8])> {
        head.headers().collect()
    }

    #[test]
    fn a_request_is_read_with_its_ranges() {
        let head = parsed(b"GET /chat?x=1 HTTP/1.1\r\nHost: a\r\nUpgrade:\twebsocket  \r\n\r\n");
        assert_eq!(
            (head.method(), head.target()),
            (&b"GET"[..], &b"/chat?x=1"[..])
        );
        assert_eq!(head.minor_version, 1);
        assert_eq!(
            lines(&head),
            [(&b"Host"[..], &b"a"[..]), (b"Upgrade", b"websocket")]
        );
    }

    #[test]
    fn a_response_is_read_with_and_without_a_reason() {
        let head = parsed(b"HTTP/1.0 101 Switching Protocols\r\n\r\n");
        assert_eq!((head.status(), head.minor_version), (Some(101), 0));
        let StartLine::Response { reason, .. } = &head.start else {
            panic!("a response")
        };
        assert_eq!(head.slice(reason), b"Switching Protocols");
        assert_eq!(parsed(b"HTTP/1.1 200\r\n\r\n").status(), Some(200));
        assert_eq!(parsed(b"http/1.1  204 \n\n").status(), Some(204));
    }

    #[test]
    fn odd_lines_are_kept() {
        let head = parsed(
            b"\r\n\nBREW pot of tea HTTP/1.1\nA:1\n\x80junk\r\nB : 2\r\nC:\r\n folded\r\n\tmore\r\nD\x00:\r\n\n",
        );
        assert_eq!(
            (head.method(), head.target()),
            (&b"BREW"[..], &b"pot of tea"[..])
        );
        assert_eq!(
            lines(&head),
            [
                (&b"A"[..], &b"1"[..]),
                (b"\x80junk", b""),
                (b"B", b"2"),
                (b"C", b"folded\r\n\tmore"),
                (b"D\x00", b""),
            ]
        );
        assert!(head.raw.starts_with(b"BREW"));
    }

    #[test]
    fn what_is_no_head_is_told_from_what_is_not_yet_one() {
        let limits = Limits {
            http_head: 40,
            ..Limits::default()
        };
        let status = |bytes: &[u8]| parse_head(bytes, &limits);
        assert_eq!(status(b""), HeadStatus::Incomplete);
        assert_eq!(
            status(b"GET / HTTP/1.1\r\nA: b\r\n"),
            HeadStatus::Incomplete
        );
        assert_eq!(status(b"SSH-2.0-OpenSSH_9.6\r\n"), HeadStatus::Invalid);
        assert_eq!(
            status(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
            HeadStatus::Invalid
        );
        assert_eq!(
            status(b"OPTIONS rtsp://a RTSP/1.0\r\n\r\n"),
            HeadStatus::Invalid
        );
        assert_eq!(status(b"HTTP/1.1 2000 OK\r\n\r\n"), HeadStatus::Invalid);
        assert_eq!(status(b"HTTP/1.1 099 OK\r\n\r\n"), HeadStatus::Invalid);
        assert_eq!(status(&[b'a'; 41]), HeadStatus::TooLong);
        let long = [&b"GET / HTTP/1.1\r\n"[..], &[b'a'; 30], b"\r\n\r\n"].concat();
        assert_eq!(status(&long), HeadStatus::TooLong);
    }

    #[test]
    fn the_end_is_found_over_a_cut_anywhere() {
        for head in [
            &b"GET / HTTP/1.1\r\nA: b\r\n\r\n"[..],
            b"G / HTTP/1.1\nA: b\n\n",
            b"\n",
        ] {
            for cut in 0..head.len() {
                let (before, rest) = head.split_at(cut);
                assert_eq!(head_end(before, rest), Some(rest.len()), "cut at {cut}");
                assert_eq!(head_end(&[], before), None);
            }
        }
    }

    proptest! {
        #[test]
        fn nothing_panics_and_ranges_lie_inside(bytes in prop::collection::vec(any::<u8>(), 0..200), ok in any::<bool>()) {
            let mut head = if ok { b"GET / HTTP/1.1\r\n".to_vec() } else { Vec::new() };
            head.extend(bytes);
            head.extend(b"\r\n\r\n");
            if let HeadStatus::Complete { head, .. } = parse_head(&head, &Limits::default()) {
                for line in &head.lines {
                    prop_assert!(line.name.end <= line.value.start || line.value.is_empty());
                    prop_assert!(line.value.end as usize <= head.raw.len());
                    prop_assert!(!head.slice(&line.name).contains(&b'\n'));
                }
            } else {
                prop_assert!(!ok);
            }
        }

        /// Whatever httparse reads is read the same here.
        #[test]
        fn agrees_with_httparse(text in r"(GET|M-SEARCH|x) [!-~]{1,9} HTTP/1\.[01]\r?\n([A-Za-z-]{1,9}:[ \t]?[ -~]{0,12}\r?\n){0,9}\r?\n") {
            let mut headers = [httparse::EMPTY_HEADER; 16];
            let mut request = httparse::Request::new(&mut headers);
            if let Ok(httparse::Status::Complete(len)) = request.parse(text.as_bytes()) {
                let HeadStatus::Complete { head, len: taken } = parse_head(text.as_bytes(), &Limits::default()) else {
                    panic!("not read: {text:?}");
                };
                prop_assert_eq!(taken, len);
                prop_assert_eq!(Some(head.method()), request.method.map(str::as_bytes));
                prop_assert_eq!(Some(head.target()), request.path.map(str::as_bytes));
                prop_assert_eq!(Some(head.minor_version), request.version);
                let theirs: Vec<_> = request.headers.iter().map(|h| (h.name.as_bytes(), h.value)).collect();
                prop_assert_eq!(lines(&head), theirs);
            }
        }
    }
}
