//! Rows as columns: what engines write, what is gathered to row groups, what writers take.

use crate::base::ConnectionId;
use crate::run::EngineNumbers;

use super::schema::{ColumnInfo, Kind};

/// Bytes of one column of one batch.
const MOST: usize = 1 << 30;

/// The values of one column. Where there is none, `is_valid` is false and the value is zero or empty.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) values: Values,
    pub(super) is_valid: Vec<bool>,
}

/// By kind.
#[derive(Clone, Debug)]
pub(super) enum Values {
    Long(Vec<i64>),
    Int(Vec<i32>),
    Bool(Vec<bool>),
    Double(Vec<f64>),
    /// All bytes, and where each value ends.
    Bytes(Vec<u8>, Vec<u32>),
    /// Numbers of connections that are not known yet.
    Connection(Vec<ConnectionId>),
}

impl Column {
    fn new(kind: Kind, is_connection: bool) -> Self {
        let values = match kind {
            _ if is_connection => Values::Connection(Vec::new()),
            Kind::Long | Kind::Time => Values::Long(Vec::new()),
            Kind::Int => Values::Int(Vec::new()),
            Kind::Bool => Values::Bool(Vec::new()),
            Kind::Double => Values::Double(Vec::new()),
            Kind::Word | Kind::Text | Kind::Bytes | Kind::Digest => {
                Values::Bytes(Vec::new(), Vec::new())
            }
        };
        Self {
            values,
            is_valid: Vec::new(),
        }
    }

    fn clear(&mut self) {
        self.is_valid.clear();
        match &mut self.values {
            Values::Long(values) => values.clear(),
            Values::Int(values) => values.clear(),
            Values::Bool(values) => values.clear(),
            Values::Double(values) => values.clear(),
            Values::Connection(values) => values.clear(),
            Values::Bytes(bytes, ends) => {
                bytes.clear();
                ends.clear();
            }
        }
    }

    /// Appends rows of another engine's column.
    fn append(&mut self, other: &Column, from: usize, to: usize, numbers: &EngineNumbers<'_>) {
        self.is_valid.extend_from_slice(&other.is_valid[from..to]);
        match (&mut self.values, &other.values) {
            (Values::Long(all), Values::Long(new)) => all.extend_from_slice(&new[from..to]),
            (Values::Int(all), Values::Int(new)) => all.extend_from_slice(&new[from..to]),
            (Values::Bool(all), Values::Bool(new)) => all.extend_from_slice(&new[from..to]),
            (Values::Double(all), Values::Double(new)) => all.extend_from_slice(&new[from..to]),
            (Values::Long(all), Values::Connection(new)) => {
                let number = |id: &ConnectionId| i64::from(numbers.get(*id).unwrap_or(0));
                all.extend(new[from..to].iter().map(number));
            }
            (Values::Bytes(all, ends), Values::Bytes(new, new_ends)) => {
                let start = from.checked_sub(1).map_or(0, |before| new_ends[before]);
                let shift = (all.len() as u32).wrapping_sub(start);
                let end = to.checked_sub(1).map_or(0, |last| new_ends[last]);
                all.extend_from_slice(&new[start as usize..end as usize]);
                let shifted = new_ends[from..to].iter();
                ends.extend(shifted.map(|end| end.wrapping_add(shift)));
            }
            _ => debug_assert!(false, "columns of one table have one kind"),
        }
    }
}

/// Rows of one table, or of the columns of it that were chosen.
#[derive(Clone, Debug, Default)]
pub(super) struct Batch {
    pub(super) columns: Vec<Column>,
    pub(super) rows: usize,
    /// Bytes of all values, roughly.
    pub(super) bytes: usize,
}

impl Batch {
    /// For rows of engines, where the numbers of connections are not known yet, or for what is gathered of them.
    pub(super) fn new(columns: &[ColumnInfo], of_engine: bool) -> Self {
        let column =
            |info: &ColumnInfo| Column::new(info.kind, of_engine && info.name == "connection");
        Self {
            columns: columns.iter().map(column).collect(),
            rows: 0,
            bytes: 0,
        }
    }

    pub(super) fn clear(&mut self) {
        self.columns.iter_mut().for_each(Column::clear);
        (self.rows, self.bytes) = (0, 0);
    }

    /// Appends rows of an engine.
    pub(super) fn append(
        &mut self,
        other: &Batch,
        (from, to): (usize, usize),
        numbers: &EngineNumbers<'_>,
    ) {
        let before = self.size();
        for (column, new) in self.columns.iter_mut().zip(&other.columns) {
            column.append(new, from, to, numbers);
        }
        self.rows += to - from;
        self.bytes += self.size() - before;
    }

    /// Bytes of the values, each number taken for eight.
    fn size(&self) -> usize {
        let of = |column: &Column| match &column.values {
            Values::Bytes(bytes, ends) => bytes.len() + ends.len() * 5,
            _ => column.is_valid.len() * 9,
        };
        self.columns.iter().map(of).sum()
    }
}

/// A row being written: values of all columns in their order, of which those go into the batch that were chosen.
pub(super) struct RowWriter<'a> {
    batch: &'a mut Batch,
    /// Where each column of the table is in the batch.
    places: &'a [Option<usize>],
    next: usize,
}

impl<'a> RowWriter<'a> {
    pub(super) fn new(batch: &'a mut Batch, places: &'a [Option<usize>]) -> Self {
        Self {
            batch,
            places,
            next: 0,
        }
    }

    /// Whether the next column is one of them, so that its value is worth working out.
    pub(super) fn wants(&self) -> bool {
        matches!(self.places.get(self.next), Some(Some(_)))
    }

    #[inline]
    fn column(&mut self) -> Option<&mut Column> {
        let place = self.places.get(self.next).copied().flatten();
        self.next += 1;
        self.batch.columns.get_mut(place?)
    }

    #[inline]
    pub(super) fn long(&mut self, value: impl Into<Option<i64>>) {
        let value = value.into();
        if let Some(column) = self.column() {
            column.is_valid.push(value.is_some());
            if let Values::Long(values) = &mut column.values {
                values.push(value.unwrap_or(0));
            }
            self.batch.bytes += 9;
        }
    }

    /// A count or a number; what is beyond 63 bits is cut there.
    #[inline]
    pub(super) fn count(&mut self, value: impl Into<Option<u64>>) {
        let value = value.into();
        self.long(value.map(|value| i64::try_from(value).unwrap_or(i64::MAX)));
    }

    #[inline]
    pub(super) fn int(&mut self, value: impl Into<Option<i32>>) {
        let value = value.into();
        if let Some(column) = self.column() {
            column.is_valid.push(value.is_some());
            if let Values::Int(values) = &mut column.values {
                values.push(value.unwrap_or(0));
            }
            self.batch.bytes += 5;
        }
    }

    #[inline]
    pub(super) fn boolean(&mut self, value: impl Into<Option<bool>>) {
        let value = value.into();
        if let Some(column) = self.column() {
            column.is_valid.push(value.is_some());
            if let Values::Bool(values) = &mut column.values {
                values.push(value.unwrap_or(false));
            }
            self.batch.bytes += 2;
        }
    }

    pub(super) fn double(&mut self, value: Option<f64>) {
        if let Some(column) = self.column() {
            column.is_valid.push(value.is_some());
            if let Values::Double(values) = &mut column.values {
                values.push(value.unwrap_or(0.0));
            }
            self.batch.bytes += 9;
        }
    }

    /// Bytes, or text that is known to be UTF-8.
    #[inline]
    pub(super) fn bytes(&mut self, value: Option<&[u8]>) {
        if let Some(column) = self.column() {
            let Values::Bytes(bytes, ends) = &mut column.values else {
                return;
            };
            // Offsets have 31 bits in Arrow. Only with a --max-payload of gigabytes is there more.
            let value = value.filter(|value| value.len() <= MOST - bytes.len().min(MOST));
            column.is_valid.push(value.is_some());
            let value = value.unwrap_or_default();
            bytes.extend_from_slice(value);
            ends.push(bytes.len() as u32);
            self.batch.bytes += value.len() + 5;
        }
    }

    #[inline]
    pub(super) fn text<'t>(&mut self, value: impl Into<Option<&'t str>>) {
        self.bytes(value.into().map(str::as_bytes));
    }

    /// Bytes of the wire as text: what is no UTF-8 is replaced.
    pub(super) fn lossy(&mut self, value: Option<&[u8]>) {
        let text = value.map(String::from_utf8_lossy);
        self.text(text.as_deref());
    }

    pub(super) fn connection(&mut self, id: Option<ConnectionId>) {
        if let Some(column) = self.column() {
            column.is_valid.push(id.is_some());
            if let Values::Connection(values) = &mut column.values {
                values.push(id.unwrap_or_default());
            }
            self.batch.bytes += 9;
        }
    }

    /// Microseconds in one column, nanoseconds in the next.
    #[inline]
    pub(super) fn time(&mut self, time: Option<crate::base::Timestamp>) {
        self.long(time.map(|time| time.0.div_euclid(1000)));
        self.long(time.map(|time| time.0));
    }

    /// The row is complete; of further columns nothing is known.
    pub(super) fn end(self) {
        debug_assert_eq!(self.next, self.places.len(), "each column has its value");
        self.batch.rows += 1;
    }
}
