//! What a capture amounts to in numbers: one pass, bounded memory, and the same whatever the number of engines.
//!
//! A [`Statistics`] is an engine's sink; those of several engines are merged.

mod calls;
mod distribution;
mod overhead;
mod timeline;
mod ways;

use std::collections::BTreeMap;
use std::net::SocketAddr;

use hashbrown::HashMap;

use crate::base::{ConnectionId, Needs, PacketNumber, PerSide, Side, Timestamp};
use crate::engine::{
    Connection, Exchange, FindingEvent, FrameEvent, MessageEvent, Moment, Outcome, Sink, Tunnel,
};
use crate::flow::End;
use crate::payload::{Heartbeat, Pending};
use crate::run::Collected;
use crate::websocket::MessageKind;
use crate::wire::Segment;

pub use calls::{CallCounts, CallOrder, CallRow, Calls, METHODS, Method, Slowest};
pub use distribution::Distribution;
pub use overhead::Overhead;
pub use timeline::Timeline;
pub use ways::{Kind, TimedExchange, Way, Ways};

/// Connections listed as top talkers.
pub const TALKERS: usize = 10;

/// What the packets of an open flow cost.
#[derive(Clone, Copy, Debug, Default)]
struct FlowCost {
    all: Overhead,
    /// As much of it as was told with exchanges.
    told: Overhead,
    is_websocket: bool,
    /// Whose exchanges came over it last.
    channel: Option<u64>,
}

impl FlowCost {
    /// What was not told yet; it is from now on.
    fn rest(&mut self) -> Overhead {
        let rest = Overhead {
            packets: self.all.packets - self.told.packets,
            link: self.all.link - self.told.link,
            ip: self.all.ip - self.told.ip,
            tcp: self.all.tcp - self.told.tcp,
            tcp_payload: self.all.tcp_payload - self.told.tcp_payload,
            ..Overhead::default()
        };
        self.told = self.all;
        rest
    }
}

/// When an open connection was last heard of.
#[derive(Clone, Copy, Debug, Default)]
struct Latest {
    frame: Option<Timestamp>,
    /// A message that is no ping or pong of the application's own.
    message: Option<Timestamp>,
    /// A ping of the application's own that waits for its pong, and whose it is.
    ping: Option<(Side, Timestamp)>,
}

/// A connection among those with the most payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Talker {
    /// Payload bytes by sender.
    pub bytes: PerSide<u64>,
    /// Frames by sender.
    pub frames: PerSide<u64>,
    /// First packet of its flow.
    pub first_packet: PacketNumber,
    /// The client's end.
    pub client: SocketAddr,
    /// The server's end.
    pub server: SocketAddr,
}

/// The numbers.
#[derive(Clone, Debug, Default)]
pub struct Statistics {
    start: Timestamp,
    /// Connections by outcome: accepted, refused, unanswered, not-seen.
    pub outcomes: BTreeMap<&'static str, u64>,
    /// Frames by opcode and sender.
    pub opcodes: BTreeMap<u8, PerSide<u64>>,
    /// Text and binary messages by sender.
    pub messages: PerSide<u64>,
    /// Messages of more than one frame, and their frames.
    pub fragmented: (u64, u64),
    /// Compressed messages: how many, their bytes on the wire, and inflated.
    pub compressed: (u64, u64, u64),
    /// Payload lengths of text and binary messages, after inflating.
    pub sizes: Distribution,
    /// From the first packet of a connection to its last, in nanoseconds.
    pub durations: Distribution,
    /// From the upgrade request to its answer, in nanoseconds.
    pub handshakes: Distribution,
    /// From a ping to its pong, in nanoseconds.
    pub round_trips: Distribution,
    /// From one frame of a connection to the next, in nanoseconds.
    pub gaps: Distribution,
    /// The applications' own pings and pongs by sender.
    pub heartbeats: PerSide<u64>,
    /// From an application's own ping to its pong, in nanoseconds.
    pub heartbeat_round_trips: Distribution,
    /// From one text or binary message of a connection to the next, the applications' own pings and pongs passed over, in
    /// nanoseconds: how long nobody had anything to say.
    pub pauses: Distribution,
    /// Frames over time.
    pub rate: Timeline,
    /// Connections by close code; `None` where no close frame had one.
    pub close_codes: BTreeMap<Option<u16>, u64>,
    /// What ended their flows.
    pub ended_by: BTreeMap<&'static str, u64>,
    /// Findings by code.
    pub findings: BTreeMap<&'static str, u64>,
    /// Requests inside messages and their answers.
    pub calls: Calls,
    /// The connections with the most payload.
    pub talkers: Vec<Talker>,
    /// Headers against payload.
    pub overhead: Overhead,
    /// WebSockets that opened, and nanoseconds they lived, together.
    pub websockets: (u64, u64),
    /// HTTP that does what a WebSocket would do; empty until [`Statistics::compare`].
    pub ways: Vec<(Kind, Way)>,
    /// The latest of each open connection.
    latest: HashMap<ConnectionId, Latest>,
    /// The packet with the last bytes of the latest frame, which those of the message that it completes are.
    packet: PacketNumber,
    flows: HashMap<u64, FlowCost>,
    /// What was told of exchanges since [`Statistics::exchanges`].
    told: Vec<TimedExchange>,
}

impl Statistics {
    /// Statistics of a capture that began at `start`.
    #[must_use]
    pub fn new(start: Timestamp) -> Self {
        Self {
            start,
            ..Self::default()
        }
    }

    /// Adds those of another engine.
    pub fn merge(&mut self, other: &Statistics) {
        add(&mut self.outcomes, &other.outcomes);
        add(&mut self.ended_by, &other.ended_by);
        add(&mut self.findings, &other.findings);
        add(&mut self.close_codes, &other.close_codes);
        for (opcode, counts) in &other.opcodes {
            let mine = self.opcodes.entry(*opcode).or_default();
            for side in Side::BOTH {
                mine[side] += counts[side];
            }
        }
        for side in Side::BOTH {
            self.messages[side] += other.messages[side];
        }
        self.fragmented.0 += other.fragmented.0;
        self.fragmented.1 += other.fragmented.1;
        self.compressed.0 += other.compressed.0;
        self.compressed.1 += other.compressed.1;
        self.compressed.2 += other.compressed.2;
        self.sizes.merge(&other.sizes);
        self.durations.merge(&other.durations);
        self.handshakes.merge(&other.handshakes);
        self.round_trips.merge(&other.round_trips);
        self.gaps.merge(&other.gaps);
        self.rate.merge(&other.rate);
        for side in Side::BOTH {
            self.heartbeats[side] += other.heartbeats[side];
        }
        self.heartbeat_round_trips
            .merge(&other.heartbeat_round_trips);
        self.pauses.merge(&other.pauses);
        self.calls.merge(&other.calls);
        self.overhead.add(&other.overhead);
        self.websockets.0 += other.websockets.0;
        self.websockets.1 += other.websockets.1;
        self.talkers.extend_from_slice(&other.talkers);
        self.keep_talkers();
    }

    /// Puts what HTTP came to beside the WebSockets; once, when all engines' statistics are merged.
    pub fn compare(&mut self, ways: &Ways) {
        self.ways = ways.sums();
        if !self.ways.is_empty() && self.websockets.0 > 0 {
            self.ways.push((Kind::WebSocket, self.websocket()));
        }
    }

    fn websocket(&self) -> Way {
        Way {
            clients: self.websockets.0,
            requests: self.websockets.0,
            empty: 0,
            messages: self.messages,
            nanoseconds: self.websockets.1,
            cost: self.overhead,
            at_once: self.messages.server,
            waited: Distribution::default(),
            doubt: None,
        }
    }

    /// Connections of any outcome.
    #[must_use]
    pub fn connections(&self) -> u64 {
        self.outcomes.values().sum()
    }

    /// Frames of both sides.
    #[must_use]
    pub fn frames(&self) -> u64 {
        let sides = self.opcodes.values().map(|both| both.client + both.server);
        sides.sum()
    }

    fn keep_talkers(&mut self) {
        self.talkers.sort_by_key(|talker| {
            let bytes = talker.bytes.client + talker.bytes.server;
            (std::cmp::Reverse(bytes), talker.first_packet)
        });
        self.talkers.truncate(TALKERS);
    }

    fn talker(&mut self, connection: &Connection) {
        self.talkers.push(Talker {
            bytes: connection.bytes,
            frames: connection.frames,
            first_packet: connection.first_packet,
            client: connection.client,
            server: connection.server,
        });
        if self.talkers.len() > TALKERS * 8 {
            self.keep_talkers();
        }
    }

    /// What the application says, and what it only says to know whether the peer is there.
    fn pause(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        let now = event.at.time;
        let latest = self.latest.entry(connection.id).or_default();
        let Some(heartbeat) = event.decoded.and_then(|decoded| decoded.heartbeat) else {
            if let Some(before) = latest.message.replace(now) {
                self.pauses.add(unsigned(now.since(before)));
            }
            return;
        };
        self.heartbeats[event.from] += 1;
        match heartbeat {
            Heartbeat::Ping => latest.ping = Some((event.from, now)),
            Heartbeat::Pong => {
                let asked = latest.ping.take_if(|(side, _)| *side != event.from);
                let times = &mut self.heartbeat_round_trips;
                asked.inspect(|(_, asked)| times.add(unsigned(now.since(*asked))));
            }
        }
    }

    fn heads(connection: &Connection) -> u64 {
        let handshake = connection.handshake.as_deref();
        let tunnel = connection.tunnel.as_deref().and_then(Tunnel::heads);
        let seen = [
            handshake.and_then(|handshake| handshake.request.as_ref()),
            handshake.and_then(|handshake| handshake.response.as_ref()),
            tunnel.map(|(request, _)| request),
            tunnel.and_then(|(_, response)| response),
        ];
        let lengths = seen.iter().flatten().map(|seen| seen.head.raw.len() as u64);
        lengths.sum()
    }
}

fn add<K: Ord + Copy>(into: &mut BTreeMap<K, u64>, from: &BTreeMap<K, u64>) {
    for (key, count) in from {
        *into.entry(*key).or_default() += count;
    }
}

fn unsigned(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or(0)
}

impl Collected for Statistics {
    /// What was said of HTTP exchanges, for [`Ways::take`]; the rest is counted to the end.
    type Part = Vec<TimedExchange>;

    fn exchange(&mut self, part: &mut Vec<TimedExchange>) {
        part.clear();
        std::mem::swap(&mut self.told, part);
    }
}

impl Sink for Statistics {
    fn needs(&self) -> Needs {
        Needs::MESSAGES | Needs::DECODED | Needs::FINDINGS | Needs::SEGMENTS | Needs::EXCHANGES
    }

    fn handshake(&mut self, connection: &Connection, _at: Moment) {
        let Some(handshake) = connection.handshake.as_deref() else {
            return;
        };
        if let (Some(request), Some(response)) = (&handshake.request, &handshake.response) {
            let waited = response.time.since(request.time);
            self.handshakes.add(unsigned(waited));
        }
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let header = &event.frame.header;
        self.packet = event.packets.last().copied().unwrap_or(event.at.packet);
        self.opcodes.entry(header.opcode().number()).or_default()[event.from] += 1;
        self.rate.add(event.at.time.since(self.start));
        self.overhead.websocket += u64::from(header.header_length);
        self.overhead.payload = self
            .overhead
            .payload
            .saturating_add(event.frame.captured_length);
        let latest = self.latest.entry(connection.id).or_default();
        if let Some(before) = latest.frame.replace(event.at.time) {
            self.gaps.add(unsigned(event.at.time.since(before)));
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        self.calls.message(event, self.packet, connection);
        let message = event.message;
        if let Some(time) = event.round_trip {
            self.round_trips.add(unsigned(time));
        }
        if !matches!(message.kind, MessageKind::Text | MessageKind::Binary) {
            return;
        }
        self.messages[event.from] += 1;
        self.pause(event, connection);
        self.overhead.messages += 1;
        if message.frame_count > 1 {
            self.fragmented.0 += 1;
            self.fragmented.1 += message.frame_count;
        }
        if let Some(length) = message.length {
            self.sizes.add(length);
            if message.compressed {
                self.compressed.0 += 1;
                self.compressed.1 = self.compressed.1.saturating_add(message.wire_length);
                self.compressed.2 = self.compressed.2.saturating_add(length);
            }
        }
    }

    fn finding(&mut self, event: &FindingEvent<'_>, _connection: Option<&Connection>) {
        let name = event.finding.code.name();
        *self.findings.entry(name).or_default() += 1;
    }

    fn unanswered(&mut self, call: &Pending, _connection: &Connection) {
        self.calls.unanswered(call);
    }

    fn closed(&mut self, connection: &Connection, _at: Moment) {
        self.latest.remove(&connection.id);
        let outcome = connection.outcome();
        *self.outcomes.entry(outcome.name()).or_default() += 1;
        if let Some(closed) = connection.closed {
            self.durations
                .add(unsigned(closed.since(connection.opened)));
        }
        let by = connection.close.ended_by.map_or("open", |by| by.name());
        *self.ended_by.entry(by).or_default() += 1;
        if matches!(outcome, Outcome::Accepted | Outcome::NotSeen) {
            *self.close_codes.entry(connection.close.code).or_default() += 1;
            self.talker(connection);
            self.overhead.http += Self::heads(connection);
            self.websockets.0 += 1;
            self.websockets.1 += connection
                .closed
                .map_or(0, |closed| unsigned(closed.since(connection.opened)));
            if let Some(flow) = self.flows.get_mut(&connection.flow) {
                flow.is_websocket = true;
            }
        }
    }

    fn segment(&mut self, flow: u64, _from: End, segment: &Segment) {
        let cost = &mut self.flows.entry(flow).or_default().all;
        let headers = segment.header_bytes;
        let payload = segment.payload.end.saturating_sub(segment.payload.start);
        cost.packets += 1;
        cost.link += u64::from(headers.link);
        cost.ip += u64::from(headers.ip);
        cost.tcp += u64::from(headers.tcp);
        cost.tcp_payload += u64::from(payload) + u64::from(segment.missing);
    }

    fn exchanged(&mut self, exchange: &Exchange, at: Moment) {
        let channel = ways::channel(exchange);
        let flow = self.flows.entry(exchange.flow).or_default();
        flow.channel = Some(channel);
        let mut cost = flow.rest();
        for side in Side::BOTH {
            let body = &exchange.bodies[side];
            cost.http += exchange.heads[side] + body.wire.saturating_sub(body.content);
            cost.payload = cost.payload.saturating_add(body.content);
        }
        self.told.push(TimedExchange {
            at,
            channel,
            cost,
            exchange: Some(exchange.clone()),
        });
    }

    fn flow_ended(&mut self, flow: u64) {
        let Some(mut cost) = self.flows.remove(&flow) else {
            return;
        };
        if cost.is_websocket {
            self.overhead.add(&cost.all);
        } else if let Some(channel) = cost.channel {
            self.told.push(TimedExchange {
                at: Moment::default(),
                channel,
                cost: cost.rest(),
                exchange: None,
            });
        }
    }
}
