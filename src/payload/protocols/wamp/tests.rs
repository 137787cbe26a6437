use crate::base::Side;
use crate::payload::testing::{Talk, field, findings};

/// A session in JSON in which one topic is subscribed to and one procedure registered.
fn joined() -> Talk {
    let mut talk = Talk::opened("/ws", "", "wamp.2.json");
    assert_eq!(
        talk.client(r#"[1,"realm1",{"roles":{}}]"#).unwrap().summary,
        "HELLO realm1"
    );
    let welcome = talk.server(r#"[2,9129137332,{"roles":{}}]"#).unwrap();
    assert_eq!(
        (welcome.request(), field(&welcome, "wamp.session")),
        (Some(1), vec!["9129137332".to_owned()])
    );
    talk.client(r#"[32,1,{},"com.topic"]"#);
    assert_eq!(
        talk.server("[33,1,5512315355]").unwrap().summary,
        "SUBSCRIBED com.topic"
    );
    talk.client(r#"[64,2,{},"com.add"]"#);
    assert_eq!(
        talk.server("[65,2,2103333224]").unwrap().summary,
        "REGISTERED com.add"
    );
    talk
}

#[test]
fn messages_of_the_specification() {
    let mut talk = joined();
    let event = talk
        .server(r#"[36,5512315355,4429313566,{},["Hello",1],{"k":2}]"#)
        .unwrap();
    assert_eq!(event.summary, r#"EVENT com.topic ["Hello",1] {"k":2}"#);
    assert_eq!(field(&event, "wamp.uri"), ["com.topic"]);
    assert_eq!(field(&event, "wamp.publication"), ["4429313566"]);
    let call = talk
        .client(r#"[48,7814135,{},"com.user",["j"],{"n":"J"}]"#)
        .unwrap();
    assert_eq!(field(&call, "call.method"), ["CALL com.user"]);
    let part = talk
        .server(r#"[50,7814135,{"progress":true},[1]]"#)
        .unwrap();
    assert_eq!(part.request(), Some(8));
    let result = talk.server(r#"[50,7814135,{},[30]]"#).unwrap();
    assert_eq!(
        (result.request(), &*result.summary),
        (Some(8), "RESULT com.user [30]")
    );
    let invocation = talk.server(r#"[68,6131533,2103333224,{},[23,7]]"#).unwrap();
    assert_eq!(invocation.summary, "INVOCATION com.add [23,7]");
    let error = talk
        .client(r#"[8,68,6131533,{},"com.myapp.error",["x"]]"#)
        .unwrap();
    assert!(error.calls[0].is_error && error.request() == Some(11));
    assert_eq!(field(&error, "wamp.uri"), ["com.myapp.error"]);
    // Without `acknowledge` a publication is not answered.
    assert!(
        talk.client(r#"[16,3,{},"com.topic",["x"]]"#)
            .unwrap()
            .calls
            .is_empty()
    );
    talk.client(r#"[16,4,{"acknowledge":true},"com.topic"]"#);
    assert_eq!(
        talk.server("[17,4,4429313566]").unwrap().summary,
        "PUBLISHED com.topic"
    );
    talk.client("[34,5,5512315355]");
    assert_eq!(
        talk.server("[35,5]").unwrap().summary,
        "UNSUBSCRIBED com.topic"
    );
    talk.client(r#"[6,{},"wamp.close.close_realm"]"#);
    let bye = talk
        .server(r#"[6,{},"wamp.close.goodbye_and_out"]"#)
        .unwrap();
    assert!(bye.findings.is_empty() && talk.pending().is_empty());
}

#[test]
fn the_serializers_say_the_same() {
    let packed = "9420ce2a8c69f180b2636f6d2e6d796170702e6d79746f70696331";
    let cbor = "8418201a2a8c69f1a072636f6d2e6d796170702e6d79746f70696331";
    for (token, hex) in [
        ("wamp.2.msgpack", packed.to_owned()),
        ("wamp.2.cbor", cbor.to_owned()),
        (
            "wamp.2.msgpack.batched",
            format!("0000001b{packed}0000001b{packed}"),
        ),
        ("wamp.2.cbor.batched", format!("0000001c{cbor}")),
        ("", packed.to_owned()),
        ("", cbor.to_owned()),
        ("", format!("0000001b{packed}")),
        ("", format!("0000001c{cbor}")),
    ] {
        let bytes = hex::decode(&hex).unwrap();
        let mut talk = Talk::opened("/", "", token);
        talk.lose(Side::Client);
        let decoded = talk.client_bytes(&bytes).unwrap();
        let count = hex.matches("636f6d2e").count();
        assert_eq!(
            field(&decoded, "wamp.uri"),
            vec!["com.myapp.mytopic1"; count],
            "{token} {hex}"
        );
        assert_eq!(field(&decoded, "wamp.request"), vec!["713845233"; count]);
        assert_eq!(decoded.findings.is_empty(), count == 1);
    }
    let mut talk = Talk::opened("/", "", "wamp.2.json.batched");
    let text = "[1,\"a\",{\"roles\":{}}]\u{1e}[6,{},\"wamp.x\"]\u{1e}";
    assert_eq!(
        field(&talk.client(text).unwrap(), "wamp.type"),
        ["HELLO", "GOODBYE"]
    );
}

#[test]
fn bytes_in_json_are_decoded() {
    let mut talk = joined();
    let text = r#"[48,9,{},"com.f",["\u0000EOP/kFMHXFJvX8BtT+N82w=="]]"#;
    let decoded = talk.client(text).unwrap();
    let bytes = decoded
        .items
        .iter()
        .find(|item| item.label == "Bytes of [0]")
        .unwrap();
    let expected = hex::decode("10e3ff9053075c526f5fc06d4fe37cdb").unwrap();
    assert_eq!(bytes.datum, crate::payload::Datum::Bytes(expected.into()));
}

#[test]
fn authentication_is_a_secret() {
    let mut talk = Talk::opened("/", "", "wamp.2.json");
    talk.client(r#"[1,"realm1",{"roles":{},"authmethods":["ticket"]}]"#);
    talk.server(r#"[4,"ticket",{}]"#);
    let answer = talk.client(r#"[5,"s3cret",{}]"#).unwrap();
    assert_eq!(answer.items.iter().filter(|item| item.secret).count(), 1);
    assert!(!answer.summary.contains("s3cret"));
    let abort = talk
        .server(r#"[3,{"message":"no"},"wamp.error.authentication_failed"]"#)
        .unwrap();
    assert_eq!(
        (abort.request(), findings(&abort)),
        (Some(1), vec!["wamp-aborted"])
    );
}

#[test]
fn what_breaks_the_protocol_is_found() {
    for (text, finding) in [
        ("[50,99,{}]", "wamp-request-unknown"),
        ("[8,48,99,{},\"wamp.error\"]", "wamp-request-unknown"),
        ("[36,1,2,{}]", "wamp-id-unknown"),
        ("[68,1,2,{}]", "wamp-id-unknown"),
        ("[50,\"x\",{}]", "wamp-message-invalid"),
        ("[99,1]", "wamp-message-invalid"),
        ("{}", "wamp-message-invalid"),
        ("[36,5512315355", "wamp-message-invalid"),
    ] {
        let decoded = joined().server(text).map(|decoded| findings(&decoded));
        assert_eq!(decoded, Some(vec![finding]), "{text}");
    }
    let mut talk = joined();
    talk.client(r#"[32,9,{},"a"]"#);
    assert_eq!(
        findings(&talk.client(r#"[32,9,{},"b"]"#).unwrap()),
        ["wamp-request-in-use"]
    );
    let mut talk = Talk::opened("/", "", "wamp.2.json");
    assert_eq!(
        findings(&talk.client(r#"[48,1,{},"a.b"]"#).unwrap()),
        ["wamp-session-missing"]
    );
    let mut talk = Talk::opened("/", "", "wamp.2.cbor.batched");
    let bytes = [0, 0, 1, 0, 0x81, 1];
    assert_eq!(
        findings(&talk.client_bytes(&bytes).unwrap()),
        ["wamp-message-invalid"]
    );
}

#[test]
fn only_what_is_distinctive_is_recognised() {
    for text in [
        r#"[36,5512315355,4429313566,{},["x"]]"#,
        r#"[48,1,{},"com.add"]"#,
        r#"[2,1,{"roles":{}}]"#,
    ] {
        assert_eq!(
            Talk::unknown().server(text).unwrap().protocol(),
            "wamp",
            "{text}"
        );
    }
    for text in [
        r#"[2,"19223201","BootNotification",{}]"#,
        r#"[3,"19223201",{}]"#,
        r#"[4,"1","GenericError","",{}]"#,
        "[1,2,3]",
        "[17,1,2]",
        "[33,1,2]",
        "[36,1,2]",
        r#"[1,"a",{}]"#,
        r#"["a",{}]"#,
        r#"[6,{},"x"]"#,
        r#"[48,1,{}]"#,
    ] {
        assert_ne!(
            Talk::unknown().client(text).unwrap().protocol(),
            "wamp",
            "{text}"
        );
    }
}

#[test]
fn ids_without_end_are_bounded() {
    let mut talk = joined();
    for id in 10..11_000 {
        let ask = format!(r#"[32,{id},{{}},"com.topic.{id}"]"#);
        talk.client(&ask);
        let answer = format!("[33,{id},{id}]");
        talk.server(&answer);
    }
    let event = talk.server("[36,10999,1,{}]").unwrap();
    assert!(event.findings.is_empty());
}
