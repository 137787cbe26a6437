//! The times of an interface's packets: their unit, and what is added.

use crate::base::{LinkType, Timestamp};

/// What a packet needs to know of its interface.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Clock {
    pub(super) link: LinkType,
    pub(super) snaplen: u32,
    pub(super) resolution: Resolution,
    /// Seconds to add.
    pub(super) offset: i64,
}

/// The unit of an interface's times.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Resolution {
    /// Nanoseconds a unit.
    Nanoseconds(u64),
    /// Units a nanosecond.
    Finer(u64),
    /// Units are 2^-n seconds.
    Binary(u8),
}

impl Default for Resolution {
    fn default() -> Self {
        Self::Nanoseconds(1000)
    }
}

impl Resolution {
    /// From the value of `if_tsresol`: the top bit chooses powers of 2 over powers of 10.
    pub(super) fn parse(value: u8) -> Self {
        match value {
            0..=9 => Self::Nanoseconds(10u64.pow(9 - u32::from(value))),
            10..=0x7f => Self::Finer(10u64.checked_pow(u32::from(value) - 9).unwrap_or(u64::MAX)),
            0x80.. => Self::Binary(value & 0x7f),
        }
    }

    fn nanoseconds(self, units: u64) -> i64 {
        let nanoseconds = match self {
            Self::Nanoseconds(unit) => units.saturating_mul(unit),
            Self::Finer(units_each) => units / units_each,
            Self::Binary(bits) => {
                let whole = (u128::from(units) * 1_000_000_000) >> bits;
                u64::try_from(whole).unwrap_or(u64::MAX)
            }
        };
        i64::try_from(nanoseconds).unwrap_or(i64::MAX)
    }
}

impl Clock {
    pub(super) fn time(&self, units: u64) -> Timestamp {
        let offset = self.offset.saturating_mul(1_000_000_000);
        Timestamp(self.resolution.nanoseconds(units).saturating_add(offset))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_resolution_gives_nanoseconds() {
        let ns = |resolution, units| Resolution::parse(resolution).nanoseconds(units);
        assert_eq!(ns(6, 1_000_001), 1_000_001_000);
        assert_eq!(ns(9, 7), 7);
        assert_eq!(ns(0, 3), 3_000_000_000);
        assert_eq!(ns(12, 5_000), 5);
        assert_eq!(ns(127, u64::MAX), 1);
        assert_eq!(ns(0x80 | 10, 512), 500_000_000);
        assert_eq!(ns(0x80, u64::MAX), i64::MAX);
        assert_eq!(ns(0xff, u64::MAX), 0);
    }
}
