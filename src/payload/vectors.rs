//! Examples of the protocols' own pages that stand in no decoder's tests, as they are printed there.

use super::protobuf::wire::varint;
use super::testing::{Talk, field, findings};

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

#[test]
fn engine_io_and_socket_io() {
    let mut talk = Talk::opened("/socket.io/", "EIO=4&transport=websocket&sid=x", "");
    let probe = talk.client("2probe").unwrap();
    assert_eq!(field(&probe, "engineio.type"), ["ping"]);
    assert_eq!(talk.server("3probe").unwrap().summary, "pong probe");
    talk.client("5");
    let ack = talk
        .server(r#"461-15["bar",{"_placeholder":true,"num":0}]"#)
        .unwrap();
    assert_eq!(field(&ack, "socketio.type"), ["binary_ack"]);
    assert_eq!(field(&ack, "socketio.id"), ["15"]);
    let bytes = hex("01020304");
    let attachment = talk.server_bytes(&bytes).unwrap();
    assert_eq!(field(&attachment, "socketio.attachment"), ["1"]);
}

#[test]
fn stomp_and_sockjs() {
    let mut talk = Talk::unknown();
    let connect = "CONNECT\naccept-version:1.2\nhost:x\nheart-beat:10000,10000\n\n\0";
    let decoded = talk.client(connect).unwrap();
    assert_eq!(field(&decoded, "stomp.heartbeat"), ["10000,10000"]);
    let mut talk = Talk::opened("/echo/000/abc/websocket", "", "");
    talk.server("o");
    let close = talk
        .server(r#"c[2010,"Another connection still open"]"#)
        .unwrap();
    assert_eq!(field(&close, "sockjs.close.code"), ["2010"]);
    assert_eq!(
        field(&close, "sockjs.close.reason"),
        ["Another connection still open"]
    );
}

#[test]
fn a_number_of_seven_bits_a_byte() {
    assert_eq!(varint(&hex("8029")), Some((5248, &[][..])));
}

#[test]
fn versions_of_rfb() {
    let mut talk = Talk::opened("/websockify", "", "binary");
    let version = hex("524642203030332e3030380a");
    for decoded in [
        talk.server_bytes(&version).unwrap(),
        talk.client_bytes(&version).unwrap(),
    ] {
        assert_eq!(field(&decoded, "rfb.message"), ["ProtocolVersion"]);
    }
}

#[test]
fn channels_of_kubernetes() {
    let mut talk = Talk::opened("/exec", "", "channel.k8s.io");
    let (stdin, stdout) = (hex("00666f6f0a"), hex("010a"));
    let decoded = talk.client_bytes(&stdin).unwrap();
    assert_eq!(field(&decoded, "kubernetes.channel"), ["0"]);
    assert!(decoded.summary.contains("foo"), "{}", decoded.summary);
    let decoded = talk.server_bytes(&stdout).unwrap();
    assert_eq!(field(&decoded, "kubernetes.channel"), ["1"]);
    let mut talk = Talk::opened("/exec", "", "base64.channel.k8s.io");
    let text = String::from_utf8(hex("305a6d397643676f3d")).unwrap();
    let decoded = talk.client(&text).unwrap();
    assert_eq!(field(&decoded, "kubernetes.channel"), ["0"]);
    // What the example holds is "foo" and two line ends, whatever the comment beside it says.
    assert!(decoded.summary.contains("foo␊␊"), "{}", decoded.summary);
}

#[test]
fn messages_of_jupyter() {
    let path = "/api/kernels/1/channels";
    let mut bytes = hex("0700000000000000");
    for offset in [0x40_u64, 0x45, 0x4c, 0x4e, 0x50, 0x57, 0x59] {
        bytes.extend(offset.to_le_bytes());
    }
    bytes.extend(hex(
        "696f707562 7b2261223a317d 7b7d 7b7d 7b2278223a327d 0102",
    ));
    assert_eq!(bytes.len(), 89);
    let mut talk = Talk::opened(path, "", "v1.kernel.websocket.jupyter.org");
    let decoded = talk.server_bytes(&bytes).unwrap();
    assert_eq!(field(&decoded, "jupyter.channel"), ["iopub"]);
    assert_eq!(findings(&decoded), [""; 0]);
    let mut bytes = hex("00000002 0000000c 0000001f");
    bytes.extend(br#"{"channel":"iopub"}"#);
    bytes.extend([1, 2]);
    let mut talk = Talk::opened(path, "session_id=1", "");
    let decoded = talk.server_bytes(&bytes).unwrap();
    assert_eq!(field(&decoded, "jupyter.channel"), ["iopub"]);
}
