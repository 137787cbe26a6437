//! UTF-8 validation of text that comes in pieces (RFC 6455 section 8.1).

/// Whether `bytes` are UTF-8.
#[must_use]
#[inline]
pub fn is_valid(bytes: &[u8]) -> bool {
    simdutf8::basic::from_utf8(bytes).is_ok()
}

/// Validates a text piece by piece; a character may lie across pieces.
#[derive(Clone, Copy, Debug, Default)]
pub struct Validator {
    carry: [u8; 4],
    carry_len: u8,
    position: u64,
    invalid_at: Option<u64>,
}

impl Validator {
    /// The next bytes of the text.
    pub fn push(&mut self, mut bytes: &[u8]) {
        while self.carry_len > 0 && self.invalid_at.is_none() {
            let Some((&first, rest)) = bytes.split_first() else {
                return;
            };
            self.extend_carry(first);
            bytes = rest;
        }
        if self.invalid_at.is_some() {
            return;
        }
        let (whole, tail) = bytes.split_at(bytes.len() - incomplete_len(bytes));
        if let Err(error) = simdutf8::compat::from_utf8(whole) {
            self.invalid_at = Some(self.position + error.valid_up_to() as u64);
            return;
        }
        self.position += whole.len() as u64;
        self.carry[..tail.len()].copy_from_slice(tail);
        self.carry_len = tail.len() as u8;
        // What begins no character whatever follows is wrong already, so that the verdict does not depend on the cut.
        if std::str::from_utf8(tail).is_err_and(|error| error.error_len().is_some()) {
            self.invalid_at = Some(self.position);
        }
    }

    fn extend_carry(&mut self, byte: u8) {
        self.carry[usize::from(self.carry_len)] = byte;
        self.carry_len += 1;
        let carried = &self.carry[..usize::from(self.carry_len)];
        match std::str::from_utf8(carried) {
            Ok(_) => {
                self.position += u64::from(self.carry_len);
                self.carry_len = 0;
            }
            Err(error) if error.error_len().is_some() => self.invalid_at = Some(self.position),
            Err(_) => {}
        }
    }

    /// Where the first invalid character begins, if one was met so far; a character cut short counts only at the end.
    #[must_use]
    pub fn invalid_at(&self) -> Option<u64> {
        self.invalid_at
    }

    /// Where the first invalid character begins, now that the text has ended.
    #[must_use]
    pub fn finish(&self) -> Option<u64> {
        self.invalid_at
            .or((self.carry_len > 0).then_some(self.position))
    }
}

/// How many of the last bytes begin a character that needs more bytes.
fn incomplete_len(bytes: &[u8]) -> usize {
    for back in 1..=bytes.len().min(3) {
        let needed = match bytes[bytes.len() - back] {
            0x80..=0xbf => continue,
            0xf0..=0xff => 4,
            0xe0..=0xef => 3,
            0xc0..=0xdf => 2,
            0x00..=0x7f => 1,
        };
        return if needed > back { back } else { 0 };
    }
    0
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn in_pieces(bytes: &[u8], sizes: &[usize]) -> Option<u64> {
        let mut validator = Validator::default();
        let mut rest = bytes;
        for &size in sizes {
            let (piece, after) = rest.split_at(size.min(rest.len()));
            validator.push(piece);
            rest = after;
        }
        validator.push(rest);
        validator.finish()
    }

    fn std_says(bytes: &[u8]) -> Option<u64> {
        std::str::from_utf8(bytes)
            .err()
            .map(|error| error.valid_up_to() as u64)
    }

    proptest! {
        #[test]
        fn equals_std_on_text(text: String, sizes in prop::collection::vec(0usize..9, 0..20)) {
            prop_assert_eq!(in_pieces(text.as_bytes(), &sizes), None);
        }

        #[test]
        fn equals_std_on_bytes(
            bytes in prop::collection::vec(
                prop::sample::select(vec![b'a', 0x80, 0xbf, 0xc3, 0xc0, 0xe2, 0xe0, 0xed, 0xa0, 0xf0, 0x9f, 0x90, 0xf4, 0xff]),
                0..12),
            sizes in prop::collection::vec(0usize..5, 0..12),
        ) {
            prop_assert_eq!(in_pieces(&bytes, &sizes), std_says(&bytes));
            prop_assert_eq!(is_valid(&bytes), std_says(&bytes).is_none());
        }

        #[test]
        fn equals_std_on_broken_text(text: String, at: prop::sample::Index, byte: u8, sizes in prop::collection::vec(0usize..9, 0..20)) {
            let mut bytes = text.into_bytes();
            if !bytes.is_empty() {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            prop_assert_eq!(in_pieces(&bytes, &sizes), std_says(&bytes));
        }
    }
}
