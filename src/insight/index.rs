//! What rules look up among all attempts of a capture. Each table is built once and when first asked for, so that a
//! look-up costs the same however many attempts there are.

use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};
use std::net::SocketAddr;

use crate::base::Timestamp;
use crate::engine::Outcome;
use crate::websocket::handshake::accept_key;

use super::facts::{Attempt, Casebook};

/// A client that finds one address of a name closed tries the next within this time, in nanoseconds.
const ELSEWHERE: i64 = 3_000_000_000;
/// Ports where a connection that failed early may have been meant for a WebSocket.
const PORTS: [u16; 14] = [
    80, 443, 3000, 3128, 5000, 8000, 8008, 8080, 8081, 8443, 8765, 8888, 9000, 9001,
];

/// Tables over all attempts.
pub(super) struct Index<'a> {
    attempts: &'a [Attempt],
    /// Servers of ordinary traffic.
    ordinary: &'a HashSet<SocketAddr>,
    /// The first connection whose key each accept value answers.
    accepts: OnceCell<HashMap<String, Option<u32>>>,
    /// The first accepted attempt of each server whose Connection header has one element.
    plain: OnceCell<HashMap<SocketAddr, &'a Attempt>>,
    /// Servers of which WebSocket attempts were seen.
    servers: OnceCell<HashSet<SocketAddr>>,
    /// Servers that were reached, by port.
    reached: OnceCell<HashMap<u16, Reached>>,
}

impl<'a> Index<'a> {
    pub(super) fn of(casebook: &'a Casebook) -> Self {
        Self {
            attempts: &casebook.attempts,
            ordinary: &casebook.ordinary,
            accepts: OnceCell::new(),
            plain: OnceCell::new(),
            servers: OnceCell::new(),
            reached: OnceCell::new(),
        }
    }

    /// The connection whose key this value of Sec-WebSocket-Accept answers.
    pub(super) fn answered_by(&self, accept: &[u8]) -> Option<u32> {
        let table = self.accepts.get_or_init(|| {
            let mut table = HashMap::new();
            for attempt in self.attempts {
                let request = attempt.connection.as_ref().and_then(|c| c.request());
                if let Some(key) = request.and_then(|head| head.value("Sec-WebSocket-Key")) {
                    let number = table.entry(accept_key(key)).or_insert(attempt.number);
                    *number = (*number).min(attempt.number);
                }
            }
            table
        });
        *table.get(std::str::from_utf8(accept).ok()?)?
    }

    /// An attempt at this server that was accepted with nothing but Upgrade in its Connection header.
    pub(super) fn accepted_plainly(&self, server: SocketAddr) -> Option<&'a Attempt> {
        let table = self.plain.get_or_init(|| {
            let mut table = HashMap::new();
            for attempt in self.attempts {
                let request = attempt.connection.as_ref().and_then(|c| c.request());
                let is_plain = request.is_some_and(|head| head.list("Connection").count() == 1);
                if is_plain && attempt.outcome() == Some(Outcome::Accepted) {
                    table.entry(attempt.server).or_insert(attempt);
                }
            }
            table
        });
        table.get(&server).copied()
    }

    /// Whether an attempt without a request may have been meant for a WebSocket.
    pub(super) fn expects(&self, attempt: &Attempt) -> bool {
        let servers = self.servers.get_or_init(|| {
            let attempts = self.attempts.iter();
            let with_request = attempts.filter(|attempt| attempt.connection.is_some());
            with_request.map(|attempt| attempt.server).collect()
        });
        if servers.contains(&attempt.server) {
            return !self.went_elsewhere(attempt);
        }
        // A connection that fails where ordinary ones work is one of those.
        if self.ordinary.contains(&attempt.server) {
            return false;
        }
        let by_port = attempt.tls.is_none() && PORTS.contains(&attempt.server.port());
        // Where no request was seen at all, it may be what is looked for.
        (servers.is_empty() || by_port) && !self.went_elsewhere(attempt)
    }

    /// Whether the client reached the same port at another address right after: a name has several (RFC 8305).
    fn went_elsewhere(&self, attempt: &Attempt) -> bool {
        let never_opened = attempt.flow.as_ref().is_some_and(|flow| {
            flow.sides.server.syn.is_none() && flow.sides.client.first_data.is_none()
        });
        let reached = self.reached.get_or_init(|| Reached::by_port(self.attempts));
        never_opened
            && reached
                .get(&attempt.server.port())
                .and_then(|reached| reached.elsewhere(attempt.server, attempt.first.time))
                .is_some_and(|time| time.since(attempt.first.time) < ELSEWHERE)
    }
}

/// When the servers of one port were reached.
#[derive(Debug, Default)]
struct Reached {
    /// In the order of time; with each, where the next one of another server stands.
    times: Vec<(Timestamp, SocketAddr, usize)>,
}

impl Reached {
    fn by_port(attempts: &[Attempt]) -> HashMap<u16, Reached> {
        let mut ports: HashMap<u16, Reached> = HashMap::new();
        for attempt in attempts {
            let flow = attempt.flow.as_ref();
            if flow.is_some_and(|flow| flow.sides.server.first_data.is_some()) {
                let times = &mut ports.entry(attempt.server.port()).or_default().times;
                times.push((attempt.first.time, attempt.server, 0));
            }
        }
        ports.values_mut().for_each(Reached::link);
        ports
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

    /// When a server other than this one was reached first from this time on.
    fn elsewhere(&self, server: SocketAddr, from: Timestamp) -> Option<Timestamp> {
        let at = self.times.partition_point(|(time, ..)| *time < from);
        let (time, found, other) = self.times.get(at)?;
        if *found != server {
            return Some(*time);
        }
        self.times.get(*other).map(|(time, ..)| *time)
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
                    assert_eq!(reached.elsewhere(*server, from), naive);
                }
            }
        }
    }
}
