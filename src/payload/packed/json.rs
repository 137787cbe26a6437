//! A MessagePack or CBOR value as JSON text. What JSON cannot say it says in CBOR's diagnostic notation, in a string.

use std::borrow::Cow;
use std::fmt::Write as _;

use super::token::Token;
use super::value::Packed;
use crate::base::Timestamp;
use crate::payload::Datum;

/// Bytes of text, beyond which elements are left out.
const MOST: usize = 1 << 20;
/// Bytes of a byte string that are written.
const BYTES: usize = 1024;

impl<'a> Packed<'a> {
    /// As JSON, as far as JSON can say it.
    pub(crate) fn json(&self) -> String {
        let mut out = String::new();
        write(*self, &mut out);
        out
    }

    /// As a field's value, as JSON's values are: arrays and maps as JSON.
    pub(crate) fn datum(&self) -> Datum<'a> {
        match self.token() {
            Token::Null | Token::Undefined => Datum::Text(Cow::Borrowed("null")),
            Token::Bool(yes) => Datum::Bool(yes),
            Token::Unsigned(number) => Datum::Unsigned(number),
            Token::Signed(number) => Datum::Signed(number),
            Token::Float(number) => Datum::Float(number),
            Token::Text(_) | Token::Texts => Datum::Text(self.text().unwrap_or_default()),
            Token::Bytes(_) | Token::Pieces => Datum::Bytes(self.byte_string().unwrap_or_default()),
            Token::Array(_) | Token::Map(_) => Datum::Json(Cow::Owned(self.json())),
            _ => Datum::Text(Cow::Owned(self.json())),
        }
    }
}

fn write(value: Packed<'_>, out: &mut String) {
    match value.token() {
        Token::Null | Token::Undefined | Token::Break => out.push_str("null"),
        Token::Bool(yes) => out.push_str(if yes { "true" } else { "false" }),
        Token::Array(_) => array(value, out),
        Token::Map(_) => map(value, out),
        Token::Tag(tag) => tagged(tag, value, out),
        Token::Extension(kind, data) => match timestamp(kind, data) {
            Some(time) => string(&time, out),
            None => {
                let _ = write!(out, "{{\"type\":{kind},\"data\":\"{}\"}}", diagnostic(data));
            }
        },
        Token::Float(number) if number.is_finite() => {
            // With a fraction, so that it stays what it is.
            let _ = write!(out, "{number:?}");
        }
        Token::Unsigned(number) => drop(write!(out, "{number}")),
        Token::Signed(number) => drop(write!(out, "{number}")),
        Token::Negative(number) => drop(write!(out, "{}", -1 - i128::from(number))),
        token => string(&scalar(value, token), out),
    }
}

/// What is a string in JSON.
fn scalar(value: Packed<'_>, token: Token<'_>) -> String {
    match token {
        Token::Text(_) | Token::Texts => value.text().unwrap_or_default().into_owned(),
        Token::Bytes(_) | Token::Pieces => diagnostic(&value.byte_string().unwrap_or_default()),
        Token::Float(number) if number.is_nan() => "NaN".to_owned(),
        Token::Float(number) if number > 0.0 => "Infinity".to_owned(),
        Token::Float(_) => "-Infinity".to_owned(),
        Token::Simple(number) => format!("simple({number})"),
        _ => value.json(),
    }
}

fn array(value: Packed<'_>, out: &mut String) {
    out.push('[');
    for (index, element) in value.elements().enumerate() {
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

fn map(value: Packed<'_>, out: &mut String) {
    out.push('{');
    for (index, (key, value)) in value.members().enumerate() {
        if index > 0 {
            out.push(',');
        }
        if out.len() > MOST {
            out.push_str("\"…\":null");
            break;
        }
        string(&scalar(key, key.token()), out);
        out.push(':');
        write(value, out);
    }
    out.push('}');
}

/// A value with a tag: big numbers as numbers, the rest as the value is (RFC 8949, 6.1).
fn tagged(tag: u64, value: Packed<'_>, out: &mut String) {
    let Some(inside) = value.tagged() else {
        return out.push_str("null");
    };
    match (tag, inside.byte_string()) {
        (2 | 3, Some(bytes)) if bytes.len() <= 15 => {
            let number = bytes
                .iter()
                .fold(0, |number, byte| number << 8 | i128::from(*byte));
            let number = if tag == 2 { number } else { -1 - number };
            let _ = write!(out, "{number}");
        }
        _ => write(inside, out),
    }
}

/// A time, where an extension is one (MessagePack's type -1).
fn timestamp(kind: i8, data: &[u8]) -> Option<String> {
    if kind != -1 {
        return None;
    }
    let (seconds, nanoseconds) = match data.len() {
        4 => (i64::from(u32::from_be_bytes(data.try_into().ok()?)), 0),
        8 => {
            let value = u64::from_be_bytes(data.try_into().ok()?);
            ((value & 0x3_ffff_ffff) as i64, (value >> 34) as i64)
        }
        12 => {
            let (nanoseconds, seconds) = data.split_at(4);
            let nanoseconds = u32::from_be_bytes(nanoseconds.try_into().ok()?);
            (
                i64::from_be_bytes(seconds.try_into().ok()?),
                nanoseconds.into(),
            )
        }
        _ => return None,
    };
    let time = seconds
        .checked_mul(1_000_000_000)?
        .checked_add(nanoseconds)?;
    let text = Timestamp(time).to_string();
    Some(text.replace(".000000000Z", "Z"))
}

/// Bytes in diagnostic notation.
fn diagnostic(bytes: &[u8]) -> String {
    match bytes.get(..BYTES) {
        Some(first) if bytes.len() > BYTES => {
            format!("h'{}…' ({} bytes)", hex::encode(first), bytes.len())
        }
        _ => format!("h'{}'", hex::encode(bytes)),
    }
}

/// Text as a JSON string.
pub(in crate::payload) fn string(text: &str, out: &mut String) {
    match serde_json::to_string(text) {
        Ok(quoted) => out.push_str(&quoted),
        Err(_) => out.push_str("\"\""),
    }
}
