//! Which messages are the same ones on both sides of a hop, though some may be missing, added or merged.
//!
//! Pairs are in order on both sides. Of messages that are alike the first is paired with the first; where one of them
//! is missing on a side, what is unlike around them puts the pairs right again. The cost is that of sorting.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Positions in `one` and `other` of what is the same, increasing in both.
pub(super) fn align<T: Eq + Hash>(one: &[T], other: &[T]) -> Vec<(usize, usize)> {
    let same = one.iter().zip(other);
    let prefix = same.take_while(|(a, b)| a == b).count();
    let (a, b) = (&one[prefix..], &other[prefix..]);
    let same = a.iter().rev().zip(b.iter().rev());
    let suffix = same.take_while(|(a, b)| a == b).count();
    let (a, b) = (&a[..a.len() - suffix], &b[..b.len() - suffix]);

    let mut pairs: Vec<_> = (0..prefix).map(|at| (at, at)).collect();
    let between = between(a, b);
    pairs.extend(between.iter().map(|(i, j)| (i + prefix, j + prefix)));
    let (from, to) = (one.len() - suffix, other.len() - suffix);
    pairs.extend((0..suffix).map(|at| (from + at, to + at)));
    pairs
}

/// The alignment where neither beginning nor end is the same.
fn between<T: Eq + Hash>(a: &[T], b: &[T]) -> Vec<(usize, usize)> {
    let mut places: HashMap<&T, VecDeque<usize>> = HashMap::new();
    for (j, item) in b.iter().enumerate() {
        places.entry(item).or_default().push_back(j);
    }
    let mut candidates = Vec::new();
    for (i, item) in a.iter().enumerate() {
        let place = places.get_mut(item).and_then(VecDeque::pop_front);
        candidates.extend(place.map(|j| (i, j)));
    }
    fill(a, b, &increasing(&candidates))
}

/// The longest subsequence of pairs whose second parts increase, by patience sorting.
fn increasing(pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    // The last pair of the best subsequence of each length, and what came before each pair.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = Vec::with_capacity(pairs.len());
    for (at, (_, j)) in pairs.iter().enumerate() {
        let length = ends.partition_point(|end| pairs[*end].1 < *j);
        before.push(length.checked_sub(1).map(|shorter| ends[shorter]));
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut out = Vec::with_capacity(ends.len());
    let mut at = ends.last().copied();
    while let Some(pair) = at {
        out.push(pairs[pair]);
        at = before[pair];
    }
    out.reverse();
    out
}

/// Adds what is the same right after and right before each pair.
fn fill<T: Eq>(a: &[T], b: &[T], pairs: &[(usize, usize)]) -> Vec<(usize, usize)> {
    let mut out = Vec::with_capacity(pairs.len());
    let (mut i, mut j) = (0, 0);
    for &(to_i, to_j) in pairs.iter().chain([&(a.len(), b.len())]) {
        while i < to_i && j < to_j && a[i] == b[j] {
            out.push((i, j));
            (i, j) = (i + 1, j + 1);
        }
        let back = a[i..to_i].iter().rev().zip(b[j..to_j].iter().rev());
        let back = back.take_while(|(a, b)| a == b).count();
        out.extend((1..=back).rev().map(|step| (to_i - step, to_j - step)));
        if to_i < a.len() {
            out.push((to_i, to_j));
        }
        (i, j) = (to_i + 1, to_j + 1);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The letters that were aligned.
    fn common(one: &str, other: &str) -> String {
        let (a, b): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
        let pairs = align(&a, &b);
        assert!(
            pairs.is_sorted_by(|x, y| x.0 < y.0 && x.1 < y.1),
            "{pairs:?}"
        );
        assert!(pairs.iter().all(|(i, j)| a[*i] == b[*j]), "{pairs:?}");
        pairs.iter().map(|(i, _)| a[*i]).collect()
    }

    #[test]
    fn what_is_missing_or_new_does_not_end_the_pairs() {
        assert_eq!(common("abcdef", "abcdef"), "abcdef");
        assert_eq!(common("abcdef", "acdef"), "acdef", "one dropped");
        assert_eq!(common("abcdef", "abxcdef"), "abcdef", "one added");
        assert_eq!(common("abcdef", "aXdef"), "adef", "two merged");
        assert_eq!(common("abcdef", "bacdef"), "bcdef", "two swapped");
        assert_eq!(common("", "abc"), "");
        assert_eq!(common("abc", "xyz"), "");
        assert_eq!(common("xaby", "uabv"), "ab");
    }

    #[test]
    fn alike_messages_are_paired_in_order() {
        assert_eq!(common("hhXhhY", "hXhhY"), "hXhhY", "the first is missing");
        assert_eq!(common("hhXhhYh", "hXhYh"), "hXhYh");
        assert_eq!(common("hhhh", "hhh"), "hhh");
        assert_eq!(common("xabcdefx", "abcdefx"), "abcdefx");
    }

    /// The length of the longest common subsequence, the slow way.
    fn longest(one: &[u64], other: &[u64]) -> usize {
        let mut row = vec![0; other.len() + 1];
        for a in one {
            let mut diagonal = 0;
            for (j, b) in other.iter().enumerate() {
                let up = row[j + 1];
                row[j + 1] = match a == b {
                    true => diagonal + 1,
                    false => up.max(row[j]),
                };
                diagonal = up;
            }
        }
        row[other.len()]
    }

    #[test]
    fn as_many_are_aligned_as_can_be_when_all_differ() {
        let mut random = crate::testkit::Random::new(3);
        for _ in 0..300 {
            let one: Vec<u64> = (0..random.below(14)).collect();
            let mut other: Vec<u64> = one.iter().copied().filter(|_| random.percent(70)).collect();
            for _ in 0..random.below(4) {
                let at = random.below(other.len() as u64 + 1) as usize;
                other.insert(at, 100 + random.bits());
            }
            if other.len() > 2 {
                let (a, b) = (
                    random.below(other.len() as u64),
                    random.below(other.len() as u64),
                );
                other.swap(a as usize, b as usize);
            }
            let pairs = align(&one, &other);
            assert_eq!(pairs.len(), longest(&one, &other), "{one:?} {other:?}");
        }
    }

    #[test]
    fn long_lists_are_aligned_in_time() {
        let one: Vec<u32> = (0..200_000).map(|n| n % 7).collect();
        let other: Vec<u32> = one.iter().copied().filter(|n| n % 3 != 0).collect();
        let pairs = align(&one, &other);
        assert_eq!(pairs.len(), other.len());
        let reversed: Vec<u32> = (0..200_000).rev().collect();
        let sorted: Vec<u32> = (0..200_000).collect();
        assert_eq!(align(&sorted, &reversed).len(), 1);
    }
}
