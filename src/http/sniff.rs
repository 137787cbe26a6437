//! Telling from the first bytes of a stream whether it could be HTTP/1, at no cost.

use memchr::memchr;

use super::head::{METHOD_LEN, blank_len, is_tchar, line_range, start_line};
use crate::base::StartLine;

/// What a stream of HTTP begins with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Role {
    /// A request line.
    Request,
    /// A status line.
    Response,
    /// Too few bytes to say; more may make it either.
    Undecided,
}

/// Methods that need no whole first line to be believed (RFC 9110 section 9.3, RFC 5789).
const METHODS: [&[u8]; 9] = [
    b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"CONNECT", b"OPTIONS", b"TRACE", b"PATCH",
];

/// A first line of an unknown method that is longer than this is not waited for.
const UNKNOWN_METHOD_LINE: usize = 8 << 10;

/// Whether these could be the first bytes of a head: `None` is a sure no. A whole first line decides by its version,
/// so `OPTIONS` of RTSP or SIP is none; a known method and a space are believed before that.
#[must_use]
pub fn looks_like(bytes: &[u8]) -> Option<Role> {
    let bytes = &bytes[blank_len(bytes)..];
    if let Some(end) = memchr(b'\n', bytes) {
        return match start_line(bytes, line_range(bytes, 0, end))?.0 {
            StartLine::Request { .. } => Some(Role::Request),
            StartLine::Response { .. } => Some(Role::Response),
        };
    }
    if may_be_response(bytes) && bytes.len() >= STATUS_START.len() {
        return Some(Role::Response);
    }
    if !may_be_request(bytes) && !may_be_response(bytes) {
        return None;
    }
    let known = METHODS
        .iter()
        .filter_map(|method| bytes.strip_prefix(*method))
        .any(|rest| rest.first() == Some(&b' '));
    match known {
        true => Some(Role::Request),
        false => (bytes.len() <= UNKNOWN_METHOD_LINE).then_some(Role::Undecided),
    }
}

const STATUS_START: &[u8] = b"HTTP/1.";

/// Whether a status line can begin so.
pub(super) fn may_be_response(bytes: &[u8]) -> bool {
    let len = bytes.len().min(STATUS_START.len());
    bytes[..len].eq_ignore_ascii_case(&STATUS_START[..len])
}

/// Whether a request line can begin so.
pub(super) fn may_be_request(bytes: &[u8]) -> bool {
    let method_len = bytes
        .iter()
        .take(METHOD_LEN + 1)
        .take_while(|byte| is_tchar(**byte))
        .count();
    match bytes.get(method_len) {
        None => method_len <= METHOD_LEN,
        Some(byte) => (1..=METHOD_LEN).contains(&method_len) && matches!(byte, b' ' | b'\t'),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_of_http_are_not_refused() {
        for head in [
            &b"GET / HTTP/1.1\r\n"[..],
            b"VERSION-CONTROL /x HTTP/1.1\r\n",
            b"\r\nhttp/1.1 101 X\r\n",
        ] {
            for len in 0..=head.len() {
                assert!(
                    looks_like(&head[..len]).is_some(),
                    "{len} of {}",
                    head.escape_ascii()
                );
            }
        }
    }

    #[test]
    fn the_role_is_said_as_soon_as_it_is_sure() {
        assert_eq!(looks_like(b"GET "), Some(Role::Request));
        assert_eq!(looks_like(b"GE"), Some(Role::Undecided));
        assert_eq!(looks_like(b"HTTP/1."), Some(Role::Response));
        assert_eq!(looks_like(b"HTTP/1.1 200 OK\r\n"), Some(Role::Response));
        assert_eq!(looks_like(b"BREW /pot"), Some(Role::Undecided));
        assert_eq!(looks_like(b"BREW /pot HTTP/1.0\n"), Some(Role::Request));
    }

    #[test]
    fn other_protocols_are_refused() {
        for bytes in [
            &b"\x16\x03\x01\x02"[..],
            b"SSH-2.0-OpenSSH_9.6\r\n",
            b"EHLO example.com\r\n",
            b"SIP/2.0 200 OK\r\n",
            b"\x81\x05Hello",
            b"PRI * HTTP/2.0\r\n",
            b"GET\x00",
            b" GET / HTTP/1.1",
        ] {
            assert_eq!(looks_like(bytes), None, "{}", bytes.escape_ascii());
        }
        assert_eq!(looks_like(&[b'a'; 33]), None);
    }
}
