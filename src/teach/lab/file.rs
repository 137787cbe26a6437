//! A lab as its author writes it.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::library;

/// A lab file.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabFile {
    /// What it is called on the command line.
    pub name: String,
    /// What it is about, in one line.
    pub title: String,
    /// Minutes it takes in class.
    pub minutes: u32,
    /// What is read before the questions; paragraphs are set apart by empty lines.
    pub about: String,
    /// Where the standard says it.
    pub section: String,
    /// What differs from student to student.
    #[serde(default)]
    pub draw: BTreeMap<String, Draw>,
    /// What the questions are about.
    #[serde(default)]
    pub material: Material,
    /// Values that texts and sums name, worked out first.
    #[serde(default)]
    pub value: BTreeMap<String, Answer>,
    /// The questions, in order.
    pub question: Vec<QuestionFile>,
}

/// Something that differs from student to student. `default` is what it is without a seed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Draw {
    /// What it is without a seed.
    pub default: String,
    /// One of these.
    #[serde(default)]
    pub of: Vec<String>,
    /// A number from this on...
    pub from: Option<u64>,
    /// ... to this one.
    pub to: Option<u64>,
    /// So many random bytes in hex.
    pub hex: Option<usize>,
    /// Sixteen random bytes in base64: a Sec-WebSocket-Key.
    #[serde(default)]
    pub key: bool,
}

/// What the questions are about: one of these, or nothing.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Material {
    /// A script, as `wireloupe build` reads it.
    pub script: Option<String>,
    /// Captures: beside the lab file, or among those inside the program. The first is what the others are compared with.
    #[serde(default)]
    pub captures: Vec<String>,
    /// A key log, likewise.
    pub keylog: Option<String>,
    /// Whether the frames are given as hex: then the student sees bytes and no tree.
    #[serde(default)]
    pub hex: bool,
}

/// A question.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QuestionFile {
    /// What is asked.
    pub ask: String,
    /// What an answer looks like.
    pub kind: Kind,
    /// How it is worked out.
    pub answer: Answer,
    /// What comes of it without a seed.
    pub expect: Option<String>,
    /// Answers to choose from, the right one among them.
    #[serde(default)]
    pub choices: Vec<String>,
    /// Hints, each saying more than the one before.
    #[serde(default)]
    pub hints: Vec<String>,
    /// Why it is so, said afterwards.
    #[serde(default)]
    pub why: String,
    /// Where the standard says it.
    #[serde(default)]
    pub section: String,
    /// What it is worth.
    #[serde(default = "four")]
    pub points: u32,
    /// The frame it is about, by its number in the capture; the panes show it.
    pub frame: Option<u32>,
    /// Fields whose values are covered while it is asked.
    #[serde(default)]
    pub covers: Vec<String>,
}

impl LabFile {
    /// The lab of this name inside the program, as its author wrote it.
    #[must_use]
    pub fn of(name: &str) -> Option<Self> {
        toml::from_str(library::source(name)?).ok()
    }
}

fn four() -> u32 {
    4
}

/// What an answer looks like.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A number, in any base.
    Number,
    /// Bytes in hex, in any spelling.
    Hex,
    /// Text; letter case and spaces at the ends do not matter.
    Text,
    /// One of the choices.
    Choice,
    /// Places of bytes in the frame, counted from 0, such as 2-5: typed, or pointed at.
    Bytes,
    /// A frame in hex that does what is asked.
    Frame,
}

/// How an answer is worked out: one of these.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub enum Answer {
    /// The values of a field of the display filter, in the rows that match.
    Field {
        /// The field.
        name: String,
        /// Which rows; all when it is left out.
        #[serde(default)]
        r#where: String,
        /// Of bytes, only these: the first and the one behind the last.
        slice: Option<(usize, usize)>,
        /// Kind of rows.
        #[serde(default)]
        of: Of,
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// How many rows match.
    Count {
        /// Which.
        r#where: String,
        /// Kind of rows.
        #[serde(default)]
        of: Of,
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// `yes` when a row matches, `no` otherwise.
    Holds {
        /// Which.
        r#where: String,
        /// Kind of rows.
        #[serde(default)]
        of: Of,
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// The first of these whose filter matches a row: what it is called.
    First {
        /// Filters, and what it is called when they match.
        cases: Vec<(String, String)>,
        /// Kind of rows.
        #[serde(default)]
        of: Of,
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// The diagnosis of the capture's first failed attempt.
    Verdict {
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// The stage at which it failed.
    Stage {
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// The places of a field's bytes in a frame.
    Places {
        /// The field, such as `websocket.masking_key`, or `websocket.payload`.
        field: String,
        /// The frame, by its number in the capture.
        frame: u32,
    },
    /// All bytes of a frame as sent.
    Bytes {
        /// The frame, by its number in the capture.
        frame: u32,
        /// Only these bytes: the first and the one behind the last; all when it is left out.
        range: Option<(usize, usize)>,
    },
    /// Bytes of TCP payload.
    Payload {
        /// Who sent them: `client`, `server`, or both when it is left out.
        from: Option<String>,
        /// The port of the server.
        port: u16,
        /// Headers of all layers too, from Ethernet on.
        #[serde(default)]
        with_headers: bool,
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// Segments with payload, likewise.
    Segments {
        /// Who sent them.
        from: Option<String>,
        /// The port of the server.
        port: u16,
        /// Which capture, from 1.
        #[serde(default = "one")]
        capture: usize,
    },
    /// The Sec-WebSocket-Accept of a key.
    Accept {
        /// The key.
        key: String,
    },
    /// The bytes that these words of `wireloupe build` are.
    Build {
        /// A frame in words.
        words: String,
        /// Only its header.
        #[serde(default)]
        header: bool,
    },
    /// A sum of numbers and values, with + - * / and parentheses; the result is rounded down.
    Sum {
        /// The sum.
        of: String,
    },
    /// Any frames that the decoder finds to be as asked.
    Frames {
        /// A filter that a row of theirs matches.
        matches: String,
        /// Kind of rows.
        #[serde(default)]
        of: Of,
        /// Who sends them.
        from: String,
        /// Findings that they have; none when it is left out.
        #[serde(default)]
        findings: Vec<String>,
        /// A right answer, as words of `wireloupe build`, several set apart by `;`.
        example: String,
        /// The bytes that may be changed...
        changes: Option<String>,
        /// ... in at most so many bits.
        #[serde(default)]
        bits: u32,
        /// Whether permessage-deflate is agreed on.
        #[serde(default)]
        deflate: bool,
    },
}

impl Answer {
    /// The capture that it is worked out from, from 1.
    pub(super) fn capture(&self) -> usize {
        match self {
            Answer::Field { capture, .. }
            | Answer::Count { capture, .. }
            | Answer::Holds { capture, .. }
            | Answer::First { capture, .. }
            | Answer::Verdict { capture }
            | Answer::Stage { capture }
            | Answer::Payload { capture, .. }
            | Answer::Segments { capture, .. } => (*capture).max(1),
            _ => 1,
        }
    }
}

fn one() -> usize {
    1
}

/// Kinds of rows.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub enum Of {
    /// Frames.
    #[default]
    Frames,
    /// Messages.
    Messages,
    /// Connections.
    Connections,
    /// Findings.
    Findings,
}
