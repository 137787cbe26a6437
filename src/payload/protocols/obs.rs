//! obs-websocket 5 (github.com/obsproject/obs-websocket, protocol.md): `{op, d}` in JSON or MessagePack.

use std::borrow::Cow;

use crate::base::{Known, Side};
use crate::payload::element::Element;
use crate::payload::packed::Format;
use crate::payload::table::{fields, rules};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Out, Payload, summary};

/// Results of one batch that are looked at.
const BATCH: usize = 1000;

fields! {
    OP = "obs.op", "Opcode", Unsigned, "Opcode of an OBS message.",
        named(&[("Hello", 0), ("Identify", 1), ("Identified", 2), ("Reidentify", 3), ("Event", 5), ("Request", 6),
            ("RequestResponse", 7), ("RequestBatch", 8), ("RequestBatchResponse", 9)]);
    REQUEST_TYPE = "obs.request_type", "Request type", Text, "Type of an OBS request or response.";
    REQUEST_ID = "obs.request_id", "Request id", Text, "Id by which an OBS response belongs to its request.";
    CODE = "obs.code", "Status code", Unsigned, "Status code of an OBS response.";
    COMMENT = "obs.comment", "Comment", Text, "What an OBS response says of its status.";
    EVENT_TYPE = "obs.event_type", "Event type", Text, "Type of an OBS event.";
    AUTHENTICATION = "obs.authentication", "Authentication", Text, "What an OBS client authenticates with.", secret();
    DATA = "obs.d", "Data", Text, "Data of an OBS message as JSON.", body();
}

rules! {
    INVALID = "obs-message-invalid", Error, "obs-websocket, Message Types (OpCodes)",
        "A message is no object with an opcode and data.";
    ID_UNKNOWN = "obs-id-unknown", Warning, "obs-websocket, RequestResponse",
        "A response has an id that no request waits with.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "obs",
    title: "OBS",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::with(&["op"]),
    start: |_| Box::new(Obs),
    close_code,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if matches!(
        evidence.subprotocol(),
        "obswebsocket.json" | "obswebsocket.msgpack"
    ) {
        return Claim::certain("subprotocol");
    }
    if evidence.parent.is_some() || !evidence.has_only(&["op", "d"]) {
        return None;
    }
    let data = evidence.member("d")?;
    let has = |keys: &[&str]| keys.iter().all(|key| data.get(key).is_some());
    let is_one = match (evidence.member("op")?.unsigned()?, evidence.payload.from) {
        (0, Side::Server) => has(&["obsWebSocketVersion", "rpcVersion"]),
        (5, Side::Server) => has(&["eventType", "eventIntent"]),
        (6, Side::Client) => has(&["requestType", "requestId"]),
        (7, Side::Server) => has(&["requestType", "requestId", "requestStatus"]),
        _ => false,
    };
    match is_one {
        true => Claim::certain("the form of its messages"),
        false => None,
    }
}

fn close_code(code: u16) -> Option<&'static str> {
    Some(match code {
        4000 => "unknown reason",
        4002 => "message decode error",
        4003 => "missing data field",
        4004 => "invalid data field type",
        4005 => "invalid data field value",
        4006 => "unknown opcode",
        4007 => "not identified",
        4008 => "already identified",
        4009 => "authentication failed",
        4010 => "unsupported RPC version",
        4011 => "session invalidated",
        4012 => "unsupported feature",
        _ => return None,
    })
}

fn name(op: u64) -> &'static str {
    let Known::Named(names) = OP.known else {
        return "";
    };
    let mut names = names.iter();
    names
        .find_map(|(name, number)| (*number == op).then_some(*name))
        .unwrap_or_default()
}

#[derive(Clone, Debug)]
struct Obs;

impl Decode for Obs {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let value = match message.kind {
            Kind::Text => message.text().and_then(Element::json),
            Kind::Binary => Element::packed(Format::MessagePack, message.bytes),
        };
        out.unit(DECODER.title);
        let unit = value.and_then(|value| Some((value.get("op")?, value.get("d")?)));
        let Some((op, number, data)) = unit.and_then(|(op, data)| Some((op, op.unsigned()?, data)))
        else {
            out.summary("invalid message");
            let text = format!(
                "{} is no object with op and d",
                summary::part(message.bytes)
            );
            out.finding(&INVALID, text);
            return Fit::Broken;
        };
        out.element(&OP, op).words(name(number));
        let mut line = match name(number) {
            "" => format!("opcode {number}"),
            name => name.to_owned(),
        };
        for (info, key) in [
            (&REQUEST_TYPE, "requestType"),
            (&REQUEST_ID, "requestId"),
            (&EVENT_TYPE, "eventType"),
        ] {
            if let Some(value) = data.get(key) {
                out.element(info, value);
            }
        }
        for key in ["requestType", "eventType"] {
            let said = data.text_of(key).unwrap_or_default();
            if !said.is_empty() {
                line += &format!(" {}", summary::part(&*said));
            }
        }
        status(data, &mut line, out);
        call(number, data, out);
        out.summary(line);
        // The challenge is none; what the client makes of it and of its password is one.
        let is_secret = message.from == Side::Client && data.get("authentication").is_some();
        if let Some(value) = data.get("authentication").filter(|_| is_secret) {
            out.element(&AUTHENTICATION, value);
        }
        out.element(&DATA, data).secret |= is_secret;
        Fit::Yes
    }
}

/// The status of a response.
fn status(data: Element<'_>, line: &mut String, out: &mut Out<'_, '_>) {
    let Some(status) = data.get("requestStatus") else {
        return;
    };
    if let Some(code) = status.get("code").and_then(|code| code.unsigned()) {
        out.field(&CODE, code);
        if status.get("result").and_then(|result| result.bool()) == Some(false) {
            *line += &format!(" failed {code}");
        }
    }
    let comment = status.text_of("comment").unwrap_or_default();
    if !comment.is_empty() {
        *line += &format!(" {}", summary::part(&*comment));
        out.field(&COMMENT, comment.into_owned());
    }
}

fn call(op: u64, data: Element<'_>, out: &mut Out<'_, '_>) {
    let id = data.text_of("requestId").unwrap_or_default();
    let kind: Cow<'_, str> = data.text_of("requestType").unwrap_or("batch".into());
    match op {
        1 | 3 => drop(out.request("identify", name(op))),
        2 => drop(out.answer_if_asked("identify", false)),
        6 | 8 => drop(out.request(id.as_bytes(), &kind)),
        7 | 9 => {
            let is_done = |value: Element<'_>| {
                let status = value.get("requestStatus");
                status.and_then(|status| status.get("result")?.bool()) != Some(false)
            };
            let results = data.get("results");
            let all = results
                .iter()
                .flat_map(|results| results.elements())
                .take(BATCH);
            let is_error = !is_done(data) || all.into_iter().any(|result| !is_done(result));
            let asked = out.answer(id.as_bytes(), is_error);
            if asked.is_none() && out.is_whole() {
                let text = format!("no request with the id {} waits", summary::part(&*id));
                out.finding(&ID_UNKNOWN, text);
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/", "", "obswebsocket.json")
    }

    #[test]
    fn requests_are_answered_and_what_authenticates_is_a_secret() {
        let mut talk = talk();
        let hello = talk.server(r#"{"op":0,"d":{"obsWebSocketVersion":"5.3.3","rpcVersion":1,"authentication":{"challenge":"c","salt":"s"}}}"#).unwrap();
        assert!(!hello.items.iter().any(|item| item.secret));
        let identify = talk
            .client(r#"{"op":1,"d":{"rpcVersion":1,"authentication":"s3cret"}}"#)
            .unwrap();
        assert!(
            identify.items.iter().filter(|item| item.secret).count() == 2
                && identify.summary == "Identify"
        );
        assert_eq!(
            talk.server(r#"{"op":2,"d":{"negotiatedRpcVersion":1}}"#)
                .unwrap()
                .request(),
            Some(2)
        );
        let ask = talk
            .client(r#"{"op":6,"d":{"requestType":"GetVersion","requestId":"1"}}"#)
            .unwrap();
        assert_eq!(
            (ask.summary.as_str(), field(&ask, "obs.request_type")),
            ("Request GetVersion", vec!["GetVersion".to_owned()])
        );
        let answer = talk.server(r#"{"op":7,"d":{"requestType":"GetVersion","requestId":"1","requestStatus":{"result":false,"code":204,"comment":"no"}}}"#).unwrap();
        assert_eq!(
            (answer.summary.as_str(), field(&answer, "call.error")),
            (
                "RequestResponse GetVersion failed 204 no",
                vec!["true".to_owned()]
            )
        );
        assert_eq!(
            talk.close(4009).unwrap().summary,
            "4009 authentication failed"
        );
        let stray = talk.server(r#"{"op":7,"d":{"requestType":"x","requestId":"9","requestStatus":{"result":true,"code":100}}}"#).unwrap();
        assert_eq!(findings(&stray), ["obs-id-unknown"]);
        assert_eq!(
            findings(&talk.client("{}").unwrap()),
            ["obs-message-invalid"]
        );
    }

    #[test]
    fn message_pack_says_the_same() {
        let mut talk = Talk::opened("/", "", "obswebsocket.msgpack");
        let bytes = hex::decode("82a26f7006a16482a9726571756573744964a131ab7265717565737454797065aa47657456657273696f6e").unwrap();
        let ask = talk.client_bytes(&bytes).unwrap();
        assert_eq!(
            (field(&ask, "obs.op"), field(&ask, "obs.request_type")),
            (vec!["6".to_owned()], vec!["GetVersion".to_owned()])
        );
        assert_eq!(
            findings(&talk.client_bytes(&[0x82]).unwrap()),
            ["obs-message-invalid"]
        );
    }

    #[test]
    fn it_is_recognised_by_its_form_and_others_are_not() {
        let event = r#"{"op":5,"d":{"eventType":"SceneCreated","eventIntent":4}}"#;
        assert_eq!(Talk::unknown().server(event).unwrap().protocol(), "obs");
        for text in [
            r#"{"op":5,"d":{}}"#,
            r#"{"op":6,"d":{"requestId":"1"}}"#,
            r#"{"op":0,"d":{"rpcVersion":1}}"#,
        ] {
            assert_eq!(
                Talk::unknown().server(text).unwrap().protocol(),
                "json",
                "{text}"
            );
        }
    }
}
