//! The value of a field, its type, and how two values compare.
//!
//! Every folder that gives values and every folder that asks for them speaks of them in these words.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::Timestamp;

/// One value of a field.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Value<'a> {
    /// It is there, and there is nothing to compare it with: a layer, a JSON object or array.
    Present,
    /// JSON's `null`.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number that cannot be negative.
    Unsigned(u64),
    /// A number that can.
    Signed(i64),
    /// A number with a fraction.
    Float(f64),
    /// Text.
    Text(&'a str),
    /// Bytes; also text that may not be UTF-8, such as a header's value.
    Bytes(&'a [u8]),
    /// An address.
    Ip(IpAddr),
    /// A moment.
    Time(Timestamp),
    /// A span of time in nanoseconds.
    Duration(i64),
}

impl<'a> Value<'a> {
    /// The bytes of text or bytes.
    #[must_use]
    pub fn bytes(self) -> Option<&'a [u8]> {
        match self {
            Value::Text(text) => Some(text.as_bytes()),
            Value::Bytes(bytes) => Some(bytes),
            _ => None,
        }
    }

    /// The number as one that cannot be negative; a yes counts 1.
    #[must_use]
    pub fn unsigned(self) -> Option<u64> {
        match self {
            Value::Unsigned(number) => Some(number),
            Value::Bool(yes) => Some(u64::from(yes)),
            Value::Signed(number) => u64::try_from(number).ok(),
            _ => None,
        }
    }

    /// The number as one with a fraction.
    #[must_use]
    pub fn float(self) -> Option<f64> {
        match self {
            Value::Unsigned(number) => Some(number as f64),
            Value::Signed(number) => Some(number as f64),
            Value::Float(number) => Some(number),
            _ => None,
        }
    }

    fn integer(self) -> Option<i128> {
        match self {
            Value::Unsigned(number) => Some(i128::from(number)),
            Value::Signed(number) => Some(i128::from(number)),
            _ => None,
        }
    }

    /// How `self` stands to `other`; `None` when they are of different kinds.
    #[must_use]
    pub fn compare(self, other: Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Value::Unsigned(a), Value::Unsigned(b)) => Some(a.cmp(&b)),
            (Value::Bool(a), Value::Bool(b)) => Some(a.cmp(&b)),
            (Value::Time(a), Value::Time(b)) => Some(a.cmp(&b)),
            (Value::Duration(a), Value::Duration(b)) => Some(a.cmp(&b)),
            (Value::Null, Value::Null) => Some(Ordering::Equal),
            (Value::Ip(IpAddr::V4(a)), Value::Ip(IpAddr::V4(b))) => Some(a.cmp(&b)),
            (Value::Ip(IpAddr::V6(a)), Value::Ip(IpAddr::V6(b))) => Some(a.cmp(&b)),
            _ => compare_across(self, other),
        }
    }
}

fn compare_across(a: Value<'_>, b: Value<'_>) -> Option<Ordering> {
    if let (Some(a), Some(b)) = (a.bytes(), b.bytes()) {
        return Some(a.cmp(b));
    }
    if let (Some(a), Some(b)) = (a.integer(), b.integer()) {
        return Some(a.cmp(&b));
    }
    a.float()?.partial_cmp(&b.float()?)
}

/// A value that borrows nothing: what a line of a detail tree has beside its words.
#[derive(Clone, Debug, PartialEq)]
pub enum OwnedValue {
    /// Text.
    Text(String),
    /// Bytes; also text that may not be UTF-8.
    Bytes(Vec<u8>),
    /// Any other value; never text or bytes that are not the program's own.
    Plain(Value<'static>),
}

impl OwnedValue {
    /// The value.
    #[must_use]
    pub fn value(&self) -> Value<'_> {
        match self {
            OwnedValue::Text(text) => Value::Text(text),
            OwnedValue::Bytes(bytes) => Value::Bytes(bytes),
            OwnedValue::Plain(value) => *value,
        }
    }
}

impl From<Value<'_>> for OwnedValue {
    fn from(value: Value<'_>) -> Self {
        Self::Plain(match value {
            Value::Text(text) => return Self::Text(text.to_owned()),
            Value::Bytes(bytes) => return Self::Bytes(bytes.to_vec()),
            Value::Present => Value::Present,
            Value::Null => Value::Null,
            Value::Bool(yes) => Value::Bool(yes),
            Value::Unsigned(number) => Value::Unsigned(number),
            Value::Signed(number) => Value::Signed(number),
            Value::Float(number) => Value::Float(number),
            Value::Ip(address) => Value::Ip(address),
            Value::Time(time) => Value::Time(time),
            Value::Duration(time) => Value::Duration(time),
        })
    }
}

/// The type of a field or an expression, known before any row is seen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Type {
    /// There or not; a protocol.
    Layer,
    /// Yes or no. Alone it asks whether the field is there, as in Wireshark.
    Bool,
    /// Yes or no. Alone it asks for yes.
    Flag,
    /// A number that cannot be negative.
    Unsigned,
    /// A number that can.
    Signed,
    /// A number with a fraction.
    Float,
    /// Text.
    Text,
    /// Bytes.
    Bytes,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// An address of either family.
    Ip,
    /// A moment.
    Time,
    /// A span of time.
    Duration,
    /// Whatever the JSON text has there.
    Json,
}

impl Type {
    /// The word for it in the field table and in messages.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Type::Layer => "protocol",
            Type::Bool | Type::Flag => "yes/no",
            Type::Unsigned => "number",
            Type::Signed => "signed number",
            Type::Float => "fraction",
            Type::Text => "text",
            Type::Bytes => "bytes",
            Type::Ipv4 => "IPv4 address",
            Type::Ipv6 => "IPv6 address",
            Type::Ip => "IP address",
            Type::Time => "time",
            Type::Duration => "duration",
            Type::Json => "JSON value",
        }
    }

    /// Whether values of the two can ever be compared.
    #[must_use]
    pub fn fits(self, other: Type) -> bool {
        self == Type::Json || other == Type::Json || self.class() == other.class()
    }

    /// Whether its values are numbers.
    #[must_use]
    pub fn is_number(self) -> bool {
        matches!(self, Type::Unsigned | Type::Signed | Type::Float)
    }

    /// Whether its values are addresses.
    #[must_use]
    pub fn is_ip(self) -> bool {
        matches!(self, Type::Ip | Type::Ipv4 | Type::Ipv6)
    }

    fn class(self) -> u8 {
        match self {
            Type::Layer => 0,
            Type::Bool | Type::Flag => 1,
            Type::Unsigned | Type::Signed | Type::Float => 2,
            Type::Text | Type::Bytes => 3,
            Type::Ipv4 | Type::Ipv6 | Type::Ip => 4,
            Type::Time => 5,
            Type::Duration => 6,
            Type::Json => 7,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_compare_across_their_kinds_and_nothing_else_does() {
        let less = Some(Ordering::Less);
        assert_eq!(Value::Signed(-1).compare(Value::Unsigned(u64::MAX)), less);
        assert_eq!(Value::Unsigned(1).compare(Value::Float(1.5)), less);
        assert_eq!(Value::Text("a").compare(Value::Bytes(b"b")), less);
        assert_eq!(Value::Float(f64::NAN).compare(Value::Unsigned(1)), None);
        assert_eq!(Value::Bool(true).compare(Value::Unsigned(1)), None);
        assert_eq!(Value::Duration(1).compare(Value::Unsigned(1)), None);
        assert_eq!(Value::Present.compare(Value::Present), None);
        let v6 = Value::Ip(IpAddr::V6(std::net::Ipv6Addr::LOCALHOST));
        assert_eq!(
            v6.compare(Value::Ip(IpAddr::V4(std::net::Ipv4Addr::LOCALHOST))),
            None
        );
    }
}
