//! What Engine.IO sessions say over HTTP, remembered until their WebSocket takes over.
//!
//! A session begins with requests on some connections and goes on as a WebSocket on another, so that what is polled in one
//! flow is asked for in another one, which may be another engine's. All engines share one [`Polling`]. So that the answer does
//! not depend on their number, it has what was complete before the packet that asks, no more and no less: whoever asks
//! waits until every engine has got as far as that packet. Of two that wait, the one with the earlier packet does not wait
//! for the other, so that one goes on always. Beyond the caps on sessions and bytes the oldest go, as engines come to know them.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use hashbrown::HashMap;

use crate::base::{Head, PacketNumber, Side, Timestamp};
use crate::payload::{self, Polled};

use super::moment::Moment;

/// Sessions remembered; of more, the oldest are forgotten.
const SESSIONS: usize = 4096;
/// Bytes of all bodies remembered; beyond them, the oldest sessions are forgotten.
const BYTES: usize = 8 << 20;
/// Bytes that a body counts for beyond its own.
const BODY: usize = 64;
/// Bodies of one session.
const BODIES: usize = 128;
/// How long an engine waits before it looks again how far the others are.
const PAUSE: Duration = Duration::from_micros(50);

/// What was polled, for all engines that share a capture.
#[derive(Debug)]
pub struct Polling {
    sessions: Mutex<Sessions>,
    /// The packet that each engine has got to: it is done with all before.
    reached: Box<[AtomicU64]>,
}

/// A body of a session.
#[derive(Clone, Debug)]
pub(super) struct Body {
    pub(super) packet: PacketNumber,
    pub(super) time: Timestamp,
    pub(super) from: Side,
    pub(super) version: u8,
    pub(super) content: Box<[u8]>,
}

#[derive(Debug, Default)]
struct Sessions {
    by_id: HashMap<Arc<str>, Vec<Body>>,
    /// Their ids, in the order in which they began.
    order: VecDeque<Arc<str>>,
    bytes: usize,
}

impl Polling {
    /// Nothing polled yet, for so many engines.
    #[must_use]
    pub fn new(engines: usize) -> Self {
        Self {
            sessions: Mutex::default(),
            reached: (0..engines).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    /// An engine is done with all packets before this one.
    #[inline]
    pub fn reach(&self, engine: usize, packet: PacketNumber) {
        if let Some(reached) = self.reached.get(engine) {
            reached.store(packet.0, Ordering::Release);
        }
    }

    /// A body of this session is complete.
    pub(super) fn add(&self, id: &str, body: Body) {
        let mut sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.add(id, body);
    }

    /// What was polled of a session before this packet, which an engine is at.
    pub(super) fn session(&self, id: &str, engine: usize, packet: PacketNumber) -> Polled {
        self.reach(engine, packet);
        for (other, reached) in self.reached.iter().enumerate() {
            while other != engine && reached.load(Ordering::Acquire) < packet.0 {
                std::thread::sleep(PAUSE);
            }
        }
        let sessions = self.sessions.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.before(id, packet)
    }
}

impl Sessions {
    fn add(&mut self, id: &str, body: Body) {
        let bodies = match self.by_id.get_mut(id) {
            Some(bodies) => bodies,
            None => {
                let id: Arc<str> = id.into();
                self.order.push_back(Arc::clone(&id));
                self.by_id.entry(id).or_default()
            }
        };
        // In the order of the capture, in which engines do not arrive: the first ones stay, whoever was faster.
        let at = bodies.partition_point(|known| known.packet <= body.packet);
        self.bytes += BODY + body.content.len();
        bodies.insert(at, body);
        if bodies.len() > BODIES
            && let Some(last) = bodies.pop()
        {
            self.bytes -= BODY + last.content.len();
        }
        while self.by_id.len() > SESSIONS || self.bytes > BYTES {
            self.forget_oldest();
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.order.pop_front();
        let bodies = oldest.and_then(|id| self.by_id.remove(&id));
        let bodies = bodies.iter().flatten();
        let bytes: usize = bodies.map(|body| BODY + body.content.len()).sum();
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    fn before(&self, id: &str, packet: PacketNumber) -> Polled {
        let mut polled = Polled::default();
        let bodies = self.by_id.get(id).into_iter().flatten();
        for body in bodies.take_while(|body| body.packet < packet) {
            polled.push(body.from, body.time, body.version, &body.content);
        }
        polled
    }
}

/// A request of a session and its answer, as far as they say whose they are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Poll {
    /// The session's id; `None` for the request that opens one.
    id: Option<Box<str>>,
    version: u8,
    /// Whether the answer has packets: that to a POST says `ok`.
    pub(super) asks_for_packets: bool,
    /// The coding of the answer's content.
    pub(super) coding: Option<Box<[u8]>>,
}

/// Bytes of a body that are kept, as they came and without their coding.
pub(super) const CONTENT: usize = 64 << 10;
/// The longest id.
const ID: usize = 256;

impl Poll {
    /// The session that a request belongs to, where it is one of Engine.IO's polling.
    pub(super) fn of(head: &Head) -> Option<Self> {
        let query = Query::of(head.target())?;
        query.is_of("polling").then(|| Self {
            id: query.id.map(Into::into),
            version: query.version,
            asks_for_packets: head.method() == b"GET",
            coding: None,
        })
    }

    /// A body is complete: it belongs to the session, or opens one.
    pub(super) fn complete(&self, from: Side, content: &[u8], now: Moment, polls: &Polls) {
        let coding = self.coding.as_ref().filter(|_| from == Side::Server);
        let decoded = coding.map(|coding| payload::without_coding(coding, content, CONTENT));
        let content = match &decoded {
            Some(Some(decoded)) => decoded,
            // In a coding that is not read.
            Some(None) => return,
            None => content,
        };
        let opened = match (&self.id, from) {
            (None, Side::Server) => payload::opened_session(self.version, content),
            _ => None,
        };
        let Some(id) = self.id.as_ref().or(opened.as_ref()) else {
            return;
        };
        let body = Body {
            packet: now.packet,
            time: now.time,
            from,
            version: self.version,
            content: content.into(),
        };
        polls.board.add(id, body);
    }
}

/// What a request's query says of an Engine.IO session.
#[derive(Clone, Copy, Debug)]
struct Query<'a> {
    id: Option<&'a str>,
    version: u8,
    transport: &'a str,
}

impl<'a> Query<'a> {
    fn of(target: &'a [u8]) -> Option<Self> {
        let at = memchr::memchr(b'?', target)?;
        memchr::memmem::find(target, b"EIO=")?;
        let query = std::str::from_utf8(target.get(at + 1..)?).ok()?;
        let parameter = |name: &str| {
            let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
            pairs.find_map(|(key, value)| (key == name).then_some(value))
        };
        Some(Self {
            id: parameter("sid").filter(|id| !id.is_empty() && id.len() <= ID),
            version: parameter("EIO")?.parse().ok()?,
            transport: parameter("transport")?,
        })
    }

    fn is_of(&self, transport: &str) -> bool {
        self.transport == transport
    }
}

/// The id of the session that a WebSocket takes over, by the target of its request.
pub(super) fn taken_over(target: &[u8]) -> Option<&str> {
    let query = Query::of(target)?;
    query.id.filter(|_| query.is_of("websocket"))
}

/// An engine's way to what was polled.
#[derive(Clone, Debug)]
pub(super) struct Polls {
    pub(super) board: Arc<Polling>,
    /// The engine's place among those that share it.
    pub(super) engine: usize,
}

/// A session that its WebSocket has not yet taken over.
#[derive(Debug)]
pub(super) struct Awaited {
    id: Box<str>,
    polls: Polls,
    /// Where what was polled goes: the connection's decoders see it there.
    polled: Arc<OnceLock<Polled>>,
}

impl Polls {
    /// Those of an engine that has all flows.
    pub(super) fn alone() -> Self {
        Self {
            board: Arc::new(Polling::new(1)),
            engine: 0,
        }
    }

    /// The engine is done with all packets before this one.
    #[inline]
    pub(super) fn reach(&self, packet: PacketNumber) {
        self.board.reach(self.engine, packet);
    }
}

impl Awaited {
    /// What a WebSocket waits for, by the target of its request.
    pub(super) fn of(target: &[u8], polls: &Polls) -> Option<Self> {
        Some(Self {
            id: taken_over(target)?.into(),
            polls: polls.clone(),
            polled: Arc::default(),
        })
    }

    /// Where what was polled will be.
    pub(super) fn polled(&self) -> Arc<OnceLock<Polled>> {
        Arc::clone(&self.polled)
    }

    /// The WebSocket takes over with this packet.
    #[cold]
    pub(super) fn take_over(&self, packet: PacketNumber) {
        let Polls { board, engine } = &self.polls;
        let _ = self.polled.set(board.session(&self.id, *engine, packet));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::http::{self, HeadStatus};

    fn body(packet: u64, content: &str) -> Body {
        Body {
            packet: PacketNumber(packet),
            time: Timestamp(0),
            from: Side::Client,
            version: 4,
            content: content.as_bytes().into(),
        }
    }

    fn words(polled: &Polled) -> Vec<String> {
        let packets = polled.packets().iter();
        packets
            .map(|packet| packet.bytes.escape_ascii().to_string())
            .collect()
    }

    #[test]
    fn what_was_complete_before_counts_in_the_order_of_packets() {
        let polling = Polling::new(1);
        polling.add("a", body(7, "4c\x1e4d"));
        polling.add("a", body(3, "4a"));
        polling.add("b", body(4, "4b"));
        polling.add("a", body(9, "4late"));
        let session = polling.session("a", 0, PacketNumber(9));
        assert_eq!(words(&session), ["4a", "4c", "4d"]);
        assert!(words(&polling.session("c", 0, PacketNumber(9))).is_empty());
    }

    #[test]
    fn whoever_asks_waits_until_all_engines_have_got_there() {
        let polling = Polling::new(3);
        std::thread::scope(|scope| {
            let early = scope.spawn(|| words(&polling.session("a", 0, PacketNumber(10))));
            // It asks for a later packet, and waits for the other until that one goes on.
            let late = scope.spawn(|| words(&polling.session("a", 1, PacketNumber(20))));
            polling.add("a", body(5, "4five"));
            polling.reach(2, PacketNumber(15));
            polling.add("a", body(15, "4fifteen"));
            polling.reach(2, PacketNumber(20));
            assert_eq!(early.join().unwrap(), ["4five"]);
            polling.reach(0, PacketNumber(u64::MAX));
            assert_eq!(late.join().unwrap(), ["4five", "4fifteen"]);
        });
    }

    #[test]
    fn sessions_that_nobody_takes_over_are_bounded() {
        let polling = Polling::new(1);
        let long = "4".repeat(CONTENT);
        for number in 0..10_000u64 {
            polling.add(&format!("s{number}"), body(number, &long));
            polling.add("s", body(number, "2"));
        }
        let sessions = polling.sessions.lock().unwrap();
        assert!(sessions.bytes <= BYTES && sessions.by_id.len() <= SESSIONS);
        assert!(sessions.order.len() <= SESSIONS);
        drop(sessions);
        assert_eq!(
            words(&polling.session("s9999", 0, PacketNumber(u64::MAX))).len(),
            1
        );
    }

    #[test]
    fn requests_say_whose_they_are() {
        let poll = |line: &str| {
            let text = format!("{line} HTTP/1.1\r\nHost: a\r\n\r\n");
            match http::parse_head(text.as_bytes(), &Limits::default()) {
                HeadStatus::Complete { head, .. } => {
                    Poll::of(&head).map(|poll| (poll.id, poll.version, poll.asks_for_packets))
                }
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(
            poll("POST /socket.io/?EIO=4&transport=polling&t=x&sid=abc"),
            Some((Some("abc".into()), 4, false))
        );
        assert_eq!(
            poll("GET /a?transport=polling&EIO=3"),
            Some((None, 3, true))
        );
        assert_eq!(poll("GET /a?transport=websocket&EIO=3&sid=a"), None);
        assert_eq!(poll("GET /a?transport=polling"), None);
        assert_eq!(poll("GET /EIO=4"), None);
        let websocket = taken_over(b"/a?EIO=4&transport=websocket&sid=abc");
        assert_eq!(websocket, Some("abc"));
        assert_eq!(taken_over(b"/a?EIO=4&transport=websocket"), None);
    }
}
