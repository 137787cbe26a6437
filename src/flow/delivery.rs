//! What goes into the reassembly of one direction, and what comes out.

use crate::base::{PacketNumber, Timestamp};

/// A segment's bytes as they come.
#[derive(Clone, Copy, Debug)]
pub struct Incoming<'a> {
    /// Sequence number of the first payload byte.
    pub seq: u32,
    /// The captured payload.
    pub payload: &'a [u8],
    /// Payload bytes the snaplen cut off behind it.
    pub missing: u32,
    /// Whether the segment ends the stream.
    pub fin: bool,
    /// The packet that carries it.
    pub packet: PacketNumber,
    /// Where the payload begins in the packet's bytes, when it lies there.
    pub packet_offset: Option<u32>,
    /// When it was captured.
    pub time: Timestamp,
}

/// What comes out, in stream order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery<'a> {
    /// Bytes in order.
    Bytes {
        /// Their position in the stream.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
        /// The packet they came in.
        packet: PacketNumber,
        /// Where they begin in that packet.
        packet_offset: Option<u32>,
        /// When they were in order: the time of the packet that closed the hole before them.
        time: Timestamp,
    },
    /// Bytes the capture does not have.
    Gap {
        /// Position of the first missing byte.
        offset: u64,
        /// How many.
        len: u64,
        /// The snaplen cut them off a packet that the capture has.
        is_cut: bool,
    },
    /// Bytes sent a second time differ from the first.
    Conflict {
        /// Position of the first byte that differs.
        offset: u64,
    },
    /// Bytes sent a second time, for whoever can still compare them with the first.
    Again {
        /// Their position.
        offset: u64,
        /// The bytes.
        bytes: &'a [u8],
    },
    /// The end of the stream, all bytes before it accounted for.
    End,
}
