//! Diagnosis: each attempt goes through the stages in order, and the first rule that fits names what failed.
//!
//! Rules are pure functions over [`Attempt`]s; which one comes first is the table [`rules::RULES`].

use std::net::SocketAddr;

use crate::base::{PacketNumber, Timestamp};

use super::case::{Case, Evidence};
use super::ending::{self, Endings};
use super::facts::{Attempt, Casebook};
use super::fix;
use super::index::Index;
use super::rules::{self, RULES};
use super::software::Software;
use super::verdict::{Confidence, Stage, Verdict};

/// What diagnosis says of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnosis {
    /// The connection's number; `None` when the attempt never came to a request that could be read.
    pub connection: Option<u32>,
    /// The client.
    pub client: SocketAddr,
    /// The server.
    pub server: SocketAddr,
    /// When its flow began.
    pub opened: Timestamp,
    /// What failed.
    pub verdict: Verdict,
    /// How sure that is.
    pub confidence: Confidence,
    /// The verdict in one sentence.
    pub sentence: String,
    /// What shows it.
    pub evidence: Vec<Evidence>,
    /// The program that headers name, and the header.
    pub software: Option<(Software, String)>,
    /// How the connection ended, in one line.
    pub ending: String,
}

impl Diagnosis {
    /// The stage that failed; `None` when nothing did.
    #[must_use]
    pub fn stage(&self) -> Option<Stage> {
        self.verdict.stage()
    }

    /// The packets of the evidence, each once.
    #[must_use]
    pub fn packets(&self) -> Vec<PacketNumber> {
        let mut packets: Vec<_> = self.evidence.iter().filter_map(|e| e.packet).collect();
        packets.sort_unstable();
        packets.dedup();
        packets
    }

    /// What to do, and where that is documented.
    #[must_use]
    pub fn fix(&self) -> (&'static str, &'static str) {
        fix::fix(
            self.verdict,
            self.software.as_ref().map(|(software, _)| *software),
        )
    }

    /// What it rules out; empty when nothing failed.
    #[must_use]
    pub fn rules_out(&self) -> &'static str {
        self.stage().map_or("", Stage::passed)
    }
}

/// Diagnoses every attempt of a capture, in the order of their first packets. `capture_end` is the time of the last
/// packet. Failed TCP or TLS connections are listed where a WebSocket can be expected.
#[must_use]
pub fn diagnose(casebook: &Casebook, capture_end: Timestamp) -> Vec<Diagnosis> {
    let endings = Endings::of(&casebook.attempts);
    let mut order: Vec<&Attempt> = casebook.attempts.iter().collect();
    order.sort_by_key(|attempt| (attempt.first.packet, attempt.number));
    let index = Index::of(casebook);
    let case = |attempt| Case {
        attempt,
        all: &index,
        endings: &endings,
        capture_end,
    };
    order
        .into_iter()
        .filter_map(|attempt| one(&case(attempt)))
        .collect()
}

/// The answer for one attempt; `None` for flows that are none of ours.
fn one(case: &Case<'_>) -> Option<Diagnosis> {
    let attempt = case.attempt;
    let found = RULES.iter().find_map(|rule| rule(case));
    if attempt.connection.is_none() && (found.is_none() || !case.all.expects(attempt)) {
        return None;
    }
    let found = found.unwrap_or_else(|| rules::nothing(case));
    Some(Diagnosis {
        connection: attempt.number,
        client: attempt.client,
        server: attempt.server,
        opened: attempt.first.time,
        verdict: found.verdict,
        confidence: found.confidence,
        sentence: found.sentence,
        evidence: found.evidence,
        software: case.software(),
        ending: ending::text(attempt),
    })
}
