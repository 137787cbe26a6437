//! Centrifugo's client protocol, version 2 (centrifugal.dev/docs/transports/client_protocol): commands and replies with an id,
//! pushes without; several in one message, a line each in JSON, or each behind its length in protobuf.

use std::borrow::Cow;

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::protobuf::wire::{self as wire_format, Wire};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Out, Payload, summary,
};

const NAME: &str = "centrifugo";
/// Commands, their replies and the numbers of both in protobuf.
const COMMANDS: &[(&str, u64, u64)] = &[
    ("connect", 4, 5),
    ("subscribe", 5, 6),
    ("unsubscribe", 6, 7),
    ("publish", 7, 8),
    ("presence", 8, 9),
    ("presence_stats", 9, 10),
    ("history", 10, 11),
    ("ping", 11, 12),
    ("send", 12, 0),
    ("rpc", 13, 13),
    ("refresh", 14, 14),
    ("sub_refresh", 15, 15),
];
/// Kinds of pushes and their numbers in protobuf.
const PUSHES: &[(&str, u64)] = &[
    ("pub", 4),
    ("join", 5),
    ("leave", 6),
    ("unsubscribe", 7),
    ("message", 8),
    ("subscribe", 9),
    ("connect", 10),
    ("disconnect", 11),
    ("refresh", 12),
];
/// Units of one message that are decoded.
const UNITS: usize = 10_000;

fields! {
    TYPE = "centrifugo.type", "Type", Text, "What a Centrifugo command, reply or push is.",
        words(&["connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "pong",
            "send", "rpc", "refresh", "sub_refresh", "push", "error"]);
    PUSH = "centrifugo.push", "Push", Text, "Kind of a Centrifugo push.",
        words(&["pub", "join", "leave", "unsubscribe", "message", "subscribe", "connect", "disconnect", "refresh"]);
    ID = "centrifugo.id", "Id", Unsigned, "Id by which a Centrifugo reply belongs to its command.";
    CHANNEL = "centrifugo.channel", "Channel", Text, "Channel of a Centrifugo command or push.";
    METHOD = "centrifugo.method", "Method", Text, "Method a Centrifugo client calls.";
    ERROR_CODE = "centrifugo.error.code", "Error code", Unsigned, "Code of a Centrifugo error.";
    ERROR_MESSAGE = "centrifugo.error.message", "Error message", Text, "What a Centrifugo error says.";
    TOKEN = "centrifugo.token", "Token", Text, "Token a Centrifugo client authenticates with.", secret();
    BODY = "centrifugo.body", "Body", Text, "What a Centrifugo command, reply or push has, as JSON.";
    DATA = "centrifugo.data", "Data", Bytes, "The application's data in a Centrifugo command, reply or push in protobuf.";
}

rules! {
    INVALID = "centrifugo-message-invalid", Error, "Centrifugo client protocol, Command and Reply",
        "Bytes are no command, reply or push.";
    ID_UNKNOWN = "centrifugo-id-unknown", Warning, "Centrifugo client protocol, Reply",
        "A reply has an id that no command waits with.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: NAME,
    title: "Centrifugo",
    fields: FIELDS,
    rules: RULES,
    claim,
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
        let is_unit = is_path && unit_in_protobuf(bytes, from).is_some();
        return match is_unit {
            true => Claim::certain("the path, and a command in protobuf"),
            false => None,
        };
    }
    // Several lines are no JSON text, so the first one is looked at.
    let line = bytes.split(|byte| *byte == b'\n').next()?;
    let first = line.trim_ascii_start().first() == Some(&b'{');
    if !first {
        return None;
    }
    let unit = Unit::of(Json::object(std::str::from_utf8(line).ok()?)?, from)?;
    let is_command = unit.id.is_some_and(|id| id.unsigned().is_some())
        && unit
            .body
            .is_some_and(|body| body.kind() == JsonKind::Object);
    let says_more = match (unit.kind, from) {
        ("connect", Side::Server) => {
            unit.member("client").is_some() && unit.member("version").is_some()
        }
        ("push", Side::Server) => unit.push.is_some(),
        ("connect", Side::Client) => true,
        ("subscribe" | "publish", Side::Client) => unit.member("channel").is_some(),
        ("rpc", Side::Client) => unit.member("data").is_some() || unit.member("method").is_some(),
        _ => false,
    };
    match (says_more && (is_command || unit.kind == "push"), is_path) {
        (true, true) => Claim::certain("the path, and the form of its commands"),
        (true, false) => Claim::likely("the form of its commands"),
        (false, _) => None,
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
            Kind::Text => in_json(message, out),
            Kind::Binary => in_protobuf(message, out),
        };
        fit.unwrap_or_else(|| invalid(message.bytes, out))
    }
}

fn invalid(bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    out.summary("invalid message");
    let text = format!("{} is no command, reply or push", summary::part(bytes));
    out.finding(&INVALID, text);
    Fit::Broken
}

fn in_json<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Option<Fit> {
    let lines = message
        .text()?
        .split('\n')
        .filter(|line| !line.trim().is_empty());
    let fits = lines.take(UNITS).map(|line| {
        let json = Json::object(line);
        if json.is_some_and(|json| json.members().next().is_none()) {
            return ping(message.from, line.as_bytes(), out);
        }
        match json.and_then(|json| Unit::of(json, message.from)) {
            Some(unit) => unit.write(message.from, out),
            None => invalid(line.as_bytes(), out),
        }
    });
    fits.max()
}

/// An empty object, or no bytes: the server asks, the client answers.
fn ping(from: Side, bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    let (kind, heartbeat) = match from {
        Side::Client => ("pong", Heartbeat::Pong),
        Side::Server => ("ping", Heartbeat::Ping),
    };
    out.unit(DECODER.title);
    let span = out.span(bytes);
    out.field(&TYPE, kind).at(span);
    out.summary(kind);
    out.heartbeat(heartbeat);
    Fit::Yes
}

/// A command, reply or push in JSON.
#[derive(Clone, Copy, Debug)]
struct Unit<'a> {
    kind: &'static str,
    push: Option<&'static str>,
    id: Option<Json<'a>>,
    body: Option<Json<'a>>,
    /// The push around the body.
    around: Option<Json<'a>>,
    error: Option<Json<'a>>,
}

impl<'a> Unit<'a> {
    fn of(json: Json<'a>, from: Side) -> Option<Unit<'a>> {
        let mut unit = Unit {
            kind: "",
            push: None,
            id: None,
            body: None,
            around: None,
            error: None,
        };
        for (key, value) in json.members().take(16) {
            match &*key {
                "id" => unit.id = Some(value),
                "error" if from == Side::Server => {
                    unit.kind = "error";
                    unit.error = Some(value);
                }
                "push" if from == Side::Server => {
                    unit.kind = "push";
                    unit.around = Some(value);
                }
                key => {
                    let (kind, ..) = COMMANDS.iter().find(|(name, ..)| *name == key)?;
                    unit.kind = kind;
                    unit.body = Some(value);
                }
            }
        }
        for (key, value) in unit.around.iter().flat_map(|push| push.members()).take(16) {
            if let Some((kind, _)) = PUSHES.iter().find(|(name, _)| *name == key) {
                unit.push = Some(kind);
                unit.body = Some(value);
            }
        }
        (!unit.kind.is_empty()).then_some(unit)
    }

    fn member(&self, key: &str) -> Option<Json<'a>> {
        self.body?.get(key)
    }

    fn write(&self, from: Side, out: &mut Out<'_, 'a>) -> Fit {
        out.unit(DECODER.title);
        out.field(&TYPE, self.kind);
        if let Some(push) = self.push {
            out.field(&PUSH, push);
        }
        out.json_of(&ID, self.id);
        let channel = match self.around {
            Some(push) => push.get("channel"),
            None => self.member("channel").filter(|_| from == Side::Client),
        };
        out.json_of(&CHANNEL, channel);
        let method = self.member("method").filter(|_| self.kind == "rpc");
        out.json_of(&METHOD, method);
        let token = self.member("token");
        out.json_of(&TOKEN, token);
        let [code, message] = self
            .error
            .map_or([None; 2], |error| error.pick(["code", "message"]));
        out.json_of(&ERROR_CODE, code);
        out.json_of(&ERROR_MESSAGE, message);
        let text = |json: Option<Json<'a>>| json.and_then(|json| json.text()).unwrap_or_default();
        let said = Said {
            kind: self.kind,
            push: self.push,
            id: self.id.and_then(|id| id.unsigned()).unwrap_or_default(),
            channel: text(channel),
            method: text(method),
            error: self
                .error
                .map(|_| (code.and_then(|code| code.unsigned()), text(message))),
            shown: match (self.member("data"), self.body) {
                (Some(data), _) => summary::part(data.raw()),
                (None, Some(body)) if self.kind == "push" => summary::part(body.raw()),
                _ => String::new(),
            },
        };
        said.write(from, out);
        if let Some(body) = self.body {
            out.json(&BODY, body).secret |= token.is_some();
        }
        Fit::Yes
    }
}

fn in_protobuf<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Option<Fit> {
    let mut rest = message.bytes;
    let mut fit = None;
    for _ in 0..UNITS {
        if rest.is_empty() {
            break;
        }
        let found = wire_format::varint(rest)
            .and_then(|(len, behind)| behind.split_at_checked(usize::try_from(len).ok()?));
        let Some((unit, behind)) = found else {
            fit = fit.max(Some(invalid(rest, out)));
            break;
        };
        rest = behind;
        let this = match (unit.is_empty(), Packed::of(unit, message.from)) {
            (true, _) => ping(message.from, unit, out),
            (false, Some(packed)) => packed.write(message.from, out),
            (false, None) => invalid(unit, out),
        };
        fit = fit.max(Some(this));
    }
    fit
}

/// The first unit of a message in protobuf.
fn unit_in_protobuf(bytes: &[u8], from: Side) -> Option<Packed<'_>> {
    let (len, behind) = wire_format::varint(bytes)?;
    let (unit, _) = behind.split_at_checked(usize::try_from(len).ok()?)?;
    Packed::of(unit, from)
}

/// A command, reply or push in protobuf.
#[derive(Clone, Copy, Debug)]
struct Packed<'a> {
    kind: &'static str,
    push: Option<&'static str>,
    id: u64,
    body: &'a [u8],
    around: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
}

impl<'a> Packed<'a> {
    fn of(bytes: &'a [u8], from: Side) -> Option<Packed<'a>> {
        let mut unit = Packed {
            kind: "",
            push: None,
            id: 0,
            body: &[],
            around: None,
            error: None,
        };
        for field in wire_format::fields(bytes) {
            match (field?, from) {
                ((1, Wire::Varint(id)), _) => unit.id = id,
                ((2, Wire::Bytes(error)), Side::Server) => {
                    unit.kind = "error";
                    unit.error = Some(error);
                }
                ((4, Wire::Bytes(push)), Side::Server) => {
                    unit.kind = "push";
                    unit.around = Some(push);
                }
                ((number, Wire::Bytes(body)), _) => {
                    let is_it = |(_, command, reply): &&(&str, u64, u64)| match from {
                        Side::Client => *command == number,
                        Side::Server => *reply == number,
                    };
                    let (kind, ..) = COMMANDS.iter().find(is_it)?;
                    unit.kind = kind;
                    unit.body = body;
                }
                _ => return None,
            }
        }
        for field in unit
            .around
            .iter()
            .flat_map(|push| wire_format::fields(push))
        {
            let (number, value) = field?;
            if let (Some((kind, _)), Wire::Bytes(body)) =
                (PUSHES.iter().find(|(_, at)| *at == number), value)
            {
                unit.push = Some(kind);
                unit.body = body;
            }
        }
        (!unit.kind.is_empty()).then_some(unit)
    }

    /// The application's data: in a publication, a message, a call or its result.
    fn data(&self, from: Side) -> Option<&'a [u8]> {
        let number = match (self.kind, self.push, from) {
            ("push", Some("pub"), _) => 4,
            ("push", Some("message"), _) => 1,
            ("push", Some("connect"), _) | ("connect", _, Side::Client) => {
                2 + u64::from(self.push.is_some())
            }
            ("connect", ..) => 5,
            ("rpc" | "send", ..) => 1,
            ("publish", _, Side::Client) => 2,
            _ => return None,
        };
        wire_format::get(self.body, number)?.bytes()
    }

    fn write(&self, from: Side, out: &mut Out<'_, 'a>) -> Fit {
        out.unit(DECODER.title);
        out.field(&TYPE, self.kind);
        if let Some(push) = self.push {
            out.field(&PUSH, push);
        }
        if self.id > 0 {
            out.field(&ID, self.id);
        }
        let text = |bytes: &'a [u8], number| wire_format::get(bytes, number)?.bytes();
        let channel = match (self.around, self.kind, from) {
            (Some(push), ..) => text(push, 2),
            (None, "connect" | "send" | "rpc" | "ping" | "refresh", _)
            | (None, _, Side::Server) => None,
            (None, _, Side::Client) => text(self.body, 1),
        };
        let method = text(self.body, 2).filter(|_| self.kind == "rpc" && from == Side::Client);
        let token = match (self.kind, from) {
            ("connect" | "refresh", Side::Client) => text(self.body, 1),
            ("subscribe" | "sub_refresh", Side::Client) => text(self.body, 2),
            _ => None,
        };
        let token = token.filter(|token| !token.is_empty());
        let message = self.error.and_then(|error| text(error, 2));
        for (info, bytes) in [
            (&CHANNEL, channel),
            (&METHOD, method),
            (&TOKEN, token),
            (&ERROR_MESSAGE, message),
        ] {
            if let Some(bytes) = bytes {
                out.field_at(info, String::from_utf8_lossy(bytes).into_owned(), bytes);
            }
        }
        let code = self
            .error
            .and_then(|error| wire_format::get(error, 1)?.number());
        if let Some(code) = code {
            out.field(&ERROR_CODE, code);
        }
        let lossy = |bytes: Option<&'a [u8]>| String::from_utf8_lossy(bytes.unwrap_or_default());
        let data = self.data(from);
        let said = Said {
            kind: self.kind,
            push: self.push,
            id: self.id,
            channel: lossy(channel),
            method: lossy(method),
            error: self.error.map(|_| (code, lossy(message))),
            shown: data.map(summary::part).unwrap_or_default(),
        };
        said.write(from, out);
        if let Some(data) = data {
            let json = std::str::from_utf8(data)
                .ok()
                .filter(|text| Json::container(text).is_some());
            match json {
                Some(text) => drop(out.line("Data", Datum::Json(text.into()))),
                None => drop(out.field_at(&DATA, data, data)),
            }
        }
        Fit::Yes
    }
}

/// What a unit says, in either form.
struct Said<'a> {
    kind: &'static str,
    push: Option<&'static str>,
    id: u64,
    channel: Cow<'a, str>,
    method: Cow<'a, str>,
    /// Code and text of an error.
    error: Option<(Option<u64>, Cow<'a, str>)>,
    /// The data for the summary.
    shown: String,
}

impl Said<'_> {
    fn write(&self, from: Side, out: &mut Out<'_, '_>) {
        let mut line = self.kind.to_owned();
        if let Some(push) = self.push {
            line += &format!(" {push}");
        }
        for part in [&self.channel, &self.method] {
            if !part.is_empty() {
                line += &format!(" {}", summary::part(&**part));
            }
        }
        match from {
            Side::Client if self.id > 0 => drop(out.request(self.id.to_be_bytes(), &line)),
            Side::Server if self.id > 0 && self.kind != "push" => {
                let asked = out.answer(self.id.to_be_bytes(), self.error.is_some());
                match asked {
                    Some(asked) if self.kind == "error" => {
                        line = format!("{} error", summary::part(&*asked.method));
                    }
                    Some(asked) => line = format!("{} reply", summary::part(&*asked.method)),
                    None if out.is_whole() => {
                        let text = format!("no command with the id {} waits", self.id);
                        out.finding(&ID_UNKNOWN, text);
                    }
                    None => {}
                }
            }
            _ => {}
        }
        if let Some((code, message)) = &self.error {
            let code = code.map(|code| format!(" {code}")).unwrap_or_default();
            line += &format!("{code} {}", summary::part(&**message));
        }
        if !self.shown.is_empty() {
            line += &format!(" {}", self.shown);
        }
        out.summary(line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
