//! RFB, the protocol of VNC (RFC 6143 and github.com/rfbproto/rfbproto), as noVNC carries it: a byte stream of messages, which
//! messages of the WebSocket cut anywhere. Before binary messages there was base64 in text.
//!
//! A server's rectangles are passed over, not decoded; where an encoding does not say how long they are, what the server says
//! after that is not told apart.

mod client;
mod rectangle;
mod server;
mod table;
mod talk;
mod write;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

use self::talk::{Step, TITLE, Talk, version};
use crate::base::{PerSide, Side};
use crate::payload::{
    Carry, Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Opening, Out, Payload,
};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "rfb",
    title: TITLE,
    fields: table::FIELDS,
    rules: table::RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(Rfb::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let Payload { kind, bytes, .. } = *evidence.payload;
    match kind {
        Kind::Binary if version(evidence.stream).is_some() => {
            Claim::of_stream("it begins with RFB's version")
        }
        Kind::Text => {
            let bytes = BASE64_STANDARD.decode(bytes.get(..16)?).ok()?;
            version(&bytes).and_then(|_| Claim::certain("it begins with RFB's version in base64"))
        }
        Kind::Binary => None,
    }
}

#[derive(Clone, Debug)]
struct Rfb {
    carry: PerSide<Carry>,
    talk: Talk,
}

impl Rfb {
    fn new(opening: &Opening) -> Self {
        let mut talk = Talk::default();
        if !opening.is_seen {
            // A capture that begins later begins among messages.
            talk.version = 8;
        }
        Self {
            carry: PerSide::default(),
            talk,
        }
    }
}

impl Decode for Rfb {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let from = message.from;
        let carry = &mut self.carry[from];
        let talk = &mut self.talk;
        if carry.is_lost() && !talk.finds(message.bytes, from) {
            out.part(TITLE, "of an unknown place");
            return Fit::Yes;
        }
        carry.found();
        let count = match message.kind {
            Kind::Binary => out.stream(carry, message, |out, bytes, carry| {
                units(out, bytes, carry, talk, from)
            }),
            Kind::Text => {
                let Ok(bytes) = BASE64_STANDARD.decode(message.bytes.trim_ascii()) else {
                    return Fit::No;
                };
                out.stream_of(carry, &bytes, |out, bytes, carry| {
                    units(out, bytes, carry, talk, from)
                })
            }
        };
        if count == 0 {
            out.part(TITLE, "of a message");
        }
        Fit::Yes
    }

    fn earlier(&mut self, from: Side, bytes: &[u8]) {
        self.carry[from].keep(bytes, None);
    }

    fn lost(&mut self, from: Side) {
        self.carry[from].lose();
        if from == Side::Server {
            self.talk.update = None;
        }
    }

    fn memory(&self) -> usize {
        self.carry.client.memory() + self.carry.server.memory()
    }
}

impl Talk {
    /// Whether a side's messages are found again where bytes begin: it begins anew, or one message fits exactly.
    fn finds(&mut self, bytes: &[u8], from: Side) -> bool {
        if version(bytes).is_some() {
            *self = Talk::default();
            return true;
        }
        match from {
            Side::Server => self.server_finds(bytes),
            Side::Client => self.client_finds(bytes),
        }
    }
}

/// Decodes message after message; how many there were. What is left waits.
fn units<'a>(
    out: &mut Out<'_, 'a>,
    mut bytes: &'a [u8],
    carry: &mut Carry,
    talk: &mut Talk,
    from: Side,
) -> usize {
    let mut count = 0;
    if from == Side::Server && !carry.is_passing() {
        count += usize::from(talk.passed(out));
    }
    while !bytes.is_empty() {
        let step = match from {
            Side::Client => talk.client_step(bytes, out),
            Side::Server => talk.server_step(bytes, out),
        };
        match step {
            Step::Took(len) => {
                bytes = bytes.get(len.max(1)..).unwrap_or_default();
                count += 1;
            }
            Step::Began(len) => bytes = bytes.get(len.max(1)..).unwrap_or_default(),
            Step::Wait(len) => {
                carry.keep(bytes, len);
                break;
            }
            Step::Pass(len) => {
                let here = usize::try_from(len).unwrap_or(usize::MAX).min(bytes.len());
                carry.pass(len - here as u64);
                bytes = &bytes[here..];
                if !carry.is_passing() {
                    count += usize::from(talk.passed(out));
                }
            }
            Step::Lost => {
                carry.lose();
                return count + 1;
            }
        }
    }
    count
}

#[cfg(test)]
mod tests;
