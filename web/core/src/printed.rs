//! What is taken away: rows in a format, printed from the files again so that they are what the command line prints.

use serde_json::Value;

use wireloupe::base::{Needs, Timestamp};
use wireloupe::capture::{Input, Source};
use wireloupe::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment, Options};
use wireloupe::export::{
    Columns, Format, Ndjson, Page, Printer, Selection, Separator, Show, Totals, default_columns,
    fill, header_line,
};
use wireloupe::filter::Filter;
use wireloupe::run::{Keyed, Merger, Ordered, Serial};
use wireloupe::store::Waits;
use wireloupe::tls::KeyLog;

/// Bytes given at once, about.
const PIECE: usize = 1 << 20;

/// The formats, as one type: each further sink would be another engine.
enum Either {
    Ndjson(Box<Ndjson>),
    Columns(Box<Columns>),
}

macro_rules! both {
    ($self:ident, $format:ident => $call:expr) => {
        match $self {
            Either::Ndjson($format) => $call,
            Either::Columns($format) => $call,
        }
    };
}

impl Format for Either {
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

/// A capture being printed.
pub(crate) struct Printed {
    batches: Keyed,
    serial: Serial<Printer<Either>>,
    merger: Merger,
    part: [Ordered<Page>; 1],
    heading: String,
    show: Show,
    is_over: bool,
}

impl Printed {
    pub(crate) fn begin(
        inputs: Vec<Input>,
        keys: Option<&[u8]>,
        request: &Value,
        filter: Filter,
    ) -> Result<Self, String> {
        let options = Options::default();
        let source = Source::open(inputs, &options.limits).map_err(|error| error.to_string())?;
        let mut batches = Keyed::new(source);
        if let Some(bytes) = keys {
            let mut log = KeyLog::new();
            log.extend(bytes);
            log.finish();
            batches.add(log);
        }
        let show = match request["show"].as_str() {
            Some("messages") => Show::Messages,
            Some("findings") => Show::Findings,
            Some("connections") => Show::Connections,
            Some("all") => Show::All,
            _ => Show::Frames,
        };
        let selection = Selection {
            show,
            filter: Some(filter).filter(|filter| !filter.is_empty()),
            redact: request["redact"] == Value::Bool(true),
            ..Selection::default()
        };
        let is_csv = request["format"] == "csv";
        let columns = default_columns(show);
        let heading = match is_csv {
            true => header_line(&columns, Separator::Comma),
            false => String::new(),
        };
        let make = |start: Timestamp| {
            let format = match is_csv {
                true => Either::Columns(Box::new(Columns::new(&columns, Separator::Comma, start))),
                false => Either::Ndjson(Box::new(Ndjson::new(false))),
            };
            Printer::new(format, selection, start)
        };
        let serial = Serial::start(&mut batches, options, make);
        Ok(Self {
            batches,
            serial,
            merger: Merger::default(),
            part: [Ordered::default()],
            heading,
            show,
            is_over: false,
        })
    }

    /// Appends about a piece; whether there is more.
    pub(crate) fn more(&mut self, out: &mut Vec<u8>) -> bool {
        out.extend_from_slice(std::mem::take(&mut self.heading).as_bytes());
        while !self.is_over && out.len() < PIECE {
            if self.serial.step(&mut self.batches, &mut self.part[0]) {
                self.merger
                    .merge(&mut self.part, |stretch| fill(&stretch, out));
            } else {
                self.is_over = true;
                self.end(out);
            }
        }
        !self.is_over
    }

    /// What is written of the whole capture.
    fn end(&mut self, out: &mut Vec<u8>) {
        if self.show != Show::All {
            return;
        }
        let tally = *self.serial.tally();
        let summary = self.batches.source().summary();
        let files: Vec<_> = summary.files.iter().map(|file| file.name.clone()).collect();
        let links: Vec<_> = summary
            .link_types()
            .iter()
            .map(ToString::to_string)
            .collect();
        let cuts: Vec<_> = summary
            .truncated
            .iter()
            .map(|cut| {
                format!(
                    "{}: cut at byte {}: {}; the {} packets before are all shown",
                    cut.file, cut.offset, cut.why, cut.packets_before
                )
            })
            .collect();
        let truncated = cuts.join("; ");
        let printer = self.serial.sink();
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
