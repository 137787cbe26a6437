//! The 101, the first frames, and how connections close.

use wireloupe::base::Side;
use wireloupe::insight::{Stage, Verdict};
use wireloupe::testkit::{Conversation, Frame, upgrade_request, upgrade_response};

use crate::script::{SECOND, accepted, asked, only, open, run, text, together};

#[test]
fn a_101_that_does_not_fit() {
    let answer = |headers: &str| {
        only(asked().server(format!("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n{headers}\r\n")).fin()).verdict
    };
    assert_eq!(answer(""), Verdict::AcceptMissing, "F14");
    assert_eq!(
        answer("Sec-WebSocket-Accept: AAAA\r\n"),
        Verdict::AcceptMismatch,
        "F14"
    );
    let right = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    assert_eq!(
        answer(&format!("{right}Sec-WebSocket-Protocol: x\r\n")),
        Verdict::SubprotocolNotOffered,
        "F15"
    );
    assert_eq!(
        answer(&format!(
            "{right}Sec-WebSocket-Extensions: permessage-deflate\r\n"
        )),
        Verdict::ExtensionNotOffered
    );
}

#[test]
fn a_browser_leaves_when_no_subprotocol_was_chosen() {
    let asks = open().client(upgrade_request("/", &[("Sec-WebSocket-Protocol", "mqtt")]));
    let leaves = asks
        .clone()
        .server(upgrade_response(&[]))
        .close(Side::Client);
    assert_eq!(only(leaves).verdict, Verdict::SubprotocolMissing, "F15");
    let stays = asks
        .server(upgrade_response(&[]))
        .client(text("a"))
        .server(Frame::text("b").bytes());
    assert_eq!(only(stays).verdict, Verdict::Healthy);
}

#[test]
fn first_frames() {
    let http = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n";
    let two_handlers = only(accepted().server(http).close(Side::Server));
    assert_eq!(two_handlers.verdict, Verdict::HttpInsideFrames, "F17");
    let proxy = only(
        accepted()
            .client(text("hello"))
            .server(http)
            .close(Side::Server),
    );
    assert_eq!(proxy.verdict, Verdict::FramesParsedAsHttp, "F20");
    let waf = only(accepted().wait(SECOND).close(Side::Server));
    assert_eq!(
        (waf.verdict, waf.stage()),
        (Verdict::ClosedAfterHandshake, Some(Stage::FirstFrames)),
        "F19"
    );
    let close = |code| Frame::close(code, "").mask([9, 8, 7, 6]).bytes();
    let masked = only(accepted().server(text("x")).client(close(1002)).fin());
    assert_eq!(masked.verdict, Verdict::ServerFrameMasked, "F18");
    let unmasked = only(
        accepted()
            .client(Frame::text("x").bytes())
            .server(Frame::close(1002, "").bytes())
            .fin(),
    );
    assert_eq!(unmasked.verdict, Verdict::ClientFrameUnmasked, "F18");
    let rsv1 = only(
        accepted()
            .server(Frame::text("x").rsv1().bytes())
            .client(close(1002))
            .fin(),
    );
    assert_eq!(rsv1.verdict, Verdict::ReservedBitSet, "F16");
}

#[test]
fn what_the_other_side_tolerates_breaks_nothing() {
    let talks = accepted()
        .client(Frame::text("x").bytes())
        .server(Frame::text("y").bytes())
        .client(Frame::close(1000, "").bytes())
        .server(Frame::close(1000, "").bytes())
        .fin();
    let found = only(talks);
    assert_eq!(found.verdict, Verdict::Healthy);
    assert!(found.sentence.contains("tolerates"), "{}", found.sentence);
}

#[test]
fn close_codes() {
    let closes = |code: u16| {
        let answer = Frame::close(code, "").mask([1, 2, 3, 4]).bytes();
        only(
            accepted()
                .server(Frame::close(code, "why").bytes())
                .client(answer)
                .fin(),
        )
        .verdict
    };
    assert_eq!(closes(1000), Verdict::Healthy);
    assert_eq!(closes(1001), Verdict::Healthy);
    assert_eq!(
        closes(4000),
        Verdict::ApplicationClose,
        "what private codes mean the two know"
    );
    assert_eq!(closes(1007), Verdict::InvalidUtf8);
    assert_eq!(closes(1009), Verdict::MessageTooBig);
    assert_eq!(closes(1011), Verdict::InternalErrorClose);
    assert_eq!(closes(1013), Verdict::ServiceClose);
}

#[test]
fn a_close_that_is_half_done_is_told() {
    let half = only(
        accepted()
            .client(text("a"))
            .server(Frame::text("b").bytes())
            .close(Side::Client),
    );
    assert_eq!(half.verdict, Verdict::ClosedWithoutCloseFrame);
    assert!(half.ending.contains("half-closed"), "{}", half.ending);
}

#[test]
fn a_101_that_is_no_upgrade() {
    let right = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n";
    let answer = |headers: &str| {
        let head = format!("HTTP/1.1 101 Switching Protocols\r\n{headers}{right}\r\n");
        only(asked().server(head).fin())
    };
    let without_upgrade = answer("Connection: Upgrade\r\n");
    assert_eq!(without_upgrade.verdict, Verdict::UpgradeHeaderInvalid);
    assert!(
        without_upgrade.sentence.contains("Upgrade"),
        "{}",
        without_upgrade.sentence
    );
    assert_eq!(
        answer("Upgrade: websocket\r\n").verdict,
        Verdict::UpgradeHeaderInvalid
    );
    assert_eq!(
        answer("Upgrade: websocket\r\nConnection: keep-alive, upgrade\r\n").verdict,
        Verdict::ClosedWithoutCloseFrame,
        "this one is right, and only the end is not"
    );
}

#[test]
fn a_replayed_answer_names_whose_it_is() {
    let other_key = "AAAAAAAAAAAAAAAAAAAAAA==";
    let request = String::from_utf8(upgrade_request("/chat", &[])).expect("text");
    let first = accepted().close(Side::Client).close(Side::Server);
    let replayed = Conversation::new("10.0.0.1:40001", "10.0.0.2:80")
        .wait(SECOND)
        .connect()
        .client(request.replace("dGhlIHNhbXBsZSBub25jZQ==", other_key))
        .server(upgrade_response(&[]))
        .close(Side::Client)
        .close(Side::Server);
    let found = run(&together(&[first, replayed]));
    assert_eq!(found[1].verdict, Verdict::AcceptMismatch, "F14");
    assert!(
        found[1]
            .sentence
            .contains("answers the key of connection 1"),
        "{}",
        found[1].sentence
    );
}

#[test]
fn a_compressed_message_that_does_not_inflate() {
    let deflate = [("Sec-WebSocket-Extensions", "permessage-deflate")];
    let talk = open()
        .client(upgrade_request("/", &deflate))
        .server(upgrade_response(&deflate))
        .server(Frame::text([0xff, 0xff, 0xff, 0xff]).rsv1().bytes())
        .client(
            Frame::close(1007, "invalid data")
                .mask([1, 2, 3, 4])
                .bytes(),
        )
        .fin();
    let found = only(talk);
    assert_eq!(
        (found.verdict, found.stage()),
        (Verdict::DeflateInvalid, Some(Stage::FirstFrames)),
        "F16"
    );
    assert!(found.sentence.contains("the server"), "{}", found.sentence);
}

#[test]
fn a_frame_that_breaks_the_format() {
    let reserved = Frame::new(0x3, "x").mask([1, 2, 3, 4]).bytes();
    let found = only(
        accepted()
            .client(reserved)
            .server(Frame::close(1002, "invalid opcode").bytes())
            .fin(),
    );
    assert_eq!(found.verdict, Verdict::FrameInvalid);
    let evidence: Vec<_> = found.evidence.iter().map(|e| &*e.text).collect();
    assert!(
        evidence.contains(&"the server closes with 1002"),
        "{evidence:?}"
    );
}

#[test]
fn close_codes_that_say_what_is_wrong() {
    let closes = |code: u16| {
        let close = Frame::close(code, "why").mask([9, 9, 9, 9]).bytes();
        only(
            accepted()
                .server(Frame::text("x").bytes())
                .client(close)
                .server(Frame::close(code, "").bytes())
                .fin(),
        )
    };
    let cases = [
        (1002, Verdict::ProtocolErrorClose),
        (1003, Verdict::UnsupportedDataClose),
        (1008, Verdict::PolicyClose),
        (1010, Verdict::ExtensionRequiredClose),
        (1012, Verdict::ServiceClose),
    ];
    for (code, verdict) in cases {
        let found = closes(code);
        assert_eq!(found.verdict, verdict, "{code}");
        assert!(found.sentence.contains("\"why\""), "{}", found.sentence);
    }
}
