//! Packets of the MessagePack parser (npm socket.io-msgpack-parser): a map `{type, nsp, data, id}` a binary message.

use std::borrow::Cow;

use super::packet::{Packet, call, line};
use super::table::{DATA, EVENT, ID, NAMESPACE, PACKET_INVALID, TITLE, TYPE, TYPES};
use crate::base::Side;
use crate::payload::json::Json;
use crate::payload::packed::{Format, Packed};
use crate::payload::{Claim, Evidence, Out, Payload, summary};

/// The types it has: attachments are not needed.
const KINDS: u64 = 5;

pub(super) fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    read(evidence.payload.bytes)?;
    Claim::certain("packets in MessagePack")
}

/// The packet's parts, where bytes are one.
#[derive(Clone, Copy, Debug)]
struct Parts<'a> {
    kind: Packed<'a>,
    name: &'static str,
    namespace: Packed<'a>,
    id: Option<Packed<'a>>,
    data: Option<Packed<'a>>,
}

fn read(bytes: &[u8]) -> Option<Parts<'_>> {
    let map = Packed::whole(Format::MessagePack, bytes)?;
    let kind = map.get("type")?;
    let number = kind.unsigned().filter(|number| *number < KINDS)?;
    let namespace = map.get("nsp")?;
    namespace.text()?.starts_with('/').then_some(())?;
    let is_there = |value: &Packed<'_>| !value.is_null();
    Some(Parts {
        kind,
        name: TYPES.get(usize::try_from(number).ok()?)?,
        namespace,
        id: map.get("id").filter(is_there),
        data: map.get("data").filter(is_there),
    })
}

/// Decodes a message that is a packet; whether it is one.
pub(super) fn message<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) -> bool {
    let Some(parts) = read(message.bytes) else {
        return false;
    };
    out.unit(TITLE).words("in MessagePack");
    out.field_at(&TYPE, parts.name, parts.kind.raw());
    out.packed(&NAMESPACE, parts.namespace);
    if let Some(id) = parts.id {
        out.packed(&ID, id);
    }
    let name = parts.data.and_then(|data| data.at(0));
    if let Some(name) = name.filter(|_| parts.name == "event") {
        let text = name.text().unwrap_or_else(|| name.json().into());
        out.field_at(&EVENT, text, name.raw());
    }
    if let Some(data) = parts.data {
        let item = out.packed(&DATA, data);
        item.secret |= parts.name == "connect" && message.from == Side::Client;
    }
    tell(parts, message.from, out);
    true
}

/// Its calls, what is wrong with it, and its summary are those of the same packet in JSON.
fn tell(parts: Parts<'_>, from: Side, out: &mut Out<'_, '_>) {
    let namespace: Cow<'_, str> = parts.namespace.text().unwrap_or_default();
    let id = parts.id.and_then(|id| id.unsigned());
    let data = parts.data.map(|data| data.json()).unwrap_or_default();
    let packet = Packet {
        kind: parts.name,
        attachments: None,
        namespace: Some(&namespace),
        id: id.map(|id| (id, "")),
        data: &data,
    };
    let json = Json::parse(&data);
    let name = json
        .filter(|_| parts.name == "event")
        .and_then(super::packet::event_name);
    if !packet.is_sound() {
        let text = format!("{} with the data {}", parts.name, summary::part(&data));
        out.finding(&PACKET_INVALID, text);
    }
    call(&packet, from, name, out);
    out.summary(line(&packet, json, name));
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field, findings};

    fn talk() -> Talk {
        Talk::opened("/socket.io/", "EIO=4&transport=websocket", "")
    }

    /// A packet with an event of these arguments, and the id 7.
    fn event(arguments: &str) -> Vec<u8> {
        let packet = format!("84a47479706502a36e7370a12fa26964 07a464617461{arguments}");
        hex::decode(packet.replace(' ', "")).unwrap()
    }

    #[test]
    fn a_packet_is_a_map() {
        let mut talk = talk();
        let bytes = event("92a463686174c4020102");
        let decoded = talk.client_bytes(&bytes).unwrap();
        assert_eq!(decoded.stack[..], ["engine.io", "socket.io"]);
        assert_eq!(decoded.summary, "event chat \"h'0102'\" (ack 7)");
        assert_eq!(field(&decoded, "socketio.event"), ["chat"]);
        assert_eq!(field(&decoded, "socketio.namespace"), ["/"]);
        assert_eq!(field(&decoded, "socketio.id"), ["7"]);
        let ack = hex::decode("84a47479706503a36e7370a12fa2696407a46461746190").unwrap();
        assert_eq!(talk.server_bytes(&ack).unwrap().request(), Some(1));
    }

    #[test]
    fn what_is_no_packet_is_an_attachment_or_nothing() {
        let mut talk = talk();
        let bytes = event("90");
        assert_eq!(
            findings(&talk.client_bytes(&bytes).unwrap()),
            ["socketio-packet-invalid"]
        );
        let other = hex::decode("81a47479706502").unwrap();
        assert_eq!(
            findings(&talk.client_bytes(&other).unwrap()),
            ["socketio-attachment-unexpected"]
        );
    }
}
