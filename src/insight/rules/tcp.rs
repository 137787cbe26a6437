//! TCP: does the connection open?

use crate::insight::case::{Case, Found};
use crate::insight::verdict::Verdict;

/// Shortest time a lone SYN has to be watched before silence says something, in seconds.
const PATIENCE: f64 = 0.9;

/// the SYN, and nothing back.
pub(super) fn unanswered(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let syn = client.syn?;
    let silent = server.packets == 0
        && client.first_data.is_none()
        && client.packets == u64::from(client.syn_count);
    if !silent || case.watched(syn.time) < PATIENCE {
        return None;
    }
    let sentence = format!(
        "no answer from {}: the client's SYN was sent {} and never answered; the host is down, or a firewall drops the packets",
        case.attempt.server,
        times(client.syn_count),
    );
    let seconds = case.watched(syn.time);
    Some(
        Found::certain(Verdict::ConnectionUnanswered, sentence)
            .at(
                client.syn,
                format!("first SYN; {seconds:.1} s without any packet from the server"),
            )
            .at(client.last_syn, "last SYN"),
    )
}

/// SYN, RST.
pub(super) fn refused(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let reset = server.reset?;
    let never_open = client.syn.is_some() && server.syn.is_none() && client.first_data.is_none();
    if !never_open || server.first_data.is_some() {
        return None;
    }
    let sentence = format!(
        "{} refused the connection: nothing listens on port {}, or a firewall rejects it",
        case.attempt.server,
        case.attempt.server.port(),
    );
    Some(
        Found::certain(Verdict::ConnectionRefused, sentence)
            .at(client.syn, "SYN")
            .at(Some(reset.at), "RST in answer"),
    )
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
