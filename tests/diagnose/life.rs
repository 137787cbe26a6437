//! What ends open connections from outside: resets, silence, time-outs.

use wireloupe::base::{Side, Timestamp};
use wireloupe::insight::{Confidence, Stage, Verdict};
use wireloupe::testkit::{ACK, Conversation, Frame, upgrade_request, upgrade_response};

use crate::script::{SECOND, accepted, only, run, text, together};

#[test]
fn a_reset_from_elsewhere() {
    let talk = accepted()
        .client(text("a"))
        .server(Frame::text("b").bytes())
        .ack(Side::Client);
    let forged = talk.clone().reset(Side::Server).edit(|segments| {
        let last = segments.last_mut().expect("the RST");
        (last.ttl, last.ip_id, last.window) = (250, 0, 0);
    });
    let found = only(forged);
    assert_eq!(
        (found.verdict, found.confidence),
        (Verdict::ForeignReset, Confidence::Certain),
        "F27"
    );
    assert_eq!(
        only(talk.clone().reset(Side::Server)).verdict,
        Verdict::ConnectionReset,
        "its own"
    );
    let next = talk.next_sequence(Side::Server);
    let goes_on =
        talk.reset(Side::Server)
            .raw(Side::Server, next, ACK, Frame::text("still here").bytes());
    assert_eq!(only(goes_on).verdict, Verdict::ForeignReset, "F27");
}

#[test]
fn silence() {
    let talk = accepted()
        .client(text("a"))
        .server(Frame::text("b").bytes())
        .ack(Side::Client);
    let lost = talk.clone().wait(240 * SECOND);
    let at = lost.next_sequence(Side::Client);
    let again = (0..5).fold(lost, |lost, turn| {
        lost.raw(Side::Client, at, ACK, text("c"))
            .wait(SECOND << turn)
    });
    assert_eq!(only(again).verdict, Verdict::SilentDrop, "F23");
    let ping = Frame::ping("1").mask([1, 1, 1, 1]).bytes();
    let gone = talk
        .client(ping)
        .wait(20 * SECOND)
        .client(Frame::close(1011, "").mask([2, 2, 2, 2]).bytes())
        .close(Side::Client);
    assert_eq!(only(gone).verdict, Verdict::PingUnanswered);
}

/// A connection that talks at these seconds of its life and is ended by the server, without a close frame, at `end`.
fn cut(port: u16, talks: &[i64], end: i64) -> Conversation {
    cut_from(0, port, talks, end)
}

/// The same, opened at this second of the capture.
fn cut_from(start: i64, port: u16, talks: &[i64], end: i64) -> Conversation {
    let mut now = 0;
    let mut conversation = opened(start, port);
    for &at in talks {
        conversation = conversation
            .wait((at - now) * SECOND)
            .client(text("a"))
            .server(Frame::text("b").bytes());
        now = at;
    }
    conversation
        .wait((end - now) * SECOND)
        .close(Side::Server)
        .close(Side::Client)
}

#[test]
fn an_idle_time_out_and_a_limit_on_age() {
    let idle = [
        cut(40001, &[1], 61),
        cut(40002, &[20, 50], 110),
        cut(40003, &[100], 160),
    ];
    for found in run(&together(&idle)) {
        assert_eq!(
            (found.verdict, found.stage()),
            (Verdict::IdleTimeout, Some(Stage::Life)),
            "F21"
        );
        assert!(found.sentence.contains("60.0 s"), "{}", found.sentence);
    }
    let aged = [
        cut(40001, &[1], 30),
        cut(40002, &[10, 28], 30),
        cut(40003, &[20], 30),
    ];
    assert!(
        run(&together(&aged))
            .iter()
            .all(|found| found.verdict == Verdict::LifetimeLimit),
        "F22"
    );
    let one = only(cut(40001, &[5], 105));
    assert_eq!(
        (one.verdict, one.confidence),
        (Verdict::IdleTimeout, Confidence::Possible)
    );
    let other = only(cut(40001, &[5], 12));
    assert_eq!(other.verdict, Verdict::ClosedWithoutCloseFrame);
}

#[test]
fn pings_that_come_when_the_limit_does() {
    let pings = |port: u16, count: i64| {
        let client = format!("10.0.0.1:{port}");
        let ping = Frame::ping("").mask([1, 1, 1, 1]).bytes();
        let open = Conversation::new(&client, "10.0.0.2:80")
            .connect()
            .client(upgrade_request("/", &[]))
            .server(upgrade_response(&[]));
        let talk = (0..count).fold(open, |talk, _| {
            talk.wait(60 * SECOND)
                .client(&ping)
                .server(Frame::pong("").bytes())
        });
        talk.wait(60 * SECOND)
            .close(Side::Server)
            .close(Side::Client)
    };
    let found = run(&together(&[
        pings(40001, 2),
        pings(40002, 3),
        pings(40003, 5),
    ]));
    assert!(
        found
            .iter()
            .all(|found| found.verdict == Verdict::PingAtIdleLimit),
        "F24: {found:#?}"
    );
}

#[test]
fn usual_time_outs_and_limits() {
    let idle = [
        cut(40001, &[1], 101),
        cut(40002, &[20, 50], 150),
        cut(40003, &[30, 90, 130], 230),
        cut(40004, &[3], 103),
    ];
    for found in run(&together(&idle)) {
        assert_eq!(found.verdict, Verdict::IdleTimeout, "F21: {found:#?}");
        assert!(
            found
                .sentence
                .contains("4 connections after 100.0 s of silence"),
            "{}",
            found.sentence
        );
        assert_eq!(found.confidence, Confidence::Likely);
    }
    let aged = [
        cut_from(0, 40001, &[1], 30),
        cut_from(7, 40002, &[10, 28], 30),
        cut_from(20, 40003, &[5, 10, 15, 20, 25], 30),
    ];
    for found in run(&together(&aged)) {
        assert_eq!(found.verdict, Verdict::LifetimeLimit, "F22: {found:#?}");
        assert!(
            found.sentence.contains("30.0 s after they opened"),
            "{}",
            found.sentence
        );
        assert_eq!(found.confidence, Confidence::Likely);
    }
}

#[test]
fn connections_of_every_age_that_end_in_one_moment_are_the_servers_end() {
    let stopped = [
        cut_from(0, 40001, &[1], 90),
        cut_from(17, 40002, &[10, 28], 73),
        cut_from(58, 40003, &[5, 10, 15, 20], 32),
    ];
    for found in run(&together(&stopped)) {
        assert_eq!(found.verdict, Verdict::ServerStopped, "{found:#?}");
        assert!(
            found.sentence.contains("3 connections"),
            "{}",
            found.sentence
        );
    }
    for found in run(&together(&stopped[..2])) {
        assert_ne!(found.verdict, Verdict::ServerStopped, "{found:#?}");
    }
}

#[test]
fn a_server_that_stops_is_not_certainly_a_limit() {
    let stopped = [
        cut(40001, &[1], 30),
        cut(40002, &[10, 28], 30),
        cut(40003, &[5, 10, 15], 30),
    ];
    for found in run(&together(&stopped)) {
        assert_eq!(found.confidence, Confidence::Possible, "{found:#?}");
        let doubt = found
            .evidence
            .iter()
            .any(|e| e.text.contains("a server that stops"));
        assert!(doubt, "{found:#?}");
    }
}

#[test]
fn a_time_out_that_counts_the_server_alone() {
    let talk = |port: u16, answers: i64, goes_on: &[i64]| {
        let mut talk = opened(0, port)
            .wait(answers * SECOND)
            .server(Frame::text("b").bytes());
        let mut now = 0;
        for &at in goes_on {
            talk = talk.wait((at - now) * SECOND).client(text("still here"));
            now = at;
        }
        talk.wait((60 - now) * SECOND)
            .close(Side::Server)
            .close(Side::Client)
    };
    let idle = [
        talk(40001, 3, &[10, 55]),
        talk(40002, 30, &[20, 40]),
        talk(40003, 90, &[5, 29]),
    ];
    for found in run(&together(&idle)) {
        assert_eq!(
            found.verdict,
            Verdict::IdleTimeout,
            "F21, nginx: {found:#?}"
        );
        assert!(
            found.sentence.contains("silence of the server"),
            "{}",
            found.sentence
        );
    }
}

fn opened(start: i64, port: u16) -> Conversation {
    Conversation::new(&format!("10.0.0.1:{port}"), "10.0.0.2:80")
        .at(Timestamp((1_700_000_000 + start) * SECOND))
        .connect()
        .client(upgrade_request("/", &[]))
        .server(upgrade_response(&[]))
}

#[test]
fn ends_that_have_nothing_in_common_are_no_time_out() {
    let ends = [
        cut(40001, &[1], 8),
        cut(40002, &[20, 50], 73),
        cut(40003, &[3], 44),
        cut(40004, &[9], 11),
    ];
    for found in run(&together(&ends)) {
        assert_eq!(
            found.verdict,
            Verdict::ClosedWithoutCloseFrame,
            "{found:#?}"
        );
    }
}

#[test]
fn pings_that_stopped_being_answered() {
    let ping = |text: &str| Frame::ping(text).mask([1, 1, 1, 1]).bytes();
    let answered = |talk: Conversation, text: &str| {
        talk.wait(20 * SECOND)
            .client(ping(text))
            .server(Frame::pong(text).bytes())
    };
    let talk = ["a", "b"].into_iter().fold(accepted(), answered);
    let gives_up = Frame::close(1011, "keepalive ping timeout")
        .mask([2, 2, 2, 2])
        .bytes();
    let silent = only(
        talk.clone()
            .wait(20 * SECOND)
            .client(ping("c"))
            .wait(20 * SECOND)
            .client(&gives_up)
            .close(Side::Client),
    );
    assert_eq!(silent.verdict, Verdict::PingUnanswered);
    assert!(
        silent
            .sentence
            .contains("the server stopped answering pings: "),
        "{}",
        silent.sentence
    );
    assert!(
        silent.sentence.contains("gave up after 20.0 s"),
        "{}",
        silent.sentence
    );
    let talking = only(
        talk.clone()
            .wait(20 * SECOND)
            .client(ping("c"))
            .server(Frame::text("data goes on").bytes())
            .wait(20 * SECOND)
            .client(&gives_up)
            .close(Side::Client),
    );
    assert_eq!(
        (talking.verdict, talking.confidence),
        (Verdict::PingUnanswered, Confidence::Likely)
    );
    let never = only(
        accepted()
            .client(ping("x"))
            .wait(SECOND)
            .client(ping("y"))
            .wait(SECOND),
    );
    assert!(
        never.sentence.contains("does not answer pings"),
        "{}",
        never.sentence
    );
    // One that closes in order while a ping is out had other reasons.
    let ends = only(
        talk.client(ping("c"))
            .server(Frame::text("last words").bytes())
            .wait(20 * SECOND)
            .client(Frame::close(1000, "").mask([3, 3, 3, 3]).bytes())
            .server(Frame::close(1000, "").bytes())
            .fin(),
    );
    assert_eq!(ends.verdict, Verdict::Healthy);
}
