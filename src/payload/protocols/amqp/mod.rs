//! AMQP 1.0 (OASIS) over WebSockets: a byte stream of protocol headers and frames, which messages cut anywhere.
//!
//! Of AMQP 0-9-1, which begins with another header, the frames are named and not taken apart.

mod frame;
mod session;
mod table;
mod types;

use self::frame::{Start, start};
use self::session::Session;
use self::table::TITLE;
use crate::base::{PerSide, Side};
use crate::payload::units::{Step, units};
use crate::payload::{
    Carry, Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Opening, Out, Payload,
};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "amqp",
    title: TITLE,
    fields: table::FIELDS,
    rules: table::RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(Amqp::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    if is_agreed(evidence.opening) {
        return Claim::certain("subprotocol");
    }
    if matches!(
        evidence.stream,
        [b'A', b'M', b'Q', b'P', 0 | 2 | 3, 1, 0, 0, ..] | [b'A', b'M', b'Q', b'P', 0, 0, 9, 1, ..]
    ) {
        return Claim::of_stream("it begins with AMQP's header");
    }
    let Payload { kind, bytes, .. } = *evidence.payload;
    (kind == Kind::Binary && are_frames(bytes)).then(|| Claim::likely("AMQP frames"))?
}

fn is_agreed(opening: &Opening) -> bool {
    let name = &*opening.subprotocol;
    name.eq_ignore_ascii_case("amqp") || name.eq_ignore_ascii_case("AMQPWSB10")
}

/// Whether bytes are whole frames from first to last.
fn are_frames(mut bytes: &[u8]) -> bool {
    if bytes.is_empty() {
        return false;
    }
    while !bytes.is_empty() {
        match start(bytes, false) {
            Start::Frame(frame) if frame.is_sound() && frame.len <= bytes.len() => {
                bytes = &bytes[frame.len..];
            }
            _ => return false,
        }
    }
    true
}

/// Whether bytes begin with a whole header or frame.
fn is_whole(bytes: &[u8]) -> bool {
    match start(bytes, false) {
        Start::Header(_) => true,
        Start::Frame(frame) => frame.len <= bytes.len(),
        Start::Cut | Start::Broken => false,
    }
}

#[derive(Clone, Debug)]
struct Amqp {
    /// Nothing else is spoken here: the endpoints agreed on it, or a header was seen.
    is_certain: bool,
    carry: PerSide<Carry>,
    session: Session,
}

impl Amqp {
    fn new(opening: &Opening) -> Self {
        Self {
            is_certain: is_agreed(opening),
            carry: PerSide::default(),
            session: Session::default(),
        }
    }

    /// Whether a header or a frame may begin with the message.
    fn may_begin(&self, bytes: &[u8]) -> bool {
        match start(bytes, self.session.is_old()) {
            Start::Header(_) => true,
            Start::Frame(frame) => frame.is_sound(),
            Start::Cut => {
                b"AMQP".starts_with(bytes.get(..4).unwrap_or(bytes)) || bytes.first() == Some(&0)
            }
            Start::Broken => false,
        }
    }
}

impl Decode for Amqp {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let may_begin = self.may_begin(message.bytes);
        let carry = &mut self.carry[message.from];
        if !self.is_certain && !may_begin && !carry.is_waiting() {
            return Fit::No;
        }
        if carry.is_lost() {
            if !may_begin || !is_whole(message.bytes) {
                out.part(TITLE, "of an unknown place");
                return Fit::Yes;
            }
            carry.found();
        }
        let session = &mut self.session;
        let count = out.stream(carry, message, |out, bytes, carry| {
            units(out, bytes, carry, |out, bytes| {
                unit(out, bytes, session, message.from)
            })
        });
        self.is_certain |= self.session.has_begun();
        if count == 0 {
            out.part(TITLE, "of a frame");
        }
        Fit::Yes
    }

    fn earlier(&mut self, from: Side, bytes: &[u8]) {
        self.carry[from].keep(bytes, None);
    }

    fn lost(&mut self, from: Side) {
        self.carry[from].lose();
    }

    fn memory(&self) -> usize {
        self.carry.client.memory() + self.carry.server.memory() + self.session.memory()
    }
}

/// Decodes a header or a frame.
fn unit<'a>(out: &mut Out<'_, 'a>, bytes: &'a [u8], session: &mut Session, from: Side) -> Step {
    match start(bytes, session.is_old()) {
        Start::Cut => Step::Wait(None),
        Start::Broken => {
            out.unit(TITLE);
            out.summary("no frame");
            out.finding(&table::MALFORMED, "no frame begins here");
            Step::Lost
        }
        Start::Header(header) => {
            session.header(header, from, out);
            Step::Took(header.len())
        }
        Start::Frame(frame) => match bytes.get(..frame.len) {
            Some(whole) => {
                session.frame(&frame, whole, from, out);
                Step::Took(frame.len)
            }
            None => Step::Wait(Some(frame.len as u64)),
        },
    }
}

#[cfg(test)]
mod tests;
