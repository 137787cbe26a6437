//! Upgrades that nobody has answered yet while a capture goes on. What waits for ten seconds is diagnosed as it is now; when
//! it ends, or is answered after all, the rules judge it as any other.

use std::collections::VecDeque;

use crate::base::{ConnectionId, PerSide, Timestamp};
use crate::engine::{Connection, Outcome, Seen};

use super::case::Evidence;
use super::diagnose::Diagnosis;
use super::software::Software;
use super::verdict::{Confidence, Verdict};

/// How long an answer may take before somebody who watches wants to know, in nanoseconds.
const PATIENCE: i64 = 10_000_000_000;
/// Requests remembered; beyond them the latest are not.
const MOST: usize = 1024;
/// How often what is told of them is made anew, in nanoseconds.
const AGAIN: i64 = 1_000_000_000;

/// The requests without an answer, oldest first.
#[derive(Debug, Default)]
pub(super) struct Waiting {
    requests: VecDeque<(Seen, ConnectionId, Diagnosis)>,
    told: Timestamp,
    /// Whether the last time somebody was told of one.
    tells: bool,
}

impl Waiting {
    pub(super) fn opened(&mut self, connection: &Connection) {
        let handshake = connection.handshake.as_ref();
        let request = handshake.and_then(|handshake| handshake.request.as_ref());
        let asked = request.map(|request| Seen {
            packet: request.packet,
            time: request.time,
        });
        if let Some(asked) = asked
            && connection.outcome() == Outcome::Unanswered
            && self.requests.len() < MOST
        {
            // The connection itself may be large: a head has up to 64 KiB.
            self.requests
                .push_back((asked, connection.id, diagnosis(asked, connection)));
        }
    }

    /// It is answered, or over.
    pub(super) fn settled(&mut self, id: ConnectionId) {
        self.requests.retain(|(_, waiting, _)| *waiting != id);
    }

    /// What is to be told now: `None` when that is the same as the last time.
    pub(super) fn told(&mut self, now: Timestamp) -> Option<Vec<(ConnectionId, Diagnosis)>> {
        if now.since(self.told) < AGAIN {
            return None;
        }
        self.told = now;
        let late = self
            .requests
            .iter()
            .take_while(|(asked, ..)| now.since(asked.time) >= PATIENCE);
        let told: Vec<_> = late
            .map(|(asked, id, diagnosis)| {
                let waited = now.since(asked.time) / 1_000_000_000;
                let sentence = format!(
                    "the server has not answered the upgrade request for {waited} s so far"
                );
                let diagnosis = Diagnosis {
                    sentence,
                    ..diagnosis.clone()
                };
                (*id, diagnosis)
            })
            .collect();
        let had = std::mem::replace(&mut self.tells, !told.is_empty());
        (had || self.tells).then_some(told)
    }
}

/// Without the sentence, which says how long it waits.
fn diagnosis(asked: Seen, connection: &Connection) -> Diagnosis {
    let request = connection.request();
    Diagnosis {
        connection: None,
        client: connection.client,
        server: connection.server,
        opened: connection.opened,
        first_packet: connection.first_packet,
        verdict: Verdict::NoAnswer,
        confidence: Confidence::Likely,
        sentence: String::new(),
        evidence: vec![Evidence {
            packet: Some(asked.packet),
            text: "the upgrade request".to_owned(),
            quotation: None,
        }],
        software: request.and_then(|head| Software::named_by(head, &[])),
        ending: "it goes on".to_owned(),
        processes: PerSide::new(|side| connection.process(side).cloned()),
        situation: None,
    }
}
