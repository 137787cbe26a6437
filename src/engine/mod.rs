//! The pipeline: TCP segments and datagrams of QUIC in, events out. No I/O, no clock, no threads.
//!
//! ```text
//!   segment ──► flow table ──► assembler ──► session ──► sink
//!               (route)        (bytes in     (HTTP, WebSocket, TLS around another session,
//!                               order)        HTTP/2 around one for each stream)
//!   datagram ─► connection ids ─────────────► session ──► sink   (QUIC, HTTP/3 around one for each stream)
//! ```
//!
//! Time comes with the packets. Whatever they hold, nothing panics, and what is kept is bounded by [`Limits`].

mod budget;
mod chunk;
mod connection;
mod context;
mod datagrams;
mod decoding;
mod exchange;
mod exchanges;
mod first_frames;
mod flow_state;
mod flow_summary;
mod frame_events;
mod http2_exchanges;
mod http2_polls;
mod http2_session;
mod http2_streams;
mod http_session;
mod moment;
mod next;
mod owners;
mod polling;
mod provenance;
mod quic_flows;
mod quic_session;
mod remaining;
mod reporting;
mod security;
mod seen_head;
mod session;
mod sink;
mod socks_session;
mod streams;
mod tls_flow;
mod tls_session;
mod tunnel;
mod unknown_session;
mod waiting;
mod websocket_session;

use std::borrow::Borrow;
use std::cmp::Reverse;
use std::hint::black_box;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::base::{Attribution, Limits, Named, Needs, PacketNumber, Timestamp};
use crate::capture::Batch;
use crate::flow::{End, Expiry, FlowId, Recent, Table, route};
use crate::payload::Schema;
use crate::tls::KeyLog;
use crate::websocket::Scratch;
use crate::wire::{FlowKey, Notice, Segment, Skip, TcpFlags, Walked, Walker};

pub use connection::{Close, Connection, EndedBy, Handshake, Outcome, Transport};
pub use decoding::{PayloadAs, PayloadOf, conversation, decode};
pub use exchange::Exchange;
pub use flow_summary::{EndSummary, FlowSummary, Noticed, Reset};
pub use moment::{Moment, Seen};
pub use polling::Polling;
pub use remaining::Remaining;
pub use seen_head::SeenHead;
pub use sink::{FindingEvent, FrameEvent, MessageEvent, Plaintext, Sink, StreamData};
pub use tls_flow::TlsFlow;
pub use tunnel::{Opening, Tunnel};

use budget::Budget;
use context::{Context, Shared};
use flow_state::FlowState;
use polling::Polls;
use quic_flows::QuicFlows;
use remaining::Last;
use streams::Streams;

/// Bytes of recent payload remembered, over all flows, to compare retransmissions with.
const RECENT: usize = 4 << 20;

/// What an engine is given before it starts.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Caps on what is kept.
    pub limits: Limits,
    /// Ports whose flows are read as WebSocket even without a handshake.
    pub decode_as: Vec<u16>,
    /// Connections whose messages are read as a certain protocol, the first that fits.
    pub payload_as: Vec<PayloadAs>,
    /// What binary messages of no protocol are read as, where they fit it.
    pub schema: Option<Arc<Schema>>,
    /// Who finds out whose connections these are, of a capture on this machine.
    pub attribution: Option<Arc<dyn Attribution>>,
}

/// A segment on its way to an engine; `T` is the segment or leads to it.
#[derive(Clone, Debug)]
pub struct Arrival<'a, T = Segment> {
    /// Its packet.
    pub number: PacketNumber,
    /// When that was captured.
    pub time: Timestamp,
    /// What the packet holds of TCP.
    pub segment: T,
    /// The packet's bytes.
    pub bytes: &'a [u8],
}

/// Analyses the flows it is given and reports events to a sink.
pub struct Engine<S> {
    table: Table<FlowState>,
    shared: Shared,
    sink: S,
    now: Moment,
    keys: Arc<KeyLog>,
    /// The flows of the table that are QUIC connections.
    quic: QuicFlows,
    /// The packets of this batch whose processes the file names, in order.
    named: Vec<(PacketNumber, Named)>,
}

/// Segments whose flows are looked up together: few enough to stay in the nearest cache, enough to hide its misses.
pub const TOGETHER: usize = 16;

/// Where a segment will go.
struct Coming {
    route: FlowKey,
    end: End,
    place: Option<FlowId>,
}

/// What a flow's parts are handed; a macro, because it borrows the engine's fields apart.
macro_rules! context {
    ($engine:ident, $flow:ident) => {
        Context {
            sink: &mut $engine.sink,
            shared: &mut $engine.shared,
            flow: &mut $flow.info,
            now: $engine.now,
            keys: &$engine.keys,
        }
    };
}

impl<S: Sink> Engine<S> {
    /// An engine with nothing seen.
    pub fn new(options: Options, sink: S) -> Self {
        let needs = sink.needs();
        let recent = if needs.has(Needs::FINDINGS) {
            RECENT
        } else {
            0
        };
        let shared = Shared {
            needs,
            decode_as: options.decode_as,
            payload_as: options.payload_as,
            schema: options.schema,
            attribution: options.attribution,
            decrypts: false,
            scratch: Scratch::new(&options.limits),
            recent: Recent::new(recent),
            opened: 0,
            flows: 0,
            held: 0,
            budget: Budget::new(options.limits.state_bytes),
            openings: flow_summary::OPENINGS,
            rare: Default::default(),
            closed_quic: Default::default(),
            attempts: Default::default(),
            polling: needs
                .any(Needs::DECODED | Needs::HEARTBEATS)
                .then(Polls::alone),
            streams: needs
                .has(Needs::STREAMS)
                .then(|| Streams::new(options.limits.flows)),
            waiting: Vec::new(),
            packets: Vec::new(),
            findings: Vec::new(),
            run: Vec::new(),
            limits: options.limits,
        };
        Self {
            table: Table::default(),
            shared,
            sink,
            now: Moment::default(),
            keys: Arc::default(),
            quic: QuicFlows::default(),
            named: Vec::new(),
        }
    }

    /// Decrypts with these keys from now on. Even an empty key log makes it follow TLS connections, since secrets may
    /// still come; without any, flows of TLS cost no more than others that are no WebSocket.
    pub fn set_keys(&mut self, keys: Arc<KeyLog>) {
        self.keys = keys;
        self.shared.decrypts = true;
        for place in std::mem::take(&mut self.shared.waiting) {
            if let Some(flow) = self.table.flow(place) {
                let mut context = context!(self, flow);
                flow.parts.keys_came(&mut context);
            }
        }
    }

    /// Shares what Engine.IO sessions say over HTTP with other engines, of which this one is the one in that place.
    pub fn share_polling(&mut self, board: &Arc<Polling>, engine: usize) {
        if let Some(polls) = &mut self.shared.polling {
            let board = Arc::clone(board);
            *polls = Polls { board, engine };
        }
    }

    /// Takes the packets of a batch, as `walker` finds segments in them, and moves capture time on to the last one.
    /// Returns how many packets hold no segment.
    pub fn batch(&mut self, batch: &Batch, walker: &mut Walker) -> u64 {
        self.name(batch);
        let mut skipped = 0;
        let mut arrivals: Vec<Arrival<'_>> = Vec::with_capacity(TOGETHER);
        for (record, bytes) in batch.packets() {
            let mut walked = walker.segment(record.link, record.time, bytes, record.original);
            let mut is_first = true;
            loop {
                match walked {
                    Ok(Walked::Here(segment)) => arrivals.push(Arrival {
                        number: record.number,
                        time: record.time,
                        segment,
                        bytes,
                    }),
                    Ok(Walked::Reassembled { segment, bytes }) => {
                        self.segments(&arrivals);
                        arrivals.clear();
                        self.segment(record.number, record.time, &segment, bytes, false);
                    }
                    Err(Skip::Notice(notice)) => {
                        self.segments(&arrivals);
                        arrivals.clear();
                        self.notice(record.number, record.time, &notice);
                    }
                    Err(skip) => {
                        skipped += u64::from(is_first);
                        if let Skip::Datagram(datagram) = skip
                            && self.wants(&datagram, bytes)
                        {
                            self.segments(&arrivals);
                            arrivals.clear();
                            self.datagram(record.number, record.time, &datagram, bytes);
                        }
                    }
                }
                if arrivals.len() == TOGETHER {
                    self.segments(&arrivals);
                    arrivals.clear();
                }
                match walker.more(record.time, bytes) {
                    Some(more) => (walked, is_first) = (more, false),
                    None => break,
                }
            }
        }
        self.segments(&arrivals);
        if let Some((number, time)) = batch.last() {
            self.advance(number, time);
        }
        skipped
    }

    /// Takes over what the file says of whose the packets of this batch are, before its segments come.
    pub fn name(&mut self, batch: &Batch) {
        self.named.clear();
        for named in batch.named() {
            if let Some(record) = batch.records().get(named.index as usize) {
                self.named.push((record.number, named.clone()));
            }
        }
    }

    /// Takes one TCP segment. `bytes` is what the segment's payload range counts in; `in_packet` says whether that is
    /// the packet itself, and not a datagram put together from several.
    #[inline]
    pub fn segment(
        &mut self,
        number: PacketNumber,
        time: Timestamp,
        segment: &Segment,
        bytes: &[u8],
        in_packet: bool,
    ) {
        self.now = Moment {
            packet: number,
            time,
            turn: 0,
        };
        let (route, end) = route(segment.key);
        let id = self.table.find(&route);
        self.segment_of(id, &route, end, segment, bytes, in_packet);
    }

    /// Takes what ICMP says of a segment. Of a flow that is not followed it says nothing.
    #[cold]
    pub fn notice(&mut self, number: PacketNumber, time: Timestamp, notice: &Notice) {
        self.now = Moment {
            packet: number,
            time,
            turn: 0,
        };
        let (route, end) = route(notice.key);
        let id = self.table.find(&route);
        if let Some(flow) = id.and_then(|id| self.table.flow(id)) {
            let mut context = context!(self, flow);
            flow.parts.notice(end, notice, &mut context);
        }
    }

    /// Takes segments that lie in their packets, in order: what [`Engine::segment`] does for each.
    ///
    /// Their flows lie anywhere in memory. Looked at one after the other, each would be waited for; looked up together
    /// beforehand, they come at the same time.
    pub fn segments<T: Borrow<Segment>>(&mut self, arrivals: &[Arrival<'_, T>]) {
        for group in arrivals.chunks(TOGETHER) {
            let mut coming = SmallVec::<[Coming; TOGETHER]>::new();
            for arrival in group {
                let (route, end) = route(arrival.segment.borrow().key);
                let place = match coming.last() {
                    Some(before) if before.route == route => before.place,
                    _ => self.table.guess(&route),
                };
                coming.push(Coming { route, end, place });
            }
            self.touch(&coming, group);
            if let (Some(polls), Some(first)) = (&self.shared.polling, group.first()) {
                polls.reach(first.number);
            }
            for (coming, arrival) in coming.iter().zip(group) {
                self.arrive(coming, arrival);
            }
        }
    }

    /// Reads something of every part of these flows that their next segments will need, so that it is at hand by then:
    /// first what the table leads to and the payload, which another core may have read, then what the flow leads to.
    fn touch<T: Borrow<Segment>>(&mut self, coming: &[Coming], arrivals: &[Arrival<'_, T>]) {
        let mut touched = 0;
        for arrival in arrivals {
            let first = arrival.segment.borrow().payload(arrival.bytes).first();
            touched ^= first.map_or(0, |byte| u64::from(*byte));
        }
        for Coming { end, place, .. } in coming {
            let flow = place.and_then(|id| self.table.flow(id));
            touched ^= flow.map_or(0, |flow| flow.touch(*end));
        }
        for Coming { end, place, .. } in coming {
            let flow = place.and_then(|id| self.table.flow(id));
            touched ^= flow.map_or(0, |flow| flow.touch_session(*end));
        }
        black_box(touched);
    }

    /// Takes a segment whose flow was looked up before the segments in front of it were taken.
    #[inline]
    fn arrive<T: Borrow<Segment>>(&mut self, coming: &Coming, arrival: &Arrival<'_, T>) {
        self.now = Moment {
            packet: arrival.number,
            time: arrival.time,
            turn: 0,
        };
        let Coming { route, end, place } = coming;
        let id = place
            .filter(|id| self.table.is_at(*id, route))
            .or_else(|| self.table.find(route));
        self.segment_of(
            id,
            route,
            *end,
            arrival.segment.borrow(),
            arrival.bytes,
            true,
        );
    }

    #[inline]
    fn segment_of(
        &mut self,
        id: Option<FlowId>,
        route: &FlowKey,
        end: End,
        segment: &Segment,
        bytes: &[u8],
        in_packet: bool,
    ) {
        let Some(id) = id.or_else(|| self.first(route, end, segment)) else {
            return;
        };
        let Some(id) = self.renewed(id, route, end, segment) else {
            return;
        };
        let Some(flow) = self.table.flow(id) else {
            return;
        };
        if !self.named.is_empty() {
            owners::name(
                &self.named,
                self.now.packet,
                end,
                &flow.info,
                &mut self.shared,
            );
        }
        let mut context = context!(self, flow);
        let parts = &mut flow.parts;
        let ending = parts.segment(end, segment, bytes, in_packet, &mut context);
        match ending {
            flow_state::Ending::None => {}
            flow_state::Ending::Linger => self.table.linger(id),
            flow_state::Ending::Now => self.end(id),
        }
        if self.shared.budget.is_over() {
            self.relieve();
        }
    }

    /// Has flows give up what they keep until all together keep no more than they may.
    #[cold]
    fn relieve(&mut self) {
        while self.shared.budget.is_over()
            && let Some(holder) = self.shared.budget.next(&mut self.table)
            && let Some(flow) = self.table.flow(holder.place)
        {
            let places = flow.parts.quic().map(quic_session::QuicSession::places);
            let mut context = context!(self, flow);
            flow.parts.give_up(&mut context);
            if let Some(places) = places
                && flow.parts.quic().is_none()
            {
                self.quic.forget(flow.info.serial, &places);
            }
        }
    }

    /// Moves capture time on to that of packet `number`: what was silent too long ends. Call it now and then, after the
    /// same packets on every engine that shares a capture.
    pub fn advance(&mut self, number: PacketNumber, time: Timestamp) {
        let mut expired = Vec::new();
        while let Some(due) = self.table.advance(time, &self.shared.limits) {
            expired.push(due);
        }
        let table = &mut self.table;
        expired.sort_by_cached_key(|(id, _)| table.flow(*id).map(|flow| flow.info.first_packet));
        for (id, expiry) in expired {
            self.now = Moment {
                packet: number,
                time,
                turn: self.turn(id),
            };
            self.expire(id, expiry);
        }
        self.now = Moment {
            packet: number,
            time,
            turn: 0,
        };
        self.sink.advanced(time);
    }

    /// Ends every flow: no more packets will come after the last one.
    pub fn finish(&mut self) {
        let mut remaining = self.remaining();
        self.finish_begun(PacketNumber(u64::MAX), &mut remaining);
    }

    /// The flows that have not ended, to be ended in rounds: what all of them emit need not be buffered at once.
    pub fn remaining(&mut self) -> Remaining {
        let mut flows: Vec<Last> = Vec::with_capacity(self.table.len());
        flows.extend(self.table.all().map(|(place, flow)| Last {
            first_packet: flow.info.first_packet,
            place,
            held: flow.held(),
        }));
        flows.sort_unstable_by_key(|last| Reverse(last.first_packet));
        Remaining(flows)
    }

    /// Ends those of the `remaining` flows that began with packet `last` or before it. No more packets will come, nor
    /// any between the rounds.
    pub fn finish_begun(&mut self, last: PacketNumber, remaining: &mut Remaining) {
        while let Some(flow) = remaining.0.pop_if(|flow| flow.first_packet <= last) {
            self.now.turn = flow.first_packet.0;
            // Each is taken out of its place: a copy of them all would be twice the memory.
            let Some(mut flow) = self.table.take_last(flow.place) else {
                continue;
            };
            self.finish_flow(&mut flow, EndedBy::CaptureEnd);
        }
    }

    fn turn(&mut self, id: FlowId) -> u64 {
        self.table
            .flow(id)
            .map_or(0, |flow| flow.info.first_packet.0)
    }

    /// Capture time of the latest packet.
    #[must_use]
    pub fn time(&self) -> Timestamp {
        self.now.time
    }

    /// The sink.
    pub fn sink(&mut self) -> &mut S {
        &mut self.sink
    }

    /// The sink, once all is done.
    pub fn into_sink(self) -> S {
        self.sink
    }

    /// Flows remembered right now.
    #[must_use]
    pub fn flows(&self) -> usize {
        self.table.len()
    }

    /// A flow begins with its SYN or with data; a bare acknowledgement of something unknown is nobody's.
    fn first(&mut self, route: &FlowKey, end: End, segment: &Segment) -> Option<FlowId> {
        let stream = self.stream(route, end, segment);
        if !segment.flags.has(TcpFlags::SYN) && segment.payload.is_empty() && segment.missing == 0 {
            return None;
        }
        let opens = segment.flags.has(TcpFlags::SYN) && !segment.flags.has(TcpFlags::ACK);
        if self.table.is_closed(route, opens) && !opens {
            return None;
        }
        self.shared.flows += 1;
        let flow = FlowState::new(route, end, segment, self.now, &self.shared);
        self.name_stream(flow.info.serial, stream);
        if let Some(attribution) = self.shared.attribution.as_ref().filter(|_| opens) {
            attribution.began(flow.info.address(end), flow.info.address(end.peer()));
        }
        let mut evicted = None;
        let id = self
            .table
            .insert(*route, flow, &self.shared.limits, &mut |flow, _| {
                evicted = Some(flow)
            });
        if let Some(mut flow) = evicted {
            self.finish_flow(&mut flow, EndedBy::Timeout);
        }
        if let Some(flow) = self.table.flow(id) {
            flow.info.place = id;
        }
        self.shared.budget.tidy(&mut self.table);
        Some(id)
    }

    fn stream(&mut self, route: &FlowKey, end: End, segment: &Segment) -> Option<u64> {
        let streams = self.shared.streams.as_mut()?;
        Some(streams.number(route, end, segment))
    }

    fn name_stream(&mut self, flow: u64, stream: Option<u64>) {
        if stream.is_some() {
            self.shared.rare.entry(flow).or_default().stream = stream;
        }
    }

    /// A SYN that cannot be the one its flow began with starts a new flow on the same addresses and ports.
    #[inline]
    fn renewed(
        &mut self,
        id: FlowId,
        route: &FlowKey,
        end: End,
        segment: &Segment,
    ) -> Option<FlowId> {
        if !segment.flags.has(TcpFlags::SYN) {
            return Some(id);
        }
        let begins = !segment.flags.has(TcpFlags::ACK);
        if !begins || !self.table.flow(id)?.parts.is_renewed_by(end, segment) {
            let stream = self.stream(route, end, segment);
            let serial = self.table.flow(id)?.info.serial;
            self.name_stream(serial, stream);
            return Some(id);
        }
        if let Some(mut flow) = self.table.remove(id) {
            let by = flow.parts.ended_by().unwrap_or(EndedBy::Timeout);
            self.finish_flow(&mut flow, by);
        }
        self.first(route, end, segment)
    }

    #[cold]
    fn expire(&mut self, id: FlowId, expiry: Expiry) {
        match expiry {
            Expiry::Lingered => self.end(id),
            Expiry::Idle | Expiry::Evicted => {
                if let Some(mut flow) = self.table.remove(id) {
                    self.finish_flow(&mut flow, EndedBy::Timeout);
                }
            }
        }
    }

    /// Ends a flow, which is remembered a little for its late retransmissions.
    fn end(&mut self, id: FlowId) {
        if let Some(mut flow) = self.table.close(id, &self.shared.limits) {
            self.finish_flow(&mut flow, EndedBy::Fin);
        }
    }

    fn finish_flow(&mut self, flow: &mut FlowState, by: EndedBy) {
        if let Some(session) = flow.parts.quic() {
            self.quic.forget(flow.info.serial, &session.places());
        }
        let mut context = context!(self, flow);
        flow.parts.finish(by, &mut context);
    }
}
