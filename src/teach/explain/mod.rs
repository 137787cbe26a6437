//! Explaining what somebody typed: frames, heads, keys, codes and names.
//!
//! [`explain`] finds out what it is, by its look; the rest says it as lines or as JSON. Bytes of the wire in either are escaped.

mod bytes;
mod frames;
mod head;
mod json;
mod lines;
mod names;
mod recognise;

pub use bytes::parse as parse_bytes;
pub use frames::{ExplainedFrame, ExplainedMessage, Options, frames};
pub use head::{ExplainedHandshake, ExplainedLine, accept_command, heads, is_key};
pub use json::json;
pub use lines::{Told, frame_lines, lines};
pub use names::{Name, named, similar};
pub use recognise::{Explanation, Kind, explain, explain_bytes};
