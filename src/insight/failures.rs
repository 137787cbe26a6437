//! Connections that failed, by who opened them and when: what a proxy met towards the server behind it, where a capture holds both
//! of its sides.
//!
//! It links by address and time alone, and judges nothing.

use std::net::{IpAddr, SocketAddr};

use crate::base::{Side, Timestamp};
use crate::engine::Seen;
use crate::tls;

use super::facts::{Attempt, inside};

/// Failures remembered.
const MOST: usize = 20_000;

/// What a client met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Met {
    Reset,
    Silence,
    Rejection,
    PlainHttp,
    TlsAlert,
    EndWithoutAnswer,
}

/// A connection that failed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Failure {
    first: Timestamp,
    client: IpAddr,
    server: SocketAddr,
    met: Met,
    at: Seen,
}

impl Failure {
    /// How the attempt failed, if its packets alone say so.
    pub(super) fn of(attempt: &Attempt) -> Option<Self> {
        let flow = attempt.flow.as_ref()?;
        let (client, server) = (&flow.sides.client, &flow.sides.server);
        let (asked, answer) = inside(flow);
        let (met, at) = if server.syn.is_none() && client.first_data.is_none() {
            client.syn?;
            match (client.notices.first(), server.reset) {
                (Some(noticed), _) => (Met::Rejection, noticed.at),
                (None, Some(reset)) => (Met::Reset, reset.at),
                (None, None) => (Met::Silence, flow.first),
            }
        } else if tls::looks_like(asked) && answer.starts_with(b"HTTP/1.") {
            (Met::PlainHttp, server.first_data?)
        } else if !tls::looks_like(asked) && matches!(answer.get(..2), Some([0x15, 3])) {
            (Met::TlsAlert, server.first_data?)
        } else if client.first_data.is_some() && server.first_data.is_none() {
            let (side, end) = attempt.end()?;
            (side == Side::Server).then_some((Met::EndWithoutAnswer, end))?
        } else {
            return None;
        };
        Some(Self {
            first: attempt.first.time,
            client: attempt.client.ip(),
            server: attempt.server,
            met,
            at,
        })
    }

    /// The server behind, and what the proxy met there.
    pub(super) fn words(&self) -> String {
        let what = match self.met {
            Met::Reset => "was refused: nothing listens there",
            Met::Silence => "was never answered",
            Met::Rejection => "was rejected (ICMP)",
            Met::PlainHttp => "met plain HTTP where it speaks TLS",
            Met::TlsAlert => "met TLS where it speaks plain HTTP",
            Met::EndWithoutAnswer => "was ended without an answer",
        };
        format!("its own connection to {} {what}", self.server)
    }

    /// Where that shows.
    pub(super) fn at(&self) -> Seen {
        self.at
    }
}

/// The failures of a capture, in the order in which they were taken.
#[derive(Clone, Debug, Default)]
pub(super) struct Failures(Vec<Failure>);

impl Failures {
    pub(super) fn take(&mut self, failure: Failure) {
        if self.0.len() < MOST {
            self.0.push(failure);
        }
    }

    /// The same in the order of time.
    pub(super) fn sorted(&self) -> Self {
        let mut sorted = self.0.clone();
        sorted.sort_by_key(|failure| (failure.first, failure.at.packet));
        Self(sorted)
    }

    /// The first of those in order that the proxy at this address had between these times.
    pub(super) fn of_proxy(
        &self,
        proxy: SocketAddr,
        from: Timestamp,
        to: Timestamp,
    ) -> Option<&Failure> {
        let at = self.0.partition_point(|failure| failure.first < from);
        let during = self.0.iter().skip(at);
        let mut during = during.take_while(|failure| failure.first <= to);
        // On the loopback interface a proxy's own connections come from another address than it listens on.
        let is_its_own = |failure: &&Failure| {
            let is_same = failure.client == proxy.ip()
                || failure.client.is_loopback() && proxy.ip().is_loopback();
            is_same && failure.server != proxy
        };
        during.find(is_its_own)
    }
}
