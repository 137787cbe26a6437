//! A flow that speaks WebSocket: both sides' streams decoded, numbered, and told to the sink.

use smallvec::SmallVec;

use crate::base::{Code, Finding, Needs, PerSide, Side, Span, Timestamp};
use crate::flow::RecentMark;
use crate::websocket::handshake::{Compression, Framing, challenge_answer};
use crate::websocket::{self, MessageKind, Stream};

use super::connection::{Connection, EndedBy, Transport};
use super::context::{Chunk, Context, FlowInfo};
use super::provenance::Provenance;
use super::sink::{FindingEvent, FrameEvent, MessageEvent, Moment, Sink};

/// Pings of one side remembered until their pong comes.
const PINGS: usize = 16;
/// The longest payload a ping may have (RFC 6455 section 5.5); none is remembered of a longer one.
const PING_LEN: usize = 125;
/// Frame numbers that every connection may keep.
const SOME_FRAGMENTS: usize = 64;

/// An open WebSocket.
pub(super) struct WebSocketSession {
    pub(super) connection: Connection,
    sides: PerSide<Half>,
    told: Vec<(Code, u32)>,
    /// Bytes behind the heads that belong to the handshake too, in some drafts.
    challenge: Option<Box<Challenge>>,
    /// Bytes kept of the heads beyond what every connection may keep.
    heads: u32,
}

/// Pings that no pong has answered, with what they say and when they came. Most connections have none.
type Pings = Option<Box<SmallVec<[(Box<[u8]>, Timestamp); 1]>>>;

/// In place as far as that takes no more room than a vector.
type Fragments = SmallVec<[u64; 2]>;

/// The third key of hixie-76 and the answer to all three, as far as they came.
struct Challenge {
    bytes: PerSide<Vec<u8>>,
    /// How many are to come.
    missing: PerSide<usize>,
}

struct Half {
    stream: Stream,
    provenance: Provenance,
    recent: RecentMark,
    /// Frame numbers of the message that is not complete yet.
    fragments: Fragments,
    pings: Pings,
    /// Bytes kept when that was last counted.
    memory: u32,
}

/// In four bytes, since there are many WebSockets.
fn capped(memory: usize) -> u32 {
    u32::try_from(memory).unwrap_or(u32::MAX)
}

impl Half {
    #[inline]
    fn count(&mut self) {
        let fragments = self.fragments.capacity().saturating_sub(SOME_FRAGMENTS);
        let memory = self.stream.memory() + self.provenance.memory() + fragments * size_of::<u64>();
        self.memory = capped(memory);
    }
}

impl WebSocketSession {
    /// Starts decoding where each side's frames begin.
    pub(super) fn new<S: Sink>(
        connection: Box<Connection>,
        begin: PerSide<u64>,
        context: &mut Context<'_, S>,
    ) -> Self {
        context.flow.seen |= FlowInfo::WEBSOCKET;
        let negotiated = connection
            .handshake
            .as_ref()
            .map(|handshake| handshake.negotiated.clone())
            .unwrap_or_default();
        let mut needs = context.shared.needs;
        if needs.has(Needs::INFLATED) && negotiated.compression != Compression::None {
            needs |= Needs::MESSAGES;
        }
        let challenge = PerSide::new(|side| negotiated.framing.challenge_len(side));
        let half = |side: Side| Half {
            stream: Stream::new(
                side,
                &negotiated,
                needs,
                begin[side] + challenge[side] as u64,
            ),
            provenance: Provenance::default(),
            recent: RecentMark::default(),
            fragments: Fragments::new(),
            pings: None,
            memory: 0,
        };
        Self {
            heads: capped(connection.memory()),
            challenge: (challenge.client > 0).then(|| {
                Box::new(Challenge {
                    bytes: PerSide::default(),
                    missing: challenge,
                })
            }),
            connection: *connection,
            sides: PerSide::new(half),
            told: Vec::new(),
        }
    }

    /// Bytes kept beyond the session itself.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        let sides = [self.sides.client.memory, self.sides.server.memory];
        sides
            .iter()
            .fold(self.heads as usize, |sum, memory| sum + *memory as usize)
    }

    /// Forgets what can be done without; frames go on.
    #[cold]
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        for side in Side::BOTH {
            self.feed(side, context, |stream, scratch, out| {
                stream.give_up(scratch, out)
            });
            let half = &mut self.sides[side];
            half.provenance.give_up();
            half.fragments = Fragments::new();
            half.count();
        }
        if self.heads > 0 {
            self.connection.shorten_heads();
            self.heads = capped(self.connection.memory());
            let limit = context.shared.budget.limit();
            let text = format!(
                "all flows together keep more than {limit} bytes; the longest header lines of the handshake were given up"
            );
            let finding = Finding::new(Code::MemoryLimit, text);
            context.finding(Some(&mut self.connection), None, &finding);
        }
    }

    /// Where this side's frames begin is not known.
    pub(super) fn begin_anywhere<S: Sink>(&mut self, side: Side, context: &mut Context<'_, S>) {
        self.feed(side, context, |stream, scratch, out| {
            stream.begin_anywhere(scratch, out)
        });
    }

    /// See `Engine::touch`.
    #[inline]
    pub(super) fn touch(&self, side: Side) -> u64 {
        let half = &self.sides[side];
        let connection = &self.connection;
        half.stream.touch()
            ^ (half.fragments.len() ^ half.provenance.len()) as u64
            ^ connection.frames.client
            ^ connection.messages.client
            ^ connection.bytes.server
            ^ u64::from(connection.id.0)
    }

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) {
        let side = context.flow.side(chunk.end);
        let mut chunk = chunk;
        if self.challenge.is_some() {
            chunk = self.challenged(side, chunk, context);
            if chunk.bytes.is_empty() {
                return;
            }
        }
        let half = &mut self.sides[side];
        let is_plain = self.connection.transport == Transport::Tcp;
        if is_plain && context.shared.needs.has(Needs::FINDINGS) {
            context
                .shared
                .recent
                .push(&mut half.recent, chunk.offset, chunk.bytes);
        }
        for packet in chunk.earlier {
            half.provenance.push(chunk.offset, *packet);
        }
        half.provenance.push(chunk.offset, chunk.packet);
        self.feed(side, context, |stream, scratch, out| {
            stream.push(chunk.bytes, scratch, out)
        });
        let half = &mut self.sides[side];
        match half.stream.incomplete_from() {
            None => half.provenance.clear(),
            Some(start) => half.provenance.forget_before(start),
        }
        half.count();
    }

    /// Takes what belongs to the handshake off the bytes, and checks the answer once it is there.
    #[cold]
    fn challenged<'c, S: Sink>(
        &mut self,
        side: Side,
        chunk: Chunk<'c>,
        context: &mut Context<'_, S>,
    ) -> Chunk<'c> {
        let Some(challenge) = &mut self.challenge else {
            return chunk;
        };
        let taken = challenge.missing[side].min(chunk.bytes.len());
        challenge.missing[side] -= taken;
        challenge.bytes[side].extend(chunk.bytes.iter().take(taken));
        if challenge.missing.client + challenge.missing.server == 0 {
            let bytes = std::mem::take(&mut challenge.bytes);
            self.challenge = None;
            self.check_answer(&bytes, context);
        }
        chunk.after(taken)
    }

    fn check_answer<S: Sink>(&mut self, bytes: &PerSide<Vec<u8>>, context: &mut Context<'_, S>) {
        let expected = self
            .connection
            .request()
            .and_then(|request| challenge_answer(request, &bytes.client));
        // Not all of the bytes are in the capture, or the keys make no sense.
        let whole = bytes.server.len() == Framing::Hixie76.challenge_len(Side::Server)
            && bytes.client.len() == Framing::Hixie76.challenge_len(Side::Client);
        let Some(expected) = expected.filter(|_| whole) else {
            return;
        };
        let is_valid = bytes.server == expected;
        if let Some(handshake) = &mut self.connection.handshake {
            handshake.accept_valid = Some(is_valid);
        }
        if !is_valid {
            let text = format!(
                "{} expected as the answer to the client's three keys, found {}",
                hex::encode(expected),
                hex::encode(&bytes.server)
            );
            let finding = Finding::new(Code::AcceptMismatch, text);
            context.finding(Some(&mut self.connection), Some(Side::Server), &finding);
        }
    }

    pub(super) fn gap<S: Sink>(
        &mut self,
        side: Side,
        offset: u64,
        len: u64,
        context: &mut Context<'_, S>,
    ) {
        context.gap(&mut self.connection, side, offset, len);
        let mut len = len;
        if let Some(challenge) = &mut self.challenge {
            let hole = challenge.missing[side].min(usize::try_from(len).unwrap_or(usize::MAX));
            challenge.missing[side] -= hole;
            len -= hole as u64;
        }
        self.feed(side, context, |stream, scratch, out| {
            stream.gap(len, scratch, out)
        });
        self.sides[side].count();
    }

    /// About `len` bytes are missing, so that the next frame's boundary is not known even inside a payload.
    pub(super) fn lose<S: Sink>(
        &mut self,
        side: Side,
        offset: u64,
        len: u64,
        context: &mut Context<'_, S>,
    ) {
        if len > 0 {
            context.gap(&mut self.connection, side, offset, len);
        }
        self.feed(side, context, |stream, scratch, out| {
            stream.lose(len, scratch, out)
        });
    }

    /// Bytes sent again: told when they differ from the first time.
    pub(super) fn again<S: Sink>(
        &mut self,
        side: Side,
        offset: u64,
        bytes: &[u8],
        context: &mut Context<'_, S>,
    ) {
        if let Some(at) = context
            .shared
            .recent
            .conflict(self.sides[side].recent, offset, bytes)
        {
            self.conflict(side, at, context);
        }
    }

    pub(super) fn conflict<S: Sink>(&mut self, side: Side, at: u64, context: &mut Context<'_, S>) {
        let text = format!(
            "stream position {at} was sent again with other bytes; the first arrival is shown"
        );
        let finding = Finding::new(Code::TcpOverlapConflict, text).at(Span::at(at, 1));
        context.finding(Some(&mut self.connection), Some(side), &finding);
    }

    /// One side sends no more.
    pub(super) fn side_ended<S: Sink>(&mut self, side: Side, context: &mut Context<'_, S>) {
        self.feed(side, context, |stream, scratch, out| {
            stream.finish(scratch, out)
        });
        if self.connection.close.by.is_none() {
            self.connection.close.by = Some(side);
        }
    }

    /// The flow is over: tells what was left incomplete, and the end.
    pub(super) fn ended<S: Sink>(
        &mut self,
        by: EndedBy,
        who: Option<Side>,
        context: &mut Context<'_, S>,
    ) {
        for side in Side::BOTH {
            self.feed(side, context, |stream, scratch, out| {
                stream.finish(scratch, out)
            });
        }
        self.tell_suppressed(context);
        if self.connection.close.by.is_none() {
            self.connection.close.by = who;
        }
        close(&mut self.connection, Some(by), context);
    }

    fn tell_suppressed<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let most = context.shared.limits.findings_per_code;
        for (code, count) in std::mem::take(&mut self.told) {
            if count > most {
                let text = format!(
                    "{} more findings of {code} in this connection",
                    count - most
                );
                let finding = Finding::new(Code::FindingsSuppressed, text);
                context.finding(Some(&mut self.connection), None, &finding);
            }
        }
    }

    #[inline]
    fn feed<S: Sink>(
        &mut self,
        side: Side,
        context: &mut Context<'_, S>,
        run: impl FnOnce(&mut Stream, &mut websocket::Scratch, &mut FrameEvents<'_, S>),
    ) {
        let (mine, peer) = match side {
            Side::Client => (&mut self.sides.client, &mut self.sides.server),
            Side::Server => (&mut self.sides.server, &mut self.sides.client),
        };
        let mut out = FrameEvents {
            connection: &mut self.connection,
            sink: context.sink,
            side,
            at: context.now,
            provenance: &mine.provenance,
            fragments: &mut mine.fragments,
            pings: &mut mine.pings,
            peer_pings: &mut peer.pings,
            told: &mut self.told,
            most_told: context.shared.limits.findings_per_code,
            most_fragments: context.shared.limits.fragments,
            packets: &mut context.shared.packets,
            last: (None, None),
        };
        run(&mut mine.stream, &mut context.shared.scratch, &mut out);
    }
}

/// Tells the sink that a connection ended: with its flow, or because its flow went on with something else.
pub(super) fn close<S: Sink>(
    connection: &mut Connection,
    by: Option<EndedBy>,
    context: &mut Context<'_, S>,
) {
    connection.close.ended_by = by;
    connection.closed = Some(context.closed_at.unwrap_or(context.now.time));
    connection.packets = context.flow.packets;
    context.sink.closed(connection, context.now);
}

/// Numbers what a stream tells and hands it on.
struct FrameEvents<'a, S> {
    connection: &'a mut Connection,
    sink: &'a mut S,
    side: Side,
    at: Moment,
    provenance: &'a Provenance,
    fragments: &'a mut Fragments,
    pings: &'a mut Pings,
    peer_pings: &'a mut Pings,
    told: &'a mut Vec<(Code, u32)>,
    most_told: u32,
    most_fragments: usize,
    packets: &'a mut Vec<crate::base::PacketNumber>,
    /// The frame and the message told last, which the next findings are about.
    last: (Option<u64>, Option<u64>),
}

impl<S: Sink> FrameEvents<'_, S> {
    fn round_trip(&mut self, message: &websocket::Message<'_>) -> Option<i64> {
        let data = message.data.unwrap_or_default();
        match message.kind {
            MessageKind::Ping if data.len() > PING_LEN => None,
            MessageKind::Ping => {
                let pings = self.pings.get_or_insert_default();
                if pings.len() == PINGS {
                    pings.remove(0);
                }
                pings.push((data.into(), self.at.time));
                None
            }
            MessageKind::Pong => {
                let pings = self.peer_pings.as_mut()?;
                let at = pings.iter().rposition(|(sent, _)| **sent == *data)?;
                // A pong may answer the latest of several pings (RFC 6455 section 5.5.3): earlier ones are done too.
                let (_, sent) = pings.drain(..=at).next_back()?;
                if pings.is_empty() {
                    *self.peer_pings = None;
                }
                Some(self.at.time.since(sent))
            }
            _ => None,
        }
    }

    fn note_close(&mut self, message: &websocket::Message<'_>) {
        let close = &mut self.connection.close;
        close.frames[self.side] = true;
        if !close.frames[self.side.peer()] && close.code.is_none() {
            close.by = Some(self.side);
            if let Some((code, reason)) = message.close {
                close.code = code.map(|code| code.0);
                close.reason = (!reason.is_empty()).then(|| reason.into());
            }
        }
    }
}

impl<S: Sink> websocket::FrameSink for FrameEvents<'_, S> {
    #[inline]
    fn frame(&mut self, frame: &websocket::Frame<'_>) {
        self.connection.frames[self.side] += 1;
        self.connection.bytes[self.side] += frame.captured_length;
        let number = self.connection.frames.client + self.connection.frames.server;
        let message = frame
            .completes_message
            .then(|| self.connection.messages.client + self.connection.messages.server + 1);
        let span = Span::at(
            frame.stream_offset,
            u64::from(frame.header.header_length) + frame.captured_length,
        );
        self.provenance.packets(span, self.packets);
        self.last = (Some(number), message);
        if frame.header.opcode().is_control() || self.fragments.len() < self.most_fragments {
            self.fragments.push(number);
        }
        let event = FrameEvent {
            frame,
            number,
            from: self.side,
            at: self.at,
            packets: self.packets,
            text: None,
            message,
        };
        self.sink.frame(&event, self.connection);
    }

    #[inline]
    fn message(&mut self, message: &websocket::Message<'_>) {
        self.connection.messages[self.side] += 1;
        let number = self.connection.messages.client + self.connection.messages.server;
        self.last.1 = Some(number);
        let control = !matches!(message.kind, MessageKind::Text | MessageKind::Binary);
        let round_trip = if control {
            self.round_trip(message)
        } else {
            None
        };
        if message.kind == MessageKind::Close {
            self.note_close(message);
        }
        let own = if control {
            self.fragments.len().saturating_sub(1)
        } else {
            0
        };
        let event = MessageEvent {
            message,
            number,
            from: self.side,
            at: self.at,
            frames: &self.fragments[own..],
            round_trip,
        };
        self.sink.message(&event, self.connection);
        self.fragments.truncate(own);
    }

    fn finding(&mut self, finding: Finding) {
        self.connection.findings += 1;
        let count = match self.told.iter_mut().find(|(code, _)| *code == finding.code) {
            Some((_, count)) => count,
            None => {
                self.told.push((finding.code, 0));
                let Some((_, count)) = self.told.last_mut() else {
                    return;
                };
                count
            }
        };
        *count = count.saturating_add(1);
        if *count > self.most_told {
            return;
        }
        let (frame, message) = self.last;
        let event = FindingEvent {
            finding: &finding,
            from: Some(self.side),
            at: self.at,
            frame,
            message,
        };
        self.sink.finding(&event, Some(self.connection));
    }
}
