//! JSON (RFC 8259), where a message is an object or an array of no protocol.

use crate::payload::json::Json;
use crate::payload::{Claim, Datum, Decode, Decoder, Evidence, Fit, Out, Payload};

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "json",
    title: "JSON",
    claim,
    start: |_| Box::new(Document),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let first = evidence.payload.bytes.trim_ascii_start().first()?;
    matches!(first, b'{' | b'[').then(|| Claim::certain("it is JSON"))?
}

#[derive(Clone, Debug)]
struct Document;

impl Decode for Document {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(json) = message.json() else {
            return Fit::No;
        };
        let span = out.span(message.bytes);
        out.line("JSON", Datum::Json(json.raw().into())).at(span);
        match message.elements {
            Some(elements) => out.summary(Json::outline_of_array(elements)),
            None => out.summary(json.outline()),
        };
        Fit::Yes
    }
}
