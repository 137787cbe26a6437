//! A flow that speaks HTTP/2: each stream that an extended CONNECT opens is a WebSocket of its own (RFC 8441).
//!
//! Frames and header blocks are `http2`'s work; here requests and responses become handshakes, DATA becomes the bytes
//! of a WebSocket, and the end of a stream the end of its connection. Positions of such a connection count the DATA of
//! its stream. Other streams cost nothing.

use std::collections::BTreeMap;

use crate::base::{Finding, Head, Needs, PacketNumber, PerSide, Side, Span};
use crate::flow::End;
use crate::http2::{self, DataPlace, GoAway};
use crate::websocket::detect::{FrameScore, verdict};
use crate::websocket::handshake::{is_accepted, negotiated};

use super::connection::{
    Connection, EndedBy, Handshake, Outcome, SeenHead, Transport, Tunnel, heads_memory,
};
use super::context::{Chunk, Context};
use super::http_session::{settle_handshake, tell_handshake};
use super::sink::{Sink, StreamData};
use super::waiting::Waiting;
use super::websocket_session::{self, WebSocketSession};

/// Streams without a request that are looked at for frames at once.
const ADOPTED: usize = 64;
/// DATA looked at in one of them before it is given up, in bytes and in new beginnings.
const LOOK: usize = 64 << 10;
const LOOKS: u8 = 16;

/// HTTP/2 in both directions.
pub(super) struct Http2Session {
    connection: http2::Connection,
    streams: Streams,
    begun: PerSide<bool>,
}

/// The streams that are followed, and what is known of all of them.
struct Streams {
    by_id: BTreeMap<u32, Stream>,
    tunnel: Option<Box<Tunnel>>,
    /// A stream asked for a WebSocket.
    asked: bool,
    /// Findings told that are about no stream.
    told: u32,
    /// Who sent GOAWAY with an error, and which.
    failed: Option<(Side, u32)>,
    /// Bytes that the streams keep, as far as each has been counted.
    memory: usize,
}

impl Streams {
    /// Counts what a stream keeps after something happened to it.
    fn count(&mut self, id: u32) {
        if let Some(stream) = self.by_id.get_mut(&id) {
            let now = stream.state.memory();
            self.memory = self.memory + now - std::mem::replace(&mut stream.counted, now);
        }
    }

    /// The same after something happened to all of them.
    fn count_all(&mut self) {
        self.memory = 0;
        for stream in self.by_id.values_mut() {
            stream.counted = stream.state.memory();
            self.memory += stream.counted;
        }
    }

    fn insert(&mut self, id: u32, stream: Stream) {
        self.remove(id);
        self.memory += stream.counted;
        self.by_id.insert(id, stream);
        self.count(id);
    }

    fn remove(&mut self, id: u32) -> Option<Stream> {
        let stream = self.by_id.remove(&id)?;
        self.memory -= stream.counted;
        Some(stream)
    }
}

struct Stream {
    state: State,
    /// Position of the next byte of DATA.
    sent: PerSide<u64>,
    ended: PerSide<bool>,
    /// Bytes it kept when that was last counted.
    counted: usize,
}

enum State {
    /// A WebSocket was asked for; the answer is to come. DATA of the client waits for it.
    Asked(Box<Connection>, Waiting),
    /// What was asked or answered is not known: frames show themselves or not.
    Unseen(Box<Unseen>),
    Open(Box<WebSocketSession>),
    Refused(Box<Connection>),
    /// Nothing of ours.
    Ignored,
}

impl State {
    /// Bytes kept beyond the state itself.
    fn memory(&self) -> usize {
        match self {
            State::Asked(connection, waiting) => connection.memory() + waiting.cost(),
            State::Unseen(unseen) => {
                unseen.waiting.cost() + heads_memory(unseen.attempt.as_deref(), None)
            }
            State::Open(session) => session.memory(),
            State::Refused(connection) => connection.memory(),
            State::Ignored => 0,
        }
    }
}

#[derive(Default)]
struct Unseen {
    attempt: Option<Box<Connection>>,
    waiting: Waiting,
    scores: PerSide<FrameScore>,
    looks: u8,
}

impl Http2Session {
    /// HTTP/2 from each side's next bytes on.
    pub(super) fn new<S: Sink>(tunnel: Option<Box<Tunnel>>, context: &Context<'_, S>) -> Self {
        Self::of(http2::Connection::new(&context.shared.limits), tunnel)
    }

    /// HTTP/2 after the answer to this request of HTTP/1.1.
    pub(super) fn upgraded<S: Sink>(
        request: &Head,
        tunnel: Option<Box<Tunnel>>,
        context: &Context<'_, S>,
    ) -> Self {
        let limits = &context.shared.limits;
        Self::of(http2::Connection::after_upgrade(request, limits), tunnel)
    }

    fn of(connection: http2::Connection, tunnel: Option<Box<Tunnel>>) -> Self {
        Self {
            connection,
            streams: Streams {
                by_id: BTreeMap::new(),
                tunnel,
                asked: false,
                told: 0,
                failed: None,
                memory: 0,
            },
            begun: PerSide::default(),
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        self.connection.held()
            + self.streams.memory
            + heads_memory(None, self.streams.tunnel.as_deref())
    }

    /// Has the WebSockets inside forget what can be done without.
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        for stream in self.streams.by_id.values_mut() {
            if let State::Open(session) = &mut stream.state {
                session.give_up(context);
            }
        }
        self.streams.count_all();
    }

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) {
        let side = context.flow.side(chunk.end);
        self.begin(side, chunk.offset);
        let mut out = Http2Events {
            streams: &mut self.streams,
            context,
            packet: chunk.packet,
            earlier: chunk.earlier,
        };
        self.connection.push(side, chunk.bytes, &mut out);
    }

    pub(super) fn gap<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        len: u64,
        context: &mut Context<'_, S>,
    ) {
        let side = context.flow.side(end);
        self.begin(side, offset);
        let mut out = Http2Events::between(&mut self.streams, context);
        self.connection.gap(side, len, &mut out);
    }

    fn begin(&mut self, side: Side, offset: u64) {
        if !std::mem::replace(&mut self.begun[side], true) {
            self.connection.start_at(side, offset);
        }
    }

    /// One side sends no more, on any stream.
    pub(super) fn side_ended<S: Sink>(&mut self, side: Side, context: &mut Context<'_, S>) {
        for stream in self.streams.by_id.values_mut() {
            if let State::Open(session) = &mut stream.state {
                session.side_ended(side, context);
            }
        }
        self.streams.count_all();
    }

    /// The flow is over, and with it every stream.
    pub(super) fn ended<S: Sink>(
        &mut self,
        by: EndedBy,
        who: Option<Side>,
        context: &mut Context<'_, S>,
    ) {
        let mut out = Http2Events::between(&mut self.streams, context);
        self.connection.finish(&mut out);
        let (by, who, error) = match self.streams.failed {
            Some((side, code)) if by == EndedBy::Fin => (EndedBy::Rst, Some(side), Some(code)),
            _ => (by, who, None),
        };
        for stream in std::mem::take(&mut self.streams.by_id).into_values() {
            stream.end(by, who, error, context);
        }
    }
}

impl Stream {
    fn new(state: State) -> Self {
        Self {
            state,
            sent: PerSide::default(),
            ended: PerSide::default(),
            counted: 0,
        }
    }

    fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Asked(connection, _) | State::Refused(connection) => Some(connection),
            State::Unseen(unseen) => unseen.attempt.as_deref_mut(),
            State::Open(session) => Some(&mut session.connection),
            State::Ignored => None,
        }
    }

    /// The stream is over.
    fn end<S: Sink>(
        self,
        by: EndedBy,
        who: Option<Side>,
        error: Option<u32>,
        context: &mut Context<'_, S>,
    ) {
        match self.state {
            State::Open(mut session) => {
                session.connection.close.error = error;
                session.ended(by, who, context);
            }
            State::Asked(mut connection, _) => {
                tell_handshake(&mut connection, context);
                close(connection, by, who, error, context);
            }
            State::Unseen(unseen) => {
                if let Some(connection) = unseen.attempt {
                    context.sink.handshake(&connection, context.now);
                    close(connection, by, who, error, context);
                }
            }
            State::Refused(connection) => close(connection, by, who, error, context),
            State::Ignored => {}
        }
    }

    /// DATA of one side; whether frames without a handshake have shown themselves.
    fn data<S: Sink>(
        &mut self,
        side: Side,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> bool {
        self.sent[side] = chunk.offset + chunk.bytes.len() as u64;
        match &mut self.state {
            State::Open(session) => session.data(chunk, context),
            State::Asked(_, waiting) => {
                // A client may not wait for the answer, but what it sends early has its limit.
                match waiting.cost() > context.shared.limits.early_bytes {
                    true => waiting.gap(chunk.end, chunk.offset, chunk.bytes.len() as u64),
                    false => waiting.push(chunk),
                }
            }
            State::Unseen(unseen) => {
                let seen = unseen.data(side, chunk);
                if !seen && unseen.looks >= LOOKS && unseen.attempt.is_none() {
                    self.state = State::Ignored;
                }
                return seen;
            }
            State::Refused(_) | State::Ignored => {}
        }
        false
    }

    fn gap<S: Sink>(&mut self, side: Side, len: u64, context: &mut Context<'_, S>) {
        let offset = self.sent[side];
        self.sent[side] = offset.saturating_add(len);
        match &mut self.state {
            State::Open(session) => session.gap(side, offset, len, context),
            State::Asked(_, waiting) => waiting.gap(context.flow.end(side), offset, len),
            State::Unseen(unseen) => unseen.start_over(side, context.flow.end(side)),
            State::Refused(_) | State::Ignored => {}
        }
    }

    /// Some DATA of this side may be missing.
    fn lose<S: Sink>(&mut self, side: Side, context: &mut Context<'_, S>) {
        let offset = self.sent[side];
        match &mut self.state {
            State::Open(session) => session.lose(side, offset, 0, context),
            State::Unseen(unseen) => unseen.start_over(side, context.flow.end(side)),
            _ => {}
        }
    }

    /// The answer to the request.
    fn answered<S: Sink>(&mut self, seen: SeenHead, context: &mut Context<'_, S>) {
        let State::Asked(mut connection, waiting) =
            std::mem::replace(&mut self.state, State::Ignored)
        else {
            return;
        };
        let status = seen.head.status().unwrap_or_default();
        let accepted = is_accepted(&seen.head);
        let handshake = connection.handshake.get_or_insert_default();
        handshake.response = Some(seen);
        handshake.outcome = match accepted {
            true => Outcome::Accepted,
            false => Outcome::Refused,
        };
        settle(handshake);
        if status == 0 {
            handshake.outcome = Outcome::NotSeen;
            let mut unseen = Unseen::default();
            unseen.take(waiting, context);
            unseen.attempt = Some(connection);
            self.state = State::Unseen(Box::new(unseen));
            return;
        }
        tell(&mut connection, context);
        match accepted {
            true => self.open(connection, waiting, context),
            false => self.state = State::Refused(connection),
        }
    }

    fn open<S: Sink>(
        &mut self,
        connection: Box<Connection>,
        mut waiting: Waiting,
        context: &mut Context<'_, S>,
    ) {
        let begin = PerSide::new(|side| {
            let waits = waiting.start(context.flow.end(side));
            waits.unwrap_or(self.sent[side])
        });
        let mut session = Box::new(WebSocketSession::new(connection, begin, context));
        for item in waiting.take() {
            match item.chunk() {
                Some(chunk) => session.data(chunk, context),
                None => {
                    let side = context.flow.side(item.end);
                    session.gap(side, item.offset, item.gap(), context);
                }
            }
        }
        self.state = State::Open(session);
    }
}

impl Unseen {
    /// Looks at DATA; whether both sides' bytes are frames by now.
    fn data(&mut self, side: Side, chunk: Chunk<'_>) -> bool {
        self.waiting.push(chunk);
        self.scores[side].push(chunk.bytes);
        if self.scores[side].contradictions > 0 || self.waiting.cost() > LOOK {
            self.start_over(side, chunk.end);
        }
        verdict(&self.scores.client, &self.scores.server) == Some(Side::Client)
    }

    fn start_over(&mut self, side: Side, end: End) {
        self.scores[side] = FrameScore::default();
        self.waiting.forget(end);
        self.looks = self.looks.saturating_add(1);
    }

    /// Looks at what waited.
    fn take<S: Sink>(&mut self, mut waiting: Waiting, context: &Context<'_, S>) {
        for item in waiting.take() {
            if let Some(chunk) = item.chunk() {
                self.data(context.flow.side(chunk.end), chunk);
            }
        }
    }
}

fn close<S: Sink>(
    mut connection: Box<Connection>,
    by: EndedBy,
    who: Option<Side>,
    error: Option<u32>,
    context: &mut Context<'_, S>,
) {
    connection.close.by = connection.close.by.or(who);
    connection.close.error = error;
    websocket_session::close(&mut connection, Some(by), context);
}

/// Whether fields of a head are unknown, because the capture lacks the header blocks that they refer to.
fn is_partial(head: &Head) -> bool {
    head.headers()
        .any(|(name, _)| name.starts_with(b"unknown index "))
}

/// Works out what both sides agreed on, as far as the fields are known.
fn settle(handshake: &mut Handshake) {
    settle_handshake(handshake);
    let response = handshake.response.as_ref().map(|seen| &seen.head);
    if response.is_some_and(is_partial) && handshake.negotiated.deflate().is_none() {
        handshake.negotiated.compression = negotiated(None, None).compression;
    }
}

/// Tells the outcome, and what is wrong with heads that are known whole.
fn tell<S: Sink>(connection: &mut Connection, context: &mut Context<'_, S>) {
    let heads = [connection.request(), connection.response()];
    if heads.into_iter().flatten().any(is_partial) {
        context.sink.handshake(connection, context.now);
    } else {
        tell_handshake(connection, context);
    }
}

/// Takes what the HTTP/2 connection tells.
struct Http2Events<'o, 'a, S> {
    streams: &'o mut Streams,
    context: &'o mut Context<'a, S>,
    packet: PacketNumber,
    earlier: &'o [PacketNumber],
}

impl<'o, 'a, S: Sink> Http2Events<'o, 'a, S> {
    /// For what comes without bytes.
    fn between(streams: &'o mut Streams, context: &'o mut Context<'a, S>) -> Self {
        let packet = context.now.packet;
        Self {
            streams,
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
        connection.transport = Transport::Http2;
        connection.stream = Some(stream);
        self.context.sink.opened(&connection);
        connection
    }

    /// The stream carries frames, whatever was asked and answered.
    fn recognised(&mut self, id: u32) {
        let Some(mut stream) = self.streams.remove(id) else {
            return;
        };
        if let State::Unseen(unseen) = stream.state {
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
            stream.state = State::Ignored;
            stream.open(connection, unseen.waiting, self.context);
        }
        self.streams.insert(id, stream);
    }

    fn end(&mut self, stream: u32, by: EndedBy, who: Option<Side>, error: Option<u32>) {
        if let Some(stream) = self.streams.remove(stream) {
            stream.end(by, who, error, self.context);
        }
    }
}

impl<S: Sink> http2::StreamSink for Http2Events<'_, '_, S> {
    fn request(&mut self, stream: u32, head: Head, at: Span) -> bool {
        if !http2::asks_for_websocket(&head) {
            return false;
        }
        self.streams.asked = true;
        self.end(stream, EndedBy::Rst, None, None);
        let handshake = Handshake {
            request: Some(self.seen(head, at)),
            ..Handshake::default()
        };
        let connection = self.open(stream, handshake);
        let state = State::Asked(connection, Waiting::default());
        self.streams.insert(stream, Stream::new(state));
        true
    }

    fn response(&mut self, stream: u32, head: Head, at: Span) {
        if head
            .status()
            .is_some_and(|status| (100..200).contains(&status))
        {
            return;
        }
        let seen = self.seen(head, at);
        if let Some(followed) = self.streams.by_id.get_mut(&stream) {
            followed.answered(seen, self.context);
            self.streams.count(stream);
        }
    }

    fn data(&mut self, stream: u32, from: Side, bytes: &[u8], place: DataPlace) {
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
        };
        if followed.data(from, chunk, self.context) {
            self.recognised(stream);
        }
        self.streams.count(stream);
    }

    fn data_gap(&mut self, stream: u32, from: Side, len: u64) {
        if let Some(followed) = self.streams.by_id.get_mut(&stream) {
            followed.gap(from, len, self.context);
            self.streams.count(stream);
        }
    }

    fn end_stream(&mut self, stream: u32, from: Side, _at: u64) {
        let Some(followed) = self.streams.by_id.get_mut(&stream) else {
            return;
        };
        followed.ended[from] = true;
        if let State::Open(session) = &mut followed.state {
            session.side_ended(from, self.context);
        }
        let is_refused = matches!(followed.state, State::Refused(_)) && from == Side::Server;
        if is_refused || followed.ended.client && followed.ended.server {
            self.end(stream, EndedBy::Fin, Some(from), None);
        }
        self.streams.count(stream);
    }

    fn reset(&mut self, stream: u32, from: Side, code: u32, _at: Span) {
        self.end(stream, by_code(code), Some(from), Some(code));
    }

    fn dropped(&mut self, stream: u32) {
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
            let state = State::Unseen(Box::default());
            self.streams.insert(stream, Stream::new(state));
        }
        room
    }

    fn finding(&mut self, from: Side, stream: Option<u32>, finding: Finding) {
        let followed = stream.and_then(|stream| self.streams.by_id.get_mut(&stream));
        if let Some(connection) = followed.and_then(Stream::connection) {
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

/// A stream that ends without an error ends as by FIN.
fn by_code(code: u32) -> EndedBy {
    match code {
        0 => EndedBy::Fin,
        _ => EndedBy::Rst,
    }
}
