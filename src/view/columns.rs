//! Columns that someone chose from the table of fields, and what a row has in them.

use crate::base::escape;
use crate::filter::{Column, Filter, FilterError, Value, Values as _};
use crate::store::{Row, Store};

use super::rows::RowId;

/// Bytes of a value that are shown.
const SHOWN: usize = 200;
/// Values of one field that are joined.
const JOINED: usize = 8;

/// What a column shows.
#[derive(Clone, Debug)]
pub enum Shows {
    /// A field, or a path into JSON.
    Value(Column),
    /// The time since another row.
    Since(Since),
}

/// Which row time is counted from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Since {
    /// The row that is listed before it.
    Row,
    /// The row that someone chose as the time reference; without one the first packet of the capture.
    Reference,
}

impl Since {
    /// Their names, and what they mean.
    pub const NAMES: [(&'static str, &'static str, Since); 2] = [
        (
            "delta",
            "Seconds since the row that is listed before",
            Since::Row,
        ),
        (
            "reference",
            "Seconds since the time reference (Ctrl-T)",
            Since::Reference,
        ),
    ];
}

/// A column.
#[derive(Clone, Debug)]
pub struct ChosenColumn {
    /// The field's name, as it was typed.
    pub name: String,
    /// What it shows.
    pub shows: Shows,
    /// Columns of the screen.
    pub width: usize,
}

impl ChosenColumn {
    /// The columns of names with blanks or commas between them.
    ///
    /// # Errors
    /// When no field has a name; the error has the nearest one.
    pub fn parse(names: &str) -> Result<Vec<Self>, FilterError> {
        let names = names.split([' ', ',']).filter(|name| !name.is_empty());
        names
            .map(|name| {
                let since = Since::NAMES.iter().find(|(known, ..)| *known == name);
                let shows = match since {
                    Some((.., since)) => Shows::Since(*since),
                    None => Shows::Value(Column::parse(name)?),
                };
                let least = if since.is_some() { 12 } else { 6 };
                Ok(Self {
                    name: name.to_owned(),
                    shows,
                    width: name.len().clamp(least, 20),
                })
            })
            .collect()
    }
}

/// Calls with the row of an id, with what `column` needs.
fn with_row<R>(
    store: &Store,
    row: RowId,
    column: &Column,
    each: impl FnOnce(Row<'_>) -> R,
) -> Option<R> {
    match row {
        RowId::Frame(index) => store.with_frame(index, column.needs(), each),
        RowId::Message(index) => store.with_message(index, column.needs(), each),
        RowId::Packet(..) => None,
    }
}

fn visit(row: Row<'_>, store: &Store, column: &Column, each: &mut dyn FnMut(Value<'_>) -> bool) {
    let mut values = row.in_capture(store.start());
    values.connection_number = row.connection().map(|connection| connection.id.0 + 1);
    match column {
        Column::Field(field) => values.visit(*field, each),
        Column::Json(path) => {
            values.json(path, each);
        }
    }
}

/// What a row has in a column: its values in words, escaped.
#[must_use]
pub fn cell(store: &Store, row: RowId, column: &Column) -> String {
    let cell = with_row(store, row, column, |row| {
        let mut words: Vec<String> = Vec::new();
        visit(row, store, column, &mut |value| {
            words.push(word(value));
            words.len() >= JOINED
        });
        words.join(",")
    });
    cell.unwrap_or_default()
}

/// What a row is sorted by in a column: numbers before texts, nothing before both.
#[must_use]
pub fn key(store: &Store, row: RowId, column: &Column) -> u128 {
    let key = with_row(store, row, column, |row| {
        let mut key = 0;
        visit(row, store, column, &mut |value| {
            key = value_key(value);
            true
        });
        key
    });
    key.unwrap_or(0)
}

fn word(value: Value<'_>) -> String {
    match value {
        Value::Present => "yes".to_owned(),
        Value::Null => "null".to_owned(),
        Value::Bool(yes) => yes.to_string(),
        Value::Unsigned(number) => number.to_string(),
        Value::Signed(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Text(text) => escape::preview(text.as_bytes(), SHOWN),
        Value::Bytes(bytes) => escape::preview(bytes, SHOWN),
        Value::Ip(address) => address.to_string(),
        Value::Time(time) => time.to_string(),
        Value::Duration(nanoseconds) => format!("{:.6}", nanoseconds as f64 / 1e9),
    }
}

fn value_key(value: Value<'_>) -> u128 {
    /// Order of signed numbers.
    const ZERO: u128 = 1 << 64;
    let signed = |number: i64| ZERO.wrapping_add_signed(i128::from(number));
    match value {
        Value::Present | Value::Null => 1,
        Value::Bool(yes) => 2 + u128::from(yes),
        Value::Unsigned(number) => ZERO + u128::from(number),
        Value::Signed(number) | Value::Duration(number) => signed(number),
        Value::Float(number) => signed(number as i64),
        Value::Time(time) => signed(time.0),
        Value::Text(text) => text_key(text.as_bytes()),
        Value::Bytes(bytes) => text_key(bytes),
        Value::Ip(address) => text_key(address.to_string().as_bytes()),
    }
}

/// The order of texts by their first 15 bytes, whatever their letters' case.
#[must_use]
pub fn text_key(text: &[u8]) -> u128 {
    let mut key = [0; 16];
    key[0] = 0xff;
    for (place, byte) in key[1..].iter_mut().zip(text) {
        *place = byte.to_ascii_lowercase();
    }
    u128::from_be_bytes(key)
}

/// The filter that passes rows that have this value in this field; `None` where that cannot be filtered.
#[must_use]
pub fn same_value(name: &str, value: Value<'_>) -> Option<String> {
    let field = crate::filter::field(name)?;
    let text = crate::filter::equals(field, value);
    Filter::parse(&text).is_ok().then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_become_columns_or_say_what_is_near() {
        let columns = ChosenColumn::parse("websocket.opcode, json.user.id").unwrap();
        let names: Vec<_> = columns.iter().map(|column| &*column.name).collect();
        assert_eq!(names, ["websocket.opcode", "json.user.id"]);
        let error = ChosenColumn::parse("websocket.opcod").unwrap_err();
        assert!(error.to_string().contains("websocket.opcode"), "{error}");
    }

    #[test]
    fn values_have_an_order() {
        let keys = [
            value_key(Value::Null),
            value_key(Value::Signed(-5)),
            value_key(Value::Unsigned(3)),
            value_key(Value::Unsigned(u64::MAX)),
            value_key(Value::Text("Abc")),
            value_key(Value::Text("abd")),
        ];
        assert!(keys.is_sorted(), "{keys:?}");
        assert_eq!(text_key(b"ABC"), text_key(b"abc"));
    }
}
