//! Commands, replies and pushes in protobuf, each behind its length.

use super::said::{Said, UNITS, invalid, ping};
use super::table::{
    CHANNEL, COMMANDS, DATA, ERROR_CODE, ERROR_MESSAGE, ID, METHOD, PUSH, PUSHES, TITLE, TOKEN,
    TYPE,
};
use crate::base::Side;
use crate::payload::json::Json;
use crate::payload::protobuf::wire::{self as wire_format, Wire};
use crate::payload::{Datum, Fit, Out, Payload};

/// Decodes a message, unit after unit; `None` where it has none.
pub(super) fn message<'a>(message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Option<Fit> {
    let mut rest = message.bytes;
    let mut fit = None;
    for _ in 0..UNITS {
        if rest.is_empty() {
            break;
        }
        let found = wire_format::varint(rest)
            .and_then(|(len, behind)| behind.split_at_checked(usize::try_from(len).ok()?));
        let Some((unit, behind)) = found else {
            fit = fit.max(Some(invalid(rest, out)));
            break;
        };
        rest = behind;
        let this = match (unit.is_empty(), Packed::of(unit, message.from)) {
            (true, _) => ping(message.from, unit, out),
            (false, Some(packed)) => packed.write(message.from, out),
            (false, None) => invalid(unit, out),
        };
        fit = fit.max(Some(this));
    }
    fit
}

/// A command, reply or push in protobuf.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Packed<'a> {
    kind: &'static str,
    push: Option<&'static str>,
    id: u64,
    body: &'a [u8],
    around: Option<&'a [u8]>,
    error: Option<&'a [u8]>,
}

impl<'a> Packed<'a> {
    /// The first unit of a message.
    pub(super) fn first(bytes: &'a [u8], from: Side) -> Option<Packed<'a>> {
        let (len, behind) = wire_format::varint(bytes)?;
        let (unit, _) = behind.split_at_checked(usize::try_from(len).ok()?)?;
        Packed::of(unit, from)
    }

    fn of(bytes: &'a [u8], from: Side) -> Option<Packed<'a>> {
        let mut unit = Packed::default();
        for field in wire_format::fields(bytes) {
            match (field?, from) {
                ((1, Wire::Varint(id)), _) => unit.id = id,
                ((2, Wire::Bytes(error)), Side::Server) => {
                    unit.kind = "error";
                    unit.error = Some(error);
                }
                ((4, Wire::Bytes(push)), Side::Server) => {
                    unit.kind = "push";
                    unit.around = Some(push);
                }
                ((number, Wire::Bytes(body)), _) => {
                    unit.kind = command(number, from)?;
                    unit.body = body;
                }
                _ => return None,
            }
        }
        let around = unit.around.into_iter().flat_map(wire_format::fields);
        for field in around {
            let (number, value) = field?;
            let kind = PUSHES.iter().find(|(_, at)| *at == number);
            if let (Some((kind, _)), Wire::Bytes(body)) = (kind, value) {
                unit.push = Some(kind);
                unit.body = body;
            }
        }
        (!unit.kind.is_empty()).then_some(unit)
    }

    /// The application's data: in a publication, a message, a call or its result.
    fn data(&self, from: Side) -> Option<&'a [u8]> {
        let number = match (self.kind, self.push, from) {
            ("push", Some("pub"), _) => 4,
            ("push", Some("message"), _) => 1,
            ("push", Some("connect"), _) | ("connect", _, Side::Client) => {
                2 + u64::from(self.push.is_some())
            }
            ("connect", ..) => 5,
            ("rpc" | "send", ..) => 1,
            ("publish", _, Side::Client) => 2,
            _ => return None,
        };
        wire_format::get(self.body, number)?.bytes()
    }

    fn write(&self, from: Side, out: &mut Out<'_, 'a>) -> Fit {
        out.unit(TITLE);
        out.field(&TYPE, self.kind);
        if let Some(push) = self.push {
            out.field(&PUSH, push);
        }
        if self.id > 0 {
            out.field(&ID, self.id);
        }
        let (channel, method) = (self.channel(from), self.method(from));
        let message = self.error.and_then(|error| bytes_of(error, 2));
        for (info, bytes) in [
            (&CHANNEL, channel),
            (&METHOD, method),
            (&TOKEN, self.token(from)),
            (&ERROR_MESSAGE, message),
        ] {
            if let Some(bytes) = bytes {
                out.field_at(info, String::from_utf8_lossy(bytes), bytes);
            }
        }
        let code = self
            .error
            .and_then(|error| wire_format::get(error, 1)?.number());
        if let Some(code) = code {
            out.field(&ERROR_CODE, code);
        }
        let lossy = |bytes: Option<&'a [u8]>| String::from_utf8_lossy(bytes.unwrap_or_default());
        let data = self.data(from);
        let said = Said {
            kind: self.kind,
            push: self.push,
            id: self.id,
            channel: lossy(channel),
            method: lossy(method),
            error: self.error.map(|_| (code, lossy(message))),
            shown: data.unwrap_or_default().into(),
        };
        said.write(from, out);
        if let Some(data) = data {
            let text = std::str::from_utf8(data).ok();
            match text.filter(|text| Json::container(text).is_some()) {
                Some(text) => drop(out.field_at(&DATA, Datum::Json(text.into()), data)),
                None => drop(out.field_at(&DATA, data, data)),
            }
        }
        Fit::Yes
    }

    fn channel(&self, from: Side) -> Option<&'a [u8]> {
        match (self.around, self.kind, from) {
            (Some(push), ..) => bytes_of(push, 2),
            (None, "connect" | "send" | "rpc" | "ping" | "refresh", _) => None,
            (None, _, Side::Server) => None,
            (None, _, Side::Client) => bytes_of(self.body, 1),
        }
    }

    fn method(&self, from: Side) -> Option<&'a [u8]> {
        let is_call = self.kind == "rpc" && from == Side::Client;
        is_call.then(|| bytes_of(self.body, 2))?
    }

    fn token(&self, from: Side) -> Option<&'a [u8]> {
        let token = match (self.kind, from) {
            ("connect" | "refresh", Side::Client) => bytes_of(self.body, 1),
            ("subscribe" | "sub_refresh", Side::Client) => bytes_of(self.body, 2),
            _ => None,
        };
        token.filter(|token| !token.is_empty())
    }
}

fn bytes_of(message: &[u8], number: u64) -> Option<&[u8]> {
    wire_format::get(message, number)?.bytes()
}

/// The command or reply that a field is.
fn command(number: u64, from: Side) -> Option<&'static str> {
    let mut all = COMMANDS.iter();
    let (kind, ..) = all.find(|(_, command, reply)| match from {
        Side::Client => *command == number,
        Side::Server => *reply == number,
    })?;
    Some(kind)
}
