//! Protocol Buffers, as they are on the wire: fields with numbers and wire types, of which only a schema says what they mean.

mod guess;
#[cfg_attr(not(feature = "protobuf"), path = "no_schema.rs")]
mod schema;
pub(in crate::payload) mod wire;

pub(crate) use guess::{Guess, guess, is_message};
pub use schema::Schema;
#[cfg(feature = "protobuf")]
pub use schema::SchemaError;
#[cfg(feature = "protobuf")]
pub(in crate::payload) use schema::{Scalar, Seen};
