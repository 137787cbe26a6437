//! One JSON document: the objects of NDJSON, gathered into an array for each kind.
//!
//! The kinds come mixed, in packet order, and a document has them apart. So each kind is gathered in a spool of its own,
//! which moves from memory to a temporary file when it grows.

use std::io::{self, BufWriter, Seek as _, Write};

use tempfile::SpooledTempFile;

use crate::base::Needs;
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::run::Stretch;

use super::ndjson::Ndjson;
use super::page::{Drain, Labelled, each_row};
use super::printer::{Format, Totals};

/// Bytes of one kind kept in memory before they move to a file.
const IN_MEMORY: usize = 4 << 20;

/// What an object is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObjectKind {
    /// A connection.
    Connection,
    /// A message.
    Message,
    /// A frame.
    Frame,
    /// A finding.
    Finding,
    /// The whole capture.
    Capture,
}

/// The arrays in the order of the document, by their names there.
const ARRAYS: [(&str, ObjectKind); 4] = [
    ("connections", ObjectKind::Connection),
    ("messages", ObjectKind::Message),
    ("frames", ObjectKind::Frame),
    ("findings", ObjectKind::Finding),
];

/// Writes the objects that a [`Document`] takes.
#[derive(Debug)]
pub struct Json(Ndjson);

impl Json {
    /// With the payload of frames in base64, or without.
    #[must_use]
    pub fn new(payload: bool) -> Self {
        Self(Ndjson::new(payload))
    }
}

impl Format for Json {
    type Out = Labelled<ObjectKind>;

    fn needs(&self) -> Needs {
        self.0.needs()
    }

    fn wants_payload(&self) -> bool {
        self.0.wants_payload()
    }

    fn wants_message_data(&self) -> bool {
        self.0.wants_message_data()
    }

    fn wants_text_on_frames(&self) -> bool {
        self.0.wants_text_on_frames()
    }

    fn wants_digest(&self) -> bool {
        self.0.wants_digest()
    }

    fn frame(&mut self, out: &mut Self::Out, event: &FrameEvent<'_>, connection: &Connection) {
        self.0.frame(out.page(), event, connection);
        out.end_row(ObjectKind::Frame);
    }

    fn message(&mut self, out: &mut Self::Out, event: &MessageEvent<'_>, connection: &Connection) {
        self.0.message(out.page(), event, connection);
        out.end_row(ObjectKind::Message);
    }

    fn finding(
        &mut self,
        out: &mut Self::Out,
        event: &FindingEvent<'_>,
        connection: Option<&Connection>,
    ) {
        self.0.finding(out.page(), event, connection);
        out.end_row(ObjectKind::Finding);
    }

    fn connection(&mut self, out: &mut Self::Out, connection: &Connection, at: Moment) {
        self.0.connection(out.page(), connection, at);
        out.end_row(ObjectKind::Connection);
    }

    fn capture(&mut self, out: &mut Self::Out, totals: &Totals<'_>) {
        self.0.capture(out.page(), totals);
        out.end_row(ObjectKind::Capture);
    }
}

/// Gathers objects.
#[derive(Debug)]
pub struct Document {
    arrays: [Array; ARRAYS.len()],
    capture: Vec<u8>,
}

#[derive(Debug)]
struct Array {
    spool: BufWriter<SpooledTempFile>,
    is_empty: bool,
}

impl Default for Document {
    fn default() -> Self {
        Self {
            arrays: std::array::from_fn(|_| Array {
                spool: BufWriter::new(SpooledTempFile::new(IN_MEMORY)),
                is_empty: true,
            }),
            capture: Vec::new(),
        }
    }
}

impl Document {
    fn object(&mut self, kind: ObjectKind, line: &[u8]) -> io::Result<()> {
        let object = line.strip_suffix(b"\n").unwrap_or(line);
        let array = ARRAYS.iter().position(|(_, of)| *of == kind);
        let Some(array) = array.and_then(|at| self.arrays.get_mut(at)) else {
            self.capture = object.to_vec();
            return Ok(());
        };
        if !std::mem::replace(&mut array.is_empty, false) {
            array.spool.write_all(b",\n")?;
        }
        array.spool.write_all(object)
    }

    /// Writes the document.
    ///
    /// # Errors
    /// When a spool cannot be read again or `out` fails.
    pub fn finish(self, out: &mut impl Write) -> io::Result<()> {
        out.write_all(b"{\"capture\":")?;
        out.write_all(if self.capture.is_empty() {
            b"null"
        } else {
            &self.capture
        })?;
        for ((name, _), array) in ARRAYS.iter().zip(self.arrays) {
            write!(out, ",\n\"{name}\":[")?;
            let mut spool = array.spool.into_inner().map_err(io::Error::from)?;
            spool.rewind()?;
            io::copy(&mut spool, out)?;
            out.write_all(b"]")?;
        }
        out.write_all(b"}\n")
    }
}

impl Drain<Labelled<ObjectKind>> for Document {
    fn push(&mut self, stretch: Stretch<'_, Labelled<ObjectKind>>) -> io::Result<()> {
        each_row(&stretch, |kind, object| self.object(*kind, object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_parted_and_order_is_kept() {
        let mut document = Document::default();
        for (kind, line) in [
            (ObjectKind::Frame, "{\"n\":1}\n"),
            (ObjectKind::Message, "{\"n\":1}\n"),
            (ObjectKind::Frame, "{\"n\":2}\n"),
            (ObjectKind::Capture, "{\"packets\":9}\n"),
        ] {
            document.object(kind, line.as_bytes()).unwrap();
        }
        let mut out = Vec::new();
        document.finish(&mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["capture"]["packets"], 9);
        assert_eq!(value["frames"][1]["n"], 2);
        assert_eq!(value["messages"].as_array().unwrap().len(), 1);
        assert!(value["findings"].as_array().unwrap().is_empty());
    }
}
