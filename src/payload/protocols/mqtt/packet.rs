//! One MQTT packet of any version, taken apart. What is not as its type must be is said, not shown.

use super::table::{self, TYPES};
use crate::base::Cursor;

/// Topic filters read of one packet.
const FILTERS: usize = 1000;
/// A packet's type and flags, and its length as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// The first byte.
    pub(super) byte: u8,
    /// Bytes of the header itself.
    pub(super) len: usize,
    /// Bytes behind it.
    pub(super) remaining: usize,
}

/// What the beginning of a packet says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Start {
    /// The header.
    Header(Header),
    /// The header does not end here.
    Cut,
    /// The remaining length is longer than four bytes.
    Broken,
}

/// Reads the fixed header (MQTT 5.0, 2.1).
pub(super) fn start(bytes: &[u8]) -> Start {
    let Some((&byte, rest)) = bytes.split_first() else {
        return Start::Cut;
    };
    match varint(&mut Cursor::new(rest)) {
        Some((value, len)) => Start::Header(Header {
            byte,
            len: 1 + len,
            remaining: value as usize,
        }),
        None if rest.len() < 4 => Start::Cut,
        None => Start::Broken,
    }
}

impl Header {
    /// The packet's type by number.
    pub(super) fn kind(self) -> u8 {
        self.byte >> 4
    }

    /// The name of its type; empty for the reserved type 0.
    pub(super) fn name(self) -> &'static str {
        table::name(TYPES, self.kind())
    }

    pub(super) fn total(self) -> usize {
        self.len + self.remaining
    }

    pub(super) fn qos(self) -> u8 {
        self.byte >> 1 & 3
    }

    /// Whether the flags are what the type must have (MQTT 5.0, 2.1.3; in 3.1 what asks may be a duplicate).
    pub(super) fn has_right_flags(self, version: Option<u8>) -> bool {
        let flags = self.byte & 15;
        match self.kind() {
            3 => self.qos() < 3,
            6 | 8 | 10 if version.is_none_or(|version| version == 3) => flags & 7 == 2,
            6 | 8 | 10 => flags == 2,
            _ => flags == 0,
        }
    }
}

/// A number of one to four bytes, low bits first, and how many bytes it has.
fn varint(cursor: &mut Cursor<'_>) -> Option<(u32, usize)> {
    let mut value = 0;
    for len in 0..4 {
        let byte = cursor.u8()?;
        value |= u32::from(byte & 0x7f) << (7 * len);
        if byte & 0x80 == 0 {
            return Some((value, len + 1));
        }
    }
    None
}

/// Bytes with their length in front.
fn data<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let len = cursor.u16()?;
    cursor.take(len.into())
}

/// What a packet of each type has.
#[derive(Debug)]
pub(super) enum Body<'a> {
    Connect(Box<Connect<'a>>),
    Connack {
        session_present: bool,
        code: &'a [u8],
        properties: Properties<'a>,
    },
    Publish {
        topic: &'a [u8],
        id: Option<&'a [u8]>,
        properties: Properties<'a>,
        payload: &'a [u8],
    },
    /// PUBACK, PUBREC, PUBREL, PUBCOMP.
    Acknowledgement {
        id: &'a [u8],
        reason: Option<&'a [u8]>,
        properties: Properties<'a>,
    },
    /// SUBSCRIBE, UNSUBSCRIBE: topic filters, with their options in SUBSCRIBE.
    Filters {
        id: &'a [u8],
        properties: Properties<'a>,
        filters: Vec<(&'a [u8], Option<u8>)>,
    },
    /// SUBACK, UNSUBACK.
    Codes {
        id: &'a [u8],
        properties: Properties<'a>,
        codes: &'a [u8],
    },
    /// DISCONNECT, AUTH.
    Reason {
        reason: Option<&'a [u8]>,
        properties: Properties<'a>,
    },
    /// PINGREQ, PINGRESP.
    Ping,
}

/// What a client connects with.
#[derive(Debug)]
pub(super) struct Connect<'a> {
    pub(super) name: &'a [u8],
    pub(super) version: &'a [u8],
    pub(super) flags: u8,
    pub(super) keep_alive: &'a [u8],
    pub(super) properties: Properties<'a>,
    pub(super) client_id: &'a [u8],
    pub(super) will_properties: Properties<'a>,
    pub(super) will: Option<(&'a [u8], &'a [u8])>,
    pub(super) username: Option<&'a [u8]>,
    pub(super) password: Option<&'a [u8]>,
}

/// Takes a packet apart as one of this version; an error says what is wrong with it.
pub(super) fn body(header: Header, bytes: &[u8], version: u8) -> Result<Body<'_>, &'static str> {
    let mut cursor = Cursor::new(bytes);
    let body = match header.kind() {
        1 => connect(&mut cursor),
        2 => connack(&mut cursor, version),
        3 => publish(header, &mut cursor, version),
        4..=7 => acknowledgement(&mut cursor, version),
        8 | 10 => filters(&mut cursor, version, header.kind() == 8),
        9 | 11 => codes(&mut cursor, version, header.kind() == 11),
        12 | 13 => Some(Body::Ping),
        14 if version < 5 => Some(Body::Reason {
            reason: None,
            properties: Properties::default(),
        }),
        14 => reason(&mut cursor),
        15 if version < 5 => return Err("AUTH is a packet of version 5"),
        15 => reason(&mut cursor),
        _ => return Err("no packet has type 0"),
    };
    match body {
        Some(_) if !cursor.is_empty() => Err("it is longer than what its type has"),
        Some(body) => Ok(body),
        None => Err("it ends before all that its type has"),
    }
}

fn connect<'a>(cursor: &mut Cursor<'a>) -> Option<Body<'a>> {
    let name = data(cursor)?;
    let version = cursor.take(1)?;
    let flags = cursor.u8()?;
    let keep_alive = cursor.take(2)?;
    let is_5 = version == [5];
    let properties = Properties::read(cursor, is_5)?;
    let client_id = data(cursor)?;
    let has_will = flags & 4 != 0;
    let will_properties = Properties::read(cursor, is_5 && has_will)?;
    let will = match has_will {
        true => Some((data(cursor)?, data(cursor)?)),
        false => None,
    };
    let username = match flags & 0x80 != 0 {
        true => Some(data(cursor)?),
        false => None,
    };
    let password = match flags & 0x40 != 0 {
        true => Some(data(cursor)?),
        false => None,
    };
    Some(Body::Connect(Box::new(Connect {
        name,
        version,
        flags,
        keep_alive,
        properties,
        client_id,
        will_properties,
        will,
        username,
        password,
    })))
}

fn connack<'a>(cursor: &mut Cursor<'a>, version: u8) -> Option<Body<'a>> {
    let session_present = cursor.u8()? & 1 != 0;
    let code = cursor.take(1)?;
    // A server that does not speak the client's version answers as its own has it, which may be shorter.
    let has_properties = version >= 5 && !cursor.is_empty();
    Some(Body::Connack {
        session_present,
        code,
        properties: Properties::read(cursor, has_properties)?,
    })
}

fn publish<'a>(header: Header, cursor: &mut Cursor<'a>, version: u8) -> Option<Body<'a>> {
    let topic = data(cursor)?;
    let id = match header.qos() {
        0 => None,
        _ => Some(cursor.take(2)?),
    };
    let properties = Properties::read(cursor, version >= 5)?;
    let payload = cursor.rest();
    cursor.skip(payload.len())?;
    Some(Body::Publish {
        topic,
        id,
        properties,
        payload,
    })
}

fn acknowledgement<'a>(cursor: &mut Cursor<'a>, version: u8) -> Option<Body<'a>> {
    let id = cursor.take(2)?;
    let (reason, properties) = tail(cursor, version)?;
    Some(Body::Acknowledgement {
        id,
        reason,
        properties,
    })
}

fn reason<'a>(cursor: &mut Cursor<'a>) -> Option<Body<'a>> {
    let (reason, properties) = tail(cursor, 5)?;
    Some(Body::Reason { reason, properties })
}

/// A reason code and properties, both of which may be left out (MQTT 5.0, 3.4.2).
fn tail<'a>(cursor: &mut Cursor<'a>, version: u8) -> Option<(Option<&'a [u8]>, Properties<'a>)> {
    let reason = match version >= 5 && !cursor.is_empty() {
        true => Some(cursor.take(1)?),
        false => None,
    };
    let has_properties = reason.is_some() && !cursor.is_empty();
    Some((reason, Properties::read(cursor, has_properties)?))
}

fn filters<'a>(cursor: &mut Cursor<'a>, version: u8, has_options: bool) -> Option<Body<'a>> {
    let id = cursor.take(2)?;
    let properties = Properties::read(cursor, version >= 5)?;
    let mut filters = Vec::new();
    while !cursor.is_empty() {
        let filter = data(cursor)?;
        let options = match has_options {
            true => Some(cursor.u8()?),
            false => None,
        };
        if filters.len() < FILTERS {
            filters.push((filter, options));
        }
    }
    (!filters.is_empty()).then_some(Body::Filters {
        id,
        properties,
        filters,
    })
}

fn codes<'a>(cursor: &mut Cursor<'a>, version: u8, is_unsuback: bool) -> Option<Body<'a>> {
    let id = cursor.take(2)?;
    let properties = Properties::read(cursor, version >= 5)?;
    let codes = cursor.rest();
    cursor.skip(codes.len())?;
    // UNSUBACK of MQTT 3 has none.
    let has_none = is_unsuback && version < 5;
    (codes.is_empty() == has_none).then_some(Body::Codes {
        id,
        properties,
        codes,
    })
}

/// The properties of a packet of MQTT 5.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Properties<'a>(&'a [u8]);

/// A property's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Number(u32, &'a [u8]),
    Text(&'a [u8]),
    Bytes(&'a [u8]),
    Pair(&'a [u8], &'a [u8]),
}

impl<'a> Properties<'a> {
    /// Reads them where there are any, and looks at each.
    fn read(cursor: &mut Cursor<'a>, are_there: bool) -> Option<Properties<'a>> {
        if !are_there {
            return Some(Properties::default());
        }
        let (len, _) = varint(cursor)?;
        let properties = Properties(cursor.take(len as usize)?);
        let mut inside = Cursor::new(properties.0);
        while !inside.is_empty() {
            property(&mut inside)?;
        }
        Some(properties)
    }

    /// Each with its identifier, which stands in the given bytes.
    pub(super) fn each(self) -> impl Iterator<Item = (&'a [u8], Value<'a>)> {
        let mut cursor = Cursor::new(self.0);
        std::iter::from_fn(move || property(&mut cursor))
    }

    /// The number of the property with this identifier.
    pub(super) fn number(self, id: u8) -> Option<u32> {
        self.each().find_map(|(found, value)| match value {
            Value::Number(number, _) if found == [id] => Some(number),
            _ => None,
        })
    }

    pub(super) fn is_empty(self) -> bool {
        self.0.is_empty()
    }
}

fn property<'a>(cursor: &mut Cursor<'a>) -> Option<(&'a [u8], Value<'a>)> {
    let id = cursor.take(1)?;
    let number = |bytes: &'a [u8]| {
        let value = bytes
            .iter()
            .fold(0, |value, byte| value << 8 | u32::from(*byte));
        Value::Number(value, bytes)
    };
    let value = match id.first()? {
        1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => number(cursor.take(1)?),
        19 | 33 | 34 | 35 => number(cursor.take(2)?),
        2 | 17 | 24 | 39 => number(cursor.take(4)?),
        11 => {
            let rest = cursor.rest();
            let (value, len) = varint(cursor)?;
            Value::Number(value, rest.get(..len)?)
        }
        9 | 22 => Value::Bytes(data(cursor)?),
        38 => Value::Pair(data(cursor)?, data(cursor)?),
        3 | 8 | 18 | 21 | 26 | 28 | 31 => Value::Text(data(cursor)?),
        _ => return None,
    };
    Some((id, value))
}

/// Whether a publication may go to this topic (MQTT 5.0, 4.7).
pub(super) fn is_topic(topic: &[u8]) -> bool {
    is_filter(topic) && !topic.iter().any(|byte| matches!(byte, b'+' | b'#'))
}

/// Whether someone may subscribe to this topic filter.
pub(super) fn is_filter(filter: &[u8]) -> bool {
    !filter.is_empty() && std::str::from_utf8(filter).is_ok() && !filter.contains(&0)
}
