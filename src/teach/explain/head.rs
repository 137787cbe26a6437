//! A handshake that somebody typed or piped: a request, a response, or both, line by line, with what is missing and wrong.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::base::{Field, Finding, Head, Limits, Side, escape};
use crate::http::{HeadStatus, parse_head};
use crate::websocket::handshake::{self, HEADERS, HandshakeHeader, Presence};

/// The heads of a handshake as far as they were given, held against the rules.
#[derive(Clone, Debug)]
pub struct ExplainedHandshake {
    /// The client's head.
    pub request: Option<Head>,
    /// The server's head.
    pub response: Option<Head>,
    /// What is wrong, and on which side.
    pub findings: Vec<(Side, Finding)>,
}

/// One line of a head.
#[derive(Clone, Debug)]
pub struct ExplainedLine {
    /// Its name as sent, escaped.
    pub name: String,
    /// Its value, escaped.
    pub value: String,
    /// What the table says of it; `None` for a header that has no part in a handshake.
    pub known: Option<&'static HandshakeHeader>,
    /// Steps, extensions and checks below it.
    pub children: Vec<Field>,
}

/// The head, or the two heads one after the other, in `text`; lines may end with a bare line feed, and the empty line at the end
/// may be missing.
///
/// # Errors
/// When it is no head; says what was expected.
pub fn heads(text: &[u8]) -> Result<ExplainedHandshake, String> {
    let mut text = text.to_vec();
    text.extend_from_slice(b"\r\n\r\n");
    let (first, len) = one(&text)?;
    let rest = text.get(len..).unwrap_or_default();
    let second = match rest.trim_ascii().is_empty() {
        true => None,
        false => Some(one(rest)?.0),
    };
    let (mut request, mut response) = (None, None);
    for head in [Some(first), second].into_iter().flatten() {
        match head.status() {
            None => request = Some(head),
            Some(_) => response = Some(head),
        }
    }
    let mut findings = Vec::new();
    // Another request than one to upgrade breaks no rule of ours.
    let asks = request.as_ref().is_none_or(handshake::is_upgrade_request);
    if asks {
        handshake::check(request.as_ref(), response.as_ref(), &mut findings);
    }
    Ok(ExplainedHandshake {
        request,
        response,
        findings,
    })
}

fn one(bytes: &[u8]) -> Result<(Head, usize), String> {
    match parse_head(bytes, &Limits::default()) {
        HeadStatus::Complete { head, len } => Ok((head, len)),
        HeadStatus::TooLong => Err("the head is longer than any that is read".to_owned()),
        HeadStatus::Incomplete | HeadStatus::Invalid => Err(
            "a head begins with a line such as GET /chat HTTP/1.1 or HTTP/1.1 101 Switching Protocols".to_owned(),
        ),
    }
}

impl ExplainedHandshake {
    /// The head of a side.
    #[must_use]
    pub fn head(&self, side: Side) -> Option<&Head> {
        match side {
            Side::Client => self.request.as_ref(),
            Side::Server => self.response.as_ref(),
        }
    }

    /// The lines of a side's head, explained.
    #[must_use]
    pub fn lines(&self, side: Side) -> Vec<ExplainedLine> {
        let Some(head) = self.head(side) else {
            return Vec::new();
        };
        let mut fields = handshake::fields(head, self.request.as_ref(), 0).into_iter();
        let lines = head.headers().map(|(name, value)| {
            let known = handshake::header(side, name);
            // There is a field for each line that the table knows, in the same order.
            let field = known.and_then(|_| fields.next());
            let children = field.map(|field| field.children).unwrap_or_default();
            let told = |child: &Field| child.label != "Meaning";
            ExplainedLine {
                name: escape::text(name),
                value: escape::text(value),
                known,
                children: children.into_iter().filter(told).collect(),
            }
        });
        lines.collect()
    }

    /// Headers that a side's head must have and has not.
    pub fn missing(&self, side: Side) -> impl Iterator<Item = &'static HandshakeHeader> {
        let head = self.head(side).filter(|head| match side {
            Side::Client => handshake::is_upgrade_request(head),
            Side::Server => handshake::is_accepted(head),
        });
        let missing = move |header: &&HandshakeHeader| {
            header.side == side
                && header.presence == Presence::Required
                && head.is_some_and(|head| head.value(header.name).is_none())
        };
        HEADERS.iter().filter(missing)
    }

    /// The client's key, when it is one that a shell can be given.
    #[must_use]
    pub fn key(&self) -> Option<&str> {
        let key = self.request.as_ref()?.value("Sec-WebSocket-Key")?;
        std::str::from_utf8(key).ok().filter(|key| is_key(key))
    }
}

/// Whether `text` is a Sec-WebSocket-Key: 16 bytes in base64 (RFC 6455 section 4.1).
#[must_use]
pub fn is_key(text: &str) -> bool {
    STANDARD.decode(text).is_ok_and(|nonce| nonce.len() == 16)
}

/// The shell command that computes the accept key of `key`, which [`is_key`].
#[must_use]
pub fn accept_command(key: &str) -> String {
    let guid = handshake::GUID;
    format!("printf %s '{key}{guid}' | openssl dgst -sha1 -binary | base64")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Code;

    const REQUEST: &str = "GET /chat HTTP/1.1\nHost: a\nUpgrade: websocket\nConnection: Upgrade\n\
                           Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nX-Other: 1\n";

    #[test]
    fn lines_are_explained_and_missing_ones_named() {
        let handshake = heads(REQUEST.as_bytes()).unwrap();
        let lines = handshake.lines(Side::Client);
        assert_eq!(lines.len(), 5);
        assert!(lines[4].known.is_none());
        assert_eq!(lines[3].children[2].value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let missing: Vec<_> = handshake
            .missing(Side::Client)
            .map(|header| header.name)
            .collect();
        assert_eq!(missing, ["Sec-WebSocket-Version"]);
        assert_eq!(handshake.key(), Some("dGhlIHNhbXBsZSBub25jZQ=="));
        assert!(heads(b"hello").is_err());
    }

    #[test]
    fn a_response_is_held_against_its_request() {
        let both = format!(
            "{REQUEST}\r\n\r\nHTTP/1.1 101 Switching Protocols\r\nSec-WebSocket-Accept: x\r\n"
        );
        let handshake = heads(both.as_bytes()).unwrap();
        let codes: Vec<_> = handshake
            .findings
            .iter()
            .map(|(_, found)| found.code)
            .collect();
        assert!(codes.contains(&Code::AcceptMismatch), "{codes:?}");
        assert!(codes.contains(&Code::UpgradeHeaderInvalid), "{codes:?}");
    }
}
