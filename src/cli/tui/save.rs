//! Saving from the interface: a payload, the rows of the list, the packets of a connection.

use std::io::{self, Write as _};
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, TryRecvError, bounded, unbounded};
use hashbrown::HashMap;

use crate::base::{ConnectionId, LinkType, Needs, PacketNumber};
use crate::capture::{Interface, Origin, PacketToWrite, PcapngWriter};
use crate::cli::output::Output;
use crate::cli::printing;
use crate::engine::Sink as _;
use crate::export::{
    Columns, Format, Ndjson, Page, PageMark, Palette, Printer, Selection, Separator, Show, Text,
    comment, default_columns,
};
use crate::run::{Collected as _, Content as _, Ordered};
use crate::store::{PacketEntry, Store};
use crate::tui::{self, App, Kind, List, RowId, Save, Saved, Saving};

use super::load::{About, lock};

/// Bytes of a payload saved.
const SAVED: usize = 1 << 30;
/// Rows made between two looks at the clock.
const STEP: usize = 32;
/// Bytes on their way to the file at once.
const PIECE: usize = 256 << 10;
/// Pieces that may wait for the disk; more rows are made when there are fewer.
const WAITING: usize = 16;

/// Something on its way to the thread that writes the file.
enum Piece {
    Bytes(Vec<u8>),
    /// That was all. A file whose end never comes does not appear.
    End,
}

/// Where what is made goes: in pieces to the thread that writes.
struct Pieces {
    send: Sender<Piece>,
    piece: Vec<u8>,
}

impl Pieces {
    fn pass_on(&mut self) {
        if !self.piece.is_empty() {
            // A writer that failed says so itself.
            let _ = self
                .send
                .send(Piece::Bytes(std::mem::take(&mut self.piece)));
        }
    }
}

impl io::Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.piece.extend_from_slice(bytes);
        if self.piece.len() >= PIECE {
            self.pass_on();
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.pass_on();
        Ok(())
    }
}

/// Makes what is saved, a little at a time. What it looks at is in the interface's hands, so this happens on its thread.
trait Make {
    /// Makes some more; what to tell when that was all.
    fn make(&mut self, app: &App, out: &mut Pieces) -> io::Result<Option<String>>;

    /// How much is made, and of how much.
    fn part(&self) -> (usize, usize) {
        (0, 1)
    }
}

/// A file being saved: its contents are made in slices, and a thread writes them.
struct Job {
    path: String,
    make: Box<dyn Make>,
    out: Pieces,
    written: Receiver<anyhow::Result<()>>,
    writer: Option<JoinHandle<()>>,
    told: Option<String>,
}

impl Drop for Job {
    /// Waits for the writer: a file that is not whole is taken away by nobody else.
    fn drop(&mut self) {
        self.make = Box::new(Whole(Vec::new()));
        self.out.send = unbounded().0;
        if let Some(writer) = self.writer.take() {
            let _ = writer.join();
        }
    }
}

/// Begins to save what the user asked for.
///
/// # Errors
/// When there is nothing to save, or no file can be made; says why.
pub(super) fn save(
    app: &App,
    what: Save,
    path: &str,
    about: &Arc<Mutex<About>>,
) -> Result<Box<dyn Saving>, String> {
    begin(app, what, path, about).map_err(|error| format!("not saved: {error:#}"))
}

fn begin(
    app: &App,
    what: Save,
    path: &str,
    about: &Arc<Mutex<About>>,
) -> anyhow::Result<Box<dyn Saving>> {
    let missing = || anyhow::anyhow!("the bytes are not kept");
    if Path::new(path).exists() {
        anyhow::bail!("{path} exists already");
    }
    let (send, pieces) = unbounded();
    let out = Pieces {
        send,
        piece: Vec::new(),
    };
    let make: Box<dyn Make> = match what {
        Save::Payload => {
            let row = app.list.selected(&app.store).ok_or_else(missing)?;
            let bytes = tui::data(&app.store, row, SAVED).ok_or_else(missing)?;
            Box::new(Whole(bytes))
        }
        Save::Text => Box::new(Rows::new(
            app,
            Text::new(app.store.start(), false, Palette::default()),
        )),
        Save::Ndjson => Box::new(Rows::new(app, Ndjson::new(true))),
        Save::Copied => {
            let text = app.copied().ok_or_else(missing)?;
            Box::new(Whole(text.into_bytes()))
        }
        Save::Rows => rows_as(app, path)?,
        Save::RowPackets => {
            let pieces = Pieces {
                send: out.send.clone(),
                piece: Vec::new(),
            };
            Box::new(RowPackets::new(app, about, pieces)?)
        }
        Save::Ladder => {
            let as_text = Path::new(path).extension().is_some_and(|end| end == "txt");
            let drawn = app.drawn_ladder(as_text);
            let drawn = drawn.ok_or_else(|| anyhow::anyhow!("no ladder is open"))?;
            Box::new(Whole(drawn.into_bytes()))
        }
        Save::Capture | Save::CaptureAndLeave => anyhow::bail!("the capture is a file already"),
        Save::Packets => {
            let flow = app.list.flow(&app.store).ok_or_else(missing)?;
            let pieces = Pieces {
                send: out.send.clone(),
                piece: Vec::new(),
            };
            Box::new(Packets::new(app, flow, about, pieces)?)
        }
    };
    Ok(Box::new(job(path, make, out, pieces)?))
}

/// Begins to save everything that a live capture kept.
///
/// # Errors
/// When no file can be made; says why.
#[cfg(all(feature = "live", unix))]
pub(super) fn save_all(
    kept: impl Everything + 'static,
    path: &str,
) -> Result<Box<dyn Saving>, String> {
    let begin = || {
        if Path::new(path).exists() {
            anyhow::bail!("{path} exists already");
        }
        let (send, pieces) = unbounded();
        let piece = Vec::new();
        let make = Box::new(All { kept, at: 0 });
        job(path, make, Pieces { send, piece }, pieces)
    };
    match begin() {
        Ok(job) => Ok(Box::new(job)),
        Err(error) => Err(format!("not saved: {error:#}")),
    }
}

/// Starts the thread that writes.
fn job(
    path: &str,
    make: Box<dyn Make>,
    out: Pieces,
    pieces: Receiver<Piece>,
) -> anyhow::Result<Job> {
    let output = Output::open(Some(Path::new(path)), false)?;
    let (tell, written) = bounded(1);
    let writer = std::thread::Builder::new()
        .name("writer".into())
        .spawn(move || {
            let _ = tell.send(write(output, &pieces));
        })?;
    Ok(Job {
        path: path.to_owned(),
        make,
        out,
        written,
        writer: Some(writer),
        told: None,
    })
}

/// Writes pieces until their end.
fn write(output: Output, pieces: &Receiver<Piece>) -> anyhow::Result<()> {
    printing::whole(output, |out| {
        loop {
            match pieces.recv() {
                Ok(Piece::Bytes(bytes)) => out.write_all(&bytes)?,
                Ok(Piece::End) => return Ok(()),
                Err(_) => return Err(io::Error::other("stopped")),
            }
        }
    })
}

impl Saving for Job {
    fn advance(&mut self, app: &App, budget: Duration) -> Saved {
        let start = Instant::now();
        match self.written.try_recv() {
            Ok(Ok(())) => {
                let told = self.told.as_deref().unwrap_or_default();
                return Saved::Ended(format!("saved {told} to {}", self.path));
            }
            Ok(Err(error)) => return self.failed(&error),
            Err(TryRecvError::Disconnected) => {
                return self.failed(&anyhow::anyhow!("the writer stopped"));
            }
            Err(TryRecvError::Empty) => {}
        }
        while self.told.is_none() && self.out.send.len() < WAITING {
            match self.make.make(app, &mut self.out) {
                Ok(None) => {}
                Ok(told) => {
                    self.told = told;
                    self.out.pass_on();
                    let _ = self.out.send.send(Piece::End);
                }
                Err(error) => return self.failed(&error.into()),
            }
            if start.elapsed() >= budget {
                return Saved::Going;
            }
        }
        Saved::Waiting
    }

    fn percent(&self) -> usize {
        let (made, all) = self.make.part();
        made * 100 / all.max(1)
    }
}

impl Job {
    fn failed(&self, error: &anyhow::Error) -> Saved {
        Saved::Failed(format!("not saved: {}: {error:#}", self.path))
    }
}

/// Bytes that are there already.
struct Whole(Vec<u8>);

impl Make for Whole {
    fn make(&mut self, _: &App, out: &mut Pieces) -> io::Result<Option<String>> {
        let told = format!("{} bytes", self.0.len());
        out.pass_on();
        out.piece = std::mem::take(&mut self.0);
        Ok(Some(told))
    }
}

/// Everything that was captured, as one file.
#[cfg(all(feature = "live", unix))]
pub(super) trait Everything {
    /// Packets in it, and packets that are no longer kept.
    fn packets(&self) -> (u64, u64);

    /// How many bytes it has.
    fn len(&self) -> u64;

    /// Replaces what `out` holds by at most `most` bytes from `at` on; none at the end.
    fn read(&self, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()>;
}

#[cfg(all(feature = "live", unix))]
impl Everything for crate::capture::live::Kept {
    fn packets(&self) -> (u64, u64) {
        (self.packets, self.evicted)
    }

    fn len(&self) -> u64 {
        self.len()
    }

    fn read(&self, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
        self.read(at, most, out)
    }
}

/// What came through a pipe, up to the end of a packet.
#[cfg(all(feature = "live", unix))]
pub(super) struct Copy {
    pub(super) file: crate::capture::PacketFile,
    pub(super) packets: u64,
    pub(super) len: u64,
}

#[cfg(all(feature = "live", unix))]
impl Everything for Copy {
    fn packets(&self) -> (u64, u64) {
        (self.packets, 0)
    }

    fn len(&self) -> u64 {
        self.len
    }

    fn read(&self, at: u64, most: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let len = (self.len - at).min(most as u64) as usize;
        out.clear();
        match len {
            0 => Ok(()),
            len => {
                let at = crate::capture::FilePosition::new(0, at);
                self.file.read_at(at, len, out)
            }
        }
    }
}

#[cfg(all(feature = "live", unix))]
struct All<E> {
    kept: E,
    at: u64,
}

#[cfg(all(feature = "live", unix))]
impl<E: Everything> Make for All<E> {
    fn make(&mut self, _: &App, out: &mut Pieces) -> io::Result<Option<String>> {
        self.kept.read(self.at, PIECE, &mut out.piece)?;
        self.at += out.piece.len() as u64;
        if !out.piece.is_empty() {
            out.pass_on();
            return Ok(None);
        }
        Ok(Some(match self.kept.packets() {
            (packets, 0) => format!("{packets} packets"),
            (packets, gone) => format!("{packets} packets ({gone} more are no longer kept)"),
        }))
    }

    fn part(&self) -> (usize, usize) {
        (self.at as usize, self.kept.len() as usize)
    }
}

/// The rows as the end of the file's name says.
fn rows_as(app: &App, path: &str) -> anyhow::Result<Box<dyn Make>> {
    let start = app.store.start();
    let show = match app.list.kind {
        Kind::Messages => Show::Messages,
        Kind::Frames | Kind::Packets => Show::Frames,
    };
    let columns = || default_columns(show);
    let end = Path::new(path).extension().and_then(|end| end.to_str());
    Ok(match end.unwrap_or_default() {
        "csv" => Box::new(Rows::new(
            app,
            Columns::new(&columns(), Separator::Comma, start),
        )),
        "tsv" => Box::new(Rows::new(
            app,
            Columns::new(&columns(), Separator::Tab, start),
        )),
        "ndjson" | "jsonl" => Box::new(Rows::new(app, Ndjson::new(true))),
        "txt" => Box::new(Rows::new(app, Text::new(start, false, Palette::default()))),
        other => anyhow::bail!(
            "the name ends in {other:?}: .csv, .tsv, .ndjson and .txt are written from here"
        ),
    })
}

/// The packets that the rows of the list came in, each once, in the order of the capture.
struct RowPackets {
    list: List,
    at: usize,
    count: usize,
    /// Flow and number; gathered first, then written in order.
    numbers: Vec<(PacketNumber, u32)>,
    written: usize,
    packets: Packets,
}

impl RowPackets {
    fn new(app: &App, about: &Arc<Mutex<About>>, out: Pieces) -> io::Result<Self> {
        Ok(Self {
            list: app.list.clone(),
            at: 0,
            count: app.list.len(&app.store),
            numbers: Vec::new(),
            written: 0,
            packets: Packets::new(app, u32::MAX, about, out)?,
        })
    }

    fn note(&mut self, store: &Store, row: RowId) {
        let mut frames = |connection: u32, frames: &[u32]| {
            let Some(flow) = store.flow_of(connection) else {
                return;
            };
            for frame in frames {
                let numbers = store.packets_of(*frame).into_iter();
                self.numbers.extend(numbers.map(|number| (number, flow)));
            }
        };
        match row {
            RowId::Frame(index) => {
                if let Some(frame) = store.frame(index) {
                    frames(frame.connection, &[index]);
                }
            }
            RowId::Message(index) => {
                if let Some(message) = store.message(index) {
                    let all: Vec<u32> = store.frames_of(&message).collect();
                    frames(message.connection, &all);
                }
            }
            RowId::Packet(flow, at) => {
                let entry = store.flow_packet(flow, at as usize);
                self.numbers
                    .extend(entry.map(|entry| (entry.number(), flow)));
            }
        }
    }
}

impl Make for RowPackets {
    fn make(&mut self, app: &App, _: &mut Pieces) -> io::Result<Option<String>> {
        let end = self.count.min(self.at + STEP);
        if self.at < end {
            while self.at < end {
                if let Some(row) = self.list.row(&app.store, self.at) {
                    self.note(&app.store, row);
                }
                self.at += 1;
            }
            if self.at == self.count {
                self.numbers.sort_unstable();
                self.numbers.dedup_by_key(|(number, _)| *number);
            }
            return Ok(None);
        }
        let rest = self.numbers.get(self.written..).unwrap_or_default();
        for (number, flow) in rest.iter().take(STEP) {
            let at = app.store.place_in_flow(*flow, *number);
            if let Some(entry) = app.store.flow_packet(*flow, at) {
                self.packets.packet(&app.store, &entry)?;
            }
            self.written += 1;
        }
        if self.written < self.numbers.len() {
            return Ok(None);
        }
        self.packets.writer.flush()?;
        Ok(Some(format!("{} packets", self.packets.written)))
    }

    fn part(&self) -> (usize, usize) {
        (self.at + self.written, self.count + self.numbers.len())
    }
}

/// The packets of a flow with the findings as comments.
struct Packets {
    flow: u32,
    at: usize,
    count: usize,
    about: Arc<Mutex<About>>,
    writer: PcapngWriter<Pieces>,
    comments: HashMap<PacketNumber, Vec<String>>,
    interfaces: HashMap<(LinkType, u16), u32>,
    written: u64,
    gone: u64,
}

impl Packets {
    fn new(app: &App, flow: u32, about: &Arc<Mutex<About>>, out: Pieces) -> io::Result<Self> {
        let origin = Origin {
            application: format!("wireloupe {}", env!("CARGO_PKG_VERSION")),
            ..Origin::default()
        };
        let mut writer = PcapngWriter::new(out, &origin)?;
        for secrets in &lock(about).secrets {
            writer.secrets(secrets.kind, &secrets.bytes)?;
        }
        Ok(Self {
            flow,
            at: 0,
            count: app.store.packets_of_flow(flow),
            about: Arc::clone(about),
            writer,
            comments: comments(&app.store, flow),
            interfaces: HashMap::new(),
            written: 0,
            gone: 0,
        })
    }

    fn packet(&mut self, store: &Store, entry: &PacketEntry) -> io::Result<()> {
        let Some(packet) = store.read(entry) else {
            self.gone += 1;
            return Ok(());
        };
        let place = (packet.link, entry.position().file());
        let interface = match self.interfaces.get(&place) {
            Some(number) => *number,
            None => {
                let described = described(&lock(&self.about), packet.link, entry);
                let number = self.writer.interface(&described)?;
                self.interfaces.insert(place, number);
                number
            }
        };
        let comments = self.comments.get(&packet.number);
        self.written += 1;
        self.writer.packet(&PacketToWrite {
            interface,
            time: packet.time,
            original: packet.original,
            bytes: &packet.bytes,
            comments: comments.map_or(&[], Vec::as_slice),
            ..PacketToWrite::default()
        })
    }
}

impl Make for Packets {
    fn make(&mut self, app: &App, _: &mut Pieces) -> io::Result<Option<String>> {
        let end = self.count.min(self.at + STEP);
        while self.at < end {
            if let Some(entry) = app.store.flow_packet(self.flow, self.at) {
                self.packet(&app.store, &entry)?;
            }
            self.at += 1;
        }
        if self.at < self.count {
            return Ok(None);
        }
        self.writer.flush()?;
        Ok(Some(match self.gone {
            0 => format!("{} packets", self.written),
            gone => format!("{} packets ({gone} more are no longer kept)", self.written),
        }))
    }

    fn part(&self) -> (usize, usize) {
        (self.at, self.count)
    }
}

/// The rows of the list as it was when saving began, replayed to what prints them for the command line.
struct Rows<F: Format> {
    list: List,
    at: usize,
    count: usize,
    printer: Printer<F>,
    needs: Needs,
    written: Ordered<F::Out>,
    lines: Vec<u8>,
}

impl<F: Format<Out = Page>> Rows<F> {
    fn new(app: &App, format: F) -> Self {
        let selection = Selection {
            show: match app.list.kind {
                Kind::Messages => Show::Messages,
                Kind::Frames | Kind::Packets => Show::Frames,
            },
            ..Selection::default()
        };
        let printer = Printer::new(format, selection, app.store.start());
        Self {
            list: app.list.clone(),
            at: 0,
            count: app.list.len(&app.store),
            needs: printer.needs() | Needs::EXTENTS,
            printer,
            written: Ordered::default(),
            lines: Vec::new(),
        }
    }

    fn row(&mut self, app: &App, row: RowId) {
        let (store, printer) = (&app.store, &mut self.printer);
        match row {
            RowId::Frame(index) => store.replay_frame(index, self.needs, printer),
            RowId::Message(index) => store.replay_message(index, self.needs, printer),
            RowId::Packet(..) => {
                let line = tui::row_text(app, self.at, row);
                self.lines.extend_from_slice(line.as_bytes());
                self.lines.push(b'\n');
                None
            }
        };
        printer.exchange(&mut self.written);
        // The store counts connections from 0, and outputs from 1.
        let number = |connection: ConnectionId| Some(connection.0 + 1);
        let page = self.written.content();
        page.fill((PageMark::default(), page.mark()), number, &mut self.lines);
    }
}

impl<F: Format<Out = Page>> Make for Rows<F> {
    fn make(&mut self, app: &App, out: &mut Pieces) -> io::Result<Option<String>> {
        let end = self.count.min(self.at + STEP);
        while self.at < end {
            if let Some(row) = self.list.row(&app.store, self.at) {
                self.row(app, row);
            }
            self.at += 1;
        }
        out.write_all(&self.lines)?;
        self.lines.clear();
        let is_all = self.at >= self.count;
        Ok(is_all.then(|| format!("{} rows", self.count)))
    }

    fn part(&self) -> (usize, usize) {
        (self.at, self.count)
    }
}

/// The findings of a flow's connections, by packet.
fn comments(store: &Store, flow: u32) -> HashMap<PacketNumber, Vec<String>> {
    let mut comments: HashMap<PacketNumber, Vec<String>> = HashMap::new();
    let indices = 0..store.connections().len() as u32;
    for entry in indices
        .filter(|index| store.flow_of(*index) == Some(flow))
        .filter_map(|index| store.connection(index))
    {
        let found = entry.findings.iter();
        for record in found.filter_map(|at| store.findings().get(*at as usize)) {
            let text = comment(&record.finding);
            comments.entry(record.packet).or_default().push(text);
        }
    }
    comments
}

/// The interface of a packet, as its file described it.
fn described(about: &About, link: LinkType, entry: &PacketEntry) -> Interface {
    let file = about.files.get(usize::from(entry.position().file()));
    let known = file.and_then(|file| {
        let mut interfaces = file.interfaces.iter();
        interfaces.find(|interface| interface.link == link).cloned()
    });
    known.unwrap_or_else(|| Interface {
        link,
        ..Interface::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Limits;
    use crate::capture::Source;
    use crate::tui::Theme;

    fn app() -> App {
        let source = Source::open(Vec::new(), &Limits::default()).unwrap();
        App::new(
            Store::new(
                Box::new(source.packet_file()),
                &crate::engine::Options::default(),
            ),
            "nothing",
            Theme::Plain,
        )
    }

    fn begun(path: &Path, make: Box<dyn Make>) -> anyhow::Result<Job> {
        let (send, pieces) = unbounded();
        let out = Pieces {
            send,
            piece: Vec::new(),
        };
        job(path.to_str().unwrap(), make, out, pieces)
    }

    struct Endless;

    impl Make for Endless {
        fn make(&mut self, _: &App, out: &mut Pieces) -> io::Result<Option<String>> {
            out.write_all(&[7; 1000])?;
            Ok(None)
        }
    }

    #[test]
    fn a_file_appears_when_it_is_whole() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("whole");
        let mut job = begun(&path, Box::new(Whole(vec![3; 1 << 20]))).unwrap();
        let told = loop {
            if let Saved::Ended(told) = job.advance(&app(), Duration::ZERO) {
                break told;
            }
            std::thread::yield_now();
        };
        assert_eq!(told, format!("saved 1048576 bytes to {}", path.display()));
        assert_eq!(std::fs::read(&path).unwrap(), vec![3; 1 << 20]);
    }

    #[test]
    fn what_is_stopped_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let mut job = begun(&folder.path().join("never"), Box::new(Endless)).unwrap();
        for _ in 0..2000 {
            assert!(!matches!(
                job.advance(&app(), Duration::ZERO),
                Saved::Ended(_)
            ));
            // The disk is not outrun.
            assert!(job.out.send.len() <= WAITING);
        }
        drop(job);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_fails_names_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("no such folder").join("file");
        let error = begun(&path, Box::new(Endless)).err().unwrap();
        assert!(format!("{error:#}").contains(path.to_str().unwrap()));
        let about = Arc::default();
        let path = folder.path().to_str().unwrap();
        let error = save(&app(), Save::Text, path, &about).err().unwrap();
        assert_eq!(error, format!("not saved: {path} exists already"));
    }
}
