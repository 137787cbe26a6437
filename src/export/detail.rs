//! The whole tree of each row, down to the bits, with the positions of their bytes.

use crate::base::{Field, Needs, Rfc3339};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::store::{Row, message_tree};

use super::format::Format;
use super::hexdump;
use super::page::Page;
use super::selection::Show;

/// Writes the trees.
#[derive(Debug, Default)]
pub struct Detail {
    show: Show,
    hex: bool,
    clock: Rfc3339,
    buffer: Vec<u8>,
    /// The tree of the message that the frame written last completes is still to come, under the frame's.
    open: bool,
}

impl Detail {
    /// Of rows of this kind; with `hex`, the bytes of each frame under its tree.
    #[must_use]
    pub fn new(show: Show, hex: bool) -> Self {
        Self {
            show,
            hex,
            ..Self::default()
        }
    }

    /// The first line of a row, `Frame 3 of connection 1: text, from the client, 14 bytes, packet 12, 2026-...`, and under it
    /// what the row is made of.
    fn row(&mut self, page: &mut Page, row: Row<'_>) {
        let mut trees = row.tree().into_iter();
        let Some(first) = trees.next() else { return };
        let is_connection = matches!(row, Row::Connection(..));
        page.bytes().extend_from_slice(first.label.as_bytes());
        if let Some(connection) = row.connection() {
            let of = if is_connection {
                " "
            } else {
                " of connection "
            };
            page.bytes().extend_from_slice(of.as_bytes());
            page.connection(connection.id, 0);
        }
        let out = page.bytes();
        out.extend_from_slice(format!(": {}", first.value).as_bytes());
        if !is_connection {
            let at = row.at();
            out.extend_from_slice(format!(", packet {}, ", at.packet).as_bytes());
            self.clock.write(at.time, out);
        }
        end_line(out, &first);
        write_trees(out, &first.children, 1);
        for tree in trees {
            write_tree(out, &tree, 1);
        }
    }
}

impl Format for Detail {
    type Out = Page;

    fn needs(&self) -> Needs {
        match self.show {
            // Under a frame stands the message it completes.
            Show::Frames => Needs::MESSAGES | Needs::INFLATED | Needs::DIGEST | Needs::DECODED,
            _ => Needs::HEADERS,
        }
    }

    fn wants_payload(&self) -> bool {
        true
    }

    fn wants_message_data(&self) -> bool {
        true
    }

    fn wants_digest(&self) -> bool {
        true
    }

    fn wants_decoded(&self) -> bool {
        true
    }

    fn frame(&mut self, page: &mut Page, event: &FrameEvent<'_>, connection: &Connection) {
        self.row(page, Row::Frame(event, connection));
        if self.hex {
            hexdump::frame(page.bytes(), event.frame, &mut self.buffer);
        }
        self.open = self.show == Show::Frames && event.message.is_some();
        if !self.open {
            page.bytes().push(b'\n');
        }
    }

    fn completed(&mut self, page: &mut Page, event: &MessageEvent<'_>) {
        if std::mem::take(&mut self.open) {
            write_trees(page.bytes(), &message_tree(event), 1);
            page.bytes().push(b'\n');
        }
    }

    fn message(&mut self, page: &mut Page, event: &MessageEvent<'_>, connection: &Connection) {
        self.row(page, Row::Message(event, connection));
        page.bytes().push(b'\n');
    }

    fn finding(
        &mut self,
        page: &mut Page,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        self.row(page, Row::Finding(event, connection));
        page.bytes().push(b'\n');
    }

    fn connection(&mut self, page: &mut Page, connection: &Connection, at: Moment) {
        self.row(page, Row::Connection(connection, at));
        page.bytes().push(b'\n');
    }
}

fn write_trees(out: &mut Vec<u8>, fields: &[Field], depth: usize) {
    for field in fields {
        write_tree(out, field, depth);
    }
}

/// Appends a field and what it is made of, indented, with the bytes each was read from.
fn write_tree(out: &mut Vec<u8>, field: &Field, depth: usize) {
    out.resize(out.len() + depth * 4, b' ');
    if !field.bits.is_empty() {
        out.extend_from_slice(field.bits.as_bytes());
        out.extend_from_slice(b" = ");
    }
    out.extend_from_slice(field.label.as_bytes());
    if !field.value.is_empty() {
        out.extend_from_slice(b": ");
        out.extend_from_slice(field.value.as_bytes());
    }
    end_line(out, field);
    write_trees(out, &field.children, depth + 1);
}

/// Ends the line of a field with its place and the section it is defined in.
fn end_line(out: &mut Vec<u8>, field: &Field) {
    if let Some(span) = field.span.filter(|span| !span.is_empty()) {
        let place = match span.len() {
            1 => format!("  @{}", span.start),
            _ => format!("  @{}-{}", span.start, span.end - 1),
        };
        out.extend_from_slice(place.as_bytes());
    }
    if !field.section.is_empty() {
        out.extend_from_slice(format!("  ({})", field.section).as_bytes());
    }
    out.push(b'\n');
}
