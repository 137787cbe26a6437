//! The packets of a running capture on disk: pcapng segments, one after the other, of which the newest are kept.
//!
//! One writer serves the three ways packets are kept: a spool of nameless temporary files with a cap on their size, one
//! output file, or a ring of output files. Every segment is a whole pcapng file. What was written before a [`flush`] can
//! be read by other programs and by [`Packets`], which gives the bytes of a packet by its position as a capture file
//! does. Invariant: a position is handed out once, and reads the same bytes until its segment is evicted.
//!
//! [`flush`]: Recording::flush

use std::{
    collections::VecDeque,
    fs::File,
    io::{self, Write},
    os::unix::fs::{FileExt, OpenOptionsExt},
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Instant,
};

use crate::capture::FilePosition;

use super::{
    blocks::{self, Counts, Interface},
    limits::Ring,
    rights,
};

/// Where the packets of a capture are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// In temporary files that vanish with the program.
    Spool {
        /// Directory for them; `None` takes `$TMPDIR`, else `/var/tmp`, which unlike `/tmp` is seldom memory.
        dir: Option<PathBuf>,
        /// Bytes kept at most; the oldest packets are evicted. At least a few mebibytes are kept in any case.
        cap: u64,
    },
    /// In one output file (`-w`).
    File(PathBuf),
    /// In output files named after this path (`-w` with `-b`): `OUT_00001_20261122103559.pcapng` and so on.
    Ring(PathBuf, Ring),
}

impl Default for Storage {
    fn default() -> Self {
        Self::Spool {
            dir: None,
            cap: 1 << 30,
        }
    }
}

/// What is no longer kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Segments that are gone.
    pub segments: u32,
    /// Packets that were in them. They were the first of the capture.
    pub packets: u64,
    /// Bytes of the files they were in.
    pub bytes: u64,
}

/// A way to write packets failed at this file.
#[derive(Debug)]
pub(super) struct WriteError {
    pub(super) path: PathBuf,
    pub(super) source: io::Error,
}

/// Bytes collected before they are written to the file without a flush.
const BUFFER_LEN: usize = 256 << 10;
/// Bytes of one spool segment: what is evicted at a time.
const SPOOL_SEGMENT_LEN: u64 = 16 << 20;
/// Fewest bytes of one spool segment, whatever the cap.
const SPOOL_SEGMENT_MIN: u64 = 256 << 10;

struct FileSegment {
    /// Where it begins among all segments laid end to end.
    start: u64,
    file: Arc<File>,
    /// `None` for the nameless files of a spool.
    path: Option<PathBuf>,
    /// Packets and bytes of a segment that ended; 0 in the one being written.
    packets: u64,
    len: u64,
    written: Written,
}

/// How much of a segment is in its file: whole blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Written {
    packets: u64,
    len: u64,
}

/// The packets that a recording kept at one moment: whole pcapng files, which laid end to end are one.
///
/// What is evicted later stays readable here.
#[derive(Clone, Debug, Default)]
pub struct Kept {
    /// Packets in it.
    pub packets: u64,
    /// Packets that were evicted before.
    pub evicted: u64,
    files: Vec<(Arc<File>, u64)>,
}

impl Kept {
    /// How many bytes it has.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.files.iter().map(|(_, len)| len).sum()
    }

    /// Whether it has none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Replaces what `out` holds by at most `most` bytes from `at` on; none at the end.
    ///
    /// # Errors
    /// As the system says.
    pub fn read(&self, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
        out.clear();
        let mut start = 0;
        for (file, len) in &self.files {
            if at < start + len {
                let left = (start + len - at).min(most as u64);
                out.resize(left as usize, 0);
                return file.read_exact_at(out, at - start);
            }
            start += len;
        }
        Ok(())
    }
}

#[derive(Default)]
struct Segments {
    kept: VecDeque<FileSegment>,
    evicted: Evicted,
}

/// The packets of a recording, to be read from any thread.
#[derive(Clone, Default)]
pub struct Packets {
    segments: Arc<Mutex<Segments>>,
}

impl Packets {
    fn lock(&self) -> MutexGuard<'_, Segments> {
        // The lists are whole between any two statements of their holders.
        self.segments.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads `len` bytes at `position` into `out`, replacing what it held.
    ///
    /// # Errors
    /// `NotFound` when the packet was evicted, else what the system says.
    pub fn read_at(&self, position: FilePosition, len: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let at = position.offset();
        let found = {
            let kept = &self.lock().kept;
            // The last segment that begins at or before the position.
            let after = kept.partition_point(|segment| segment.start <= at);
            let segment = after.checked_sub(1).and_then(|index| kept.get(index));
            segment.map(|segment| (Arc::clone(&segment.file), at - segment.start))
        };
        let Some((file, offset)) = found else {
            return Err(io::Error::new(
                io::ErrorKind::NotFound,
                "the packet is no longer kept: newer ones took its place",
            ));
        };
        out.clear();
        out.resize(len, 0);
        file.read_exact_at(out, offset)
    }

    /// What is no longer kept.
    #[must_use]
    pub fn evicted(&self) -> Evicted {
        self.lock().evicted
    }

    /// What is kept now, for writing it somewhere else.
    #[must_use]
    pub fn kept(&self) -> Kept {
        let segments = self.lock();
        let files = segments.kept.iter();
        Kept {
            packets: files.clone().map(|segment| segment.written.packets).sum(),
            evicted: segments.evicted.packets,
            files: files
                .map(|segment| (Arc::clone(&segment.file), segment.written.len))
                .collect(),
        }
    }

    /// The named file that is written now; none for a spool.
    #[must_use]
    pub fn newest_file(&self) -> Option<PathBuf> {
        self.lock().kept.iter().next_back()?.path.clone()
    }

    /// The named files that are kept, oldest first; none for a spool.
    #[must_use]
    pub fn files(&self) -> Vec<PathBuf> {
        self.lock()
            .kept
            .iter()
            .filter_map(|segment| segment.path.clone())
            .collect()
    }
}

/// The writer of a recording.
pub(super) struct Recording {
    place: Storage,
    interface: Interface,
    packets: Packets,
    current: Current,
    buffer: Vec<u8>,
    /// Bytes of the segments before the current one.
    earlier_len: u64,
    /// Counts for the statistics at a segment's end; the owner keeps them up to date.
    pub(super) counts: Counts,
}

struct Current {
    index: u32,
    file: Arc<File>,
    path: PathBuf,
    len: u64,
    packets: u64,
    since: Instant,
    start: i64,
}

impl Recording {
    /// Begins the first segment, whose head is on disk when this returns.
    pub(super) fn start(
        place: Storage,
        interface: Interface,
        now: jiff::Timestamp,
    ) -> Result<Self, WriteError> {
        let current = open_segment(&place, 0, now)?;
        let mut recording = Self {
            place,
            interface,
            packets: Packets::default(),
            current,
            buffer: Vec::with_capacity(BUFFER_LEN + (64 << 10)),
            earlier_len: 0,
            counts: Counts::default(),
        };
        recording.begin_segment()?;
        Ok(recording)
    }

    /// A handle to read the packets with.
    pub(super) fn packets(&self) -> Packets {
        self.packets.clone()
    }

    /// Bytes of all segments so far.
    pub(super) fn len(&self) -> u64 {
        self.earlier_len + self.current.len
    }

    /// Adds one packet. It can be read at the position returned after the next [`Self::flush`].
    pub(super) fn push(
        &mut self,
        nanoseconds: i64,
        wire_len: u32,
        data: &[u8],
    ) -> Result<FilePosition, WriteError> {
        let block_len = (blocks::PACKET_OFFSET + data.len().next_multiple_of(4) + 4) as u64;
        if self.is_full(block_len) {
            self.next_segment()?;
        }
        // All segments laid end to end are one input; its offsets have room for 256 TiB.
        let position = FilePosition::new(0, self.len() + blocks::PACKET_OFFSET as u64);
        let stamp = blocks::stamp(nanoseconds, self.interface.digits);
        blocks::packet(&mut self.buffer, stamp, wire_len, data);
        self.current.len += block_len;
        self.current.packets += 1;
        if self.buffer.len() >= BUFFER_LEN {
            self.flush()?;
        }
        Ok(position)
    }

    /// Writes everything to the file.
    pub(super) fn flush(&mut self) -> Result<(), WriteError> {
        let result = (&*self.current.file).write_all(&self.buffer);
        self.buffer.clear();
        result.map_err(|source| self.error(source))?;
        if let Some(segment) = self.packets.lock().kept.back_mut() {
            segment.written = Written {
                packets: self.current.packets,
                len: self.current.len,
            };
        }
        Ok(())
    }

    /// Goes on to the next segment if the current one's time is over.
    pub(super) fn tick(&mut self) -> Result<(), WriteError> {
        match self.is_full(0) {
            true => self.next_segment(),
            false => Ok(()),
        }
    }

    /// Ends the last segment; everything is on the disk when this returns.
    pub(super) fn finish(&mut self) -> Result<(), WriteError> {
        self.end_segment()?;
        match (&self.place, self.current.file.sync_all()) {
            (Storage::Spool { .. }, _) | (_, Ok(())) => Ok(()),
            // A pipe or /dev/null cannot be synchronised, and need not.
            (_, Err(error)) if error.kind() == io::ErrorKind::InvalidInput => Ok(()),
            (_, Err(source)) => Err(self.error(source)),
        }
    }

    fn error(&self, source: io::Error) -> WriteError {
        WriteError {
            path: self.current.path.clone(),
            source,
        }
    }

    /// Whether a packet of `block_len` bytes belongs into the next segment. An empty segment is never full.
    fn is_full(&self, block_len: u64) -> bool {
        let Current {
            len,
            packets,
            since,
            ..
        } = &self.current;
        if *packets == 0 {
            return false;
        }
        match &self.place {
            Storage::File(_) => false,
            Storage::Spool { cap, .. } => len + block_len > spool_segment_len(*cap),
            Storage::Ring(_, ring) => {
                ring.file_bytes.is_some_and(|cap| len + block_len > cap)
                    || ring.packets.is_some_and(|cap| *packets >= cap)
                    || ring.duration.is_some_and(|cap| since.elapsed() >= cap)
            }
        }
    }

    fn next_segment(&mut self) -> Result<(), WriteError> {
        self.end_segment()?;
        self.earlier_len += self.current.len;
        self.current = open_segment(&self.place, self.current.index + 1, jiff::Timestamp::now())?;
        self.begin_segment()?;
        self.evict()
    }

    fn begin_segment(&mut self) -> Result<(), WriteError> {
        blocks::head(&mut self.buffer, &self.interface);
        self.current.len = self.buffer.len() as u64;
        self.packets.lock().kept.push_back(FileSegment {
            start: self.earlier_len,
            file: Arc::clone(&self.current.file),
            path: match self.place {
                Storage::Spool { .. } => None,
                Storage::File(_) | Storage::Ring(..) => Some(self.current.path.clone()),
            },
            packets: 0,
            len: 0,
            written: Written::default(),
        });
        self.flush()
    }

    fn end_segment(&mut self) -> Result<(), WriteError> {
        let counts = Counts {
            start: self.current.start,
            end: now_nanoseconds(jiff::Timestamp::now()),
            delivered: self.current.packets,
            ..self.counts
        };
        let before = self.buffer.len();
        blocks::statistics(&mut self.buffer, self.interface.digits, &counts);
        self.current.len += (self.buffer.len() - before) as u64;
        self.flush()?;
        if let Some(segment) = self.packets.lock().kept.back_mut() {
            (segment.packets, segment.len) = (self.current.packets, self.current.len);
        }
        Ok(())
    }

    /// Drops the oldest segments that no longer fit; the current one always stays.
    fn evict(&mut self) -> Result<(), WriteError> {
        let mut segments = self.packets.lock();
        while segments.kept.len() > 1 {
            let too_many = match &self.place {
                Storage::File(_) => false,
                Storage::Ring(_, ring) => {
                    ring.files.is_some_and(|files| segments.kept.len() > files)
                }
                Storage::Spool { cap, .. } => {
                    let kept: u64 = segments.kept.iter().map(|segment| segment.len).sum();
                    kept + spool_segment_len(*cap) > *cap
                }
            };
            if !too_many {
                break;
            }
            let Some(oldest) = segments.kept.pop_front() else {
                break;
            };
            segments.evicted.segments += 1;
            segments.evicted.packets += oldest.packets;
            segments.evicted.bytes += oldest.len;
            if let Some(path) = oldest.path {
                match std::fs::remove_file(&path) {
                    Err(source) if source.kind() != io::ErrorKind::NotFound => {
                        return Err(WriteError { path, source });
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }
}

/// Bytes of one spool segment under a cap: small enough that several fit.
fn spool_segment_len(cap: u64) -> u64 {
    (cap / 4).clamp(SPOOL_SEGMENT_MIN, SPOOL_SEGMENT_LEN)
}

fn now_nanoseconds(now: jiff::Timestamp) -> i64 {
    i64::try_from(now.as_nanosecond()).unwrap_or(i64::MAX)
}

fn open_segment(place: &Storage, index: u32, now: jiff::Timestamp) -> Result<Current, WriteError> {
    let (path, file) = match place {
        Storage::Spool { dir, .. } => {
            let dir = dir.clone().unwrap_or_else(spool_dir);
            let file = tempfile::tempfile_in(&dir);
            (dir, file)
        }
        Storage::File(path) => (path.clone(), create(path)),
        Storage::Ring(path, _) => {
            let path = ring_path(path, index + 1, &now.to_zoned(jiff::tz::TimeZone::system()));
            let file = create(&path);
            (path, file)
        }
    };
    match file {
        Err(source) => Err(WriteError { path, source }),
        Ok(file) => Ok(Current {
            index,
            file: Arc::new(file),
            path,
            len: 0,
            packets: 0,
            since: Instant::now(),
            start: now_nanoseconds(now),
        }),
    }
}

/// Creates an output file that only its owner may read, since it holds what others said; an old one is overwritten.
///
/// # Errors
/// As the system says.
pub fn create(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.read(true).write(true).mode(0o600);
    match options.clone().create_new(true).open(path) {
        Ok(file) => {
            rights::hand_to_sudo_user(&file);
            Ok(file)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            options.truncate(true).open(path)
        }
        Err(error) => Err(error),
    }
}

fn spool_dir() -> PathBuf {
    let disk = Path::new("/var/tmp");
    match std::env::var_os("TMPDIR") {
        Some(dir) if !dir.is_empty() => dir.into(),
        _ if disk.is_dir() => disk.to_owned(),
        _ => std::env::temp_dir(),
    }
}

/// The name of a ring's file, as dumpcap makes it: number and local time before the extension.
fn ring_path(path: &Path, number: u32, time: &jiff::Zoned) -> PathBuf {
    let mut name = path.file_stem().unwrap_or_default().to_owned();
    name.push(format!("_{number:05}_{}", time.strftime("%Y%m%d%H%M%S")));
    if let Some(extension) = path.extension() {
        name.push(".");
        name.push(extension);
    }
    path.with_file_name(name)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn interface() -> Interface {
        Interface {
            name: "lo".into(),
            link: crate::base::LinkType::ETHERNET,
            snaplen: 65_535,
            digits: 9,
            ..Interface::default()
        }
    }

    fn now() -> jiff::Timestamp {
        jiff::Timestamp::now()
    }

    #[test]
    fn ring_files_are_named_as_dumpcap_names_them() {
        let time: jiff::Zoned = "2026-11-22T10:35:59[UTC]".parse().unwrap();
        let name = |path: &str, number| {
            ring_path(Path::new(path), number, &time)
                .display()
                .to_string()
        };
        assert_eq!(
            name("/x/OUT.pcapng", 1),
            "/x/OUT_00001_20261122103559.pcapng"
        );
        assert_eq!(
            name("a.b.pcapng", 123_456),
            "a.b_123456_20261122103559.pcapng"
        );
        assert_eq!(name("plain", 7), "plain_00007_20261122103559");
    }

    #[test]
    fn a_spool_reads_back_what_it_keeps_and_counts_what_it_evicted() {
        let cap = 4 * SPOOL_SEGMENT_MIN;
        let place = Storage::Spool { dir: None, cap };
        let mut spool = Recording::start(place, interface(), now()).unwrap();
        let packets = spool.packets();
        let mut positions = Vec::new();
        for number in 0..3000u32 {
            let data = vec![number as u8; 1000 + number as usize % 3];
            positions.push((spool.push(i64::from(number), 1500, &data).unwrap(), data));
        }
        spool.flush().unwrap();
        let evicted = packets.evicted();
        assert!(
            evicted.packets > 0 && evicted.bytes > 0 && evicted.segments > 0,
            "{evicted:?}"
        );
        assert!(spool.len() - evicted.bytes <= cap);
        for (number, (position, data)) in (0u64..).zip(&positions) {
            let mut bytes = Vec::new();
            match packets.read_at(*position, data.len(), &mut bytes) {
                Ok(()) => assert!(
                    number >= evicted.packets && bytes == *data,
                    "packet {number}"
                ),
                Err(error) => {
                    assert_eq!(error.kind(), io::ErrorKind::NotFound);
                    assert!(number < evicted.packets, "packet {number} is lost");
                }
            }
        }
        assert!(packets.files().is_empty());
    }

    #[test]
    fn what_is_kept_is_a_capture_at_any_moment() {
        let cap = 4 * SPOOL_SEGMENT_MIN;
        let place = Storage::Spool { dir: None, cap };
        let mut spool = Recording::start(place, interface(), now()).unwrap();
        for number in 0..2000 {
            spool.push(number, 1000, &[number as u8; 1000]).unwrap();
        }
        spool.flush().unwrap();
        // Not written yet, and so not told.
        spool.push(2000, 1000, &[1; 1000]).unwrap();
        let kept = spool.packets().kept();
        for _ in 0..2000 {
            spool.push(0, 1000, &[2; 1000]).unwrap();
        }
        let (mut all, mut piece) = (Vec::new(), Vec::new());
        loop {
            kept.read(all.len() as u64, 1 << 16, &mut piece).unwrap();
            if piece.is_empty() {
                break;
            }
            all.extend_from_slice(&piece);
        }
        assert_eq!(all.len() as u64, kept.len());
        let packets = block_kinds(&all).iter().filter(|kind| **kind == 6).count() as u64;
        assert!(kept.evicted > 0 && packets == kept.packets, "{kept:?}");
        assert_eq!(kept.packets + kept.evicted, 2000);
    }

    #[test]
    fn a_ring_keeps_the_newest_files_and_each_is_whole() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring {
            packets: Some(2),
            files: Some(3),
            ..Ring::default()
        };
        let place = Storage::Ring(dir.path().join("out.pcapng"), ring);
        let mut recording = Recording::start(place, interface(), now()).unwrap();
        for number in 0..9 {
            recording.push(number, 60, &[number as u8; 60]).unwrap();
        }
        recording.finish().unwrap();
        let files = recording.packets().files();
        let mut on_disk: Vec<PathBuf> = std::fs::read_dir(dir.path())
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        on_disk.sort();
        assert_eq!(on_disk, files);
        assert_eq!(recording.packets().evicted().packets, 4);
        let counts: Vec<Vec<u32>> = files
            .iter()
            .map(|file| block_kinds(&std::fs::read(file).unwrap()))
            .collect();
        let full = vec![0x0a0d_0d0a, 1, 6, 6, 5];
        assert_eq!(counts, [full.clone(), full, vec![0x0a0d_0d0a, 1, 6, 5]]);
    }

    #[test]
    fn a_ring_goes_on_after_its_time_and_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let ring = Ring {
            duration: Some(Duration::ZERO),
            ..Ring::default()
        };
        let mut timed = Recording::start(
            Storage::Ring(dir.path().join("t"), ring),
            interface(),
            now(),
        )
        .unwrap();
        timed.tick().unwrap();
        assert_eq!(
            timed.packets().files().len(),
            1,
            "an empty file is not left for another"
        );
        timed.push(1, 4, &[0; 4]).unwrap();
        timed.tick().unwrap();
        assert_eq!(timed.packets().files().len(), 2);
        let ring = Ring {
            file_bytes: Some(1000),
            ..Ring::default()
        };
        let mut sized = Recording::start(
            Storage::Ring(dir.path().join("s"), ring),
            interface(),
            now(),
        )
        .unwrap();
        for number in 0..3 {
            sized.push(number, 500, &[0; 500]).unwrap();
        }
        assert_eq!(sized.packets().files().len(), 3);
    }

    #[test]
    fn an_output_that_cannot_be_made_names_itself() {
        let place = Storage::File("/nonexistent/out.pcapng".into());
        let error = Recording::start(place, interface(), now()).err().unwrap();
        assert_eq!(error.path, Path::new("/nonexistent/out.pcapng"));
    }

    /// The kinds of the blocks that tile `file`.
    fn block_kinds(mut file: &[u8]) -> Vec<u32> {
        let mut kinds = Vec::new();
        while !file.is_empty() {
            let word = |at: usize| u32::from_ne_bytes(file[at..at + 4].try_into().unwrap());
            let (kind, len) = (word(0), word(4) as usize);
            assert_eq!(word(len - 4) as usize, len);
            kinds.push(kind);
            file = &file[len..];
        }
        kinds
    }
}
