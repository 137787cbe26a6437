//! The fields, rules and names of MQTT: Wireshark's fields where it has them, the names of MQTT 5.0's sections 2 and 3.

use crate::payload::table::{fields, rules};

/// The protocol's name for people.
pub(super) const TITLE: &str = "MQTT";

fields! {
    TYPE = "mqtt.msgtype", "Type", Unsigned, "Type of an MQTT packet.", named(TYPES), max(15);
    LENGTH = "mqtt.len", "Remaining length", Unsigned, "Bytes of an MQTT packet behind its fixed header.";
    FLAGS = "mqtt.hdrflags", "Header flags", Unsigned, "First byte of an MQTT packet, its type included.", max(255);
    DUP = "mqtt.dupflag", "Duplicate", Bool, "The MQTT publication was sent before.";
    QOS = "mqtt.qos", "QoS", Unsigned, "Quality of service of an MQTT publication.", max(3);
    RETAIN = "mqtt.retain", "Retain", Bool, "The MQTT server keeps the publication for those who subscribe later.";
    ID = "mqtt.msgid", "Packet identifier", Unsigned, "Identifier by which an MQTT packet is acknowledged.", max(65535);
    TOPIC = "mqtt.topic", "Topic", Text, "Topic of an MQTT publication, also where an alias stands for it; each topic filter subscribed to or unsubscribed from.";
    MESSAGE = "mqtt.msg", "Message", Bytes, "What an MQTT publication carries.", body();
    PROTOCOL_NAME = "mqtt.protoname", "Protocol name", Text, "`MQTT`, or `MQIsdp` in version 3.1.";
    VERSION = "mqtt.ver", "Version", Unsigned, "Level of the MQTT protocol a client connects with.", named(VERSIONS), max(255);
    CLEAN = "mqtt.conflag.cleansess", "Clean start", Bool, "The MQTT client wants a session without what is left of an earlier one.";
    WILL = "mqtt.conflag.willflag", "Will", Bool, "The MQTT client leaves a message to be published when it is gone.";
    WILL_QOS = "mqtt.conflag.qos", "Will QoS", Unsigned, "Quality of service of an MQTT will.", max(3);
    WILL_RETAIN = "mqtt.conflag.retain", "Will retain", Bool, "The server keeps an MQTT will.";
    KEEP_ALIVE = "mqtt.kalive", "Keep alive", Unsigned, "Seconds after which a silent MQTT client is taken for gone, and half as many more.", max(65535);
    CLIENT_ID = "mqtt.clientid", "Client id", Text, "Id of an MQTT client.";
    WILL_TOPIC = "mqtt.willtopic", "Will topic", Text, "Topic of an MQTT will.";
    WILL_MESSAGE = "mqtt.willmsg", "Will message", Bytes, "What an MQTT will carries.", body();
    USERNAME = "mqtt.username", "User name", Text, "User name of an MQTT client.", secret();
    PASSWORD = "mqtt.passwd", "Password", Bytes, "Password of an MQTT client.", secret();
    SESSION_PRESENT = "mqtt.conack.flags.sp", "Session present", Bool, "The MQTT server knows the session from before.";
    RETURN_CODE = "mqtt.conack.val", "Return code", Unsigned, "How an MQTT 3 server answers CONNECT.", named(RETURN_CODES), max(255);
    REQUESTED_QOS = "mqtt.sub.qos", "Requested QoS", Unsigned, "Each quality of service an MQTT client subscribes with.", max(3);
    NO_LOCAL = "mqtt.subscription_options_nl", "No local", Bool, "The MQTT client does not want its own publications.";
    AS_PUBLISHED = "mqtt.subscription_options_rap", "Retain as published", Bool, "The MQTT server leaves the retain flag as it was published.";
    RETAIN_HANDLING = "mqtt.subscription_options_retain", "Retain handling", Unsigned, "When an MQTT server sends what it retains to a subscriber.", max(3);
    GRANTED_QOS = "mqtt.suback.qos", "Granted QoS", Unsigned, "Each answer to an MQTT subscription: the quality of service granted, or 128 and more when it failed.", max(255);
    CONNACK_REASON = "mqtt.connack.reason_code", "Reason code", Unsigned, "How an MQTT 5 server answers CONNECT.", named(REASONS), max(255);
    PUBACK_REASON = "mqtt.puback.reason_code", "Reason code", Unsigned, "Reason code of an MQTT 5 PUBACK.", named(REASONS), max(255);
    PUBREC_REASON = "mqtt.pubrec.reason_code", "Reason code", Unsigned, "Reason code of an MQTT 5 PUBREC.", named(REASONS), max(255);
    PUBREL_REASON = "mqtt.pubrel.reason_code", "Reason code", Unsigned, "Reason code of an MQTT 5 PUBREL.", named(REASONS), max(255);
    PUBCOMP_REASON = "mqtt.pubcomp.reason_code", "Reason code", Unsigned, "Reason code of an MQTT 5 PUBCOMP.", named(REASONS), max(255);
    SUBACK_REASON = "mqtt.suback.reason_code", "Reason code", Unsigned, "Each reason code of an MQTT 5 SUBACK.", named(REASONS), max(255);
    UNSUBACK_REASON = "mqtt.unsuback.reason_code", "Reason code", Unsigned, "Each reason code of an MQTT 5 UNSUBACK.", named(REASONS), max(255);
    DISCONNECT_REASON = "mqtt.disconnect.reason_code", "Reason code", Unsigned, "Why an MQTT 5 endpoint disconnects.", named(REASONS), max(255);
    AUTH_REASON = "mqtt.auth.reason_code", "Reason code", Unsigned, "Reason code of an MQTT 5 AUTH.", named(REASONS), max(255);
    PROPERTY_ID = "mqtt.property_id", "Property", Unsigned, "Identifier of each property of an MQTT 5 packet.", named(PROPERTIES), max(255);
    TOPIC_ALIAS = "mqtt.property.topic_alias", "Topic alias", Unsigned, "Number that stands for a topic in an MQTT 5 publication.", max(65535);
    CONTENT_TYPE = "mqtt.property.content_type", "Content type", Text, "Type of what an MQTT 5 publication carries.";
    PROPERTY_NUMBER = "mqtt.prop_number", "Number", Unsigned, "Each property of an MQTT 5 packet that is a number.";
    PROPERTY_TEXT = "mqtt.prop_string", "Text", Text, "Each property of an MQTT 5 packet that is text or bytes.";
    PROPERTY_KEY = "mqtt.prop_key", "Key", Text, "Name of each user property of an MQTT 5 packet.";
    PROPERTY_VALUE = "mqtt.prop_value", "Value", Text, "Value of each user property of an MQTT 5 packet.";
}

rules! {
    TEXT_MESSAGE = "mqtt-text-message", Error, "MQTT 5.0 6",
        "MQTT packets came in a text message; the receiver must close the connection.";
    FLAGS_INVALID = "mqtt-flags-invalid", Error, "MQTT 5.0 2.1.3",
        "The flags of an MQTT packet are not what its type must have; the receiver must close the connection.";
    MALFORMED = "mqtt-packet-malformed", Error, "MQTT 5.0 4.13",
        "An MQTT packet is not what its type must be; the receiver must close the connection.";
    TOPIC_INVALID = "mqtt-topic-invalid", Error, "MQTT 5.0 4.7",
        "A topic or topic filter is empty, is no UTF-8, or has wildcards where none may be.";
    ALIAS_UNKNOWN = "mqtt-topic-alias-unknown", Error, "MQTT 5.0 3.3.2.3.4",
        "A publication has a topic alias that stands for no topic.";
    CONNECT_MISSING = "mqtt-connect-missing", Error, "MQTT 5.0 3.1",
        "The first packet of an MQTT client is not CONNECT; the server must close the connection.";
    CONNECT_REPEATED = "mqtt-connect-repeated", Error, "MQTT 5.0 3.1",
        "A client sent CONNECT a second time; the server must close the connection.";
    REFUSED = "mqtt-connection-refused", Warning, "MQTT 5.0 3.2.2.2",
        "The MQTT server refuses the client.";
    FAILED = "mqtt-request-failed", Warning, "MQTT 5.0 2.4",
        "A publication, subscription or the connection failed with a reason code.";
    ID_IN_USE = "mqtt-packet-id-in-use", Warning, "MQTT 5.0 2.2.1",
        "A packet identifier was used again before the packet with it was acknowledged.";
    KEEP_ALIVE_EXCEEDED = "mqtt-keep-alive-exceeded", Warning, "MQTT 5.0 3.1.2.10",
        "The client was silent for more than one and a half times its keep alive, so the server takes it for gone.";
}

/// Packet types by number.
pub(super) const TYPES: &[(&str, u64)] = &[
    ("CONNECT", 1),
    ("CONNACK", 2),
    ("PUBLISH", 3),
    ("PUBACK", 4),
    ("PUBREC", 5),
    ("PUBREL", 6),
    ("PUBCOMP", 7),
    ("SUBSCRIBE", 8),
    ("SUBACK", 9),
    ("UNSUBSCRIBE", 10),
    ("UNSUBACK", 11),
    ("PINGREQ", 12),
    ("PINGRESP", 13),
    ("DISCONNECT", 14),
    ("AUTH", 15),
];

const VERSIONS: &[(&str, u64)] = &[("3.1", 3), ("3.1.1", 4), ("5.0", 5)];

/// Return codes of CONNACK in MQTT 3 (MQTT 3.1.1, 3.2.2.3).
pub(super) const RETURN_CODES: &[(&str, u64)] = &[
    ("accepted", 0),
    ("unacceptable protocol version", 1),
    ("identifier rejected", 2),
    ("server unavailable", 3),
    ("bad user name or password", 4),
    ("not authorized", 5),
];

/// Reason codes (MQTT 5.0, 2.4).
pub(super) const REASONS: &[(&str, u64)] = &[
    ("success", 0),
    ("granted QoS 1", 1),
    ("granted QoS 2", 2),
    ("disconnect with will message", 4),
    ("no matching subscribers", 16),
    ("no subscription existed", 17),
    ("continue authentication", 24),
    ("re-authenticate", 25),
    ("unspecified error", 128),
    ("malformed packet", 129),
    ("protocol error", 130),
    ("implementation specific error", 131),
    ("unsupported protocol version", 132),
    ("client identifier not valid", 133),
    ("bad user name or password", 134),
    ("not authorized", 135),
    ("server unavailable", 136),
    ("server busy", 137),
    ("banned", 138),
    ("server shutting down", 139),
    ("bad authentication method", 140),
    ("keep alive timeout", 141),
    ("session taken over", 142),
    ("topic filter invalid", 143),
    ("topic name invalid", 144),
    ("packet identifier in use", 145),
    ("packet identifier not found", 146),
    ("receive maximum exceeded", 147),
    ("topic alias invalid", 148),
    ("packet too large", 149),
    ("message rate too high", 150),
    ("quota exceeded", 151),
    ("administrative action", 152),
    ("payload format invalid", 153),
    ("retain not supported", 154),
    ("QoS not supported", 155),
    ("use another server", 156),
    ("server moved", 157),
    ("shared subscriptions not supported", 158),
    ("connection rate exceeded", 159),
    ("maximum connect time", 160),
    ("subscription identifiers not supported", 161),
    ("wildcard subscriptions not supported", 162),
];

/// Properties (MQTT 5.0, 2.2.2.2).
pub(super) const PROPERTIES: &[(&str, u64)] = &[
    ("payload format indicator", 1),
    ("message expiry interval", 2),
    ("content type", 3),
    ("response topic", 8),
    ("correlation data", 9),
    ("subscription identifier", 11),
    ("session expiry interval", 17),
    ("assigned client identifier", 18),
    ("server keep alive", 19),
    ("authentication method", 21),
    ("authentication data", 22),
    ("request problem information", 23),
    ("will delay interval", 24),
    ("request response information", 25),
    ("response information", 26),
    ("server reference", 28),
    ("reason string", 31),
    ("receive maximum", 33),
    ("topic alias maximum", 34),
    ("topic alias", 35),
    ("maximum QoS", 36),
    ("retain available", 37),
    ("user property", 38),
    ("maximum packet size", 39),
    ("wildcard subscription available", 40),
    ("subscription identifiers available", 41),
    ("shared subscription available", 42),
];

/// The name a table has for a number.
pub(super) fn name(table: &'static [(&'static str, u64)], number: u8) -> &'static str {
    let mut entries = table.iter();
    entries
        .find_map(|(name, value)| (*value == u64::from(number)).then_some(*name))
        .unwrap_or_default()
}
