//! The kinds of rows there are.

use std::fmt;
use std::ops::{BitAnd, BitOr};

/// A set of kinds of rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rows(u8);

impl Rows {
    /// No kind.
    pub const NONE: Rows = Rows(0);
    /// WebSocket frames.
    pub const FRAMES: Rows = Rows(2);
    /// WebSocket messages.
    pub const MESSAGES: Rows = Rows(4);
    /// Connections.
    pub const CONNECTIONS: Rows = Rows(8);
    /// Findings.
    pub const FINDINGS: Rows = Rows(16);
    /// Every kind.
    pub const ALL: Rows = Rows(30);

    const NAMES: [(Rows, &'static str); 4] = [
        (Rows::FRAMES, "frame"),
        (Rows::MESSAGES, "message"),
        (Rows::CONNECTIONS, "connection"),
        (Rows::FINDINGS, "finding"),
    ];

    /// Whether every kind of `other` is in the set.
    #[must_use]
    pub fn has(self, other: Rows) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether it holds no kind.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Both sets together.
    #[must_use]
    pub const fn with(self, other: Rows) -> Rows {
        Rows(self.0 | other.0)
    }
}

impl BitOr for Rows {
    type Output = Rows;
    fn bitor(self, other: Rows) -> Rows {
        self.with(other)
    }
}

impl BitAnd for Rows {
    type Output = Rows;
    fn bitand(self, other: Rows) -> Rows {
        Rows(self.0 & other.0)
    }
}

impl fmt::Display for Rows {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Rows::ALL {
            return f.write_str("all");
        }
        let mut separator = "";
        for (row, name) in Rows::NAMES {
            if self.has(row) {
                write!(f, "{separator}{name}")?;
                separator = ", ";
            }
        }
        Ok(())
    }
}
