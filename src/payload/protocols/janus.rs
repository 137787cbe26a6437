//! The Janus WebRTC server's protocol (janus.conf.meetecho.com/docs/rest.html): requests with a transaction, and what comes of them.

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, secrets, summary,
};

const REQUESTS: &[&str] = &[
    "info",
    "ping",
    "create",
    "keepalive",
    "attach",
    "detach",
    "destroy",
    "claim",
    "message",
    "trickle",
    "hangup",
];
const ANSWERS: &[&str] = &[
    "success",
    "error",
    "ack",
    "pong",
    "server_info",
    "event",
    "trickle",
    "webrtcup",
    "media",
    "slowlink",
    "hangup",
    "detached",
    "timeout",
];

fields! {
    TYPE = "janus.type", "Type", Text, "What a Janus message is.";
    TRANSACTION = "janus.transaction", "Transaction", Text, "Transaction that a Janus message belongs to.";
    SESSION_ID = "janus.session_id", "Session id", Unsigned, "Session that a Janus message belongs to.";
    HANDLE_ID = "janus.handle_id", "Handle id", Unsigned, "Handle of a plugin that a Janus message belongs to.";
    PLUGIN = "janus.plugin", "Plugin", Text, "Plugin of a Janus message.";
    ERROR_CODE = "janus.error.code", "Error code", Unsigned, "Code of a Janus error.";
    ERROR_REASON = "janus.error.reason", "Error reason", Text, "What a Janus error says.";
    SECRET = "janus.secret", "Secret", Text, "What a Janus client authenticates with.", secret();
}

rules! {
    INVALID = "janus-message-invalid", Error, "Janus, HTTP/WebSockets API",
        "A message is no JSON object that says what it is.";
    GONE = "janus-session-timeout", Warning, "Janus, WebSockets Interface",
        "The server ended a session that did not keep itself alive.";
    TRANSACTION_UNKNOWN = "janus-transaction-unknown", Warning, "Janus, HTTP/WebSockets API",
        "A success or an error has a transaction that no request waits with.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "janus",
    title: "Janus",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["janus"]),
    start: |_| Box::new(Janus),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if matches!(
        evidence.subprotocol(),
        "janus-protocol" | "janus-admin-protocol"
    ) {
        return Claim::certain("subprotocol");
    }
    let kind = evidence.text_of("janus")?;
    let words = match evidence.payload.from {
        Side::Client => REQUESTS,
        Side::Server => ANSWERS,
    };
    let is_linked =
        evidence.text_of("transaction").is_some() || evidence.member("session_id").is_some();
    match words.contains(&kind) && is_linked {
        true => Claim::certain("the key janus"),
        false => None,
    }
}

#[derive(Clone, Debug)]
struct Janus;

impl Decode for Janus {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.object();
        let Some((json, kind)) = json.and_then(|json| Some((json, json.get("janus")?))) else {
            out.unit(DECODER.title);
            out.summary("invalid message");
            let text = format!("{} is no message of Janus", summary::part(message.bytes));
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        let [
            transaction,
            session,
            handle,
            sender,
            plugin,
            plugin_data,
            error,
        ] = json.pick([
            "transaction",
            "session_id",
            "handle_id",
            "sender",
            "plugin",
            "plugindata",
            "error",
        ]);
        out.unit(DECODER.title);
        out.json(&TYPE, kind);
        out.json_of(&TRANSACTION, transaction);
        out.json_of(&SESSION_ID, session);
        out.json_of(&HANDLE_ID, handle.or(sender));
        let plugin = plugin.or(plugin_data.and_then(|data| data.get("plugin")));
        out.json_of(&PLUGIN, plugin);
        let unit = Unit {
            kind: kind.text().unwrap_or_default(),
            transaction,
            plugin,
            error,
        };
        unit.write(message.from, out);
        for (key, value) in json.members().take(32) {
            body(&key, value, out);
        }
        Fit::Yes
    }
}

/// What a message has beside its head.
fn body<'a>(key: &str, value: Json<'a>, out: &mut Out<'_, 'a>) {
    match key {
        "apisecret" | "admin_secret" | "token" => drop(out.json(&SECRET, value)),
        "janus" | "transaction" | "session_id" | "handle_id" | "sender" | "plugin" | "error" => {}
        key => {
            let span = out.span(value.bytes());
            let is_secret = value.kind() == JsonKind::Object && secrets::stand_in(value);
            out.line(key.to_owned(), value.datum()).at(span).secret = is_secret;
        }
    }
}

struct Unit<'a> {
    kind: std::borrow::Cow<'a, str>,
    transaction: Option<Json<'a>>,
    plugin: Option<Json<'a>>,
    error: Option<Json<'a>>,
}

impl<'a> Unit<'a> {
    fn write(&self, from: Side, out: &mut Out<'_, 'a>) {
        let mut line = summary::part(&*self.kind);
        let key = self
            .transaction
            .and_then(|it| it.text())
            .unwrap_or_default();
        match from {
            Side::Client => {
                if let Some(plugin) = self.plugin.and_then(|plugin| plugin.text()) {
                    line += &format!(" {}", summary::part(&*plugin));
                }
                out.request(key.as_bytes(), &line);
                if matches!(&*self.kind, "ping" | "keepalive") {
                    out.heartbeat(Heartbeat::Ping);
                }
            }
            Side::Server => {
                if let Some(method) = self.answer(&key, out) {
                    line += &format!(" of {}", summary::part(&*method));
                }
            }
        }
        if let Some(error) = self.error {
            let [code, reason] = error.pick(["code", "reason"]);
            out.json_of(&ERROR_CODE, code);
            out.json_of(&ERROR_REASON, reason);
            let code = code.map(|code| code.raw()).unwrap_or_default();
            let reason = reason.and_then(|reason| reason.text()).unwrap_or_default();
            line += &format!(" {} {}", summary::part(code), summary::part(&*reason));
        }
        if self.kind == "timeout" {
            out.finding(&GONE, "the session timed out");
        }
        out.summary(line);
    }

    /// Answers a request: a `message` is acknowledged, and what comes of it is an event, before or after.
    fn answer(&self, key: &str, out: &mut Out<'_, 'a>) -> Option<Box<str>> {
        let is_message = out
            .waiting(key)
            .is_some_and(|asked| asked.method.starts_with("message"));
        let asked = match &*self.kind {
            "ack" if is_message => out.provisional_answer(key),
            "ack" | "event" => out.answer_if_asked(key, false),
            "success" | "error" | "pong" | "server_info" => {
                let asked = out.answer(key, self.kind == "error");
                if asked.is_none() && out.is_whole() && !key.is_empty() {
                    let text = format!(
                        "no request with the transaction {} waits",
                        summary::part(key)
                    );
                    out.finding(&TRANSACTION_UNKNOWN, text);
                }
                asked
            }
            _ => None,
        };
        let method = asked?.method;
        if matches!(&*method, "ping" | "keepalive") {
            out.heartbeat(Heartbeat::Pong);
        }
        Some(method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/janus", "", "janus-protocol")
    }

    #[test]
    fn transactions_are_answered() {
        let mut talk = talk();
        let ask = talk.client(r#"{"janus":"attach","transaction":"t4","apisecret":"s3cret","session_id":27,"plugin":"janus.plugin.echotest"}"#).unwrap();
        assert_eq!(ask.summary, "attach janus.plugin.echotest");
        assert!(ask.items.iter().any(|item| item.secret));
        let done = talk
            .server(r#"{"janus":"success","session_id":27,"transaction":"t4","data":{"id":18}}"#)
            .unwrap();
        assert_eq!(
            (done.request(), field(&done, "janus.session_id")),
            (Some(1), vec!["27".to_owned()])
        );
        talk.client(r#"{"janus":"message","transaction":"t5","session_id":27,"handle_id":18,"body":{"audio":true}}"#);
        let ack = talk
            .server(r#"{"janus":"ack","session_id":27,"transaction":"t5"}"#)
            .unwrap();
        let event = talk.server(r#"{"janus":"event","session_id":27,"transaction":"t5","sender":18,"plugindata":{"plugin":"p","data":{}}}"#).unwrap();
        assert_eq!((ack.request(), event.request()), (Some(3), Some(3)));
        talk.client(r#"{"janus":"keepalive","transaction":"t7","session_id":27}"#);
        let beat = talk
            .server(r#"{"janus":"ack","session_id":27,"transaction":"t7"}"#)
            .unwrap();
        assert_eq!(beat.heartbeat, Some(Heartbeat::Pong));
        talk.client(r#"{"janus":"create","transaction":"t8"}"#);
        let error = talk.server(r#"{"janus":"error","transaction":"t8","error":{"code":403,"reason":"Unauthorized request"}}"#).unwrap();
        assert_eq!(
            (error.summary.as_str(), field(&error, "janus.error.code")),
            (
                "error of create 403 Unauthorized request",
                vec!["403".to_owned()]
            )
        );
        assert!(talk.pending().is_empty());
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = talk();
        for broken in [r#"{"janus":"#, "[]", "{}"] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["janus-message-invalid"],
                "{broken}"
            );
        }
        assert_eq!(
            findings(
                &talk
                    .server(r#"{"janus":"timeout","session_id":27}"#)
                    .unwrap()
            ),
            ["janus-session-timeout"]
        );
        let stray = talk
            .server(r#"{"janus":"success","transaction":"zz"}"#)
            .unwrap();
        assert_eq!(findings(&stray), ["janus-transaction-unknown"]);
    }

    #[test]
    fn it_is_recognised_by_its_key_and_others_are_not() {
        let ask = r#"{"janus":"create","transaction":"t1"}"#;
        assert_eq!(Talk::unknown().client(ask).unwrap().protocol(), "janus");
        for text in [
            r#"{"janus":"god"}"#,
            r#"{"janus":"create"}"#,
            r#"{"janus":1,"transaction":"x"}"#,
        ] {
            assert_eq!(
                Talk::unknown().client(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
