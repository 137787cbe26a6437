//! What to do: the fix for each verdict, in general and for the software at hand.

mod answers;
mod open;
mod reaching;
mod row;
mod situations;

use super::software::Software;
use super::verdict::Verdict;

use row::Fix;
pub(super) use row::Situation;

fn rows() -> impl Iterator<Item = &'static Fix> {
    [reaching::FIXES, answers::FIXES, open::FIXES]
        .into_iter()
        .flatten()
}

/// What to do, in this situation and for this software where there is something special, and where that is documented.
#[must_use]
pub(super) fn fix(
    verdict: Verdict,
    situation: Option<Situation>,
    software: Option<Software>,
) -> (&'static str, &'static str) {
    let of = |wanted: Option<Software>| {
        rows().find(|(of, software, ..)| *of == verdict && *software == wanted)
    };
    let in_situation = |wanted: Option<Software>| {
        let mut all = situations::FIXES.iter();
        let found = all.find(|(of, (of_verdict, of_software, ..))| {
            Some(*of) == situation && *of_verdict == verdict && *of_software == wanted
        });
        found.map(|(_, fix)| fix)
    };
    let general = || software.and_then(|it| of(Some(it))).or_else(|| of(None));
    let special = || {
        let by_software = software.and_then(|it| in_situation(Some(it)));
        by_software.or_else(|| in_situation(None))
    };
    match special().or_else(general) {
        Some((_, _, text, "")) => (text, verdict.source()),
        Some((_, _, text, source)) => (text, source),
        None => ("", verdict.source()),
    }
}

/// Every fix for a verdict, by software and situation.
#[must_use]
pub fn all(verdict: Verdict) -> Vec<String> {
    let general = rows().map(|fix| (None, fix));
    let special = situations::FIXES
        .iter()
        .map(|(when, fix)| (Some(when), fix));
    let all = general
        .chain(special)
        .filter(|(_, (of, ..))| *of == verdict);
    all.map(|(when, (_, software, text, _))| {
        let words = [when.map(|when| when.words()), software.map(Software::name)];
        let words: Vec<&str> = words.into_iter().flatten().collect();
        let text = text.replace('|', "\\|");
        match words.is_empty() {
            true => text,
            false => format!("**{}**: {text}", words.join(", ")),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_situation_comes_before_the_software_and_both_before_the_general() {
        let plain = |situation, software| fix(Verdict::PlainToTlsPort, situation, software).0;
        let behind = Some(Situation::BehindProxy);
        assert!(plain(None, None).contains("wss://"));
        assert!(plain(None, Some(Software::Nginx)).contains("wss://"));
        assert!(plain(behind, None).contains("https://"));
        assert!(plain(behind, Some(Software::Nginx)).contains("proxy_pass https://"));
        assert_eq!(plain(behind, Some(Software::Iis)), plain(behind, None));
    }

    #[test]
    fn every_failure_has_a_fix() {
        for verdict in Verdict::ALL
            .iter()
            .filter(|verdict| verdict.stage().is_some())
        {
            assert!(!fix(*verdict, None, None).0.is_empty(), "{verdict}");
        }
    }
}
