//! A flow that speaks HTTP/2: each stream that an extended CONNECT opens is a WebSocket of its own (RFC 8441).
//!
//! Frames and header blocks are `http2`'s work; here requests and responses become handshakes, DATA becomes the bytes
//! of a WebSocket, and the end of a stream the end of its connection. Positions of such a connection count the DATA of
//! its stream. Other streams cost nothing.

use crate::base::{Finding, Head, Needs, PacketNumber, PerSide, Side, Span};
use crate::flow::End;
use crate::http2::{self, DataPlace, GoAway};
use crate::websocket::handshake::negotiated;

use super::chunk::{Chunk, Hole};
use super::connection::{Connection, EndedBy, Handshake, Outcome, Transport, heads_memory};
use super::context::Context;
use super::http2_exchanges::Http2Exchanges;
use super::http2_streams::{Http2Stream, Http2Streams, StreamPhase};
use super::next::{Closing, Next};
use super::seen_head::SeenHead;
use super::sink::{Sink, StreamData};
use super::tunnel::Tunnel;
use super::waiting::Waiting;

/// Http2Streams without a request that are looked at for frames at once.
const ADOPTED: usize = 64;

/// HTTP/2 in both directions.
pub(super) struct Http2Session {
    connection: http2::Connection,
    streams: Http2Streams,
    exchanges: Http2Exchanges,
    begun: PerSide<bool>,
}

impl Http2Session {
    /// HTTP/2 from each side's next bytes on; after the answer to `upgrade`, if a request of HTTP/1.1 asked for it.
    pub(super) fn new<S: Sink>(
        upgrade: Option<&Head>,
        tunnel: Option<Box<Tunnel>>,
        context: &Context<'_, S>,
    ) -> Self {
        let limits = &context.shared.limits;
        Self {
            connection: match upgrade {
                Some(request) => http2::Connection::after_upgrade(request, limits),
                None => http2::Connection::new(limits),
            },
            streams: Http2Streams::new(tunnel),
            exchanges: Http2Exchanges::default(),
            begun: PerSide::default(),
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        self.connection.held()
            + self.streams.memory
            + self.exchanges.polls.memory()
            + heads_memory(None, self.streams.tunnel.as_deref())
    }

    /// Has the WebSockets inside free what they can do without.
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        for stream in self.streams.by_id.values_mut() {
            if let StreamPhase::Open(session) = &mut stream.phase {
                session.give_up(context);
            }
        }
        self.streams.count_all();
    }

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        let side = context.flow.side(chunk.end);
        self.begin(side, chunk.offset);
        let mut out = Http2Events {
            streams: &mut self.streams,
            exchanges: &mut self.exchanges,
            context,
            packet: chunk.packet,
            earlier: chunk.earlier,
        };
        self.connection.push(side, chunk.bytes, &mut out);
        Next::Stay
    }

    pub(super) fn hole<S: Sink>(&mut self, hole: Hole, context: &mut Context<'_, S>) -> Next {
        let side = context.flow.side(hole.end);
        self.begin(side, hole.offset);
        let mut out = Http2Events::between(&mut self.streams, &mut self.exchanges, context);
        self.connection.gap(side, hole.len, &mut out);
        Next::Stay
    }

    fn begin(&mut self, side: Side, offset: u64) {
        if !std::mem::replace(&mut self.begun[side], true) {
            self.connection.start_at(side, offset);
        }
    }

    /// One end sends no more, on any stream.
    pub(super) fn end_closed<S: Sink>(&mut self, end: End, context: &mut Context<'_, S>) -> Next {
        for stream in self.streams.by_id.values_mut() {
            if let StreamPhase::Open(session) = &mut stream.phase {
                session.end_closed(end, context);
            }
        }
        self.streams.count_all();
        Next::Stay
    }

    /// The flow is over, and with it every stream.
    pub(super) fn ended<S: Sink>(
        &mut self,
        closing: Closing,
        context: &mut Context<'_, S>,
    ) -> Next {
        let mut out = Http2Events::between(&mut self.streams, &mut self.exchanges, context);
        self.connection.finish(&mut out);
        self.exchanges.ended(context);
        let (mut closing, mut error) = (closing, None);
        if let Some((side, code)) = self.streams.failed
            && closing.by == EndedBy::Fin
        {
            closing.by = EndedBy::Rst;
            closing.who = Some(context.flow.end(side));
            error = Some(code);
        }
        for stream in std::mem::take(&mut self.streams.by_id).into_values() {
            stream.end(closing, error, context);
        }
        Next::Stay
    }
}

/// Receives the events of an HTTP/2 connection, or of one of HTTP/3, which gives the same.
pub(super) struct Http2Events<'o, 'a, S> {
    streams: &'o mut Http2Streams,
    exchanges: &'o mut Http2Exchanges,
    context: &'o mut Context<'a, S>,
    pub(super) packet: PacketNumber,
    earlier: &'o [PacketNumber],
}

impl<'o, 'a, S: Sink> Http2Events<'o, 'a, S> {
    /// For what comes without bytes.
    pub(super) fn between(
        streams: &'o mut Http2Streams,
        exchanges: &'o mut Http2Exchanges,
        context: &'o mut Context<'a, S>,
    ) -> Self {
        let packet = context.now.packet;
        Self {
            streams,
            exchanges,
            context,
            packet,
            earlier: &[],
        }
    }

    fn seen(&self, head: Head, at: Span) -> SeenHead {
        SeenHead {
            head,
            packet: self.packet,
            time: self.context.now.time,
            stream_offset: at.start,
        }
    }

    fn open(&mut self, stream: u32, handshake: Handshake) -> Box<Connection> {
        let tunnel = self.streams.tunnel.clone();
        let mut connection = self.context.connection(Some(Box::new(handshake)), tunnel);
        if connection.transport != Transport::Http3 {
            connection.transport = Transport::Http2;
        }
        connection.stream = Some(stream);
        self.context.sink.opened(&connection);
        connection
    }

    /// The stream carries frames, whatever was asked and answered.
    fn recognised(&mut self, id: u32) {
        let Some(mut stream) = self.streams.remove(id) else {
            return;
        };
        if let StreamPhase::Unseen(unseen) = stream.phase {
            let connection = match unseen.attempt {
                Some(attempt) => attempt,
                None => {
                    let handshake = Handshake {
                        outcome: Outcome::NotSeen,
                        negotiated: negotiated(None, None),
                        ..Handshake::default()
                    };
                    self.open(id, handshake)
                }
            };
            self.context.sink.handshake(&connection, self.context.now);
            stream.phase = StreamPhase::Ignored;
            stream.open(connection, unseen.waiting, self.context);
        }
        self.streams.insert(id, stream);
    }

    fn end(&mut self, stream: u32, by: EndedBy, who: Option<Side>, error: Option<u32>) {
        if let Some(stream) = self.streams.remove(stream) {
            let closing = Closing {
                by,
                who: who.map(|side| self.context.flow.end(side)),
                at: self.context.now.time,
            };
            stream.end(closing, error, self.context);
        }
    }
}

/// Whether a head says what is asked for. In a connection that was joined in the middle fields may be missing, and what looks like
/// another request may be a WebSocket's.
fn is_whole(head: &Head) -> bool {
    !head.method().is_empty() && head.method() != b"CONNECT" && !head.target().is_empty()
}

impl<S: Sink> http2::StreamSink for Http2Events<'_, '_, S> {
    fn request(&mut self, stream: u32, head: Head, at: Span) -> bool {
        if !http2::asks_for_websocket(&head) {
            let is_wanted = self.context.shared.needs.has(Needs::EXCHANGES) && is_whole(&head);
            let is_polled = self.exchanges.polls.asked(stream, &head, self.context);
            return is_wanted && self.exchanges.asked(stream, &head, at, self.context) || is_polled;
        }
        self.streams.asked = true;
        self.end(stream, EndedBy::Rst, None, None);
        let handshake = Handshake {
            request: Some(self.seen(head, at)),
            ..Handshake::default()
        };
        let connection = self.open(stream, handshake);
        let phase = StreamPhase::Asked(connection, Waiting::default());
        self.streams.insert(stream, Http2Stream::new(phase));
        true
    }

    fn response(&mut self, stream: u32, head: Head, at: Span) {
        if head
            .status()
            .is_some_and(|status| (100..200).contains(&status))
        {
            return;
        }
        let now = self.context.now.time;
        let is_polled = self.exchanges.polls.answered(stream, &head);
        if self.exchanges.answered(stream, &head, at, now) || is_polled {
            return;
        }
        let seen = self.seen(head, at);
        if let Some(followed) = self.streams.by_id.get_mut(&stream) {
            followed.answered(seen, self.context);
            self.streams.count(stream);
        }
    }

    fn data(&mut self, stream: u32, from: Side, bytes: &[u8], place: DataPlace) {
        let now = self.context.now.time;
        let is_polled = self.exchanges.polls.data(stream, from, bytes);
        if self.exchanges.data(stream, from, bytes, now) || is_polled {
            return;
        }
        let end = self.context.flow.end(from);
        let Some(followed) = self.streams.by_id.get_mut(&stream) else {
            return;
        };
        if self.context.shared.needs.has(Needs::EXTENTS) {
            let data = StreamData {
                stream,
                offset: place.offset,
                at: place.at,
                len: bytes.len() as u64,
            };
            let flow = self.context.flow.serial;
            self.context.sink.stream_data(flow, end, data);
        }
        let chunk = Chunk {
            end,
            offset: place.offset,
            bytes,
            packet: self.packet,
            earlier: self.earlier,
            time: self.context.now.time,
        };
        if followed.data(from, chunk, self.context) {
            self.recognised(stream);
        }
        self.streams.count(stream);
    }

    fn data_gap(&mut self, stream: u32, from: Side, len: u64) {
        let is_polled = self.exchanges.polls.missing(stream, from);
        if self.exchanges.missing(stream, from, len) || is_polled {
            return;
        }
        if let Some(followed) = self.streams.by_id.get_mut(&stream) {
            followed.hole(from, len, self.context);
            self.streams.count(stream);
        }
    }

    fn data_lost(&mut self, stream: u32, from: Side) {
        if let Some(followed) = self.streams.by_id.get_mut(&stream) {
            followed.lose(from, self.context);
            self.streams.count(stream);
        }
    }

    fn end_stream(&mut self, stream: u32, from: Side, _at: u64) {
        self.exchanges.polls.complete(stream, from, self.context);
        if from == Side::Server {
            self.exchanges.end(stream, self.context);
        }
        let Some(followed) = self.streams.by_id.get_mut(&stream) else {
            return;
        };
        followed.ended[from] = true;
        if let StreamPhase::Open(session) = &mut followed.phase {
            session.end_closed(self.context.flow.end(from), self.context);
        }
        let is_refused = matches!(followed.phase, StreamPhase::Refused(_)) && from == Side::Server;
        if is_refused || followed.ended.client && followed.ended.server {
            self.end(stream, EndedBy::Fin, Some(from), None);
        }
        self.streams.count(stream);
    }

    fn reset(&mut self, stream: u32, from: Side, code: u32, _at: Span) {
        self.exchanges.polls.end(stream);
        self.exchanges.end(stream, self.context);
        self.end(stream, by_code(code), Some(from), Some(code));
    }

    fn dropped(&mut self, stream: u32) {
        self.exchanges.polls.end(stream);
        self.exchanges.end(stream, self.context);
        self.end(stream, EndedBy::Timeout, None, None);
    }

    fn go_away(&mut self, from: Side, go_away: GoAway<'_>, _at: Span) {
        if go_away.code != 0 {
            self.streams.failed.get_or_insert((from, go_away.code));
        }
        // What a client says is about streams that a server opens (RFC 9113 section 6.8).
        if from == Side::Client {
            return;
        }
        let refused = go_away.last_stream.saturating_add(1)..;
        let refused: Vec<u32> = self
            .streams
            .by_id
            .range(refused)
            .map(|(id, _)| *id)
            .collect();
        for stream in refused {
            let code = go_away.code;
            self.end(stream, by_code(code), Some(from), Some(code));
        }
    }

    fn connect_protocol(&mut self, _: Side, _: bool, _: Span) {}

    fn lost(&mut self, from: Side) {
        for stream in self.streams.by_id.values_mut() {
            stream.lose(from, self.context);
        }
        self.streams.count_all();
    }

    fn adopt(&mut self, stream: u32, _from: Side) -> bool {
        let room = self.streams.by_id.len() < ADOPTED;
        if room {
            let phase = StreamPhase::Unseen(Box::default());
            self.streams.insert(stream, Http2Stream::new(phase));
        }
        room
    }

    fn finding(&mut self, from: Side, stream: Option<u32>, finding: Finding) {
        let followed = stream.and_then(|stream| self.streams.by_id.get_mut(&stream));
        if let Some(connection) = followed.and_then(Http2Stream::connection) {
            return self.context.finding(Some(connection), Some(from), &finding);
        }
        // Of a connection that carries no WebSocket nobody asked anything.
        if !self.streams.asked || self.streams.told >= self.context.shared.limits.findings_per_code
        {
            return;
        }
        self.streams.told += 1;
        self.context.finding(None, Some(from), &finding);
    }
}

/// A stream that ends without an error ends as by FIN. No code of HTTP/2 is as high as those of HTTP/3.
fn by_code(code: u32) -> EndedBy {
    const H3_NO_ERROR: u32 = 0x100;
    match code {
        0 | H3_NO_ERROR => EndedBy::Fin,
        _ => EndedBy::Rst,
    }
}
