//! Protocol Buffers, as they are on the wire: fields with numbers and wire types, of which only a schema says what they mean.

mod guess;
pub(in crate::payload) mod wire;

pub(crate) use guess::{Guess, guess, is_message};
