//! What waits behind a hole: pieces of segments by stream offset, none over another.

use std::collections::BTreeMap;

use crate::base::{PacketNumber, Timestamp};
use crate::flow::delivery::Incoming;

/// Bookkeeping charged for a buffered piece beside its bytes.
const PIECE_COST: usize = 96;

/// What is new of a segment behind a hole.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) bytes: Box<[u8]>,
    pub(super) missing: u32,
    pub(super) packet: PacketNumber,
    pub(super) packet_offset: Option<u32>,
    pub(super) time: Timestamp,
}

impl Piece {
    pub(super) fn len(&self) -> u64 {
        self.bytes.len() as u64 + u64::from(self.missing)
    }

    pub(super) fn cost(&self) -> usize {
        self.bytes.len() + PIECE_COST
    }
}

/// The rarely needed part: what waits behind a hole.
#[derive(Debug, Default)]
pub(super) struct HeldPieces {
    pub(super) pieces: BTreeMap<u64, Piece>,
    pub(super) cost: usize,
    /// When the hole at `next` was first seen.
    pub(super) since: Timestamp,
    /// Stream offset up to which the peer acknowledged, when that was, and segments since.
    pub(super) acked: Option<(u64, Timestamp, u16)>,
    /// Before a start is known: the sequence number that stream offset `JOIN_BASE` stands for.
    pub(super) joining: Option<u32>,
}

impl HeldPieces {
    pub(super) fn insert(&mut self, at: u64, piece: Piece) {
        self.cost += piece.cost();
        self.pieces.insert(at, piece);
    }
}

/// The part of a segment from `from` to `to`, counted from its first payload byte.
pub(super) fn cut(segment: &Incoming<'_>, from: u64, to: u64) -> Piece {
    let captured = segment.payload.len() as u64;
    let (start, end) = (from.min(captured), to.min(captured));
    Piece {
        bytes: segment.payload[start as usize..end as usize].into(),
        missing: ((to - from) - (end - start)) as u32,
        packet: segment.packet,
        packet_offset: segment.packet_offset.map(|at| at + start as u32),
        time: segment.time,
    }
}

/// The first position at which two overlapping runs of bytes differ.
pub(super) fn difference(a_at: u64, a: &[u8], b_at: u64, b: &[u8]) -> Option<u64> {
    let start = a_at.max(b_at);
    let end = (a_at + a.len() as u64).min(b_at + b.len() as u64);
    if start >= end {
        return None;
    }
    let a = &a[(start - a_at) as usize..(end - a_at) as usize];
    let b = &b[(start - b_at) as usize..(end - b_at) as usize];
    a.iter()
        .zip(b)
        .position(|(x, y)| x != y)
        .map(|at| start + at as u64)
}
