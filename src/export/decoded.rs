//! What a message carries, as the object that NDJSON ends a message with.

use smallvec::SmallVec;

use crate::base::FieldInfo;
use crate::payload::{Datum, Decoded, Item};

use super::json::{array, boolean, hexadecimal, number, optional, string, word};

/// Values of one field told of a message.
const VALUES: usize = 1000;

/// Writes the object, or `null`.
pub(super) fn write(out: &mut Vec<u8>, decoded: Option<&Decoded<'_>>) {
    let Some(decoded) = decoded else {
        return out.extend_from_slice(b"null");
    };
    out.extend_from_slice(b"{\"protocol\":");
    word(out, decoded.protocol());
    out.extend_from_slice(b",\"protocols\":");
    array(out, &decoded.stack, |out, name| word(out, name));
    out.extend_from_slice(b",\"confidence\":");
    word(out, decoded.confidence().name());
    out.extend_from_slice(b",\"why\":");
    string(out, decoded.claim.why);
    out.extend_from_slice(b",\"summary\":");
    string(out, &decoded.summary);
    out.extend_from_slice(b",\"fields\":");
    fields(out, &decoded.items);
    out.extend_from_slice(b",\"request\":");
    optional(out, decoded.request(), number);
    out.extend_from_slice(b",\"time\":");
    optional(out, decoded.time(), number);
    out.push(b'}');
}

/// Every field once, in the order in which they first come, with its value or the list of its values.
fn fields(out: &mut Vec<u8>, items: &[Item<'_>]) {
    out.push(b'{');
    let mut seen: SmallVec<[&FieldInfo; 16]> = SmallVec::new();
    for (at, item) in items.iter().enumerate() {
        let Some(info) = told(item) else { continue };
        if seen.iter().any(|known| std::ptr::eq(*known, info)) {
            continue;
        }
        if !seen.is_empty() {
            out.push(b',');
        }
        seen.push(info);
        word(out, info.name);
        out.push(b':');
        let same = |item: &&Item<'_>| told(item).is_some_and(|other| std::ptr::eq(other, info));
        let rest = items.get(at + 1..).unwrap_or_default();
        if !rest.iter().any(|item| same(&item)) {
            value(out, &item.datum);
            continue;
        }
        out.push(b'[');
        value(out, &item.datum);
        for item in rest.iter().filter(same).take(VALUES - 1) {
            out.push(b',');
            value(out, &item.datum);
        }
        out.push(b']');
    }
    out.push(b'}');
}

/// The field of an item that stands among the fields: the message's own text or data says the bodies.
fn told(item: &Item<'_>) -> Option<&'static FieldInfo> {
    item.info
        .filter(|info| !info.is_body && item.datum != Datum::None)
}

fn value(out: &mut Vec<u8>, datum: &Datum<'_>) {
    match datum {
        Datum::None => out.extend_from_slice(b"null"),
        Datum::Bool(yes) => boolean(out, *yes),
        Datum::Unsigned(value) => number(out, *value),
        Datum::Signed(value) | Datum::Duration(value) => number(out, *value),
        Datum::Float(value) if value.is_finite() => {
            out.extend_from_slice(value.to_string().as_bytes());
        }
        Datum::Float(value) => string(out, &value.to_string()),
        Datum::Text(text) | Datum::Json(text) => string(out, text),
        Datum::Bytes(bytes) => hexadecimal(out, bytes),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{Side, Timestamp};
    use crate::payload::{Conversation, Given, GivenKind, Opening};

    #[test]
    fn several_units_make_lists_and_bodies_stay_out() {
        let opening = Opening {
            subprotocol: "v12.stomp".into(),
            is_seen: true,
            ..Opening::default()
        };
        let text = "SEND\ndestination:/a\n\nx\0SEND\ndestination:/b\nreceipt:1\n\n\0";
        let decoded = Conversation::new(opening, None).message(&Given {
            from: Side::Client,
            number: 1,
            time: Timestamp(0),
            kind: GivenKind::Text,
            bytes: Some(text.as_bytes()),
        });
        let mut out = Vec::new();
        write(&mut out, decoded.as_ref());
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["protocols"], serde_json::json!(["stomp"]));
        let fields = &value["fields"];
        assert_eq!(fields["stomp.destination"], serde_json::json!(["/a", "/b"]));
        assert_eq!(fields["stomp.receipt"], "1");
        assert!(fields.get("stomp.body").is_none());
    }
}
