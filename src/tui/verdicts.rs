//! What the diagnosis says of each attempt: the failed ones first.

use crate::insight::Diagnosis;

/// Diagnoses kept; failures come before healthy ones.
const MOST: usize = 20_000;

/// The diagnoses.
#[derive(Debug, Default)]
pub struct Verdicts {
    /// Those shown: the worst first, then in the order of the capture.
    pub list: Vec<Diagnosis>,
    /// How many of them failed.
    pub failed: usize,
    /// How many more there are.
    pub left_out: usize,
}

impl Verdicts {
    /// Sorts diagnoses for showing.
    #[must_use]
    pub fn new(mut list: Vec<Diagnosis>, left_out: u64) -> Self {
        list.sort_by_key(|diagnosis| std::cmp::Reverse(diagnosis.verdict.severity()));
        // What is only worth a note comes with the healthy ones, behind what failed.
        list.sort_by_key(|diagnosis| diagnosis.stage().is_none());
        let failed = list.partition_point(|diagnosis| diagnosis.stage().is_some());
        let dropped = list.len().saturating_sub(MOST);
        list.truncate(MOST);
        Self {
            failed: failed.min(MOST),
            left_out: dropped + usize::try_from(left_out).unwrap_or(usize::MAX),
            list,
        }
    }
}
