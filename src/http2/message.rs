//! A decoded header block as a [`Head`], and what RFC 9113 section 8 asks of its fields.
//!
//! The head's bytes are the fields written one a line, pseudo-header fields first as they came; so whoever reads heads
//! of HTTP/1 reads these. They are not the bytes on the wire.

use std::ops::Range;

use smallvec::SmallVec;

use super::hpack::{HeaderField, Outcome};
use crate::base::{Head, HeaderLine, StartLine, escape};

/// Which HTTP the fields are of: the rules are the same, and stand in different places.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Dialect {
    #[default]
    Http2,
    Http3,
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Self::Http2 => "HTTP/2",
            Self::Http3 => "HTTP/3",
        }
    }

    /// Where a rule stands, by its place in RFC 9113 or RFC 8441.
    fn cite(self, section: &'static str) -> &'static str {
        if self == Self::Http2 {
            return section;
        }
        match section {
            "RFC 9113 8.3" => "RFC 9114 4.3",
            "RFC 9113 8.2.1" | "RFC 9113 8.2.2" => "RFC 9114 4.2",
            "RFC 9113 8.3.1" => "RFC 9114 4.3.1",
            "RFC 9113 8.3.2" => "RFC 9114 4.3.2",
            "RFC 9113 8.5" => "RFC 9114 4.4",
            "RFC 9113 8.6" => "RFC 9114 4.5",
            _ => "RFC 9220 3",
        }
    }
}

/// Collects the fields of one block.
#[derive(Debug, Default)]
pub(crate) struct Message {
    dialect: Dialect,
    raw: Vec<u8>,
    lines: Vec<HeaderLine>,
    regular_seen: bool,
    faults: SmallVec<[String; 2]>,
}

/// Faults reported of one block; one bad block tends to have many of the same.
const FAULTS: usize = 4;

const REQUEST_PSEUDO: [&[u8]; 5] = [
    b":method",
    b":scheme",
    b":authority",
    b":path",
    b":protocol",
];

impl Message {
    /// A message of HTTP/3, without fields.
    pub(crate) fn of_http3() -> Self {
        Self {
            dialect: Dialect::Http3,
            ..Self::default()
        }
    }

    /// Adds a field.
    pub(crate) fn push(&mut self, field: HeaderField<'_>) {
        if field.known {
            self.check(field.name);
        }
        let name = self.append(field.name);
        self.raw.extend_from_slice(b": ");
        let value = self.append(field.value);
        self.raw.extend_from_slice(b"\r\n");
        self.lines.push(HeaderLine { name, value });
    }

    fn append(&mut self, bytes: &[u8]) -> Range<u32> {
        let start = self.raw.len() as u32;
        self.raw.extend_from_slice(bytes);
        start..self.raw.len() as u32
    }

    fn fault(&mut self, text: String) {
        if self.faults.len() < FAULTS {
            self.faults.push(text);
        }
    }

    fn check(&mut self, name: &[u8]) {
        if name.starts_with(b":") {
            let known = REQUEST_PSEUDO.contains(&name) || name == b":status";
            if self.regular_seen {
                self.fault(format!(
                    "{} stands behind a regular field ({})",
                    escape::text(name),
                    self.dialect.cite("RFC 9113 8.3")
                ));
            } else if !known {
                self.fault(format!(
                    "{} is no pseudo-header field ({})",
                    escape::text(name),
                    self.dialect.cite("RFC 9113 8.3")
                ));
            } else if self.value(name).is_some() {
                self.fault(format!(
                    "{} stands twice ({})",
                    escape::text(name),
                    self.dialect.cite("RFC 9113 8.3")
                ));
            }
            return;
        }
        self.regular_seen = true;
        if name.iter().any(u8::is_ascii_uppercase) {
            self.fault(format!(
                "field name {} is not in lower case ({})",
                escape::preview(name, 64),
                self.dialect.cite("RFC 9113 8.2.1")
            ));
        }
        let own: [&[u8]; 5] = [
            b"connection",
            b"proxy-connection",
            b"keep-alive",
            b"transfer-encoding",
            b"upgrade",
        ];
        if own.contains(&name) {
            self.fault(format!(
                "{} has no place in {} ({})",
                escape::text(name),
                self.dialect.name(),
                self.dialect.cite("RFC 9113 8.2.2")
            ));
        }
    }

    fn value(&self, name: &[u8]) -> Option<Range<u32>> {
        let slice = |range: &Range<u32>| self.raw.get(range.start as usize..range.end as usize);
        self.lines
            .iter()
            .find(|line| slice(&line.name) == Some(name))
            .map(|line| line.value.clone())
    }

    /// Reads it as a request. Where :method is among what is not known, the method is empty.
    pub(crate) fn into_request(mut self, outcome: &Outcome) -> (Head, SmallVec<[String; 2]>) {
        if outcome.unknown == 0 && outcome.omitted == 0 {
            self.check_request();
        }
        let method = self.value(b":method").unwrap_or(0..0);
        let target = self.value(b":path").or_else(|| self.value(b":authority"));
        self.into_head(StartLine::Request {
            method,
            target: target.unwrap_or(0..0),
        })
    }

    /// RFC 9113 sections 8.3.1 and 8.5, RFC 8441 section 4.
    fn check_request(&mut self) {
        let has = |message: &Self, name: &[u8]| message.value(name).is_some();
        let method = self.value(b":method");
        let is_connect = method
            .and_then(|method| self.raw.get(method.start as usize..method.end as usize))
            .is_some_and(|method| method == b"CONNECT");
        let extended = has(self, b":protocol");
        if extended && !is_connect {
            let place = self.dialect.cite("RFC 8441 4");
            self.fault(format!(":protocol is for CONNECT only ({place})"));
        }
        let needed: &[&[u8]] = match (is_connect, extended) {
            (true, false) => &[b":method", b":authority"],
            (true, true) => &[b":method", b":scheme", b":path", b":authority"],
            (false, _) => &[b":method", b":scheme", b":path"],
        };
        for name in needed {
            if !has(self, name) {
                self.fault(format!(
                    "{} is missing ({})",
                    escape::text(name),
                    self.dialect.cite("RFC 9113 8.3.1")
                ));
            }
        }
        if is_connect && !extended && (has(self, b":scheme") || has(self, b":path")) {
            let place = self.dialect.cite("RFC 9113 8.5");
            self.fault(format!(
                "CONNECT without :protocol has neither :scheme nor :path ({place})"
            ));
        }
    }

    /// Reads it as a response. Where :status is not known, the status is 0.
    pub(crate) fn into_response(mut self, outcome: &Outcome) -> (Head, SmallVec<[String; 2]>) {
        let status = self.value(b":status").and_then(|range| {
            let digits = self.raw.get(range.start as usize..range.end as usize)?;
            str::from_utf8(digits).ok()?.parse().ok()
        });
        match status {
            Some(101) => {
                let (name, place) = (self.dialect.name(), self.dialect.cite("RFC 9113 8.6"));
                self.fault(format!(":status 101 has no place in {name} ({place})"));
            }
            Some(100..1000) => {}
            _ if outcome.unknown > 0 || outcome.omitted > 0 => {}
            _ => {
                let place = self.dialect.cite("RFC 9113 8.3.2");
                self.fault(format!(":status is missing or no status code ({place})"));
            }
        }
        let status = status.filter(|status| (100..1000).contains(status));
        self.into_head(StartLine::Response {
            status: status.unwrap_or_default(),
            reason: 0..0,
        })
    }

    fn into_head(mut self, start: StartLine) -> (Head, SmallVec<[String; 2]>) {
        self.raw.extend_from_slice(b"\r\n");
        let head = Head {
            raw: self.raw.into_boxed_slice(),
            start,
            minor_version: 1,
            lines: self.lines.into_boxed_slice(),
        };
        (head, self.faults)
    }
}

/// Whether a request opens a WebSocket (RFC 8441 section 5). Where the method or protocol is not known because the
/// capture begins in the middle, WebSocket headers speak for it.
#[must_use]
pub fn asks_for_websocket(request: &Head) -> bool {
    let websocket_headers = || {
        request.headers().any(|(name, _)| {
            name.get(..14)
                .is_some_and(|start| start.eq_ignore_ascii_case(b"sec-websocket-"))
        })
    };
    match (request.method(), request.value(":protocol")) {
        (b"CONNECT" | b"", Some(protocol)) => protocol.eq_ignore_ascii_case(b"websocket"),
        (b"", None) => websocket_headers(),
        (b"CONNECT", None) => request.value(":scheme").is_some() && websocket_headers(),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(fields: &[(&str, &str)]) -> (Message, Outcome) {
        let mut message = Message::default();
        for (name, value) in fields {
            message.push(HeaderField {
                name: name.as_bytes(),
                value: value.as_bytes(),
                known: !name.starts_with("unknown"),
                never_indexed: false,
            });
        }
        let unknown = fields
            .iter()
            .filter(|(name, _)| name.starts_with("unknown"))
            .count();
        let outcome = Outcome {
            unknown,
            ..Outcome::default()
        };
        (message, outcome)
    }

    const CHAT: [(&str, &str); 6] = [
        (":method", "CONNECT"),
        (":protocol", "websocket"),
        (":scheme", "https"),
        (":path", "/chat"),
        (":authority", "server.example.com"),
        ("sec-websocket-version", "13"),
    ];

    fn request_faults(fields: &[(&str, &str)]) -> Vec<String> {
        let (message, outcome) = message(fields);
        message.into_request(&outcome).1.to_vec()
    }

    #[test]
    fn an_extended_connect_reads_as_a_head() {
        let (message, outcome) = message(&CHAT);
        let (head, faults) = message.into_request(&outcome);
        assert!(faults.is_empty(), "{faults:?}");
        assert_eq!(
            (head.method(), head.target()),
            (&b"CONNECT"[..], &b"/chat"[..])
        );
        assert_eq!(head.value("Sec-WebSocket-Version"), Some(&b"13"[..]));
        assert!(
            head.raw.starts_with(b":method: CONNECT\r\n") && head.raw.ends_with(b": 13\r\n\r\n")
        );
        assert!(asks_for_websocket(&head));
        assert_eq!(head.value(":authority"), Some(&b"server.example.com"[..]));
    }

    #[test]
    fn what_is_unknown_does_not_hide_a_websocket() {
        let (message, outcome) = message(&[
            ("unknown index 63", ""),
            (":scheme", "https"),
            ("sec-websocket-version", "13"),
        ]);
        let (head, faults) = message.into_request(&outcome);
        assert!(faults.is_empty() && asks_for_websocket(&head) && head.method().is_empty());
        let (get, outcome) = self::message(&[(":method", "GET"), ("sec-websocket-version", "13")]);
        assert!(!asks_for_websocket(&get.into_request(&outcome).0));
    }

    #[test]
    fn broken_requests_are_told() {
        assert_eq!(request_faults(&CHAT[..3]).len(), 2, ":path and :authority");
        assert_eq!(request_faults(&[CHAT[0], CHAT[4]]), Vec::<String>::new());
        assert_eq!(request_faults(&[CHAT[0], CHAT[2], CHAT[4]]).len(), 1);
        assert_eq!(
            request_faults(&[&CHAT[..], &[CHAT[3]]].concat()).len(),
            1,
            "behind a regular field"
        );
        assert_eq!(
            request_faults(&[&CHAT[..5], &[CHAT[3]]].concat()).len(),
            1,
            "twice"
        );
        assert_eq!(
            request_faults(&[&CHAT[..], &[("Upgrade", "x"), ("upgrade", "x")]].concat()).len(),
            2
        );
        let get = [(":method", "GET"), CHAT[1], CHAT[2], CHAT[3], (":x", "")];
        assert_eq!(request_faults(&get).len(), 2, ":protocol and :x");
    }

    #[test]
    fn responses_have_a_status() {
        let response = |status: &[(&str, &str)]| {
            let (message, outcome) = message(status);
            let (head, faults) = message.into_response(&outcome);
            (head.status(), faults.len())
        };
        assert_eq!(response(&[(":status", "200")]), (Some(200), 0));
        assert_eq!(response(&[(":status", "101")]), (Some(101), 1));
        assert_eq!(response(&[(":status", "9")]), (Some(0), 1));
        assert_eq!(response(&[("server", "x")]), (Some(0), 1));
        assert_eq!(response(&[("unknown index 70", "")]), (Some(0), 0));
    }
}
