//! Where a protocol header or a frame ends, and its parts (AMQP 1.0, part 2, 2.2 and 2.3).

use super::table;
use super::types::Typed;
use crate::base::Cursor;

/// What bytes begin with.
#[derive(Clone, Copy, Debug)]
pub(super) enum Start<'a> {
    /// The eight bytes of a protocol header.
    Header(&'a [u8]),
    Frame(Frame<'a>),
    /// The header of either does not end here.
    Cut,
    Broken,
}

/// A frame's header, and what there is of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Frame<'a> {
    /// Bytes of the whole frame.
    pub(super) len: usize,
    /// Where the body begins.
    pub(super) offset: usize,
    pub(super) kind: u8,
    pub(super) channel: u16,
    /// Of a frame that is not whole, its beginning.
    pub(super) body: &'a [u8],
    /// Whether it is a frame of AMQP 0-9-1.
    pub(super) is_old: bool,
}

/// Reads a protocol header, or a frame's.
pub(super) fn start(bytes: &[u8], is_old: bool) -> Start<'_> {
    if b"AMQP".starts_with(bytes.get(..4).unwrap_or(bytes)) {
        return bytes.get(..8).map_or(Start::Cut, Start::Header);
    }
    match is_old {
        true => old(bytes),
        false => new(bytes),
    }
}

fn new(bytes: &[u8]) -> Start<'_> {
    let mut cursor = Cursor::new(bytes);
    let parts = (cursor.u32(), cursor.u8(), cursor.u8(), cursor.u16());
    let (Some(len), Some(doff), Some(kind), Some(channel)) = parts else {
        return Start::Cut;
    };
    let (Ok(len), offset) = (usize::try_from(len), usize::from(doff) * 4) else {
        return Start::Broken;
    };
    if offset < 8 || len < offset {
        return Start::Broken;
    }
    Start::Frame(Frame {
        len,
        offset,
        kind,
        channel,
        body: bytes.get(offset..len.min(bytes.len())).unwrap_or_default(),
        is_old: false,
    })
}

/// Type, channel and size, the payload, and 0xce.
fn old(bytes: &[u8]) -> Start<'_> {
    let mut cursor = Cursor::new(bytes);
    let parts = (cursor.u8(), cursor.u16(), cursor.u32());
    let (Some(kind), Some(channel), Some(size)) = parts else {
        return Start::Cut;
    };
    let Some(len) = usize::try_from(size)
        .ok()
        .and_then(|size| size.checked_add(8))
    else {
        return Start::Broken;
    };
    if matches!(bytes.get(len - 1), Some(end) if *end != 0xce) || !matches!(kind, 1..=4 | 8) {
        return Start::Broken;
    }
    Start::Frame(Frame {
        len,
        offset: 7,
        kind,
        channel,
        body: bytes.get(7..(len - 1).min(bytes.len())).unwrap_or_default(),
        is_old: true,
    })
}

impl<'a> Frame<'a> {
    /// Whether it is as frames are: empty, or with a performative of its type.
    pub(super) fn is_sound(&self) -> bool {
        if self.is_old {
            return true;
        }
        let code = match self.body {
            [] if self.len == self.offset => return self.kind == 0,
            [0, 0x53, code, ..] => u64::from(*code),
            [0, 0x80, 0, 0, 0, 0, 0, 0, 0, code, ..] => u64::from(*code),
            _ => return false,
        };
        let is_sasl = (0x40..=0x44).contains(&code);
        table::performative(code).is_some() && is_sasl == (self.kind == 1) && self.kind <= 1
    }

    /// The performative and its arguments, and what follows them.
    pub(super) fn performative(
        &self,
    ) -> Option<(&'static table::Performative, Typed<'a>, &'a [u8])> {
        let typed = Typed::read(self.body)?;
        let performative = table::performative(typed.code()?)?;
        Some((performative, typed, self.body.get(typed.raw.len()..)?))
    }
}
