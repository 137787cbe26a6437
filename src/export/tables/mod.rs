//! Rows as typed columns, for engines that read many files: Parquet, and Arrow's IPC stream.
//!
//! ```text
//!   rows of an engine ──► Batches ─┐
//!   rows of another   ──► Batches ─┼─ in packet order ──► one batch a table ──► a row group, a record batch
//! ```
//!
//! What is gathered is bounded by rows and by bytes, so that messages of any length cost no more memory.

mod arrow;
mod batch;
mod layout;
mod names;
mod packets;
mod parquet;
mod rows;
mod schema;

use std::io::{self, Write};

use crate::run::Stretch;

use super::page::Drain;

use arrow::{ArrowStream, BATCH_BYTES, BATCH_ROWS};
use batch::Batch;
use parquet::ParquetFile;

pub use layout::Layout;
pub use packets::write_packets;
pub use rows::{Batches, Tables};
pub use schema::{ColumnInfo, Kind, Table, VERSION};

/// Rows of a row group: what DuckDB reads as one piece.
const GROUP_ROWS: usize = 122_880;
/// Bytes of values in one.
const GROUP_BYTES: usize = 24 << 20;

/// In what columns are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Parquet files.
    Parquet,
    /// Arrow IPC streams.
    Arrow,
}

impl Form {
    /// What its files end with.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Form::Parquet => "parquet",
            Form::Arrow => "arrow",
        }
    }
}

/// The tables on their way to their files, in packet order.
pub struct TableFiles<W: Write + Send> {
    tables: Vec<TableFile<W>>,
    most: (usize, usize),
}

struct TableFile<W: Write + Send> {
    pending: Batch,
    file: FileOf<W>,
}

enum FileOf<W: Write + Send> {
    Parquet(Box<ParquetFile<W>>),
    Arrow(Box<ArrowStream<W>>),
}

impl<W: Write + Send> TableFiles<W> {
    /// Begins a file for each table of the layout; `inputs` are the names of what is read.
    ///
    /// # Errors
    /// When an output fails.
    pub fn new(form: Form, layout: &Layout, outs: Vec<W>, inputs: &[String]) -> io::Result<Self> {
        let tables = layout.tables.iter().zip(outs).map(|(layout, out)| {
            let metadata = [
                ("wireloupe.schema", VERSION.to_owned()),
                ("wireloupe.table", layout.table.name().to_owned()),
                ("wireloupe.version", env!("CARGO_PKG_VERSION").to_owned()),
                ("wireloupe.inputs", inputs.join("\n")),
            ];
            let columns = &layout.columns;
            let file = match form {
                Form::Parquet => {
                    FileOf::Parquet(Box::new(ParquetFile::new(out, columns, &metadata)?))
                }
                Form::Arrow => FileOf::Arrow(Box::new(ArrowStream::new(out, columns, &metadata)?)),
            };
            let pending = Batch::new(columns, false);
            Ok(TableFile { pending, file })
        });
        Ok(Self {
            tables: tables.collect::<io::Result<_>>()?,
            most: match form {
                Form::Parquet => (GROUP_ROWS, GROUP_BYTES),
                Form::Arrow => (BATCH_ROWS, BATCH_BYTES),
            },
        })
    }

    /// Writes what is pending and what files end with, and gives the outputs back.
    ///
    /// # Errors
    /// When an output fails.
    pub fn finish(self) -> io::Result<Vec<W>> {
        let finish = |mut table: TableFile<W>| {
            table.write()?;
            match table.file {
                FileOf::Parquet(file) => file.finish(),
                FileOf::Arrow(file) => file.finish(),
            }
        };
        self.tables.into_iter().map(finish).collect()
    }
}

impl<W: Write + Send> TableFile<W> {
    fn write(&mut self) -> io::Result<()> {
        if self.pending.rows == 0 {
            return Ok(());
        }
        match &mut self.file {
            FileOf::Parquet(file) => file.write(&self.pending)?,
            FileOf::Arrow(file) => file.write(&self.pending)?,
        }
        self.pending.clear();
        Ok(())
    }
}

impl<W: Write + Send> Drain<Batches> for TableFiles<W> {
    fn push(&mut self, stretch: Stretch<'_, Batches>) -> io::Result<()> {
        let (rows, bytes) = self.most;
        let ranges = stretch.from.rows.iter().zip(&stretch.to.rows);
        let batches = stretch.content.tables.iter().zip(ranges);
        for (table, (batch, (from, to))) in self.tables.iter_mut().zip(batches) {
            let range = (*from as usize, *to as usize);
            if range.0 < range.1 {
                table.pending.append(batch, range, &stretch.numbers);
            }
            if table.pending.rows >= rows || table.pending.bytes >= bytes {
                table.write()?;
            }
        }
        Ok(())
    }
}
