//! A flow that speaks HTTP/1.1: requests paired with responses, until one of them makes it something else.

mod answers;

use std::collections::VecDeque;

use crate::base::{Code, Finding, Head, Needs, PerSide, Side};
use crate::flow::End;
use crate::http::{self, Event, Gap, HeadReader};
use crate::websocket::handshake::is_upgrade_request;

use super::chunk::{Chunk, Hole, Why};
use super::connection::{Connection, Handshake, Outcome, heads_memory};
use super::context::Context;
use super::exchanges::Exchanges;
use super::next::{Closing, Next, Recipe};
use super::polling::{self, Poll};
use super::reporting::{close, report_handshake};
use super::seen_head::SeenHead;
use super::sink::Sink;
use super::tunnel::Tunnel;
use super::waiting::Waiting;

/// Requests remembered until they are answered; of more, the oldest count as answered.
const PIPELINE: usize = 1024;
/// Server segments that may come before the request they answer (captures mix up the order of the directions).
const ORPHANS: usize = 8;

/// Refused upgrades followed on one flow. Each may send waiting bytes round again, so their number has an end.
const REFUSALS: u32 = 64;

/// What a request asked for, as far as its response depends on it.
#[derive(Debug)]
enum Asked {
    Head,
    Other,
    /// A request of Engine.IO's polling.
    Poll(Box<Poll>),
    Upgrade,
    /// HTTP/2 from the answer on.
    H2c(Box<Head>),
    Connect(Box<SeenHead>),
}

/// HTTP/1.1 in both directions.
#[derive(Debug)]
pub(super) struct HttpSession {
    readers: PerSide<HeadReader>,
    asked: VecDeque<Asked>,
    any_request: bool,
    /// The latest attempt to upgrade, or CONNECT that was refused; it lives as long as its flow or until the next.
    attempt: Option<Box<Connection>>,
    /// The tunnel these bytes run in.
    tunnel: Option<Box<Tunnel>>,
    /// Client bytes after a request whose answer decides what they are.
    early: Waiting,
    /// Server bytes before the request they answer.
    orphans: Waiting,
    refusals: u32,
    /// What else is asked for, where somebody wants to know.
    exchanges: Option<Box<Exchanges>>,
    /// Of Engine.IO's polling, the request and the answer whose body is coming in.
    polls: PerSide<Option<Box<Poll>>>,
}

impl HttpSession {
    pub(super) fn new<S: Sink>(
        tunnel: Option<Box<Tunnel>>,
        begin: PerSide<u64>,
        context: &Context<'_, S>,
    ) -> Self {
        let limits = &context.shared.limits;
        let exchanges = context.shared.needs.has(Needs::EXCHANGES);
        let counting = |reader: HeadReader| {
            if exchanges { reader.counting() } else { reader }
        };
        Self {
            readers: PerSide {
                client: counting(HeadReader::requests(limits).at(begin.client)),
                server: counting(HeadReader::responses(limits).at(begin.server)),
            },
            asked: VecDeque::new(),
            any_request: false,
            attempt: None,
            tunnel,
            early: Waiting::default(),
            orphans: Waiting::default(),
            refusals: 0,
            exchanges: exchanges.then(Box::default),
            polls: PerSide::default(),
        }
    }

    /// Bytes kept beyond the session itself.
    pub(super) fn memory(&self) -> usize {
        let asked = match self.asked.back() {
            Some(Asked::Connect(seen)) => seen.head.memory(),
            Some(Asked::H2c(head)) => head.memory(),
            _ => 0,
        };
        let readers = self.readers.client.held() + self.readers.server.held();
        let heads = heads_memory(self.attempt.as_deref(), self.tunnel.as_deref());
        readers + asked + self.early.cost() + self.orphans.cost() + heads
    }

    /// Whether the client's next bytes depend on an answer that has not come.
    fn is_undecided(&self) -> bool {
        matches!(
            self.asked.back(),
            Some(Asked::Upgrade | Asked::H2c(_) | Asked::Connect(_))
        )
    }

    pub(super) fn data<S: Sink>(&mut self, chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        match context.flow.side(chunk.end) {
            Side::Client => self.client(chunk, context),
            Side::Server => self.server(chunk, context),
        }
    }

    fn client<S: Sink>(&mut self, mut chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        while !chunk.bytes.is_empty() {
            if self.is_undecided() {
                self.early.push(chunk);
                if !self.orphans.is_empty() {
                    return Next::Replay(self.orphans.take());
                }
                let unheard = self.early.cost() > context.shared.limits.early_bytes;
                return if unheard {
                    self.unanswered_frames(context)
                } else {
                    Next::Stay
                };
            }
            let (taken, event) = self.readers.client.push(chunk.bytes);
            match event {
                Some(Event::Head(head, offset)) => self.request(head, offset, chunk, context),
                Some(Event::TooLong(offset)) => self.too_long(Side::Client, offset, context),
                Some(Event::BodyEnd) => {
                    self.request_goes_on();
                    self.polled(Side::Client, context);
                }
                None => self.request_goes_on(),
                Some(Event::Invalid(_)) => {}
            }
            chunk = chunk.after(taken);
        }
        let mut orphans = std::mem::take(&mut self.orphans);
        if self.any_request && !orphans.is_empty() {
            return Next::Replay(orphans.take());
        }
        self.orphans = orphans;
        Next::Stay
    }

    fn request<S: Sink>(
        &mut self,
        head: Head,
        offset: u64,
        chunk: Chunk<'_>,
        context: &mut Context<'_, S>,
    ) {
        self.any_request = true;
        if self.asked.len() >= PIPELINE {
            self.asked.pop_front();
        }
        let seen = |head| SeenHead {
            head,
            packet: chunk.packet,
            time: context.now.time,
            stream_offset: offset,
        };
        let is_upgrade = is_upgrade_request(&head);
        if let Some(exchanges) = &mut self.exchanges {
            if is_upgrade || http::is_connect(&head) {
                exchanges.asked_otherwise();
            } else {
                exchanges.asked(&head, context);
            }
        }
        if is_upgrade {
            self.asked.push_back(Asked::Upgrade);
            let handshake = Handshake {
                request: Some(seen(head)),
                ..Handshake::default()
            };
            self.open(Some(Box::new(handshake)), self.tunnel.clone(), context);
        } else if http::is_connect(&head) {
            self.asked.push_back(Asked::Connect(Box::new(seen(head))));
        } else {
            let body = http::request_body(&head);
            let is_whole = matches!(body, http::Body::None);
            self.readers.client.body(body);
            let poll = match &context.shared.polling {
                Some(_) => Poll::of(&head).map(Box::new),
                None => None,
            };
            if !is_whole && let Some(poll) = &poll {
                self.polls.client = Some(poll.clone());
                self.readers.client.keep_content(polling::CONTENT);
            }
            self.asked
                .push_back(if is_whole && head.has_token("upgrade", "h2c") {
                    Asked::H2c(Box::new(head))
                } else if head.method() == b"HEAD" {
                    Asked::Head
                } else {
                    poll.map_or(Asked::Other, Asked::Poll)
                });
        }
    }

    /// The body of a request or an answer of Engine.IO's polling is over.
    fn polled<S: Sink>(&mut self, side: Side, context: &mut Context<'_, S>) {
        if let Some(poll) = self.polls[side].take()
            && let Some(content) = self.readers[side].take_content()
            && let Some(polls) = &context.shared.polling
        {
            poll.complete(side, &content, context.now, polls);
        }
    }

    fn open<S: Sink>(
        &mut self,
        handshake: Option<Box<Handshake>>,
        tunnel: Option<Box<Tunnel>>,
        context: &mut Context<'_, S>,
    ) {
        self.close_attempt(None, context);
        let connection = context.connection(handshake, tunnel);
        context.sink.opened(&connection);
        self.attempt = Some(connection);
    }

    /// An attempt is over when the flow goes on with something else, or ends.
    fn close_attempt<S: Sink>(&mut self, closing: Option<Closing>, context: &mut Context<'_, S>) {
        if let Some(mut attempt) = self.attempt.take() {
            close(&mut attempt, closing, context);
        }
    }

    /// Whether the request that these server bytes answer may still come.
    fn awaits_request<S: Sink>(&self, context: &Context<'_, S>) -> bool {
        !self.any_request
            && context.flow.seen(context.flow.end(Side::Client))
            && (self.orphans.len() < ORPHANS || self.is_asking(context))
    }

    /// Whether the beginning of a request has come, so that its end will.
    fn is_asking<S: Sink>(&self, context: &Context<'_, S>) -> bool {
        self.readers.client.is_in_head() && self.orphans.cost() < context.shared.limits.early_bytes
    }

    fn server<S: Sink>(&mut self, mut chunk: Chunk<'_>, context: &mut Context<'_, S>) -> Next {
        if self.awaits_request(context) {
            self.orphans.push(chunk);
            return Next::Stay;
        }
        if !self.orphans.is_empty() {
            self.orphans.push(chunk);
            self.any_request = true;
            return Next::Replay(self.orphans.take());
        }
        if self.readers.server.is_lost()
            && self.is_undecided()
            && http::looks_like(chunk.bytes).is_none()
        {
            return Next::become_now(self.unknown(chunk));
        }
        while !chunk.bytes.is_empty() {
            let (taken, event) = self.readers.server.push(chunk.bytes);
            let rest = chunk.after(taken);
            match event {
                Some(Event::Head(head, offset)) => {
                    let next = self.response(head, offset, rest, context);
                    if !matches!(next, Next::Stay) {
                        return next;
                    }
                    self.response_goes_on(context);
                }
                Some(Event::TooLong(offset)) => self.too_long(Side::Server, offset, context),
                Some(Event::BodyEnd) => {
                    self.response_goes_on(context);
                    self.polled(Side::Server, context);
                }
                None => self.response_goes_on(context),
                Some(Event::Invalid(_)) => {}
            }
            chunk = rest;
        }
        Next::Stay
    }

    /// Says what is known of the latest request's body.
    fn request_goes_on(&mut self) {
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.request_body(self.readers.client.body_count());
        }
    }

    /// Says what is known of the latest answer, and whether it is over.
    fn response_goes_on<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        let Some(exchanges) = &mut self.exchanges else {
            return;
        };
        if !self.readers.server.is_in_head() {
            exchanges.response_body(self.readers.server.body_count(), context.now.time);
            if !self.readers.server.is_in_body() {
                exchanges.tell(context);
            }
        }
    }

    pub(super) fn hole<S: Sink>(&mut self, hole: Hole, context: &mut Context<'_, S>) -> Next {
        let side = context.flow.side(hole.end);
        if side == Side::Client && self.is_undecided() {
            self.early.hole(hole);
            return Next::Stay;
        }
        if side == Side::Server && !self.orphans.is_empty() {
            // It lies behind bytes that wait for their request.
            self.orphans.hole(hole);
            return Next::Stay;
        }
        let cut = self.readers[side].cut_head();
        let lost = self.readers[side].gap(hole.len) == Gap::Lost;
        match side {
            _ if lost => self.exchanges_ended(context),
            Side::Client => self.request_goes_on(),
            Side::Server => self.response_goes_on(context),
        }
        let is_cut_answer = hole.why == Why::Snaplen && side == Side::Server;
        if let Some((head, at)) =
            cut.filter(|(head, _)| is_cut_answer && head.status() == Some(101))
        {
            return self.cut_answer(head, at, hole.offset + hole.len, context);
        }
        if side == Side::Client && lost {
            self.any_request = true;
        }
        if let Some(attempt) = &mut self.attempt
            && lost
        {
            context.missing(attempt, hole);
        }
        Next::Stay
    }

    fn exchanges_ended<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        if let Some(exchanges) = &mut self.exchanges {
            exchanges.ended(context);
        }
    }

    fn too_long<S: Sink>(&mut self, side: Side, offset: u64, context: &mut Context<'_, S>) {
        let limit = context.shared.limits.http_head;
        let text = format!(
            "the HTTP head at stream position {offset} is longer than {limit} bytes and was not read"
        );
        context.finding(
            self.attempt.as_deref_mut(),
            Some(side),
            &Finding::new(Code::HeadTooLong, text),
        );
    }

    /// Client bytes after an upgrade request whose answer is not in the capture: perhaps frames.
    fn unanswered_frames<S: Sink>(&mut self, context: &mut Context<'_, S>) -> Next {
        let nothing = Chunk {
            end: End::Low,
            offset: 0,
            bytes: &[],
            packet: context.now.packet,
            earlier: &[],
            time: context.now.time,
        };
        Next::become_now(self.unknown(nothing))
    }

    /// What it cannot read as HTTP is looked at anew, as what follows an upgrade whose answer was missed, or as anything.
    fn unknown(&mut self, chunk: Chunk<'_>) -> Recipe {
        self.early.push(chunk);
        Recipe::Unknown {
            attempt: self.attempt.take(),
            tunnel: self.tunnel.take(),
            waiting: std::mem::take(&mut self.early),
            from_start: false,
        }
    }

    /// The attempt that the latest bytes are about.
    pub(super) fn attempt(&mut self) -> Option<&mut Connection> {
        self.attempt.as_deref_mut()
    }

    /// The flow is over.
    pub(super) fn ended<S: Sink>(
        &mut self,
        closing: Closing,
        context: &mut Context<'_, S>,
    ) -> Next {
        let frames = self.early.start(context.flow.end(Side::Client)).is_some();
        if self.is_undecided() && frames && self.attempt.is_some() {
            return self.unanswered_frames(context);
        }
        if !self.orphans.is_empty() {
            self.any_request = true;
            return Next::Replay(self.orphans.take());
        }
        if let Some(attempt) = &mut self.attempt {
            attempt.close.by = context.side(closing.who);
            if attempt.outcome() == Outcome::Unanswered {
                report_handshake(attempt, context);
            }
        }
        self.close_attempt(Some(closing), context);
        self.exchanges_ended(context);
        Next::Stay
    }
}
