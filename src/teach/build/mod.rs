//! Building frames from words, and captures from scripts.
//!
//! ```text
//! words ─► FrameWords ─► craft::Frame ─► bytes
//! lines ─► Script ─► play ─► craft::Conversation ─► Built: packets, and a key log where TLS is asked for
//! ```
//!
//! What is built may be wrong on purpose; how it is read is for `explain` and the engine to say.

mod frame;
mod play;
mod script;
#[cfg(feature = "tls")]
mod tls;
mod words;

pub use frame::{FrameWords, LengthWords, Mask, Sender, Taken};
pub use play::{Built, build};
pub use script::{Script, ScriptError};
pub use words::{Word, payload, words};
