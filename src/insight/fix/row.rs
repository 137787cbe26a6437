//! What a row of the fixes' table holds.

use crate::insight::software::Software;
use crate::insight::verdict::Verdict;

/// The verdict; the software it is for, if special; what to do; and where that is documented, `""` where the verdict's own
/// source says it.
pub(super) type Fix = (Verdict, Option<Software>, &'static str, &'static str);
