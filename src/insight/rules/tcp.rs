//! TCP: does the connection open?

use crate::base::Side;
use crate::engine::Seen;
use crate::insight::case::{Case, Found};
use crate::insight::verdict::Verdict;
use crate::wire::Reason;

use super::status::later;

/// Shortest time a lone SYN has to be watched before silence says something, in seconds.
const PATIENCE: f64 = 0.9;

/// The SYN, and ICMP in answer.
pub(super) fn rejected(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let mut notices = client.notices.iter();
    let noticed = notices.find(|noticed| !matches!(noticed.notice.reason, Reason::TooBig(_)))?;
    if server.packets > 0 || client.syn.is_none() || client.first_data.is_some() {
        return None;
    }
    let (from, reason) = (noticed.notice.from, noticed.notice.reason);
    let (address, port) = (case.attempt.server.ip(), case.attempt.server.port());
    let who = match from == address {
        true => format!("the host {address} itself"),
        false => format!("{from} on the way"),
    };
    let what = match reason {
        Reason::Unreachable(1) if from == address && waited(case, noticed.at) => format!(
            "{address} passes the connection to port {port} on (NAT, a port forwarding), and nobody answers at the address behind it"
        ),
        Reason::Unreachable(0 | 1 | 6 | 7) | Reason::Unreachable6(0 | 3) if from == address => {
            format!("a firewall at {who} rejects the connection to port {port}")
        }
        reason if reason.is_prohibited() => {
            format!("a firewall at {who} forbids the connection to port {port}")
        }
        Reason::Unreachable(2 | 3) | Reason::Unreachable6(4) => format!(
            "a firewall at {who} rejects the connection to port {port}; a port where nothing listens would answer with a RST"
        ),
        Reason::Unreachable(0 | 6) | Reason::Unreachable6(0) => {
            format!("{who} has no route to {address}")
        }
        Reason::Unreachable(1 | 7) | Reason::Unreachable6(3) => {
            format!("{who} cannot reach {address}: the host is down, or nobody has this address")
        }
        Reason::TimeExceeded => format!("packets to {address} do not arrive: they go in circles"),
        _ => format!("{who} rejects the connection to {address}"),
    };
    let count = match noticed.count {
        1 => String::new(),
        more => format!(", {more} times"),
    };
    Some(
        Found::certain(
            Verdict::ConnectionRejected,
            format!("{what} (ICMP: {reason})"),
        )
        .at(client.syn, "SYN")
        .at(
            Some(noticed.at),
            format!("ICMP from {from}: {reason}{count}"),
        ),
    )
}

/// Whether ICMP came so late that somebody looked for the host first (ARP gives up after some seconds); a rule answers at once.
fn waited(case: &Case<'_>, noticed: Seen) -> bool {
    let syn = case
        .attempt
        .flow
        .as_ref()
        .and_then(|flow| flow.sides.client.syn);
    syn.is_some_and(|syn| noticed.time.since(syn.time) > 900_000_000)
}

/// the SYN, and nothing back.
pub(super) fn unanswered(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let syn = client.syn?;
    let silent = server.packets == 0
        && client.first_data.is_none()
        && client.packets == u64::from(client.syn_count);
    if !silent {
        return None;
    }
    if case.watched(syn.time) < PATIENCE {
        let sentence =
            "the capture ends before the SYN was answered, or it holds one direction only";
        return Some(Found::possible(Verdict::Unfinished, sentence).at(client.syn, "SYN"));
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

/// The SYN and the SYN-ACK, again and again: the answer does not get back.
pub(super) fn answer_lost(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let answered = server.syn?;
    let is_lost = client.syn_count >= 2
        && server.syn_count >= 2
        && client.packets == u64::from(client.syn_count)
        && server.packets == u64::from(server.syn_count);
    if !is_lost {
        return None;
    }
    let sentence = format!(
        "{} answered the client's SYN {}, and the client did not take it: the answer (SYN-ACK) is lost on the way back, by a firewall or another route",
        case.attempt.server,
        times(server.syn_count),
    );
    Some(
        Found::certain(Verdict::ConnectionUnanswered, sentence)
            .at(client.syn, "SYN")
            .at(Some(answered), "SYN-ACK")
            .at(
                client.last_syn,
                "the client's last SYN, as if nothing had come",
            ),
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
    let elsewhere = case.all.asked_elsewhere(case.attempt);
    let elsewhere = elsewhere.map_or_else(String::new, |server| {
        format!("; the client then reached {server}")
    });
    let sentence = format!(
        "{} refused the connection: nothing listens on port {}, or a firewall rejects it{elsewhere}",
        case.attempt.server,
        case.attempt.server.port(),
    );
    Some(
        Found::certain(Verdict::ConnectionRefused, sentence)
            .at(client.syn, "SYN")
            .at(Some(reset.at), "RST in answer"),
    )
}

/// A server that ends within this time of the SYN-ACK never meant to read, in nanoseconds.
const AT_ONCE: i64 = 500_000_000;

/// A client that leaves later than this had no use for the connection, in nanoseconds.
const SOON: i64 = 2_000_000_000;

/// The connection opened, and the client ended it without a byte.
pub(super) fn client_left(case: &Case<'_>) -> Option<Found> {
    let flow = case.attempt.flow.as_ref()?;
    let (opened, (side, end)) = (opened_in_silence(case)?, case.attempt.end()?);
    // Browsers open connections in advance, and end them after some seconds.
    if side != Side::Client || end.time.since(opened.time) > SOON {
        return None;
    }
    let how = match flow.sides.client.reset {
        Some(reset) if reset.at == end => "reset",
        _ => "ended",
    };
    let sentence = format!(
        "the client opened the connection and {how} it {}, before it sent anything: checks of ports and health do so, and clients that give up",
        later(end.time.since(opened.time))
    );
    Some(
        Found::likely(Verdict::ClientLeft, sentence)
            .at(Some(opened), "SYN-ACK")
            .at(Some(end), "the client's FIN or RST"),
    )
}

/// The connection opened, and the server ended it before the client had sent anything.
pub(super) fn ended_at_once(case: &Case<'_>) -> Option<Found> {
    let (opened, (side, end)) = (opened_in_silence(case)?, case.attempt.end()?);
    if side != Side::Server || end.time.since(opened.time) > AT_ONCE {
        return None;
    }
    let sentence = "the server accepted the connection and ended it at once, before the client sent anything: it does not take this client (a filter of addresses, a limit on connections), or it is a balancer with no server behind it";
    Some(
        Found::likely(Verdict::ClosedWithoutAnswer, sentence)
            .at(Some(opened), "SYN-ACK")
            .at(Some(end), "the server's FIN or RST"),
    )
}

/// Where a connection opened that carried nothing.
fn opened_in_silence(case: &Case<'_>) -> Option<Seen> {
    let flow = case.attempt.flow.as_ref()?;
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let is_silent = client.first_data.is_none() && server.first_data.is_none();
    client.syn?;
    server.syn.filter(|_| is_silent)
}

fn times(count: u32) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}
