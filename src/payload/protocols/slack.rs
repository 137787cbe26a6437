//! Slack's Socket Mode (docs.slack.dev/apis/events-api/using-socket-mode): envelopes the client acknowledges by their id.

use crate::base::Side;
use crate::payload::json::Json;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Objects, Out, Payload, secrets, summary,
};

fields! {
    TYPE = "slack.type", "Type", Text, "Type of a Slack message.";
    ENVELOPE_ID = "slack.envelope_id", "Envelope id", Text, "Id by which a Slack message is acknowledged.";
    EVENT = "slack.event", "Event", Text, "Event, command or interaction in a Slack message.";
    REASON = "slack.reason", "Reason", Text, "Why Slack ends the connection.";
    PAYLOAD = "slack.payload", "Payload", Text, "Payload of a Slack message as JSON.", body();
}

rules! {
    INVALID = "slack-message-invalid", Error, "Slack, Using Socket Mode", "A message is none of Socket Mode.";
    DISCONNECT = "slack-disconnect", Note, "Slack, Using Socket Mode", "Slack is going to end the connection.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "slack-socket-mode",
    title: "Slack",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["type"]),
    start: |_| Box::new(Slack),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let has = |key| evidence.member(key).is_some();
    let is_one = match evidence.text_of("type")? {
        "hello" => has("num_connections") && has("connection_info"),
        "events_api" | "interactive" | "slash_commands" => {
            has("envelope_id") && has("payload") && has("accepts_response_payload")
        }
        _ => false,
    };
    match is_one {
        true => Claim::certain("envelopes of Socket Mode"),
        false => None,
    }
}

#[derive(Clone, Debug)]
struct Slack;

impl Decode for Slack {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.object();
        let [kind, id, payload, reason] = json.map_or([None; 4], |json| {
            json.pick(["type", "envelope_id", "payload", "reason"])
        });
        if kind.is_none() && id.is_none() {
            out.unit(DECODER.title);
            out.summary("invalid message");
            let text = format!("{} is no envelope", summary::part(message.bytes));
            out.finding(&INVALID, text);
            return Fit::Broken;
        }
        out.unit(DECODER.title);
        out.json_of(&TYPE, kind);
        out.json_of(&ENVELOPE_ID, id);
        out.json_of(&REASON, reason);
        let event = payload.and_then(event);
        out.json_of(&EVENT, event);
        let text = |json: Option<Json<'a>>| json.and_then(|json| json.text()).unwrap_or_default();
        let (word, id, event) = (text(kind), text(id), text(event));
        let line = match message.from {
            Side::Server => {
                let line = format!("{word} {event}");
                if !id.is_empty() {
                    out.request(id.as_bytes(), line.trim_end());
                }
                if word == "disconnect" {
                    let reason = summary::part(&*text(reason));
                    out.finding(&DISCONNECT, format!("the reason is {reason}"));
                }
                format!("{} {}", summary::part(&*word), summary::part(&*event))
            }
            Side::Client => match out.answer(id.as_bytes(), false) {
                Some(asked) => format!("acknowledges {}", summary::part(&*asked.method)),
                None => "acknowledges".to_owned(),
            },
        };
        out.summary(line.trim_end());
        if let Some(payload) = payload {
            out.json(&PAYLOAD, payload).secret |= secrets::stand_in(payload);
        }
        Fit::Yes
    }
}

/// What a payload is about: an event's type, a command, or an interaction.
fn event(payload: Json<'_>) -> Option<Json<'_>> {
    let [event, command, kind] = payload.pick(["event", "command", "type"]);
    event
        .and_then(|event| event.get("type"))
        .or(command)
        .or(kind)
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    #[test]
    fn envelopes_are_acknowledged() {
        let mut talk = Talk::unknown();
        let hello = r#"{"type":"hello","num_connections":1,"debug_info":{},"connection_info":{"app_id":"A1"}}"#;
        assert_eq!(talk.server(hello).unwrap().confidence().name(), "certain");
        let event = r#"{"envelope_id":"e1","type":"events_api","accepts_response_payload":false,"payload":{"token":"s3cret","event":{"type":"message"}}}"#;
        let told = talk.server(event).unwrap();
        assert_eq!(
            (told.summary.as_str(), field(&told, "slack.event")),
            ("events_api message", vec!["message".to_owned()])
        );
        assert!(told.items.iter().any(|item| item.secret));
        let ack = talk.client(r#"{"envelope_id":"e1"}"#).unwrap();
        assert_eq!(
            (ack.request(), ack.summary.as_str()),
            (Some(2), "acknowledges events_api message")
        );
        let gone = talk
            .server(r#"{"type":"disconnect","reason":"refresh_requested"}"#)
            .unwrap();
        assert_eq!(findings(&gone), ["slack-disconnect"]);
        assert_eq!(
            findings(&talk.client("{}").unwrap()),
            ["slack-message-invalid"]
        );
        assert_eq!(
            Talk::unknown()
                .server(r#"{"type":"hello"}"#)
                .unwrap()
                .protocol(),
            "json"
        );
    }
}
