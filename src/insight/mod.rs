//! Questions asked of the records: diagnosis, statistics, comparison.
//!
//! Diagnosis: [`facts`] gathers what was seen of each attempt, the rules judge it stage by stage, [`verdict`] is the
//! table of what they can say, [`fix`] what to do about it.

mod answer;
pub mod compare;
mod diagnose;
pub mod encrypted;
pub mod ending;
pub mod facts;
pub mod fix;
mod index;
mod numbering;
mod report;
mod rules_connect;
mod rules_frames;
mod rules_handshake;
mod rules_hop;
mod rules_life;
mod rules_request;
mod rules_status;
mod rules_tcp;
mod rules_tls;
mod software;
pub mod statistics;
pub mod verdict;

pub use diagnose::{Diagnosis, Evidence, diagnose};
pub use facts::{Attempt, Casebook, Collector};
pub use report::{Colours, json, text};
pub use software::Software;
pub use verdict::{Confidence, Stage, Verdict};
