//! One or several inputs as one capture.
//!
//! A single input is read straight into the caller's batch. Several are merged by time: the next packet is the earliest
//! among the heads, and each input keeps its own order even where its times go back. An input whose first packet lies
//! in the future of the merge is closed until its time comes, so that a thousand rotated files need no more memory and
//! no more open files than the few that overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::batch::{Batch, PacketRecord};
use super::error::OpenError;
use super::reader::{FileReader, Input, Opening, READ_LEN};
use super::spool::{PacketFile, Spool};
use super::summary::{FileSummary, Summary, Truncation};
use crate::base::{Limits, PacketNumber, Timestamp};

/// Packets of one merged batch.
const BATCH_PACKETS: usize = 8192;
/// Bytes read of one of several inputs at once.
const LANE_READ_LEN: usize = 256 << 10;

/// How a capture is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Makes every packet readable again by its position ([`Source::packet_file`]): inputs that are compressed or no
    /// plain files are copied, uncompressed, to a temporary file while they are read.
    pub spool: bool,
    /// Gives packets as they arrive instead of waiting for a full batch. For pipes that somebody watches; where batches
    /// begin then depends on time.
    pub prompt: bool,
}

/// One or several inputs as one capture, merged by time.
///
/// Where one batch ends and the next begins depends on the bytes of the inputs only (unless [`Options::prompt`]).
pub struct Source {
    lanes: Lanes,
    summary: Summary,
    limits: Limits,
    options: Options,
    counter: Arc<AtomicU64>,
    spool: Option<Spool>,
    next_number: u64,
}

enum Lanes {
    One(FileReader),
    Many(Vec<Lane>, Heads),
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

impl Source {
    /// Opens `inputs` as one capture.
    ///
    /// # Errors
    /// [`OpenError`] for the first input that cannot be read or is no capture.
    pub fn open(inputs: Vec<Input>, limits: &Limits) -> Result<Self, OpenError> {
        Self::open_with(inputs, limits, Options::default())
    }

    /// Opens `inputs` as one capture, with options.
    ///
    /// # Errors
    /// As [`Source::open`].
    pub fn open_with(
        mut inputs: Vec<Input>,
        limits: &Limits,
        options: Options,
    ) -> Result<Self, OpenError> {
        let most = usize::from(u16::MAX);
        if inputs.len() > most {
            let count = inputs.len();
            return Err(OpenError::TooMany { count, most });
        }
        let summary = Summary {
            files: inputs.iter().map(unread).collect(),
            total_bytes: inputs.iter().map(disk_len).sum(),
            ..Summary::default()
        };
        let mut source = Self {
            lanes: Lanes::Many(Vec::new(), Heads::new()),
            summary,
            limits: limits.clone(),
            options,
            counter: Arc::default(),
            spool: options.spool.then(Spool::default),
            next_number: 1,
        };
        source.lanes = match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Lanes::One(source.reader(0, input, READ_LEN)?),
            (last, _) => source.lanes(inputs.into_iter().chain(last))?,
        };
        Ok(source)
    }

    /// Replaces what `batch` holds by the next packets; false, and an empty batch, at the end.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        let more = match &mut self.lanes {
            Lanes::One(reader) => {
                let more = reader.fill(batch, &mut self.summary);
                self.next_number += batch.len() as u64;
                keep_comments(batch, &mut self.summary);
                more
            }
            Lanes::Many(..) => self.merge(batch),
        };
        self.summary.packets = self.next_number - 1;
        self.summary.read_bytes = self.counter.load(Ordering::Relaxed);
        more
    }

    /// What was learned so far of the inputs, besides packets.
    #[must_use]
    pub fn summary(&self) -> &Summary {
        &self.summary
    }

    /// Access to the bytes of packets by their position. Everything can be read again if the capture was opened with
    /// `spool`, nothing otherwise.
    #[must_use]
    pub fn packet_file(&self) -> PacketFile {
        self.spool
            .as_ref()
            .map(Spool::packet_file)
            .unwrap_or_default()
    }

    fn opening(&self, file: usize, read_len: usize) -> Opening<'_> {
        Opening {
            file: file as u16,
            limits: &self.limits,
            read_len,
            prompt: self.options.prompt,
            counter: Arc::clone(&self.counter),
            spool: self.spool.as_ref(),
        }
    }

    fn reader(
        &mut self,
        file: usize,
        input: Input,
        read_len: usize,
    ) -> Result<FileReader, OpenError> {
        let mut summary = std::mem::take(&mut self.summary);
        let reader = FileReader::open(input, &self.opening(file, read_len), &mut summary);
        self.summary = summary;
        reader
    }

    fn lanes(&mut self, inputs: impl Iterator<Item = Input>) -> Result<Lanes, OpenError> {
        let (mut lanes, mut heads) = (Vec::new(), Heads::new());
        for (index, input) in inputs.enumerate() {
            let lane = match input {
                Input::Path(path) if path.is_file() => self.peek(index, path, &mut heads)?,
                input => {
                    let reader = self.reader(index, input, LANE_READ_LEN)?;
                    self.start(index, reader, &mut heads)
                }
            };
            lanes.push(lane);
        }
        Ok(Lanes::Many(lanes, heads))
    }

    /// Learns the time of a file's first packet and closes it again.
    fn peek(&mut self, index: usize, path: PathBuf, heads: &mut Heads) -> Result<Lane, OpenError> {
        let mut scratch = Summary {
            files: self.summary.files.clone(),
            ..Summary::default()
        };
        let opening = Opening {
            counter: Arc::default(),
            spool: None,
            ..self.opening(index, 64 << 10)
        };
        let mut reader = FileReader::open(Input::Path(path.clone()), &opening, &mut scratch)?;
        let mut batch = Batch::new();
        if reader.fill(&mut batch, &mut scratch) {
            heads.extend(
                batch
                    .records()
                    .first()
                    .map(|first| Reverse((first.time, index))),
            );
            return Ok(Lane::Closed(path));
        }
        // Nothing will ask for it again: what it said is said now.
        self.summary.files = scratch.files;
        self.summary.truncated.append(&mut scratch.truncated);
        self.summary.secrets.append(&mut scratch.secrets);
        Ok(Lane::Ended)
    }

    /// The lane of an open input, with its first batch read.
    fn start(&mut self, index: usize, reader: FileReader, heads: &mut Heads) -> Lane {
        let mut open = Box::new(OpenLane {
            reader,
            batch: Batch::new(),
            next: 0,
            next_comment: 0,
        });
        match open.head(&mut self.summary) {
            Some(time) => {
                heads.push(Reverse((time, index)));
                Lane::Open(open)
            }
            None => Lane::Ended,
        }
    }

    fn merge(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        let Lanes::Many(mut lanes, mut heads) =
            std::mem::replace(&mut self.lanes, Lanes::Many(Vec::new(), Heads::new()))
        else {
            return false;
        };
        while batch.len() < BATCH_PACKETS && batch.byte_len() < READ_LEN {
            let Some(Reverse((_, index))) = heads.pop() else {
                break;
            };
            if let Lane::Closed(path) = &lanes[index] {
                lanes[index] = self.reopen(index, path.clone(), &mut heads);
                continue;
            }
            let Lane::Open(lane) = &mut lanes[index] else {
                continue;
            };
            // Before another input's packet of the same time goes the one of the input named first.
            let bound = heads.peek().map(|Reverse(head)| *head);
            let until = |time: Timestamp| bound.is_none_or(|bound| (time, index) < bound);
            if lane.give(batch, until, &mut self.next_number, &mut self.summary) {
                break;
            }
            match lane.head(&mut self.summary) {
                Some(time) => heads.push(Reverse((time, index))),
                None => lanes[index] = Lane::Ended,
            }
        }
        // A lane that gave its whole batch was taken off the heap.
        for (index, lane) in lanes.iter_mut().enumerate() {
            if let Lane::Open(open) = lane
                && open.next >= open.batch.len()
            {
                match open.head(&mut self.summary) {
                    Some(time) => heads.push(Reverse((time, index))),
                    None => *lane = Lane::Ended,
                }
            }
        }
        self.lanes = Lanes::Many(lanes, heads);
        !batch.is_empty()
    }

    fn reopen(&mut self, index: usize, path: PathBuf, heads: &mut Heads) -> Lane {
        match self.reader(index, Input::Path(path), LANE_READ_LEN) {
            Ok(reader) => self.start(index, reader, heads),
            Err(error) => {
                self.summary.truncated.push(Truncation {
                    file: self.summary.files[index].name.clone(),
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
fn keep_comments(batch: &mut Batch, summary: &mut Summary) {
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

fn unread(input: &Input) -> FileSummary {
    FileSummary {
        name: input.name(),
        ..FileSummary::default()
    }
}

fn disk_len(input: &Input) -> Option<u64> {
    let Input::Path(path) = input else {
        return None;
    };
    let metadata = path.metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}
