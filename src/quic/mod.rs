//! QUIC as a passive reader needs it: datagrams to packets, packets to frames, frames to streams in order (RFC 9000, 9001,
//! 9369).
//!
//! It knows no UDP and no IP: datagrams come in with the side that sent them. It is no endpoint: it acknowledges nothing and
//! waits for nobody; what it cannot open it passes over. Initial packets open without any secret, all others with the
//! secrets of a key log, found by the client random that the Initial packets carry.
//!
//! ```text
//! datagram -> packets -> header protection, AEAD -> frames -> CRYPTO: tls handshake
//!             packet.rs   protection.rs, levels.rs   frame.rs    STREAM: in order by offset -> EventSink
//!                                                                        stream.rs, streams.rs
//! ```
//!
//! Invariant: the bytes of a stream do not depend on how often, in which order or in how many packets they came, as long as
//! they came at all.

mod assembly;
mod close;
mod connection;
mod connection_id;
mod frame;
mod handshake;
mod hello;
#[cfg(feature = "tls")]
mod join;
#[cfg(not(feature = "tls"))]
#[path = "no_join.rs"]
mod join;
mod joined;
#[cfg(feature = "tls")]
mod levels;
#[cfg(not(feature = "tls"))]
#[path = "no_levels.rs"]
mod levels;
mod numbers;
mod packet;
#[cfg(feature = "tls")]
mod protection;
mod segments;
mod sink;
mod streams;
mod summary;
mod varint;
mod version;

pub use close::{Close, error_name};
pub use connection::{Connection, Received};
pub use connection_id::ConnectionId;
pub use hello::Hello;
pub use join::Attempts;
pub use joined::Joined;
pub use levels::opens;
pub use packet::{
    Header, PacketType, destination, is_initial, long_type, may_be_short, offered_versions,
};
pub use sink::{EventSink, Piece};
pub use streams::{initiator, is_unidirectional};
pub use summary::Summary;
pub use varint::varint;
pub use version::Version;
