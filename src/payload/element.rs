//! A value of JSON, MessagePack or CBOR, for protocols that are written in any of them.

use std::borrow::Cow;

use super::json::{Json, JsonKind};
use super::packed::{Format, Packed};

/// A value, whichever it is written in.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Element<'a> {
    Json(Json<'a>),
    Packed(Packed<'a>),
}

impl<'a> Element<'a> {
    /// The JSON value that a text is.
    pub(crate) fn json(text: &'a str) -> Option<Element<'a>> {
        Json::parse(text).map(Element::Json)
    }

    /// The MessagePack or CBOR value that bytes are.
    pub(crate) fn packed(format: Format, bytes: &'a [u8]) -> Option<Element<'a>> {
        Packed::whole(format, bytes).map(Element::Packed)
    }

    pub(crate) fn is_array(&self) -> bool {
        match self {
            Element::Json(json) => json.kind() == JsonKind::Array,
            Element::Packed(packed) => packed.is_array(),
        }
    }

    /// Whether it is an object of JSON, or a map.
    pub(crate) fn is_map(&self) -> bool {
        match self {
            Element::Json(json) => json.kind() == JsonKind::Object,
            Element::Packed(packed) => packed.is_map(),
        }
    }

    pub(crate) fn is_null(&self) -> bool {
        match self {
            Element::Json(json) => json.kind() == JsonKind::Null,
            Element::Packed(packed) => packed.is_null(),
        }
    }

    pub(crate) fn text(&self) -> Option<Cow<'a, str>> {
        match self {
            Element::Json(json) => json.text(),
            Element::Packed(packed) => packed.text(),
        }
    }

    pub(crate) fn unsigned(&self) -> Option<u64> {
        match self {
            Element::Json(json) => json.unsigned(),
            Element::Packed(packed) => packed.unsigned(),
        }
    }

    pub(crate) fn bool(&self) -> Option<bool> {
        match self {
            Element::Json(json) => json.bool(),
            Element::Packed(packed) => packed.bool(),
        }
    }

    /// The elements of an array; none of anything else.
    pub(crate) fn elements(&self) -> Box<dyn Iterator<Item = Element<'a>> + 'a> {
        match *self {
            Element::Json(json) => Box::new(json.elements().map(Element::Json)),
            Element::Packed(packed) => Box::new(packed.elements().map(Element::Packed)),
        }
    }

    /// The element at this position, from 0.
    pub(crate) fn at(&self, index: usize) -> Option<Element<'a>> {
        match self {
            Element::Json(json) => json.at(index).map(Element::Json),
            Element::Packed(packed) => packed.at(index).map(Element::Packed),
        }
    }

    /// The value of this key; of several the last.
    pub(crate) fn get(&self, key: &str) -> Option<Element<'a>> {
        match self {
            Element::Json(json) => json.get(key).map(Element::Json),
            Element::Packed(packed) => packed.get(key).map(Element::Packed),
        }
    }

    pub(crate) fn text_of(&self, key: &str) -> Option<Cow<'a, str>> {
        self.get(key)?.text()
    }

    /// The bytes it is written in.
    pub(crate) fn raw(&self) -> &'a [u8] {
        match self {
            Element::Json(json) => json.bytes(),
            Element::Packed(packed) => packed.raw(),
        }
    }

    /// As JSON.
    pub(crate) fn as_json(&self) -> Cow<'a, str> {
        match self {
            Element::Json(json) => json.raw().into(),
            Element::Packed(packed) => packed.json().into(),
        }
    }
}
