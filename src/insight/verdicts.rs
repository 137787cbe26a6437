//! What the diagnosis says of each attempt: the failed ones first.

use std::sync::Arc;

use super::{Diagnosis, Report, Verdict};

/// Diagnoses listed; failures come before healthy ones.
const MOST: usize = 20_000;

/// The diagnoses.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Those listed: the worst first, then in the order of the capture.
    pub list: Vec<Arc<Diagnosis>>,
    /// How many attempts failed, listed or not.
    pub failed: u64,
    /// How many worked and have a warning, listed or not.
    pub warned: u64,
    /// How many attempts there were.
    pub all: u64,
    /// How many of those that did not end well are not listed.
    pub more: u64,
    /// How many healthy ones are not listed.
    pub more_healthy: u64,
}

impl Verdicts {
    /// Sorts a report for showing.
    #[must_use]
    pub fn new(report: Report) -> Self {
        let (failed, all, healthy) = (report.failed(), report.count(), report.healthy_count());
        let warned = report.warned();
        let mut list = report.list;
        list.sort_by_key(|diagnosis| std::cmp::Reverse(diagnosis.verdict.severity()));
        // What is only worth a note comes with the healthy ones, behind what failed.
        list.sort_by_key(|diagnosis| diagnosis.stage().is_none());
        list.truncate(MOST);
        let well = list.iter().filter(|one| one.verdict == Verdict::Healthy);
        let well = well.count() as u64;
        let others = list.len() as u64 - well;
        Self {
            failed,
            warned,
            all,
            more: (all - healthy).saturating_sub(others),
            more_healthy: healthy.saturating_sub(well),
            list,
        }
    }
}

/// How attempts came out, in words: `2 of 5 attempts failed, 1 with a warning`.
#[must_use]
pub fn outcome(all: u64, failed: u64, warned: u64) -> String {
    let noun = if all == 1 { "attempt" } else { "attempts" };
    let warned = match warned {
        0 => String::new(),
        1 => ", 1 with a warning".to_owned(),
        warned => format!(", {warned} with warnings"),
    };
    match failed {
        0 => format!("{all} {noun}, none failed{warned}"),
        _ => format!("{failed} of {all} {noun} failed{warned}"),
    }
}
