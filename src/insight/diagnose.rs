//! Diagnosis: each attempt goes through the stages in order, and the first rule that fits names what failed.
//!
//! Rules are pure functions over [`Attempt`]s; which one comes first is the table [`RULES`].

use std::net::SocketAddr;

use crate::base::{Head, PacketNumber, Side, Timestamp, escape};
use crate::engine::{Outcome, Seen};

use super::ending::{self, Endings};
use super::facts::{Attempt, Casebook};
use super::fix;
use super::index::Index;
use super::software::Software;
use super::verdict::{Confidence, Stage, Verdict};
use super::{
    rules_connect, rules_frames, rules_handshake, rules_hop, rules_life, rules_request,
    rules_status, rules_tcp, rules_tls,
};

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The packet that shows it.
    pub packet: Option<PacketNumber>,
    /// What it shows, in one line; bytes from the wire are escaped.
    pub text: String,
}

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

/// What a rule found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) verdict: Verdict,
    pub(super) confidence: Confidence,
    pub(super) sentence: String,
    pub(super) evidence: Vec<Evidence>,
}

impl Found {
    pub(super) fn certain(verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self {
            verdict,
            confidence: Confidence::Certain,
            sentence: sentence.into(),
            evidence: Vec::new(),
        }
    }

    pub(super) fn likely(verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self {
            confidence: Confidence::Likely,
            ..Self::certain(verdict, sentence)
        }
    }

    pub(super) fn possible(verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self {
            confidence: Confidence::Possible,
            ..Self::certain(verdict, sentence)
        }
    }

    /// The same with evidence in a packet.
    pub(super) fn at(mut self, seen: Option<Seen>, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            packet: seen.map(|seen| seen.packet),
            text: text.into(),
        });
        self
    }

    /// The same with a header line as evidence, when the head has one.
    pub(super) fn header(self, head: Option<&Head>, name: &str, seen: Option<Seen>) -> Self {
        match head.and_then(|head| head.value(name)) {
            Some(value) => {
                let text = format!("{name}: {}", escape::preview(value, 120));
                self.at(seen, text)
            }
            None => self,
        }
    }
}

/// One attempt among all of its capture.
pub(super) struct Case<'a> {
    pub(super) attempt: &'a Attempt,
    /// What is looked up among all of them.
    pub(super) all: &'a Index<'a>,
    pub(super) endings: &'a Endings,
    /// The time of the capture's last packet.
    pub(super) capture_end: Timestamp,
}

impl<'a> Case<'a> {
    pub(super) fn request(&self) -> Option<&'a Head> {
        self.attempt.connection.as_ref()?.request()
    }

    pub(super) fn response(&self) -> Option<&'a Head> {
        self.attempt.connection.as_ref()?.response()
    }

    /// The head of the answer to a CONNECT that went no further.
    pub(super) fn connect_response(&self) -> Option<&'a Head> {
        let connection = self.attempt.connection.as_ref()?;
        let tunnel = connection.tunnel.as_ref()?;
        Some(&tunnel.response.as_ref()?.head)
    }

    pub(super) fn is_refused(&self) -> bool {
        self.attempt.outcome() == Some(Outcome::Refused) && self.request().is_some()
    }

    pub(super) fn is_unanswered(&self) -> bool {
        self.attempt.outcome() == Some(Outcome::Unanswered)
    }

    pub(super) fn is_accepted(&self) -> bool {
        self.attempt.outcome() == Some(Outcome::Accepted)
    }

    /// Seconds from `since` to the end of the capture.
    pub(super) fn watched(&self, since: Timestamp) -> f64 {
        self.capture_end.seconds_since(since)
    }

    /// The program that the heads of this attempt name.
    pub(super) fn software(&self) -> Option<(Software, String)> {
        let body = self.attempt.response_body();
        let of_response = self.response().or(self.connect_response());
        let of_response = of_response.and_then(|head| Software::named_by(head, body));
        // On the server's side of a proxy it is the request that names it.
        of_response.or_else(|| {
            self.request()
                .and_then(|head| Software::named_by(head, &[]))
        })
    }
}

type Rule = fn(&Case<'_>) -> Option<Found>;

/// The rules in the order of the stages; the first that fits decides.
const RULES: &[Rule] = &[
    rules_tcp::unanswered,
    rules_tcp::refused,
    rules_tls::plain_port,
    rules_tls::alert,
    rules_tls::closed_in_handshake,
    rules_tls::alpn_h2,
    rules_connect::unanswered,
    rules_connect::refused,
    rules_life::foreign_reset_before_answer,
    rules_hop::plain_to_tls_port,
    rules_hop::without_connect,
    rules_request::draft_key_bytes,
    rules_request::draft,
    rules_request::http_version,
    rules_request::h2_connect_protocol,
    rules_hop::stripped,
    rules_request::version,
    rules_request::key,
    rules_request::connection_header,
    rules_hop::not_forwarded,
    rules_hop::by_proxy,
    rules_status::by_status,
    rules_status::silence,
    rules_handshake::accept,
    rules_handshake::upgrade_headers,
    rules_handshake::subprotocol_not_offered,
    rules_handshake::extension_not_offered,
    rules_handshake::subprotocol_missing,
    rules_frames::http_text,
    rules_frames::reserved_bit,
    rules_frames::masking,
    rules_frames::invalid,
    rules_frames::closed_after_handshake,
    rules_life::foreign_reset,
    rules_life::silent_drop,
    rules_life::ping_unanswered,
    rules_life::cluster,
    rules_life::close_code,
    rules_life::stream_reset,
    // It worked, and only where nothing else went wrong is its age worth a word.
    rules_handshake::draft_accepted,
    rules_life::without_close_frame,
];

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
    let found = found.unwrap_or_else(|| rules_life::nothing(case));
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

/// `client` or `server` for a sentence.
pub(super) fn the(side: Side) -> &'static str {
    match side {
        Side::Client => "the client",
        Side::Server => "the server",
    }
}
