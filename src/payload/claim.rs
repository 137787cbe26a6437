//! Evidence of what a connection carries, and what decoders make of it.

use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

use super::json::{Json, JsonKind, Keys, Outline};
use super::message::Payload;
use super::polled::Polled;

/// How sure a recognition is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Confidence {
    /// The content looks like it.
    Likely,
    /// The endpoints agreed on it, or nothing else looks like this.
    Certain,
    /// Someone said so.
    Forced,
}

impl Confidence {
    /// `likely`, `certain` or `forced`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Confidence::Likely => "likely",
            Confidence::Certain => "certain",
            Confidence::Forced => "forced",
        }
    }
}

/// A decoder's word that something is its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claim {
    /// How sure it is.
    pub confidence: Confidence,
    /// Why, in one phrase, such as "subprotocol".
    pub why: &'static str,
    /// Whether what speaks for it began in earlier messages, whose bytes the decoder wants then.
    pub is_of_stream: bool,
}

impl Claim {
    /// A claim from what the endpoints agreed on, or from content that nothing else has.
    #[must_use]
    pub const fn certain(why: &'static str) -> Option<Claim> {
        Some(Claim {
            confidence: Confidence::Certain,
            why,
            is_of_stream: false,
        })
    }

    /// A claim from the beginning of a byte stream that nothing else begins with, over several messages perhaps.
    #[must_use]
    pub const fn of_stream(why: &'static str) -> Option<Claim> {
        Some(Claim {
            confidence: Confidence::Certain,
            why,
            is_of_stream: true,
        })
    }

    /// A claim from the look of the content.
    #[must_use]
    pub const fn likely(why: &'static str) -> Option<Claim> {
        Some(Claim {
            confidence: Confidence::Likely,
            why,
            is_of_stream: false,
        })
    }
}

/// What the handshake says of what follows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opening {
    /// The subprotocol the server chose; empty when none, or when the handshake was not seen.
    pub subprotocol: Box<str>,
    /// The path of the request target; empty when it was not seen.
    pub path: Box<str>,
    /// Its query, without the `?`.
    pub query: Box<str>,
    /// Whether the handshake was seen.
    pub is_seen: bool,
    /// What the Engine.IO session that the query names said over HTTP, once its WebSocket takes over.
    pub polled: Option<Arc<OnceLock<Polled>>>,
}

impl Opening {
    /// The value of a parameter of the query, as sent.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.query.split('&').find_map(|pair| {
            let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
            (key == name).then_some(value)
        })
    }
}

/// Which JSON objects may speak for a decoder, so that it need not be asked about the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Objects {
    /// Any.
    Any,
    /// None: its messages look otherwise.
    Never,
    /// Those with at least one of these keys.
    With(Keys),
}

impl Objects {
    /// Those with at least one of these keys.
    #[must_use]
    pub const fn with(keys: &'static [&'static str]) -> Self {
        Objects::With(Keys::new(keys))
    }
}

/// What a decoder looks at before it claims.
#[derive(Clone, Debug)]
pub struct Evidence<'a> {
    /// What the handshake said.
    pub opening: &'a Opening,
    /// The message at hand.
    pub payload: &'a Payload<'a>,
    /// Its bytes behind those of the side's earlier messages, where all of them are binary and short: programs write the
    /// first bytes of a stream in pieces.
    pub stream: &'a [u8],
    /// The protocol that carries it; `None` for a whole message.
    pub parent: Option<&'static str>,
    /// Messages seen before it here, of both sides; 0 for the first.
    pub seen: u32,
    /// Its text where it may be JSON, made when the first decoder asks.
    pub(super) text: OnceCell<Option<&'a str>>,
    /// Its outline where it is JSON, made when the first decoder asks, and kept for whoever decodes it.
    pub(super) outline: &'a OnceCell<Option<Outline>>,
}

impl<'a> Evidence<'a> {
    /// The subprotocol, where the message is not inside another protocol.
    #[must_use]
    pub fn subprotocol(&self) -> &str {
        match self.parent {
            None => &self.opening.subprotocol,
            Some(_) => "",
        }
    }

    /// Whether it is the first message of a connection whose handshake was seen.
    #[must_use]
    pub fn is_first(&self) -> bool {
        self.seen == 0 && self.opening.is_seen
    }

    /// The message where it is a JSON object or array, whether it came as text or as bytes.
    #[must_use]
    pub fn json(&self) -> Option<Json<'a>> {
        let (text, _) = self.outline()?;
        Json::trusted(text)
    }

    /// The same, where it is an array.
    #[must_use]
    pub fn array(&self) -> Option<Json<'a>> {
        let (text, outline) = self.outline()?;
        (outline.kind() == JsonKind::Array).then(|| Json::trusted(text))?
    }

    /// The member of this key, where the message is a JSON object.
    #[must_use]
    pub fn member(&self, key: &str) -> Option<Json<'a>> {
        let (text, outline) = self.outline()?;
        outline.member(text, key)
    }

    /// The text of the member of this key, where it is a string without escapes.
    #[must_use]
    pub fn text_of(&self, key: &str) -> Option<&'a str> {
        self.member(key)?.plain()
    }

    /// Whether the message is a JSON object that has no other keys than these.
    #[must_use]
    pub fn has_only(&self, keys: &[&str]) -> bool {
        self.outline()
            .is_some_and(|(text, outline)| outline.has_only(text, keys))
    }

    /// Whether a decoder that these objects speak for may claim it: anything may that is the first message, or no JSON object.
    pub(super) fn may_be(&self, objects: Objects) -> bool {
        if self.seen == 0 || objects == Objects::Any {
            return true;
        }
        let object = self
            .outline()
            .filter(|(_, outline)| outline.kind() == JsonKind::Object);
        match (object, objects) {
            (Some(_), Objects::Never) => false,
            (Some((text, outline)), Objects::With(keys)) => outline.has_any(text, &keys),
            _ => true,
        }
    }

    /// Whether the message is a JSON object or array.
    pub(super) fn is_json(&self) -> bool {
        self.outline().is_some()
    }

    fn outline(&self) -> Option<(&'a str, &'a Outline)> {
        let text = *self.text.get_or_init(|| {
            let first = self.payload.bytes.trim_ascii_start().first()?;
            matches!(first, b'{' | b'[').then(|| self.payload.utf8())?
        });
        let outline = self.outline.get_or_init(|| Outline::of(text?));
        Some((text?, outline.as_ref()?))
    }
}
