//! Output formats: one file a format, each told the engine's events as they happen.
//!
//! A [`Printer`] is the engine's sink: it chooses the rows that were asked for, has a [`Format`] write them into a
//! [`Page`], and a [`Merger`] puts the pages of all engines together in packet order.

mod detail;
mod hexdump;
mod json;
mod ndjson;
mod page;
mod printer;
mod text;

pub use detail::Detail;
pub use ndjson::Ndjson;
pub use page::{Merger, Page};
pub use printer::{Counts, Format, Printer, Selection, Show, Totals};
pub use text::{HEADING, Palette, Text};
