//! A report to hand on: what failed and why, with its packets; what was said; the numbers. One HTML file, or Markdown for a
//! ticket.
//!
//! ```text
//!   Store, Report, Statistics ─► sections ─► Block ─► Html, Markdown
//! ```
//!
//! The same capture gives the same bytes: no clock, no random numbers, and no tables without an order. Sections take from
//! one budget of bytes; what does not fit is counted, and the count is stated where it would stand.

mod attempts;
mod block;
mod connections;
mod findings;
mod html;
mod markdown;
mod numbers;
mod packets;
mod summary;
mod svg;

use crate::insight::Report;
use crate::insight::statistics::Statistics;
use crate::store::Store;

use super::printer::TlsCounts;
use block::{Block, text};

/// Bytes of the whole report.
const MOST: usize = 5_000_000 - 16_384;

/// What a report is made of.
pub struct ReportInput<'a> {
    /// The inputs by name.
    pub files: &'a [String],
    /// Packets read, and their captured bytes.
    pub packets: u64,
    /// Bytes of the packets.
    pub bytes: u64,
    /// What is to be said of the input: where it was cut, what was not read.
    pub notes: &'a [String],
    /// The index.
    pub store: &'a Store,
    /// What diagnosis says.
    pub diagnosis: &'a Report,
    /// The numbers.
    pub statistics: &'a Statistics,
    /// TLS connections.
    pub tls: TlsCounts,
    /// The indices of the connections whose conversations are asked for.
    pub conversations: &'a [u32],
    /// Whether secrets are masked.
    pub redact: bool,
}

/// What a report is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReportFormat {
    /// One HTML file.
    Html,
    /// Markdown.
    Markdown,
}

/// The whole report.
#[must_use]
pub fn report(input: &ReportInput<'_>, format: ReportFormat) -> String {
    let render: &dyn Render = match format {
        ReportFormat::Html => &html::Html,
        ReportFormat::Markdown => &markdown::Markdown,
    };
    let mut sheet = Sheet {
        render,
        out: String::new(),
    };
    render.begin(&mut sheet.out, "WebSocket report");
    summary::write(&mut sheet, input);
    attempts::write(&mut sheet, input);
    numbers::write(&mut sheet, input);
    findings::write(&mut sheet, input);
    connections::write(&mut sheet, input);
    render.end(&mut sheet.out);
    sheet.out
}

/// Writes blocks in a format.
trait Render {
    /// What stands before all blocks.
    fn begin(&self, out: &mut String, title: &str);
    /// A block.
    fn block(&self, out: &mut String, block: &Block);
    /// What stands behind all blocks.
    fn end(&self, out: &mut String);
}

/// The report so far.
struct Sheet<'r> {
    render: &'r dyn Render,
    out: String,
}

impl Sheet<'_> {
    /// Adds what is small.
    fn push(&mut self, block: &Block) {
        self.render.block(&mut self.out, block);
    }

    /// Adds blocks if the report stays below `percent` of its limit with them; whether they were added.
    fn fits(&mut self, blocks: &[Block], percent: usize) -> bool {
        let before = self.out.len();
        blocks.iter().for_each(|block| self.push(block));
        let fits = self.out.len() <= MOST / 100 * percent;
        if !fits {
            self.out.truncate(before);
        }
        fits
    }

    /// States how much is left out.
    fn left_out(&mut self, count: usize, what: &str) {
        if count > 0 {
            let line = format!("{count} more {what} are left out: a report has at most 5 MB.");
            self.push(&Block::Paragraph(text(line)));
        }
    }
}
