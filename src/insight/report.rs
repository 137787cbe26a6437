//! Diagnoses as text for people and as JSON for programs.

use serde_json::{Value, json};

use crate::base::Severity;

use super::diagnose::Diagnosis;

/// Escape sequences by role; empty strings where there are none.
#[derive(Clone, Copy, Debug, Default)]
pub struct Colours {
    /// An error's verdict.
    pub error: &'static str,
    /// A warning's verdict.
    pub warning: &'static str,
    /// What is healthy.
    pub healthy: &'static str,
    /// What matters less.
    pub faint: &'static str,
    /// Back to normal.
    pub reset: &'static str,
}

impl Colours {
    /// Sixteen-colour codes, which every terminal maps to its own theme.
    pub const ANSI: Colours = Colours {
        error: "\x1b[1;31m",
        warning: "\x1b[33m",
        healthy: "\x1b[32m",
        faint: "\x1b[2m",
        reset: "\x1b[0m",
    };

    fn severity(&self, severity: Severity) -> &'static str {
        match severity {
            Severity::Error => self.error,
            Severity::Warning => self.warning,
            Severity::Note => self.healthy,
        }
    }
}

/// One diagnosis for people: a line when all is well, else a paragraph.
#[must_use]
pub fn text(diagnosis: &Diagnosis, colours: &Colours) -> String {
    let number = diagnosis
        .connection
        .map_or_else(|| "-".to_owned(), |number| number.to_string());
    let colour = colours.severity(diagnosis.verdict.severity());
    let (reset, faint) = (colours.reset, colours.faint);
    let mut out = format!(
        "{number:>4}  {} -> {}  {colour}{}{reset}\n",
        diagnosis.client, diagnosis.server, diagnosis.sentence
    );
    let Some(stage) = diagnosis.stage() else {
        return out;
    };
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
pub fn json(diagnosis: &Diagnosis) -> Value {
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
        "stage": diagnosis.stage().map(super::Stage::name),
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
        "fix": some(fix),
        "source": some(source),
    })
}
