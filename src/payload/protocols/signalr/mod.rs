//! SignalR of ASP.NET Core (aspnetcore, HubProtocol.md): a handshake in JSON, then hub messages in JSON or MessagePack.
//!
//! JSON messages end with the record separator, MessagePack messages begin with their length; several may share one message
//! of the WebSocket. Ids of invocations belong to who calls, ids of streams to who sends them.

mod hub;
mod record;

use std::collections::BTreeSet;

use self::hub::Hub;
use self::record::{Record, Records};
use crate::base::{PerSide, Side};
use crate::payload::table::{fields, rules};
use crate::payload::{Claim, Decode, Decoder, Evidence, Fit, Kind, Objects, Opening, Out, Payload};

/// Types of hub messages by number, and those of the handshake.
const TYPES: &[&str] = &[
    "HandshakeRequest",
    "Invocation",
    "StreamItem",
    "Completion",
    "StreamInvocation",
    "CancelInvocation",
    "Ping",
    "Close",
    "Ack",
    "Sequence",
    "HandshakeResponse",
];
/// Streams of one side that are remembered.
const STREAMS: usize = 1000;

fields! {
    TYPE = "signalr.type", "Type", Text, "Type of a SignalR message.", words(TYPES);
    PROTOCOL = "signalr.protocol", "Protocol", Text, "How a SignalR client wants messages to be written.";
    VERSION = "signalr.version", "Version", Unsigned, "Version of SignalR's hub protocol.";
    ID = "signalr.id", "Invocation id", Text, "Id of the SignalR invocation or stream that a message belongs to.";
    TARGET = "signalr.target", "Target", Text, "Method that a SignalR message calls.";
    ARGUMENTS = "signalr.arguments", "Arguments", Text, "Arguments of a SignalR call as JSON.";
    STREAM_IDS = "signalr.stream_ids", "Stream id", Text, "Each stream that the caller of a SignalR method sends with it.";
    ITEM = "signalr.item", "Item", Text, "What a SignalR stream carries.";
    RESULT = "signalr.result", "Result", Text, "What a SignalR method returned.";
    ERROR = "signalr.error", "Error", Text, "What went wrong, as a SignalR message says it.";
    SEQUENCE_ID = "signalr.sequence_id", "Sequence id", Unsigned, "Number of a SignalR message up to which all arrived, or with which it goes on.";
    RECONNECT = "signalr.allow_reconnect", "Allow reconnect", Bool, "The SignalR client may connect again.";
    HEADERS = "signalr.headers", "Headers", Text, "Headers of a SignalR message.";
}

rules! {
    MESSAGE_INVALID = "signalr-message-invalid", Error, "SignalR Hub Protocol, Message Types",
        "A SignalR message is not what its type must be, so the receiver closes the connection.";
    UNTERMINATED = "signalr-record-unterminated", Error, "SignalR Hub Protocol, JSON Encoding",
        "A SignalR message does not end: the record separator is missing, or it is shorter than its length.";
    HANDSHAKE_FAILED = "signalr-handshake-failed", Error, "SignalR Hub Protocol, Overview",
        "The SignalR server refuses the handshake.";
    INVOCATION_UNKNOWN = "signalr-invocation-unknown", Warning, "SignalR Hub Protocol, Invocations",
        "A SignalR message answers an invocation that was not asked for, or is complete.";
    COMPLETION_INVALID = "signalr-completion-invalid", Error, "SignalR Hub Protocol, Completion Message Encoding",
        "A completion has a result and an error; it counts as an error.";
    CLOSED = "signalr-close-error", Warning, "SignalR Hub Protocol, Close Message Encoding",
        "The SignalR connection is closed with an error.";
}

/// The decoder.
pub(crate) static DECODER: Decoder = Decoder {
    name: "signalr",
    title: "SignalR",
    fields: FIELDS,
    rules: RULES,
    claim,
    objects: Objects::Never,
    start: |opening| Box::new(SignalR::new(opening)),
    ..Decoder::BASE
};

fn claim(evidence: &Evidence<'_>) -> Option<Claim> {
    if evidence.parent.is_some() {
        return None;
    }
    let Payload {
        kind, bytes, from, ..
    } = *evidence.payload;
    if !record::may_be(bytes) {
        return None;
    }
    let mut records = Records::new(bytes, kind);
    let mut known = 0_usize;
    for record in records.by_ref() {
        match record {
            Record::Element(element) if record::is_handshake(&element) && from == Side::Client => {
                return Claim::certain("the handshake");
            }
            Record::Element(element) if Hub::read(element).is_some_and(|hub| hub.is_sound()) => {
                known += 1;
            }
            Record::Element(element) if element.is_map() && record::is_response(&element) => {
                known += 1;
            }
            _ => return None,
        }
    }
    (known > 0).then(|| Claim::likely("hub messages"))?
}

#[derive(Clone, Debug)]
struct SignalR {
    /// Every message since the handshake of HTTP was seen.
    is_whole: bool,
    /// The client asked for a protocol, and the answer is missing.
    is_asked: bool,
    /// Streams that a side sends with its calls.
    streams: PerSide<BTreeSet<Box<str>>>,
}

impl SignalR {
    fn new(opening: &Opening) -> Self {
        Self {
            is_whole: opening.is_seen,
            is_asked: false,
            streams: PerSide::default(),
        }
    }
}

impl Decode for SignalR {
    fn message<'a>(&mut self, message: &Payload<'a>, out: &mut Out<'_, 'a>) -> Fit {
        let mut records = Records::new(message.bytes, message.kind);
        let mut count = 0_usize;
        for record in records.by_ref() {
            count += 1;
            match record {
                Record::Element(element) if record::is_handshake(&element) => {
                    self.is_asked = true;
                    record::request(element, out);
                }
                Record::Element(element)
                    if message.from == Side::Server
                        && record::is_response(&element)
                        && (self.is_asked || !self.is_whole) =>
                {
                    self.is_asked = false;
                    record::response(element, out);
                }
                Record::Element(element) => match Hub::read(element) {
                    Some(hub) => self.hub(&hub, message.from, out),
                    None if count == 1 && !element.is_map() && message.kind == Kind::Text => {
                        return Fit::No;
                    }
                    None => broken("no hub message", element.raw(), &MESSAGE_INVALID, out),
                },
                Record::Broken(_) if count == 1 && message.kind == Kind::Text => return Fit::No,
                Record::Broken(bytes) => broken("no message", bytes, &MESSAGE_INVALID, out),
                Record::Cut(bytes) => broken("a part of a message", bytes, &UNTERMINATED, out),
            }
        }
        if count == 0 { Fit::No } else { Fit::Yes }
    }

    fn lost(&mut self, _from: Side) {
        self.is_whole = false;
    }

    fn memory(&self) -> usize {
        let side =
            |side: Side| -> usize { self.streams[side].iter().map(|id| id.len() + 32).sum() };
        side(Side::Client) + side(Side::Server)
    }
}

fn broken<'a>(
    what: &'static str,
    bytes: &'a [u8],
    rule: &'static crate::base::Rule,
    out: &mut Out<'_, 'a>,
) {
    let span = out.span(bytes);
    out.unit(DECODER.title).words(what).at(span);
    // What they say may be a secret.
    let text = format!("{what}, {} bytes", bytes.len());
    out.summary(text.clone());
    out.finding(rule, text);
}

#[cfg(test)]
mod tests;
