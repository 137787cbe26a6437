//! One JSON document: the objects of NDJSON, gathered into an array for each kind.
//!
//! The kinds come mixed, in packet order, and a document has them apart. So each kind is gathered in a spool of its own,
//! which moves from memory to a temporary file when it grows.

use std::io::{self, BufWriter, Seek as _, Write};

use tempfile::SpooledTempFile;

/// Bytes of one kind kept in memory before they move to a file.
const IN_MEMORY: usize = 4 << 20;

/// The arrays, by their name in the document and the beginning of the lines that go there.
const KINDS: [(&str, &[u8]); 4] = [
    ("connections", b"{\"type\":\"connection\""),
    ("messages", b"{\"type\":\"message\""),
    ("frames", b"{\"type\":\"frame\""),
    ("findings", b"{\"type\":\"finding\""),
];

/// Gathers lines of NDJSON.
#[derive(Debug)]
pub struct Document {
    arrays: [Array; KINDS.len()],
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
    /// Takes whole lines of NDJSON.
    ///
    /// # Errors
    /// When the temporary file cannot be written.
    pub fn push(&mut self, lines: &[u8]) -> io::Result<()> {
        for line in lines.split(|byte| *byte == b'\n') {
            if line.starts_with(b"{\"type\":\"capture\"") {
                self.capture = line.to_vec();
            }
            let kind = KINDS.iter().position(|(_, start)| line.starts_with(start));
            let Some(array) = kind.and_then(|kind| self.arrays.get_mut(kind)) else {
                continue;
            };
            if !std::mem::replace(&mut array.is_empty, false) {
                array.spool.write_all(b",\n")?;
            }
            array.spool.write_all(line)?;
        }
        Ok(())
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
        for ((name, _), array) in KINDS.iter().zip(self.arrays) {
            write!(out, ",\n\"{name}\":[")?;
            let mut spool = array.spool.into_inner().map_err(io::Error::from)?;
            spool.rewind()?;
            io::copy(&mut spool, out)?;
            out.write_all(b"]")?;
        }
        out.write_all(b"}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_parted_and_order_is_kept() {
        let mut document = Document::default();
        document
            .push(b"{\"type\":\"frame\",\"n\":1}\n{\"type\":\"message\",\"n\":1}\n")
            .unwrap();
        document
            .push(b"{\"type\":\"frame\",\"n\":2}\n{\"type\":\"capture\",\"packets\":9}\n")
            .unwrap();
        let mut out = Vec::new();
        document.finish(&mut out).unwrap();
        let value: serde_json::Value = serde_json::from_slice(&out).unwrap();
        assert_eq!(value["capture"]["packets"], 9);
        assert_eq!(value["frames"][1]["n"], 2);
        assert_eq!(value["messages"].as_array().unwrap().len(), 1);
        assert!(value["findings"].as_array().unwrap().is_empty());
    }
}
