//! Several inputs merged by time: the next packet is the earliest among the heads, and each input keeps its own order even
//! where its times go back.
//!
//! An input whose first packet lies in the future of the merge is closed until its time comes, so that a thousand rotated
//! files need no more memory and no more open files than the few that overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Batch, PacketRecord};
use super::error::OpenError;
use super::opener::Opener;
use super::reader::{FileReader, Input, Opening, READ_LEN};
use super::summary::{Summary, Truncation};
use crate::base::{PacketNumber, Timestamp};

/// Packets of one merged batch.
const BATCH_PACKETS: usize = 8192;
/// Bytes read of one of several inputs at once.
const LANE_READ_LEN: usize = 256 << 10;

/// The inputs, and which of them is next.
pub(super) struct Merge {
    lanes: Vec<Lane>,
    heads: Heads,
}

/// The inputs by the time of their next packet.
type Heads = BinaryHeap<Reverse<(Timestamp, usize)>>;

/// One of several inputs.
enum Lane {
    /// Known by its first packet only.
    Closed(PathBuf),
    Open(Box<OpenLane>),
    Ended,
}

struct OpenLane {
    reader: FileReader,
    batch: Batch,
    next: usize,
    next_comment: usize,
}

impl Merge {
    pub(super) fn open(
        inputs: impl Iterator<Item = Input>,
        opener: &Opener,
        summary: &mut Summary,
    ) -> Result<Self, OpenError> {
        let mut merge = Self {
            lanes: Vec::new(),
            heads: Heads::new(),
        };
        for (index, input) in inputs.enumerate() {
            let lane = match input {
                Input::Path(path) if path.is_file() => merge.peek(index, path, opener, summary)?,
                input => {
                    let reader = opener.open(index, input, LANE_READ_LEN, summary)?;
                    merge.start(index, reader, summary)
                }
            };
            merge.lanes.push(lane);
        }
        Ok(merge)
    }

    /// Learns the time of a file's first packet and closes it again.
    fn peek(
        &mut self,
        index: usize,
        path: PathBuf,
        opener: &Opener,
        summary: &mut Summary,
    ) -> Result<Lane, OpenError> {
        let mut scratch = Summary {
            files: summary.files.clone(),
            ..Summary::default()
        };
        let opening = Opening {
            counter: Arc::default(),
            copies: None,
            ..opener.opening(index, 64 << 10)
        };
        let mut reader = FileReader::open(Input::Path(path.clone()), &opening, &mut scratch)?;
        let mut batch = Batch::new();
        if reader.fill(&mut batch, &mut scratch) {
            let first = batch.records().first();
            self.heads
                .extend(first.map(|first| Reverse((first.time, index))));
            return Ok(Lane::Closed(path));
        }
        // Nothing will ask for it again: what it said is said now.
        summary.files = scratch.files;
        summary.truncated.append(&mut scratch.truncated);
        summary.secrets.append(&mut scratch.secrets);
        Ok(Lane::Ended)
    }

    /// The lane of an open input, with its first batch read.
    fn start(&mut self, index: usize, reader: FileReader, summary: &mut Summary) -> Lane {
        let mut open = Box::new(OpenLane {
            reader,
            batch: Batch::new(),
            next: 0,
            next_comment: 0,
        });
        match open.head(summary) {
            Some(time) => {
                self.heads.push(Reverse((time, index)));
                Lane::Open(open)
            }
            None => Lane::Ended,
        }
    }

    /// Replaces what `batch` holds by the next packets; false at the end.
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        opener: &Opener,
        next_number: &mut u64,
        summary: &mut Summary,
    ) -> bool {
        batch.clear();
        while batch.len() < BATCH_PACKETS && batch.byte_len() < READ_LEN {
            let Some(Reverse((_, index))) = self.heads.pop() else {
                break;
            };
            if let Lane::Closed(path) = &self.lanes[index] {
                let path = path.clone();
                self.lanes[index] = self.reopen(index, path, opener, summary);
                continue;
            }
            let Lane::Open(lane) = &mut self.lanes[index] else {
                continue;
            };
            // Before another input's packet of the same time goes the one of the input named first.
            let bound = self.heads.peek().map(|Reverse(head)| *head);
            let until = |time: Timestamp| bound.is_none_or(|bound| (time, index) < bound);
            if lane.give(batch, until, next_number, summary) {
                break;
            }
            self.read_on(index, summary);
        }
        // A lane that gave its whole batch was taken off the heap.
        for index in 0..self.lanes.len() {
            if matches!(&self.lanes[index], Lane::Open(open) if open.next >= open.batch.len()) {
                self.read_on(index, summary);
            }
        }
        !batch.is_empty()
    }

    /// Puts an open input back among the heads, or ends it.
    fn read_on(&mut self, index: usize, summary: &mut Summary) {
        let Lane::Open(open) = &mut self.lanes[index] else {
            return;
        };
        match open.head(summary) {
            Some(time) => self.heads.push(Reverse((time, index))),
            None => self.lanes[index] = Lane::Ended,
        }
    }

    fn reopen(
        &mut self,
        index: usize,
        path: PathBuf,
        opener: &Opener,
        summary: &mut Summary,
    ) -> Lane {
        match opener.open(index, Input::Path(path), LANE_READ_LEN, summary) {
            Ok(reader) => self.start(index, reader, summary),
            Err(error) => {
                summary.truncated.push(Truncation {
                    file: summary.files[index].name.clone(),
                    offset: 0,
                    packets_before: 0,
                    why: format!("it could be opened before, and now not: {error}"),
                });
                Lane::Ended
            }
        }
    }
}

impl OpenLane {
    /// The time of its next packet, reading on where the batch is used up.
    fn head(&mut self, summary: &mut Summary) -> Option<Timestamp> {
        if self.next >= self.batch.len() {
            (self.next, self.next_comment) = (0, 0);
            if !self.reader.fill(&mut self.batch, summary) {
                return None;
            }
        }
        self.batch
            .records()
            .get(self.next)
            .map(|record| record.time)
    }

    /// Gives packets to `out` as long as their time is `due`. True when all of the batch went at once, by exchange of
    /// the buffers: then `out` is full and the lane has to read on.
    fn give(
        &mut self,
        out: &mut Batch,
        due: impl Fn(Timestamp) -> bool,
        next_number: &mut u64,
        summary: &mut Summary,
    ) -> bool {
        if self.next == 0
            && out.is_empty()
            && self.batch.records().iter().all(|record| due(record.time))
        {
            std::mem::swap(&mut self.batch, out);
            for record in &mut out.packets {
                record.number = PacketNumber(*next_number);
                *next_number += 1;
            }
            keep_comments(out, summary);
            self.batch.clear();
            return true;
        }
        while let Some(record) = self
            .batch
            .records()
            .get(self.next)
            .filter(|record| due(record.time))
        {
            let number = PacketNumber(*next_number);
            *next_number += 1;
            out.push(PacketRecord { number, ..*record }, self.batch.bytes(record));
            while let Some((index, comment)) = self.batch.comments.get_mut(self.next_comment)
                && *index as usize == self.next
            {
                self.next_comment += 1;
                let comment = std::mem::take(comment);
                summary
                    .packet_comments
                    .entry(number)
                    .or_default()
                    .push(comment);
            }
            self.next += 1;
            if out.len() >= BATCH_PACKETS || out.byte_len() >= READ_LEN {
                break;
            }
        }
        false
    }
}

/// Moves the comments of a batch to the summary.
pub(super) fn keep_comments(batch: &mut Batch, summary: &mut Summary) {
    for (index, comment) in batch.comments.drain(..) {
        if let Some(record) = batch.packets.get(index as usize) {
            summary
                .packet_comments
                .entry(record.number)
                .or_default()
                .push(comment);
        }
    }
}
