//! TCP sequence numbers: 32 bits that wrap (RFC 9293 section 3.4).

/// How far `seq` lies beyond `base`, negative when before it, taking the shorter way round.
#[must_use]
pub(super) fn distance(seq: u32, base: u32) -> i64 {
    i64::from(seq.wrapping_sub(base).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wraps_both_ways() {
        assert_eq!(distance(5, u32::MAX), 6);
        assert_eq!(distance(u32::MAX, 5), -6);
        assert_eq!(distance(7, 7), 0);
    }
}
