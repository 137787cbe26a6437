//! JSON-RPC 2.0 (jsonrpc.org/specification), one object or a batch a message, as Ethereum's nodes and the Model Context Protocol
//! have it; and the Language Server Protocol, whose messages may come as the byte stream they are on pipes, each behind a
//! header with its `Content-Length`, cut anywhere.

use std::collections::BTreeMap;

use memchr::memmem;

use crate::base::{PerSide, Side};
use crate::payload::json::{Json, JsonKind};
use crate::payload::summary::Line;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Carry, Claim, Datum, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, summary,
};

const NAME: &str = "json-rpc";
/// Units of one message that are decoded.
const UNITS: usize = 10_000;
/// Bytes of the header lines before a body.
const HEADER: usize = 4096;
/// Subscriptions whose names are remembered.
const SUBSCRIPTIONS: usize = 1000;
/// Bytes of a subscription's id, longer ones are not remembered.
const SUBSCRIPTION_ID: usize = 256;
const CONTENT_LENGTH: &str = "Content-Length:";
const HEADERS: &[&str] = &[CONTENT_LENGTH, "Content-Type:"];

fields! {
    TYPE = "jsonrpc.type", "Type", Text, "What a JSON-RPC object is.",
        words(&["request", "notification", "result", "error"]);
    METHOD = "jsonrpc.method", "Method", Text, "Method a JSON-RPC request or notification calls.";
    ID = "jsonrpc.id", "Id", Text, "Id by which a JSON-RPC response belongs to its request.";
    ERROR_CODE = "jsonrpc.error.code", "Error code", Signed, "Code of a JSON-RPC error.";
    ERROR_MESSAGE = "jsonrpc.error.message", "Error message", Text, "What a JSON-RPC error says.";
    SUBSCRIPTION = "jsonrpc.subscription", "Subscription", Text, "Subscription that a JSON-RPC notification belongs to.";
    PARAMS = "jsonrpc.params", "Parameters", Text, "Parameters of a JSON-RPC request or notification as JSON.", body();
    RESULT = "jsonrpc.result", "Result", Text, "Result of a JSON-RPC request as JSON.", body();
}

rules! {
    INVALID = "jsonrpc-invalid", Error, "JSON-RPC 2.0, 4 and 5",
        "What was sent is no JSON-RPC request, notification or response.";
    ID_UNKNOWN = "jsonrpc-id-unknown", Warning, "JSON-RPC 2.0, 5",
        "A JSON-RPC response has an id that no request waits with.";
    HEADER_INVALID = "jsonrpc-header-invalid", Error, "Language Server Protocol, Header Part",
        "The header before a message has no usable Content-Length.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: NAME,
    title: "JSON-RPC",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["jsonrpc"]),
    start: |_| Box::new(JsonRpc::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.subprotocol() == "mcp" {
        return Claim::certain("subprotocol");
    }
    if evidence.payload.bytes.first() == Some(&b'C') {
        return match Header::parse(evidence.payload.bytes) {
            Header::Whole { at, .. } => claim_behind(evidence.payload.bytes.get(at..)?),
            _ => None,
        };
    }
    if evidence.member("jsonrpc").is_some_and(is_version) {
        return Claim::certain("jsonrpc 2.0");
    }
    let first = evidence.array()?.at(0)?;
    match first.get("jsonrpc").is_some_and(is_version) {
        true => Claim::certain("jsonrpc 2.0"),
        false => None,
    }
}

/// What stands behind a header with a Content-Length: nothing yet, or a part of a JSON-RPC object. The Debug Adapter Protocol
/// has the same headers and other objects.
fn claim_behind(body: &[u8]) -> Option<Claim> {
    let looked_at = body.get(..body.len().min(256))?;
    match memmem::find(looked_at, b"\"jsonrpc\"").is_some() {
        true => Claim::certain("jsonrpc behind a Content-Length"),
        false if body.is_empty() || (body.len() < 32 && body[0] == b'{') => {
            Claim::likely("a Content-Length header")
        }
        false => None,
    }
}

fn is_version(json: Json<'_>) -> bool {
    json.plain() == Some("2.0")
}

#[derive(Clone, Debug, Default)]
struct JsonRpc {
    /// Whether a side sends headers, and what waits for its rest.
    is_framed: PerSide<bool>,
    carry: PerSide<Carry>,
    /// What each subscription gives, by its id as it is written.
    subscriptions: BTreeMap<Box<str>, Box<str>>,
}

impl Decode for JsonRpc {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let from = message.from;
        self.is_framed[from] |= Header::parse(message.bytes) != Header::None;
        if self.is_framed[from] {
            return self.stream(message, out);
        }
        self.whole(message.bytes, from, out)
    }

    fn lost(&mut self, from: Side) {
        self.carry[from].lose();
    }

    fn memory(&self) -> usize {
        let subscriptions = self.subscriptions.iter();
        let subscriptions: usize = subscriptions
            .map(|(id, name)| id.len() + name.len() + 2 * size_of::<Box<str>>())
            .sum();
        self.carry.client.memory() + self.carry.server.memory() + subscriptions
    }
}

impl JsonRpc {
    /// A message that is one object, or a batch.
    fn whole<'a>(&mut self, bytes: &'a [u8], from: Side, out: &mut Out<'_, 'a>) -> Fit {
        let text = std::str::from_utf8(bytes).ok();
        let Some(json) = text.and_then(Json::container) else {
            let units = text.and_then(lines);
            let fits = units.map(|units| units.map(|unit| self.unit(unit, from, out)).max());
            return match fits.flatten() {
                Some(fit) => fit,
                None => invalid(bytes, "no JSON", out),
            };
        };
        if json.kind() == JsonKind::Object {
            return self.unit(json, from, out);
        }
        let mut units = json.elements().peekable();
        if units.peek().is_none() {
            return invalid(bytes, "an empty batch", out);
        }
        let fits = units.take(UNITS).map(|unit| self.unit(unit, from, out));
        fits.max().unwrap_or(Fit::No)
    }

    fn unit<'a>(&mut self, json: Json<'a>, from: Side, out: &mut Out<'_, 'a>) -> Fit {
        let [version, id, method, params, result, error] =
            json.pick(["jsonrpc", "id", "method", "params", "result", "error"]);
        if !version.is_some_and(is_version) {
            // The library rpc-websockets has events of its own beside JSON-RPC.
            let is_own = version.is_none() && json.get("notification").is_some();
            return match is_own {
                true => Fit::No,
                false => invalid(json.bytes(), "no object of version 2.0", out),
            };
        }
        out.unit(DECODER.title);
        let unit = Unit {
            id,
            method,
            params,
            result,
            error,
        };
        match unit.method {
            Some(_) => self.request(&unit, out),
            None => self.response(&unit, from, out),
        }
        Fit::Yes
    }

    fn request<'a>(&self, unit: &Unit<'a>, out: &mut Out<'_, 'a>) {
        let kind = match unit.id {
            Some(_) => "request",
            None => "notification",
        };
        out.field(&TYPE, kind);
        let Some((method, name)) = unit
            .method
            .and_then(|method| Some((method, method.text()?)))
        else {
            unit.id(out);
            out.summary(format!("{kind} without a method"));
            return out.finding(&INVALID, "the method is no string");
        };
        out.json(&METHOD, method);
        unit.id(out);
        let params = unit.params.filter(|_| unit.id.is_none());
        let subscription = params.and_then(|params| params.get("subscription"));
        out.json_of(&SUBSCRIPTION, subscription);
        let is_secret = carries_secrets(&name);
        if let Some(params) = unit.params {
            let item = out.json(&PARAMS, params);
            item.secret |= is_secret;
            if !matches!(params.kind(), JsonKind::Object | JsonKind::Array) {
                out.finding(
                    &INVALID,
                    "the parameters are neither an object nor an array",
                );
            }
        }
        let full = unit.full_name(&name);
        let given = subscription.and_then(|id| self.subscriptions.get(id.raw()));
        let mut line = Line::of(if given.is_some() { &*name } else { &*full });
        if let Some(given) = given {
            line.part(&**given);
        }
        if let Some(params) = unit.params.filter(|_| !is_secret && full == name) {
            let shown = subscription.and_then(|_| params.get("result"));
            line.part(shown.unwrap_or(params).raw());
        }
        out.summary(line.finish());
        if let Some(id) = unit.id {
            out.request(id.raw(), &full);
            if name == "ping" {
                out.heartbeat(Heartbeat::Ping);
            }
        }
    }

    fn response<'a>(&mut self, unit: &Unit<'a>, from: Side, out: &mut Out<'_, 'a>) {
        let is_error = unit
            .error
            .is_some_and(|error| error.kind() != JsonKind::Null);
        out.field(&TYPE, if is_error { "error" } else { "result" });
        unit.id(out);
        out.json_of(&RESULT, unit.result);
        let said = unit
            .error
            .filter(|_| is_error)
            .map(|error| failure(error, out));
        match (unit.result, unit.error, unit.id) {
            (Some(_), Some(_), _) if is_error => {
                out.finding(&INVALID, "a response with a result and an error");
            }
            (None, None, _) => out.finding(&INVALID, "neither a method nor a result nor an error"),
            (_, _, None) => out.finding(&INVALID, "a response without an id"),
            _ => {}
        }
        let is_answer = unit.result.is_some() || is_error;
        let id = unit.id.filter(|_| is_answer);
        // What could not be read is answered with null, too.
        let is_known = id.is_some_and(|id| id.kind() != JsonKind::Null);
        let asked = id.and_then(|id| match is_known {
            true => out.answer(id.raw(), is_error),
            false => out.answer_if_asked(id.raw(), is_error),
        });
        if let (Some(id), None, true) = (id.filter(|_| is_known), &asked, out.is_whole()) {
            let text = format!("no request with the id {} waits", summary::part(id.raw()));
            out.finding(&ID_UNKNOWN, text);
        }
        let method = asked.map(|asked| asked.method).unwrap_or_default();
        if &*method == "ping" {
            out.heartbeat(Heartbeat::Pong);
        }
        self.subscribe(&method, unit.result, from);
        let mut line = Line::of(&*method);
        if !method.is_empty() {
            line.own(" ");
        }
        match (said, unit.result) {
            (Some(said), _) => line.own("error ").own(&said),
            (None, Some(result)) if !carries_secrets(&method) => {
                line.own("result").part(result.raw())
            }
            _ => line.own("result"),
        };
        out.summary(line.finish());
    }

    /// Remembers what a subscription gives, which its notifications do not say.
    fn subscribe(&mut self, method: &str, result: Option<Json<'_>>, from: Side) {
        let is_one = method.contains("ubscribe") && !method.contains("nsubscribe");
        let is_id = |id: &Json<'_>| matches!(id.kind(), JsonKind::String | JsonKind::Number);
        let Some(id) = result.filter(|id| is_one && from == Side::Server && is_id(id)) else {
            return;
        };
        if self.subscriptions.len() < SUBSCRIPTIONS && id.raw().len() < SUBSCRIPTION_ID {
            let name = method.split_once(' ').map_or(method, |(_, name)| name);
            self.subscriptions.insert(id.raw().into(), name.into());
        }
    }

    /// A piece of a stream of headers and bodies.
    fn stream<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let from = message.from;
        let mut bytes = message.bytes;
        if self.carry[from].is_lost() {
            match memmem::find(bytes, CONTENT_LENGTH.as_bytes()) {
                Some(at) => {
                    bytes = &bytes[at..];
                    self.carry[from].found();
                }
                None => return part(bytes, out),
            }
        }
        let mut carry = std::mem::take(&mut self.carry[from]);
        let message = Payload { bytes, ..*message };
        let fit = out.stream(&mut carry, &message, |out, bytes, carry| {
            self.units(bytes, carry, from, out)
        });
        self.carry[from] = carry;
        fit
    }

    fn units<'a>(
        &mut self,
        bytes: &'a [u8],
        carry: &mut Carry,
        from: Side,
        out: &mut Out<'_, 'a>,
    ) -> Fit {
        let mut rest = bytes;
        let mut fit = None;
        while !rest.is_empty() {
            match Header::parse(rest) {
                Header::Whole { at, len } => {
                    let end = usize::try_from(len)
                        .ok()
                        .and_then(|len| at.checked_add(len))
                        .filter(|end| *end <= rest.len());
                    let Some(end) = end else {
                        carry.keep(rest, Some(len.saturating_add(at as u64)));
                        break;
                    };
                    fit = fit.max(Some(self.whole(&rest[at..end], from, out)));
                    rest = &rest[end..];
                }
                Header::Cut => {
                    carry.keep(rest, None);
                    break;
                }
                // Some send objects without a header in between.
                Header::None if rest.first() == Some(&b'{') => {
                    return self.whole(rest, from, out);
                }
                Header::None => {
                    carry.lose();
                    out.unit(DECODER.title).words("no header");
                    out.summary(format!("no header: {}", summary::part(rest)));
                    let text = format!("{} is no header", summary::part(rest));
                    out.finding(&HEADER_INVALID, text);
                    return Fit::Broken;
                }
            }
        }
        fit.unwrap_or_else(|| part(bytes, out))
    }
}

/// Objects a line each, as they are on pipes; `None` where the first is none.
fn lines(text: &str) -> Option<impl Iterator<Item = Json<'_>>> {
    let (first, _) = text.trim_start().split_once('\n')?;
    Json::object(first)?;
    Some(text.lines().filter_map(Json::object).take(UNITS))
}

/// A message that completes nothing.
fn part(bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title).words("a part of a message");
    out.summary(format!("part of a message, {} bytes", bytes.len()));
    Fit::Part
}

fn invalid(bytes: &[u8], what: &str, out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    out.summary(format!("invalid: {what}"));
    let text = format!("{} is {what}", summary::part(bytes));
    out.finding(&INVALID, text);
    Fit::Broken
}

/// Writes an error's parts; what it says in short.
fn failure<'a>(error: Json<'a>, out: &mut Out<'_, 'a>) -> String {
    let [code, message, data] = error.pick(["code", "message", "data"]);
    if let Some(code) = code {
        let span = out.span(code.bytes());
        let datum = match code.raw().parse() {
            Ok(number) => Datum::Signed(number),
            Err(_) => code.datum(),
        };
        out.field(&ERROR_CODE, datum).at(span);
    }
    out.json_of(&ERROR_MESSAGE, message);
    if let Some(data) = data {
        let span = out.span(data.bytes());
        out.line("Data", data.datum()).at(span);
    }
    let code = code
        .map(|code| summary::part(code.raw()))
        .unwrap_or_default();
    let message = message
        .and_then(|message| message.text())
        .unwrap_or_default();
    format!("{code} {}", summary::part(&*message))
}

/// Whether a method's parameters are what someone authenticates with, and its result a token.
fn carries_secrets(method: &str) -> bool {
    let name = method.rsplit(['.', '/', '_']).next().unwrap_or(method);
    ["login", "auth", "authenticate", "authorize", "signin"]
        .iter()
        .any(|word| name.eq_ignore_ascii_case(word))
}

/// An object's parts.
struct Unit<'a> {
    id: Option<Json<'a>>,
    method: Option<Json<'a>>,
    params: Option<Json<'a>>,
    result: Option<Json<'a>>,
    error: Option<Json<'a>>,
}

impl<'a> Unit<'a> {
    /// The id, which is null where an error answers what could not be read.
    fn id(&self, out: &mut Out<'_, 'a>) {
        let Some(id) = self.id else { return };
        match id.kind() {
            JsonKind::Null => drop(out.field(&ID, Datum::None).words("null")),
            _ => drop(out.json(&ID, id)),
        }
    }

    /// The method, and what it subscribes to: `eth_subscribe newHeads`.
    fn full_name(&self, method: &str) -> String {
        let first = self.params.filter(|_| method.ends_with("_subscribe"));
        match first.and_then(|params| params.at(0)?.text()) {
            Some(what) => format!("{method} {what}"),
            None => method.to_owned(),
        }
    }
}

/// The header lines before a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Header {
    /// They end before `at`; the body has this many bytes.
    Whole { at: usize, len: u64 },
    /// They may go on.
    Cut,
    /// It is none.
    None,
}

impl Header {
    fn parse(bytes: &[u8]) -> Header {
        let looked_at = &bytes[..bytes.len().min(HEADER)];
        let is_one = HEADERS.iter().any(|name| {
            let len = name.len().min(bytes.len());
            bytes[..len].eq_ignore_ascii_case(&name.as_bytes()[..len])
        });
        if !is_one {
            return Header::None;
        }
        let Some(end) = memmem::find(looked_at, b"\r\n\r\n") else {
            return match bytes.len() < HEADER {
                true => Header::Cut,
                false => Header::None,
            };
        };
        let lines = looked_at[..end].split(|byte| *byte == b'\n');
        let mut lengths = lines.filter_map(|line| {
            let (name, value) = line.split_at_checked(CONTENT_LENGTH.len())?;
            let value = std::str::from_utf8(value).ok()?;
            let is_it = name.eq_ignore_ascii_case(CONTENT_LENGTH.as_bytes());
            is_it.then(|| value.trim().parse().ok())?
        });
        match lengths.next_back() {
            Some(len) => Header::Whole { at: end + 4, len },
            None => Header::None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, fields_of, findings};

    fn open() -> Talk {
        Talk::opened("/", "", "")
    }

    #[test]
    fn a_request_with_the_id_null_is_answered_with_it() {
        let mut talk = Talk::unknown();
        talk.client(r#"{"jsonrpc":"2.0","id":null,"method":"sum","params":[1]}"#);
        let reply = talk.server(r#"{"jsonrpc":"2.0","id":null,"result":1}"#);
        assert_eq!(reply.unwrap().request(), Some(1));
        let stray =
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"parse error"}}"#;
        assert!(findings(&talk.server(stray).unwrap()).is_empty());
    }

    #[test]
    fn requests_are_answered_and_errors_are_told() {
        let mut talk = open();
        let ask = talk
            .client(r#"{"jsonrpc":"2.0","method":"sum","params":[2,40],"id":1}"#)
            .unwrap();
        assert_eq!(ask.summary, "sum [2,40]");
        assert_eq!(ask.confidence().name(), "certain");
        let answer = talk
            .server(r#"{"jsonrpc":"2.0","result":42,"id":1}"#)
            .unwrap();
        assert_eq!(
            (answer.request(), answer.summary.as_str()),
            (Some(1), "sum result 42")
        );
        talk.client(r#"{"jsonrpc":"2.0","method":"nowhere","id":"x"}"#);
        let error = talk
            .server(r#"{"jsonrpc":"2.0","error":{"code":-32601,"message":"Method not found"},"id":"x"}"#)
            .unwrap();
        assert_eq!(field(&error, "jsonrpc.error.code"), ["-32601"]);
        assert_eq!(field(&error, "call.error"), ["true"]);
        assert_eq!(error.summary, "nowhere error -32601 Method not found");
        let note = talk.server(r#"{"jsonrpc":"2.0","method":"tick"}"#).unwrap();
        assert_eq!(
            fields_of(&note),
            [
                ("jsonrpc.type", "notification".to_owned()),
                ("jsonrpc.method", "tick".to_owned())
            ]
        );
        assert!(note.calls.is_empty());
    }

    #[test]
    fn the_objects_of_a_batch_are_units() {
        let mut talk = open();
        let batch = r#"[{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b"},{"jsonrpc":"2.0","method":"c","id":2}]"#;
        let asked = talk.client(batch).unwrap();
        assert_eq!(field(&asked, "jsonrpc.method"), ["a", "b", "c"]);
        assert_eq!(asked.calls.len(), 2);
        let answers =
            r#"[{"jsonrpc":"2.0","result":0,"id":2},{"jsonrpc":"2.0","result":1,"id":1}]"#;
        let answered = talk.server(answers).unwrap();
        assert_eq!(field(&answered, "call.method"), ["c", "a"]);
        assert_eq!(answered.summary, "c result 0; a result 1");
    }

    #[test]
    fn objects_may_be_lines() {
        let mut talk = open();
        let two =
            "{\"jsonrpc\":\"2.0\",\"method\":\"a\"}\n{\"jsonrpc\":\"2.0\",\"method\":\"b\"}\n";
        talk.client(r#"{"jsonrpc":"2.0","method":"first"}"#);
        assert_eq!(
            field(&talk.client(two).unwrap(), "jsonrpc.method"),
            ["a", "b"]
        );
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = open();
        talk.client(r#"{"jsonrpc":"2.0","method":"a","id":1}"#);
        for broken in [
            r#"{"jsonrpc":"2.0","method":"sum""#,
            "[]",
            r#"{"jsonrpc":"2.0","method":1,"id":5}"#,
            r#"{"jsonrpc":"1.0","method":"sum","id":6}"#,
            r#"{"jsonrpc":"2.0","id":7}"#,
            r#"{"jsonrpc":"2.0","method":"m","params":7,"id":8}"#,
        ] {
            let decoded = talk.client(broken).unwrap();
            assert_eq!(findings(&decoded), ["jsonrpc-invalid"], "{broken}");
        }
        let stray = talk
            .server(r#"{"jsonrpc":"2.0","result":1,"id":99}"#)
            .unwrap();
        assert_eq!(findings(&stray), ["jsonrpc-id-unknown"]);
        talk.lose(Side::Client);
        let stray = talk
            .server(r#"{"jsonrpc":"2.0","result":1,"id":99}"#)
            .unwrap();
        assert_eq!(findings(&stray), [""; 0]);
        let unread =
            r#"{"jsonrpc":"2.0","error":{"code":-32700,"message":"Parse error"},"id":null}"#;
        let unread = talk.server(unread).unwrap();
        assert_eq!(
            (findings(&unread).len(), unread.summary.as_str()),
            (0, "error -32700 Parse error")
        );
    }

    #[test]
    fn notifications_of_a_subscription_say_of_which() {
        let mut talk = open();
        talk.client(r#"{"method":"eth_subscribe","params":["newHeads"],"id":3,"jsonrpc":"2.0"}"#);
        let made = talk
            .server(r#"{"id":3,"jsonrpc":"2.0","result":"0x1"}"#)
            .unwrap();
        assert_eq!(field(&made, "call.method"), ["eth_subscribe newHeads"]);
        let event = r#"{"jsonrpc":"2.0","method":"eth_subscription","params":{"result":{"n":1},"subscription":"0x1"}}"#;
        let event = talk.server(event).unwrap();
        assert_eq!(field(&event, "jsonrpc.subscription"), ["0x1"]);
        assert_eq!(event.summary, r#"eth_subscription newHeads {"n":1}"#);
    }

    #[test]
    fn a_login_is_a_secret() {
        let mut talk = open();
        let ask = r#"{"jsonrpc":"2.0","method":"rpc.login","params":{"token":"s3cret"},"id":6}"#;
        let asked = talk.client(ask).unwrap();
        assert!(asked.items.iter().any(|item| item.secret) && asked.summary == "rpc.login");
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn headers_and_bodies_may_be_cut_anywhere() {
        let one = framed(r#"{"jsonrpc":"2.0","id":0,"method":"initialize","params":{"ü":1}}"#);
        let two = framed(r#"{"jsonrpc":"2.0","method":"initialized"}"#);
        let stream = format!("{one}{two}{one}").into_bytes();
        let mut talk = open();
        let whole = talk.client_bytes(&stream).unwrap();
        let methods = ["initialize", "initialized", "initialize"];
        assert_eq!(field(&whole, "jsonrpc.method"), methods);
        for len in [7, 21, 22, 23, 50, 100] {
            let mut talk = Talk::forced(NAME);
            let mut found = Vec::new();
            for piece in stream.chunks(len) {
                let decoded = talk.client_bytes(piece).unwrap();
                assert_eq!(findings(&decoded), [""; 0], "{len}");
                found.extend(field(&decoded, "jsonrpc.method"));
            }
            assert_eq!(found, methods, "{len}");
        }
    }

    #[test]
    fn after_a_loss_the_next_header_is_looked_for() {
        let one = framed(r#"{"jsonrpc":"2.0","method":"a"}"#);
        let mut talk = open();
        talk.client(&one[..30]);
        talk.lose(Side::Client);
        let rest = format!("\"jsonrpc\"}}{one}");
        let decoded = talk.client(&rest).unwrap();
        assert_eq!(field(&decoded, "jsonrpc.method"), ["a"]);
        assert_eq!(findings(&decoded), [""; 0]);
    }

    #[test]
    fn hostile_headers_cost_little() {
        let mut talk = open();
        assert!(
            talk.client("Content-Length: 18446744073709551615\r\n\r\n")
                .is_some()
        );
        for _ in 0..10 {
            assert!(talk.client(r#"{"jsonrpc":"2.0"}"#).is_some());
        }
        let mut talk = Talk::forced(NAME);
        talk.client("Content-Length: 1");
        let long = "0".repeat(5000);
        assert_eq!(
            findings(&talk.client(&long).unwrap()),
            ["jsonrpc-header-invalid"]
        );
    }

    #[test]
    fn other_json_stays_json() {
        for text in [
            r#"{"id":1,"method":"sum","params":[]}"#,
            r#"{"jsonrpc":2,"method":"sum"}"#,
            r#"[{"id":1}]"#,
            "Content-Length: 5\r\n\r\n{\"seq\":1}",
            "Content-Length is a header",
        ] {
            let decoded = Talk::unknown().client(text);
            assert_ne!(decoded.map(|it| it.protocol()), Some(NAME), "{text}");
        }
        // The Debug Adapter Protocol begins alike.
        let mut talk = Talk::unknown();
        assert!(talk.client("Content-Length: 18\r\n\r\n").is_some());
        let dap = talk.client(r#"{"type":"request"}"#);
        assert_eq!(dap.map(|it| it.protocol()), Some("json"));
        assert!(talk.client("Content-Length: 18\r\n\r\n").is_none());
    }
}
