//! One JSON document: the objects of NDJSON, gathered into an array for each kind.
//!
//! The kinds come mixed, in packet order, and a document has them apart. So each kind is gathered in a spool of its own,
//! in memory or in a file as the caller says.

use std::io::{self, Write};

use crate::base::{Needs, Spool, Spools};
use crate::engine::{Connection, FindingEvent, FrameEvent, MessageEvent, Moment};
use crate::run::Stretch;

use super::format::{Format, Totals};
use super::ndjson::Ndjson;
use super::page::{Drain, Labelled, each_row};
use crate::store::Waits;

/// Bytes of one kind gathered before they go to its spool.
const BATCH: usize = 64 << 10;

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

    fn wants_decoded(&self) -> bool {
        self.0.wants_decoded()
    }

    fn wants_protocol(&self) -> bool {
        self.0.wants_protocol()
    }

    fn waits(&self) -> Waits {
        self.0.waits()
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
pub struct Document {
    arrays: [Array; ARRAYS.len()],
    capture: Vec<u8>,
}

/// The elements of one array: the first in the spool, the last still pending.
struct Array {
    spool: Box<dyn Spool>,
    len: u64,
    pending: Vec<u8>,
}

impl Array {
    fn push(&mut self, object: &[u8]) -> io::Result<()> {
        if self.len > 0 || !self.pending.is_empty() {
            self.pending.extend_from_slice(b",\n");
        }
        self.pending.extend_from_slice(object);
        if self.pending.len() >= BATCH {
            self.spool.append(&self.pending)?;
            self.len += self.pending.len() as u64;
            self.pending.clear();
        }
        Ok(())
    }
}

impl Document {
    /// An empty document that gathers in spools of this kind.
    ///
    /// # Errors
    /// When a spool cannot be opened.
    pub fn new(spools: &Spools) -> io::Result<Self> {
        let array = || {
            Ok::<_, io::Error>(Array {
                spool: spools.open()?,
                len: 0,
                pending: Vec::new(),
            })
        };
        Ok(Self {
            arrays: [array()?, array()?, array()?, array()?],
            capture: Vec::new(),
        })
    }

    fn object(&mut self, kind: ObjectKind, line: &[u8]) -> io::Result<()> {
        let object = line.strip_suffix(b"\n").unwrap_or(line);
        let array = ARRAYS.iter().position(|(_, of)| *of == kind);
        let Some(array) = array.and_then(|at| self.arrays.get_mut(at)) else {
            self.capture = object.to_vec();
            return Ok(());
        };
        array.push(object)
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
        for ((name, _), mut array) in ARRAYS.iter().zip(self.arrays) {
            write!(out, ",\n\"{name}\":[")?;
            array.spool.copy(0, array.len, out)?;
            out.write_all(&array.pending)?;
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
        let mut document = Document::new(&Spools::default()).unwrap();
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
