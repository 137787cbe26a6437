//! Several inputs merged by time: the next packet is the earliest among the heads, and each input keeps its own order even
//! where its times go back.
//!
//! An input whose first packet lies in the future of the merge is closed until its time comes, so that a thousand rotated
//! files need no more memory and no more open files than the few that overlap.
//!
//! The parts of one capture are merged by the numbers that their packets had in it.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;

use super::batch::{Batch, PacketRecord};
use super::error::OpenError;
use super::opener::Opener;
use super::part;
use super::reader::{FileReader, Input, LookThrough, Opening, READ_LEN};
use super::summary::{Summary, Truncation};
use crate::base::{Named, PacketNumber};

/// Packets of one merged batch.
const BATCH_PACKETS: usize = 8192;
/// Bytes read of one of several inputs at once.
const LANE_READ_LEN: usize = 256 << 10;

/// The inputs, and which of them is next.
pub(super) struct Merge {
    lanes: Vec<Lane>,
    heads: Heads,
    order: Order,
    /// The number of the latest packet.
    last_number: u64,
}

/// The inputs by the place of their next packet.
type Heads = BinaryHeap<Reverse<(i64, usize)>>;

/// By what the inputs are merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Order {
    Time,
    /// The numbers of the capture that all inputs are parts of.
    Number,
}

impl Order {
    fn place(self, packet: &PacketRecord) -> i64 {
        match self {
            Self::Time => packet.time.0,
            Self::Number => packet.number.0 as i64,
        }
    }
}

/// One of several inputs.
enum Lane {
    /// Known by its first packet only, and by its secrets, as far as it was looked through for them.
    Closed(PathBuf, u64),
    Open(Box<OpenLane>),
    Ended,
}

struct OpenLane {
    reader: FileReader,
    batch: Batch,
    next: usize,
    next_comment: usize,
    next_named: usize,
}

/// The next packet of an input, and of which capture that is a part.
struct First {
    packet: PacketRecord,
    capture: Option<u64>,
}

impl Merge {
    pub(super) fn open(
        inputs: impl Iterator<Item = Input>,
        opener: &Opener,
        summary: &mut Summary,
    ) -> Result<Self, OpenError> {
        let mut lanes = Vec::new();
        let mut firsts = Vec::new();
        for (index, input) in inputs.enumerate() {
            let (lane, first) = match input {
                Input::Path(path) if path.is_file() => Self::peek(index, path, opener, summary)?,
                input => {
                    let reader = opener.open(index, input, LANE_READ_LEN, summary)?;
                    OpenLane::start(reader, summary)
                }
            };
            lanes.push(lane);
            firsts.extend(first.map(|first| (index, first)));
        }
        let capture = firsts.first().and_then(|(_, first)| first.capture);
        let is_one = firsts.iter().all(|(_, first)| first.capture == capture);
        let order = match capture {
            Some(_) if is_one => Order::Number,
            _ => Order::Time,
        };
        let place = |(index, first): (usize, First)| Reverse((order.place(&first.packet), index));
        Ok(Self {
            lanes,
            heads: firsts.into_iter().map(place).collect(),
            order,
            last_number: 0,
        })
    }

    /// Learns the first packet of a file and closes it again.
    fn peek(
        index: usize,
        path: PathBuf,
        opener: &Opener,
        summary: &mut Summary,
    ) -> Result<(Lane, Option<First>), OpenError> {
        let mut scratch = Summary {
            files: summary.files.clone(),
            metadata_bytes: summary.metadata_bytes,
            ..Summary::default()
        };
        let opening = Opening {
            counter: Arc::default(),
            copies: None,
            ..opener.opening(index, 64 << 10)
        };
        let mut reader = FileReader::open(Input::Path(path.clone()), &opening, &mut scratch)?;
        let looked_through = reader.looked_through();
        summary.may_bring_secrets |= scratch.may_bring_secrets;
        if looked_through > 0 {
            // What it needs later is known now, and what others need, too.
            summary.secrets.append(&mut scratch.secrets);
            summary.metadata_bytes = scratch.metadata_bytes;
        }
        let mut batch = Batch::new();
        if reader.fill(&mut batch, &mut scratch) {
            let first = batch.records().first().map(|packet| First {
                packet: *packet,
                capture: reader.capture(),
            });
            return Ok((Lane::Closed(path, looked_through), first));
        }
        // Nothing will ask for it again: what it said is said now.
        summary.files = scratch.files;
        summary.truncated.append(&mut scratch.truncated);
        summary.secrets.append(&mut scratch.secrets);
        summary.names.append(&mut scratch.names);
        Ok((Lane::Ended, None))
    }

    /// Replaces what `batch` holds by the next packets; false at the end.
    pub(super) fn fill(
        &mut self,
        batch: &mut Batch,
        opener: &Opener,
        summary: &mut Summary,
    ) -> bool {
        batch.clear();
        while batch.len() < BATCH_PACKETS && batch.byte_len() < READ_LEN {
            let Some(Reverse((_, index))) = self.heads.pop() else {
                break;
            };
            if let Lane::Closed(path, looked_through) = &self.lanes[index] {
                let (path, looked_through) = (path.clone(), *looked_through);
                self.lanes[index] = self.reopen(index, path, looked_through, opener, summary);
                continue;
            }
            let Lane::Open(lane) = &mut self.lanes[index] else {
                continue;
            };
            // Before another input's packet of the same time goes the one of the input named first.
            let bound = self.heads.peek().map(|Reverse(head)| *head);
            let order = self.order;
            let until = |packet: &PacketRecord| {
                bound.is_none_or(|bound| (order.place(packet), index) < bound)
            };
            let last = &mut self.last_number;
            let number = |packet: &PacketRecord| {
                let claimed = (order == Order::Number).then_some(packet.number.0);
                let number = part::number(claimed, *last);
                *last = number.0;
                number
            };
            if lane.give(batch, until, number, summary) {
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

    /// Whether no packet follows.
    pub(super) fn is_at_end(&self) -> bool {
        self.heads.is_empty()
    }

    /// Puts an open input back among the heads, or ends it.
    fn read_on(&mut self, index: usize, summary: &mut Summary) {
        let Lane::Open(open) = &mut self.lanes[index] else {
            return;
        };
        match open.head(summary) {
            Some(first) => {
                let place = self.order.place(&first.packet);
                self.heads.push(Reverse((place, index)));
            }
            None => self.lanes[index] = Lane::Ended,
        }
    }

    fn reopen(
        &mut self,
        index: usize,
        path: PathBuf,
        looked_through: u64,
        opener: &Opener,
        summary: &mut Summary,
    ) -> Lane {
        let mut opening = opener.opening(index, LANE_READ_LEN);
        if looked_through > 0 {
            opening.secrets = LookThrough::Done(looked_through);
        }
        match FileReader::open(Input::Path(path), &opening, summary) {
            Ok(reader) => {
                let (lane, first) = OpenLane::start(reader, summary);
                let place = first.map(|first| self.order.place(&first.packet));
                self.heads
                    .extend(place.map(|place| Reverse((place, index))));
                lane
            }
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
    /// The lane of an open input, with its first batch read, and its first packet.
    fn start(reader: FileReader, summary: &mut Summary) -> (Lane, Option<First>) {
        let mut open = Box::new(OpenLane {
            reader,
            batch: Batch::new(),
            next: 0,
            next_comment: 0,
            next_named: 0,
        });
        match open.head(summary) {
            Some(first) => (Lane::Open(open), Some(first)),
            None => (Lane::Ended, None),
        }
    }

    /// Its next packet, reading on where the batch is used up.
    fn head(&mut self, summary: &mut Summary) -> Option<First> {
        if self.next >= self.batch.len() {
            (self.next, self.next_comment, self.next_named) = (0, 0, 0);
            if !self.reader.fill(&mut self.batch, summary) {
                return None;
            }
        }
        Some(First {
            packet: *self.batch.records().get(self.next)?,
            capture: self.reader.capture(),
        })
    }

    /// Gives packets to `out` as long as they are `due`. True when all of the batch went at once, by exchange of
    /// the buffers: then `out` is full and the lane has to read on.
    fn give(
        &mut self,
        out: &mut Batch,
        due: impl Fn(&PacketRecord) -> bool,
        mut number: impl FnMut(&PacketRecord) -> PacketNumber,
        summary: &mut Summary,
    ) -> bool {
        // Small batches are put together: time passes at the end of one, and not in smaller steps than in one file.
        if self.next == 0
            && out.is_empty()
            && self.batch.byte_len() >= READ_LEN / 2
            && self.batch.records().iter().all(&due)
        {
            std::mem::swap(&mut self.batch, out);
            for record in &mut out.packets {
                record.number = number(record);
            }
            keep_comments(out, summary);
            self.batch.clear();
            return true;
        }
        while let Some(record) = self
            .batch
            .records()
            .get(self.next)
            .filter(|record| due(record))
        {
            let number = number(record);
            out.push(PacketRecord { number, ..*record }, self.batch.bytes(record));
            if let Some(named) = self.batch.named().get(self.next_named)
                && named.index as usize == self.next
            {
                self.next_named += 1;
                let index = out.packets.len() as u32 - 1;
                out.named.push(Named {
                    index,
                    ..named.clone()
                });
            }
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
