//! What a decoder is given.

use super::json::{Json, JsonKind};
use crate::base::{Side, Timestamp};

/// Whether bytes came as text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text message, or text inside another protocol.
    Text,
    /// A binary message.
    Binary,
}

/// What a decoder is given: a message, or what another protocol carried in one.
#[derive(Clone, Copy, Debug)]
pub struct Payload<'a> {
    /// Who sent it.
    pub from: Side,
    /// Whether it came as text.
    pub kind: Kind,
    /// The bytes.
    pub bytes: &'a [u8],
    /// The number of the message, from 1 over both sides; [`Payload::POLLED`] for what was said over HTTP before.
    pub number: u64,
    /// When it was complete.
    pub time: Timestamp,
    /// Whether it is a JSON object or array, where that is known.
    pub(super) is_json: Option<bool>,
}

impl<'a> Payload<'a> {
    /// The number of everything that was said over HTTP, before the WebSocket took over.
    pub const POLLED: u64 = 0;

    /// Whether the client goes over from polling to the WebSocket with this (engine.io-protocol, "Upgrade").
    pub(super) fn is_upgrade(&self) -> bool {
        self.kind == Kind::Text && self.from == Side::Client && self.bytes == b"5"
    }

    /// Other bytes in place of its own.
    pub(super) fn with<'b>(&self, kind: Kind, bytes: &'b [u8]) -> Payload<'b> {
        Payload {
            from: self.from,
            kind,
            bytes,
            number: self.number,
            time: self.time,
            is_json: None,
        }
    }

    /// The JSON object or array that it is, whether it came as text or as bytes.
    #[must_use]
    pub fn json(&self) -> Option<Json<'a>> {
        match self.is_json {
            Some(false) => None,
            // What is known to be JSON is known to be text; asked again that costs little.
            Some(true) => Json::trusted(self.utf8()?),
            None => Json::container(self.utf8()?),
        }
    }

    /// The same, where it is an object.
    #[must_use]
    pub fn object(&self) -> Option<Json<'a>> {
        self.json().filter(|json| json.kind() == JsonKind::Object)
    }

    /// The same, where it is an array.
    #[must_use]
    pub fn array(&self) -> Option<Json<'a>> {
        self.json().filter(|json| json.kind() == JsonKind::Array)
    }

    /// The text, where it came as text and is UTF-8.
    #[must_use]
    pub fn text(&self) -> Option<&'a str> {
        match self.kind {
            Kind::Text => std::str::from_utf8(self.bytes).ok(),
            Kind::Binary => None,
        }
    }

    /// The text, where it is UTF-8, whether it came as text or as bytes.
    #[must_use]
    pub fn utf8(&self) -> Option<&'a str> {
        std::str::from_utf8(self.bytes).ok()
    }
}
