//! Teaching: explaining what people type, building what they ask for, and practising with answers that the program checks.
//!
//! ```text
//!   bytes, heads, codes, names ─► explain ─► Line (text, TUI) or JSON
//!   words, scripts             ─► build   ─► frames, captures
//!   data files               ─► lab     ─► questions with answers worked out, results, grades
//! ```
//!
//! Nothing here decodes: frames go through `websocket`, heads through `http`, captures through `run` and `store`, so that
//! what is taught is what the program does. Lines carry roles, not colours; whoever shows them has a theme.

pub mod build;
pub mod explain;
pub mod lab;
pub mod ruler;
mod sentences;
pub mod steps;
mod text;

pub use sentences::sentence;
pub use text::{Line, Role, wrap};
