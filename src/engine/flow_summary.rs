//! What TCP itself shows of a flow, for those who ask why it failed: who opened, reset or fell silent, and how each
//! end's packets look. Kept only with [`Needs::FLOWS`](crate::base::Needs::FLOWS).

use std::net::SocketAddr;

use crate::base::{PerSide, Side, Timestamp};
use crate::flow::End;
use crate::wire::{Notice, Segment, TcpFlags};

use super::connection::EndedBy;
use super::moment::{Moment, Seen};

/// First stream bytes kept of an end that speaks TLS, opens a tunnel or has a hop's header in front: enough for hellos and certificates.
const OPENING_TLS: usize = 12 << 10;
/// First stream bytes kept of any other end.
const OPENING: usize = 2 << 10;
/// Opening bytes kept over all flows of an engine; flows that open beyond it keep none.
pub(super) const OPENINGS: usize = 64 << 20;

/// How a reset looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Reset {
    /// Where it was seen.
    pub at: Seen,
    /// Its TTL or hop limit.
    pub ttl: u8,
    /// Its IPv4 identification.
    pub ip_id: u16,
    /// Its window field.
    pub window: u16,
}

/// Different ICMP messages kept about one end's segments.
const NOTICES: usize = 4;

/// What ICMP said of an end's segments.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Noticed {
    /// The first message of its kind.
    pub notice: Notice,
    /// Where that was seen.
    pub at: Seen,
    /// How many there were.
    pub count: u32,
}

/// Data that does not get through, seen where it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stuck {
    /// Bytes of the longest segment with it.
    pub len: u32,
    /// How often it was sent again.
    pub count: u32,
    /// When it was sent again first, and last.
    pub first: Seen,
    /// The same of the last time.
    pub last: Seen,
    seq: u32,
}

/// Bytes that did not arrive, seen where they should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Missing {
    /// How many they are.
    pub len: u32,
    /// The first segment behind them.
    pub beyond: Seen,
    /// Bytes of the longest segment behind them.
    pub passed: u32,
    from: u32,
}

/// What one end of a flow did. What every segment changes stands first and close together: there are many flows, and each of
/// their segments waits for the memory of both ends.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[repr(C)]
#[non_exhaustive]
pub struct EndSummary {
    /// Packets it sent.
    pub packets: u64,
    /// Its latest packet other than a RST.
    pub last: Timestamp,
    /// The end of its stream as far as it was sent.
    next: Option<u32>,
    /// The byte that the other end waits for, by its acknowledgements.
    acked: Option<u32>,
    /// The end of what came in order.
    whole: Option<u32>,
    /// Its last packet with data not sent before.
    pub last_data: Option<Seen>,
    /// The longest segment that was not acknowledged yet.
    pending: u32,
    /// The longest segment of it that was acknowledged.
    pub passed: u32,
    /// Data sent again since the other end was last heard of: how often, the first and the last time.
    pub unheard: u32,
    /// The lowest and the highest TTL of its packets other than RST.
    pub ttl: Option<(u8, u8)>,
    /// IPv4 identification and window of its last packet other than RST.
    pub last_ip_id: u16,
    /// Window field of that packet.
    pub last_window: u16,
    /// Data that is sent again and again from the byte on that the other end waits for.
    pub stuck: Option<Box<Stuck>>,
    /// What is missing of its stream, as far as the other end's acknowledgements agree.
    pub hole: Option<Box<Missing>>,
    /// How many SYN it sent.
    pub syn_count: u32,
    opening_next: Option<u32>,
    /// Packets with data or FIN that it sent after its RST.
    pub after_reset: u32,
    /// Its first SYN.
    pub syn: Option<Seen>,
    /// Its last SYN.
    pub last_syn: Option<Seen>,
    /// Its first FIN.
    pub fin: Option<Seen>,
    /// Its first RST.
    pub reset: Option<Reset>,
    /// Its first packet with data.
    pub first_data: Option<Seen>,
    /// The first of the retransmissions since the other end was last heard of.
    pub first_unheard: Option<Seen>,
    /// The last of them.
    pub last_unheard: Option<Seen>,
    /// What ICMP said of its segments, each kind once.
    pub notices: Vec<Noticed>,
    /// The first bytes of its stream, as far as they came in order, and until the flow was known to carry a WebSocket.
    pub opening: Vec<u8>,
}

/// What is known of a flow when it is over.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FlowSummary {
    /// Its number within its engine, as in [`Connection::flow`](super::Connection::flow).
    pub serial: u64,
    /// Addresses of both sides.
    pub addresses: PerSide<SocketAddr>,
    /// Its first packet.
    pub first: Seen,
    /// Time of its latest packet.
    pub last: Timestamp,
    /// When the engine learned that it is over.
    pub told: Seen,
    /// Its packets.
    pub packets: u64,
    /// What ended it.
    pub ended_by: EndedBy,
    /// Who sent the first FIN or RST.
    pub closer: Option<Side>,
    /// What each side did.
    pub sides: PerSide<EndSummary>,
}

/// Both ends of a flow that lives.
#[derive(Clone, Debug, Default)]
pub(super) struct Trace {
    pub(super) ends: [EndSummary; 2],
}

impl Trace {
    pub(super) fn segment(
        &mut self,
        end: End,
        segment: &Segment,
        bytes: &[u8],
        now: Moment,
        openings: Option<&mut usize>,
    ) {
        let [low, high] = &mut self.ends;
        let (mine, peer) = match end {
            End::Low => (low, high),
            End::High => (high, low),
        };
        if peer.unheard > 0 {
            (peer.unheard, peer.first_unheard, peer.last_unheard) = (0, None, None);
        }
        mine.packets += 1;
        mine.last = now.time;
        mine.flags(segment, now.into());
        if segment.flags.has(TcpFlags::ACK) {
            peer.acknowledged(segment.ack);
        }
        let payload = segment.payload(bytes);
        let len = payload.len() as u32 + segment.missing;
        if len > 0 {
            mine.data(segment, len, now.into());
            if let Some(budget) = openings {
                mine.open(segment, payload, budget);
            }
        }
    }

    /// A datagram of QUIC, of which nothing is known but that it came.
    pub(super) fn datagram(&mut self, end: End, now: Moment) {
        let mine = &mut self.ends[end as usize];
        mine.packets += 1;
        mine.last = now.time;
        mine.first_data.get_or_insert(now.into());
        mine.last_data = Some(now.into());
    }

    pub(super) fn notice(&mut self, end: End, notice: &Notice, now: Moment) {
        let notices = &mut self.ends[end as usize].notices;
        let is_same = |noticed: &Noticed| noticed.notice.reason == notice.reason;
        if let Some(at) = notices.iter().position(is_same) {
            notices[at].count = notices[at].count.saturating_add(1);
        } else if notices.len() < NOTICES {
            notices.push(Noticed {
                notice: *notice,
                at: now.into(),
                count: 1,
            });
        }
    }

    /// See `Engine::touch`.
    #[inline]
    pub(super) fn touch(&self, end: End) -> u64 {
        let [mine, peer] = [&self.ends[end as usize], &self.ends[end.peer() as usize]];
        mine.packets ^ u64::from(mine.last_window) ^ u64::from(peer.unheard)
    }

    /// Bytes of openings that are free again.
    pub(super) fn opening_bytes(&self) -> usize {
        self.ends.iter().map(|end| end.opening.len()).sum()
    }
}

impl EndSummary {
    fn flags(&mut self, segment: &Segment, at: Seen) {
        let flags = segment.flags;
        if flags.has(TcpFlags::SYN) {
            self.syn.get_or_insert(at);
            self.last_syn = Some(at);
            self.syn_count = self.syn_count.saturating_add(1);
            self.opening_next = Some(segment.seq.wrapping_add(1));
        }
        if flags.has(TcpFlags::RST) {
            self.reset.get_or_insert(Reset {
                at,
                ttl: segment.ttl,
                ip_id: segment.ip_id,
                window: segment.window,
            });
            return;
        }
        let sends = flags.has(TcpFlags::FIN) || !segment.payload.is_empty() || segment.missing > 0;
        if self.reset.is_some() && sends {
            self.after_reset = self.after_reset.saturating_add(1);
        }
        if flags.has(TcpFlags::FIN) {
            self.fin.get_or_insert(at);
        }
        let (low, high) = self.ttl.unwrap_or((segment.ttl, segment.ttl));
        self.ttl = Some((low.min(segment.ttl), high.max(segment.ttl)));
        (self.last_ip_id, self.last_window) = (segment.ip_id, segment.window);
    }

    /// Whether the other end has acknowledged all data that it sent, and perhaps its FIN.
    #[must_use]
    pub fn is_acknowledged(&self) -> bool {
        self.next.is_none_or(|next| {
            self.acked
                .is_some_and(|acked| acked.wrapping_sub(next) as i32 >= 0)
        })
    }

    /// Whether the other end has acknowledged what came before what is missing, and nothing of that.
    #[must_use]
    pub fn waits_for(&self, missing: &Missing) -> bool {
        self.acked == Some(missing.from)
    }

    #[inline]
    fn acknowledged(&mut self, ack: u32) {
        if self
            .acked
            .is_some_and(|acked| ack.wrapping_sub(acked) as i32 <= 0)
        {
            return;
        }
        self.acked = Some(ack);
        let passes = |stuck: &Stuck| ack.wrapping_sub(stuck.seq) as i32 > 0;
        if self.stuck.as_deref().is_some_and(passes) {
            self.stuck = None;
        }
        if self.next == Some(ack) {
            self.passed = self.passed.max(self.pending);
            self.pending = 0;
        }
    }

    /// Where data lies that came before what it follows, or again.
    #[cold]
    fn out_of_order(&mut self, segment: &Segment, len: u32, whole: u32, at: Seen) {
        let missing = segment.seq.wrapping_sub(whole);
        if missing as i32 > 0 {
            let hole = self.hole.get_or_insert_with(|| {
                Box::new(Missing {
                    len: missing,
                    beyond: at,
                    passed: len,
                    from: whole,
                })
            });
            hole.passed = hole.passed.max(len);
            return;
        }
        if self.acked == Some(segment.seq) {
            let same = self.stuck.take().filter(|stuck| stuck.seq == segment.seq);
            let mut stuck = same.unwrap_or_else(|| {
                Box::new(Stuck {
                    len,
                    count: 0,
                    first: at,
                    last: at,
                    seq: segment.seq,
                })
            });
            stuck.len = stuck.len.max(len);
            stuck.count = stuck.count.saturating_add(1);
            stuck.last = at;
            self.stuck = Some(stuck);
        }
    }

    fn data(&mut self, segment: &Segment, len: u32, at: Seen) {
        let end = segment.seq.wrapping_add(len);
        self.pending = self.pending.max(len);
        match self.whole {
            Some(whole) if segment.seq != whole => self.out_of_order(segment, len, whole, at),
            _ => {}
        }
        let whole = self.whole.unwrap_or(segment.seq);
        if segment.seq.wrapping_sub(whole) as i32 <= 0 && end.wrapping_sub(whole) as i32 >= 0 {
            self.whole = Some(end);
            // What was missing is there, and so is what came behind it.
            let is_filled =
                |hole: &Missing| end.wrapping_sub(hole.from.wrapping_add(hole.len)) as i32 >= 0;
            if self.hole.as_deref().is_some_and(is_filled) {
                self.hole = None;
                self.whole = self.next;
            }
        }
        let is_new = self
            .next
            .is_none_or(|next| end.wrapping_sub(next) as i32 > 0);
        if is_new {
            self.next = Some(end);
            self.first_data.get_or_insert(at);
            self.last_data = Some(at);
        } else if len > 1 {
            // One byte again is a keep-alive probe.
            self.unheard = self.unheard.saturating_add(1);
            self.first_unheard.get_or_insert(at);
            self.last_unheard = Some(at);
        }
    }

    fn open(&mut self, segment: &Segment, payload: &[u8], budget: &mut usize) {
        let expected = *self.opening_next.get_or_insert(segment.seq);
        if segment.seq != expected {
            return;
        }
        let first = self.opening.first().or(payload.first()).copied();
        let most = match first {
            Some(0x16 | b'C' | b'H' | b'P' | b'\r' | 4 | 5) => OPENING_TLS,
            _ => OPENING,
        };
        let room = most.saturating_sub(self.opening.len()).min(*budget);
        let taken = payload.get(..room.min(payload.len())).unwrap_or_default();
        self.opening.extend_from_slice(taken);
        *budget -= taken.len();
        // Once full, or when bytes are missing, nothing fits any more.
        self.opening_next = Some(segment.seq.wrapping_add(taken.len() as u32));
    }
}
