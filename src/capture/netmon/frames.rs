//! Where the frames of a Network Monitor file stand: by its table, or one behind the other.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use crate::capture::read_at::{ReadAt, read_exact};

/// Bytes of the file header, with its padding.
pub(in crate::capture) const HEADER_LEN: usize = 128;

/// Bytes of the table that are kept at once.
const WINDOW: usize = 64 << 10;

/// A file whose table can be read while its frames are.
pub(in crate::capture) enum TableFile {
    File(File),
    At(Arc<dyn ReadAt>),
}

impl TableFile {
    fn read_at(&mut self, at: u64, out: &mut [u8]) -> io::Result<()> {
        match self {
            Self::At(bytes) => read_exact(&**bytes, at, out),
            Self::File(file) => {
                file.seek(SeekFrom::Start(at))?;
                file.read_exact(out)
            }
        }
    }
}

impl std::fmt::Debug for TableFile {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TableFile")
    }
}

/// Which frame comes next.
#[derive(Debug)]
pub(super) enum Frames {
    Table(Table),
    InOrder(InOrder),
}

impl Frames {
    /// Those of a table of `len` bytes at `offset`.
    pub(super) fn new(offset: u32, len: u32, file: Option<TableFile>) -> Self {
        let mut table = Table {
            offset: u64::from(offset),
            count: len / 4,
            next: 0,
            file: None,
            window: Vec::new(),
        };
        // A table that cannot be read is that of a file which was cut.
        if let Some(mut file) = file
            && (len < 4
                || file
                    .read_at(u64::from(offset) + u64::from(len) - 1, &mut [0])
                    .is_ok())
        {
            table.file = Some(file);
            return Self::Table(table);
        }
        Self::InOrder(InOrder {
            table: u64::from(offset)..u64::from(offset) + u64::from(table.count) * 4,
            seen: Seen::default(),
            listed: Seen::default(),
        })
    }

    /// Where the next frame begins, at `here` or behind it; `None` when there is none in `rest`, the bytes at `here`.
    pub(super) fn next(&mut self, here: u64, rest: &[u8]) -> Result<Option<u64>, String> {
        match self {
            Self::Table(table) => table.next(here, rest.len()),
            Self::InOrder(order) => Ok(order.next(here, rest)),
        }
    }

    /// The frame at `here` was read.
    pub(super) fn passed(&mut self, here: u64) {
        match self {
            Self::Table(table) => table.next += 1,
            Self::InOrder(order) => order.seen.add(here as u32),
        }
    }

    /// What may help when a frame is nonsense.
    pub(super) fn advice(&self) -> &'static str {
        match self {
            Self::Table(_) => "",
            Self::InOrder(_) => {
                "; from a pipe or out of compressed data frames are read as if they followed each other: \
                 name the file itself"
            }
        }
    }

    /// What is missing at the end of the file.
    pub(super) fn missing(&self) -> Option<String> {
        match self {
            Self::Table(table) if table.next < table.count => Some(format!(
                "the file ends before {} of the {} frames that its table lists",
                table.count - table.next,
                table.count
            )),
            Self::Table(_) => None,
            Self::InOrder(order) => order.missing(),
        }
    }
}

/// The table, a piece of it at a time.
#[derive(Debug)]
pub(super) struct Table {
    offset: u64,
    count: u32,
    /// Index of the next entry.
    next: u32,
    file: Option<TableFile>,
    /// Entries that were read, from `next` rounded down on.
    window: Vec<u8>,
}

impl Table {
    fn next(&mut self, here: u64, rest: usize) -> Result<Option<u64>, String> {
        if self.next >= self.count {
            // What is behind the last frame are tables.
            return Ok((rest > 0).then_some(u64::MAX));
        }
        let next = self
            .entry()
            .map_err(|error| format!("its table of frames cannot be read: {error}"))?;
        if next < here {
            return Err(format!(
                "its table lists frame {} at byte {next}, in front of the one before: such an order is not read",
                self.next + 1
            ));
        }
        Ok(Some(next))
    }

    fn entry(&mut self) -> io::Result<u64> {
        let in_window = self.next as usize % (WINDOW / 4) * 4;
        if in_window == 0 || self.window.is_empty() {
            let left = (self.count - self.next) as usize * 4;
            self.window.resize(left.min(WINDOW), 0);
            let at = self.offset + u64::from(self.next) * 4;
            if let Some(file) = &mut self.file {
                file.read_at(at, &mut self.window)?;
            }
        }
        let entry = self.window.get(in_window..).and_then(<[u8]>::first_chunk);
        Ok(entry.map_or(0, |entry| u64::from(u32::from_le_bytes(*entry))))
    }
}

/// One behind the other, from the header to the table.
#[derive(Debug)]
pub(super) struct InOrder {
    table: std::ops::Range<u64>,
    seen: Seen,
    listed: Seen,
}

impl InOrder {
    fn next(&mut self, here: u64, rest: &[u8]) -> Option<u64> {
        if here < self.table.start || self.table.start < HEADER_LEN as u64 {
            return Some(here);
        }
        if self.table.contains(&here) {
            // As many entries as there are whole ones; the rest comes again.
            let entry = rest.first_chunk::<4>()?;
            self.listed.add(u32::from_le_bytes(*entry));
            return Some(here + 4);
        }
        (!rest.is_empty()).then_some(u64::MAX)
    }

    fn missing(&self) -> Option<String> {
        if self.listed.count == 0 && (self.seen.count > 0 || !self.table.is_empty()) {
            return Some("the table of frames is missing at its end: they were read as if they followed each other".into());
        }
        (self.listed != self.seen).then(|| {
            format!(
                "{} frames follow each other in it, but its table lists {} that do not: name the file itself, uncompressed",
                self.seen.count, self.listed.count
            )
        })
    }
}

/// Places of frames, remembered by their number and a digest.
#[derive(Debug, Default, PartialEq, Eq)]
struct Seen {
    count: u32,
    digest: u64,
}

impl Seen {
    fn add(&mut self, place: u32) {
        self.count = self.count.saturating_add(1);
        self.digest =
            (self.digest.rotate_left(5) ^ u64::from(place)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}
