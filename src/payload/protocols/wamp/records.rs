//! Where messages lie in a message of the WebSocket: one alone, or batched.

use crate::payload::Kind;
use crate::payload::element::Element;
use crate::payload::packed::Format;

/// Ends a message in batched JSON.
const SEPARATOR: u8 = 0x1e;
/// What autobahn and Crossbar.io end it with.
const OTHER_SEPARATOR: u8 = 0x18;

/// How messages are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Serializer {
    /// `None` for JSON.
    format: Option<Format>,
    is_batched: bool,
}

impl Serializer {
    /// What a subprotocol such as `wamp.2.json.batched` says.
    pub(super) fn of(subprotocol: &str) -> Option<Serializer> {
        let name = subprotocol.strip_prefix("wamp.2.")?;
        let (name, is_batched) = match name.strip_suffix(".batched") {
            Some(name) => (name, true),
            None => (name, false),
        };
        let format = match name {
            "json" => None,
            "msgpack" => Some(Format::MessagePack),
            "cbor" => Some(Format::Cbor),
            _ => return None,
        };
        Some(Serializer { format, is_batched })
    }

    /// What bytes look like that may be WAMP.
    pub(super) fn guess(kind: Kind, bytes: &[u8]) -> Option<Serializer> {
        let serializer = |format, is_batched| Some(Serializer { format, is_batched });
        match (kind, bytes) {
            (Kind::Text, [b'[', .., SEPARATOR | OTHER_SEPARATOR]) => serializer(None, true),
            (Kind::Text, _) => {
                let is_list = bytes.trim_ascii_start().first() == Some(&b'[');
                is_list.then_some(Serializer {
                    format: None,
                    is_batched: false,
                })
            }
            (Kind::Binary, [0x82..=0x98, ..]) => {
                // Lists of two to eight elements begin alike in CBOR and as maps in MessagePack.
                let is_cbor = bytes.first() < Some(&0x90);
                let format = if is_cbor {
                    Format::Cbor
                } else {
                    Format::MessagePack
                };
                serializer(Some(format), false)
            }
            (Kind::Binary, [0, _, _, _, 0x82..=0x8f, ..]) => serializer(Some(Format::Cbor), true),
            (Kind::Binary, [0, _, _, _, 0x90..=0x98, ..]) => {
                serializer(Some(Format::MessagePack), true)
            }
            _ => None,
        }
    }
}

/// One message, as far as it is one.
#[derive(Clone, Copy, Debug)]
pub(super) enum Record<'a> {
    Element(Element<'a>),
    Broken(&'a [u8]),
}

impl<'a> Record<'a> {
    pub(super) fn raw(&self) -> &'a [u8] {
        match self {
            Record::Element(element) => element.raw(),
            Record::Broken(bytes) => bytes,
        }
    }
}

/// Goes from message to message.
#[derive(Debug)]
pub(super) struct Records<'a> {
    serializer: Serializer,
    rest: &'a [u8],
}

impl<'a> Records<'a> {
    pub(super) fn new(serializer: Serializer, rest: &'a [u8]) -> Self {
        Self { serializer, rest }
    }

    /// The bytes of the next message; `Err` where it does not end.
    fn split(&mut self) -> Result<&'a [u8], &'a [u8]> {
        let rest = std::mem::take(&mut self.rest);
        if !self.serializer.is_batched {
            return Ok(rest);
        }
        let (record, behind) = match self.serializer.format {
            None => {
                let end = memchr::memchr2(SEPARATOR, OTHER_SEPARATOR, rest).ok_or(rest)?;
                (&rest[..end], &rest[end + 1..])
            }
            Some(_) => {
                let (len, behind) = rest.split_first_chunk::<4>().ok_or(rest)?;
                let len = usize::try_from(u32::from_be_bytes(*len)).map_err(|_| rest)?;
                behind.split_at_checked(len).ok_or(rest)?
            }
        };
        self.rest = behind;
        Ok(record)
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        if self.rest.is_empty() {
            return None;
        }
        let record = match self.split() {
            Ok(record) => record,
            Err(cut) => return Some(Record::Broken(cut)),
        };
        let element = match self.serializer.format {
            None => std::str::from_utf8(record).ok().and_then(Element::json),
            Some(format) => Element::packed(format, record),
        };
        Some(element.map_or(Record::Broken(record), Record::Element))
    }
}
