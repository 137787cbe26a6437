//! What to do: the fix for each verdict, in general and for the software at hand.

mod answers;
mod open;
mod reaching;
mod row;

use super::software::Software;
use super::verdict::Verdict;

use row::Fix;

fn rows() -> impl Iterator<Item = &'static Fix> {
    [reaching::FIXES, answers::FIXES, open::FIXES]
        .into_iter()
        .flatten()
}

/// What to do, for this software where there is something special, and where that is documented.
#[must_use]
pub fn fix(verdict: Verdict, software: Option<Software>) -> (&'static str, &'static str) {
    let of = |wanted: Option<Software>| {
        rows().find(|(of, software, ..)| *of == verdict && *software == wanted)
    };
    let special = software.and_then(|software| of(Some(software)));
    match special.or_else(|| of(None)) {
        Some((_, _, text, "")) => (text, verdict.source()),
        Some((_, _, text, source)) => (text, source),
        None => ("", verdict.source()),
    }
}

/// Every fix for a verdict, by software.
#[must_use]
pub fn all(verdict: Verdict) -> Vec<String> {
    let rows = rows().filter(|(of, ..)| *of == verdict);
    rows.map(|(_, software, text, _)| match software {
        Some(software) => format!("**{}**: {}", software.name(), text.replace('|', "\\|")),
        None => text.replace('|', "\\|"),
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_failure_has_a_fix() {
        for verdict in Verdict::ALL
            .iter()
            .filter(|verdict| verdict.stage().is_some())
        {
            assert!(!fix(*verdict, None).0.is_empty(), "{verdict}");
        }
    }
}
