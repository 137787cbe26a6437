//! The interface over a network interface.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::base::{Attribution, Timestamp};
use crate::capture::Batch;
use crate::capture::live::Packets;
use crate::cli::keys::Keys;
use crate::cli::live::{Capturing, summary};
use crate::cli::output::spools;
use crate::cli::tell::tell;
use crate::engine;
use crate::filter::Filter;
use crate::insight::statistics::Ways;
use crate::overview::{Watched, Watcher};
use crate::run::{self, Batches};
use crate::store::Store;
use crate::tls::KeyLog;
use crate::tui::{self, App, Feed, Host, Reopened, Save, Saving};

use super::begin::new_app;
use super::load::{Gathered, IN_FLIGHT, Read, Reader, counted, lock};
use super::save;

/// How long to wait for packets before the counts are sent again.
const WAIT: Duration = Duration::from_millis(100);
/// How often time passes in silence: flows end by it, and what waits for an answer waits longer.
const TICK: Duration = Duration::from_millis(500);
/// The shortest time between two judgements of the attempts that are over.
const JUDGED: Duration = Duration::from_secs(2);
/// Attempts beyond which judging again and again would cost more than it tells.
const ATTEMPTS: u64 = 10_000;

/// What the interface and the reader send each other beside the feed.
#[derive(Clone, Default)]
pub(super) struct Wishes {
    /// Somebody wants to see the statistics.
    counts: Arc<AtomicBool>,
    /// A key log to use from now on.
    keys: Arc<Mutex<Option<Keys>>>,
}

impl Wishes {
    /// Asks for the statistics.
    pub(super) fn count(&self) {
        self.counts.store(true, Ordering::Relaxed);
    }

    /// Asks for a key log; what there is to say of it is an error.
    pub(super) fn decrypt(&self, path: &str) -> Result<Option<Reopened>, String> {
        let keys = Keys::open_noting(Some(&PathBuf::from(path)), true);
        let mut keys = keys.map_err(|error| format!("{error:#}"))?;
        let notes = keys.take_notes();
        *lock(&self.keys) = Some(keys);
        if notes.is_empty() {
            Ok(None)
        } else {
            Err(notes.join("; "))
        }
    }
}

/// Opens an interface in the interface.
///
/// # Errors
/// When it cannot be captured on, or the terminal cannot be used.
pub(super) fn run(reader: &Reader, filter: Option<Filter>) -> anyhow::Result<ExitCode> {
    let args = &reader.args;
    let mut keys = Keys::open_noting(args.analysis.keylog.as_deref(), true)?;
    let capturing = Capturing::open(args)?;
    let live = capturing.live();
    let name = args.live.interface.clone().unwrap_or_default();
    let store = Store::new(Box::new(live.packets()), &reader.options()).with_spools(&spools());
    let mut app = new_app(args, store, name, filter);
    app.live = Some(tui::live::LiveState::new(args.live.write.is_some()));
    let mut notes = keys.take_notes();
    notes.extend(live.warning().map(str::to_owned));
    app.notice = notes.join("; ");
    let (send, feed) = bounded(IN_FLIGHT);
    let options = reader.options();
    let stop = live.stop_handle();
    let wishes = Wishes::default();
    let mut host = LiveHost {
        wishes: wishes.clone(),
        read: Read::default(),
        packets: live.packets(),
        is_confined: cfg!(target_os = "linux") && !args.live.no_sandbox,
        printed: args
            .live
            .launch
            .as_ref()
            .and_then(|launch| launch.output().map(PathBuf::from)),
    };
    let thread = std::thread::Builder::new()
        .name("reader".into())
        .spawn(move || listen(capturing, keys, wishes, options, &send))?;
    let ran = tui::run(&mut app, feed, &mut host);
    // The reader must not wait for the interface while its files are made whole.
    stop.stop();
    let ended = thread
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic));
    ran?;
    if let Some(saved) = app.farewell() {
        tell(saved);
    }
    tell(ended);
    Ok(ExitCode::SUCCESS)
}

struct LiveHost {
    wishes: Wishes,
    read: Read,
    packets: Packets,
    /// Where the command prints.
    printed: Option<PathBuf>,
    /// Whether files can be made in some folders only.
    is_confined: bool,
}

/// Bytes of what a command printed that are shown.
const PRINTED: u64 = 256 << 10;

/// The end of a file, from the beginning of a line on.
fn end_of(path: &std::path::Path) -> std::io::Result<Vec<u8>> {
    use std::io::{Read as _, Seek as _, SeekFrom};
    let mut file = std::fs::File::open(path)?;
    let len = file.metadata()?.len();
    let mut text = Vec::new();
    file.seek(SeekFrom::Start(len.saturating_sub(PRINTED)))?;
    file.take(PRINTED).read_to_end(&mut text)?;
    if len > PRINTED
        && let Some(line) = text.iter().position(|byte| *byte == b'\n')
    {
        text.drain(..=line);
    }
    Ok(text)
}

impl Host for LiveHost {
    fn printed(&mut self) -> Result<Option<Vec<u8>>, String> {
        let Some(path) = &self.printed else {
            return Ok(None);
        };
        match end_of(path) {
            Ok(text) => Ok(Some(text)),
            Err(error) => Err(format!("{}: {error}", path.display())),
        }
    }

    fn save(&mut self, app: &App, what: Save, path: &str) -> Result<Box<dyn Saving>, String> {
        let begun = match what {
            Save::Capture | Save::CaptureAndLeave => save::save_all(self.packets.kept(), path),
            _ => save::save(app, what, path, &self.read.about),
        };
        begun.map_err(|why| match self.is_confined && why.contains("ermission denied") {
            true => format!(
                "{why}; a running capture writes in the working directory and beside its outputs (--no-sandbox: anywhere)"
            ),
            false => why,
        })
    }

    fn count(&mut self) -> Result<Option<Receiver<Feed>>, String> {
        self.wishes.count();
        Ok(None)
    }

    fn decrypt(&mut self, path: &str) -> Result<Option<Reopened>, String> {
        self.wishes.decrypt(path)
    }
}

/// Packets that come as they happen.
pub(super) trait Comes {
    /// The next packets, if some come in time; an error at the end.
    fn next(&mut self, wait: Duration, batch: &mut Batch) -> Result<bool, Over>;

    /// Packets seen and lost.
    fn counts(&self) -> tui::live::Counts;

    /// Whose connections they are.
    fn attribution(&self) -> Option<Arc<dyn Attribution>> {
        None
    }
}

/// No more packets come.
pub(super) struct Over;

impl Comes for Capturing {
    fn next(&mut self, wait: Duration, batch: &mut Batch) -> Result<bool, Over> {
        Capturing::next(self, wait, batch).map_err(|_| Over)
    }

    fn counts(&self) -> tui::live::Counts {
        let stats = self.live().stats();
        tui::live::Counts {
            received: stats.received,
            dropped: stats.by_kernel + stats.by_interface + stats.by_us,
        }
    }

    fn attribution(&self) -> Option<Arc<dyn Attribution>> {
        Capturing::attribution(self)
    }
}

/// A source whose packets are noted as they pass.
struct Listening<'a, C> {
    coming: C,
    read: Read,
    keys: Keys,
    wishes: Wishes,
    send: &'a Sender<Feed>,
    /// The time of the last packet, and when it came.
    last: Option<(Timestamp, Instant)>,
    /// When a batch went on last, with packets or without.
    went: Instant,
}

impl<C> Listening<'_, C> {
    /// Whether those who watch have something to hear though no packet comes: that time passes, and numbers somebody asked
    /// for.
    fn is_awaited(&self) -> bool {
        let is_due = self.went.elapsed() >= TICK;
        self.last.is_some() && (is_due || self.wishes.counts.load(Ordering::Relaxed))
    }

    /// A batch without packets goes on.
    fn silence(&mut self, batch: &mut Batch) -> bool {
        batch.clear();
        self.read.push(&[], 0);
        self.went = Instant::now();
        true
    }
}

impl<C: Comes> Batches for Listening<'_, C> {
    fn fill(&mut self, batch: &mut Batch) -> bool {
        loop {
            // Counts come again: those that find no room are not missed.
            let _ = self.send.try_send(Feed::Counts(self.coming.counts()));
            match self.coming.next(WAIT, batch) {
                Ok(false) if self.is_awaited() => return self.silence(batch),
                Ok(false) => {
                    // In silence, too, secrets may come for what waits for them.
                    let _ = self.keys.poll();
                    if self.last.is_some() && self.keys.has_changed() {
                        return self.silence(batch);
                    }
                }
                Ok(true) => {
                    self.went = Instant::now();
                    let last = batch.records().last();
                    self.last = last.map(|last| (last.time, self.went)).or(self.last);
                    self.read.push(batch.records(), 0);
                    if let Some(keys) = lock(&self.wishes.keys).take() {
                        self.keys = keys;
                    }
                    // A key log that is gone leaves what it had.
                    let _ = self.keys.poll();
                    return true;
                }
                Err(_) => {
                    batch.clear();
                    return false;
                }
            }
        }
    }

    fn keys(&mut self) -> Option<Arc<KeyLog>> {
        self.keys.changed()
    }

    fn now(&mut self) -> Option<Timestamp> {
        // The clock of the machine where packets are captured may be another.
        let (time, came) = self.last?;
        let passed = i64::try_from(came.elapsed().as_nanos()).unwrap_or(i64::MAX);
        Some(Timestamp(time.0.saturating_add(passed)))
    }

    fn attribution(&self) -> Option<Arc<dyn Attribution>> {
        self.coming.attribution()
    }
}

/// Feeds the interface from a network interface until that ends; how it ended.
fn listen(
    capturing: Capturing,
    keys: Keys,
    wishes: Wishes,
    options: engine::Options,
    send: &Sender<Feed>,
) -> String {
    let capturing = watch(capturing, keys, wishes, options, send);
    let (end, drops, _, notes) = capturing.finish();
    let mut told = format!("{end}; {}", summary(&drops));
    for note in notes {
        told = format!("{told}; {note}");
    }
    let _ = send.send(Feed::Done(told.clone()));
    told
}

/// Feeds the interface with what comes until that ends, and gives back where it came from.
pub(super) fn watch<C: Comes>(
    coming: C,
    keys: Keys,
    wishes: Wishes,
    options: engine::Options,
    send: &Sender<Feed>,
) -> C {
    let read = Read::default();
    let is_wanted = Arc::clone(&wishes.counts);
    let mut listening = Listening {
        coming,
        read: read.clone(),
        keys,
        wishes,
        send,
        last: None,
        went: Instant::now(),
    };
    let mut gathered = Gathered::default();
    let mut ways = Ways::default();
    let mut judged = (Instant::now(), 0, 0);
    let (_, watchers) = run::serial(
        &mut listening,
        options,
        |start| Watcher::counting(start, is_wanted).watching(),
        &mut |parts: &mut [Watched]| {
            ways.take(parts.iter_mut().map(|part| &mut part.exchanges));
            if let Some(mut numbers) = parts.iter_mut().find_map(|part| part.numbers.take()) {
                numbers.compare(&ways);
                let _ = send.send(Feed::Statistics(Box::new(counted(&numbers))));
            }
            let goes_on = gathered.take(parts, &read, send);
            let casebook = gathered.0.casebook();
            let (over, waiting) = (casebook.over(), casebook.waiting());
            let has_news = over > judged.1 || waiting > 0 || judged.2 > 0;
            if has_news && over < ATTEMPTS && judged.0.elapsed() > JUDGED {
                judged = (Instant::now(), over, waiting);
                let _ = send.send(gathered.verdicts());
            }
            goes_on
        },
    );
    let _ = send.send(gathered.verdicts());
    if let Some(mut numbers) = watchers.into_iter().find_map(Watcher::into_numbers) {
        numbers.compare(&ways);
        let _ = send.send(Feed::Statistics(Box::new(counted(&numbers))));
    }
    listening.coming
}
