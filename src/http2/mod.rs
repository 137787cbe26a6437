//! HTTP/2 as a WebSocket needs it: frames, HPACK, streams of extended CONNECT. It knows no TCP.

mod hpack;
mod huffman;
mod table;

pub use hpack::{Decoder, Fault, HeaderField, Outcome};
