//! From a value back to the text of a filter, for "show only rows like this".

use std::fmt::Write as _;

use super::{FieldRef, Value};
use crate::base::escape;

/// The filter that passes the rows whose field has this value.
///
/// ```
/// use wireloupe::filter::{FieldId, Value, equals};
///
/// assert_eq!(equals(FieldId::HttpHost.into(), Value::Text("a\"b")), r#"http.host == "a\"b""#);
/// ```
#[must_use]
pub fn equals(field: FieldRef, value: Value<'_>) -> String {
    let name = field.info().name;
    let value = match value {
        Value::Present => return name.to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => format!("{number:?}"),
        Value::Text(text) => quoted(text.as_bytes()),
        Value::Bytes(bytes) => quoted(bytes),
        Value::Ip(address) => address.to_string(),
        Value::Time(time) => format!("\"{time}\""),
        Value::Duration(nanoseconds) => format!("{nanoseconds}ns"),
    };
    format!("{name} == {value}")
}

/// Bytes as a text in quotes that means exactly them.
fn quoted(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' | '\\' => out.extend(['\\', c]),
                c if c.is_ascii_control() => {
                    let _ = write!(out, "\\x{:02x}", u32::from(c));
                }
                c if escape::is_hidden(c) => {
                    let _ = write!(out, "\\U{:08x}", u32::from(c));
                }
                c => out.push(c),
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(out, "\\x{byte:02x}");
        }
    }
    out.push('"');
    out
}
