//! What the manual says of diagnosis, written from the tables that the program itself uses.

use super::fix;
use super::verdict::{Stage, Verdict};

/// The table of verdicts as Markdown.
#[must_use]
pub fn verdicts() -> String {
    let mut out = String::from("| verdict | stage | severity | meaning | fix | source |\n");
    out.push_str("| --- | --- | --- | --- | --- | --- |\n");
    for verdict in Verdict::ALL {
        let stage = verdict.stage().map_or("-", Stage::name);
        let source = match verdict.source() {
            "" => String::new(),
            link => format!("<{link}>"),
        };
        let fixes = fix::all(*verdict).join("<br>");
        let row = [
            &format!("`{verdict}`"),
            stage,
            verdict.severity().name(),
            verdict.meaning(),
            &fixes,
            &source,
        ];
        out.push_str("| ");
        out.push_str(&row.join(" | "));
        out.push_str(" |\n");
    }
    out
}
