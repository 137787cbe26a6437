//! The interface over bundled samples: what keys do, and what the screen then shows.

mod bytes;
mod capture;
mod filters;
mod graph;
mod ladder;
mod lesson;
mod messages;
mod mouse;
mod order;
mod pictures;
mod places;
mod remarks;
mod safety;
mod start;
mod themes;
mod views;

use std::path::Path;

use crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use ratatui::Terminal;
use ratatui::backend::TestBackend;

use crate::base::Limits;
use crate::capture::{Batch, Input, Options, Source};
use crate::engine::Engine;
use crate::run::Collected as _;
use crate::store::{BatchRecords, Collector, Indexer, Store};
use crate::testkit::Sample;
use crate::wire::Walker;

use super::theme::Theme;
use super::{App, draw, input};

/// A sample, read to its end.
fn open(name: &str) -> App {
    open_with(name, None)
}

/// The same, with its key log.
fn open_with(name: &str, keys: Option<&str>) -> App {
    let path = Sample::named(name).path;
    let keys = keys.map(|keys| path.with_file_name(keys));
    let mut app = App::new(store(&path, keys.as_deref()), name, Theme::Dark);
    app.loaded(String::new());
    app
}

/// What a capture holds.
fn store(path: &Path, keys: Option<&Path>) -> Store {
    let limits = Limits::default();
    let options = Options {
        spool: Some(crate::base::Spools::default()),
        ..Options::default()
    };
    let input = Input::from_argument(path);
    let mut source = Source::open_with(vec![input], &limits, options).unwrap();
    let mut store = Store::new(
        Box::new(source.packet_file()),
        &crate::engine::Options::default(),
    );
    let mut walker = Walker::new(&limits);
    let mut engine = Engine::new(crate::engine::Options::default(), Indexer::default());
    if let Some(keys) = keys {
        let mut log = crate::tls::KeyLog::new();
        log.extend(&std::fs::read(keys).unwrap());
        log.finish();
        engine.set_keys(std::sync::Arc::new(log));
    }
    let (mut collector, mut part, mut batch) = (
        Collector::default().listing_all(),
        [BatchRecords::default()],
        Batch::new(),
    );
    while source.fill(&mut batch) {
        engine.batch(&batch, &mut walker);
        engine.sink().exchange(&mut part[0]);
        store.append(collector.merge(&mut part, batch.records()));
    }
    engine.finish();
    engine.sink().exchange(&mut part[0]);
    store.append(collector.merge(&mut part, &[]));
    store
}

/// The same, with its diagnosis.
fn open_diagnosed(name: &str) -> App {
    let path = Sample::named(name).path;
    let limits = Limits::default();
    let input = Input::from_argument(path);
    let mut source = Source::open(vec![input], &limits).unwrap();
    let mut walker = Walker::new(&limits);
    let mut engine = Engine::new(
        crate::engine::Options::default(),
        crate::insight::Facts::default(),
    );
    let (mut casebook, mut batch) = (crate::insight::Casebook::default(), Batch::new());
    let mut part = [crate::insight::BatchFacts::default()];
    while source.fill(&mut batch) {
        engine.batch(&batch, &mut walker);
    }
    engine.finish();
    engine.sink().exchange(&mut part[0]);
    casebook.take(&mut part);
    let mut app = open(name);
    let report = casebook.report(engine.time());
    app.diagnosed(crate::insight::verdicts::Verdicts::new(report));
    app
}

/// The same, counted.
fn open_counted(name: &str) -> App {
    let limits = Limits::default();
    let input = Input::from_argument(Sample::named(name).path);
    let mut source = Source::open(vec![input], &limits).unwrap();
    let (mut walker, mut batch) = (Walker::new(&limits), Batch::new());
    let options = crate::engine::Options::default();
    let mut engine = Engine::new(options, crate::insight::statistics::Statistics::default());
    while source.fill(&mut batch) {
        engine.batch(&batch, &mut walker);
    }
    engine.finish();
    let calls = engine.sink().calls.clone();
    let mut app = open(name);
    app.counted(super::Counted {
        text: String::new(),
        calls,
    });
    app
}

fn press(app: &mut App, code: KeyCode) {
    input::event(app, &Event::Key(KeyEvent::new(code, KeyModifiers::NONE)));
    while app.is_busy() {
        app.tick(std::time::Duration::from_millis(5));
    }
}

fn keys(app: &mut App, text: &str) {
    for c in text.chars() {
        let code = match c {
            '\n' => KeyCode::Enter,
            '\t' => KeyCode::Tab,
            '\u{1b}' => KeyCode::Esc,
            c => KeyCode::Char(c),
        };
        press(app, code);
    }
}

fn drawn(app: &mut App, width: u16, height: u16) -> Terminal<TestBackend> {
    app.resize(width, height);
    while app.is_busy() {
        app.tick(std::time::Duration::from_millis(5));
    }
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(app, frame)).unwrap();
    terminal
}

fn screen(app: &mut App, width: u16, height: u16) -> String {
    let terminal = drawn(app, width, height);
    let buffer = terminal.backend().buffer();
    let mut out = String::new();
    for y in 0..height {
        let line: String = (0..width).map(|x| buffer[(x, y)].symbol()).collect();
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

fn snapshots(name: &str, app: &mut App) {
    for (width, height) in [(80, 24), (120, 40)] {
        insta::assert_snapshot!(
            format!("{name}_{width}x{height}"),
            screen(app, width, height)
        );
    }
}
