//! SignalR's messages, their fields and rules.

use crate::payload::table::{fields, rules};

/// What it is called.
pub(super) const TITLE: &str = "SignalR";
/// Types of hub messages by number, and those of the handshake.
pub(super) const TYPES: &[&str] = &[
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
