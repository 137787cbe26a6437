//! Images, by the marks of their formats, with their sizes.

use crate::base::{Cursor, FieldInfo, Type};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Out, Payload};

static FORMAT: FieldInfo = FieldInfo::new(
    "image.type",
    "Type",
    Type::Text,
    "Format of an image that a message is.",
)
.words(&["png", "jpeg", "gif", "webp", "bmp", "avif"]);
static WIDTH: FieldInfo = FieldInfo::new(
    "image.width",
    "Width",
    Type::Unsigned,
    "Width of an image in pixels.",
);
static HEIGHT: FieldInfo = FieldInfo::new(
    "image.height",
    "Height",
    Type::Unsigned,
    "Height of an image in pixels.",
);

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "image",
    title: "Image",
    fields: &[&FORMAT, &WIDTH, &HEIGHT],
    claim,
    start: |_| Box::new(Image),
    is_encoding: true,
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    let is_one = kind == Kind::Binary && format(bytes).is_some();
    is_one.then(|| Claim::certain("its mark"))?
}

fn format(bytes: &[u8]) -> Option<&'static str> {
    match bytes {
        [0x89, b'P', b'N', b'G', 0x0d, 0x0a, 0x1a, 0x0a, ..] => Some("png"),
        [0xff, 0xd8, 0xff, 0xc0..=0xfe, ..] => Some("jpeg"),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some("gif"),
        [
            b'R',
            b'I',
            b'F',
            b'F',
            _,
            _,
            _,
            _,
            b'W',
            b'E',
            b'B',
            b'P',
            ..,
        ] => Some("webp"),
        // The whole length, and two fields that are reserved.
        [b'B', b'M', len @ ..] => {
            let (len, rest) = len.split_first_chunk::<4>()?;
            let is_whole = u32::from_le_bytes(*len) as usize == bytes.len();
            (is_whole && rest.starts_with(&[0; 4])).then_some("bmp")
        }
        [
            0,
            0,
            0,
            _,
            b'f',
            b't',
            b'y',
            b'p',
            b'a',
            b'v',
            b'i',
            b'f',
            ..,
        ] => Some("avif"),
        _ => None,
    }
}

/// The format and the size in words.
pub(in crate::payload) fn described(bytes: &[u8]) -> Option<String> {
    let format = format(bytes)?;
    let mut said = format!("{format} image");
    if let Some((width, height)) = size(format, bytes) {
        said += &format!(" of {width}x{height}");
    }
    Some(said)
}

/// Width and height, where the format has them in a known place.
fn size(format: &str, bytes: &[u8]) -> Option<(u32, u32)> {
    let le16 = |at: usize| {
        let bytes = bytes.get(at..)?.first_chunk()?;
        Some(u32::from(u16::from_le_bytes(*bytes)))
    };
    let le24 = |at: usize| {
        let [a, b, c] = *bytes.get(at..)?.first_chunk()?;
        Some(u32::from_le_bytes([a, b, c, 0]))
    };
    let le32 = |at: usize| Some(u32::from_le_bytes(*bytes.get(at..)?.first_chunk()?));
    let be32 = |at: usize| Some(u32::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    match format {
        "png" => Some((be32(16)?, be32(20)?)),
        "gif" => Some((le16(6)?, le16(8)?)),
        "bmp" => Some((le32(18)?, le32(22)?)),
        "jpeg" => jpeg(bytes),
        "webp" => match bytes.get(12..16)? {
            b"VP8X" => Some((1 + le24(24)?, 1 + le24(27)?)),
            b"VP8L" => {
                let bits = le32(21)?;
                Some((1 + (bits & 0x3fff), 1 + (bits >> 14 & 0x3fff)))
            }
            b"VP8 " => Some((le16(26)? & 0x3fff, le16(28)? & 0x3fff)),
            _ => None,
        },
        _ => None,
    }
}

/// The size in the frame header of a JPEG, behind its other segments (ITU-T T.81, B.2).
fn jpeg(bytes: &[u8]) -> Option<(u32, u32)> {
    let mut cursor = Cursor::new(bytes);
    cursor.skip(2)?;
    loop {
        let [0xff, marker] = cursor.array()? else {
            return None;
        };
        let len = usize::from(cursor.u16()?).checked_sub(2)?;
        let segment = cursor.take(len)?;
        if matches!(marker, 0xc0..=0xcf) && !matches!(marker, 0xc4 | 0xc8 | 0xcc) {
            let mut segment = Cursor::new(segment);
            segment.skip(1)?;
            let height = segment.u16()?;
            return Some((segment.u16()?.into(), height.into()));
        }
    }
}

#[derive(Clone, Debug)]
struct Image;

impl Decode for Image {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Some(format) = format(message.bytes) else {
            return Fit::No;
        };
        let span = out.span(message.bytes);
        out.unit(DECODER.title).at(span);
        out.field(&FORMAT, format);
        if let Some((width, height)) = size(format, message.bytes) {
            out.field(&WIDTH, width);
            out.field(&HEIGHT, height);
        }
        let said = described(message.bytes).unwrap_or_default();
        out.summary(format!("{said}, {} bytes", message.bytes.len()));
        Fit::Yes
    }
}

#[cfg(test)]
mod tests {
    use crate::payload::testing::Talk;

    fn summary(hex: &str) -> Option<String> {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        let mut talk = Talk::unknown();
        let decoded = talk.server_bytes(&bytes)?;
        assert_eq!(decoded.protocol(), "image");
        Some(decoded.summary)
    }

    #[test]
    fn sizes_are_read_where_the_formats_have_them() {
        for (hex, expected) in [
            (
                "89504e470d0a1a0a 0000000d 49484452 00000140 000000f0 0806000000",
                "png image of 320x240, 29 bytes",
            ),
            ("474946383961 0a00 0500 80", "gif image of 10x5, 11 bytes"),
            (
                "ffd8 ffe0 0004 0000 ffc0 000b 08 00f0 0140 01 011100",
                "jpeg image of 320x240, 21 bytes",
            ),
            (
                "52494646 1a000000 57454250 56503858 0a000000 00000000 3f0100 ef0000",
                "webp image of 320x240, 30 bytes",
            ),
            ("ffd8 ffe0 ffff", "jpeg image, 6 bytes"),
            ("89504e470d0a1a0a", "png image, 8 bytes"),
        ] {
            assert_eq!(summary(hex).as_deref(), Some(expected), "{hex}");
        }
        for hex in [
            "424d00",
            "ffd8",
            "89504e47",
            "52494646 00000000 57415645",
            "ffd8ff00",
        ] {
            let bytes = hex::decode(hex.replace(' ', "")).unwrap();
            assert!(Talk::unknown().server_bytes(&bytes).is_none(), "{hex}");
        }
    }
}
