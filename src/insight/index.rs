//! What rules look up among all attempts of a capture.
//!
//! [`Tables`] take a [`Mark`] of every attempt as it ends, healthy ones included, so the attempts themselves need not be
//! kept. Each table has a cap, since anybody can fill it. An [`Index`] answers the questions: what takes work is done once
//! and when first asked for, so that a look-up costs the same however many attempts there are.

use std::cell::{Cell, OnceCell};
use std::collections::{HashMap, HashSet, VecDeque};
use std::net::{IpAddr, SocketAddr};

use crate::base::Timestamp;
use crate::engine::{Outcome, Seen};
use crate::tunnel::{proxy_protocol, socks};
use crate::websocket::handshake::accept_key;

use super::facts::{Attempt, answers_socks_otherwise, is_refusal};
use super::failures::{Failure, Failures};
use super::software::contains;

/// A client that finds one address of a name closed tries the next within this time, in nanoseconds.
const ELSEWHERE: i64 = 3_000_000_000;
/// Ports where a connection that failed early may have been meant for a WebSocket.
const PORTS: [u16; 14] = [
    80, 443, 3000, 3128, 5000, 8000, 8008, 8080, 8081, 8443, 8765, 8888, 9000, 9001,
];

/// Ports of services that speak no HTTP.
const OTHERS: [u16; 34] = [
    7, 20, 21, 22, 23, 25, 53, 79, 88, 110, 111, 113, 119, 135, 139, 143, 179, 389, 445, 465, 502,
    587, 631, 636, 853, 993, 995, 1433, 1521, 2049, 3306, 3389, 5432, 6379,
];
/// A client that finds more servers than this closed looks for open ones.
const SCANNED: usize = 16;
/// Clients of which that is known.
const CLIENTS: usize = 20_000;

/// Keys of requests remembered, the latest; an answer to somebody else's key is near it in time.
const KEYS: usize = 50_000;
/// A key is 24 characters of base64; what is longer answers nobody.
const KEY_LEN: usize = 24;
/// Servers remembered in each of the tables.
const SERVERS: usize = 100_000;
/// Times remembered at which servers were reached, before those of one server are kept apart by [`APART`].
const REACHED: usize = 50_000;
/// The same after that.
const REACHED_APART: usize = 100_000;
const APART: i64 = 250_000_000;

/// Ends of WebSockets remembered.
const ENDS: usize = 100_000;

/// The key of a request, as it was sent.
#[derive(Clone, Copy, Debug)]
struct Key {
    bytes: [u8; KEY_LEN],
    len: u8,
}

impl Key {
    /// None for what is longer than a key.
    fn of(value: &[u8]) -> Option<Self> {
        let mut bytes = [0; KEY_LEN];
        bytes.get_mut(..value.len())?.copy_from_slice(value);
        let len = u8::try_from(value.len()).ok()?;
        Some(Self { bytes, len })
    }

    fn as_bytes(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.len)).unwrap_or_default()
    }
}

/// What the tables take of an attempt.
#[derive(Clone, Debug)]
pub(super) struct Mark {
    client: SocketAddr,
    server: SocketAddr,
    first: Seen,
    /// Whether the connection was never open.
    is_closed: bool,
    has_request: bool,
    /// Whether the server sent anything.
    is_reached: bool,
    key: Option<Key>,
    /// Of one that was accepted with nothing but Upgrade in its Connection header: where it was asked.
    plain: Option<Option<Seen>>,
    /// Of one that begins with the PROXY protocol: where.
    proxied: Option<Seen>,
    /// Whether the server took a WebSocket behind the PROXY protocol.
    takes_proxy: bool,
    /// Of one whose server speaks TLS: where it begins.
    tls: Option<Seen>,
    /// Of one whose client sent something inside TLS: the client.
    talks: Option<IpAddr>,
    /// Of an accepted one: when it ended, and when it began.
    ended: Option<(Timestamp, Timestamp)>,
    /// How it failed, where that shows in its packets alone.
    failure: Option<Failure>,
}

impl Mark {
    pub(super) fn of(attempt: &Attempt) -> Self {
        let request = attempt.connection.as_ref().and_then(|c| c.request());
        let key = request.and_then(|head| head.value("Sec-WebSocket-Key"));
        let is_plain = attempt.outcome() == Some(Outcome::Accepted)
            && request.is_some_and(|head| head.list("Connection").count() == 1);
        let flow = attempt.flow.as_ref();
        let client = flow.map(|flow| &flow.sides.client);
        let is_proxied = client.is_some_and(|client| {
            matches!(
                proxy_protocol::read(&client.opening),
                proxy_protocol::Reading::Complete(_)
            )
        });
        let ended = attempt
            .end()
            .filter(|_| attempt.outcome() == Some(Outcome::Accepted));
        Self {
            client: attempt.client,
            server: attempt.server,
            first: attempt.first,
            is_closed: never_opened(attempt),
            has_request: attempt.connection.is_some(),
            is_reached: flow.is_some_and(|flow| flow.sides.server.first_data.is_some()),
            key: key.and_then(Key::of),
            plain: is_plain.then(|| attempt.request_at()),
            proxied: client
                .and_then(|client| client.first_data)
                .filter(|_| is_proxied),
            takes_proxy: is_proxied && attempt.outcome() == Some(Outcome::Accepted),
            tls: flow
                .filter(|flow| flow.sides.server.opening.first() == Some(&HANDSHAKE_RECORD))
                .and_then(|flow| flow.sides.client.first_data),
            talks: attempt
                .tls
                .as_ref()
                .filter(|summary| !summary.is_client_silent())
                .map(|_| attempt.client.ip()),
            ended: ended.map(|(_, end)| (end.time, attempt.first.time)),
            failure: Failure::of(attempt),
        }
    }
}

/// The type of the TLS record that a server answers a ClientHello with.
const HANDSHAKE_RECORD: u8 = 0x16;

/// An attempt that a server accepted.
#[derive(Clone, Copy, Debug)]
pub(super) struct Plain(Option<Seen>);

impl Plain {
    /// Where the upgrade request was complete.
    pub(super) fn request_at(self) -> Option<Seen> {
        self.0
    }
}

/// What is remembered of all attempts.
#[derive(Debug, Default)]
pub(super) struct Tables {
    keys: VecDeque<(Key, Option<u32>)>,
    /// The first accepted attempt of each server whose Connection header has one element.
    plain: HashMap<SocketAddr, Plain>,
    /// Servers that are sent the PROXY protocol, and where the first time.
    proxied: HashMap<SocketAddr, Seen>,
    /// Those of them that understood it.
    take_proxy: HashSet<SocketAddr>,
    /// Servers that speak TLS, and where the first time.
    tls: HashMap<SocketAddr, Seen>,
    /// Who sent something inside TLS to whom, so its certificate was good enough.
    talked: HashSet<(IpAddr, SocketAddr)>,
    /// When the WebSockets of a server ended, and when each began.
    ends: HashMap<SocketAddr, Vec<(Timestamp, Timestamp)>>,
    end_count: usize,
    /// Servers of which WebSocket attempts were seen.
    servers: HashSet<SocketAddr>,
    /// When the servers of each port were reached.
    reached: HashMap<u16, Vec<(Timestamp, SocketAddr)>>,
    reached_count: usize,
    latest: HashMap<SocketAddr, Timestamp>,
    /// Servers of ordinary traffic.
    ordinary: HashSet<SocketAddr>,
    /// Their ports.
    ordinary_ports: HashSet<u16>,
    /// Servers that each client found closed, the first few.
    closed: HashMap<IpAddr, HashSet<SocketAddr>>,
    failures: Failures,
}

/// Whether an attempt did not even come to an open connection.
fn never_opened(attempt: &Attempt) -> bool {
    attempt.flow.as_ref().is_some_and(|flow| {
        flow.sides.server.syn.is_none() && flow.sides.client.first_data.is_none()
    })
}

impl Tables {
    /// Whether a client found so many servers closed that it seems to look for open ones.
    fn scans(&self, client: IpAddr) -> bool {
        let closed = self.closed.get(&client);
        closed.is_some_and(|closed| closed.len() > SCANNED)
    }

    fn closed(&mut self, client: IpAddr, server: SocketAddr) {
        if self.closed.len() < CLIENTS || self.closed.contains_key(&client) {
            let closed = self.closed.entry(client).or_default();
            if closed.len() <= SCANNED {
                closed.insert(server);
            }
        }
    }

    /// Takes an attempt, with the number of its connection.
    pub(super) fn take(&mut self, mark: Mark, number: Option<u32>) {
        if let Some(key) = mark.key {
            if self.keys.len() >= KEYS {
                self.keys.pop_front();
            }
            self.keys.push_back((key, number));
        }
        if let Some(asked) = mark.plain
            && self.plain.len() < SERVERS
        {
            self.plain.entry(mark.server).or_insert(Plain(asked));
        }
        if let Some(seen) = mark.proxied
            && self.proxied.len() < SERVERS
        {
            self.proxied.entry(mark.server).or_insert(seen);
        }
        if mark.takes_proxy && self.take_proxy.len() < SERVERS {
            self.take_proxy.insert(mark.server);
        }
        if let Some(seen) = mark.tls
            && self.tls.len() < SERVERS
        {
            self.tls.entry(mark.server).or_insert(seen);
        }
        if let Some(client) = mark.talks
            && self.talked.len() < SERVERS
        {
            self.talked.insert((client, mark.server));
        }
        if let Some(ended) = mark.ended
            && self.end_count < ENDS
        {
            self.end_count += 1;
            self.ends.entry(mark.server).or_default().push(ended);
        }
        if let Some(failure) = mark.failure {
            self.failures.take(failure);
        }
        if mark.has_request && self.servers.len() < SERVERS {
            self.servers.insert(mark.server);
        }
        if mark.is_closed {
            self.closed(mark.client.ip(), mark.server);
        }
        if mark.is_reached {
            self.reached(mark.server, mark.first.time);
        }
    }

    fn reached(&mut self, server: SocketAddr, time: Timestamp) {
        if self.reached_count >= REACHED {
            let latest = self.latest.get(&server);
            let is_near = latest.is_some_and(|latest| time.since(*latest).abs() < APART);
            if is_near || self.reached_count >= REACHED_APART {
                return;
            }
            self.latest.insert(server, time);
        }
        self.reached_count += 1;
        let times = self.reached.entry(server.port()).or_default();
        times.push((time, server));
    }

    /// Notes a server that answered a flow without an attempt in it.
    pub(super) fn ordinary(&mut self, server: SocketAddr) {
        self.ordinary_ports.insert(server.port());
        if self.ordinary.len() < SERVERS {
            self.ordinary.insert(server);
        }
    }
}

/// Answers over all attempts.
pub(super) struct Index<'a> {
    tables: &'a Tables,
    /// The first connection whose key each accept value answers.
    accepts: OnceCell<HashMap<String, Option<u32>>>,
    /// Servers that were reached, by port.
    reached: OnceCell<HashMap<u16, Reached>>,
    /// Ends in the order of time, by server.
    ends: OnceCell<HashMap<SocketAddr, Vec<(Timestamp, Timestamp)>>>,
    /// Failures in the order of time.
    failures: OnceCell<Failures>,
    asked: Cell<bool>,
}

impl<'a> Index<'a> {
    pub(super) fn of(tables: &'a Tables) -> Self {
        Self {
            tables,
            accepts: OnceCell::new(),
            reached: OnceCell::new(),
            ends: OnceCell::new(),
            failures: OnceCell::new(),
            asked: Cell::new(false),
        }
    }

    /// Whether anything was asked.
    pub(super) fn was_asked(&self) -> bool {
        self.asked.get()
    }

    /// The connection whose key this value of Sec-WebSocket-Accept answers.
    pub(super) fn answered_by(&self, accept: &[u8]) -> Option<u32> {
        self.asked.set(true);
        let table = self.accepts.get_or_init(|| {
            let mut table = HashMap::new();
            for (key, known) in &self.tables.keys {
                let number = table.entry(accept_key(key.as_bytes())).or_insert(*known);
                *number = (*number).min(*known);
            }
            table
        });
        *table.get(std::str::from_utf8(accept).ok()?)?
    }

    /// An attempt at this server that was accepted with nothing but Upgrade in its Connection header.
    pub(super) fn accepted_plainly(&self, server: SocketAddr) -> Option<Plain> {
        self.asked.set(true);
        self.tables.plain.get(&server).copied()
    }

    /// Where a connection to this server begins with the PROXY protocol.
    pub(super) fn sends_proxy_protocol(&self, server: SocketAddr) -> Option<Seen> {
        self.asked.set(true);
        self.tables.proxied.get(&server).copied()
    }

    /// Whether this server took a WebSocket behind the PROXY protocol.
    pub(super) fn takes_proxy_protocol(&self, server: SocketAddr) -> bool {
        self.asked.set(true);
        self.tables.take_proxy.contains(&server)
    }

    /// Where a connection to this server begins with TLS.
    pub(super) fn speaks_tls(&self, server: SocketAddr) -> Option<Seen> {
        self.asked.set(true);
        self.tables.tls.get(&server).copied()
    }

    /// Whether the same client sent something inside TLS to the same server.
    pub(super) fn talked_inside_tls(&self, attempt: &Attempt) -> bool {
        self.asked.set(true);
        let talked = (attempt.client.ip(), attempt.server);
        self.tables.talked.contains(&talked)
    }

    /// When the WebSockets of a server ended, in order, and when each began.
    pub(super) fn ends_of(&self, server: SocketAddr) -> &[(Timestamp, Timestamp)] {
        self.asked.set(true);
        let table = self.ends.get_or_init(|| {
            let mut table = self.tables.ends.clone();
            table.values_mut().for_each(|ends| ends.sort_unstable());
            table
        });
        table.get(&server).map_or(&[], |ends| &ends[..])
    }

    /// What a proxy met behind it between these times.
    pub(super) fn behind(
        &self,
        proxy: SocketAddr,
        from: Timestamp,
        to: Timestamp,
    ) -> Option<Failure> {
        self.asked.set(true);
        let failures = self.failures.get_or_init(|| self.tables.failures.sorted());
        failures.of_proxy(proxy, from, to).copied()
    }

    /// Whether an attempt without a request may have been meant for a WebSocket.
    pub(super) fn expects(&self, attempt: &Attempt) -> bool {
        let in_socks = attempt.flow.as_ref().is_some_and(|flow| {
            let (client, server) = (&flow.sides.client.opening, &flow.sides.server.opening);
            let begins = socks::read(client, server).state != socks::State::Contradicted;
            !client.is_empty() && begins
                || answers_socks_otherwise(flow)
                || flow.sides.client.packets == 0 && socks::refused_alone(server).is_some()
        });
        if attempt.asks_for_upgrade() || in_socks {
            return true;
        }
        self.asked.set(true);
        let servers = &self.tables.servers;
        if servers.contains(&attempt.server) {
            return !self.went_elsewhere(attempt);
        }
        // A connection that fails where ordinary ones work is one of those.
        if self.tables.ordinary.contains(&attempt.server) {
            return false;
        }
        // Of an answer alone nobody knows what was asked, unless it speaks of it or nothing else was asked for.
        if let Some(opening) = refusal_alone(attempt) {
            return servers.is_empty() || contains(opening, b"websocket");
        }
        let port = attempt.server.port();
        let by_port = attempt.tls.is_none() && PORTS.contains(&port);
        // Of what never opened nobody knows what it was for, unless the port says so, or the client tries many.
        let unexplained = never_opened(attempt)
            && !OTHERS.contains(&port)
            && !self.tables.ordinary_ports.contains(&port)
            && !self.tables.scans(attempt.client.ip());
        // Where no request was seen at all, it may be what is looked for.
        (servers.is_empty() || by_port || unexplained) && !self.went_elsewhere(attempt)
    }

    /// Whether the client reached the same port at another address right after: a name has several (RFC 8305). One that
    /// refuses beside one that takes WebSockets is worth a word, unless it is the other address of `localhost`.
    fn went_elsewhere(&self, attempt: &Attempt) -> bool {
        let is_refused = attempt
            .flow
            .as_ref()
            .is_some_and(|flow| flow.sides.server.reset.is_some())
            && !attempt.server.ip().is_loopback();
        self.elsewhere(attempt)
            .is_some_and(|server| !is_refused || !self.tables.servers.contains(&server))
    }

    /// The address that takes WebSockets at the same port, and that was reached right after this one failed.
    pub(super) fn asked_elsewhere(&self, attempt: &Attempt) -> Option<SocketAddr> {
        self.asked.set(true);
        let server = self.elsewhere(attempt)?;
        self.tables.servers.contains(&server).then_some(server)
    }

    fn elsewhere(&self, attempt: &Attempt) -> Option<SocketAddr> {
        let reached = self.reached.get_or_init(|| Reached::by_port(self.tables));
        let reached = reached.get(&attempt.server.port())?;
        let (time, server) = reached.elsewhere(attempt.server, attempt.first.time)?;
        let is_near = time.since(attempt.first.time) < ELSEWHERE;
        (never_opened(attempt) && is_near).then_some(server)
    }
}

/// The beginning of an answer that refuses, where nothing of its client was captured.
fn refusal_alone(attempt: &Attempt) -> Option<&[u8]> {
    let flow = attempt.flow.as_ref()?;
    let opening = &flow.sides.server.opening[..];
    let is_alone = attempt.connection.is_none() && flow.sides.client.packets == 0;
    (is_alone && is_refusal(opening)).then_some(opening)
}

/// When the servers of one port were reached.
#[derive(Debug, Default)]
struct Reached {
    /// In the order of time; with each, where the next one of another server stands.
    times: Vec<(Timestamp, SocketAddr, usize)>,
}

impl Reached {
    fn by_port(tables: &Tables) -> HashMap<u16, Reached> {
        let of = |times: &Vec<(Timestamp, SocketAddr)>| {
            let times = times.iter().map(|(time, server)| (*time, *server, 0));
            let mut reached = Reached {
                times: times.collect(),
            };
            reached.link();
            reached
        };
        let ports = tables.reached.iter();
        ports.map(|(port, times)| (*port, of(times))).collect()
    }

    fn link(&mut self) {
        self.times.sort_unstable();
        let mut run = (None, self.times.len());
        for (at, (_, server, other)) in self.times.iter_mut().enumerate().rev() {
            if run.0 != Some(*server) {
                run = (Some(*server), at + 1);
            }
            *other = run.1;
        }
    }

    /// The first server other than this one that was reached from this time on, and when.
    fn elsewhere(&self, server: SocketAddr, from: Timestamp) -> Option<(Timestamp, SocketAddr)> {
        let at = self.times.partition_point(|(time, ..)| *time < from);
        let (time, found, other) = self.times.get(at)?;
        if *found != server {
            return Some((*time, *found));
        }
        let (time, found, _) = self.times.get(*other)?;
        Some((*time, *found))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_server_elsewhere_is_found_as_by_looking_at_all() {
        let servers: Vec<SocketAddr> = (1..=3)
            .map(|n| format!("10.0.0.{n}:80").parse().expect("an address"))
            .collect();
        let mut random = crate::testkit::Random::new(7);
        for _ in 0..200 {
            let times: Vec<_> = (0..random.below(12))
                .map(|_| {
                    let server = servers[random.below(3) as usize];
                    (Timestamp(random.below(9) as i64), server, 0)
                })
                .collect();
            let mut reached = Reached { times };
            reached.link();
            for server in &servers {
                for from in (0..10).map(Timestamp) {
                    let all = reached.times.iter();
                    let naive = all.filter(|(time, found, _)| *time >= from && found != server);
                    let naive = naive.map(|(time, ..)| *time).min();
                    let found = reached.elsewhere(*server, from);
                    assert_eq!(found.map(|(time, _)| time), naive);
                }
            }
        }
    }
}
