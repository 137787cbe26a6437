//! Parquet: a file a table, in row groups.

use std::borrow::Cow;
use std::io::{self, Write};
use std::sync::Arc;

use bytes::Bytes;
use parquet::basic::{Compression, Encoding, LogicalType, Repetition, TimeUnit, Type as Physical};
use parquet::data_type::{
    BoolType, ByteArray, ByteArrayType, DoubleType, FixedLenByteArray, FixedLenByteArrayType,
    Int32Type, Int64Type,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::KeyValue;
use parquet::file::properties::{EnabledStatistics, WriterProperties};
use parquet::file::writer::{SerializedColumnWriter, SerializedFileWriter};
use parquet::schema::types::{ColumnPath, Type};

use super::batch::{Batch, Column, Values};
use super::schema::{ColumnInfo, Kind};

/// Bytes of one page, and of a dictionary before values are written as they are.
const PAGE: usize = 1 << 20;
/// Bytes of a text that statistics keep.
const STATISTICS: usize = 64;

/// Writes one table.
pub(super) struct ParquetFile<W: Write + Send> {
    writer: SerializedFileWriter<W>,
    kinds: Vec<Kind>,
}

impl<W: Write + Send> ParquetFile<W> {
    pub(super) fn new(
        out: W,
        columns: &[ColumnInfo],
        metadata: &[(&str, String)],
    ) -> io::Result<Self> {
        let fields: Result<Vec<_>, _> = columns.iter().map(field).collect();
        let schema = Type::group_type_builder("wireloupe")
            .with_fields(fields.map_err(failed)?)
            .build()
            .map_err(failed)?;
        let properties = Arc::new(properties(columns, metadata));
        let writer = SerializedFileWriter::new(out, Arc::new(schema), properties);
        Ok(Self {
            writer: writer.map_err(failed)?,
            kinds: columns.iter().map(|column| column.kind).collect(),
        })
    }

    /// Writes a row group.
    pub(super) fn write(&mut self, batch: &Batch) -> io::Result<()> {
        let mut group = self.writer.next_row_group().map_err(failed)?;
        for (column, kind) in batch.columns.iter().zip(&self.kinds) {
            if let Some(mut writer) = group.next_column().map_err(failed)? {
                write(&mut writer, column, *kind).map_err(failed)?;
                writer.close().map_err(failed)?;
            }
        }
        group.close().map_err(failed).map(|_| ())
    }

    /// Writes the footer, without which nobody can read the file.
    pub(super) fn finish(self) -> io::Result<W> {
        self.writer.into_inner().map_err(failed)
    }
}

fn failed(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(source) => match source.downcast::<io::Error>() {
            Ok(source) => *source,
            Err(source) => io::Error::other(source),
        },
        error => io::Error::other(error),
    }
}

fn field(column: &ColumnInfo) -> Result<Arc<Type>, ParquetError> {
    let (physical, logical) = match column.kind {
        Kind::Long => (Physical::INT64, None),
        Kind::Int => (Physical::INT32, None),
        Kind::Bool => (Physical::BOOLEAN, None),
        Kind::Double => (Physical::DOUBLE, None),
        Kind::Time => {
            let time = LogicalType::timestamp(true, TimeUnit::MICROS);
            (Physical::INT64, Some(time))
        }
        Kind::Word | Kind::Text => (Physical::BYTE_ARRAY, Some(LogicalType::String)),
        Kind::Bytes => (Physical::BYTE_ARRAY, None),
        Kind::Digest => (Physical::FIXED_LEN_BYTE_ARRAY, None),
    };
    let mut builder = Type::primitive_type_builder(&column.name, physical)
        .with_repetition(Repetition::OPTIONAL)
        .with_logical_type(logical);
    if column.kind == Kind::Digest {
        builder = builder.with_length(32);
    }
    builder.build().map(Arc::new)
}

fn properties(columns: &[ColumnInfo], metadata: &[(&str, String)]) -> WriterProperties {
    let pairs = metadata.iter();
    let pairs = pairs.map(|(key, value)| KeyValue::new((*key).to_owned(), value.clone()));
    let mut properties = WriterProperties::builder()
        .set_created_by(format!("wireloupe {}", env!("CARGO_PKG_VERSION")))
        .set_key_value_metadata(Some(pairs.collect()))
        .set_compression(Compression::SNAPPY)
        .set_dictionary_enabled(false)
        .set_data_page_size_limit(PAGE)
        .set_dictionary_page_size_limit(PAGE)
        .set_statistics_truncate_length(Some(STATISTICS))
        .set_column_index_truncate_length(Some(STATISTICS))
        .set_statistics_enabled(EnabledStatistics::Chunk);
    for column in columns {
        let path = ColumnPath::from(column.name.as_str());
        properties = match column.kind {
            // Numbers and times mostly grow, or are near each other.
            Kind::Long | Kind::Int | Kind::Time => {
                properties.set_column_encoding(path, Encoding::DELTA_BINARY_PACKED)
            }
            Kind::Word => properties.set_column_dictionary_enabled(path, true),
            Kind::Text | Kind::Bytes | Kind::Digest => {
                properties.set_column_statistics_enabled(path, EnabledStatistics::None)
            }
            Kind::Bool | Kind::Double => properties,
        };
    }
    properties.build()
}

fn write(
    writer: &mut SerializedColumnWriter<'_>,
    column: &Column,
    kind: Kind,
) -> Result<(), ParquetError> {
    let valid = &column.is_valid;
    let levels: Vec<i16> = valid.iter().map(|is_valid| i16::from(*is_valid)).collect();
    let levels = Some(&levels[..]);
    match &column.values {
        Values::Connection(_) => debug_assert!(false, "they have their numbers"),
        Values::Long(values) => {
            let values = present(values, valid);
            writer
                .typed::<Int64Type>()
                .write_batch(&values, levels, None)?;
        }
        Values::Int(values) => {
            let values = present(values, valid);
            writer
                .typed::<Int32Type>()
                .write_batch(&values, levels, None)?;
        }
        Values::Bool(values) => {
            let values = present(values, valid);
            writer
                .typed::<BoolType>()
                .write_batch(&values, levels, None)?;
        }
        Values::Double(values) => {
            let values = present(values, valid);
            writer
                .typed::<DoubleType>()
                .write_batch(&values, levels, None)?;
        }
        Values::Bytes(bytes, ends) => {
            let all = Bytes::copy_from_slice(bytes);
            let starts = std::iter::once(0).chain(ends.iter().copied());
            let spans = starts.zip(ends).zip(valid);
            let values = spans.filter(|(_, is_valid)| **is_valid);
            let values = values.map(|((start, end), _)| all.slice(start as usize..*end as usize));
            if kind == Kind::Digest {
                let values: Vec<_> = values
                    .map(|value| FixedLenByteArray::from(ByteArray::from(value)))
                    .collect();
                let typed = writer.typed::<FixedLenByteArrayType>();
                typed.write_batch(&values, levels, None)?;
            } else {
                let values: Vec<_> = values.map(ByteArray::from).collect();
                let typed = writer.typed::<ByteArrayType>();
                typed.write_batch(&values, levels, None)?;
            }
        }
    }
    Ok(())
}

/// The values that are there.
fn present<'a, T: Copy>(values: &'a [T], is_valid: &[bool]) -> Cow<'a, [T]> {
    if is_valid.iter().all(|is_valid| *is_valid) {
        return values.into();
    }
    let pairs = values.iter().zip(is_valid);
    let present = pairs.filter(|(_, is_valid)| **is_valid);
    present.map(|(value, _)| *value).collect()
}
