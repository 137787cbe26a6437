//! Packets read together: one buffer and an index into it.

use crate::base::{LinkType, Named, PacketNumber, Timestamp};

/// Where a packet's captured bytes lie in the uncompressed input, so that they can be read again.
///
/// Packed in eight bytes: 16 bits of file index, 48 of offset (256 TiB).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilePosition(u64);

impl FilePosition {
    const OFFSET_BITS: u32 = 48;

    /// Byte `offset` of input `file`, counted from 0 in the order the inputs were named.
    #[must_use]
    pub fn new(file: u16, offset: u64) -> Self {
        let mask = (1 << Self::OFFSET_BITS) - 1;
        Self(u64::from(file) << Self::OFFSET_BITS | offset & mask)
    }

    /// The index of the input.
    #[must_use]
    pub fn file(self) -> u16 {
        (self.0 >> Self::OFFSET_BITS) as u16
    }

    /// The offset of the first captured byte in the uncompressed input.
    #[must_use]
    pub fn offset(self) -> u64 {
        self.0 & ((1 << Self::OFFSET_BITS) - 1)
    }
}

/// One packet of a [`Batch`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PacketRecord {
    /// Its number in the merged capture, from 1.
    pub number: PacketNumber,
    /// When it was captured.
    pub time: Timestamp,
    /// Where its bytes are in the input.
    pub position: FilePosition,
    /// Where its bytes begin in the batch.
    pub start: u32,
    /// How many bytes were captured.
    pub captured: u32,
    /// How many bytes it had on the wire; never less than `captured`.
    pub original: u32,
    /// What its bytes begin with.
    pub link: LinkType,
}

/// Packets read together: one owned buffer and an index into it.
///
/// Made to be reused: filling it again neither allocates nor frees once it has grown to its size. The buffer may hold
/// bytes between packets (record headers of the file it was read from).
#[derive(Debug, Default)]
pub struct Batch {
    /// Only `data[..filled]` means something; the rest is room that was zeroed once.
    pub(super) data: Vec<u8>,
    pub(super) filled: usize,
    pub(super) packets: Vec<PacketRecord>,
    /// Comments found in the file, by index into `packets`.
    pub(super) comments: Vec<(u32, String)>,
    /// Packets whose processes the file names, in order.
    pub(super) named: Vec<Named>,
    /// The capture's last packet, where it is in none of the inputs.
    pub(super) end: Option<(PacketNumber, Timestamp)>,
}

impl Batch {
    /// An empty batch.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The packets with their bytes, in capture order.
    pub fn packets(&self) -> impl ExactSizeIterator<Item = (&PacketRecord, &[u8])> {
        self.packets
            .iter()
            .map(|record| (record, self.bytes(record)))
    }

    /// The records alone.
    #[must_use]
    pub fn records(&self) -> &[PacketRecord] {
        &self.packets
    }

    /// Packets whose processes the file names, in order.
    #[must_use]
    pub fn named(&self) -> &[Named] {
        &self.named
    }

    /// Keeps the packets for which `keep` says so, which may change their records.
    pub fn retain(&mut self, mut keep: impl FnMut(&mut PacketRecord, &[u8]) -> bool) {
        let data = &self.data;
        self.packets.retain_mut(|record| {
            let start = record.start as usize;
            let bytes = data.get(start..start + record.captured as usize);
            keep(record, bytes.unwrap_or_default())
        });
        // What is said of packets by their index would be said of others now.
        self.comments.clear();
        self.named.clear();
    }

    /// How far the capture has come with this batch: number and time of its last packet. A batch without packets may
    /// have one, too, at the end of the parts of a capture.
    #[must_use]
    pub fn last(&self) -> Option<(PacketNumber, Timestamp)> {
        let last = self.packets.last().map(|last| (last.number, last.time));
        self.end.or(last)
    }

    /// The captured bytes of `record`; empty for a record of another batch that does not fit.
    #[must_use]
    pub fn bytes(&self, record: &PacketRecord) -> &[u8] {
        let start = record.start as usize;
        self.data
            .get(start..start + record.captured as usize)
            .unwrap_or_default()
    }

    /// How many packets.
    #[must_use]
    pub fn len(&self) -> usize {
        self.packets.len()
    }

    /// Whether it has no packet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.packets.is_empty()
    }

    /// How many bytes its buffer holds.
    #[must_use]
    pub fn byte_len(&self) -> usize {
        self.filled
    }

    /// Forgets the packets and keeps the memory.
    pub fn clear(&mut self) {
        self.filled = 0;
        self.packets.clear();
        self.comments.clear();
        self.named.clear();
        self.end = None;
    }

    /// Appends a packet with a copy of its bytes; `start` and `captured` of `record` are set here.
    pub fn push(&mut self, mut record: PacketRecord, bytes: &[u8]) {
        let end = self.filled + bytes.len();
        if self.data.len() < end {
            self.data.resize(end.next_power_of_two(), 0);
        }
        self.data[self.filled..end].copy_from_slice(bytes);
        record.start = self.filled as u32;
        record.captured = bytes.len() as u32;
        record.original = record.original.max(record.captured);
        self.filled = end;
        self.packets.push(record);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_keep_file_and_offset() {
        let position = FilePosition::new(u16::MAX, (1 << 48) - 1);
        assert_eq!(
            (position.file(), position.offset()),
            (u16::MAX, (1 << 48) - 1)
        );
        assert_eq!(std::mem::size_of::<PacketRecord>(), 40);
    }

    #[test]
    fn a_foreign_record_gives_no_bytes() {
        let mut batch = Batch::new();
        batch.push(PacketRecord::default(), b"abc");
        assert_eq!(batch.bytes(&batch.records()[0]), b"abc");
        let foreign = PacketRecord {
            start: 1 << 30,
            captured: u32::MAX,
            ..PacketRecord::default()
        };
        assert_eq!(batch.bytes(&foreign), b"");
        batch.clear();
        assert!(batch.is_empty() && batch.byte_len() == 0);
    }
}
