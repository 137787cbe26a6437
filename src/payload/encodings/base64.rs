//! Base64 in a text message, where what is inside is recognised: any word of four letters could be base64.

use std::borrow::Cow;

use ::base64::Engine as _;
use ::base64::prelude::BASE64_STANDARD;

use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Out, Payload};

/// Characters a text needs.
const LEAST: usize = 12;

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "base64",
    title: "Base64",
    claim,
    start: |_| Box::new(Base64),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    let may_be = kind == Kind::Text
        && bytes.len() >= LEAST
        && bytes.len() % 4 == 0
        && MARKS.iter().any(|mark| bytes.starts_with(mark))
        && bytes.iter().all(|byte| is_base64(*byte));
    may_be.then(|| Claim::likely("base64 of something known"))?
}

/// How base64 of JSON, gzip, zlib, zstd, PNG, JPEG, GIF and RIFF begins.
const MARKS: &[&[u8]] = &[
    b"ey", b"W3", b"Wy", b"Ww", b"H4sI", b"eJ", b"eN", b"eA", b"eF", b"KLUv", b"iVBORw", b"/9j/",
    b"R0lGOD", b"UklGR",
];

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=')
}

#[derive(Clone, Debug)]
struct Base64;

impl Decode for Base64 {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Ok(bytes) = BASE64_STANDARD.decode(message.bytes) else {
            return Fit::No;
        };
        let kind = match std::str::from_utf8(&bytes) {
            Ok(_) => Kind::Text,
            Err(_) => Kind::Binary,
        };
        let span = out.span(message.bytes);
        out.unit(DECODER.title)
            .words(format!("of {} bytes", bytes.len()))
            .at(span);
        out.summary("base64");
        match out.carry(Cow::Owned(bytes), kind) {
            true => Fit::Yes,
            false => Fit::No,
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::Talk;

    #[test]
    fn what_is_inside_is_recognised_or_it_is_no_base64() {
        let mut talk = Talk::unknown();
        let decoded = talk.client("eyJhIjpbMSwyXX0=").unwrap();
        assert_eq!(decoded.stack[..], ["base64", "json"]);
        assert_eq!(decoded.summary, "{a: […]}");
        for text in [
            "eyJhIjpbMSwyXX0",
            "aGVsbG8gd29ybGQh",
            "eyes closed shut",
            "eyeseyeseyes",
            "H4sIAAAAAAAA",
            "eyJhIjpbMSwyXX0=.e30=",
        ] {
            assert!(Talk::unknown().client(text).is_none(), "{text}");
        }
    }
}
