//! HTTP: answers that are no HTTP response, or not a whole one, and requests that never ended.

use crate::base::{Side, escape};
use crate::engine::Seen;
use crate::insight::case::{Case, Found};
use crate::insight::facts::{Attempt, inside};
use crate::insight::verdict::Verdict;
use crate::tls;

/// Bytes quoted of an answer.
const QUOTED: usize = 60;

/// How a client of HTTP/2 begins (RFC 9113 section 3.4).
const H2_CLIENT: &[u8] = b"PRI * HTTP/2";

/// What begins like this speaks before anybody asked.
const BANNERS: &[(&[u8], &str)] = &[
    (b"SSH-", "an SSH server"),
    (b"220 ", "a mail or FTP server"),
    (b"220-", "a mail or FTP server"),
    (b"* OK", "an IMAP server"),
    (b"+OK", "a POP3 server"),
    (b"RFB 0", "a VNC server"),
    (b"-ERR", "a Redis server"),
    (b"@RSYNCD", "an rsync server"),
];

/// Whose greeting bytes are that no HTTP server sends.
pub(super) fn banner(bytes: &[u8]) -> Option<&'static str> {
    let mut banners = BANNERS.iter();
    let (_, who) = banners.find(|(start, _)| bytes.starts_with(start))?;
    Some(who)
}

/// The upgrade was answered with what is no HTTP response.
pub(super) fn answer(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let (asked, bytes) = inside(flow);
    let is_answered = attempt.connection.is_some() && !case.is_unanswered();
    // What stands in front of the request (SOCKS, the PROXY protocol) has answers of its own.
    // Nor does SETTINGS say anything to a client that speaks HTTP/2 itself.
    let is_request =
        asked.first().is_some_and(u8::is_ascii_uppercase) && !asked.starts_with(H2_CLIENT);
    if bytes.is_empty() || is_answered || !asks(attempt) || !is_request {
        return None;
    }
    let quoted = escape::preview(bytes.get(..bytes.len().min(QUOTED))?, QUOTED);
    let port = attempt.server.port();
    let (verdict, sentence, label, said) = if is_http2_settings(bytes) {
        (
            Verdict::Http2OnlyPort,
            format!(
                "port {port} speaks HTTP/2 only: it answers the HTTP/1.1 upgrade with SETTINGS"
            ),
            "SETTINGS of HTTP/2",
            "",
        )
    } else if tls::looks_like(bytes) {
        // What an alert in answer says is another rule's.
        return None;
    } else if is_beginning_of_http(bytes) {
        if memchr::memmem::find(bytes, b"\r\n\r\n").is_some() || bytes.len() >= 2048 {
            return None;
        }
        let sentence = "the answer to the upgrade ends in the middle of its head".to_owned();
        (
            Verdict::ResponseCutOff,
            sentence,
            "the answer so far: ",
            &*quoted,
        )
    } else {
        let sentence = match banner(bytes) {
            Some(who) => format!("port {port} belongs to {who}, which speaks no HTTP"),
            None => "the answer to the upgrade is no HTTP response".to_owned(),
        };
        (Verdict::NotHttp, sentence, "the answer: ", &*quoted)
    };
    let found = Found::certain(verdict, sentence)
        .at(client.first_data, "the upgrade request")
        .quoting(server.first_data, label, said);
    Some(match attempt.end() {
        Some((side, end)) => found.at(
            Some(end),
            format!("{} ends the connection", super::super::case::the(side)),
        ),
        None => found,
    })
}

/// The request stops in the middle of its head, and the server gave up waiting.
pub(super) fn request_timeout(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let (asked, answer) = inside(flow);
    let is_408 = answer.starts_with(b"HTTP/1.") && answer.get(9..12) == Some(b"408");
    let is_by_server = attempt.end().is_some_and(|(side, _)| side == Side::Server);
    if !is_half(attempt, asked) || !(is_408 || answer.is_empty() && is_by_server) {
        return None;
    }
    let sentence = match is_408 {
        true => {
            "the upgrade request stops in the middle of its head; the server waited for the rest and answered 408"
        }
        false => {
            "the upgrade request stops in the middle of its head; the server waited for the rest and closed"
        }
    };
    let found = ending_with(
        Found::certain(Verdict::RequestTimeout, sentence),
        client.last_data,
        asked,
    );
    Some(found.at(
        server.first_data.or(attempt.end().map(|(_, end)| end)),
        match is_408 {
            true => "408",
            false => "the end, without an answer",
        },
    ))
}

/// Shortest wait for the rest of a request that says something, in seconds.
const PATIENCE: f64 = 1.0;

/// The request stops in the middle of its head, and it is the client that ends the connection, or nobody does.
pub(super) fn request_cut_off(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let client = &flow.sides.client;
    let (asked, answer) = inside(flow);
    let last = client.last_data?;
    if !is_half(attempt, asked) {
        return None;
    }
    let misses_line = asked.ends_with(b"\r\n");
    let why = match misses_line {
        true => "; what ends a head, an empty line, did not come",
        false => "",
    };
    let found = match attempt.end() {
        Some((Side::Client, end)) => {
            let how = match client.reset {
                Some(reset) if reset.at == end => "reset",
                _ => "ended",
            };
            let sentence = format!(
                "the client sent half of its upgrade request and {how} the connection {}{why}",
                super::status::later(end.time.since(last.time))
            );
            let found = Found::certain(Verdict::RequestTimeout, sentence);
            ending_with(found, Some(last), asked).at(Some(end), "the client ends the connection")
        }
        None if answer.is_empty() && case.watched(last.time) >= PATIENCE => {
            let sentence = format!(
                "the upgrade request stops in the middle of its head, and nothing more came for {:.1} s{why}",
                case.watched(last.time)
            );
            ending_with(
                Found::likely(Verdict::RequestTimeout, sentence),
                Some(last),
                asked,
            )
        }
        _ => return None,
    };
    let line = answer.split(|byte| *byte == b'\r').next();
    Some(match line.filter(|line| !line.is_empty()) {
        Some(line) => found.quoting(
            flow.sides.server.first_data,
            "the server answers ",
            &escape::preview(line, QUOTED),
        ),
        None => found,
    })
}

/// Whether the client asks for a WebSocket and its head has no end.
fn is_half(attempt: &Attempt, asked: &[u8]) -> bool {
    attempt.connection.is_none()
        && asks(attempt)
        && asked.len() < 2048
        && memchr::memmem::find(asked, b"\r\n\r\n").is_none()
}

/// The same with the last line of half a request as evidence. It may be a header with a secret in it.
fn ending_with(found: Found, seen: Option<Seen>, asked: &[u8]) -> Found {
    let mut lines = asked.rsplit(|byte| *byte == b'\n');
    let last = lines.find(|line| !line.is_empty()).unwrap_or_default();
    let last = escape::preview(last.trim_ascii_end(), QUOTED);
    found.quoting(seen, "the request ends with ", &last)
}

/// Whether the client asked for a WebSocket, the beginning of its stream says.
fn asks(attempt: &Attempt) -> bool {
    attempt.connection.is_some() || attempt.asks_for_upgrade()
}

/// A SETTINGS frame on stream 0 (RFC 9113 section 6.5), or the GOAWAY that some send at once.
fn is_http2_settings(bytes: &[u8]) -> bool {
    let Some([_, _, low, kind, _flags, stream @ ..]) = bytes.get(..9) else {
        return false;
    };
    let is_settings = *kind == 4 && low % 6 == 0;
    (is_settings || *kind == 7) && bytes.starts_with(&[0]) && stream.iter().all(|byte| *byte == 0)
}

fn is_beginning_of_http(bytes: &[u8]) -> bool {
    let start = b"HTTP/1.";
    let common = bytes.iter().zip(start).take_while(|(a, b)| a == b).count();
    common == bytes.len().min(start.len())
}
