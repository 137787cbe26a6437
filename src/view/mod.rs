//! What someone looks at, without a screen: lists of rows, the fields of one of them, and the bytes each was read from.
//!
//! The terminal interface and the page in a browser draw the same. Nothing here draws, and nothing here is kept but what a
//! [`rows::List`] found and what a [`traffic::Traffic`] lists.

pub mod belongs;
pub mod columns;
pub mod connections;
pub mod cursor;
mod dns;
pub mod fields;
pub mod graph;
pub mod hex;
pub mod ladder;
pub mod names;
pub mod needle;
pub mod packets;
pub mod reading;
pub mod repeat;
pub mod rows;
pub mod sorting;
pub mod sought;
pub mod traffic;
