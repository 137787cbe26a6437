//! What stands in front of the request: a SOCKS server that refuses, and a PROXY protocol line that nobody expected.

use crate::base::escape;
use crate::insight::case::{Case, Found, the};
use crate::insight::index::PROXY_2;
use crate::insight::verdict::Verdict;

/// Whether a stream begins with the PROXY protocol, and which version.
fn proxy_version(opening: &[u8]) -> Option<u8> {
    if opening.starts_with(b"PROXY ") {
        return Some(1);
    }
    opening.starts_with(PROXY_2).then_some(2)
}

/// The PROXY protocol was sent to a server that does not know it, or left out where the same server is sent it otherwise.
pub(super) fn proxy_protocol(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    match proxy_version(&client.opening) {
        Some(version) => {
            let is_refused = server.opening.starts_with(b"HTTP/1.")
                && matches!(server.opening.get(9), Some(b'4' | b'5'));
            let is_alert = matches!(server.opening.get(..2), Some([0x15, 3]));
            let is_closed = server.opening.is_empty()
                && attempt
                    .end()
                    .is_some_and(|(side, _)| side == crate::base::Side::Server);
            if !(is_refused || is_alert || is_closed) {
                return None;
            }
            let sentence = format!(
                "a hop sends the PROXY protocol (version {version}) to port {}, and the server there does not expect it",
                attempt.server.port()
            );
            let line = client
                .opening
                .split(|byte| *byte == b'\r')
                .next()
                .unwrap_or_default();
            let shown = match version {
                1 => escape::preview(line, 100),
                _ => "the signature of version 2, then an address in binary".to_owned(),
            };
            let found = Found::certain(Verdict::ProxyProtocolUnexpected, sentence)
                .at(client.first_data, shown);
            let line = server
                .opening
                .split(|byte| *byte == b'\r')
                .next()
                .unwrap_or_default();
            Some(match (is_refused, is_alert) {
                (true, _) => found.at(server.first_data, escape::preview(line, 60)),
                (_, true) => found.at(server.first_data, "a TLS alert"),
                _ => found.at(
                    attempt.end().map(|(_, end)| end),
                    "the server ends the connection",
                ),
            })
        }
        None => {
            let is_silent = server.opening.is_empty()
                && client.first_data.is_some()
                && attempt
                    .end()
                    .is_some_and(|(side, _)| side == crate::base::Side::Server);
            if !is_silent {
                return None;
            }
            let other = case.all.sends_proxy_protocol(attempt.server)?;
            let sentence = format!(
                "the server at port {} expects the PROXY protocol, and this client came past the hop that sends it",
                attempt.server.port()
            );
            Some(
                Found::likely(Verdict::ProxyProtocolUnexpected, sentence)
                    .at(
                        client.first_data,
                        "the client's first bytes are no PROXY line",
                    )
                    .at(
                        Some(other),
                        "another connection to this server begins with one",
                    )
                    .at(
                        attempt.end().map(|(_, end)| end),
                        "the server ends the connection without a word",
                    ),
            )
        }
    }
}

/// A SOCKS server that refuses, or cannot reach what it was asked for (RFC 1928, and SOCKS 4).
pub(super) fn socks(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let flow = attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let (verdict, what) = match (client.opening.first()?, &server.opening[..]) {
        (4, [0, code @ 0x5b..=0x5d, ..]) if matches!(client.opening.get(1), Some(1 | 2)) => (
            Verdict::SocksRefused,
            format!(
                "the SOCKS 4 server rejects the request (code {code}): its rules do not allow it, or it could not connect"
            ),
        ),
        (5, reply) if is_greeting(&client.opening) => {
            socks5(reply, attempt.end().is_some(), client.opening.len())?
        }
        _ => return None,
    };
    let found = Found::certain(verdict, what).at(client.first_data, "a request in SOCKS");
    Some(match attempt.end() {
        Some((side, end)) => found
            .at(server.last_data, "the SOCKS server's answer")
            .at(Some(end), format!("{} ends the connection", the(side))),
        None => found.at(server.last_data, "the SOCKS server's answer"),
    })
}

/// Version, count of methods, methods (RFC 1928 section 3).
pub(super) fn is_greeting(opening: &[u8]) -> bool {
    match opening {
        [5, count, methods @ ..] => {
            *count > 0
                && methods.len() >= usize::from(*count).min(8)
                && methods.first().is_some_and(|method| *method < 10)
        }
        _ => false,
    }
}

fn socks5(reply: &[u8], has_ended: bool, asked: usize) -> Option<(Verdict, String)> {
    let refused = |text: &str| Some((Verdict::SocksRefused, text.to_owned()));
    let rest = match reply {
        [5, 0xff, ..] => {
            return refused(
                "the SOCKS server takes none of the ways to log in that the client offers (method FF)",
            );
        }
        [5, 2, 1, status, ..] if *status != 0 => {
            return refused("the SOCKS server does not take this user name and password");
        }
        [5, 2, 1, 0, rest @ ..] => rest,
        [5, _, rest @ ..] => rest,
        _ => return None,
    };
    match rest {
        [5, 2, ..] => refused("the SOCKS server's rules do not allow this destination (reply 2)"),
        [5, code @ (1 | 3..=6), ..] => {
            let why = match code {
                3 => "network unreachable",
                4 => "host unreachable, or its name is not known",
                5 => "connection refused: nothing listens there",
                6 => "TTL expired",
                _ => "general failure",
            };
            Some((Verdict::SocksUnreachable, format!("the SOCKS server could not reach the destination (reply {code}, {why})")))
        }
        [5, code @ (7 | 8), ..] => Some((
            Verdict::SocksRefused,
            format!("the SOCKS server does not take this kind of request (reply {code})"),
        )),
        // Some close without a reply when nothing listens behind.
        [] if has_ended && asked > 4 => Some((
            Verdict::SocksUnreachable,
            "the SOCKS server ended the connection without a reply: it could not reach the destination".to_owned(),
        )),
        _ => None,
    }
}
