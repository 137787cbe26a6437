//! The streams of an HTTP/2 connection that carry a WebSocket, or may: what is known of each, and what they keep.
//!
//! Frames of HTTP/2 are not known here; a stream gets its answer, its DATA and its end.

use std::collections::BTreeMap;

use crate::base::{Head, PerSide, Side};
use crate::flow::End;
use crate::websocket::detect::{FrameScore, verdict};
use crate::websocket::handshake::{is_accepted, negotiated};

use super::chunk::{Chunk, Hole, Why};
use super::connection::{Connection, Handshake, Outcome, heads_memory};
use super::context::Context;
use super::next::Closing;
use super::reporting::{close, report_handshake, settle_handshake};
use super::seen_head::SeenHead;
use super::sink::Sink;
use super::tunnel::Tunnel;
use super::waiting::{Item, Waiting};
use super::websocket_session::WebSocketSession;

/// DATA looked at in a stream without a request before it is ignored, in bytes and in new beginnings.
const LOOK: usize = 64 << 10;
const LOOKS: u8 = 16;

/// The streams that are followed, and what is known of all of them.
pub(super) struct Http2Streams {
    pub(super) by_id: BTreeMap<u32, Http2Stream>,
    pub(super) tunnel: Option<Box<Tunnel>>,
    /// A stream asked for a WebSocket.
    pub(super) asked: bool,
    /// Findings reported that are about no stream.
    pub(super) told: u32,
    /// Who sent GOAWAY with an error, and which.
    pub(super) failed: Option<(Side, u32)>,
    /// Bytes that the streams keep, as far as each has been counted.
    pub(super) memory: usize,
}

impl Http2Streams {
    pub(super) fn new(tunnel: Option<Box<Tunnel>>) -> Self {
        Self {
            by_id: BTreeMap::new(),
            tunnel,
            asked: false,
            told: 0,
            failed: None,
            memory: 0,
        }
    }

    /// Counts what a stream keeps after something happened to it.
    pub(super) fn count(&mut self, id: u32) {
        if let Some(stream) = self.by_id.get_mut(&id) {
            let now = stream.phase.memory();
            self.memory = self.memory + now - std::mem::replace(&mut stream.counted, now);
        }
    }

    /// The same after something happened to all of them.
    pub(super) fn count_all(&mut self) {
        self.memory = 0;
        for stream in self.by_id.values_mut() {
            stream.counted = stream.phase.memory();
            self.memory += stream.counted;
        }
    }

    pub(super) fn insert(&mut self, id: u32, stream: Http2Stream) {
        self.remove(id);
        self.memory += stream.counted;
        self.by_id.insert(id, stream);
        self.count(id);
    }

    pub(super) fn remove(&mut self, id: u32) -> Option<Http2Stream> {
        let stream = self.by_id.remove(&id)?;
        self.memory -= stream.counted;
        Some(stream)
    }
}

pub(super) struct Http2Stream {
    pub(super) phase: StreamPhase,
    /// Position of the next byte of DATA.
    sent: PerSide<u64>,
    pub(super) ended: PerSide<bool>,
    /// Bytes it kept when that was last counted.
    counted: usize,
}

pub(super) enum StreamPhase {
    /// A WebSocket was asked for; the answer is to come. DATA of the client waits for it.
    Asked(Box<Connection>, Waiting),
    /// What was asked or answered is not known: frames show themselves or not.
    Unseen(Box<Unseen>),
    Open(Box<WebSocketSession>),
    Refused(Box<Connection>),
    /// It carries no WebSocket.
    Ignored,
}

impl StreamPhase {
    /// Bytes kept beyond the state itself.
    fn memory(&self) -> usize {
        match self {
            StreamPhase::Asked(connection, waiting) => connection.memory() + waiting.cost(),
            StreamPhase::Unseen(unseen) => {
                unseen.waiting.cost() + heads_memory(unseen.attempt.as_deref(), None)
            }
            StreamPhase::Open(session) => session.memory(),
            StreamPhase::Refused(connection) => connection.memory(),
            StreamPhase::Ignored => 0,
        }
    }
}

#[derive(Default)]
pub(super) struct Unseen {
    pub(super) attempt: Option<Box<Connection>>,
    pub(super) waiting: Waiting,
    scores: PerSide<FrameScore>,
    looks: u8,
}

/// Bytes kept of what a refusal says.
const BODY: usize = 2 << 10;

impl Http2Stream {
    pub(super) fn new(phase: StreamPhase) -> Self {
        Self {
            phase,
            sent: PerSide::default(),
            ended: PerSide::default(),
            counted: 0,
        }
    }

    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.phase {
            StreamPhase::Asked(connection, _) | StreamPhase::Refused(connection) => {
                Some(connection)
            }
            StreamPhase::Unseen(unseen) => unseen.attempt.as_deref_mut(),
            StreamPhase::Open(session) => Some(&mut session.connection),
            StreamPhase::Ignored => None,
        }
    }

    /// The stream is over, with the error of a RST_STREAM or GOAWAY if that ended it.
    pub(super) fn end<S: Sink>(
        self,
        closing: Closing,
        error: Option<u32>,
        context: &mut Context<'_, S>,
    ) {
        match self.phase {
            StreamPhase::Open(mut session) => {
                session.connection.close.error = error;
                session.ended(closing, context);
            }
            StreamPhase::Asked(mut connection, _) => {
                report_handshake(&mut connection, context);
                close_unopened(connection, closing, error, context);
            }
            StreamPhase::Unseen(unseen) => {
                if let Some(connection) = unseen.attempt {
                    context.sink.handshake(&connection, context.now);
                    close_unopened(connection, closing, error, context);
                }
            }
            StreamPhase::Refused(connection) => {
                close_unopened(connection, closing, error, context);
            }
            StreamPhase::Ignored => {}
        }
    }

    /// DATA of one side; whether frames without a handshake have shown themselves.
    pub(super) fn data<S: Sink>(
        &mut self,
        side: Side,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> bool {
        self.sent[side] = chunk.offset + chunk.bytes.len() as u64;
        match &mut self.phase {
            StreamPhase::Open(session) => {
                session.data(chunk, context);
            }
            StreamPhase::Asked(_, waiting) => {
                // A client may not wait for the answer, but what it sends early has its limit.
                match waiting.cost() > context.shared.limits.early_bytes {
                    true => waiting.hole(Hole {
                        end: chunk.end,
                        offset: chunk.offset,
                        len: chunk.bytes.len() as u64,
                        why: Why::Lost,
                        is_exact: true,
                    }),
                    false => waiting.push(chunk),
                }
            }
            StreamPhase::Unseen(unseen) => {
                let seen = unseen.data(side, chunk);
                if !seen && unseen.looks >= LOOKS && unseen.attempt.is_none() {
                    self.phase = StreamPhase::Ignored;
                }
                return seen;
            }
            StreamPhase::Refused(connection) => {
                if side == Side::Server
                    && let Some(handshake) = connection.handshake.as_deref_mut()
                {
                    let room = BODY.saturating_sub(handshake.body.len());
                    let taken = chunk.bytes.get(..chunk.bytes.len().min(room));
                    let body = [&handshake.body, taken.unwrap_or_default()].concat();
                    handshake.body = body.into();
                }
            }
            StreamPhase::Ignored => {}
        }
        false
    }

    /// DATA of this side is missing.
    pub(super) fn hole<S: Sink>(&mut self, side: Side, len: u64, context: &mut Context<'_, S>) {
        let hole = Hole {
            end: context.flow.end(side),
            offset: self.sent[side],
            len,
            why: Why::Lost,
            is_exact: true,
        };
        self.sent[side] = hole.offset.saturating_add(len);
        match &mut self.phase {
            StreamPhase::Open(session) => {
                session.hole(hole, context);
            }
            StreamPhase::Asked(_, waiting) => waiting.hole(hole),
            StreamPhase::Unseen(unseen) => unseen.start_over(side, hole.end),
            StreamPhase::Refused(_) | StreamPhase::Ignored => {}
        }
    }

    /// Some DATA of this side may be missing.
    pub(super) fn lose<S: Sink>(&mut self, side: Side, context: &mut Context<'_, S>) {
        let hole = Hole {
            end: context.flow.end(side),
            offset: self.sent[side],
            len: 0,
            why: Why::Lost,
            is_exact: false,
        };
        match &mut self.phase {
            StreamPhase::Open(session) => {
                session.hole(hole, context);
            }
            StreamPhase::Unseen(unseen) => unseen.start_over(side, hole.end),
            _ => {}
        }
    }

    /// The answer to the request.
    pub(super) fn answered<S: Sink>(&mut self, seen: SeenHead, context: &mut Context<'_, S>) {
        let StreamPhase::Asked(mut connection, waiting) =
            std::mem::replace(&mut self.phase, StreamPhase::Ignored)
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
            self.phase = StreamPhase::Unseen(Box::new(unseen));
            return;
        }
        tell(&mut connection, context);
        match accepted {
            true => self.open(connection, waiting, context),
            false => self.phase = StreamPhase::Refused(connection),
        }
    }

    pub(super) fn open<S: Sink>(
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
        let now = context.now.time;
        for item in waiting.take() {
            match item {
                Item::Bytes(run) => {
                    context.now.time = run.chunk().time;
                    session.data(run.chunk(), context)
                }
                Item::Hole(hole) => session.hole(hole, context),
            };
        }
        context.now.time = now;
        self.phase = StreamPhase::Open(session);
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

/// Reports the end of a connection on which no frame was sent.
fn close_unopened<S: Sink>(
    mut connection: Box<Connection>,
    closing: Closing,
    error: Option<u32>,
    context: &mut Context<'_, S>,
) {
    connection.close.by = connection.close.by.or(context.side(closing.who));
    connection.close.error = error;
    close(&mut connection, Some(closing), context);
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

/// Reports the outcome, and what is wrong with heads that are known whole.
fn tell<S: Sink>(connection: &mut Connection, context: &mut Context<'_, S>) {
    let heads = [connection.request(), connection.response()];
    if heads.into_iter().flatten().any(is_partial) {
        context.sink.handshake(connection, context.now);
    } else {
        report_handshake(connection, context);
    }
}
