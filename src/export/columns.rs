//! Rows as cells: comma- and tab-separated values with the columns someone chose.
//!
//! A cell holds every value its field has in the row, joined by commas. Control and hidden characters are escaped as
//! everywhere; in csv, line feeds and tabs stay, in quotes (RFC 4180). What came from the wire and begins like a
//! formula gets a `'` in front: a spreadsheet would run it.

use std::io::Write as _;

use crate::base::{Needs, Rfc3339, Severity, Timestamp, escape};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::filter::{Column, FieldId, FieldRef, FilterError, Type, Value, Values};
use crate::store::{Row, Waits};

use super::format::Format;
use super::json::number;
use super::page::Page;
use super::selection::Show;

/// What stands between cells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Separator {
    /// csv.
    Comma,
    /// tsv.
    Tab,
}

impl Separator {
    fn byte(self) -> u8 {
        match self {
            Separator::Comma => b',',
            Separator::Tab => b'\t',
        }
    }
}

/// A column with the name its user gave it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedColumn {
    /// The name, as the header line has it.
    pub name: String,
    /// The field or path.
    pub column: Column,
}

impl NamedColumn {
    /// The column of this name.
    ///
    /// # Errors
    /// When no field has the name; the error has the nearest one.
    pub fn parse(name: &str) -> Result<Self, FilterError> {
        let column = Column::parse(name)?;
        Ok(Self {
            name: name.to_owned(),
            column,
        })
    }
}

/// The columns shown when none are named.
#[must_use]
pub fn default_columns(show: Show) -> Vec<NamedColumn> {
    let names: &[&str] = match show {
        Show::Frames => &[
            "frame.number",
            "frame.time",
            "connection",
            "from",
            "websocket.number",
            "websocket.opcode",
            "websocket.fin",
            "websocket.mask",
            "websocket.payload_length",
            "websocket.payload.text",
        ],
        Show::Messages => &[
            "frame.number",
            "frame.time",
            "connection",
            "from",
            "message",
            "message.kind",
            "message.length",
            "message.wire_length",
            "message.complete",
            "message.text",
        ],
        Show::Connections => &[
            "connection",
            "client",
            "client.port",
            "server",
            "server.port",
            "transport",
            "handshake.outcome",
            "handshake.status",
            "http.host",
            "http.request.uri",
            "subprotocol",
            "connection.duration",
            "connection.frames",
            "connection.messages",
            "connection.bytes",
            "close.code",
            "close.ended_by",
        ],
        Show::Findings => &[
            "frame.number",
            "frame.time",
            "connection",
            "from",
            "finding.severity",
            "finding.code",
            "finding.section",
            "finding.text",
        ],
        Show::Exchanges | Show::Calls => &[],
        Show::All => &[
            "frame.number",
            "frame.time",
            "connection",
            "from",
            "websocket.number",
            "websocket.opcode",
            "websocket.payload_length",
            "message",
            "message.kind",
            "message.length",
            "message.text",
            "finding.severity",
            "finding.code",
            "finding.text",
            "handshake.outcome",
            "close.code",
        ],
    };
    names
        .iter()
        .filter_map(|name| NamedColumn::parse(name).ok())
        .collect()
}

/// The header line.
#[must_use]
pub fn header_line(columns: &[NamedColumn], separator: Separator) -> String {
    let names: Vec<_> = columns.iter().map(|column| column.name.as_str()).collect();
    names.join(match separator {
        Separator::Comma => ",",
        Separator::Tab => "\t",
    }) + "\n"
}

/// Writes the rows.
#[derive(Debug)]
pub struct Columns {
    separator: Separator,
    columns: Box<[Column]>,
    start: Timestamp,
    clock: Rfc3339,
    cell: Vec<u8>,
}

impl Columns {
    /// Rows of these columns; times relative to `start`.
    #[must_use]
    pub fn new(columns: &[NamedColumn], separator: Separator, start: Timestamp) -> Self {
        Self {
            separator,
            columns: columns.iter().map(|named| named.column.clone()).collect(),
            start,
            clock: Rfc3339::default(),
            cell: Vec::new(),
        }
    }

    fn row(&mut self, page: &mut Page, row: Row<'_>) {
        let values = row.in_capture(self.start);
        let alone = self.columns.len() == 1;
        for (at, column) in self.columns.iter().enumerate() {
            if at > 0 {
                page.bytes().push(self.separator.byte());
            }
            if *column == Column::Field(FieldRef::Row(FieldId::Connection)) {
                if let Some(connection) = row.connection() {
                    page.connection(connection.id, 0);
                }
                continue;
            }
            let out = page.bytes();
            let start = out.len();
            let mut cell = Cell {
                out: &mut *out,
                separator: self.separator,
                clock: &mut self.clock,
                is_first: true,
            };
            match column {
                Column::Field(field) => match quick(row, *field) {
                    Some(value) => number(cell.out, value),
                    None => values.visit(*field, &mut |value| cell.value(value, Some(*field))),
                },
                Column::Json(path) => values.json(path, &mut |value| cell.value(value, None)),
            }
            if self.separator == Separator::Comma {
                quote(out, start, alone, &mut self.cell);
            }
        }
        page.bytes().push(b'\n');
    }
}

/// What nearly every table of frames shows, without the way through a closure.
#[inline]
fn quick(row: Row<'_>, field: FieldRef) -> Option<u64> {
    let (Row::Frame(event, _), FieldRef::Row(field)) = (row, field) else {
        return None;
    };
    let header = &event.frame.header;
    match field {
        FieldId::FrameNumber => Some(event.at.packet.0),
        FieldId::WebSocketNumber => Some(event.number),
        FieldId::WebSocketOpcode => Some(header.opcode().number().into()),
        FieldId::WebSocketPayloadLength => Some(header.payload_length),
        _ => None,
    }
}

impl Format for Columns {
    type Out = Page;

    fn needs(&self) -> Needs {
        self.columns
            .iter()
            .fold(Needs::HEADERS, |needs, column| needs | column.needs())
    }

    fn waits(&self) -> Waits {
        let shows = |field| self.columns.contains(&Column::Field(FieldRef::Row(field)));
        Waits {
            text: shows(FieldId::WebSocketPayloadText),
            findings: shows(FieldId::Finding),
        }
    }

    #[inline]
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

/// A cell being written.
struct Cell<'a> {
    out: &'a mut Vec<u8>,
    separator: Separator,
    clock: &'a mut Rfc3339,
    is_first: bool,
}

impl Cell<'_> {
    /// Appends one value; never asks to stop, since a cell shows them all.
    fn value(&mut self, value: Value<'_>, field: Option<FieldRef>) -> bool {
        if !std::mem::replace(&mut self.is_first, false) {
            self.out.push(b',');
        }
        match value {
            Value::Present if field.is_none() => self.out.extend_from_slice("{…}".as_bytes()),
            Value::Present => self.out.extend_from_slice(b"true"),
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(yes) => self
                .out
                .extend_from_slice(if yes { b"true" } else { b"false" }),
            Value::Unsigned(value) if field == Some(FieldRef::Row(FieldId::FindingSeverity)) => {
                self.out.extend_from_slice(severity(value).as_bytes());
            }
            Value::Unsigned(value) => number(self.out, value),
            Value::Signed(value) => number(self.out, value),
            // Writing to a vector cannot fail.
            Value::Float(value) => drop(write!(self.out, "{value}")),
            Value::Ip(address) => drop(write!(self.out, "{address}")),
            Value::Time(time) if field == Some(FieldRef::Row(FieldId::FrameTimeEpoch)) => {
                seconds(self.out, time.0);
            }
            Value::Time(time) => self.clock.write(time, self.out),
            Value::Duration(nanoseconds) => seconds(self.out, nanoseconds),
            Value::Text(text) => self.text(text.as_bytes()),
            Value::Bytes(bytes) if field.is_some_and(|id| id.info().kind == Type::Bytes) => {
                hexadecimal(self.out, bytes);
            }
            Value::Bytes(bytes) => self.text(bytes),
        }
        false
    }

    fn text(&mut self, bytes: &[u8]) {
        if begins_a_formula(bytes) {
            self.out.push(b'\'');
        }
        match self.separator {
            Separator::Tab => escape::write_cell(bytes, self.out),
            Separator::Comma => csv_text(self.out, bytes),
        }
    }
}

/// Whether a spreadsheet would take this for a formula (OWASP, "CSV Injection"), full-width forms included.
fn begins_a_formula(bytes: &[u8]) -> bool {
    matches!(
        bytes.first(),
        Some(b'=' | b'+' | b'-' | b'@' | b'\t' | b'\r' | b'\n')
    ) || ["＝", "＋", "－", "＠"]
        .iter()
        .any(|wide| bytes.starts_with(wide.as_bytes()))
}

/// Text as it is, but for what could deceive a terminal; quotes are seen to later.
fn csv_text(out: &mut Vec<u8>, bytes: &[u8]) {
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            let mut utf8 = [0u8; 4];
            let text = c.encode_utf8(&mut utf8);
            if escape::is_hidden(c) && !matches!(c, '\n' | '\t') {
                escape::write_cell(text.as_bytes(), out);
            } else {
                out.extend_from_slice(text.as_bytes());
            }
        }
        escape::write_cell(chunk.invalid(), out);
    }
}

/// Puts the cell that begins at `start` in quotes if it needs them.
#[inline]
fn quote(out: &mut Vec<u8>, start: usize, alone: bool, scratch: &mut Vec<u8>) {
    let cell = &out[start..];
    let special = |byte: &u8| matches!(byte, b',' | b'"' | b'\n' | b'\r');
    // A record of one empty cell would be an empty line, which readers pass over.
    if !(cell.iter().any(special) || cell.is_empty() && alone) {
        return;
    }
    scratch.clear();
    scratch.extend_from_slice(cell);
    out.truncate(start);
    out.push(b'"');
    for byte in &*scratch {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}

fn severity(value: u64) -> &'static str {
    [Severity::Note, Severity::Warning, Severity::Error]
        .into_iter()
        .find(|severity| *severity as u64 + 1 == value)
        .map_or("", Severity::name)
}

/// Seconds with nine digits.
fn seconds(out: &mut Vec<u8>, nanoseconds: i64) {
    let (whole, rest) = (
        nanoseconds.unsigned_abs() / 1_000_000_000,
        nanoseconds.unsigned_abs() % 1_000_000_000,
    );
    let sign = if nanoseconds < 0 { "-" } else { "" };
    // Writing to a vector cannot fail.
    let _ = write!(out, "{sign}{whole}.{rest:09}");
}

fn hexadecimal(out: &mut Vec<u8>, bytes: &[u8]) {
    let start = out.len();
    out.resize(start + bytes.len() * 2, 0);
    let _ = hex::encode_to_slice(bytes, &mut out[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(separator: Separator, values: &[Value<'_>], field: Option<FieldId>) -> String {
        let mut out = Vec::new();
        let mut clock = Rfc3339::default();
        let mut cell = Cell {
            out: &mut out,
            separator,
            clock: &mut clock,
            is_first: true,
        };
        for value in values {
            cell.value(*value, field.map(FieldRef::Row));
        }
        if separator == Separator::Comma {
            quote(&mut out, 0, true, &mut Vec::new());
        }
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn csv_cells_read_back_with_another_reader() {
        for text in [
            "plain",
            "a,b",
            "say \"hi\"",
            "two\nlines",
            "",
            " spaces ",
            "é\\",
        ] {
            let line = cell(Separator::Comma, &[Value::Text(text)], None) + "\n";
            let mut reader = csv::ReaderBuilder::new()
                .has_headers(false)
                .from_reader(line.as_bytes());
            let record = reader.records().next().unwrap().unwrap();
            assert_eq!(record.get(0), Some(text), "{line:?}");
        }
    }

    #[test]
    fn no_cell_from_the_wire_begins_a_formula() {
        for text in [
            "=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", "＝1",
        ] {
            for separator in [Separator::Comma, Separator::Tab] {
                let cell = cell(separator, &[Value::Bytes(text.as_bytes())], None);
                let shown = cell.trim_start_matches('"');
                assert!(shown.starts_with('\''), "{text:?} became {cell:?}");
            }
        }
        // Numbers are numbers.
        assert_eq!(cell(Separator::Comma, &[Value::Signed(-5)], None), "-5");
    }

    #[test]
    fn values_have_one_form_each() {
        let tab = |values: &[Value<'_>], field| cell(Separator::Tab, values, field);
        assert_eq!(
            tab(&[Value::Text("a\tb\x1b[2J"), Value::Unsigned(7)], None),
            "a\\tb\\x1b[2J,7"
        );
        assert_eq!(
            tab(&[Value::Duration(-1_500_000_000)], None),
            "-1.500000000"
        );
        assert_eq!(
            tab(
                &[Value::Time(Timestamp(1_000_000_001))],
                Some(FieldId::FrameTimeEpoch)
            ),
            "1.000000001"
        );
        assert_eq!(
            tab(
                &[Value::Bytes(&[0xff, 0])],
                Some(FieldId::WebSocketMaskingKey)
            ),
            "ff00"
        );
        assert_eq!(
            tab(&[Value::Unsigned(3)], Some(FieldId::FindingSeverity)),
            "error"
        );
        // Hidden in csv too, though line feeds may stay there.
        assert_eq!(
            cell(Separator::Comma, &[Value::Text("a\x1bb\nc")], None),
            "\"a\\x1bb\nc\""
        );
    }

    #[test]
    fn every_default_column_is_a_field() {
        for (show, count) in [
            (Show::Frames, 10),
            (Show::Messages, 10),
            (Show::Connections, 17),
            (Show::Findings, 8),
            (Show::All, 16),
        ] {
            assert_eq!(default_columns(show).len(), count);
        }
    }
}
