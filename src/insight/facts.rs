//! What the rules of diagnosis look at: per attempt, everything that was seen of it, gathered from engine events.
//!
//! A `Gatherer` is told what an engine sees, and has an [`Attempt`] ready when its flow is over. Nothing here judges.

use std::collections::{HashSet, VecDeque};
use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::base::{Code, ConnectionId, Head, Needs, PerSide, Shape, Side, Timestamp};
use crate::engine::{
    Connection, FindingEvent, FlowSummary, FrameEvent, Handshake, MessageEvent, Moment, Outcome,
    Seen, SeenHead, Sink, TlsFlow,
};
use crate::insight::heartbeats::Heartbeats;
use crate::insight::software::contains;
use crate::quic;
use crate::tls::{self, Summary};
use crate::tunnel::{proxy_protocol, socks};
use crate::websocket::{MessageKind, Opcode};

/// Findings kept of one connection; rules look at the first of a kind.
const FINDINGS: usize = 24;
/// Unanswered pings remembered of one side.
const PINGS: usize = 64;
/// Servers of ordinary traffic remembered.
const ORDINARY: usize = 100_000;

/// The signature of the PROXY protocol, version 2.
pub(super) const PROXY_2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// A finding as a rule sees it.
#[derive(Clone, Debug)]
pub struct Noted {
    /// What kind.
    pub code: Code,
    /// Its text, which may be masked.
    pub text: String,
    /// What the bytes look like, where that matters.
    pub shape: Option<Shape>,
    /// Whose bytes it is about.
    pub from: Option<Side>,
    /// Where it was found.
    pub at: Seen,
}

/// What one side's frames did.
#[derive(Clone, Debug, Default)]
pub struct SideFrames {
    /// Its first frame.
    pub first: Option<Seen>,
    /// Its last frame.
    pub last: Option<Seen>,
    /// Its close frame.
    pub close: Option<Seen>,
    /// The code in it.
    pub close_code: Option<u16>,
    /// What the protocol inside the messages calls that code.
    pub close_name: Option<String>,
    /// Its pings that no pong has answered.
    pub pings: VecDeque<(Box<[u8]>, Seen)>,
    /// Pings it sent, the first and the last.
    pub ping_count: u64,
    /// When its first ping was sent.
    pub first_ping: Option<Timestamp>,
    /// When its last ping was sent.
    pub last_ping: Option<Seen>,
    /// Pongs it sent.
    pub pong_count: u64,
}

impl SideFrames {
    /// The mean time between its pings, in nanoseconds.
    #[must_use]
    pub fn ping_period(&self) -> Option<i64> {
        let gaps = i64::try_from(self.ping_count.checked_sub(1)?).ok()?;
        let span = self.last_ping?.time.since(self.first_ping?);
        (gaps > 0).then(|| span / gaps)
    }
}

/// One attempt to have a WebSocket, as far as it came.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// Its number among the connections of the capture; `None` when it never came to a request that could be read.
    pub number: Option<u32>,
    /// The client's address.
    pub client: SocketAddr,
    /// The server's address (of a tunnel: the proxy).
    pub server: SocketAddr,
    /// The first packet of its flow.
    pub first: Seen,
    /// The connection with its handshake, once it ended; `None` when there never was a request.
    pub connection: Option<Box<Connection>>,
    /// Findings told of it, the first of many.
    pub findings: Vec<Noted>,
    /// What each side's frames did.
    pub frames: PerSide<SideFrames>,
    /// The pings and pongs of the application inside its messages.
    pub heartbeats: Option<Box<Heartbeats>>,
    /// What TCP tells of its flow.
    pub flow: Option<Arc<FlowSummary>>,
    /// What can be said of TLS around it.
    pub tls: Option<Arc<Summary>>,
    /// What can be said of QUIC under it.
    pub quic: Option<Arc<quic::Summary>>,
}

impl Attempt {
    fn of(connection: &Connection) -> Self {
        Self {
            number: None,
            client: connection.client,
            server: connection.server,
            first: Seen {
                packet: connection.first_packet,
                time: connection.opened,
            },
            connection: None,
            findings: Vec::new(),
            frames: PerSide::default(),
            heartbeats: None,
            flow: None,
            tls: None,
            quic: None,
        }
    }

    /// An attempt of which only the flow is known.
    fn of_flow(flow: FlowSummary, tls: Option<Arc<Summary>>) -> Self {
        Self {
            number: None,
            client: flow.addresses.client,
            server: flow.addresses.server,
            first: flow.first,
            connection: None,
            findings: Vec::new(),
            frames: PerSide::default(),
            heartbeats: None,
            tls,
            quic: None,
            flow: Some(Arc::new(flow)),
        }
    }

    /// The outcome of its handshake.
    #[must_use]
    pub fn outcome(&self) -> Option<Outcome> {
        self.connection
            .as_ref()
            .map(|connection| connection.outcome())
    }

    /// Whether the beginning of the client's stream asks for a WebSocket, whatever stands in front of it and behind.
    #[must_use]
    pub fn asks_for_upgrade(&self) -> bool {
        self.flow
            .as_ref()
            .is_some_and(|flow| asks_for_upgrade(&flow.sides.client.opening))
    }

    /// The first finding of this kind.
    #[must_use]
    pub fn noted(&self, code: Code) -> Option<&Noted> {
        self.findings.iter().find(|noted| noted.code == code)
    }

    /// Where the upgrade request was complete.
    #[must_use]
    pub fn request_at(&self) -> Option<Seen> {
        let request = self
            .connection
            .as_ref()?
            .handshake
            .as_ref()?
            .request
            .as_ref()?;
        Some(Seen {
            packet: request.packet,
            time: request.time,
        })
    }

    /// Where the answer to the upgrade was complete, or that to the proxy when it went no further.
    #[must_use]
    pub fn response_at(&self) -> Option<Seen> {
        let connection = self.connection.as_ref()?;
        match &connection.handshake {
            Some(handshake) => handshake.response.as_ref().map(SeenHead::at),
            None => connection.tunnel.as_ref()?.response_at(),
        }
    }

    /// The first FIN or RST of its flow, and who sent it.
    #[must_use]
    pub fn end(&self) -> Option<(Side, Seen)> {
        let flow = self.flow.as_ref()?;
        let first = |side: Side| {
            let end = &flow.sides[side];
            let reset = end.reset.map(|reset| reset.at);
            let seen = [end.fin, reset].into_iter().flatten();
            seen.min_by_key(|seen| (seen.time, seen.packet.0))
                .map(|seen| (side, seen))
        };
        Side::BOTH
            .into_iter()
            .filter_map(first)
            .min_by_key(|(_, seen)| (seen.time, seen.packet.0))
    }

    /// The latest new data of either side, by TCP.
    #[must_use]
    pub fn last_data(&self) -> Option<Seen> {
        let flow = self.flow.as_ref()?;
        let seen = Side::BOTH
            .iter()
            .filter_map(|side| flow.sides[*side].last_data);
        seen.max_by_key(|seen| (seen.time, seen.packet.0))
    }

    /// Bytes it takes in memory, roughly.
    pub(super) fn memory(&self) -> usize {
        let heads = self.connection.as_ref().map_or(0, |connection| {
            let tunnel = connection.tunnel.as_ref().and_then(|tunnel| tunnel.heads());
            let tunnel = tunnel.map(|(request, _)| &request.head);
            let heads = [connection.request(), connection.response(), tunnel];
            let heads = heads.into_iter().flatten().map(Head::memory);
            size_of::<Connection>() + size_of::<Handshake>() + heads.sum::<usize>()
        });
        let flow = self.flow.as_ref().map_or(0, |flow| {
            let openings = Side::BOTH.map(|side| flow.sides[side].opening.capacity());
            size_of::<FlowSummary>() + openings.iter().sum::<usize>()
        });
        let tls = self.tls.as_ref().map_or(0, |_| size_of::<Summary>() + 256);
        let findings = self.findings.iter().map(|noted| noted.text.len());
        let findings = findings.sum::<usize>() + self.findings.capacity() * size_of::<Noted>();
        let pings = Side::BOTH.map(|side| self.frames[side].pings.len() * 128);
        let beats = self
            .heartbeats
            .as_ref()
            .map_or(0, |_| size_of::<Heartbeats>());
        size_of::<Self>() + beats + heads + flow + tls + findings + pings.iter().sum::<usize>()
    }

    /// The text after the head of the answer, as far as it was kept.
    #[must_use]
    pub fn response_body(&self) -> &[u8] {
        let connection = self.connection.as_ref();
        let handshake = connection.and_then(|connection| connection.handshake.as_ref());
        if let Some(handshake) = handshake.filter(|handshake| !handshake.body.is_empty()) {
            return &handshake.body;
        }
        let Some(flow) = &self.flow else {
            return &[];
        };
        let (_, opening) = inside(flow);
        match memchr::memmem::find(opening, b"\r\n\r\n") {
            Some(at) => opening.get(at + 4..).unwrap_or_default(),
            None => &[],
        }
    }
}

/// Headers, tunnels and the like passed in front of what a flow is about.
const PASSED: usize = 4;

/// The first bytes of both sides behind what stands in front: the PROXY protocol, SOCKS, a CONNECT that was accepted.
pub(super) fn inside(flow: &FlowSummary) -> (&[u8], &[u8]) {
    let (mut client, mut server) = (
        &flow.sides.client.opening[..],
        &flow.sides.server.opening[..],
    );
    for _ in 0..PASSED {
        if let proxy_protocol::Reading::Complete(header) = proxy_protocol::read(client) {
            client = client.get(header.len..).unwrap_or_default();
            continue;
        }
        let socks = socks::read(client, server);
        if socks.state == socks::State::Open {
            client = client.get(socks.client_len..).unwrap_or_default();
            server = server.get(socks.server_len..).unwrap_or_default();
            continue;
        }
        let is_open = server.starts_with(b"HTTP/1.") && server.get(9) == Some(&b'2');
        if !client.starts_with(b"CONNECT ") || !is_open {
            break;
        }
        (client, server) = (past_head(client), past_head(server));
    }
    (client, server)
}

/// What follows an HTTP head.
fn past_head(bytes: &[u8]) -> &[u8] {
    match memchr::memmem::find(bytes, b"\r\n\r\n") {
        Some(at) => bytes.get(at + 4..).unwrap_or_default(),
        None => &[],
    }
}

/// What one engine gathered and nobody has taken yet.
#[derive(Debug, Default)]
pub(super) struct Ended {
    /// Attempts that are over, with their flows.
    pub(super) attempts: Vec<(Option<ConnectionId>, Box<Attempt>)>,
    /// Servers that answered flows without an attempt in them.
    pub(super) ordinary: Vec<SocketAddr>,
}

/// An engine's sink that gathers facts.
#[derive(Debug, Default)]
pub(super) struct Gatherer {
    open: HashMap<ConnectionId, Box<Attempt>>,
    /// Their last frames: apart from the rest, since every frame is one.
    last: HashMap<ConnectionId, PerSide<Option<Seen>>>,
    /// Attempts that ended while their flow goes on, by flow.
    waiting: HashMap<u64, Vec<(ConnectionId, Box<Attempt>)>>,
    /// What was said of TLS, by flow, until the flow is over.
    tls: HashMap<u64, Arc<Summary>>,
    /// What was said of QUIC, by flow, until the flow is over.
    quic: HashMap<u64, Arc<quic::Summary>>,
    /// Servers that answered what is none of ours.
    ordinary: HashSet<SocketAddr>,
    /// What is over.
    pub(super) ended: Ended,
}

impl Sink for Gatherer {
    fn needs(&self) -> Needs {
        Needs::CHECKS | Needs::MESSAGES | Needs::HEARTBEATS | Needs::FLOWS | Needs::TLS
    }

    fn opened(&mut self, connection: &Connection) {
        let attempt = Box::new(Attempt::of(connection));
        self.open.insert(connection.id, attempt);
    }

    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        let at = Seen::from(event.at);
        let last = self.last.entry(connection.id).or_default();
        let is_first = last[event.from].replace(at).is_none();
        let is_close = event.frame.header.opcode() == Opcode::Close;
        if (is_first || is_close)
            && let Some(attempt) = self.open.get_mut(&connection.id)
        {
            let side = &mut attempt.frames[event.from];
            side.first.get_or_insert(at);
            if is_close {
                side.close.get_or_insert(at);
            }
        }
    }

    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        if !event.message.kind.is_control() && event.decoded.is_none() {
            return;
        }
        let Some(attempt) = self.open.get_mut(&connection.id) else {
            return;
        };
        Heartbeats::take(&mut attempt.heartbeats, event);
        let at = Seen::from(event.at);
        let data = event.message.data.unwrap_or_default();
        match event.message.kind {
            MessageKind::Ping => {
                let side = &mut attempt.frames[event.from];
                side.ping_count += 1;
                side.first_ping.get_or_insert(at.time);
                side.last_ping = Some(at);
                if side.pings.len() == PINGS {
                    side.pings.pop_front();
                }
                side.pings.push_back((data.into(), at));
            }
            MessageKind::Close => {
                let code = event.message.close.and_then(|(code, _)| code);
                let side = &mut attempt.frames[event.from];
                side.close_code = side.close_code.or(code.map(|code| code.0));
                let named = event.decoded.map(|decoded| {
                    let (_, name) = decoded.summary.split_once(' ').unwrap_or_default();
                    format!("{name} in {}", decoded.protocol())
                });
                side.close_name = side.close_name.take().or(named);
            }
            MessageKind::Pong => {
                attempt.frames[event.from].pong_count += 1;
                let pings = &mut attempt.frames[event.from.peer()].pings;
                if let Some(answered) = pings.iter().rposition(|(sent, _)| **sent == *data) {
                    pings.drain(..=answered);
                }
            }
            _ => {}
        }
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        if matches!(event.finding.code, Code::Protocol(_) | Code::CallUnanswered) {
            // Of what messages carry; no rule looks at it, and there may be many.
            return;
        }
        let attempt = connection.and_then(|connection| self.open.get_mut(&connection.id));
        let mut attempt = attempt;
        if let (Code::FrameCutOff, Some(side)) = (event.finding.code, event.from)
            && let (Some(attempt), Some(connection)) = (&mut attempt, connection)
            && !connection.close.frames[side]
        {
            // Half a close frame is none.
            attempt.frames[side].close = None;
        }
        if let Some(attempt) = attempt
            && attempt.findings.len() < FINDINGS
        {
            attempt.findings.push(Noted {
                code: event.finding.code,
                text: event.finding.text.clone(),
                shape: event.finding.shape,
                from: event.from,
                at: event.at.into(),
            });
        }
    }

    fn closed(&mut self, connection: &Connection, _at: Moment) {
        let last = self.last.remove(&connection.id).unwrap_or_default();
        if let Some(mut attempt) = self.open.remove(&connection.id) {
            for side in Side::BOTH {
                attempt.frames[side].last = last[side];
            }
            attempt.client = connection.client;
            attempt.server = connection.server;
            attempt.connection = Some(Box::new(connection.clone()));
            let waiting = self.waiting.entry(connection.flow).or_default();
            waiting.push((connection.id, attempt));
        }
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, _at: Moment) {
        self.tls.insert(flow.flow, Arc::new(flow.summary.clone()));
        if let Some(quic) = flow.quic {
            self.quic.insert(flow.flow, Arc::new(quic.clone()));
        }
    }

    fn flow_closed(&mut self, flow: FlowSummary) {
        let tls = self.tls.remove(&flow.serial);
        let quic = self.quic.remove(&flow.serial);
        let Some(attempts) = self.waiting.remove(&flow.serial) else {
            if quic.is_some() {
                // It says nothing of TCP at the same address.
            } else if may_be_an_attempt(&flow) {
                let attempt = Box::new(Attempt::of_flow(flow, tls));
                self.ended.attempts.push((None, attempt));
            } else if flow.sides.server.first_data.is_some()
                && self.ordinary.len() < ORDINARY
                && self.ordinary.insert(flow.addresses.server)
            {
                self.ended.ordinary.push(flow.addresses.server);
            }
            return;
        };
        let flow = Arc::new(flow);
        for (id, mut attempt) in attempts {
            attempt.flow = Some(Arc::clone(&flow));
            attempt.tls.clone_from(&tls);
            attempt.quic.clone_from(&quic);
            self.ended.attempts.push((Some(id), attempt));
        }
    }
}

/// Whether a flow without a request that could be read may have been on the way to a WebSocket: it never opened, or it
/// speaks TLS, or asked a proxy for a tunnel. Others are none of ours.
fn may_be_an_attempt(flow: &FlowSummary) -> bool {
    let (client, server) = (&flow.sides.client, &flow.sides.server);
    let never_opened =
        client.syn.is_some() && server.first_data.is_none() && client.first_data.is_none();
    never_opened
        || tls::looks_like(inside(flow).0)
        || client.opening.starts_with(b"CONNECT ")
        || asks_for_upgrade(&client.opening)
        || speaks_socks(flow)
        || client.packets == 0
            && (socks::refused_alone(&server.opening).is_some() || is_refusal(&server.opening))
        || client.opening.starts_with(b"PROXY ")
        || client.opening.starts_with(PROXY_2)
}

/// Whether bytes hold the headers of an upgrade.
fn asks_for_upgrade(opening: &[u8]) -> bool {
    contains(opening, b"upgrade: websocket") || contains(opening, b"sec-websocket-")
}

/// Whether a client's greeting in SOCKS is answered by HTTP, or by the greeting of a shell or a mail server.
pub(super) fn answers_socks_otherwise(flow: &FlowSummary) -> bool {
    let (client, server) = (&flow.sides.client.opening, &flow.sides.server.opening);
    let others: [&[u8]; 3] = [b"HTTP/1.", b"SSH-", b"220"];
    let is_other = others.iter().any(|start| server.starts_with(start));
    is_other && {
        let greeting = socks::read(client, &[]);
        greeting.state == socks::State::Incomplete && greeting.client_len > 0
    }
}

/// Whether a server's stream begins with an answer of HTTP that refuses.
pub(super) fn is_refusal(opening: &[u8]) -> bool {
    opening.starts_with(b"HTTP/1.") && matches!(opening.get(9), Some(b'4' | b'5'))
}

/// Whether the client asks a SOCKS server for a tunnel, and is answered so, or not at all.
fn speaks_socks(flow: &FlowSummary) -> bool {
    let (client, server) = (&flow.sides.client.opening, &flow.sides.server.opening);
    if answers_socks_otherwise(flow) {
        return true;
    }
    let reading = socks::read(client, server);
    let is_whole = reading.client_len > 0 && reading.client_len == client.len();
    reading.state != socks::State::Contradicted && (is_whole || !server.is_empty())
}
