//! A MessagePack or CBOR value as a tree whose nodes know their bytes.

use super::token::Token;
use super::value::Packed;
use crate::base::{Field, Layer, OwnedValue, Span, Value, escape};

/// Values that become lines.
const NODES: usize = 4096;
/// Bytes of a value shown.
const PREVIEW: usize = 4096;

/// The tree of an array or a map. The places of its values count in `layer`, where its bytes begin at `at`; without it they have none.
#[must_use]
pub(crate) fn field(value: Packed<'_>, layer: Layer, at: Option<u64>) -> Field {
    let mut writer = Writer {
        layer,
        origin: value.raw().as_ptr() as usize,
        at,
        left: NODES,
    };
    writer.value(value.format().title().to_owned(), value)
}

struct Writer {
    layer: Layer,
    /// Where the outermost value's bytes lie.
    origin: usize,
    at: Option<u64>,
    left: usize,
}

impl Writer {
    fn value(&mut self, label: String, value: Packed<'_>) -> Field {
        let mut field = match value.token() {
            Token::Array(_) => {
                let children = value
                    .elements()
                    .enumerate()
                    .map(|(index, element)| (format!("[{index}]"), element));
                self.container(label, children, ('[', ']'))
            }
            Token::Map(_) => {
                let children = value.members().map(|(key, value)| (key_text(key), value));
                self.container(label, children, ('{', '}'))
            }
            Token::Tag(tag) => match value.tagged() {
                Some(inside) => self.value(format!("{label} (tag {tag})"), inside),
                None => Field::new(label, ""),
            },
            _ => Field {
                typed: scalar(value),
                ..Field::new(label, escape::preview(value.json().as_bytes(), PREVIEW))
            },
        };
        field.layer = self.layer;
        field.span = self.span(value);
        field
    }

    fn container<'a>(
        &mut self,
        label: String,
        children: impl Iterator<Item = (String, Packed<'a>)>,
        (open, close): (char, char),
    ) -> Field {
        let mut field = Field::new(label, "");
        let mut count = 0_usize;
        for (name, value) in children {
            count += 1;
            if self.left > 0 {
                self.left -= 1;
                let child = self.value(name, value);
                field.children.push(child);
            }
        }
        if field.children.len() < count {
            let more = Field::new("…", "more than can be shown here");
            field.children.push(more);
        }
        field.value = format!("{open} {count} {close}");
        field
    }

    fn span(&self, value: Packed<'_>) -> Option<Span> {
        let start = (value.raw().as_ptr() as usize).checked_sub(self.origin)?;
        Some(Span::at(self.at? + start as u64, value.raw().len() as u64))
    }
}

/// What is neither an array nor a map, as a value.
fn scalar(value: Packed<'_>) -> Option<OwnedValue> {
    let number = value.unsigned().map(Value::Unsigned);
    let plain = number.or_else(|| value.bool().map(Value::Bool));
    plain
        .map(OwnedValue::Plain)
        .or_else(|| Some(OwnedValue::Text(value.text()?.into_owned())))
}

fn key_text(key: Packed<'_>) -> String {
    let text = match key.text() {
        Some(text) => text.into_owned(),
        None => key.json(),
    };
    escape::preview(text.as_bytes(), PREVIEW)
}
