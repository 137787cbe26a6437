//! What Centrifugo's messages are, their fields and the rules.

use crate::payload::table::{fields, rules};

/// What it is called.
pub(super) const TITLE: &str = "Centrifugo";

/// Commands, their replies and the numbers of both in protobuf.
pub(super) const COMMANDS: &[(&str, u64, u64)] = &[
    ("connect", 4, 5),
    ("subscribe", 5, 6),
    ("unsubscribe", 6, 7),
    ("publish", 7, 8),
    ("presence", 8, 9),
    ("presence_stats", 9, 10),
    ("history", 10, 11),
    ("ping", 11, 12),
    ("send", 12, 0),
    ("rpc", 13, 13),
    ("refresh", 14, 14),
    ("sub_refresh", 15, 15),
];
/// Kinds of pushes and their numbers in protobuf.
pub(super) const PUSHES: &[(&str, u64)] = &[
    ("pub", 4),
    ("join", 5),
    ("leave", 6),
    ("unsubscribe", 7),
    ("message", 8),
    ("subscribe", 9),
    ("connect", 10),
    ("disconnect", 11),
    ("refresh", 12),
];
fields! {
    TYPE = "centrifugo.type", "Type", Text, "What a Centrifugo command, reply or push is.",
        words(&["connect", "subscribe", "unsubscribe", "publish", "presence", "presence_stats", "history", "ping", "pong",
            "send", "rpc", "refresh", "sub_refresh", "push", "error"]);
    PUSH = "centrifugo.push", "Push", Text, "Kind of a Centrifugo push.",
        words(&["pub", "join", "leave", "unsubscribe", "message", "subscribe", "connect", "disconnect", "refresh"]);
    ID = "centrifugo.id", "Id", Unsigned, "Id by which a Centrifugo reply belongs to its command.";
    CHANNEL = "centrifugo.channel", "Channel", Text, "Channel of a Centrifugo command or push.";
    METHOD = "centrifugo.method", "Method", Text, "Method a Centrifugo client calls.";
    ERROR_CODE = "centrifugo.error.code", "Error code", Unsigned, "Code of a Centrifugo error.";
    ERROR_MESSAGE = "centrifugo.error.message", "Error message", Text, "What a Centrifugo error says.";
    TOKEN = "centrifugo.token", "Token", Text, "Token a Centrifugo client authenticates with.", secret();
    BODY = "centrifugo.body", "Body", Text, "What a Centrifugo command, reply or push has, as JSON.", body();
    DATA = "centrifugo.data", "Data", Bytes, "The application's data in a Centrifugo command, reply or push in protobuf.", body();
}

rules! {
    INVALID = "centrifugo-message-invalid", Error, "Centrifugo client protocol, Command and Reply",
        "Bytes are no command, reply or push.";
    ID_UNKNOWN = "centrifugo-id-unknown", Warning, "Centrifugo client protocol, Reply",
        "A reply has an id that no command waits with.";
}
