//! Lines for lists: short, in one line, with what came from the wire escaped.

use crate::base::escape;

/// Bytes of a part of a summary.
const PART: usize = 80;
/// Characters of a summary.
const WHOLE: usize = 240;

/// Text or bytes from the wire as a part of a summary.
#[must_use]
pub(super) fn part(bytes: impl AsRef<[u8]>) -> String {
    escape::preview(bytes.as_ref(), PART)
}

/// The summaries of a message's units as one.
pub(super) fn joined(parts: &[String]) -> String {
    let whole = match parts {
        [one] => one.clone(),
        parts => parts.join("; "),
    };
    match whole.char_indices().nth(WHOLE) {
        Some((end, _)) => format!("{}…", &whole[..end]),
        None => whole,
    }
}
