//! What a hop does alike to many connections: some of each kind are kept whole, the others are counted.

use std::collections::HashMap;

/// Kinds that are told apart; what is beyond them is counted together.
const KINDS: usize = 5_000;
/// Numbers kept of those that are only counted.
const NUMBERS: usize = 10;

/// Connections that are only counted, since the hop did to them what it did to another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alike {
    /// The first of the kind, by its numbers on both sides; `None` for kinds beyond those told apart.
    pub like: Option<(u32, u32)>,
    /// How many there are.
    pub count: u64,
    /// Numbers of the first of them on the client's side.
    pub numbers: Vec<u32>,
}

#[derive(Debug)]
struct Kind {
    kept: usize,
    more: Alike,
}

/// Sorts comparisons by kind as they are made.
#[derive(Debug, Default)]
pub(super) struct Kinds {
    by_key: HashMap<String, usize>,
    kinds: Vec<Kind>,
    beyond: u64,
}

impl Kinds {
    /// Whether a comparison of this kind, between connections of these numbers, is to be kept, when so many of each kind are; else
    /// it is counted.
    pub(super) fn keeps(&mut self, key: String, numbers: (u32, u32), alike: usize) -> bool {
        let at = match self.by_key.get(&key) {
            Some(at) => *at,
            None if self.kinds.len() >= KINDS => {
                self.beyond += 1;
                return false;
            }
            None => {
                self.by_key.insert(key, self.kinds.len());
                self.kinds.push(Kind {
                    kept: 0,
                    more: Alike {
                        like: Some(numbers),
                        count: 0,
                        numbers: Vec::new(),
                    },
                });
                self.kinds.len() - 1
            }
        };
        let kind = &mut self.kinds[at];
        if kind.kept < alike {
            kind.kept += 1;
            return true;
        }
        kind.more.count += 1;
        if kind.more.numbers.len() < NUMBERS {
            kind.more.numbers.push(numbers.0);
        }
        false
    }

    /// Those that were counted, the most first.
    pub(super) fn more(self) -> Vec<Alike> {
        let counted = self.kinds.into_iter().map(|kind| kind.more);
        let mut more: Vec<_> = counted.filter(|more| more.count > 0).collect();
        more.sort_by_key(|more| std::cmp::Reverse(more.count));
        if self.beyond > 0 {
            more.push(Alike {
                like: None,
                count: self.beyond,
                numbers: Vec::new(),
            });
        }
        more
    }
}
