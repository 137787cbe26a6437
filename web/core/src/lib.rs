//! Wireloupe's core behind the barest interface that a page can call: a request in JSON in, an answer in JSON out.
//!
//! ```text
//!   page ─ postMessage ─► worker ─ call(JSON) ─► Page ─► Session, Store ─► JSON
//!                             ◄─ read(file, at) ─┘
//! ```
//!
//! No generated glue: the module imports one function, which reads bytes of a file that the page was given, and exports
//! four.

mod abi;
mod comparison;
mod detail;
mod graph;
mod host;
mod lists;
mod page;
mod request;
mod requests;
mod rows;
mod shared;
mod taking;
mod teach;
mod typed;
