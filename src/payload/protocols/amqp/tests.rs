use crate::base::Side;
use crate::payload::Heartbeat;
use crate::payload::testing::{Talk, field, findings};

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

/// A frame of this type on channel 0 with this body.
fn typed(kind: u8, body: &str) -> Vec<u8> {
    let body = hex(body);
    let len = u32::try_from(body.len() + 8).unwrap();
    [&len.to_be_bytes()[..], &[2, kind, 0, 0], &body].concat()
}

fn frame(body: &str) -> Vec<u8> {
    typed(0, body)
}

/// A list of these elements, in hex.
fn list(elements: &[&str]) -> String {
    let inside = elements.concat();
    format!(
        "c0{:02x}{:02x}{inside}",
        inside.replace(' ', "").len() / 2 + 1,
        elements.len()
    )
}

/// A performative, or anything else described.
fn described(code: &str, elements: &[&str]) -> String {
    format!("0053{code}{}", list(elements))
}

const HEADER: &str = "414d515000010000";

/// A connection with a session and a link of the client to `q`.
fn attached() -> Talk {
    let mut talk = Talk::opened("/", "", "amqp");
    let header = hex(HEADER);
    talk.client_bytes(&header);
    talk.server_bytes(&header);
    let begin = frame(&described("11", &["40", "43", "52ff", "52ff"]));
    assert_eq!(
        field(&talk.client_bytes(&begin).unwrap(), "amqp.performative"),
        ["begin"]
    );
    let begin = frame(&described("11", &["600000", "43", "52ff", "52ff"]));
    assert_eq!(talk.server_bytes(&begin).unwrap().request(), Some(3));
    // name "l", handle 0, role sender, no modes, no source, target "q"
    let attach = frame(&described(
        "12",
        &[
            "a1016c",
            "43",
            "42",
            "40",
            "40",
            "40",
            &described("29", &["a10171"]),
        ],
    ));
    let decoded = talk.client_bytes(&attach).unwrap();
    assert_eq!(decoded.summary, "attach to q");
    assert_eq!(field(&decoded, "amqp.performative.arguments.name"), ["l"]);
    talk
}

#[test]
fn headers_and_empty_frames() {
    let mut talk = Talk::opened("/", "", "amqp");
    for (text, id) in [("414d515003010000", "3"), (HEADER, "0")] {
        let bytes = hex(text);
        let decoded = talk.client_bytes(&bytes).unwrap();
        assert_eq!(field(&decoded, "amqp.init.id"), [id]);
    }
    let bytes = hex("0000000802000000");
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(
        (decoded.heartbeat, field(&decoded, "amqp.length")),
        (Some(Heartbeat::Ping), vec!["8".to_owned()])
    );
}

#[test]
fn a_stream_cut_anywhere_gives_the_same_frames() {
    let bytes = [
        hex(HEADER),
        frame(&described("11", &["40", "43", "52ff", "52ff"])),
        hex("0000000802000000"),
        frame("005318 45"),
    ]
    .concat();
    for size in 1..bytes.len() {
        for talk in [Talk::opened("/", "", "amqp"), Talk::unknown()] {
            let mut talk = talk;
            let mut all = Vec::new();
            for piece in bytes.chunks(size) {
                if let Some(decoded) = talk.client_bytes(piece) {
                    all.extend(field(&decoded, "amqp.init.id"));
                    all.extend(field(&decoded, "amqp.performative"));
                }
            }
            assert_eq!(all, ["0", "begin", "close"], "{size}");
        }
    }
}

#[test]
fn a_disposition_answers_its_transfers() {
    let mut talk = attached();
    // handle 0, delivery ids 0 and 1, then a data section
    for id in ["43", "5201"] {
        let transfer = described("14", &["43", id, "a00174", "43", "42"]) + "005375a0026869";
        let transfer = frame(&transfer);
        let decoded = talk.client_bytes(&transfer).unwrap();
        assert_eq!(field(&decoded, "amqp.payload"), ["hi"]);
        assert_eq!(field(&decoded, "call.method"), ["transfer q"]);
    }
    assert_eq!(talk.pending().len(), 3);
    let accepted = frame(&described("15", &["41", "43", "5201", "41", "00532445"]));
    let decoded = talk.server_bytes(&accepted).unwrap();
    assert_eq!(decoded.summary, "disposition accepted 0 to 1");
    assert_eq!(field(&decoded, "call.request"), ["6", "7"]);
    assert_eq!(
        field(&decoded, "amqp.performative.arguments.state"),
        ["accepted"]
    );
    let transfer =
        frame(&(described("14", &["43", "5202", "a00174", "43", "42"]) + "005375a0026869"));
    talk.client_bytes(&transfer);
    let rejected = frame(&described(
        "15",
        &[
            "41",
            "5202",
            "5202",
            "41",
            &described("25", &[&described("1d", &["a30178"])]),
        ],
    ));
    let decoded = talk.server_bytes(&rejected).unwrap();
    assert_eq!(findings(&decoded), ["amqp-delivery-rejected"]);
    assert!(decoded.calls[0].is_error);
}

#[test]
fn credentials_are_secrets_and_a_refusal_is_found() {
    let mut talk = Talk::opened("/", "", "amqp");
    let bytes = typed(
        1,
        &described("41", &["a305504c41494e", "a00a00757365720070617373"]),
    );
    let decoded = talk.client_bytes(&bytes).unwrap();
    assert_eq!(decoded.summary, "sasl-init PLAIN");
    assert_eq!(decoded.items.iter().filter(|item| item.secret).count(), 1);
    let bytes = typed(1, &described("44", &["5001"]));
    let decoded = talk.server_bytes(&bytes).unwrap();
    assert_eq!(
        (decoded.request(), findings(&decoded)),
        (Some(1), vec!["amqp-sasl-failed"])
    );
}

#[test]
fn what_breaks_the_protocol_is_found() {
    for (bytes, finding) in [
        (hex("00000007 02000000"), "amqp-frame-malformed"),
        (hex("00000008 01000000"), "amqp-frame-malformed"),
        (frame("0102"), "amqp-frame-malformed"),
        (frame("005399 45"), "amqp-frame-malformed"),
        (
            frame(&described("18", &[&described("1d", &["a30178", "a10179"])])),
            "amqp-error",
        ),
        (hex("414d515003010000"), "amqp-version-refused"),
    ] {
        let decoded = attached()
            .server_bytes(&bytes)
            .map(|decoded| findings(&decoded));
        assert_eq!(decoded, Some(vec![finding]), "{bytes:02x?}");
    }
}

#[test]
fn it_is_recognised_in_the_middle_and_what_looks_alike_is_not() {
    let bytes = [frame("005318 45"), hex("0000000802000000")].concat();
    assert_eq!(
        Talk::unknown().server_bytes(&bytes).unwrap().protocol(),
        "amqp"
    );
    for text in [
        "00000008 02010000",
        "0000000c 02000000 00000000",
        "000000ff 02000000",
        "414d5150",
        "414d515001010000",
    ] {
        let bytes = hex(text);
        assert!(Talk::unknown().client_bytes(&bytes).is_none(), "{text}");
    }
}

#[test]
fn after_a_lost_message_the_next_frame_is_found() {
    let mut talk = attached();
    let bytes = frame("005318 45");
    talk.client_bytes(&bytes[..5]);
    talk.lose(Side::Client);
    let rest = talk.client_bytes(&bytes[5..]).unwrap();
    assert!(field(&rest, "amqp.performative").is_empty() && rest.findings.is_empty());
    assert_eq!(
        field(&talk.client_bytes(&bytes).unwrap(), "amqp.performative"),
        ["close"]
    );
    let long = hex("ffffffff 02000000");
    talk.client_bytes(&long);
    let zeros = vec![0; 1 << 20];
    assert!(talk.client_bytes(&zeros).unwrap().findings.is_empty());
}

#[test]
fn amqp_0_9_1_is_named() {
    let mut talk = Talk::unknown();
    let bytes = hex("414d515000000901");
    assert_eq!(
        talk.client_bytes(&bytes).unwrap().summary,
        "protocol header of AMQP 0-9-1"
    );
    let bytes = hex("01 0000 00000004 000a000a ce");
    assert_eq!(
        talk.server_bytes(&bytes).unwrap().summary,
        "AMQP 0-9-1 method, 4 bytes"
    );
}
