//! How long a message's body is, and finding the end of a chunked one without keeping any of it.

use std::borrow::Cow;

use memchr::memchr;

use crate::base::Head;

/// What follows a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// Nothing: the next byte belongs to the next head, or to the protocol that was switched to.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks up to the last one and its trailers (RFC 9112 section 7.1).
    Chunked,
    /// Everything up to the end of the stream.
    UntilClose,
}

/// The body of a request (RFC 9112 section 6.3). CONNECT has none; what follows is for the tunnel.
#[must_use]
pub fn request_body(head: &Head) -> Body {
    if head.method() == b"CONNECT" {
        return Body::None;
    }
    declared(head).unwrap_or(Body::None)
}

/// The body of a response to a request with this method (RFC 9112 section 6.3).
#[must_use]
pub fn response_body(head: &Head, request_method: &[u8]) -> Body {
    let status = head.status().unwrap_or_default();
    let bodiless = matches!(status, 100..200 | 204 | 304)
        || request_method == b"HEAD"
        || (request_method == b"CONNECT" && (200..300).contains(&status));
    if bodiless {
        return Body::None;
    }
    declared(head).unwrap_or(Body::UntilClose)
}

fn declared(head: &Head) -> Option<Body> {
    if let Some(coding) = head.list("transfer-encoding").last() {
        let chunked = coding.eq_ignore_ascii_case(b"chunked");
        return Some(if chunked {
            Body::Chunked
        } else {
            Body::UntilClose
        });
    }
    // Several lengths are an error unless they agree; the first is what most receivers go by.
    decimal(head.list("content-length").next()?).map(Body::Length)
}

fn decimal(digits: &[u8]) -> Option<u64> {
    digits.iter().try_fold(0u64, |value, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        value.checked_mul(10)?.checked_add(digit)
    })
}

/// The content of a chunked body as far as its first bytes hold it (RFC 9112 section 7.1); bytes that are no chunks as they are.
#[must_use]
pub fn without_chunks(bytes: &[u8]) -> Cow<'_, [u8]> {
    let mut content = Vec::new();
    let (mut at, mut rest) = (Chunked::START, bytes);
    while !rest.is_empty() {
        let (taken, next) = at.step(rest);
        let (step, behind) = rest.split_at(taken.min(rest.len()));
        if matches!(at, Chunked::Data(_)) {
            content.extend_from_slice(step);
        }
        match next {
            Step::Continue(next) => (at, rest) = (next, behind),
            Step::End => break,
            Step::Invalid if content.is_empty() => return Cow::Borrowed(bytes),
            Step::Invalid => break,
        }
    }
    Cow::Owned(content)
}

/// Where in a chunked body the reader is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Chunked {
    /// In the digits of a chunk's size; whether there was one.
    Size { size: u64, digits: bool },
    /// Behind them, in an extension or the line's end.
    SizeLine { size: u64 },
    /// In a chunk's data, with this much to come.
    Data(u64),
    /// In the line end behind a chunk's data.
    DataEnd,
    /// In the trailers; whether the line has anything on it.
    Trailer { blank: bool },
}

/// What a step through a chunked body came to.
pub(super) enum Step {
    Continue(Chunked),
    End,
    Invalid,
}

impl Chunked {
    pub(super) const START: Chunked = Chunked::Size {
        size: 0,
        digits: false,
    };

    /// Moves over the first bytes of a non-empty slice; says how many.
    pub(super) fn step(self, bytes: &[u8]) -> (usize, Step) {
        match self {
            Chunked::Size { size, digits } => (1, size_digit(size, digits, bytes)),
            Chunked::SizeLine { size } => match memchr(b'\n', bytes) {
                None => (bytes.len(), Step::Continue(self)),
                Some(at) if size == 0 => (at + 1, Step::Continue(Chunked::Trailer { blank: true })),
                Some(at) => (at + 1, Step::Continue(Chunked::Data(size))),
            },
            Chunked::Data(left) => {
                let taken = usize::try_from(left).map_or(bytes.len(), |left| left.min(bytes.len()));
                (
                    taken,
                    Step::Continue(Chunked::after_data(left - taken as u64)),
                )
            }
            Chunked::DataEnd => (1, data_end(bytes)),
            Chunked::Trailer { blank } => trailer(blank, bytes),
        }
    }

    fn after_data(left: u64) -> Chunked {
        match left {
            0 => Chunked::DataEnd,
            left => Chunked::Data(left),
        }
    }

    /// The place after `len` missing bytes, when that is known.
    pub(super) fn skip(self, len: u64) -> Option<Chunked> {
        match self {
            Chunked::Data(left) => Some(Chunked::after_data(left.checked_sub(len)?)),
            _ => None,
        }
    }
}

fn size_digit(size: u64, digits: bool, bytes: &[u8]) -> Step {
    let Some(&byte) = bytes.first() else {
        return Step::Invalid;
    };
    if let Some(digit) = char::from(byte).to_digit(16) {
        return match size.checked_mul(16) {
            Some(size) => Step::Continue(Chunked::Size {
                size: size | u64::from(digit),
                digits: true,
            }),
            None => Step::Invalid,
        };
    }
    match byte {
        b'\n' if digits && size == 0 => Step::Continue(Chunked::Trailer { blank: true }),
        b'\n' if digits => Step::Continue(Chunked::Data(size)),
        b';' | b' ' | b'\t' | b'\r' if digits => Step::Continue(Chunked::SizeLine { size }),
        _ => Step::Invalid,
    }
}

fn data_end(bytes: &[u8]) -> Step {
    match bytes.first() {
        Some(b'\n') => Step::Continue(Chunked::START),
        Some(b'\r') => Step::Continue(Chunked::DataEnd),
        _ => Step::Invalid,
    }
}

fn trailer(blank: bool, bytes: &[u8]) -> (usize, Step) {
    let next = |blank| Step::Continue(Chunked::Trailer { blank });
    match (memchr(b'\n', bytes), bytes.first()) {
        (Some(0), _) if blank => (1, Step::End),
        (Some(at), Some(b'\r')) if blank && at == 1 => (2, Step::End),
        (Some(at), _) => (at + 1, next(true)),
        (None, _) => (bytes.len(), next(blank && bytes == b"\r")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::http::{HeadStatus, parse_head};

    fn head(text: &str) -> Head {
        match parse_head(text.replace('\n', "\r\n").as_bytes(), &Limits::default()) {
            HeadStatus::Complete { head, .. } => head,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn chunks_are_taken_off_as_far_as_they_came() {
        let content = |bytes: &'static [u8]| without_chunks(bytes).into_owned();
        assert_eq!(
            content(b"5;x=y\r\nhello\r\n3\r\nyou\r\n0\r\n\r\nGET"),
            b"helloyou"
        );
        assert_eq!(content(b"ff\r\nonly the beginning"), b"only the beginning");
        assert_eq!(content(b"<html>no chunks"), b"<html>no chunks");
        assert_eq!(content(b"2\r\nokay"), b"ok");
        assert_eq!(content(b""), b"");
        assert_eq!(content(b"0\r\n\r\n"), b"");
    }

    #[test]
    fn requests_have_a_body_only_when_they_say_so() {
        let body = |text| request_body(&head(text));
        assert_eq!(body("GET / HTTP/1.1\n\n"), Body::None);
        assert_eq!(
            body("POST / HTTP/1.1\nContent-Length: 12\n\n"),
            Body::Length(12)
        );
        assert_eq!(
            body("POST / HTTP/1.1\ncontent-length: 7, 7\n\n"),
            Body::Length(7)
        );
        assert_eq!(
            body("POST / HTTP/1.1\nContent-Length: 5\nTransfer-Encoding: gzip, Chunked\n\n"),
            Body::Chunked
        );
        assert_eq!(
            body("POST / HTTP/1.1\nTransfer-Encoding: gzip\n\n"),
            Body::UntilClose
        );
        assert_eq!(
            body("CONNECT a:1 HTTP/1.1\nContent-Length: 5\n\n"),
            Body::None
        );
        assert_eq!(body("POST / HTTP/1.1\nContent-Length: -5\n\n"), Body::None);
        assert_eq!(
            body("POST / HTTP/1.1\nContent-Length: 99999999999999999999\n\n"),
            Body::None
        );
    }

    #[test]
    fn responses_have_a_body_unless_status_or_method_say_no() {
        let body = |status: u16, rest: &str, method: &[u8]| {
            response_body(&head(&format!("HTTP/1.1 {status} X\n{rest}\n")), method)
        };
        assert_eq!(body(200, "", b"GET"), Body::UntilClose);
        assert_eq!(body(200, "Content-Length: 3\n", b"GET"), Body::Length(3));
        assert_eq!(body(200, "Content-Length: 3\n", b"HEAD"), Body::None);
        assert_eq!(body(200, "Content-Length: 3\n", b"CONNECT"), Body::None);
        assert_eq!(
            body(407, "Content-Length: 3\n", b"CONNECT"),
            Body::Length(3)
        );
        for status in [100, 101, 103, 204, 304] {
            assert_eq!(body(status, "Content-Length: 3\n", b"GET"), Body::None);
        }
        assert_eq!(body(200, "Content-Length: x\n", b"GET"), Body::UntilClose);
    }
}
