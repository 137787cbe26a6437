//! What a decoder is.

use std::fmt;

use super::claim::{Claim, Evidence, Objects, Opening};
use super::message::Payload;
use super::out::Out;
use crate::base::{FieldInfo, Rule, Side};

/// A decoder of one protocol or encoding, described.
#[derive(Clone, Copy, Debug)]
pub struct Decoder {
    /// Its id in kebab-case, as every output has it.
    pub name: &'static str,
    /// Its name for people.
    pub title: &'static str,
    /// The fields it gives.
    pub fields: &'static [&'static FieldInfo],
    /// The findings it makes.
    pub rules: &'static [&'static Rule],
    /// How sure it is that a connection, or what another protocol carries, is its own. Called for each message until a
    /// decoder is chosen, so it looks at little before it says no.
    pub claim: fn(&Evidence<'_>) -> Option<Claim>,
    /// Which JSON objects may speak for it; others it is only asked about when they come first, for the sake of the handshake.
    pub objects: Objects,
    /// Its state at the beginning of a connection.
    pub start: fn(&Opening) -> Box<dyn Decode>,
    /// The name of a close code that the protocol defines.
    pub close_code: fn(u16) -> Option<&'static str>,
    /// An encoding is recognised in each message anew, has no state, and is no protocol where a protocol carries it.
    pub is_encoding: bool,
}

impl Decoder {
    /// A decoder that claims nothing; decoders begin with this.
    pub const BASE: Decoder = Decoder {
        name: "",
        title: "",
        fields: &[],
        rules: &[],
        claim: |_| None,
        objects: Objects::Any,
        start: |_| Box::new(Nothing),
        close_code: |_| None,
        is_encoding: false,
    };
}

/// The state of a decoder in one connection.
pub trait Decode: CloneDecode + Send + Sync + fmt::Debug {
    /// Decodes one message, or a piece of a byte stream. What it gives before it answers [`Fit::No`] is forgotten.
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit;

    /// Bytes of this side's earlier messages, of which a claim said that the stream begins there.
    fn earlier(&mut self, _from: Side, _bytes: &[u8]) {}

    /// A message of this side is missing, or was too long to be kept.
    fn lost(&mut self, _from: Side) {}

    /// Bytes it keeps beyond itself.
    fn memory(&self) -> usize {
        0
    }
}

/// Clones a decoder's state behind its trait; every `Clone` state has it.
pub trait CloneDecode {
    /// The same state.
    fn clone_decode(&self) -> Box<dyn Decode>;
}

impl<T: Decode + Clone + 'static> CloneDecode for T {
    fn clone_decode(&self) -> Box<dyn Decode> {
        Box::new(self.clone())
    }
}

impl Clone for Box<dyn Decode> {
    fn clone(&self) -> Self {
        (**self).clone_decode()
    }
}

/// Whether a message is of the protocol; of several units the greatest counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fit {
    /// It is something else.
    No,
    /// It may be a piece of a unit that is not complete, which says neither.
    Part,
    /// It has nothing of the protocol, which knows no other messages: it is a broken one where the recognition is certain, and
    /// something else where only content spoke for it.
    Broken,
    /// It is, broken perhaps.
    Yes,
}

/// The state of a decoder that does nothing.
#[derive(Clone, Debug)]
struct Nothing;

impl Decode for Nothing {
    fn message<'a>(&mut self, _: &Payload<'a>, _: &mut Out<'_, 'a>) -> Fit {
        Fit::No
    }
}
