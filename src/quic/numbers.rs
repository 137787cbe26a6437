//! The numbers of the packets that were opened, as ranges: what is missing between two of them.

use std::ops::RangeInclusive;

/// Ranges kept; of more the lowest are forgotten, and count as seen.
const KEPT: usize = 64;

/// Packet numbers of one sender.
#[derive(Clone, Debug, Default)]
pub(super) struct Numbers {
    /// In order, with a gap between each two.
    ranges: Vec<RangeInclusive<u64>>,
}

impl Numbers {
    /// Bytes kept.
    pub(super) fn memory(&self) -> usize {
        self.ranges.capacity() * size_of::<RangeInclusive<u64>>()
    }

    /// Whether none was opened.
    pub(super) fn is_empty(&self) -> bool {
        self.ranges.is_empty()
    }

    /// A packet was opened.
    pub(super) fn add(&mut self, number: u64) {
        let mut at = self.ranges.len();
        while at > 0 && *self.ranges[at - 1].start() > number {
            at -= 1;
        }
        // All before `at` begin at the number or below it.
        let before = at.checked_sub(1);
        let touches_before = before.is_some_and(|before| {
            let end = *self.ranges[before].end();
            end >= number || end + 1 == number
        });
        let touches_after = self
            .ranges
            .get(at)
            .is_some_and(|after| number.checked_add(1) == Some(*after.start()));
        match (before, touches_before, touches_after) {
            (Some(before), true, true) => {
                let end = *self.ranges.remove(at).end();
                self.ranges[before] = *self.ranges[before].start()..=end;
            }
            (Some(before), true, false) => {
                let (start, end) = self.ranges[before].clone().into_inner();
                self.ranges[before] = start..=end.max(number);
            }
            (_, _, true) => self.ranges[at] = number..=*self.ranges[at].end(),
            _ => self.ranges.insert(at, number..=number),
        }
        if self.ranges.len() > KEPT {
            self.ranges.remove(0);
        }
    }

    /// Whether packets are missing between these two, and all of them are acknowledged: the peer has them and will never get
    /// their content again.
    pub(super) fn are_lost(
        &self,
        after: u64,
        before: u64,
        acknowledged: &[RangeInclusive<u64>],
    ) -> bool {
        let mut any = false;
        for pair in self.ranges.windows(2) {
            let [low, high] = pair else { continue };
            let start = (low.end() + 1).max(after.saturating_add(1));
            let end = (high.start() - 1).min(before.saturating_sub(1));
            if start > end {
                continue;
            }
            any = true;
            let covers =
                |range: &RangeInclusive<u64>| range.contains(&start) && range.contains(&end);
            if !acknowledged.iter().any(covers) {
                return false;
            }
        }
        any
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn numbers_in_any_order_make_the_same_ranges(numbers in prop::collection::vec(0u64..80, 0..60)) {
            let mut kept = Numbers::default();
            numbers.iter().for_each(|number| kept.add(*number));
            let mut sorted = numbers.clone();
            sorted.sort_unstable();
            let mut ordered = Numbers::default();
            sorted.iter().for_each(|number| ordered.add(*number));
            prop_assert_eq!(&kept.ranges, &ordered.ranges);
            for number in 0..80 {
                let is_in = kept.ranges.iter().any(|range| range.contains(&number));
                prop_assert_eq!(is_in, numbers.contains(&number));
            }
            prop_assert!(kept.ranges.windows(2).all(|pair| pair[0].end() + 1 < *pair[1].start()));
        }
    }

    #[test]
    fn what_is_missing_is_lost_when_all_of_it_is_acknowledged() {
        let mut numbers = Numbers::default();
        [1, 2, 5, 7]
            .into_iter()
            .for_each(|number| numbers.add(number));
        assert!(numbers.are_lost(2, 5, &[0..=5]));
        assert!(numbers.are_lost(2, 7, &[6..=9, 3..=4]));
        assert!(!numbers.are_lost(2, 7, &[0..=5]));
        assert!(!numbers.are_lost(2, 5, &[4..=9]));
        // Nothing is missing there.
        assert!(!numbers.are_lost(1, 2, &[0..=9]));
        assert!(!numbers.are_lost(5, 2, &[0..=9]));
    }

    #[test]
    fn little_is_kept_and_what_is_forgotten_is_not_missing() {
        let mut numbers = Numbers::default();
        (0..1000).for_each(|number| numbers.add(number * 2));
        assert_eq!(numbers.ranges.len(), KEPT);
        assert!(!numbers.are_lost(0, 100, &[0..=5000]));
        assert!(numbers.are_lost(1990, 1998, &[0..=5000]));
        let mut edge = Numbers::default();
        edge.add(u64::MAX);
        edge.add(u64::MAX - 1);
        assert_eq!(edge.ranges.len(), 1);
    }
}
