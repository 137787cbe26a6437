//! One line of a detail tree: a name, a value, and the bytes it was read from.

use super::{OwnedValue, Span, Value};

/// Which bytes a field's span counts in.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Layer {
    /// The captured bytes of one packet.
    #[default]
    Packet,
    /// The sender's reassembled TCP byte stream.
    Stream,
    /// The sender's stream after TLS.
    Decrypted,
    /// The message, unmasked and put together, as it crossed the wire.
    Message,
    /// The message after inflating.
    Inflated,
}

/// A named value with its place, made for the row someone looks at and never stored.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    /// The field's name in the display filter, such as `websocket.opcode`; empty where it has none.
    pub name: &'static str,
    /// What a reader sees first, such as `Opcode`.
    pub label: String,
    /// The value in words, such as `1 (text)`; bytes from the wire in it are already escaped.
    pub value: String,
    /// The value itself, as a filter compares it and as it is copied; `None` for what is words only.
    pub typed: Option<OwnedValue>,
    /// The bits of the span's bytes that hold it, drawn as `.... 0001`; empty for whole bytes.
    pub bits: String,
    /// Where it came from, such as `RFC 6455 5.2`; empty where nothing is to be cited.
    pub section: &'static str,
    /// Which bytes `span` counts in.
    pub layer: Layer,
    /// The bytes it was read from; `None` for what was computed.
    pub span: Option<Span>,
    /// Whether the value is a secret.
    pub is_secret: bool,
    /// What it is made of.
    pub children: Vec<Field>,
}

impl Field {
    /// A field with a label and a value.
    #[must_use]
    pub fn new(label: impl Into<String>, value: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            value: value.into(),
            ..Self::default()
        }
    }

    /// The same with the value that its words stand for.
    #[must_use]
    pub fn typed(mut self, value: Value<'_>) -> Self {
        self.typed = Some(value.into());
        self
    }

    /// The same with its filter name.
    #[must_use]
    pub fn named(mut self, name: &'static str) -> Self {
        self.name = name;
        self
    }

    /// The same with its place.
    #[must_use]
    pub fn at(mut self, layer: Layer, span: Span) -> Self {
        self.layer = layer;
        self.span = Some(span);
        self
    }

    /// The same with the drawing of its bits.
    #[must_use]
    pub fn bits(mut self, bits: impl Into<String>) -> Self {
        self.bits = bits.into();
        self
    }

    /// The same with the section it is defined in.
    #[must_use]
    pub fn section(mut self, section: &'static str) -> Self {
        self.section = section;
        self
    }

    /// The same with one more child.
    #[must_use]
    pub fn with(mut self, child: Field) -> Self {
        self.children.push(child);
        self
    }
}
