//! Where one message of SignalR ends and the next begins, and the handshake, which is JSON whatever follows.

use super::table::{ERROR, HANDSHAKE_FAILED, PROTOCOL, TITLE, TYPE, VERSION};
use crate::payload::element::Element;
use crate::payload::packed::{Format, Packed};
use crate::payload::{Kind, Out, summary};

/// Ends a message in JSON.
const SEPARATOR: u8 = 0x1e;

/// One message, as far as it is one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'a> {
    Element(Element<'a>),
    /// It is neither JSON nor MessagePack.
    Broken(&'a [u8]),
    /// It does not end in the bytes.
    Cut(&'a [u8]),
}

/// Goes from message to message.
#[derive(Debug)]
pub(super) struct Records<'a> {
    rest: &'a [u8],
    kind: Kind,
}

impl<'a> Records<'a> {
    pub(super) fn new(rest: &'a [u8], kind: Kind) -> Self {
        Self { rest, kind }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        let first = *self.rest.first()?;
        // The handshake's answer comes as bytes where MessagePack follows.
        if self.kind == Kind::Text || first == b'{' && self.rest.contains(&SEPARATOR) {
            return Some(self.json());
        }
        let Some((len, at)) = length(self.rest) else {
            return Some(Record::Cut(std::mem::take(&mut self.rest)));
        };
        let Some(record) = self.rest.get(at..at.saturating_add(len)) else {
            return Some(Record::Cut(std::mem::take(&mut self.rest)));
        };
        self.rest = self.rest.get(at + len..).unwrap_or_default();
        Some(match Packed::whole(Format::MessagePack, record) {
            Some(packed) => Record::Element(Element::Packed(packed)),
            None => Record::Broken(record),
        })
    }
}

impl<'a> Records<'a> {
    fn json(&mut self) -> Record<'a> {
        let Some(end) = memchr::memchr(SEPARATOR, self.rest) else {
            return Record::Cut(std::mem::take(&mut self.rest));
        };
        let (record, rest) = self.rest.split_at(end);
        self.rest = rest.get(1..).unwrap_or_default();
        match std::str::from_utf8(record).ok().and_then(Element::json) {
            Some(element) => Record::Element(element),
            None => Record::Broken(record),
        }
    }
}

/// Whether bytes begin and end like messages of SignalR, which costs nothing to see.
pub(super) fn may_be(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [b'{', .., SEPARATOR]
            | [_, 0x90..=0x98, ..]
            | [_, _, 0x90..=0x98, ..]
            | [_, _, _, 0x90..=0x98, ..]
    )
}

/// The length in front of a message, 7 bits a byte, low bits first, and how many bytes it has.
fn length(bytes: &[u8]) -> Option<(usize, usize)> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(5).enumerate() {
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, index + 1));
        }
    }
    None
}

pub(super) fn is_handshake(element: &Element<'_>) -> bool {
    element.text_of("protocol").is_some() && element.get("version").is_some()
}

/// An empty object, or one that says what went wrong.
pub(super) fn is_response(element: &Element<'_>) -> bool {
    let Element::Json(json) = element else {
        return false;
    };
    element.is_map()
        && json
            .members()
            .all(|(key, _)| matches!(&*key, "error" | "minorVersion"))
}

pub(super) fn request<'a>(element: Element<'a>, out: &mut Out<'_, 'a>) {
    begin("HandshakeRequest", element, out);
    for (info, key) in [(&PROTOCOL, "protocol"), (&VERSION, "version")] {
        if let Some(value) = element.get(key) {
            out.element(info, value);
        }
    }
    let protocol = element.text_of("protocol").unwrap_or_default();
    out.request("handshake", "handshake");
    out.summary(format!("HandshakeRequest {}", summary::part(&*protocol)));
}

pub(super) fn response<'a>(element: Element<'a>, out: &mut Out<'_, 'a>) {
    begin("HandshakeResponse", element, out);
    let error = element.get("error");
    out.answer("handshake", error.is_some());
    let Some(error) = error else {
        return out.summary("HandshakeResponse");
    };
    out.element(&ERROR, error);
    let said = summary::part(error.text().unwrap_or_default().as_bytes());
    out.finding(&HANDSHAKE_FAILED, format!("the server says {said}"));
    out.summary(format!("HandshakeResponse {said}"));
}

/// The unit of a message and its type.
pub(super) fn begin<'a>(kind: &'static str, element: Element<'a>, out: &mut Out<'_, 'a>) {
    let span = out.span(element.raw());
    out.unit(TITLE).words(kind).at(span);
    out.field(&TYPE, kind);
}
