//! Packets on their way from the capture thread to the reader, many at a time, in memory that is used again.

use crate::base::{PacketNumber, Timestamp};

use super::recording::Position;

/// A packet of a [`Batch`], without its bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PacketRecord {
    /// Its number in the capture, from 1. Packets dropped between batches leave no hole in the files' numbers, but do
    /// here.
    pub number: PacketNumber,
    /// When it was captured.
    pub time: Timestamp,
    /// Its length on the wire, in bytes.
    pub wire_len: u32,
    /// Where its bytes lie on disk.
    pub position: Position,
    /// Where its bytes lie in the batch.
    start: usize,
    len: usize,
}

/// Packets in the order of their capture.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    records: Vec<PacketRecord>,
    bytes: Vec<u8>,
}

impl Batch {
    /// The packets with their captured bytes.
    pub fn packets(&self) -> impl Iterator<Item = (&PacketRecord, &[u8])> {
        self.records.iter().map(|record| {
            let bytes = self.bytes.get(record.start..record.start + record.len);
            (record, bytes.unwrap_or_default())
        })
    }

    /// Packets in the batch.
    #[must_use]
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// Captured bytes in the batch.
    pub(super) fn bytes_len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn push(
        &mut self,
        number: PacketNumber,
        time: Timestamp,
        wire_len: u32,
        position: Position,
        data: &[u8],
    ) {
        self.records.push(PacketRecord {
            number,
            time,
            wire_len,
            position,
            start: self.bytes.len(),
            len: data.len(),
        });
        self.bytes.extend_from_slice(data);
    }

    pub(super) fn clear(&mut self) {
        self.records.clear();
        self.bytes.clear();
    }
}
