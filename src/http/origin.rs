//! Origins, held against the host that a request asks for.
//!
//! It compares and does not judge: whether another origin is welcome, the server decides.

use crate::base::Head;

/// Whether an Origin is the one of the host that was asked (RFC 6454 section 5), as that is seen behind a hop that ends TLS,
/// too.
#[must_use]
pub fn is_same_origin(origin: &[u8], request: &Head) -> bool {
    let Some(at) = memchr::memmem::find(origin, b"://") else {
        return false;
    };
    let (scheme, authority) = (&origin[..at], &origin[at + 3..]);
    let default = match scheme.eq_ignore_ascii_case(b"https") || scheme.eq_ignore_ascii_case(b"wss")
    {
        true => 443,
        false => 80,
    };
    let (host, port) = host_and_port(authority);
    let port = port.unwrap_or(default);
    let asked = ["X-Forwarded-Host", "Host", ":authority"];
    asked
        .into_iter()
        .flat_map(|name| request.list(name))
        .any(|value| {
            let (other, other_port) = host_and_port(value);
            let is_same_port = match other_port {
                Some(other) => other == port,
                None => matches!(port, 80 | 443),
            };
            other.eq_ignore_ascii_case(host) && is_same_port
        })
}

/// The host of an authority, and its port where it has one.
#[must_use]
pub fn host_and_port(authority: &[u8]) -> (&[u8], Option<u16>) {
    let end = memchr::memrchr(b':', authority);
    let port = end.and_then(|at| {
        let digits = authority.get(at + 1..)?;
        std::str::from_utf8(digits).ok()?.parse().ok()
    });
    match (end, port) {
        (Some(at), Some(port)) => (&authority[..at], Some(port)),
        _ => (authority, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::http::{HeadStatus, parse_head};

    fn head(text: &str) -> Head {
        match parse_head(text.as_bytes(), &Limits::default()) {
            HeadStatus::Complete { head, .. } => head,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_origin_is_the_hosts_own_with_default_ports_and_behind_a_hop_that_ends_tls() {
        let same = |origin: &str, host: &str| {
            let request = head(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            is_same_origin(origin.as_bytes(), &request)
        };
        for (origin, host) in [
            ("https://chat.example", "chat.example"),
            ("https://chat.example", "chat.example:443"),
            ("http://Chat.example:8000", "chat.example:8000"),
            ("http://[::1]:8000", "[::1]:8000"),
        ] {
            assert!(same(origin, host), "{origin} {host}");
        }
        for (origin, host) in [
            ("null", "chat.example"),
            ("https://evil.example", "chat.example"),
            ("https://chat.example.evil.example", "chat.example"),
            ("http://chat.example:8000", "chat.example"),
            ("http://chat.example:8000", "chat.example:8001"),
            ("", ""),
        ] {
            assert!(!same(origin, host), "{origin} {host}");
        }
    }
}
