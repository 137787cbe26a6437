//! QPACK: header blocks into fields, with the table that the other direction's encoder stream fills (RFC 9204).
//!
//! A block may refer to entries whose instructions have not come yet; it then waits. What refers to entries that were never
//! seen becomes a field named `unknown index 5`. Memory is bounded by the cap on the table and by the block.

mod decoder;
mod instruction;
mod primitive;
mod table;

pub use decoder::{Decoder, Read};
pub use primitive::Fault;
