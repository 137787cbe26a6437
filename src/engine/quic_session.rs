//! A flow that speaks QUIC: its datagrams opened where there is a key, and HTTP/3 inside read stream by stream (RFC 9220).
//!
//! Packets and streams are `quic`'s work, frames and header blocks `http3`'s; what they give is what HTTP/2 gives, so the streams
//! are kept and told as those of HTTP/2 are. Positions: what a side sent is its datagrams one behind the other; the plaintext is
//! the frames of its packets with streams, one packet behind the other; a WebSocket counts the DATA of its stream.

use std::ops::Range;

use crate::base::{
    Code, Extent, Finding, Needs, PacketNumber, PerSide, Side, Span, Timestamp, escape,
};
use crate::http3::{self, Origin, OriginSink};
use crate::quic::{self, Close, ConnectionId, EventSink, Joined, Piece, Received};
use crate::tls::Decryption;
use crate::wire::FlowKey;

use super::connection::{Close as CloseOf, EndedBy, Transport};
use super::context::Context;
use super::http2_exchanges::Http2Exchanges;
use super::http2_session::Http2Events;
use super::http2_streams::{Http2Streams, StreamPhase};
use super::next::{Closing, Next};
use super::sink::{Plaintext, Sink};
use super::tls_flow::TlsFlow;

/// Pairs of addresses remembered of one connection.
const ROUTES: usize = 64;

/// Packets that could not be opened before that is told while the connection lives: a key log may lag behind.
const UNOPENED: u64 = 8;

/// A datagram of the flow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Arrived<'a> {
    pub(super) from: Side,
    pub(super) bytes: &'a [u8],
    /// Where they begin in the packet.
    pub(super) packet_offset: u32,
}

/// What a connection is found by.
pub(super) struct Places {
    pub(super) ids: Vec<ConnectionId>,
    pub(super) routes: Vec<FlowKey>,
}

/// A QUIC connection.
pub(super) struct QuicSession {
    quic: quic::Connection,
    inside: Inside,
    /// Position behind the datagrams of each side.
    position: PerSide<u64>,
    /// The addresses it was seen on.
    routes: Vec<FlowKey>,
    late: Vec<Late>,
    late_bytes: usize,
    /// The size of the key log at the last datagram.
    keys: usize,
    /// What HTTP/3 kept when that was last counted.
    kept: usize,
    /// Datagrams since.
    uncounted: u8,
    is_named: bool,
    is_noted: bool,
    is_told: bool,
}

/// Datagrams after which what HTTP/3 keeps is counted again: each count looks at all its streams.
const COUNTED: u8 = 16;

/// Servers of which it is said that they speak QUIC.
const SERVERS: usize = 256;

/// Bytes of datagrams kept until their secret comes: a handshake and what follows it at once.
const LATE: usize = 16 << 10;

/// A datagram that could not be opened.
struct Late {
    from: Side,
    bytes: Box<[u8]>,
    packet: PacketNumber,
    time: Timestamp,
    base: u64,
}

/// What its streams carry.
struct Inside {
    http: http3::Connection,
    streams: Http2Streams,
    exchanges: Http2Exchanges,
    /// It is not HTTP/3.
    is_other: bool,
    /// Who closed the connection, and how.
    close: Option<(Side, Close)>,
    forgotten: Option<Side>,
}

impl QuicSession {
    /// A connection whose first packet was just seen on this pair of addresses, or one that was joined in its middle.
    pub(super) fn new<S: Sink>(
        route: FlowKey,
        joined: Option<Joined>,
        context: &mut Context<'_, S>,
    ) -> Self {
        context.flow.layers = 1;
        context.flow.transport = Transport::Http3;
        let limits = &context.shared.limits;
        Self {
            quic: match joined {
                Some(joined) => quic::Connection::joined(limits, joined),
                None => quic::Connection::new(limits),
            },
            inside: Inside {
                http: http3::Connection::new(limits),
                streams: Http2Streams::new(None),
                exchanges: Http2Exchanges::default(),
                is_other: false,
                close: None,
                forgotten: None,
            },
            position: PerSide::default(),
            routes: vec![route],
            late: Vec::new(),
            late_bytes: 0,
            keys: 0,
            kept: 0,
            uncounted: 0,
            is_named: false,
            is_noted: false,
            is_told: false,
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        let routes = self.routes.capacity() * size_of::<FlowKey>();
        let late = self.late_bytes + self.late.capacity() * size_of::<Late>();
        let inside = self.inside.streams.memory + self.inside.exchanges.polls.memory();
        self.quic.memory() + self.kept + inside + routes + late
    }

    /// Has the WebSockets inside free what they can do without.
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        for stream in self.inside.streams.by_id.values_mut() {
            if let StreamPhase::Open(session) = &mut stream.phase {
                session.give_up(context);
            }
        }
        self.inside.streams.count_all();
    }

    /// Whether the handshake is behind it, so that another Initial on its addresses is another connection's.
    pub(super) fn is_established(&self) -> bool {
        let summary = self.quic.summary();
        summary.ids.server.is_some() && summary.unopened.client + summary.unopened.server > 0
            || self.quic.tls().decryption == Decryption::Decrypted
    }

    /// The ids that became known since the last call, with the side that they belong to.
    pub(super) fn take_new_ids(&mut self) -> Vec<(Side, ConnectionId)> {
        let new = self.quic.take_new_ids();
        let owner = |id: &ConnectionId| match self.quic.is_addressed(Side::Client, id) {
            true => Side::Server,
            false => Side::Client,
        };
        new.into_iter().map(|id| (owner(&id), id)).collect()
    }

    /// What it is found by.
    pub(super) fn places(&self) -> Places {
        Places {
            ids: self.quic.all_ids().copied().collect(),
            routes: self.routes.clone(),
        }
    }

    /// It goes on on another pair of addresses; whether that is to be remembered.
    pub(super) fn moved(&mut self, route: FlowKey) -> bool {
        self.quic.summary_mut().migrations += 1;
        let has_room = self.routes.len() < ROUTES;
        if has_room {
            self.routes.push(route);
        }
        has_room
    }

    /// How the connection was ended, if it was.
    pub(super) fn closer(&self) -> Option<Side> {
        let closed = self.inside.close.as_ref().map(|(side, _)| *side);
        closed.or(self.inside.forgotten)
    }

    pub(super) fn datagram<S: Sink>(&mut self, arrived: Arrived<'_>, context: &mut Context<'_, S>) {
        let from = arrived.from;
        let base = self.position[from];
        self.position[from] += arrived.bytes.len() as u64;
        if context.shared.needs.has(Needs::EXTENTS) {
            let extent = Extent {
                stream_offset: base,
                packet: context.now.packet,
                packet_offset: Some(arrived.packet_offset),
                len: arrived.bytes.len() as u32,
            };
            let end = context.flow.end(from);
            let serial = context.flow.serial;
            context.sink.extent(serial, end, extent, arrived.bytes);
        }
        let received = Received {
            from,
            bytes: arrived.bytes,
            packet: context.now.packet,
            time: context.now.time,
        };
        self.read_late(context);
        let attempts = &mut context.shared.attempts;
        self.quic.find(received, context.keys, attempts);
        let unopened = self.quic.summary().unopened[from];
        self.read(received, base, context);
        let stays_closed = self.quic.summary().unopened[from] > unopened;
        if stays_closed && context.shared.decrypts {
            self.keep(received, base);
        }
        self.uncounted += 1;
        if self.uncounted >= COUNTED {
            (self.kept, self.uncounted) = (self.inside.http.held(), 0);
        }
        self.remember(context);
        if self.quic.summary().unopened.client + self.quic.summary().unopened.server >= UNOPENED {
            self.tell_closed(context);
        }
    }

    fn read<S: Sink>(&mut self, received: Received<'_>, base: u64, context: &mut Context<'_, S>) {
        self.inside.is_other = self.is_other();
        let keys = context.keys;
        let mut out = QuicEvents {
            inside: &mut self.inside,
            context,
            base,
        };
        self.quic.push(received, keys, &mut out);
    }

    /// Keeps a datagram whose secret may come later: a key log that is being written lags behind.
    fn keep(&mut self, received: Received<'_>, base: u64) {
        let is_missing = self.quic.tls().decryption == Decryption::NoSecret;
        if is_missing && self.late_bytes + received.bytes.len() <= LATE {
            self.late_bytes += received.bytes.len();
            self.late.push(Late {
                from: received.from,
                bytes: received.bytes.into(),
                packet: received.packet,
                time: received.time,
                base,
            });
        }
    }

    /// Reads what was kept once there are more secrets.
    fn read_late<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let size = context.keys.len();
        if std::mem::replace(&mut self.keys, size) == size || self.late.is_empty() {
            return;
        }
        self.late_bytes = 0;
        for late in std::mem::take(&mut self.late) {
            let received = Received {
                from: late.from,
                bytes: &late.bytes,
                packet: late.packet,
                time: late.time,
            };
            let unopened = self.quic.summary().unopened[late.from];
            self.read(received, late.base, context);
            if self.quic.summary().unopened[late.from] > unopened {
                self.keep(received, late.base);
            }
        }
    }

    /// Whether the client offers nothing that is HTTP/3, or the server chose something else.
    fn is_other(&self) -> bool {
        let tls = self.quic.tls();
        let is_http = |name: &str| name == "h3" || name.starts_with("h3-");
        match &tls.alpn {
            Some(chosen) => !is_http(chosen),
            None => {
                !tls.alpn_offered.is_empty() && !tls.alpn_offered.iter().any(|name| is_http(name))
            }
        }
    }

    /// Notes the server name, and what was agreed on for those who ask whether it was wise.
    fn remember<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let summary = self.quic.tls();
        let serial = context.flow.serial;
        if let Some(name) = summary.server_name.as_deref().filter(|_| !self.is_named) {
            let rare = context.shared.rare.entry(serial).or_default();
            rare.server_name.get_or_insert_with(|| name.into());
            self.is_named = true;
        }
        let is_read = summary.decryption == Decryption::Decrypted;
        if is_read && !self.is_noted && context.looks_for_secrets() {
            let rare = context.shared.rare.entry(serial).or_default();
            rare.tls = Some(std::sync::Arc::new(summary.clone()));
            self.is_noted = true;
        }
    }

    /// Says once of a connection that stays closed what it is.
    #[cold]
    fn tell_closed<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let tls = self.quic.tls();
        if self.is_told
            || matches!(
                tls.decryption,
                Decryption::Decrypted | Decryption::NothingYet
            )
        {
            return;
        }
        self.is_told = true;
        // A browser opens dozens to the same few.
        let server = context.flow.address(context.flow.end(Side::Server));
        let told = &mut context.shared.closed_quic;
        if told.len() >= SERVERS || !told.insert(server) {
            return;
        }
        let address = |side| context.flow.address(context.flow.end(side));
        let (client, server) = (address(Side::Client), address(Side::Server));
        let name = match &tls.server_name {
            Some(name) => format!(", {}", escape::preview(name.as_bytes(), 255)),
            None => String::new(),
        };
        let quic = self.quic.summary();
        let version = quic.version.or(quic.version_offered).unwrap_or_default();
        let protocols = tls.alpn_offered.join(", ");
        let protocols = escape::preview(protocols.as_bytes(), 64);
        let why = match tls.decryption {
            Decryption::NoSecret if context.keys.is_empty() => "without its secrets",
            other => other.text(),
        };
        let text = match self.is_other() {
            true => format!(
                "QUIC version {version} for {protocols}, which is not HTTP/3 ({client} to {server}{name})"
            ),
            false => format!(
                "HTTP/3 over QUIC version {version}, {why}: whether a WebSocket is inside shows only with a key log ({client} to {server}{name}); today's browsers open WebSockets over TCP"
            ),
        };
        context.finding(None, None, &Finding::new(Code::QuicNoKey, text));
    }

    /// The flow is over, and with it every stream.
    pub(super) fn ended<S: Sink>(
        &mut self,
        closing: Closing,
        context: &mut Context<'_, S>,
    ) -> Next {
        let mut out = QuicEvents {
            inside: &mut self.inside,
            context,
            base: 0,
        };
        self.quic.finish(&mut out);
        let closing = self.closing(closing, context);
        self.inside.exchanges.ended(context);
        let error = self.inside.streams.failed.map(|(_, code)| code);
        for stream in std::mem::take(&mut self.inside.streams.by_id).into_values() {
            stream.end(closing, error, context);
        }
        self.tell_closed(context);
        self.report(closing, context);
        Next::Stay
    }

    /// How its streams end: as the connection was closed, or by its own time-out where the capture shows that.
    fn closing<S: Sink>(&self, mut closing: Closing, context: &Context<'_, S>) -> Closing {
        if let Some((side, _)) = self.inside.streams.failed
            && closing.by == EndedBy::Fin
        {
            closing.by = EndedBy::Rst;
            closing.who = Some(context.flow.end(side));
        }
        let idle = self.quic.summary().idle_timeout;
        if let Some(idle) = idle
            && matches!(closing.by, EndedBy::CaptureEnd | EndedBy::Timeout)
        {
            let idle = i64::try_from(idle.saturating_mul(1_000_000)).unwrap_or(i64::MAX);
            let end = context.flow.last.0.saturating_add(idle);
            if context.now.time.0 > end {
                closing.by = EndedBy::Timeout;
                closing.at.0 = end;
            }
        }
        closing
    }

    fn report<S: Sink>(&self, closing: Closing, context: &mut Context<'_, S>) {
        let client = context.flow.end(Side::Client);
        let flow = TlsFlow {
            quic: Some(self.quic.summary()),
            ..context.tls_flow(client, self.quic.tls(), closing)
        };
        context.sink.tls(&flow, context.now);
    }
}

/// Receives the events of the QUIC connection.
struct QuicEvents<'o, 'a, S> {
    inside: &'o mut Inside,
    context: &'o mut Context<'a, S>,
    /// Position of the datagram in what its side sent.
    base: u64,
}

impl<S: Sink> QuicEvents<'_, '_, S> {
    /// Has HTTP/3 read something.
    fn http<T>(
        &mut self,
        run: impl FnOnce(&mut http3::Connection, &mut Http2Events<'_, '_, S>) -> T,
    ) -> T {
        let Inside {
            http,
            streams,
            exchanges,
            ..
        } = &mut *self.inside;
        let mut out = Http2Events::between(streams, exchanges, self.context);
        run(http, &mut out)
    }
}

impl<S: Sink> EventSink for QuicEvents<'_, '_, S> {
    fn opened(&mut self, from: Side, offset: u64, bytes: &[u8], packet: Range<usize>) {
        if self.inside.is_other || !self.context.shared.needs.has(Needs::EXTENTS) {
            return;
        }
        let plaintext = Plaintext {
            layer: 1,
            offset,
            bytes,
            record: Span::at(self.base + packet.start as u64, packet.len() as u64),
        };
        let (serial, end) = (self.context.flow.serial, self.context.flow.end(from));
        self.context.sink.plaintext(serial, end, plaintext);
    }

    fn data(&mut self, stream: u64, from: Side, bytes: &[u8], piece: Piece) -> bool {
        let origin = Origin {
            packet: piece.packet,
            at: piece.at,
        };
        !self.inside.is_other && self.http(|http, out| http.push(stream, from, bytes, origin, out))
    }

    fn gap(&mut self, stream: u64, from: Side, len: u64) -> bool {
        !self.inside.is_other && self.http(|http, out| http.gap(stream, from, len, out))
    }

    fn end(&mut self, stream: u64, from: Side) {
        self.http(|http, out| http.end(stream, from, out));
    }

    fn reset(&mut self, stream: u64, from: Side, code: u64) {
        self.http(|http, out| http.reset(stream, from, code, out));
    }

    fn dropped(&mut self, stream: u64) {
        self.http(|http, out| http.drop_stream(stream, out));
    }

    fn closed(&mut self, from: Side, close: &Close) {
        if !close.is_without_error() {
            let code = u32::try_from(close.code).unwrap_or(u32::MAX) & !CloseOf::OF_QUIC;
            let code = match close.by_application {
                true => code,
                false => code | CloseOf::OF_QUIC,
            };
            self.inside.streams.failed.get_or_insert((from, code));
        }
        self.inside.close = Some((from, close.clone()));
    }

    fn forgotten(&mut self, from: Side) {
        // A reset without a code.
        let code = CloseOf::OF_QUIC;
        self.inside.streams.failed.get_or_insert((from, code));
        self.inside.forgotten = Some(from);
    }

    fn finding(&mut self, from: Side, finding: Finding) {
        if self.inside.streams.asked {
            self.context.finding(None, Some(from), &finding);
        }
    }
}

impl<S: Sink> OriginSink for Http2Events<'_, '_, S> {
    fn origin(&mut self, packet: PacketNumber) {
        self.packet = packet;
    }
}
