//! Output formats: one file a format, each told the engine's events as they happen.
//!
//! A [`Printer`] is the engine's sink: it chooses the rows that were asked for, has a [`Format`] write them into a
//! [`Page`], and a [`Merger`] puts the pages of all engines together in packet order.

mod choose;
mod columns;
mod conversation;
mod detail;
mod document;
mod har;
mod held;
mod hexdump;
mod json;
mod ndjson;
mod packets;
mod page;
mod printer;
mod records;
mod redact;
pub mod statistics;
mod text;

pub use choose::Chooser;
pub use columns::{Columns, NamedColumn, Separator, default_columns, header_line};
pub use conversation::{Conversation, RawSide};
pub use detail::Detail;
pub use document::Document;
pub use har::{Archive, Har};
pub use ndjson::Ndjson;
pub use packets::{PacketChoice, comment};
pub use page::{Merger, Page};
pub use printer::{Counts, Format, Printer, Selection, Show, TlsCounts, Totals};
pub use records::{Record, Records, extension};
pub use redact::Redactor;
pub use text::{HEADING, Palette, Text};
