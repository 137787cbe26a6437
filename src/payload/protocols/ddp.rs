//! Meteor's DDP (github.com/meteor/meteor, DDP.md), at `/websocket` or inside SockJS: objects whose `msg` says what they are.

use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, secrets, summary,
};

const NAMES: &[&str] = &[
    "connect",
    "connected",
    "failed",
    "ping",
    "pong",
    "sub",
    "unsub",
    "nosub",
    "added",
    "changed",
    "removed",
    "ready",
    "addedBefore",
    "movedBefore",
    "method",
    "result",
    "updated",
    "error",
];
/// Ids of one message that are looked at.
const IDS: usize = 1000;
/// Methods of Meteor's accounts, whose parameters and results are passwords and tokens.
const ACCOUNTS: &[&str] = &[
    "login",
    "createUser",
    "changePassword",
    "resetPassword",
    "verifyEmail",
    "getNewToken",
];

fields! {
    MSG = "ddp.msg", "Message", Text, "What a DDP message is.", words(NAMES);
    ID = "ddp.id", "Id", Text, "Id of a DDP method, subscription or document.";
    METHOD = "ddp.method", "Method", Text, "Method a DDP client calls.";
    NAME = "ddp.name", "Name", Text, "What a DDP client subscribes to.";
    COLLECTION = "ddp.collection", "Collection", Text, "Collection of a document in DDP.";
    SESSION = "ddp.session", "Session", Text, "Session of a DDP connection, by which it can be resumed.", secret();
    VERSION = "ddp.version", "Version", Text, "Version of DDP that is proposed.";
    ERROR = "ddp.error", "Error", Text, "What a DDP error says.";
}

rules! {
    INVALID = "ddp-message-invalid", Error, "DDP, General Message Structure",
        "A message is none of DDP.";
    FAILED = "ddp-version-failed", Error, "DDP, Establishing a DDP Connection",
        "The server does not speak the version that the client proposed.";
    TOLD = "ddp-error", Warning, "DDP, Errors",
        "The server could not read what the client sent.";
    ID_UNKNOWN = "ddp-id-unknown", Warning, "DDP, Remote Procedure Calls",
        "A result has an id that no method waits with.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "ddp",
    title: "DDP",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["msg", "server_id"]),
    start: |_| Box::new(Ddp),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let has = |key| evidence.member(key).is_some();
    let Some(msg) = evidence.text_of("msg") else {
        // The server greets with this before the client says anything.
        let is_greeting = evidence.is_first() || evidence.parent == Some("sockjs");
        return match is_greeting && has("server_id") && evidence.has_only(&["server_id"]) {
            true => Claim::likely("a server_id"),
            false => None,
        };
    };
    let (keys, optional): (&[&str], &[&str]) = match msg {
        "connect" if has("support") => return Claim::certain("it begins with connect"),
        "connected" => (&["session"], &[]),
        "sub" => (&["id", "name"], &["params"]),
        "added" | "changed" | "removed" | "addedBefore" | "movedBefore" => {
            (&["collection", "id"], &["fields", "cleared", "before"])
        }
        "ready" => (&["subs"], &[]),
        "method" => (&["method", "id"], &["params", "randomSeed"]),
        "updated" => (&["methods"], &[]),
        _ => return None,
    };
    let all: Vec<&str> = [&["msg"], keys, optional].concat();
    match keys.iter().all(|key| has(key)) && evidence.has_only(&all) {
        true => Claim::likely("messages of DDP"),
        false => None,
    }
}

#[derive(Clone, Debug)]
struct Ddp;

impl Decode for Ddp {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(json) = message.object() else {
            return invalid(message.bytes, out);
        };
        let Some((msg, word)) = json.get("msg").and_then(|msg| Some((msg, msg.plain()?))) else {
            // What has no msg is ignored by both sides.
            out.unit(DECODER.title);
            out.summary(summary::part(json.raw()));
            return Fit::Part;
        };
        out.unit(DECODER.title);
        out.json(&MSG, msg);
        if !NAMES.contains(&word) {
            out.summary(summary::part(word));
            let text = format!("{} is no message", summary::part(word));
            out.finding(&INVALID, text);
            return Fit::Broken;
        }
        Unit::of(json, word, out).write(out);
        Fit::Yes
    }
}

fn invalid(bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    out.summary("invalid message");
    let text = format!("{} is no message of DDP", summary::part(bytes));
    out.finding(&INVALID, text);
    Fit::Broken
}

/// A message's parts.
struct Unit<'a> {
    json: Json<'a>,
    word: &'a str,
    id: Option<Json<'a>>,
    method: Option<Json<'a>>,
    name: Option<Json<'a>>,
    collection: Option<Json<'a>>,
    error: Option<Json<'a>>,
    reason: Option<Json<'a>>,
    version: Option<Json<'a>>,
}

impl<'a> Unit<'a> {
    /// Reads a message and writes what it names.
    fn of(json: Json<'a>, word: &'a str, out: &mut Out<'_, 'a>) -> Self {
        let [
            id,
            method,
            name,
            collection,
            session,
            version,
            error,
            reason,
        ] = json.pick([
            "id",
            "method",
            "name",
            "collection",
            "session",
            "version",
            "error",
            "reason",
        ]);
        for (info, value) in [
            (&ID, id),
            (&METHOD, method),
            (&NAME, name),
            (&COLLECTION, collection),
            (&SESSION, session),
            (&VERSION, version),
        ] {
            out.json_of(info, value);
        }
        Unit {
            json,
            word,
            id,
            method,
            name,
            collection,
            error,
            reason,
            version,
        }
    }

    fn write(&self, out: &mut Out<'_, 'a>) {
        let mut line = self.word.to_owned();
        for part in [self.method, self.name, self.collection] {
            if let Some(text) = part.and_then(|part| part.text()) {
                line += &format!(" {}", summary::part(&*text));
            }
        }
        let mut is_secret = self.json.get("params").is_some_and(secrets::stand_in)
            || text_of(self.method).is_some_and(|method| ACCOUNTS.contains(&&*method));
        let said = self.said(out);
        match self.word {
            "connect" => drop(out.request("connect", "connect")),
            "connected" => drop(out.answer("connect", false)),
            "failed" => {
                out.answer("connect", true);
                let version = text_of(self.version).unwrap_or_default();
                let version = summary::part(&*version);
                out.finding(&FAILED, format!("the server suggests version {version}"));
                line += &format!(" {version}");
            }
            "ping" => out.heartbeat(Heartbeat::Ping),
            "pong" => out.heartbeat(Heartbeat::Pong),
            "sub" | "method" => {
                out.request(self.key(self.word, self.id), &line);
            }
            "nosub" => drop(out.answer_if_asked(self.key("sub", self.id), said.is_some())),
            "ready" => {
                let ids = self.json.get("subs");
                for id in ids.iter().flat_map(|ids| ids.elements()).take(IDS) {
                    out.answer_if_asked(self.key("sub", Some(id)), false);
                }
            }
            "result" => is_secret |= self.result(said.is_some(), &mut line, out),
            "error" => out.finding(
                &TOLD,
                format!("the server says {}", said.as_deref().unwrap_or("nothing")),
            ),
            _ => {}
        }
        match (said, self.json.get("result")) {
            (Some(said), _) => line += &format!(" {said}"),
            (None, Some(result)) if !is_secret => {
                line += &format!(" {}", summary::part(result.raw()))
            }
            _ => {}
        }
        self.bodies(is_secret, out);
        out.summary(line);
    }

    fn key(&self, kind: &str, id: Option<Json<'_>>) -> String {
        format!("{kind}\0{}", id.map(|id| id.raw()).unwrap_or_default())
    }

    /// What an error says: a reason, a message or a code.
    fn said(&self, out: &mut Out<'_, 'a>) -> Option<String> {
        let error = self.error.filter(|error| error.kind() != JsonKind::Null);
        let value = match (error, self.word) {
            (Some(error), _) if error.kind() == JsonKind::Object => {
                let [message, reason, code] = error.pick(["message", "reason", "error"]);
                message.or(reason).or(code).unwrap_or(error)
            }
            (Some(error), _) => error,
            (None, "error") => self.reason?,
            (None, _) => return None,
        };
        out.json(&ERROR, value);
        let text = value.text().unwrap_or(value.raw().into());
        Some(summary::part(&*text))
    }

    /// Answers a method; whether its result is a secret.
    fn result(&self, is_error: bool, line: &mut String, out: &mut Out<'_, 'a>) -> bool {
        let asked = out.answer(self.key("method", self.id), is_error);
        let Some(asked) = asked else {
            if out.is_whole() {
                let id = self
                    .id
                    .map(|id| summary::part(id.raw()))
                    .unwrap_or_default();
                out.finding(&ID_UNKNOWN, format!("no method with the id {id} waits"));
            }
            return false;
        };
        let method = asked
            .method
            .strip_prefix("method ")
            .unwrap_or(&asked.method);
        *line += &format!(" {}", summary::part(method));
        ACCOUNTS.contains(&method)
    }

    fn bodies(&self, is_secret: bool, out: &mut Out<'_, 'a>) {
        for key in [
            "params", "result", "fields", "cleared", "subs", "methods", "support",
        ] {
            if let Some(value) = self.json.get(key) {
                let span = out.span(value.bytes());
                out.line(key, value.datum()).at(span).secret =
                    is_secret && matches!(key, "params" | "result");
            }
        }
    }
}

fn text_of<'a>(json: Option<Json<'a>>) -> Option<std::borrow::Cow<'a, str>> {
    json?.text()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        let mut talk = Talk::opened("/websocket", "", "");
        assert!(talk.server(r#"{"server_id":"0"}"#).is_some());
        talk.client(r#"{"msg":"connect","version":"1","support":["1"]}"#);
        talk.server(r#"{"msg":"connected","session":"S1"}"#);
        talk
    }

    #[test]
    fn methods_and_subscriptions_are_answered() {
        let mut talk = talk();
        let sub = talk
            .client(r#"{"msg":"sub","id":"0","name":"prices","params":["all"]}"#)
            .unwrap();
        assert_eq!(sub.summary, "sub prices");
        let added = talk
            .server(r#"{"msg":"added","collection":"prices","id":"tea","fields":{"price":2.5}}"#)
            .unwrap();
        assert_eq!(
            (added.summary.as_str(), field(&added, "ddp.id")),
            ("added prices", vec!["tea".to_owned()])
        );
        let ready = talk.server(r#"{"msg":"ready","subs":["0"]}"#).unwrap();
        assert_eq!(field(&ready, "call.method"), ["sub prices"]);
        talk.client(r#"{"msg":"unsub","id":"0"}"#);
        assert!(
            talk.server(r#"{"msg":"nosub","id":"0"}"#)
                .unwrap()
                .calls
                .is_empty()
        );
        talk.client(r#"{"msg":"method","id":"2","method":"add","params":[2,40]}"#);
        let result = talk
            .server(r#"{"msg":"result","id":"2","result":42}"#)
            .unwrap();
        assert_eq!(
            (result.summary.as_str(), result.request()),
            ("result add 42", Some(9))
        );
        talk.client(r#"{"msg":"method","id":"4","method":"nowhere","params":[]}"#);
        let error = r#"{"msg":"result","id":"4","error":{"error":404,"reason":"Method not found","message":"Method not found [404]"}}"#;
        let error = talk.server(error).unwrap();
        assert_eq!(
            (error.summary.as_str(), field(&error, "call.error")),
            (
                "result nowhere Method not found [404]",
                vec!["true".to_owned()]
            )
        );
        let ping = talk.server(r#"{"msg":"ping"}"#).unwrap();
        assert_eq!(ping.heartbeat, Some(Heartbeat::Ping));
        assert!(talk.pending().is_empty());
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = talk();
        for broken in [r#"{"msg":"no such"}"#, r#"{"msg":"#, "[]"] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["ddp-message-invalid"],
                "{broken}"
            );
        }
        let told = talk
            .server(r#"{"msg":"error","reason":"Bad request","offendingMessage":"x"}"#)
            .unwrap();
        assert_eq!(
            (findings(&told), field(&told, "ddp.error")),
            (vec!["ddp-error"], vec!["Bad request".to_owned()])
        );
        let stray = talk.server(r#"{"msg":"result","id":"99"}"#).unwrap();
        assert_eq!(findings(&stray), ["ddp-id-unknown"]);
        let failed = talk.server(r#"{"msg":"failed","version":"1"}"#).unwrap();
        assert_eq!(findings(&failed), ["ddp-version-failed"]);
    }

    #[test]
    fn a_login_and_its_token_are_secrets() {
        let mut talk = talk();
        let ask = talk
            .client(
                r#"{"msg":"method","id":"3","method":"login","params":[{"password":"s3cret"}]}"#,
            )
            .unwrap();
        assert!(ask.items.iter().any(|item| item.secret) && ask.summary == "method login");
        let got = talk
            .server(r#"{"msg":"result","id":"3","result":{"id":"ada","token":"s3cret"}}"#)
            .unwrap();
        assert!(got.items.iter().any(|item| item.secret) && got.summary == "result login");
    }

    #[test]
    fn it_is_recognised_in_the_middle_and_others_are_not() {
        let added = r#"{"msg":"added","collection":"prices","id":"tea","fields":{}}"#;
        assert_eq!(Talk::unknown().server(added).unwrap().protocol(), "ddp");
        for text in [
            r#"{"msg":"hello"}"#,
            r#"{"msg":"ping"}"#,
            r#"{"msg":"ready"}"#,
            r#"{"msg":"result","id":"1","result":2}"#,
            r#"{"msg":"sub","id":"1","name":"x","user":"ada"}"#,
            r#"{"server_id":"0"}"#,
            r#"{"msg":"connect","user":"ada"}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
