//! Refusals in the own words of programs, read through chunks and compression, and silences that say who leaves so.

use std::io::Write as _;

use wireloupe::base::Side;
use wireloupe::insight::{Diagnosis, Verdict};
use wireloupe::testkit::{Conversation, upgrade_request, upgrade_response};

use crate::script::{SECOND, answered, asked, only, open, run, text, together};

/// An upgrade from a page of this origin, at the host example.com.
fn from_page(origin: &str, answer: &[u8]) -> Diagnosis {
    let request = upgrade_request("/chat", &[("Origin", origin)]);
    only(open().client(request).server(answer).fin())
}

#[test]
fn words_are_read_through_chunks_and_compression() {
    let said = "Not an accepted origin.";
    let plain = format!("HTTP/1.1 400 X\r\nContent-Length: 23\r\n\r\n{said}");
    let chunks =
        format!("HTTP/1.1 400 X\r\nTransfer-Encoding: chunked\r\n\r\n17\r\n{said}\r\n0\r\n\r\n");
    let mut zip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    zip.write_all(said.as_bytes()).expect("memory takes it");
    let zip = zip.finish().expect("memory takes it");
    let mut coded = b"HTTP/1.1 400 X\r\nContent-Encoding: gzip\r\n\r\n".to_vec();
    coded.extend(&zip);
    let head = "HTTP/1.1 400 X\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    let mut both = format!("{head}{:x}\r\n", zip.len()).into_bytes();
    both.extend(&zip);
    for answer in [plain.as_bytes(), chunks.as_bytes(), &coded, &both] {
        let found = from_page("https://other.example", answer);
        assert_eq!(found.verdict, Verdict::Forbidden, "{found:#?}");
        let says = |text: &str| found.evidence.iter().any(|one| one.text.contains(text));
        assert!(says(said), "{found:#?}");
    }
}

#[test]
fn an_origin_is_blamed_where_the_answer_does_or_nothing_else_can_be() {
    let short = |status: &str, words: &str| {
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n{words}",
            words.len()
        );
        from_page("https://other.example", answer.as_bytes())
    };
    assert_eq!(
        short("401 Origin denied", "").verdict,
        Verdict::Forbidden,
        "the reason names it"
    );
    let original = short("400 Bad Request", "the original request was not understood");
    assert_eq!(original.verdict, Verdict::BadRequest, "another word");
    assert!(
        original.sentence.contains("https://other.example"),
        "{}",
        original.sentence
    );
    let cache = short("404 Not Found", "The origin server could not be found");
    assert_ne!(cache.verdict, Verdict::Forbidden, "a server behind a cache");
    let own = from_page(
        "http://example.com",
        b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n",
    );
    assert!(!own.sentence.contains("Origin"), "{}", own.sentence);
    let none = answered("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n");
    assert!(!none.fix().0.contains("page's Origin"), "{}", none.fix().0);
}

#[test]
fn a_page_that_many_write_is_its_programs_own_only_by_name() {
    let not_found = |server: &str| {
        answered(&format!(
            "HTTP/1.1 404 Not Found\r\nServer: {server}\r\nContent-Length: 9\r\n\r\nnot found"
        ))
    };
    assert_eq!(
        not_found("nginx/1.22.1").verdict,
        Verdict::UpgradeNotForwarded
    );
    assert_eq!(not_found("h2o/2.2.6").verdict, Verdict::NotFound);
}

#[test]
fn a_forbidding_program_is_told_from_what_is_behind_it() {
    let nginx = "HTTP/1.1 403 Forbidden\r\nServer: nginx\r\n\r\n<center>nginx/1.22.1</center>";
    let rule = answered(nginx);
    assert!(
        rule.sentence.contains("nginx itself forbids it"),
        "{}",
        rule.sentence
    );
    assert!(rule.fix().0.contains("deny"), "{}", rule.fix().0);
    let behind = answered("HTTP/1.1 403 Forbidden\r\nServer: nginx\r\n\r\nno");
    assert!(!behind.sentence.contains("itself"), "{}", behind.sentence);
    let application = from_page(
        "http://example.com",
        b"HTTP/1.1 403 Forbidden\r\nServer: hypercorn-h11\r\n\r\n",
    );
    assert!(
        application
            .sentence
            .contains("closes before it accepts, and for paths"),
        "{}",
        application.sentence
    );
    assert!(
        application.fix().0.contains("routes"),
        "{}",
        application.fix().0
    );
}

#[test]
fn an_empty_text_is_how_uvicorn_refuses() {
    let said = "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n";
    let found = from_page("http://localhost:3000", said.as_bytes());
    assert!(found.sentence.contains("uvicorn"), "{}", found.sentence);
    assert!(found.fix().0.contains("routes"), "{}", found.fix().0);
}

#[test]
fn a_ban_is_a_refusal_of_what_was_accepted() {
    let nginx = "HTTP/1.1 403 Forbidden\r\nServer: nginx\r\n\r\n<center>nginx/1.22.1</center>";
    let accepted = asked().server(upgrade_response(&[])).fin();
    let again = Conversation::new("10.0.0.1:40001", "10.0.0.2:80").wait(SECOND);
    let refused = again.connect().client(upgrade_request("/chat", &[]));
    let refused = refused.server(nginx).fin();
    let found = run(&together(&[accepted, refused]));
    let verdicts: Vec<Verdict> = found.iter().map(|one| one.verdict).collect();
    assert!(verdicts.contains(&Verdict::RateLimited), "{verdicts:?}");
}

#[test]
fn servers_that_have_no_websocket_to_give() {
    let waitress = answered("HTTP/1.1 500 X\r\nServer: waitress\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(waitress.verdict, Verdict::ServerError);
    assert!(waitress.sentence.contains("WSGI"), "{}", waitress.sentence);
    let other = answered("HTTP/1.1 500 X\r\nServer: uvicorn\r\nContent-Length: 0\r\n\r\n");
    assert!(!other.sentence.contains("perhaps"), "{}", other.sentence);
    let missing = answered("HTTP/1.1 501 Not Implemented\r\nContent-Length: 0\r\n\r\n");
    assert_eq!(missing.verdict, Verdict::ServerError);
    assert!(
        missing.sentence.contains("offers no subprotocol") && missing.fix().0.contains("xmpp"),
        "{missing:#?}"
    );
    let page = "HTTP/1.1 400 Bad Request\r\nServer: nghttpx\r\n\r\n<footer>nghttpx</footer>";
    assert_eq!(answered(page).verdict, Verdict::UpgradeDisabled);
}

#[test]
fn who_leaves_or_stays_silent() {
    let engine_io = only(asked().wait(1_002_000_000).close(Side::Server));
    assert_eq!(engine_io.verdict, Verdict::ClosedWithoutAnswer);
    assert!(engine_io.fix().0.contains("socket.io"), "{engine_io:#?}");
    for late in [
        only(asked().wait(4 * SECOND).close(Side::Server)),
        only(asked().wait(4 * SECOND).reset(Side::Server)),
    ] {
        assert!(!late.sentence.contains("TLS"), "{}", late.sentence);
        assert!(late.fix().0.contains("workers"), "{}", late.fix().0);
    }
    let at_once = only(asked().close(Side::Server));
    assert!(at_once.sentence.contains("TLS"), "{}", at_once.sentence);
    assert!(!at_once.fix().0.contains("socket.io"), "{at_once:#?}");
    let mqtt = upgrade_request("/mqtt", &[("Sec-WebSocket-Protocol", "mqtt")]);
    let mqtt = only(open().client(mqtt).reset(Side::Server));
    assert!(mqtt.sentence.contains("MQTT itself"), "{}", mqtt.sentence);
    let taken = asked().ack(Side::Server);
    let silent = only(taken.wait(5 * SECOND).close(Side::Client));
    assert_eq!(silent.verdict, Verdict::NoAnswer);
    assert!(silent.fix().0.contains("ws: true"), "{}", silent.fix().0);
}

#[test]
fn a_page_in_one_packet_with_nothing_behind_it_is_inside_the_frames() {
    let frames = asked()
        .server(upgrade_response(&[]))
        .client(text("hello"))
        .server(b"\x81\x02ok")
        .server(b"HTTP/1.1 500 INTERNAL SERVER ERROR\r\n\r\n<!doctype html>");
    let found = only(frames.fin());
    assert_eq!(found.verdict, Verdict::HttpInsideFrames, "{found:#?}");
}
