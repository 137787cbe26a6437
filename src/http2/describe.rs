//! A frame header and a decoded header block as fields, under the names Wireshark's filters use.

use super::frame::{FrameHeader, FrameType, flag};
use crate::base::{Field, Head, HeaderLine, Layer, Span, escape};

/// The fields of a frame header that begins at this position of `layer` (RFC 9113 section 4.1).
#[must_use]
pub fn frame_fields(header: &FrameHeader, layer: Layer, at: u64) -> Field {
    let part = |label: &str, value: String, from: u64, len: u64| {
        Field::new(label, value).at(layer, Span::at(at + from, len))
    };
    let kind = header.kind.name();
    let reserved = u8::from(header.reserved);
    Field::new(
        "HTTP/2 frame",
        format!("{kind}, stream {}, {} bytes", header.stream, header.len),
    )
    .named("http2")
    .section("RFC 9113 4.1")
    .at(layer, Span::at(at, super::frame::HEADER_LEN as u64))
    .with(part("Length", header.len.to_string(), 0, 3).named("http2.length"))
    .with(part("Type", format!("{} ({kind})", header.kind.0), 3, 1).named("http2.type"))
    .with(part("Flags", flags(header), 4, 1).named("http2.flags"))
    .with(
        part("Reserved", reserved.to_string(), 5, 1)
            .named("http2.r")
            .bits(format!("{reserved}... ....")),
    )
    .with(part("Stream", header.stream.to_string(), 5, 4).named("http2.streamid"))
}

fn flags(header: &FrameHeader) -> String {
    let ends = matches!(header.kind, FrameType::DATA | FrameType::HEADERS);
    let names = [
        (flag::END_STREAM, if ends { "END_STREAM" } else { "ACK" }),
        (flag::END_HEADERS, "END_HEADERS"),
        (flag::PADDED, "PADDED"),
        (flag::PRIORITY, "PRIORITY"),
    ];
    let mut text = format!("0x{:02x}", header.flags);
    for (bit, name) in names {
        if header.flags & header.kind.defined_flags() & bit != 0 {
            text.push(' ');
            text.push_str(name);
        }
    }
    text
}

/// The decoded fields of a request or response. Compressed as they were, each has the place of the whole block.
#[must_use]
pub fn head_fields(head: &Head, layer: Layer, block: Span) -> Vec<Field> {
    let field = |line: &HeaderLine| {
        let name = head.slice(&line.name);
        Field::new(escape::text(name), escape::text(head.slice(&line.value)))
            .named(filter_name(name))
            .at(layer, block)
    };
    head.lines.iter().map(field).collect()
}

fn filter_name(header: &[u8]) -> &'static str {
    NAMES
        .iter()
        .find(|(known, _)| header == known.as_bytes())
        .map_or("http2.header.value", |(_, name)| name)
}

/// Fields that have a filter of their own.
const NAMES: [(&str, &str); 11] = [
    (":authority", "http2.headers.authority"),
    (":method", "http2.headers.method"),
    (":path", "http2.headers.path"),
    (":protocol", "http2.headers.protocol"),
    (":scheme", "http2.headers.scheme"),
    (":status", "http2.headers.status"),
    ("content-type", "http2.headers.content_type"),
    ("cookie", "http2.headers.cookie"),
    ("origin", "http2.headers.origin"),
    ("server", "http2.headers.server"),
    ("user-agent", "http2.headers.user_agent"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_header_has_its_parts() {
        let header = FrameHeader::parse(&[0, 0, 5, 1, 0x25, 0, 0, 0, 3]).unwrap();
        let field = frame_fields(&header, Layer::Decrypted, 100);
        assert_eq!(field.value, "HEADERS, stream 3, 5 bytes");
        let parts: Vec<_> = field
            .children
            .iter()
            .map(|part| {
                (
                    part.name,
                    &part.value[..],
                    part.span.unwrap().start - 100,
                    part.span.unwrap().len(),
                )
            })
            .collect();
        assert_eq!(
            parts,
            [
                ("http2.length", "5", 0, 3),
                ("http2.type", "1 (HEADERS)", 3, 1),
                ("http2.flags", "0x25 END_STREAM END_HEADERS PRIORITY", 4, 1),
                ("http2.r", "0", 5, 1),
                ("http2.streamid", "3", 5, 4),
            ]
        );
    }
}
