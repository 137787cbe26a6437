//! Statistics as text with bars, and as one JSON document.

mod calls;
mod figures;
mod ways;

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::base::{PerSide, escape};
use crate::insight::statistics::{CallOrder, Distribution, Overhead, Statistics, Talker};
use crate::websocket::Opcode;
use crate::websocket::close::CloseCode;

pub(super) use figures::duration;
use figures::spread;

/// Columns of the longest bar.
const BAR: u64 = 32;

/// The statistics for people, calls in the order of their own.
#[must_use]
pub fn text(of: &Statistics, order: CallOrder) -> String {
    let mut out = String::new();
    counted(
        &mut out,
        "Connections",
        of.connections(),
        &named(&of.outcomes),
    );
    times(&mut out, "Duration", &of.durations);
    times(&mut out, "Handshake", &of.handshakes);
    frames(&mut out, of);
    sizes(&mut out, &of.sizes);
    compression(&mut out, of);
    rate(&mut out, of);
    times(&mut out, "Ping to pong", &of.round_trips);
    heartbeats(&mut out, of);
    times(&mut out, "Between frames", &of.gaps);
    if of.heartbeats.client + of.heartbeats.server > 0 {
        let title = "Between messages other than these pings and pongs";
        times(&mut out, title, &of.pauses);
    }
    calls::text(&mut out, &of.calls, order);
    let codes: Vec<_> = of
        .close_codes
        .iter()
        .map(|(code, n)| (close(*code), *n))
        .collect();
    counted(&mut out, "Close codes", sum(&codes), &codes);
    counted(
        &mut out,
        "Ended by",
        sum(&named(&of.ended_by)),
        &named(&of.ended_by),
    );
    let mut findings = named(&of.findings);
    findings.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    counted(&mut out, "Findings", sum(&findings), &findings);
    talkers(&mut out, &of.talkers);
    overhead(&mut out, &of.overhead);
    ways::text(&mut out, &of.ways);
    out
}

fn named(counts: &std::collections::BTreeMap<&'static str, u64>) -> Vec<(String, u64)> {
    let pairs = counts
        .iter()
        .map(|(name, count)| ((*name).to_owned(), *count));
    pairs.collect()
}

fn sum(counts: &[(String, u64)]) -> u64 {
    counts.iter().map(|(_, count)| count).sum()
}

fn close(code: Option<u16>) -> String {
    code.map_or("none".into(), |code| {
        format!("{code} {}", CloseCode(code).name())
    })
}

/// A title with a sum, and a bar for each part.
fn counted(out: &mut String, title: &str, all: u64, parts: &[(String, u64)]) {
    let _ = writeln!(out, "{title}: {all}");
    let most = parts.iter().map(|(_, count)| *count).max().unwrap_or(0);
    for (name, count) in parts {
        let name = escape::text(name.as_bytes());
        let _ = writeln!(out, "  {name:<30} {count:>10}  {}", bar(*count, most));
    }
    out.push('\n');
}

fn bar(count: u64, most: u64) -> String {
    let length = u128::from(count) * u128::from(BAR) / u128::from(most.max(1));
    "█".repeat(if count > 0 { length.max(1) as usize } else { 0 })
}

fn times(out: &mut String, title: &str, of: &Distribution) {
    let figures = [of.min(), of.percentile(0.5), of.percentile(0.99), of.max()];
    let [Some(min), Some(median), Some(high), Some(max)] = figures else {
        return;
    };
    let _ = writeln!(
        out,
        "{title}: {} measured, min {}, median {}, 99 % {}, max {}\n",
        of.count(),
        duration(min),
        duration(median),
        duration(high),
        duration(max),
    );
}

/// The applications' own pings and pongs.
fn heartbeats(out: &mut String, of: &Statistics) {
    let PerSide { client, server } = of.heartbeats;
    if client + server == 0 {
        return;
    }
    let _ = writeln!(
        out,
        "Application pings and pongs: {client} from the client, {server} from the server\n"
    );
    let title = "Application ping to pong";
    times(out, title, &of.heartbeat_round_trips);
}

fn frames(out: &mut String, of: &Statistics) {
    let _ = writeln!(out, "Frames: {}", of.frames());
    let both = of.opcodes.values();
    let most = both.map(|n| n.client.max(n.server)).max().unwrap_or(0);
    for (opcode, counts) in &of.opcodes {
        let name = Opcode::of(*opcode).name();
        for (side, count) in [("client", counts.client), ("server", counts.server)] {
            let label = format!("{name}, from the {side}");
            let _ = writeln!(out, "  {label:<30} {count:>10}  {}", bar(count, most));
        }
    }
    out.push('\n');
}

fn sizes(out: &mut String, of: &Distribution) {
    let (Some(median), Some(max)) = (of.percentile(0.5), of.max()) else {
        return;
    };
    let _ = writeln!(
        out,
        "Messages: {} of text or binary, median {median} bytes, longest {max}",
        of.count()
    );
    let powers = of.powers();
    let most = powers.iter().map(|(_, _, count)| *count).max().unwrap_or(0);
    for (from, to, count) in powers {
        let label = format!("{from} to {} bytes", to - 1);
        let _ = writeln!(out, "  {label:<30} {count:>10}  {}", bar(count, most));
    }
    out.push('\n');
}

fn compression(out: &mut String, of: &Statistics) {
    let (count, wire, inflated) = of.compressed;
    if count > 0 {
        let _ = writeln!(
            out,
            "Compression: {count} messages, {inflated} bytes in {wire}, {:.1} % of them\n",
            ratio(wire, inflated) * 100.0
        );
    }
    let (messages, frames) = of.fragmented;
    if messages > 0 {
        let _ = writeln!(
            out,
            "Fragmentation: {messages} messages in {frames} frames, {:.1} each\n",
            ratio(frames, messages)
        );
    }
}

fn ratio(part: u64, whole: u64) -> f64 {
    part as f64 / whole.max(1) as f64
}

/// Frames over time, a character a bucket.
fn rate(out: &mut String, of: &Statistics) {
    const LEVELS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];
    let counts = of.rate.counts();
    let most = counts.iter().copied().max().unwrap_or(0);
    if most == 0 {
        return;
    }
    let line: String = counts
        .iter()
        .map(|count| match count {
            0 => ' ',
            _ => LEVELS[(u128::from(*count) * 7 / u128::from(most)) as usize],
        })
        .collect();
    let _ = writeln!(
        out,
        "Frames over time, {} a column, {most} at most\n  {line}\n",
        duration(of.rate.width())
    );
}

fn talkers(out: &mut String, of: &[Talker]) {
    if of.is_empty() {
        return;
    }
    let _ = writeln!(out, "Most payload");
    for talker in of {
        let _ = writeln!(
            out,
            "  {} → {}  {} + {} bytes, {} + {} frames, from packet {}",
            talker.client,
            talker.server,
            talker.bytes.client,
            talker.bytes.server,
            talker.frames.client,
            talker.frames.server,
            talker.first_packet,
        );
    }
    out.push('\n');
}

fn overhead(out: &mut String, of: &Overhead) {
    let _ = writeln!(
        out,
        "Overhead: {} bytes of headers for {} of payload",
        of.headers(),
        of.payload
    );
    let parts = [
        ("link", of.link),
        ("IP", of.ip),
        ("TCP", of.tcp),
        ("HTTP handshakes", of.http),
        ("WebSocket frame headers", of.websocket),
        ("between TCP and these", of.between()),
        ("payload", of.payload),
    ];
    let most = parts.iter().map(|(_, bytes)| *bytes).max().unwrap_or(0);
    for (name, bytes) in parts {
        if bytes == 0 && name.starts_with("between") {
            continue;
        }
        let each = ratio(bytes, of.messages);
        let _ = writeln!(
            out,
            "  {name:<30} {bytes:>10}  {each:>9.1} a message  {}",
            bar(bytes, most)
        );
    }
    let _ = writeln!(
        out,
        "  {} packets for {} messages; of all bytes {:.1} % are payload",
        of.packets,
        of.messages,
        ratio(of.payload, of.headers() + of.payload) * 100.0
    );
}

/// The statistics as a JSON document; times are in seconds.
#[must_use]
pub fn json(of: &Statistics, order: CallOrder) -> Value {
    let opcodes = of.opcodes.iter().map(|(opcode, counts)| {
        json!({
            "opcode": opcode,
            "opcode_name": Opcode::of(*opcode).name(),
            "client": counts.client,
            "server": counts.server,
        })
    });
    let sizes = of.sizes.powers().into_iter();
    let sizes = sizes.map(|(from, to, count)| json!({"from": from, "to": to - 1, "count": count}));
    let codes = of.close_codes.iter();
    let codes = codes.map(|(code, count)| json!({"code": code, "count": count}));
    let talkers = of.talkers.iter().map(|talker| {
        json!({
            "client": talker.client.to_string(),
            "server": talker.server.to_string(),
            "first_packet": talker.first_packet.0,
            "bytes": {"client": talker.bytes.client, "server": talker.bytes.server},
            "frames": {"client": talker.frames.client, "server": talker.frames.server},
        })
    });
    json!({
        "connections": of.connections(),
        "outcomes": of.outcomes,
        "durations": spread(&of.durations, 1e9),
        "handshakes": spread(&of.handshakes, 1e9),
        "frames": of.frames(),
        "opcodes": opcodes.collect::<Vec<_>>(),
        "messages": {"client": of.messages.client, "server": of.messages.server},
        "sizes": spread(&of.sizes, 1.0),
        "sizes_histogram": sizes.collect::<Vec<_>>(),
        "compression": {
            "messages": of.compressed.0,
            "wire_length": of.compressed.1,
            "length": of.compressed.2,
        },
        "fragmentation": {"messages": of.fragmented.0, "frames": of.fragmented.1},
        "rate": {"bucket": of.rate.width() as f64 / 1e9, "frames": of.rate.counts()},
        "round_trips": spread(&of.round_trips, 1e9),
        "heartbeats": {"client": of.heartbeats.client, "server": of.heartbeats.server},
        "heartbeat_round_trips": spread(&of.heartbeat_round_trips, 1e9),
        "gaps": spread(&of.gaps, 1e9),
        "pauses": spread(&of.pauses, 1e9),
        "calls": calls::json(&of.calls, order),
        "calls_of_other_methods": calls::others(&of.calls),
        "close_codes": codes.collect::<Vec<_>>(),
        "ended_by": of.ended_by,
        "findings": of.findings,
        "talkers": talkers.collect::<Vec<_>>(),
        "overhead": {
            "packets": of.overhead.packets,
            "link": of.overhead.link,
            "ip": of.overhead.ip,
            "tcp": of.overhead.tcp,
            "tcp_payload": of.overhead.tcp_payload,
            "http": of.overhead.http,
            "websocket": of.overhead.websocket,
            "payload": of.overhead.payload,
            "messages": of.overhead.messages,
            "between": of.overhead.between(),
        },
        "ways": ways::json(&of.ways),
    })
}
