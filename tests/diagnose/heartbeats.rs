//! An application's own pings that stop being answered, and close codes of its protocol.

use wireloupe::base::Side;
use wireloupe::insight::{Confidence, Verdict};
use wireloupe::testkit::{Conversation, Frame, upgrade_request, upgrade_response};

use crate::script::{SECOND, only, open, text};

/// A Socket.IO session that waits 20 seconds for pongs.
fn session() -> Conversation {
    let open = open()
        .client(upgrade_request(
            "/socket.io/?EIO=4&transport=websocket",
            &[],
        ))
        .server(upgrade_response(&[]));
    let says = r#"0{"sid":"a","upgrades":[],"pingInterval":25000,"pingTimeout":20000}"#;
    let open = open.server(Frame::text(says).bytes()).client(text("40"));
    open.server(Frame::text(r#"40{"sid":"b"}"#).bytes())
}

fn ping(talk: Conversation) -> Conversation {
    talk.wait(25 * SECOND).server(Frame::text("2").bytes())
}

#[test]
fn no_pong_within_the_ping_timeout() {
    let answered = ping(session()).client(text("3"));
    for (talk, words) in [
        (session(), "the client does not answer the pings"),
        (answered.clone(), "the client stopped answering the pings"),
    ] {
        let talk = ping(talk).wait(20 * SECOND);
        let found = only(talk.server(Frame::new(8, "").bytes()).close(Side::Server));
        assert_eq!(
            (found.verdict, found.confidence),
            (Verdict::PingUnanswered, Confidence::Certain),
            "{}",
            found.sentence
        );
        assert!(found.sentence.contains(words), "{}", found.sentence);
        assert!(
            found.sentence.contains("(engine.io)") && found.sentence.contains("20.0 s"),
            "{}",
            found.sentence
        );
    }
    // Answered, too early, or ended by the other side: the ping is not the reason.
    let in_time = answered.wait(20 * SECOND);
    let early = ping(session()).wait(5 * SECOND);
    let by_client = ping(session())
        .wait(20 * SECOND)
        .client(Frame::new(8, "").mask([1; 4]).bytes())
        .close(Side::Client);
    let by_server = |talk: Conversation| talk.server(Frame::new(8, "").bytes()).close(Side::Server);
    for talk in [by_server(in_time), by_server(early), by_client] {
        assert_ne!(only(talk).verdict, Verdict::PingUnanswered);
    }
}

#[test]
fn close_codes_are_called_as_the_protocol_does() {
    let protocol = [("Sec-WebSocket-Protocol", "graphql-transport-ws")];
    let talk = open()
        .client(upgrade_request("/graphql", &protocol))
        .server(upgrade_response(&protocol))
        .client(text(
            r#"{"type":"subscribe","id":"1","payload":{"query":"{a}"}}"#,
        ))
        .server(Frame::close(4401, "Unauthorized").bytes())
        .client(Frame::close(4401, "").mask([1; 4]).bytes())
        .close(Side::Server);
    let found = only(talk);
    assert_eq!(found.verdict, Verdict::ApplicationClose);
    assert!(
        found.sentence.contains("in graphql-transport-ws)"),
        "{}",
        found.sentence
    );
}
