//! What is taken away: rows in a format, or packets, from the files again, so that they are what the command line writes.

use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;

use wireloupe::base::{Needs, Spools, Timestamp};
use wireloupe::capture::{Batch, Input, Source};
use wireloupe::engine::{
    Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Options, Sink,
};
use wireloupe::export::{
    Archive, Chooser, Columns, Drain as _, Format, Har, HarPiece, Labelled, Ndjson, PacketsOf,
    Page, Printer, Selection, Separator, Show, Totals, default_columns, fill, header_line,
};
use wireloupe::run::{Batches as _, Collected as _, Keyed, Merger, Ordered, Serial};
use wireloupe::store::Waits;
use wireloupe::tls::KeyLog;

use crate::shared::Shared;

/// Bytes given at once, about.
const PIECE: usize = 1 << 20;

/// Something that is written in pieces.
pub(crate) trait Job {
    /// Appends about a piece; whether there is more.
    fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, String>;
}

/// The inputs of a job, which may be read more than once.
pub(crate) struct Inputs {
    pub(crate) open: Box<dyn Fn() -> Vec<Input>>,
    pub(crate) keys: Option<Vec<u8>>,
}

impl Inputs {
    pub(crate) fn batches(&self) -> Result<Keyed, String> {
        let limits = Options::default().limits;
        let source = Source::open((self.open)(), &limits).map_err(|error| error.to_string())?;
        let mut batches = Keyed::new(source);
        if let Some(bytes) = &self.keys {
            let mut log = KeyLog::new();
            log.extend(bytes);
            log.finish();
            batches.add(log);
        }
        Ok(batches)
    }
}

/// Ndjson or columns.
enum Rows {
    Ndjson(Box<Ndjson>),
    Columns(Box<Columns>),
}

macro_rules! both {
    ($self:ident, $format:ident => $call:expr) => {
        match $self {
            Rows::Ndjson($format) => $call,
            Rows::Columns($format) => $call,
        }
    };
}

impl Format for Rows {
    type Out = Page;

    fn needs(&self) -> Needs {
        both!(self, format => format.needs())
    }
    fn wants_payload(&self) -> bool {
        both!(self, format => format.wants_payload())
    }
    fn wants_message_data(&self) -> bool {
        both!(self, format => format.wants_message_data())
    }
    fn wants_decoded(&self) -> bool {
        both!(self, format => format.wants_decoded())
    }
    fn wants_protocol(&self) -> bool {
        both!(self, format => format.wants_protocol())
    }
    fn waits(&self) -> Waits {
        both!(self, format => format.waits())
    }
    fn wants_digest(&self) -> bool {
        both!(self, format => format.wants_digest())
    }
    fn completed(&mut self, out: &mut Page, event: &MessageEvent<'_>) {
        both!(self, format => format.completed(out, event));
    }
    fn frame(&mut self, out: &mut Page, event: &FrameEvent<'_>, connection: &Connection) {
        both!(self, format => format.frame(out, event, connection));
    }
    fn message(&mut self, out: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        both!(self, format => format.message(out, event, connection));
    }
    fn finding(
        &mut self,
        out: &mut Page,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        both!(self, format => format.finding(out, event, connection));
    }
    fn connection(&mut self, out: &mut Page, connection: &Connection, at: Moment) {
        both!(self, format => format.connection(out, connection, at));
    }
    fn unmatched_connection(&mut self, out: &mut Page, connection: &Connection) {
        both!(self, format => format.unmatched_connection(out, connection));
    }
    fn capture(&mut self, out: &mut Page, totals: &Totals<'_>) {
        both!(self, format => format.capture(out, totals));
    }
}

/// Rows as they come.
pub(crate) struct Printing {
    batches: Keyed,
    serial: Serial<Shared>,
    printer: Rc<RefCell<Printer<Rows>>>,
    merger: Merger,
    part: [Ordered<Page>; 1],
    heading: String,
    show: Show,
}

impl Printing {
    pub(crate) fn begin(
        inputs: &Inputs,
        selection: Selection,
        is_csv: bool,
    ) -> Result<Self, String> {
        let mut batches = inputs.batches()?;
        let show = selection.show;
        let columns = default_columns(show);
        let heading = match is_csv {
            true => header_line(&columns, Separator::Comma),
            false => String::new(),
        };
        let make = |start: Timestamp| {
            let format = match is_csv {
                true => Rows::Columns(Box::new(Columns::new(&columns, Separator::Comma, start))),
                false => Rows::Ndjson(Box::new(Ndjson::new(false))),
            };
            Printer::new(format, selection, start)
        };
        let (serial, printer) = begin(&mut batches, make);
        Ok(Self {
            batches,
            serial,
            printer,
            merger: Merger::default(),
            part: [Ordered::default()],
            heading,
            show,
        })
    }

    /// What is written of the whole capture.
    fn end(&mut self, out: &mut Vec<u8>) {
        if self.show != Show::All {
            return;
        }
        let tally = *self.serial.tally();
        let summary = self.batches.source().summary();
        let files: Vec<_> = summary.files.iter().map(|file| file.name.clone()).collect();
        let links = summary.link_types();
        let links: Vec<_> = links.iter().map(ToString::to_string).collect();
        let cuts = summary.truncated.iter().map(|cut| {
            format!(
                "{}: cut at byte {}: {}; the {} packets before are all shown",
                cut.file, cut.offset, cut.why, cut.packets_before
            )
        });
        let cuts: Vec<_> = cuts.collect();
        let truncated = cuts.join("; ");
        let mut printer = self.printer.borrow_mut();
        let counts = printer.counts();
        let totals = Totals {
            files: &files,
            packets: tally.packets,
            bytes: tally.bytes,
            first: tally.first,
            last: tally.last,
            link_types: &links,
            connections: counts.connections,
            frames: counts.frames,
            messages: counts.messages,
            findings: counts.findings,
            packets_skipped: tally.skipped,
            truncated: (!cuts.is_empty()).then_some(&truncated),
            dropped: None,
        };
        let part = printer.capture(&totals);
        self.merger
            .merge(&mut [part], |stretch| fill(&stretch, out));
    }
}

/// An engine whose sink both hold.
pub(crate) fn begin<S: Sink + 'static>(
    batches: &mut Keyed,
    make: impl FnOnce(Timestamp) -> S,
) -> (Serial<Shared>, Rc<RefCell<S>>) {
    let mut held = None;
    let serial = Serial::start(batches, Options::default(), |start| {
        let (shared, typed) = Shared::new(make(start));
        held = Some(typed);
        shared
    });
    match held {
        Some(held) => (serial, held),
        // `start` calls what makes the sink, always.
        None => unreachable!(),
    }
}

impl Job for Printing {
    fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, String> {
        out.extend_from_slice(std::mem::take(&mut self.heading).as_bytes());
        while out.len() < PIECE {
            if !self.serial.step(&mut self.batches, &mut ()) {
                self.end(out);
                return Ok(false);
            }
            self.printer.borrow_mut().exchange(&mut self.part[0]);
            self.merger
                .merge(&mut self.part, |stretch| fill(&stretch, out));
        }
        Ok(true)
    }
}

/// An archive of conversations; it is put together at the end.
pub(crate) struct Archiving {
    batches: Keyed,
    serial: Serial<Shared>,
    printer: Rc<RefCell<Printer<Har>>>,
    merger: Merger,
    part: [Ordered<Labelled<HarPiece>>; 1],
    archive: Option<Archive>,
}

impl Archiving {
    pub(crate) fn begin(inputs: &Inputs, selection: Selection) -> Result<Self, String> {
        let mut batches = inputs.batches()?;
        let selection = Selection {
            show: Show::All,
            ..selection
        };
        let (serial, printer) = begin(&mut batches, |start| {
            Printer::new(Har::default(), selection, start)
        });
        let archive = Archive::new(&Spools::default()).map_err(|error| error.to_string())?;
        Ok(Self {
            batches,
            serial,
            printer,
            merger: Merger::default(),
            part: [Ordered::default()],
            archive: Some(archive),
        })
    }
}

impl Job for Archiving {
    fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, String> {
        let Some(archive) = &mut self.archive else {
            return Ok(false);
        };
        let has_more = self.serial.step(&mut self.batches, &mut ());
        let mut failed = None;
        if has_more {
            self.printer.borrow_mut().exchange(&mut self.part[0]);
            self.merger.merge(&mut self.part, |stretch| {
                failed = failed.take().or(archive.push(stretch).err());
            });
        } else if let Some(archive) = self.archive.take() {
            failed = archive.finish(out).err();
        }
        match failed {
            Some(error) => Err(error.to_string()),
            None => Ok(has_more),
        }
    }
}

/// What a file writes into, and what is taken from there.
#[derive(Clone, Default)]
struct Pieces(Rc<RefCell<Vec<u8>>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Packets of the connections that have a row which matches: the first pass finds them, the second writes.
pub(crate) struct Packets {
    inputs: Inputs,
    stage: Stage,
    pieces: Pieces,
}

enum Stage {
    Choosing(Box<(Keyed, Serial<Shared>, Rc<RefCell<Chooser>>)>),
    Writing(Box<(Keyed, PacketsOf<Pieces>)>),
    Over,
}

impl Packets {
    pub(crate) fn begin(inputs: Inputs, selection: Selection) -> Result<Self, String> {
        let mut batches = inputs.batches()?;
        let (serial, chooser) = begin(&mut batches, |start| Chooser::new(selection, start));
        Ok(Self {
            inputs,
            stage: Stage::Choosing(Box::new((batches, serial, chooser))),
            pieces: Pieces::default(),
        })
    }

    fn write(&self, chooser: Chooser) -> Result<Stage, String> {
        let (chosen, key_names) = chooser.into_chosen();
        if chosen.is_empty() {
            return Err("nothing to write: no connection matches".to_owned());
        }
        let mut log = KeyLog::new();
        log.extend(self.inputs.keys.as_deref().unwrap_or_default());
        log.finish();
        let flows = chosen.iter().map(|key| key.first_packet).collect();
        let lines = log.lines(&key_names);
        let out = self.pieces.clone();
        let packets = PacketsOf::new(out, Options::default(), flows, key_names, &lines)
            .map_err(|error| error.to_string())?;
        Ok(Stage::Writing(Box::new((self.inputs.batches()?, packets))))
    }
}

impl Job for Packets {
    fn more(&mut self, out: &mut Vec<u8>) -> Result<bool, String> {
        match &mut self.stage {
            Stage::Choosing(all) => {
                let (batches, serial, _) = &mut **all;
                if !serial.step(batches, &mut ())
                    && let Stage::Choosing(all) = std::mem::replace(&mut self.stage, Stage::Over)
                {
                    let (_, serial, chooser) = *all;
                    drop(serial);
                    let chooser = Rc::into_inner(chooser).map(RefCell::into_inner);
                    self.stage = self.write(chooser.ok_or("somebody still looks for packets")?)?;
                }
            }
            Stage::Writing(all) => {
                let (batches, packets) = &mut **all;
                let mut batch = Batch::new();
                let has_more = batches.fill(&mut batch);
                let result = match has_more {
                    true => {
                        let keys = batches.keys();
                        packets.batch(&batch, batches.source().summary(), keys)
                    }
                    false => Ok(()),
                };
                result.map_err(|error| error.to_string())?;
                if !has_more {
                    self.stage = Stage::Over;
                }
                out.append(&mut self.pieces.0.borrow_mut());
            }
            Stage::Over => {}
        }
        Ok(!matches!(self.stage, Stage::Over))
    }
}
