//! The encoder's instructions (RFC 9204 section 4.3).

use crate::base::Cursor;

use super::primitive::{Fault, integer, string};
use super::table::{Table, fixed};

/// Carries out the instruction that the cursor stands at. [`Fault::Truncated`] where it is not whole: nothing happened then.
pub(super) fn carry_out(
    cursor: &mut Cursor<'_>,
    table: &mut Table,
    allowed: Option<u64>,
) -> Result<(), Fault> {
    let first = cursor.rest().first().copied().ok_or(Fault::Truncated)?;
    match first {
        0x80.. => named(cursor, first & 0x40 != 0, table),
        0x40..=0x7f => literal(cursor, table),
        0x20..=0x3f => capacity(cursor, table, allowed),
        _ => duplicate(cursor, table),
    }
}

/// Insert with name reference.
fn named(cursor: &mut Cursor<'_>, is_fixed: bool, table: &mut Table) -> Result<(), Fault> {
    let index = integer(cursor, 6)?;
    let mut value = Vec::new();
    let read = string(cursor, 7, &mut value);
    if matches!(read, Err(Fault::Truncated | Fault::IntegerTooLong)) {
        return read;
    }
    let entry = match is_fixed {
        true => fixed(index),
        false => table.newest(index),
    };
    let name = entry.map(|entry| entry.name.to_vec());
    match &name {
        Some(name) => table.insert(name, &value),
        None => table.insert(format!("unknown index {index}").as_bytes(), &value),
    }
    match (name, table.is_whole()) {
        (None, true) => Err(Fault::NoEntry(index)),
        _ => read,
    }
}

/// Insert with literal name.
fn literal(cursor: &mut Cursor<'_>, table: &mut Table) -> Result<(), Fault> {
    let (mut name, mut value) = (Vec::new(), Vec::new());
    let first = string(cursor, 5, &mut name);
    if matches!(first, Err(Fault::Truncated | Fault::IntegerTooLong)) {
        return first;
    }
    let second = string(cursor, 7, &mut value);
    if matches!(second, Err(Fault::Truncated | Fault::IntegerTooLong)) {
        return second;
    }
    table.insert(&name, &value);
    first.and(second)
}

/// Set Dynamic Table Capacity.
fn capacity(cursor: &mut Cursor<'_>, table: &mut Table, allowed: Option<u64>) -> Result<(), Fault> {
    let size = integer(cursor, 5)?;
    table.resize(usize::try_from(size).unwrap_or(usize::MAX));
    match allowed {
        Some(allowed) if size > allowed => Err(Fault::CapacityBeyondSetting(size)),
        _ => Ok(()),
    }
}

fn duplicate(cursor: &mut Cursor<'_>, table: &mut Table) -> Result<(), Fault> {
    let index = integer(cursor, 5)?;
    let entry = table.newest(index);
    match entry.map(|entry| (entry.name.to_vec(), entry.value.to_vec())) {
        Some((name, value)) => {
            table.insert(&name, &value);
            Ok(())
        }
        None => {
            table.insert(format!("unknown index {index}").as_bytes(), &[]);
            match table.is_whole() {
                true => Err(Fault::NoEntry(index)),
                false => Ok(()),
            }
        }
    }
}
