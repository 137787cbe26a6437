//! All attempts of a capture, judged as they end.
//!
//! ```text
//!   engine ──► Facts ── over ──► judged by what was seen of it alone
//!                                   │ settled: the diagnosis stays, the facts go     ┐
//!                                   │ open: rules asked for others, the facts stay   ├─► Casebook ──► Report
//!                                   └ a Mark of each for what others may ask         ┘
//! ```
//!
//! Healthy attempts are counted by server; of those that failed, some of each kind are kept in full and the rest counted,
//! so memory goes with the kinds of failures and not with the attempts. What fails is never given up for what is healthy,
//! nor errors for warnings: each has a budget of its own.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::base::{ConnectionId, Needs, Severity, Side, Timestamp};
use crate::engine::{
    Connection, FindingEvent, FlowSummary, FrameEvent, MessageEvent, Moment, Sink, TlsFlow,
};
use crate::run::{Collected, Numbering, Opened};

use super::case::Case;
use super::diagnose::{Diagnosis, judge};
use super::encrypted::Encrypted;
use super::ending::{Cut, Endings};
use super::facts::{Attempt, Gatherer};
use super::index::{Index, Mark, Tables};
use super::verdict::Verdict;
use super::waiting::Waiting;

/// Bytes of diagnoses and facts kept of each severity.
const BYTES: usize = 24 << 20;
/// Kinds of failures, a verdict at a server, that are told apart.
const KINDS: usize = 50_000;
/// Servers of healthy attempts that are told apart.
const SERVERS: usize = 50_000;
/// Ends without a close frame that are compared with each other.
const CUTS: usize = 100_000;
/// TLS connections kept that were not read; those that look least like a WebSocket go first.
const ENCRYPTED: usize = 10_000;

/// How many attempts are kept in full; all others are counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Of each verdict at each server.
    pub alike: usize,
    /// Of the healthy ones.
    pub healthy: usize,
}

impl Default for Keep {
    fn default() -> Self {
        Self {
            alike: 1000,
            healthy: 10_000,
        }
    }
}

/// An attempt that is over.
#[derive(Debug)]
struct Over {
    id: Option<ConnectionId>,
    mark: Mark,
    cut: Option<Cut>,
    judged: Judged,
}

/// What can be said of an attempt by itself.
#[derive(Debug)]
enum Judged {
    /// It is none.
    Nothing,
    /// This, whatever else there is.
    Settled(Box<Diagnosis>),
    /// The verdict, if there is one, may change with what else there is.
    Open(Box<Attempt>, Option<Verdict>),
}

/// What one engine found out since it was last asked.
#[derive(Debug, Default)]
pub struct BatchFacts {
    opened: Vec<Opened>,
    over: Vec<Over>,
    encrypted: Vec<Encrypted>,
    ordinary: Vec<SocketAddr>,
    /// What waits for an answer and is told as it is now, when that has changed.
    waiting: Option<Vec<(ConnectionId, Diagnosis)>>,
}

/// An engine's sink that gathers facts, and judges attempts by themselves when they are over.
#[derive(Debug, Default)]
pub struct Facts {
    gatherer: Gatherer,
    /// Nothing is known of others here.
    nothing: (Tables, Endings),
    part: BatchFacts,
    /// What waits for an answer, where somebody watches.
    waiting: Option<Waiting>,
}

impl Facts {
    /// Has what waits long for an answer be told while the capture goes on.
    pub fn watch(&mut self) {
        self.waiting = Some(Waiting::default());
    }

    fn over(&mut self, now: Timestamp) {
        let ended = &mut self.gatherer.ended;
        self.part.ordinary.append(&mut ended.ordinary);
        for (id, attempt) in ended.attempts.drain(..) {
            self.part.encrypted.extend(Encrypted::of(&attempt));
            let mark = Mark::of(&attempt);
            let cut = Cut::of(&attempt);
            let judged = alone(attempt, &self.nothing, now);
            self.part.over.push(Over {
                id,
                mark,
                cut,
                judged,
            });
        }
    }
}

/// Judges an attempt by what was seen of it.
fn alone(attempt: Box<Attempt>, (tables, endings): &(Tables, Endings), now: Timestamp) -> Judged {
    endings.forget_asked();
    let index = Index::of(tables);
    let case = Case::new(&attempt, &index, endings, now);
    let found = judge(&case);
    match (found, case.depends_on_others()) {
        (found, true) => {
            let verdict = found.map(|found| found.verdict);
            Judged::Open(attempt, verdict)
        }
        (Some(found), false) => Judged::Settled(Box::new(found)),
        (None, false) => Judged::Nothing,
    }
}

impl Collected for Facts {
    type Part = BatchFacts;

    fn exchange(&mut self, part: &mut BatchFacts) {
        part.opened.clear();
        part.over.clear();
        part.encrypted.clear();
        part.ordinary.clear();
        part.waiting = None;
        std::mem::swap(part, &mut self.part);
    }
}

impl Sink for Facts {
    fn needs(&self) -> Needs {
        self.gatherer.needs()
    }

    fn opened(&mut self, connection: &Connection) {
        self.part.opened.push(Opened::of(connection));
        self.gatherer.opened(connection);
        if let Some(waiting) = &mut self.waiting {
            waiting.opened(connection);
        }
    }

    fn handshake(&mut self, connection: &Connection, _at: Moment) {
        if let Some(waiting) = &mut self.waiting {
            waiting.settled(connection.id);
        }
    }

    fn advanced(&mut self, now: Timestamp) {
        if let Some(waiting) = &mut self.waiting {
            self.part.waiting = waiting.told(now);
        }
    }

    #[inline]
    fn frame(&mut self, event: &FrameEvent<'_>, connection: &Connection) {
        self.gatherer.frame(event, connection);
    }

    #[inline]
    fn message(&mut self, event: &MessageEvent<'_>, connection: &Connection) {
        self.gatherer.message(event, connection);
    }

    fn finding(&mut self, event: &FindingEvent<'_>, connection: Option<&Connection>) {
        self.gatherer.finding(event, connection);
    }

    fn closed(&mut self, connection: &Connection, at: Moment) {
        self.gatherer.closed(connection, at);
        if let Some(waiting) = &mut self.waiting {
            waiting.settled(connection.id);
        }
    }

    fn tls(&mut self, flow: &TlsFlow<'_>, at: Moment) {
        self.part.encrypted.extend(Encrypted::of_quic(flow));
        self.gatherer.tls(flow, at);
    }

    fn flow_closed(&mut self, flow: FlowSummary) {
        let now = flow.told.time;
        self.gatherer.flow_closed(flow);
        self.over(now);
    }
}

/// One kind of failure: a verdict at a server.
type Kind = (SocketAddr, Option<Verdict>);

/// How many of a kind are kept, and how many more there were.
#[derive(Clone, Copy, Debug, Default)]
struct Count {
    kept: usize,
    more: u64,
}

/// An end without a close frame; with the verdict if only that is left of the attempt.
#[derive(Clone, Copy, Debug)]
struct Ending {
    cut: Cut,
    only: Option<Verdict>,
}

/// All attempts of a capture, numbered.
#[derive(Debug, Default)]
pub struct Casebook {
    keep: Keep,
    numbers: Numbering,
    tables: Tables,
    /// Attempts that ended, flows that were none not counted.
    over: u64,
    healthy: HashMap<SocketAddr, u64>,
    /// Healthy ones at servers beyond those.
    healthy_elsewhere: u64,
    healthy_kept: usize,
    settled: Vec<Arc<Diagnosis>>,
    settled_kinds: HashMap<Kind, Count>,
    open: Vec<(Box<Attempt>, Option<Verdict>)>,
    open_kinds: HashMap<Kind, Count>,
    /// Attempts of kinds beyond those.
    lost: HashMap<Option<Verdict>, u64>,
    /// Bytes kept of errors, and of anything milder.
    bytes: [usize; 2],
    endings: HashMap<(SocketAddr, Side), Vec<Ending>>,
    ending_count: usize,
    encrypted: Vec<Encrypted>,
    encrypted_count: u64,
    /// Attempts that go on and wait for an answer, by engine.
    waiting: Vec<Vec<Arc<Diagnosis>>>,
}

impl Casebook {
    /// One that keeps so many attempts in full.
    #[must_use]
    pub fn keeping(keep: Keep) -> Self {
        Self {
            keep,
            ..Self::default()
        }
    }

    /// Takes the parts of one batch, one an engine.
    pub fn take<'a>(&mut self, parts: impl IntoIterator<Item = &'a mut BatchFacts>) {
        let parts: Vec<_> = parts.into_iter().collect();
        let opened = parts.iter().map(|part| &part.opened[..]);
        self.numbers.number(opened);
        for (engine, part) in parts.into_iter().enumerate() {
            for server in part.ordinary.drain(..) {
                self.tables.ordinary(server);
            }
            self.encrypted(&mut part.encrypted);
            if let Some(waiting) = part.waiting.take() {
                self.waits(engine, waiting);
            }
            for over in part.over.drain(..) {
                let number = over.id.and_then(|id| self.numbers.end(engine, id));
                self.tables.take(over.mark, number);
                self.judged(number, over.cut, over.judged);
            }
        }
    }

    fn waits(&mut self, engine: usize, waiting: Vec<(ConnectionId, Diagnosis)>) {
        if self.waiting.len() <= engine {
            self.waiting.resize_with(engine + 1, Vec::new);
        }
        let numbers = self.numbers.of_engine(engine);
        let numbered = waiting.into_iter().map(|(id, diagnosis)| {
            Arc::new(Diagnosis {
                connection: numbers.get(id),
                ..diagnosis
            })
        });
        self.waiting[engine] = numbered.collect();
    }

    /// Attempts that go on and have waited long for an answer.
    #[must_use]
    pub fn waiting(&self) -> usize {
        self.waiting.iter().map(Vec::len).sum()
    }

    /// Attempts that ended so far.
    #[must_use]
    pub fn over(&self) -> u64 {
        self.over
    }

    fn judged(&mut self, number: Option<u32>, cut: Option<Cut>, judged: Judged) {
        match judged {
            Judged::Nothing => {}
            Judged::Settled(mut diagnosis) => {
                diagnosis.connection = number;
                self.over += 1;
                self.settle(*diagnosis);
            }
            Judged::Open(mut attempt, verdict) => {
                attempt.number = number;
                self.over += 1;
                let server = attempt.server;
                let is_kept = self.keep_open(attempt, verdict);
                if let Some(cut) = cut {
                    let only = verdict.filter(|_| !is_kept);
                    self.ending(server, Ending { cut, only });
                }
            }
        }
    }

    fn settle(&mut self, diagnosis: Diagnosis) {
        let server = diagnosis.server;
        if diagnosis.verdict == Verdict::Healthy {
            let room = self.healthy.len() < SERVERS;
            match self.healthy.get_mut(&server) {
                Some(count) => *count += 1,
                None if room => drop(self.healthy.insert(server, 1)),
                None => self.healthy_elsewhere += 1,
            }
            if self.healthy_kept < self.keep.healthy {
                self.healthy_kept += 1;
                self.settled.push(Arc::new(diagnosis));
            }
            return;
        }
        let verdict = Some(diagnosis.verdict);
        let kept = diagnosis.memory();
        if self.keeps((server, verdict), kept, false) {
            self.settled.push(Arc::new(diagnosis));
        }
    }

    fn keep_open(&mut self, attempt: Box<Attempt>, verdict: Option<Verdict>) -> bool {
        let is_kept = self.keeps((attempt.server, verdict), attempt.memory(), true);
        if is_kept {
            self.open.push((attempt, verdict));
        }
        is_kept
    }

    /// Whether one more of a kind is kept; else it is counted.
    fn keeps(&mut self, kind: Kind, bytes: usize, is_open: bool) -> bool {
        let kinds = match is_open {
            true => &mut self.open_kinds,
            false => &mut self.settled_kinds,
        };
        if kinds.len() >= KINDS && !kinds.contains_key(&kind) {
            *self.lost.entry(kind.1).or_default() += 1;
            return false;
        }
        let count = kinds.entry(kind).or_default();
        let is_error = kind
            .1
            .is_some_and(|verdict| verdict.severity() == Severity::Error);
        let kept = &mut self.bytes[usize::from(!is_error)];
        if count.kept >= self.keep.alike || *kept + bytes > BYTES {
            count.more += 1;
            return false;
        }
        count.kept += 1;
        *kept += bytes;
        true
    }

    fn ending(&mut self, server: SocketAddr, ending: Ending) {
        if self.ending_count < CUTS {
            self.ending_count += 1;
            let key = (server, ending.cut.by);
            self.endings.entry(key).or_default().push(ending);
        }
    }

    fn encrypted(&mut self, new: &mut Vec<Encrypted>) {
        self.encrypted_count += new.len() as u64;
        self.encrypted.append(new);
        if self.encrypted.len() >= 2 * ENCRYPTED {
            self.encrypted.sort_by_key(Encrypted::rank);
            self.encrypted.truncate(ENCRYPTED);
        }
    }

    /// Judges what is open by all that is known now; `capture_end` is the time of the last packet.
    #[must_use]
    pub fn report(&self, capture_end: Timestamp) -> Report {
        let cuts: Vec<_> = self
            .endings
            .iter()
            .map(|(key, endings)| (*key, endings.iter().map(|ending| ending.cut).collect()))
            .collect::<Vec<(_, Vec<Cut>)>>();
        let endings = Endings::of(cuts.iter().map(|(key, cuts)| (*key, &cuts[..])));
        drop(cuts);
        let index = Index::of(&self.tables);
        let mut report = Report {
            list: self.settled.clone(),
            ..Report::default()
        };
        report.list.extend(self.waiting.iter().flatten().cloned());
        let mut like = Likeness::default();
        let mut turned_out_healthy = HashMap::new();
        for (attempt, verdict) in &self.open {
            let case = Case::new(attempt, &index, &endings, capture_end);
            let found = judge(&case);
            like.note(attempt, *verdict, &endings, found.as_ref());
            if found
                .as_ref()
                .is_some_and(|found| found.verdict == Verdict::Healthy)
            {
                *turned_out_healthy.entry(attempt.server).or_insert(0) += 1;
            }
            report.list.extend(found.map(Arc::new));
        }
        self.count_more(&like, &endings, &mut report);
        report.finish(self, turned_out_healthy);
        report
    }

    /// Counts those of which only the kind is known: they became what others of their kind did.
    fn count_more(&self, like: &Likeness, endings: &Endings, report: &mut Report) {
        let mut left: HashMap<Kind, u64> = self
            .open_kinds
            .iter()
            .map(|(kind, count)| (*kind, count.more))
            .collect();
        for ((server, by), all) in &self.endings {
            for ending in all {
                let Some(verdict) = ending.only else { continue };
                let is_common = endings.has(*server, &ending.cut);
                let became = like.cut(*server, *by, verdict, is_common);
                report.more(*server, became, 1);
                if let Some(left) = left.get_mut(&(*server, Some(verdict))) {
                    *left = left.saturating_sub(1);
                }
            }
        }
        for (kind, count) in left.into_iter().filter(|(_, count)| *count > 0) {
            match like.kinds.get(&kind) {
                Some(Some(became)) => report.more(kind.0, *became, count),
                // What they are like was no attempt at a WebSocket.
                Some(None) => {}
                None => report.unexamined(kind, count),
            }
        }
        for ((server, verdict), count) in &self.settled_kinds {
            if let Some(verdict) = verdict
                && count.more > 0
            {
                report.more(*server, *verdict, count.more);
            }
        }
    }

    /// TLS connections that were not read, those that look most like a WebSocket and lived longest first, and how many
    /// there were.
    #[must_use]
    pub fn encrypted_flows(&self) -> (Vec<&Encrypted>, u64) {
        let mut all: Vec<_> = self.encrypted.iter().collect();
        all.sort_by_key(|one| one.rank());
        all.truncate(ENCRYPTED);
        (all, self.encrypted_count)
    }
}

/// What became of those kept of each kind.
#[derive(Debug, Default)]
struct Likeness {
    kinds: HashMap<Kind, Option<Verdict>>,
    /// The same of those that were cut, by whether their ends have something in common.
    cuts: HashMap<(SocketAddr, Side, Verdict, bool), Verdict>,
}

impl Likeness {
    fn note(
        &mut self,
        attempt: &Attempt,
        verdict: Option<Verdict>,
        endings: &Endings,
        found: Option<&Diagnosis>,
    ) {
        let became = found.map(|found| found.verdict);
        let kind = self
            .kinds
            .entry((attempt.server, verdict))
            .or_insert(became);
        *kind = kind.or(became);
        if let (Some(verdict), Some(became), Some(cut)) = (verdict, became, Cut::of(attempt)) {
            let is_common = endings.has(attempt.server, &cut);
            let key = (attempt.server, cut.by, verdict, is_common);
            self.cuts.entry(key).or_insert(became);
        }
    }

    fn cut(&self, server: SocketAddr, by: Side, verdict: Verdict, is_common: bool) -> Verdict {
        let became = self.cuts.get(&(server, by, verdict, is_common));
        became.copied().unwrap_or(verdict)
    }
}

/// What diagnosis says of a capture.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// Those kept, in the order of their first packets.
    pub list: Vec<Arc<Diagnosis>>,
    /// How many more there are of a verdict at a server, the most first.
    pub more: Vec<More>,
    /// Healthy attempts by server, listed ones included, the most first.
    pub healthy: Vec<(SocketAddr, u64)>,
    /// Healthy attempts at further servers.
    pub healthy_elsewhere: u64,
    /// All attempts by verdict.
    pub verdicts: HashMap<Verdict, u64>,
    /// Attempts that were not looked at: more kinds of them than can be told apart, or no room for the first of a kind.
    pub unexamined: u64,
    /// The worst that was seen, counted ones and those not looked at included.
    pub worst: Option<Severity>,
}

/// Attempts of one verdict at one server that are only counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct More {
    /// The server.
    pub server: SocketAddr,
    /// What became of them.
    pub verdict: Verdict,
    /// How many.
    pub count: u64,
}

impl Report {
    fn more(&mut self, server: SocketAddr, verdict: Verdict, count: u64) {
        let found = self.more.iter_mut();
        // Sorted and joined at the end.
        let last = found.last();
        match last {
            Some(last) if (last.server, last.verdict) == (server, verdict) => last.count += count,
            _ => self.more.push(More {
                server,
                verdict,
                count,
            }),
        }
    }

    fn unexamined(&mut self, (_, verdict): Kind, count: u64) {
        self.unexamined += count;
        self.worst = self.worst.max(verdict.map(Verdict::severity));
    }

    /// Adds up; `healthy` are attempts that were open and turned out healthy, by server.
    fn finish(&mut self, casebook: &Casebook, mut healthy: HashMap<SocketAddr, u64>) {
        for (verdict, count) in &casebook.lost {
            self.unexamined += count;
            self.worst = self.worst.max(verdict.map(Verdict::severity));
        }
        self.list
            .sort_by_key(|diagnosis| (diagnosis.first_packet, diagnosis.connection));
        self.join_more();
        for (server, count) in &casebook.healthy {
            *healthy.entry(*server).or_insert(0) += count;
        }
        self.healthy = healthy.into_iter().collect();
        self.healthy
            .sort_unstable_by_key(|(server, count)| (std::cmp::Reverse(*count), *server));
        self.healthy_elsewhere = casebook.healthy_elsewhere;
        for diagnosis in &self.list {
            if diagnosis.verdict != Verdict::Healthy {
                *self.verdicts.entry(diagnosis.verdict).or_default() += 1;
            }
        }
        for more in &self.more {
            *self.verdicts.entry(more.verdict).or_default() += more.count;
        }
        let healthy: u64 = self.healthy.iter().map(|(_, count)| count).sum();
        if healthy + self.healthy_elsewhere > 0 {
            let count = healthy + self.healthy_elsewhere;
            *self.verdicts.entry(Verdict::Healthy).or_default() += count;
        }
        let worst = self.verdicts.keys().map(|verdict| verdict.severity()).max();
        self.worst = self.worst.max(worst);
    }

    fn join_more(&mut self) {
        let key = |more: &More| (more.server, more.verdict);
        self.more.sort_unstable_by_key(key);
        self.more.dedup_by(|next, first| {
            let is_same = key(next) == key(first);
            if is_same {
                first.count += next.count;
            }
            is_same
        });
        self.more
            .sort_by_key(|more| std::cmp::Reverse((more.verdict.severity(), more.count)));
    }

    /// The same without what evidence quotes of bodies.
    #[must_use]
    pub fn masked(mut self) -> Self {
        for diagnosis in &mut self.list {
            let diagnosis = Arc::make_mut(diagnosis);
            let evidence = std::mem::take(&mut diagnosis.evidence);
            diagnosis.evidence = evidence
                .into_iter()
                .map(super::case::Evidence::masked)
                .collect();
        }
        self
    }

    /// How many attempts there were.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.verdicts.values().sum::<u64>() + self.unexamined
    }

    /// How many of them failed: an error kept the WebSocket from working.
    #[must_use]
    pub fn failed(&self) -> u64 {
        self.not_well(|severity| severity == Severity::Error)
    }

    /// How many of them worked and have something to look at: how they ended, or what may end them.
    #[must_use]
    pub fn warned(&self) -> u64 {
        self.not_well(|severity| severity != Severity::Error)
    }

    fn not_well(&self, is_it: impl Fn(Severity) -> bool) -> u64 {
        let verdicts = self.verdicts.iter();
        let counted =
            verdicts.filter(|(verdict, _)| verdict.stage().is_some() && is_it(verdict.severity()));
        counted.map(|(_, count)| count).sum()
    }

    /// How many were healthy.
    #[must_use]
    pub fn healthy_count(&self) -> u64 {
        self.verdicts.get(&Verdict::Healthy).copied().unwrap_or(0)
    }
}
