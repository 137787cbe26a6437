//! What is said beside the output.

use std::io::{self, Write as _};

/// Says a line on stderr. One that cannot be written has nobody to read it.
pub(super) fn tell(what: impl std::fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "wireloupe: {what}");
}
