//! A TCP conversation as a script: who says what, and what the network does to it.

use std::net::SocketAddr;
use std::ops::Range;

use super::{ACK, FIN, PSH, PacketBuilder, RST, Random, SYN, Segment};
use crate::base::{PerSide, Side, Timestamp};

/// A scripted TCP conversation. Each step adds segments; the last call gives them as packets.
///
/// Bytes are acknowledged by the next segment of the other side; [`Conversation::ack`] sends an empty one.
#[derive(Clone, Debug)]
pub struct Conversation {
    address: PerSide<SocketAddr>,
    next: PerSide<u32>,
    window: u16,
    now: Timestamp,
    step: i64,
    segment_size: usize,
    packet: PacketBuilder,
    ip_id: u16,
    segments: Vec<Segment>,
}

impl Conversation {
    /// A conversation of `client` with `server`, both `address:port` (`[v6]:port`).
    ///
    /// # Panics
    /// When one is no address with a port.
    #[must_use]
    pub fn new(client: &str, server: &str) -> Self {
        let parse = |text: &str| {
            text.parse()
                .expect("an address with a port, such as 10.0.0.1:80")
        };
        Self::between(parse(client), parse(server))
    }

    /// The same with parsed addresses. It starts at 2023-11-14 22:13:20 UTC, 100 microseconds a segment, 1,448 bytes
    /// a segment, sequence numbers from 1,000 and 5,000 on.
    #[must_use]
    pub fn between(client: SocketAddr, server: SocketAddr) -> Self {
        Self {
            address: PerSide { client, server },
            next: PerSide {
                client: 1000,
                server: 5000,
            },
            window: 65_000,
            now: Timestamp(1_700_000_000_000_000_000),
            step: 100_000,
            segment_size: 1448,
            packet: PacketBuilder::default(),
            ip_id: 0,
            segments: Vec::new(),
        }
    }

    /// Starts at `time`.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.now = time;
        self
    }

    /// Lets `nanoseconds` pass between segments.
    #[must_use]
    pub fn step(mut self, nanoseconds: i64) -> Self {
        self.step = nanoseconds;
        self
    }

    /// Lets `nanoseconds` pass once.
    #[must_use]
    pub fn wait(mut self, nanoseconds: i64) -> Self {
        self.now.0 += nanoseconds;
        self
    }

    /// Sends at most `len` payload bytes a segment.
    #[must_use]
    pub fn segment_size(mut self, len: usize) -> Self {
        self.segment_size = len.max(1);
        self
    }

    /// Sets the next sequence number of each side (before [`Conversation::connect`]: the initial one).
    #[must_use]
    pub fn sequence(mut self, client: u32, server: u32) -> Self {
        self.next = PerSide { client, server };
        self
    }

    /// Sets the window that the following segments announce.
    #[must_use]
    pub fn window(mut self, window: u16) -> Self {
        self.window = window;
        self
    }

    /// Builds packets with `builder` (link type, tunnels, padding).
    #[must_use]
    pub fn packet(mut self, builder: PacketBuilder) -> Self {
        self.packet = builder;
        self
    }

    /// The three-way handshake.
    #[must_use]
    pub fn connect(mut self) -> Self {
        self.send(Side::Client, SYN, Vec::new());
        self.send(Side::Server, SYN | ACK, Vec::new());
        self.send(Side::Client, ACK, Vec::new());
        self
    }

    /// The client sends `bytes`, cut into segments.
    #[must_use]
    pub fn client(self, bytes: impl AsRef<[u8]>) -> Self {
        self.data(Side::Client, bytes)
    }

    /// The server sends `bytes`, cut into segments.
    #[must_use]
    pub fn server(self, bytes: impl AsRef<[u8]>) -> Self {
        self.data(Side::Server, bytes)
    }

    /// `side` sends `bytes`, cut into segments.
    #[must_use]
    pub fn data(mut self, side: Side, bytes: impl AsRef<[u8]>) -> Self {
        for chunk in bytes.as_ref().chunks(self.segment_size) {
            self.send(side, PSH | ACK, chunk.to_vec());
        }
        self
    }

    /// `side` sends `len` bytes that the capture never sees.
    #[must_use]
    pub fn lost(mut self, side: Side, len: u32) -> Self {
        self.next[side] = self.next[side].wrapping_add(len);
        self
    }

    /// `side` acknowledges everything so far in an empty segment.
    #[must_use]
    pub fn ack(mut self, side: Side) -> Self {
        self.send(side, ACK, Vec::new());
        self
    }

    /// `side` sends a keep-alive: one byte before the next, without payload.
    #[must_use]
    pub fn keep_alive(mut self, side: Side) -> Self {
        let seq = self.next[side].wrapping_sub(1);
        let segment = Segment {
            seq,
            ..self.segment(side, ACK, Vec::new())
        };
        self.push(segment);
        self
    }

    /// `side` sends its FIN.
    #[must_use]
    pub fn close(mut self, side: Side) -> Self {
        self.send(side, FIN | ACK, Vec::new());
        self
    }

    /// Both sides close, the client first, and the last FIN is acknowledged.
    #[must_use]
    pub fn fin(self) -> Self {
        self.close(Side::Client)
            .close(Side::Server)
            .ack(Side::Client)
    }

    /// `side` resets the connection.
    #[must_use]
    pub fn reset(mut self, side: Side) -> Self {
        self.send(side, RST | ACK, Vec::new());
        self
    }

    /// A segment of any shape, numbered by the caller; the script's own numbers stay.
    #[must_use]
    pub fn raw(mut self, side: Side, seq: u32, flags: u8, payload: impl AsRef<[u8]>) -> Self {
        let segment = Segment {
            seq,
            ..self.segment(side, flags, payload.as_ref().to_vec())
        };
        self.push(segment);
        self
    }

    /// The next sequence number of `side`.
    #[must_use]
    pub fn next_sequence(&self, side: Side) -> u32 {
        self.next[side]
    }

    /// Captures segment `index` (from 0) once more, at the end.
    ///
    /// # Panics
    /// When there is no such segment.
    #[must_use]
    pub fn again(mut self, index: usize) -> Self {
        let segment = self.segments[index].clone();
        self.push(segment);
        self
    }

    /// Changes the segments so far in any way; their times are then put in order again.
    #[must_use]
    pub fn edit(mut self, change: impl FnOnce(&mut Vec<Segment>)) -> Self {
        let first = self
            .segments
            .first()
            .map_or(self.now, |segment| segment.time);
        change(&mut self.segments);
        self.now = first;
        for segment in &mut self.segments {
            segment.time = self.now;
            self.now.0 += self.step;
        }
        self
    }

    /// The capture never saw segment `index`.
    #[must_use]
    pub fn drop(self, index: usize) -> Self {
        self.edit(|segments| {
            segments.remove(index);
        })
    }

    /// Two segments change places.
    #[must_use]
    pub fn swap(self, one: usize, other: usize) -> Self {
        self.edit(|segments| segments.swap(one, other))
    }

    /// Every segment is captured twice, as a mirror port does.
    #[must_use]
    pub fn mirrored(self) -> Self {
        self.edit(|segments| {
            *segments = segments
                .iter()
                .flat_map(|s| [s.clone(), s.clone()])
                .collect();
        })
    }

    /// Segments with payload move by up to `distance` places, as `seed` says; SYN, FIN and RST stay.
    #[must_use]
    pub fn shuffled(self, seed: u64, distance: usize) -> Self {
        let mut random = Random::new(seed);
        self.edit(|segments| {
            let movable: Vec<usize> = (0..segments.len())
                .filter(|&i| {
                    !segments[i].payload.is_empty() && segments[i].flags & (SYN | FIN | RST) == 0
                })
                .collect();
            let mut order: Vec<_> = movable
                .iter()
                .enumerate()
                .map(|(at, &from)| (at as u64 + random.below(distance as u64 + 1), from))
                .collect();
            order.sort_unstable();
            let moved: Vec<_> = order
                .iter()
                .map(|&(_, from)| segments[from].clone())
                .collect();
            for (&place, segment) in movable.iter().zip(moved) {
                segments[place] = segment;
            }
        })
    }

    /// These segments are captured in the reverse order, at the same times.
    ///
    /// # Panics
    /// When there are not so many segments.
    #[must_use]
    pub fn reversed(mut self, range: Range<usize>) -> Self {
        let segments = &mut self.segments[range];
        let times: Vec<_> = segments.iter().map(|segment| segment.time).collect();
        segments.reverse();
        for (segment, time) in segments.iter_mut().zip(times) {
            segment.time = time;
        }
        self
    }

    /// The capture never saw these segments; others keep their times.
    ///
    /// # Panics
    /// When there are not so many segments.
    #[must_use]
    pub fn unseen(mut self, range: Range<usize>) -> Self {
        self.segments.drain(range);
        self
    }

    /// The time of the next segment.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        self.now
    }

    /// The segments so far.
    #[must_use]
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The packets with their times.
    #[must_use]
    pub fn packets(&self) -> Vec<(Timestamp, Vec<u8>)> {
        self.segments
            .iter()
            .map(|segment| (segment.time, self.packet.tcp(segment)))
            .collect()
    }

    fn segment(&self, side: Side, flags: u8, payload: Vec<u8>) -> Segment {
        Segment {
            time: self.now,
            source: self.address[side],
            destination: self.address[side.peer()],
            seq: self.next[side],
            ack: if flags & ACK == 0 {
                0
            } else {
                self.next[side.peer()]
            },
            flags,
            window: self.window,
            ttl: 64,
            ip_id: self.ip_id,
            options: if flags & SYN == 0 {
                Vec::new()
            } else {
                vec![2, 4, 5, 0xb4]
            },
            payload,
        }
    }

    fn send(&mut self, side: Side, flags: u8, payload: Vec<u8>) {
        let numbered =
            payload.len() as u32 + u32::from(flags & SYN != 0) + u32::from(flags & FIN != 0);
        let segment = self.segment(side, flags, payload);
        self.next[side] = self.next[side].wrapping_add(numbered);
        self.push(segment);
    }

    fn push(&mut self, mut segment: Segment) {
        segment.time = self.now;
        segment.ip_id = self.ip_id;
        self.ip_id = self.ip_id.wrapping_add(1);
        self.now.0 += self.step;
        self.segments.push(segment);
    }
}
