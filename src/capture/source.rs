//! One or several inputs as one capture.
//!
//! A single input is read straight into the caller's batch. Several are merged by time (`merge.rs`).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::batch::Batch;
use super::error::OpenError;
use super::merge::{Merge, keep_comments};
use super::opener::Opener;
use super::reader::{FileReader, Input, READ_LEN};
use super::spool::{Copies, PacketFile};
use super::summary::{FileSummary, Summary};
use crate::base::{Limits, PacketNumber, Spools, Timestamp};

/// How a capture is read.
///
/// Blocks of secrets may stand behind the packets that they open (eCapture and ptcpdump write them as keys come). So pcapng
/// files are looked through for them before their packets are given: plain ones up to 1 GiB. What comes from a pipe, compressed
/// or larger is read once, and says [`Summary::may_bring_secrets`].
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Makes every packet readable again by its position ([`Source::packet_file`]): inputs that are compressed or no
    /// plain files are copied, uncompressed, to a spool of this kind while they are read. Without it nothing is copied.
    pub spool: Option<Spools>,
    /// Gives packets as they arrive instead of waiting for a full batch. For pipes that somebody watches; where batches
    /// begin then depends on time.
    pub prompt: bool,
}

/// One or several inputs as one capture, merged by time; parts of one capture are merged to what they were.
///
/// Where one batch ends and the next begins depends on the bytes of the inputs only (unless [`Options::prompt`]).
pub struct Source {
    lanes: Lanes,
    summary: Summary,
    opener: Opener,
    /// Number and time of the latest packet.
    last: Option<(PacketNumber, Timestamp)>,
}

enum Lanes {
    One(FileReader),
    Many(Merge),
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
        let mut summary = Summary {
            files: inputs.iter().map(unread).collect(),
            total_bytes: inputs.iter().map(disk_len).sum(),
            ..Summary::default()
        };
        let opener = Opener {
            limits: limits.clone(),
            prompt: options.prompt,
            counter: Arc::default(),
            copies: options.spool.map(Copies::new),
        };
        let lanes = match (inputs.pop(), inputs.is_empty()) {
            (Some(input), true) => Lanes::One(opener.open(0, input, READ_LEN, &mut summary)?),
            (last, _) => {
                let inputs = inputs.into_iter().chain(last);
                Lanes::Many(Merge::open(inputs, &opener, &mut summary)?)
            }
        };
        Ok(Self {
            lanes,
            summary,
            opener,
            last: None,
        })
    }

    /// Replaces what `batch` holds by the next packets; false, and an empty batch, at the end. Where parts of a capture that
    /// went on behind their last packet end, a batch says so ([`Batch::last`]), which may then have no packet.
    pub fn fill(&mut self, batch: &mut Batch) -> bool {
        let Self {
            lanes,
            summary,
            opener,
            ..
        } = self;
        let more = match lanes {
            Lanes::One(reader) => {
                let more = reader.fill(batch, summary);
                summary.whole_bytes = reader.whole();
                keep_comments(batch, summary);
                more
            }
            Lanes::Many(merge) => merge.fill(batch, opener, summary),
        };
        self.summary.packets += batch.len() as u64;
        self.summary.read_bytes = self.opener.counter.load(Ordering::Relaxed);
        let last = batch.last().or(self.last);
        let end = self
            .summary
            .end
            .filter(|end| last.is_some_and(|last| end.0 > last.0));
        self.last = last;
        let is_last = match &self.lanes {
            Lanes::One(_) => true, // It was read behind the packets of this batch.
            Lanes::Many(merge) => merge.is_at_end(),
        };
        if is_last && end.is_some() {
            batch.end = end;
            self.last = end;
        }
        more || batch.end.is_some()
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
        self.opener
            .copies
            .as_ref()
            .map(Copies::packet_file)
            .unwrap_or_default()
    }
}

fn unread(input: &Input) -> FileSummary {
    FileSummary {
        name: input.name(),
        ..FileSummary::default()
    }
}

fn disk_len(input: &Input) -> Option<u64> {
    let path = match input {
        Input::Path(path) => path,
        Input::At(bytes, _) => return Some(bytes.len()),
        Input::Stdin | Input::Reader(..) => return None,
    };
    let metadata = path.metadata().ok()?;
    metadata.is_file().then_some(metadata.len())
}

#[cfg(test)]
mod tests;
