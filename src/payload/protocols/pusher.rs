//! Pusher Channels (pusher.com/docs/channels/library_auth_reference/pusher-websockets-protocol), which Soketi and Reverb speak
//! too: events on channels, whose data is often JSON within a string.

use std::borrow::Cow;

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::summary::Line;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Heartbeat, Objects, Out, Payload, secrets,
    summary,
};

fields! {
    EVENT = "pusher.event", "Event", Text, "Event of a Pusher message.";
    CHANNEL = "pusher.channel", "Channel", Text, "Channel of a Pusher message; on subscribe the one in its data.";
    SOCKET_ID = "pusher.socket_id", "Socket id", Text, "Id that a Pusher server gives a connection.";
    USER_ID = "pusher.user_id", "User id", Text, "Who sent a Pusher client event.";
    AUTH = "pusher.auth", "Auth", Text, "What a Pusher client authenticates with.", secret();
    ERROR_CODE = "pusher.error.code", "Error code", Unsigned, "Code of a Pusher error.";
    ERROR_MESSAGE = "pusher.error.message", "Error message", Text, "What a Pusher error says.";
    DATA = "pusher.data", "Data", Text, "Data of a Pusher event, as JSON where it is.", body();
}

rules! {
    INVALID = "pusher-message-invalid", Error, "Pusher Channels Protocol, Events",
        "A message has no event, or is no JSON object.";
    TOLD = "pusher-error", Warning, "Pusher Channels Protocol, Error Codes",
        "The server reports an error.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "pusher",
    title: "Pusher",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["event"]),
    start: |_| Box::new(Pusher),
    close_code,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let opening = evidence.opening;
    let is_app = opening.path.starts_with("/app/") || opening.path.contains("/app/");
    if evidence.parent.is_none() && is_app && opening.parameter("protocol").is_some() {
        return Claim::certain("the path, and protocol in the query");
    }
    let event = evidence.text_of("event")?;
    if !evidence.has_only(&["event", "channel", "data", "user_id"]) {
        return None;
    }
    if event.starts_with("pusher:") || event.starts_with("pusher_internal:") {
        return Claim::certain("events of Pusher");
    }
    let channel = evidence.text_of("channel")?;
    let is_known = ["private-", "presence-", "private-encrypted-", "cache-"]
        .iter()
        .any(|prefix| channel.starts_with(prefix));
    let data = evidence.member("data")?.text();
    let is_inner = data.is_some_and(|data| Json::container(&data).is_some());
    match (is_known || event.starts_with("client-"))
        && (is_inner || evidence.payload.from == Side::Client)
    {
        true => Claim::likely("events on channels"),
        false => None,
    }
}

/// What a code says, or what its range asks of the client.
fn close_code(code: u16) -> Option<&'static str> {
    Some(match code {
        4000 => "application only accepts TLS connections",
        4001 => "application does not exist",
        4003 => "application disabled",
        4004 => "application is over its connection quota",
        4005 => "path not found",
        4006 => "invalid version string format",
        4007 => "unsupported protocol version",
        4008 => "no protocol version supplied",
        4009 => "connection is unauthorized",
        4100 => "over capacity",
        4200 => "generic, reconnect at once",
        4201 => "pong not received in time, reconnect at once",
        4202 => "closed after inactivity, reconnect at once",
        4301 => "client event rejected for its rate",
        4302 => "watchlist limit exceeded",
        code => return range(code),
    })
}

/// What a client does after any code of its range.
fn range(code: u16) -> Option<&'static str> {
    match code {
        4000..=4099 => Some("do not reconnect unchanged"),
        4100..=4199 => Some("reconnect after a while"),
        4200..=4299 => Some("reconnect at once"),
        4300..=4399 => Some("other error"),
        _ => None,
    }
}

#[derive(Clone, Debug)]
struct Pusher;

impl Decode for Pusher {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.object();
        let [event, channel, data, user] = json.map_or([None; 4], |json| {
            json.pick(["event", "channel", "data", "user_id"])
        });
        let Some((event, name)) = event.and_then(|event| Some((event, event.text()?))) else {
            out.unit(DECODER.title);
            out.summary("invalid message");
            let text = format!("{} is no event of Pusher", summary::part(message.bytes));
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        out.unit(DECODER.title);
        out.json(&EVENT, event);
        out.json_of(&USER_ID, user);
        // Data may be JSON, or a string with JSON in it.
        let inner = data.and_then(|data| data.text());
        let parsed = match (&inner, data) {
            (Some(text), _) => Json::parse(text),
            (None, data) => data,
        };
        let own = parsed.map_or(Own::default(), |parsed| Own::of(parsed, &name));
        let channel_text = channel
            .and_then(|channel| channel.text())
            .or(own.channel.clone());
        match (channel, &own.channel) {
            (Some(channel), _) => drop(out.json(&CHANNEL, channel)),
            (None, Some(text)) => drop(out.field(&CHANNEL, text.clone().into_owned())),
            _ => {}
        }
        own.write(out);
        let channel = channel_text.unwrap_or_default();
        call(&name, &channel, out);
        let is_secret = own.auth.is_some() || parsed.is_some_and(secrets::stand_in);
        let mut line = Line::of(&*name);
        line.part(&*channel);
        if let Some(message) = &own.message {
            let code = own.code.map(|code| code.to_string()).unwrap_or_default();
            line.part(&code).part(&**message);
            let said = format!("{code} {}", summary::part(&**message));
            out.finding(&TOLD, format!("the server says {}", said.trim()));
        } else if let Some(data) = data.filter(|_| !is_secret && !name.starts_with("pusher")) {
            line.part(inner.as_deref().unwrap_or(data.raw()));
        }
        out.summary(line.finish());
        if let Some(data) = data {
            let span = out.span(data.bytes());
            let datum = match (&inner, parsed) {
                (Some(text), Some(_)) => Datum::Json(Cow::Owned(text.clone().into_owned())),
                _ => data.datum(),
            };
            out.field(&DATA, datum).at(span).secret |= is_secret;
        }
        Fit::Yes
    }
}

/// What the protocol's own events have in their data.
#[derive(Default)]
struct Own<'a> {
    channel: Option<Cow<'a, str>>,
    socket_id: Option<Cow<'a, str>>,
    auth: Option<Cow<'a, str>>,
    code: Option<u64>,
    message: Option<Cow<'a, str>>,
}

impl<'a> Own<'a> {
    fn of(data: Json<'a>, event: &str) -> Self {
        if data.kind() != JsonKind::Object || !event.starts_with("pusher") {
            return Self::default();
        }
        let [channel, socket_id, auth, code, message] =
            data.pick(["channel", "socket_id", "auth", "code", "message"]);
        let is_error = event == "pusher:error" || event.ends_with("_error");
        let text = |json: Option<Json<'a>>| json.and_then(|json| json.text());
        Self {
            channel: text(channel),
            socket_id: text(socket_id),
            auth: text(auth).filter(|auth| !auth.is_empty()),
            code: code.filter(|_| is_error).and_then(|code| code.unsigned()),
            message: text(message).filter(|_| is_error),
        }
    }

    fn write(&self, out: &mut Out<'_, '_>) {
        for (info, text) in [
            (&SOCKET_ID, &self.socket_id),
            (&AUTH, &self.auth),
            (&ERROR_MESSAGE, &self.message),
        ] {
            if let Some(text) = text {
                out.field(info, text.clone().into_owned());
            }
        }
        if let Some(code) = self.code {
            let words = u16::try_from(code)
                .ok()
                .and_then(close_code)
                .unwrap_or_default();
            out.field(&ERROR_CODE, code).words(words);
        }
    }
}

/// Links subscriptions and what came of them.
fn call(event: &str, channel: &str, out: &mut Out<'_, '_>) {
    match event {
        "pusher:subscribe" => drop(out.request(channel, &format!("subscribe {channel}"))),
        "pusher_internal:subscription_succeeded" => drop(out.answer(channel, false)),
        "pusher:subscription_error" => drop(out.answer(channel, true)),
        "pusher:signin" => drop(out.request("", "signin")),
        "pusher:signin_success" => drop(out.answer("", false)),
        "pusher:ping" => out.heartbeat(Heartbeat::Ping),
        "pusher:pong" => out.heartbeat(Heartbeat::Pong),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/app/lab-key", "protocol=7&client=js&version=8.6.0", "")
    }

    #[test]
    fn subscriptions_are_answered_and_data_is_read_twice() {
        let mut talk = talk();
        let hello = talk.server(r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1234.5678\",\"activity_timeout\":120}"}"#).unwrap();
        assert_eq!(field(&hello, "pusher.socket_id"), ["1234.5678"]);
        let ask = talk.client(r#"{"event":"pusher:subscribe","data":{"auth":"k:abd36","channel":"private-room"}}"#).unwrap();
        assert_eq!(
            (ask.summary.as_str(), field(&ask, "pusher.channel")),
            (
                "pusher:subscribe private-room",
                vec!["private-room".to_owned()]
            )
        );
        assert!(ask.items.iter().filter(|item| item.secret).count() == 2);
        let done = talk.server(r#"{"event":"pusher_internal:subscription_succeeded","channel":"private-room","data":"{}"}"#).unwrap();
        assert_eq!(
            (done.request(), field(&done, "call.method")),
            (Some(2), vec!["subscribe private-room".to_owned()])
        );
        let story = talk
            .server(r#"{"event":"story","channel":"news","data":"{\"n\":1}"}"#)
            .unwrap();
        assert_eq!(
            (story.summary.as_str(), field(&story, "pusher.data")),
            (r#"story news {"n":1}"#, vec![r#"{"n":1}"#.to_owned()])
        );
        let plain = talk
            .server(r#"{"event":"plain","channel":"news","data":"only text"}"#)
            .unwrap();
        assert_eq!(field(&plain, "pusher.data"), ["only text"]);
        let beat = talk.client(r#"{"event":"pusher:ping","data":{}}"#).unwrap();
        assert_eq!(
            (beat.heartbeat, beat.summary.as_str()),
            (Some(Heartbeat::Ping), "pusher:ping")
        );
    }

    #[test]
    fn errors_and_close_codes_have_names() {
        let mut talk = talk();
        let error = talk
            .server(r#"{"event":"pusher:error","data":{"code":4001,"message":"App key unknown"}}"#)
            .unwrap();
        assert_eq!(
            (findings(&error), field(&error, "pusher.error.code")),
            (vec!["pusher-error"], vec!["4001".to_owned()])
        );
        let vague = talk
            .server(
                r#"{"event":"pusher:error","data":{"code":null,"message":"Invalid signature"}}"#,
            )
            .unwrap();
        assert_eq!(
            (
                vague.summary.as_str(),
                field(&vague, "pusher.error.code").len()
            ),
            ("pusher:error Invalid signature", 0)
        );
        assert_eq!(
            talk.close(4077).unwrap().summary,
            "4077 do not reconnect unchanged"
        );
        assert_eq!(
            talk.close(4201).unwrap().summary,
            "4201 pong not received in time, reconnect at once"
        );
        for broken in ["{}", "x", r#"{"event":7}"#] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["pusher-message-invalid"],
                "{broken}"
            );
        }
    }

    #[test]
    fn it_is_recognised_without_a_handshake_and_others_are_not() {
        let ping = r#"{"event":"pusher:ping","data":{}}"#;
        assert_eq!(
            Talk::unknown().client(ping).unwrap().confidence().name(),
            "certain"
        );
        let event = r#"{"event":"typing","channel":"presence-room","data":"{}"}"#;
        assert_eq!(Talk::unknown().server(event).unwrap().protocol(), "pusher");
        for text in [
            r#"{"event":"message","data":"{}"}"#,
            r#"{"event":"message","channel":"news","data":"{}"}"#,
            r#"{"event":"message","channel":"private-x","data":{"a":1}}"#,
            r#"{"event":"pusher:ping","id":1}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
