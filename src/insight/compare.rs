//! Two captures of the same connections, on the two sides of a hop; or two attempts side by side.
//!
//! A [`Recorder`] keeps what a comparison needs; [`pair`] finds which connections are the same, [`compare`] tells what
//! differs. Clocks are aligned on the shortest delay that was seen each way; delays are told above that.

use std::collections::HashMap;

use crate::base::{ConnectionId, Head, Needs, PacketNumber, PerSide, Side, Timestamp, escape};
use crate::engine::{Connection, FrameEvent, MessageEvent, Moment, Sink};
use crate::websocket::MessageKind;

/// Messages and frames kept of one connection; later ones are not compared.
const KEPT: usize = 100_000;

/// One message.
#[derive(Clone, Debug)]
pub struct Told {
    kind: MessageKind,
    time: Timestamp,
    digest: Option<[u8; 32]>,
    frames: usize,
    wire: u64,
    compressed: bool,
}

/// One connection as recorded.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Its number in its capture.
    pub number: u32,
    /// Heads, addresses and close.
    pub connection: Box<Connection>,
    messages: PerSide<Vec<Told>>,
    masks: PerSide<Vec<Option<[u8; 4]>>>,
}

/// An engine's sink that records connections.
#[derive(Debug, Default)]
pub struct Recorder {
    open: HashMap<ConnectionId, Recorded>,
    /// The connections that ended.
    pub ended: Vec<Recorded>,
}

impl Recorder {
    /// Gives what was recorded, numbered from 1 by first packet, as every output does within a batch.
    #[must_use]
    pub fn finish(mut ended: Vec<Recorded>) -> Vec<Recorded> {
        let order = |recorded: &Recorded| -> (PacketNumber, u32) {
            (
                recorded.connection.first_packet,
                recorded.connection.ordinal,
            )
        };
        ended.sort_by_key(order);
        for (index, recorded) in ended.iter_mut().enumerate() {
            recorded.number = index as u32 + 1;
        }
        ended
    }
}

impl Sink for Recorder {
    fn needs(&self) -> Needs {
        Needs::MESSAGES | Needs::DIGEST
    }

    fn opened(&mut self, connection: &Connection) {
        let recorded = Recorded {
            number: 0,
            connection: Box::new(connection.clone()),
            messages: PerSide::default(),
            masks: PerSide::default(),
        };
        self.open.insert(connection.id, recorded);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        if let Some(recorded) = self.open.get_mut(&connection.id) {
            let masks = &mut recorded.masks[event.from];
            if masks.len() < KEPT {
                masks.push(event.frame.header.masking_key);
            }
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if let Some(recorded) = self.open.get_mut(&connection.id) {
            let messages = &mut recorded.messages[event.from];
            if messages.len() < KEPT {
                messages.push(Told {
                    kind: event.message.kind,
                    time: event.at.time,
                    digest: event.message.sha256,
                    frames: event.frames.len(),
                    wire: event.message.wire_length,
                    compressed: event.message.compressed,
                });
            }
        }
    }

    fn closed(&mut self, connection: &Connection, _at: Moment) {
        if let Some(mut recorded) = self.open.remove(&connection.id) {
            recorded.connection = Box::new(connection.clone());
            self.ended.push(recorded);
        }
    }
}

/// Pairs the connections of the client's side with those of the server's: by Sec-WebSocket-Key, else by target in the
/// order of time, among those of which a message agrees if there is any.
#[must_use]
pub fn pair<'a>(
    client: &'a [Recorded],
    server: &'a [Recorded],
) -> Vec<(&'a Recorded, &'a Recorded)> {
    let mut free: Vec<&Recorded> = server.iter().collect();
    let mut pairs = Vec::new();
    let mut take = |one: &'a Recorded, fits: &dyn Fn(&Recorded) -> bool| {
        let at = free.iter().position(|other| fits(other))?;
        Some((one, free.remove(at)))
    };
    let mut rest = Vec::new();
    for one in client {
        let key = header(one, "Sec-WebSocket-Key");
        let found = take(one, &|other| {
            key.is_some() && header(other, "Sec-WebSocket-Key") == key
        });
        match found {
            Some(pair) => pairs.push(pair),
            None => rest.push(one),
        }
    }
    for one in rest {
        let same = |other: &Recorded| path(one) == path(other) && share_a_message(one, other);
        pairs.extend(take(one, &same));
    }
    pairs
}

fn header(recorded: &Recorded, name: &'static str) -> Option<Vec<u8>> {
    recorded
        .connection
        .request()?
        .value(name)
        .map(<[u8]>::to_vec)
}

/// The path of the target, whatever its form.
fn path(recorded: &Recorded) -> Option<Vec<u8>> {
    let target = recorded.connection.request()?.target();
    let after = memchr::memmem::find(target, b"://").map_or(0, |at| at + 3);
    let at = memchr::memchr(b'/', target.get(after..)?).map_or(after, |slash| after + slash);
    target.get(at..).map(<[u8]>::to_vec)
}

fn share_a_message(one: &Recorded, other: &Recorded) -> bool {
    let any = Side::BOTH
        .iter()
        .any(|side| !one.messages[*side].is_empty());
    let shared = Side::BOTH.iter().any(|side| {
        let first = one.messages[*side].iter().find_map(|told| told.digest);
        first.is_some()
            && other.messages[*side]
                .iter()
                .any(|told| told.digest == first)
    });
    shared || !any
}

/// What one line of a comparison is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// What: `request-header`, `http-version`, `frames`, `delay`, ...; stable.
    pub what: &'static str,
    /// The first side's, in words.
    pub one: String,
    /// The other's.
    pub other: String,
}

/// Everything that differs between two records of a connection, and how long messages were held back.
#[must_use]
pub fn compare(one: &Recorded, other: &Recorded) -> Vec<Difference> {
    let mut out = Vec::new();
    let (a, b) = (&one.connection, &other.connection);
    head("request", a.request(), b.request(), &mut out);
    head("response", a.response(), b.response(), &mut out);
    differ(
        "transport",
        a.transport.name().into(),
        b.transport.name().into(),
        &mut out,
    );
    differ(
        "outcome",
        a.outcome().name().into(),
        b.outcome().name().into(),
        &mut out,
    );
    for side in Side::BOTH {
        messages(side, one, other, &mut out);
    }
    delays(one, other, &mut out);
    differ("close", close(a), close(b), &mut out);
    out
}

fn differ(what: &'static str, one: String, other: String, out: &mut Vec<Difference>) {
    if one != other {
        out.push(Difference { what, one, other });
    }
}

fn head(which: &'static str, one: Option<&Head>, other: Option<&Head>, out: &mut Vec<Difference>) {
    let (Some(one), Some(other)) = (one, other) else {
        let seen = |head: Option<&Head>| head.map_or("not seen", |_| "seen").to_owned();
        return differ(which, seen(one), seen(other), out);
    };
    let line = if which == "request" {
        "request-line"
    } else {
        "status-line"
    };
    let header = if which == "request" {
        "request-header"
    } else {
        "response-header"
    };
    differ(line, first_line(one), first_line(other), out);
    let mut names: Vec<String> = Vec::new();
    for (name, _) in one.headers().chain(other.headers()) {
        let name = escape::text(name).to_ascii_lowercase();
        if !names.contains(&name) {
            names.push(name);
        }
    }
    for name in names {
        let value = |head: &Head| {
            let values: Vec<_> = head
                .values(&name)
                .map(|value| escape::preview(value, 120))
                .collect();
            match values.is_empty() {
                true => format!("{name}: (none)"),
                false => format!("{name}: {}", values.join(", ")),
            }
        };
        differ(header, value(one), value(other), out);
    }
}

fn first_line(head: &Head) -> String {
    let line = head
        .raw
        .split(|byte| *byte == b'\r')
        .next()
        .unwrap_or_default();
    escape::preview(line, 160)
}

fn messages(side: Side, one: &Recorded, other: &Recorded, out: &mut Vec<Difference>) {
    let is_data = |told: &&Told| matches!(told.kind, MessageKind::Text | MessageKind::Binary);
    let (a, b) = (&one.messages[side], &other.messages[side]);
    let count = |list: &[Told], data: bool| {
        let number = list.iter().filter(|told| is_data(told) == data).count();
        format!(
            "{number} {} from the {}",
            if data {
                "data messages"
            } else {
                "control frames"
            },
            side.name()
        )
    };
    differ("messages", count(a, true), count(b, true), out);
    differ("control-frames", count(a, false), count(b, false), out);
    let sum = |list: &[Told]| {
        let data: Vec<_> = list.iter().filter(is_data).collect();
        let frames: usize = data.iter().map(|told| told.frames).sum();
        format!("{frames} data frames from the {}", side.name())
    };
    differ("fragments", sum(a), sum(b), out);
    let wire = |list: &[Told]| {
        let bytes: u64 = list.iter().filter(is_data).map(|told| told.wire).sum();
        let compressed = list.iter().filter(|told| told.compressed).count();
        format!(
            "{bytes} payload bytes, {compressed} compressed messages from the {}",
            side.name()
        )
    };
    differ("compression", wire(a), wire(b), out);
    if one.masks[side] != other.masks[side] {
        let keys = |masks: &[Option<[u8; 4]>]| {
            let masked = masks.iter().flatten().count();
            format!(
                "{masked} of {} frames from the {} masked, first key {}",
                masks.len(),
                side.name(),
                masks
                    .iter()
                    .flatten()
                    .next()
                    .map_or("none".to_owned(), hex::encode)
            )
        };
        differ(
            "masking",
            keys(&one.masks[side]),
            keys(&other.masks[side]),
            out,
        );
    }
}

/// How long messages took, above the shortest: the hop's own delay, whatever the clocks.
fn delays(one: &Recorded, other: &Recorded, out: &mut Vec<Difference>) {
    for side in Side::BOTH {
        let pairs = one.messages[side].iter().zip(&other.messages[side]);
        let same = pairs.filter(|(a, b)| a.kind == b.kind && a.digest == b.digest);
        // The client's messages come to the server's side last, the server's first.
        let mut times: Vec<i64> = same
            .map(|(a, b)| match side {
                Side::Client => b.time.since(a.time),
                Side::Server => a.time.since(b.time),
            })
            .collect();
        times.sort_unstable();
        let (Some(&least), Some(&worst)) = (times.first(), times.last()) else {
            continue;
        };
        let median = times.get(times.len() / 2).copied().unwrap_or(least);
        let ms = |time: i64| time as f64 / 1e6;
        out.push(Difference {
            what: "delay",
            one: format!(
                "{} messages from the {}, clocks aligned on the fastest",
                times.len(),
                side.name()
            ),
            other: format!(
                "held back {:.3} ms in the median, {:.3} ms at worst",
                ms(median - least),
                ms(worst - least)
            ),
        });
    }
}

fn close(connection: &Connection) -> String {
    let close = &connection.close;
    let by = close.by.map_or("nobody", Side::name);
    let code = close
        .code
        .map_or_else(|| "no code".to_owned(), |code| code.to_string());
    let ended = close.ended_by.map_or("open", |ended| ended.name());
    format!(
        "by {by}, {code}, {}, tcp {ended}",
        if close.is_clean() {
            "clean"
        } else {
            "not clean"
        }
    )
}
