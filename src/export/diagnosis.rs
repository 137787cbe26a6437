//! A diagnosis as text for people and as JSON for programs.
//!
//! Both are made an attempt at a time: the whole of many attempts would take more memory than the capture.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

use serde_json::{Value, json};

use crate::base::{PerSide, Process, escape};
use crate::insight::encrypted::Encrypted;
use crate::insight::verdicts::outcome;
use crate::insight::{Casebook, Diagnosis, More, Report, Stage, Verdict};
use crate::tls::CertificateNames;

use super::text::Palette;

/// Attempts of one verdict at one server that text has in full.
const ALIKE: usize = 20;
/// Healthy attempts that text lists; more are counted by server.
const HEALTHY: u64 = 20;
/// Servers and kinds listed.
const LISTED: usize = 20;
/// Verdicts named in the first line.
const NAMED: usize = 4;
/// The longest sentence in the first line, in characters.
const SENTENCE: usize = 200;

/// What the whole diagnosis says, for people. `all` lists everything that is kept.
pub struct DiagnosisText<'a> {
    report: &'a Report,
    palette: Palette,
    all: bool,
}

impl<'a> DiagnosisText<'a> {
    /// The text of a report.
    #[must_use]
    pub fn new(report: &'a Report, palette: Palette, all: bool) -> Self {
        Self {
            report,
            palette,
            all,
        }
    }

    /// Hands on one piece after the other: a line that sums up, what failed with the worst first, and what is healthy.
    ///
    /// # Errors
    /// The first of `each`.
    pub fn write<E>(
        &self,
        casebook: &Casebook,
        mut each: impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        if self.report.count() == 0 {
            each(NOTHING)?;
        } else {
            each(&self.summary())?;
        }
        let mut hidden: HashMap<(SocketAddr, Verdict), u64> = HashMap::new();
        let lists_healthy = self.all || self.report.healthy_count() <= HEALTHY;
        let mut shown: HashMap<(SocketAddr, Verdict), usize> = HashMap::new();
        for diagnosis in self.worst_first() {
            let kind = (diagnosis.server, diagnosis.verdict);
            let count = shown.entry(kind).or_default();
            let is_shown = match diagnosis.verdict {
                Verdict::Healthy => lists_healthy,
                _ => self.all || *count < ALIKE,
            };
            *count += usize::from(is_shown);
            match is_shown {
                true => each(&text(diagnosis, &self.palette))?,
                false => *hidden.entry(kind).or_default() += 1,
            }
        }
        self.more(hidden, &mut each)?;
        if !lists_healthy || self.healthy_listed() < self.report.healthy_count() {
            self.healthy(&mut each)?;
        }
        encrypted_text(casebook, &mut each)
    }

    /// All listed ones, what failed before what is healthy and the worst of it first.
    fn worst_first(&self) -> Vec<&Diagnosis> {
        let mut list: Vec<_> = self.report.list.iter().map(|one| &**one).collect();
        list.sort_by_key(|diagnosis| {
            let is_well = diagnosis.verdict == Verdict::Healthy;
            let severity = diagnosis.verdict.severity();
            (is_well, std::cmp::Reverse(severity))
        });
        list
    }

    /// `2 of 5 attempts failed: status-404 2; the server ...`.
    fn summary(&self) -> String {
        let report = self.report;
        let count = report.count();
        let mut verdicts: Vec<_> = report.verdicts.iter().collect();
        verdicts.retain(|(verdict, _)| **verdict != Verdict::Healthy);
        verdicts.sort_by_key(|(verdict, count)| {
            (std::cmp::Reverse((verdict.severity(), **count)), **verdict)
        });
        let mut parts: Vec<String> = verdicts
            .iter()
            .take(NAMED)
            .map(|(verdict, count)| format!("{count} {verdict}"))
            .collect();
        if let Some(more @ 1..) = verdicts.len().checked_sub(NAMED) {
            parts.push(format!("{more} more kinds"));
        }
        if report.healthy_count() > 0 {
            parts.push(format!("{} healthy", report.healthy_count()));
        }
        if report.unexamined > 0 {
            parts.push(format!("{} not looked at", report.unexamined));
        }
        let mut out = outcome(count, report.failed(), report.warned());
        // Writing to a string cannot fail.
        let _ = write!(out, ": {}", parts.join(", "));
        let first = self.worst_first().into_iter().next();
        if let Some(first) = first.filter(|first| first.stage().is_some()) {
            let sentence: String = first.sentence.chars().take(SENTENCE).collect();
            let cut = if sentence.len() < first.sentence.len() {
                "…"
            } else {
                ""
            };
            let _ = write!(out, "; {sentence}{cut}");
        }
        out.push('\n');
        out
    }

    /// What is counted and not shown, by kind.
    fn more<E>(
        &self,
        mut hidden: HashMap<(SocketAddr, Verdict), u64>,
        each: &mut impl FnMut(&str) -> Result<(), E>,
    ) -> Result<(), E> {
        hidden.retain(|(_, verdict), _| *verdict != Verdict::Healthy);
        for More {
            server,
            verdict,
            count,
        } in &self.report.more
        {
            *hidden.entry((*server, *verdict)).or_default() += count;
        }
        let mut all: Vec<_> = hidden.into_iter().collect();
        all.sort_by_key(|((server, verdict), count)| {
            (std::cmp::Reverse((verdict.severity(), *count)), *server)
        });
        for ((server, verdict), count) in all.iter().take(LISTED) {
            each(&format!("{count:>10} more {verdict} at {server}\n"))?;
        }
        let rest = all.iter().skip(LISTED).map(|(_, count)| count);
        let rest: u64 = rest.sum();
        if rest > 0 {
            let kinds = all.len() - LISTED;
            each(&format!("{rest:>10} more of {kinds} further kinds\n"))?;
        }
        if self.report.unexamined > 0 {
            let count = self.report.unexamined;
            each(&format!(
                "{count:>10} not looked at: more kinds of failures at more servers than fit in memory\n"
            ))?;
        }
        Ok(())
    }

    fn healthy_listed(&self) -> u64 {
        let list = self.report.list.iter();
        list.filter(|one| one.verdict == Verdict::Healthy).count() as u64
    }

    /// Healthy attempts by server.
    fn healthy<E>(&self, each: &mut impl FnMut(&str) -> Result<(), E>) -> Result<(), E> {
        let (colour, reset) = (self.palette.healthy, self.palette.reset);
        let hint = if self.all { "" } else { " (--all lists them)" };
        each(&format!("{colour}healthy{reset}, by server{hint}:\n"))?;
        let all = &self.report.healthy;
        for (server, count) in all.iter().take(LISTED) {
            each(&format!("{count:>10} at {server}\n"))?;
        }
        let rest: u64 = all.iter().skip(LISTED).map(|(_, count)| count).sum();
        match rest + self.report.healthy_elsewhere {
            0 => Ok(()),
            rest => each(&format!("{rest:>10} at further servers\n")),
        }
    }
}

const NOTHING: &str = "no attempt at a WebSocket in this capture. If there should be one: was the capture taken on the right interface\n\
     and port? Inside TLS (wss) nothing is read without keys.\n";

/// What is said of TLS and QUIC that was not read, for people, a piece at a time.
///
/// # Errors
/// The first of `each`.
pub fn encrypted_text<E>(
    casebook: &Casebook,
    each: &mut impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let (all, count) = casebook.encrypted_flows();
    if count > 0 {
        let opens = match all.iter().all(|one| one.tls.unsupported().is_some()) {
            true => "",
            false => " (--keylog FILE with their secrets opens it)",
        };
        let has_quic = all.iter().any(|one| one.quic.is_some());
        let what = if has_quic { "TLS and QUIC" } else { "TLS" };
        each(&format!(
            "{what} that was not read, with what shows from outside{opens}:\n"
        ))?;
    }
    for one in all.iter().take(LISTED) {
        each(&encrypted_line(one))?;
    }
    match count.saturating_sub(LISTED as u64) {
        0 => Ok(()),
        more => each(&format!(
            "   and {more} more (--format json has them all)\n"
        )),
    }
}

/// The whole diagnosis as one JSON document, a piece at a time.
///
/// # Errors
/// The first of `each`.
pub fn diagnosis_json<E>(
    report: &Report,
    casebook: &Casebook,
    mut each: impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    each("{\n  \"summary\": ")?;
    each(&indented(&summary_json(report)))?;
    each(",\n  \"attempts\": ")?;
    array(report.list.iter().map(|one| attempt_json(one)), &mut each)?;
    each(",\n  \"encrypted\": ")?;
    let (encrypted, _) = casebook.encrypted_flows();
    array(encrypted.into_iter().map(encrypted_json), &mut each)?;
    each("\n}\n")
}

fn array<E>(
    values: impl Iterator<Item = Value>,
    each: &mut impl FnMut(&str) -> Result<(), E>,
) -> Result<(), E> {
    let mut is_empty = true;
    for value in values {
        each(if is_empty { "[\n    " } else { ",\n    " })?;
        each(&format!("{value:#}").replace('\n', "\n    "))?;
        is_empty = false;
    }
    each(if is_empty { "[]" } else { "\n  ]" })
}

fn indented(value: &Value) -> String {
    format!("{value:#}").replace('\n', "\n  ")
}

/// What the whole capture came to.
fn summary_json(report: &Report) -> Value {
    let mut verdicts: Vec<_> = report.verdicts.iter().collect();
    verdicts.sort_unstable();
    let verdicts = verdicts
        .into_iter()
        .map(|(verdict, count)| (verdict.name().to_owned(), Value::from(*count)));
    let healthy: Vec<Value> = report
        .healthy
        .iter()
        .map(|(server, count)| json!({"server": server.to_string(), "attempts": count}))
        .collect();
    let more: Vec<Value> = report
        .more
        .iter()
        .map(|more| {
            json!({
                "verdict": more.verdict.name(),
                "server": more.server.to_string(),
                "attempts": more.count,
            })
        })
        .collect();
    json!({
        "attempts": report.count(),
        "failed": report.failed(),
        "warned": report.warned(),
        "healthy": report.healthy_count(),
        "not_looked_at": report.unexamined,
        "verdicts": verdicts.collect::<serde_json::Map<_, _>>(),
        "healthy_servers": healthy,
        "not_listed": more,
    })
}

/// One diagnosis for people: a line when all is well, else a paragraph.
fn text(diagnosis: &Diagnosis, palette: &Palette) -> String {
    let number = diagnosis
        .connection
        .map_or_else(|| "-".to_owned(), |number| number.to_string());
    let colour = palette.verdict(diagnosis.verdict.severity());
    let (reset, faint) = (palette.reset, palette.faint);
    let processes = diagnosis.processes();
    let processes = processes.map_or_else(String::new, |them| escape::text(them.as_bytes()));
    let mut out = format!(
        "{number:>4}  {} -> {}  {colour}{}{reset}",
        diagnosis.client, diagnosis.server, diagnosis.sentence
    );
    let Some(stage) = diagnosis.stage() else {
        if !processes.is_empty() {
            out.push_str(&format!("  [{processes}]"));
        }
        out.push('\n');
        return out;
    };
    out.push('\n');
    let mut line = |label: &str, text: &str| {
        if !text.is_empty() {
            out.push_str(&format!("      {faint}{label:<10}{reset} {text}\n"));
        }
    };
    let verdict = format!(
        "{} (stage {}, {})",
        diagnosis.verdict,
        stage.name(),
        diagnosis.confidence.name()
    );
    line("verdict", &verdict);
    line("means", diagnosis.verdict.meaning());
    for evidence in &diagnosis.evidence {
        let at = match evidence.packet {
            Some(packet) => format!("packet {}: {}", packet.0, evidence.text),
            None => evidence.text.clone(),
        };
        line("evidence", &at);
    }
    if let Some((software, header)) = &diagnosis.software {
        line("software", &format!("{} ({header})", software.name()));
    }
    line("processes", &processes);
    line("rules out", diagnosis.rules_out());
    line("ending", &diagnosis.ending);
    line("settle by", diagnosis.verdict.settle());
    let (fix, source) = diagnosis.fix();
    line("fix", fix);
    line("source", source);
    out
}

/// One diagnosis for programs.
#[must_use]
pub fn attempt_json(diagnosis: &Diagnosis) -> Value {
    let (fix, source) = diagnosis.fix();
    let some = |text: &str| match text {
        "" => Value::Null,
        text => Value::from(text),
    };
    let evidence: Vec<Value> = diagnosis
        .evidence
        .iter()
        .map(|evidence| json!({"packet": evidence.packet.map(|packet| packet.0), "text": evidence.text}))
        .collect();
    let packets: Vec<u64> = diagnosis.packets().iter().map(|packet| packet.0).collect();
    json!({
        "connection": diagnosis.connection,
        "client": diagnosis.client.to_string(),
        "server": diagnosis.server.to_string(),
        "verdict": diagnosis.verdict.name(),
        "stage": diagnosis.stage().map(Stage::name),
        "severity": diagnosis.verdict.severity().name(),
        "confidence": diagnosis.confidence.name(),
        "sentence": diagnosis.sentence,
        "meaning": diagnosis.verdict.meaning(),
        "packets": packets,
        "evidence": evidence,
        "software": diagnosis.software.as_ref().map(|(software, _)| software.name()),
        "rules_out": some(diagnosis.rules_out()),
        "settle": some(diagnosis.verdict.settle()),
        "ending": diagnosis.ending,
        "processes": processes_json(&diagnosis.processes),
        "fix": some(fix),
        "source": some(source),
    })
}

/// The processes at both ends, as in NDJSON but without arguments; null where nothing is known of either.
fn processes_json(processes: &PerSide<Option<Arc<Process>>>) -> Value {
    let PerSide { client, server } = processes;
    if client.is_none() && server.is_none() {
        return Value::Null;
    }
    let text = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    let one = |process: &Option<Arc<Process>>| {
        process.as_ref().map(|process| {
            json!({
                "pid": process.pid,
                "name": text(&process.name),
                "executable": text(&process.executable),
                "user": process.user_name(),
                "container": text(&process.container),
                "network_namespace": process.namespace,
            })
        })
    };
    json!({"client": one(client), "server": one(server)})
}

/// A TLS connection that was not read, for people, in a line. What came from the wire is quoted and escaped.
fn encrypted_line(one: &Encrypted) -> String {
    let tls = &*one.tls;
    let mut out = format!(
        "   -  {} -> {}  from packet {}, {:.1} s",
        one.client,
        one.server,
        one.packet.0,
        one.lifetime.as_secs_f64()
    );
    // Writing to a string cannot fail.
    let mut say = |text: std::fmt::Arguments<'_>| {
        let _ = write!(out, "; {text}");
    };
    if let Some(version) = one.quic {
        say(format_args!("QUIC version {version}"));
    }
    match (tls.version, tls.version_offered) {
        (Some(version), _) => say(format_args!("{version}")),
        (None, Some(offered)) => say(format_args!("{offered} offered")),
        (None, None) => say(format_args!("TLS")),
    }
    if let Some(suite) = tls.suite {
        say(format_args!("{suite}"));
    }
    if let Some(name) = &tls.server_name {
        say(format_args!("server name {name:?}"));
    }
    match &tls.alpn {
        Some(chosen) => say(format_args!("ALPN {chosen:?}")),
        None if tls.alpn_offered.is_empty() => {}
        None => say(format_args!("ALPN offered {:?}", tls.alpn_offered)),
    }
    if let Some(CertificateNames {
        subject, issuer, ..
    }) = &tls.certificate
    {
        say(format_args!("certificate of {subject:?} by {issuer:?}"));
    }
    for (side, _, alert) in &tls.alerts {
        say(format_args!("alert {alert} from the {}", side.name()));
    }
    if let Some(why) = tls.unsupported() {
        say(format_args!("{why}, whatever keys there are"));
    }
    match one.quic {
        Some(_) => say(format_args!(
            "whether a WebSocket is inside shows only with keys; today's browsers open WebSockets over TCP"
        )),
        None => say(format_args!(
            "a WebSocket inside is {}",
            one.likeness.name()
        )),
    }
    out.push('\n');
    out
}

/// The same for programs.
fn encrypted_json(one: &Encrypted) -> Value {
    let tls = &*one.tls;
    let alerts: Vec<Value> = tls
        .alerts
        .iter()
        .map(|(side, level, alert)| {
            json!({"from": side.name(), "level": level.to_string(), "alert": alert.to_string()})
        })
        .collect();
    json!({
        "client": one.client.to_string(),
        "server": one.server.to_string(),
        "packet": one.packet.0,
        "seconds": one.lifetime.as_secs_f64(),
        "quic": one.quic.map(|version| version.to_string()),
        "version": tls.version.map(|version| version.to_string()),
        "version_offered": tls.version_offered.map(|version| version.to_string()),
        "suite": tls.suite.map(|suite| suite.to_string()),
        "server_name": tls.server_name,
        "alpn": tls.alpn,
        "alpn_offered": tls.alpn_offered,
        "certificate": tls.certificate.as_ref().map(|names| json!({
            "subject": names.subject,
            "issuer": names.issuer,
            "valid_from": names.valid_from.map(|time| time.to_string()),
            "valid_until": names.valid_until.map(|time| time.to_string()),
            "hosts": names.hosts,
        })),
        "alerts": alerts,
        "decryption": tls.decryption.text(),
        "unsupported": tls.unsupported(),
        "websocket": one.likeness.name(),
    })
}
