//! What a session reads: runs of bytes in stream order, and the holes between them.

use crate::base::{PacketNumber, Timestamp};
use crate::flow::End;

/// A run of in-order stream bytes from one end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Chunk<'a> {
    pub(super) end: End,
    /// Position in the end's stream.
    pub(super) offset: u64,
    pub(super) bytes: &'a [u8],
    /// The packet that carried them, or the last one of the TLS record that did.
    pub(super) packet: PacketNumber,
    /// The record's earlier packets.
    pub(super) earlier: &'a [PacketNumber],
    /// When they came.
    pub(super) time: Timestamp,
}

impl<'a> Chunk<'a> {
    /// The same without its first `len` bytes.
    pub(super) fn after(self, len: usize) -> Chunk<'a> {
        Chunk {
            offset: self.offset + len as u64,
            bytes: self.bytes.get(len..).unwrap_or_default(),
            ..self
        }
    }
}

/// Stream bytes of one end that nobody can read.
#[derive(Clone, Copy, Debug)]
pub(super) struct Hole {
    pub(super) end: End,
    /// Position of the first missing byte.
    pub(super) offset: u64,
    pub(super) len: u64,
    pub(super) why: Why,
    /// Whether exactly `len` bytes are missing. Otherwise it is an estimate, and the next bytes may be anything.
    pub(super) is_exact: bool,
}

impl Hole {
    /// Takes the next hole of the same end into this one.
    pub(super) fn extend(&mut self, next: Hole) {
        self.len = self.len.saturating_add(next.len);
        self.is_exact &= next.is_exact;
        if self.why != next.why {
            self.why = Why::Lost;
        }
    }
}

/// Why bytes cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Why {
    /// The capture does not have their packets.
    Lost,
    /// The snaplen cut them off a packet that the capture has.
    Snaplen,
    /// They were captured and could not be decrypted; a finding of its own says so.
    Unread,
}
