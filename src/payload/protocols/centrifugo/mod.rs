//! Centrifugo's client protocol, version 2 and what is left of version 1 (centrifugal.dev/docs/transports/client_protocol): commands and replies with an id,
//! pushes without; several in one message, a line each in JSON, or each behind its length in protobuf.

mod json;
mod packed;
mod said;
mod table;

use json::Unit;
use packed::Packed;
use said::invalid;
use table::{FIELDS, RULES, TITLE};

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Out, Payload};

const NAME: &str = "centrifugo";
/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: NAME,
    title: TITLE,
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["id", "push"]),
    start: |_| Box::new(Centrifugo),
    close_code,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if matches!(
        evidence.subprotocol(),
        "centrifuge-protobuf" | "centrifuge-json"
    ) {
        return Claim::certain("subprotocol");
    }
    let is_path = evidence.opening.path.ends_with("/connection/websocket");
    let Payload { bytes, from, .. } = *evidence.payload;
    if evidence.payload.kind == Kind::Binary {
        let is_unit = is_path && Packed::first(bytes, from).is_some();
        return is_unit.then(|| Claim::certain("the path, and a command in protobuf"))?;
    }
    // Several lines are no JSON text, so the first one is looked at.
    let json = match memchr::memchr(b'\n', bytes.trim_ascii_end()) {
        Some(end) => Json::object(std::str::from_utf8(bytes.get(..end)?).ok()?)?,
        None => evidence.json()?,
    };
    let unit = Unit::of(json, from)?;
    // Anything may have an id and parameters, or a result; other protocols subscribe by such a name.
    let is_numbered = json.get("method").is_some_and(|it| it.unsigned().is_some());
    if unit.is_old && (from == Side::Server || !(is_numbered || is_path)) {
        return None;
    }
    match (is_command(&unit, from), is_path) {
        (true, true) => Claim::certain("the path, and the form of its commands"),
        (true, false) => Claim::likely("the form of its commands"),
        (false, _) => None,
    }
}

/// Whether a unit has what its kind has, beside its id.
fn is_command(unit: &Unit<'_>, from: Side) -> bool {
    let is_numbered = unit.id.is_some_and(|id| id.unsigned().is_some())
        && unit
            .body
            .is_some_and(|body| body.kind() == JsonKind::Object);
    let has = |key| unit.member(key).is_some();
    match (unit.kind, from) {
        ("push", Side::Server) => unit.push.is_some(),
        ("connect", Side::Server) => is_numbered && has("client") && has("version"),
        ("connect", Side::Client) => is_numbered,
        ("subscribe" | "publish", Side::Client) => is_numbered && has("channel"),
        ("rpc", Side::Client) => is_numbered && (has("data") || has("method")),
        _ => false,
    }
}

fn close_code(code: u16) -> Option<&'static str> {
    Some(match code {
        3000 => "connection closed",
        3001 => "shutdown",
        3003 => "force disconnect",
        3004 => "internal server error",
        3005 => "connection expired",
        3006 => "subscription expired",
        3008 => "slow",
        3009 => "write error",
        3010 => "insufficient state",
        3011 => "force reconnect",
        3012 => "no pong",
        3013 => "too many requests",
        3500 => "invalid token",
        3501 => "bad request",
        3502 => "stale",
        3503 => "force disconnect",
        3504 => "connection limit",
        3505 => "channel limit",
        3506 => "inappropriate protocol",
        3507 => "permission denied",
        3508 => "not available",
        3509 => "too many errors",
        code => return range(code),
    })
}

/// What a client does after any code of its range.
fn range(code: u16) -> Option<&'static str> {
    match code {
        3000..=3499 | 4000..=4499 => Some("reconnect"),
        3500..=3999 | 4500..=4999 => Some("do not reconnect"),
        _ => None,
    }
}

#[derive(Clone, Debug)]
struct Centrifugo;

impl Decode for Centrifugo {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let fit = match message.kind {
            Kind::Text => json::message(message, out),
            Kind::Binary => packed::message(message, out),
        };
        fit.unwrap_or_else(|| invalid(message.bytes, out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::Heartbeat;
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/connection/websocket", "", "")
    }

    #[test]
    fn commands_replies_and_pushes_of_a_message_are_units() {
        let mut talk = talk();
        let connect = talk
            .client(r#"{"connect":{"token":"s3cret","name":"lab"},"id":1}"#)
            .unwrap();
        assert_eq!(
            (connect.summary.as_str(), connect.confidence().name()),
            ("connect", "certain")
        );
        assert!(connect.items.iter().filter(|item| item.secret).count() == 2);
        let hello = "{\"id\": 1, \"connect\": {\"client\": \"C1\", \"version\": \"0\"}}\n{\"push\": {\"channel\": \"news\", \"pub\": {\"data\": {\"n\": 1}}}}\n";
        let told = talk.server(hello).unwrap();
        assert_eq!(field(&told, "centrifugo.type"), ["connect", "push"]);
        assert_eq!(field(&told, "centrifugo.push"), ["pub"]);
        assert_eq!(
            (told.request(), told.summary.as_str()),
            (Some(1), r#"connect reply; push pub news {"n": 1}"#)
        );
        talk.client(r#"{"id":2,"subscribe":{"channel":"secret"}}"#);
        let error = talk
            .server(r#"{"id":2,"error":{"code":103,"message":"permission denied"}}"#)
            .unwrap();
        assert_eq!(
            error.summary,
            "subscribe secret error 103 permission denied"
        );
        assert_eq!(
            (
                field(&error, "centrifugo.type"),
                field(&error, "call.error")
            ),
            (vec!["error".to_owned()], vec!["true".to_owned()])
        );
        assert_eq!(talk.server("{}").unwrap().heartbeat, Some(Heartbeat::Ping));
        let pong = talk.client("{}").unwrap();
        assert_eq!(
            (pong.heartbeat, field(&pong, "centrifugo.type")),
            (Some(Heartbeat::Pong), vec!["pong".to_owned()])
        );
        assert_eq!(talk.close(3500).unwrap().summary, "3500 invalid token");
    }

    #[test]
    fn protobuf_says_the_same() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let mut talk = Talk::opened("/connection/websocket", "", "centrifuge-protobuf");
        let connect = bytes("16080122120a0b736573616d652d3437313122036c6162");
        let asked = talk.client_bytes(&connect).unwrap();
        assert_eq!(
            (
                field(&asked, "centrifugo.id"),
                field(&asked, "centrifugo.token")
            ),
            (vec!["1".to_owned()], vec!["sesame-4711".to_owned()])
        );
        let publish =
            bytes("2608043a220a046e657773121a7b2274657874223a224772c3bcc39f652c20e4b896e7958c227d");
        let said = talk.client_bytes(&publish).unwrap();
        assert_eq!(said.summary, r#"publish news {"text":"Grüße, 世界"}"#);
        let two = bytes("0408044200130803120f08671209706572206d697373");
        let told = talk.server_bytes(&two).unwrap();
        assert_eq!(field(&told, "centrifugo.type"), ["publish"]);
        assert_eq!(told.request(), Some(2));
        assert_eq!(
            talk.server_bytes(&[0]).unwrap().heartbeat,
            Some(Heartbeat::Ping)
        );
        let broken = talk.client_bytes(&[0xff, 0xff, 0xff]).unwrap();
        assert_eq!(findings(&broken), ["centrifugo-message-invalid"]);
    }

    #[test]
    fn version_1_says_the_same_with_methods_and_results() {
        let mut talk = talk();
        let connect = talk
            .client(r#"{"params":{"token":"s3cret","name":"js"},"id":1}"#)
            .unwrap();
        assert_eq!(
            (connect.protocol(), field(&connect, "centrifugo.type")),
            (NAME, vec!["connect".to_owned()])
        );
        assert!(connect.items.iter().filter(|item| item.secret).count() == 2);
        let reply = talk.server(r#"{"id":1,"result":{"client":"c1"}}"#).unwrap();
        assert_eq!(
            (reply.request(), field(&reply, "centrifugo.type")),
            (Some(1), vec!["connect".to_owned()])
        );
        talk.client(
            "{\"method\":1,\"params\":{\"channel\":\"news\"},\"id\":2}\n{\"method\":7,\"id\":3}",
        );
        let replies = talk.server("{\"id\":2,\"result\":{}}\n{\"id\":3}").unwrap();
        assert_eq!(field(&replies, "centrifugo.type"), ["subscribe", "ping"]);
        let push = r#"{"result":{"channel":"news","data":{"data":{"x":1}}}}"#;
        let push = talk.server(push).unwrap();
        assert_eq!(push.summary, r#"push pub news {"x":1}"#);
        let left = talk
            .server(r#"{"result":{"type":2,"channel":"news","data":{}}}"#)
            .unwrap();
        assert_eq!(field(&left, "centrifugo.push"), ["leave"]);
        let error = r#"{"id":9,"error":{"code":104,"message":"method not found"}}"#;
        let error = talk.server(error).unwrap();
        assert_eq!(findings(&error), ["centrifugo-id-unknown"]);
        assert_eq!(field(&error, "centrifugo.type"), ["error"]);
        let other = r#"{"params":{"token":"x"},"id":1}"#;
        assert_eq!(Talk::unknown().client(other).unwrap().protocol(), "json");
        let other = r#"{"method":1,"params":{"channel":"x"},"id":1,"guid":"x"}"#;
        assert_eq!(Talk::unknown().client(other).unwrap().protocol(), "json");
        let other = r#"{"result":{"channel":"news","data":{}}}"#;
        let mut talk = Talk::unknown();
        talk.server("{}");
        assert_eq!(talk.server(other).unwrap().protocol(), "json");
        let subscribe = r#"{"method":1,"params":{"channel":"news"},"id":2}"#;
        assert_eq!(talk.client(subscribe).unwrap().protocol(), NAME);
        let other = r#"{"method":"subscribe","params":{"channel":"x"},"id":1}"#;
        assert_eq!(Talk::unknown().client(other).unwrap().protocol(), "json");
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = talk();
        talk.client(r#"{"connect":{},"id":1}"#);
        for broken in ["x", "[]", r#"{"id":2}"#, r#"{"dance":{},"id":3}"#] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["centrifugo-message-invalid"],
                "{broken}"
            );
        }
        let stray = talk.server(r#"{"id":9,"rpc":{}}"#).unwrap();
        assert_eq!(findings(&stray), ["centrifugo-id-unknown"]);
    }

    #[test]
    fn it_is_recognised_by_its_form_and_others_are_not() {
        let push = r#"{"push":{"channel":"news","pub":{"data":{}}}}"#;
        assert_eq!(
            Talk::unknown().server(push).unwrap().confidence().name(),
            "likely"
        );
        for text in [
            "{}",
            r#"{"id":1,"publish":{}}"#,
            r#"{"push":{"title":"x"}}"#,
            r#"{"id":1,"connect":{},"user":"ada"}"#,
            r#"{"id":"x","connect":{}}"#,
        ] {
            assert_eq!(
                Talk::unknown().client(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
        assert!(Talk::unknown().client_bytes(&[4, 8, 4, 0x42, 0]).is_none());
    }

    #[test]
    fn hostile_messages_end() {
        let many = "{}\n".repeat(1_000_000);
        assert!(talk().client(r#"{"connect":{},"id":1}"#).is_some());
        let mut forced = Talk::forced(NAME);
        assert!(forced.server(&many).is_some());
        assert!(forced.server_bytes(&vec![0; 1_000_000]).is_some());
    }
}
