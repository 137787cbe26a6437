//! What was made of a message as lines of a detail tree.

use super::datum::Datum;
use super::decoded::{Decoded, Item};
use super::json;
use super::packed::{self, Packed};
use crate::base::{Field, Layer, escape};

/// Bytes of a value shown in a line.
const PREVIEW: usize = 4096;

/// The units and their fields as a tree. Spans count in `layer`, which is what the message's bytes are.
#[must_use]
pub fn tree(decoded: &Decoded<'_>, layer: Layer) -> Vec<Field> {
    let mut items = decoded.items.iter().peekable();
    below(&mut items, 0, layer)
}

fn below<'i>(
    items: &mut std::iter::Peekable<impl Iterator<Item = &'i Item<'i>>>,
    depth: u8,
    layer: Layer,
) -> Vec<Field> {
    let mut fields = Vec::new();
    while let Some(item) = items.next_if(|item| item.depth >= depth) {
        let mut field = line(item, layer);
        let inside = below(items, item.depth.saturating_add(1), layer);
        field.children.extend(inside);
        fields.push(field);
    }
    fields
}

fn line(item: &Item<'_>, layer: Layer) -> Field {
    let mut field = match (&item.datum, packed(item, layer)) {
        (_, Some(field)) => field,
        (Datum::Json(text), None) => json(item, text, layer),
        (datum, None) => Field::new(label(item), words(item, datum)),
    };
    field.name = item.info.map_or("", |info| info.name);
    field.typed = item.datum.value().map(Into::into);
    field.is_secret = item.secret;
    if field.span.is_none() {
        field.span = item.span;
        field.layer = layer;
    }
    field
}

fn label(item: &Item<'_>) -> String {
    escape::text(item.label.as_bytes())
}

/// A MessagePack or CBOR value, opened.
fn packed(item: &Item<'_>, layer: Layer) -> Option<Field> {
    let (format, bytes) = item.packed.as_ref()?;
    let field = packed::field(
        Packed::whole(*format, bytes)?,
        layer,
        item.span.map(|span| span.start),
    );
    Some(Field {
        label: label(item),
        ..field
    })
}

/// A JSON text, opened where it is an object or an array.
fn json(item: &Item<'_>, text: &str, layer: Layer) -> Field {
    let at = item.span.map(|span| span.start);
    match json::field(text.as_bytes(), layer, at) {
        Some(field) => Field {
            label: label(item),
            ..field
        },
        None => Field::new(label(item), escape::preview(text.as_bytes(), PREVIEW)),
    }
}

fn words(item: &Item<'_>, datum: &Datum<'_>) -> String {
    let value = match datum {
        Datum::None | Datum::Json(_) => String::new(),
        Datum::Bool(yes) => yes.to_string(),
        Datum::Unsigned(number) => number.to_string(),
        Datum::Signed(number) => number.to_string(),
        Datum::Float(number) => number.to_string(),
        Datum::Text(text) => escape::preview(text.as_bytes(), PREVIEW),
        Datum::Bytes(bytes) => hexadecimal(bytes),
        Datum::Duration(nanoseconds) => format!("{:.3} ms", *nanoseconds as f64 / 1e6),
    };
    match (value.is_empty(), item.words.is_empty()) {
        (_, true) => value,
        (true, false) => item.words.clone().into_owned(),
        (false, false) => format!("{value} ({})", item.words),
    }
}

/// Bytes as hex, so far as a line has room.
fn hexadecimal(bytes: &[u8]) -> String {
    const MOST: usize = 64;
    match bytes.get(..MOST) {
        Some(first) if bytes.len() > MOST => {
            format!("{}… ({} bytes)", hex::encode(first), bytes.len())
        }
        _ => hex::encode(bytes),
    }
}
