//! QUIC under a WebSocket over HTTP/3: a whole connection that ends without a word to its streams (RFC 9000 section 10).

use crate::base::escape;
use crate::engine::{EndedBy, Seen};
use crate::insight::case::{Case, Found, the};
use crate::insight::verdict::Verdict;

use super::status::seconds;

/// Both sides forget a connection that was silent for as long as they agreed on.
pub(super) fn idle(case: &Case<'_>) -> Option<Found> {
    let attempt = case.attempt;
    let (connection, quic) = (attempt.connection.as_ref()?, attempt.quic.as_deref()?);
    let limit = i64::try_from(quic.idle_timeout?.checked_mul(1_000_000)?).ok()?;
    let (last, closed) = (last(case)?, connection.closed?);
    let is_idle = connection.close.ended_by == Some(EndedBy::Timeout)
        && connection.close.code.is_none()
        && closed.since(last.time) >= limit;
    if !is_idle || !case.is_accepted() {
        return None;
    }
    let sentence = format!(
        "QUIC's idle time-out: both sides forget a connection after {} without a packet (max_idle_timeout), and nobody sent one",
        seconds(limit)
    );
    let found = Found::certain(Verdict::IdleTimeout, sentence);
    Some(found.at(Some(last), "the last frame"))
}

/// A side does not know the connection any more.
pub(super) fn forgotten(case: &Case<'_>) -> Option<Found> {
    let quic = case.attempt.quic.as_deref()?;
    let who = the(quic.stateless_reset?);
    ended(case)?;
    let sentence = format!(
        "{who} does not know the QUIC connection any more and says so by a stateless reset: it was restarted, or packets came to another machine"
    );
    let found = Found::certain(Verdict::StreamReset, sentence);
    Some(found.at(last(case), "the last frame before"))
}

/// A side closed the whole connection with an error.
pub(super) fn closed(case: &Case<'_>) -> Option<Found> {
    let quic = case.attempt.quic.as_deref()?;
    let (side, close) = quic
        .close
        .as_ref()
        .filter(|(_, close)| !close.is_without_error())?;
    let error = ended(case)?;
    let reason = match close.reason.is_empty() {
        true => String::new(),
        false => format!(" ({:?})", escape::preview(&close.reason, 60)),
    };
    let sentence = format!(
        "{} closed the whole QUIC connection with {error}{reason} in the middle of the conversation, without a close frame",
        the(*side)
    );
    let found = Found::certain(Verdict::StreamReset, sentence);
    Some(found.at(last(case), "the last frame before"))
}

/// The error that a conversation without a close frame was ended with.
fn ended(case: &Case<'_>) -> Option<String> {
    let connection = case.attempt.connection.as_ref()?;
    let close = &connection.close;
    let frames = close.frames.client || close.frames.server;
    let is_cut = close.ended_by == Some(EndedBy::Rst) && !frames;
    let error = close.error.filter(|_| is_cut)?;
    Some(connection.transport.error_name(error).into_owned())
}

fn last(case: &Case<'_>) -> Option<Seen> {
    let frames = &case.attempt.frames;
    let both = [frames.client.last, frames.server.last]
        .into_iter()
        .flatten();
    both.max_by_key(|seen| seen.packet.0)
}
