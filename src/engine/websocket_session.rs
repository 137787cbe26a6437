//! A flow that speaks WebSocket: both sides' streams decoded, numbered, and reported to the sink.

use crate::base::{Code, Finding, Needs, PerSide, Side, Span};
use crate::flow::{End, RecentMark};
use crate::payload::Conversation;
use crate::websocket::handshake::{Compression, Framing, challenge_answer};
use crate::websocket::{self, Negotiated, Stream};

use super::chunk::{Chunk, Hole};
use super::connection::{Connection, EndedBy, Transport};
use super::context::{Context, FlowInfo};
use super::decoding;
use super::first_frames::{Doubts, Settled};
use super::frame_events::{Fragments, FrameEvents, Latest, Pings};
use super::next::{Closing, Next, Recipe};
use super::polling::Awaited;
use super::provenance::Provenance;
use super::reporting::close;
use super::sink::{FindingEvent, Sink};

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
    /// What the messages carry, where somebody asks.
    conversation: Option<Box<Conversation>>,
    /// What the first frames have to settle.
    doubts: Option<Box<Doubts>>,
    /// The Engine.IO session that polls until this takes over.
    awaited: Option<Box<Awaited>>,
    /// It turned out to be no WebSocket, and was reported as closed.
    is_revoked: bool,
}

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

/// What is asked for, and what that takes.
fn needs(asked: Needs, negotiated: &Negotiated) -> Needs {
    let inflates = asked.has(Needs::INFLATED) && negotiated.compression != Compression::None;
    match inflates || asked.any(Needs::DECODED | Needs::HEARTBEATS) {
        true => asked | Needs::MESSAGES,
        false => asked,
    }
}

impl WebSocketSession {
    /// Starts decoding where each side's frames begin.
    pub(super) fn new<S: Sink>(
        mut connection: Box<Connection>,
        begin: PerSide<u64>,
        context: &mut Context<'_, S>,
    ) -> Self {
        context.flow.seen |= FlowInfo::WEBSOCKET;
        let negotiated = connection
            .handshake
            .as_ref()
            .map(|handshake| handshake.negotiated.clone())
            .unwrap_or_default();
        let needs = needs(context.shared.needs, &negotiated);
        let shared = &context.shared;
        let is_brief = !needs.has(Needs::DECODED);
        let decodes = !is_brief || needs.has(Needs::HEARTBEATS);
        let awaited = match (&shared.polling, connection.request()) {
            (Some(polls), Some(head)) => Awaited::of(head.target(), polls).map(Box::new),
            _ => None,
        };
        connection.polled = awaited.as_ref().map(|awaited| awaited.polled());
        let conversation = decodes.then(|| {
            let (forced, schema) = (&shared.payload_as, shared.schema.as_ref());
            let conversation = decoding::conversation(&connection, forced, schema);
            match is_brief {
                true => Box::new(conversation.briefly()),
                false => conversation,
            }
        });
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
        let ports = &context.shared.decode_as;
        let is_forced = [connection.client, connection.server]
            .iter()
            .any(|address| ports.contains(&address.port()));
        Self {
            doubts: Doubts::of(&connection, is_forced),
            awaited,
            is_revoked: false,
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
            conversation,
        }
    }

    /// Bytes kept beyond the session itself.
    #[inline]
    pub(super) fn memory(&self) -> usize {
        let sides = [self.sides.client.memory, self.sides.server.memory];
        sides
            .iter()
            .fold(self.heads as usize, |sum, memory| sum + *memory as usize)
            + self
                .conversation
                .as_ref()
                .map_or(0, |conversation| conversation.memory())
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
        if let Some(conversation) = &mut self.conversation {
            conversation.forget();
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

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        let side = context.flow.side(chunk.end);
        let mut chunk = chunk;
        if self.is_revoked {
            return Next::Stay;
        }
        if self.doubts.is_some()
            && let Some(next) = self.settle(side, &mut chunk, context)
        {
            return next;
        }
        if self.challenge.is_some() {
            chunk = self.challenged(side, chunk, context);
            if chunk.bytes.is_empty() {
                return Next::Stay;
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
        match self.doubts.is_some() {
            true => self.doubt_header(side, context),
            false => Next::Stay,
        }
    }

    /// Looks at a side's first bytes before they are decoded; `Some` where nothing is left to decode.
    #[cold]
    fn settle<S: Sink>(
        &mut self,
        side: Side,
        chunk: &mut Chunk<'_>,
        context: &mut Context<'_, S>,
    ) -> Option<Next> {
        let doubts = self.doubts.as_mut()?;
        let passed = doubts.pass_over(side, chunk.bytes.len());
        if passed > 0 {
            *chunk = chunk.after(passed);
            return chunk.bytes.is_empty().then_some(Next::Stay);
        }
        match doubts.look(side, chunk.bytes, self.connection.frames) {
            Settled::Fine => None,
            Settled::Rfc6455(finding) => {
                self.frame_as_rfc6455(side, chunk.offset, context);
                context.finding(Some(&mut self.connection), Some(side), &finding);
                None
            }
            Settled::Body(len, finding) => {
                let begin = chunk.offset + len;
                self.sides[side].stream = self.stream(side, begin, context);
                context.finding(Some(&mut self.connection), Some(side), &finding);
                let doubts = self.doubts.as_mut()?;
                *chunk = chunk.after(doubts.pass_over(side, chunk.bytes.len()));
                chunk.bytes.is_empty().then_some(Next::Stay)
            }
            Settled::Anywhere => {
                self.begin_anywhere(side, context);
                None
            }
            Settled::Revoked(finding) => Some(self.revoke(side, &finding, context)),
        }
    }

    /// Both sides' frames, which nothing was decoded of yet, are RFC 6455's.
    fn frame_as_rfc6455<S: Sink>(&mut self, side: Side, at: u64, context: &Context<'_, S>) {
        if let Some(handshake) = &mut self.connection.handshake {
            handshake.negotiated.framing = Framing::Rfc6455;
        }
        let begin = PerSide::new(|each| match each == side {
            true => at,
            false => self.sides[each].stream.position(),
        });
        for each in Side::BOTH {
            self.sides[each].stream = self.stream(each, begin[each], context);
        }
    }

    fn stream<S: Sink>(&self, side: Side, begin: u64, context: &Context<'_, S>) -> Stream {
        let negotiated = self
            .connection
            .handshake
            .as_ref()
            .map(|handshake| handshake.negotiated.clone())
            .unwrap_or_default();
        let needs = needs(context.shared.needs, &negotiated);
        Stream::new(side, &negotiated, needs, begin)
    }

    /// Looks at the latest header of a connection that may be none.
    #[cold]
    fn doubt_header<S: Sink>(&mut self, side: Side, context: &mut Context<'_, S>) -> Next {
        let header = self.sides[side].stream.latest_header();
        let frames = self.connection.frames;
        let found = self.doubts.as_ref();
        match found.and_then(|doubts| doubts.header(header, frames)) {
            Some(finding) => self.revoke(side, &finding, context),
            None => Next::Stay,
        }
    }

    /// This is no WebSocket after all.
    #[cold]
    fn revoke<S: Sink>(
        &mut self,
        side: Side,
        finding: &Finding,
        context: &mut Context<'_, S>,
    ) -> Next {
        context.finding(Some(&mut self.connection), Some(side), finding);
        close(&mut self.connection, None, context);
        self.is_revoked = true;
        Next::become_now(Recipe::Ignored)
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

    pub(super) fn hole<S: Sink>(&mut self, hole: Hole, context: &mut Context<'_, S>) -> Next {
        let side = context.flow.side(hole.end);
        if hole.len > 0 {
            context.missing(&mut self.connection, hole);
        }
        if hole.is_exact {
            let len = hole.len - self.unchallenged(side, hole.len);
            self.feed(side, context, |stream, scratch, out| {
                stream.gap(len, scratch, out)
            });
        } else {
            // Not even inside a payload is the next frame's boundary known.
            self.feed(side, context, |stream, scratch, out| {
                stream.lose(hole.len, scratch, out)
            });
        }
        self.sides[side].count();
        Next::Stay
    }

    /// How many of `len` missing bytes belong to the handshake.
    fn unchallenged(&mut self, side: Side, len: u64) -> u64 {
        let Some(challenge) = &mut self.challenge else {
            return 0;
        };
        let missing = challenge.missing[side].min(usize::try_from(len).unwrap_or(usize::MAX));
        challenge.missing[side] -= missing;
        missing as u64
    }

    /// Bytes sent again: a finding when they differ from the first time.
    pub(super) fn again<S: Sink>(
        &mut self,
        end: End,
        offset: u64,
        bytes: &[u8],
        context: &mut Context<'_, S>,
    ) {
        let recent = self.sides[context.flow.side(end)].recent;
        if let Some(at) = context.shared.recent.conflict(recent, offset, bytes) {
            self.conflict(end, at, context);
        }
    }

    pub(super) fn conflict<S: Sink>(&mut self, end: End, at: u64, context: &mut Context<'_, S>) {
        let text = format!(
            "stream position {at} was sent again with other bytes; the first arrival is shown"
        );
        let finding = Finding::new(Code::TcpOverlapConflict, text).at(Span::at(at, 1));
        let side = context.flow.side(end);
        context.finding(Some(&mut self.connection), Some(side), &finding);
    }

    /// One end sends no more.
    pub(super) fn end_closed<S: Sink>(&mut self, end: End, context: &mut Context<'_, S>) -> Next {
        let side = context.flow.side(end);
        self.feed(side, context, |stream, scratch, out| {
            out.is_cut = true;
            stream.cut_off(scratch, out);
        });
        self.connection.close.by.get_or_insert(side);
        Next::Stay
    }

    /// The flow is over: reports what was left incomplete, and the end.
    pub(super) fn ended<S: Sink>(
        &mut self,
        closing: Closing,
        context: &mut Context<'_, S>,
    ) -> Next {
        if self.is_revoked {
            return Next::Stay;
        }
        // What ends by a time-out or with the capture may go on unseen.
        let is_cut = matches!(closing.by, EndedBy::Fin | EndedBy::Rst);
        for side in Side::BOTH {
            self.feed(side, context, |stream, scratch, out| {
                out.is_cut = is_cut;
                match is_cut {
                    true => stream.cut_off(scratch, out),
                    false => stream.finish(scratch, out),
                }
            });
        }
        self.tell_unanswered(context);
        self.tell_suppressed(context);
        if self.connection.close.by.is_none() {
            self.connection.close.by = context.side(closing.who);
        }
        close(&mut self.connection, Some(closing), context);
        Next::Stay
    }

    /// Requests inside the messages that nobody answered, and what most messages carried.
    fn tell_unanswered<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let Some(conversation) = &self.conversation else {
            return;
        };
        self.connection.protocol = conversation.protocol();
        // What was asked by polling may be answered in an exchange that the capture lacks.
        let mut calls = conversation.pending();
        calls.retain(|call| call.message().is_some());
        for call in &calls {
            context.sink.unanswered(call, &self.connection);
        }
        for call in calls.iter().take(decoding::UNANSWERED) {
            let text = decoding::unanswered(call);
            let finding = Finding::new(Code::CallUnanswered, text);
            self.connection.findings += 1;
            let event = FindingEvent {
                finding: &finding,
                from: Some(call.from),
                at: context.now,
                frame: None,
                message: call.message(),
            };
            context.sink.finding(&event, Some(&self.connection));
        }
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
        let looks_for_secrets = context.looks_for_secrets();
        let awaits = self.awaited.is_some();
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
            conversation: self.conversation.as_deref_mut(),
            awaited: &mut self.awaited,
            looks_for_secrets,
            latest: Latest::default(),
            is_cut: false,
        };
        run(&mut mine.stream, &mut context.shared.scratch, &mut out);
        out.settle();
        if awaits && self.awaited.is_none() {
            // What was polled is kept from now on.
            self.heads = capped(self.connection.memory());
        }
        if self.conversation.as_ref().is_some_and(|it| it.is_idle()) {
            self.conversation = None;
        }
    }
}
