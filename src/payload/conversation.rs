//! What is remembered of one connection's messages, and the way of each through the layers.

use std::sync::Arc;

use smallvec::SmallVec;

use super::calls::Pending;
use super::claim::{Claim, Confidence, Opening};
use super::decoded::Decoded;
use super::decoder::Decoder;
use super::layer::Layer;
use super::message::{Kind, Payload};
use super::out::{Gathered, Place};
use super::protobuf::Schema;
use super::summary;
use crate::base::{PerSide, Side, Timestamp};

/// Bytes one connection's decoders may keep; beyond it they begin anew, as if messages were missing.
const MEMORY: usize = 4 << 20;

/// Lines that room is made for before there are any.
const ITEMS: usize = 64;

/// What a connection is to be read as, whatever it seems to be.
pub type Force = Option<&'static Decoder>;

/// A message as a connection's decoders are given it.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// Who sent it.
    pub from: Side,
    /// Its number, from 1 over both sides.
    pub number: u64,
    /// When it was complete.
    pub time: Timestamp,
    /// What it is.
    pub kind: GivenKind,
    /// Its bytes, inflated; `None` when some are missing or it is longer than what is kept.
    pub bytes: Option<&'a [u8]>,
}

/// The kinds of messages that say something of what a connection carries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GivenKind {
    /// Text.
    Text,
    /// Bytes.
    Binary,
    /// The end, with its code.
    Close(Option<u16>),
}

/// The state of all decoders of one connection.
#[derive(Clone, Debug)]
pub struct Conversation {
    root: Layer,
    gathered: Gathered,
    /// Messages by the protocol they carried.
    counts: SmallVec<[(&'static str, u64); 2]>,
    /// The decoders have seen what was said over HTTP.
    has_heard: bool,
    /// Lines that the last message had, for which the next has room.
    items: usize,
}

impl Conversation {
    /// The state at the beginning of a connection that began like this.
    #[must_use]
    pub fn new(opening: Opening, force: Force) -> Self {
        let root = match force {
            Some(decoder) => Layer::forced(decoder, &opening),
            None => Layer::default(),
        };
        Self {
            root,
            gathered: Gathered::new(Arc::new(opening)),
            counts: SmallVec::new(),
            has_heard: false,
            items: 0,
        }
    }

    /// The same, whose binary messages of no protocol are read as this schema's where they fit it.
    #[must_use]
    pub fn with_schema(mut self, schema: Option<Arc<Schema>>) -> Self {
        self.gathered.schema = schema;
        self
    }

    /// The same that decodes messages only where the handshake or the first of them say what protocol they are in.
    #[must_use]
    pub fn briefly(mut self) -> Self {
        self.gathered.is_brief = self.gathered.opening.is_seen && self.gathered.schema.is_none();
        self
    }

    /// Whether nothing will be decoded any more.
    #[must_use]
    pub fn is_idle(&self) -> bool {
        self.gathered.is_brief && self.root.is_undecided()
    }

    /// Decodes the connection's next message; `None` where nothing is recognised in it.
    pub fn message<'a>(&mut self, given: &Given<'a>) -> Option<Decoded<'a>> {
        let kind = match given.kind {
            GivenKind::Text => Kind::Text,
            GivenKind::Binary => Kind::Binary,
            GivenKind::Close(code) => return self.close(code),
        };
        let Some(bytes) = given.bytes else {
            self.gathered.lost[given.from] = true;
            self.root.lost(given.from);
            return None;
        };
        let payload = Payload {
            from: given.from,
            kind,
            bytes,
            number: given.number,
            time: given.time,
            is_json: None,
        };
        let place = Place {
            depth: 0,
            level: 0,
            at: Some(0),
            earlier: 0,
            parent: None,
            in_protocol: false,
        };
        if payload.is_upgrade() && !std::mem::replace(&mut self.has_heard, true) {
            self.hear_polled(place);
        }
        self.gathered.clear();
        let mut items = Vec::with_capacity(self.items);
        let claim = self
            .root
            .message(&payload, place, &mut items, &mut self.gathered);
        self.gathered.polled = None;
        if self.memory() > MEMORY {
            self.forget();
        }
        self.items = items.len().min(ITEMS);
        let decoded = self.decoded(claim?, items);
        self.count(decoded.protocol());
        Some(decoded)
    }

    /// Has the decoders see what the session said over HTTP before this, its upgrade.
    fn hear_polled(&mut self, place: Place) {
        let polled = self.gathered.opening.polled.clone();
        let Some(polled) = polled.as_ref().and_then(|polled| polled.get()) else {
            return;
        };
        let mut lines = Vec::with_capacity(polled.packets().len());
        for packet in polled.packets() {
            let payload = Payload {
                from: packet.from,
                kind: packet.kind,
                bytes: &packet.bytes,
                number: Payload::POLLED,
                time: packet.time,
                is_json: None,
            };
            self.gathered.clear();
            self.root
                .message(&payload, place, &mut Vec::new(), &mut self.gathered);
            let line = summary::joined(&mut self.gathered.summaries);
            lines.push((packet.from, line));
        }
        self.gathered.polled = Some(lines);
    }

    fn decoded<'a>(&mut self, claim: Claim, items: Vec<super::Item<'a>>) -> Decoded<'a> {
        let gathered = &mut self.gathered;
        Decoded {
            stack: std::mem::take(&mut gathered.stack),
            claim,
            summary: summary::joined(&mut gathered.summaries),
            items,
            calls: std::mem::take(&mut gathered.calls),
            heartbeat: gathered.beats.heartbeat(),
            findings: std::mem::take(&mut gathered.findings),
        }
    }

    /// A close message says something where the protocol defines its code.
    fn close(&mut self, code: Option<u16>) -> Option<Decoded<'static>> {
        let code = code?;
        let found = |decoder: &'static Decoder| Some((decoder, (decoder.close_code)(code)?));
        let agreed = || found(Layer::agreed(&self.gathered.opening, Side::Server)?);
        let (decoder, name) = self.root.decoders().find_map(found).or_else(agreed)?;
        Some(Decoded {
            stack: SmallVec::from_slice(&[decoder.name]),
            claim: Claim {
                confidence: Confidence::Certain,
                why: "close code of the protocol",
                is_of_stream: false,
            },
            summary: format!("{code} {name}"),
            items: Vec::new(),
            calls: SmallVec::new(),
            heartbeat: None,
            findings: Vec::new(),
        })
    }

    fn count(&mut self, protocol: &'static str) {
        match self.counts.iter_mut().find(|(name, _)| *name == protocol) {
            Some((_, count)) => *count += 1,
            None => self.counts.push((protocol, 1)),
        }
    }

    /// What most messages carried so far; of equals the one that came first.
    #[must_use]
    pub fn protocol(&self) -> Option<&'static str> {
        let mut most: Option<(&'static str, u64)> = None;
        for (name, count) in &self.counts {
            if most.is_none_or(|(_, greatest)| *count > greatest) {
                most = Some((name, *count));
            }
        }
        most.map(|(name, _)| name)
    }

    /// Requests without an answer so far, in the order of asking.
    #[must_use]
    pub fn pending(&self) -> Vec<&Pending> {
        self.gathered.requests.pending()
    }

    /// Forgets what decoders remember of earlier messages.
    pub fn forget(&mut self) {
        let opening = Arc::clone(&self.gathered.opening);
        self.gathered.lost = PerSide {
            client: true,
            server: true,
        };
        self.root.forget(&opening);
        self.gathered.requests.forget();
    }

    /// Bytes it keeps beyond itself.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.root.memory() + self.gathered.requests.memory()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn closed(subprotocol: &str, code: u16) -> Option<String> {
        let opening = Opening {
            subprotocol: subprotocol.into(),
            is_seen: true,
            ..Opening::default()
        };
        let decoded = Conversation::new(opening, None).message(&Given {
            from: Side::Server,
            number: 1,
            time: Timestamp(0),
            kind: GivenKind::Close(Some(code)),
            bytes: None,
        })?;
        Some(format!("{}: {}", decoded.protocol(), decoded.summary))
    }

    #[test]
    fn a_close_code_is_named_before_any_message_said_what_the_protocol_is() {
        assert_eq!(
            closed("graphql-transport-ws", 4408).as_deref(),
            Some("graphql-transport-ws: 4408 connection initialisation timeout")
        );
        assert_eq!(closed("graphql-transport-ws", 1000), None);
        assert_eq!(closed("chat", 4408), None);
    }
}
