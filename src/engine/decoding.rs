//! What the messages of one connection carry: the hand from the engine to the decoders.

use std::sync::Arc;

use crate::base::{PacketNumber, Side, Timestamp};
use crate::payload::{Conversation, Decoded, Decoder, Given, GivenKind, Opening, Pending, Schema};
use crate::websocket::{Message, MessageKind};

use super::connection::Connection;

/// What connections are to be read as, whatever they seem to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PayloadAs {
    /// The decoder's id.
    pub protocol: &'static str,
    /// Which connections.
    pub of: PayloadOf,
}

/// Which connections are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PayloadOf {
    /// All.
    All,
    /// Those whose request target has this path.
    Path(Box<str>),
    /// The connection with this first packet, and this place among the connections of its flow.
    Connection(PacketNumber, u32),
}

impl PayloadAs {
    /// Whether a connection is meant.
    fn has(&self, connection: &Connection, opening: &Opening) -> bool {
        match &self.of {
            PayloadOf::All => true,
            PayloadOf::Path(path) => *path == opening.path,
            PayloadOf::Connection(first, ordinal) => {
                (*first, *ordinal) == (connection.first_packet, connection.ordinal)
            }
        }
    }
}

/// The state of a connection's decoders at its beginning.
#[must_use]
pub fn conversation(
    connection: &Connection,
    forced: &[PayloadAs],
    schema: Option<&Arc<Schema>>,
) -> Box<Conversation> {
    let opening = opening(connection);
    let force: Option<&'static Decoder> = forced
        .iter()
        .find(|force| force.has(connection, &opening))
        .and_then(|force| crate::payload::decoder(force.protocol));
    Box::new(Conversation::new(opening, force).with_schema(schema.cloned()))
}

/// What the handshake says of what follows.
fn opening(connection: &Connection) -> Opening {
    let handshake = connection.handshake.as_ref();
    let subprotocol = handshake.and_then(|handshake| handshake.negotiated.subprotocol.as_deref());
    let target = connection.request().map(|head| head.target());
    let target = String::from_utf8_lossy(target.unwrap_or_default());
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    Opening {
        subprotocol: String::from_utf8_lossy(subprotocol.unwrap_or_default()).into(),
        path: path.into(),
        query: query.into(),
        is_seen: connection.request().is_some(),
        polled: connection.polled.clone(),
    }
}

/// Decodes the connection's next message.
pub fn decode<'a>(
    conversation: &mut Conversation,
    message: &Message<'a>,
    from: Side,
    number: u64,
    time: Timestamp,
) -> Option<Decoded<'a>> {
    let kind = match message.kind {
        MessageKind::Text => GivenKind::Text,
        MessageKind::Binary => GivenKind::Binary,
        MessageKind::Close => GivenKind::Close(message.close?.0.map(|code| code.0)),
        MessageKind::Ping | MessageKind::Pong => return None,
    };
    let bytes = message
        .data
        .filter(|_| message.complete && !message.truncated);
    conversation.message(&Given {
        from,
        number,
        time,
        kind,
        bytes,
    })
}

/// Requests reported as unanswered at the end of a connection.
pub(super) const UNANSWERED: usize = 100;

/// What is said of a request that nobody answered.
pub(super) fn unanswered(call: &Pending) -> String {
    let method = crate::base::escape::text(call.method.as_bytes());
    let place = call.message();
    let place = place.map_or_else(String::new, |number| format!(" of message {number}"));
    format!("no answer to {} {method}{place}", call.protocol)
}
