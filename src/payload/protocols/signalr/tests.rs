use crate::base::Side;
use crate::payload::Heartbeat;
use crate::payload::testing::{Talk, field, findings};

const REQUEST: &str = "{\"protocol\":\"json\",\"version\":1}\u{1e}";

fn json() -> Talk {
    let mut talk = Talk::opened("/hub", "id=abc", "");
    let request = talk.client(REQUEST).unwrap();
    assert_eq!(field(&request, "signalr.type"), ["HandshakeRequest"]);
    assert_eq!(field(&request, "signalr.protocol"), ["json"]);
    let response = talk.server("{}\u{1e}").unwrap();
    assert_eq!(field(&response, "signalr.type"), ["HandshakeResponse"]);
    assert_eq!(response.request(), Some(1));
    talk
}

fn packed() -> Talk {
    let mut talk = Talk::opened("/hub", "id=abc", "");
    talk.client("{\"protocol\":\"messagepack\",\"version\":1}\u{1e}");
    assert_eq!(talk.server_bytes(b"{}\x1e").unwrap().request(), Some(1));
    talk
}

#[test]
fn messages_of_the_specification_in_json() {
    let mut talk = json();
    let text = "{\"type\":1,\"invocationId\":\"123\",\"target\":\"Send\",\"arguments\":[42,\"Test\"]}\u{1e}";
    let decoded = talk.client(text).unwrap();
    assert_eq!(decoded.summary, "Invocation Send(42, \"Test\")");
    assert_eq!(field(&decoded, "signalr.id"), ["123"]);
    assert_eq!(field(&decoded, "signalr.arguments"), ["[42,\"Test\"]"]);
    let two = talk
        .server("{\"type\":6}\u{1e}{\"type\":3,\"invocationId\":\"123\",\"result\":42}\u{1e}")
        .unwrap();
    assert_eq!(field(&two, "signalr.type"), ["Ping", "Completion"]);
    assert_eq!(
        (two.request(), &*two.summary),
        (Some(3), "Ping; Completion Send 42")
    );
    assert_eq!(two.heartbeat, None);
    let ping = talk.client("{\"type\":6}\u{1e}").unwrap();
    assert_eq!(ping.heartbeat, Some(Heartbeat::Ping));
    let stream = "{\"type\":4,\"invocationId\":\"9\",\"target\":\"Count\",\"arguments\":[2]}\u{1e}";
    talk.client(stream);
    for _ in 0..2 {
        let item = talk
            .server("{\"type\":2,\"invocationId\":\"9\",\"item\":1}\u{1e}")
            .unwrap();
        assert_eq!(item.request(), Some(6));
    }
    let end = talk
        .server("{\"type\":3,\"invocationId\":\"9\",\"error\":\"It didn't work!\"}\u{1e}")
        .unwrap();
    assert!(end.calls[0].is_error && end.findings.is_empty());
    assert_eq!(end.summary, "Completion Count error \"It didn't work!\"");
}

#[test]
fn messages_of_the_specification_in_message_pack() {
    let mut talk = packed();
    let invocation = hex::decode("11960180a378797aa66d6574686f64912a90").unwrap();
    let decoded = talk.client_bytes(&invocation).unwrap();
    assert_eq!(decoded.summary, "Invocation method(42)");
    assert_eq!(field(&decoded, "signalr.id"), ["xyz"]);
    for (hex, summary) in [
        ("0a940280a378797a2a", "StreamItem method 42"),
        ("0a950380a378797a032a", "Completion method 42"),
        ("029106", "Ping"),
        ("079207a378797a", "Close \"xyz\""),
        ("079307a378797ac3", "Close \"xyz\""),
        ("049208cc24", "Ack 36"),
        ("049209cc13", "Sequence 19"),
    ] {
        let mut bytes = hex::decode(hex).unwrap();
        bytes[0] = (bytes.len() - 1) as u8;
        assert_eq!(talk.server_bytes(&bytes).unwrap().summary, summary, "{hex}");
    }
    for (hex, error) in [
        ("950380a378797a01a54572726f72", true),
        ("940380a378797a02", false),
    ] {
        let mut talk = packed();
        talk.client_bytes(&invocation);
        let mut bytes = hex::decode(hex).unwrap();
        bytes.insert(0, bytes.len() as u8);
        let decoded = talk.server_bytes(&bytes).unwrap();
        assert_eq!(
            (decoded.request(), decoded.calls[0].is_error),
            (Some(3), error)
        );
        assert!(decoded.findings.is_empty(), "{hex}");
    }
    let cancel = hex::decode("06930580a378797a").unwrap();
    let cancel = [&[7], &cancel[1..]].concat();
    assert_eq!(
        talk.client_bytes(&cancel).unwrap().summary,
        "CancelInvocation \"xyz\""
    );
}

#[test]
fn a_length_has_several_bytes() {
    let mut talk = packed();
    let text = "x".repeat(5000);
    let mut body = hex::decode("950180c0a141").unwrap();
    body.extend([0x91, 0xda, 0x13, 0x88]);
    body.extend(text.bytes());
    let mut bytes = vec![0x80 | (body.len() & 0x7f) as u8, (body.len() >> 7) as u8];
    bytes.extend(&body);
    let ping = [0x02, 0x91, 0x06];
    bytes.extend(ping);
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(field(&decoded, "signalr.type"), ["Invocation", "Ping"]);
}

#[test]
fn a_stream_of_the_caller_is_no_answer() {
    let mut talk = json();
    let call = "{\"type\":1,\"invocationId\":\"1\",\"target\":\"Up\",\"arguments\":[],\"streamIds\":[\"s\"]}\u{1e}";
    assert_eq!(
        field(&talk.client(call).unwrap(), "signalr.stream_ids"),
        ["s"]
    );
    let item = talk
        .client("{\"type\":2,\"invocationId\":\"s\",\"item\":1}\u{1e}")
        .unwrap();
    assert!(item.calls.is_empty() && item.findings.is_empty());
    let end = "{\"type\":3,\"invocationId\":\"s\"}\u{1e}";
    assert!(talk.client(end).unwrap().findings.is_empty());
    assert_eq!(
        findings(&talk.client(end).unwrap()),
        ["signalr-invocation-unknown"]
    );
}

#[test]
fn what_breaks_the_protocol_is_found() {
    for (text, finding) in [
        (
            "{\"type\":3,\"invocationId\":\"1\"}\u{1e}",
            "signalr-invocation-unknown",
        ),
        (
            "{\"type\":1,\"target\":7,\"arguments\":[]}\u{1e}",
            "signalr-message-invalid",
        ),
        ("{\"type\":77}\u{1e}", "signalr-message-invalid"),
        ("{\"type\":6}", "signalr-record-unterminated"),
        (
            "{\"type\":7,\"error\":\"gone\"}\u{1e}",
            "signalr-close-error",
        ),
    ] {
        let mut talk = json();
        assert_eq!(findings(&talk.server(text).unwrap()), [finding], "{text}");
    }
    let mut talk = json();
    talk.client("{\"type\":1,\"invocationId\":\"1\",\"target\":\"a\",\"arguments\":[]}\u{1e}");
    let both =
        talk.server("{\"type\":3,\"invocationId\":\"1\",\"result\":1,\"error\":\"x\"}\u{1e}");
    assert_eq!(findings(&both.unwrap()), ["signalr-completion-invalid"]);
    let mut talk = Talk::opened("/hub", "", "");
    talk.client("{\"protocol\":\"nosuch\",\"version\":1}\u{1e}");
    let refused = talk.server("{\"error\":\"not supported\"}\u{1e}").unwrap();
    assert_eq!(findings(&refused), ["signalr-handshake-failed"]);
    assert!(refused.calls[0].is_error);
    let mut talk = packed();
    for hex in ["05910600", "ffffffffff00", "ffffffff7f9106"] {
        let bytes = hex::decode(hex).unwrap();
        assert_eq!(
            findings(&talk.server_bytes(&bytes).unwrap()),
            ["signalr-record-unterminated"]
        );
    }
}

#[test]
fn after_a_lost_message_an_unknown_id_is_no_finding() {
    let mut talk = json();
    talk.lose(Side::Client);
    let text = "{\"type\":3,\"invocationId\":\"1\"}\u{1e}";
    assert!(talk.server(text).unwrap().findings.is_empty());
}

#[test]
fn it_is_recognised_in_the_middle_and_what_looks_alike_is_not() {
    let text = "{\"type\":1,\"target\":\"a\",\"arguments\":[]}\u{1e}";
    assert_eq!(Talk::unknown().server(text).unwrap().protocol(), "signalr");
    let bytes = hex::decode("029106").unwrap();
    assert_eq!(
        Talk::unknown().server_bytes(&bytes).unwrap().protocol(),
        "signalr"
    );
    for text in [
        "{\"type\":1}",
        "{\"type\":\"x\"}\u{1e}",
        "[1]\u{1e}",
        "{\"type\":1,\"target\":\"a\",\"arguments\":[]}",
    ] {
        let decoded = Talk::unknown().client(text);
        assert!(
            decoded.is_none_or(|decoded| decoded.protocol() == "json"),
            "{text}"
        );
    }
    for hex in ["9106", "0191", "03910606", "02910a", "04930a0b"] {
        let bytes = hex::decode(hex).unwrap();
        assert!(Talk::unknown().client_bytes(&bytes).is_none(), "{hex}");
    }
}

#[test]
fn a_million_messages_are_bounded() {
    let mut talk = packed();
    let bytes = hex::decode("029106").unwrap().repeat(350_000);
    assert!(talk.server_bytes(&bytes).unwrap().items.len() <= 10_001);
}
