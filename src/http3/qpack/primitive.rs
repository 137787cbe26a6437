//! Integers and strings of QPACK (RFC 9204 section 4.1).

use std::fmt;

use crate::base::Cursor;
use crate::http2::decode_huffman;

/// What is wrong with a block or an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It ends inside an integer or a string.
    Truncated,
    /// An integer over 62 bits.
    IntegerTooLong,
    /// A string whose Huffman code does not end rightly.
    HuffmanInvalid,
    /// An index that stands for no entry.
    NoEntry(u64),
    /// A Required Insert Count that cannot be.
    InsertCountInvalid,
    /// A capacity beyond what the receiver allows.
    CapacityBeyondSetting(u64),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::Truncated => f.write_str("it ends inside a field (RFC 9204 4.1)"),
            Fault::IntegerTooLong => f.write_str("an integer over 62 bits (RFC 9204 4.1.1)"),
            Fault::HuffmanInvalid => {
                f.write_str("a Huffman string does not end rightly (RFC 9204 4.1.2)")
            }
            Fault::NoEntry(index) => {
                write!(f, "index {index} stands for no entry (RFC 9204 2.2.3)")
            }
            Fault::InsertCountInvalid => {
                f.write_str("a Required Insert Count that cannot be (RFC 9204 4.5.1.1)")
            }
            Fault::CapacityBeyondSetting(size) => {
                write!(
                    f,
                    "capacity {size} is beyond the receiver's SETTINGS_QPACK_MAX_TABLE_CAPACITY (RFC 9204 4.3.1)"
                )
            }
        }
    }
}

/// An integer whose first bits are the low `prefix` bits of the next byte (RFC 7541 section 5.1).
pub(super) fn integer(cursor: &mut Cursor<'_>, prefix: u32) -> Result<u64, Fault> {
    let mask = ((1u16 << prefix) - 1) as u8;
    let first = cursor.u8().ok_or(Fault::Truncated)? & mask;
    let mut value = u64::from(first);
    if first < mask {
        return Ok(value);
    }
    for shift in (0..).step_by(7) {
        let byte = cursor.u8().ok_or(Fault::Truncated)?;
        if shift > 55 {
            return Err(Fault::IntegerTooLong);
        }
        value += u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            break;
        }
    }
    match value >> 62 {
        0 => Ok(value),
        _ => Err(Fault::IntegerTooLong),
    }
}

/// A string whose length has this prefix and whose Huffman bit stands in front of that, put into `out`.
pub(super) fn string(cursor: &mut Cursor<'_>, prefix: u32, out: &mut Vec<u8>) -> Result<(), Fault> {
    out.clear();
    let first = cursor.rest().first().copied().unwrap_or_default();
    let len = usize::try_from(integer(cursor, prefix)?).map_err(|_| Fault::Truncated)?;
    let bytes = cursor.take(len).ok_or(Fault::Truncated)?;
    if first & 1 << prefix == 0 {
        out.extend_from_slice(bytes);
        return Ok(());
    }
    match decode_huffman(bytes, out) {
        true => Ok(()),
        false => Err(Fault::HuffmanInvalid),
    }
}
