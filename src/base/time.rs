//! Capture time: nanoseconds since the Unix epoch, as the packets carry it.

use std::fmt;

/// A moment of the capture, in nanoseconds since 1970-01-01 00:00 UTC (years 1677 to 2262).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(pub i64);

impl Timestamp {
    /// From whole seconds and nanoseconds; saturates where the sum leaves the range (a broken file's stamp).
    #[must_use]
    pub fn from_parts(seconds: i64, nanoseconds: i64) -> Self {
        Self(
            seconds
                .saturating_mul(1_000_000_000)
                .saturating_add(nanoseconds),
        )
    }

    /// Nanoseconds from `earlier` to `self`; negative when the capture's clock went back.
    #[must_use]
    pub fn since(self, earlier: Timestamp) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// Seconds from `earlier` to `self`.
    #[must_use]
    pub fn seconds_since(self, earlier: Timestamp) -> f64 {
        self.since(earlier) as f64 / 1e9
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Vec::with_capacity(30);
        Rfc3339::default().write(*self, &mut text);
        f.write_str(&String::from_utf8_lossy(&text))
    }
}

/// Writes times as RFC 3339 in UTC with nanoseconds, `2026-11-22T10:35:59.000000000Z`.
///
/// Times of a capture come close together, so the text of the last whole second is kept and only the nanoseconds are
/// written anew.
#[derive(Clone, Debug)]
pub struct Rfc3339 {
    second: i64,
    text: String,
}

impl Default for Rfc3339 {
    fn default() -> Self {
        Self {
            second: i64::MIN,
            text: String::new(),
        }
    }
}

impl Rfc3339 {
    /// Appends `time` to `out`.
    pub fn write(&mut self, time: Timestamp, out: &mut Vec<u8>) {
        let second = time.0.div_euclid(1_000_000_000);
        if second != self.second {
            self.text = jiff::Timestamp::from_second(second)
                .map(|whole| whole.strftime("%Y-%m-%dT%H:%M:%S").to_string())
                .unwrap_or_default();
            self.second = second;
        }
        out.extend_from_slice(self.text.as_bytes());
        let mut digits = *b".000000000Z";
        let mut rest = time.0.rem_euclid(1_000_000_000) as u32;
        for digit in digits[1..10].iter_mut().rev() {
            *digit = b'0' + (rest % 10) as u8;
            rest /= 10;
        }
        out.extend_from_slice(&digits);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rfc3339_has_nine_digits_and_survives_the_ends_of_the_range() {
        assert_eq!(
            Timestamp(1_700_000_000_000_000_001).to_string(),
            "2023-11-14T22:13:20.000000001Z"
        );
        assert_eq!(Timestamp(-1).to_string(), "1969-12-31T23:59:59.999999999Z");
        for edge in [i64::MIN, i64::MAX] {
            assert!(Timestamp(edge).to_string().ends_with('Z'));
        }
    }

    #[test]
    fn broken_parts_saturate() {
        assert_eq!(Timestamp::from_parts(i64::MAX, 1), Timestamp(i64::MAX));
    }
}
