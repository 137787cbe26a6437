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
    evidence.is_json().then(|| Claim::certain("it is JSON"))?
}

#[derive(Clone, Debug)]
struct Document;

impl Decode for Document {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(text) = message.utf8() else {
            return Fit::No;
        };
        // Whoever forces it has not looked.
        let summary = match out.outline {
            Some(outline) => Some(outline.summary(text)),
            None => Json::container(text).map(|json| json.outline()),
        };
        let (Some(summary), Some(json)) = (summary, Json::trusted(text)) else {
            return Fit::No;
        };
        let span = out.span(message.bytes);
        out.line("JSON", Datum::Json(json.raw().into())).at(span);
        out.summary(summary);
        Fit::Yes
    }
}
