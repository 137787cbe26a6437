//! One input, read block by block into batches.
//!
//! The bytes go from the file straight into the batch's buffer, where the packets are noted in place; only the cut
//! packet at the end of the buffer is carried over to the next. Nothing is copied twice, and the buffer grows only when
//! one packet does not fit, as its bytes arrive, up to [`Limits::packet_bytes`].

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Broken;
use super::batch::Batch;
use super::decompress;
use super::error::OpenError;
use super::netmon::{self, TableFile};
use super::pcapng::Notes;
use super::place::BufferPlace;
use super::read_at::{InOrder, ReadAt};
use super::recognise::{Format, needed, recognise};
use super::spool::{Again, Copies};
use super::summary::{Compression, FileSummary, Interface, Summary, Truncation};
use crate::base::Limits;

/// Where a capture comes from.
pub enum Input {
    /// A file.
    Path(PathBuf),
    /// Standard input.
    Stdin,
    /// Any other stream of bytes, and how messages name it.
    Reader(Box<dyn Read + Send>, String),
    /// Bytes that can be read from any place, as often as wanted, and how messages name them.
    At(Arc<dyn ReadAt>, String),
}

impl Input {
    /// The input that a command-line argument names: a path, or `-` for standard input.
    #[must_use]
    pub fn from_argument(argument: impl Into<PathBuf>) -> Self {
        let path = argument.into();
        if path.as_os_str() == "-" {
            Self::Stdin
        } else {
            Self::Path(path)
        }
    }

    /// How messages name it.
    #[must_use]
    pub fn name(&self) -> String {
        match self {
            Self::Path(path) => path.display().to_string(),
            Self::Stdin => "standard input".to_owned(),
            Self::Reader(_, name) | Self::At(_, name) => name.clone(),
        }
    }
}

/// One open input.
pub(super) struct FileReader {
    name: String,
    bytes: Box<dyn Read + Send>,
    format: Format,
    place: BufferPlace,
    /// Bytes read and not yet noted.
    carry: Vec<u8>,
    read_len: usize,
    /// Whether a batch may end early, with what has arrived.
    prompt: bool,
    metadata_limit: usize,
    ended: bool,
}

/// Bytes of one batch that is filled from a file.
pub(super) const READ_LEN: usize = 256 << 10;

/// Bytes read before the format is known.
const HEAD_LEN: usize = 4096;

/// Bytes of the largest file that is looked through for secrets: a second of reading.
const LOOKED_THROUGH: u64 = 1 << 30;

/// Whether a file is looked through for secrets before its packets are given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LookThrough {
    /// If it can be read twice.
    Now,
    /// It was, so many bytes of it.
    Done(u64),
    No,
}

/// How inputs are opened.
pub(super) struct Opening<'a> {
    pub(super) file: u16,
    pub(super) limits: &'a Limits,
    pub(super) read_len: usize,
    pub(super) prompt: bool,
    pub(super) secrets: LookThrough,
    /// Counts bytes as they are read from disk.
    pub(super) counter: Arc<AtomicU64>,
    /// Keeps what cannot be read again.
    pub(super) copies: Option<&'a Copies>,
}

impl FileReader {
    /// Opens `input` and reads its header; its entry in `summary` is filled in.
    pub(super) fn open(
        input: Input,
        opening: &Opening<'_>,
        summary: &mut Summary,
    ) -> Result<Self, OpenError> {
        let name = input.name();
        let (raw, again) = match input {
            Input::Path(path) => {
                let (file, len) = open_file(&path, &name)?;
                let again = len.map(|_| Again::Path(path));
                (Box::new(file) as Box<dyn Read + Send>, again)
            }
            Input::Stdin => (Box::new(io::stdin()) as Box<dyn Read + Send>, None),
            Input::Reader(reader, _) => (reader, None),
            Input::At(bytes, _) => {
                let again = Some(Again::At(Arc::clone(&bytes)));
                (Box::new(InOrder::new(bytes)) as _, again)
            }
        };
        let mut raw: Box<dyn Read + Send> = Box::new(Counted {
            inner: raw,
            count: Arc::clone(&opening.counter),
        });
        let mut head = read_head(&mut raw, &name)?;
        let compression = decompress::detect(&head);
        if compression != Compression::None {
            let whole = Box::new(io::Cursor::new(std::mem::take(&mut head)).chain(raw));
            raw = decompress::reader(compression, whole);
            head = read_head(&mut raw, &name).map_err(|error| compressed(&name, error))?;
        }
        let plain = again.as_ref().filter(|_| compression == Compression::None);
        let table = plain.and_then(|again| table_file(again, &head));
        let second = plain.and_then(second);
        if let Some(copies) = opening.copies {
            let plain = again.filter(|_| compression == Compression::None);
            raw = copies
                .keep(opening.file, plain, &head, raw)
                .map_err(|error| OpenError::from_io(&name, error))?;
        }
        let (mut format, header_len) = recognise(&head, &name, table)?;
        if let Some(pcapng) = format.pcapng() {
            pcapng.looked_through = match (opening.secrets, second) {
                (LookThrough::Now, Some(second)) => look_through(second, opening, summary),
                (LookThrough::Done(len), _) => len,
                _ => 0,
            };
            summary.may_bring_secrets |= pcapng.looked_through == 0;
        }
        let mut entry = FileSummary {
            name: name.clone(),
            compression,
            ..FileSummary::default()
        };
        format.describe(&mut entry);
        if let Some(slot) = summary.files.get_mut(usize::from(opening.file)) {
            *slot = entry;
        }
        Ok(Self {
            name,
            bytes: raw,
            format,
            place: BufferPlace {
                file: opening.file,
                next_number: 1,
                offset: header_len as u64,
                limit: opening.limits.packet_bytes,
            },
            carry: head.split_off(header_len),
            read_len: opening.read_len,
            prompt: opening.prompt,
            metadata_limit: opening.limits.metadata_bytes,
            ended: false,
        })
    }

    /// Reads the next packets; false at the end.
    pub(super) fn fill(&mut self, batch: &mut Batch, summary: &mut Summary) -> bool {
        batch.clear();
        if self.ended {
            return false;
        }
        let mut room = self.read_len.max(self.carry.len());
        if batch.data.len() < room {
            batch.data.resize(room, 0);
        }
        batch.data[..self.carry.len()].copy_from_slice(&self.carry);
        batch.filled = self.carry.len();
        loop {
            let end = self.read(batch, room);
            let (used, broken) = self.index(batch, summary);
            let left = batch.filled - used;
            let why = broken.map(|broken| broken.why).or(match end {
                End::No => None,
                End::Clean if left == 0 => Some(self.format.missing().unwrap_or_default()),
                End::Clean => Some(format!(
                    "the file ends inside a record, {left} bytes after its start"
                )),
                End::Failed(why) => Some(why),
            });
            let done = why.is_some();
            if let Some(why) = why {
                self.end(used, why, summary);
            }
            if done || !batch.is_empty() {
                self.keep_tail(batch, used);
                return !batch.is_empty();
            }
            if used > 0 {
                self.drop_head(batch, used);
            } else if batch.filled == room {
                // One record that does not fit: more room, but only as fast as bytes come to fill it.
                room = (room * 2).min(self.place.limit.saturating_add(64).max(self.read_len));
                batch.data.resize(room, 0);
            }
        }
    }

    /// How many bytes of the uncompressed input are whole records that were read.
    pub(super) fn whole(&self) -> u64 {
        self.place.offset
    }

    /// How many bytes were looked through for secrets.
    pub(super) fn looked_through(&mut self) -> u64 {
        self.format
            .pcapng()
            .map_or(0, |pcapng| pcapng.looked_through)
    }

    /// Of which capture the file is a part, as far as it was read.
    pub(super) fn capture(&self) -> Option<u64> {
        match &self.format {
            Format::Pcapng(pcapng) => pcapng.capture(),
            _ => None,
        }
    }

    /// Reads up to `room` bytes into the batch.
    fn read(&mut self, batch: &mut Batch, room: usize) -> End {
        while batch.filled < room {
            match self.bytes.read(&mut batch.data[batch.filled..room]) {
                Ok(0) => return End::Clean,
                Ok(len) => {
                    batch.filled += len;
                    if self.prompt {
                        return End::No;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return End::Failed(format!("it cannot be read on: {error}")),
            }
        }
        End::No
    }

    fn index(&mut self, batch: &mut Batch, summary: &mut Summary) -> (usize, Option<Broken>) {
        let Batch {
            data,
            filled,
            packets,
            ..
        } = batch;
        let data = data.get(..*filled).unwrap_or_default();
        match &mut self.format {
            Format::Pcap(pcap) => pcap.index(data, &mut self.place, packets),
            Format::Snoop(snoop) => {
                let done = snoop.index(data, &mut self.place, packets);
                if let Some(shown) =
                    interfaces(summary, &self.place).and_then(|all| all.first_mut())
                {
                    shown.dropped = Some(u64::from(snoop.drops));
                }
                done
            }
            Format::Netmon(netmon) => {
                let done = netmon.index(data, &mut self.place, packets);
                if let Some(shown) = interfaces(summary, &self.place) {
                    for link in netmon.links.get(shown.len()..).unwrap_or_default() {
                        shown.push(Interface {
                            link: *link,
                            ..Interface::default()
                        });
                    }
                }
                done
            }
            Format::Pcapng(pcapng) => {
                let mut notes = Notes {
                    file: usize::from(self.place.file),
                    summary,
                    metadata_limit: self.metadata_limit,
                    takes_secrets: true,
                };
                pcapng.index(batch, &mut self.place, &mut notes)
            }
        }
    }

    /// Carries the bytes from `used` on over to the next batch.
    fn keep_tail(&mut self, batch: &mut Batch, used: usize) {
        self.carry.clear();
        self.carry
            .extend_from_slice(&batch.data[used..batch.filled]);
        batch.filled = used;
        self.place.offset += used as u64;
    }

    /// Forgets blocks that brought no packet and makes their room free again.
    fn drop_head(&mut self, batch: &mut Batch, used: usize) {
        batch.data.copy_within(used..batch.filled, 0);
        batch.filled -= used;
        self.place.offset += used as u64;
    }

    fn end(&mut self, used: usize, why: String, summary: &mut Summary) {
        self.ended = true;
        self.bytes = Box::new(io::empty());
        if !why.is_empty() {
            summary.truncated.push(Truncation {
                file: self.name.clone(),
                offset: self.place.offset + used as u64,
                packets_before: self.place.next_number - 1,
                why,
            });
        }
    }
}

enum End {
    No,
    Clean,
    Failed(String),
}

/// Opens a path that is a file, and tells its length if that is known.
pub(super) fn open_file(path: &Path, name: &str) -> Result<(File, Option<u64>), OpenError> {
    let file = File::open(path).map_err(|error| OpenError::from_io(name, error))?;
    let metadata = file
        .metadata()
        .map_err(|error| OpenError::from_io(name, error))?;
    if metadata.is_dir() {
        let name = name.to_owned();
        return Err(OpenError::Directory { name });
    }
    Ok((file, metadata.is_file().then_some(metadata.len())))
}

/// The first bytes of an input, as many as there are up to [`HEAD_LEN`], or as arrive with the first header.
fn read_head(input: &mut Box<dyn Read + Send>, name: &str) -> Result<Vec<u8>, OpenError> {
    let mut head = vec![0; HEAD_LEN];
    let mut len = 0;
    while len < needed(head.get(..len).unwrap_or_default()) {
        match input.read(&mut head[len..]) {
            Ok(0) => break,
            Ok(read) => len += read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            // What came before the failure may still be told apart.
            Err(_) if len > 0 => break,
            Err(error) => return Err(OpenError::from_io(name, error)),
        }
    }
    head.truncate(len);
    if head.is_empty() {
        let name = name.to_owned();
        return Err(OpenError::Empty { name });
    }
    Ok(head)
}

fn compressed(name: &str, error: OpenError) -> OpenError {
    let name = name.to_owned();
    match error {
        OpenError::Unreadable { reason, .. } => OpenError::Compressed { name, reason },
        other => other,
    }
}

/// What a file shows of its interfaces.
fn interfaces<'a>(summary: &'a mut Summary, place: &BufferPlace) -> Option<&'a mut Vec<Interface>> {
    let file = summary.files.get_mut(usize::from(place.file));
    file.map(|file| &mut file.interfaces)
}

/// The same file once more, if it is not too large to be read twice.
fn second(file: &Again) -> Option<Input> {
    let (input, len) = match file {
        Again::Path(path) => (Input::Path(path.clone()), path.metadata().ok()?.len()),
        Again::At(bytes) => (Input::At(Arc::clone(bytes), String::new()), bytes.len()),
        Again::Copy(_) => return None,
    };
    (len <= LOOKED_THROUGH).then_some(input)
}

/// Takes the secrets of a whole file. Says how many bytes it has, or 0 if it cannot be read.
fn look_through(file: Input, opening: &Opening<'_>, summary: &mut Summary) -> u64 {
    let mut found = Summary {
        files: vec![FileSummary::default(); usize::from(opening.file) + 1],
        metadata_bytes: summary.metadata_bytes,
        ..Summary::default()
    };
    let opening = Opening {
        secrets: LookThrough::No,
        counter: Arc::default(),
        copies: None,
        prompt: false,
        ..*opening
    };
    let Ok(mut reader) = FileReader::open(file, &opening, &mut found) else {
        return 0;
    };
    let mut batch = Batch::new();
    while reader.fill(&mut batch, &mut found) {}
    for secrets in &found.secrets {
        summary.metadata_bytes += secrets.bytes.len() + 64;
    }
    summary.secrets.append(&mut found.secrets);
    reader.whole()
}

/// A second handle on a file whose format needs to look elsewhere in it.
fn table_file(file: &Again, head: &[u8]) -> Option<TableFile> {
    if !netmon::is_netmon(head) {
        return None;
    }
    match file {
        Again::Path(path) => File::open(path).ok().map(TableFile::File),
        Again::At(bytes) => Some(TableFile::At(Arc::clone(bytes))),
        Again::Copy(_) => None,
    }
}

/// Counts the bytes that pass.
struct Counted {
    inner: Box<dyn Read + Send>,
    count: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let len = self.inner.read(out)?;
        self.count.fetch_add(len as u64, Ordering::Relaxed);
        Ok(len)
    }
}
