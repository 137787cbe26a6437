//! Arrow's IPC stream: record batches one after another, for a pipe into whatever speaks Arrow.

use std::collections::HashMap;
use std::io::{self, Write};
use std::sync::Arc;

use arrow_array::{
    ArrayRef, BinaryArray, BooleanArray, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, TimestampMicrosecondArray,
};
use arrow_buffer::{Buffer, NullBuffer, OffsetBuffer, ScalarBuffer};
use arrow_ipc::writer::StreamWriter;
use arrow_schema::{ArrowError, DataType, Field, Schema, TimeUnit};

use super::batch::{Batch, Column, Values};
use super::schema::{ColumnInfo, Kind};

/// Rows of a record batch, and bytes of values: less than in a row group, since its reader waits for them.
pub(super) const BATCH_ROWS: usize = 16_384;
pub(super) const BATCH_BYTES: usize = 4 << 20;

/// Writes one table.
pub(super) struct ArrowStream<W: Write> {
    writer: StreamWriter<W>,
    schema: Arc<Schema>,
    kinds: Vec<Kind>,
}

impl<W: Write> ArrowStream<W> {
    pub(super) fn new(
        out: W,
        columns: &[ColumnInfo],
        metadata: &[(&str, String)],
    ) -> io::Result<Self> {
        let field = |column: &ColumnInfo| Field::new(&column.name, data_type(column.kind), true);
        let fields: Vec<_> = columns.iter().map(field).collect();
        let pairs = metadata.iter();
        let pairs = pairs.map(|(key, value)| ((*key).to_owned(), value.clone()));
        let metadata: HashMap<String, String> = pairs.collect();
        let schema = Arc::new(Schema::new_with_metadata(fields, metadata));
        Ok(Self {
            writer: StreamWriter::try_new(out, &schema).map_err(failed)?,
            schema,
            kinds: columns.iter().map(|column| column.kind).collect(),
        })
    }

    /// Writes a record batch.
    pub(super) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let arrays = batch.columns.iter().zip(&self.kinds);
        let arrays: Result<Vec<_>, _> = arrays.map(|(column, kind)| array(column, *kind)).collect();
        let arrays = arrays.map_err(failed)?;
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), arrays).map_err(failed)?;
        self.writer.write(&batch).map_err(failed)?;
        self.writer.get_mut().flush()
    }

    /// Writes the end mark.
    pub(super) fn finish(mut self) -> io::Result<W> {
        self.writer.finish().map_err(failed)?;
        self.writer.into_inner().map_err(failed)
    }
}

fn failed(error: ArrowError) -> io::Error {
    match error {
        ArrowError::IoError(_, error) => error,
        error => io::Error::other(error),
    }
}

fn data_type(kind: Kind) -> DataType {
    match kind {
        Kind::Long => DataType::Int64,
        Kind::Int => DataType::Int32,
        Kind::Bool => DataType::Boolean,
        Kind::Double => DataType::Float64,
        Kind::Time => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        // Dictionaries of a stream differ from batch to batch, which not every reader takes.
        Kind::Word | Kind::Text => DataType::Utf8,
        // Spark takes no bytes of a fixed length.
        Kind::Bytes | Kind::Digest => DataType::Binary,
    }
}

fn array(column: &Column, kind: Kind) -> Result<ArrayRef, ArrowError> {
    let nulls = Some(NullBuffer::from(column.is_valid.clone())).filter(|all| all.null_count() > 0);
    Ok(match &column.values {
        Values::Connection(_) => {
            return Err(ArrowError::SchemaError(
                "a connection without its number".into(),
            ));
        }
        Values::Long(values) => {
            let values = ScalarBuffer::from(values.clone());
            match kind {
                Kind::Time => {
                    let times = TimestampMicrosecondArray::try_new(values, nulls)?;
                    Arc::new(times.with_timezone("UTC"))
                }
                _ => Arc::new(Int64Array::try_new(values, nulls)?),
            }
        }
        Values::Int(values) => Arc::new(Int32Array::try_new(values.clone().into(), nulls)?),
        Values::Double(values) => Arc::new(Float64Array::try_new(values.clone().into(), nulls)?),
        Values::Bool(values) => Arc::new(BooleanArray::new(values.clone().into(), nulls)),
        Values::Bytes(bytes, ends) => {
            let starts = std::iter::once(0).chain(ends.iter().map(|end| *end as i32));
            let offsets = OffsetBuffer::new(starts.collect::<Vec<i32>>().into());
            let values = Buffer::from_slice_ref(bytes);
            match kind {
                Kind::Bytes | Kind::Digest => {
                    Arc::new(BinaryArray::try_new(offsets, values, nulls)?)
                }
                _ => Arc::new(StringArray::try_new(offsets, values, nulls)?),
            }
        }
    })
}
