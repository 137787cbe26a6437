//! Socket.IO's packets, their fields and rules.

use crate::base::{FieldInfo, Rule, Severity, Type};

/// What it is called.
pub(super) const TITLE: &str = "Socket.IO";
/// Types of packets by number.
pub(super) const TYPES: &[&str] = &[
    "connect",
    "disconnect",
    "event",
    "ack",
    "connect_error",
    "binary_event",
    "binary_ack",
];
pub(super) static TYPE: FieldInfo = FieldInfo::new(
    "socketio.type",
    "Type",
    Type::Text,
    "Type of a Socket.IO packet.",
)
.words(TYPES);
pub(super) static NAMESPACE: FieldInfo = FieldInfo::new(
    "socketio.namespace",
    "Namespace",
    Type::Text,
    "Namespace of a Socket.IO packet, `/` where none is sent.",
);
pub(super) static EVENT: FieldInfo = FieldInfo::new(
    "socketio.event",
    "Event",
    Type::Text,
    "Name of a Socket.IO event.",
);
pub(super) static ID: FieldInfo = FieldInfo::new(
    "socketio.id",
    "Acknowledgement id",
    Type::Unsigned,
    "Id by which a Socket.IO event is acknowledged.",
);
pub(super) static ATTACHMENT_COUNT: FieldInfo = FieldInfo::new(
    "socketio.attachments",
    "Attachments",
    Type::Unsigned,
    "How many binary attachments follow a Socket.IO packet.",
);
pub(super) static ATTACHMENT: FieldInfo = FieldInfo::new(
    "socketio.attachment",
    "Attachment",
    Type::Unsigned,
    "Which attachment of its Socket.IO packet a binary message is, from 1.",
);
pub(super) static ATTACHMENT_OF: FieldInfo = FieldInfo::new(
    "socketio.attachment_of",
    "Attachment of message",
    Type::Unsigned,
    "Number of the message that this binary message is an attachment of.",
);
pub(super) static DATA: FieldInfo = FieldInfo::new(
    "socketio.data",
    "Data",
    Type::Text,
    "Arguments of a Socket.IO packet as JSON.",
)
.body();

pub(super) static ATTACHMENT_MISSING: Rule = Rule {
    name: "socketio-attachment-missing",
    severity: Severity::Error,
    section: Some("Socket.IO protocol, Binary event"),
    meaning: "Another packet came where a binary attachment was announced.",
};
pub(super) static ATTACHMENT_UNEXPECTED: Rule = Rule {
    name: "socketio-attachment-unexpected",
    severity: Severity::Error,
    section: Some("Socket.IO protocol, Binary event"),
    meaning: "A binary message came that no packet announced.",
};
pub(super) static PACKET_INVALID: Rule = Rule {
    name: "socketio-packet-invalid",
    severity: Severity::Error,
    section: Some("Socket.IO protocol, Packet encoding"),
    meaning: "The data of a Socket.IO packet is not what its type needs, so the receiver closes the connection.",
};
