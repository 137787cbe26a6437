//! SockJS (github.com/sockjs/sockjs-protocol): messages of another protocol as strings in JSON arrays.
//!
//! The server's frames have a letter in front: `o` open, `h` heartbeat, `a[...]` messages, `m"..."` one message, `c[code,reason]`
//! close. A client sends arrays, or one string. What comes through `/<prefix>/websocket`, the raw endpoint, has none of it.

use std::borrow::Cow;

use crate::base::{FieldInfo, Rule, Severity, Side, Type};
use crate::payload::json::{Json, JsonKind};
use crate::payload::{
    Claim, Decode, Decoder, Evidence, Fit, Heartbeat, Kind, Objects, Opening, Out, Payload, summary,
};

/// Messages decoded of one frame.
const MESSAGES: usize = 5000;

static TYPE: FieldInfo = FieldInfo::new(
    "sockjs.type",
    "Type",
    Type::Text,
    "Type of a SockJS frame; `message` for what a client sends.",
)
.words(&["open", "heartbeat", "message", "close"]);
static MESSAGE: FieldInfo = FieldInfo::new(
    "sockjs.message",
    "Message",
    Type::Text,
    "Each message in a SockJS frame.",
);
static CLOSE_CODE: FieldInfo = FieldInfo::new(
    "sockjs.close.code",
    "Code",
    Type::Unsigned,
    "Code with which a SockJS server ends a session.",
);
static CLOSE_REASON: FieldInfo = FieldInfo::new(
    "sockjs.close.reason",
    "Reason",
    Type::Text,
    "Reason with which a SockJS server ends a session.",
);

static FRAME_INVALID: Rule = Rule {
    name: "sockjs-frame-invalid",
    severity: Severity::Error,
    section: Some("SockJS protocol, Framing"),
    meaning: "A SockJS frame is not what its side sends; a server closes with 3000 then.",
};
static AFTER_CLOSE: Rule = Rule {
    name: "sockjs-frame-after-close",
    severity: Severity::Warning,
    section: Some("SockJS protocol, Framing"),
    meaning: "The server sends more after it closed the SockJS session.",
};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "sockjs",
    title: "SockJS",
    fields: &[&TYPE, &MESSAGE, &CLOSE_CODE, &CLOSE_REASON],
    rules: &[&FRAME_INVALID, &AFTER_CLOSE],
    claim,
    objects: Objects::Never,
    start: |_| Box::new(SockJs::default()),
    close_code: |code| match code {
        1002 => Some("connection interrupted"),
        2010 => Some("another connection still open"),
        3000 => Some("go away"),
        _ => None,
    },
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() || !evidence.opening.subprotocol.is_empty() {
        return None;
    }
    let text = evidence.payload.text()?;
    let from = evidence.payload.from;
    let frame = Frame::parse(text, from)?;
    let session = session(evidence.opening);
    match (from, frame) {
        (Side::Server, Frame::Open) if session.is_some() && evidence.seen < 4 => {
            Claim::certain("the path, and a session opens")
        }
        (Side::Server, Frame::Messages(_) | Frame::Close(..)) => match session {
            Some(_) => Claim::certain("the path, and the server's frames"),
            None => Claim::likely("the server's frames"),
        },
        (Side::Client, Frame::Messages(_)) if session == Some(true) => {
            Claim::certain("the path, and the client's frames")
        }
        (Side::Client, Frame::Messages(json)) if is_nested(json) => {
            Claim::likely("messages of another protocol as strings in an array")
        }
        _ => None,
    }
}

/// Whether the first string of an array is what is hardly ever put into one: a JSON object, or a STOMP frame.
fn is_nested(json: Json<'_>) -> bool {
    let first = json.at(0).and_then(|first| first.text());
    first.is_some_and(|text| Json::object(&text).is_some() || super::stomp::is_frame(&text))
}

/// Whether the path ends like that of a session, `/<server>/<session>/websocket`, and if so, whether it is as the usual
/// clients make it.
fn session(opening: &Opening) -> Option<bool> {
    let path = opening.path.strip_suffix("/websocket")?;
    let mut segments = path.rsplit('/');
    let (session, server) = (segments.next()?, segments.next()?);
    let is_one = |segment: &str| !segment.is_empty() && !segment.contains('.');
    let is_usual = server.len() == 3 && server.bytes().all(|byte| byte.is_ascii_digit());
    (is_one(session) && is_one(server)).then_some(is_usual)
}

/// A frame's parts.
#[derive(Clone, Copy, Debug)]
enum Frame<'a> {
    Open,
    Heartbeat,
    /// An array of strings.
    Messages(Json<'a>),
    /// A string.
    Message(Json<'a>),
    /// The code and the reason.
    Close(Json<'a>, Json<'a>),
    /// A client's message without bytes, which means nothing.
    Nothing,
}

impl<'a> Frame<'a> {
    fn parse(text: &'a str, from: Side) -> Option<Frame<'a>> {
        if from == Side::Client {
            return match text.is_empty() {
                true => Some(Frame::Nothing),
                false if !may_be_messages(text) => None,
                false => messages(Json::parse(text)?),
            };
        }
        let (letter, rest) = text.split_at_checked(1)?;
        match (letter, rest) {
            ("o", "") => Some(Frame::Open),
            ("h", "") => Some(Frame::Heartbeat),
            ("a", _) => messages(Json::array(rest)?),
            ("m", _) => messages(Json::parse(rest).filter(|json| json.kind() == JsonKind::String)?),
            ("c", _) => {
                let json = Json::array(rest)?;
                let (code, reason) = (json.at(0)?, json.at(1)?);
                code.unsigned()?;
                reason.text()?;
                Some(Frame::Close(code, reason))
            }
            _ => None,
        }
    }
}

/// Messages, where all are strings.
/// Whether a text begins like a string or a list of strings.
fn may_be_messages(text: &str) -> bool {
    let text = text.trim_ascii_start();
    let inside = text.strip_prefix('[').unwrap_or(text).trim_ascii_start();
    inside.starts_with(['"', ']'])
}

fn messages(json: Json<'_>) -> Option<Frame<'_>> {
    let is_string = |json: &Json<'_>| json.kind() == JsonKind::String;
    match json.kind() {
        JsonKind::Array if json.elements().all(|element| is_string(&element)) => {
            Some(Frame::Messages(json))
        }
        JsonKind::String => Some(Frame::Message(json)),
        _ => None,
    }
}

#[derive(Clone, Debug, Default)]
struct SockJs {
    is_closed: bool,
}

impl Decode for SockJs {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(text) = message.text() else {
            return Fit::No;
        };
        let Some(frame) = Frame::parse(text, message.from) else {
            if !looks_like_a_frame(text, message.from) {
                return Fit::No;
            }
            out.unit(DECODER.title).words("no frame");
            // What it says may be a secret.
            let text = format!("no frame, {} bytes", text.len());
            out.summary(text.clone());
            out.finding(&FRAME_INVALID, text);
            return Fit::Yes;
        };
        if self.is_closed && message.from == Side::Server {
            out.finding(&AFTER_CLOSE, "a frame behind the one that closes");
        }
        self.is_closed |= matches!(frame, Frame::Close(..));
        write(frame, text, out);
        Fit::Yes
    }
}

/// Whether what is no frame begins like one.
fn looks_like_a_frame(text: &str, from: Side) -> bool {
    match from {
        Side::Client => text.starts_with(['[', '"']),
        Side::Server => ["a[", "c[", "m\""]
            .iter()
            .any(|start| text.starts_with(start)),
    }
}

fn write<'a>(frame: Frame<'a>, text: &'a str, out: &mut Out<'_, 'a>) {
    let letter = text.as_bytes().get(..1).unwrap_or_default();
    out.unit(DECODER.title);
    match frame {
        Frame::Open => {
            out.field_at(&TYPE, "open", letter);
            out.summary("open");
        }
        Frame::Heartbeat => {
            out.field_at(&TYPE, "heartbeat", letter);
            out.summary("heartbeat");
            out.heartbeat(Heartbeat::Ping);
        }
        Frame::Close(code, reason) => {
            out.field_at(&TYPE, "close", letter);
            out.json(&CLOSE_CODE, code);
            out.json(&CLOSE_REASON, reason);
            let said = reason.text().unwrap_or_default();
            out.summary(format!("close {} {}", code.raw(), summary::part(&*said)));
        }
        Frame::Messages(json) => {
            out.field(&TYPE, "message");
            let mut elements = json.elements();
            for element in elements.by_ref().take(MESSAGES) {
                carried(element, out);
            }
            if json.elements().next().is_none() {
                out.summary("no message");
            }
        }
        Frame::Message(json) => {
            out.field(&TYPE, "message");
            carried(json, out);
        }
        Frame::Nothing => {
            out.field(&TYPE, "message");
            out.summary("no message");
        }
    }
}

/// One message, and what is inside it.
fn carried<'a>(json: Json<'a>, out: &mut Out<'_, 'a>) {
    let text = json.text().unwrap_or_default();
    out.summary(format!("message {}", summary::part(&*text)));
    out.json(&MESSAGE, json);
    let bytes = match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    out.carry(bytes, Kind::Text);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::payload::testing::{Talk, field, findings};

    const PATH: &str = "/echo/000/x5gq2k0a/websocket";

    #[test]
    fn frames_of_the_protocols_own_tests() {
        let mut talk = Talk::opened(PATH, "", "");
        assert_eq!(talk.server("o").unwrap().summary, "open");
        let two = talk.server(r#"a["m1","m\n2"]"#).unwrap();
        assert_eq!(two.summary, "message m1; message m␊2");
        assert_eq!(field(&two, "sockjs.type"), ["message"]);
        assert_eq!(field(&two, "sockjs.message"), ["m1", "m\n2"]);
        let beat = talk.server("h").unwrap();
        assert_eq!(beat.heartbeat, Some(Heartbeat::Ping));
        assert_eq!(talk.client(r#"["m"]"#).unwrap().summary, "message m");
        assert_eq!(talk.client(r#""m""#).unwrap().summary, "message m");
        assert_eq!(talk.client("[]").unwrap().summary, "no message");
        assert_eq!(talk.client("").unwrap().summary, "no message");
        let close = talk.server(r#"c[3000,"Go away!"]"#).unwrap();
        assert_eq!(close.summary, "close 3000 Go away!");
        assert_eq!(field(&close, "sockjs.close.code"), ["3000"]);
        let after = talk.server("h").unwrap();
        assert_eq!(findings(&after), ["sockjs-frame-after-close"]);
        assert_eq!(talk.close(3000).unwrap().summary, "3000 go away");
    }

    #[test]
    fn what_is_inside_is_decoded() {
        let mut talk = Talk::opened("/ws/123/abcdef/websocket", "", "");
        talk.server("o");
        let connect = talk
            .client(r#"["CONNECT\nlogin:a\npasscode:b\n\n\u0000"]"#)
            .unwrap();
        assert_eq!(connect.stack[..], ["sockjs", "stomp"]);
        assert_eq!(connect.summary, "CONNECT");
        let answer = talk
            .server(r#"a["CONNECTED\nversion:1.2\n\n\u0000"]"#)
            .unwrap();
        assert_eq!((answer.request(), &*answer.summary), (Some(2), "CONNECTED"));
        let split = talk
            .client(r#"["SEND\ndestination:/a\n\nhal","f\u0000","\n"]"#)
            .unwrap();
        assert_eq!(field(&split, "stomp.command"), ["SEND", "HEARTBEAT"]);
        let mut talk = Talk::opened(PATH, "", "");
        talk.server("o");
        let json = talk.server(r#"a["{\"a\":1}","plain"]"#).unwrap();
        assert_eq!(json.stack[..], ["sockjs"]);
        assert_eq!(json.summary, "{a: 1}; message plain");
    }

    #[test]
    fn broken_frames_are_found() {
        let mut talk = Talk::opened(PATH, "", "");
        talk.server("o");
        for text in ["a[\"x\"", "a[1]", "c[]", "m\"x"] {
            assert_eq!(
                findings(&talk.server(text).unwrap()),
                ["sockjs-frame-invalid"],
                "{text}"
            );
        }
        assert_eq!(
            findings(&talk.client("[\"x").unwrap()),
            ["sockjs-frame-invalid"]
        );
    }

    #[test]
    fn only_what_is_distinctive_is_recognised() {
        assert!(Talk::unknown().server(r#"a["x"]"#).is_some());
        for text in [
            "o", "h", "a", "hello", "a[1]", "m\"x\"", "c[1]", "open", "a[0] = 1",
        ] {
            assert!(Talk::unknown().server(text).is_none(), "{text}");
        }
        assert!(
            Talk::unknown()
                .client(r#"["{\"msg\":\"ping\"}"]"#)
                .unwrap()
                .protocol()
                == "sockjs"
        );
        for text in [r#"["x"]"#, r#""x""#, "[]", r#"["{x}"]"#] {
            let decoded = Talk::unknown().client(text);
            assert!(
                decoded.is_none_or(|decoded| decoded.protocol() == "json"),
                "{text}"
            );
        }
        // The raw endpoint has no frames.
        let mut talk = Talk::opened("/echo/websocket", "", "");
        assert_eq!(talk.client(r#"["a","b"]"#).unwrap().protocol(), "json");
        assert!(talk.server("o").is_none());
    }

    #[test]
    fn someone_may_say_that_it_is_sockjs() {
        let mut talk = Talk::forced("sockjs");
        let open = talk.server("o").unwrap();
        assert_eq!(
            (&*open.summary, open.confidence().name()),
            ("open", "forced")
        );
        assert!(talk.client("hello").is_none());
    }

    #[test]
    fn a_frame_of_many_messages_is_bounded() {
        let text = format!("a[{}\"x\"]", "\"x\",".repeat(200_000));
        let mut talk = Talk::opened(PATH, "", "");
        let decoded = talk.server(&text).unwrap();
        assert!(decoded.items.len() <= 10_001);
    }
}
