//! A list that only grows and never moves what it holds: appending to millions of records takes no longer than to ten.

const CHUNK: usize = 1 << 14;

/// The list.
#[derive(Clone, Debug)]
pub struct Chunked<T> {
    chunks: Vec<Vec<T>>,
    len: usize,
}

impl<T> Default for Chunked<T> {
    fn default() -> Self {
        Self {
            chunks: Vec::new(),
            len: 0,
        }
    }
}

impl<T: Copy> Chunked<T> {
    /// Appends one.
    pub fn push(&mut self, value: T) {
        match self.chunks.last_mut() {
            Some(last) if last.len() < CHUNK => last.push(value),
            _ => {
                // The first chunk grows: most lists stay short.
                let room = if self.chunks.is_empty() { 4 } else { CHUNK };
                let mut chunk = Vec::with_capacity(room);
                chunk.push(value);
                self.chunks.push(chunk);
            }
        }
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
        self.chunks.get(at / CHUNK)?.get(at % CHUNK).copied()
    }

    /// The last.
    #[must_use]
    pub fn last(&self) -> Option<T> {
        self.get(self.len.checked_sub(1)?)
    }

    /// The first place from which `before` is false; it must be true up to there.
    pub fn partition_point(&self, mut before: impl FnMut(T) -> bool) -> usize {
        let (mut low, mut high) = (0, self.len);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.get(middle) {
                Some(value) if before(value) => low = middle + 1,
                _ => high = middle,
            }
        }
        low
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_pushed_is_found_across_chunks() {
        let mut list = Chunked::default();
        for value in 0..(CHUNK * 2 + 5) {
            list.push(value * 2);
        }
        assert_eq!(list.len(), CHUNK * 2 + 5);
        assert_eq!(list.get(CHUNK + 1), Some((CHUNK + 1) * 2));
        assert_eq!(list.get(CHUNK * 3), None);
        assert_eq!(
            list.partition_point(|value| value < CHUNK * 3),
            CHUNK * 3 / 2
        );
    }
}
