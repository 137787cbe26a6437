//! BSON (bsonspec.org), where a binary message is one document.

use std::fmt::Write as _;

use crate::base::{Cursor, FieldInfo, Timestamp, Type};
use crate::payload::json::Json;
use crate::payload::{Claim, Datum, Decode, Decoder, Evidence, Fit, Kind, Out, Payload};

/// How deep documents lie in one another.
const DEPTH: usize = 100;
/// Bytes of a binary value that are written.
const BYTES: usize = 1024;

static VALUE: FieldInfo = FieldInfo::new(
    "bson.value",
    "BSON",
    Type::Text,
    "A BSON document as JSON (MongoDB Extended JSON, relaxed).",
);

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "bson",
    title: "BSON",
    fields: &[&VALUE],
    claim,
    start: |_| Box::new(Bson),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    let len = bytes.first_chunk::<4>()?;
    let is_one = kind == Kind::Binary
        && u32::from_le_bytes(*len) as usize == bytes.len()
        && bytes.len() > 5
        && bytes.last() == Some(&0);
    is_one.then(|| Claim::certain("its length, and its elements end with it"))?
}

#[derive(Clone, Debug)]
struct Bson;

impl Decode for Bson {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let mut json = String::new();
        let mut cursor = Cursor::new(message.bytes);
        if document(&mut cursor, &mut json, false, DEPTH).is_none() || !cursor.is_empty() {
            return Fit::No;
        }
        if let Some(json) = Json::parse(&json) {
            out.summary(json.outline());
        }
        let span = out.span(message.bytes);
        out.unit(DECODER.title).at(span);
        out.field(&VALUE, Datum::Json(json.into()));
        Fit::Yes
    }
}

/// Text up to a NUL.
fn name<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let len = memchr::memchr(0, cursor.rest())?;
    let text = std::str::from_utf8(cursor.take(len)?).ok()?;
    cursor.skip(1)?;
    Some(text)
}

/// Text with its length in front, NUL included.
fn text<'a>(cursor: &mut Cursor<'a>) -> Option<&'a str> {
    let len = usize::try_from(int32(cursor)?).ok()?.checked_sub(1)?;
    let text = std::str::from_utf8(cursor.take(len)?).ok()?;
    (cursor.u8()? == 0).then_some(text)
}

fn int32(cursor: &mut Cursor<'_>) -> Option<i32> {
    cursor.array().map(i32::from_le_bytes)
}

fn int64(cursor: &mut Cursor<'_>) -> Option<i64> {
    cursor.array().map(i64::from_le_bytes)
}

fn quoted(text: &str, out: &mut String) -> Option<()> {
    out.push_str(&serde_json::to_string(text).ok()?);
    Some(())
}

/// A document or an array as JSON.
fn document(cursor: &mut Cursor<'_>, out: &mut String, is_array: bool, depth: usize) -> Option<()> {
    let len = usize::try_from(int32(cursor)?).ok()?.checked_sub(4)?;
    let mut inside = Cursor::new(cursor.take(len)?);
    out.push(if is_array { '[' } else { '{' });
    let mut is_first = true;
    loop {
        let kind = inside.u8()?;
        if kind == 0 {
            break;
        }
        if !is_first {
            out.push(',');
        }
        is_first = false;
        let name = name(&mut inside)?;
        if !is_array {
            quoted(name, out)?;
            out.push(':');
        }
        value(kind, &mut inside, out, depth.checked_sub(1)?)?;
    }
    out.push(if is_array { ']' } else { '}' });
    inside.is_empty().then_some(())
}

fn value(kind: u8, cursor: &mut Cursor<'_>, out: &mut String, depth: usize) -> Option<()> {
    match kind {
        0x01 => float(f64::from_le_bytes(cursor.array()?), out),
        0x02 => return quoted(text(cursor)?, out),
        0x03 => return document(cursor, out, false, depth),
        0x04 => return document(cursor, out, true, depth),
        0x05 => {
            let len = usize::try_from(int32(cursor)?).ok()?;
            let kind = cursor.u8()?;
            let bytes = cursor.take(len)?;
            let shown = hex::encode(bytes.get(..BYTES).unwrap_or(bytes));
            let more = if bytes.len() > BYTES { "…" } else { "" };
            let _ = write!(
                out,
                "{{\"$binary\":\"h'{shown}{more}'\",\"subType\":\"{kind:02x}\"}}"
            );
        }
        0x06 | 0x0a => out.push_str("null"),
        0x07 => drop(write!(
            out,
            "{{\"$oid\":\"{}\"}}",
            hex::encode(cursor.take(12)?)
        )),
        0x08 => out.push_str(match cursor.u8()? {
            0 => "false",
            1 => "true",
            _ => return None,
        }),
        0x09 => {
            let time = int64(cursor)?.checked_mul(1_000_000);
            let time = time.map_or_else(String::new, |time| Timestamp(time).to_string());
            let _ = write!(out, "{{\"$date\":\"{time}\"}}");
        }
        0x0b => {
            let (pattern, options) = (name(cursor)?, name(cursor)?);
            return quoted(&format!("/{pattern}/{options}"), out);
        }
        0x0c => {
            quoted(text(cursor)?, out)?;
            cursor.skip(12)?;
        }
        0x0d | 0x0e => return quoted(text(cursor)?, out),
        0x0f => {
            let len = usize::try_from(int32(cursor)?).ok()?.checked_sub(4)?;
            let mut inside = Cursor::new(cursor.take(len)?);
            quoted(text(&mut inside)?, out)?;
        }
        0x10 => drop(write!(out, "{}", int32(cursor)?)),
        0x11 => {
            let value = u64::from_le_bytes(cursor.array()?);
            let (time, increment) = (value >> 32, value & 0xffff_ffff);
            let _ = write!(out, "{{\"$timestamp\":{{\"t\":{time},\"i\":{increment}}}}}");
        }
        0x12 => drop(write!(out, "{}", int64(cursor)?)),
        0x13 => drop(write!(
            out,
            "{{\"$numberDecimal\":\"h'{}'\"}}",
            hex::encode(cursor.take(16)?)
        )),
        0xff => out.push_str("{\"$minKey\":1}"),
        0x7f => out.push_str("{\"$maxKey\":1}"),
        _ => return None,
    }
    Some(())
}

fn float(number: f64, out: &mut String) {
    let _ = match number.is_finite() {
        true => write!(out, "{number:?}"),
        false => write!(out, "{{\"$numberDouble\":\"{number}\"}}"),
    };
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field};

    fn json(hex: &str) -> Option<String> {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        let mut talk = Talk::unknown();
        let decoded = talk.server_bytes(&bytes)?;
        (decoded.protocol() == "bson").then(|| field(&decoded, "bson.value").concat())
    }

    #[test]
    fn documents_of_the_specification() {
        for (hex, expected) in [
            (
                "16000000 02 68656c6c6f00 06000000 776f726c6400 00",
                r#"{"hello":"world"}"#,
            ),
            (
                "31000000 04 42534f4e00 26000000 02 3000 08000000 617765736f6d6500 01 3100 333333333333 1440 10 3200 c2070000 00 00",
                r#"{"BSON":["awesome",5.05,1986]}"#,
            ),
            ("0c000000 08 6100 01 0a 6200 00", r#"{"a":true,"b":null}"#),
            (
                "10000000 09 6100 e803000000000000 00",
                r#"{"a":{"$date":"1970-01-01T00:00:01.000000000Z"}}"#,
            ),
            (
                "0f000000 05 6100 02000000 00 0102 00",
                r#"{"a":{"$binary":"h'0102'","subType":"00"}}"#,
            ),
        ] {
            assert_eq!(json(hex).as_deref(), Some(expected), "{hex}");
        }
    }

    #[test]
    fn what_is_no_document_is_none() {
        for hex in [
            "0500000000",
            "06000000 01 00",
            "0c000000 08 6100 02 0a 6200 00",
            "16000000 02 68656c6c6f00 ff000000 776f726c6400 00",
            "16000000 02 68656c6c6f00 00000000 776f726c6400 00",
        ] {
            assert_eq!(json(hex), None, "{hex}");
        }
        // Documents in documents without end.
        let mut deep = vec![5_u8, 0, 0, 0, 0];
        for _ in 0..10_000 {
            let mut outer = vec![0, 0, 0, 0, 3, b'a', 0];
            outer.extend(&deep);
            outer.push(0);
            let len = u32::try_from(outer.len()).unwrap().to_le_bytes();
            outer[..4].copy_from_slice(&len);
            deep = outer;
        }
        assert!(
            Talk::unknown()
                .client_bytes(&deep)
                .is_none_or(|decoded| decoded.protocol() != "bson")
        );
    }
}
