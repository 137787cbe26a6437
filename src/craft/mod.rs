//! Traffic made to order: packets, TCP conversations, WebSocket bytes. `wireloupe build` and the labs are made of it, and so is
//! what tests, benches and fuzz targets read (the testkit passes it on).
//!
//! It writes and never reads: what its bytes mean is the decoders' affair. What it builds is well-formed with right checksums
//! unless a script asks otherwise, and depends on its arguments only.

mod conversation;
mod packet;
mod random;
mod websocket;

pub use conversation::Conversation;
pub use packet::{ACK, FIN, PSH, PacketBuilder, RST, SYN, Segment, URG, Wrap};
pub use random::Random;
pub use websocket::{
    Deflater, Frame, KEY, LengthForm, accept_key, upgrade_request, upgrade_response,
};
