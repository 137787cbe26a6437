//! JSON, read in one place: a text's values on demand, the values at a path, and a tree whose lines know their bytes.
//!
//! Whether a text is JSON says one walk; the rest reads valid text again where something of it is wanted, so that numbers
//! keep their digits, keys may repeat, and every value has its place. Nothing is nested deeper than 128.

mod document;
mod outline;
mod path;
mod scan;
mod tree;

pub use document::{Json, JsonKind};
pub use outline::Keys;
pub(super) use outline::Outline;
pub(crate) use path::{MAX_STEPS, dotted_steps, index_step};
pub use path::{PathStep, parse_path, visit};
pub use tree::field;
