//! A list that only grows, in a few bytes a row: each is written as its difference from the row before.
//!
//! ```text
//!   page: row 0 whole │ row 1 - row 0 │ row 2 - row 1 │ ... 64 rows │      page: row 64 whole │ ...
//! ```
//!
//! A row is found by reading its page from the beginning. Pages never move and are as large as what is in them, so
//! appending to millions of rows takes no longer than to ten.

/// Rows of a page.
pub(super) const PAGE: usize = 64;

/// A row that can be written as its difference from another.
pub trait PackedRow: Copy + Default {
    /// Appends the difference from `before`.
    fn write(&self, before: &Self, out: &mut Vec<u8>);

    /// Reads what [`PackedRow::write`] appended.
    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self;
}

/// Reads what was written; beyond its end everything is zero.
#[derive(Debug)]
pub struct RowReader<'a>(&'a [u8]);

impl RowReader<'_> {
    pub(super) fn byte(&mut self) -> u8 {
        match self.0.split_first() {
            Some((first, rest)) => {
                self.0 = rest;
                *first
            }
            None => 0,
        }
    }

    /// A number of seven bits a byte, the lowest first.
    pub(super) fn number(&mut self) -> u64 {
        let (mut number, mut shift) = (0, 0);
        loop {
            let byte = self.byte();
            number |= u64::from(byte & 0x7f) << shift;
            shift += 7;
            if byte & 0x80 == 0 || shift > 63 {
                return number;
            }
        }
    }

    pub(super) fn signed(&mut self) -> i64 {
        unfold(self.number())
    }

    /// A difference of times: in microseconds where that is exact.
    pub(super) fn time(&mut self) -> i64 {
        let first = self.byte();
        let mut folded = u64::from(first >> 1 & 63);
        if first & 0x80 != 0 {
            folded |= self.number() << 6;
        }
        match first & 1 {
            0 => unfold(folded).wrapping_mul(1000),
            _ => unfold(folded),
        }
    }
}

/// Appends a number for [`RowReader::number`].
pub(super) fn number(mut number: u64, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Appends a number for [`RowReader::signed`]; those near zero are short.
pub(super) fn signed(of: i64, out: &mut Vec<u8>) {
    number(fold(of), out);
}

/// A signed number as one that is small when it is near zero.
pub(super) fn fold(of: i64) -> u64 {
    (of << 1 ^ of >> 63) as u64
}

/// The inverse of [`fold`].
pub(super) fn unfold(of: u64) -> i64 {
    (of >> 1) as i64 ^ -((of & 1) as i64)
}

/// Appends a difference of times for [`RowReader::time`].
pub(super) fn time(nanoseconds: i64, out: &mut Vec<u8>) {
    let (folded, unit) = match nanoseconds % 1000 {
        0 => (fold(nanoseconds / 1000), 0),
        _ => (fold(nanoseconds), 1),
    };
    let (low, rest) = (folded & 63, folded >> 6);
    out.push((low << 1 | unit) as u8 | if rest > 0 { 0x80 } else { 0 });
    if rest > 0 {
        number(rest, out);
    }
}

impl PackedRow for u32 {
    fn write(&self, before: &Self, out: &mut Vec<u8>) {
        number(self.wrapping_sub(*before).into(), out);
    }

    fn read(before: &Self, bytes: &mut RowReader<'_>) -> Self {
        before.wrapping_add(bytes.number() as u32)
    }
}

/// The list.
#[derive(Debug, Default)]
pub struct Packed<T> {
    pages: Vec<Box<[u8]>>,
    /// The page that is being filled.
    open: Vec<u8>,
    last: T,
    len: usize,
}

impl<T: PackedRow> Packed<T> {
    /// Appends one.
    pub fn push(&mut self, row: T) {
        if self.len.is_multiple_of(PAGE) && self.len > 0 {
            self.pages.push(self.open.as_slice().into());
            self.open.clear();
        }
        let first = T::default();
        let before = if self.open.is_empty() {
            &first
        } else {
            &self.last
        };
        row.write(before, &mut self.open);
        self.last = row;
        self.len += 1;
    }

    /// How many.
    #[must_use]
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The one at this place.
    #[must_use]
    pub fn get(&self, at: usize) -> Option<T> {
        if at + 1 == self.len {
            return Some(self.last);
        }
        if at >= self.len {
            return None;
        }
        self.page(at / PAGE).nth(at % PAGE)
    }

    /// The last.
    #[must_use]
    pub fn last(&self) -> Option<T> {
        (self.len > 0).then_some(self.last)
    }

    /// The rows of a page, in order.
    pub(super) fn page(&self, page: usize) -> impl Iterator<Item = T> + use<'_, T> {
        let bytes = self.pages.get(page).map_or(&*self.open, |bytes| bytes);
        let count = self.len.saturating_sub(page * PAGE).min(PAGE);
        let (mut reader, mut before) = (RowReader(bytes), T::default());
        (0..count).map(move |_| {
            before = T::read(&before, &mut reader);
            before
        })
    }

    /// The rows from a place on.
    pub fn from(&self, at: usize) -> impl Iterator<Item = T> + use<'_, T> {
        let pages = at / PAGE..self.len.div_ceil(PAGE);
        pages.flat_map(|page| self.page(page)).skip(at % PAGE)
    }

    /// The first place from which `before` is false; it must be true up to there.
    pub fn partition_point(&self, mut before: impl FnMut(T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len.div_ceil(PAGE));
        // The pages of which even the first row is not before.
        while low < high {
            let middle = low + (high - low) / 2;
            match self.page(middle).next() {
                Some(first) if before(first) => low = middle + 1,
                _ => high = middle,
            }
        }
        let Some(page) = low.checked_sub(1) else {
            return 0;
        };
        page * PAGE + self.page(page).take_while(|row| before(*row)).count()
    }

    /// Gives back what was kept for more rows.
    pub fn shrink(&mut self) {
        self.open.shrink_to_fit();
    }

    /// Bytes it takes.
    #[must_use]
    pub fn memory(&self) -> usize {
        let pages: usize = self.pages.iter().map(|page| page.len()).sum();
        pages + self.pages.capacity() * size_of::<Box<[u8]>>() + self.open.capacity()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_found_across_pages() {
        let mut list = Packed::default();
        assert_eq!(
            (list.get(0), list.last(), list.partition_point(|_| true)),
            (None, None, 0)
        );
        let value = |at: usize| (at * at * 7) as u32;
        for at in 0..PAGE * 3 + 5 {
            list.push(value(at));
            assert_eq!(list.last(), Some(value(at)));
        }
        assert!((0..list.len()).all(|at| list.get(at) == Some(value(at))));
        assert_eq!(list.get(list.len()), None);
        for at in [0, 1, PAGE - 1, PAGE, PAGE + 1, PAGE * 3 + 4] {
            assert_eq!(list.partition_point(|known| known < value(at)), at);
            assert_eq!(list.from(at).next(), Some(value(at)));
            assert_eq!(list.from(at).count(), list.len() - at);
        }
        assert_eq!(list.partition_point(|_| true), list.len());
        assert!(list.memory() < list.len() * 4);
    }

    #[test]
    fn numbers_and_times_come_back() {
        let mut out = Vec::new();
        let times = [
            0,
            1,
            -1,
            999,
            1000,
            -5000,
            86_400_000_000_000,
            i64::MAX,
            i64::MIN,
        ];
        for nanoseconds in times {
            time(nanoseconds, &mut out);
        }
        for of in [0, 1, 127, 128, u64::MAX] {
            number(of, &mut out);
        }
        for of in [0, -1, i64::MIN, i64::MAX] {
            signed(of, &mut out);
        }
        let mut reader = RowReader(&out);
        assert_eq!(times.map(|_| reader.time()), times);
        let numbers = [(); 5].map(|()| reader.number());
        assert_eq!(numbers, [0, 1, 127, 128, u64::MAX]);
        assert_eq!(
            [(); 4].map(|()| reader.signed()),
            [0, -1, i64::MIN, i64::MAX]
        );
        assert_eq!(reader.number(), 0, "beyond the end");
    }
}
