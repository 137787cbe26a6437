//! Wireloupe captures packets, or opens capture files, and puts every WebSocket under the loupe: handshake, frames,
//! messages, close, and what went wrong.

// Floors, lowest first: a folder imports only from the floors below it (see docs/architecture.md).
pub mod base; // 0: the vocabulary
pub mod capture; // 1: where packets come from and go to
#[cfg(feature = "cli")]
pub mod cli;
pub mod engine; // 3: packets in, events out
pub mod export; // 6: one file a format
pub mod filter; // 1: the display filter language
pub mod flow; // 2: flow table, reassembly
pub mod http; // 1: HTTP/1.1 heads and bodies
pub mod http2; // 1: HTTP/2 frames, HPACK, extended CONNECT
pub mod insight; // 5: questions asked of the records
pub mod store; // 4: records and lookups
#[cfg(feature = "tls")]
pub mod tls; // 1: records, key log, decryption
#[cfg(feature = "tui")]
pub mod tui; // 6: the terminal interface
pub mod websocket; // 1: frames, messages, deflate, rules
pub mod wire; // 1: link, IP and TCP views of one packet // 7: arguments, threads, exit codes
