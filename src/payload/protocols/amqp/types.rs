//! Values of AMQP 1.0 (part 1): a constructor, then as many bytes as it says.

use std::fmt::Write as _;

use crate::base::{Cursor, Timestamp};
use crate::payload::Datum;

/// How deep values lie in one another.
const DEPTH: usize = 32;
/// Elements without bytes that are believed.
const ELEMENTS: u32 = 100;
/// Bytes of text that a value becomes, beyond which elements are left out.
const MOST: usize = 1 << 16;

/// A value.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Value<'a> {
    Null,
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a [u8]),
    Symbol(&'a [u8]),
    Bytes(&'a [u8]),
    /// Milliseconds since 1970.
    Timestamp(i64),
    Uuid(&'a [u8]),
    /// What a decimal number or anything else of fixed length has.
    Raw(&'a [u8]),
    List(Elements<'a>),
    Map(Elements<'a>),
    Array(Elements<'a>),
    /// A descriptor and a value.
    Described(&'a [u8], &'a [u8]),
}

/// What a list, map or array has inside.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Elements<'a> {
    count: u32,
    /// The constructor that all elements of an array share.
    shared: Option<u8>,
    body: &'a [u8],
}

/// A value with the bytes it is written in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Typed<'a> {
    pub(super) value: Value<'a>,
    pub(super) raw: &'a [u8],
}

impl<'a> Typed<'a> {
    /// The value that bytes begin with.
    pub(super) fn read(bytes: &'a [u8]) -> Option<Typed<'a>> {
        let (value, len) = read(bytes, DEPTH)?;
        Some(Typed {
            value,
            raw: bytes.get(..len)?,
        })
    }

    pub(super) fn is_null(&self) -> bool {
        self.value == Value::Null
    }

    pub(super) fn unsigned(&self) -> Option<u64> {
        match self.value {
            Value::Unsigned(number) => Some(number),
            _ => None,
        }
    }

    pub(super) fn bool(&self) -> Option<bool> {
        match self.value {
            Value::Bool(yes) => Some(yes),
            _ => None,
        }
    }

    /// Text or a symbol.
    pub(super) fn text(&self) -> Option<String> {
        match self.value {
            Value::Text(text) | Value::Symbol(text) => {
                Some(String::from_utf8_lossy(text).into_owned())
            }
            _ => None,
        }
    }

    /// The elements of a list, array or map, pairs one after the other; of a described value, of what is described.
    pub(super) fn elements(&self) -> impl Iterator<Item = Typed<'a>> + use<'a> {
        let elements = match self.value {
            Value::List(elements) | Value::Map(elements) | Value::Array(elements) => Some(elements),
            Value::Described(_, inside) => match Typed::read(inside).map(|inside| inside.value) {
                Some(Value::List(elements)) => Some(elements),
                _ => None,
            },
            _ => None,
        };
        elements.into_iter().flat_map(Elements::each)
    }

    /// The code of a described value's descriptor.
    pub(super) fn code(&self) -> Option<u64> {
        match self.value {
            Value::Described(descriptor, _) => Typed::read(descriptor)?.unsigned(),
            _ => None,
        }
    }

    /// What is described.
    pub(super) fn described(&self) -> Option<Typed<'a>> {
        match self.value {
            Value::Described(_, inside) => Typed::read(inside),
            _ => None,
        }
    }

    /// As a field's value.
    pub(super) fn datum(&self) -> Datum<'a> {
        match self.value {
            Value::Bool(yes) => Datum::Bool(yes),
            Value::Unsigned(number) => Datum::Unsigned(number),
            Value::Signed(number) => Datum::Signed(number),
            Value::Float(number) => Datum::Float(number),
            Value::Text(text) | Value::Symbol(text) => Datum::Text(String::from_utf8_lossy(text)),
            Value::Bytes(bytes) => match std::str::from_utf8(bytes) {
                Ok(text) if !text.bytes().any(|byte| byte.is_ascii_control()) => text.into(),
                _ => bytes.into(),
            },
            Value::Raw(bytes) => bytes.into(),
            _ => self.json().into(),
        }
    }

    /// In words: as JSON, as far as JSON can say it.
    pub(super) fn json(&self) -> String {
        let mut out = String::new();
        write(*self, &mut out);
        out
    }
}

impl<'a> Elements<'a> {
    fn each(self) -> impl Iterator<Item = Typed<'a>> {
        let mut rest = self.body;
        // Elements may have no bytes of their own, such as `null` in an array.
        let most = u32::try_from(self.body.len()).unwrap_or(u32::MAX);
        let mut left = self.count.min(most.saturating_add(ELEMENTS));
        std::iter::from_fn(move || {
            left = left.checked_sub(1)?;
            let (value, len) = match self.shared {
                Some(constructor) => of(constructor, rest, DEPTH)?,
                None => read(rest, DEPTH)?,
            };
            let (raw, behind) = rest.split_at_checked(len)?;
            rest = behind;
            Some(Typed { value, raw })
        })
    }
}

fn read(bytes: &[u8], depth: usize) -> Option<(Value<'_>, usize)> {
    let (constructor, rest) = bytes.split_first()?;
    if *constructor == 0 {
        let depth = depth.checked_sub(1)?;
        let (_, descriptor) = read(rest, depth)?;
        let (descriptor, inside) = rest.split_at_checked(descriptor)?;
        let (_, len) = read(inside, depth)?;
        let value = Value::Described(descriptor, inside.get(..len)?);
        return Some((value, 1 + descriptor.len() + len));
    }
    let (value, len) = of(*constructor, rest, depth)?;
    Some((value, 1 + len))
}

/// The value of a constructor, and its bytes behind it. What is in lists is looked at when it is asked for.
fn of(constructor: u8, bytes: &[u8], depth: usize) -> Option<(Value<'_>, usize)> {
    let mut cursor = Cursor::new(bytes);
    let c = &mut cursor;
    let value = match constructor {
        0x40 => Value::Null,
        0x41 => Value::Bool(true),
        0x42 => Value::Bool(false),
        0x43 | 0x44 => Value::Unsigned(0),
        0x45 => Value::List(Elements {
            count: 0,
            shared: None,
            body: &[],
        }),
        0x50 | 0x52 | 0x53 => Value::Unsigned(c.u8()?.into()),
        0x51 | 0x54 | 0x55 => Value::Signed(i8::from_be_bytes(c.array()?).into()),
        0x56 => Value::Bool(c.u8()? != 0),
        0x60 => Value::Unsigned(c.u16()?.into()),
        0x61 => Value::Signed(i16::from_be_bytes(c.array()?).into()),
        0x70 => Value::Unsigned(c.u32()?.into()),
        0x71 => Value::Signed(i32::from_be_bytes(c.array()?).into()),
        0x72 => Value::Float(f32::from_be_bytes(c.array()?).into()),
        0x80 => Value::Unsigned(c.u64()?),
        0x81 => Value::Signed(i64::from_be_bytes(c.array()?)),
        0x82 => Value::Float(f64::from_be_bytes(c.array()?)),
        0x83 => Value::Timestamp(i64::from_be_bytes(c.array()?)),
        0x98 => Value::Uuid(c.take(16)?),
        0x73 | 0x74 => Value::Raw(c.take(4)?),
        0x84 => Value::Raw(c.take(8)?),
        0x94 => Value::Raw(c.take(16)?),
        0xa0 | 0xb0 => Value::Bytes(sized(c, constructor)?),
        0xa1 | 0xb1 => Value::Text(sized(c, constructor)?),
        0xa3 | 0xb3 => Value::Symbol(sized(c, constructor)?),
        0xc0 | 0xd0 => Value::List(compound(c, constructor, depth)?),
        0xc1 | 0xd1 => Value::Map(compound(c, constructor, depth)?),
        0xe0 | 0xf0 => Value::Array(compound(c, constructor, depth)?),
        _ => return None,
    };
    Some((value, cursor.at()))
}

/// A size or a count, of one byte or of four.
fn size(cursor: &mut Cursor<'_>, constructor: u8) -> Option<u32> {
    match constructor & 0x10 {
        0 => cursor.u8().map(u32::from),
        _ => cursor.u32(),
    }
}

fn sized<'a>(cursor: &mut Cursor<'a>, constructor: u8) -> Option<&'a [u8]> {
    let len = size(cursor, constructor)?;
    cursor.take(usize::try_from(len).ok()?)
}

fn compound<'a>(cursor: &mut Cursor<'a>, constructor: u8, depth: usize) -> Option<Elements<'a>> {
    depth.checked_sub(1)?;
    // 0xc0 and 0xe0 have sizes of a byte, 0xd0 and 0xf0 of four.
    let inside = sized(cursor, constructor)?;
    let mut inside = Cursor::new(inside);
    let count = size(&mut inside, constructor)?;
    let shared = match constructor {
        0xe0 | 0xf0 => Some(inside.u8()?),
        _ => None,
    };
    Some(Elements {
        count,
        shared,
        body: inside.rest(),
    })
}

fn write(typed: Typed<'_>, out: &mut String) {
    match typed.value {
        Value::Null => out.push_str("null"),
        Value::Bool(yes) => out.push_str(if yes { "true" } else { "false" }),
        Value::Unsigned(number) => drop(write!(out, "{number}")),
        Value::Signed(number) => drop(write!(out, "{number}")),
        Value::Float(number) if number.is_finite() => drop(write!(out, "{number:?}")),
        Value::Float(number) => drop(write!(out, "\"{number}\"")),
        Value::Text(text) | Value::Symbol(text) => string(&String::from_utf8_lossy(text), out),
        Value::Bytes(bytes) | Value::Raw(bytes) | Value::Uuid(bytes) => {
            let shown = bytes.get(..256).unwrap_or(bytes);
            string(&format!("h'{}'", hex::encode(shown)), out);
        }
        Value::Timestamp(milliseconds) => {
            let time = milliseconds.checked_mul(1_000_000).map(Timestamp);
            string(&time.map_or_else(String::new, |time| time.to_string()), out);
        }
        Value::List(_) | Value::Array(_) => list(typed, out),
        Value::Map(_) => map(typed, out),
        Value::Described(..) => match typed.described() {
            Some(inside) => write(inside, out),
            None => out.push_str("null"),
        },
    }
}

fn list(typed: Typed<'_>, out: &mut String) {
    out.push('[');
    for (index, element) in typed.elements().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if out.len() > MOST {
            out.push_str("\"…\"");
            break;
        }
        write(element, out);
    }
    out.push(']');
}

fn map(typed: Typed<'_>, out: &mut String) {
    out.push('{');
    let mut elements = typed.elements();
    let mut is_first = true;
    while let (Some(key), Some(value)) = (elements.next(), elements.next()) {
        if !is_first {
            out.push(',');
        }
        is_first = false;
        if out.len() > MOST {
            out.push_str("\"…\":null");
            break;
        }
        let name = key.text().unwrap_or_else(|| key.json());
        string(&name, out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

fn string(text: &str, out: &mut String) {
    out.push_str(&serde_json::to_string(text).unwrap_or_default());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(hex: &str) -> Option<String> {
        let bytes = hex::decode(hex.replace(' ', "")).unwrap();
        Typed::read(&bytes).map(|typed| typed.json())
    }

    #[test]
    fn values_of_every_width() {
        for (hex, expected) in [
            ("40", "null"),
            ("5601", "true"),
            ("52ff", "255"),
            ("54ff", "-1"),
            ("80ffffffffffffffff", "18446744073709551615"),
            ("823ff8000000000000", "1.5"),
            ("a10568656c6c6f", "\"hello\""),
            ("a0020102", "\"h'0102'\""),
            ("830000000000000000", "\"1970-01-01T00:00:00.000000000Z\""),
            ("c0050241a10178", "[true,\"x\"]"),
            ("c1060 2 a10161 5205", "{\"a\":5}"),
            ("e0060 2 a3 0161 0162", "[\"a\",\"b\"]"),
            ("005323 45", "[]"),
            ("45", "[]"),
        ] {
            assert_eq!(json(hex).as_deref(), Some(expected), "{hex}");
        }
        for hex in [
            "",
            "00",
            "0053",
            "01",
            "a105",
            "b0ffffffff",
            "c0",
            "c000",
            "d0ffffffff00000000",
        ] {
            assert_eq!(json(hex), None, "{hex}");
        }
    }

    #[test]
    fn counts_and_depth_are_bounded() {
        // A count of 2^32 - 1 of which two are there, and of elements without bytes.
        assert_eq!(
            json("d0 00000006 ffffffff 4142").as_deref(),
            Some("[true,false]")
        );
        let zeros = json("f0 00000005 ffffffff 40").unwrap();
        assert!(zeros.len() < 2 * MOST);
        let deep = [vec![0; 100_000], vec![0x40]].concat();
        assert_eq!(Typed::read(&deep), None);
    }
}
