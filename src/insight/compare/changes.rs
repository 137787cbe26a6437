//! What a hop did to a connection, in sentences.

use crate::base::{Head, PerSide, Side, Timestamp, counted, escape};
use crate::engine::Transport;
use crate::websocket::MessageKind;
use crate::websocket::close::CloseCode;

use super::clocks::Clocks;
use super::difference::Delay;
use super::heads;
use super::messages::{Class, Direction, Pings};
use super::pairing::{Pair, path};
use super::record::{Recorded, RecordedMessage};
use super::words::duration;

/// A delay from here on is said in a sentence of its own, in nanoseconds.
pub(super) const LONG: i64 = 200_000_000;

/// The change of a target that was rewritten.
pub(super) const PATH: &str = "path-rewritten";

/// One thing that the hop did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    /// What, in kebab-case; stable.
    pub code: &'static str,
    /// In one sentence.
    pub text: String,
}

fn change(code: &'static str, text: impl Into<String>) -> Change {
    Change {
        code,
        text: text.into(),
    }
}

/// Everything the hop did, the handshake first and the end last.
pub(super) fn of_hop(
    pair: &Pair<'_>,
    directions: &PerSide<Direction<'_>>,
    delays: &PerSide<Option<Delay>>,
    clocks: &Clocks,
) -> Vec<Change> {
    let mut out = Vec::new();
    of_request(pair, &mut out);
    of_response(pair, &mut out);
    for side in Side::BOTH {
        of_messages(side, &directions[side].data, &mut out);
        of_pings(side, directions, &mut out);
        of_frames(side, &directions[side], &mut out);
    }
    for side in Side::BOTH {
        out.extend(delays[side].and_then(|delay| held_back(side, &delay)));
    }
    if out.is_empty() {
        out.push(change(
            "unchanged",
            "the hop passes handshake and frames on as they are",
        ));
    }
    out.extend(closed_first(pair, clocks));
    out
}

fn held_back(side: Side, delay: &Delay) -> Option<Change> {
    let (before, after) = (delay.worst_at.0.0, delay.worst_at.1.0);
    let text = format!(
        "the hop held a message of the {} back for {} (packet {before} before it, packet {after} after it)",
        side.name(),
        duration(delay.worst)
    );
    (delay.worst >= LONG).then(|| change("held-back", text))
}

fn of_request(pair: &Pair<'_>, out: &mut Vec<Change>) {
    let (a, b) = (&pair.one.connection, &pair.other.connection);
    if let (Some(tunnel), None) = (&a.tunnel, &b.tunnel) {
        let target = escape::preview(tunnel.target(), 80);
        let title = tunnel.title();
        let text = format!("the hop is a proxy that opened a tunnel to {target} ({title})");
        out.push(change("tunnel", text));
    }
    if let (None, Some(header)) = (&a.proxy_protocol, &b.proxy_protocol) {
        let text = format!("the hop tells the server who its client is: {header}");
        out.push(change("proxy-protocol", text));
    }
    if (a.transport, b.transport) == (Transport::Tls, Transport::Tcp) {
        let text = "the hop ends TLS: wss on the client's side, ws on the server's";
        out.push(change("tls-terminated", text));
    }
    let (Some(one), Some(other)) = (a.request(), b.request()) else {
        return;
    };
    let is_h2 = (a.transport.is_stream(), b.transport.is_stream());
    match is_h2 {
        (false, false) => of_upgrade(one, other, out),
        (true, false) => out.push(change(
            "http-version",
            "the hop turns a WebSocket over HTTP/2 (extended CONNECT) into an HTTP/1.1 upgrade",
        )),
        (false, true) => out.push(change(
            "http-version",
            "the hop turns an HTTP/1.1 upgrade into a WebSocket over HTTP/2 (extended CONNECT)",
        )),
        (true, true) => {}
    }
    if path(pair.one) != path(pair.other) {
        let shown = |recorded: &Recorded| {
            let head = recorded.shown().request();
            escape::preview(head.map_or(&[][..], Head::target), 80)
        };
        let (before, after) = (shown(pair.one), shown(pair.other));
        let text = format!("the hop rewrote the target: {before} became {after}");
        out.push(change(PATH, text));
    }
    if let Some(text) = listed("request", one, other) {
        out.push(change("request-headers", text));
    }
}

/// What belongs to the upgrade itself.
fn of_upgrade(one: &Head, other: &Head, out: &mut Vec<Change>) {
    let names_upgrade = |head: &Head| head.has_token("Upgrade", "websocket");
    let lists_upgrade = |head: &Head| head.has_token("Connection", "upgrade");
    let both = |head: &Head| names_upgrade(head) && lists_upgrade(head);
    if both(one) && !both(other) {
        let lost = match (names_upgrade(other), lists_upgrade(other)) {
            (false, false) => "Upgrade and Connection: Upgrade",
            (false, true) => "Upgrade: websocket",
            _ => "Connection: Upgrade",
        };
        let text = format!("the hop did not pass on {lost}: the server saw an ordinary request");
        out.push(change("upgrade-dropped", text));
    }
    if (one.minor_version, other.minor_version) == (1, 0) {
        let text = "the hop speaks HTTP/1.0 to the server, where no upgrade is possible";
        out.push(change("http-version", text));
    }
    let key = |head: &Head| head.value("Sec-WebSocket-Key").map(<[u8]>::to_vec);
    match (key(one), key(other)) {
        (Some(one), Some(other)) if one != other => out.push(change(
            "handshake-of-its-own",
            "the hop makes a WebSocket of its own to the server (another Sec-WebSocket-Key), so it reads and writes frames",
        )),
        (Some(_), None) => out.push(change("key-dropped", "the hop did not pass on Sec-WebSocket-Key")),
        _ => {}
    }
}

/// The names of headers that were added, dropped and rewritten.
fn listed(which: &str, before: &Head, after: &Head) -> Option<String> {
    let (a, b) = (heads::by_name(before), heads::by_name(after));
    let mut lists: [(&str, Vec<String>); 3] = [
        ("added", Vec::new()),
        ("dropped", Vec::new()),
        ("rewritten", Vec::new()),
    ];
    for name in heads::names(before, after) {
        let at = match (a.get(&name), b.get(&name)) {
            _ if name.starts_with(b":") => continue,
            (None, Some(_)) => 0,
            (Some(_), None) => 1,
            (a, b) if a != b => 2,
            _ => continue,
        };
        lists[at].1.push(escape::preview(&name, 60));
    }
    let told = lists.iter().filter(|(_, names)| !names.is_empty());
    let told: Vec<_> = told
        .map(|(verb, names)| format!("{verb} {}", names.join(", ")))
        .collect();
    (!told.is_empty()).then(|| format!("{which} headers: {}", told.join("; ")))
}

fn of_response(pair: &Pair<'_>, out: &mut Vec<Change>) {
    let (a, b) = (&pair.one.connection, &pair.other.connection);
    let status = |head: &Head| head.status().unwrap_or_default();
    let is_same_http = a.transport.is_stream() || b.transport.is_stream();
    let (one, other) = match (a.response(), b.response()) {
        (Some(one), Some(other)) => (one, other),
        (Some(one), None) if b.request().is_some() => {
            let text = format!(
                "the server did not answer; the hop answered {} itself",
                status(one)
            );
            return out.push(change("answered-by-hop", text));
        }
        (None, Some(other)) if a.request().is_some() => {
            let text = format!(
                "the server answered {}, and the hop did not pass that on",
                status(other)
            );
            return out.push(change("answer-dropped", text));
        }
        _ => return,
    };
    if status(one) != status(other) && !is_same_http {
        let text = format!(
            "the server answered {}, and the hop made {} of it",
            status(other),
            status(one)
        );
        out.push(change("status-changed", text));
    }
    for (code, what, name) in [
        ("extensions", "extension", "Sec-WebSocket-Extensions"),
        ("subprotocol", "subprotocol", "Sec-WebSocket-Protocol"),
    ] {
        let value = |head: &Head| {
            let value = head.value(name);
            value.map_or_else(|| "none".to_owned(), |value| escape::preview(value, 80))
        };
        if one.value(name) != other.value(name) {
            let text = format!(
                "the {what} agreed on differs: {} with the client, {} with the server",
                value(pair.one.shown().response().unwrap_or(one)),
                value(pair.other.shown().response().unwrap_or(other)),
            );
            out.push(change(code, text));
        }
    }
    if let Some(text) = listed("response", other, one) {
        out.push(change("response-headers", text));
    }
}

fn messages(count: usize) -> String {
    counted(count as u64, "data message")
}

fn of_messages(side: Side, data: &Class<'_>, out: &mut Vec<Change>) {
    let who = side.name();
    let mut say = |count: usize, code, text: String| {
        if count > 0 {
            out.push(change(code, text));
        }
    };
    let (dropped, added, changed) = (data.dropped.len(), data.added.len(), data.changed);
    say(
        dropped,
        "messages-dropped",
        format!(
            "the hop dropped {} of the {who}{}",
            messages(dropped),
            first(&data.dropped)
        ),
    );
    say(
        added,
        "messages-added",
        format!(
            "the hop added {} in the name of the {who}{}",
            messages(added),
            first(&data.added)
        ),
    );
    say(
        changed,
        "messages-changed",
        format!(
            "the hop changed the content of {} of the {who}",
            messages(changed)
        ),
    );
    let (from, into) = data.merged;
    say(
        from,
        "messages-merged",
        format!("the hop merged {} of the {who} into {into}", messages(from)),
    );
    let (from, into) = data.split;
    say(
        from,
        "messages-split",
        format!("the hop split {} of the {who} into {into}", messages(from)),
    );
}

fn first(told: &[&RecordedMessage]) -> String {
    told.first().map_or_else(String::new, |told| {
        format!(", the first in packet {}", told.packet.0)
    })
}

fn of_pings(side: Side, directions: &PerSide<Direction<'_>>, out: &mut Vec<Change>) {
    let pings = Pings::of(&directions[side], &directions[side.peer()]);
    let (who, peer) = (side.name(), side.peer().name());
    if pings.answered > 0 {
        let text = format!(
            "the hop itself answered {} of the {who}; the {peer} did not see that",
            counted(pings.answered as u64, "ping")
        );
        out.push(change("pings-answered", text));
    }
    if pings.swallowed > 0 {
        let text = format!(
            "the hop did not pass on {} of the {who}, and did not answer either",
            counted(pings.swallowed as u64, "ping")
        );
        out.push(change("pings-dropped", text));
    }
    if pings.own > 0 {
        let text = format!(
            "the hop sent {} of its own to the {peer}",
            counted(pings.own as u64, "ping")
        );
        out.push(change("pings-added", text));
    }
}

/// What happened to the frames of messages that passed.
fn of_frames(side: Side, direction: &Direction<'_>, out: &mut Vec<Change>) {
    let who = side.name();
    let all = direction.passed().count();
    let count = |is: &dyn Fn(&RecordedMessage, &RecordedMessage) -> bool| {
        direction
            .passed()
            .filter(|(before, after)| is(before, after))
            .count()
    };
    let mut say = |count: usize, code, text: &str| {
        if count > 0 {
            let text = format!("{text} {count} of {all} messages of the {who}");
            out.push(change(code, text));
        }
    };
    let refragmented = count(&|a, b| a.frames != b.frames);
    say(
        refragmented,
        "refragmented",
        "the hop cut into other frames",
    );
    let recompressed = count(&|a, b| a.compressed && b.compressed && a.wire != b.wire);
    say(recompressed, "recompressed", "the hop compressed anew");
    let inflated = count(&|a, b| a.compressed && !b.compressed);
    say(
        inflated,
        "compression-removed",
        "the hop took the compression from",
    );
    let deflated = count(&|a, b| !a.compressed && b.compressed);
    say(deflated, "compression-added", "the hop compressed");
    let remasked = count(&|a, b| a.mask.is_some() && b.mask.is_some() && a.mask != b.mask);
    say(remasked, "remasked", "the hop masked anew");
    let unmasked = count(&|a, b| a.mask.is_some() && b.mask.is_none());
    say(unmasked, "mask-removed", "the hop took the mask from");
    let masked = count(&|a, b| a.mask.is_none() && b.mask.is_some());
    say(masked, "mask-added", "the hop masked");
}

/// The first close frame of a connection, or where there is none the first FIN or RST: whose it was, and when.
fn ending(recorded: &Recorded) -> Option<(Side, Timestamp, bool)> {
    let close = |side: Side| {
        let mut messages = recorded.messages[side].iter();
        let told = messages.find(|told| told.kind == MessageKind::Close)?;
        Some((side, told.time, true))
    };
    let frames = Side::BOTH.into_iter().filter_map(close);
    let frame = frames.min_by_key(|(_, time, _)| *time);
    let tcp = recorded.ended.map(|(side, time)| (side, time, false));
    frame.or(tcp)
}

/// Who closed first: the client, the server, or the hop between them.
fn closed_first(pair: &Pair<'_>, clocks: &Clocks) -> Option<Change> {
    // What ends a connection that is none is HTTP's business.
    if !pair.one.connection.is_websocket() && !pair.other.connection.is_websocket() {
        return None;
    }
    let (one, other) = (ending(pair.one), ending(pair.other));
    let how = |frame: bool, recorded: &Recorded| match (frame, recorded.connection.close.code) {
        (true, Some(code)) => format!(" with {code} ({})", CloseCode(code).name()),
        (true, None) => " with a close frame".to_owned(),
        (false, _) => " without a close frame".to_owned(),
    };
    let (one, other) = (one?, other?);
    let later = other.1.since(one.1).saturating_sub(clocks.offset);
    let text = match (one, other) {
        ((Side::Client, _, frame), (Side::Client, ..)) if later >= 0 => {
            let later = duration(later);
            let how = how(frame, pair.one);
            format!("the client closed first{how}; the hop told the server {later} later")
        }
        ((Side::Server, ..), (Side::Server, _, frame)) if later <= 0 => {
            let later = duration(later.saturating_neg());
            let how = how(frame, pair.other);
            format!("the server closed first{how}; the hop told the client {later} later")
        }
        ((Side::Server, _, frame), (Side::Client, ..)) => {
            let how = how(frame, pair.one);
            format!("the hop closed on both sides itself{how}: neither client nor server did")
        }
        ((Side::Client, ..), (Side::Server, ..)) => {
            let earlier = if later >= 0 { "client" } else { "server" };
            format!("client and server closed each by itself, the {earlier} first")
        }
        ((Side::Client, ..), _) => format!(
            "the hop closed towards the server by itself, {} before the client did",
            duration(later.saturating_neg())
        ),
        _ => format!(
            "the hop closed towards the client by itself, {} before the server did",
            duration(later)
        ),
    };
    Some(change("closed-first", text))
}
