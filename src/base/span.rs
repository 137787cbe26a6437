//! Where bytes lie: ranges of a stream, and the packets that carried them.

use super::PacketNumber;

/// A range of byte positions, end excluded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u64,
    /// One past the last byte.
    pub end: u64,
}

impl Span {
    /// The range from `start` up to `end`; empty when `end` is not beyond `start`.
    #[must_use]
    pub fn new(start: u64, end: u64) -> Self {
        Self {
            start,
            end: end.max(start),
        }
    }

    /// `len` bytes from `start` on.
    #[must_use]
    pub fn at(start: u64, len: u64) -> Self {
        Self {
            start,
            end: start.saturating_add(len),
        }
    }

    /// How many bytes.
    #[must_use]
    pub fn len(self) -> u64 {
        self.end - self.start
    }

    /// Whether it holds no byte.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.start == self.end
    }

    /// Whether `position` lies inside.
    #[must_use]
    pub fn contains(self, position: u64) -> bool {
        (self.start..self.end).contains(&position)
    }

    /// The part that both cover.
    #[must_use]
    pub fn intersection(self, other: Span) -> Span {
        Span::new(self.start.max(other.start), self.end.min(other.end))
    }
}

/// A run of stream bytes inside one packet: provenance of everything decoded from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Extent {
    /// Position of the first byte in its side's stream.
    pub stream_offset: u64,
    /// The packet that carried the bytes first.
    pub packet: PacketNumber,
    /// Where they begin in the packet's captured bytes; `None` when the packet's bytes are not the stream's
    /// (IP fragments put together).
    pub packet_offset: Option<u32>,
    /// How many bytes.
    pub len: u32,
}

impl Extent {
    /// The stream positions it covers.
    #[must_use]
    pub fn span(&self) -> Span {
        Span::at(self.stream_offset, u64::from(self.len))
    }
}
