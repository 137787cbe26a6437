//! Avro (avro.apache.org) by its marks: a container file, a single object, or a message whose schema a registry has.
//!
//! What is inside only the schema says. A registry's mark is a zero and a number, which much else begins with too; text in
//! the way Avro writes it must speak for it as well.

use crate::base::{FieldInfo, Type};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Out, Payload};

/// The greatest id of a schema that is believed.
const SCHEMAS: u32 = 1 << 20;
/// Characters of text that a message of a registry needs.
const TEXT: usize = 4;

static SCHEMA_ID: FieldInfo = FieldInfo::new(
    "avro.schema_id",
    "Schema id",
    Type::Unsigned,
    "Id of an Avro message's schema in its registry.",
);
static FINGERPRINT: FieldInfo = FieldInfo::new(
    "avro.fingerprint",
    "Fingerprint",
    Type::Bytes,
    "Fingerprint of the schema of a single Avro object.",
);

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "avro",
    title: "Avro",
    fields: &[&SCHEMA_ID, &FINGERPRINT],
    claim,
    start: |_| Box::new(Avro),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    if kind == Kind::Text {
        return None;
    }
    match bytes {
        [b'O', b'b', b'j', 1, ..] => Claim::certain("its mark"),
        [0xc3, 0x01, _, _, _, _, _, _, _, _, body @ ..] if has_text(body) => {
            Claim::certain("its mark")
        }
        [0, _, _, _, _, _, ..] => {
            registry(bytes).and_then(|_| Claim::likely("a schema's id, and text"))
        }
        _ => None,
    }
}

/// The id of the schema, and the body that is of it.
fn registry(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (id, body) = bytes.get(1..)?.split_at_checked(4)?;
    let number = u32::from_be_bytes(id.try_into().ok()?);
    // Zero and a length is gRPC.
    let is_length = number as usize == body.len();
    let is_id = (1..SCHEMAS).contains(&number) && !is_length;
    (is_id && has_text(body)).then_some((id, body))
}

/// Whether at least half of the bytes are text with its length in front, twice the length as Avro writes it, and no letter
/// stands between, as it would where lengths are others.
fn has_text(body: &[u8]) -> bool {
    let (mut at, mut text, mut longest) = (0, 0_usize, 0_usize);
    while let Some(byte) = body.get(at) {
        let len = usize::from(byte >> 1);
        let is_length = byte & 0x81 == 0 && len > 1;
        let inside = body.get(at + 1..at + 1 + len).filter(|_| is_length);
        match inside.filter(|inside| is_plain(inside)) {
            Some(_) => {
                text += len + 1;
                longest = longest.max(len);
                at += len + 1;
            }
            None if byte.is_ascii_alphabetic() => return false,
            None => at += 1,
        }
    }
    longest >= TEXT && text * 2 >= body.len()
}

fn is_plain(bytes: &[u8]) -> bool {
    bytes.iter().all(|byte| matches!(byte, b' '..=b'~'))
}

#[derive(Clone, Debug)]
struct Avro;

impl Decode for Avro {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let bytes = message.bytes;
        let span = out.span(bytes);
        out.unit(DECODER.title).at(span);
        match bytes {
            [b'O', b'b', b'j', 1, rest @ ..] => {
                let span = out.span(rest);
                out.line("Container file", rest).at(span);
                out.summary(format!("Avro container file, {} bytes", bytes.len()));
            }
            [0xc3, 0x01, rest @ ..] => {
                let (fingerprint, body) = rest.split_at_checked(8).unwrap_or((rest, &[]));
                out.field_at(&FINGERPRINT, fingerprint, fingerprint);
                let span = out.span(body);
                out.line("Body", body).at(span);
                out.summary(format!("Avro object, {} bytes", body.len()));
            }
            _ => {
                let Some((id, body)) = registry(bytes) else {
                    return Fit::No;
                };
                let number = id
                    .iter()
                    .fold(0_u32, |number, byte| number << 8 | u32::from(*byte));
                out.field_at(&SCHEMA_ID, number, id);
                let span = out.span(body);
                out.line("Body", body).at(span);
                out.summary(format!("Avro of schema {number}, {} bytes", body.len()));
            }
        }
        Fit::Yes
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field};

    #[test]
    fn marks_are_recognised_and_what_begins_alike_is_not() {
        // {"name": "Ada Lovelace", "city": "London"} of schema 42.
        let bytes =
            hex::decode("000000002a184164612 04c6f76656c6163650c4c6f6e646f6e".replace(' ', ""))
                .unwrap();
        let mut talk = Talk::unknown();
        let decoded = talk.server_bytes(&bytes).unwrap();
        assert_eq!(
            (decoded.protocol(), field(&decoded, "avro.schema_id")),
            ("avro", vec!["42".to_owned()])
        );
        let single = [&[0xc3, 1, 1, 2, 3, 4, 5, 6, 7, 8][..], &bytes[5..]].concat();
        assert_eq!(talk.server_bytes(&single).unwrap().protocol(), "avro");
        assert_eq!(
            talk.server_bytes(b"Obj\x01\x02").unwrap().protocol(),
            "avro"
        );
        for hex in [
            "0000000002 0801",
            "0000000001 28606869",
            "000000002a 00000000",
            "00000100",
            "c301",
            "0000000000184164612 04c6f76656c616365",
        ] {
            let bytes = hex::decode(hex.replace(' ', "")).unwrap();
            assert!(
                Talk::unknown()
                    .client_bytes(&bytes)
                    .is_none_or(|decoded| decoded.protocol() != "avro"),
                "{hex}"
            );
        }
    }
}
