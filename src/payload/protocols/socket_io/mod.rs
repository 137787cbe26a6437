//! Socket.IO 3 to 5 of the protocol (github.com/socketio/socket.io-protocol), inside Engine.IO messages:
//! `<type>[<attachments>-][<namespace>,][<acknowledgement id>][JSON]`.
//!
//! Attachments follow as binary messages, in order; the state of each side counts them. With the MessagePack parser a packet
//! is one binary message and has no attachments.

mod packed;

use crate::base::{FieldInfo, PerSide, Rule, Severity, Side, Type};
use crate::payload::json::{Json, JsonKind};
use crate::payload::summary::{self, Line};
use crate::payload::{Claim, Datum, Decode, Decoder, Evidence, Fit, Kind, Objects, Out, Payload};

const TYPES: &[&str] = &[
    "connect",
    "disconnect",
    "event",
    "ack",
    "connect_error",
    "binary_event",
    "binary_ack",
];
/// Attachments one packet may announce; more is no Socket.IO.
const ATTACHMENTS: u64 = 1000;
/// Arguments told in a summary.
const ARGUMENTS: usize = 4;

static TYPE: FieldInfo = FieldInfo::new(
    "socketio.type",
    "Type",
    Type::Text,
    "Type of a Socket.IO packet.",
)
.words(TYPES);
static NAMESPACE: FieldInfo = FieldInfo::new(
    "socketio.namespace",
    "Namespace",
    Type::Text,
    "Namespace of a Socket.IO packet, `/` where none is sent.",
);
static EVENT: FieldInfo = FieldInfo::new(
    "socketio.event",
    "Event",
    Type::Text,
    "Name of a Socket.IO event.",
);
static ID: FieldInfo = FieldInfo::new(
    "socketio.id",
    "Acknowledgement id",
    Type::Unsigned,
    "Id by which a Socket.IO event is acknowledged.",
);
static ATTACHMENT_COUNT: FieldInfo = FieldInfo::new(
    "socketio.attachments",
    "Attachments",
    Type::Unsigned,
    "How many binary attachments follow a Socket.IO packet.",
);
static ATTACHMENT: FieldInfo = FieldInfo::new(
    "socketio.attachment",
    "Attachment",
    Type::Unsigned,
    "Which attachment of its Socket.IO packet a binary message is, from 1.",
);
static ATTACHMENT_OF: FieldInfo = FieldInfo::new(
    "socketio.attachment_of",
    "Attachment of message",
    Type::Unsigned,
    "Number of the message that this binary message is an attachment of.",
);
static DATA: FieldInfo = FieldInfo::new(
    "socketio.data",
    "Data",
    Type::Text,
    "Arguments of a Socket.IO packet as JSON.",
)
.body();

static ATTACHMENT_MISSING: Rule = Rule {
    name: "socketio-attachment-missing",
    severity: Severity::Error,
    section: Some("Socket.IO protocol, Binary event"),
    meaning: "Another packet came where a binary attachment was announced.",
};
static ATTACHMENT_UNEXPECTED: Rule = Rule {
    name: "socketio-attachment-unexpected",
    severity: Severity::Error,
    section: Some("Socket.IO protocol, Binary event"),
    meaning: "A binary message came that no packet announced.",
};
static PACKET_INVALID: Rule = Rule {
    name: "socketio-packet-invalid",
    severity: Severity::Error,
    section: Some("Socket.IO protocol, Packet encoding"),
    meaning: "The data of a Socket.IO packet is not what its type needs, so the receiver closes the connection.",
};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "socket.io",
    title: "Socket.IO",
    fields: &[
        &TYPE,
        &NAMESPACE,
        &EVENT,
        &ID,
        &ATTACHMENT_COUNT,
        &ATTACHMENT,
        &ATTACHMENT_OF,
        &DATA,
    ],
    rules: &[&ATTACHMENT_MISSING, &ATTACHMENT_UNEXPECTED, &PACKET_INVALID],
    claim,
    objects: Objects::Never,
    start: |_| Box::new(SocketIo::default()),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent != Some("engine.io") {
        return None;
    }
    if evidence.payload.kind == Kind::Binary {
        return packed::claim(evidence);
    }
    let packet = Packet::parse(evidence.payload.text()?)?;
    if !packet.is_sound() {
        return None;
    }
    match evidence.opening.path.contains("socket.io") {
        true => Claim::certain("the path, and the packet's form"),
        false => Claim::likely("the packet's form"),
    }
}

/// Whether the data of an Engine.IO message is an event, which hardly anything else looks like.
pub(super) fn is_event(text: &str) -> bool {
    Packet::parse(text).is_some_and(|packet| match packet.kind {
        "event" | "binary_event" => {
            let name = Json::parse(packet.data).and_then(|json| json.at(0));
            name.is_some_and(|name| name.kind() == JsonKind::String)
        }
        "ack" => packet.is_sound(),
        _ => false,
    })
}

/// A packet's parts.
#[derive(Clone, Copy, Debug)]
struct Packet<'a> {
    kind: &'static str,
    attachments: Option<u64>,
    namespace: Option<&'a str>,
    id: Option<(u64, &'a str)>,
    data: &'a str,
}

impl<'a> Packet<'a> {
    fn parse(text: &'a str) -> Option<Packet<'a>> {
        let digit = text.as_bytes().first()?;
        let kind = TYPES.get(usize::from(digit.wrapping_sub(b'0')))?;
        let mut rest = text.get(1..)?;
        let mut attachments = None;
        if kind.starts_with("binary_") {
            let (count, behind) = rest.split_once('-')?;
            attachments = Some(count.parse().ok().filter(|count| *count <= ATTACHMENTS)?);
            rest = behind;
        }
        let mut namespace = None;
        if rest.starts_with('/') {
            let (name, behind) = rest.split_once(',').unwrap_or((rest, ""));
            namespace = Some(name);
            rest = behind;
        }
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (digits, data) = rest.split_at(digits);
        Some(Packet {
            kind,
            attachments,
            namespace,
            id: digits.parse().ok().map(|id| (id, digits)),
            data,
        })
    }

    /// The namespace, which is `/` where none is sent. Up to version 4 a client may connect with a query behind it.
    fn namespace(&self) -> &'a str {
        let sent = self.namespace.unwrap_or("/");
        sent.split_once('?')
            .map_or(sent, |(namespace, _)| namespace)
    }

    /// Whether the data is what the type needs.
    fn is_sound(&self) -> bool {
        self.needs(Json::parse(self.data))
    }

    /// The same, where the data was parsed.
    fn needs(&self, json: Option<Json<'_>>) -> bool {
        let is = |kind| json.is_some_and(|json| json.kind() == kind);
        match self.kind {
            "event" | "binary_event" => json.and_then(event_name).is_some(),
            "ack" | "binary_ack" => is(JsonKind::Array) && self.id.is_some(),
            "connect" => self.data.is_empty() || is(JsonKind::Object),
            // Version 4 of the protocol sends a string, version 5 an object.
            "connect_error" => is(JsonKind::Object) || is(JsonKind::String),
            _ => self.data.is_empty(),
        }
    }
}

/// The name of an event: the first element, a number in rare programs.
fn event_name(json: Json<'_>) -> Option<Json<'_>> {
    let first = json.at(0)?;
    matches!(first.kind(), JsonKind::String | JsonKind::Number).then_some(first)
}

/// Attachments that are still to come.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    /// The message that announced them.
    number: u64,
    total: u64,
    left: u64,
}

#[derive(Clone, Debug, Default)]
struct SocketIo {
    awaited: PerSide<Option<Awaited>>,
}

impl Decode for SocketIo {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if message.kind == Kind::Binary {
            if self.awaited[message.from].is_none() && packed::message(message, out) {
                return Fit::Yes;
            }
            self.attachment(message, out);
            return Fit::Yes;
        }
        let Some(packet) = message.text().and_then(Packet::parse) else {
            return Fit::No;
        };
        out.unit(DECODER.title);
        out.field_at(
            &TYPE,
            packet.kind,
            message.bytes.get(..1).unwrap_or_default(),
        );
        if let Some(awaited) = self.awaited[message.from].take() {
            let text = format!(
                "{} of {} attachments of message {} came before another packet",
                awaited.total - awaited.left,
                awaited.total,
                awaited.number
            );
            out.finding(&ATTACHMENT_MISSING, text);
        }
        if let Some(total) = packet.attachments {
            out.field(&ATTACHMENT_COUNT, total);
            let awaited = Awaited {
                number: message.number,
                total,
                left: total,
            };
            self.awaited[message.from] = (total > 0).then_some(awaited);
        }
        fields(&packet, message.from, out);
        Fit::Yes
    }

    fn lost(&mut self, from: Side) {
        self.awaited[from] = None;
    }
}

impl SocketIo {
    fn attachment<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) {
        let awaited = &mut self.awaited[message.from];
        out.unit("Socket.IO attachment");
        let Some(of) = awaited else {
            out.summary(format!(
                "attachment of no packet, {} bytes",
                message.bytes.len()
            ));
            out.finding(
                &ATTACHMENT_UNEXPECTED,
                "no packet announced this binary message",
            );
            return;
        };
        let at = of.total - of.left + 1;
        out.field(&ATTACHMENT, at).words(format!("of {}", of.total));
        out.field(&ATTACHMENT_OF, of.number);
        out.line("Bytes", message.bytes);
        out.summary(format!(
            "attachment {at} of {} of message {}, {} bytes",
            of.total,
            of.number,
            message.bytes.len()
        ));
        of.left -= 1;
        if of.left == 0 {
            *awaited = None;
        }
    }
}

fn fields<'a>(packet: &Packet<'a>, from: Side, out: &mut Out<'_, 'a>) {
    match packet.namespace {
        Some(namespace) => {
            let item = out.field_at(&NAMESPACE, namespace, namespace.as_bytes());
            // What a client authenticates with may stand in the query.
            item.secret = namespace.contains('?');
        }
        None => drop(out.field(&NAMESPACE, "/")),
    }
    if let Some((id, digits)) = packet.id {
        out.field_at(&ID, id, digits.as_bytes());
    }
    let json = Json::parse(packet.data);
    let name = json
        .filter(|_| packet.kind.ends_with("event"))
        .and_then(event_name);
    if let Some(name) = name {
        let text = name.text().unwrap_or(name.raw().into());
        out.field_at(&EVENT, text, name.bytes());
    }
    if !packet.data.is_empty() {
        let datum = json.map_or(Datum::from(packet.data), |_| {
            Datum::Json(packet.data.into())
        });
        let item = out.field_at(&DATA, datum, packet.data.as_bytes());
        if packet.kind == "connect" && from == Side::Client {
            // What a client authenticates with.
            item.secret();
        }
    }
    if !packet.needs(json) {
        let text = format!(
            "{} with the data {}",
            packet.kind,
            summary::part(packet.data)
        );
        out.finding(&PACKET_INVALID, text);
    }
    call(packet, from, name, out);
    out.summary(line(packet, json, name));
}

/// Who asks and who answers: an event with an id its acknowledgement, a client's CONNECT the server's.
fn call(packet: &Packet<'_>, from: Side, name: Option<Json<'_>>, out: &mut Out<'_, '_>) {
    let key = |id: Option<u64>| format!("{}\0{id:?}", packet.namespace());
    let id = packet.id.map(|(id, _)| id);
    match (packet.kind, id, from) {
        ("event" | "binary_event", Some(_), _) => {
            let name = name.and_then(|name| name.text()).unwrap_or_default();
            out.request(key(id), &name);
        }
        ("ack" | "binary_ack", Some(_), _) => drop(out.answer(key(id), false)),
        ("connect", _, Side::Client) => drop(out.request(key(id), "connect")),
        ("connect", _, Side::Server) => drop(out.answer(key(id), false)),
        ("connect_error", ..) => drop(out.answer(key(id), true)),
        _ => {}
    }
}

/// `event chat {"text":"hi"} (ack 3)`.
fn line(packet: &Packet<'_>, json: Option<Json<'_>>, name: Option<Json<'_>>) -> String {
    let mut line = Line::new(packet.kind);
    if packet.namespace() != "/" {
        line.part(packet.namespace());
    }
    if let Some(name) = name {
        line.part(name.text().unwrap_or(name.raw().into()).as_bytes());
    }
    match json {
        Some(json) if json.kind() == JsonKind::Array => {
            let arguments = json.elements().skip(usize::from(name.is_some()));
            for (at, argument) in arguments.take(ARGUMENTS).enumerate() {
                line.own(if at == 0 { " " } else { ", " })
                    .add(argument.raw());
            }
        }
        // What a client authenticates with does not stand in a list.
        Some(json) if packet.kind == "connect_error" => drop(line.part(json.raw())),
        _ => {}
    }
    if let Some((id, _)) = packet.id {
        let word = match packet.kind.ends_with("ack") {
            true => " (of ",
            false => " (ack ",
        };
        line.own(word).own(&id.to_string()).own(")");
    }
    line.finish()
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, fields_of};

    fn talk() -> Talk {
        Talk::opened("/socket.io/", "EIO=4&transport=websocket", "")
    }

    #[test]
    fn packets_of_the_protocols_own_page() {
        for (text, expected) in [
            ("40", "connect"),
            (
                r#"40/admin,{"sid":"oSO0OpakMV_3jnilAAAA"}"#,
                "connect /admin",
            ),
            (
                r#"44{"message":"Not authorized"}"#,
                r#"connect_error {"message":"Not authorized"}"#,
            ),
            (r#"42["foo"]"#, "event foo"),
            (r#"4212["foo"]"#, "event foo (ack 12)"),
            (r#"43/admin,13["bar"]"#, r#"ack /admin "bar" (of 13)"#),
            ("41/admin,", "disconnect /admin"),
            (
                r#"452-/admin,["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#,
                r#"binary_event /admin baz {"_placeholder":true,"num":0}, {"_placeholder":true,"num":1}"#,
            ),
        ] {
            let decoded = talk().server(text).unwrap();
            assert_eq!(decoded.summary, expected, "{text}");
            assert_eq!(decoded.stack[..], ["engine.io", "socket.io"]);
        }
    }

    #[test]
    fn attachments_are_counted_and_missing_ones_are_found() {
        let mut talk = talk();
        talk.client(r#"452-["baz",{"_placeholder":true,"num":0},{"_placeholder":true,"num":1}]"#);
        let first = talk.client_bytes(&[1, 2]).unwrap();
        assert_eq!(field(&first, "socketio.attachment_of"), ["1"]);
        assert!(first.findings.is_empty());
        // A ping of Engine.IO may stand between.
        talk.client("3");
        let second = talk.client_bytes(&[3, 4]).unwrap();
        assert_eq!(second.summary, "attachment 2 of 2 of message 1, 2 bytes");
        let third = talk.client_bytes(&[5]).unwrap();
        assert_eq!(
            third.findings[0].code.name(),
            "socketio-attachment-unexpected"
        );
        talk.client(r#"451-["baz",{"_placeholder":true,"num":0}]"#);
        let next = talk.client(r#"42["foo"]"#).unwrap();
        assert_eq!(next.findings[0].code.name(), "socketio-attachment-missing");
    }

    #[test]
    fn an_acknowledgement_answers_its_event() {
        let mut talk = talk();
        talk.client(r#"4212["load",{"n":1}]"#);
        talk.server(r#"42["news"]"#);
        let answer = talk.server(r#"4312["ok"]"#).unwrap();
        assert_eq!(answer.request(), Some(1));
        assert_eq!(field(&answer, "call.method"), ["load"]);
        assert!(fields_of(&answer).contains(&("socketio.id", "12".to_owned())));
    }

    #[test]
    fn a_query_behind_a_namespace_is_a_secret() {
        let mut talk = Talk::opened("/socket.io/", "EIO=3&transport=websocket", "");
        let connect = talk.client("40/admin?token=sesame,").unwrap();
        assert_eq!(connect.summary, "connect /admin");
        assert!(connect.items.iter().any(|item| item.secret));
        assert_eq!(talk.server("40/admin").unwrap().request(), Some(1));
    }

    #[test]
    fn text_that_begins_with_digits_is_no_packet() {
        let mut talk = Talk::unknown();
        for text in [
            "42 is the answer",
            "4200",
            "2",
            "3",
            "40",
            "42[1",
            "0",
            "4",
            "451-[1]",
            "42[1]",
        ] {
            assert!(talk.client(text).is_none(), "{text}");
        }
    }
}
