//! A cursor that makes a field of each thing it reads.

use crate::base::{Cursor, Field, Layer, Span, Value};

/// Makes a field of each thing it reads, with its place.
pub(super) struct FieldReader<'a> {
    pub(super) cursor: Cursor<'a>,
    pub(super) all: &'a [u8],
    pub(super) layer: Layer,
    pub(super) at: u64,
}

impl<'a> FieldReader<'a> {
    pub(super) fn new(bytes: &'a [u8], layer: Layer, at: u64) -> Self {
        Self {
            cursor: Cursor::new(bytes),
            all: bytes,
            layer,
            at,
        }
    }

    pub(super) fn position(&self) -> u64 {
        self.at + self.cursor.at() as u64
    }

    /// A field over all of this reader's bytes.
    pub(super) fn parent(
        &self,
        name: &'static str,
        label: &str,
        value: impl Into<String>,
    ) -> Field {
        let span = Span::at(self.at, self.all.len() as u64);
        Field::new(label, value).named(name).at(self.layer, span)
    }

    pub(super) fn bytes(
        &mut self,
        name: &'static str,
        label: &str,
        len: usize,
        text: impl FnOnce(&'a [u8]) -> String,
    ) -> Option<Field> {
        let start = self.position();
        let bytes = self.cursor.take(len)?;
        let field = Field::new(label, text(bytes)).named(name);
        Some(field.at(self.layer, Span::at(start, len as u64)))
    }

    pub(super) fn rest(
        &mut self,
        name: &'static str,
        label: &str,
        text: impl FnOnce(&'a [u8]) -> String,
    ) -> Field {
        let start = self.position();
        let rest = self.cursor.rest();
        let _ = self.cursor.skip(rest.len());
        let field = Field::new(label, text(rest)).named(name);
        field.at(self.layer, Span::at(start, rest.len() as u64))
    }

    pub(super) fn u8(
        &mut self,
        name: &'static str,
        label: &str,
        text: impl FnOnce(u8) -> String,
    ) -> Option<Field> {
        let field = self.bytes(name, label, 1, |bytes| {
            text(bytes.first().copied().unwrap_or_default())
        })?;
        Some(field.typed(Value::Unsigned(self.last_u8().into())))
    }

    pub(super) fn u16(
        &mut self,
        name: &'static str,
        label: &str,
        text: impl FnOnce(u16) -> String,
    ) -> Option<Field> {
        let field = self.bytes(name, label, 2, |bytes| {
            text(Cursor::new(bytes).u16().unwrap_or_default())
        })?;
        Some(field.typed(Value::Unsigned(self.last_u16() as u64)))
    }

    /// The number just read, for a length that what follows needs; zero where nothing was.
    pub(super) fn last_u8(&self) -> u8 {
        self.last::<1>().map_or(0, |[byte]| byte)
    }

    pub(super) fn last_u16(&self) -> usize {
        self.last().map_or(0, u16::from_be_bytes).into()
    }

    pub(super) fn last_u24(&self) -> usize {
        self.last()
            .map_or(0, |[a, b, c]| u32::from_be_bytes([0, a, b, c])) as usize
    }

    pub(super) fn last<const N: usize>(&self) -> Option<[u8; N]> {
        self.all.get(..self.cursor.at())?.last_chunk().copied()
    }

    /// A reader of the next `len` bytes, which are passed.
    pub(super) fn inner(&mut self, len: usize) -> Option<FieldReader<'a>> {
        let at = self.position();
        let bytes = self.cursor.take(len)?;
        Some(FieldReader::new(bytes, self.layer, at))
    }
}
