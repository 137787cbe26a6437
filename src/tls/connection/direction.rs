//! One direction of a connection: the record being put together, and what waits for the other side.

use crate::base::{Side, Span};
use crate::tls::decrypt::Decrypter;
use crate::tls::handshake::Joiner;
use crate::tls::record::{RecordHeader, Version};

/// One direction.
pub(super) struct Direction {
    /// Stream position of the next byte to read.
    pub(super) position: u64,
    /// The record being put together, its header first.
    pub(super) buffer: Vec<u8>,
    /// Bytes to pass of a record that is not wanted or not whole.
    pub(super) skip: u64,
    /// The next record's start is not known; bytes from here on are passed over.
    pub(super) searching_from: Option<u64>,
    /// Version of the last record's header, by which the next one is recognised.
    pub(super) version: Option<Version>,
    pub(super) joiner: Joiner,
    pub(super) decrypter: Decrypter,
    pub(super) held: Vec<Held>,
    pub(super) held_len: usize,
    /// Waiting for the other side. Bytes go to `held`.
    pub(super) is_holding: bool,
    /// A record or a gap was seen.
    pub(super) is_started: bool,
    /// A ChangeCipherSpec was seen before the version was known.
    pub(super) is_changed: bool,
    /// Nothing more will come, or the hello will not.
    pub(super) is_hopeless: bool,
    /// As much was kept as may be until its secret is logged.
    pub(super) is_undecided_long: bool,
    /// The last record that its key did not open, as long as nothing says that the key is right.
    pub(super) doubted: Option<Span>,
    /// Whether any application data was read, and any protected record not.
    pub(super) is_read: bool,
    pub(super) is_unread: bool,
    /// Bytes were missing: a record may stay closed for want of them.
    pub(super) is_lossy: bool,
}

pub(super) enum Held {
    Bytes(Vec<u8>),
    Gap(u64),
}

impl Direction {
    pub(super) fn new(side: Side) -> Self {
        Self {
            position: 0,
            buffer: Vec::new(),
            skip: 0,
            searching_from: None,
            version: None,
            joiner: Joiner::default(),
            decrypter: Decrypter::new(side),
            held: Vec::new(),
            held_len: 0,
            is_holding: false,
            is_started: false,
            is_changed: false,
            is_hopeless: false,
            is_undecided_long: false,
            doubted: None,
            is_read: false,
            is_unread: false,
            is_lossy: false,
        }
    }

    /// Moves bytes from the input to the buffer until it has `wanted`; whether it has.
    pub(super) fn fill(&mut self, bytes: &mut &[u8], wanted: usize) -> bool {
        let missing = wanted.saturating_sub(self.buffer.len());
        let (taken, rest) = bytes.split_at(missing.min(bytes.len()));
        self.buffer.extend_from_slice(taken);
        self.position += taken.len() as u64;
        *bytes = rest;
        self.buffer.len() >= wanted
    }

    /// Passes over bytes of the input.
    pub(super) fn pass(&mut self, bytes: &mut &[u8]) {
        let passed = usize::try_from(self.skip)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        *bytes = bytes.get(passed..).unwrap_or_default();
        self.position += passed as u64;
        self.skip -= passed as u64;
    }

    pub(super) fn header(&self) -> Option<RecordHeader> {
        self.buffer
            .first_chunk()
            .copied()
            .and_then(RecordHeader::parse)
    }

    pub(super) fn record_start(&self) -> u64 {
        self.position - self.buffer.len() as u64
    }
}
