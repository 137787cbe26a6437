//! WAMP 2 (wamp-proto.org) in JSON, MessagePack and CBOR, also batched: a message is a list with its type in front.
//!
//! EVENT and INVOCATION name only ids; the topics and procedures behind them were agreed on earlier, and are remembered.

mod message;
mod records;
mod session;
mod table;

use self::message::Message;
use self::records::{Record, Records, Serializer};
use self::session::Session;
use self::table::TITLE;
use crate::base::Side;
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Opening, Out, Payload};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "wamp",
    title: TITLE,
    fields: table::FIELDS,
    rules: table::RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(Wamp::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    if evidence.subprotocol().starts_with("wamp.2.") {
        return Claim::certain("subprotocol");
    }
    let Payload { kind, bytes, .. } = *evidence.payload;
    if kind == Kind::Text && !begins_with_number(bytes) {
        return None;
    }
    let serializer = Serializer::guess(kind, bytes)?;
    let mut found = None;
    for record in Records::new(serializer, bytes) {
        let Record::Element(element) = record else {
            return None;
        };
        let message = Message::read(element).filter(Message::is_sound)?;
        found = match message.opens() {
            true => return Claim::certain("a session begins"),
            false if message.is_distinctive() => Claim::likely("WAMP messages"),
            false => found,
        };
    }
    found
}

/// Whether a text is an array whose first element is a number, as the type of a message is.
fn begins_with_number(text: &[u8]) -> bool {
    let inside = text.trim_ascii_start().strip_prefix(b"[");
    inside.is_some_and(|inside| {
        inside
            .trim_ascii_start()
            .first()
            .is_some_and(u8::is_ascii_digit)
    })
}

#[derive(Clone, Debug)]
struct Wamp {
    /// Known from the subprotocol.
    serializer: Option<Serializer>,
    session: Session,
}

impl Wamp {
    fn new(opening: &Opening) -> Self {
        Self {
            serializer: Serializer::of(&opening.subprotocol),
            session: Session::new(opening.is_seen),
        }
    }
}

impl Decode for Wamp {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let is_agreed = self.serializer.is_some();
        let guess = || Serializer::guess(message.kind, message.bytes);
        let Some(serializer) = self.serializer.or_else(guess) else {
            return Fit::No;
        };
        let mut count = 0_usize;
        for record in Records::new(serializer, message.bytes) {
            let read = match record {
                Record::Element(element) => Message::read(element),
                Record::Broken(_) => None,
            };
            match read {
                Some(read) => self.session.message(&read, message.from, out),
                None if count == 0 && !is_agreed => return Fit::No,
                None => broken(record.raw(), out),
            }
            count += 1;
        }
        if count == 0 {
            broken(message.bytes, out);
        }
        Fit::Yes
    }

    fn lost(&mut self, _from: Side) {
        self.session.lost();
    }

    fn memory(&self) -> usize {
        self.session.memory()
    }
}

fn broken<'a>(bytes: &'a [u8], out: &mut Out<'_, 'a>) {
    let span = out.span(bytes);
    out.unit(TITLE).words("no message").at(span);
    // What they say may be a secret.
    let text = format!("no message, {} bytes", bytes.len());
    out.summary(text.clone());
    out.finding(&table::MESSAGE_INVALID, text);
}

#[cfg(test)]
mod tests;
