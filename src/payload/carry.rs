//! Bytes of a stream that wait for the rest of their unit.

/// The bytes of one direction whose unit is not complete, up to a cap.
#[derive(Clone, Debug, Default)]
pub struct Carry {
    bytes: Vec<u8>,
    /// Bytes the unit has, where it says so: nothing is looked at again before they are there.
    len: usize,
    /// Bytes of a unit longer than the cap that are still to be passed over.
    skip: u64,
    is_lost: bool,
}

impl Carry {
    /// Bytes kept of a unit that is not complete.
    pub const MOST: usize = 1 << 20;

    /// Puts what waits in front of a message's bytes: the bytes together, and how many of them came before. Nothing, where
    /// the unit that waits is known not to end in them.
    pub fn join<'a>(&mut self, bytes: &'a [u8]) -> (std::borrow::Cow<'a, [u8]>, usize) {
        let skipped = usize::try_from(self.skip)
            .unwrap_or(usize::MAX)
            .min(bytes.len());
        self.skip -= skipped as u64;
        let bytes = &bytes[skipped..];
        if self.bytes.is_empty() {
            return (bytes.into(), 0);
        }
        if self.bytes.len() + bytes.len() < self.len {
            self.bytes.extend_from_slice(bytes);
            return ((&[]).into(), 0);
        }
        self.len = 0;
        let mut whole = std::mem::take(&mut self.bytes);
        let before = whole.len();
        whole.extend_from_slice(bytes);
        (whole.into(), before)
    }

    /// Keeps the beginning of a unit of `len` bytes, where the unit says so.
    pub fn keep(&mut self, rest: &[u8], len: Option<u64>) {
        let is_too_long = len.is_some_and(|len| len > Self::MOST as u64);
        if is_too_long || rest.len() > Self::MOST {
            self.skip = len.map_or(0, |len| len.saturating_sub(rest.len() as u64));
            self.is_lost |= len.is_none();
            return;
        }
        self.bytes.extend_from_slice(rest);
        self.len = len.map_or(0, |len| usize::try_from(len).unwrap_or(usize::MAX));
    }

    /// Passes over so many bytes of what comes: nobody looks at them.
    pub fn pass(&mut self, len: u64) {
        self.skip = self.skip.saturating_add(len);
    }

    /// Whether there are bytes to come that are passed over.
    #[must_use]
    pub fn is_passing(&self) -> bool {
        self.skip > 0
    }

    /// Whether a unit began that is not complete.
    #[must_use]
    pub fn is_waiting(&self) -> bool {
        !self.bytes.is_empty() || self.skip > 0
    }

    /// Bytes are missing: where the next unit begins is not known.
    pub fn lose(&mut self) {
        *self = Self {
            is_lost: true,
            ..Self::default()
        };
    }

    /// Whether where the next unit begins is not known. A decoder that found a boundary says so with [`Carry::found`].
    #[must_use]
    pub fn is_lost(&self) -> bool {
        self.is_lost
    }

    /// A boundary was found again.
    pub fn found(&mut self) {
        self.is_lost = false;
    }

    /// Bytes it keeps.
    #[must_use]
    pub fn memory(&self) -> usize {
        self.bytes.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_come_together_and_what_is_too_long_is_passed_over() {
        let mut carry = Carry::default();
        carry.keep(b"ab", Some(4));
        assert!(carry.is_waiting());
        assert!(carry.join(b"c").0.is_empty() && carry.is_waiting());
        assert_eq!(carry.join(b"dX"), (b"abcdX".to_vec().into(), 3));
        assert!(!carry.is_waiting());
        carry.keep(b"begin", Some(u64::MAX));
        assert_eq!(carry.join(&[0; 100]).0.len(), 0);
        assert!(carry.memory() == 0 && carry.is_waiting());
    }

    #[test]
    fn after_a_unit_that_is_too_long_the_next_one_begins() {
        let len = Carry::MOST as u64 + 10;
        let mut carry = Carry::default();
        carry.keep(&[1; 10], Some(len));
        let middle = vec![2; Carry::MOST];
        assert!(carry.join(&middle).0.is_empty());
        assert_eq!(&*carry.join(b"next").0, b"next");
    }
}
