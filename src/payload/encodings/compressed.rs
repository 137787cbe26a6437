//! Compressed messages: gzip, zlib, zstd by their marks; raw deflate and brotli, which have none, where JSON comes out.

use std::borrow::Cow;

use crate::payload::inflate::{Compression, End, inflate};
use crate::payload::json::Json;
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Out, Payload};

/// Bytes that a message without a mark needs before it is looked at.
const LEAST: usize = 6;
/// Bytes of a message without a mark that are looked at.
const MOST: usize = 1 << 20;

const fn decoder(compression: Compression) -> Decoder {
    let (name, title): (&str, &str) = match compression {
        Compression::Gzip => ("gzip", "gzip"),
        Compression::Zlib => ("zlib", "zlib"),
        Compression::Deflate => ("deflate", "DEFLATE"),
        Compression::Brotli => ("brotli", "Brotli"),
        Compression::Zstd => ("zstd", "Zstandard"),
    };
    Decoder {
        name,
        title,
        is_encoding: true,
        ..Decoder::BASE
    }
}

/// The decoder of gzip.
pub(crate) static GZIP: Decoder = Decoder {
    claim: |evidence| {
        mark(evidence, |bytes| {
            matches!(bytes, [0x1f, 0x8b, 8, ..0x20, ..])
        })
    },
    start: |_| Box::new(Compressed(Compression::Gzip)),
    ..decoder(Compression::Gzip)
};
/// The decoder of zlib.
pub(crate) static ZLIB: Decoder = Decoder {
    claim: |evidence| mark(evidence, is_zlib),
    start: |_| Box::new(Compressed(Compression::Zlib)),
    ..decoder(Compression::Zlib)
};
/// The decoder of Zstandard.
pub(crate) static ZSTD: Decoder = Decoder {
    claim: |evidence| {
        mark(evidence, |bytes| {
            bytes.starts_with(&[0x28, 0xb5, 0x2f, 0xfd])
        })
    },
    start: |_| Box::new(Compressed(Compression::Zstd)),
    ..decoder(Compression::Zstd)
};
/// The decoder of raw deflate.
pub(crate) static DEFLATE: Decoder = Decoder {
    claim: |evidence| {
        unmarked(evidence, |bytes| {
            bytes.first().is_some_and(|byte| byte & 6 != 6)
        })
    },
    start: |_| Box::new(Compressed(Compression::Deflate)),
    ..decoder(Compression::Deflate)
};
/// The decoder of brotli.
pub(crate) static BROTLI: Decoder = Decoder {
    claim: |evidence| unmarked(evidence, |_| true),
    start: |_| Box::new(Compressed(Compression::Brotli)),
    ..decoder(Compression::Brotli)
};

fn mark(evidence: &Evidence<'_>, has_mark: fn(&[u8]) -> bool) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    (kind == Kind::Binary && has_mark(bytes)).then(|| Claim::certain("its mark"))?
}

fn unmarked(evidence: &Evidence<'_>, may_be: fn(&[u8]) -> bool) -> Option<Claim> {
    let Payload { kind, bytes, .. } = *evidence.payload;
    let is_looked_at =
        kind == Kind::Binary && (LEAST..=MOST).contains(&bytes.len()) && may_be(bytes);
    is_looked_at.then(|| Claim::likely("JSON comes out of it"))?
}

/// The window of 32 KiB that every encoder has, and the check of the two bytes (RFC 1950, 2.2).
fn is_zlib(bytes: &[u8]) -> bool {
    match bytes {
        [first @ 0x78, second, ..] => {
            let check = u16::from(*first) << 8 | u16::from(*second);
            check % 31 == 0 && second & 0x20 == 0
        }
        _ => false,
    }
}

#[derive(Clone, Debug)]
struct Compressed(Compression);

impl Decode for Compressed {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let Compressed(compression) = *self;
        let has_mark = !matches!(compression, Compression::Deflate | Compression::Brotli);
        let most = *out.inflatable();
        let Some((inflated, end)) = inflate(compression, message.bytes, most) else {
            return Fit::No;
        };
        *out.inflatable() = most.saturating_sub(inflated.len());
        let text = std::str::from_utf8(&inflated).ok();
        if !has_mark {
            let is_json = text.is_some_and(|text| Json::container(text).is_some());
            if end != End::Whole || !is_json {
                return Fit::No;
            }
        }
        if end == End::Early {
            return Fit::No;
        }
        write(compression, message, inflated, end, out);
        Fit::Yes
    }
}

fn write<'a>(
    compression: Compression,
    message: &Payload<'a>,
    inflated: Vec<u8>,
    end: End,
    out: &mut Out<'_, 'a>,
) {
    let title = decoder(compression).title;
    let (from, to) = (message.bytes.len(), inflated.len());
    let more = match end {
        End::Limit => ", and more than is inflated here",
        End::Unfinished => ", and the stream goes on",
        End::Whole | End::Early => "",
    };
    let sizes = format!("{from} bytes inflate to {to}{more}");
    let span = out.span(message.bytes);
    out.unit(title).words(sizes.clone()).at(span);
    out.summary(format!("{title}, {sizes}"));
    let kind = match std::str::from_utf8(&inflated) {
        Ok(_) => Kind::Text,
        Err(_) => Kind::Binary,
    };
    if out.carry(Cow::Owned(inflated.clone()), kind) {
        return;
    }
    match String::from_utf8(inflated) {
        Ok(text) => drop(out.line("Text", text)),
        Err(error) => drop(out.line("Bytes", error.into_bytes())),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use flate2::Compression as Level;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    use crate::payload::Decoded;
    use crate::payload::testing::Talk;

    const JSON: &[u8] = br#"{"table":"trade","data":[{"symbol":"XBTUSD","side":"Sell","size":2000,"price":8950.5}]}"#;

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = GzEncoder::new(Vec::new(), Level::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zlib(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Level::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn deflate(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = DeflateEncoder::new(Vec::new(), Level::default());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    fn zstd(bytes: &[u8]) -> Vec<u8> {
        ruzstd::encoding::compress_to_vec(bytes, ruzstd::encoding::CompressionLevel::Fastest)
    }

    fn decode(bytes: &[u8]) -> Option<Decoded<'_>> {
        Talk::unknown().server_bytes(bytes)
    }

    #[test]
    fn what_is_inside_is_decoded() {
        for (bytes, name) in [
            (gzip(JSON), "gzip"),
            (zlib(JSON), "zlib"),
            (deflate(JSON), "deflate"),
            (zstd(JSON), "zstd"),
        ] {
            let decoded = decode(&bytes).unwrap();
            assert_eq!(decoded.stack[..], [name, "json"]);
            assert_eq!(decoded.summary, "{table: \"trade\", data: […]}");
        }
        // Made by `node:zlib`.
        let brotli = hex::decode("1b5600a0ac0fb8737d0a543814681d588c75e55e8f6a1136bdbd3585552c3ad9d7959322385bcde20253a384ca5a8488aa8a538e03b5166856a0b7db1d0f0e39c9e3c397e463953fe0e3b7fd554d106d59c5f43f630a73ebdc00").unwrap();
        assert_eq!(decode(&brotli).unwrap().stack[..], ["brotli", "json"]);
        let nested = gzip(&zlib(JSON));
        assert_eq!(decode(&nested).unwrap().stack[..], ["gzip", "zlib", "json"]);
        assert_eq!(decode(&gzip(b"plain text")).unwrap().stack[..], ["gzip"]);
    }

    #[test]
    fn a_protocol_may_be_inside() {
        let frame = gzip(b"MESSAGE\ndestination:/a\n\nhi\0");
        assert_eq!(decode(&frame).unwrap().stack[..], ["gzip", "stomp"]);
    }

    #[test]
    fn bombs_end_at_the_limit_of_the_message() {
        let bomb = gzip(&vec![b'x'; 64 << 20]);
        let decoded = decode(&bomb).unwrap();
        assert!(
            decoded.summary.ends_with("and more than is inflated here"),
            "{}",
            decoded.summary
        );
        let bomb = zstd(&vec![b'x'; 64 << 20]);
        assert!(decode(&bomb).is_none_or(|decoded| decoded.summary.ends_with("inflated here")));
        let mut nested = vec![b'['; 5 << 20];
        for _ in 0..12 {
            nested = gzip(&nested);
        }
        assert!(decode(&nested).unwrap().stack.len() <= 8);
    }

    #[test]
    fn what_is_cut_or_broken_is_said_or_is_something_else() {
        let cut = &gzip(JSON)[..40];
        assert!(decode(cut).is_none_or(|decoded| decoded.stack[..] == ["gzip"]));
        for bytes in [
            &[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0][..],
            &[0x78, 0x9c, 1],
            &[0x78, 0x9d, 3, 0],
            &[0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1],
            b"\x1f\x8b",
        ] {
            assert!(decode(bytes).is_none(), "{bytes:02x?}");
        }
        // A window of 2^41 bytes.
        assert!(decode(&[0x28, 0xb5, 0x2f, 0xfd, 0, 0xff, 1, 0, 0]).is_none());
        let trailing = [zlib(JSON), vec![1, 2, 3]].concat();
        assert!(decode(&trailing).is_none());
    }

    #[test]
    fn text_that_begins_alike_is_none() {
        assert!(Talk::unknown().client("x\u{1}").is_none());
    }
}
