//! HTTP/3 as a WebSocket needs it: frames, QPACK, streams of extended CONNECT (RFC 9114, RFC 9204, RFC 9220).
//!
//! It knows no QUIC packets: the bytes of each stream come in as they were sent, in any cut, and what comes out is what
//! HTTP/2 gives too ([`StreamSink`](crate::http2::StreamSink)). It is no endpoint: it keeps reading behind violations, which
//! are findings, and behind losses.
//!
//! ```text
//! stream's bytes -> unidirectional: control (SETTINGS, GOAWAY), QPACK encoder, others passed over
//!                -> request: FrameReader (one a side) -> HEADERS: qpack::Decoder -> Head
//!                                                        DATA of followed streams, as it lies
//! ```

mod connection;
mod error;
mod frame;
mod qpack;
mod request;
mod sink;
mod unidirectional;

pub use connection::Connection;
pub use error::error_name;
pub use frame::{frame_name, setting_name};
pub use qpack::{Decoder, Fault, Read};
pub use sink::{Origin, OriginSink};
