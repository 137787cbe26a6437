//! Protocol Buffers, where a binary message is most likely one: without a schema numbers stand for names, and what a value
//! may be stands beside what it most likely is. Several messages with their lengths in front count as well.

use crate::base::{FieldInfo, Type};
use crate::payload::protobuf::wire::{Field, Wire, varint, whole_fields};
use crate::payload::protobuf::{Guess, guess, is_message};
use crate::payload::{Claim, Datum, Decode, Decoder, Evidence, Fit, Kind, Out, Payload, summary};

/// How deep messages are shown in messages.
const DEPTH: usize = 16;
/// Messages with their lengths in front that are shown of one message.
const MESSAGES: usize = 1000;
/// Fields named in a summary.
const NAMED: usize = 6;
/// Numbers packed together that are shown.
const PACKED: usize = 16;

static NUMBER: FieldInfo = FieldInfo::new(
    "protobuf.field.number",
    "Field number",
    Type::Unsigned,
    "Number of each field of a Protocol Buffers message.",
);
static WIRE_TYPE: FieldInfo = FieldInfo::new(
    "protobuf.field.wiretype",
    "Wire type",
    Type::Unsigned,
    "Wire type of each field of a Protocol Buffers message.",
)
.named(&[
    ("varint", 0),
    ("64-bit", 1),
    ("length-delimited", 2),
    ("32-bit", 5),
])
.max(7);
static NAME: FieldInfo = FieldInfo::new(
    "protobuf.field.name",
    "Name",
    Type::Text,
    "Name of each field of a Protocol Buffers message, where a schema is given.",
);
static JSON: FieldInfo = FieldInfo::new(
    "protobuf.value",
    "JSON",
    Type::Text,
    "A Protocol Buffers message as JSON, where a schema is given.",
);
static VALUE: FieldInfo = FieldInfo::new(
    "protobuf.field.value",
    "Value",
    Type::Bytes,
    "Each value of a Protocol Buffers message that has no fields inside.",
);

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "protobuf",
    title: "Protocol Buffers",
    fields: &[&NUMBER, &WIRE_TYPE, &NAME, &VALUE, &JSON],
    claim,
    start: |_| Box::new(Protobuf),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    if kind == Kind::Text {
        return None;
    }
    if is_message(bytes) {
        return Claim::likely("fields that people would make");
    }
    delimited(bytes).and_then(|_| Claim::likely("messages with their lengths in front"))
}

/// The messages that bytes are, with their lengths in front.
fn delimited(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let mut messages = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let (len, behind) = varint(rest)?;
        let (message, behind) = behind.split_at_checked(usize::try_from(len).ok()?)?;
        if !is_message(message) {
            return None;
        }
        rest = behind;
        if messages.len() < MESSAGES {
            messages.push(message);
        }
    }
    (!messages.is_empty()).then_some(messages)
}

#[derive(Clone, Debug)]
struct Protobuf;

impl Decode for Protobuf {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        if let Some(schema) = out.schema()
            && by_schema::write(&schema, message, out)
        {
            return Fit::Yes;
        }
        let messages = match is_message(message.bytes) {
            true => vec![message.bytes],
            false => delimited(message.bytes).unwrap_or_default(),
        };
        for bytes in &messages {
            let span = out.span(bytes);
            out.unit(DECODER.title).words("without a schema").at(span);
            fields(bytes, DEPTH, out);
            out.summary(outline(bytes));
        }
        if messages.is_empty() {
            Fit::No
        } else {
            Fit::Yes
        }
    }
}

/// Messages read by a schema.
#[cfg(feature = "protobuf")]
mod by_schema {
    use super::{DECODER, JSON, NAME, NUMBER, VALUE, varint};
    use crate::payload::json::Json;
    use crate::payload::protobuf::{Scalar, Schema, Seen};
    use crate::payload::{Datum, Kind, Out, Payload};

    /// Decodes a message that fits, or several with their lengths in front; whether it is so.
    pub(super) fn write<'a>(schema: &Schema, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> bool {
        if message.kind == Kind::Text || message.bytes.is_empty() {
            return false;
        }
        let messages = match schema.fits(message.bytes) {
            true => vec![message.bytes],
            false => delimited(schema, message.bytes).unwrap_or_default(),
        };
        for bytes in &messages {
            let span = out.span(bytes);
            out.unit(DECODER.title)
                .words(schema.name().to_owned())
                .at(span);
            let json = schema.json(bytes);
            if let Some(json) = Json::parse(&json) {
                out.summary(format!("{} {}", schema.name(), json.outline()));
            }
            // Its lines are the fields below, which know their bytes.
            out.field(&JSON, Datum::Text(json.into()));
            let depth = out.depth;
            schema.walk(bytes, &mut |seen| {
                out.depth = depth.saturating_add(seen.depth);
                field(seen, out);
                !out.is_full()
            });
            out.depth = depth;
        }
        !messages.is_empty()
    }

    /// The messages that bytes are, with their lengths in front.
    fn delimited<'a>(schema: &Schema, bytes: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let mut messages = Vec::new();
        let mut rest = bytes;
        while !rest.is_empty() {
            let (len, behind) = varint(rest)?;
            let (message, behind) = behind.split_at_checked(usize::try_from(len).ok()?)?;
            schema.fits(message).then_some(())?;
            rest = behind;
            if messages.len() < super::MESSAGES {
                messages.push(message);
            }
        }
        Some(messages)
    }

    fn field<'a>(seen: Seen<'a>, out: &mut Out<'_, 'a>) {
        let span = out.span(seen.raw);
        out.field(&NUMBER, seen.number).words(seen.kind).at(span);
        out.depth = out.depth.saturating_add(1);
        if let Some(name) = seen.name {
            out.field(&NAME, name);
        }
        if let Some(value) = seen.value {
            let words = match &value {
                Scalar::Enum(_, Some(name)) => name.clone(),
                _ => String::new(),
            };
            out.field(&VALUE, datum(value)).words(words).at(span);
        }
        out.depth = out.depth.saturating_sub(1);
    }

    fn datum(value: Scalar<'_>) -> Datum<'_> {
        match value {
            Scalar::Bool(yes) => yes.into(),
            Scalar::Unsigned(number) => number.into(),
            Scalar::Signed(number) | Scalar::Enum(number, _) => number.into(),
            Scalar::Float(number) => number.into(),
            Scalar::Text(text) => text.into(),
            Scalar::Bytes(bytes) => bytes.into(),
            packed @ Scalar::Packed(_) => packed.to_string().into(),
        }
    }
}

#[cfg(not(feature = "protobuf"))]
mod by_schema {
    use crate::payload::protobuf::Schema;
    use crate::payload::{Out, Payload};

    /// There is no schema where nothing reads one.
    pub(super) fn write<'a>(schema: &Schema, _: &Payload<'a>, _: &mut Out<'_, 'a>) -> bool {
        match *schema {}
    }
}

fn fields<'a>(bytes: &'a [u8], depth: usize, out: &mut Out<'_, 'a>) {
    for field in whole_fields(bytes) {
        match field {
            Ok(field) => write(&field, depth, out),
            Err(rest) => drop(out.line("Behind the last field", rest)),
        }
        if out.is_full() {
            break;
        }
    }
}

/// A field: its number, and below it what it most likely is, and what it may be.
fn write<'a>(field: &Field<'a>, depth: usize, out: &mut Out<'_, 'a>) {
    let span = out.span(field.raw);
    out.field(&NUMBER, field.number).at(span);
    out.depth = out.depth.saturating_add(1);
    out.field(&WIRE_TYPE, field.value.kind());
    match field.value {
        Wire::Varint(value) => varint_value(value, field.raw, out),
        Wire::Fixed32(bits) => {
            value(bits, field.raw, out);
            alternative("as a float", f64::from(f32::from_bits(bits)), out);
        }
        Wire::Fixed64(bits) => {
            value(bits, field.raw, out);
            alternative("as a double", f64::from_bits(bits), out);
        }
        Wire::Bytes(bytes) => inside(bytes, depth, out),
    }
    out.depth = out.depth.saturating_sub(1);
}

fn value<'a>(datum: impl Into<Datum<'a>>, raw: &[u8], out: &mut Out<'_, 'a>) {
    let span = out.span(raw);
    out.field(&VALUE, datum).at(span);
}

/// What the same bytes would be otherwise.
fn alternative<'a>(label: &'static str, datum: impl Into<Datum<'a>>, out: &mut Out<'_, 'a>) {
    out.line(label, datum);
}

fn varint_value<'a>(number: u64, raw: &[u8], out: &mut Out<'_, 'a>) {
    value(number, raw, out);
    if number > i64::MAX as u64 {
        alternative("as an int64", number.cast_signed(), out);
    }
    let zigzag = (number >> 1).cast_signed() ^ -((number & 1).cast_signed());
    alternative("as a sint64", zigzag, out);
}

fn inside<'a>(bytes: &'a [u8], depth: usize, out: &mut Out<'_, 'a>) {
    match guess(bytes) {
        Guess::Empty => value(bytes, bytes, out),
        Guess::Text(text) => {
            value(text, bytes, out);
            if is_message(bytes) {
                out.line("as a message", summary::part(outline(bytes)));
            }
        }
        Guess::Message if depth > 0 => {
            let span = out.span(bytes);
            out.line("Message", Datum::None).at(span);
            out.depth = out.depth.saturating_add(1);
            fields(bytes, depth - 1, out);
            out.depth = out.depth.saturating_sub(1);
            packed(bytes, out);
        }
        Guess::Message | Guess::Bytes => {
            value(bytes, bytes, out);
            packed(bytes, out);
        }
    }
}

/// Bytes that may be numbers packed together.
fn packed(bytes: &[u8], out: &mut Out<'_, '_>) {
    let mut rest = bytes;
    let mut numbers = Vec::new();
    while let Some((number, behind)) = varint(rest) {
        numbers.push(number.to_string());
        rest = behind;
        if numbers.len() > PACKED {
            return;
        }
    }
    if rest.is_empty() && !numbers.is_empty() {
        out.line("as packed varints", numbers.join(", "));
    }
}

/// `1: 150, 2: "testing", 3: {…}`.
fn outline(bytes: &[u8]) -> String {
    let mut fields = whole_fields(bytes).flatten();
    let named: Vec<String> = fields
        .by_ref()
        .take(NAMED)
        .map(|field| {
            let value = match field.value {
                Wire::Varint(value) => value.to_string(),
                Wire::Fixed32(bits) => f32::from_bits(bits).to_string(),
                Wire::Fixed64(bits) => f64::from_bits(bits).to_string(),
                Wire::Bytes(bytes) => match guess(bytes) {
                    Guess::Text(text) => format!("\"{}\"", summary::part(text)),
                    Guess::Message => "{…}".to_owned(),
                    Guess::Empty => "\"\"".to_owned(),
                    Guess::Bytes => format!("{} bytes", bytes.len()),
                },
            };
            format!("{}: {value}", field.number)
        })
        .collect();
    let rest = if fields.next().is_some() { ", …" } else { "" };
    format!("{{{}{rest}}}", named.join(", "))
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field};

    fn decoded(hex: &str) -> Option<(&'static str, String)> {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        let mut talk = Talk::unknown();
        let decoded = talk.server_bytes(&bytes)?;
        Some((decoded.protocol(), decoded.summary))
    }

    #[test]
    fn messages_with_text_or_many_numbers_are_recognised() {
        for (hex, summary) in [
            ("089601 1207 74657374696e67", "{1: 150, 2: \"testing\"}"),
            (
                "1207 74657374696e67 1a03 089601",
                "{2: \"testing\", 3: {…}}",
            ),
            ("08 8081c8ac06 1005", "{1: 1704067200, 2: 5}"),
            (
                "0801 1002 1803 2004 2d0000c03f",
                "{1: 1, 2: 2, 3: 3, 4: 4, 5: 1.5}",
            ),
            (
                "0a 089601 1205 68656c6c6f 0a 089601 1205 776f726c64",
                "{1: 150, 2: \"hello\"}; {1: 150, 2: \"world\"}",
            ),
        ] {
            assert_eq!(
                decoded(hex),
                Some(("protobuf", summary.to_owned())),
                "{hex}"
            );
        }
    }

    #[test]
    fn what_a_value_may_be_stands_beside_it() {
        let bytes =
            hex::decode("0803120774657374696e67220301020325000000401a0508011a0178").unwrap();
        let mut talk = Talk::unknown();
        let decoded = talk.client_bytes(&bytes).unwrap();
        let lines: Vec<String> = decoded
            .items
            .iter()
            .map(|item| format!("{} {:?}", item.label, item.datum))
            .collect();
        for line in [
            "as a sint64 Signed(-2)",
            "as packed varints Text(\"1, 2, 3\")",
            "as a float Float(2.0)",
            "Message None",
        ] {
            assert!(
                lines.iter().any(|known| known == line),
                "{line} in {lines:#?}"
            );
        }
        assert_eq!(
            field(&decoded, "protobuf.field.number"),
            ["1", "2", "4", "4", "3", "1", "3"]
        );
        let number = decoded.items[1].span.unwrap();
        assert_eq!((number.start, number.end), (0, 2));
    }

    #[cfg(feature = "protobuf")]
    #[test]
    fn with_a_schema_numbers_have_names() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.proto");
        let source = "syntax = \"proto3\"; message Tick { string symbol = 1; sint32 change = 2; Tick last = 3; }";
        std::fs::write(&file, source).unwrap();
        let schema = crate::payload::Schema::open(&file, "Tick").unwrap();
        let mut talk = Talk::unknown().with_schema(schema);
        let bytes = hex::decode("0a0161 1003 1a03 0a0162".replace(' ', "")).unwrap();
        let decoded = talk.server_bytes(&bytes).unwrap();
        assert_eq!(
            (decoded.protocol(), decoded.confidence().name()),
            ("protobuf", "forced")
        );
        assert_eq!(
            decoded.summary,
            "Tick {symbol: \"a\", change: -2, last: {…}}"
        );
        assert_eq!(
            field(&decoded, "protobuf.value"),
            [r#"{"symbol":"a","change":-2,"last":{"symbol":"b"}}"#]
        );
        assert_eq!(
            field(&decoded, "protobuf.field.name"),
            ["symbol", "change", "last", "symbol"]
        );
        assert_eq!(field(&decoded, "protobuf.field.value"), ["a", "-2", "b"]);
        // Several with their lengths in front, and what does not fit.
        let several = hex::decode("030a0161 030a0162".replace(' ', "")).unwrap();
        assert_eq!(
            field(
                &talk.server_bytes(&several).unwrap(),
                "protobuf.field.value"
            ),
            ["a", "b"]
        );
        let other = hex::decode("82a474797065a47469636ba17003").unwrap();
        assert_eq!(talk.server_bytes(&other).unwrap().protocol(), "messagepack");
    }

    #[test]
    fn what_may_be_anything_is_not() {
        for hex in [
            "0801",
            "089601",
            "0a0161",
            "08011002",
            "",
            "00",
            "ff",
            "1207746573",
            "0a0474657374",
            "03e8",
        ] {
            assert_eq!(decoded(hex), None, "{hex}");
        }
        let mut seed = 7_u32;
        let mut hits = 0;
        for len in 0..20_000 {
            let bytes: Vec<u8> = (0..len % 60 + 1)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            hits += usize::from(Talk::unknown().client_bytes(&bytes).is_some());
        }
        assert!(hits <= 20, "{hits} of 20000");
    }

    #[test]
    fn messages_in_messages_without_end_are_bounded() {
        let mut deep = hex::decode("120774657374696e67").unwrap();
        for _ in 0..2000 {
            let mut outer = vec![0x0a];
            let mut len = deep.len();
            while len > 127 {
                outer.push(len as u8 | 0x80);
                len >>= 7;
            }
            outer.push(len as u8);
            outer.extend(&deep);
            deep = outer;
        }
        Talk::unknown().client_bytes(&deep);
        let wide = hex::decode("0801").unwrap().repeat(500_000);
        assert!(
            Talk::unknown()
                .client_bytes(&wide)
                .is_none_or(|decoded| decoded.items.len() <= 10_001)
        );
    }
}
