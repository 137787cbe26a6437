//! What a rule works with: the [`Case`] it judges, the [`Evidence`] it cites, and the [`Found`] it answers with.
//!
//! No rule stands here, and nothing here decides.

use std::borrow::Cow;
use std::cell::{Cell, OnceCell};

use crate::base::{Head, PacketNumber, Side, Timestamp, escape};
use crate::engine::{Outcome, Seen};
use crate::http;
use crate::payload;

use super::ending::Endings;
use super::facts::Attempt;
use super::fix::Situation;
use super::index::Index;
use super::software::Software;
use super::verdict::{Confidence, Verdict};

/// One piece of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evidence {
    /// The packet that shows it.
    pub packet: Option<PacketNumber>,
    /// What it shows, in one line; bytes from the wire are escaped.
    pub text: String,
    /// Where a quotation of what an answer's body said begins in the text.
    pub quotation: Option<usize>,
}

impl Evidence {
    /// The same without what it quotes of a body.
    #[must_use]
    pub fn masked(mut self) -> Self {
        if let Some(said) = self.quotation.and_then(|at| self.text.get(at..)) {
            let mask = "*".repeat(said.chars().count());
            let at = self.text.len() - said.len();
            self.text.replace_range(at.., &mask);
        }
        self
    }
}

/// What a rule found.
#[derive(Clone, Debug)]
pub(super) struct Found {
    pub(super) verdict: Verdict,
    pub(super) confidence: Confidence,
    pub(super) sentence: String,
    pub(super) evidence: Vec<Evidence>,
    /// What the fix depends on beyond the verdict.
    pub(super) situation: Option<Situation>,
}

impl Found {
    pub(super) fn certain(verdict: Verdict, sentence: impl Into<String>) -> Self {
        Self {
            verdict,
            confidence: Confidence::Certain,
            sentence: sentence.into(),
            evidence: Vec::new(),
            situation: None,
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

    /// The same with a fix for this situation.
    pub(super) fn when(mut self, situation: Situation) -> Self {
        self.situation = Some(situation);
        self
    }

    /// The same with evidence in a packet.
    pub(super) fn at(mut self, seen: Option<Seen>, text: impl Into<String>) -> Self {
        self.evidence.push(Evidence {
            packet: seen.map(|seen| seen.packet),
            text: text.into(),
            quotation: None,
        });
        self
    }

    /// The same with words of an answer's body as evidence.
    pub(super) fn quoting(mut self, seen: Option<Seen>, label: &str, said: &str) -> Self {
        self.evidence.push(Evidence {
            packet: seen.map(|seen| seen.packet),
            text: format!("{label}{said}"),
            quotation: Some(label.len()),
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

/// Bytes of a compressed answer that are read: what its first bytes hold, as far as anybody reads a refusal.
const ANSWER: usize = 16 << 10;

/// One attempt among all of its capture.
pub(super) struct Case<'a> {
    pub(super) attempt: &'a Attempt,
    /// What is looked up among all of them.
    pub(super) all: &'a Index<'a>,
    pub(super) endings: &'a Endings,
    capture_end: Timestamp,
    /// Whether a rule asked for the end of the capture.
    asked: Cell<bool>,
    /// What the answer's body says, once somebody asked.
    answer: OnceCell<Cow<'a, [u8]>>,
}

impl<'a> Case<'a> {
    /// A case among all that is known of a capture which ends at this time.
    pub(super) fn new(
        attempt: &'a Attempt,
        all: &'a Index<'a>,
        endings: &'a Endings,
        capture_end: Timestamp,
    ) -> Self {
        Self {
            attempt,
            all,
            endings,
            capture_end,
            asked: Cell::new(false),
            answer: OnceCell::new(),
        }
    }

    /// Whether the rules asked for anything beyond the attempt itself: then what they say may change with what else the
    /// capture holds.
    pub(super) fn depends_on_others(&self) -> bool {
        self.asked.get() || self.all.was_asked() || self.endings.was_asked()
    }

    /// The time of the capture's last packet.
    pub(super) fn capture_end(&self) -> Timestamp {
        self.asked.set(true);
        self.capture_end
    }

    pub(super) fn request(&self) -> Option<&'a Head> {
        self.attempt.connection.as_ref()?.request()
    }

    pub(super) fn response(&self) -> Option<&'a Head> {
        self.attempt.connection.as_ref()?.response()
    }

    /// What the answer's body says as far as it was kept: without its chunks and its compression.
    pub(super) fn answer_body(&self) -> &[u8] {
        self.answer.get_or_init(|| self.read_answer())
    }

    fn read_answer(&self) -> Cow<'a, [u8]> {
        let body = self.attempt.response_body();
        let Some(head) = self.response() else {
            return Cow::Borrowed(body);
        };
        let body = match http::response_body(head, b"GET") {
            http::Body::Chunked => http::without_chunks(body),
            _ => Cow::Borrowed(body),
        };
        let coding = head.value("Content-Encoding").unwrap_or_default();
        match payload::without_coding(coding, &body, ANSWER) {
            Some(content) => Cow::Owned(content),
            None => body,
        }
    }

    /// The head of the answer to a CONNECT that went no further.
    pub(super) fn connect_response(&self) -> Option<&'a Head> {
        let connection = self.attempt.connection.as_ref()?;
        let tunnel = connection.tunnel.as_ref()?;
        Some(&tunnel.heads()?.1?.head)
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

    /// The side's name in a sentence about an end: through a tunnel it cannot be told from the proxy that the tunnel goes through.
    pub(super) fn who_ended(&self, side: Side) -> &'static str {
        let connection = self.attempt.connection.as_ref();
        let is_tunnelled = connection.is_some_and(|connection| connection.tunnel.is_some());
        match (side, is_tunnelled) {
            (Side::Server, true) => "the server, or the proxy that its tunnel goes through,",
            _ => the(side),
        }
    }

    /// Seconds from `since` to the end of the capture.
    pub(super) fn watched(&self, since: Timestamp) -> f64 {
        self.capture_end().seconds_since(since)
    }

    /// The program that the heads of this attempt name.
    pub(super) fn software(&self) -> Option<(Software, String)> {
        let body = self.answer_body();
        let of_response = self.response().or(self.connect_response());
        let of_response = of_response.and_then(|head| Software::named_by(head, body));
        // On the server's side of a proxy it is the request that names it.
        of_response.or_else(|| {
            self.request()
                .and_then(|head| Software::named_by(head, &[]))
        })
    }
}

/// The side's name in a sentence.
pub(super) fn the(side: Side) -> &'static str {
    match side {
        Side::Client => "the client",
        Side::Server => "the server",
    }
}
