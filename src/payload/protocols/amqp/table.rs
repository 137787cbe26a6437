//! The performatives of AMQP 1.0 and their arguments (parts 2, 3 and 5), by Wireshark's names.

use crate::base::FieldInfo;
use crate::payload::table::{fields, rules};

/// What it is called.
pub(super) const TITLE: &str = "AMQP";

fields! {
    PROTOCOL = "amqp.init.protocol", "Protocol", Text, "`AMQP`, with which an AMQP connection begins.";
    PROTOCOL_ID = "amqp.init.id", "Protocol id", Unsigned, "What an AMQP protocol header begins.", named(&[("AMQP", 0), ("TLS", 2), ("SASL", 3)]), max(255);
    VERSION_MAJOR = "amqp.init.version_major", "Version major", Unsigned, "Version of AMQP in a protocol header.", max(255);
    VERSION_MINOR = "amqp.init.version_minor", "Version minor", Unsigned, "Minor version of AMQP in a protocol header.", max(255);
    VERSION_REVISION = "amqp.init.version_revision", "Version revision", Unsigned, "Revision of AMQP in a protocol header.", max(255);
    LENGTH = "amqp.length", "Length", Unsigned, "Bytes of an AMQP frame.";
    DOFF = "amqp.doff", "Data offset", Unsigned, "Where the body of an AMQP frame begins, in four-byte words.", max(255);
    TYPE = "amqp.type", "Type", Unsigned, "Type of an AMQP frame.", named(&[("AMQP", 0), ("SASL", 1)]), max(255);
    CHANNEL = "amqp.channel", "Channel", Unsigned, "Channel of an AMQP frame.", max(65535);
    PERFORMATIVE = "amqp.performative", "Performative", Text, "What an AMQP frame does.", words(NAMES);
    CONTAINER_ID = "amqp.performative.arguments.containerId", "Container id", Text, "Id of the container an AMQP peer is.";
    HOSTNAME = "amqp.performative.arguments.hostname", "Host name", Text, "Host an AMQP client wants to reach.";
    MAX_FRAME_SIZE = "amqp.performative.arguments.maxFrameSize", "Maximum frame size", Unsigned, "Longest frame an AMQP peer takes.";
    CHANNEL_MAX = "amqp.performative.arguments.channelMax", "Channel maximum", Unsigned, "Greatest channel an AMQP peer takes.";
    IDLE_TIMEOUT = "amqp.performative.arguments.idleTimeout", "Idle timeout", Unsigned, "Milliseconds of silence after which an AMQP peer ends the connection.";
    OUTGOING_LOCALES = "amqp.performative.arguments.outgoingLocales", "Outgoing locales", Text, "Locales of an AMQP peer's texts.";
    INCOMING_LOCALES = "amqp.performative.arguments.incomingLocales", "Incoming locales", Text, "Locales an AMQP peer wants.";
    OFFERED = "amqp.performative.arguments.offeredCapabilities", "Offered capabilities", Text, "What an AMQP peer can do.";
    DESIRED = "amqp.performative.arguments.desiredCapabilities", "Desired capabilities", Text, "What an AMQP peer would like the other to do.";
    PROPERTIES = "amqp.performative.arguments.properties", "Properties", Text, "Properties of an AMQP connection, session or link.";
    REMOTE_CHANNEL = "amqp.performative.arguments.remoteChannel", "Remote channel", Unsigned, "Channel of the session that an AMQP peer answers.";
    NEXT_OUTGOING_ID = "amqp.performative.arguments.nextOutgoingId", "Next outgoing id", Unsigned, "Id of the next AMQP transfer of the sender.";
    NEXT_INCOMING_ID = "amqp.performative.arguments.nextIncomingId", "Next incoming id", Unsigned, "Id of the next AMQP transfer that is expected.";
    INCOMING_WINDOW = "amqp.performative.arguments.incomingWindow", "Incoming window", Unsigned, "AMQP transfers that the sender can take.";
    OUTGOING_WINDOW = "amqp.performative.arguments.outgoingWindow", "Outgoing window", Unsigned, "AMQP transfers that the sender may send.";
    HANDLE_MAX = "amqp.performative.arguments.handleMax", "Handle maximum", Unsigned, "Greatest link handle of an AMQP session.";
    NAME = "amqp.performative.arguments.name", "Name", Text, "Name of an AMQP link.";
    HANDLE = "amqp.performative.arguments.handle", "Handle", Unsigned, "Number of an AMQP link in its session.";
    ROLE = "amqp.performative.arguments.role", "Role", Bool, "Whether the sender of an AMQP frame is the receiver of the link.";
    SEND_SETTLE = "amqp.performative.arguments.sndSettleMode", "Sender settle mode", Unsigned, "How the sender of an AMQP link settles.", named(&[("unsettled", 0), ("settled", 1), ("mixed", 2)]);
    RECEIVE_SETTLE = "amqp.performative.arguments.rcvSettleMode", "Receiver settle mode", Unsigned, "How the receiver of an AMQP link settles.", named(&[("first", 0), ("second", 1)]);
    SOURCE = "amqp.performative.arguments.source", "Source", Text, "Where an AMQP link takes messages from.";
    TARGET = "amqp.performative.arguments.target", "Target", Text, "Where an AMQP link brings messages.";
    ADDRESS = "amqp.performative.arguments.address.string", "Address", Text, "Address of an AMQP link, also of the link that a transfer belongs to.";
    UNSETTLED = "amqp.performative.arguments.unsettled", "Unsettled", Text, "AMQP deliveries that are not settled.";
    INCOMPLETE_UNSETTLED = "amqp.performative.arguments.incompleteUnsettled", "Incomplete unsettled", Bool, "There are more AMQP deliveries that are not settled.";
    INITIAL_COUNT = "amqp.performative.arguments.initDeliveryCount", "Initial delivery count", Unsigned, "Count an AMQP sender begins with.";
    MAX_MESSAGE_SIZE = "amqp.performative.arguments.maxMessageSize", "Maximum message size", Unsigned, "Longest message an AMQP link takes.";
    DELIVERY_COUNT = "amqp.performative.arguments.deliveryCount", "Delivery count", Unsigned, "AMQP deliveries so far.";
    LINK_CREDIT = "amqp.performative.arguments.linkCredit", "Link credit", Unsigned, "AMQP messages that a receiver takes.";
    AVAILABLE = "amqp.performative.arguments.available", "Available", Unsigned, "AMQP messages that a sender has.";
    DRAIN = "amqp.performative.arguments.drain", "Drain", Bool, "The AMQP sender is to use up the credit.";
    ECHO = "amqp.performative.arguments.echo", "Echo", Bool, "The AMQP peer is to say its flow state.";
    DELIVERY_ID = "amqp.performative.arguments.deliveryId", "Delivery id", Unsigned, "Number of an AMQP delivery in its session.";
    DELIVERY_TAG = "amqp.performative.arguments.deliveryTag", "Delivery tag", Bytes, "Tag of an AMQP delivery.";
    MESSAGE_FORMAT = "amqp.performative.arguments.messageFormat", "Message format", Unsigned, "Format of an AMQP message.";
    SETTLED = "amqp.performative.arguments.settled", "Settled", Bool, "The AMQP delivery is settled.";
    MORE = "amqp.performative.arguments.more", "More", Bool, "More of the AMQP message follows in another transfer.";
    STATE = "amqp.performative.arguments.state", "State", Text, "State of an AMQP delivery.", words(&["received", "accepted", "rejected", "released", "modified"]);
    RESUME = "amqp.performative.arguments.resume", "Resume", Bool, "The AMQP delivery is resumed.";
    ABORTED = "amqp.performative.arguments.aborted", "Aborted", Bool, "The AMQP delivery is aborted.";
    BATCHABLE = "amqp.performative.arguments.batchable", "Batchable", Bool, "The AMQP peer may answer later.";
    FIRST = "amqp.performative.arguments.first", "First", Unsigned, "First delivery of an AMQP disposition.";
    LAST = "amqp.performative.arguments.last", "Last", Unsigned, "Last delivery of an AMQP disposition.";
    CLOSED = "amqp.performative.arguments.closed", "Closed", Bool, "The AMQP link is closed.";
    ERROR = "amqp.performative.arguments.error", "Error", Text, "Condition and description of an AMQP error.";
    MECHANISMS = "amqp.sasl.mechanisms", "Mechanisms", Text, "SASL mechanisms of an AMQP server.";
    MECHANISM = "amqp.sasl.mechanism", "Mechanism", Text, "SASL mechanism an AMQP client chose.";
    INITIAL_RESPONSE = "amqp.sasl.initResponse", "Initial response", Bytes, "What an AMQP client authenticates with.", secret();
    CHALLENGE = "amqp.sasl.challenge", "Challenge", Bytes, "Challenge of an AMQP server.", secret();
    RESPONSE = "amqp.sasl.response", "Response", Bytes, "What an AMQP client answers a challenge with.", secret();
    SASL_CODE = "amqp.sasl.saslCode", "Code", Unsigned, "How an AMQP authentication ended.", named(SASL_CODES);
    ADDITIONAL = "amqp.sasl.addData", "Additional data", Bytes, "What an AMQP server adds to the outcome.", secret();
    SECTION = "amqp.section", "Section", Text, "Each section of an AMQP message.", words(&["header", "delivery-annotations", "message-annotations", "properties", "application-properties", "data", "amqp-sequence", "amqp-value", "footer"]);
    PAYLOAD = "amqp.payload", "Payload", Bytes, "What an AMQP message carries.", body();
}

rules! {
    MALFORMED = "amqp-frame-malformed", Error, "AMQP 1.0, 2.3",
        "An AMQP frame is not what it must be, so the receiver closes the connection.";
    VERSION = "amqp-version-refused", Error, "AMQP 1.0, 2.2",
        "The server answers with another protocol header than the client's, and closes the connection.";
    SASL_FAILED = "amqp-sasl-failed", Warning, "AMQP 1.0, 5.3.3.5",
        "The server refuses the client's credentials.";
    FAILED = "amqp-error", Warning, "AMQP 1.0, 2.8.14",
        "An AMQP connection, session or link ends with an error.";
    REJECTED = "amqp-delivery-rejected", Warning, "AMQP 1.0, 3.4.3",
        "An AMQP message was rejected.";
}

/// How an authentication ends.
pub(super) const SASL_CODES: &[(&str, u64)] = &[
    ("ok", 0),
    ("auth", 1),
    ("sys", 2),
    ("sys-perm", 3),
    ("sys-temp", 4),
];

/// A performative: its code, its name, and its arguments in order.
pub(super) struct Performative {
    pub(super) code: u64,
    pub(super) name: &'static str,
    pub(super) arguments: &'static [&'static FieldInfo],
}

macro_rules! performatives {
    ($($code:literal $name:literal [$($argument:ident),*];)+) => {
        /// The performatives.
        pub(super) static PERFORMATIVES: &[Performative] = &[$(Performative {
            code: $code,
            name: $name,
            arguments: &[$(&$argument),*],
        }),+];
        const NAMES: &[&str] = &[$($name),+];
    };
}

performatives! {
    0x10 "open" [CONTAINER_ID, HOSTNAME, MAX_FRAME_SIZE, CHANNEL_MAX, IDLE_TIMEOUT, OUTGOING_LOCALES, INCOMING_LOCALES, OFFERED, DESIRED, PROPERTIES];
    0x11 "begin" [REMOTE_CHANNEL, NEXT_OUTGOING_ID, INCOMING_WINDOW, OUTGOING_WINDOW, HANDLE_MAX, OFFERED, DESIRED, PROPERTIES];
    0x12 "attach" [NAME, HANDLE, ROLE, SEND_SETTLE, RECEIVE_SETTLE, SOURCE, TARGET, UNSETTLED, INCOMPLETE_UNSETTLED, INITIAL_COUNT, MAX_MESSAGE_SIZE, OFFERED, DESIRED, PROPERTIES];
    0x13 "flow" [NEXT_INCOMING_ID, INCOMING_WINDOW, NEXT_OUTGOING_ID, OUTGOING_WINDOW, HANDLE, DELIVERY_COUNT, LINK_CREDIT, AVAILABLE, DRAIN, ECHO, PROPERTIES];
    0x14 "transfer" [HANDLE, DELIVERY_ID, DELIVERY_TAG, MESSAGE_FORMAT, SETTLED, MORE, RECEIVE_SETTLE, STATE, RESUME, ABORTED, BATCHABLE];
    0x15 "disposition" [ROLE, FIRST, LAST, SETTLED, STATE, BATCHABLE];
    0x16 "detach" [HANDLE, CLOSED, ERROR];
    0x17 "end" [ERROR];
    0x18 "close" [ERROR];
    0x40 "sasl-mechanisms" [MECHANISMS];
    0x41 "sasl-init" [MECHANISM, INITIAL_RESPONSE, HOSTNAME];
    0x42 "sasl-challenge" [CHALLENGE];
    0x43 "sasl-response" [RESPONSE];
    0x44 "sasl-outcome" [SASL_CODE, ADDITIONAL];
}

/// The performative of this code.
pub(super) fn performative(code: u64) -> Option<&'static Performative> {
    PERFORMATIVES.iter().find(|known| known.code == code)
}

/// The name of a delivery's state.
pub(super) fn state(code: u64) -> &'static str {
    match code {
        0x23 => "received",
        0x24 => "accepted",
        0x25 => "rejected",
        0x26 => "released",
        0x27 => "modified",
        _ => "",
    }
}

/// The name of a message's section.
pub(super) fn section(code: u64) -> Option<&'static str> {
    Some(match code {
        0x70 => "header",
        0x71 => "delivery-annotations",
        0x72 => "message-annotations",
        0x73 => "properties",
        0x74 => "application-properties",
        0x75 => "data",
        0x76 => "amqp-sequence",
        0x77 => "amqp-value",
        0x78 => "footer",
        _ => return None,
    })
}
