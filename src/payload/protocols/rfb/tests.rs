use crate::base::Side;
use crate::payload::testing::{Talk, field, findings};

fn hex(text: &str) -> Vec<u8> {
    hex::decode(text.replace(' ', "")).unwrap()
}

const VERSION: &[u8] = b"RFB 003.008\n";
/// 64 by 48 pixels of 32 bits, named `lab`.
const INIT: &str = "0040 0030 20 18 00 01 00ff 00ff 00ff 10 08 00 000000 00000003 6c6162";

/// A connection behind its handshake, without authentication.
fn ready() -> Talk {
    let mut talk = Talk::opened("/websockify", "", "binary");
    assert_eq!(
        talk.server_bytes(VERSION).unwrap().summary,
        "ProtocolVersion RFB 003.008"
    );
    talk.client_bytes(VERSION);
    assert_eq!(
        field(&talk.server_bytes(&[1, 1]).unwrap(), "rfb.security_type"),
        ["1"]
    );
    talk.client_bytes(&[1]);
    assert_eq!(
        talk.server_bytes(&[0; 4]).unwrap().summary,
        "SecurityResult OK"
    );
    talk.client_bytes(&[1]);
    let init = hex(INIT);
    assert_eq!(
        talk.server_bytes(&init).unwrap().summary,
        "ServerInit 64x48 lab"
    );
    talk
}

#[test]
fn a_handshake_with_a_password() {
    let mut talk = Talk::opened("/websockify", "", "");
    talk.server_bytes(VERSION);
    talk.client_bytes(VERSION);
    talk.server_bytes(&[2, 1, 2]);
    assert_eq!(
        talk.client_bytes(&[2]).unwrap().summary,
        "SecurityType VNC Authentication"
    );
    assert_eq!(
        field(&talk.server_bytes(&[7; 16]).unwrap(), "rfb.message"),
        ["Authentication"]
    );
    let response = talk.client_bytes(&[8; 16]).unwrap();
    assert!(response.items.iter().any(|item| item.secret));
    let failed = hex("00000001 00000004 6e6f7065");
    let decoded = talk.server_bytes(&failed).unwrap();
    assert_eq!(
        (&*decoded.summary, decoded.request()),
        ("SecurityResult failed nope", Some(6))
    );
    assert_eq!(findings(&decoded), ["rfb-security-failed"]);
}

#[test]
fn messages_of_both_sides() {
    let mut talk = ready();
    for (text, message, summary) in [
        (
            "00000000 20 18 00 01 00ff 00ff 00ff 00 08 10 000000",
            "SetPixelFormat",
            "SetPixelFormat 32 bits",
        ),
        (
            "0200 0002 00000007 ffffff21",
            "SetEncodings",
            "SetEncodings 2 encodings",
        ),
        (
            "03 01 0000 0000 0040 0030",
            "FramebufferUpdateRequest",
            "FramebufferUpdateRequest incremental 64x48 at 0,0",
        ),
        ("04 01 0000 00000061", "KeyEvent", "KeyEvent down"),
        (
            "05 01 000a 000b",
            "PointerEvent",
            "PointerEvent 10,11 buttons 00000001",
        ),
        (
            "06 000000 00000002 6869",
            "ClientCutText",
            "ClientCutText 2 bytes",
        ),
        (
            "06 000000 fffffffc 00000000",
            "ClientCutText",
            "ClientCutText 4 bytes",
        ),
        (
            "96 00 0000 0000 0040 0030",
            "EnableContinuousUpdates",
            "EnableContinuousUpdates off 64x48 at 0,0",
        ),
        ("f8 000000 00000001 01 ff", "ClientFence", "ClientFence"),
        (
            "ff 00 0001 00000061 0000001e",
            "QEMUExtendedKeyEvent",
            "QEMUExtendedKeyEvent down",
        ),
        (
            "fb 00 0040 0030 01 00 00000000 0000 0000 0040 0030 00000000",
            "SetDesktopSize",
            "SetDesktopSize 64x48",
        ),
    ] {
        let bytes = hex(text);
        let decoded = talk.client_bytes(&bytes).unwrap();
        assert_eq!(
            (field(&decoded, "rfb.message"), &*decoded.summary),
            (vec![message.to_owned()], summary)
        );
    }
    for (text, message) in [
        ("02", "Bell"),
        ("03 000000 00000002 6869", "ServerCutText"),
        ("01 00 0000 0001 0000 0000 0000", "SetColorMapEntries"),
        ("96", "EndOfContinuousUpdates"),
        ("f8 000000 80000001 00", "ServerFence"),
        ("00 00 0000", "FramebufferUpdate"),
        (
            "00 00 ffff 0000 0000 0000 0000 ffffff20",
            "FramebufferUpdate",
        ),
    ] {
        let bytes = hex(text);
        assert_eq!(
            field(&talk.server_bytes(&bytes).unwrap(), "rfb.message"),
            [message]
        );
    }
}

/// Two rectangles, raw and copied, a bell behind them.
fn update() -> Vec<u8> {
    let mut bytes = hex("00 00 0002 0000 0000 0002 0003 00000000");
    bytes.extend([9; 24]);
    bytes.extend(hex("0000 0000 0002 0003 00000001 00050005 02"));
    bytes
}

#[test]
fn updates_are_told_with_the_message_that_ends_them() {
    let bytes = update();
    for size in 1..bytes.len() {
        let mut talk = ready();
        let mut all = Vec::new();
        for piece in bytes.chunks(size) {
            let decoded = talk.server_bytes(piece).unwrap();
            assert!(decoded.findings.is_empty(), "{size}");
            all.extend(field(&decoded, "rfb.message"));
            all.extend(field(&decoded, "rfb.encoding"));
        }
        all.sort();
        assert_eq!(all, ["0", "1", "Bell", "FramebufferUpdate"], "{size}");
    }
}

#[test]
fn a_long_rectangle_is_passed_over_without_being_kept() {
    let mut talk = ready();
    let head = hex("00 00 0001 0000 0000 1000 1000 00000000");
    talk.server_bytes(&head);
    let piece = vec![1; 1 << 20];
    for _ in 0..63 {
        assert!(field(&talk.server_bytes(&piece).unwrap(), "rfb.message").is_empty());
    }
    let decoded = talk.server_bytes(&piece).unwrap();
    assert_eq!(field(&decoded, "rfb.message"), ["FramebufferUpdate"]);
}

#[test]
fn what_is_unknown_is_found_and_followed_again_later() {
    let mut talk = ready();
    let bytes = hex("00 00 0001 0000 0000 0001 0001 00000063 0102");
    let decoded = talk.server_bytes(&bytes).unwrap();
    assert_eq!(findings(&decoded), ["rfb-message-unknown"]);
    let rest = talk.server_bytes(&[1, 2, 3]).unwrap();
    assert!(rest.findings.is_empty() && field(&rest, "rfb.message").is_empty());
    assert_eq!(
        field(&talk.server_bytes(&update()).unwrap(), "rfb.message"),
        ["FramebufferUpdate", "Bell"]
    );
    assert_eq!(
        findings(&talk.client_bytes(&[99]).unwrap()),
        ["rfb-message-unknown"]
    );
    talk.lose(Side::Client);
    let key = hex("04 01 0000 00000061");
    assert_eq!(
        field(&talk.client_bytes(&key).unwrap(), "rfb.message"),
        ["KeyEvent"]
    );
}

#[test]
fn version_3_3_and_other_security_types() {
    let mut talk = Talk::opened("/", "", "");
    talk.server_bytes(b"RFB 003.003\n");
    talk.client_bytes(b"RFB 003.003\n");
    assert_eq!(
        talk.server_bytes(&[0, 0, 0, 1]).unwrap().summary,
        "SecurityType None"
    );
    assert_eq!(talk.client_bytes(&[0]).unwrap().summary, "ClientInit");
    let init = hex(INIT);
    assert_eq!(
        talk.server_bytes(&init).unwrap().summary,
        "ServerInit 64x48 lab"
    );
    let mut talk = Talk::opened("/", "", "");
    talk.server_bytes(VERSION);
    talk.client_bytes(VERSION);
    talk.server_bytes(&[1, 19]);
    talk.client_bytes(&[19]);
    assert_eq!(
        talk.server_bytes(&[0, 2]).unwrap().summary,
        "Authentication of VeNCrypt, 2 bytes"
    );
    assert_eq!(
        talk.server_bytes(&init).unwrap().summary,
        "ServerInit 64x48 lab"
    );
}

#[test]
fn base64_of_old_proxies_and_versions_in_pieces() {
    let mut talk = Talk::unknown();
    assert_eq!(
        talk.server("UkZCIDAwMy4wMDgK").unwrap().summary,
        "ProtocolVersion RFB 003.008"
    );
    assert_eq!(
        talk.client("UkZCIDAwMy4wMDgK").unwrap().summary,
        "ProtocolVersion RFB 003.008"
    );
    assert_eq!(talk.server("AQE=").unwrap().summary, "SecurityTypes None");
    let mut talk = Talk::unknown();
    talk.server_bytes(&VERSION[..5]);
    assert_eq!(talk.server_bytes(&VERSION[5..]).unwrap().protocol(), "rfb");
    for bytes in [
        &b"RFB 003.00"[..],
        b"RFB 103.008\n",
        b"RFB 003.00x\n",
        &[3, 0, 0, 0, 0, 0, 0, 64, 0, 48],
    ] {
        assert!(Talk::unknown().server_bytes(bytes).is_none());
    }
}

#[test]
fn someone_may_say_that_a_capture_in_the_middle_is_rfb() {
    let mut talk = Talk::forced("rfb");
    let key = hex("04 01 0000 00000061");
    talk.client_bytes(&key);
    assert_eq!(
        field(&talk.client_bytes(&key).unwrap(), "rfb.message"),
        ["KeyEvent"]
    );
}
