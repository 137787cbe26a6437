//! Close frames: the codes of the IANA registry, and the body (RFC 6455 sections 5.5.1 and 7.4).

/// A close code (RFC 6455 section 7.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CloseCode(pub u16);

/// IANA "WebSocket Close Code Number Registry".
const REGISTRY: &[(u16, &str)] = &[
    (1000, "Normal Closure"),
    (1001, "Going Away"),
    (1002, "Protocol error"),
    (1003, "Unsupported Data"),
    (1004, "Reserved"),
    (1005, "No Status Rcvd"),
    (1006, "Abnormal Closure"),
    (1007, "Invalid frame payload data"),
    (1008, "Policy Violation"),
    (1009, "Message Too Big"),
    (1010, "Mandatory Ext."),
    (1011, "Internal Error"),
    (1012, "Service Restart"),
    (1013, "Try Again Later"),
    (1014, "Bad Gateway"),
    (1015, "TLS handshake"),
    (3000, "Unauthorized"),
    (3003, "Forbidden"),
    (3008, "Timeout"),
];

impl CloseCode {
    /// The name in the registry, or what its range is for.
    #[must_use]
    pub fn name(self) -> &'static str {
        if let Some((_, name)) = REGISTRY.iter().find(|(code, _)| *code == self.0) {
            return name;
        }
        match self.0 {
            0..=999 => "Not used",
            1000..=2999 => "Unassigned",
            3000..=3999 => "Registered range, unassigned",
            4000..=4999 => "Private use",
            5000.. => "Outside every range",
        }
    }

    /// Whether an endpoint may put it in a close frame: not 1004-1006 and 1015, which only mean something locally, and
    /// nothing unassigned below 3000 or beyond 4999 (RFC 6455 sections 7.4.1 and 7.4.2).
    #[must_use]
    pub fn may_be_sent(self) -> bool {
        matches!(self.0, 1000..=1003 | 1007..=1014 | 3000..=4999)
    }
}

/// A close frame's body: the code, when there are two bytes for one, and the reason after it.
#[must_use]
pub fn body(payload: &[u8]) -> (Option<CloseCode>, &[u8]) {
    match payload.split_first_chunk() {
        Some((code, reason)) => (Some(CloseCode(u16::from_be_bytes(*code))), reason),
        None => (None, &[]),
    }
}

/// Whether a reason says that a keep-alive ping was not answered in time, in the words of libraries that send such pings.
#[must_use]
pub fn blames_ping(reason: &[u8]) -> bool {
    const WORDS: [&str; 4] = [
        "ping timeout",
        "pong timeout",
        "no pong",
        "keepalive timeout",
    ];
    let reason = reason.to_ascii_lowercase();
    WORDS
        .iter()
        .any(|words| memchr::memmem::find(&reason, words.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_permission_follow_the_registry() {
        let cases = [
            (0, "Not used", false),
            (999, "Not used", false),
            (1000, "Normal Closure", true),
            (1004, "Reserved", false),
            (1005, "No Status Rcvd", false),
            (1006, "Abnormal Closure", false),
            (1012, "Service Restart", true),
            (1014, "Bad Gateway", true),
            (1015, "TLS handshake", false),
            (1016, "Unassigned", false),
            (2999, "Unassigned", false),
            (3000, "Unauthorized", true),
            (3001, "Registered range, unassigned", true),
            (3003, "Forbidden", true),
            (3008, "Timeout", true),
            (4999, "Private use", true),
            (5000, "Outside every range", false),
        ];
        for (code, name, may_be_sent) in cases {
            assert_eq!(
                (CloseCode(code).name(), CloseCode(code).may_be_sent()),
                (name, may_be_sent),
                "{code}"
            );
        }
    }

    #[test]
    fn bodies_of_every_length() {
        assert_eq!(body(b""), (None, &b""[..]));
        assert_eq!(body(&[3]), (None, &b""[..]));
        assert_eq!(body(&[3, 0xe8]), (Some(CloseCode(1000)), &b""[..]));
        assert_eq!(body(b"\x03\xe9bye"), (Some(CloseCode(1001)), &b"bye"[..]));
    }
}
