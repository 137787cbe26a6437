//! HTTP/2 as a WebSocket needs it: frames, HPACK, streams of extended CONNECT (RFC 9113, RFC 7541, RFC 8441).
//!
//! It knows no TCP and no TLS: bytes of both sides come in as they were sent, in any cut. It is no endpoint: it
//! keeps reading behind violations, which are findings, and behind losses.
//!
//! ```text
//! bytes -> FrameReader (one a side) -> Connection -> StreamSink
//!                                        |  header blocks: hpack::Decoder -> Message -> base::Head
//!                                        '- DATA of followed streams, as it lies
//! ```

mod boundary;
mod connection;
mod frame;
mod hpack;
mod huffman;
mod message;
mod reader;
mod session;
mod sink;
mod state;
mod table;

pub use boundary::looks_like_frames;
pub use connection::Connection;
pub use frame::{
    FrameHeader, FrameType, HEADER_LEN, PREFACE, error_name, flag, is_preface_prefix, setting,
    setting_name, settings,
};
pub use hpack::{Decoder, Fault, HeaderField, Outcome};
pub(crate) use huffman::decode as decode_huffman;
pub(crate) use message::Message;
pub use message::asks_for_websocket;
pub use sink::{DataPlace, GoAway, StreamSink};
