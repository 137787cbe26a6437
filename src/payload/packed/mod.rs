//! MessagePack and CBOR (RFC 8949), read in one place: a value inside bytes, what is in it, as JSON, and as a tree whose lines
//! know their bytes.
//!
//! A value is walked once to see that it is whole; the rest reads it again where something of it is wanted, so nothing is
//! built that nobody asks for. Nothing is nested deeper than [`DEPTH`].

mod json;
mod token;
mod tree;
mod value;

pub(super) use json::string;
pub(crate) use token::{Format, Token};
pub(crate) use tree::field;
pub(crate) use value::Packed;

/// How deep values lie in one another.
const DEPTH: usize = 128;
