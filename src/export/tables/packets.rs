//! The packets themselves as an Arrow stream, each with the hash of its flow: for engines that deal packets out themselves.

use std::io::{self, Write};

use crate::base::Limits;
use crate::capture::{self, Source};
use crate::wire::{Sorter, To};

use super::arrow::{ArrowStream, BATCH_BYTES, BATCH_ROWS};
use super::batch::{Batch, RowWriter};
use super::schema::{ColumnInfo, Kind, VERSION};

const COLUMNS: [(&str, Kind); 9] = [
    ("file", Kind::Word),
    ("number", Kind::Long),
    ("time", Kind::Time),
    ("time_ns", Kind::Long),
    ("flow", Kind::Long),
    ("link", Kind::Int),
    ("length", Kind::Int),
    ("captured", Kind::Int),
    ("data", Kind::Bytes),
];

/// Writes every packet of `source`: its file and number, time, flow, link type, lengths and bytes. Both directions of a flow
/// have one `flow`, the same everywhere; what is not IP has none. IP fragments have that of their addresses.
///
/// # Errors
/// When the output fails.
pub fn write_packets<W: Write>(source: &mut Source, limits: &Limits, out: W) -> io::Result<W> {
    let columns = COLUMNS.map(|(name, kind)| ColumnInfo {
        name: name.to_owned(),
        kind,
    });
    let metadata = [("wireloupe.schema", VERSION.to_owned())];
    let mut stream = ArrowStream::new(out, &columns, &metadata)?;
    let places: Vec<_> = (0..columns.len()).map(Some).collect();
    let mut rows = Batch::new(&columns, false);
    let mut sorter = Sorter::new(limits);
    let mut batch = capture::Batch::new();
    while source.fill(&mut batch) {
        for (record, bytes) in batch.packets() {
            let sorted = sorter.sort(record.link, record.time, bytes, record.original);
            let flow = match sorted.to {
                To::Flow(hash) | To::Datagram(hash) | To::Fragment(_, hash) => Some(hash as i64),
                To::Nothing => None,
            };
            let file = source
                .summary()
                .files
                .get(usize::from(record.position.file()));
            let mut row = RowWriter::new(&mut rows, &places);
            row.text(file.map(|file| file.name.as_str()));
            row.count(record.number.0);
            row.time(Some(record.time));
            row.long(flow);
            row.int(i32::from(record.link.0));
            row.int(i32::try_from(record.original).unwrap_or(i32::MAX));
            row.int(i32::try_from(record.captured).unwrap_or(i32::MAX));
            row.bytes(Some(bytes));
            row.end();
            if rows.rows >= BATCH_ROWS || rows.bytes >= BATCH_BYTES {
                stream.write(&rows)?;
                rows.clear();
            }
        }
    }
    if rows.rows > 0 {
        stream.write(&rows)?;
    }
    stream.finish()
}
