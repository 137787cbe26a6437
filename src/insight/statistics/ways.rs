//! HTTP traffic that does what a WebSocket would do: polling, long polling, streaming and server-sent events, recognised
//! from the requests, with what each costs a message (RFC 6202 describes the first three).
//!
//! Requests of one client for one resource, whatever connections they come over, are a [`Channel`]. What a channel is
//! follows from its answers:
//!
//! ```text
//!   request ─► answer at once, again and again at a steady pace        polling
//!   request ─► answer when there is something to tell ─► next request  long polling
//!   request ─► answer that goes on, part by part                       streaming, server-sent events
//! ```
//!
//! Anything else is no concern of this page. What happened is taken in packet order, whoever analysed it.

use std::hash::BuildHasher as _;

use foldhash::quality::FixedState;
use hashbrown::HashMap;

use crate::base::{PerSide, Timestamp};
use crate::engine::{Exchange, Moment};

use super::distribution::Distribution;
use super::overhead::Overhead;

/// Channels kept at once; of more, those with the fewest requests are forgotten.
const CHANNELS: usize = 1024;
/// Intervals between requests kept of a channel, to see whether they are steady.
const INTERVALS: usize = 32;
/// An answer that takes this many nanoseconds, and that the next request follows sooner, was held back until there was
/// something to tell.
const HELD: i64 = 10_000_000;
/// Below this a server that is slow looks the same.
const SURELY_HELD: i64 = 100_000_000;
/// How long an answer of unknown length has to go on to be a stream, in nanoseconds.
const GOES_ON: i64 = 300_000_000;
/// The same for requests other than GET, which do work more often.
const HELD_WORK: i64 = 1_000_000_000;
/// Requests that make polling, and fewer that make long polling.
const POLLS: u64 = 4;
const LONG_POLLS: u64 = 3;
/// The same where answers are held shortly.
const SHORT_POLLS: u64 = 8;
/// Parts that make a stream, and the longest that one may be on average: else it is a download that paused.
const PARTS: u64 = 3;
const PART: u64 = 64 << 10;

/// How messages cross.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A request now and then, answered at once.
    Polling,
    /// A request that is answered when there is something to tell.
    LongPolling,
    /// One answer that goes on.
    Streaming,
    /// One answer of type `text/event-stream`.
    Events,
    /// A WebSocket.
    WebSocket,
}

impl Kind {
    /// All, the costliest first.
    pub const ALL: [Kind; 5] = [
        Kind::Polling,
        Kind::LongPolling,
        Kind::Streaming,
        Kind::Events,
        Kind::WebSocket,
    ];

    /// The name in every output.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Kind::Polling => "polling",
            Kind::LongPolling => "long-polling",
            Kind::Streaming => "streaming",
            Kind::Events => "server-sent-events",
            Kind::WebSocket => "websocket",
        }
    }
}

/// What one way of carrying messages came to.
#[derive(Clone, Debug, Default)]
pub struct Way {
    /// Clients, each with a resource of its own; WebSockets.
    pub clients: u64,
    /// Requests; of a WebSocket the opening one.
    pub requests: u64,
    /// Answers that told nothing new.
    pub empty: u64,
    /// Messages by sender.
    pub messages: PerSide<u64>,
    /// Nanoseconds from each client's first request to the end of what it got, together.
    pub nanoseconds: u64,
    /// Bytes by layer.
    pub cost: Overhead,
    /// Messages of the server that were sent when they arose, as far as the answers tell.
    pub at_once: u64,
    /// For the others, how long they waited at most for a request, in nanoseconds.
    pub waited: Distribution,
    /// What looks the same, where the shape leaves a doubt.
    pub doubt: Option<&'static str>,
}

impl Way {
    /// Messages of both sides.
    #[must_use]
    pub fn all_messages(&self) -> u64 {
        self.messages.client + self.messages.server
    }

    /// Bytes of every layer that are no message.
    #[must_use]
    pub fn header_bytes(&self) -> u64 {
        self.cost.headers() + self.cost.between()
    }

    /// How much of something comes to a message; `None` without messages.
    #[must_use]
    pub fn each(&self, amount: u64) -> Option<f64> {
        let messages = self.all_messages();
        (messages > 0).then(|| amount as f64 / messages as f64)
    }

    /// How much of something comes to a second of this many clients that do what these did; `None` where no time passed.
    #[must_use]
    pub fn pace(&self, amount: u64, clients: u64) -> Option<f64> {
        let seconds = self.nanoseconds as f64 / 1e9;
        (seconds > 0.0).then(|| amount as f64 / seconds * clients as f64)
    }

    fn add(&mut self, channel: &Channel, kind: Kind) {
        let gets = channel.gets.requests > 0;
        let polls = if gets { &channel.gets } else { &channel.others };
        self.clients += 1;
        self.requests += channel.gets.requests + channel.others.requests;
        self.nanoseconds += unsigned(channel.last.since(channel.first));
        self.cost.add(&channel.cost);
        self.messages.client += channel.sent;
        match kind {
            Kind::Events => self.messages.server += channel.events,
            Kind::Streaming => self.messages.server += channel.parts,
            _ => {
                self.messages.server += polls.items;
                self.empty += polls.requests.saturating_sub(polls.news);
                self.waited.merge(&channel.waited);
                match kind {
                    // An answer that came late was late, where nothing else was held back.
                    Kind::Polling => self.waited.merge(&channel.waited_held),
                    _ => self.at_once += polls.held_news,
                }
            }
        }
        if matches!(kind, Kind::Events | Kind::Streaming) {
            self.at_once = self.messages.server;
        }
        self.doubt = self.doubt.or(channel.doubt(kind));
        self.cost.messages = self.all_messages();
    }
}

/// What one engine saw, for [`Ways::take`].
#[derive(Clone, Debug)]
pub struct TimedExchange {
    /// When.
    pub(super) at: Moment,
    /// Whose it is.
    pub(super) channel: u64,
    /// What its packets cost.
    pub(super) cost: Overhead,
    /// The exchange; `None` for what came after the last one of a flow.
    pub(super) exchange: Option<Exchange>,
}

/// The channels of a capture.
#[derive(Debug, Default)]
pub struct Ways {
    channels: HashMap<u64, Channel>,
}

impl Ways {
    /// Takes what every engine saw in the same packets.
    pub fn take<'a>(&mut self, parts: impl Iterator<Item = &'a mut Vec<TimedExchange>>) {
        let mut told: Vec<TimedExchange> = parts.flat_map(|part| part.drain(..)).collect();
        told.sort_by_key(|told| (told.at.packet, told.at.turn));
        for told in told {
            let channel = self.channels.entry(told.channel).or_default();
            channel.cost.add(&told.cost);
            if let Some(exchange) = &told.exchange {
                channel.exchange(exchange);
            }
        }
        if self.channels.len() > 2 * CHANNELS {
            self.forget();
        }
    }

    /// Keeps the channels with the most requests.
    fn forget(&mut self) {
        let rank = |channel: &Channel| {
            (
                channel.gets.requests + channel.others.requests,
                channel.last,
            )
        };
        let mut ranks: Vec<_> = self
            .channels
            .iter()
            .map(|(key, channel)| (rank(channel), *key))
            .collect();
        ranks.sort_unstable_by(|a, b| b.cmp(a));
        for (_, key) in ranks.drain(CHANNELS..) {
            self.channels.remove(&key);
        }
    }

    /// What each way came to; those that nobody went are left out.
    #[must_use]
    pub fn sums(&self) -> Vec<(Kind, Way)> {
        let mut sums: Vec<(Kind, Way)> = Vec::new();
        for channel in self.channels.values() {
            let Some(kind) = channel.kind() else {
                continue;
            };
            match sums.iter_mut().find(|(found, _)| *found == kind) {
                Some((_, way)) => way.add(channel, kind),
                None => {
                    let mut way = Way::default();
                    way.add(channel, kind);
                    sums.push((kind, way));
                }
            }
        }
        sums.sort_by_key(|(kind, _)| *kind);
        sums
    }
}

/// Requests of one method and their answers.
#[derive(Clone, Debug, Default)]
struct Polls {
    requests: u64,
    /// Answers that told something new.
    news: u64,
    /// The messages in them: items of JSON arrays, else one each.
    items: u64,
    /// Messages of answers that were held back until then.
    held_news: u64,
    /// Answers that were held back, and followed by the next request sooner than they took.
    held: u64,
    /// Those of them that were held so long that it was on purpose.
    surely_held: u64,
}

/// One client's requests for one resource.
#[derive(Clone, Debug, Default)]
struct Channel {
    first: Timestamp,
    last: Timestamp,
    gets: Polls,
    others: Polls,
    /// Messages the client sent.
    sent: u64,
    events: u64,
    event_streams: u64,
    parts: u64,
    streams: u64,
    /// Content of streams.
    streamed: u64,
    /// Streams whose parts came so soon one after the other that a slow answer looks the same.
    quick_streams: u64,
    cost: Overhead,
    waited: Distribution,
    /// The same of news in answers that were held back.
    waited_held: Distribution,
    intervals: Vec<i64>,
    /// When the latest poll was asked, answered or not.
    asked: Option<Timestamp>,
    /// The latest poll that was answered.
    latest: Option<Latest>,
}

#[derive(Clone, Copy, Debug)]
struct Latest {
    requested: Timestamp,
    answered: Timestamp,
    ended: Timestamp,
    mark: Option<u64>,
}

impl Channel {
    fn exchange(&mut self, exchange: &Exchange) {
        if self.gets.requests + self.others.requests == 0 {
            self.first = exchange.requested;
        }
        self.first = self.first.min(exchange.requested);
        self.last = self.last.max(exchange.ended);
        let is_get = &*exchange.method == b"GET";
        self.sent += u64::from(!exchange.bodies.client.is_nothing());
        let body = &exchange.bodies.server;
        let succeeded = exchange
            .status
            .is_some_and(|status| (200..300).contains(&status));
        if exchange.is_event_stream && succeeded {
            self.event_streams += 1;
            self.events += body.events;
        } else if is_stream(exchange) && succeeded {
            self.streams += 1;
            self.parts += body.chunks.max(exchange.parts);
            self.quick_streams += u64::from(is_quick(exchange));
            self.streamed += body.content;
        } else {
            self.poll(exchange, is_get, succeeded);
        }
        let polls = if is_get {
            &mut self.gets
        } else {
            &mut self.others
        };
        polls.requests += 1;
    }

    fn poll(&mut self, exchange: &Exchange, is_get: bool, succeeded: bool) {
        // Where there are GETs, what is sent otherwise carries the client's messages.
        if !is_get && self.gets.requests > 0 {
            return;
        }
        if let Some(asked) = self.asked.replace(exchange.requested)
            && self.intervals.len() < INTERVALS
        {
            self.intervals.push(exchange.requested.since(asked));
        }
        let before = self.latest;
        if let Some(before) = &before {
            self.held_before(before, exchange.requested, is_get);
        }
        let Some(answered) = exchange.answered else {
            return;
        };
        let body = &exchange.bodies.server;
        let mark = (!body.is_nothing()).then(|| body.mark());
        let same = before.is_some_and(|before| before.mark == mark);
        if succeeded && mark.is_some() && !same {
            self.news(exchange, answered, is_get);
        }
        self.latest = Some(Latest {
            requested: exchange.requested,
            answered,
            ended: exchange.ended,
            mark: mark.or(before.and_then(|before| before.mark)),
        });
    }

    /// Counts the poll before this one, if its answer was held back and this one followed soon.
    fn held_before(&mut self, before: &Latest, requested: Timestamp, is_get: bool) {
        let hold = before.answered.since(before.requested);
        let pause = requested.since(before.ended);
        if hold >= held(is_get) && pause < hold {
            let polls = if is_get {
                &mut self.gets
            } else {
                &mut self.others
            };
            polls.held += 1;
            polls.surely_held += u64::from(hold >= SURELY_HELD);
        }
    }

    fn news(&mut self, exchange: &Exchange, answered: Timestamp, is_get: bool) {
        let polls = if is_get {
            &mut self.gets
        } else {
            &mut self.others
        };
        let items = exchange.bodies.server.items().unwrap_or(1).max(1);
        polls.news += 1;
        polls.items += items;
        let is_held = answered.since(exchange.requested) >= held(is_get);
        if is_held {
            polls.held_news += items;
        }
        if let Some(before) = self.latest {
            let waited = match is_held {
                true => &mut self.waited_held,
                false => &mut self.waited,
            };
            waited.add(unsigned(answered.since(before.answered)));
        }
    }

    fn kind(&self) -> Option<Kind> {
        if self.event_streams > 0 {
            return Some(Kind::Events);
        }
        if self.streams > 0 && self.streamed / self.parts.max(1) <= PART {
            return Some(Kind::Streaming);
        }
        let gets = self.gets.requests > 0;
        let polls = if gets { &self.gets } else { &self.others };
        // The last answer has no request behind it.
        let most = |held: u64| held * 2 >= polls.requests.saturating_sub(1);
        let surely = polls.requests >= LONG_POLLS && most(polls.surely_held);
        // An answer that is held shortly tells something, or it was not held.
        let shortly = polls.requests >= SHORT_POLLS && most(polls.held) && most(polls.news);
        if surely || shortly {
            return Some(Kind::LongPolling);
        }
        (gets && polls.requests >= POLLS && self.is_steady()).then_some(Kind::Polling)
    }

    /// What looks the same as this.
    fn doubt(&self, kind: Kind) -> Option<&'static str> {
        let polls = match self.gets.requests > 0 {
            true => &self.gets,
            false => &self.others,
        };
        match kind {
            Kind::LongPolling if polls.surely_held * 2 < polls.held => Some(
                "long polling: answers are held for less than 100 ms; a slow server that is asked again at once looks the same",
            ),
            Kind::Streaming if self.quick_streams > 0 => Some(
                "streaming: parts come less than 50 ms apart; a page that is slow to make looks the same",
            ),
            Kind::Polling | Kind::LongPolling if polls.items > polls.news => Some(
                "items of JSON arrays are counted as messages; a list that is told whole each time looks the same",
            ),
            _ => None,
        }
    }

    /// Whether two thirds of the intervals are within a half of the median one.
    fn is_steady(&self) -> bool {
        let mut sorted = self.intervals.clone();
        sorted.sort_unstable();
        let Some(&median) = sorted.get(sorted.len() / 2) else {
            return false;
        };
        let near = |interval: &&i64| (**interval - median).abs() <= median / 2;
        median > 0 && sorted.iter().filter(near).count() * 3 >= sorted.len() * 2
    }
}

/// Whether an answer goes on part by part.
fn is_stream(exchange: &Exchange) -> bool {
    let goes_on = exchange
        .answered
        .is_some_and(|answered| exchange.ended.since(answered) >= GOES_ON);
    exchange.parts >= PARTS && (goes_on || !exchange.is_open_ended)
}

/// Whether the parts of a stream come less than 50 ms apart on average.
fn is_quick(exchange: &Exchange) -> bool {
    let lasted = exchange
        .answered
        .map_or(0, |answered| exchange.ended.since(answered));
    let parts = i64::try_from(exchange.parts).unwrap_or(i64::MAX);
    lasted / parts.max(1) < 50_000_000
}

fn held(is_get: bool) -> i64 {
    if is_get { HELD } else { HELD_WORK }
}

fn unsigned(nanoseconds: i64) -> u64 {
    u64::try_from(nanoseconds).unwrap_or(0)
}

/// Whose requests these are: one number for the client, the server and the resource.
pub(super) fn channel(exchange: &Exchange) -> u64 {
    let key = (exchange.client.ip(), exchange.server, &exchange.resource);
    FixedState::default().hash_one(key)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::PacketNumber;
    use crate::http::BodyCount;

    const SECOND: i64 = 1_000_000_000;

    fn exchange(resource: &str, at: i64) -> Exchange {
        Exchange {
            flow: 1,
            client: "10.0.0.1:40000".parse().expect("an address"),
            server: "10.0.0.2:80".parse().expect("an address"),
            method: b"GET"[..].into(),
            resource: resource.as_bytes().into(),
            status: Some(204),
            is_event_stream: false,
            requested: Timestamp(at),
            answered: Some(Timestamp(at + 1000)),
            ended: Timestamp(at + 1000),
            heads: PerSide::default(),
            bodies: PerSide::<BodyCount>::default(),
            is_open_ended: false,
            parts: 0,
        }
    }

    fn told(exchange: Exchange, packet: u64) -> TimedExchange {
        TimedExchange {
            at: Moment {
                packet: PacketNumber(packet),
                time: exchange.ended,
                turn: 0,
            },
            channel: channel(&exchange),
            cost: Overhead::default(),
            exchange: Some(exchange),
        }
    }

    #[test]
    fn a_crowd_of_resources_does_not_push_out_who_polls() {
        let mut ways = Ways::default();
        for round in 0..20u64 {
            let at = i64::try_from(round).expect("small") * SECOND;
            let mut part = vec![told(exchange("news", at), round)];
            let crowd = (0..CHANNELS).map(|n| told(exchange(&format!("{round}/{n}"), at), round));
            part.extend(crowd);
            ways.take([&mut part].into_iter());
            assert!(part.is_empty() && ways.channels.len() <= 3 * CHANNELS);
        }
        let sums = ways.sums();
        assert_eq!(sums.len(), 1);
        assert_eq!((sums[0].0, sums[0].1.requests), (Kind::Polling, 20));
    }

    #[test]
    fn whoever_analysed_them_exchanges_are_taken_in_packet_order() {
        let all: Vec<TimedExchange> = (0..9)
            .map(|n| told(exchange("news", n * SECOND), n as u64))
            .collect();
        let mut one = Ways::default();
        one.take([&mut all.clone()].into_iter());
        let (mut even, mut odd): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|told| told.at.packet.0 % 2 == 0);
        let mut two = Ways::default();
        two.take([&mut odd, &mut even].into_iter());
        let shown = |ways: &Ways| format!("{:?}", ways.sums());
        assert_eq!(shown(&one), shown(&two));
    }
}
