//! Diagnosis: each attempt goes through the stages in order, and the first rule that fits names what failed.
//!
//! Rules are pure functions over attempts; which one comes first is the table [`rules::RULES`].

use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::{Code, PacketNumber, PerSide, Process, Timestamp};
use crate::engine::Outcome;

use super::case::{Case, Evidence};
use super::ending;
use super::fix::{self, Situation};
use super::rules::{self, RULES};
use super::software::Software;
use super::verdict::{Confidence, Stage, Verdict};

/// What diagnosis says of one attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Diagnosis {
    /// The connection's number; `None` when the attempt never came to a request that could be read.
    pub connection: Option<u32>,
    /// The client.
    pub client: SocketAddr,
    /// The server.
    pub server: SocketAddr,
    /// When its flow began.
    pub opened: Timestamp,
    /// The first packet of it.
    pub first_packet: PacketNumber,
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
    /// The processes at its ends, as far as they are known.
    pub processes: PerSide<Option<Arc<Process>>>,
    /// What the fix depends on beyond verdict and software.
    pub(super) situation: Option<Situation>,
}

impl Diagnosis {
    /// The processes that are known, the client's first: `node (4711) → nginx (80)`.
    #[must_use]
    pub fn processes(&self) -> Option<String> {
        let PerSide { client, server } = &self.processes;
        Process::of_both(client.as_deref(), server.as_deref())
    }

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
            self.situation,
            self.software.as_ref().map(|(software, _)| *software),
        )
    }

    /// Bytes it takes in memory, roughly.
    pub(super) fn memory(&self) -> usize {
        let evidence = self.evidence.iter();
        let evidence = evidence.map(|seen| size_of::<Evidence>() + seen.text.len());
        let software = self.software.as_ref().map_or(0, |(_, header)| header.len());
        size_of::<Self>()
            + self.sentence.len()
            + self.ending.len()
            + software
            + evidence.sum::<usize>()
    }

    /// What it rules out; empty when nothing failed.
    #[must_use]
    pub fn rules_out(&self) -> &'static str {
        self.stage().map_or("", Stage::passed)
    }
}

/// The answer for one attempt; `None` for flows that are none of ours.
pub(super) fn judge(case: &Case<'_>) -> Option<Diagnosis> {
    let attempt = case.attempt;
    let found = RULES.iter().find_map(|rule| rule(case));
    if attempt.connection.is_none() && (found.is_none() || !case.all.expects(attempt)) {
        return None;
    }
    if attempt.noted(Code::RecognitionRevoked).is_some() {
        return None;
    }
    let mut found = found.unwrap_or_else(|| rules::nothing(case));
    // What was recognised by its look alone may be something else.
    let is_seen = attempt.outcome() != Some(Outcome::NotSeen) || case.request().is_some();
    if !is_seen && found.confidence == Confidence::Certain {
        found.confidence = Confidence::Likely;
    }
    Some(Diagnosis {
        connection: attempt.number,
        client: attempt.client,
        server: attempt.server,
        opened: attempt.first.time,
        first_packet: attempt.first.packet,
        verdict: found.verdict,
        confidence: found.confidence,
        sentence: found.sentence,
        evidence: found.evidence,
        software: case.software(),
        ending: ending::text(attempt),
        processes: PerSide::new(|side| {
            let connection = attempt.connection.as_ref()?;
            connection.process(side).cloned()
        }),
        situation: found.situation,
    })
}
