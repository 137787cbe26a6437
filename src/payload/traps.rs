//! Traps that implementers of the protocols fall into, a test each.

use super::testing::{Talk, field, findings};
use crate::base::Side;

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

fn protocol(decoded: Option<super::Decoded<'_>>) -> Option<String> {
    decoded.map(|decoded| decoded.stack.join("/"))
}

#[test]
fn socket_io_0_9_is_another_protocol() {
    let mut talk = Talk::unknown();
    for text in [
        r#"5:::{"name":"a","args":[]}"#,
        "1::",
        "2::",
        "0::/x",
        "6:::1+[1]",
    ] {
        assert_eq!(protocol(talk.server(text)), None, "{text}");
    }
}

#[test]
fn a_socket_io_event_without_data_is_two_layers_and_wrong() {
    let mut talk = Talk::opened("/socket.io/", "EIO=4&transport=websocket", "");
    let event = talk.client("42").unwrap();
    assert_eq!(event.stack[..], ["engine.io"], "{}", event.summary);
    // Once it is known to be Socket.IO it is said to be invalid.
    talk.server(r#"40{"sid":"x"}"#);
    let event = talk.client("42").unwrap();
    assert_eq!(findings(&event), ["socketio-packet-invalid"]);
}

#[test]
fn a_server_of_socket_io_2_opens_the_namespace_unasked() {
    let mut talk = Talk::opened("/socket.io/", "EIO=3&transport=websocket", "");
    let connect = talk.server("40").unwrap();
    assert_eq!(connect.summary, "connect");
    assert!(findings(&connect).is_empty());
}

#[test]
fn pings_that_come_too_seldom_are_found() {
    let mut talk = Talk::opened("/socket.io/", "EIO=4&transport=websocket", "");
    talk.server(r#"0{"sid":"a","upgrades":[],"pingInterval":300,"pingTimeout":200}"#);
    talk.pass(290_000_000);
    assert!(findings(&talk.server("2").unwrap()).is_empty());
    talk.client("3");
    talk.pass(600_000_000);
    assert_eq!(findings(&talk.server("2").unwrap()), ["engineio-ping-late"]);
    // After a loss nobody knows.
    talk.lose(Side::Server);
    talk.pass(600_000_000);
    assert!(findings(&talk.server("2").unwrap()).is_empty());
}

#[test]
fn sockjs_carries_nothing_bare_strings_and_frames_in_pieces() {
    let mut talk = Talk::opened("/ws/123/abcdef/websocket", "", "");
    talk.server("o");
    let empty = talk.client("[]").unwrap();
    assert!(findings(&empty).is_empty(), "{:?}", empty.findings);
    let bare = talk
        .client(r#""CONNECT\naccept-version:1.2\n\n\u0000""#)
        .unwrap();
    assert_eq!(bare.stack[..], ["sockjs", "stomp"]);
    let pieces = talk
        .client(r#"["SEND\ndestination:/a\n\nhe","llo\u0000"]"#)
        .unwrap();
    assert_eq!(field(&pieces, "stomp.command"), ["SEND"]);
    assert_eq!(field(&pieces, "stomp.body"), ["hello"]);
    let none = talk.client("");
    assert!(none.is_none_or(|none| findings(&none).is_empty()));
    let mut raw = Talk::opened("/ws/websocket", "", "");
    assert_ne!(protocol(raw.client(r#"["a"]"#)).as_deref(), Some("sockjs"));
}

#[test]
fn of_a_stomp_header_that_repeats_the_first_counts_and_length_wins_over_nul() {
    let mut talk = Talk::opened("/", "", "v12.stomp");
    talk.client("CONNECT\naccept-version:1.2\nlogin:a\\c\n\n\0");
    talk.server("CONNECTED\nversion:1.2\n\n\0");
    let text = "SEND\ndestination:/first\ndestination:/second\ncontent-length:3\n\na\0b\0";
    let send = talk.client(text).unwrap();
    assert_eq!(field(&send, "stomp.destination")[0], "/first");
    assert!(findings(&send).is_empty(), "{:?}", send.findings);
    let mut old = Talk::opened("/", "", "v10.stomp");
    let connect = old.client("CONNECT\nlogin:a\\tb\n\n\0").unwrap();
    assert!(findings(&connect).is_empty(), "{:?}", connect.findings);
}

#[test]
fn a_text_frame_of_mqtt_is_an_error() {
    let mut talk = Talk::opened("/mqtt", "", "mqtt");
    let text = talk.client("hello").unwrap();
    assert!(!findings(&text).is_empty());
}

#[test]
fn wamp_1_is_another_protocol() {
    let mut talk = Talk::opened("/ws", "", "wamp");
    let welcome = talk.server(r#"[0,"v59mbCGDXZ7WTyxB",1,"Autobahn/0.5.1"]"#);
    assert_ne!(protocol(welcome).as_deref(), Some("wamp"));
}

#[test]
fn ocpp_and_wamp_are_told_apart_by_their_second_element() {
    let mut talk = Talk::unknown();
    let call = talk.client(
        r#"[2,"19223201","BootNotification",{"chargePointModel":"x","chargePointVendor":"y"}]"#,
    );
    assert_eq!(protocol(call).as_deref(), Some("ocpp"));
    let mut talk = Talk::unknown();
    talk.client(r#"[1,"realm1",{"roles":{"caller":{}}}]"#);
    let welcome = talk.server(r#"[2,9129137332,{"roles":{"broker":{}}}]"#);
    assert_eq!(protocol(welcome).as_deref(), Some("wamp"));
}

#[test]
fn app_sync_acknowledges_a_start() {
    let mut talk = Talk::opened("/graphql", "", "graphql-ws");
    talk.client(r#"{"type":"connection_init"}"#);
    talk.server(r#"{"type":"connection_ack","payload":{"connectionTimeoutMs":300000}}"#);
    talk.server(r#"{"type":"ka"}"#);
    talk.client(r#"{"id":"a","type":"start","payload":{"data":"{\"query\":\"subscription S{x}\",\"variables\":{}}","extensions":{"authorization":{"host":"h","x-api-key":"da2-secret"}}}}"#);
    let ack = talk.server(r#"{"type":"start_ack","id":"a"}"#).unwrap();
    assert_eq!((ack.protocol(), findings(&ack)), ("graphql-ws", vec![]));
}

#[test]
fn the_old_signalr_is_another_protocol() {
    let mut talk = Talk::opened(
        "/signalr/connect",
        "transport=webSockets&clientProtocol=2.1&connectionToken=x",
        "",
    );
    for text in [
        r#"{"C":"d-1","S":1,"M":[]}"#,
        "{}",
        r#"{"C":"d-2","M":[{"H":"Hub","M":"a","A":[1]}]}"#,
    ] {
        assert_ne!(
            protocol(talk.server(text)).as_deref(),
            Some("signalr"),
            "{text}"
        );
    }
}

#[test]
fn action_cable_reads_json_twice_and_any_cables_token_is_known() {
    let mut talk = Talk::opened("/cable", "", "actioncable-v1-ext-json");
    talk.server(r#"{"type":"welcome","sid":"x"}"#);
    let said = talk
        .client(r#"{"command":"subscribe","identifier":"{\"channel\":\"Chat\",\"room\":1}"}"#)
        .unwrap();
    assert_eq!(field(&said, "actioncable.channel"), ["Chat"]);
}

#[test]
fn a_server_of_ddp_may_say_its_id_first() {
    let mut talk = Talk::opened("/websocket", "", "");
    let first = talk.server(r#"{"server_id":"0"}"#);
    assert!(first.is_none_or(|first| findings(&first).is_empty()));
    let connect = talk
        .client(r#"{"msg":"connect","version":"1","support":["1","pre2"]}"#)
        .unwrap();
    assert_eq!(connect.protocol(), "ddp");
    let second = talk.server(r#"{"server_id":"0"}"#).unwrap();
    assert!(findings(&second).is_empty(), "{:?}", second.findings);
}

#[test]
fn close_codes_of_pusher_have_the_words_of_their_range() {
    let mut talk = Talk::opened("/app/key", "protocol=7&client=js&version=8", "");
    talk.server(r#"{"event":"pusher:connection_established","data":"{\"socket_id\":\"1.1\",\"activity_timeout\":120}"}"#);
    for (code, words) in [
        (4001, "application does not exist"),
        (4050, "do not reconnect unchanged"),
        (4150, "reconnect after a while"),
        (4299, "reconnect at once"),
    ] {
        let close = talk.close(code).unwrap();
        assert!(close.summary.contains(words), "{}", close.summary);
    }
}

#[test]
fn a_call_of_ocpp_that_nobody_can_read_is_answered_with_minus_one() {
    let mut talk = Talk::opened("/ocpp/CP-1", "", "ocpp1.6");
    let error = talk
        .server(r#"[4,"-1","FormationViolation","",{}]"#)
        .unwrap();
    assert!(
        !findings(&error).contains(&"ocpp-id-unknown"),
        "{:?}",
        error.findings
    );
    let call = talk.client(r#"[2,"1","Heartbeat",{}]"#).unwrap();
    assert_eq!(field(&call, "ocpp.station"), ["CP-1"]);
}

#[test]
fn white_space_of_xmpp_is_wrong_and_a_close_may_name_another_place() {
    let mut talk = Talk::opened("/xmpp-websocket", "", "xmpp");
    talk.client("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='a' version='1.0'/>");
    assert!(!findings(&talk.client(" ").unwrap()).is_empty());
    let close = talk
        .server("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing' see-other-uri='wss://b/x'/>")
        .unwrap();
    assert_eq!(field(&close, "xmpp.stanza"), ["close"]);
    assert!(close.summary.contains("wss://b/x"), "{}", close.summary);
}

#[test]
fn a_tunnel_of_spdy_is_named() {
    let mut talk = Talk::opened(
        "/api/v1/namespaces/a/pods/b/portforward",
        "",
        "SPDY/3.1+portforward.k8s.io",
    );
    // A SYN_STREAM, and data of stream 1 that is cut.
    let bytes = hex("80030001 0100000c 00000001 00000000 0000 abcd 00000001 00000005 6865");
    let frame = talk.client_bytes(&bytes).unwrap();
    assert_eq!(frame.summary, "SPDY SYN_STREAM 1");
    assert_eq!(field(&frame, "kubernetes.spdy"), ["SYN_STREAM"]);
    let data = talk.client_bytes(b"llo").unwrap();
    assert_eq!(data.summary, "SPDY DATA 1 hello");
    assert_eq!(field(&data, "kubernetes.stream_id"), ["1"]);
    talk.lose(Side::Client);
    let unknown = talk.client_bytes(b"hello").unwrap();
    assert!(unknown.summary.starts_with("part of an unknown place"));
    let ping = hex("80030006 00000004 00000001");
    assert_eq!(talk.client_bytes(&ping).unwrap().summary, "SPDY PING");
    let broken = hex("80040006 00000004 00000001");
    assert_eq!(
        findings(&talk.client_bytes(&broken).unwrap()),
        ["kubernetes-message-invalid"]
    );
}

#[test]
fn an_empty_frame_of_kubernetes_is_no_error() {
    let mut talk = Talk::opened("/exec", "", "v4.channel.k8s.io");
    let empty = talk.client_bytes(&[0]).unwrap();
    assert!(findings(&empty).is_empty(), "{:?}", empty.findings);
}

#[test]
fn other_things_with_an_id_and_a_method_stay_json() {
    for text in [
        r#"{"seq":1,"type":"request","command":"initialize","arguments":{}}"#,
        r#"{"id":1,"method":"session.new","params":{}}"#,
        r#"{"id":1,"guid":"","method":"initialize","params":{},"metadata":{}}"#,
        r#"{"type":"hash","data":"abc"}"#,
        r#"{"type":"ok"}"#,
        r#"{"command":"hello","protocols":["http://livereload.com/protocols/official-7"]}"#,
        r#"{"a":"hs","protocol":1,"protocolMinor":2,"id":"x"}"#,
        r#"[{"topic":"hb","data":1}]"#,
    ] {
        assert_eq!(
            protocol(Talk::unknown().client(text)).as_deref(),
            Some("json"),
            "{text}"
        );
    }
}

#[test]
fn what_is_packed_is_told_by_the_whole_message() {
    for bytes in [
        &b"5"[..],           // a positive fixint, or any text
        &[0xc1][..],         // never MessagePack
        &[0x93, 0xc1, 1, 2], //
        &[0x92, 1, 2, 3],    // bytes behind it
        &[0x00],
    ] {
        let mut talk = Talk::unknown();
        let found = protocol(talk.client_bytes(bytes));
        assert_eq!(found, None, "{bytes:02x?}");
    }
    let marked = hex("d9d9f7 a1 61 61 01");
    assert_eq!(
        protocol(Talk::unknown().client_bytes(&marked)).as_deref(),
        Some("cbor")
    );
}

#[test]
fn keys_twice_and_big_numbers_stay_as_they_are() {
    let mut talk = Talk::unknown();
    let text = r#"{"a":1,"a":123456789012345678901234567890}"#;
    let json = talk.client(text).unwrap();
    let shown = format!("{json:?}");
    assert!(shown.contains("123456789012345678901234567890"), "{shown}");
}
