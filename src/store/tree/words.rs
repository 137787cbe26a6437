//! How the lines of a tree say what they show.

/// Bytes of a text or of other data shown in a line.
pub(super) const PREVIEW: usize = 4096;

/// A number of bytes in words.
#[must_use]
pub fn bytes(number: u64) -> String {
    match number {
        1 => "1 byte".to_owned(),
        number => format!("{number} bytes"),
    }
}
