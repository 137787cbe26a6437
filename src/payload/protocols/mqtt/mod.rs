//! MQTT 3.1, 3.1.1 and 5.0 (OASIS) in binary messages: a byte stream of packets, which messages cut anywhere.
//!
//! Which version is spoken only CONNECT says. Where it was not seen, each packet is read as version 5 and as 3.1.1 until one
//! fits that the other does not. Topic aliases belong to one direction of one connection.

mod packet;
mod session;
mod table;

use self::packet::{Header, Start};
use self::session::Session;
use crate::base::{PerSide, Side};
use crate::payload::units::{Step, units};
use crate::payload::{
    Carry, Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Opening, Out, Payload,
};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "mqtt",
    title: table::TITLE,
    fields: table::FIELDS,
    rules: table::RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(Mqtt::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    if is_agreed(evidence.opening) {
        return Claim::certain("subprotocol");
    }
    let Payload { kind, bytes, .. } = *evidence.payload;
    if begins_with_connect(evidence.stream) {
        return Claim::of_stream("it begins with CONNECT");
    }
    if kind == Kind::Binary && are_packets(bytes) {
        return Claim::likely("MQTT packets");
    }
    None
}

fn is_agreed(opening: &Opening) -> bool {
    matches!(&*opening.subprotocol, "mqtt" | "mqttv3.1")
}

/// Whether a client's first packet begins here, as far as its protocol's name.
fn begins_with_connect(bytes: &[u8]) -> bool {
    let Start::Header(header) = packet::start(bytes) else {
        return false;
    };
    let body = bytes.get(header.len..).unwrap_or_default();
    header.byte == 0x10 && (body.starts_with(b"\0\x04MQTT") || body.starts_with(b"\0\x06MQIsdp"))
}

/// Whether bytes are whole packets, one of which has a topic: what is shorter anything may look like.
fn are_packets(mut bytes: &[u8]) -> bool {
    let mut has_topic = false;
    while !bytes.is_empty() {
        let Some((header, body, rest)) = whole(bytes) else {
            return false;
        };
        if !session::is_sound(header, body, None) {
            return false;
        }
        has_topic |= matches!(header.kind(), 3 | 8 | 10);
        bytes = rest;
    }
    has_topic
}

/// The packet that bytes begin with, its body, and what follows it.
fn whole(bytes: &[u8]) -> Option<(Header, &[u8], &[u8])> {
    let Start::Header(header) = packet::start(bytes) else {
        return None;
    };
    let (packet, rest) = bytes.split_at_checked(header.total())?;
    Some((header, packet.get(header.len..)?, rest))
}

#[derive(Clone, Debug)]
struct Mqtt {
    /// Nothing else is spoken here: the endpoints agreed on it, or a client connected.
    is_certain: bool,
    carry: PerSide<Carry>,
    session: Session,
}

impl Mqtt {
    fn new(opening: &Opening) -> Self {
        Self {
            is_certain: is_agreed(opening),
            carry: PerSide::default(),
            session: Session::new(opening.is_seen),
        }
    }

    /// Whether a packet may begin with the message.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        match packet::start(bytes) {
            Start::Cut => true,
            Start::Broken => false,
            Start::Header(header) => match whole(bytes) {
                Some((header, body, _)) => session::is_sound(header, body, self.session.version),
                None => header.has_right_flags(None) && header.kind() > 0,
            },
        }
    }
}

impl Decode for Mqtt {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let may_begin = self.may_begin(message.bytes);
        let carry = &mut self.carry[message.from];
        if !self.is_certain && !may_begin && !carry.is_waiting() {
            return Fit::No;
        }
        if carry.is_lost() {
            // Most programs begin a message with a packet.
            if !may_begin || whole(message.bytes).is_none() {
                out.part(table::TITLE, "of an unknown place");
                return Fit::Yes;
            }
            carry.found();
        }
        let session = &mut self.session;
        let count = out.stream(carry, message, |out, bytes, carry| {
            units(out, bytes, carry, |out, bytes| {
                packet(out, bytes, session, message)
            })
        });
        self.is_certain |= self.session.has_connected();
        if count == 0 {
            out.part(table::TITLE, "of a packet");
        }
        if message.kind == Kind::Text {
            out.finding(&table::TEXT_MESSAGE, "MQTT in a text message");
        }
        Fit::Yes
    }

    fn earlier(&mut self, from: Side, bytes: &[u8]) {
        self.carry[from].keep(bytes, None);
    }

    fn lost(&mut self, from: Side) {
        self.carry[from].lose();
        self.session.lost();
    }

    fn memory(&self) -> usize {
        self.carry.client.memory() + self.carry.server.memory() + self.session.memory()
    }
}

/// Decodes a packet.
fn packet<'a>(
    out: &mut Out<'_, 'a>,
    bytes: &'a [u8],
    session: &mut Session,
    message: &Payload<'_>,
) -> Step {
    match packet::start(bytes) {
        Start::Cut => Step::Wait(None),
        Start::Broken => {
            out.unit(table::TITLE);
            out.summary("no packet");
            out.finding(
                &table::MALFORMED,
                "a remaining length of more than four bytes",
            );
            Step::Lost
        }
        Start::Header(header) => match bytes.get(..header.total()) {
            Some(packet) => {
                session.packet(header, packet, message, out);
                Step::Took(packet.len())
            }
            None => Step::Wait(Some(header.total() as u64)),
        },
    }
}

#[cfg(test)]
mod tests;
