//! JSON (RFC 8259), where a message is an object or an array of no protocol.

use crate::payload::json::{Json, JsonKind};
use crate::payload::{Claim, Datum, Decode, Decoder, Evidence, Fit, Out, Payload, summary};

/// Members named in a summary.
const NAMED: usize = 6;

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
        out.summary(shape(&json));
        Fit::Yes
    }
}

/// The document's outline in a few words.
fn shape(json: &Json<'_>) -> String {
    if json.kind() == JsonKind::Array {
        return format!("[{}]", json.elements().count());
    }
    let mut members = json.members();
    let named: Vec<String> = members
        .by_ref()
        .take(NAMED)
        .map(|(key, value)| match value.kind() {
            JsonKind::Object => format!("{}: {{…}}", summary::part(&*key)),
            JsonKind::Array => format!("{}: […]", summary::part(&*key)),
            _ => format!("{}: {}", summary::part(&*key), summary::part(value.raw())),
        })
        .collect();
    let rest = if members.next().is_some() {
        ", …"
    } else {
        ""
    };
    format!("{{{}{rest}}}", named.join(", "))
}
