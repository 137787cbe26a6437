//! Phoenix Channels, serializers 1 and 2 (hexdocs.pm/phoenix): objects with a topic, an event, a payload and a ref; arrays
//! `[join_ref, ref, topic, event, payload]`; and three binary forms whose lengths stand in front. Supabase Realtime
//! (github.com/supabase/realtime-js, `lib/serializer.ts`) adds two more, for a user's broadcasts.

use std::borrow::Cow;

use crate::base::Side;
use crate::payload::json::{Json, JsonKind};
use crate::payload::summary::Line;
use crate::payload::table::{fields, rules};
use crate::payload::{
    Claim, Datum, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Out, Payload, secrets,
    summary,
};

fields! {
    TYPE = "phoenix.type", "Type", Text, "What a Phoenix message is.", words(&["push", "reply", "broadcast"]);
    TOPIC = "phoenix.topic", "Topic", Text, "Topic of a Phoenix message.";
    EVENT = "phoenix.event", "Event", Text, "Event of a Phoenix message.";
    REF = "phoenix.ref", "Ref", Text, "Ref by which a Phoenix reply belongs to its push.";
    JOIN_REF = "phoenix.join_ref", "Join ref", Text, "Ref of the join that a Phoenix message belongs to.";
    STATUS = "phoenix.status", "Status", Text, "Status of a Phoenix reply, `ok` or `error` by custom.";
    USER_EVENT = "phoenix.user_event", "User's event", Text, "Event of a user's broadcast in Supabase Realtime.";
    METADATA = "phoenix.metadata", "Metadata", Text, "Metadata of a user's broadcast in Supabase Realtime, as JSON.";
    PAYLOAD = "phoenix.payload", "Payload", Text, "Payload of a Phoenix message as JSON.", body();
    DATA = "phoenix.data", "Data", Bytes, "Payload of a binary Phoenix message.", body();
}

rules! {
    INVALID = "phoenix-message-invalid", Error, "Phoenix.Socket.Serializer",
        "A message is not what the serializer in use writes.";
    REF_UNKNOWN = "phoenix-ref-unknown", Warning, "Phoenix.Socket.Reply",
        "A reply has a ref that no push waits with.";
    CRASHED = "phoenix-channel-error", Warning, "Phoenix.Channel",
        "A channel ended with an error, so the client joins it again.";
}

/// Phoenix's event of a user's broadcast.
const BROADCAST: &str = "broadcast";
/// How a user's broadcast says that its payload is JSON, and not bytes.
const JSON_ENCODED: u8 = 1;

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "phoenix",
    title: "Phoenix",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["topic"]),
    start: |_| Box::new(Phoenix),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let opening = evidence.opening;
    if evidence.parent.is_some() {
        return None;
    }
    if evidence.subprotocol() == "phoenix" {
        return Claim::certain("subprotocol");
    }
    let is_versioned = opening
        .parameter("vsn")
        .is_some_and(|version| version.starts_with(['1', '2']));
    if is_versioned && opening.path.ends_with("/websocket") {
        return Claim::certain("vsn in the query");
    }
    let json = evidence.json()?;
    let is_only = json.kind() == JsonKind::Array
        || evidence.has_only(&["topic", "event", "payload", "ref", "join_ref"]);
    if !is_only {
        return None;
    }
    let unit = Unit::of(json)?;
    let is_shaped = unit.payload.kind() == JsonKind::Object
        && [unit.reference, unit.join_ref]
            .iter()
            .flatten()
            .all(|value| is_ref(*value));
    let event = unit.event.plain()?;
    let is_known = matches!(
        event,
        "phx_join" | "phx_reply" | "phx_leave" | "phx_close" | "phx_error"
    ) || (event == "heartbeat" && unit.topic.plain() == Some("phoenix"));
    match (is_shaped, is_known) {
        (true, true) => Claim::certain("events of Phoenix"),
        // Five values in this order, or these five keys, with a topic that has a part after a colon.
        (true, false) if unit.topic.plain().is_some_and(|topic| topic.contains(':')) => {
            Claim::likely("the form of its messages")
        }
        _ => None,
    }
}

/// Whether a value is what clients count with; some count with numbers, and not with texts as Phoenix's own.
fn is_ref(value: Json<'_>) -> bool {
    value.kind() == JsonKind::Null
        || value.unsigned().is_some()
        || value
            .plain()
            .is_some_and(|text| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A ref as the key of a call; empty where there is none.
fn key(reference: Json<'_>) -> Cow<'_, str> {
    match reference.kind() {
        JsonKind::Number => reference.raw().into(),
        _ => reference.text().unwrap_or_default(),
    }
}

/// The parts of a message in JSON.
#[derive(Clone, Copy, Debug)]
struct Unit<'a> {
    join_ref: Option<Json<'a>>,
    reference: Option<Json<'a>>,
    topic: Json<'a>,
    event: Json<'a>,
    payload: Json<'a>,
}

impl<'a> Unit<'a> {
    fn of(json: Json<'a>) -> Option<Unit<'a>> {
        let [join_ref, reference, topic, event, payload] = match json.kind() {
            JsonKind::Object => json.pick(["join_ref", "ref", "topic", "event", "payload"]),
            _ => {
                let mut elements = json.elements();
                let five = std::array::from_fn(|_| elements.next());
                if elements.next().is_some() {
                    return None;
                }
                five
            }
        };
        let is_text = |value: &Json<'_>| value.kind() == JsonKind::String;
        Some(Unit {
            join_ref,
            reference,
            topic: topic.filter(is_text)?,
            event: event.filter(is_text)?,
            payload: payload?,
        })
    }
}

#[derive(Clone, Debug)]
struct Phoenix;

impl Decode for Phoenix {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let json = message.json();
        let told = match json {
            Some(json) => Unit::of(json).map(|unit| in_json(&unit, message.from, out)),
            None if message.kind == Kind::Binary => {
                in_binary(message, out).or_else(|| user_broadcast(message, out))
            }
            None => None,
        };
        if told.is_some() {
            return Fit::Yes;
        }
        out.unit(DECODER.title);
        out.summary("invalid message");
        let text = format!("{} is no message of Phoenix", summary::part(message.bytes));
        out.finding(&INVALID, text);
        Fit::Broken
    }
}

fn in_json<'a>(unit: &Unit<'a>, from: Side, out: &mut Out<'_, 'a>) {
    let topic = unit.topic.text().unwrap_or_default();
    let event = unit.event.text().unwrap_or_default();
    let kind = match (
        &*event,
        unit.reference.is_some_and(|it| it.kind() != JsonKind::Null),
        from,
    ) {
        ("phx_reply", ..) => "reply",
        (_, false, Side::Server) => "broadcast",
        _ => "push",
    };
    out.unit(DECODER.title);
    out.field(&TYPE, kind);
    out.json(&TOPIC, unit.topic);
    out.json(&EVENT, unit.event);
    out.json_of(&REF, unit.reference);
    out.json_of(&JOIN_REF, unit.join_ref);
    let status = unit.payload.get("status").filter(|_| kind == "reply");
    out.json_of(&STATUS, status);
    let is_secret = secrets::stand_in(unit.payload);
    out.json(&PAYLOAD, unit.payload).secret |= is_secret;
    let shown = match kind {
        "reply" => unit.payload.get("response").unwrap_or(unit.payload),
        _ => unit.payload,
    };
    let said = Said {
        kind,
        reference: unit.reference.map(key).unwrap_or_default(),
        topic,
        event,
        status: status.and_then(|it| it.text()),
        shown: match is_secret || shown.raw() == "{}" {
            true => "".into(),
            false => shown.raw().into(),
        },
    };
    said.write(from, out);
}

/// A message with lengths in front; which ones says its first byte, and who sends it.
fn in_binary<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Option<()> {
    let (kind, parts, rest) = parts(message)?;
    let [join_ref, reference, topic, last] = parts;
    let event = if kind == "reply" { "phx_reply" } else { last };
    let status = (kind == "reply").then_some(last);
    out.unit(DECODER.title).words("binary");
    out.field_at(&TYPE, kind, message.bytes.get(..1)?);
    out.field_at(&TOPIC, topic, topic.as_bytes());
    out.field_at(&EVENT, event, event.as_bytes());
    for (info, text) in [
        (&REF, reference),
        (&JOIN_REF, join_ref),
        (&STATUS, status.unwrap_or_default()),
    ] {
        if !text.is_empty() {
            out.field_at(info, text, text.as_bytes());
        }
    }
    let said = Said {
        kind,
        reference: reference.into(),
        topic: topic.into(),
        event: event.into(),
        status: status.map(Cow::Borrowed),
        shown: format!("{} bytes", rest.len()).into(),
    };
    said.write(message.from, out);
    out.field_at(&DATA, Datum::from(rest), rest);
    out.carry(rest.into(), Kind::Binary);
    Some(())
}

/// The kind of a binary message, its join ref, ref, topic and what comes last, and the data.
fn parts<'a>(message: &Payload<'a>) -> Option<(&'static str, [&'a str; 4], &'a [u8])> {
    let (kind, rest) = message.bytes.split_first()?;
    // A push of a server has no ref, a broadcast no join ref either.
    let (kind, places): (_, &[usize]) = match (kind, message.from) {
        (0, Side::Client) => ("push", &[0, 1, 2, 3]),
        (0, Side::Server) => ("push", &[0, 2, 3]),
        (1, Side::Server) => ("reply", &[0, 1, 2, 3]),
        (2, Side::Server) => ("broadcast", &[2, 3]),
        _ => return None,
    };
    let (lengths, rest) = rest.split_at_checked(places.len())?;
    let (parts, rest) = texts(lengths, places, rest)?;
    Some((kind, parts, rest))
}

/// Texts of these lengths, each put at its place, and what is behind them.
fn texts<'a, const N: usize>(
    lengths: &[u8],
    places: &[usize],
    mut rest: &'a [u8],
) -> Option<([&'a str; N], &'a [u8])> {
    let mut texts = [""; N];
    for (length, place) in lengths.iter().zip(places) {
        let (value, behind) = rest.split_at_checked(usize::from(*length))?;
        *texts.get_mut(*place)? = std::str::from_utf8(value).ok()?;
        rest = behind;
    }
    Some((texts, rest))
}

/// A user's broadcast as Supabase Realtime writes it: Phoenix's event is `broadcast`, the user's own and its metadata stand
/// beside the lengths, and the payload is JSON or bytes.
fn user_broadcast<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Option<()> {
    let (kind, rest) = message.bytes.split_first()?;
    let (kind, places): (_, &[usize]) = match (kind, message.from) {
        (3, Side::Client) => ("push", &[0, 1, 2, 3, 4]),
        (4, Side::Server) => ("broadcast", &[2, 3, 4]),
        _ => return None,
    };
    let (lengths, rest) = rest.split_at_checked(places.len())?;
    let (encoding, rest) = rest.split_first()?;
    let (parts, rest) = texts(lengths, places, rest)?;
    let [join_ref, reference, topic, user_event, metadata] = parts;
    out.unit(DECODER.title).words("binary");
    out.field_at(&TYPE, kind, message.bytes.get(..1)?);
    out.field_at(&TOPIC, topic, topic.as_bytes());
    out.field(&EVENT, BROADCAST);
    for (info, text) in [
        (&REF, reference),
        (&JOIN_REF, join_ref),
        (&USER_EVENT, user_event),
        (&METADATA, metadata),
    ] {
        if !text.is_empty() {
            out.field_at(info, text, text.as_bytes());
        }
    }
    let json = (*encoding == JSON_ENCODED)
        .then(|| std::str::from_utf8(rest).ok().and_then(Json::container))
        .flatten();
    let is_secret = json.is_some_and(secrets::stand_in);
    let said = Said {
        kind,
        reference: reference.into(),
        topic: topic.into(),
        event: BROADCAST.into(),
        status: Some(user_event.into()),
        shown: match json {
            Some(_) if is_secret => "".into(),
            Some(json) => json.raw().into(),
            None => format!("{} bytes", rest.len()).into(),
        },
    };
    said.write(message.from, out);
    match json {
        Some(json) => out.json(&PAYLOAD, json).secret |= is_secret,
        None => {
            out.field_at(&DATA, Datum::from(rest), rest);
            out.carry(rest.into(), Kind::Binary);
        }
    }
    Some(())
}

/// What a message says, in either form.
struct Said<'a> {
    kind: &'static str,
    reference: Cow<'a, str>,
    topic: Cow<'a, str>,
    event: Cow<'a, str>,
    status: Option<Cow<'a, str>>,
    /// The payload for the summary.
    shown: Cow<'a, str>,
}

impl Said<'_> {
    fn write(&self, from: Side, out: &mut Out<'_, '_>) {
        let asked = self.call(from, out);
        let mut line = match (self.kind, asked) {
            ("reply", Some(method)) => {
                let mut line = Line::new("reply");
                line.part(&method);
                line
            }
            ("reply", None) => Line::new("reply"),
            _ => Line::of(&*self.event),
        };
        line.part(&*self.topic)
            .part(self.status.as_deref().unwrap_or_default())
            .part(&*self.shown);
        out.summary(line.finish());
        if self.event == "phx_error" && from == Side::Server {
            let topic = summary::part(&*self.topic);
            out.finding(&CRASHED, format!("the channel {topic} ended with an error"));
        }
    }

    /// Links pushes and replies; the event that is answered.
    fn call(&self, from: Side, out: &mut Out<'_, '_>) -> Option<String> {
        let is_heartbeat = self.topic == "phoenix" && self.event == "heartbeat";
        if is_heartbeat && from == Side::Client {
            out.heartbeat(Heartbeat::Ping);
        }
        if from == Side::Client && !self.reference.is_empty() {
            let is_own = is_heartbeat || matches!(&*self.event, "phx_join" | "phx_leave");
            match is_own {
                true => out.request(&*self.reference, &self.event),
                // The server may leave an application's push without a reply.
                false => out.request_freely(&*self.reference, &self.event),
            };
            return None;
        }
        if self.kind != "reply" {
            return None;
        }
        // What was asked without a ref is answered without; to this topic nothing but heartbeats is sent.
        if self.reference.is_empty() {
            if self.topic == "phoenix" {
                out.heartbeat(Heartbeat::Pong);
            }
            return None;
        }
        let is_error = self.status.as_deref() == Some("error");
        let asked = out.answer(&*self.reference, is_error);
        if asked.is_none() && out.is_whole() {
            let text = format!(
                "no push with the ref {} waits",
                summary::part(&*self.reference)
            );
            out.finding(&REF_UNKNOWN, text);
        }
        let method = asked?.method.into_string();
        if self.topic == "phoenix" && method == "heartbeat" {
            out.heartbeat(Heartbeat::Pong);
        }
        Some(method)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, fields_of, findings};

    fn v2() -> Talk {
        Talk::opened("/socket/websocket", "vsn=2.0.0", "")
    }

    #[test]
    fn arrays_and_objects_are_the_same_messages() {
        let mut talk = v2();
        let join = talk
            .client(r#"["4","4","room:lobby","phx_join",{"token":"s3cret"}]"#)
            .unwrap();
        assert_eq!(join.summary, "phx_join room:lobby");
        assert!(join.items.iter().any(|item| item.secret));
        let reply = talk
            .server(
                r#"["4","4","room:lobby","phx_reply",{"status":"ok","response":{"user":"ada"}}]"#,
            )
            .unwrap();
        assert_eq!(
            reply.summary,
            r#"reply phx_join room:lobby ok {"user":"ada"}"#
        );
        assert_eq!(reply.request(), Some(1));
        let shout = talk
            .server(r#"[null,null,"room:lobby","shout",{"text":"hi"}]"#)
            .unwrap();
        assert_eq!(
            fields_of(&shout)[..3],
            [
                ("phoenix.type", "broadcast".to_owned()),
                ("phoenix.topic", "room:lobby".to_owned()),
                ("phoenix.event", "shout".to_owned()),
            ]
        );
        let mut talk = Talk::opened("/socket/websocket", "vsn=1.0.0", "");
        talk.client(
            r#"{"topic":"room:lobby","event":"save","payload":{},"ref":"8","join_ref":"4"}"#,
        );
        let reply = talk
            .server(r#"{"topic":"room:lobby","event":"phx_reply","payload":{"status":"error","response":{"reason":"no"}},"ref":"8"}"#)
            .unwrap();
        assert_eq!(field(&reply, "phoenix.status"), ["error"]);
        assert_eq!(
            (field(&reply, "call.method"), field(&reply, "call.error")),
            (vec!["save".to_owned()], vec!["true".to_owned()])
        );
    }

    #[test]
    fn binary_messages_of_the_serializers_own_tests() {
        let bytes = |text: &str| hex::decode(text).unwrap();
        let push = bytes("0002010302313031746f70657601");
        let mut talk = v2();
        let pushed = talk.client_bytes(&push).unwrap();
        assert_eq!(field(&pushed, "phoenix.join_ref"), ["10"]);
        assert_eq!(field(&pushed, "phoenix.ref"), ["1"]);
        assert_eq!(field(&pushed, "phoenix.topic"), ["top"]);
        assert_eq!(field(&pushed, "phoenix.event"), ["ev"]);
        let small = bytes("00010101013031746501");
        assert_eq!(v2().client_bytes(&small).unwrap().summary, "e t 1 bytes");
        let from_server = bytes("0003030a313233746f70736f6d652d6576656e740101");
        let pushed = talk.server_bytes(&from_server).unwrap();
        assert_eq!(
            (
                field(&pushed, "phoenix.join_ref"),
                field(&pushed, "phoenix.event")
            ),
            (vec!["123".to_owned()], vec!["some-event".to_owned()])
        );
        let reply = bytes("01030203023130303132746f706f6b0101");
        let replied = talk.server_bytes(&reply).unwrap();
        assert_eq!(
            (
                field(&replied, "phoenix.ref"),
                field(&replied, "phoenix.status"),
                field(&replied, "phoenix.event")
            ),
            (
                vec!["12".to_owned()],
                vec!["ok".to_owned()],
                vec!["phx_reply".to_owned()]
            )
        );
        let broadcast = bytes("02030a746f70736f6d652d6576656e740101");
        let told = talk.server_bytes(&broadcast).unwrap();
        assert_eq!(
            (field(&told, "phoenix.topic"), field(&told, "phoenix.data")),
            (vec!["top".to_owned()], vec!["0101".to_owned()])
        );
    }

    #[test]
    fn broadcasts_of_users_are_read_as_supabase_writes_them() {
        let mut talk = v2();
        let json = [
            b"\x03\x01\x01\x06\x04\x09\x0167room:1move{\"v\":\"a\"}".as_slice(),
            br#"{"x":1}"#,
        ]
        .concat();
        let pushed = talk.client_bytes(&json).unwrap();
        assert_eq!(pushed.summary, r#"broadcast room:1 move {"x":1}"#);
        for (name, value) in [
            ("phoenix.type", "push"),
            ("phoenix.event", "broadcast"),
            ("phoenix.join_ref", "6"),
            ("phoenix.ref", "7"),
            ("phoenix.user_event", "move"),
            ("phoenix.metadata", r#"{"v":"a"}"#),
            ("phoenix.payload", r#"{"x":1}"#),
        ] {
            assert_eq!(field(&pushed, name), [value], "{name}");
        }
        let told = talk
            .server_bytes(b"\x04\x06\x04\x00\x00room:1move\xff\x00")
            .unwrap();
        assert_eq!(
            (told.summary.as_str(), field(&told, "phoenix.data")),
            ("broadcast room:1 move 2 bytes", vec!["ff00".to_owned()])
        );
        let cut = talk.server_bytes(b"\x04\x06\x04\x00").unwrap();
        assert_eq!(findings(&cut), ["phoenix-message-invalid"]);
        let secret = b"\x04\x01\x01\x00\x01rl{\"token\":\"s3cret\"}";
        let secret = talk.server_bytes(secret).unwrap();
        assert!(!secret.summary.contains("s3cret"));
        assert!(secret.items.iter().any(|item| item.secret));
    }

    #[test]
    fn refs_may_be_numbers_and_heartbeats_may_have_none() {
        let mut talk = Talk::unknown();
        let join = talk
            .client(r#"{"topic":"room:1","event":"phx_join","ref":0,"payload":{}}"#)
            .unwrap();
        assert_eq!(join.protocol(), "phoenix");
        let reply = r#"{"ref":0,"topic":"room:1","event":"phx_reply","payload":{"status":"ok","response":{}}}"#;
        let reply = talk.server(reply).unwrap();
        assert_eq!((reply.request(), findings(&reply).len()), (Some(1), 0));
        let beat = r#"{"topic":"phoenix","event":"heartbeat","ref":null,"payload":{}}"#;
        assert_eq!(talk.client(beat).unwrap().heartbeat, Some(Heartbeat::Ping));
        let back = r#"{"ref":null,"topic":"phoenix","event":"phx_reply","payload":{"status":"ok","response":{}}}"#;
        let back = talk.server(back).unwrap();
        assert_eq!(
            (back.heartbeat, findings(&back).len()),
            (Some(Heartbeat::Pong), 0)
        );
    }

    #[test]
    fn heart_beats_are_such_and_pushes_may_stay_without_reply() {
        let mut talk = v2();
        let beat = talk
            .client(r#"[null,"12","phoenix","heartbeat",{}]"#)
            .unwrap();
        assert_eq!(beat.heartbeat, Some(Heartbeat::Ping));
        let back = talk
            .server(r#"[null,"12","phoenix","phx_reply",{"status":"ok","response":{}}]"#)
            .unwrap();
        assert_eq!(back.heartbeat, Some(Heartbeat::Pong));
        talk.client(r#"["4","13","room:lobby","shout",{}]"#);
        assert!(talk.pending().is_empty());
        let crash = talk
            .server(r#"["4","4","room:lobby","phx_error",{}]"#)
            .unwrap();
        assert_eq!(findings(&crash), ["phoenix-channel-error"]);
    }

    #[test]
    fn what_breaks_the_protocol_is_found() {
        let mut talk = v2();
        for broken in [
            "[]",
            "not json",
            r#"["1","2","t","e",{},1]"#,
            r#"[1,2,3,4,5]"#,
        ] {
            assert_eq!(
                findings(&talk.client(broken).unwrap()),
                ["phoenix-message-invalid"],
                "{broken}"
            );
        }
        for broken in [
            &[0u8][..],
            &[0, 255, 255, 255, 255, 1],
            &[3, 0, 0],
            &[1, 0, 0, 0, 0],
        ] {
            assert_eq!(
                findings(&talk.client_bytes(broken).unwrap()),
                ["phoenix-message-invalid"]
            );
        }
        let stray = talk
            .server(r#"[null,"99","t","phx_reply",{"status":"ok","response":{}}]"#)
            .unwrap();
        assert_eq!(findings(&stray), ["phoenix-ref-unknown"]);
    }

    #[test]
    fn it_is_recognised_without_a_handshake_and_others_are_not() {
        for text in [
            r#"[null,"12","phoenix","heartbeat",{}]"#,
            r#"{"topic":"room:1","event":"new_msg","payload":{},"ref":null}"#,
            r#"["3",null,"room:1","new_msg",{"a":1}]"#,
        ] {
            assert_eq!(
                Talk::unknown().client(text).unwrap().protocol(),
                "phoenix",
                "{text}"
            );
        }
        for text in [
            r#"["a","b","c","d","e"]"#,
            r#"["1","2","room:1","event","payload"]"#,
            r#"["x",null,"room:1","new_msg",{}]"#,
            r#"{"topic":"news","event":"new","payload":{},"ref":null}"#,
            r#"{"topic":"room:1","event":"new","payload":{},"ref":null,"id":7}"#,
            r#"[null,null,"news","new_msg",{}]"#,
        ] {
            assert_eq!(
                Talk::unknown().client(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
