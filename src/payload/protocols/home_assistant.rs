//! Home Assistant's WebSocket API (developers.home-assistant.io/docs/api/websocket): commands with an id, their results, and
//! events of subscriptions; several in an array where the client said it reads that.

use crate::base::{PerSide, Side};
use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, secrets, summary,
};

/// Messages decoded of one array.
const UNITS: usize = 10_000;

fields! {
    TYPE = "homeassistant.type", "Type", Text, "Type of a Home Assistant message.";
    ID = "homeassistant.id", "Id", Unsigned, "Id by which a Home Assistant result belongs to its command.";
    SUCCESS = "homeassistant.success", "Success", Flag, "Whether a Home Assistant command succeeded.";
    EVENT_TYPE = "homeassistant.event_type", "Event type", Text, "Type of a Home Assistant event.";
    SERVICE = "homeassistant.service", "Service", Text, "Service that a Home Assistant command calls, with its domain.";
    ERROR_CODE = "homeassistant.error.code", "Error code", Text, "Code of a Home Assistant error.";
    ERROR_MESSAGE = "homeassistant.error.message", "Error message", Text, "What a Home Assistant error says.";
    VERSION = "homeassistant.version", "Version", Text, "Version of a Home Assistant server.";
    ACCESS_TOKEN = "homeassistant.access_token", "Access token", Text, "Token a Home Assistant client authenticates with.",
        secret();
}

rules! {
    INVALID = "homeassistant-message-invalid", Error, "Home Assistant WebSocket API, Message format",
        "A message is no JSON object with a type.";
    AUTH_INVALID = "homeassistant-auth-invalid", Warning, "Home Assistant WebSocket API, Authentication phase",
        "The server refuses what the client authenticates with, and closes.";
    ID_REUSE = "homeassistant-id-reuse", Warning, "Home Assistant WebSocket API, Command phase",
        "The id of a command is not greater than those before, so the server refuses it.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "home-assistant",
    title: "Home Assistant",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["type"]),
    start: |_| Box::new(HomeAssistant::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let is_path = evidence.opening.path.ends_with("/api/websocket");
    let has = |key| evidence.member(key).is_some();
    match (evidence.text_of("type"), evidence.payload.from) {
        (Some("auth_required" | "auth_ok"), Side::Server) if has("ha_version") => {
            return Claim::certain("it begins with authentication");
        }
        (Some("auth"), Side::Client) if is_path && has("access_token") => {
            return Claim::certain("the path, and authentication");
        }
        _ => {}
    }
    // In the middle, what a server sends.
    if evidence.payload.from == Side::Client {
        return None;
    }
    let json = evidence.json()?;
    let first = match json.kind() {
        JsonKind::Array => json.at(0)?,
        _ if has("id") && has("type") => json,
        _ => return None,
    };
    match is_told(first) {
        true => Claim::likely("results and events"),
        false => None,
    }
}

/// Whether an object is a result with its success, or an event that says when it fired.
fn is_told(json: Json<'_>) -> bool {
    let [id, kind, success, event] = json.pick(["id", "type", "success", "event"]);
    let is_numbered = id.is_some_and(|id| id.unsigned().is_some());
    let kind = kind.and_then(|kind| kind.plain());
    is_numbered
        && match kind {
            Some("result") => {
                success.is_some_and(|it| it.bool().is_some())
                    && json.members().all(|(key, _)| {
                        matches!(&*key, "id" | "type" | "success" | "result" | "error")
                    })
            }
            Some("event") => event.is_some_and(|event| {
                event.text_of("event_type").is_some() && event.get("time_fired").is_some()
            }),
            _ => false,
        }
}

#[derive(Clone, Debug, Default)]
struct HomeAssistant {
    /// The greatest id the client used.
    last: u64,
    is_lost: PerSide<bool>,
}

impl Decode for HomeAssistant {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(json) = message.json() else {
            return invalid(message.bytes, out);
        };
        if json.kind() == JsonKind::Object {
            return self.unit(json, message.from, out);
        }
        let units = json.elements().take(UNITS);
        let fit = units.map(|unit| self.unit(unit, message.from, out)).max();
        fit.unwrap_or_else(|| invalid(message.bytes, out))
    }

    fn lost(&mut self, from: Side) {
        self.is_lost[from] = true;
    }
}

fn invalid(bytes: &[u8], out: &mut Out<'_, '_>) -> Fit {
    out.unit(DECODER.title);
    out.summary("invalid message");
    let text = format!("{} is no object with a type", summary::part(bytes));
    out.finding(&INVALID, text);
    Fit::Broken
}

impl HomeAssistant {
    fn unit<'a>(&mut self, json: Json<'a>, from: Side, out: &mut Out<'_, 'a>) -> Fit {
        let [kind, id, success, error, event] =
            json.pick(["type", "id", "success", "error", "event"]);
        let Some((kind, word)) = kind.and_then(|kind| Some((kind, kind.text()?))) else {
            return invalid(json.bytes(), out);
        };
        out.unit(DECODER.title);
        out.json(&TYPE, kind);
        out.json_of(&ID, id);
        out.json_of(&SUCCESS, success.filter(|it| it.bool().is_some()));
        let number = id.and_then(|id| id.unsigned());
        let mut line = summary::part(&*word);
        match from {
            Side::Client => self.command(json, &word, number, &mut line, out),
            Side::Server => {
                let event_type = event.and_then(|event| event.get("event_type"));
                out.json_of(&EVENT_TYPE, event_type);
                if let Some(event) = event_type.and_then(|event| event.text()) {
                    line += &format!(" {}", summary::part(&*event));
                }
                let is_error = success.and_then(|it| it.bool()) == Some(false);
                told(&word, number, is_error, &mut line, out);
            }
        }
        if let Some(error) = error {
            let [code, message] = error.pick(["code", "message"]);
            out.json_of(&ERROR_CODE, code);
            out.json_of(&ERROR_MESSAGE, message);
            for part in [code, message] {
                let text = part.and_then(|part| part.text()).unwrap_or_default();
                line += &format!(" {}", summary::part(&*text));
            }
        }
        rest(json, out);
        out.summary(line);
        Fit::Yes
    }

    fn command<'a>(
        &mut self,
        json: Json<'a>,
        kind: &str,
        id: Option<u64>,
        line: &mut String,
        out: &mut Out<'_, 'a>,
    ) {
        if kind == "auth" {
            out.json_of(&ACCESS_TOKEN, json.get("access_token"));
            out.request("auth", "auth");
            return;
        }
        let [domain, service, event] = json.pick(["domain", "service", "event_type"]);
        let text = |value: Option<Json<'a>>| value.and_then(|value| value.text());
        if let (Some(domain), Some(service)) = (text(domain), text(service)) {
            let name = format!("{domain}.{service}");
            *line += &format!(" {}", summary::part(&name));
            out.field(&SERVICE, name);
        }
        out.json_of(&EVENT_TYPE, event);
        if let Some(event) = text(event) {
            *line += &format!(" {}", summary::part(&*event));
        }
        let Some(id) = id else { return };
        if id <= self.last && !self.is_lost.client {
            let text = format!("the id {id} comes after {}", self.last);
            out.finding(&ID_REUSE, text);
        }
        self.last = self.last.max(id);
        out.request(id.to_be_bytes(), line);
        if kind == "ping" {
            out.heartbeat(Heartbeat::Ping);
        }
    }
}

/// What the server says.
fn told(kind: &str, id: Option<u64>, is_error: bool, line: &mut String, out: &mut Out<'_, '_>) {
    let asked = match (kind, id) {
        ("result" | "pong", Some(id)) => out.answer(id.to_be_bytes(), is_error),
        ("auth_ok", _) => out.answer("auth", false),
        ("auth_invalid", _) => {
            out.finding(&AUTH_INVALID, "the server refuses the token");
            out.answer("auth", true)
        }
        _ => None,
    };
    if kind == "pong" {
        out.heartbeat(Heartbeat::Pong);
    }
    if let Some(asked) = asked.filter(|_| kind == "result") {
        *line += &format!(" of {}", summary::part(&*asked.method));
    }
}

/// What a message has beside its head.
fn rest<'a>(json: Json<'a>, out: &mut Out<'_, 'a>) {
    for (key, value) in json.members().take(32) {
        match &*key {
            "type" | "id" | "success" | "access_token" | "error" => {}
            "ha_version" => drop(out.json(&VERSION, value)),
            key => {
                let span = out.span(value.bytes());
                let is_secret = secrets::stand_in(value) || secrets::is_name(key);
                out.line(key.to_owned(), value.datum()).at(span).secret = is_secret;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        let mut talk = Talk::opened("/api/websocket", "", "");
        talk.server(r#"{"type":"auth_required","ha_version":"2024.1.0"}"#);
        let auth = talk
            .client(r#"{"type":"auth","access_token":"s3cret"}"#)
            .unwrap();
        assert!(auth.items.iter().any(|item| item.secret) && auth.summary == "auth");
        let ok = talk
            .server(r#"{"type":"auth_ok","ha_version":"2024.1.0"}"#)
            .unwrap();
        assert_eq!(ok.request(), Some(2));
        talk
    }

    #[test]
    fn commands_are_answered_and_arrays_are_units() {
        let mut talk = talk();
        let call = talk
            .client(r#"{"type":"call_service","domain":"light","service":"turn_on","id":5}"#)
            .unwrap();
        assert_eq!(
            (call.summary.as_str(), field(&call, "homeassistant.service")),
            (
                "call_service light.turn_on",
                vec!["light.turn_on".to_owned()]
            )
        );
        talk.client(r#"{"type":"subscribe_events","event_type":"state_changed","id":6}"#);
        let both = r#"[{"id":6,"type":"result","success":true,"result":null},{"id":6,"type":"event","event":{"event_type":"state_changed"}}]"#;
        let told = talk.server(both).unwrap();
        assert_eq!(
            told.summary,
            "result of subscribe_events state_changed; event state_changed"
        );
        assert_eq!(field(&told, "homeassistant.type"), ["result", "event"]);
        let error = talk.server(r#"{"id":5,"type":"result","success":false,"error":{"code":"not_found","message":"Unknown."}}"#).unwrap();
        assert_eq!(
            (field(&error, "call.error"), error.summary.as_str()),
            (
                vec!["true".to_owned()],
                "result of call_service light.turn_on not_found Unknown."
            )
        );
        talk.client(r#"{"type":"ping","id":8}"#);
        assert_eq!(
            talk.server(r#"{"id":8,"type":"pong"}"#).unwrap().heartbeat,
            Some(Heartbeat::Pong)
        );
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = talk();
        talk.client(r#"{"type":"get_states","id":5}"#);
        assert_eq!(
            findings(&talk.client(r#"{"type":"get_states","id":5}"#).unwrap()),
            ["homeassistant-id-reuse"]
        );
        assert_eq!(
            findings(
                &talk
                    .server(r#"{"type":"auth_invalid","message":"no"}"#)
                    .unwrap()
            ),
            ["homeassistant-auth-invalid"]
        );
        for broken in ["x", "[]", "[1]", r#"{"id":9}"#] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["homeassistant-message-invalid"],
                "{broken}"
            );
        }
    }

    #[test]
    fn it_is_recognised_in_the_middle_and_others_are_not() {
        let result = r#"{"id":7,"type":"result","success":true,"result":null}"#;
        assert_eq!(
            Talk::unknown().server(result).unwrap().protocol(),
            "home-assistant"
        );
        for text in [
            r#"{"type":"auth","token":"x"}"#,
            r#"{"id":7,"type":"event","event":{"a":1}}"#,
            r#"{"id":"7","type":"result","success":true}"#,
            r#"{"id":7,"type":"result","success":true,"user":"x"}"#,
            r#"{"id":7,"type":"pong"}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
