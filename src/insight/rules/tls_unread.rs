//! TLS whose handshake completes and whose content is not read: what the lengths and turns of its records say of the request inside.

use crate::base::Side;
use crate::insight::case::{Case, Found};
use crate::insight::verdict::Verdict;
use crate::tls::{self, Summary};

use super::tls::{ALERT, PATIENCE, has_change_cipher_spec, with_names};

/// The longest record of TLS 1.3 with a Finished alone.
const FINISHED: u64 = 4 + 48 + 1 + 16;

/// A server that ends within this time after the client's last word did so because of it, in nanoseconds.
const AT_ONCE: i64 = 2_000_000_000;

/// The server completes the handshake and ends the connection, and nothing that it sent can be an answer.
pub(super) fn closed_without_answer(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (side, end) = attempt.end()?;
    let flow = attempt.flow.as_ref()?;
    let last = flow.sides.client.last_data?;
    if attempt.connection.is_some()
        || side != Side::Server
        || !is_complete(summary, &flow.sides.server.opening)
        || end.time.since(last.time) > AT_ONCE
        || summary.decryption == tls::Decryption::Decrypted
    {
        return None;
    }
    let is_unanswered = is_unanswered_inside(summary);
    let what = match summary.is_client_silent() {
        true => "before the client sent anything",
        false if is_unanswered => "without an answer to what the client sent (encrypted)",
        false => return None,
    };
    let sentence = format!(
        "the server completed the TLS handshake and ended the connection {what}: what ends TLS here cannot reach the server behind it, or that closed"
    );
    let found = Found::likely(Verdict::ClosedWithoutAnswer, sentence).at(Some(end), "FIN or RST");
    Some(with_names(found, case, summary, Side::Client))
}

/// Whether the handshake came to its end; `opening` is how the server's stream begins.
fn is_complete(summary: &Summary, opening: &[u8]) -> bool {
    let (client, server) = (&summary.encrypted.client, &summary.encrypted.server);
    match summary.version == Some(tls::Version::TLS1_3) {
        true => client.records > 0 && server.records > 0,
        false => has_change_cipher_spec(opening),
    }
}

/// Whether the client asked something under protection, and nothing that the server sent can be an answer.
fn is_unanswered_inside(summary: &Summary) -> bool {
    let (client, server) = (&summary.encrypted.client, &summary.encrypted.server);
    if summary.version != Some(tls::Version::TLS1_3) {
        return client.turns == 1 && server.records == 0;
    }
    // The server's flight comes first, and what it says behind the client's is tickets until the client asks. What the client
    // says first has to be its Finished alone, and what it says last more than goodbye.
    let is_asked = client.bytes - client.turn_bytes <= FINISHED
        && client.turn_bytes > ALERT
        && client.turns == 2;
    is_asked && (server.turns == 2 || server.turns == 3 && server.turn_bytes <= ALERT)
}

/// The client asked something inside TLS, which cannot be read, and gave up waiting for the answer.
pub(super) fn unanswered_inside(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (side, end) = attempt.end()?;
    let server = &attempt.flow.as_ref()?.sides.server;
    let waited = end.time.since(server.last_data?.time);
    if attempt.connection.is_some()
        || side != Side::Client
        || summary.decryption == tls::Decryption::Decrypted
        || summary.is_client_silent()
        || !is_complete(summary, &server.opening)
        || !is_unanswered_inside(summary)
        || waited < PATIENCE
    {
        return None;
    }
    let sentence = format!(
        "what the client asked inside TLS (encrypted) was not answered: the server completed the handshake and was silent from then on; the client gave up after {}",
        super::status::seconds(waited)
    );
    let found = Found::likely(Verdict::NoAnswer, sentence)
        .at(server.last_data, "the last of the server, its handshake")
        .at(Some(end), "the client ends the connection");
    Some(with_names(found, case, summary, Side::Client))
}

/// ALPN chose h2, and what the client sends is not as HTTP/2 begins, though it cannot be read: one flight and no more.
pub(super) fn alpn_h2_unread(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let summary = attempt.tls.as_ref()?;
    let (_, end) = attempt.end()?;
    let (client, server) = (&summary.encrypted.client, &summary.encrypted.server);
    // A client of HTTP/2 acknowledges the server's SETTINGS, so it speaks twice at least.
    let is_one_request = client.records == 1 && server.records <= 4 && server.bytes <= 1024;
    if attempt.connection.is_some()
        || summary.alpn.as_deref() != Some("h2")
        || summary.version == Some(tls::Version::TLS1_3)
        || !is_one_request
    {
        return None;
    }
    let sentence = "TLS agreed on HTTP/2 (ALPN h2), and the client then sent one message and no answer to the server's SETTINGS, as a client does that speaks HTTP/1.1";
    let offer = summary.alpn_offered.join(", ");
    let found = Found::likely(Verdict::AlpnH2Http11Upgrade, sentence)
        .at(
            Some(attempt.first),
            format!("ALPN: the client offers {offer}, the server takes h2"),
        )
        .at(Some(end), "FIN or RST");
    Some(with_names(found, case, summary, Side::Client))
}
