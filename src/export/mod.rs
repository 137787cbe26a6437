//! Output formats: one file a format, each receives the engine's events as they happen.
//!
//! A [`Printer`] is the engine's sink: it chooses the rows that were asked for, has a [`Format`] write them into a
//! [`Page`] or whatever else it writes into, and a [`Merger`](crate::run::Merger) puts what all engines wrote together in
//! packet order, on its way to a [`Drain`].

mod beside;
mod choose;
mod columns;
mod conversation;
mod counts;
mod decoded;
mod detail;
mod diagnosis;
mod document;
mod format;
mod har;
mod hexdump;
mod json;
mod masked;
mod ndjson;
mod packets;
mod page;
mod printer;
mod records;
mod redact;
pub mod report;
mod selection;
mod split;
pub mod statistics;
#[cfg(feature = "columns")]
pub mod tables;
mod text;

pub use beside::Beside;
pub use choose::Chooser;
pub use columns::{Columns, NamedColumn, Separator, default_columns, header_line};
pub use conversation::{Conversation, RawSide};
pub use counts::{Counts, TlsCounts};
pub use detail::Detail;
pub use diagnosis::{DiagnosisText, attempt_json, diagnosis_json, encrypted_text};
pub use document::{Document, Json, ObjectKind};
pub use format::{Format, Totals};
pub use har::{Archive, Har, HarPiece};
pub use ndjson::Ndjson;
pub use packets::{PacketChoice, PacketsOf, comment};
pub use page::{Drain, Labelled, LabelledMark, Page, PageMark, each_row, fill};
pub use printer::Printer;
pub use records::{Record, Records, extension};
pub use redact::Redactor;
pub use selection::{Selection, Show};
pub use split::{KeyNames, Part, PartOrigin, Splitter, front};
pub use text::{HEADING, Palette, Text};
