//! Rails' Action Cable, `actioncable-v1-json` (guides.rubyonrails.org/action_cable_overview.html): commands of clients on
//! subscriptions, whose identifier and data are JSON within strings, and messages of the server on them.

use std::borrow::Cow;

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, secrets,
    summary,
};

const TYPES: &[&str] = &[
    "welcome",
    "ping",
    "confirm_subscription",
    "reject_subscription",
    "disconnect",
    // AnyCable's actioncable-v1-ext-json has these besides.
    "confirm_history",
    "reject_history",
];
const COMMANDS: &[&str] = &[
    "subscribe",
    "unsubscribe",
    "message",
    "history",
    "whisper",
    "pong",
];

/// Members of what a server sends on a subscription; AnyCable adds where in the stream it stands.
const MESSAGE_MEMBERS: &[&str] = &["identifier", "message", "stream_id", "epoch", "offset"];

fields! {
    TYPE = "actioncable.type", "Type", Text, "Type of an Action Cable server's own message.", words(TYPES);
    COMMAND = "actioncable.command", "Command", Text, "Command of an Action Cable client.", words(COMMANDS);
    IDENTIFIER = "actioncable.identifier", "Identifier", Text, "Identifier of an Action Cable subscription, as sent.";
    CHANNEL = "actioncable.channel", "Channel", Text, "Channel that an Action Cable identifier names.";
    ACTION = "actioncable.action", "Action", Text, "Action that an Action Cable message calls in its channel.";
    REASON = "actioncable.reason", "Reason", Text, "Why an Action Cable server disconnects.";
    RECONNECT = "actioncable.reconnect", "Reconnect", Flag, "Whether an Action Cable client may connect again.";
    DATA = "actioncable.data", "Data", Text, "What an Action Cable client sends, as JSON.", body();
    MESSAGE = "actioncable.message", "Message", Text, "What an Action Cable server sends, as JSON.", body();
}

rules! {
    INVALID = "actioncable-message-invalid", Error, "Action Cable, actioncable-v1-json",
        "A message is none of the Action Cable protocol.";
    DISCONNECT = "actioncable-disconnect", Warning, "Action Cable, disconnect",
        "The server disconnects the client, and says why.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "action-cable",
    title: "Action Cable",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["identifier", "type"]),
    start: |_| Box::new(ActionCable),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if matches!(
        evidence.subprotocol(),
        "actioncable-v1-json" | "actioncable-v1-ext-json"
    ) {
        return Claim::certain("subprotocol");
    }
    let named = |key| evidence.member(key)?.text();
    let channel = named("identifier").is_some_and(|identifier| channel_of(&identifier).is_some());
    let kind = evidence.text_of("type");
    let is_command = evidence
        .text_of("command")
        .is_some_and(|command| COMMANDS.contains(&command))
        && evidence.has_only(&["command", "identifier", "data", "history", "presence"]);
    let is_told = match kind {
        Some("confirm_subscription" | "reject_subscription") => {
            evidence.has_only(&["type", "identifier"])
        }
        None => evidence.member("message").is_some() && evidence.has_only(MESSAGE_MEMBERS),
        Some(_) => false,
    };
    if channel && (is_command || is_told) {
        return Claim::certain("an identifier with a channel");
    }
    match evidence.payload.from == Side::Server && is_own(kind?, evidence) {
        true => Claim::likely("messages of an Action Cable server"),
        false => None,
    }
}

/// Whether a message is one that a server sends on its own behalf.
fn is_own(kind: &str, evidence: &Evidence<'_>) -> bool {
    let has = |key| evidence.member(key).is_some();
    match kind {
        // AnyCable names the session.
        "welcome" => evidence.has_only(&["type", "sid"]) && evidence.is_first(),
        "ping" => {
            // Seconds since 1970.
            let time = evidence.member("message").and_then(|time| time.unsigned());
            evidence.has_only(&["type", "message"]) && time.is_some_and(|time| time > 1_000_000_000)
        }
        "disconnect" => {
            evidence.has_only(&["type", "reason", "reconnect"]) && has("reason") && has("reconnect")
        }
        _ => false,
    }
}

/// The channel an identifier names.
fn channel_of(identifier: &str) -> Option<String> {
    let json = Json::object(identifier)?;
    Some(json.text_of("channel")?.into_owned())
}

#[derive(Clone, Debug)]
struct ActionCable;

impl Decode for ActionCable {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.object();
        if let Some(unit) = json.and_then(Unit::of) {
            out.unit(DECODER.title);
            unit.write(message.from, out);
            return Fit::Yes;
        }
        out.unit(DECODER.title);
        out.summary("invalid message");
        let text = format!(
            "{} is no message of Action Cable",
            summary::part(message.bytes)
        );
        out.finding(&INVALID, text);
        Fit::Broken
    }
}

/// A message's parts.
#[derive(Clone, Copy, Debug)]
struct Unit<'a> {
    json: Json<'a>,
    kind: Option<Json<'a>>,
    command: Option<Json<'a>>,
    identifier: Option<Json<'a>>,
    message: Option<Json<'a>>,
    data: Option<Json<'a>>,
}

impl<'a> Unit<'a> {
    fn of(json: Json<'a>) -> Option<Unit<'a>> {
        let [kind, command, identifier, message, data] =
            json.pick(["type", "command", "identifier", "message", "data"]);
        let known = |value: Option<Json<'_>>, words: &[&str]| {
            value.is_none_or(|value| value.plain().is_some_and(|word| words.contains(&word)))
        };
        let says =
            kind.is_some() || command.is_some() || (identifier.is_some() && message.is_some());
        (says && known(kind, TYPES) && known(command, COMMANDS)).then_some(Unit {
            json,
            kind,
            command,
            identifier,
            message,
            data,
        })
    }

    fn write(&self, from: Side, out: &mut Out<'_, 'a>) {
        out.json_of(&TYPE, self.kind);
        out.json_of(&COMMAND, self.command);
        let identifier = self.identifier.and_then(|it| it.text()).unwrap_or_default();
        let channel = channel_of(&identifier);
        out.json_of(&IDENTIFIER, self.identifier);
        let known = summary::part(channel.as_deref().unwrap_or(&identifier));
        if let Some(channel) = channel {
            out.field(&CHANNEL, channel);
        }
        let word = |json: Option<Json<'a>>| json.and_then(|json| json.plain());
        match (word(self.command), word(self.kind)) {
            (Some(command), _) => self.command(command, &identifier, &known, out),
            (None, Some(kind)) => self.told(kind, &identifier, &known, out),
            (None, None) => {
                let said = self
                    .message
                    .map(|it| summary::part(it.raw()))
                    .unwrap_or_default();
                out.summary(format!("{known} {said}"));
                out.json_of(&MESSAGE, self.message);
            }
        }
        let is_astray = self.command.is_some() == (from == Side::Server);
        if is_astray && (self.command.is_some() || self.kind.is_some()) {
            out.finding(&INVALID, format!("the {} does not send this", from.name()));
        }
    }

    fn command(&self, command: &str, identifier: &str, known: &str, out: &mut Out<'_, 'a>) {
        let mut line = format!("{command} {known}");
        if command == "subscribe" {
            out.request(identifier, &line);
        }
        if let Some((data, text)) = self.data.and_then(|data| Some((data, data.text()?))) {
            let span = out.span(data.bytes());
            let json = Json::parse(&text);
            let action = json.and_then(|json| json.text_of("action"));
            let is_secret = json.is_some_and(secrets::stand_in);
            if let Some(action) = &action {
                line += &format!(" {}", summary::part(&**action));
                out.field(&ACTION, action.clone().into_owned());
            } else if !is_secret {
                line += &format!(" {}", summary::part(&*text));
            }
            let datum = match json.is_some() {
                true => Datum::Json(Cow::Owned(text.into_owned())),
                false => Datum::Text(Cow::Owned(text.into_owned())),
            };
            out.field(&DATA, datum).at(span).secret |= is_secret;
        }
        if command == "pong" {
            out.heartbeat(Heartbeat::Pong);
        } else if self.identifier.is_none() {
            out.finding(&INVALID, format!("{command} without an identifier"));
        }
        out.summary(line);
    }

    /// What the server says on its own behalf.
    fn told(&self, kind: &str, identifier: &str, known: &str, out: &mut Out<'_, 'a>) {
        match kind {
            "confirm_subscription" => drop(out.answer(identifier, false)),
            "reject_subscription" => drop(out.answer(identifier, true)),
            "ping" => {
                out.heartbeat(Heartbeat::Ping);
                out.json_of(&MESSAGE, self.message);
            }
            "disconnect" => {
                let [reason, reconnect] = self.json.pick(["reason", "reconnect"]);
                out.json_of(&REASON, reason);
                out.json_of(
                    &RECONNECT,
                    reconnect.filter(|it| it.kind() == JsonKind::Bool),
                );
                let reason = reason.and_then(|it| it.text()).unwrap_or_default();
                let again = match reconnect.and_then(|it| it.bool()) {
                    Some(true) => ", the client may come again",
                    Some(false) => ", the client must not come again",
                    None => "",
                };
                let said = format!("{}{again}", summary::part(&*reason));
                out.finding(&DISCONNECT, said.clone());
                return out.summary(format!("disconnect {said}"));
            }
            _ => {}
        }
        out.summary(format!("{kind} {known}").trim_end());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    const ROOM: &str = r#""identifier":"{\"channel\":\"ChatChannel\",\"room\":\"tea\"}""#;

    fn talk() -> Talk {
        Talk::opened("/cable", "", "actioncable-v1-json")
    }

    #[test]
    fn a_subscription_is_confirmed_and_used() {
        let mut talk = talk();
        assert_eq!(
            talk.server(r#"{"type":"welcome"}"#).unwrap().summary,
            "welcome"
        );
        let ask = format!(r#"{{"command":"subscribe",{ROOM}}}"#);
        let asked = talk.client(&ask).unwrap();
        assert_eq!(asked.summary, "subscribe ChatChannel");
        assert_eq!(
            field(&asked, "actioncable.identifier"),
            [r#"{"channel":"ChatChannel","room":"tea"}"#]
        );
        let confirm = format!(r#"{{{ROOM},"type":"confirm_subscription"}}"#);
        let confirmed = talk.server(&confirm).unwrap();
        assert_eq!(
            (confirmed.request(), field(&confirmed, "call.error")),
            (Some(2), vec!["false".to_owned()])
        );
        let say = format!(
            r#"{{"command":"message",{ROOM},"data":"{{\"text\":\"hi\",\"action\":\"speak\"}}"}}"#
        );
        let said = talk.client(&say).unwrap();
        assert_eq!(
            (said.summary.as_str(), field(&said, "actioncable.action")),
            ("message ChatChannel speak", vec!["speak".to_owned()])
        );
        assert_eq!(
            field(&said, "actioncable.data"),
            [r#"{"text":"hi","action":"speak"}"#]
        );
        let event = format!(r#"{{{ROOM},"message":{{"text":"hi"}}}}"#);
        let told = talk.server(&event).unwrap();
        assert_eq!(told.summary, r#"ChatChannel {"text":"hi"}"#);
        let ping = talk
            .server(r#"{"type":"ping","message":1795972715}"#)
            .unwrap();
        assert_eq!(ping.heartbeat, Some(Heartbeat::Ping));
    }

    #[test]
    fn refusals_and_what_breaks_the_protocol_are_found() {
        let mut talk = talk();
        let gone = talk
            .server(r#"{"type":"disconnect","reason":"unauthorized","reconnect":false}"#)
            .unwrap();
        assert_eq!(findings(&gone), ["actioncable-disconnect"]);
        assert_eq!(field(&gone, "actioncable.reconnect"), ["false"]);
        let ask = format!(r#"{{"command":"subscribe",{ROOM}}}"#);
        talk.client(&ask);
        let reject = format!(r#"{{{ROOM},"type":"reject_subscription"}}"#);
        assert_eq!(
            field(&talk.server(&reject).unwrap(), "call.error"),
            ["true"]
        );
        for broken in [
            "{}",
            "x",
            "[]",
            r#"{"command":"dance"}"#,
            r#"{"type":"hello"}"#,
            r#"{"command":"subscribe"}"#,
            r#"{"type":"welcome"}"#,
        ] {
            let decoded = talk.client(broken).unwrap();
            assert_eq!(
                findings(&decoded),
                ["actioncable-message-invalid"],
                "{broken}"
            );
        }
        let secret = format!(r#"{{"command":"message",{ROOM},"data":"{{\"token\":\"s3cret\"}}"}}"#);
        let said = talk.client(&secret).unwrap();
        assert!(said.items.iter().any(|item| item.secret) && !said.summary.contains("s3cret"));
    }

    #[test]
    fn it_is_recognised_without_a_token_and_others_are_not() {
        let ask = format!(r#"{{"command":"subscribe",{ROOM}}}"#);
        assert_eq!(
            Talk::unknown().client(&ask).unwrap().protocol(),
            "action-cable"
        );
        let ping = r#"{"type":"ping","message":1795972715}"#;
        assert_eq!(
            Talk::unknown().server(ping).unwrap().protocol(),
            "action-cable"
        );
        for text in [
            r#"{"type":"welcome"}"#,
            r#"{"type":"ping","message":"hi"}"#,
            r#"{"command":"subscribe","identifier":"tea"}"#,
            r#"{"identifier":"x","message":"y"}"#,
            r#"{"type":"disconnect"}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
