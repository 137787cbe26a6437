//! What every protocol state is handed with its bytes.

use std::net::SocketAddr;
use std::sync::Arc;

use hashbrown::{HashMap, HashSet};

use crate::base::{
    Attribution, Code, ConnectionId, Finding, Head, Limits, Needs, Owners, PacketNumber, PerSide,
    Side, Span, Timestamp,
};
use crate::flow::{End, FlowId, Recent};
use crate::payload::Schema;
use crate::tls::{self, KeyLog};
use crate::tunnel::proxy_protocol::Header as ProxyHeader;
use crate::websocket::Scratch;
use crate::wire::FlowKey;

use super::budget::{Account, Budget, Holder};
use super::chunk::{Hole, Why};
use super::connection::{Connection, Handshake, Transport};
use super::decoding::PayloadAs;
use super::exchange::Exchange;
use super::moment::Moment;
use super::next::Closing;
use super::polling::Polls;
use super::sink::{FindingEvent, Sink};
use super::streams::Streams;
use super::tls_flow::TlsFlow;
use super::tunnel::Tunnel;

/// What one engine shares between all its flows.
pub(super) struct Shared {
    pub(super) limits: Limits,
    pub(super) needs: Needs,
    pub(super) decode_as: Vec<u16>,
    pub(super) payload_as: Vec<PayloadAs>,
    pub(super) schema: Option<Arc<Schema>>,
    pub(super) attribution: Option<Arc<dyn Attribution>>,
    /// Whether a key log was given, though it may still be empty.
    pub(super) decrypts: bool,
    pub(super) scratch: Scratch,
    pub(super) recent: Recent,
    /// Connections reported so far.
    pub(super) opened: u32,
    /// Flows seen so far.
    pub(super) flows: u64,
    /// Bytes buffered behind holes, over all flows.
    pub(super) held: usize,
    /// What all flows together keep otherwise.
    pub(super) budget: Budget,
    /// Bytes of openings that may still be kept, over all flows.
    pub(super) openings: usize,
    /// What is known of some flows only, by their serial number.
    pub(super) rare: HashMap<u64, Rare>,
    /// Servers of which it was said that their HTTP/3 stays closed.
    pub(super) closed_quic: HashSet<SocketAddr>,
    /// What is left to try of QUIC connections whose beginning was not captured.
    pub(super) attempts: crate::quic::Attempts,
    /// What Engine.IO sessions say over HTTP, where somebody asks what messages carry.
    pub(super) polling: Option<Polls>,
    /// The numbers of TCP streams, where somebody asks.
    pub(super) streams: Option<Streams>,
    /// Flows that wait for the key log to grow.
    pub(super) waiting: Vec<FlowId>,
    /// Reused buffers.
    pub(super) packets: Vec<PacketNumber>,
    pub(super) findings: Vec<(Side, Finding)>,
    pub(super) run: Vec<u8>,
}

/// What is known of a flow whatever it carries.
#[derive(Debug)]
pub(super) struct FlowInfo {
    /// Its number among the flows of this engine.
    pub(super) serial: u64,
    /// Its place in the table.
    pub(super) place: FlowId,
    /// What it keeps.
    pub(super) account: Account,
    /// Both ends; the source is [`End::Low`].
    pub(super) key: FlowKey,
    /// The end that asked for the connection, as far as the packets show.
    pub(super) client: Option<End>,
    pub(super) first_packet: PacketNumber,
    pub(super) opened: Timestamp,
    /// Time of its latest packet.
    pub(super) last: Timestamp,
    pub(super) packets: u64,
    pub(super) transport: Transport,
    /// One bit each: the two ends of which any packet was seen, and what the methods ask for. There are many flows.
    pub(super) seen: u8,
    /// Connections reported of it so far.
    pub(super) connections: u32,
    /// Layers of TLS that its bytes are inside of.
    pub(super) layers: u8,
}

/// What is known of few flows, or of all where somebody asks.
#[derive(Debug, Default)]
pub(super) struct Rare {
    pub(super) server_name: Option<Arc<str>>,
    pub(super) stream: Option<u64>,
    pub(super) proxy_header: Option<Arc<ProxyHeader>>,
    /// What is known of TLS around it, where findings are looked at.
    pub(super) tls: Option<Arc<tls::Summary>>,
    /// Whose it is, as a capture file says.
    pub(super) owners: Option<Arc<Owners>>,
}

impl FlowInfo {
    /// Set in [`FlowInfo::seen`] when it began with a SYN in the capture.
    pub(super) const FROM_START: u8 = 4;
    /// Set when it carries a WebSocket.
    pub(super) const WEBSOCKET: u8 = 8;

    pub(super) fn is_from_start(&self) -> bool {
        self.seen & Self::FROM_START != 0
    }

    pub(super) fn is_websocket(&self) -> bool {
        self.seen & Self::WEBSOCKET != 0
    }

    /// The side an end plays, once that is known; before, the end that spoke first is as good a guess as any.
    pub(super) fn side(&self, end: End) -> Side {
        if self.client.unwrap_or(End::Low) == end {
            Side::Client
        } else {
            Side::Server
        }
    }

    pub(super) fn address(&self, end: End) -> SocketAddr {
        let endpoint = match end {
            End::Low => self.key.source,
            End::High => self.key.destination,
        };
        endpoint.socket()
    }

    pub(super) fn seen(&self, end: End) -> bool {
        self.seen & 1 << end as u8 != 0
    }

    pub(super) fn end(&self, side: Side) -> End {
        let client = self.client.unwrap_or(End::Low);
        match side {
            Side::Client => client,
            Side::Server => client.peer(),
        }
    }
}

/// What a session works with besides its own state.
pub(super) struct Context<'a, S> {
    pub(super) sink: &'a mut S,
    pub(super) shared: &'a mut Shared,
    pub(super) flow: &'a mut FlowInfo,
    pub(super) now: Moment,
    pub(super) keys: &'a KeyLog,
}

impl<S> Context<'_, S> {
    /// An exchange of the flow, which begins now with this head of so many bytes.
    pub(super) fn exchange(&self, head: &Head, head_len: u64) -> Exchange {
        let address = |side| self.flow.address(self.flow.end(side));
        let ends = PerSide {
            client: address(Side::Client),
            server: address(Side::Server),
        };
        Exchange::asked(head, head_len, self.flow.serial, ends, self.now.time)
    }
}

impl<S: Sink> Context<'_, S> {
    /// The flow's session keeps this many bytes now.
    #[inline]
    pub(super) fn charge(&mut self, held: usize) {
        if held != self.flow.account.held() as usize {
            let (place, serial) = (self.flow.place, self.flow.serial);
            let holder = Holder { place, serial };
            let budget = &mut self.shared.budget;
            budget.charge(&mut self.flow.account, holder, held);
        }
    }

    /// Reports that what was kept of a flow that is no WebSocket (yet) is freed, and the flow no longer followed.
    pub(super) fn given_up(&mut self, connection: Option<&mut Connection>) {
        if connection.is_none() {
            let most = self.shared.limits.findings_per_code;
            self.shared.budget.told = self.shared.budget.told.saturating_add(1);
            if self.shared.budget.told > most {
                return;
            }
        }
        let text = format!(
            "all flows together keep more than {} bytes; this one is followed no longer",
            self.shared.budget.limit()
        );
        self.finding(connection, None, &Finding::new(Code::MemoryLimit, text));
    }

    /// What is reported of the flow, with `client` as TLS has it; inside TLS or QUIC alone.
    pub(super) fn tls_flow<'t>(
        &self,
        client: End,
        summary: &'t tls::Summary,
        closing: Closing,
    ) -> TlsFlow<'t> {
        let flow = &self.flow;
        let side = |end| match end == client {
            true => Side::Client,
            false => Side::Server,
        };
        TlsFlow {
            flow: flow.serial,
            client_end: client,
            client: flow.address(client),
            server: flow.address(client.peer()),
            summary,
            quic: None,
            tunnel: None,
            first_packet: flow.first_packet,
            opened: flow.opened,
            last: flow.last,
            packets: flow.packets,
            connections: flow.connections,
            ended_by: closing.by,
            closed_by: closing.who.map(side),
        }
    }

    /// The side that an end plays, if it is known which end.
    pub(super) fn side(&self, end: Option<End>) -> Option<Side> {
        end.map(|end| self.flow.side(end))
    }

    /// Whether anybody wants to know about TLS, so that its flows are worth to be read.
    pub(super) fn follows_tls(&self) -> bool {
        self.shared.decrypts || self.shared.needs.any(Needs::TLS | Needs::FINDINGS)
    }

    /// Whether a header of the PROXY protocol was read of this flow.
    pub(super) fn has_proxy_header(&self) -> bool {
        let rare = self.shared.rare.get(&self.flow.serial);
        rare.is_some_and(|rare| rare.proxy_header.is_some())
    }

    /// Remembers the PROXY protocol's header for the connections of this flow.
    pub(super) fn set_proxy_header(&mut self, header: ProxyHeader) {
        let rare = self.shared.rare.entry(self.flow.serial).or_default();
        rare.proxy_header = Some(Arc::new(header));
    }

    /// Whether somebody reads what a security engineer asks: findings, with what messages carry.
    pub(super) fn looks_for_secrets(&self) -> bool {
        self.shared.needs.has(Needs::FINDINGS | Needs::DECODED)
    }

    /// A new connection on this flow, not yet reported to the sink.
    pub(super) fn connection(
        &mut self,
        handshake: Option<Box<Handshake>>,
        tunnel: Option<Box<Tunnel>>,
    ) -> Box<Connection> {
        let id = ConnectionId(self.shared.opened);
        let ordinal = self.flow.connections;
        self.shared.opened += 1;
        self.flow.connections += 1;
        let address = |side| self.flow.address(self.flow.end(side));
        let owners = self.owners();
        let rare = self.shared.rare.get(&self.flow.serial);
        Box::new(Connection {
            id,
            flow: self.flow.serial,
            client_end: self.flow.end(Side::Client),
            client: address(Side::Client),
            server: address(Side::Server),
            transport: self.flow.transport,
            ordinal,
            is_encrypted: self.flow.layers > 0,
            server_name: rare.and_then(|rare| rare.server_name.clone()),
            tcp_stream: rare.and_then(|rare| rare.stream),
            stream: None,
            first_packet: self.flow.first_packet,
            opened: self.flow.opened,
            closed: None,
            packets: self.flow.packets,
            handshake,
            tunnel,
            proxy_protocol: rare.and_then(|rare| rare.proxy_header.clone()),
            frames: Default::default(),
            messages: Default::default(),
            bytes: Default::default(),
            findings: 0,
            close: Default::default(),
            protocol: None,
            polled: None,
            owners,
        })
    }

    /// The processes at the ends of the flow, now or as soon as they are found out.
    fn owners(&self) -> Option<Arc<Owners>> {
        let flow = &self.flow;
        if let Some(attribution) = &self.shared.attribution {
            return Some(attribution.wanted(flow.address(End::Low), flow.address(End::High)));
        }
        self.shared.rare.get(&flow.serial)?.owners.clone()
    }

    /// Reports a finding that is about no frame or message.
    pub(super) fn finding(
        &mut self,
        connection: Option<&mut Connection>,
        from: Option<Side>,
        finding: &Finding,
    ) {
        let event = FindingEvent {
            finding,
            from,
            at: self.now,
            frame: None,
            message: None,
        };
        match connection {
            Some(connection) => {
                connection.findings += 1;
                self.sink.finding(&event, Some(connection));
            }
            None => self.sink.finding(&event, None),
        }
    }

    /// Reports that bytes of the connection are missing, unless another finding does.
    pub(super) fn missing(&mut self, connection: &mut Connection, hole: Hole) {
        if hole.why == Why::Unread {
            return;
        }
        let Hole { offset, len, .. } = hole;
        let text = format!("{len} bytes from stream position {offset} are not in the capture");
        let finding = Finding::new(Code::TcpGap, text).at(Span::at(offset, len));
        let from = self.flow.side(hole.end);
        self.finding(Some(connection), Some(from), &finding);
    }
}
