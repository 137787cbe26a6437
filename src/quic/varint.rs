//! Variable-length integers (RFC 9000 section 16).

use crate::base::Cursor;

/// The next integer: its length in the first two bits, its value in the rest.
#[inline]
pub fn varint(cursor: &mut Cursor<'_>) -> Option<u64> {
    let first = *cursor.rest().first()?;
    let len = 1usize << (first >> 6);
    let bytes = cursor.take(len)?;
    let rest = bytes.iter().skip(1);
    Some(rest.fold(u64::from(first & 0x3f), |value, byte| {
        value << 8 | u64::from(*byte)
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 9000 appendix A.1.
    #[test]
    fn the_examples_of_the_appendix() {
        for (bytes, expected) in [
            (
                &[0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c][..],
                151_288_809_941_952_652,
            ),
            (&[0x9d, 0x7f, 0x3e, 0x7d], 494_878_333),
            (&[0x7b, 0xbd], 15_293),
            (&[0x25], 37),
            (&[0x40, 0x25], 37),
        ] {
            let mut cursor = Cursor::new(bytes);
            assert_eq!(varint(&mut cursor), Some(expected));
            assert!(cursor.is_empty());
            assert_eq!(varint(&mut Cursor::new(&bytes[..bytes.len() - 1])), None);
        }
    }
}
