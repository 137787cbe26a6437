//! A line of what is read, and text that is safe to draw.

use crate::base::escape;

/// Columns of a tab.
const TAB: &str = "    ";

/// What a line is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LineKind {
    /// The title of a part.
    Title,
    /// A remark of ours.
    Note,
    /// A header: name, colon, value.
    Header,
    /// Text as it was sent.
    Text,
    /// A line of JSON.
    Json,
    /// Bytes in hex.
    Hex,
}

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What it is.
    pub kind: LineKind,
    /// How far it is set in.
    pub depth: u16,
    /// It.
    pub text: String,
    /// How many of the lines behind it fold into it.
    pub holds: u32,
    /// Whether they are shown.
    pub is_open: bool,
}

impl Line {
    pub(in crate::view) fn new(kind: LineKind, depth: u16, text: impl Into<String>) -> Self {
        Self {
            kind,
            depth,
            text: text.into(),
            holds: 0,
            is_open: true,
        }
    }
}

/// Text safe to draw: escaped as everywhere, with blanks for tabs.
#[must_use]
pub fn shown(bytes: &[u8]) -> String {
    let parts = bytes.split(|byte| *byte == b'\t');
    parts.map(escape::text).collect::<Vec<_>>().join(TAB)
}
