//! Two captures are taken by two clocks. How far apart they are shows in messages that crossed the hop both ways, as in
//! NTP: none arrives before it was sent, so the fastest of each direction bound the difference.
//!
//! Clocks that drift apart blur long captures: the difference is taken to be the same from the first packet to the last.

use crate::base::counted;

use super::words::duration;

/// Nanoseconds from the client's side of the hop to the server's side and back, each told by its own clocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Fastest {
    /// The shortest time seen from client to server.
    up: Option<i64>,
    /// The shortest time seen from server to client.
    down: Option<i64>,
    count: usize,
}

impl Fastest {
    pub(super) fn up(&mut self, time: i64) {
        self.up = Some(self.up.map_or(time, |least| least.min(time)));
        self.count += 1;
    }

    pub(super) fn down(&mut self, time: i64) {
        self.down = Some(self.down.map_or(time, |least| least.min(time)));
        self.count += 1;
    }
}

/// How the clock of the server's side differs from that of the client's side.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Clocks {
    /// Nanoseconds by which the server's side is ahead.
    pub offset: i64,
    /// How that is known.
    pub basis: Basis,
    /// What crossed the hop and could be looked at.
    pub crossings: usize,
}

/// How an offset is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Basis {
    /// Nothing crossed the hop.
    Unknown,
    /// Nothing contradicts that both clocks are one, or as good as one.
    Agree,
    /// From crossings in both directions; nanoseconds by which it may be wrong.
    BothWays(i64),
    /// Crossings in one direction only: the fastest is taken to have cost no time, and delays are told above it.
    OneWay,
    /// Messages seem to arrive before they were sent whatever the offset: the clocks drift, or one was set.
    Contradiction,
}

impl Clocks {
    pub(super) fn of(fastest: Fastest) -> Self {
        let (offset, basis) = match (fastest.up, fastest.down) {
            (None, None) => (0, Basis::Unknown),
            (Some(up), None) => (up, Basis::OneWay),
            (None, Some(down)) => (down.saturating_neg(), Basis::OneWay),
            (Some(up), Some(down)) if up >= 0 && down >= 0 => (0, Basis::Agree),
            (Some(up), Some(down)) => {
                let offset = up.midpoint(down.saturating_neg());
                match up.saturating_add(down) {
                    round_trip @ 0.. => (offset, Basis::BothWays(round_trip / 2)),
                    _ => (offset, Basis::Contradiction),
                }
            }
        };
        Self {
            offset,
            basis,
            crossings: fastest.count,
        }
    }

    /// In one sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let by = duration(self.offset.saturating_abs());
        let ahead = match self.offset {
            0.. => "ahead",
            _ => "behind",
        };
        let crossings = counted(self.crossings as u64, "crossing");
        match self.basis {
            Basis::Unknown => "not compared: nothing was seen on both sides".to_owned(),
            Basis::Agree => {
                format!("the same on both sides, as far as {crossings} of the hop can tell")
            }
            Basis::BothWays(slack) => format!(
                "the server side's is {by} {ahead} (give or take {}; from {crossings} in both directions)",
                duration(slack)
            ),
            Basis::OneWay => format!(
                "{crossings} in one direction only: the fastest is taken to have cost no time, delays are told above it"
            ),
            Basis::Contradiction => format!(
                "they drift apart: the server side's is about {by} {ahead}, and delays are as rough as that drift"
            ),
        }
    }

    /// The name of the basis in JSON.
    #[must_use]
    pub fn basis_name(&self) -> &'static str {
        match self.basis {
            Basis::Unknown => "unknown",
            Basis::Agree => "agree",
            Basis::BothWays(_) => "both-ways",
            Basis::OneWay => "one-way",
            Basis::Contradiction => "contradiction",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn clocks(ups: &[i64], downs: &[i64]) -> Clocks {
        let mut fastest = Fastest::default();
        ups.iter().for_each(|time| fastest.up(*time));
        downs.iter().for_each(|time| fastest.down(*time));
        Clocks::of(fastest)
    }

    #[test]
    fn the_fastest_of_both_directions_bound_the_offset() {
        // Two seconds ahead; the hop costs 1 and 3 at best.
        let ahead = clocks(&[2_009, 2_001, 2_050], &[-1_990, -1_997]);
        assert_eq!((ahead.offset, ahead.basis), (1_999, Basis::BothWays(2)));
        let behind = clocks(&[-1_999], &[2_003, 2_100]);
        assert_eq!((behind.offset, behind.basis), (-2_001, Basis::BothWays(2)));
        assert_eq!(ahead.crossings, 5);
    }

    #[test]
    fn clocks_that_may_be_one_are_taken_to_be_one() {
        let same = clocks(&[5, 9], &[300]);
        assert_eq!((same.offset, same.basis), (0, Basis::Agree));
    }

    #[test]
    fn what_cannot_be_known_is_said() {
        assert_eq!(clocks(&[], &[]).basis, Basis::Unknown);
        assert_eq!(clocks(&[700], &[]).basis, Basis::OneWay);
        assert_eq!(clocks(&[], &[-700]).offset, 700);
        assert_eq!(clocks(&[-5], &[-7]).basis, Basis::Contradiction);
        let widest = clocks(&[i64::MAX], &[i64::MIN]);
        assert_eq!(widest.basis, Basis::Contradiction);
    }
}
