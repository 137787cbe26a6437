//! What messages carry: the application protocols and encodings inside.
//!
//! ```text
//!   message ──► Conversation ──► Layer: decoder chosen by evidence ──► Out: units, fields, calls, findings
//!                                  └─► inner Layer (SockJS > STOMP, Engine.IO > Socket.IO, gzip > JSON)
//! ```
//!
//! A decoder is one file and one line in [`DECODERS`]. It gives units with named, typed fields and their bytes; the detail
//! tree, summaries, filter fields, columns, NDJSON, statistics and redaction read what it gives, and know no protocol.
//!
//! The rule of state: a [`Conversation`] holds everything that is remembered of a connection, is fed its messages in the
//! order in which they were complete, and can be cloned. What it says of a message depends on that message and those before
//! it, never on later ones and never on time or threads, so a message decoded as it comes and one decoded later from
//! a clone are the same. What it remembers is capped; what was lost is told to the decoder, which says so.

mod calls;
mod carry;
mod claim;
mod conversation;
mod datum;
mod decoded;
mod decoder;
mod deflated;
mod element;
mod encodings;
mod external_term;
mod flushed;
mod head;
mod inflate;
pub mod json;
mod layer;
mod masked;
mod message;
mod out;
mod packed;
mod polled;
mod protobuf;
mod protocols;
mod secrets;
mod summary;
mod table;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod traps;
mod tree;
mod units;
#[cfg(test)]
mod vectors;

pub use calls::{Call, CallRole, Pending};
pub use carry::Carry;
pub use claim::{Claim, Confidence, Evidence, Objects, Opening};
pub use conversation::{Conversation, Force, Given, GivenKind};
pub use datum::Datum;
pub use decoded::{Decoded, GENERAL, Heartbeat, Item};
pub use decoder::{Decode, Decoder, Fit};
pub use message::{Kind, Payload};
pub use out::Out;
pub use polled::{Polled, PolledPacket, opened_session};
pub use protobuf::Schema;
#[cfg(feature = "protobuf")]
pub use protobuf::SchemaError;
pub use secrets::holds_secret;
pub use tree::tree;

use crate::base::FieldInfo;

/// Every decoder; protocols in the order in which equal claims are decided, then encodings.
pub static DECODERS: &[&Decoder] = &[
    &protocols::engine_io::DECODER,
    &protocols::socket_io::DECODER,
    &protocols::sockjs::DECODER,
    &protocols::stomp::DECODER,
    &protocols::mqtt::DECODER,
    &protocols::graphql::DECODER,
    &protocols::graphql::OLD_DECODER,
    &protocols::json_rpc::DECODER,
    &protocols::cdp::DECODER,
    &protocols::ocpp::DECODER,
    &protocols::phoenix::DECODER,
    &protocols::action_cable::DECODER,
    &protocols::bayeux::DECODER,
    &protocols::ddp::DECODER,
    &protocols::pusher::DECODER,
    &protocols::centrifugo::DECODER,
    &protocols::kubernetes::DECODER,
    &protocols::jupyter::DECODER,
    &protocols::janus::DECODER,
    &protocols::peerjs::DECODER,
    &protocols::home_assistant::DECODER,
    &protocols::vite_hmr::DECODER,
    &protocols::slack::DECODER,
    &protocols::sip::DECODER,
    &protocols::signalr::DECODER,
    &protocols::wamp::DECODER,
    &protocols::amqp::DECODER,
    &protocols::discord::DECODER,
    &protocols::obs::DECODER,
    &protocols::xmpp::DECODER,
    &protocols::kaazing::DECODER,
    &protocols::rfb::DECODER,
    &protocols::nats::DECODER,
    &protocols::rsocket::DECODER,
    &protocols::grpc_websockets::DECODER,
    &protocols::guacamole::DECODER,
    &protocols::ttyd::DECODER,
    &protocols::yjs::DECODER,
    &encodings::json::DECODER,
    &encodings::ndjson::DECODER,
    &encodings::xml::DECODER,
    &encodings::base64::DECODER,
    &encodings::image::DECODER,
    &encodings::compressed::GZIP,
    &encodings::compressed::ZLIB,
    &encodings::compressed::ZSTD,
    &encodings::bson::DECODER,
    &encodings::packed::MESSAGE_PACK,
    &encodings::packed::CBOR,
    &encodings::compressed::DEFLATE,
    &encodings::compressed::BROTLI,
    &encodings::avro::DECODER,
    &encodings::protobuf::DECODER,
];

/// A picture's format and size in words, when bytes begin like one.
#[must_use]
pub fn picture(bytes: &[u8]) -> Option<String> {
    encodings::image::described(bytes)
}

/// Content without its coding, at most so many bytes of it (RFC 9110 section 8.4.1); `None` where it is not read.
#[must_use]
pub fn without_coding(coding: &[u8], bytes: &[u8], most: usize) -> Option<Vec<u8>> {
    let compression = match coding.to_ascii_lowercase().as_slice() {
        b"gzip" | b"x-gzip" => inflate::Compression::Gzip,
        b"deflate" => inflate::Compression::Zlib,
        b"br" => inflate::Compression::Brotli,
        b"zstd" => inflate::Compression::Zstd,
        _ => return None,
    };
    inflate::inflate(compression, bytes, most).map(|(content, _)| content)
}

/// The decoder of this id.
#[must_use]
pub fn decoder(name: &str) -> Option<&'static Decoder> {
    DECODERS
        .iter()
        .find(|decoder| decoder.name == name)
        .copied()
}

/// Every field of what messages carry: those that all protocols share, then those of each decoder.
pub fn fields() -> impl Iterator<Item = &'static FieldInfo> {
    let own = DECODERS.iter().flat_map(|decoder| decoder.fields.iter());
    GENERAL.iter().chain(own).copied()
}
