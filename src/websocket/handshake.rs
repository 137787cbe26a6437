//! The opening handshake as far as WebSocket is concerned (RFC 6455 section 4): what was asked and agreed on.

mod explain;
mod rules;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use md5::Md5;
use sha1::{Digest, Sha1};

use super::deflate::{ParameterPlace, Parameters};
use crate::base::{Head, Side, escape};

pub use explain::{AcceptSteps, HEADERS, HandshakeHeader, Presence, accept_steps, fields, header};
pub use rules::check;

/// What every accept key is made with (RFC 6455 section 1.3).
pub const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The Sec-WebSocket-Accept that answers a Sec-WebSocket-Key (RFC 6455 section 4.2.2).
#[must_use]
pub fn accept_key(key: &[u8]) -> String {
    let mut sha1 = Sha1::new();
    sha1.update(key);
    sha1.update(GUID.as_bytes());
    STANDARD.encode(sha1.finalize())
}

/// An extension with its parameters, as one element of Sec-WebSocket-Extensions (RFC 6455 section 9.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extension {
    /// Its name in lower case.
    pub name: String,
    /// Parameters in order; names in lower case, values without quotes.
    pub parameters: Vec<(String, Option<String>)>,
}

impl Extension {
    /// Reads one list element such as `permessage-deflate; client_max_window_bits=10`.
    #[must_use]
    pub fn parse(element: &[u8]) -> Extension {
        let mut parts = element.split(|byte| *byte == b';').map(<[u8]>::trim_ascii);
        let name = lower(parts.next().unwrap_or_default());
        let parameters = parts
            .filter(|part| !part.is_empty())
            .map(|part| match part.iter().position(|byte| *byte == b'=') {
                Some(at) => (lower(&part[..at]), Some(unquoted(&part[at + 1..]))),
                None => (lower(part), None),
            })
            .collect();
        Extension { name, parameters }
    }

    /// Every extension of a head, in order.
    pub fn all(head: &Head) -> impl Iterator<Item = Extension> {
        head.list("Sec-WebSocket-Extensions").map(Extension::parse)
    }
}

fn lower(bytes: &[u8]) -> String {
    escape::text(bytes.trim_ascii()).to_ascii_lowercase()
}

fn unquoted(value: &[u8]) -> String {
    let value = value.trim_ascii();
    let inner = value
        .strip_prefix(b"\"")
        .and_then(|value| value.strip_suffix(b"\""));
    escape::text(inner.unwrap_or(value))
}

/// How a connection's payloads may be compressed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Compression {
    /// Not at all.
    #[default]
    None,
    /// Each message of its own choice (permessage-deflate, RFC 7692).
    Message(Parameters),
    /// Each frame of its own choice (`x-webkit-deflate-frame`), with one context a side.
    Frame,
    /// The handshake was not seen: RSV1 is taken for permessage-deflate with a context that began earlier.
    Presumed,
}

/// How frames lie in the bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Framing {
    /// As in RFC 6455 section 5.2, and in versions 7 and 8.
    #[default]
    Rfc6455,
    /// Text between `00` and `ff`: hixie-75.
    Hixie75,
    /// The same, behind eight bytes of the client and sixteen of the server that belong to the handshake: hixie-76, which is
    /// hybi-00.
    Hixie76,
    /// The bits of a header in another order: hybi-01 to 06.
    Hybi(u8),
}

impl Framing {
    /// Whether the body of a close frame is a code and a reason, as it is since hybi-06.
    #[must_use]
    pub fn closes_with_code(self) -> bool {
        matches!(self, Framing::Rfc6455 | Framing::Hybi(6..))
    }

    /// The draft's name; `None` for the standard.
    #[must_use]
    pub fn draft(self) -> Option<&'static str> {
        match self {
            Framing::Rfc6455 => None,
            Framing::Hixie75 => Some("hixie-75"),
            Framing::Hixie76 => Some("hixie-76"),
            Framing::Hybi(1) => Some("hybi-01"),
            Framing::Hybi(2 | 3) => Some("hybi-02/03"),
            Framing::Hybi(4) => Some("hybi-04"),
            Framing::Hybi(5) => Some("hybi-05"),
            Framing::Hybi(_) => Some("hybi-06"),
        }
    }

    /// Bytes behind each head that belong to the handshake (hybi-00 section 1.3): the client's third key, and the
    /// server's answer to the three.
    #[must_use]
    pub fn challenge_len(self, side: Side) -> usize {
        match (self, side) {
            (Framing::Hixie76 | Framing::Hybi(1..=3), Side::Client) => 8,
            (Framing::Hixie76 | Framing::Hybi(1..=3), Side::Server) => 16,
            _ => 0,
        }
    }
}

/// The framing that a request and the answer to it lead to.
#[must_use]
pub fn framing(request: &Head, response: Option<&Head>) -> Framing {
    let draft = |value: &[u8]| match value {
        [digit @ b'1'..=b'6'] => Some(Framing::Hybi(digit - b'0')),
        b"0" => Some(Framing::Hixie76),
        _ => None,
    };
    if let Some(version) = request.value("Sec-WebSocket-Version") {
        return draft(version).unwrap_or_default();
    }
    if request.value("Sec-WebSocket-Key1").is_some() {
        let named = request.value("Sec-WebSocket-Draft").and_then(draft);
        return named.unwrap_or(Framing::Hixie76);
    }
    let is_answered = |head: &Head| head.value("Sec-WebSocket-Accept").is_some();
    let is_keyed = request.value("Sec-WebSocket-Key").is_some();
    match is_keyed || response.is_some_and(is_answered) {
        true => Framing::Rfc6455,
        false => Framing::Hixie75,
    }
}

/// The sixteen bytes by which a server of hixie-76 answers the client's three keys (hybi-00 section 5.2): the MD5 of the
/// numbers hidden in the first two, and of the third.
#[must_use]
pub fn challenge_answer(request: &Head, third: &[u8]) -> Option<[u8; 16]> {
    let number = |name: &str| {
        let key = request.value(name)?;
        let digits = key.iter().filter(|byte| byte.is_ascii_digit());
        let number = digits.fold(0u64, |number, digit| {
            number
                .wrapping_mul(10)
                .wrapping_add(u64::from(digit - b'0'))
        });
        let spaces = key.iter().filter(|byte| **byte == b' ').count() as u64;
        u32::try_from(number.checked_div(spaces)?).ok()
    };
    let mut md5 = Md5::new();
    md5.update(number("Sec-WebSocket-Key1")?.to_be_bytes());
    md5.update(number("Sec-WebSocket-Key2")?.to_be_bytes());
    md5.update(third);
    Some(md5.finalize().into())
}

/// What the two sides agreed on, as far as the handshake was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Negotiated {
    /// Sec-WebSocket-Version of the request, when it is a number.
    pub version: Option<u8>,
    /// The subprotocol of the response.
    pub subprotocol: Option<Box<[u8]>>,
    /// How frames lie in the bytes.
    pub framing: Framing,
    /// How payloads may be compressed.
    pub compression: Compression,
    /// Extensions of the response other than permessage-deflate.
    pub other_extensions: Vec<Extension>,
}

impl Negotiated {
    /// The agreed permessage-deflate.
    #[must_use]
    pub fn deflate(&self) -> Option<&Parameters> {
        match &self.compression {
            Compression::Message(parameters) => Some(parameters),
            _ => None,
        }
    }
}

/// Whether a request asks for a WebSocket: Upgrade names `websocket`, in any letter case. A key without Upgrade is what a
/// proxy makes of such a request when it drops the hop-by-hop headers (RFC 9110 section 7.6.1); the client still asks.
#[must_use]
pub fn is_upgrade_request(request: &Head) -> bool {
    let asks = request.has_token("Upgrade", "websocket")
        || request.value("Sec-WebSocket-Key").is_some()
        || request.value("Sec-WebSocket-Key1").is_some();
    !request.method().is_empty() && asks
}

/// Whether a response opens the WebSocket: 101, or over HTTP/2 any 2xx (RFC 8441 section 5).
#[must_use]
pub fn is_accepted(response: &Head) -> bool {
    match response.status() {
        Some(200..300) => is_http2(response),
        status => status == Some(101),
    }
}

/// Whether a head is one of HTTP/2: such begin with a pseudo-header field.
#[must_use]
pub fn is_http2(head: &Head) -> bool {
    head.headers()
        .next()
        .is_some_and(|(name, _)| name.starts_with(b":"))
}

/// What request and response agreed on. Without a response nothing is known to be agreed on, so compression is presumed.
#[must_use]
pub fn negotiated(request: Option<&Head>, response: Option<&Head>) -> Negotiated {
    let version = request
        .and_then(|head| head.value("Sec-WebSocket-Version"))
        .and_then(|value| std::str::from_utf8(value).ok()?.parse().ok());
    let mut negotiated = Negotiated {
        version,
        framing: request.map_or(Framing::Rfc6455, |request| framing(request, response)),
        compression: Compression::Presumed,
        ..Negotiated::default()
    };
    let Some(response) = response else {
        return negotiated;
    };
    negotiated.compression = Compression::None;
    negotiated.subprotocol = response.value("Sec-WebSocket-Protocol").map(Box::from);
    for extension in Extension::all(response) {
        match extension.name.as_str() {
            "permessage-deflate" if negotiated.deflate().is_none() => {
                negotiated.compression = Compression::Message(agreed(&extension));
            }
            name => {
                if name == "x-webkit-deflate-frame" || name == "deflate-frame" {
                    negotiated.compression = Compression::Frame;
                }
                negotiated.other_extensions.push(extension);
            }
        }
    }
    negotiated
}

fn agreed(extension: &Extension) -> Parameters {
    let mut parameters = Parameters::default();
    for (name, value) in &extension.parameters {
        // What is wrong with a parameter is a finding of its own; the rest still holds.
        let _ = parameters.set(name, value.as_deref(), ParameterPlace::Agreement);
    }
    parameters
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{HeaderLine, Side, StartLine};

    pub(super) fn request(start: &str, lines: &str) -> Head {
        let method = start.find(' ').unwrap() as u32;
        let target = start.rfind(' ').unwrap() as u32;
        let start_line = StartLine::Request {
            method: 0..method,
            target: method + 1..target,
        };
        head(start, start_line, lines)
    }

    pub(super) fn response(start: &str, lines: &str) -> Head {
        let start_line = StartLine::Response {
            status: start[9..12].parse().unwrap(),
            reason: 13..start.len() as u32,
        };
        head(start, start_line, lines)
    }

    fn head(start: &str, start_line: StartLine, lines: &str) -> Head {
        let raw = format!("{start}\r\n{lines}\r\n");
        let mut at = start.len() as u32 + 2;
        let mut found = Vec::new();
        for line in lines.split_inclusive("\r\n") {
            let (name, value) = line.split_once(": ").unwrap();
            let value_at = at + name.len() as u32 + 2;
            found.push(HeaderLine {
                name: at..at + name.len() as u32,
                value: value_at..value_at + value.trim_end().len() as u32,
            });
            at += line.len() as u32;
        }
        Head {
            raw: raw.into_bytes().into(),
            start: start_line,
            minor_version: u8::from(!start.contains("1.0")),
            lines: found.into(),
        }
    }

    #[test]
    fn the_example_of_rfc_6455_1_3() {
        assert_eq!(
            accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    #[test]
    fn upgrades_are_known_in_any_letter_case() {
        let asks = request("GET / HTTP/1.1", "UPGRADE: h2c, WebSocket\r\n");
        assert!(is_upgrade_request(&asks));
        assert!(!is_upgrade_request(&request(
            "GET / HTTP/1.1",
            "Upgrade: h2c\r\n"
        )));
        assert!(is_accepted(&response("HTTP/1.1 101 x", "")));
        assert!(!is_accepted(&response("HTTP/1.1 200 x", "")));
    }

    #[test]
    fn a_key_alone_asks_too_and_old_drafts_frame_otherwise() {
        let ask = |lines| request("GET / HTTP/1.1", lines);
        assert!(is_upgrade_request(&ask(
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
        )));
        for (lines, legacy) in [
            ("Upgrade: WebSocket\r\n", true),
            (
                "Upgrade: WebSocket\r\nSec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\n",
                true,
            ),
            (
                "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 6\r\n",
                true,
            ),
            (
                "Upgrade: websocket\r\nSec-WebSocket-Key: x\r\nSec-WebSocket-Version: 7\r\n",
                false,
            ),
            ("Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n", false),
            ("Upgrade: websocket\r\nSec-WebSocket-Key: x\r\n", false),
        ] {
            assert_eq!(
                (framing(&ask(lines), None) != Framing::Rfc6455),
                legacy,
                "{lines}"
            );
        }
    }

    #[test]
    fn what_is_agreed_on_is_what_the_response_says() {
        let asks = request(
            "GET / HTTP/1.1",
            "Sec-WebSocket-Version: 8\r\nSec-WebSocket-Extensions: permessage-deflate\r\n",
        );
        let answer = response(
            "HTTP/1.1 101 x",
            "sec-websocket-extensions: x-other; a=\"b\", Permessage-Deflate; Client_No_Context_Takeover; server_max_window_bits=9\r\n\
             Sec-WebSocket-Protocol: chat\r\n",
        );
        let agreed = negotiated(Some(&asks), Some(&answer));
        let deflate = agreed.deflate().unwrap();
        assert_eq!(
            (agreed.version, agreed.subprotocol.as_deref()),
            (Some(8), Some(&b"chat"[..]))
        );
        assert!(!deflate.takes_over(Side::Client) && deflate.takes_over(Side::Server));
        assert_eq!(
            (
                deflate.window_bits(Side::Server),
                deflate.window_bits(Side::Client)
            ),
            (9, 15)
        );
        assert_eq!(
            agreed.other_extensions[0].parameters,
            [("a".to_owned(), Some("b".to_owned()))]
        );
        assert_eq!(
            negotiated(Some(&asks), None).compression,
            Compression::Presumed
        );
        assert_eq!(
            negotiated(None, Some(&response("HTTP/1.1 101 x", ""))).compression,
            Compression::None
        );
    }

    #[test]
    fn the_answer_to_the_three_keys_of_hixie_76() {
        let answer = |key1: &str, key2: &str, third: &[u8]| {
            let lines = format!("Sec-WebSocket-Key1: {key1}\r\nSec-WebSocket-Key2: {key2}\r\n");
            let answer = challenge_answer(&request("GET / HTTP/1.1", &lines), third);
            answer.map(|answer| answer.escape_ascii().to_string())
        };
        // The examples of hybi-00 sections 1.2 and 5.2.
        let told = answer("4 @1  46546xW%0l 1 5", "12998 5 Y3 1  .P00", b"^n:ds[4U");
        assert_eq!(told.as_deref(), Some("8jKS\\'y:G*Co,Wxa-"));
        let key1 = "18x 6]8vM;54 *(5:  {   U1]8  z [  8";
        let key2 = "1_ tx7X d  <  nw  334J702) 7]o}` 0";
        let told = answer(key1, key2, b"Tm[K T2u");
        assert_eq!(told.as_deref(), Some("fQJ,fN/4F4!~K~MH"));
        assert_eq!(
            answer("1", "2 2", b"12345678"),
            None,
            "a key without a space"
        );
    }
}
