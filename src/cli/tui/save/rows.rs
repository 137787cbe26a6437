//! The rows of the list, as the command line prints them.

use std::io::{self, Write as _};
use std::path::Path;

use super::pieces::{Make, Pieces, STEP};
use crate::base::{ConnectionId, Needs};
use crate::engine::Sink as _;
use crate::export::{
    Columns, Format, Ndjson, Page, PageMark, Palette, Printer, Selection, Separator, Show, Text,
    default_columns, header_line,
};
use crate::run::{Collected as _, Content as _, Ordered};
use crate::tui::{self, App, Kind, List, RowId};

/// The rows as the end of the file's name says.
pub(super) fn rows_as(app: &App, path: &str) -> anyhow::Result<Box<dyn Make>> {
    let end = Path::new(path).extension().and_then(|end| end.to_str());
    Ok(match end.unwrap_or_default() {
        "txt" => text(app),
        "csv" => columns(app, Separator::Comma)?,
        "tsv" => columns(app, Separator::Tab)?,
        "ndjson" | "jsonl" => ndjson(app)?,
        "json" | "har" | "parquet" | "arrow" => anyhow::bail!(
            "that is made of a file that can be read again: save the capture (s, then a) and open it"
        ),
        other => anyhow::bail!(
            "the name ends in {other:?}: .csv, .tsv, .ndjson, .json, .har, .txt, .parquet and .arrow are written from here"
        ),
    })
}

/// The rows as the lists of the command line print them.
pub(super) fn text(app: &App) -> Box<dyn Make> {
    let format = Text::new(app.store.start(), false, Palette::default());
    Box::new(Rows::new(app, format))
}

/// The rows as JSON, one a line.
pub(super) fn ndjson(app: &App) -> anyhow::Result<Box<dyn Make>> {
    has_values(app)?;
    Ok(Box::new(Rows::new(app, Ndjson::new(true))))
}

/// The rows in columns, under their names.
fn columns(app: &App, separator: Separator) -> anyhow::Result<Box<dyn Make>> {
    has_values(app)?;
    let columns = default_columns(show(app));
    let format = Columns::new(&columns, separator, app.store.start());
    let rows = Rows::new(app, format).with_heading(&header_line(&columns, separator));
    Ok(Box::new(rows))
}

/// Packets have lines and no values.
fn has_values(app: &App) -> anyhow::Result<()> {
    match app.list.kind {
        Kind::Packets => anyhow::bail!(
            "a list of packets is written as .txt; f instead of r writes the packets themselves"
        ),
        Kind::Frames | Kind::Messages => Ok(()),
    }
}

fn show(app: &App) -> Show {
    match app.list.kind {
        Kind::Messages => Show::Messages,
        Kind::Frames | Kind::Packets => Show::Frames,
    }
}

/// The rows of the list as it was when saving began, replayed to what prints them for the command line.
pub(super) struct Rows<F: Format> {
    list: List,
    at: usize,
    count: usize,
    printer: Printer<F>,
    needs: Needs,
    written: Ordered<F::Out>,
    lines: Vec<u8>,
}

impl<F: Format<Out = Page>> Rows<F> {
    pub(super) fn new(app: &App, format: F) -> Self {
        let selection = Selection {
            show: show(app),
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

    /// The same behind a first line.
    fn with_heading(mut self, heading: &str) -> Self {
        self.lines.extend_from_slice(heading.as_bytes());
        self
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
