//! Questions asked of the records: diagnosis, statistics, comparison.
//!
//! Diagnosis: `facts` gathers what was seen of each attempt, `rules` judge it stage by stage, [`verdict`] is the table of what
//! they can say, [`fix`] what to do about it, and a [`Casebook`] keeps and counts.

mod case;
pub mod casebook;
pub mod compare;
mod diagnose;
pub mod encrypted;
pub mod ending;
pub mod facts;
mod failures;
pub mod fix;
mod heartbeats;
mod index;
pub mod manual;
mod rules;
mod software;
pub mod statistics;
pub mod verdict;
pub mod verdicts;
mod waiting;

pub use case::Evidence;
pub use casebook::{BatchFacts, Casebook, Facts, Keep, More, Report};
pub use diagnose::Diagnosis;
pub use facts::Attempt;
pub use software::Software;
pub use verdict::{Confidence, Stage, Verdict};
