//! CONNECT: a tunnel through a proxy, and where it leads (RFC 9110 section 9.3.6).

use crate::base::Head;

/// Where a CONNECT request leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConnectTarget<'a> {
    /// The host, without the brackets of an IPv6 address.
    pub host: &'a [u8],
    /// The port; authority-form demands one, clients forget it.
    pub port: Option<u16>,
}

/// Whether this is a CONNECT request.
#[must_use]
pub fn is_connect(head: &Head) -> bool {
    head.method() == b"CONNECT"
}

/// Whether the proxy opened the tunnel: any 2xx.
#[must_use]
pub fn connect_accepted(response: &Head) -> bool {
    response
        .status()
        .is_some_and(|status| (200..300).contains(&status))
}

/// Where a CONNECT request leads: its target in authority-form; where that names no host (a path stands there), the
/// Host header.
#[must_use]
pub fn connect_target(head: &Head) -> Option<ConnectTarget<'_>> {
    if !is_connect(head) {
        return None;
    }
    let (host, port) = split_port(authority_of(head.target()));
    if !host.is_empty() {
        return Some(ConnectTarget { host, port });
    }
    let (host, port) = split_port(head.value("host")?);
    (!host.is_empty()).then_some(ConnectTarget { host, port })
}

/// The authority of a target in authority-form or absolute-form; of a path, nothing.
pub(super) fn authority_of(target: &[u8]) -> &[u8] {
    let start = memchr::memmem::find(target, b"://").map_or(0, |at| at + 3);
    let rest = &target[start..];
    let end = rest.iter().position(|byte| b"/?#".contains(byte));
    let authority = &rest[..end.unwrap_or(rest.len())];
    // User information is not part of where it leads.
    let host = memchr::memrchr(b'@', authority).map_or(0, |at| at + 1);
    &authority[host..]
}

/// `host:port` taken apart; an IPv6 address loses its brackets.
pub(super) fn split_port(authority: &[u8]) -> (&[u8], Option<u16>) {
    if let Some(rest) = authority.strip_prefix(b"[")
        && let Some(end) = memchr::memchr(b']', rest)
    {
        return (&rest[..end], rest.get(end + 2..).and_then(port));
    }
    let mut colons = memchr::memchr_iter(b':', authority);
    match (colons.next(), colons.next()) {
        (Some(at), None) => (&authority[..at], port(&authority[at + 1..])),
        // None, or an IPv6 address without brackets.
        _ => (authority, None),
    }
}

fn port(digits: &[u8]) -> Option<u16> {
    let digits = str::from_utf8(digits).ok()?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::http::{HeadStatus, parse_head};

    fn target(request: &str) -> Option<(String, Option<u16>)> {
        let HeadStatus::Complete { head, .. } = parse_head(request.as_bytes(), &Limits::default())
        else {
            panic!("a head: {request}");
        };
        connect_target(&head).map(|target| {
            (
                String::from_utf8(target.host.to_vec()).unwrap(),
                target.port,
            )
        })
    }

    #[test]
    fn targets_in_every_form() {
        let to = |host: &str, port| Some((host.to_owned(), port));
        let connect =
            |form: &str| target(&format!("CONNECT {form} HTTP/1.1\r\nHost: h:81\r\n\r\n"));
        assert_eq!(connect("example.com:443"), to("example.com", Some(443)));
        assert_eq!(connect("[2001:db8::1]:443"), to("2001:db8::1", Some(443)));
        assert_eq!(connect("[::1]"), to("::1", None));
        assert_eq!(connect("2001:db8::1"), to("2001:db8::1", None));
        assert_eq!(connect("example.com"), to("example.com", None));
        assert_eq!(
            connect("http://u:p@example.com:80/x"),
            to("example.com", Some(80))
        );
        assert_eq!(connect("/chat"), to("h", Some(81)));
        assert_eq!(connect("a:99999"), to("a", None));
        assert_eq!(target("CONNECT / HTTP/1.0\r\n\r\n"), None);
        assert_eq!(target("GET example.com:443 HTTP/1.1\r\n\r\n"), None);
    }
}
