//! What each header of a handshake is for, and how the accept key comes about: for the detail tree and for teaching.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::{Extension, GUID};
use crate::base::{Field, Head, HeaderLine, Layer, Side, Span, Value, escape};
use crate::websocket::deflate::{ParameterPlace, Parameters};

/// The steps from a Sec-WebSocket-Key to its Sec-WebSocket-Accept (RFC 6455 section 4.2.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AcceptSteps {
    /// The key with the fixed GUID appended.
    pub joined: String,
    /// SHA-1 of that.
    pub sha1: [u8; 20],
    /// The digest in base64.
    pub accept: String,
}

/// Computes the accept key step by step.
#[must_use]
pub fn accept_steps(key: &[u8]) -> AcceptSteps {
    let sha1: [u8; 20] = Sha1::digest([key, GUID.as_bytes()].concat()).into();
    AcceptSteps {
        joined: escape::text(key) + GUID,
        sha1,
        accept: STANDARD.encode(sha1),
    }
}

/// Whether a handshake needs a header.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// Without it there is no handshake.
    Required,
    /// It may be there.
    Optional,
}

/// A header that means something in a handshake.
#[derive(Clone, Copy, Debug)]
pub struct HandshakeHeader {
    /// Its name as the standard writes it.
    pub name: &'static str,
    /// Whether it stands in the client's request or in the server's response.
    pub side: Side,
    /// Whether it must be there.
    pub presence: Presence,
    /// Its name in the display filter.
    pub filter: &'static str,
    /// Where it is defined.
    pub section: &'static str,
    /// What it is for, in one sentence.
    pub meaning: &'static str,
}

macro_rules! headers {
    ($($side:ident $presence:ident $name:literal $filter:literal $section:literal $meaning:literal;)+) => {
        /// Every header of the opening handshake (RFC 6455 sections 4.1 and 4.2.2).
        pub const HEADERS: &[HandshakeHeader] = &[$(HandshakeHeader {
            name: $name,
            side: Side::$side,
            presence: Presence::$presence,
            filter: $filter,
            section: $section,
            meaning: $meaning,
        },)+];
    };
}

headers! {
    Client Required "Host" "http.host" "RFC 6455 4.1" "which site is asked, as several may share the address";
    Client Required "Upgrade" "http.upgrade" "RFC 6455 4.1" "asks to leave HTTP for WebSocket on this connection";
    Client Required "Connection" "http.connection" "RFC 6455 4.1" "says that Upgrade is meant for the next hop";
    Client Required "Sec-WebSocket-Key" "http.sec_websocket_key" "RFC 6455 11.3.1" "16 random bytes; the answer proves that the server understood WebSocket";
    Client Required "Sec-WebSocket-Version" "http.sec_websocket_version" "RFC 6455 11.3.5" "the protocol's version; 13 is the standard";
    Client Optional "Origin" "http.origin" "RFC 6455 10.2" "the page that opened it; browsers always say, others need not";
    Client Optional "Sec-WebSocket-Protocol" "http.sec_websocket_protocol" "RFC 6455 11.3.4" "subprotocols the client speaks, the preferred first";
    Client Optional "Sec-WebSocket-Extensions" "http.sec_websocket_extensions" "RFC 6455 11.3.2" "extensions the client offers";
    Client Optional "Cookie" "http.cookie" "RFC 6455 4.1" "cookies go with it as with any request";
    Client Optional "Authorization" "http.authorization" "RFC 6455 4.1" "credentials go with it as with any request";
    Server Required "Upgrade" "http.upgrade" "RFC 6455 4.2.2" "this connection now speaks WebSocket";
    Server Required "Connection" "http.connection" "RFC 6455 4.2.2" "says that Upgrade is meant for the next hop";
    Server Required "Sec-WebSocket-Accept" "http.sec_websocket_accept" "RFC 6455 11.3.3" "what follows from the client's key";
    Server Optional "Sec-WebSocket-Protocol" "http.sec_websocket_protocol" "RFC 6455 11.3.4" "the subprotocol chosen";
    Server Optional "Sec-WebSocket-Extensions" "http.sec_websocket_extensions" "RFC 6455 11.3.2" "the extensions agreed on";
    Server Optional "Sec-WebSocket-Version" "http.sec_websocket_version" "RFC 6455 4.4" "versions the server speaks, in a refusal";
}

/// The table's entry for a header of this side, in any letter case.
#[must_use]
pub fn header(side: Side, name: &[u8]) -> Option<&'static HandshakeHeader> {
    HEADERS
        .iter()
        .find(|header| header.side == side && header.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The lines of a head that mean something in a handshake, explained. The head lies at stream position `at`; the
/// request is needed to check a response's accept key.
#[must_use]
pub fn fields(head: &Head, request: Option<&Head>, at: u64) -> Vec<Field> {
    let side = match head.status() {
        None => Side::Client,
        Some(_) => Side::Server,
    };
    let key = request.and_then(|request| request.value("Sec-WebSocket-Key"));
    head.lines
        .iter()
        .filter_map(|line| line_field(head, line, side, key, at))
        .collect()
}

fn line_field(
    head: &Head,
    line: &HeaderLine,
    side: Side,
    key: Option<&[u8]>,
    at: u64,
) -> Option<Field> {
    let known = header(side, head.slice(&line.name))?;
    let value = head.slice(&line.value);
    let span = Span::new(
        at + u64::from(line.name.start),
        at + u64::from(line.value.end),
    );
    let mut field = Field::new(known.name, escape::text(value))
        .named(known.filter)
        .typed(Value::Bytes(value))
        .at(Layer::Stream, span)
        .section(known.section)
        .with(Field::new("Meaning", known.meaning));
    match (known.name, side) {
        ("Sec-WebSocket-Key", _) => field.children.extend(steps(value)),
        ("Sec-WebSocket-Accept", _) => field
            .children
            .extend(key.into_iter().flat_map(|key| verdict(key, value))),
        ("Sec-WebSocket-Extensions", side) => field
            .children
            .extend(head.list(known.name).map(|one| extension(one, side))),
        _ => {}
    }
    Some(field)
}

fn steps(key: &[u8]) -> Vec<Field> {
    const SECTION: &str = "RFC 6455 4.2.2";
    let steps = accept_steps(key);
    vec![
        Field::new("Key and GUID", steps.joined).section(SECTION),
        Field::new("SHA-1 of that", hex::encode(steps.sha1)).section(SECTION),
        Field::new("In base64: the accept key", steps.accept).section(SECTION),
    ]
}

fn verdict(key: &[u8], accept: &[u8]) -> Vec<Field> {
    let mut fields = steps(key);
    let is_right = fields
        .last()
        .is_some_and(|field| field.value.as_bytes() == accept);
    let verdict = if is_right {
        "it follows from the client's key"
    } else {
        "it does not follow from the client's key"
    };
    fields.push(Field::new("Check", verdict));
    fields
}

fn extension(element: &[u8], side: Side) -> Field {
    let extension = Extension::parse(element);
    let place = match side {
        Side::Client => ParameterPlace::Offer,
        Side::Server => ParameterPlace::Agreement,
    };
    let mut field = Field::new("Extension", extension.name.clone()).section("RFC 6455 9.1");
    for (name, value) in &extension.parameters {
        let shown = value.clone().unwrap_or_default();
        let mut parameter = Field::new(name.clone(), shown);
        if extension.name == "permessage-deflate" {
            parameter.section = "RFC 7692 7.1";
            parameter.children.push(
                match Parameters::default().set(name, value.as_deref(), place) {
                    Ok(()) => Field::new("Meaning", parameter_meaning(name)),
                    Err(wrong) => Field::new("Wrong", wrong),
                },
            );
        }
        field.children.push(parameter);
    }
    field
}

fn parameter_meaning(name: &str) -> &'static str {
    match name {
        "server_no_context_takeover" => "the server compresses each message by itself",
        "client_no_context_takeover" => "the client compresses each message by itself",
        "server_max_window_bits" => "the server refers back at most 2 to this power bytes",
        _ => "the client refers back at most 2 to this power bytes",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::websocket::handshake::tests::{request, response};

    #[test]
    fn the_steps_of_rfc_6455_1_3() {
        let steps = accept_steps(b"dGhlIHNhbXBsZSBub25jZQ==");
        assert_eq!(
            steps.joined,
            "dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        );
        assert_eq!(
            hex::encode(steps.sha1),
            "b37a4f2cc0624f1690f64606cf385945b2bec4ea"
        );
        assert_eq!(steps.accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn headers_are_explained_at_their_place() {
        let request = request(
            "GET / HTTP/1.1",
            "host: a\r\nSEC-WEBSOCKET-KEY: dGhlIHNhbXBsZSBub25jZQ==\r\n",
        );
        let fields = fields(&request, None, 1000);
        assert_eq!(fields[0].name, "http.host");
        assert_eq!(fields[0].span, Some(Span::at(1016, 7)));
        assert_eq!(fields[1].children[3].value, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        let response = response(
            "HTTP/1.1 101 OK",
            "Sec-WebSocket-Accept: nope\r\nX-Other: 1\r\n",
        );
        let fields = super::fields(&response, Some(&request), 0);
        assert_eq!(fields.len(), 1);
        assert_eq!(
            fields[0].children.last().unwrap().value,
            "it does not follow from the client's key"
        );
    }
}
