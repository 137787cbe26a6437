//! SignalR of ASP.NET Core (aspnetcore, HubProtocol.md): a handshake in JSON, then hub messages in JSON or MessagePack.
//!
//! JSON messages end with the record separator, MessagePack messages begin with their length; several may share one message
//! of the WebSocket. Ids of invocations belong to who calls, ids of streams to who sends them.

mod hub;
mod record;
mod session;
mod table;

use self::hub::Hub;
use self::record::{Record, Records};
use self::session::SignalR;
use self::table::{FIELDS, MESSAGE_INVALID, RULES, TITLE, UNTERMINATED};
use crate::base::Side;
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Out, Payload};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "signalr",
    title: TITLE,
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(SignalR::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let Payload {
        kind, bytes, from, ..
    } = *evidence.payload;
    if !record::may_be(bytes) {
        return None;
    }
    let mut records = Records::new(bytes, kind);
    let mut known = 0_usize;
    for record in records.by_ref() {
        match record {
            Record::Element(element) if record::is_handshake(&element) && from == Side::Client => {
                return Claim::certain("the handshake");
            }
            Record::Element(element) if Hub::read(element).is_some_and(|hub| hub.is_sound()) => {
                known += 1;
            }
            Record::Element(element) if element.is_map() && record::is_response(&element) => {
                known += 1;
            }
            _ => return None,
        }
    }
    (known > 0).then(|| Claim::likely("hub messages"))?
}

impl Decode for SignalR {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let mut records = Records::new(message.bytes, message.kind);
        let mut count = 0_usize;
        for record in records.by_ref() {
            count += 1;
            match record {
                Record::Element(element) if record::is_handshake(&element) => {
                    self.is_asked = true;
                    record::request(element, out);
                }
                Record::Element(element)
                    if message.from == Side::Server
                        && record::is_response(&element)
                        && (self.is_asked || !self.is_whole) =>
                {
                    self.is_asked = false;
                    record::response(element, out);
                }
                Record::Element(element) => match Hub::read(element) {
                    Some(hub) => self.hub(&hub, message.from, out),
                    None if count == 1 && !element.is_map() && message.kind == Kind::Text => {
                        return Fit::No;
                    }
                    None => broken("no hub message", element.raw(), &MESSAGE_INVALID, out),
                },
                Record::Broken(_) if count == 1 && message.kind == Kind::Text => return Fit::No,
                Record::Broken(bytes) => broken("no message", bytes, &MESSAGE_INVALID, out),
                Record::Cut(bytes) => broken("a part of a message", bytes, &UNTERMINATED, out),
            }
        }
        if count == 0 { Fit::No } else { Fit::Yes }
    }

    fn lost(&mut self, _from: Side) {
        self.is_whole = false;
    }

    fn memory(&self) -> usize {
        let side =
            |side: Side| -> usize { self.streams[side].iter().map(|id| id.len() + 32).sum() };
        side(Side::Client) + side(Side::Server)
    }
}

fn broken<'a>(
    what: &'static str,
    bytes: &'a [u8],
    rule: &'static crate::base::Rule,
    out: &mut Out<'_, 'a>,
) {
    let span = out.span(bytes);
    out.unit(TITLE).words(what).at(span);
    // What they say may be a secret.
    let text = format!("{what}, {} bytes", bytes.len());
    out.summary(text.clone());
    out.finding(rule, text);
}

#[cfg(test)]
mod tests;
