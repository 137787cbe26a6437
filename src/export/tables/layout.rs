//! Which tables are written, and which of their columns.

use crate::base::Needs;
use crate::export::columns::NamedColumn;
use crate::filter::{Column, FieldRef, FilterError, Type};

use super::schema::{ColumnInfo, Kind, Table};

/// The tables to be written.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    pub(super) tables: Vec<TableLayout>,
}

/// One of them.
#[derive(Clone, Debug)]
pub(super) struct TableLayout {
    pub(super) table: Table,
    /// The columns in the order in which they are written.
    pub(super) columns: Vec<ColumnInfo>,
    /// Where each of the table's own columns is among them, and then each of `fields`.
    pub(super) places: Vec<Option<usize>>,
    /// Columns that show fields of the filter language.
    pub(super) fields: Vec<Column>,
}

impl Layout {
    /// These tables with all their columns.
    #[must_use]
    pub fn of(tables: &[Table]) -> Self {
        let whole = |table: &Table| {
            let columns = table.columns();
            TableLayout {
                table: *table,
                places: (0..columns.len()).map(Some).collect(),
                columns,
                fields: Vec::new(),
            }
        };
        Self {
            tables: tables.iter().map(whole).collect(),
        }
    }

    /// One table with these columns: its own, or fields of the filter language by their names.
    ///
    /// # Errors
    /// When neither has a name; the error has the nearest field.
    pub fn chosen(table: Table, names: &[String]) -> Result<Self, FilterError> {
        let own = table.columns();
        let mut layout = TableLayout {
            table,
            columns: Vec::with_capacity(names.len()),
            places: vec![None; own.len()],
            fields: Vec::new(),
        };
        for name in names {
            let place = layout.columns.len();
            if let Some(at) = own.iter().position(|column| column.name == *name) {
                if layout.places[at].replace(place).is_none() {
                    layout.columns.push(own[at].clone());
                }
                continue;
            }
            let column = NamedColumn::parse(name)?.column;
            layout.columns.push(ColumnInfo {
                name: name.clone(),
                kind: kind(&column),
            });
            layout.places.push(Some(place));
            layout.fields.push(column);
        }
        Ok(Self {
            tables: vec![layout],
        })
    }

    /// What it shows beyond rows' own columns.
    pub(super) fn needs(&self) -> Needs {
        let fields = self.tables.iter().flat_map(|table| &table.fields);
        let needs = fields.fold(Needs::HEADERS, |needs, field| needs | field.needs());
        match self.has(Table::Exchanges) {
            true => needs | Needs::EXCHANGES,
            false => needs,
        }
    }

    pub(super) fn has(&self, table: Table) -> bool {
        self.tables.iter().any(|known| known.table == table)
    }

    /// Whether a table has one of these columns.
    pub(super) fn shows(&self, table: Table, names: &[&str]) -> bool {
        let table = self.tables.iter().find(|known| known.table == table);
        table.is_some_and(|table| {
            let mut columns = table.columns.iter();
            columns.any(|column| names.contains(&column.name.as_str()))
        })
    }

    pub(super) fn shows_field(&self, field: FieldRef) -> bool {
        let mut fields = self.tables.iter().flat_map(|table| &table.fields);
        fields.any(|column| *column == Column::Field(field))
    }
}

fn kind(column: &Column) -> Kind {
    let Column::Field(field) = column else {
        return Kind::Text;
    };
    match field.info().kind {
        Type::Layer | Type::Bool | Type::Flag => Kind::Bool,
        Type::Unsigned | Type::Signed | Type::Duration => Kind::Long,
        Type::Float => Kind::Double,
        Type::Time => Kind::Time,
        Type::Bytes => Kind::Bytes,
        Type::Text | Type::Json | Type::Ipv4 | Type::Ipv6 | Type::Ip => Kind::Text,
    }
}
