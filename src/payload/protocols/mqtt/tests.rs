use crate::base::Side;
use crate::payload::testing::{Talk, field, findings};
use crate::payload::{Decoded, Heartbeat};

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

const CONNECT: &str = "100c 0004 4d515454 04 02 003c 0000";
const CONNACK: &str = "2002 0000";

fn types(decoded: &Decoded<'_>) -> Vec<String> {
    field(decoded, "mqtt.msgtype")
}

#[test]
fn packets_of_the_standard() {
    let mut talk = Talk::opened("/mqtt", "", "mqtt");
    let connect = hex(CONNECT);
    let decoded = talk.client_bytes(&connect).unwrap();
    assert_eq!(field(&decoded, "mqtt.ver"), ["4"]);
    assert_eq!(field(&decoded, "mqtt.kalive"), ["60"]);
    assert_eq!(field(&decoded, "mqtt.clientid"), [""]);
    assert_eq!(field(&decoded, "mqtt.conflag.cleansess"), ["true"]);
    let bytes = hex(CONNACK);
    let decoded = talk.server_bytes(&bytes).unwrap();
    assert_eq!(
        (decoded.request(), &*decoded.summary),
        (Some(1), "CONNACK accepted")
    );
    let bytes = hex("3007 0003 612f62 6869");
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(decoded.summary, "PUBLISH a/b hi");
    let bytes = hex("8208 0001 0003 612f62 01");
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(field(&decoded, "mqtt.topic"), ["a/b"]);
    assert_eq!(field(&decoded, "mqtt.sub.qos"), ["1"]);
    let bytes = hex("9003 0001 01");
    let decoded = talk.server_bytes(&bytes).unwrap();
    assert_eq!(decoded.request(), Some(4));
    assert_eq!(field(&decoded, "call.method"), ["SUBSCRIBE a/b"]);
    for (bytes, beat) in [("c000", Heartbeat::Ping), ("d000", Heartbeat::Pong)] {
        let bytes = hex(bytes);
        let from_client = beat == Heartbeat::Ping;
        let decoded = match from_client {
            true => talk.client_bytes(&bytes),
            false => talk.server_bytes(&bytes),
        };
        assert_eq!(decoded.unwrap().heartbeat, Some(beat));
    }
    let bytes = hex("e000");
    assert_eq!(talk.client_bytes(&bytes).unwrap().summary, "DISCONNECT");
    assert!(talk.pending().is_empty());
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_packets() {
    let bytes = hex(&[
        CONNECT,
        "8208 0001 0003 612f62 01",
        "3007 0003 612f62 6869",
        "e000",
    ]
    .concat());
    for size in 1..bytes.len() {
        let mut talk = Talk::opened("/mqtt", "", "mqtt");
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            all.extend(types(&talk.client_bytes(piece).unwrap()));
        }
        assert_eq!(all, ["1", "8", "3", "14"], "{size}");
    }
}

#[test]
fn fields_know_their_bytes_in_the_message_that_has_them() {
    let mut talk = Talk::opened("/mqtt", "", "mqtt");
    let bytes = hex("3007 0003 612f62 6869");
    talk.client_bytes(&bytes[..4]);
    let decoded = talk.client_bytes(&bytes[4..]).unwrap();
    let topic = decoded
        .items
        .iter()
        .find(|item| item.info.is_some_and(|info| info.name == "mqtt.topic"));
    let span = topic.unwrap().span.unwrap();
    assert_eq!((span.start, span.end), (0, 3));
    let unit = decoded.items[0].span.unwrap();
    assert_eq!((unit.start, unit.end), (0, 5));
    let length = decoded
        .items
        .iter()
        .find(|item| item.label == "Remaining length")
        .unwrap();
    assert_eq!(length.span, None);
}

/// A client that connects with version 5, and its server.
fn five() -> Talk {
    let mut talk = Talk::opened("/mqtt", "", "mqtt");
    let bytes = hex("100f 0004 4d515454 05 02 003c 00 0002 6964");
    assert!(talk.client_bytes(&bytes).unwrap().findings.is_empty());
    let bytes = hex("2003 0000 00");
    assert_eq!(talk.server_bytes(&bytes).unwrap().request(), Some(1));
    talk
}

#[test]
fn an_alias_stands_for_its_topic_in_its_direction() {
    let mut talk = five();
    let bytes = hex("300b 0003 612f62 03 230007 6869");
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(field(&decoded, "mqtt.property.topic_alias"), ["7"]);
    let bytes = hex("3008 0000 03 230007 6869");
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(field(&decoded, "mqtt.topic"), ["a/b"]);
    let decoded = talk.server_bytes(&bytes).unwrap();
    assert_eq!(findings(&decoded), ["mqtt-topic-alias-unknown"]);
    talk.lose(Side::Server);
    assert!(talk.server_bytes(&bytes).unwrap().findings.is_empty());
}

#[test]
fn quality_of_service_2_is_answered_twice() {
    let mut talk = five();
    let bytes = hex("3408 0001 61 0005 00 6869");
    talk.client_bytes(&bytes);
    let again = talk.client_bytes(&bytes).unwrap();
    assert_eq!(findings(&again), ["mqtt-packet-id-in-use"]);
    let pubrec = hex("5002 0005");
    assert_eq!(talk.server_bytes(&pubrec).unwrap().request(), Some(4));
    let pubrel = hex("6202 0005");
    assert!(talk.client_bytes(&pubrel).unwrap().calls.is_empty());
    let pubcomp = hex("7002 0005");
    assert_eq!(talk.server_bytes(&pubcomp).unwrap().request(), Some(4));
    assert!(talk.pending().is_empty());
    talk.client_bytes(&bytes);
    let refused = hex("5003 0005 87");
    let decoded = talk.server_bytes(&refused).unwrap();
    assert_eq!(findings(&decoded), ["mqtt-request-failed"]);
    assert_eq!(decoded.summary, "PUBREC 5 not authorized");
    assert!(talk.pending().is_empty() && decoded.calls[0].is_error);
}

#[test]
fn what_breaks_the_protocol_is_found() {
    for (bytes, finding) in [
        ("c100", "mqtt-flags-invalid"),
        ("0000", "mqtt-packet-malformed"),
        ("3603 0001 61", "mqtt-flags-invalid"),
        ("3004 0009 6161", "mqtt-packet-malformed"),
        ("3004 0001 2b 00", "mqtt-topic-invalid"),
        ("3004 0001 ff 00", "mqtt-topic-invalid"),
        ("30ffffffff01", "mqtt-packet-malformed"),
        (
            "100c 0004 4d515454 04 02 003c 0000",
            "mqtt-connect-repeated",
        ),
        ("e001 82", "mqtt-request-failed"),
        ("4003 0001 99", "mqtt-request-failed"),
    ] {
        let bytes = hex(bytes);
        let decoded = five()
            .client_bytes(&bytes)
            .map(|decoded| findings(&decoded));
        assert!(
            decoded.unwrap().contains(&finding),
            "{bytes:02x?} {finding}"
        );
    }
    let mut talk = Talk::opened("/mqtt", "", "mqtt");
    let bytes = hex("c000");
    assert_eq!(
        findings(&talk.client_bytes(&bytes).unwrap()),
        ["mqtt-connect-missing"]
    );
    let mut talk = five();
    assert_eq!(
        findings(&talk.client("\u{30}\0").unwrap()),
        ["mqtt-packet-malformed", "mqtt-text-message"]
    );
    let refused = hex("2003 0087 00");
    assert_eq!(
        findings(&talk.server_bytes(&refused).unwrap()),
        ["mqtt-connection-refused"]
    );
}

#[test]
fn a_client_that_is_silent_too_long_is_found() {
    let mut talk = Talk::opened("/mqtt", "", "mqtt");
    let bytes = hex("100e 0004 4d515454 04 02 0001 0002 6964");
    talk.client_bytes(&bytes);
    talk.pass(1_400_000_000);
    let ping = hex("c000");
    assert!(talk.client_bytes(&ping).unwrap().findings.is_empty());
    talk.pass(1_600_000_000);
    assert_eq!(
        findings(&talk.client_bytes(&ping).unwrap()),
        ["mqtt-keep-alive-exceeded"]
    );
}

#[test]
fn secrets_are_marked_and_in_no_summary() {
    let mut talk = Talk::opened("/mqtt", "", "mqtt");
    let bytes = hex("1016 0004 4d515454 04 c2 003c 0002 6964 0001 75 0003 707764");
    let decoded = talk.client_bytes(&bytes).unwrap();
    let secrets: Vec<_> = decoded.items.iter().filter(|item| item.secret).collect();
    assert_eq!(secrets.len(), 2);
    assert_eq!(field(&decoded, "mqtt.passwd"), ["pwd"]);
    assert!(!decoded.summary.contains("pwd"));
}

#[test]
fn without_connect_the_version_is_what_fits() {
    let mut talk = Talk::unknown();
    let bytes = hex("3007 0003 612f62 6869");
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(
        (&*decoded.summary, field(&decoded, "mqtt.msg")),
        ("PUBLISH a/b hi", vec!["hi".to_owned()])
    );
    let mut talk = Talk::unknown();
    // What comes behind the topic may be properties, or the message.
    let bytes = hex("3008 0003 612f62 00 6869");
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert!(
        decoded
            .items
            .iter()
            .any(|item| item.words == "CONNECT was not seen")
    );
    let bytes = hex("3007 0003 612f62 6869");
    assert_eq!(talk.client_bytes(&bytes).unwrap().summary, "PUBLISH a/b hi");
}

#[test]
fn a_client_that_writes_byte_by_byte_is_recognised_without_a_handshake() {
    let mut talk = Talk::unknown();
    let connect = hex(CONNECT);
    let mut last = None;
    for byte in connect.chunks(1) {
        last = talk.client_bytes(byte);
    }
    assert_eq!(last.unwrap().summary, "CONNECT  (MQTT 3.1.1)");
}

#[test]
fn what_only_looks_alike_is_not_recognised() {
    for bytes in [
        "c000",
        "d000",
        "20020000",
        "40020001",
        "3000",
        "30020000",
        "3003000161ff",
        "0000",
        "3007 0003 612f00 6869",
        "100c 0004 4d515453 04 02 003c 0000",
        "30",
    ] {
        let bytes = hex(bytes);
        assert!(
            Talk::unknown().client_bytes(&bytes).is_none(),
            "{bytes:02x?}"
        );
    }
    assert!(Talk::unknown().client("0\u{5}\0\u{3}abc").is_none());
}

#[test]
fn after_a_lost_message_nothing_is_said_until_a_packet_begins() {
    let mut talk = five();
    let bytes = hex("3007 0003 612f62 00 69");
    talk.client_bytes(&bytes[..5]);
    talk.lose(Side::Client);
    let rest = talk.client_bytes(&bytes[5..]).unwrap();
    assert!(types(&rest).is_empty() && rest.findings.is_empty());
    assert_eq!(talk.client_bytes(&bytes).unwrap().summary, "PUBLISH a/b i");
}

#[test]
fn hostile_lengths_and_many_packets_are_bounded() {
    let mut talk = five();
    let long = hex("30ffffff7f 0001 61");
    talk.client_bytes(&long);
    let zeros = vec![0; 1 << 20];
    for _ in 0..3 {
        talk.client_bytes(&zeros);
    }
    let mut talk = five();
    let many = hex("c000").repeat(200_000);
    let decoded = talk.client_bytes(&many).unwrap();
    assert!(decoded.items.len() <= 10_001 && decoded.findings.len() <= 16);
    let aliases = hex("300b 0003 612f62 03 230007 6869");
    for _ in 0..1000 {
        talk.client_bytes(&aliases);
    }
}
