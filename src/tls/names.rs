//! Whom a ClientHello asks for, read from the first bytes of a stream: for lists of flows that nobody analyses.

use super::handshake::ClientHello;
use super::record::looks_like;

/// Handshake header: a type and three bytes of length (RFC 8446 4).
const HEADER: usize = 4;
/// Record header (RFC 8446 5.1).
const RECORD: usize = 5;

/// What a ClientHello tells everybody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HelloNames {
    /// The host name (SNI), as it was sent.
    pub server_name: Option<String>,
    /// The protocols it offers (ALPN).
    pub alpn: Vec<String>,
}

impl HelloNames {
    /// Of a stream's first bytes, which may be cut; `None` when they are no ClientHello.
    #[must_use]
    pub fn of_stream(bytes: &[u8]) -> Option<Self> {
        if !looks_like(bytes) || bytes.get(RECORD) != Some(&1) {
            return None;
        }
        Self::of_handshake(bytes.get(RECORD..)?)
    }

    /// Of a handshake message, header included.
    fn of_handshake(bytes: &[u8]) -> Option<Self> {
        if bytes.first() != Some(&1) {
            return None;
        }
        let hello = ClientHello::parse(bytes.get(HEADER..)?)?;
        Some(Self {
            server_name: hello.server_name,
            alpn: hello.alpn,
        })
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A ClientHello handshake message for this name.
    pub(crate) fn hello(name: &str) -> Vec<u8> {
        let mut list = vec![0];
        list.extend((name.len() as u16).to_be_bytes());
        list.extend(name.as_bytes());
        let mut data = (list.len() as u16).to_be_bytes().to_vec();
        data.extend(&list);
        let mut extensions = vec![0, 0];
        extensions.extend((data.len() as u16).to_be_bytes());
        extensions.extend(&data);
        extensions.extend([0, 16, 0, 5, 0, 3, 2, b'h', b'3']);
        let mut body = vec![3, 3];
        body.extend([7; 32]);
        body.extend([0, 0, 2, 0x13, 1, 1, 0]);
        body.extend((extensions.len() as u16).to_be_bytes());
        body.extend(&extensions);
        let mut message = vec![1, 0];
        message.extend((body.len() as u16).to_be_bytes());
        message.extend(&body);
        message
    }

    #[test]
    fn a_hello_names_its_server_and_others_nobody() {
        let message = hello("example.org");
        let mut stream = vec![22, 3, 1];
        stream.extend((message.len() as u16).to_be_bytes());
        stream.extend(&message);
        let names = HelloNames::of_stream(&stream).unwrap();
        assert_eq!(names.server_name.as_deref(), Some("example.org"));
        assert_eq!(names.alpn, ["h3"]);
        assert_eq!(HelloNames::of_stream(b"GET / HTTP/1.1\r\n"), None);
        for len in 0..stream.len() {
            let _ = HelloNames::of_stream(&stream[..len]);
        }
    }
}
