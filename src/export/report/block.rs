//! What a report is made of, before it is HTML or Markdown.
//!
//! A [`Line`] keeps apart what we say and what the wire said, so that whoever renders it can make each harmless in its own
//! way. Nothing here is escaped.

use crate::base::Severity;
use crate::insight::Stage;
use crate::view::ladder::Ladder;

/// A part of a line.
#[derive(Clone, Debug)]
pub(super) enum Part {
    /// Words; what they quote of the wire has its control characters escaped already.
    Text(String),
    /// The same, and they matter.
    Strong(String),
    /// Bytes of the wire as text, or a name from a table: shown as it is, in a fixed font.
    Code(String),
    /// A place in the report, and what is written there.
    Anchor(String, String),
    /// An address from our own tables.
    Link(String),
    /// How bad something is, in a word and a colour.
    Badge(Severity, String),
}

/// A line of text.
pub(super) type Line = Vec<Part>;

/// Words as a line.
pub(super) fn text(text: impl Into<String>) -> Line {
    vec![Part::Text(text.into())]
}

/// What became of a stage of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Passed {
    /// It was passed, or there was none.
    Yes,
    /// It failed.
    No,
    /// It was never reached.
    NotReached,
}

/// What a byte of a dump is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ByteKind {
    /// Headers below the payload of TCP.
    Lower,
    /// The header of a frame.
    FrameHeader,
    /// Payload of TCP.
    Payload,
    /// The same, withheld.
    Masked,
}

/// A bar of a chart.
#[derive(Clone, Debug)]
pub(super) struct Bar {
    pub(super) label: String,
    pub(super) count: u64,
    /// What is written beside it, when that is not the count.
    pub(super) value: Option<String>,
}

/// A message of a conversation.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) id: String,
    pub(super) is_client: bool,
    /// Its number, kind, length and time.
    pub(super) about: String,
    pub(super) text: String,
}

/// A part of the report.
#[derive(Clone, Debug)]
pub(super) enum Block {
    /// A heading with its anchor; the level is 2 for sections, 3 below.
    Heading {
        level: u8,
        id: String,
        line: Line,
    },
    Paragraph(Line),
    List(Vec<Line>),
    /// What is known, by name.
    Facts(Vec<(&'static str, Line)>),
    Table {
        caption: &'static str,
        head: &'static [&'static str],
        rows: Vec<Vec<Line>>,
    },
    Bars {
        caption: String,
        bars: Vec<Bar>,
    },
    /// Counts over time.
    Timeline {
        caption: String,
        counts: Vec<u64>,
    },
    /// The stages of an attempt.
    Stages(Vec<(Stage, Passed)>),
    Ladder {
        title: String,
        ladder: Ladder,
        /// Packets that the verdict rests on.
        evidence: Vec<u64>,
    },
    /// The bytes of a packet.
    Dump {
        bytes: Vec<u8>,
        kinds: Vec<ByteKind>,
    },
    /// Lines of the wire, one below the other.
    Lines(Vec<String>),
    Chat(Vec<Said>),
    /// What is folded away until somebody asks.
    Fold {
        id: Option<String>,
        line: Line,
        blocks: Vec<Block>,
    },
}

/// A section heading.
pub(super) fn section(id: &str, title: impl Into<String>) -> Block {
    Block::Heading {
        level: 2,
        id: id.to_owned(),
        line: text(title),
    }
}

/// Cuts a text to `most` characters.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
