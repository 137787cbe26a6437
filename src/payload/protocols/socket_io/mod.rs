//! Socket.IO 3 to 5 of the protocol (github.com/socketio/socket.io-protocol), inside Engine.IO messages:
//! `<type>[<attachments>-][<namespace>,][<acknowledgement id>][JSON]`.
//!
//! Attachments follow as binary messages, in order; the state of each side counts them. With the MessagePack parser a packet
//! is one binary message and has no attachments.

mod packed;
mod packet;
mod table;

use self::packet::{Packet, fields};
use self::table::{
    ATTACHMENT, ATTACHMENT_COUNT, ATTACHMENT_MISSING, ATTACHMENT_OF, ATTACHMENT_UNEXPECTED, DATA,
    EVENT, ID, NAMESPACE, PACKET_INVALID, TITLE, TYPE,
};
use crate::base::{PerSide, Side};
use crate::payload::json::{Json, JsonKind};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Out, Payload};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "socket.io",
    title: TITLE,
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

/// Attachments that are still to come.
#[derive(Clone, Copy, Debug)]
struct Awaited {
    /// The message that announced them.
    number: u64,
    total: u64,
    left: u64,
}

impl Awaited {
    /// The packet that announced them, in words.
    fn packet(&self) -> String {
        match self.number {
            Payload::POLLED => "a packet by polling".to_owned(),
            number => format!("message {number}"),
        }
    }
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
        out.unit(TITLE);
        out.field_at(
            &TYPE,
            packet.kind,
            message.bytes.get(..1).unwrap_or_default(),
        );
        if let Some(awaited) = self.awaited[message.from].take() {
            let text = format!(
                "{} of {} attachments of {} came before another packet",
                awaited.total - awaited.left,
                awaited.total,
                awaited.packet()
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
        if of.number != Payload::POLLED {
            out.field(&ATTACHMENT_OF, of.number);
        }
        out.line("Bytes", message.bytes);
        out.summary(format!(
            "attachment {at} of {} of {}, {} bytes",
            of.total,
            of.packet(),
            message.bytes.len()
        ));
        of.left -= 1;
        if of.left == 0 {
            *awaited = None;
        }
    }
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
