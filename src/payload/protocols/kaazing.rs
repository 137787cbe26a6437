//! Kaazing's handshake inside WebSocket, `x-kaazing-handshake` (github.com/kaazing, WebSocket Protocol: x-kaazing-handshake): a
//! second request and response of HTTP, each a message, in which the peers agree on the protocol that follows.

use crate::base::Side;
use crate::payload::head::{Head, first_line};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Objects, Opening, Out, Payload, summary,
};

fields! {
    TARGET = "kaazing.target", "Target", Text, "Target of a request of Kaazing's handshake.";
    STATUS = "kaazing.status", "Status", Unsigned, "Status of a response of Kaazing's handshake.";
    PROTOCOL = "kaazing.protocol", "Protocol", Text, "Protocols offered, or the one chosen, in Kaazing's handshake.";
    EXTENSIONS = "kaazing.extensions", "Extensions", Text, "Extensions offered, or chosen, in Kaazing's handshake.";
    AUTHORIZATION = "kaazing.authorization", "Authorization", Text, "What a client authenticates with in Kaazing's handshake.",
        secret();
}

rules! {
    INVALID = "kaazing-handshake-invalid", Error, "x-kaazing-handshake, Extended WebSocket Handshake",
        "A message came before the extended handshake was complete.";
    FAILED = "kaazing-handshake-failed", Warning, "x-kaazing-handshake, Response Codes",
        "The extended handshake failed, so the client closes.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "kaazing",
    title: "Kaazing",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(Kaazing::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    match evidence.subprotocol() {
        "x-kaazing-handshake" => Claim::certain("subprotocol"),
        _ => None,
    }
}

#[derive(Clone, Debug)]
struct Kaazing {
    /// Whether the handshake is complete, or may be since messages were missed.
    is_complete: bool,
    is_uncertain: bool,
}

impl Kaazing {
    fn new(opening: &Opening) -> Self {
        Self {
            is_complete: false,
            is_uncertain: !opening.is_seen,
        }
    }
}

impl Decode for Kaazing {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if !self.is_complete {
            if let Some(start) = Start::parse(first_line(message.bytes), message.from) {
                self.handshake(start, message.bytes, out);
                return Fit::Yes;
            }
            if !self.is_uncertain {
                out.unit(DECODER.title);
                out.summary("no handshake");
                let text = format!(
                    "{} is no part of the handshake",
                    summary::part(message.bytes)
                );
                out.finding(&INVALID, text);
                return Fit::Broken;
            }
            self.is_complete = true;
        }
        // What follows is the application's, as it is.
        match out.carry(message.bytes.into(), message.kind) {
            true => Fit::Yes,
            false => Fit::No,
        }
    }

    fn lost(&mut self, _from: Side) {
        self.is_uncertain = true;
    }
}

/// The first line.
#[derive(Clone, Copy, Debug)]
enum Start<'a> {
    Request(&'a str),
    Response(u64, &'a str),
}

impl<'a> Start<'a> {
    fn parse(line: &'a [u8], from: Side) -> Option<Start<'a>> {
        let line = std::str::from_utf8(line).ok()?;
        match from {
            Side::Client => {
                let (method, rest) = line.split_once(' ')?;
                let target = rest.strip_suffix(" HTTP/1.1")?;
                let is_method = method.bytes().all(|byte| byte.is_ascii_uppercase());
                is_method.then_some(Start::Request(target))
            }
            Side::Server => {
                let rest = line.strip_prefix("HTTP/1.1 ")?;
                let (code, _) = rest.split_once(' ').unwrap_or((rest, ""));
                Some(Start::Response(code.parse().ok()?, rest))
            }
        }
    }
}

impl Kaazing {
    fn handshake<'a>(&mut self, start: Start<'a>, bytes: &'a [u8], out: &mut Out<'_, 'a>) {
        let head = Head::of(bytes);
        out.unit(DECODER.title);
        match start {
            Start::Request(target) => {
                out.field_at(&TARGET, target, target.as_bytes());
                out.request("handshake", "extended handshake");
                out.summary(format!("handshake {}", summary::part(target)));
            }
            Start::Response(status, line) => {
                out.field(&STATUS, status);
                out.summary(format!("handshake {}", summary::part(line)));
                self.response(status, line, out);
            }
        }
        for (name, value) in head.headers() {
            let info = match &*name.to_ascii_lowercase() {
                "sec-websocket-protocol" | "websocket-protocol" => &PROTOCOL,
                "sec-websocket-extensions" | "websocket-extensions" => &EXTENSIONS,
                "authorization" => &AUTHORIZATION,
                _ => {
                    let span = out.span(value);
                    let text = String::from_utf8_lossy(value).into_owned();
                    let is_secret = name.eq_ignore_ascii_case("cookie");
                    out.line(name.to_owned(), text).at(span).secret = is_secret;
                    continue;
                }
            };
            out.field_at(info, String::from_utf8_lossy(value).into_owned(), value);
        }
    }

    /// A response completes the handshake, asks for authorization, or ends it.
    fn response(&mut self, status: u64, line: &str, out: &mut Out<'_, '_>) {
        let is_done = matches!(status, 101 | 201 | 204 | 205);
        self.is_complete |= is_done;
        match status {
            100 | 202 => drop(out.provisional_answer("handshake")),
            _ => drop(out.answer("handshake", !is_done && status != 401)),
        }
        if !is_done && !matches!(status, 100 | 202 | 401) {
            out.finding(
                &FAILED,
                format!("the server answers {}", summary::part(line)),
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/amqp", "", "x-kaazing-handshake")
    }

    #[test]
    fn a_second_handshake_is_followed_by_what_was_agreed_on() {
        let mut talk = talk();
        let ask = talk
            .client_bytes(b"GET /amqp HTTP/1.1\r\nSec-WebSocket-Protocol: v12.stomp\r\nAuthorization: Basic s3cret\r\nSec-WebSocket-Extensions: x-kaazing-idle-timeout\r\n\r\n")
            .unwrap();
        assert_eq!(
            (ask.summary.as_str(), field(&ask, "kaazing.protocol")),
            ("handshake /amqp", vec!["v12.stomp".to_owned()])
        );
        assert!(ask.items.iter().any(|item| item.secret));
        let challenge = talk
            .server("HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Application Basic\r\n\r\n")
            .unwrap();
        assert_eq!(
            (findings(&challenge).len(), field(&challenge, "call.error")),
            (0, vec!["false".to_owned()])
        );
        talk.client("GET /amqp HTTP/1.1\r\n\r\n");
        let done = talk.server("HTTP/1.1 101 Web Socket Protocol Handshake\r\nSec-WebSocket-Protocol: v12.stomp\r\n\r\n").unwrap();
        assert_eq!(
            (field(&done, "kaazing.status"), done.request()),
            (vec!["101".to_owned()], Some(3))
        );
        let inner = talk
            .client("CONNECT\naccept-version:1.2\nhost:x\n\n\0")
            .unwrap();
        assert_eq!(inner.stack[..], ["kaazing", "stomp"]);
    }

    #[test]
    fn a_failed_handshake_is_found() {
        let mut talk = talk();
        assert_eq!(
            findings(&talk.client("hello").unwrap()),
            ["kaazing-handshake-invalid"]
        );
        let failed = talk.server("HTTP/1.1 403 Forbidden\r\n\r\n").unwrap();
        assert_eq!(findings(&failed), ["kaazing-handshake-failed"]);
        assert!(Talk::unknown().client("GET / HTTP/1.1\r\n\r\n").is_none());
    }
}
