//! The PROXY protocol of HAProxy, versions 1 (a line of text) and 2 (binary, with type-length-value fields): who the
//! client of a hop is, told to the server in front of everything else.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

/// The twelve bytes that version 2 begins with (section 2.2).
pub const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";
/// What version 1 begins with (section 2.1).
const LINE: &[u8] = b"PROXY ";
/// The longest line of version 1, its end included.
const LINE_MOST: usize = 107;
/// Bytes in front of the addresses of version 2.
const HEADER_LEN: usize = 16;
/// Fields kept of one header.
const FIELDS: usize = 64;

/// What a hop says of its client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// 1 or 2.
    pub version: u8,
    /// Whether the hop speaks for a client; otherwise it connects for itself, as for a health check (`LOCAL`, `UNKNOWN`).
    pub is_proxied: bool,
    /// The client's address, where it names one.
    pub source: Option<Address>,
    /// The address that the client connected to.
    pub destination: Option<Address>,
    /// Fields of version 2: name and value, in order.
    pub fields: Vec<(String, String)>,
    /// Bytes of the header.
    pub len: usize,
}

impl Header {
    /// `proxy` or `local`.
    #[must_use]
    pub fn command(&self) -> &'static str {
        match self.is_proxied {
            true => "proxy",
            false => "local",
        }
    }
}

impl std::fmt::Display for Header {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "PROXY v{}", self.version)?;
        match (&self.source, &self.destination) {
            (Some(source), Some(destination)) => write!(f, " {source} > {destination}"),
            _ => f.write_str(" without addresses"),
        }
    }
}

/// One end of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// An address of IP and a port.
    Ip(SocketAddr),
    /// The path of a UNIX socket.
    Unix(Box<[u8]>),
}

impl std::fmt::Display for Address {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Address::Ip(address) => address.fmt(f),
            Address::Unix(path) => f.write_str(&crate::base::escape::text(path)),
        }
    }
}

/// What a stream begins with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reading {
    /// Something else.
    Other,
    /// Perhaps a header; more bytes will decide.
    Incomplete,
    /// A header.
    Complete(Box<Header>),
}

/// Reads the first bytes of a client's stream.
#[must_use]
pub fn read(bytes: &[u8]) -> Reading {
    let begins = |start: &[u8]| {
        let len = bytes.len().min(start.len());
        len > 0 && bytes[..len] == start[..len]
    };
    if begins(SIGNATURE) {
        return binary(bytes);
    }
    if begins(LINE) {
        return line(bytes);
    }
    Reading::Other
}

fn line(bytes: &[u8]) -> Reading {
    let head = &bytes[..bytes.len().min(LINE_MOST)];
    let Some(end) = memchr::memmem::find(head, b"\r\n") else {
        return match bytes.len() < LINE_MOST {
            true => Reading::Incomplete,
            false => Reading::Other,
        };
    };
    let words = std::str::from_utf8(&head[LINE.len().min(end)..end]).unwrap_or_default();
    let words: Vec<&str> = words.split(' ').collect();
    let header = |is_proxied, source, destination| {
        Reading::Complete(Box::new(Header {
            version: 1,
            is_proxied,
            source,
            destination,
            fields: Vec::new(),
            len: end + 2,
        }))
    };
    match words[..] {
        ["UNKNOWN", ..] => header(false, None, None),
        [family @ ("TCP4" | "TCP6"), source, destination, from, to] => {
            let ends = (text(family, source, from), text(family, destination, to));
            match ends {
                (Some(source), Some(destination)) => header(true, Some(source), Some(destination)),
                _ => Reading::Other,
            }
        }
        _ => Reading::Other,
    }
}

/// An address and a port of version 1.
fn text(family: &str, address: &str, port: &str) -> Option<Address> {
    let port = port.parse().ok()?;
    let address = match family {
        "TCP4" => address.parse::<Ipv4Addr>().ok()?.into(),
        _ => address.parse::<Ipv6Addr>().ok()?.into(),
    };
    Some(Address::Ip(SocketAddr::new(address, port)))
}

fn binary(bytes: &[u8]) -> Reading {
    let Some(header) = bytes.first_chunk::<HEADER_LEN>() else {
        let version = bytes.get(SIGNATURE.len());
        return match version.is_none_or(|version| matches!(version, 0x20 | 0x21)) {
            true => Reading::Incomplete,
            false => Reading::Other,
        };
    };
    let [version, family] = [header[12], header[13]];
    let len = HEADER_LEN + usize::from(u16::from_be_bytes([header[14], header[15]]));
    let addresses_len = match family {
        0x00 => 0,
        0x11 | 0x12 => 12,
        0x21 | 0x22 => 36,
        0x31 | 0x32 => 216,
        _ => return Reading::Other,
    };
    if !matches!(version, 0x20 | 0x21) {
        return Reading::Other;
    }
    let Some(body) = bytes.get(HEADER_LEN..len) else {
        return Reading::Incomplete;
    };
    let is_proxied = version == 0x21;
    // A hop that speaks for itself may leave the addresses out whatever it says of their family.
    let (source, destination) = match body.get(..addresses_len) {
        Some(addresses) => addresses_of(family, addresses),
        None if is_proxied => return Reading::Other,
        None => (None, None),
    };
    let fields = fields(body.get(addresses_len..).unwrap_or_default());
    Reading::Complete(Box::new(Header {
        version: 2,
        is_proxied,
        source: source.filter(|_| is_proxied),
        destination: destination.filter(|_| is_proxied),
        fields,
        len,
    }))
}

fn addresses_of(family: u8, bytes: &[u8]) -> (Option<Address>, Option<Address>) {
    let port = |at: usize| {
        let bytes = bytes.get(at..at + 2);
        bytes.map_or(0, |bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    };
    let (one, other) = match family >> 4 {
        1 => {
            let address = |at: usize| {
                let octets = bytes.get(at..at + 4)?;
                let octets: [u8; 4] = octets.try_into().ok()?;
                Some(Ipv4Addr::from(octets))
            };
            let end = |at, from| address(at).map(|four| SocketAddr::new(four.into(), port(from)));
            (end(0, 8), end(4, 10))
        }
        2 => {
            let address = |at: usize| {
                let octets = bytes.get(at..at + 16)?;
                let octets: [u8; 16] = octets.try_into().ok()?;
                Some(Ipv6Addr::from(octets))
            };
            let end = |at, from| address(at).map(|six| SocketAddr::new(six.into(), port(from)));
            (end(0, 32), end(16, 34))
        }
        3 => {
            let path = |at: usize| {
                let path = bytes.get(at..at + 108)?;
                let end = memchr::memchr(0, path).unwrap_or(path.len());
                Some(Address::Unix(path[..end].into()))
            };
            return (path(0), path(108));
        }
        _ => (None, None),
    };
    (one.map(Address::Ip), other.map(Address::Ip))
}

/// Type, length of two bytes, value (section 2.2.1). What is cut is left out.
fn fields(bytes: &[u8]) -> Vec<(String, String)> {
    let mut out = Vec::new();
    collect(bytes, name, &mut out);
    out
}

fn collect(mut bytes: &[u8], name: fn(u8) -> &'static str, out: &mut Vec<(String, String)>) {
    while let [kind, high, low, rest @ ..] = bytes
        && out.len() < FIELDS
    {
        let len = usize::from(u16::from_be_bytes([*high, *low]));
        let Some(value) = rest.get(..len) else {
            return;
        };
        bytes = &rest[len..];
        match (name(*kind), value) {
            ("noop", _) => {}
            ("ssl", [flags, a, b, c, d, inside @ ..]) => {
                let verify = u32::from_be_bytes([*a, *b, *c, *d]);
                let certificate = match (flags & 6, verify) {
                    (0, _) => "no client certificate",
                    (_, 0) => "client certificate verified",
                    _ => "client certificate not verified",
                };
                let tls = if flags & 1 == 0 { "no TLS" } else { "TLS" };
                out.push(("ssl".to_owned(), format!("{tls}, {certificate}")));
                collect(inside, inside_name, out);
            }
            ("", _) => out.push((format!("0x{kind:02x}"), shown(value))),
            (name, _) => out.push((name.to_owned(), shown(value))),
        }
    }
}

/// Text where it is printable, otherwise hexadecimal.
fn shown(value: &[u8]) -> String {
    match std::str::from_utf8(value) {
        Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => {
            crate::base::escape::text(text.as_bytes())
        }
        _ => hex::encode(value),
    }
}

fn name(kind: u8) -> &'static str {
    match kind {
        0x01 => "alpn",
        0x02 => "authority",
        0x03 => "crc32c",
        0x04 => "noop",
        0x05 => "unique_id",
        0x20 => "ssl",
        0x30 => "netns",
        _ => "",
    }
}

fn inside_name(kind: u8) -> &'static str {
    match kind {
        0x21 => "ssl_version",
        0x22 => "ssl_cn",
        0x23 => "ssl_cipher",
        0x24 => "ssl_sig_alg",
        0x25 => "ssl_key_alg",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complete(bytes: &[u8]) -> Header {
        match read(bytes) {
            Reading::Complete(header) => *header,
            other => panic!("{other:?} of {}", bytes.escape_ascii()),
        }
    }

    fn second(command: u8, family: u8, body: &[u8]) -> Vec<u8> {
        let len = (body.len() as u16).to_be_bytes();
        [SIGNATURE, &[0x20 | command, family], &len, body].concat()
    }

    #[test]
    fn the_line_of_version_1() {
        let header = complete(b"PROXY TCP4 192.0.2.1 192.0.2.9 40000 443\r\nGET / HTTP/1.1\r\n");
        assert_eq!(
            (header.version, header.command(), header.len),
            (1, "proxy", 42)
        );
        let shown = |end: &Option<Address>| end.as_ref().map(Address::to_string);
        assert_eq!(shown(&header.source).as_deref(), Some("192.0.2.1:40000"));
        assert_eq!(shown(&header.destination).as_deref(), Some("192.0.2.9:443"));
        let header = complete(b"PROXY TCP6 2001:db8::1 ::1 1 2\r\n");
        assert_eq!(shown(&header.source).as_deref(), Some("[2001:db8::1]:1"));
        let unknown = complete(b"PROXY UNKNOWN\r\n");
        assert_eq!(
            (unknown.command(), unknown.source, unknown.len),
            ("local", None, 15)
        );
    }

    #[test]
    fn the_header_of_version_2_with_its_fields() {
        let mut body = vec![192, 0, 2, 1, 192, 0, 2, 9, 0x9c, 0x40, 1, 0xbb];
        body.extend(b"\x02\x00\x04chat");
        body.extend(b"\x20\x00\x0f\x01\0\0\0\0\x21\x00\x07TLSv1.3");
        body.extend(b"\x04\x00\x02\0\0\xea\x00\x02\x01\xff");
        let bytes = second(1, 0x11, &body);
        let header = complete(&[&bytes[..], b"GET"].concat());
        assert_eq!((header.version, header.len), (2, bytes.len()));
        assert_eq!(
            header.source.map(|end| end.to_string()).as_deref(),
            Some("192.0.2.1:40000")
        );
        let fields: Vec<_> = header
            .fields
            .iter()
            .map(|(k, v)| (&k[..], &v[..]))
            .collect();
        let expected = [
            ("authority", "chat"),
            ("ssl", "TLS, no client certificate"),
            ("ssl_version", "TLSv1.3"),
            ("0xea", "01ff"),
        ];
        assert_eq!(fields, expected);
        let local = complete(&second(0, 0, b""));
        assert_eq!((local.command(), local.source), ("local", None));
        for len in 0..bytes.len() {
            let is_nothing = len == 0;
            let reading = read(&bytes[..len]);
            assert_eq!(reading == Reading::Incomplete, !is_nothing, "{len}");
        }
    }

    #[test]
    fn a_path_of_a_socket_is_an_address() {
        let mut body = vec![0; 216];
        body[..4].copy_from_slice(b"/run");
        let header = complete(&second(1, 0x31, &body));
        assert_eq!(header.source, Some(Address::Unix(b"/run"[..].into())));
    }

    #[test]
    fn what_only_begins_like_it_is_something_else() {
        for bytes in [
            &b"PROXY TCP4 here there 1 2\r\n"[..],
            b"PROXY /path HTTP/1.1\r\n",
            b"PROXY TCP4 1.1.1.1 2.2.2.2 1 65536\r\n",
            b"GET / HTTP/1.1\r\n",
            b"",
        ] {
            assert_eq!(read(bytes), Reading::Other, "{}", bytes.escape_ascii());
        }
        assert_eq!(
            read(&[&b"PROXY "[..], &[b'a'; 120]].concat()),
            Reading::Other
        );
        assert_eq!(
            read(&second(2, 0x11, &[0; 12])),
            Reading::Other,
            "a command that is none"
        );
        assert_eq!(
            read(&second(1, 0x11, &[0; 4])),
            Reading::Other,
            "too short for its addresses"
        );
    }
}
