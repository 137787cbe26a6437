//! Where a reader is in its input.

/// Where the next packet of an input stands: what an index needs to number and place it.
#[derive(Clone, Copy, Debug)]
pub(super) struct BufferPlace {
    /// The input's index.
    pub(super) file: u16,
    /// The number the next packet gets.
    pub(super) next_number: u64,
    /// The file offset of the first byte of the buffer.
    pub(super) offset: u64,
    /// Bytes of the longest record.
    pub(super) limit: usize,
}
