//! The values that decoders give.

use std::borrow::Cow;

use crate::base::Value;

/// A value a decoder gives: what it can borrow from the message it borrows.
#[derive(Clone, Debug, PartialEq)]
pub enum Datum<'a> {
    /// There is nothing but the label.
    None,
    /// Yes or no.
    Bool(bool),
    /// A number that cannot be negative.
    Unsigned(u64),
    /// A number that can.
    Signed(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(Cow<'a, str>),
    /// Bytes.
    Bytes(Cow<'a, [u8]>),
    /// A JSON text, valid or not.
    Json(Cow<'a, str>),
    /// A span of time in nanoseconds.
    Duration(i64),
}

impl Datum<'_> {
    /// The same as a value to compare; `None` where there is nothing to compare.
    #[must_use]
    pub fn value(&self) -> Option<Value<'_>> {
        Some(match self {
            Datum::None => return None,
            Datum::Bool(yes) => Value::Bool(*yes),
            Datum::Unsigned(number) => Value::Unsigned(*number),
            Datum::Signed(number) => Value::Signed(*number),
            Datum::Float(number) => Value::Float(*number),
            Datum::Text(text) | Datum::Json(text) => Value::Text(text),
            Datum::Bytes(bytes) => Value::Bytes(bytes),
            Datum::Duration(nanoseconds) => Value::Duration(*nanoseconds),
        })
    }

    /// Whether it is empty text, or no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        match self {
            Datum::Text(text) => text.is_empty(),
            Datum::Json(text) => matches!(&**text, "" | "\"\""),
            Datum::Bytes(bytes) => bytes.is_empty(),
            _ => false,
        }
    }

    /// The same, borrowing nothing.
    #[must_use]
    pub fn into_owned(self) -> Datum<'static> {
        match self {
            Datum::None => Datum::None,
            Datum::Bool(yes) => Datum::Bool(yes),
            Datum::Unsigned(number) => Datum::Unsigned(number),
            Datum::Signed(number) => Datum::Signed(number),
            Datum::Float(number) => Datum::Float(number),
            Datum::Text(text) => Datum::Text(Cow::Owned(text.into_owned())),
            Datum::Bytes(bytes) => Datum::Bytes(Cow::Owned(bytes.into_owned())),
            Datum::Json(text) => Datum::Json(Cow::Owned(text.into_owned())),
            Datum::Duration(nanoseconds) => Datum::Duration(nanoseconds),
        }
    }
}

macro_rules! from {
    ($($kind:ty => |$value:ident| $datum:expr;)+) => {
        $(impl<'a> From<$kind> for Datum<'a> {
            fn from($value: $kind) -> Self {
                $datum
            }
        })+
    };
}

from! {
    bool => |value| Datum::Bool(value);
    u8 => |value| Datum::Unsigned(value.into());
    u16 => |value| Datum::Unsigned(value.into());
    u32 => |value| Datum::Unsigned(value.into());
    u64 => |value| Datum::Unsigned(value);
    usize => |value| Datum::Unsigned(value as u64);
    i64 => |value| Datum::Signed(value);
    f64 => |value| Datum::Float(value);
    &'a str => |value| Datum::Text(Cow::Borrowed(value));
    String => |value| Datum::Text(Cow::Owned(value));
    Cow<'a, str> => |value| Datum::Text(value);
    &'a [u8] => |value| Datum::Bytes(Cow::Borrowed(value));
    Vec<u8> => |value| Datum::Bytes(Cow::Owned(value));
    Cow<'a, [u8]> => |value| Datum::Bytes(value);
}
