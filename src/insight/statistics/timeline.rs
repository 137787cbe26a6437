//! How much happened when, in a fixed number of buckets whose width follows from the duration.

/// Buckets at most.
const BUCKETS: usize = 64;
/// The narrowest bucket, in nanoseconds.
const NARROWEST: u64 = 1_000_000;

/// Counts over time.
#[derive(Clone, Debug)]
pub struct Timeline {
    width: u64,
    counts: Vec<u64>,
}

impl Default for Timeline {
    fn default() -> Self {
        Self {
            width: NARROWEST,
            counts: Vec::new(),
        }
    }
}

impl Timeline {
    /// Counts one event `since` nanoseconds after the start; what is before counts as at the start.
    pub fn add(&mut self, since: i64) {
        let since = u64::try_from(since).unwrap_or(0);
        while since / self.width >= BUCKETS as u64 {
            self.widen();
        }
        let at = (since / self.width) as usize;
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
    }

    /// Adds all of another with the same start.
    pub fn merge(&mut self, other: &Timeline) {
        let mut other = other.clone();
        while self.width < other.width {
            self.widen();
        }
        while other.width < self.width {
            other.widen();
        }
        let len = self.counts.len().max(other.counts.len());
        self.counts.resize(len, 0);
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
    }

    fn widen(&mut self) {
        self.width = self.width.saturating_mul(2);
        self.counts = self
            .counts
            .chunks(2)
            .map(|pair| pair.iter().sum())
            .collect();
    }

    /// Width of a bucket in nanoseconds.
    #[must_use]
    pub fn width(&self) -> u64 {
        self.width
    }

    /// The counts, from the start on.
    #[must_use]
    pub fn counts(&self) -> &[u64] {
        &self.counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_widen_and_nothing_is_lost() {
        let mut left = Timeline::default();
        let mut right = Timeline::default();
        for second in 0..1000i64 {
            left.add(second * 1_000_000_000);
        }
        right.add(5);
        right.add(-5);
        right.merge(&left);
        assert!(right.counts().len() <= BUCKETS);
        assert_eq!(right.counts().iter().sum::<u64>(), 1002);
        left.add(i64::MAX);
        assert_eq!(left.counts().iter().sum::<u64>(), 1001);
    }
}
