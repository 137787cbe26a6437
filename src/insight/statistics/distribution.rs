//! How values are spread, in bounded memory.
//!
//! The first few thousand are kept as they are; with more, only how many fell into each bucket. A bucket spans a
//! sixteenth of a power of two, so a percentile is then right to 6 percent. Two distributions add up whatever the order.

use std::borrow::Cow;

/// Values kept exactly, in as many bytes as four sets of buckets take.
const EXACT: usize = 4096;
/// Buckets within a power of two.
const PARTS: usize = 16;
const BUCKETS: usize = 64 * PARTS;

/// A distribution of unsigned numbers.
#[derive(Clone, Debug, Default)]
pub struct Distribution {
    /// All values, as long as they are few; then none.
    exact: Vec<u64>,
    /// Values by bucket; empty as long as all are kept.
    buckets: Vec<u64>,
    count: u64,
    sum: u128,
    min: u64,
    max: u64,
}

impl Distribution {
    /// Adds a value.
    pub fn add(&mut self, value: u64) {
        self.min = if self.count == 0 {
            value
        } else {
            self.min.min(value)
        };
        self.max = self.max.max(value);
        self.count += 1;
        self.sum += u128::from(value);
        if self.buckets.is_empty() && self.exact.len() < EXACT {
            return self.exact.push(value);
        }
        self.spill();
        if let Some(bucket) = self.buckets.get_mut(bucket(value)) {
            *bucket += 1;
        }
    }

    /// Keeps buckets from now on.
    fn spill(&mut self) {
        if self.buckets.is_empty() {
            self.buckets = in_buckets(&self.exact);
            self.exact = Vec::new();
        }
    }

    /// Adds all of another.
    pub fn merge(&mut self, other: &Distribution) {
        if other.count == 0 {
            return;
        }
        self.min = if self.count == 0 {
            other.min
        } else {
            self.min.min(other.min)
        };
        self.max = self.max.max(other.max);
        self.count += other.count;
        self.sum += other.sum;
        if self.count as usize <= EXACT {
            return self.exact.extend_from_slice(&other.exact);
        }
        self.spill();
        for (mine, theirs) in self.buckets.iter_mut().zip(&*other.buckets()) {
            *mine += theirs;
        }
    }

    fn buckets(&self) -> Cow<'_, [u64]> {
        match self.buckets.is_empty() {
            true => in_buckets(&self.exact).into(),
            false => (&*self.buckets).into(),
        }
    }

    /// How many values.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.count
    }

    /// Their sum.
    #[must_use]
    pub fn sum(&self) -> u128 {
        self.sum
    }

    /// The least; `None` without values.
    #[must_use]
    pub fn min(&self) -> Option<u64> {
        (self.count > 0).then_some(self.min)
    }

    /// The greatest; `None` without values.
    #[must_use]
    pub fn max(&self) -> Option<u64> {
        (self.count > 0).then_some(self.max)
    }

    /// The least value that `fraction` of all do not exceed; `None` without values.
    #[must_use]
    pub fn percentile(&self, fraction: f64) -> Option<u64> {
        let rank = ((self.count as f64 * fraction).ceil() as u64).clamp(1, self.count.max(1)) - 1;
        if self.buckets.is_empty() {
            let mut sorted = self.exact.clone();
            sorted.sort_unstable();
            return sorted.get(rank as usize).copied();
        }
        let mut before = 0;
        for (at, count) in self.buckets.iter().enumerate() {
            before += count;
            if before > rank {
                return Some(floor(at).clamp(self.min, self.max));
            }
        }
        self.max()
    }

    /// How many values lie in each power of two: from (included), to (excluded), count; none below the least or above
    /// the greatest that occurs.
    #[must_use]
    pub fn powers(&self) -> Vec<(u64, u64, u64)> {
        let buckets = self.buckets();
        let count = |power: usize| -> u64 {
            let range = power * PARTS..(power + 1) * PARTS;
            buckets.get(range).map_or(0, |part| part.iter().sum())
        };
        let Some(first) = (0..64).find(|power| count(*power) > 0) else {
            return Vec::new();
        };
        let last = (0..64).rfind(|power| count(*power) > 0).unwrap_or(first);
        let edge = |power: usize| 1u64.checked_shl(power as u32).unwrap_or(u64::MAX);
        (first..=last)
            .map(|power| {
                let from = if power == 0 { 0 } else { edge(power) };
                (from, edge(power + 1), count(power))
            })
            .collect()
    }
}

fn in_buckets(values: &[u64]) -> Vec<u64> {
    let mut buckets = vec![0; BUCKETS];
    for value in values {
        if let Some(bucket) = buckets.get_mut(bucket(*value)) {
            *bucket += 1;
        }
    }
    buckets
}

/// The bucket of a value: its power of two, and the four bits below its highest.
fn bucket(value: u64) -> usize {
    if value < 2 {
        return value as usize * (PARTS / 2);
    }
    let power = value.ilog2();
    let part = if power >= 4 {
        value >> (power - 4)
    } else {
        value << (4 - power)
    } & 15;
    power as usize * PARTS + part as usize
}

/// The least value of a bucket.
fn floor(bucket: usize) -> u64 {
    let (power, part) = (bucket / PARTS, (bucket % PARTS) as u64);
    if power == 0 {
        return u64::from(part >= 8);
    }
    let base = 1u64 << power;
    base + if power >= 4 {
        part << (power - 4)
    } else {
        part >> (4 - power)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_are_exact_and_many_nearly() {
        let mut few = Distribution::default();
        for value in [5, 1, 9, 3, 7] {
            few.add(value);
        }
        assert_eq!(few.percentile(0.5), Some(5));
        assert_eq!((few.min(), few.max(), few.sum()), (Some(1), Some(9), 25));
        let mut many = Distribution::default();
        for value in 0..100_000 {
            many.add(value);
        }
        let median = many.percentile(0.5).unwrap() as f64;
        assert!((median / 50_000.0 - 1.0).abs() < 0.07, "{median}");
        assert_eq!(Distribution::default().percentile(0.5), None);
    }

    #[test]
    fn every_value_lies_in_its_bucket() {
        for value in [0, 1, 2, 3, 15, 16, 17, 31, 100, 1 << 40, u64::MAX] {
            let at = bucket(value);
            assert!(floor(at) <= value, "{value}");
            assert!(at + 1 >= BUCKETS || floor(at + 1) >= value, "{value}");
        }
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (mut whole, mut left, mut right) =
            <(Distribution, Distribution, Distribution)>::default();
        for value in 0..10_000u64 {
            whole.add(value * value);
            if value % 3 == 0 {
                &mut left
            } else {
                &mut right
            }
            .add(value * value);
        }
        left.merge(&right);
        assert_eq!(left.percentile(0.99), whole.percentile(0.99));
        assert_eq!(left.powers(), whole.powers());
        let in_powers: u64 = whole.powers().iter().map(|(_, _, count)| count).sum();
        assert_eq!(in_powers, 10_000);
    }

    #[test]
    fn few_and_many_add_up_like_all_in_one() {
        for (few, many) in [
            (10, 20_000),
            (EXACT as u64, 1),
            (EXACT as u64 / 2, 100),
            (3000, 3000),
        ] {
            let (mut whole, mut left, mut right) =
                <(Distribution, Distribution, Distribution)>::default();
            for value in 0..few + many {
                whole.add(value);
                let part = if value < few { &mut left } else { &mut right };
                part.add(value);
            }
            let mut turned = right.clone();
            turned.merge(&left);
            left.merge(&right);
            for part in [&left, &turned] {
                assert_eq!(part.percentile(0.9), whole.percentile(0.9), "{few} {many}");
                assert_eq!(part.powers(), whole.powers(), "{few} {many}");
            }
        }
    }
}
