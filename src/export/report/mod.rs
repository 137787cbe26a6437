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
mod input;
mod markdown;
mod numbers;
mod packets;
mod sheet;
mod summary;
mod svg;

pub use input::ReportInput;
use sheet::{Render, Sheet};

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
    let mut sheet = Sheet::new(render);
    render.begin(&mut sheet.out, "WebSocket report");
    summary::write(&mut sheet, input);
    attempts::write(&mut sheet, input);
    numbers::write(&mut sheet, input);
    findings::write(&mut sheet, input);
    connections::write(&mut sheet, input);
    render.end(&mut sheet.out);
    sheet.out
}
