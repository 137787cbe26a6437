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
        let text = std::str::from_utf8(message.bytes);
        let Some((text, json)) = text
            .ok()
            .and_then(|text| Some((text, Json::container(text)?)))
        else {
            return Fit::No;
        };
        let span = out.span(message.bytes);
        out.line("JSON", Datum::Json(text.into())).at(span);
        out.summary(json.outline());
        Fit::Yes
    }
}
