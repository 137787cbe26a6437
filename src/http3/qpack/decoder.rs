//! The header decoder of one direction of a connection.

use crate::base::{Cursor, Limits};
use crate::http2::{HeaderField, Outcome};

use super::instruction::carry_out;
use super::primitive::{Fault, integer, string};
use super::table::{EntryRef, Table, fixed};

/// The header decoder of one direction.
#[derive(Clone, Debug)]
pub struct Decoder {
    table: Table,
    /// The capacity that the receiver allows (SETTINGS_QPACK_MAX_TABLE_CAPACITY), once it said so.
    allowed: Option<u64>,
    /// An instruction that is not whole.
    partial: Vec<u8>,
    /// Bytes an instruction may have.
    longest: usize,
    /// Name, value and 32 of every field of one block together; beyond it fields are counted only.
    list_limit: usize,
    name: Vec<u8>,
    value: Vec<u8>,
}

/// What reading a block came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// It was read; the fault is the first thing wrong with it.
    Done(Outcome, Option<Fault>),
    /// It refers to entries that are not there yet.
    Blocked,
}

/// A block that is being read.
struct Block<'a> {
    cursor: Cursor<'a>,
    base: u64,
    outcome: Outcome,
}

impl Decoder {
    /// The decoder of a direction seen from its start.
    #[must_use]
    pub fn new(limits: &Limits) -> Self {
        Self {
            table: Table::new(limits.hpack_table),
            allowed: None,
            partial: Vec::new(),
            longest: limits.http_head,
            list_limit: limits.http_head,
            name: Vec::new(),
            value: Vec::new(),
        }
    }

    /// The receiver allows a table of this capacity.
    pub fn allow(&mut self, capacity: u64) {
        self.allowed = Some(capacity);
    }

    /// Goes on without instructions that are missing: what they inserted is unknown, and so are all numbers from here on.
    pub fn lose(&mut self) {
        self.table.lose();
        self.partial = Vec::new();
    }

    /// Bytes held.
    #[must_use]
    pub fn held(&self) -> usize {
        self.table.size() + self.partial.capacity() + self.name.capacity() + self.value.capacity()
    }

    /// Takes the next bytes of the encoder stream; the first thing wrong with them.
    pub fn instructions(&mut self, bytes: &[u8]) -> Option<Fault> {
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(bytes);
        let (mut fault, mut at) = (None, 0);
        loop {
            let rest = all.get(at..).unwrap_or_default();
            let mut cursor = Cursor::new(rest);
            match carry_out(&mut cursor, &mut self.table, self.allowed) {
                Err(Fault::Truncated) => break,
                Err(wrong @ Fault::IntegerTooLong) => {
                    self.lose();
                    return fault.or(Some(wrong));
                }
                Err(wrong) => fault = fault.or(Some(wrong)),
                Ok(()) => {}
            }
            at += cursor.at();
        }
        all.drain(..at);
        if all.len() > self.longest {
            self.lose();
            return fault;
        }
        if !all.is_empty() {
            self.partial = all;
        }
        fault
    }

    /// Reads a whole block and gives out its fields in order, or says that it has to wait.
    pub fn decode(&mut self, block: &[u8], mut emit: impl FnMut(HeaderField<'_>)) -> Read {
        let mut cursor = Cursor::new(block);
        let (required, base) = match self.prefix(&mut cursor) {
            Ok(prefix) => prefix,
            Err(fault) => return Read::Done(Outcome::default(), Some(fault)),
        };
        if required > self.table.inserted() && self.table.is_whole() {
            return Read::Blocked;
        }
        let mut block = Block {
            cursor,
            base,
            outcome: Outcome::default(),
        };
        let mut fault = None;
        while !block.cursor.is_empty() {
            if let Err(wrong) = self.line(&mut block, &mut emit) {
                fault = fault.or(Some(wrong));
                if matches!(wrong, Fault::Truncated | Fault::IntegerTooLong) {
                    break;
                }
            }
        }
        Read::Done(block.outcome, fault)
    }

    /// Required Insert Count and Base (RFC 9204 section 4.5.1).
    fn prefix(&self, cursor: &mut Cursor<'_>) -> Result<(u64, u64), Fault> {
        let encoded = integer(cursor, 8)?;
        let required = self.required(encoded)?;
        let is_negative = cursor.rest().first().is_some_and(|byte| byte & 0x80 != 0);
        let delta = integer(cursor, 7)?;
        if !self.table.is_whole() {
            return Ok((0, 0));
        }
        let base = match is_negative {
            false => required.checked_add(delta),
            true => required
                .checked_sub(delta)
                .and_then(|base| base.checked_sub(1)),
        };
        Ok((required, base.ok_or(Fault::InsertCountInvalid)?))
    }

    /// RFC 9204 section 4.5.1.1.
    fn required(&self, encoded: u64) -> Result<u64, Fault> {
        if encoded == 0 || !self.table.is_whole() {
            return Ok(0);
        }
        let capacity = self.allowed.unwrap_or(self.table.capacity() as u64);
        let most = capacity / 32;
        let full = 2 * most;
        if encoded > full {
            return Err(Fault::InsertCountInvalid);
        }
        let highest = self.table.inserted() + most;
        let mut required = highest / full * full + encoded - 1;
        if required > highest {
            required = required
                .checked_sub(full)
                .ok_or(Fault::InsertCountInvalid)?;
        }
        match required {
            0 => Err(Fault::InsertCountInvalid),
            _ => Ok(required),
        }
    }

    /// One field line (RFC 9204 sections 4.5.2 to 4.5.6).
    fn line(
        &mut self,
        block: &mut Block<'_>,
        emit: &mut impl FnMut(HeaderField<'_>),
    ) -> Result<(), Fault> {
        let first = block.cursor.rest().first().copied().unwrap_or_default();
        match first {
            0x80.. => {
                let index = integer(&mut block.cursor, 6)?;
                let place = match first & 0x40 != 0 {
                    true => Place::Fixed(index),
                    false => Place::before(block.base, index),
                };
                self.indexed(place, block, emit)
            }
            0x40..=0x7f => {
                let index = integer(&mut block.cursor, 4)?;
                let place = match first & 0x10 != 0 {
                    true => Place::Fixed(index),
                    false => Place::before(block.base, index),
                };
                self.named(place, first & 0x20 != 0, block, emit)
            }
            0x20..=0x3f => self.literal(first & 0x10 != 0, block, emit),
            0x10..=0x1f => {
                let index = integer(&mut block.cursor, 4)?;
                self.indexed(Place::Dynamic(block.base.checked_add(index)), block, emit)
            }
            _ => {
                let index = integer(&mut block.cursor, 3)?;
                let place = Place::Dynamic(block.base.checked_add(index));
                self.named(place, first & 0x08 != 0, block, emit)
            }
        }
    }

    fn entry(&self, place: Place) -> Option<EntryRef<'_>> {
        match place {
            Place::Fixed(index) => fixed(index),
            Place::Dynamic(number) => self.table.get(number?),
        }
    }

    /// What is wrong with a reference that leads nowhere, if the whole table is known.
    fn missing(&self, place: Place) -> Result<(), Fault> {
        match place {
            Place::Fixed(index) => Err(Fault::NoEntry(index)),
            Place::Dynamic(number) if self.table.is_whole() => {
                Err(Fault::NoEntry(number.unwrap_or(u64::MAX)))
            }
            Place::Dynamic(_) => Ok(()),
        }
    }

    fn indexed(
        &mut self,
        place: Place,
        block: &mut Block<'_>,
        emit: &mut impl FnMut(HeaderField<'_>),
    ) -> Result<(), Fault> {
        if let Some(entry) = self.entry(place) {
            block.give(entry, true, false, self.list_limit, emit);
            return Ok(());
        }
        let name = place.unknown();
        let entry = EntryRef {
            name: name.as_bytes(),
            value: &[],
        };
        block.give(entry, false, false, self.list_limit, emit);
        self.missing(place)
    }

    fn named(
        &mut self,
        place: Place,
        never_indexed: bool,
        block: &mut Block<'_>,
        emit: &mut impl FnMut(HeaderField<'_>),
    ) -> Result<(), Fault> {
        let mut value = std::mem::take(&mut self.value);
        let read = string(&mut block.cursor, 7, &mut value);
        let is_cut = matches!(read, Err(Fault::Truncated | Fault::IntegerTooLong));
        let mut found = Ok(());
        if !is_cut {
            let entry = self.entry(place);
            let unknown = place.unknown();
            let name = entry.map_or(unknown.as_bytes(), |entry| entry.name);
            let known = entry.is_some() && read.is_ok();
            let field = EntryRef {
                name,
                value: &value,
            };
            block.give(field, known, never_indexed, self.list_limit, emit);
            if entry.is_none() {
                found = self.missing(place);
            }
        }
        self.value = value;
        found.and(read)
    }

    fn literal(
        &mut self,
        never_indexed: bool,
        block: &mut Block<'_>,
        emit: &mut impl FnMut(HeaderField<'_>),
    ) -> Result<(), Fault> {
        let name = string(&mut block.cursor, 3, &mut self.name);
        if let Err(fault @ (Fault::Truncated | Fault::IntegerTooLong)) = name {
            return Err(fault);
        }
        let value = string(&mut block.cursor, 7, &mut self.value);
        if let Err(fault @ (Fault::Truncated | Fault::IntegerTooLong)) = value {
            return Err(fault);
        }
        let field = EntryRef {
            name: &self.name,
            value: &self.value,
        };
        let known = name.is_ok() && value.is_ok();
        block.give(field, known, never_indexed, self.list_limit, emit);
        name.and(value)
    }
}

/// Where a reference leads.
#[derive(Clone, Copy)]
enum Place {
    Fixed(u64),
    /// The number of an entry; `None` where it is before the first.
    Dynamic(Option<u64>),
}

impl Place {
    /// The entry so many before the base, counted from 0.
    fn before(base: u64, index: u64) -> Self {
        Place::Dynamic(base.checked_sub(index).and_then(|at| at.checked_sub(1)))
    }

    fn unknown(self) -> String {
        match self {
            Place::Fixed(index) => format!("unknown index {index}"),
            Place::Dynamic(Some(number)) => format!("unknown index {number} of the dynamic table"),
            Place::Dynamic(None) => "unknown index of the dynamic table".to_owned(),
        }
    }
}

impl Block<'_> {
    fn give(
        &mut self,
        entry: EntryRef<'_>,
        known: bool,
        never_indexed: bool,
        limit: usize,
        emit: &mut impl FnMut(HeaderField<'_>),
    ) {
        let outcome = &mut self.outcome;
        outcome.unknown += usize::from(!known);
        let size = entry.name.len() + entry.value.len() + 32;
        outcome.size = outcome.size.saturating_add(size);
        if outcome.size > limit {
            outcome.omitted += 1;
            return;
        }
        outcome.fields += 1;
        emit(HeaderField {
            name: entry.name,
            value: entry.value,
            known,
            never_indexed,
        });
    }
}

#[cfg(test)]
mod tests;
