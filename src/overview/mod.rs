//! All of a capture at once, for whoever shows all of it: a terminal interface, a page, a report.
//!
//! ```text
//!   engine ─► Watcher ─► Watched ─► Overview ─► Delta for a store, and the diagnosis
//!             (one an engine)       (one)
//! ```

mod compared;
mod finder;
mod gathered;
mod masked;
mod noted;
mod session;
mod watcher;

pub use compared::{ComparePart, CompareSink, Compared, Comparing};
pub use finder::{Answers, Finder, Places};
pub use gathered::Overview;
pub use masked::Masked;
pub use noted::{Noted, Records};
pub use session::{InMemory, Session};
pub use watcher::{Watched, Watcher};
