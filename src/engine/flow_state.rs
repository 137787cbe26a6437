//! One TCP flow: what both directions' segments amount to, and the session that reads their bytes.

use crate::base::{Extent, Limits, Needs, PerSide, Side, Timestamp};
use crate::flow::{Ages, Assembler, Delivery, End, FlowId, Incoming};
use crate::quic::Joined;
use crate::wire::{FlowKey, Notice, Segment, TcpFlags};

use super::budget::{Account, HasAccount};
use super::chunk::{Chunk, Hole, Why};
use super::connection::{EndedBy, Transport};
use super::context::{Context, FlowInfo, Shared};
use super::flow_summary::{FlowSummary, Trace};
use super::moment::{Moment, Seen};
use super::next::Closing;
use super::quic_session::{Arrived, QuicSession};
use super::session::Session;
use super::sink::Sink;

/// A flow in the table.
pub(super) struct FlowState {
    pub(super) info: FlowInfo,
    pub(super) parts: FlowParts,
}

/// What changes while bytes are delivered, apart from [`FlowInfo`], which the session sees.
pub(super) struct FlowParts {
    halves: [Assembler; 2],
    session: Session,
    /// The ends whose FIN was seen, for flows that are not assembled any more.
    fins: u8,
    /// The end that closed first.
    closer: Option<End>,
    /// How and when TCP ended.
    over: Option<Over>,
    /// What TCP shows of the flow, where a sink needs it.
    trace: Option<Box<Trace>>,
}

/// That either end reset the flow, or both had closed it, and when.
#[derive(Clone, Copy, Debug)]
struct Over {
    at: Timestamp,
    by_reset: bool,
}

/// Whether a segment ended its flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ending {
    None,
    /// A reset: late segments may still come.
    Linger,
    /// Both streams are complete.
    Now,
}

impl FlowState {
    pub(super) fn new(
        route: &FlowKey,
        end: End,
        segment: &Segment,
        now: Moment,
        shared: &Shared,
    ) -> Self {
        let info = FlowInfo {
            serial: shared.flows,
            place: FlowId::default(),
            account: Account::default(),
            key: *route,
            client: Self::opener(end, segment, route),
            seen: match segment.flags.has(TcpFlags::SYN) {
                true => FlowInfo::FROM_START,
                false => 0,
            },
            first_packet: now.packet,
            opened: now.time,
            last: now.time,
            packets: 0,
            transport: Transport::Tcp,
            connections: 0,
            layers: 0,
        };
        let parts = FlowParts {
            halves: Default::default(),
            session: Session::default(),
            fins: 0,
            closer: None,
            over: None,
            trace: shared.needs.has(Needs::FLOWS).then(Box::default),
        };
        Self { info, parts }
    }

    /// A QUIC connection, whose first datagram came now.
    pub(super) fn of_quic(
        key: FlowKey,
        client: End,
        is_whole: bool,
        now: Moment,
        shared: &Shared,
    ) -> Self {
        let mut flow = Self::new(&key, client, &Segment::default(), now, shared);
        flow.info.client = Some(client);
        if is_whole {
            flow.info.seen = FlowInfo::FROM_START;
        }
        flow
    }

    /// Bytes kept for it, be it behind holes or by what reads its streams.
    pub(super) fn held(&self) -> u32 {
        let behind_holes: usize = self.parts.halves.iter().map(Assembler::held_cost).sum();
        self.info.account.held().saturating_add(behind_holes as u32)
    }

    /// See `Engine::touch`. The result means nothing.
    #[inline]
    pub(super) fn touch(&self, end: End) -> u64 {
        let half = &self.parts.halves[end as usize];
        let is_websocket = self.parts.session.is_websocket();
        self.info.packets ^ half.offset() ^ u64::from(is_websocket) ^ u64::from(self.info.key.scope)
    }

    /// The same for what the flow leads to.
    #[inline]
    pub(super) fn touch_session(&self, end: End) -> u64 {
        let trace = self.parts.trace.as_ref();
        let session = self.parts.session.touch(self.info.side(end));
        session ^ trace.map_or(0, |trace| trace.touch(end))
    }

    /// The end that opened the flow: by its SYN, or as long as nothing better is known, the one with the higher port.
    fn opener(end: End, segment: &Segment, key: &FlowKey) -> Option<End> {
        match (
            segment.flags.has(TcpFlags::SYN),
            segment.flags.has(TcpFlags::ACK),
        ) {
            (true, false) => Some(end),
            (true, true) => Some(end.peer()),
            _ => Some(if key.source.port() > key.destination.port() {
                End::Low
            } else {
                End::High
            }),
        }
    }
}

impl Ages for FlowState {
    fn key(&self) -> &FlowKey {
        &self.info.key
    }

    fn last_seen(&self) -> Timestamp {
        self.info.last
    }

    fn idle_limit(&self, limits: &Limits) -> i64 {
        let limit = if self.info.is_websocket() {
            limits.websocket_idle
        } else {
            limits.idle
        };
        i64::try_from(limit.as_nanos()).unwrap_or(i64::MAX)
    }
}

impl HasAccount for FlowState {
    fn account(&mut self, serial: u64) -> Option<&mut Account> {
        (self.info.serial == serial).then_some(&mut self.info.account)
    }
}

impl FlowParts {
    /// Whether a SYN from `end` belongs to another connection than this one.
    pub(super) fn is_renewed_by(&self, end: End, segment: &Segment) -> bool {
        let half = &self.halves[end as usize];
        (half.is_started() || self.over.is_some()) && !half.began_with(segment.seq)
    }

    /// What ended the flow, when TCP did.
    pub(super) fn ended_by(&self) -> Option<EndedBy> {
        match self.over {
            Some(Over { by_reset: true, .. }) => Some(EndedBy::Rst),
            _ => (self.fins == 3).then_some(EndedBy::Fin),
        }
    }

    /// Takes a segment of `bytes`; `in_packet` says whether those are the packet itself.
    #[inline]
    pub(super) fn segment<S: Sink>(
        &mut self,
        end: End,
        segment: &Segment,
        bytes: &[u8],
        in_packet: bool,
        context: &mut Context<'_, S>,
    ) -> Ending {
        let info = &mut *context.flow;
        info.packets += 1;
        info.last = context.now.time;
        info.seen |= 1 << end as u8;
        if let Some(trace) = &mut self.trace {
            // What frames carry is emitted as events; only what stands in front of them is looked at as bytes.
            let openings = match info.is_websocket() {
                true => None,
                false => Some(&mut context.shared.openings),
            };
            trace.segment(end, segment, bytes, context.now, openings);
        }
        let wanted = Needs::EXTENTS | Needs::SEGMENTS;
        if context.shared.needs.any(wanted) && !self.session.is_ignored() {
            if context.shared.needs.has(Needs::EXTENTS) {
                context.sink.packet(context.flow.serial, context.now.packet);
            }
            if context.shared.needs.has(Needs::SEGMENTS) {
                context.sink.segment(context.flow.serial, end, segment);
            }
        }
        let flags = segment.flags;
        if flags.has(TcpFlags::SYN) {
            self.syn(end, segment, context);
        }
        if !self.session.is_ignored() {
            if flags.has(TcpFlags::ACK) {
                self.acknowledge(end.peer(), segment.ack, context);
            }
            let payload = segment.payload(bytes);
            if !payload.is_empty() || segment.missing > 0 || flags.has(TcpFlags::FIN) {
                let packet_offset = in_packet.then_some(segment.payload.start);
                self.payload(end, segment, (payload, packet_offset), context);
            }
        }
        self.ending(end, flags, context)
    }

    /// Makes it a QUIC connection, first seen on this pair of addresses.
    pub(super) fn begin_quic<S: Sink>(
        &mut self,
        route: FlowKey,
        joined: Option<Joined>,
        context: &mut Context<'_, S>,
    ) {
        self.session = Session::of_quic(QuicSession::new(route, joined, context));
    }

    /// The QUIC connection, if it is one.
    #[inline]
    pub(super) fn quic(&self) -> Option<&QuicSession> {
        self.session.quic()
    }

    pub(super) fn quic_mut(&mut self) -> Option<&mut QuicSession> {
        self.session.quic_mut()
    }

    /// Takes a datagram of a QUIC connection.
    pub(super) fn datagram<S: Sink>(
        &mut self,
        arrived: Arrived<'_>,
        context: &mut Context<'_, S>,
    ) -> Ending {
        let end = context.flow.end(arrived.from);
        let info = &mut *context.flow;
        info.packets += 1;
        info.last = context.now.time;
        info.seen |= 1 << end as u8;
        if let Some(trace) = &mut self.trace {
            trace.datagram(end, context.now);
        }
        if context.shared.needs.has(Needs::EXTENTS) && !self.session.is_ignored() {
            context.sink.packet(context.flow.serial, context.now.packet);
        }
        let Some(session) = self.session.quic_mut() else {
            return Ending::None;
        };
        session.datagram(arrived, context);
        let (memory, closer) = (session.memory(), session.closer());
        context.charge(memory);
        match closer {
            Some(side) if self.over.is_none() => {
                self.closer = Some(context.flow.end(side));
                self.fins = 3;
                self.over = Some(Over {
                    at: context.now.time,
                    by_reset: false,
                });
                Ending::Linger
            }
            _ => Ending::None,
        }
    }

    /// Takes what ICMP says of a segment that `end` sent.
    pub(super) fn notice<S: Sink>(
        &mut self,
        end: End,
        notice: &Notice,
        context: &mut Context<'_, S>,
    ) {
        if context.shared.needs.has(Needs::EXTENTS) && !self.session.is_ignored() {
            context.sink.packet(context.flow.serial, context.now.packet);
        }
        if let Some(trace) = &mut self.trace {
            trace.notice(end, notice, context.now);
        }
    }

    /// After both FINs one acknowledgement still belongs to the flow; after a reset, whatever was under way.
    #[inline]
    fn ending<S: Sink>(&mut self, end: End, flags: TcpFlags, context: &Context<'_, S>) -> Ending {
        if self.over.is_some_and(|over| !over.by_reset) {
            return Ending::Now;
        }
        if !flags.any(TcpFlags(TcpFlags::FIN.0 | TcpFlags::RST.0)) && self.fins != 3 {
            return Ending::None;
        }
        self.closer.get_or_insert(end);
        if flags.has(TcpFlags::FIN) {
            self.fins |= 1 << end as u8;
        }
        if flags.has(TcpFlags::RST) && self.over.is_none() {
            self.over = Some(Over {
                at: context.now.time,
                by_reset: true,
            });
            return Ending::Linger;
        }
        let complete = self.session.is_ignored() || self.halves.iter().all(Assembler::is_ended);
        if self.fins != 3 || !complete || self.over.is_some() {
            return Ending::None;
        }
        self.over = Some(Over {
            at: context.now.time,
            by_reset: false,
        });
        Ending::Linger
    }

    fn syn<S: Sink>(&mut self, end: End, segment: &Segment, context: &mut Context<'_, S>) {
        context.flow.client = Some(if segment.flags.has(TcpFlags::ACK) {
            end.peer()
        } else {
            end
        });
        let (half, session) = (&mut self.halves[end as usize], &mut self.session);
        half.syn(segment.seq, &mut |delivery| {
            deliver(session, end, delivery, context)
        });
    }

    #[inline]
    fn acknowledge<S: Sink>(&mut self, end: End, ack: u32, context: &mut Context<'_, S>) {
        let (half, session) = (&mut self.halves[end as usize], &mut self.session);
        if half.held_cost() == 0 {
            return half.peer_acknowledges();
        }
        let before = half.held_cost();
        half.acked(ack, context.now.time, &mut |delivery| {
            deliver(session, end, delivery, context)
        });
        context.shared.held = (context.shared.held + half.held_cost()).saturating_sub(before);
    }

    #[inline]
    fn payload<S: Sink>(
        &mut self,
        end: End,
        segment: &Segment,
        (payload, packet_offset): (&[u8], Option<u32>),
        context: &mut Context<'_, S>,
    ) {
        let incoming = Incoming {
            // A SYN takes the sequence number before the first byte it may carry (RFC 7413).
            seq: segment
                .seq
                .wrapping_add(u32::from(segment.flags.has(TcpFlags::SYN))),
            payload,
            missing: segment.missing,
            fin: segment.flags.has(TcpFlags::FIN),
            packet: context.now.packet,
            packet_offset,
            time: context.now.time,
        };
        let (half, session) = (&mut self.halves[end as usize], &mut self.session);
        let before = half.held_cost();
        let limit = context.shared.limits.held_bytes;
        half.push(incoming, limit, &mut |delivery| {
            deliver(session, end, delivery, context)
        });
        let after = half.held_cost();
        if before | after != 0 {
            context.shared.held = (context.shared.held + after).saturating_sub(before);
            if context.shared.held > context.shared.limits.held_bytes_total {
                context.shared.held = context.shared.held.saturating_sub(after);
                half.finish(&mut |delivery| deliver(session, end, delivery, context));
            }
        }
    }

    /// Ends the session, once: `by`, unless TCP said how.
    pub(super) fn finish<S: Sink>(&mut self, by: EndedBy, context: &mut Context<'_, S>) {
        let by = self.ended_by().unwrap_or(by);
        for end in [End::Low, End::High] {
            let (half, session) = (&mut self.halves[end as usize], &mut self.session);
            context.shared.held = context.shared.held.saturating_sub(half.held_cost());
            half.finish(&mut |delivery| deliver(session, end, delivery, context));
        }
        let closing = Closing {
            by,
            who: self.closer,
            at: self.over.map_or(context.now.time, |over| over.at),
        };
        self.session.ended(closing, context);
        context.shared.budget.release(&mut context.flow.account);
        let told = Needs::EXTENTS | Needs::SEGMENTS;
        if context.shared.needs.any(told) {
            context.sink.flow_ended(context.flow.serial);
        }
        if !context.shared.rare.is_empty() {
            context.shared.rare.remove(&context.flow.serial);
        }
        if let Some(trace) = self.trace.take() {
            self.tell(*trace, by, context);
        }
    }

    /// The key log has grown: what waited for a secret goes on.
    pub(super) fn keys_came<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        self.session.keys_came(context);
        context.charge(self.session.memory());
    }

    /// Gives up what the session keeps, since all flows together keep too much.
    pub(super) fn give_up<S: Sink>(&mut self, context: &mut Context<'_, S>) {
        self.session.give_up(context);
        context.charge(self.session.memory());
    }

    #[cold]
    fn tell<S: Sink>(&self, trace: Trace, by: EndedBy, context: &mut Context<'_, S>) {
        context.shared.openings += trace.opening_bytes();
        let info = &*context.flow;
        let [low, high] = trace.ends;
        let sides = match info.end(Side::Client) {
            End::Low => PerSide {
                client: low,
                server: high,
            },
            End::High => PerSide {
                client: high,
                server: low,
            },
        };
        let summary = FlowSummary {
            serial: info.serial,
            addresses: PerSide::new(|side| info.address(info.end(side))),
            first: Seen {
                packet: info.first_packet,
                time: info.opened,
            },
            last: info.last,
            told: context.now.into(),
            packets: info.packets,
            ended_by: by,
            closer: self.closer.map(|end| info.side(end)),
            sides,
        };
        context.sink.flow_closed(summary);
    }
}

#[inline]
fn deliver<S: Sink>(
    session: &mut Session,
    end: End,
    delivery: Delivery<'_>,
    context: &mut Context<'_, S>,
) {
    match delivery {
        Delivery::Bytes {
            offset,
            bytes,
            packet,
            packet_offset,
            time,
        } => {
            if context.shared.needs.has(Needs::EXTENTS) && !session.is_ignored() {
                let len = bytes.len() as u32;
                let extent = Extent {
                    stream_offset: offset,
                    packet,
                    packet_offset,
                    len,
                };
                context.sink.extent(context.flow.serial, end, extent, bytes);
            }
            context.now.time = time;
            session.data(
                Chunk {
                    end,
                    offset,
                    bytes,
                    packet,
                    earlier: &[],
                    time,
                },
                context,
            );
            context.charge(session.memory());
        }
        Delivery::Gap {
            offset,
            len,
            is_cut,
        } => {
            let hole = Hole {
                end,
                offset,
                len,
                why: match is_cut {
                    true => Why::Snaplen,
                    false => Why::Lost,
                },
                is_exact: true,
            };
            session.hole(hole, context);
            context.charge(session.memory());
        }
        Delivery::Again { offset, bytes } => session.again(end, offset, bytes, context),
        Delivery::Conflict { offset } => session.conflict(end, offset, context),
        Delivery::End => session.end_closed(end, context),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flow_that_is_nothing_of_ours_is_small() {
        assert!(
            std::mem::size_of::<FlowState>() <= 256,
            "{}",
            std::mem::size_of::<FlowState>()
        );
    }
}
