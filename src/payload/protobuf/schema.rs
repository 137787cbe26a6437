//! A schema for Protocol Buffers messages that someone gives: a `.proto` file, compiled here, or a descriptor set that `protoc` made.
//!
//! What a schema says is read beside the bytes: every field keeps its place, numbers that the schema does not know stay numbers.

use std::fmt;
use std::path::Path;

use prost_reflect::{DescriptorPool, EnumDescriptor, FieldDescriptor, Kind, MessageDescriptor};
use smallvec::SmallVec;

use super::wire::{Wire, varint, whole_fields};

/// How deep messages lie in one another.
const DEPTH: usize = 64;
/// Bytes of JSON, beyond which values are left out.
const MOST: usize = 1 << 20;
/// Names told where one is missing.
const NAMES: usize = 8;

/// The type of message that binary messages are to be read as.
#[derive(Clone, Debug, PartialEq)]
pub struct Schema {
    message: MessageDescriptor,
}

/// Why a schema cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SchemaError {
    /// The file cannot be read, or is no schema.
    #[error("{file} is no schema: {reason}")]
    File {
        /// The file.
        file: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The schema has no such message.
    #[error("{file} has no message type {name}; it has {known}")]
    Message {
        /// The file.
        file: String,
        /// The name that was asked for.
        name: String,
        /// Those that are there.
        known: String,
    },
}

impl Schema {
    /// Reads a `.proto` file, with what it imports from its own folder and from protobuf's own files, or any other file as a
    /// descriptor set (`protoc --descriptor_set_out=FILE --include_imports`), and takes a message type of it: by its full
    /// name, or by the last part of it where only one has it.
    pub fn open(file: &Path, message: &str) -> Result<Schema, SchemaError> {
        let wrong = |reason: String| SchemaError::File {
            file: file.display().to_string(),
            reason,
        };
        let pool = match file.extension() {
            Some(extension) if extension == "proto" => {
                let folder = match file.parent() {
                    Some(folder) if !folder.as_os_str().is_empty() => folder,
                    _ => Path::new("."),
                };
                let set =
                    protox::compile([file], [folder]).map_err(|error| wrong(error.to_string()))?;
                DescriptorPool::from_file_descriptor_set(set)
                    .map_err(|error| wrong(error.to_string()))?
            }
            _ => {
                let bytes = std::fs::read(file).map_err(|error| wrong(error.to_string()))?;
                DescriptorPool::decode(&*bytes).map_err(|error| wrong(error.to_string()))?
            }
        };
        Schema::of(&pool, message).ok_or_else(|| SchemaError::Message {
            file: file.display().to_string(),
            name: message.to_owned(),
            known: known(&pool),
        })
    }

    /// The message type of this name.
    fn of(pool: &DescriptorPool, name: &str) -> Option<Schema> {
        let name = name.trim_start_matches('.');
        let by_full_name = pool.get_message_by_name(name);
        let mut ending = pool.all_messages().filter(|message| message.name() == name);
        let message = match (by_full_name, ending.next(), ending.next()) {
            (Some(message), ..) | (None, Some(message), None) => message,
            _ => return None,
        };
        Some(Schema { message })
    }

    /// The full name of the message type.
    #[must_use]
    pub fn name(&self) -> &str {
        self.message.full_name()
    }

    /// Whether bytes are such a message, whose fields have the types that the schema says.
    pub(in crate::payload) fn fits(&self, bytes: &[u8]) -> bool {
        fits(&self.message, bytes, DEPTH)
    }

    /// The message as JSON.
    pub(in crate::payload) fn json(&self, bytes: &[u8]) -> String {
        let mut out = String::new();
        json(&self.message, bytes, DEPTH, &mut out);
        out
    }

    /// Calls `each` with every field that a message has, those inside others after them.
    pub(in crate::payload) fn walk<'a>(
        &self,
        bytes: &'a [u8],
        each: &mut dyn FnMut(Seen<'a>) -> bool,
    ) {
        walk(&self.message, bytes, 0, each);
    }
}

/// The names of messages, so many as a line has room for.
fn known(pool: &DescriptorPool) -> String {
    let mut messages = pool
        .all_messages()
        .filter(|message| !message.is_map_entry());
    let names: Vec<String> = messages
        .by_ref()
        .filter(|message| !message.full_name().starts_with("google.protobuf."))
        .take(NAMES)
        .map(|message| message.full_name().to_owned())
        .collect();
    match (names.is_empty(), messages.next().is_some()) {
        (true, _) => "none".to_owned(),
        (false, true) => format!("{}, …", names.join(", ")),
        (false, false) => names.join(", "),
    }
}

/// A field as it stands in a message.
#[derive(Clone, Debug)]
pub(in crate::payload) struct Seen<'a> {
    /// How deep it lies.
    pub(in crate::payload) depth: u8,
    /// Its number.
    pub(in crate::payload) number: u64,
    /// Its name; `None` where the schema has none.
    pub(in crate::payload) name: Option<String>,
    /// The name of its type.
    pub(in crate::payload) kind: String,
    /// Its value; `None` where it has fields inside, which follow.
    pub(in crate::payload) value: Option<Scalar<'a>>,
    /// Its bytes, tag and all.
    pub(in crate::payload) raw: &'a [u8],
}

/// A value without fields inside.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::payload) enum Scalar<'a> {
    Bool(bool),
    Unsigned(u64),
    Signed(i64),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A number, and its name where it has one.
    Enum(i64, Option<String>),
    /// Several in one field.
    Packed(Vec<Scalar<'a>>),
}

impl fmt::Display for Scalar<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Scalar::Bool(yes) => write!(f, "{yes}"),
            Scalar::Unsigned(number) => write!(f, "{number}"),
            Scalar::Signed(number) => write!(f, "{number}"),
            Scalar::Float(number) if number.is_finite() => write!(f, "{number:?}"),
            Scalar::Float(number) => write!(f, "\"{number}\""),
            Scalar::Text(text) => f.write_str(&quoted(text)),
            Scalar::Bytes(bytes) => f.write_str(&quoted(&format!("h'{}'", hex::encode(bytes)))),
            Scalar::Enum(_, Some(name)) => f.write_str(&quoted(name)),
            Scalar::Enum(number, None) => write!(f, "{number}"),
            Scalar::Packed(values) => {
                let values: Vec<String> = values.iter().map(Scalar::to_string).collect();
                write!(f, "[{}]", values.join(","))
            }
        }
    }
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}

/// What a field's kind is on the wire.
fn wire_kind(kind: &Kind) -> u8 {
    match kind {
        Kind::Double | Kind::Fixed64 | Kind::Sfixed64 => 1,
        Kind::Float | Kind::Fixed32 | Kind::Sfixed32 => 5,
        Kind::String | Kind::Bytes | Kind::Message(_) => 2,
        _ => 0,
    }
}

fn fits(message: &MessageDescriptor, bytes: &[u8], depth: usize) -> bool {
    whole_fields(bytes).all(|field| {
        let Ok(field) = field else {
            return false;
        };
        let number = u32::try_from(field.number).unwrap_or(u32::MAX);
        match message.get_field(number) {
            Some(known) => fits_field(&known, field.value, depth),
            None => true,
        }
    })
}

fn fits_field(field: &FieldDescriptor, value: Wire<'_>, depth: usize) -> bool {
    let kind = field.kind();
    match (&kind, value) {
        (Kind::Message(inner), Wire::Bytes(bytes)) => depth > 0 && fits(inner, bytes, depth - 1),
        (Kind::String, Wire::Bytes(bytes)) => std::str::from_utf8(bytes).is_ok(),
        (kind, Wire::Bytes(bytes)) if field.is_list() && wire_kind(kind) != 2 => {
            packed(kind, bytes).is_some()
        }
        (kind, value) => wire_kind(kind) == value.kind(),
    }
}

/// A value as its kind says; `None` for messages, and where the wire has something else.
fn scalar<'a>(kind: &Kind, value: Wire<'a>) -> Option<Scalar<'a>> {
    Some(match (kind, value) {
        (Kind::Bool, Wire::Varint(number)) => Scalar::Bool(number != 0),
        (Kind::Int32 | Kind::Int64, Wire::Varint(number)) => Scalar::Signed(number.cast_signed()),
        (Kind::Uint32 | Kind::Uint64, Wire::Varint(number)) => Scalar::Unsigned(number),
        (Kind::Sint32 | Kind::Sint64, Wire::Varint(number)) => {
            Scalar::Signed((number >> 1).cast_signed() ^ -((number & 1).cast_signed()))
        }
        (Kind::Enum(names), Wire::Varint(number)) => enumerated(names, number),
        (Kind::Fixed32, Wire::Fixed32(bits)) => Scalar::Unsigned(bits.into()),
        (Kind::Sfixed32, Wire::Fixed32(bits)) => Scalar::Signed(bits.cast_signed().into()),
        (Kind::Float, Wire::Fixed32(bits)) => Scalar::Float(f32::from_bits(bits).into()),
        (Kind::Fixed64, Wire::Fixed64(bits)) => Scalar::Unsigned(bits),
        (Kind::Sfixed64, Wire::Fixed64(bits)) => Scalar::Signed(bits.cast_signed()),
        (Kind::Double, Wire::Fixed64(bits)) => Scalar::Float(f64::from_bits(bits)),
        (Kind::String, Wire::Bytes(bytes)) => Scalar::Text(std::str::from_utf8(bytes).ok()?),
        (Kind::Bytes, Wire::Bytes(bytes)) => Scalar::Bytes(bytes),
        (kind, Wire::Bytes(bytes)) if wire_kind(kind) != 2 => Scalar::Packed(packed(kind, bytes)?),
        _ => return None,
    })
}

fn enumerated(names: &EnumDescriptor, number: u64) -> Scalar<'static> {
    let number = number.cast_signed();
    let known = i32::try_from(number)
        .ok()
        .and_then(|number| names.get_value(number));
    Scalar::Enum(number, known.map(|value| value.name().to_owned()))
}

/// Values that are packed in one field.
fn packed<'a>(kind: &Kind, bytes: &'a [u8]) -> Option<Vec<Scalar<'a>>> {
    let mut rest = bytes;
    let mut values = Vec::new();
    while !rest.is_empty() {
        let value = match wire_kind(kind) {
            0 => {
                let (number, behind) = varint(rest)?;
                rest = behind;
                Wire::Varint(number)
            }
            5 => {
                let (bits, behind) = rest.split_first_chunk::<4>()?;
                rest = behind;
                Wire::Fixed32(u32::from_le_bytes(*bits))
            }
            1 => {
                let (bits, behind) = rest.split_first_chunk::<8>()?;
                rest = behind;
                Wire::Fixed64(u64::from_le_bytes(*bits))
            }
            _ => return None,
        };
        values.push(scalar(kind, value)?);
    }
    Some(values)
}

/// The name of a kind.
fn kind_name(kind: &Kind) -> String {
    match kind {
        Kind::Message(message) => message.full_name().to_owned(),
        Kind::Enum(names) => names.full_name().to_owned(),
        kind => format!("{kind:?}").to_ascii_lowercase(),
    }
}

/// Goes through a message; `each` answers whether it wants more.
fn walk<'a>(
    message: &MessageDescriptor,
    bytes: &'a [u8],
    depth: u8,
    each: &mut dyn FnMut(Seen<'a>) -> bool,
) -> bool {
    for field in whole_fields(bytes).flatten() {
        let number = u32::try_from(field.number).unwrap_or(u32::MAX);
        let known = message.get_field(number);
        let kind = known.as_ref().map(FieldDescriptor::kind);
        let value = match (&kind, field.value) {
            (Some(kind), value) => scalar(kind, value),
            (None, Wire::Varint(number)) => Some(Scalar::Unsigned(number)),
            (None, Wire::Fixed32(bits)) => Some(Scalar::Unsigned(bits.into())),
            (None, Wire::Fixed64(bits)) => Some(Scalar::Unsigned(bits)),
            (None, Wire::Bytes(bytes)) => Some(Scalar::Bytes(bytes)),
        };
        let seen = Seen {
            depth,
            number: field.number,
            name: known.map(|known| known.name().to_owned()),
            kind: kind
                .as_ref()
                .map_or_else(|| "unknown".to_owned(), kind_name),
            value,
            raw: field.raw,
        };
        if !each(seen) {
            return false;
        }
        if let (Some(Kind::Message(inner)), Wire::Bytes(inside)) = (&kind, field.value)
            && usize::from(depth) < DEPTH
            && !walk(inner, inside, depth + 1, each)
        {
            return false;
        }
    }
    true
}

/// The fields of a message by their descriptors, in the order in which they first come.
type Grouped<'a> = Vec<(FieldDescriptor, SmallVec<[Wire<'a>; 1]>)>;

fn json(message: &MessageDescriptor, bytes: &[u8], depth: usize, out: &mut String) {
    let mut fields: Grouped<'_> = Vec::new();
    for field in whole_fields(bytes).flatten() {
        let number = u32::try_from(field.number).unwrap_or(u32::MAX);
        let Some(known) = message.get_field(number) else {
            continue;
        };
        match fields
            .iter_mut()
            .find(|(other, _)| other.number() == number)
        {
            Some((_, values)) => values.push(field.value),
            None => fields.push((known, SmallVec::from_slice(&[field.value]))),
        }
    }
    out.push('{');
    for (index, (field, values)) in fields.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        out.push_str(&quoted(field.json_name()));
        out.push(':');
        if out.len() > MOST {
            out.push_str("\"…\"");
            break;
        }
        member(field, values, depth, out);
    }
    out.push('}');
}

/// The value of a field: of several that may not be repeated the last.
fn member(field: &FieldDescriptor, values: &[Wire<'_>], depth: usize, out: &mut String) {
    let kind = field.kind();
    match (&kind, values.last()) {
        (Kind::Message(entry), _) if field.is_map() => map(entry, values, depth, out),
        (_, Some(last)) if !field.is_list() => value(&kind, *last, depth, out),
        _ => {
            out.push('[');
            for (index, one) in values.iter().enumerate() {
                if index > 0 {
                    out.push(',');
                }
                match scalar(&kind, *one) {
                    // Packed values stand in the list themselves.
                    Some(Scalar::Packed(inside)) => {
                        let inside: Vec<String> = inside.iter().map(Scalar::to_string).collect();
                        out.push_str(&inside.join(","));
                    }
                    _ => value(&kind, *one, depth, out),
                }
                if out.len() > MOST {
                    out.push_str(",\"…\"");
                    break;
                }
            }
            out.push(']');
        }
    }
}

fn value(kind: &Kind, wire: Wire<'_>, depth: usize, out: &mut String) {
    match (kind, wire) {
        (Kind::Message(inner), Wire::Bytes(bytes)) if depth > 0 => {
            json(inner, bytes, depth - 1, out)
        }
        (kind, wire) => match scalar(kind, wire) {
            Some(scalar) => out.push_str(&scalar.to_string()),
            None => out.push_str("null"),
        },
    }
}

/// Entries of a map as members of an object.
fn map(entry: &MessageDescriptor, values: &[Wire<'_>], depth: usize, out: &mut String) {
    out.push('{');
    let (key_kind, value_kind) = (
        entry.map_entry_key_field().kind(),
        entry.map_entry_value_field().kind(),
    );
    let entries = values.iter().filter_map(|value| value.bytes());
    for (index, bytes) in entries.enumerate() {
        if index > 0 {
            out.push(',');
        }
        let get = |number| super::wire::get(bytes, number);
        let key = get(1).and_then(|key| scalar(&key_kind, key));
        let key = match key {
            Some(Scalar::Text(text)) => text.to_owned(),
            Some(key) => key.to_string(),
            None => String::new(),
        };
        out.push_str(&quoted(&key));
        out.push(':');
        match get(2) {
            Some(inside) if out.len() <= MOST => value(&value_kind, inside, depth, out),
            _ => out.push_str("null"),
        }
        if out.len() > MOST {
            break;
        }
    }
    out.push('}');
}

#[cfg(test)]
mod tests {
    use super::*;

    const SOURCE: &str = r#"
        syntax = "proto3";
        package lab;
        import "google/protobuf/timestamp.proto";
        message Price {
          string symbol = 1;
          repeated double bids = 2;
          Kind kind = 3;
          Price parent = 4;
          map<string, int32> sizes = 5;
          sint32 change = 6;
          bytes raw = 7;
          google.protobuf.Timestamp at = 8;
          repeated Price children = 9;
        }
        enum Kind { UNKNOWN = 0; SPOT = 1; }
        message Other { string symbol = 1; }
    "#;

    fn schema(name: &str) -> Result<Schema, SchemaError> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.proto");
        std::fs::write(&file, SOURCE).unwrap();
        Schema::open(&file, name)
    }

    fn hex(text: &str) -> Vec<u8> {
        hex::decode(text.replace(' ', "")).unwrap()
    }

    #[test]
    fn a_message_is_read_by_its_schema() {
        let schema = schema("lab.Price").unwrap();
        let bytes = hex(
            "0a03544541 1210 0000000000000840 0000000000001040 1801 22050a03 4f4c44 2a05 0a0161 1002 3003 3a02 0102 4202 0805",
        );
        assert!(schema.fits(&bytes));
        assert_eq!(
            schema.json(&bytes),
            r#"{"symbol":"TEA","bids":[3.0,4.0],"kind":"SPOT","parent":{"symbol":"OLD"},"sizes":{"a":2},"change":-2,"raw":"h'0102'","at":{"seconds":5}}"#
        );
        let mut names = Vec::new();
        schema.walk(&bytes, &mut |seen| {
            names.push(format!(
                "{}{} {}",
                seen.depth,
                seen.name.unwrap_or_default(),
                seen.kind
            ));
            true
        });
        assert_eq!(
            names[..5],
            [
                "0symbol string",
                "0bids double",
                "0kind lab.Kind",
                "0parent lab.Price",
                "1symbol string"
            ]
        );
    }

    #[test]
    fn what_does_not_fit_is_no_such_message() {
        let schema = schema("Price").unwrap();
        for text in [
            "0801",
            "0a01ff",
            "1203 010203",
            "2203 0801 08",
            "0a05",
            "00",
        ] {
            assert!(!schema.fits(&hex(text)), "{text}");
        }
        // Numbers that the schema does not know are kept.
        assert!(schema.fits(&hex("f80101")));
        let mut deep = hex("0a0161");
        for _ in 0..1000 {
            let len = deep.len();
            let mut outer = vec![0x22];
            outer.extend(if len < 128 {
                vec![len as u8]
            } else {
                vec![len as u8 | 0x80, (len >> 7) as u8]
            });
            outer.extend(&deep);
            deep = outer;
        }
        assert!(!schema.fits(&deep));
        assert!(schema.json(&deep).len() < 4096);
    }

    #[test]
    fn wrong_names_and_files_are_said() {
        let error = schema("Nothing").unwrap_err().to_string();
        assert!(
            error.contains("lab.Price") && error.contains("Nothing"),
            "{error}"
        );
        let error = Schema::open(Path::new("/nowhere/x.desc"), "a").unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("/nowhere/x.desc is no schema")
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("bad.proto");
        std::fs::write(&file, "message {").unwrap();
        assert!(Schema::open(&file, "a").is_err());
    }

    #[test]
    fn a_descriptor_set_says_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.proto");
        std::fs::write(&file, SOURCE).unwrap();
        let set = protox::compile([&file], [folder.path()]).unwrap();
        let pool = DescriptorPool::from_file_descriptor_set(set).unwrap();
        let file = folder.path().join("lab.desc");
        std::fs::write(&file, pool.encode_to_vec()).unwrap();
        let schema = Schema::open(&file, "lab.Other").unwrap();
        assert_eq!(
            (schema.name(), schema.json(&hex("0a0161"))),
            ("lab.Other", r#"{"symbol":"a"}"#.to_owned())
        );
    }
}
