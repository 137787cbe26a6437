//! The terminal interface: connections, frames or messages, a detail tree and bytes, and views on top of them.
//!
//! ```text
//!   terminal ─ key ─► keymap ─ Action ─► App::update ─► state ─► panel::draw ─► terminal
//!   loader   ─ Chunk ─────────────────► App::append ─►
//! ```
//!
//! [`App`] is state and verbs and does no I/O but reading packets again; panels only draw. Whatever takes longer goes
//! on in slices between keys ([`App::tick`]). Nothing from the wire is drawn unescaped.

mod app;
mod copy;
mod cursor;
mod hex;
mod input;
pub mod keymap;
mod layout;
pub mod live;
mod panel;
mod places;
mod prompt;
mod rows;
mod search;
mod terminal;
#[cfg(test)]
mod tests;
mod theme;
mod times;
mod tree;
mod views;

use std::io;
use std::time::{Duration, Instant};

use crossbeam_channel::{Receiver, TryRecvError};
use crossterm::event;

pub use app::{App, Effect, Loading};
pub use copy::data;
pub use prompt::Save;
pub use rows::RowId;
pub use theme::Theme;

use crate::store::Chunk;

/// The longest a slice of work keeps a key waiting.
const SLICE: Duration = Duration::from_millis(5);
/// The shortest time between two pictures.
const PICTURE: Duration = Duration::from_millis(16);

/// What the loader tells.
#[derive(Debug)]
pub enum Feed {
    /// More of the capture, and how many bytes of it were read.
    Chunk(Box<Chunk>, u64),
    /// Everything was read; what there is to say about it.
    Done(String),
    /// Packets a live capture saw and lost.
    Counts(live::Counts),
}

/// Writes rows to a file for the user; answers what to tell.
pub type Saver<'a> = dyn FnMut(&App, Save, &str) -> String + 'a;

/// Draws the state once.
pub fn draw(app: &App, frame: &mut ratatui::Frame<'_>) {
    panel::draw(app, frame);
}

/// Runs the interface until the user leaves it.
///
/// # Errors
/// When the terminal cannot be used.
pub fn run(app: &mut App, feed: &Receiver<Feed>, save: &mut Saver<'_>) -> io::Result<()> {
    let mut terminal = terminal::Terminal::enter()?;
    let ran = turn(app, &mut terminal, feed, save);
    // What fails on a terminal that has gone away is how it goes away.
    if terminal.told_to_end() { Ok(()) } else { ran }
}

/// Takes keys and news and draws, until the end.
fn turn(
    app: &mut App,
    terminal: &mut terminal::Terminal,
    feed: &Receiver<Feed>,
    save: &mut Saver<'_>,
) -> io::Result<()> {
    let size = terminal.screen.size()?;
    app.resize(size.width, size.height);
    let mut stale = true;
    let mut drawn: Option<Instant> = None;
    let mut second = Instant::now();
    let mut feeding = true;
    while !app.quit && !terminal.told_to_end() {
        if terminal.came_back()? {
            let size = terminal.screen.size()?;
            app.resize(size.width, size.height);
            stale = true;
        }
        while !terminal.told_to_end() && event::poll(Duration::ZERO)? {
            stale |= input::event(app, &event::read()?);
        }
        stale |= feeding && take(app, feed, &mut feeding);
        stale |= app.tick(SLICE);
        if app.live.is_some() && second.elapsed() >= Duration::from_secs(1) {
            second = Instant::now();
            if let Some(live) = &mut app.live {
                live.second();
            }
            stale = true;
        }
        for effect in std::mem::take(&mut app.effects) {
            perform(app, terminal, save, effect)?;
            stale = true;
        }
        let is_due = drawn.is_none_or(|drawn| drawn.elapsed() >= PICTURE);
        if stale && is_due {
            terminal.screen.draw(|frame| panel::draw(app, frame))?;
            drawn = Some(Instant::now());
            stale = false;
        }
        let wait = match (app.is_busy(), stale || !feed.is_empty(), feeding) {
            (true, _, _) => Duration::ZERO,
            (_, true, _) => Duration::from_millis(2),
            (_, _, true) => Duration::from_millis(15),
            _ => Duration::from_millis(100),
        };
        terminal.wait(wait)?;
    }
    Ok(())
}

/// Takes what the loader has, for one slice.
fn take(app: &mut App, feed: &Receiver<Feed>, feeding: &mut bool) -> bool {
    let start = Instant::now();
    let mut changed = false;
    while start.elapsed() < SLICE {
        match feed.try_recv() {
            Ok(Feed::Chunk(chunk, read)) => {
                app.loading.read = read;
                app.append(*chunk);
            }
            Ok(Feed::Counts(counts)) => {
                if let Some(live) = &mut app.live {
                    live.counts = counts;
                }
            }
            Ok(Feed::Done(text)) => app.loaded(text),
            Err(TryRecvError::Empty) => break,
            Err(TryRecvError::Disconnected) => {
                *feeding = false;
                break;
            }
        }
        changed = true;
    }
    changed
}

fn perform(
    app: &mut App,
    terminal: &mut terminal::Terminal,
    save: &mut Saver<'_>,
    effect: Effect,
) -> io::Result<()> {
    match effect {
        Effect::Copy(text) => terminal.copy(&text),
        Effect::Save(what, path) => {
            app.notice = save(app, what, &path);
            Ok(())
        }
        Effect::Suspend => terminal.suspend(),
    }
}
