//! GraphQL over WebSocket, both protocols: `graphql-transport-ws` (github.com/enisdenjo/graphql-ws, PROTOCOL.md) and the one of
//! subscriptions-transport-ws, whose token is `graphql-ws`.
//!
//! The library *graphql-ws* speaks the first, so peers often agree on one token and speak the other: what is spoken decides.

mod operation;

use operation::Operation;

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::summary::Line;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Opening, Out, Payload, summary,
};

const TRANSPORT_WS: &str = "graphql-transport-ws";
const WS: &str = "graphql-ws";
const TYPES: &[&str] = &[
    "connection_init",
    "connection_ack",
    "connection_error",
    "connection_terminate",
    "subscribe",
    "start",
    "start_ack",
    "next",
    "data",
    "error",
    "complete",
    "stop",
    "ping",
    "pong",
    "ka",
];
/// Errors of one message whose text is given.
const ERRORS: usize = 16;

fields! {
    TYPE = "graphql.type", "Type", Text, "Type of a GraphQL message, of either protocol.",
        words(TYPES);
    ID = "graphql.id", "Id", Text, "Id of the operation a GraphQL message belongs to.";
    OPERATION = "graphql.operation", "Operation", Text, "Name of the GraphQL operation a message asks for.";
    OPERATION_TYPE = "graphql.operation_type", "Operation type", Text, "Kind of the GraphQL operation a message asks for.",
        words(&["query", "mutation", "subscription"]);
    QUERY = "graphql.query", "Query", Text, "The GraphQL document with the operation a message asks for.";
    ERROR = "graphql.error", "Error", Text, "What each error of a GraphQL result says.";
    PAYLOAD = "graphql.payload", "Payload", Text, "Payload of a GraphQL message as JSON.", body();
}

rules! {
    INVALID = "graphql-message-invalid", Error, "GraphQL over WebSocket Protocol, Invalid message",
        "A message is not one of the GraphQL protocol in use, so the receiver closes with 4400.";
    BEFORE_ACK = "graphql-before-ack", Error, "GraphQL over WebSocket Protocol, Subscribe",
        "An operation was asked for before the server acknowledged the connection, so it closes with 4401.";
    ID_IN_USE = "graphql-id-in-use", Error, "GraphQL over WebSocket Protocol, Subscribe",
        "An operation has the id of one that is still running, so the server closes with 4409.";
    INIT_AGAIN = "graphql-init-repeated", Error, "GraphQL over WebSocket Protocol, ConnectionInit",
        "The client initialised the connection more than once, so the server closes with 4429.";
    MISMATCH = "graphql-protocol-mismatch", Error, "GraphQL over WebSocket Protocol, Communication",
        "A peer speaks the other GraphQL protocol than the subprotocol names, or than its peer speaks.";
    REFUSED = "graphql-connection-refused", Warning, "subscriptions-transport-ws, GQL_CONNECTION_ERROR",
        "The server refuses the connection, usually for what the client sent to authenticate.";
}

/// The decoder of `graphql-transport-ws`; its fields and rules are those of both protocols.
pub(crate) static DECODER: Decoder = Decoder {
    name: TRANSPORT_WS,
    title: "GraphQL",
    fields: FIELDS,
    rules: RULES,
    claim: |evidence| claim(evidence, Dialect::TransportWs),
    objects: Objects::with(&["type"]),
    start: |opening| Box::new(GraphQl::new(opening, Dialect::TransportWs)),
    close_code,
    ..Decoder::BASE
};

/// The decoder of the older `graphql-ws`.
pub(crate) static OLD_DECODER: Decoder = Decoder {
    name: WS,
    title: "GraphQL (old)",
    claim: |evidence| claim(evidence, Dialect::Ws),
    objects: Objects::with(&["type"]),
    start: |opening| Box::new(GraphQl::new(opening, Dialect::Ws)),
    close_code,
    ..Decoder::BASE
};

/// One of the two protocols.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Dialect {
    TransportWs,
    Ws,
}

impl Dialect {
    const fn name(self) -> &'static str {
        match self {
            Dialect::TransportWs => TRANSPORT_WS,
            Dialect::Ws => WS,
        }
    }

    fn of_token(token: &str) -> Option<Dialect> {
        match token {
            TRANSPORT_WS => Some(Dialect::TransportWs),
            WS => Some(Dialect::Ws),
            _ => None,
        }
    }

    /// The protocol that alone has this type from this side.
    fn of_type(kind: &str, from: Side) -> Option<Dialect> {
        match (kind, from) {
            ("subscribe" | "complete", Side::Client) | ("next", Side::Server) => {
                Some(Dialect::TransportWs)
            }
            ("ping" | "pong", _) => Some(Dialect::TransportWs),
            ("start" | "stop" | "connection_terminate", Side::Client)
            | ("data" | "ka" | "connection_error" | "start_ack", Side::Server) => Some(Dialect::Ws),
            _ => None,
        }
    }
}

fn claim(evidence: &Evidence<'_>, dialect: Dialect) -> Option<Claim> {
    match Dialect::of_token(evidence.subprotocol()) {
        Some(token) if token == dialect => return Claim::certain("subprotocol"),
        Some(_) => return None,
        None => {}
    }
    // AWS AppSync's event protocol begins alike.
    if evidence.subprotocol() == "aws-appsync-event-ws" {
        return None;
    }
    let kind = evidence.text_of("type")?;
    if !evidence.has_only(&["type", "id", "payload", "extensions"]) {
        return None;
    }
    let spoken = Dialect::of_type(kind, evidence.payload.from);
    if spoken.unwrap_or(Dialect::TransportWs) != dialect {
        return None;
    }
    let payload = evidence.member("payload");
    match kind {
        "connection_init" | "connection_ack" if evidence.member("id").is_none() => {
            Claim::certain("it begins with connection_init")
        }
        "subscribe" | "start" if payload.is_some_and(|payload| document(payload).is_some()) => {
            Claim::certain("a GraphQL document")
        }
        "next" | "data" if evidence.member("id").is_some() && payload.is_some_and(is_result) => {
            Claim::likely("a GraphQL result")
        }
        _ => None,
    }
}

/// Whether a payload is what an operation gives.
fn is_result(payload: Json<'_>) -> bool {
    let mut members = payload.members().take(8).peekable();
    members.peek().is_some()
        && members.all(|(key, _)| {
            matches!(
                &*key,
                "data" | "errors" | "extensions" | "hasNext" | "incremental" | "path" | "label"
            )
        })
}

fn close_code(code: u16) -> Option<&'static str> {
    Some(match code {
        4004 => "bad response",
        4005 => "internal client error",
        4400 => "bad request",
        4401 => "unauthorized",
        4403 => "forbidden",
        4406 => "subprotocol not acceptable",
        4408 => "connection initialisation timeout",
        4409 => "subscriber already exists",
        4429 => "too many initialisation requests",
        4500 => "internal server error",
        4504 => "connection acknowledgement timeout",
        _ => return None,
    })
}

/// The document of what asks for an operation, and the operation's name where it is given. AWS AppSync has both as JSON
/// within a string.
fn document(payload: Json<'_>) -> Option<(String, Option<String>)> {
    let [query, data, name] = payload.pick(["query", "data", "operationName"]);
    if let Some(query) = query.and_then(|query| query.text()) {
        let name = name.and_then(|name| name.text());
        return Some((query.into_owned(), name.map(|name| name.into_owned())));
    }
    let inner = data?.text()?;
    let inner = Json::object(&inner)?;
    let name = inner.text_of("operationName").map(|name| name.into_owned());
    Some((inner.text_of("query")?.into_owned(), name))
}

#[derive(Clone, Debug)]
struct GraphQl {
    /// What the token named, or someone.
    named: Dialect,
    /// What is spoken, as far as it is known.
    spoken: Option<Dialect>,
    has_token: bool,
    is_mismatch_told: bool,
    is_initialised: bool,
    /// Whether the server acknowledged; `None` when that is not known.
    is_acknowledged: Option<bool>,
}

impl GraphQl {
    fn new(opening: &Opening, named: Dialect) -> Self {
        Self {
            named,
            spoken: None,
            has_token: Dialect::of_token(&opening.subprotocol).is_some(),
            is_mismatch_told: false,
            is_initialised: false,
            is_acknowledged: opening.is_seen.then_some(false),
        }
    }
}

impl Decode for GraphQl {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.object();
        let [kind, id, payload] =
            json.map_or([None; 3], |json| json.pick(["type", "id", "payload"]));
        let Some((kind, text)) = kind.and_then(|kind| Some((kind, kind.text()?))) else {
            out.unit(DECODER.title);
            out.summary("invalid message");
            let said = summary::part(message.bytes);
            out.finding(&INVALID, format!("{said} is no object with a type"));
            return Fit::Broken;
        };
        self.hear(&text, message.from, out);
        out.unit(DECODER.title);
        out.json(&TYPE, kind);
        out.json_of(&ID, id);
        let mut said = Said {
            kind: &text,
            id,
            payload,
            line: Line::of(&*text),
        };
        said.write(self, message, out);
        out.summary(said.line.finish());
        match TYPES.contains(&&*text) {
            true => Fit::Yes,
            false => Fit::Broken,
        }
    }

    fn lost(&mut self, _from: Side) {
        self.is_acknowledged = None;
    }
}

impl GraphQl {
    fn dialect(&self) -> Dialect {
        self.spoken.unwrap_or(self.named)
    }

    /// What is spoken decides which of the protocols it is.
    fn hear(&mut self, kind: &str, from: Side, out: &mut Out<'_, '_>) {
        if let Some(heard) = Dialect::of_type(kind, from) {
            let expected = self.spoken.or(self.has_token.then_some(self.named));
            if expected.is_some_and(|expected| expected != heard) && !self.is_mismatch_told {
                self.is_mismatch_told = true;
                let text = match self.spoken {
                    Some(spoken) => format!(
                        "{kind} is of {}, and what came before of {}",
                        heard.name(),
                        spoken.name()
                    ),
                    None => format!(
                        "{kind} is of {}, and the subprotocol is {}",
                        heard.name(),
                        self.named.name()
                    ),
                };
                out.finding(&MISMATCH, text);
            }
            self.spoken = Some(heard);
        }
        out.protocol(self.dialect().name());
    }
}

/// A message's parts.
struct Said<'s, 'a> {
    kind: &'s str,
    id: Option<Json<'a>>,
    payload: Option<Json<'a>>,
    /// Its line for lists.
    line: Line,
}

impl<'a> Said<'_, 'a> {
    fn write(&mut self, state: &mut GraphQl, message: &Payload<'a>, out: &mut Out<'_, 'a>) {
        match self.kind {
            "connection_init" => self.init(state, out),
            "connection_ack" => {
                state.is_acknowledged = Some(true);
                out.answer("init", false);
            }
            "connection_error" => {
                out.answer("init", true);
                let said = self.payload.map(|payload| summary::part(payload.raw()));
                let said = said.unwrap_or_default();
                self.line.own(" ").own(&said);
                out.finding(&REFUSED, format!("the server says {said}"));
            }
            "subscribe" | "start" => self.ask(state, message, out),
            "next" | "data" => self.result(out),
            "error" => self.error(state, out),
            "complete" => self.complete(message.from, out),
            "ping" | "ka" => out.heartbeat(Heartbeat::Ping),
            "pong" => out.heartbeat(Heartbeat::Pong),
            // What is stopped is answered by a last complete.
            "connection_terminate" | "start_ack" | "stop" => {}
            other => {
                let text = format!("{} is no type", summary::part(other));
                out.finding(&INVALID, text);
            }
        }
        if let Some(payload) = self.payload {
            let is_secret = match self.kind {
                "connection_init" => true,
                "start" => payload
                    .get("extensions")
                    .is_some_and(|extensions| extensions.get("authorization").is_some()),
                _ => false,
            };
            let item = out.json(&PAYLOAD, payload);
            item.secret |= is_secret;
        }
        let needs_id = matches!(
            self.kind,
            "subscribe" | "start" | "next" | "data" | "complete" | "stop" | "start_ack"
        );
        if needs_id && self.id.is_none() {
            out.finding(&INVALID, format!("{} without an id", self.kind));
        }
    }

    fn key(&self) -> String {
        format!("id\0{}", self.id.map(|id| id.raw()).unwrap_or_default())
    }

    fn init(&self, state: &mut GraphQl, out: &mut Out<'_, 'a>) {
        if std::mem::replace(&mut state.is_initialised, true)
            && state.dialect() == Dialect::TransportWs
        {
            out.finding(&INIT_AGAIN, "connection_init was sent before");
        }
        out.request("init", "connection_init");
    }

    fn ask(&mut self, state: &GraphQl, message: &Payload<'a>, out: &mut Out<'_, 'a>) {
        let is_new = state.dialect() == Dialect::TransportWs;
        if is_new && message.from == Side::Client && state.is_acknowledged == Some(false) {
            let text = format!("{} came before connection_ack", self.kind);
            out.finding(&BEFORE_ACK, text);
        }
        let found = self.payload.and_then(document);
        let method = match &found {
            Some((query, name)) => operation(self.payload, query, name.as_deref(), out),
            None => {
                out.finding(&INVALID, format!("{} without a query", self.kind));
                String::new()
            }
        };
        self.line.part(&method);
        let is_used = out.request(self.key(), &method);
        if is_used && is_new && out.is_whole() {
            let id = self
                .id
                .map(|id| summary::part(id.raw()))
                .unwrap_or_default();
            let text = format!("the operation with the id {id} is not complete");
            out.finding(&ID_IN_USE, text);
        }
    }

    fn result(&mut self, out: &mut Out<'_, 'a>) {
        let [data, errors] = self
            .payload
            .map_or([None; 2], |payload| payload.pick(["data", "errors"]));
        let errors = self.errors(errors, out);
        let is_failed = errors > 0 && data.is_none_or(|data| data.kind() == JsonKind::Null);
        if let (0, Some(data)) = (errors, data) {
            self.line.part(data.raw());
        }
        match is_failed {
            true => out.error_of_several(self.key()),
            false => out.answer_of_several(self.key()),
        };
    }

    fn error(&mut self, state: &GraphQl, out: &mut Out<'_, 'a>) {
        let Some(payload) = self.payload else {
            return out.finding(&INVALID, "error without a payload");
        };
        if state.spoken == Some(Dialect::TransportWs) && payload.kind() != JsonKind::Array {
            out.finding(&INVALID, "the payload of error is no array of errors");
        }
        self.errors(Some(payload), out);
        out.answer(self.key(), true);
    }

    /// Errors as fields, and what the first says in the line; how many there are.
    fn errors(&mut self, errors: Option<Json<'a>>, out: &mut Out<'_, 'a>) -> usize {
        let Some(errors) = errors else { return 0 };
        let mut count = 0;
        let mut each = |error: Json<'a>, line: &mut Line, out: &mut Out<'_, 'a>| {
            count += 1;
            let said = error.get("message").unwrap_or(error);
            if count <= ERRORS {
                out.json(&ERROR, said);
            }
            if count == 1 {
                let text = said.text().unwrap_or(said.raw().into());
                line.part(&*text);
            }
        };
        match errors.kind() {
            JsonKind::Array => {
                for error in errors.elements() {
                    each(error, &mut self.line, out);
                }
            }
            JsonKind::Null => {}
            _ => each(errors, &mut self.line, out),
        }
        count
    }

    fn complete(&self, from: Side, out: &mut Out<'_, 'a>) {
        match from {
            // The client wants no more results.
            Side::Client => drop(out.withdraw(self.key())),
            Side::Server => drop(out.answer(self.key(), false)),
        }
    }
}

/// Writes what an operation is; its name for people, such as `subscription Prices`.
fn operation<'a>(
    payload: Option<Json<'a>>,
    query: &str,
    name: Option<&str>,
    out: &mut Out<'_, 'a>,
) -> String {
    let found = Operation::of(query, name).or_else(|| Operation::of(query, None));
    let name = name.filter(|name| !name.is_empty()).or(found
        .map(|found| found.name)
        .filter(|name| !name.is_empty()));
    if let Some(name) = name {
        let span = payload
            .and_then(|payload| payload.get("operationName"))
            .and_then(|name| out.span(name.bytes()));
        out.field(&OPERATION, name.to_owned()).at(span);
    }
    let mut method = String::new();
    if let Some(found) = found {
        out.field(&OPERATION_TYPE, found.kind);
        method += found.kind;
    }
    let span = payload
        .and_then(|payload| payload.get("query"))
        .and_then(|query| out.span(query.bytes()));
    out.field(&QUERY, query.to_owned()).at(span);
    match (name, found) {
        (Some(name), _) => method += &format!(" {name}"),
        (None, Some(found)) if !found.first.is_empty() => {
            method += &format!(" {{{}}}", found.first)
        }
        _ => {}
    }
    method.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn new() -> Talk {
        Talk::opened("/graphql", "", TRANSPORT_WS)
    }

    fn ready(mut talk: Talk) -> Talk {
        talk.client(r#"{"type":"connection_init","payload":{"token":"s3cret"}}"#);
        talk.server(r#"{"type":"connection_ack"}"#);
        talk
    }

    #[test]
    fn an_operation_is_named_and_answered() {
        let mut talk = ready(new());
        let ask =
            r#"{"id":"a","type":"subscribe","payload":{"query":"subscription Prices { prices }"}}"#;
        let asked = talk.client(ask).unwrap();
        assert_eq!(asked.summary, "subscribe subscription Prices");
        assert_eq!(field(&asked, "graphql.operation"), ["Prices"]);
        assert_eq!(field(&asked, "graphql.operation_type"), ["subscription"]);
        let next = talk
            .server(r#"{"id":"a","type":"next","payload":{"data":{"p":1}}}"#)
            .unwrap();
        assert_eq!(
            (next.request(), next.summary.as_str()),
            (Some(3), r#"next {"p":1}"#)
        );
        let last = talk
            .server(r#"{"id":"a","type":"error","payload":[{"message":"gone"}]}"#)
            .unwrap();
        assert_eq!(field(&last, "call.method"), ["subscription Prices"]);
        assert_eq!(field(&last, "call.error"), ["true"]);
        assert_eq!(field(&last, "graphql.error"), ["gone"]);
        assert!(talk.pending().is_empty());
    }

    #[test]
    fn what_the_client_ends_waits_for_no_answer() {
        let mut talk = ready(new());
        talk.client(r#"{"id":"a","type":"subscribe","payload":{"query":"{ hello }"}}"#);
        assert_eq!(talk.pending(), [(3, "query {hello}")]);
        assert!(talk.client(r#"{"id":"a","type":"complete"}"#).is_some());
        assert!(talk.pending().is_empty());
        let beat = talk.server(r#"{"type":"ping"}"#).unwrap();
        assert_eq!(beat.heartbeat, Some(Heartbeat::Ping));
    }

    #[test]
    fn what_closes_a_connection_is_found() {
        let ask = r#"{"id":"a","type":"subscribe","payload":{"query":"{ hello }"}}"#;
        let mut talk = new();
        assert_eq!(findings(&talk.client(ask).unwrap()), ["graphql-before-ack"]);
        let mut talk = ready(new());
        assert_eq!(findings(&talk.client(ask).unwrap()), [""; 0]);
        assert_eq!(findings(&talk.client(ask).unwrap()), ["graphql-id-in-use"]);
        let again = talk.client(r#"{"type":"connection_init"}"#).unwrap();
        assert_eq!(findings(&again), ["graphql-init-repeated"]);
        for broken in [
            r#"{"type":"no such type"}"#,
            "not json",
            "[]",
            r#"{"id":"b","type":"subscribe","payload":{}}"#,
            r#"{"type":"complete"}"#,
        ] {
            let decoded = talk.client(broken).unwrap();
            assert_eq!(findings(&decoded), ["graphql-message-invalid"], "{broken}");
        }
        assert_eq!(
            talk.close(4409).unwrap().summary,
            "4409 subscriber already exists"
        );
        assert!(talk.close(4999).is_none());
    }

    #[test]
    fn after_a_loss_nothing_is_said_of_what_may_be_gone() {
        let mut talk = ready(new());
        let ask = r#"{"id":"a","type":"subscribe","payload":{"query":"{ hello }"}}"#;
        talk.client(ask);
        talk.lose(Side::Server);
        assert_eq!(findings(&talk.client(ask).unwrap()), [""; 0]);
        let mut talk = new();
        talk.lose(Side::Server);
        assert_eq!(findings(&talk.client(ask).unwrap()), [""; 0]);
    }

    #[test]
    fn what_is_spoken_decides() {
        let mut talk = ready(Talk::opened("/", "", WS));
        let ask = r#"{"id":"1","type":"subscribe","payload":{"query":"{ a }"}}"#;
        let asked = talk.client(ask).unwrap();
        assert_eq!(asked.protocol(), TRANSPORT_WS);
        assert_eq!(findings(&asked), ["graphql-protocol-mismatch"]);
        let ka = talk.server(r#"{"type":"ka"}"#).unwrap();
        assert_eq!((ka.protocol(), findings(&ka).len()), (WS, 0));
        let mut talk = ready(Talk::opened("/", "", WS));
        let ask = r#"{"id":"1","type":"start","payload":{"query":"{ a }"}}"#;
        assert_eq!(talk.client(ask).unwrap().protocol(), WS);
        let data = talk
            .server(r#"{"id":"1","type":"data","payload":{"data":{"a":1}}}"#)
            .unwrap();
        assert_eq!(
            (data.protocol(), data.request(), findings(&data).len()),
            (WS, Some(3), 0)
        );
        talk.client(r#"{"id":"1","type":"stop"}"#);
        let last = talk.server(r#"{"id":"1","type":"complete"}"#).unwrap();
        assert_eq!(last.request(), Some(3));
        assert!(talk.pending().is_empty());
    }

    #[test]
    fn it_is_recognised_without_a_token() {
        let mut talk = Talk::unknown();
        let result = talk
            .server(r#"{"id":"1","type":"data","payload":{"data":{"a":1}}}"#)
            .unwrap();
        assert_eq!(
            (result.protocol(), result.confidence().name()),
            (WS, "likely")
        );
        let mut talk = Talk::unknown();
        let ask = r#"{"id":"1","type":"subscribe","payload":{"query":"subscription { a }"}}"#;
        let asked = talk.client(ask).unwrap();
        assert_eq!(
            (asked.protocol(), asked.confidence().name()),
            (TRANSPORT_WS, "certain")
        );
        for text in [
            r#"{"type":"subscribe","payload":{"channel":"x"}}"#,
            r#"{"type":"data","id":"1","payload":{"a":1}}"#,
            r#"{"type":"ping"}"#,
            r#"{"type":"next","id":"1","payload":{"data":1},"seq":3}"#,
            r#"{"type":"error","payload":[{"message":"m"}]}"#,
            r#"{"type":"start","payload":{"query":17}}"#,
        ] {
            let decoded = Talk::unknown().server(text).unwrap();
            assert_eq!(decoded.protocol(), "json", "{text}");
        }
    }

    #[test]
    fn messages_may_come_as_bytes_and_the_protocol_be_named() {
        let mut talk = Talk::forced(WS);
        assert!(talk.server_bytes(br#"{"type":"ka"}"#).is_some());
        assert!(
            talk.server("hello")
                .is_some_and(|it| findings(&it) == ["graphql-message-invalid"])
        );
    }

    #[test]
    fn secrets_are_marked_and_stand_in_no_summary() {
        let mut talk = new();
        let init = talk
            .client(r#"{"type":"connection_init","payload":{"token":"s3cret"}}"#)
            .unwrap();
        assert!(init.items.iter().any(|item| item.secret));
        assert_eq!(init.summary, "connection_init");
        let mut talk = Talk::opened("/graphql/realtime", "", WS);
        let start = r#"{"id":"1","type":"start","payload":{"data":"{\"query\":\"subscription S { a }\"}","extensions":{"authorization":{"x":"s3cret"}}}}"#;
        let asked = talk.client(start).unwrap();
        assert!(asked.items.iter().any(|item| item.secret));
        assert_eq!(asked.summary, "start subscription S");
    }
}
