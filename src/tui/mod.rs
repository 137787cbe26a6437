//! The terminal interface: connections, frames or messages, a detail tree and bytes, and views on top of them.
//!
//! ```text
//!   terminal ─ key ─► keymap ─ Action ─► App::update ─► state ─► panel::draw ─► terminal
//!   loader   ─ Delta ─────────────────► App::append ─►
//! ```
//!
//! [`App`] is state and verbs and does no I/O but reading packets again; panels only draw. Whatever takes longer goes
//! on in slices between keys ([`App::tick`]). Nothing from the wire is drawn unescaped.

mod app;
mod copy;
mod counted;
mod depth;
mod elsewhere;
mod encrypted;
mod input;
pub mod keymap;
mod layout;
mod lesson;
pub mod live;
mod mouse;
mod palette;
mod panel;
mod places;
mod prompt;
mod quiz;
mod remarks;
mod resolve;
mod rules;
mod search;
mod settings;
mod sorting;
pub mod start;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod times;
mod tree;
mod views;

use std::io;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};
use crossterm::event;

pub use crate::view::rows::{Kind, List, RowId};
pub use app::{App, Effect, Loading};
pub use copy::data;
pub use counted::Counted;
pub use depth::Depth;
pub use encrypted::Encrypted;
pub use palette::{Colours, ROLES, Role, style};
pub use prompt::Save;
pub use settings::{Rule, Settings};
pub use theme::Theme;
pub use times::TimeFormat;

use crate::base::PacketNumber;
use crate::insight::verdicts::Verdicts;
use crate::store::{Delta, Store};
use crate::teach::lab::{Lab, Results};
use crate::view::names::From;
use crate::view::sought::{Found, Sought};

use quiz::Quiz;

/// The longest a slice of work keeps a key waiting.
const SLICE: Duration = Duration::from_millis(4);
/// The shortest time between two pictures.
const PICTURE: Duration = Duration::from_millis(16);

/// What the loader tells.
#[derive(Debug)]
pub enum Feed {
    /// More of the capture, and how many bytes of it were read.
    Delta(Box<Delta>, u64),
    /// Something to say meanwhile.
    Note(String),
    /// Everything was read; what there is to say about it.
    Done(String),
    /// Packets a live capture saw and lost.
    Counts(live::Counts),
    /// What the diagnosis says.
    Diagnosis(Box<Verdicts>),
    /// The statistics.
    Statistics(Box<Counted>),
    /// The TLS connections so far.
    Encrypted(Encrypted),
    /// What differs between the capture and another, or between two connections.
    Compared(String),
    /// Names of addresses, and where they come from.
    Names(Vec<(IpAddr, String, From)>),
    /// What files say of packets.
    Comments(Vec<(PacketNumber, String)>),
    /// Rows that somebody looks for.
    Found(Found),
}

/// What the interface cannot do by itself: files, and reading the capture again.
pub trait Host {
    /// Begins to write what the user asked for to a file.
    ///
    /// # Errors
    /// When it cannot; says why.
    fn save(&mut self, app: &App, what: Save, path: &str) -> Result<Box<dyn Saving>, String>;

    /// Starts counting the capture; [`Feed::Statistics`] comes of it.
    ///
    /// # Errors
    /// When it cannot; says why.
    fn count(&mut self) -> Result<Option<Receiver<Feed>>, String>;

    /// Starts to compare the capture with another file, or, where `with` is a number, this connection with that one;
    /// [`Feed::Compared`] comes of it.
    ///
    /// # Errors
    /// When it cannot; says why.
    fn compare(&mut self, with: &str, connection: u32) -> Result<Receiver<Feed>, String> {
        let _ = (with, connection);
        Err("files are compared: save the capture (s, then a) and open it".to_owned())
    }

    /// Begins to look for rows by reading the capture again; [`Feed::Found`] comes of it. `None` where that cannot be done, and
    /// rows are asked one by one.
    fn find(&mut self, _sought: &Sought) -> Option<Receiver<Feed>> {
        None
    }

    /// Decrypts with a key log: a file is read anew; a live capture goes on with the keys.
    ///
    /// # Errors
    /// When it cannot; says why.
    fn decrypt(&mut self, path: &str) -> Result<Option<Reopened>, String>;

    /// The end of what the command printed that this is about, if it is about one.
    ///
    /// # Errors
    /// When it cannot be read; says why.
    fn printed(&mut self) -> Result<Option<Vec<u8>>, String> {
        Ok(None)
    }
}

/// A file that is being written, in slices between keys. Dropping it leaves no file.
pub trait Saving {
    /// Goes on for about `budget`.
    fn advance(&mut self, app: &App, budget: Duration) -> Saved;

    /// How much of a hundred is done.
    fn percent(&self) -> usize;
}

/// How far a file is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Saved {
    /// There is more to do.
    Going,
    /// Others have to go on first.
    Waiting,
    /// It is written: what to tell.
    Ended(String),
    /// It is not: why.
    Failed(String),
}

/// A capture that is read anew.
pub struct Reopened {
    /// Its index, still empty.
    pub store: Store,
    /// Bytes there are, where that is known.
    pub total: Option<u64>,
    /// What is read.
    pub feed: Receiver<Feed>,
}

/// A row of the list as one line of text.
#[must_use]
pub fn row_text(app: &App, at: usize, row: RowId) -> String {
    panel::list::text(app, at, row)
}

/// Draws the state once.
pub fn draw(app: &App, frame: &mut ratatui::Frame<'_>) {
    panel::draw(app, frame);
    depth::reduce(frame.buffer_mut(), app.depth);
}

/// Runs the interface until the user leaves it.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(app: &mut App, feed: Receiver<Feed>, host: &mut dyn Host) -> io::Result<()> {
    let mut terminal = terminal::Terminal::enter()?;
    let ran = turn(app, &mut terminal, feed, host);
    // What fails on a terminal that has gone away is how it goes away.
    if terminal.told_to_end() { Ok(()) } else { ran }
}

/// Takes keys and news and draws, until the end.
fn turn(
    app: &mut App,
    terminal: &mut terminal::Terminal,
    feed: Receiver<Feed>,
    host: &mut dyn Host,
) -> io::Result<()> {
    let size = terminal.screen.size()?;
    app.resize(size.width, size.height);
    let mut stale = true;
    let mut drawn: Option<Instant> = None;
    let mut second = Instant::now();
    let mut work = Work {
        feeds: vec![feed],
        saving: None,
    };
    while !app.quit && !terminal.told_to_end() {
        if terminal.came_back()? {
            let size = terminal.screen.size()?;
            app.resize(size.width, size.height);
            stale = true;
        }
        let mut answers = false;
        while !terminal.told_to_end() && event::poll(Duration::ZERO)? {
            answers |= input::event(app, &event::read()?);
        }
        for effect in std::mem::take(&mut app.effects) {
            perform(app, terminal, &mut work, host, effect)?;
            stale = true;
        }
        // A key is answered before anything else is done, and then a slice of it is, however fast keys come.
        if answers {
            terminal.screen.draw(|frame| draw(app, frame))?;
            drawn = Some(Instant::now());
            stale = false;
        }
        stale |= take(app, &mut work.feeds);
        stale |= app.tick(SLICE);
        let saves = save(app, &mut work);
        stale |= saves.is_some();
        if app.live.is_some() && second.elapsed() >= Duration::from_secs(1) {
            second = Instant::now();
            app.second();
            stale = true;
        }
        let is_due = drawn.is_none_or(|drawn| drawn.elapsed() >= PICTURE);
        if stale && is_due {
            terminal.screen.draw(|frame| draw(app, frame))?;
            drawn = Some(Instant::now());
            stale = false;
        }
        let has_more = work.feeds.iter().any(|feed| !feed.is_empty());
        let is_busy = app.is_busy() || has_more || saves == Some(Saved::Going);
        let wait = match (is_busy, stale, !work.feeds.is_empty()) {
            (true, _, _) => Duration::ZERO,
            (_, true, _) => Duration::from_millis(2),
            (_, _, true) => Duration::from_millis(15),
            _ => Duration::from_millis(100),
        };
        terminal.wait(wait)?;
    }
    Ok(())
}

/// What goes on beside the keys.
struct Work {
    feeds: Vec<Receiver<Feed>>,
    saving: Option<Box<dyn Saving>>,
}

/// Goes on with a file that is being saved, for one slice.
fn save(app: &mut App, work: &mut Work) -> Option<Saved> {
    let saving = work.saving.as_mut()?;
    let saved = saving.advance(app, SLICE);
    app.saved_percent = saving.percent();
    if let Saved::Ended(told) | Saved::Failed(told) = &saved {
        app.saved(told, matches!(saved, Saved::Ended(_)));
        work.saving = None;
    }
    Some(saved)
}

/// Takes what the loaders have, for one slice.
fn take(app: &mut App, feeds: &mut Vec<Receiver<Feed>>) -> bool {
    let start = Instant::now();
    let mut changed = false;
    feeds.retain(|feed| {
        while start.elapsed() < SLICE {
            match feed.try_recv() {
                Ok(fed) => accept(app, fed),
                Err(TryRecvError::Empty) => break,
                Err(TryRecvError::Disconnected) => return false,
            }
            changed = true;
        }
        true
    });
    changed
}

fn accept(app: &mut App, fed: Feed) {
    match fed {
        Feed::Delta(delta, read) => {
            app.loading.read = read;
            app.append(*delta);
        }
        Feed::Counts(counts) => {
            if let Some(live) = &mut app.live {
                live.counts = counts;
            }
        }
        Feed::Diagnosis(verdicts) => app.diagnosed(*verdicts),
        Feed::Statistics(counted) => app.counted(*counted),
        Feed::Encrypted(encrypted) => app.encrypted = encrypted,
        Feed::Compared(text) => app.compared(text),
        Feed::Names(names) => app.learn_names(&names),
        Feed::Comments(comments) => app.comments_read(comments),
        Feed::Found(found) => app.found_elsewhere(found),
        Feed::Note(text) => app.notice = text,
        Feed::Done(text) => app.loaded(text),
    }
}

fn perform(
    app: &mut App,
    terminal: &mut terminal::Terminal,
    work: &mut Work,
    host: &mut dyn Host,
    effect: Effect,
) -> io::Result<()> {
    match effect {
        Effect::Copy(text) => terminal.copy(&text)?,
        Effect::Save(..) if work.saving.is_some() => {
            app.notice = "wait: another file is still being saved (Esc stops that)".to_owned();
        }
        Effect::Save(what, path) => match host.save(app, what, &path) {
            Ok(saving) => {
                work.saving = Some(saving);
                app.saves(what, path);
            }
            Err(why) => app.notice = why,
        },
        Effect::StopSaving => work.saving = None,
        Effect::Statistics => match host.count() {
            Ok(feed) => work.feeds.extend(feed),
            Err(text) => app.counted(Counted {
                text,
                ..Counted::default()
            }),
        },
        Effect::Find(sought) => match host.find(&sought) {
            Some(feed) => work.feeds.push(feed),
            None => app.found_nowhere_else(sought.id),
        },
        Effect::KeyLog(path) => match host.decrypt(&path) {
            Ok(Some(reopened)) => {
                // Whoever still reads the old way finds nobody listening, and stops.
                work.feeds = vec![reopened.feed];
                work.saving = None;
                app.reopen(reopened.store, reopened.total);
                app.notice = match app.saving.take() {
                    Some(file) => format!("reading again with {path}… ({file} is not saved)"),
                    None => format!("reading again with {path}…"),
                };
            }
            Ok(None) => app.notice = format!("keys of {path} are used from now on"),
            Err(why) => app.notice = why,
        },
        Effect::Printed => match host.printed() {
            Ok(Some(text)) => app.show_printed(&text),
            Ok(None) => {
                app.notice = "no command was started here: wireloupe run -- COMMAND".to_owned()
            }
            Err(why) => app.notice = why,
        },
        Effect::Compare(with) => match host.compare(&with, app.connection()) {
            Ok(feed) => work.feeds.push(feed),
            Err(why) => app.compared(why),
        },
        Effect::Names(addresses) => work.feeds.push(resolve::look_up(addresses, Feed::Names)),
        Effect::Suspend => terminal.suspend()?,
    }
    Ok(())
}

/// Draws the first screen.
pub fn draw_start(page: &start::Start, frame: &mut ratatui::Frame<'_>) {
    panel::start::draw(page, frame);
    depth::reduce(frame.buffer_mut(), page.settings.depth);
}

/// Shows the first screen until something is chosen.
///
/// # Errors
/// When the terminal cannot be used.
pub fn choose(page: &mut start::Start, news: &Receiver<start::News>) -> io::Result<start::Choice> {
    let mut terminal = terminal::Terminal::enter()?;
    let size = terminal.screen.size()?;
    page.resize(size.width, size.height);
    page.choice = None;
    loop {
        terminal.screen.draw(|frame| draw_start(page, frame))?;
        terminal.wait(Duration::from_millis(100))?;
        if terminal.came_back()? {
            let size = terminal.screen.size()?;
            page.resize(size.width, size.height);
        }
        while !terminal.told_to_end() && page.choice.is_none() && event::poll(Duration::ZERO)? {
            let event = event::read()?;
            if start::suspends(&event) {
                terminal.suspend()?;
            }
            page.event(&event);
        }
        for news in news.try_iter() {
            page.take(news);
        }
        if terminal.told_to_end() {
            return Ok(start::Choice::Quit);
        }
        if let Some(choice) = page.choice.take() {
            return Ok(choice);
        }
    }
}

/// Does a lab on the terminal.
///
/// # Errors
/// When the terminal cannot be used.
pub fn do_lab(lab: Lab, settings: &Settings) -> io::Result<Results> {
    let mut quiz = Quiz::new(lab, settings.colours);
    for panes in &mut quiz.panes {
        panes.set_up(settings.clone());
    }
    let mut terminal = terminal::Terminal::enter()?;
    let size = terminal.screen.size()?;
    quiz.resize(size.width, size.height);
    while !quiz.is_over && !terminal.told_to_end() {
        terminal
            .screen
            .draw(|frame| panel::draw_quiz(&quiz, frame))?;
        terminal.wait(Duration::from_millis(200))?;
        if terminal.came_back()? {
            let size = terminal.screen.size()?;
            quiz.resize(size.width, size.height);
        }
        while !terminal.told_to_end() && event::poll(Duration::ZERO)? {
            match event::read()? {
                event::Event::Key(key) if key.kind != event::KeyEventKind::Release => {
                    quiz.key(&key)
                }
                event::Event::Resize(width, height) => quiz.resize(width, height),
                _ => {}
            }
        }
        if let Some(panes) = quiz.shown_panes() {
            panes.tick(Duration::from_millis(20));
            panes.effects.clear();
        }
    }
    Ok(quiz.results)
}
