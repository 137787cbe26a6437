//! MessagePack and CBOR (RFC 8949), where a binary message is an array or a map of no protocol, or several one after the other.
//!
//! Short binary messages look like either by chance, so a message is one only if it has text, or numbers of several bytes, and
//! nothing behind its values.

use crate::base::{FieldInfo, Type};
use crate::payload::json::Json;
use crate::payload::packed::{Format, Packed, Token};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Out, Payload};

/// Values of one message that are shown.
const VALUES: usize = 1000;
/// Bytes of text, or numbers of several bytes, that a message needs.
const NEEDED: usize = 2;
/// What text counts against a number of several bytes.
const NUMBER: usize = 1;
/// CBOR's own mark, a tag.
const SELF_DESCRIBED: &[u8] = &[0xd9, 0xd9, 0xf7];

static MESSAGE_PACK_VALUE: FieldInfo = FieldInfo::new(
    "messagepack.value",
    "MessagePack",
    Type::Text,
    "A MessagePack value as JSON.",
);
static CBOR_VALUE: FieldInfo =
    FieldInfo::new("cbor.value", "CBOR", Type::Text, "A CBOR value as JSON.");

/// The decoder of MessagePack.
pub(crate) static MESSAGE_PACK: Decoder = Decoder {
    name: "messagepack",
    title: "MessagePack",
    fields: &[&MESSAGE_PACK_VALUE],
    claim: |evidence| claim(evidence, Format::MessagePack),
    start: |_| Box::new(Values(Format::MessagePack)),
    is_encoding: true,
    ..Decoder::BASE
};

/// The decoder of CBOR.
pub(crate) static CBOR: Decoder = Decoder {
    name: "cbor",
    title: "CBOR",
    fields: &[&CBOR_VALUE],
    claim: |evidence| claim(evidence, Format::Cbor),
    start: |_| Box::new(Values(Format::Cbor)),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>, format: Format) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    if kind == Kind::Text {
        return None;
    }
    if bytes.starts_with(SELF_DESCRIBED) {
        let is_cbor = format == Format::Cbor && Packed::whole(format, bytes).is_some();
        return is_cbor.then(|| Claim::certain("CBOR's own mark"))?;
    }
    let weight = weight(format, bytes)?;
    let (other, wins) = match format {
        Format::MessagePack => (Format::Cbor, 0),
        Format::Cbor => (Format::MessagePack, 1),
    };
    let is_more = self::weight(other, bytes).is_none_or(|other| weight >= other + wins);
    is_more.then(|| Claim::likely("its values end with the message"))?
}

/// How much speaks for bytes being arrays and maps of a format; `None` where they are not, or where it is too little.
fn weight(format: Format, bytes: &[u8]) -> Option<usize> {
    let mut rest = bytes;
    while !rest.is_empty() {
        let (value, behind) = Packed::first(format, rest)?;
        if !value.untagged().is_container() {
            return None;
        }
        rest = behind;
    }
    let (mut at, mut weight) = (0, 0_usize);
    while at < bytes.len() {
        let (token, next) = format.token(bytes, at)?;
        weight += match token {
            Token::Text(text) if is_plain(text) => text.len(),
            Token::Text(_) | Token::Simple(_) => return None,
            Token::Unsigned(_) | Token::Signed(_) | Token::Float(_) if next - at > 2 => NUMBER,
            _ => 0,
        };
        at = next;
    }
    (weight >= NEEDED).then_some(weight)
}

/// Whether text has no control characters but those of lines.
fn is_plain(text: &[u8]) -> bool {
    let is_control = |byte: &u8| *byte < b' ' && !matches!(byte, b'\t' | b'\n' | b'\r');
    std::str::from_utf8(text).is_ok() && !text.iter().any(is_control)
}

#[derive(Clone, Debug)]
struct Values(Format);

impl Decode for Values {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Values(format) = *self;
        let info = match format {
            Format::MessagePack => &MESSAGE_PACK_VALUE,
            Format::Cbor => &CBOR_VALUE,
        };
        let mut rest = message.bytes;
        for _ in 0..VALUES {
            let Some((value, behind)) = Packed::first(format, rest) else {
                break;
            };
            out.packed(info, value);
            out.summary(outline(value));
            rest = behind;
        }
        Fit::Yes
    }
}

fn outline(value: Packed<'_>) -> String {
    let json = value.json();
    Json::container(&json).map_or_else(String::new, |json| json.outline())
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::{Talk, field};

    fn protocol(hex: &str) -> Option<(&'static str, String)> {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        let mut talk = Talk::unknown();
        let decoded = talk.server_bytes(&bytes)?;
        Some((decoded.protocol(), decoded.summary))
    }

    #[test]
    fn whole_values_are_recognised() {
        for (hex, name, outline) in [
            (
                "82a474797065a47469636ba17003",
                "messagepack",
                "{type: \"tick\", p: 3}",
            ),
            (
                "940ace2a8c69f180b2636f6d2e6d796170702e6d79746f70696331",
                "messagepack",
                "[4]",
            ),
            (
                "94cb3ff8000000000000cb3ff8000000000000cb3ff8000000000000cb3ff8000000000000",
                "messagepack",
                "[4]",
            ),
            ("81a26964018 1a2696402", "messagepack", "{id: 1}; {id: 2}"),
            (
                "a2647479706564746963 6b617003",
                "cbor",
                "{type: \"tick\", p: 3}",
            ),
            ("d9d9f701", "cbor", ""),
            ("d9d9f7a1616101", "cbor", "{a: 1}"),
            (
                "840a1a2a8c69f1a072636f6d2e6d796170702e6d79746f70696331",
                "cbor",
                "[4]",
            ),
            ("bf6161019f6162ffff", "cbor", ""),
        ] {
            let decoded = protocol(hex);
            if hex.starts_with("bf") {
                // A key without a value.
                assert_eq!(decoded, None);
                continue;
            }
            assert_eq!(decoded, Some((name, outline.to_owned())), "{hex}");
        }
    }

    #[test]
    fn what_may_be_anything_is_not() {
        for hex in [
            "90",
            "9106",
            "80",
            "81a16101",
            "930102 03",
            "920102",
            "a10102",
            "2a",
            "a3616263",
            "63616263",
            "82a474797065a4746963",
            "00",
            "ff",
            "91a161",
            "92a2000101",
        ] {
            assert_eq!(protocol(hex), None, "{hex}");
        }
        // Bytes of no meaning, the same in every run.
        let mut seed = 1_u32;
        let mut hits = 0;
        for len in 0..20_000 {
            let bytes: Vec<u8> = (0..len % 40 + 1)
                .map(|_| {
                    seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                    (seed >> 24) as u8
                })
                .collect();
            hits += usize::from(Talk::unknown().client_bytes(&bytes).is_some());
        }
        assert!(hits <= 4, "{hits} of 20000");
    }

    #[test]
    fn the_value_is_a_field_as_json() {
        let bytes = hex::decode("82a474797065a47469636ba17003").unwrap();
        let mut talk = Talk::unknown();
        let decoded = talk.server_bytes(&bytes).unwrap();
        assert_eq!(
            field(&decoded, "messagepack.value"),
            [r#"{"type":"tick","p":3}"#]
        );
        let tree = crate::payload::tree(&decoded, crate::base::Layer::Message);
        assert_eq!(tree[0].children[1].label, "p");
        assert_eq!(
            tree[0].children[1].span,
            Some(crate::base::Span::new(13, 14))
        );
    }
}
