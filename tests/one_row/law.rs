//! The law: what a filter, a column or a format sees of a row is the same whether the row comes as it happens or is replayed
//! from the store. Here it is held for one capture; the tests and a fuzz target choose the captures.

use std::io::{self, Cursor};
use std::path::PathBuf;
use std::sync::Arc;

use wireloupe::base::{Limits, Needs, Spools, Timestamp};
use wireloupe::capture::{self, Batch, Input, Source};
use wireloupe::engine::{
    Connection, Engine, FindingEvent, FrameEvent, MessageEvent, Moment, Options, Sink,
};
use wireloupe::export::{
    Archive, Columns, Detail, Drain, Format, Har, Ndjson, Page, Palette, Printer, Selection,
    Separator, Show, Text, default_columns, fill,
};
use wireloupe::filter::{FieldId, FieldRef, Rows, Values as _, fields};
use wireloupe::run::{Collected as _, Merger, Ordered, Stretch};
use wireloupe::store::{BatchRecords, Collector, Indexer, Row, Store, Waits};
use wireloupe::tls::KeyLog;
use wireloupe::wire::Walker;

/// The kinds of rows.
const KINDS: [Show; 4] = [
    Show::Frames,
    Show::Messages,
    Show::Findings,
    Show::Connections,
];

/// A capture that can be read as often as needed.
#[derive(Clone, Debug)]
pub(crate) enum Capture {
    /// A file, with its key log.
    File(PathBuf, Option<PathBuf>),
    /// The bytes of one.
    Bytes(Vec<u8>),
}

impl Capture {
    fn source(&self, limits: &Limits) -> Option<Source> {
        let input = match self {
            Capture::File(path, _) => Input::from_argument(path),
            Capture::Bytes(bytes) => {
                let reader = Box::new(Cursor::new(bytes.clone()));
                Input::Reader(reader, "input".to_owned())
            }
        };
        let options = capture::Options {
            spool: Some(Spools::default()),
            ..capture::Options::default()
        };
        Source::open_with(vec![input], limits, options).ok()
    }

    fn keys(&self, source: &Source) -> Arc<KeyLog> {
        let mut keys = KeyLog::new();
        if let Capture::File(_, Some(path)) = self {
            keys.extend(&std::fs::read(path).unwrap_or_default());
        }
        for secrets in &source.summary().secrets {
            keys.extend(&secrets.bytes);
        }
        Arc::new(keys)
    }

    /// Runs one engine over it, calling `each` after every batch and at the end.
    fn run<S: Sink>(
        &self,
        options: &Options,
        make: impl FnOnce(Timestamp) -> S,
        mut each: impl FnMut(&mut S, &Batch),
    ) -> Option<Source> {
        let limits = &options.limits;
        let mut source = self.source(limits)?;
        let (mut walker, mut batch) = (Walker::new(limits), Batch::new());
        let mut more = source.fill(&mut batch);
        let first = batch.records().first();
        let start = first.map_or(Timestamp::default(), |record| record.time);
        let mut engine = Engine::new(options.clone(), make(start));
        while more {
            engine.set_keys(self.keys(&source));
            engine.batch(&batch, &mut walker);
            each(engine.sink(), &batch);
            more = source.fill(&mut batch);
        }
        engine.finish();
        each(engine.sink(), &Batch::new());
        Some(source)
    }
}

/// What the interface makes of a capture.
pub(crate) fn store(capture: &Capture, options: &Options) -> Option<Store> {
    let mut collector = Collector::default();
    let mut part = [BatchRecords::default()];
    let mut chunks = Vec::new();
    let source = capture.run(
        options,
        |_| Indexer::default(),
        |indexer, batch| {
            indexer.exchange(&mut part[0]);
            chunks.push(collector.merge(&mut part, batch.records()));
        },
    )?;
    let mut store = Store::new(Box::new(source.packet_file()), options);
    for chunk in chunks {
        store.append(chunk);
    }
    Some(store)
}

/// The lines of formats that write text.
#[derive(Default)]
pub(crate) struct Lines(pub(crate) Vec<u8>);

impl Drain<Page> for Lines {
    fn push(&mut self, stretch: Stretch<'_, Page>) -> io::Result<()> {
        fill(&stretch, &mut self.0);
        Ok(())
    }
}

/// Puts what a printer wrote where it goes.
fn drain<F: Format, D: Drain<F::Out>>(
    printer: &mut Printer<F>,
    written: &mut [Ordered<F::Out>; 1],
    merger: &mut Merger,
    to: &mut D,
) {
    printer.exchange(&mut written[0]);
    merger.merge(written, |stretch| to.push(stretch).unwrap());
}

/// What is printed as it happens.
pub(crate) fn printed<F: Format, D: Drain<F::Out>>(
    capture: &Capture,
    options: &Options,
    selection: Selection,
    format: impl FnOnce(Timestamp) -> F,
    mut to: D,
) -> D {
    let mut merger = Merger::default();
    let mut written = [Ordered::default()];
    let make = |start| Printer::new(format(start), selection, start);
    capture.run(options, make, |printer, _| {
        drain(printer, &mut written, &mut merger, &mut to);
    });
    to
}

fn selection(show: Show) -> Selection {
    Selection {
        show,
        ..Selection::default()
    }
}

/// What is printed from the store.
fn replayed<F: Format, D: Drain<F::Out>>(
    store: &Store,
    show: Show,
    format: impl FnOnce(Timestamp) -> F,
    mut to: D,
) -> D {
    let start = store.start();
    let mut printer = Printer::new(format(start), selection(show), start);
    let needs = printer.needs() | Needs::EXTENTS;
    let mut merger = Merger::default();
    let mut written = [Ordered::default()];
    for entry in store.connections() {
        // One by one, since the store has them in the order of their numbers.
        printer.opened(&entry.connection);
        drain(&mut printer, &mut written, &mut merger, &mut to);
    }
    // A frame brings its message, and a message what was found in it.
    let kinds = match show {
        Show::All => &[Show::Messages, Show::Connections][..],
        _ => &[show],
    };
    for kind in kinds {
        let count = match kind {
            Show::Frames => store.frame_count(),
            Show::Messages => store.message_count(),
            Show::Findings => store.findings().len(),
            _ => store.connections().len(),
        };
        for index in 0..count as u32 {
            let is_there = match kind {
                Show::Frames => store.replay_frame(index, needs, &mut printer),
                Show::Messages => store.replay_message(index, needs, &mut printer),
                Show::Findings => store.replay_finding(index, &mut printer),
                _ => store.replay_connection(index, &mut printer),
            };
            assert_eq!(is_there, Some(()), "{show:?} {index}");
        }
    }
    drain(&mut printer, &mut written, &mut merger, &mut to);
    to
}

/// What breaks the law in one capture: every field of every row, and every format that writes rows one by one.
pub(crate) fn breaches(capture: &Capture, options: &Options) -> Vec<String> {
    let Some(store) = store(capture, options) else {
        return Vec::new();
    };
    let mut law = Law {
        capture,
        options,
        store: &store,
        breaches: Vec::new(),
    };
    let mut needs: Vec<Needs> = Vec::new();
    for field in fields() {
        if !needs.contains(&field.info().needs) {
            needs.push(field.info().needs);
        }
    }
    for show in KINDS {
        for needs in needs.iter().filter(|needs| has_fields(show, **needs)) {
            law.format("values", show, |start| Values::new(*needs, start));
        }
        law.format("text", show, |start| {
            Text::new(start, false, Palette::default())
        });
        law.format("detail", show, |_| Detail::new(show, true));
        law.format("ndjson", show, |_| Ndjson::new(true));
        law.format("csv", show, |start| {
            Columns::new(&default_columns(show), Separator::Comma, start)
        });
    }
    let columns = default_columns(Show::All);
    for show in [Show::Frames, Show::Messages] {
        law.format("tsv", show, |start| {
            Columns::new(&columns, Separator::Tab, start)
        });
    }
    law.archive();
    law.format("hex", Show::Frames, |start| {
        Text::new(start, true, Palette::default())
    });
    law.breaches
}

/// Whether rows of this kind have fields that need just this.
fn has_fields(show: Show, needs: Needs) -> bool {
    let rows = match show {
        Show::Frames => Rows::FRAMES,
        Show::Messages => Rows::MESSAGES,
        Show::Findings => Rows::FINDINGS,
        _ => Rows::CONNECTIONS,
    };
    let mut fields = fields().map(FieldRef::info);
    fields.any(|field| field.needs == needs && field.on.has(rows))
}

struct Law<'a> {
    capture: &'a Capture,
    options: &'a Options,
    store: &'a Store,
    breaches: Vec<String>,
}

impl Law<'_> {
    fn format<F: Format<Out = Page>>(
        &mut self,
        what: &str,
        show: Show,
        format: impl Fn(Timestamp) -> F,
    ) {
        let lines = Lines::default;
        let chosen = selection(show);
        let happens = printed(self.capture, self.options, chosen, &format, lines());
        let replayed = replayed(self.store, show, &format, lines());
        self.compare(what, show, &happens.0, &replayed.0);
    }

    /// The one format that is put together at the end.
    fn archive(&mut self) {
        let (show, har) = (Show::All, |_| Har::default());
        let archive = || Archive::new(&Spools::default()).unwrap();
        let (mut happens, mut stored) = (Vec::new(), Vec::new());
        let printed = printed(self.capture, self.options, selection(show), har, archive());
        printed.finish(&mut happens).unwrap();
        let replayed = replayed(self.store, show, har, archive());
        replayed.finish(&mut stored).unwrap();
        self.compare("har", show, &happens, &stored);
    }

    fn compare(&mut self, what: &str, show: Show, happens: &[u8], replayed: &[u8]) {
        let (mut happens, mut replayed) = (rows(what, happens), rows(what, replayed));
        if show == Show::Connections {
            // As it happens, they come as they end.
            happens.sort_unstable();
            replayed.sort_unstable();
        }
        let differ = happens.iter().zip(&replayed).find(|(a, b)| a != b);
        if let Some((happens, replayed)) = differ {
            let at = happens.iter().zip(*replayed).take_while(|(a, b)| a == b);
            let from = at.count().saturating_sub(60);
            let part = |row: &[u8]| {
                let end = row.len().min(from + 200);
                row[from.min(end)..end].escape_ascii().to_string()
            };
            let (happens, replayed) = (part(happens), part(replayed));
            let breach = format!("{what} {show:?}\n  {happens}\n  {replayed}");
            self.breaches.push(breach);
        } else if happens.len() != replayed.len() {
            let (happens, replayed) = (happens.len(), replayed.len());
            let breach =
                format!("{what} {show:?}: {happens} rows as it happens, {replayed} replayed");
            self.breaches.push(breach);
        }
    }
}

/// The lines; of trees those of a row together.
fn rows<'b>(what: &str, bytes: &'b [u8]) -> Vec<&'b [u8]> {
    let mut rows = Vec::new();
    let mut rest = bytes;
    while !rest.is_empty() {
        let mut end = line(rest) + 1;
        while what == "detail" && rest.get(end).is_some_and(|byte| *byte == b' ') {
            end += line(&rest[end..]) + 1;
        }
        let end = end.min(rest.len());
        rows.push(&rest[..end]);
        rest = &rest[end..];
    }
    rows
}

/// The length of the first line.
fn line(bytes: &[u8]) -> usize {
    let end = bytes.iter().position(|byte| *byte == b'\n');
    end.unwrap_or(bytes.len())
}

/// Writes every value of the fields that need no more than this.
struct Values {
    needs: Needs,
    start: Timestamp,
    fields: Vec<FieldRef>,
}

impl Values {
    fn new(needs: Needs, start: Timestamp) -> Self {
        Self {
            needs,
            start,
            fields: fields()
                .filter(|field| field.info().needs == needs)
                .collect(),
        }
    }

    fn has(&self, id: FieldId) -> bool {
        self.fields.iter().any(|field| *field == id)
    }

    fn row(&self, page: &mut Page, row: Row<'_>) {
        let values = row.in_capture(self.start);
        page.bytes().extend_from_slice(b"connection ");
        if let Some(connection) = row.connection() {
            page.connection(connection.id, 0);
        }
        let out = page.bytes();
        for field in &self.fields {
            values.visit(*field, &mut |value| {
                let text = format!(" {}={value:?}", field.info().name);
                out.extend_from_slice(text.as_bytes());
                false
            });
        }
        if self.has(FieldId::Json) {
            values.json(&[], &mut |value| {
                out.extend_from_slice(format!(" json={value:?}").as_bytes());
                false
            });
        }
        out.push(b'\n');
    }
}

impl Format for Values {
    type Out = Page;

    fn needs(&self) -> Needs {
        self.needs
    }

    fn waits(&self) -> Waits {
        Waits {
            text: self.has(FieldId::WebSocketPayloadText),
            findings: self.has(FieldId::Finding),
        }
    }

    fn frame(&mut self, page: &mut Page, event: &FrameEvent<'_>, connection: &Connection) {
        self.row(page, Row::Frame(event, connection));
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        self.row(page, Row::Message(event, connection));
    }

    fn finding(
        &mut self,
        page: &mut Page,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        self.row(page, Row::Finding(event, connection));
    }

    fn connection(&mut self, page: &mut Page, connection: &Connection, at: Moment) {
        self.row(page, Row::Connection(connection, at));
    }
}
