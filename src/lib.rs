//! Wireloupe captures packets, or opens capture files, and puts every WebSocket under the loupe: handshake, frames,
//! messages, close, and what went wrong.
//!
//! Folders are floors: each imports only from lower ones (`docs/architecture.md` has the table, a test holds it).

pub mod base;
pub mod capture;
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine;
pub mod export;
pub mod filter;
pub mod flow;
pub mod http;
pub mod http2;
pub mod insight;
pub mod store;
#[cfg(any(test, feature = "testkit"))]
pub mod testkit;
pub mod tls;
#[cfg(feature = "tui")]
pub mod tui;
pub mod websocket;
pub mod wire;
